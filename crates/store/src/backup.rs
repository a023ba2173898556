//! Copying a live database to elsewhere, and filling a new one from such a copy.
//!
//! A [`Snapshot`] is the database at one moment, read table by table while everybody goes on writing. A [`RestoreTarget`] is
//! a database under construction that nobody sees before it is whole. Both speak rows of text in the same form
//! (PostgreSQL's COPY: see [`rows`]), so that what one engine held, the other can take.
//!
//! All of it blocks, for as long as the database is large: call it on a thread of its own, never in an async task.

mod order;
mod postgres;
mod rows;
mod sqlite;

use std::path::Path;

use jiff::Timestamp;

use crate::store::StoreLocation;
use crate::{Engine, Error, Migration, ReadTx, StoreOptions, WriteTx, migrate};

/// A table of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// Its columns, in the order in which a row has them.
    pub columns: Vec<String>,
}

/// A migration that a database has been through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The room or app whose tables it made.
    pub room: String,
    /// Its place in the room's order.
    pub number: u32,
    /// The hash of its text, in hex.
    pub checksum: String,
}

/// The database as it was at one moment. Nobody waits for it, and whatever happens meanwhile is not in it.
pub struct Snapshot(Source);

enum Source {
    Sqlite(sqlite::SqliteSnapshot),
    Postgres(Box<postgres::PostgresSnapshot>),
}

impl Snapshot {
    /// Takes a snapshot.
    ///
    /// The embedded engine's log cannot start over while somebody reads an old snapshot, so its pages are first copied
    /// at the speed of the disk into the folder `scratch`, which is made for it and removed with the snapshot; `copied`
    /// hears how many of how many pages are. A server keeps a snapshot itself, for as long as it takes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where there is no such database; [`Error::Full`] where the copy does not fit.
    pub fn take(options: &StoreOptions, scratch: &Path, copied: &mut dyn FnMut(u64, u64)) -> Result<Self, Error> {
        match options.place() {
            StoreLocation::File(path) => sqlite::SqliteSnapshot::take(path, scratch, copied).map(Source::Sqlite),
            StoreLocation::Server(url) => postgres::PostgresSnapshot::take(url).map(Box::new).map(Source::Postgres),
        }
        .map(Snapshot)
    }

    /// The engine it was taken of.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.0 {
            Source::Sqlite(_) => Engine::Sqlite,
            Source::Postgres(_) => Engine::Postgres,
        }
    }

    /// Asks something of the snapshot.
    ///
    /// # Errors
    /// As `query` says.
    pub fn read<T, E: From<Error>>(&mut self, query: impl FnOnce(&mut ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        match &mut self.0 {
            Source::Sqlite(copy) => query(&mut copy.tx()),
            Source::Postgres(frozen) => query(&mut frozen.tx()),
        }
    }

    /// The migrations that it has been through.
    ///
    /// # Errors
    /// The engine's.
    pub fn schema(&mut self) -> Result<Vec<SchemaVersion>, Error> {
        self.read(|tx| {
            let sql = "SELECT room, number, checksum FROM store_migration ORDER BY room, number";
            tx.query(sql, &[], |row| {
                Ok(SchemaVersion { room: row.get(0)?, number: row.get(1)?, checksum: row.get(2)? })
            })
        })
    }

    /// Our tables, each after those that it refers to. The list of migrations is not among them: see
    /// [`Snapshot::schema`].
    ///
    /// # Errors
    /// The engine's.
    pub fn tables(&mut self) -> Result<Vec<TableInfo>, Error> {
        self.read(tables)
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// The engine's.
    pub fn count(&mut self, table: &TableInfo) -> Result<u64, Error> {
        let sql = format!("SELECT COUNT(*) FROM {}", quoted(&table.name));
        let count: i64 = self.read(|tx| tx.query_one(&sql, &[], |row| row.get(0)))?;
        Ok(count.unsigned_abs())
    }

    /// Hands over each row of a table, as one line of text with its newline, and says how many there were.
    ///
    /// # Errors
    /// The engine's, or as `each` says.
    pub fn rows<E: From<Error>>(
        &mut self,
        table: &TableInfo,
        each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        match &mut self.0 {
            Source::Sqlite(copy) => copy.rows(table, each),
            Source::Postgres(frozen) => frozen.rows(table, each),
        }
    }
}

/// What stands where a database is to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreTargetState {
    /// No database, or one without our tables.
    Absent,
    /// Our tables, and nothing in them that somebody would miss.
    Empty,
    /// A database that holds something.
    Filled,
}

