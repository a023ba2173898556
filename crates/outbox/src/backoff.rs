//! How long to wait before another try.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Doubling waits with an upper bound. Each is shortened by up to half, differently for each job, so
/// that jobs which failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure, before jitter. Whole milliseconds.
    pub first: SignedDuration,
    /// No wait is longer.
    pub most: SignedDuration,
}

impl Backoff {
    /// From ten seconds to an hour: with [`Job::MAX_ATTEMPTS`](crate::Job::MAX_ATTEMPTS) at its
    /// default, a job is given up after two to three and a half hours.
    pub const DEFAULT: Backoff = Backoff { first: SignedDuration::from_secs(10), most: SignedDuration::from_hours(1) };

    /// The wait after the failure of `attempt` (from 1) of `job`: the same whenever it is asked for,
    /// so a transaction may be run again.
    #[must_use]
    pub fn delay(&self, job: Uuid, attempt: u32) -> SignedDuration {
        let doublings = attempt.saturating_sub(1).min(62);
        let full = milliseconds(self.first).saturating_mul(1_i64 << doublings).min(milliseconds(self.most));
        let half = full / 2;
        let jitter = (scramble(job, attempt) >> 1).cast_signed() % (half + 1);
        SignedDuration::from_millis(full - jitter)
    }
}

fn milliseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).max(0)
}

/// Spreads ids and attempts that differ by little over all numbers (the last steps of splitmix64).
fn scramble(job: Uuid, attempt: u32) -> u64 {
    let (high, low) = job.as_u64_pair();
    let mut mixed = high ^ low.rotate_left(32) ^ u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// `now` and `wait` more; the end of time where there is nothing later.
pub(crate) fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn waits_double_up_to_the_bound_and_lose_at_most_half() {
        for attempt in 1..=100 {
            let full = SignedDuration::from_secs(10) * 2_i32.pow(attempt.min(20) - 1);
            let full = full.min(SignedDuration::from_hours(1));
            for number in 0..100 {
                let delay = Backoff::DEFAULT.delay(job(number), attempt);
                assert!(delay <= full && delay >= full / 2, "attempt {attempt}: {delay:?}");
            }
        }
    }

    #[test]
    fn jobs_that_failed_together_come_back_apart() {
        let mut delays: Vec<_> = (0..100).map(|number| Backoff::DEFAULT.delay(job(number), 4)).collect();
        delays.sort();
        delays.dedup();
        assert!(delays.len() > 95, "only {} different waits for 100 jobs", delays.len());
    }

    #[test]
    fn a_wait_of_nothing_is_allowed() {
        let none = Backoff { first: SignedDuration::ZERO, most: SignedDuration::ZERO };
        assert_eq!(none.delay(job(1), 1), SignedDuration::ZERO);
    }

    #[test]
    fn nothing_is_later_than_the_end_of_time() {
        assert_eq!(later(Timestamp::MAX, SignedDuration::from_secs(1)), Timestamp::MAX);
    }
}
