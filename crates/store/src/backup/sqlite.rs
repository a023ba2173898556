//! The embedded engine's half: a copy of its pages, and a new file beside the old one.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::rows::{self, RowField};
use super::{RestoreTargetState, TableColumn, TableInfo, ValueKind, quoted, quoted_list};
use crate::sqlite::files::{self, ExclusiveLock, UnfinishedFile, io_error};
use crate::sqlite::inspect::{inspect, log_damage};
use crate::sqlite::{connect, translate};
use crate::{Error, Param, ReadTx, WriteTx, params};

/// Pages copied between two words on how far it is: 16 MiB.
const PAGES: i32 = 4_096;

/// A private copy of the pages, in a folder of its own.
pub(super) struct SqliteSnapshot {
    connection: Connection,
    _folder: Scratch,
}

/// A folder that goes when it is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a scratch folder cannot be removed");
        }
    }
}

impl SqliteSnapshot {
    pub(super) fn take(path: &Path, scratch: &Path, copied: &mut dyn FnMut(u64, u64)) -> Result<Self, Error> {
        inspect(path)?;
        if !path.exists() {
            return Err(Error::Unavailable(format!("there is no database at {}", path.display())));
        }
        let source = connect(path)?;
        folder_create(scratch)?;
        let folder = Scratch(scratch.to_owned());
        let file = scratch.join("copy.db");
        files::prepare(&file)?;
        let mut copy = Connection::open(&file).map_err(|error| translate(&error))?;
        unsafe_but_quick(&copy)?;
        copy_pages(&source, &mut copy, copied)?;
        drop(source);
        // The pages say that there is a log beside them, so SQLite would make one: nobody but us reads this file.
        drop(copy);
        let connection = connect(&file)?;
        connection.execute_batch("PRAGMA query_only = ON").map_err(|error| translate(&error))?;
        Ok(SqliteSnapshot { connection, _folder: folder })
    }

    pub(super) fn tx(&mut self) -> WriteTx<'_> {
        WriteTx::sqlite(&self.connection)
    }

    pub(super) fn rows<E: From<Error>>(
        &mut self,
        table: &TableInfo,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let failed = |error: rusqlite::Error| E::from(translate(&error));
        let sql = format!("SELECT {} FROM {}", quoted_list(&table.columns), quoted(&table.name));
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mut found = statement.query([]).map_err(failed)?;
        let (mut line, mut count) = (Vec::new(), 0);
        while let Some(row) = found.next().map_err(failed)? {
            line.clear();
            for index in 0..table.columns.len() {
                if index > 0 {
                    line.push(b'\t');
                }
                field_write(&mut line, row.get_ref(index).map_err(failed)?)?;
            }
            line.push(b'\n');
            each(&line)?;
            count += 1;
        }
        Ok(count)
    }
}

/// One transaction of the source keeps its snapshot from the first page to the last.
fn copy_pages(source: &Connection, copy: &mut Connection, copied: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
    let failed = |error: rusqlite::Error| translate(&error);
    source.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_schema;").map_err(failed)?;
    let backup = Backup::new(source, copy).map_err(failed)?;
    loop {
        let step = backup.step(PAGES).map_err(failed)?;
        let progress = backup.progress();
        let (left, all) = (progress.remaining.unsigned_abs(), progress.pagecount.unsigned_abs());
        copied(u64::from(all - left), u64::from(all));
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(Error::Unavailable("the database is locked by another process".to_owned())),
        }
    }
    drop(backup);
    source.execute_batch("ROLLBACK").map_err(failed)
}

fn field_write(line: &mut Vec<u8>, value: ValueRef<'_>) -> Result<(), Error> {
    match value {
        ValueRef::Null => rows::null_write(line),
        ValueRef::Integer(number) => line.extend_from_slice(number.to_string().as_bytes()),
        ValueRef::Text(text) => rows::text_write(line, text),
        ValueRef::Blob(bytes) => rows::bytes_write(line, bytes),
        ValueRef::Real(_) => return Err(Error::Engine("a table holds a float".to_owned())),
    }
    Ok(())
}

/// A new file beside the old one.
pub(super) struct SqliteRestore {
    connection: Connection,
    path: PathBuf,
    file: UnfinishedFile,
    aside: String,
}

impl SqliteRestore {
    pub(super) fn begin(path: &Path, aside: &str) -> Result<Self, Error> {
        let path = files::resolved(path);
        drop(ExclusiveLock::take(&path)?);
        let file = UnfinishedFile::create(files::beside(&path, "restoring"))?;
        let connection = Connection::open(file.path()).map_err(|error| translate(&error))?;
        unsafe_but_quick(&connection)?;
        Ok(SqliteRestore { connection, path, file, aside: aside.to_owned() })
    }

