//! How far something long has come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Told by whoever does something long, and read by whoever waits for it. Cheap to clone: all clones are one. It only
/// counts: what is told here changes nothing, so that a transaction that runs again may tell it again.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    phase: Mutex<String>,
    done: AtomicU64,
    total: AtomicU64,
}

/// How far it was when somebody looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressSnapshot {
    /// What is being done, "Saving the members"; empty before anything is.
    pub phase: String,
    /// Steps that are done, at most `total`.
    pub done: u64,
    /// Steps that there are; 0 where nobody knows.
    pub total: u64,
}

impl Progress {
    /// Begins something of `total` steps; with 0 it is not known how many.
    pub fn phase(&self, what: &str, total: u64) {
        let mut own = self.0.phase.lock().unwrap_or_else(PoisonError::into_inner);
        what.clone_into(&mut own);
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// So many steps are done.
    pub fn at(&self, done: u64) {
        self.0.done.store(done, Ordering::Relaxed);
    }

    /// How far it is.
    #[must_use]
    pub fn snapshot(&self) -> ProgressSnapshot {
        let what = self.0.phase.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let total = self.0.total.load(Ordering::Relaxed);
        ProgressSnapshot { phase: what, done: self.0.done.load(Ordering::Relaxed).min(total), total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_begins_at_nothing_and_never_passes_its_end() {
        let progress = Progress::default();
        progress.phase("Checking", 10);
        progress.at(12);
        assert_eq!(progress.clone().snapshot(), ProgressSnapshot { phase: "Checking".to_owned(), done: 10, total: 10 });
        progress.phase("Saving", 0);
        assert_eq!(progress.snapshot(), ProgressSnapshot { phase: "Saving".to_owned(), done: 0, total: 0 });
    }
}
