//! Ids that come in order and are the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::{Builder, Uuid};

/// Hands out UUIDs of version 7, each greater than the one before. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct TestIds {
    handed_out: Arc<AtomicU64>,
}

impl TestIds {
    /// 2026-01-05, so that an id made here sorts before any that a started program makes.
    const MILLISECONDS: u64 = 1_767_583_800_000;

    /// The next id.
    #[must_use]
    pub fn next(&self) -> Uuid {
        let count = self.handed_out.fetch_add(1, Ordering::SeqCst);
        let mut tail = [0; 10];
        // The version and variant bits sit in the first three bytes; a count below 2^56 stays clear of them.
        tail[2..].copy_from_slice(&count.to_be_bytes());
        Builder::from_unix_timestamp_millis(Self::MILLISECONDS, &tail).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_repeat_in_the_next_run() {
        let ids = TestIds::default();
        let handed_out: Vec<Uuid> = (0..1_000).map(|_| ids.next()).collect();
        assert!(handed_out.is_sorted_by(|a, b| a < b));
        assert!(handed_out.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(TestIds::default().next(), handed_out[0]);
    }
}