/// A database under construction. Dropped before [`RestoreTarget::finish`], it leaves everything as it was.
pub struct RestoreTarget(Target);

enum Target {
    Sqlite(sqlite::SqliteRestore),
    Postgres(Box<postgres::PostgresRestore>),
}

impl RestoreTarget {
    /// What stands at the place now. Rows of the tables `unmissed` do not count: the program writes them by itself.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where it cannot be reached.
    pub fn target_state(options: &StoreOptions, unmissed: &[&str]) -> Result<RestoreTargetState, Error> {
        match options.place() {
            StoreLocation::File(path) => sqlite::target_state(path, unmissed),
            StoreLocation::Server(url) => postgres::target_state(url, unmissed),
        }
    }

    /// Begins a database with the tables that `migrations` make. `aside` will name what stands there now, once it is
    /// replaced: small letters, digits and underscores.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the database is in use, or cannot be made; [`Error::Migration`].
    pub fn begin(options: &StoreOptions, migrations: &[Migration], aside: &str, now: Timestamp) -> Result<Self, Error> {
        let mut restoring = match options.place() {
            StoreLocation::File(path) => sqlite::SqliteRestore::begin(path, aside).map(Target::Sqlite),
            StoreLocation::Server(url) => {
                postgres::PostgresRestore::begin(url, aside).map(Box::new).map(Target::Postgres)
            }
        }
        .map(RestoreTarget)?;
        restoring.migrate(migrations, now)?;
        Ok(restoring)
    }

    /// Applies what the database lacks of `migrations`.
    ///
    /// # Errors
    /// [`Error::Migration`].
    pub fn migrate(&mut self, migrations: &[Migration], now: Timestamp) -> Result<(), Error> {
        self.with(|tx| {
            migrate::table_make(tx)?;
            migrate::apply(tx, migrations, now).map(drop)
        })
    }

