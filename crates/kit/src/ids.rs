//! Fresh ids, made at the edge and handed in.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use uuid::Uuid;

/// Makes UUIDs of version 7 that only grow within this process, so that newest first is largest first.
///
/// The first 60 bits are the time in 1/4096 ms, or one step past the last id's where that is later; the other 62 are
/// random.
pub struct Ids {
    last: AtomicU64,
    random: fn(&mut [u8; 8]),
}

impl Ids {
    /// `random` fills its bytes from the operating system's source.
    #[must_use]
    pub fn new(random: fn(&mut [u8; 8])) -> Self {
        Ids { last: AtomicU64::new(0), random }
    }

    /// A fresh id for something that happens at `now`.
    pub fn next(&self, now: Timestamp) -> Uuid {
        let tick = tick(now);
        let step = |last: u64| Some(tick.max(last + 1));
        // The closure always answers, so this never fails.
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or(tick);
        let time = tick.max(last + 1);
        let mut random = [0; 8];
        (self.random)(&mut random);
        id(time, u64::from_be_bytes(random) >> 2)
    }

    /// The smallest id of anything that happens at `at` or later: ids stand in the order of time, so lists of what came
    /// since need no other index.
    #[must_use]
    pub fn floor(at: Timestamp) -> Uuid {
        id(tick(at), 0)
    }
}

/// The time in 1/4096 ms.
fn tick(at: Timestamp) -> u64 {
    let micros = u64::try_from(at.as_microsecond()).unwrap_or(0);
    micros / 1_000 * 4_096 + micros % 1_000 * 4_096 / 1_000
}

fn id(tick: u64, random: u64) -> Uuid {
    Uuid::from_u64_pair((tick >> 12 << 16) | 0x7000 | (tick & 0xFFF), random | (0b10 << 62))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_stands_or_steps_back() {
        let ids = Ids::new(|bytes| *bytes = [7; 8]);
        let now = Timestamp::from_microsecond(1_790_000_000_123_456).unwrap();
        let earlier = Timestamp::from_microsecond(1_789_999_999_000_000).unwrap();
        let made: Vec<Uuid> = [now, now, earlier, now].into_iter().map(|at| ids.next(at)).collect();
        assert!(made.is_sorted() && made.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(made[0].get_version_num(), 7);
        assert_eq!(made[0].get_variant(), uuid::Variant::RFC4122);
        let (seconds, nanos) = made[0].get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos / 1_000_000), (1_790_000_000, 123));
        assert!(Ids::floor(now) <= made[0] && Ids::floor(earlier) < Ids::floor(now));
    }
}
