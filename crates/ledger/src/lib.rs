//! Double entry: accounts, transfers, holds, statements, and their audit. Nothing else changes a balance.
//!
//! - An **account** has a path that a person can read, a currency, a kind, perhaps a floor, and a status.
//! - A **transfer** debits one account and credits another by a positive amount of one currency. Transfers that belong
//!   together share a **journal entry**, posted whole or not at all.
//! - A **hold** sets money aside without moving it: available = balance − held. It is captured, released, or expires.
//! - Nothing is updated or deleted: a mistake is answered by a **reversal**, which names what it reverses, once.
//!
//! [`Book`] is where balances change: it loads the accounts that a command touches, decides any number of entries in
//! plain Rust, and writes what came of it with one statement a table. [`post`] and its like are a book of one entry.
//!
//! Functions take the transaction and compose: an app's rule and its postings commit together or not at all.

mod account;
mod book;
mod error;
mod history;
mod hold;
mod idempotency;
mod sequence;
mod tree;
mod verify;

use purser_store::Migration;

pub use account::{
    Account, AccountId, AccountKind, AccountPath, AccountStatus, NewAccount, account_by_path, account_close,
    account_freeze, account_get, account_open, account_unfreeze, accounts_open, accounts_under,
};
pub use book::{Book, Entries, EntryId, NewEntry, PostedEntry, Transfer, post, reverse};
pub use error::Error;
pub use history::{
    Entry, StatementLine, TransferId, balance_at, entry_get, newest_entry_at, statement, statement_between,
};
pub use hold::{
    Hold, HoldStatus, NewHold, hold_capture, hold_capture_split, hold_get, hold_place, hold_release, holds_expire,
};
pub use idempotency::{
    IdempotencyRecord, idempotency_find, idempotency_find_many, idempotency_purge, idempotency_store,
    idempotency_store_many,
};
pub use tree::{Branch, branches};
pub use verify::{CurrencyTotals, LedgerSums, VerifyReport, sums, verify};

/// The ledger's tables.
pub const MIGRATIONS: &[Migration] =
    &[Migration { room: "ledger", number: 1, name: "ledger", sql: include_str!("../migrations/0001_ledger.sql") }];
