//! The edge: the only place where the program looks at the clock, the dice and the environment.
//!
//! Everything else is given the time, fresh ids and settings, so that it can be tested, retried and repeated.

#![expect(clippy::disallowed_methods, reason = "this is the one place for them")]

use std::sync::Arc;

use jiff::Timestamp;
use purser_store::Clock;

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Fills `bytes` from the operating system's source of randomness.
pub(crate) fn random(bytes: &mut [u8]) {
    // Without randomness there are no secrets, and nothing may go on: this fails only on a machine that has none.
    if let Err(error) = getrandom::fill(bytes) {
        eprintln!("purser: the operating system gives no random bytes: {error}");
        std::process::abort();
    }
}

pub(crate) fn random_8(bytes: &mut [u8; 8]) {
    random(bytes);
}

pub(crate) fn random_32() -> [u8; 32] {
    let mut bytes = [0; 32];
    random(&mut bytes);
    bytes
}

pub(crate) fn random_16() -> [u8; 16] {
    let mut bytes = [0; 16];
    random(&mut bytes);
    bytes
}

/// The environment, name by name. What is not UTF-8 is left out.
pub(crate) fn environment() -> Vec<(String, String)> {
    let pairs = std::env::vars_os();
    pairs.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// Raises the soft limit of open files to the hard one, and says what holds now; `None` where there is no limit, or none
/// to be learned.
pub(crate) fn open_files() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
        getrlimit(Resource::Nofile).current
    }
    #[cfg(not(unix))]
    None
}

/// Where temporary files go.
pub(crate) fn temporary_folder() -> std::path::PathBuf {
    std::env::temp_dir()
}