    /// Fills one table, after those that it refers to, and says with how many rows. `next` puts the next row (with or
    /// without its newline) into an empty buffer, or says that there is none.
    ///
    /// # Errors
    /// Where the table does not have these columns, or a row does not fit it; or as `next` says.
    pub fn table_fill<E: From<Error>>(
        &mut self,
        table: &TableInfo,
        next: impl FnMut(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<u64, E> {
        let own = self.with(|tx| columns(tx, &table.name))?;
        let missing = |list: &[TableColumn], name: &String| !list.iter().any(|column| column.name == *name);
        if own.len() != table.columns.len() || table.columns.iter().any(|name| missing(&own, name)) {
            let says = format!("table {} does not have the columns {}", table.name, table.columns.join(", "));
            return Err(Error::Engine(says).into());
        }
        match &mut self.0 {
            Target::Sqlite(build) => build.fill(table, &in_order(table, own), next),
            Target::Postgres(build) => build.fill(table, &in_order(table, own), next),
        }
    }

    /// Our tables by now, without the list of migrations.
    ///
    /// # Errors
    /// The engine's.
    pub fn tables(&mut self) -> Result<Vec<TableInfo>, Error> {
        self.with(|tx| tables(tx))
    }

    /// Asks something of what is there by now.
    ///
    /// # Errors
    /// As `query` says.
    pub fn read<T, E: From<Error>>(&mut self, query: impl FnOnce(&mut ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.with(|tx| query(tx))
    }

    /// Puts the new database in the place of the old one, and says where all that stood there is kept.
    ///
    /// # Errors
    /// Where a row refers to none, or the place cannot be changed: then the old database stands as it was.
    pub fn finish(self) -> Result<Vec<String>, Error> {
        match self.0 {
            Target::Sqlite(build) => build.finish(),
            Target::Postgres(build) => Ok(build.finish()?.into_iter().collect()),
        }
    }

    fn with<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>) -> Result<T, E> {
        match &mut self.0 {
            Target::Sqlite(build) => work(&mut build.tx()),
            Target::Postgres(build) => work(&mut build.tx()),
        }
    }
}

/// The hash of a migration's text, as [`SchemaVersion::checksum`] has it.
#[must_use]
pub fn migration_checksum(migration: &Migration) -> String {
    migrate::checksum(migration)
}

/// A column, as far as the text of a row depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TableColumn {
    name: String,
    kind: ValueKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueKind {
    Int,
    Text,
    Bytes,
    /// Native on PostgreSQL, and written as its 16 bytes like on SQLite.
    Uuid,
}

/// The table of migrations: it tells which tables are ours, and is told in the manifest instead of copied.
const MIGRATIONS: &str = "store_migration";

/// Removes what a migration has put into a fresh table: the backup has it, as it was. Only where there is something: a
/// table that refuses deletions is asked for none.
fn clear(tx: &mut WriteTx<'_>, table: &TableInfo) -> Result<(), Error> {
    let name = quoted(&table.name);
    if tx.query_opt(&format!("SELECT 1 FROM {name} LIMIT 1"), &[], |_| Ok(()))?.is_some() {
        tx.execute(&format!("DELETE FROM {name}"), &[])?;
    }
    Ok(())
}

/// Our tables are those whose names begin with a room's: a server's database may hold others.
fn tables(tx: &mut ReadTx<'_>) -> Result<Vec<TableInfo>, Error> {
    let names = table_names(tx)?;
    let references = match tx.engine() {
        Engine::Sqlite => sqlite::references(tx, &names)?,
        Engine::Postgres => postgres::references(tx)?,
    };
    let mut tables = Vec::with_capacity(names.len());
    for name in order::by_reference(names, &references) {
        let columns = columns(tx, &name)?.into_iter().map(|column| column.name).collect();
        tables.push(TableInfo { name, columns });
    }
    Ok(tables)
}

/// The names of our tables, sorted; none where nothing was ever migrated.
fn table_names(tx: &mut ReadTx<'_>) -> Result<Vec<String>, Error> {
    if !migrate::table_exists(tx)? {
        return Ok(Vec::new());
    }
    let rooms = rooms(tx)?;
    let sql = match tx.engine() {
        Engine::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
        Engine::Postgres => {
            "SELECT CAST(relname AS TEXT) FROM pg_class
             WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY 1"
        }
    };
    let names = tx.query(sql, &[], |row| row.get::<String>(0))?;
    Ok(names.into_iter().filter(|name| is_ours(&rooms, name) && name != MIGRATIONS).collect())
}

fn rooms(tx: &mut ReadTx<'_>) -> Result<Vec<String>, Error> {
    tx.query("SELECT DISTINCT room FROM store_migration ORDER BY room", &[], |row| row.get(0))
}

fn is_ours(rooms: &[String], name: &str) -> bool {
    name == MIGRATIONS
        || rooms.iter().any(|room| name.strip_prefix(room.as_str()).is_some_and(|rest| rest.starts_with('_')))
}

fn columns(tx: &mut ReadTx<'_>, table: &str) -> Result<Vec<TableColumn>, Error> {
    let columns = match tx.engine() {
        Engine::Sqlite => sqlite::columns(tx, table)?,
        Engine::Postgres => postgres::columns(tx, table)?,
    };
    let known = columns.into_iter().map(|(name, declared)| {
        let kind = match declared.as_str() {
            "INTEGER" | "BIGINT" | "bigint" | "integer" | "smallint" => ValueKind::Int,
            "TEXT" | "text" => ValueKind::Text,
            "BLOB" | "bytea" => ValueKind::Bytes,
            "uuid" => ValueKind::Uuid,
            _ => return Err(Error::Engine(format!("column {table}.{name} is {declared}, which no backup keeps"))),
        };
        Ok(TableColumn { name, kind })
    });
    known.collect()
}

/// The table's own columns in the order of the rows that are to come.
fn in_order(table: &TableInfo, own: Vec<TableColumn>) -> Vec<TableColumn> {
    let kind =
        |name: &String| own.iter().find(|column| column.name == *name).map_or(ValueKind::Text, |column| column.kind);
    table.columns.iter().map(|name| TableColumn { name: name.clone(), kind: kind(name) }).collect()
}

/// Whether a table of ours has a row that somebody would miss.
fn target_state(tx: &mut ReadTx<'_>, unmissed: &[&str]) -> Result<RestoreTargetState, Error> {
    let names = table_names(tx)?;
    for name in &names {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", quoted(name));
        if !unmissed.contains(&name.as_str()) && tx.query_opt(&sql, &[], |_| Ok(()))?.is_some() {
            return Ok(RestoreTargetState::Filled);
        }
    }
    Ok(if names.is_empty() { RestoreTargetState::Absent } else { RestoreTargetState::Empty })
}

/// A name as both engines take it literally.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}
