//! The embedded engine.

mod checkpoint;
pub(crate) mod files;
pub(crate) mod inspect;
pub(crate) mod log;
mod reader;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, ffi};

use crate::tx::RowVisitor;
use crate::{Error, Param, Row};

pub(crate) use checkpoint::checkpointer_run;
pub(crate) use reader::reader_run;
pub(crate) use writer::{RestartPoint, writer_run};

/// Distinct statements that a connection keeps prepared. Every statement of every room fits.
const STATEMENT_CACHE: usize = 512;

/// How long to wait for another process (the command line beside a running server) to finish its transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A database file, and how it is opened.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseFile {
    pub(crate) path: PathBuf,
    index: Index,
}

/// Where the log's index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    /// In a file beside the log, so that other processes may work with the database, too.
    File,
    /// In memory, which keeps other processes out. It needs no room on the disk.
    Memory,
}

/// Room that the log's index may need, in bytes. With less of it a disk counts as full.
const INDEX_ROOM: u64 = 64 << 10;

impl DatabaseFile {
    /// Finds out how the file can be opened, creating it where it is missing. A full disk is no obstacle: reading needs
    /// no room.
    pub(crate) fn open(path: &Path) -> Result<(Self, Connection), Error> {
        let location = DatabaseFile { path: path.to_owned(), index: Index::File };
        let refused = match location.connect() {
            Ok(connection) => return Ok((location, connection)),
            Err(refused) => refused,
        };
        let is_full = files::free_bytes(path).is_some_and(|free| free < INDEX_ROOM);
        if !is_full || files::size(path)?.unwrap_or(0) == 0 {
            return Err(refused);
        }
        let location = DatabaseFile { index: Index::Memory, ..location };
        let connection = location.connect().map_err(|_| refused)?;
        tracing::error!(
            database = %path.display(),
            "the disk is full: there is no room for the log's index, and no other command can open the database until \
             there is room and this one is started again"
        );
        Ok((location, connection))
    }

    pub(crate) fn connect(&self) -> Result<Connection, Error> {
        let opened = match self.index {
            Index::File => Connection::open(&self.path),
            Index::Memory => Connection::open_with_flags_and_vfs(&self.path, OpenFlags::default(), c"unix-excl"),
        };
        let configured = opened.and_then(|connection| configure(&connection).map(|()| connection));
        configured.map_err(|error| {
            Error::Unavailable(format!("cannot open the database file {}: {error}", self.path.display()))
        })
    }
}

/// Opens the file, creating it where it is missing.
pub(crate) fn connect(path: &Path) -> Result<Connection, Error> {
    DatabaseFile { path: path.to_owned(), index: Index::File }.connect()
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // Without this the planner looks at each bound value, and prepares a statement anew whenever it changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // FULL: the log is synced before a commit answers. Checkpoints have a thread of their own, so none run by
    // themselves inside a commit.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -65536;",
    )
}

pub(crate) fn execute(connection: &Connection, sql: &str, params: &[Param<'_>]) -> Result<u64, Error> {
    let mut statement = prepare(connection, sql)?;
    run(&mut statement, params)
}

pub(crate) fn execute_bulk<const N: usize>(
    connection: &Connection,
    sql: &str,
    rows: &[[Param<'_>; N]],
) -> Result<u64, Error> {
    let mut statement = prepare(connection, sql)?;
    let mut changed = 0;
    for row in rows {
        changed += run(&mut statement, row)?;
    }
    Ok(changed)
}

pub(crate) fn query(
    connection: &Connection,
    sql: &str,
    params: &[Param<'_>],
    visitor: &mut RowVisitor<'_>,
) -> Result<(), Error> {
    let mut statement = prepare(connection, sql)?;
    visit_rows(&mut statement, params, visitor)
}

pub(crate) fn query_bulk<const N: usize>(
    connection: &Connection,
    sql: &str,
    rows: &[[Param<'_>; N]],
    visitor: &mut RowVisitor<'_>,
) -> Result<(), Error> {
    let mut statement = prepare(connection, sql)?;
    for row in rows {
        visit_rows(&mut statement, row, visitor)?;
    }
    Ok(())
}

fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, Error> {
    connection.prepare_cached(sql).map_err(|error| translate(&error))
}

fn run(statement: &mut CachedStatement<'_>, params: &[Param<'_>]) -> Result<u64, Error> {
    bind(statement, params)?;
    let changed = statement.raw_execute().map_err(|error| translate(&error))?;
    Ok(changed as u64)
}

fn visit_rows(
    statement: &mut CachedStatement<'_>,
    params: &[Param<'_>],
    visitor: &mut RowVisitor<'_>,
) -> Result<(), Error> {
    bind(statement, params)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|error| translate(&error))? {
        if !visitor(&Row::sqlite(row))? {
            break;
        }
    }
    Ok(())
}

fn bind(statement: &mut CachedStatement<'_>, params: &[Param<'_>]) -> Result<(), Error> {
    let wanted = statement.parameter_count();
    if wanted != params.len() {
        return Err(Error::Engine(format!("the statement has {wanted} parameters and was given {}", params.len())));
    }
    for (index, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, param).map_err(|error| translate(&error))?;
    }
    Ok(())
}

/// SQLite's error as ours, by its extended code.
pub(crate) fn translate(error: &rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(failure, message) = error else {
        return Error::Engine(error.to_string());
    };
    let text = message.clone().unwrap_or_else(|| failure.to_string());
    let constraint = || text.split_once(": ").map_or(text.as_str(), |(_, name)| name).to_owned();
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            return Error::Unique { constraint: constraint() };
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return Error::ForeignKey,
        // ON DELETE RESTRICT is a trigger inside.
        ffi::SQLITE_CONSTRAINT_TRIGGER if text.starts_with("FOREIGN KEY") => return Error::ForeignKey,
        ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_NOTNULL | ffi::SQLITE_CONSTRAINT_TRIGGER => {
            return Error::Check { constraint: constraint() };
        }
        // A query that writes. A file that may not be written to would have been refused when it was opened.
        ffi::SQLITE_READONLY => return Error::Engine(text),
        _ => {}
    }
    match failure.code {
        ErrorCode::DiskFull => Error::Full,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Damaged(text),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            Error::Unavailable("another process holds the database's write lock".to_owned())
        }
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            Error::Unavailable(text)
        }
        _ => Error::Engine(text),
    }
}
