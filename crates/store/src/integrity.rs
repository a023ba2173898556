//! Whether the engine finds its own files whole: what only it can see, such as an index that misses a row.

use crate::backup::quoted;
use crate::{Engine, Error, ReadTx, Store, params};

/// Findings that are told, at most: a file that is torn has thousands.
const TOLD: u32 = 20;

/// What the engine's own check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integrity {
    /// What was checked, and what could not be.
    pub checked: String,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
}

impl Store {
    /// Runs the engine's own check of its files. It reads everything, which takes its time.
    ///
    /// # Errors
    /// Where the database is not available. Damage is a finding, and no error.
    pub async fn integrity(&self) -> Result<Integrity, Error> {
        match self.engine() {
            Engine::Sqlite => self.sqlite_check().await,
            Engine::Postgres => self.postgres_check().await,
        }
    }

    async fn sqlite_check(&self) -> Result<Integrity, Error> {
        let mut problems = Vec::new();
        let check = format!("PRAGMA integrity_check({TOLD})");
        found(&mut problems, self.read(move |tx| tx.query(&check, &[], |row| row.get::<String>(0))).await)?;
        // One answer may have several lines, under a headline with the database's name.
        let lines =
            problems.iter().flat_map(|said| said.lines()).filter(|line| *line != "ok" && !line.starts_with("***"));
        let mut problems: Vec<String> = lines.map(str::to_owned).collect();
        let orphans = |tx: &mut ReadTx<'_>| {
            tx.query("PRAGMA foreign_key_check", &[], |row| {
                let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
                Ok(format!("a row of {table} refers to one of {parent} that is missing"))
            })
        };
        found(&mut problems, self.read(orphans).await)?;
        problems.truncate(TOLD as usize);
        Ok(Integrity { checked: "every page, row and index".to_owned(), problems })
    }

    async fn postgres_check(&self) -> Result<Integrity, Error> {
        let mut problems = Vec::new();
        found(&mut problems, self.read(invalid_indexes).await)?;
        found(&mut problems, self.read(checksum_failures).await)?;
        let mut checked = "every row, and whether indexes are valid".to_owned();
        for table in self.read(tables).await? {
            let sql = format!("SELECT COUNT(CAST(t AS TEXT)) FROM {} AS t", quoted(&table));
            let read = self.read(move |tx| {
                tx.bulk()?;
                tx.query(&sql, &[], |_| Ok(()))
            });
            if let Err(damage) = damage(read.await)? {
                problems.push(format!("the table {table} does not read: {damage}"));
            }
        }
        match self.read(amcheck).await? {
            None => checked.push_str("; with the extension amcheck every index too (CREATE EXTENSION amcheck)"),
            Some(schema) => match self.indexes_check(&schema, &mut problems).await? {
                None => checked = "every row and every index".to_owned(),
                Some(refused) => checked = format!("{checked}; amcheck is refused: {refused}"),
            },
        }
        problems.truncate(TOLD as usize);
        Ok(Integrity { checked, problems })
    }

    /// Has amcheck compare each index with its table. `Some` with the reason where this user may not.
    async fn indexes_check(&self, schema: &str, problems: &mut Vec<String>) -> Result<Option<String>, Error> {
        for (oid, name) in self.read(indexes).await? {
            let sql = format!("SELECT {}.bt_index_check(CAST(?1 AS BIGINT)::oid::regclass, true)", quoted(schema));
            let read = self.read(move |tx| {
                tx.bulk()?;
                tx.query(&sql, &params![oid], |_| Ok(()))
            });
            match damage(read.await)? {
                Ok(_) => {}
                // 42501: the function is for superusers, unless it was granted.
                Err(refused) if refused.contains("(42501)") => return Ok(Some(refused)),
                Err(damage) => problems.push(format!("the index {name}: {damage}")),
            }
        }
        Ok(None)
    }
}

/// Takes what a check said, or what it failed on where that is damage.
fn found(problems: &mut Vec<String>, said: Result<Vec<String>, Error>) -> Result<(), Error> {
    match damage(said)? {
        Ok(said) => problems.extend(said),
        Err(damage) => problems.push(damage),
    }
    Ok(())
}

/// An engine that cannot read its files says so as an error of its own.
fn damage<T>(said: Result<T, Error>) -> Result<Result<T, String>, Error> {
    match said {
        Ok(said) => Ok(Ok(said)),
        Err(Error::Engine(damage)) => Ok(Err(damage)),
        Err(other) => Err(other),
    }
}

fn invalid_indexes(tx: &mut ReadTx<'_>) -> Result<Vec<String>, Error> {
    let sql = "SELECT CAST(c.relname AS TEXT) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               WHERE c.relnamespace = current_schema()::regnamespace AND NOT (i.indisvalid AND i.indisready)
               ORDER BY 1";
    tx.query(sql, &[], |row| Ok(format!("the index {} is not valid", row.get::<String>(0)?)))
}

fn checksum_failures(tx: &mut ReadTx<'_>) -> Result<Vec<String>, Error> {
    let sql = "SELECT CAST(checksum_failures AS BIGINT) FROM pg_stat_database
               WHERE datname = current_database() AND checksum_failures > 0";
    tx.query(sql, &[], |row| Ok(format!("{} pages had a wrong checksum", row.get::<i64>(0)?)))
}

fn tables(tx: &mut ReadTx<'_>) -> Result<Vec<String>, Error> {
    let sql = "SELECT CAST(relname AS TEXT) FROM pg_class
               WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY 1";
    tx.query(sql, &[], |row| row.get(0))
}

fn indexes(tx: &mut ReadTx<'_>) -> Result<Vec<(i64, String)>, Error> {
    let sql = "SELECT CAST(c.oid AS BIGINT), CAST(c.relname AS TEXT) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
               WHERE c.relkind = 'i' AND a.amname = 'btree' AND c.relnamespace = current_schema()::regnamespace
               ORDER BY 2";
    tx.query(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The schema of the extension that checks indexes, where it is installed.
fn amcheck(tx: &mut ReadTx<'_>) -> Result<Option<String>, Error> {
    let sql = "SELECT CAST(n.nspname AS TEXT) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
               WHERE e.extname = 'amcheck'";
    tx.query_opt(sql, &[], |row| row.get(0))
}