    pub(super) fn tx(&mut self) -> WriteTx<'_> {
        WriteTx::sqlite(&self.connection)
    }

    pub(super) fn fill<E: From<Error>>(
        &mut self,
        table: &TableInfo,
        columns: &[TableColumn],
        mut next: impl FnMut(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<u64, E> {
        let failed = |error: rusqlite::Error| E::from(translate(&error));
        let places: Vec<String> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
        let (names, places) = (quoted_list(&table.columns), places.join(", "));
        super::clear(&mut self.tx(), table)?;
        let sql = format!("INSERT INTO {} ({names}) VALUES ({places})", quoted(&table.name));
        self.connection.execute_batch("BEGIN").map_err(failed)?;
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let (mut line, mut count) = (Vec::new(), 0);
        while next(&mut line)? {
            let row = row_read(&table.name, columns, &line)?;
            for (index, field) in row.iter().enumerate() {
                statement.raw_bind_parameter(index + 1, param(field)).map_err(failed)?;
            }
            statement.raw_execute().map_err(failed)?;
            line.clear();
            count += 1;
        }
        drop(statement);
        self.connection.execute_batch("COMMIT").map_err(failed)?;
        Ok(count)
    }

    /// References were not looked at row by row; they are now, all at once. Nothing of the old log stays beside the new
    /// file, which would play it.
    pub(super) fn finish(self) -> Result<Vec<String>, Error> {
        let orphan = {
            let mut tx = WriteTx::sqlite(&self.connection);
            tx.query_opt("SELECT \"table\" FROM pragma_foreign_key_check", &[], |row| row.get::<String>(0))?
        };
        if let Some(table) = orphan {
            return Err(Error::Engine(format!("a row of {table} refers to one that is not in the backup")));
        }
        let SqliteRestore { connection, path, file, aside } = self;
        connection.execute_batch("PRAGMA journal_mode = WAL").map_err(|error| translate(&error))?;
        connection.close().map_err(|(_, error)| translate(&error))?;
        files::synced(file.path())?;
        files::replace(&path, file.path(), &aside)
    }
}

fn row_read(table: &str, columns: &[TableColumn], line: &[u8]) -> Result<Vec<RowField>, Error> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let fields: Vec<&[u8]> = rows::fields(line).collect();
    if fields.len() != columns.len() {
        let (found, wanted) = (fields.len(), columns.len());
        return Err(Error::Engine(format!("a row of {table} has {found} fields, and its table {wanted} columns")));
    }
    let read = |(field, column): (&[u8], &TableColumn)| {
        if rows::is_null(field) {
            return Ok(RowField::Null);
        }
        match column.kind {
            ValueKind::Int => rows::int_read(field).map(RowField::Int),
            ValueKind::Text => rows::text_read(field).map(RowField::Text),
            ValueKind::Bytes | ValueKind::Uuid => rows::bytes_read(field).map(RowField::Bytes),
        }
    };
    fields.into_iter().zip(columns).map(read).collect()
}

fn param(field: &RowField) -> Param<'_> {
    match field {
        RowField::Null => Param::Null,
        RowField::Int(number) => Param::Int(*number),
        RowField::Text(text) => Param::Text(text),
        RowField::Bytes(bytes) => Param::Bytes(bytes),
    }
}

/// For its owner's eyes only.
fn folder_create(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| io_error(folder, &error))
}

/// For a file that is thrown away where anything goes wrong, and synced where nothing does.
fn unsafe_but_quick(connection: &Connection) -> Result<(), Error> {
    let pragmas = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
                   PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;";
    connection.execute_batch(pragmas).map_err(|error| translate(&error))
}

/// A log without its database file is moved aside whole, so nobody misses it. A database that does not read may still be
/// worth something to somebody.
pub(super) fn target_state(path: &Path, unmissed: &[&str]) -> Result<RestoreTargetState, Error> {
    let path = &files::resolved(path);
    if files::size(path)?.unwrap_or(0) == 0 {
        return Ok(RestoreTargetState::Absent);
    }
    drop(ExclusiveLock::take(path)?);
    if log_damage(path)?.is_some() {
        return Ok(RestoreTargetState::Filled);
    }
    let found = look(path).and_then(|connection| super::target_state(&mut WriteTx::sqlite(&connection), unmissed));
    Ok(found.unwrap_or(RestoreTargetState::Filled))
}

/// Opens a database that nobody works with, and leaves its file and its log as they are.
fn look(path: &Path) -> Result<Connection, Error> {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let has_log = files::size(&files::log_of(path))?.unwrap_or(0) > 0;
    let alone = if has_log { "" } else { "?immutable=1" };
    let opened = Connection::open_with_flags(format!("file:{}{alone}", escaped(path)), read_only);
    let connection = opened.map_err(|error| translate(&error))?;
    let kept = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    kept.map_err(|error| translate(&error))?;
    Ok(connection)
}

/// A path as a URI has it.
fn escaped(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_');
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Names and declared types.
pub(super) fn columns(tx: &mut ReadTx<'_>, table: &str) -> Result<Vec<(String, String)>, Error> {
    let sql = "SELECT name, type FROM pragma_table_info(?1) ORDER BY cid";
    tx.query(sql, &params![table], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Who refers to whom.
pub(super) fn references(tx: &mut ReadTx<'_>, names: &[String]) -> Result<Vec<(String, String)>, Error> {
    let mut references = Vec::new();
    for name in names {
        let sql = "SELECT \"table\" FROM pragma_foreign_key_list(?1)";
        let targets = tx.query(sql, &params![name], |row| row.get::<String>(0))?;
        references.extend(targets.into_iter().map(|target| (name.clone(), target)));
    }
    Ok(references)
}
