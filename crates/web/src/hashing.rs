//! The gate before the hashing of passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use purser_kit::Problem;
use tokio::sync::Semaphore;

/// Lets one password be hashed at a time, so that sales keep the other core, and counts them: what an answer costs must
/// not depend on who exists, and a count can be held against that where a clock cannot.
pub(crate) struct Hashing {
    places: Semaphore,
    hashed: Arc<AtomicU64>,
}

impl Default for Hashing {
    fn default() -> Self {
        Hashing { places: Semaphore::new(1), hashed: Arc::default() }
    }
}

impl Hashing {
    /// How often a password was hashed.
    pub(crate) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.hashed)
    }

    /// Hashes one, on a thread of its own.
    pub(crate) async fn run<T: Send + 'static>(&self, hash: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let _place = self.places.acquire().await.map_err(Problem::internal)?;
        self.hashed.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(hash).await.map_err(Problem::internal)
    }
}
