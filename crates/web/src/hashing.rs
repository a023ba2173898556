//! The gate before the hashing of passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use purser_kit::{Problem, code};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long somebody waits for their turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// When to come back after that, in seconds.
const RETRY_AFTER: u32 = 10;

/// Lets one password be hashed at a time, so that sales keep the other core, and counts them: what an answer costs must
/// not depend on who exists, and a count can be held against that where a clock cannot.
pub(crate) struct PasswordHasher {
    places: Arc<Semaphore>,
    hashed: Arc<AtomicU64>,
}

impl Default for PasswordHasher {
    fn default() -> Self {
        PasswordHasher { places: Arc::new(Semaphore::new(1)), hashed: Arc::default() }
    }
}

impl PasswordHasher {
    /// How often a password was hashed.
    pub(crate) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.hashed)
    }

    /// Hashes one, on a thread of its own.
    pub(crate) async fn run<T: Send + 'static>(&self, hash: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let waiting = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned());
        let Ok(place) = waiting.await else {
            let detail = "Too many people sign in at this moment; nothing was done. Try again.";
            return Err(Problem::new(&code::BUSY, detail).retry_after(RETRY_AFTER));
        };
        let place = place.map_err(Problem::internal)?;
        self.hashed.fetch_add(1, Ordering::Relaxed);
        // The place belongs to the hash: whoever hangs up meanwhile lets nobody else in before it is done.
        let hashed = tokio::task::spawn_blocking(move || {
            let hashed = hash();
            drop(place);
            hashed
        });
        hashed.await.map_err(Problem::internal)
    }
}
