//! Backups: the live database, the uploaded files and the instance key in one archive, and back.
//!
//! docs/backups.md describes the form. An archive is a tar file; with a passphrase it is sealed whole.

mod archive;
mod list;
mod manifest;
mod progress;
mod restore;
mod retention;
mod seal;
mod take;
mod tar;

use std::io;
use std::path::{Path, PathBuf};

pub(crate) use list::{BackupInfo, backups_list, newest, partials_remove};
pub(crate) use progress::BackupProgress;
pub(crate) use restore::{RestorePlan, RestoreReport, aside, restore, unfinished};
pub(crate) use retention::{RetentionPolicy, retire};
pub(crate) use seal::Randomness;
pub(crate) use take::{BackupRequest, BackupResult, take};

/// Why a backup could not be taken or restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Store(#[from] purser_store::Error),
    #[error("{0}")]
    Ledger(#[from] purser_ledger::Error),
    #[error("the backup cannot be written: {0}")]
    Write(io::Error),
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("the backup is damaged, and nothing was changed: {0}")]
    Damaged(String),
    #[error("the passphrase does not open this backup, or its beginning is damaged; nothing was changed")]
    Passphrase,
    #[error("{0}")]
    Refused(String),
}

impl Error {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |error| Error::File(path, error)
    }
}

/// What seals an archive, and opens it again.
pub(crate) struct Passphrase(Vec<u8>);

impl Passphrase {
    /// At least 8 characters; white space around them does not count.
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.chars().count() < 8 {
            return Err(Error::Refused("the passphrase must have at least 8 characters".to_owned()));
        }
        Ok(Passphrase(text.as_bytes().to_vec()))
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
