//! Migrations: forward only, checksummed, one folder a room, run under a lock at start.

use std::collections::HashMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{Engine, Error, ReadTx, WriteTx, dialect, params};

/// One step of a room's schema. Never edited once released: its checksum is kept, and a changed one is refused.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The room or app whose tables it makes.
    pub room: &'static str,
    /// Its place in the room's order, from 1 without gaps.
    pub number: u32,
    /// What it does, as in its file's name.
    pub name: &'static str,
    /// The statements, in PostgreSQL's types; see [`Store`](crate::Store) and docs on writing them.
    pub sql: &'static str,
}

/// A migration, and whether the database has it.
#[derive(Debug, Clone, Copy)]
pub struct MigrationStep {
    /// The migration.
    pub migration: Migration,
    /// Whether it ran before, or (by this call) just now.
    pub state: MigrationState,
}

/// Whether a migration has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// It ran earlier.
    Present,
    /// It has yet to run.
    Pending,
    /// It ran just now.
    Applied,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS store_migration (
    room TEXT NOT NULL,
    number BIGINT NOT NULL CHECK (number > 0),
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    PRIMARY KEY (room, number)
) /*sqlite WITHOUT ROWID, STRICT */;";

/// Lets one copy of the program at a time make the table. Any number that no other program uses will do.
const TABLE_LOCK: &str = "SELECT pg_advisory_xact_lock(7089063)";

/// Lets one copy at a time migrate. Unlike every other statement it takes no snapshot, so the transaction that it
/// begins sees what the copy it waited for has done.
const LOCK: &str = "LOCK TABLE store_migration IN SHARE ROW EXCLUSIVE MODE";

/// What the database has of `migrations`, without changing it.
pub(crate) fn plan(tx: &mut ReadTx<'_>, migrations: &[Migration]) -> Result<Vec<MigrationStep>, Error> {
    check_order(migrations)?;
    let known = if table_exists(tx)? { known(tx)? } else { HashMap::new() };
    refuse_newer(&known, migrations)?;
    migrations.iter().map(|migration| step(&known, *migration)).collect()
}

/// Makes the table of migrations where it is missing.
pub(crate) fn table_make(tx: &mut WriteTx<'_>) -> Result<(), Error> {
    if tx.engine() == Engine::Postgres {
        tx.query(TABLE_LOCK, &[], |_| Ok(()))?;
    }
    tx.script(&translated(tx.engine(), TABLE))
}

/// Applies what is missing, in order, all in this one transaction: a schema is never half made.
pub(crate) fn apply(
    tx: &mut WriteTx<'_>,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<MigrationStep>, Error> {
    if tx.engine() == Engine::Postgres {
        tx.script(LOCK)?;
    }
    let mut steps = plan(tx, migrations)?;
    for step in &mut steps {
        if step.state == MigrationState::Pending {
            run(tx, &step.migration, now)?;
            step.state = MigrationState::Applied;
        }
    }
    Ok(steps)
}

fn run(tx: &mut WriteTx<'_>, migration: &Migration, now: Timestamp) -> Result<(), Error> {
    let sql = translated(tx.engine(), migration.sql);
    tx.script(&sql).map_err(|error| {
        Error::Migration(format!("{}/{:04}_{}: {error}", migration.room, migration.number, migration.name))
    })?;
    tx.execute(
        "INSERT INTO store_migration (room, number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        &params![migration.room, migration.number, migration.name, &checksum(migration), now],
    )?;
    Ok(())
}

fn translated(engine: Engine, sql: &str) -> String {
    match engine {
        Engine::Sqlite => dialect::migration_for_sqlite(sql),
        Engine::Postgres => dialect::migration_for_postgres(sql),
    }
}

/// Each room's numbers run 1, 2, 3 … in the order given.
fn check_order(migrations: &[Migration]) -> Result<(), Error> {
    let mut last: HashMap<&str, u32> = HashMap::new();
    for migration in migrations {
        let expected = last.get(migration.room).map_or(1, |number| number + 1);
        if migration.number != expected {
            return Err(Error::Migration(format!(
                "{}/{:04}_{} stands where number {expected:04} belongs",
                migration.room, migration.number, migration.name
            )));
        }
        last.insert(migration.room, migration.number);
    }
    Ok(())
}

type AppliedChecksums = HashMap<(String, u32), String>;

pub(crate) fn table_exists(tx: &mut ReadTx<'_>) -> Result<bool, Error> {
    let sql = match tx.engine() {
        Engine::Sqlite => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'store_migration'",
        Engine::Postgres => "SELECT 1 WHERE to_regclass('store_migration') IS NOT NULL",
    };
    Ok(tx.query_opt(sql, &[], |_| Ok(()))?.is_some())
}

fn known(tx: &mut ReadTx<'_>) -> Result<AppliedChecksums, Error> {
    let rows = tx.query("SELECT room, number, checksum FROM store_migration", &[], |row| {
        Ok(((row.get::<String>(0)?, row.get::<u32>(1)?), row.get::<String>(2)?))
    })?;
    Ok(rows.into_iter().collect())
}

fn step(known: &AppliedChecksums, migration: Migration) -> Result<MigrationStep, Error> {
    let state = match known.get(&(migration.room.to_owned(), migration.number)) {
        None => MigrationState::Pending,
        Some(sum) if *sum == checksum(&migration) => MigrationState::Present,
        Some(_) => {
            return Err(Error::Migration(format!(
                "{}/{:04}_{} was edited after it ran here; restore it, and write a new migration instead",
                migration.room, migration.number, migration.name
            )));
        }
    };
    Ok(MigrationStep { migration, state })
}

/// A database that a newer program has migrated is not for an older one to write to.
fn refuse_newer(known: &AppliedChecksums, migrations: &[Migration]) -> Result<(), Error> {
    let unknown = known.keys().find(|(room, number)| {
        let of_room = || migrations.iter().filter(|migration| migration.room == room);
        of_room().next().is_some() && !of_room().any(|migration| migration.number == *number)
    });
    match unknown {
        None => Ok(()),
        Some((room, number)) => Err(Error::Migration(format!(
            "the database has migration {room}/{number:04}, which this program does not know: it is too old for it"
        ))),
    }
}

pub(crate) fn checksum(migration: &Migration) -> String {
    Sha256::digest(migration.sql.as_bytes()).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn migration(number: u32) -> Migration {
        Migration { room: "room", number, name: "name", sql: "SELECT 1;" }
    }

    #[test]
    fn a_gap_in_the_numbers_is_refused() {
        assert!(check_order(&[migration(1), migration(2)]).is_ok());
        assert!(check_order(&[migration(1), migration(3)]).is_err());
        assert!(check_order(&[migration(2)]).is_err());
    }

    #[test]
    fn an_edited_migration_is_refused() {
        let known = AppliedChecksums::from([(("room".to_owned(), 1), "another".to_owned())]);
        assert!(matches!(step(&known, migration(1)), Err(Error::Migration(text)) if text.contains("edited")));
    }

    #[test]
    fn a_database_from_the_future_is_refused() {
        let known = AppliedChecksums::from([(("room".to_owned(), 2), checksum(&migration(2)))]);
        assert!(refuse_newer(&known, &[migration(1)]).is_err());
        assert!(refuse_newer(&known, &[migration(1), migration(2)]).is_ok());
    }
}
