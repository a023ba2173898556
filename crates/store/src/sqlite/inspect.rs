//! What is looked at before SQLite opens a database, because SQLite would take it for granted, and change it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::files::{self, ExclusiveLock, UnfinishedFile, beside, journal_of, log_of};
use super::log::WalFile;
use super::translate;
use crate::{Error, LogDamage};

/// Refuses a log whose database file is gone, and one that is damaged where acknowledged work stands. Changes nothing.
///
/// # Errors
/// [`Error::LogAlone`], [`Error::LogDamaged`].
pub(crate) fn inspect(path: &Path) -> Result<(), Error> {
    let path = &files::resolved(path);
    refuse_log_alone(path)?;
    match log_damage(path)? {
        None => Ok(()),
        Some(damage) => Err(Error::LogDamaged { database: path.display().to_string(), damage }),
    }
}

/// SQLite deletes a log that has no database file, and begins an empty database.
fn refuse_log_alone(path: &Path) -> Result<(), Error> {
    let length = files::size(path)?;
    if length.unwrap_or(0) > 0 {
        return Ok(());
    }
    let log = if files::size(&log_of(path))?.is_some() {
        log_of(path)
    } else if journal_has_pages(&journal_of(path)) {
        journal_of(path)
    } else {
        return Ok(());
    };
    let how = if length.is_none() { "missing" } else { "empty" };
    Err(Error::LogAlone { database: path.display().to_string(), how, log: log.display().to_string() })
}

/// Whether a rollback journal is of a database that had pages. A kill in the very first start leaves one that is not.
fn journal_has_pages(path: &Path) -> bool {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[..8] == MAGIC && header[16..20] != [0; 4]
}

/// What of the log is damaged. `None` where it is whole, or somebody works with the database: then the log is theirs.
pub(crate) fn log_damage(path: &Path) -> Result<Option<LogDamage>, Error> {
    let path = &files::resolved(path);
    if files::size(&log_of(path))?.unwrap_or(0) == 0 {
        return Ok(None);
    }
    let Ok(_alone) = ExclusiveLock::take(path) else { return Ok(None) };
    let Some(log) = WalFile::read(path)? else { return Ok(None) };
    if log.is_doubtful() {
        let file = log_of(path);
        tracing::warn!(log = %file.display(), "the log ends in a commit that is not whole: it is not taken, as after a loss of power");
    }
    log.damage(path)
}

/// What came of a repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRepair {
    /// What had been damaged.
    pub damage: LogDamage,
    /// Where the damaged files are kept.
    pub copy: Vec<String>,
}

/// Puts a database in place that holds what the damaged log still tells, and keeps the damaged files aside. `None`
/// where the log is not damaged.
///
/// # Errors
/// [`Error::LogAlone`]; [`Error::Unavailable`] where somebody works with the database; [`Error::Engine`] where what can
/// be kept is no sound database: then nothing was changed.
pub(crate) fn repair(path: &Path, aside: &str) -> Result<Option<LogRepair>, Error> {
    let path = &files::resolved(path);
    refuse_log_alone(path)?;
    if files::size(&log_of(path))?.is_none() {
        return Ok(None);
    }
    let alone = ExclusiveLock::take(path)?;
    let Some(log) = WalFile::read(path)? else { return Ok(None) };
    let Some(damage) = log.damage(path)? else { return Ok(None) };
    let file = UnfinishedFile::create(beside(path, "repairing"))?;
    // Locks go with any handle on the file, and reading it takes another.
    drop(alone);
    log.apply(path, file.path())?;
    sound(file.path())?;
    files::synced(file.path())?;
    let kept = files::replace(path, file.path(), aside)?;
    Ok(Some(LogRepair { damage, copy: kept }))
}

/// Asks the engine whether the file is a database in order.
fn sound(path: &Path) -> Result<(), Error> {
    let failed = |error: rusqlite::Error| translate(&error);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // Without a log, so that the file is all there is to it.
    connection.execute_batch("PRAGMA journal_mode = DELETE").map_err(failed)?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if found != "ok" {
        return Err(Error::Engine(format!("what is left of the database is not sound, restore a backup: {found}")));
    }
    connection.execute_batch("PRAGMA journal_mode = WAL").map_err(failed)?;
    connection.close().map_err(|(_, error)| translate(&error))
}
