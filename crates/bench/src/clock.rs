//! The edge of this program: the one place where it reads the clock and the environment.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time, and is told where things are")]

use std::path::PathBuf;

use jiff::Timestamp;

/// The present moment.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Where this program itself is: the one that it measures stands beside it.
pub(crate) fn own_path() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("cannot tell where this program is: {error}"))
}
