//! What went wrong with a job, attempt by attempt.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Failures kept of one job; older ones are forgotten first.
const KEPT: usize = 100;

/// Characters kept of one error.
const LONGEST: usize = 1_000;

/// One attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// Which attempt it was, from 1, counted anew after a dead letter is requeued.
    pub attempt: u32,
    /// When.
    #[serde(with = "microseconds")]
    pub at: Timestamp,
    /// What the handler said, cut after 1,000 characters.
    pub error: String,
}

/// Times as everywhere in the database.
mod microseconds {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_microsecond())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Timestamp::from_microsecond(i64::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The column's text, as a list.
pub(crate) fn parse(column: &str) -> Result<Vec<FailedAttempt>, Error> {
    serde_json::from_str(column).map_err(|error| Error::Failures(error.to_string()))
}

/// The column's text with one more failure in it.
pub(crate) fn added(column: &str, attempt: u32, at: Timestamp, error: &str) -> Result<String, Error> {
    let mut failures = parse(column)?;
    failures.push(FailedAttempt { attempt, at, error: error.chars().take(LONGEST).collect() });
    let forgotten = failures.len().saturating_sub(KEPT);
    serde_json::to_string(&failures[forgotten..]).map_err(|error| Error::Failures(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_kept_in_order_and_read_back() -> Result<(), Error> {
        let column = added("[]", 1, Timestamp::UNIX_EPOCH, "line busy")?;
        let column = added(&column, 2, Timestamp::UNIX_EPOCH, "\u{0} \"quoted\"")?;
        let errors: Vec<_> = parse(&column)?.into_iter().map(|failure| failure.error).collect();
        assert_eq!(errors, ["line busy", "\u{0} \"quoted\""]);
        Ok(())
    }

    #[test]
    fn the_oldest_are_forgotten_and_the_longest_cut() -> Result<(), Error> {
        let mut column = "[]".to_owned();
        for attempt in 1..=120 {
            column = added(&column, attempt, Timestamp::UNIX_EPOCH, &"é".repeat(5_000))?;
        }
        let failures = parse(&column)?;
        assert_eq!((failures.len(), failures[0].attempt), (KEPT, 21));
        assert!(failures.iter().all(|failure| failure.error.chars().count() == LONGEST));
        Ok(())
    }

    #[test]
    fn what_we_did_not_write_is_refused() {
        assert!(matches!(parse("{}"), Err(Error::Failures(_))));
    }
}
