//! Latencies in buckets, so that recording one costs an addition and keeps nothing.

use std::time::Duration;

/// Buckets in each doubling: a value is kept to one part in this many.
const STEPS: u64 = 64;

/// Doublings above the exact range: the last bucket takes everything from about 19 hours on.
const DOUBLINGS: u64 = 30;

const BUCKETS: usize = (STEPS * (DOUBLINGS + 1)) as usize;

/// Counts of microseconds: exact below 64 µs, then 64 buckets in each doubling, so that what is read back is less than
/// 1.6 % too high.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    largest: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Histogram { counts: vec![0; BUCKETS].into_boxed_slice(), total: 0, largest: 0 }
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket(micros)] += 1;
        self.total += 1;
        self.largest = self.largest.max(micros);
    }

    /// How many were recorded.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The longest, in microseconds.
    pub(crate) fn largest(&self) -> u64 {
        self.largest
    }

    /// What `percent` of the latencies do not exceed, in microseconds. Zero where nothing was recorded.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let wanted = (self.total * percent).div_ceil(100);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return upper_end(index as u64).min(self.largest);
            }
        }
        self.largest
    }
}

fn bucket(micros: u64) -> usize {
    let doubling = u64::from((micros / STEPS).checked_ilog2().map_or(0, |log| log + 1));
    let index = if doubling == 0 { micros } else { doubling * STEPS + (micros >> (doubling - 1)) - STEPS };
    usize::try_from(index).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The largest value that falls into a bucket.
fn upper_end(index: u64) -> u64 {
    let (doubling, step) = (index / STEPS, index % STEPS);
    if doubling == 0 { step } else { ((STEPS + step + 1) << (doubling - 1)) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lands_in_a_bucket_that_ends_at_most_two_percent_above_it() {
        for micros in (0..100_000).chain([1 << 20, (1 << 30) + 12_345, (1 << 35) - 1]) {
            let end = upper_end(bucket(micros) as u64);
            assert!(end >= micros && (end - micros) * 60 <= micros, "{micros} reads back as {end}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let mut histogram = Histogram::new();
        for micros in 1..=10_000 {
            histogram.record(Duration::from_micros(micros));
        }
        let near = |found: u64, expected: u64| assert!(found >= expected && found - expected <= expected / 60);
        near(histogram.percentile(50), 5_000);
        near(histogram.percentile(99), 9_900);
        assert_eq!(histogram.percentile(100), 10_000);
        assert_eq!((histogram.total(), histogram.largest()), (10_000, 10_000));
    }

    #[test]
    fn an_empty_histogram_reads_zero() {
        assert_eq!(Histogram::new().percentile(99), 0);
    }
}
