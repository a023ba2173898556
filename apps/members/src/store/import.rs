//! Uploaded files.

use jiff::Timestamp;
use purser_store::{Error, ReadTx, WriteTx, params};
use uuid::Uuid;

/// How an uploaded file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportState {
    /// Every row was good when it was checked.
    Ready,
    /// Some row was not.
    Invalid,
    /// Its rows are members.
    Committed,
}

impl ImportState {
    /// Its name in the API and the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ImportState::Ready => "ready",
            ImportState::Invalid => "invalid",
            ImportState::Committed => "committed",
        }
    }

    fn from_name(name: &str) -> Result<Self, Error> {
        let all = [ImportState::Ready, ImportState::Invalid, ImportState::Committed];
        let state = all.into_iter().find(|state| state.name() == name);
        state.ok_or_else(|| Error::Engine(format!("members_import.state is {name}")))
    }
}

/// An uploaded file.
#[derive(Debug, Clone)]
pub(crate) struct StoredImport {
    pub(crate) file: Vec<u8>,
    pub(crate) good: u32,
    pub(crate) state: ImportState,
}

/// A file to be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewImport<'a> {
    pub(crate) id: Uuid,
    pub(crate) file: &'a [u8],
    pub(crate) good: u32,
    pub(crate) bad: u32,
    pub(crate) actor: &'a str,
}

pub(crate) fn import_insert(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewImport<'_>) -> Result<(), Error> {
    let state = if new.bad == 0 { ImportState::Ready } else { ImportState::Invalid };
    tx.execute(
        "INSERT INTO members_import (id, file, good, bad, state, actor, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &params![new.id, new.file, new.good, new.bad, state.name(), new.actor, now],
    )?;
    Ok(())
}

pub(crate) fn import_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<StoredImport>, Error> {
    tx.query_opt("SELECT file, good, state FROM members_import WHERE id = ?1", &params![id], |row| {
        let state: String = row.get(2)?;
        Ok(StoredImport { file: row.get(0)?, good: row.get(1)?, state: ImportState::from_name(&state)? })
    })
}

/// The good rows of a file, without reading the file.
pub(crate) fn import_good(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<u32>, Error> {
    tx.query_opt("SELECT good FROM members_import WHERE id = ?1", &params![id], |row| row.get(0))
}

/// Writes down that a file's rows are members now.
pub(crate) fn import_committed(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid) -> Result<(), Error> {
    let sql = "UPDATE members_import SET state = 'committed', committed_at = ?2 WHERE id = ?1";
    tx.execute(sql, &params![id, now]).map(drop)
}

/// How many files came before `before`.
///
/// # Errors
/// The store's.
pub fn uploads_old(tx: &mut ReadTx<'_>, before: Timestamp) -> Result<u64, Error> {
    tx.query_one("SELECT COUNT(*) FROM members_import WHERE created_at < ?1", &params![before], |row| {
        row.get::<i64>(0).map(i64::unsigned_abs)
    })
}

/// Forgets files that came before `before`, whether they were saved or not: at most `limit` of them. Says how many.
///
/// # Errors
/// The store's.
pub fn uploads_purge(tx: &mut WriteTx<'_>, before: Timestamp, limit: u32) -> Result<u64, Error> {
    let sql = "DELETE FROM members_import
               WHERE id IN (SELECT id FROM members_import WHERE created_at < ?1 LIMIT ?2)";
    tx.execute(sql, &params![before, limit])
}
