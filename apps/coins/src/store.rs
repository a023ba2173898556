//! The app's only SQL.

pub(crate) mod contradiction;
pub(crate) mod handle;
pub(crate) mod payout;
pub(crate) mod result;
pub(crate) mod transaction;
pub(crate) mod unmatched;
pub(crate) mod user;
pub(crate) mod utr;
pub(crate) mod withdrawal;

use purser_store::Error;

/// A word of a column that no value of ours has.
fn unread(column: &str, word: &str) -> Error {
    Error::Engine(format!("{column} is '{word}'"))
}
