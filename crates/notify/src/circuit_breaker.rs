//! Receivers that do not answer, and so are left alone for a moment: with thousands of events for one of them, waiting
//! anew for each would leave no time for all others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long one is left alone.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(30);

/// Receivers remembered, at most; those that do not fit are called.
const MOST: usize = 1_000;

/// Who did not answer lately, by host and port, and what was wrong. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct CircuitBreaker(Arc<Mutex<HashMap<String, (Timestamp, String)>>>);

impl CircuitBreaker {
    /// What was wrong with a receiver that is to be left alone at `now`.
    pub(crate) fn trouble(&self, receiver: &str, now: Timestamp) -> Option<String> {
        let breaker = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        breaker.get(receiver).filter(|(until, _)| now < *until).map(|(_, trouble)| trouble.clone())
    }

    /// Says that a receiver did not answer.
    pub(crate) fn left(&self, receiver: &str, now: Timestamp, trouble: &str) {
        let mut breaker = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if breaker.len() >= MOST {
            breaker.retain(|_, (until, _)| now < *until);
        }
        if breaker.len() < MOST {
            let until = now.checked_add(LEFT_ALONE).unwrap_or(now);
            breaker.insert(receiver.to_owned(), (until, trouble.to_owned()));
        }
    }

    /// Says that a receiver did answer.
    pub(crate) fn came_back(&self, receiver: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(receiver);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_does_not_answer_is_left_alone_for_half_a_minute_and_no_other_is() {
        let (breaker, now) = (CircuitBreaker::default(), Timestamp::UNIX_EPOCH);
        breaker.left("a:443", now, "timed out");
        assert_eq!(breaker.trouble("a:443", now + SignedDuration::from_secs(29)), Some("timed out".to_owned()));
        assert_eq!(breaker.trouble("a:443", now + LEFT_ALONE), None);
        assert_eq!(breaker.trouble("b:443", now), None);
        breaker.came_back("a:443");
        assert_eq!(breaker.trouble("a:443", now), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (breaker, now) = (CircuitBreaker::default(), Timestamp::UNIX_EPOCH);
        for number in 0..=MOST {
            breaker.left(&format!("{number}:443"), now, "refused");
        }
        assert_eq!(breaker.trouble(&format!("{MOST}:443"), now), None);
        breaker.left("later:443", now + LEFT_ALONE, "refused");
        assert!(breaker.trouble("later:443", now + LEFT_ALONE).is_some(), "those of before are forgotten");
    }
}
