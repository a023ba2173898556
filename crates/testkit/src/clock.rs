//! A clock that moves when a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use purser_store::Clock;

/// A clock that stands still until it is moved. Clones show the same time.
#[derive(Debug, Clone)]
pub struct TestClock {
    microseconds: Arc<AtomicI64>,
}

impl TestClock {
    /// Where a clock starts unless it is told: a Monday morning, 2026-01-05 09:00 in Kolkata.
    pub const START: Timestamp = Timestamp::constant(1_767_583_800, 0);

    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        TestClock { microseconds: Arc::new(AtomicI64::new(now.as_microsecond())) }
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let microseconds = self.microseconds.load(Ordering::SeqCst);
        Timestamp::from_microsecond(microseconds).expect("a clock is only set to real times")
    }

    /// Moves it to `now`, back as well as forth.
    pub fn set(&self, now: Timestamp) {
        self.microseconds.store(now.as_microsecond(), Ordering::SeqCst);
    }

    /// Moves it by `step`, and says what it shows then.
    pub fn advance(&self, step: SignedDuration) -> Timestamp {
        let now = self.now() + step;
        self.set(now);
        now
    }
}

impl Default for TestClock {
    fn default() -> Self {
        TestClock::at(TestClock::START)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        TestClock::now(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_moves_for_all_its_clones() {
        let clock = TestClock::default();
        assert_eq!(clock.now().to_string(), "2026-01-05T03:30:00Z");
        let clone = clock.clone();
        clock.advance(SignedDuration::from_mins(90));
        assert_eq!(clone.now().to_string(), "2026-01-05T05:00:00Z");
    }
}
