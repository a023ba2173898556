//! Uploaded files: checked by content, encoded anew, kept under random names.
//!
//! ```text
//! bytes ──check──▶ Checked ──FileStore::save──▶ on the disk ──file_create──▶ a row, in the transaction of its cause
//! ```
//!
//! What a file is called and what its sender says it is play no part: its content decides. A picture is decoded and
//! encoded again, so that nothing travels along with its pixels (where it was taken, a thumbnail of what was cut away,
//! a page of HTML behind its end). Checking and saving are slow work on threads for it, and never in a transaction.
//!
//! A file is on the disk before the row that names it. A row that never comes leaves a file that nobody can ask for.

mod check;
mod error;
mod jpeg;
mod kind;
mod orphan;
mod record;
mod store;

use purser_store::Migration;

pub use check::{CheckedFile, UploadPolicy, check};
pub use error::{Error, UploadRefusal};
pub use kind::FileKind;
pub use orphan::OrphanFile;
pub use record::{NewFile, StoredFile, file_create, file_get, file_remove, files_known, files_of};
pub use store::FileStore;

/// The tables of this room.
pub const MIGRATIONS: &[Migration] =
    &[Migration { room: "files", number: 1, name: "files", sql: include_str!("../migrations/0001_files.sql") }];
