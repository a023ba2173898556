//! The transaction that a command or a query works in.

use std::ops::{Deref, DerefMut};

use crate::postgres::PostgresConnection;
use crate::{Engine, Error, Param, Row, sqlite};

/// A transaction that reads: one consistent snapshot. It is handed to a closure and cannot outlive it.
///
/// It has no method that changes a row, so a command that writes does not compile inside [`Store::read`]:
///
/// ```compile_fail,E0599
/// # async fn count(store: purser_store::Store) -> Result<u64, purser_store::Error> {
/// store.read(|tx| tx.execute("DELETE FROM ledger_account", &[])).await
/// # }
/// ```
///
/// Once a statement has failed, the transaction can only roll back, on both engines: every later statement answers
/// [`Error::Aborted`], and the commit is refused with the first error.
///
/// [`Store::read`]: crate::Store::read
pub struct ReadTx<'c> {
    backend: Backend<'c>,
    isolation: Isolation,
    failure: Option<Error>,
}

/// A transaction that reads and writes. It reads by the methods of [`ReadTx`], and is taken wherever one is asked for.
/// The store decides whether it commits: `Ok` commits, anything else rolls back.
pub struct WriteTx<'c>(ReadTx<'c>);

impl<'c> Deref for WriteTx<'c> {
    type Target = ReadTx<'c>;

    fn deref(&self) -> &ReadTx<'c> {
        &self.0
    }
}

impl<'c> DerefMut for WriteTx<'c> {
    fn deref_mut(&mut self) -> &mut ReadTx<'c> {
        &mut self.0
    }
}

/// What a transaction is promised about the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Isolation {
    /// It is as if there were none.
    #[default]
    Serializable,
    /// It sees one moment, and nobody has changed since then what it changes.
    Snapshot,
}

enum Backend<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut PostgresConnection),
}

/// One statement over many rows, in both dialects: SQLite runs a prepared statement once a row, which for an embedded
/// engine is as quick as anything; PostgreSQL runs it once, with each `?n` bound to the array of the rows' nth values
/// (`UNNEST(?1::bigint[], ?2::text[])`), which saves a round trip a row.
#[derive(Debug, Clone, Copy)]
pub struct BulkStatement {
    /// Run once for each row.
    pub sqlite: &'static str,
    /// Run once for all rows; every parameter is an array.
    pub postgres: &'static str,
}

impl<'c> ReadTx<'c> {
    /// Says that this command touches rows by the tens of thousands. To be called before anything else that costs time.
    ///
    /// PostgreSQL finds out which serializable transactions meet by noting the rows that each has read, and past a few
    /// dozen it notes the whole table: a bulk command would meet everybody who touches any row of it, and lose, however
    /// often it is tried. So there it begins anew and works on a snapshot (REPEATABLE READ): it still fails, and is
    /// tried again, where a row that it changes was changed by somebody else meanwhile. What it only reads it must not
    /// rely on, unless whoever changes that also changes a row that this command changes.
    ///
    /// SQLite has one writer, and nothing changes there.
    ///
    /// # Errors
    /// One that only the store reads: pass it on.
    pub fn bulk(&mut self) -> Result<(), Error> {
        match (&self.backend, self.isolation) {
            (Backend::Postgres(_), Isolation::Serializable) => {
                self.failure.get_or_insert(Error::Bulk);
                Err(Error::Bulk)
            }
            _ => Ok(()),
        }
    }

    /// The engine underneath, for the rare pair of statements.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// Whether this command works on a snapshot, and so does well to lock early what it will change: see
    /// [`ReadTx::bulk`].
    #[must_use]
    pub fn is_bulk(&self) -> bool {
        self.isolation == Isolation::Snapshot
    }

    /// All rows of a query, each read by `read`.
    ///
    /// # Errors
    /// As the engine refuses it, or as `read` says.
    pub fn query<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        debug_assert!(only_reads(sql), "a query that writes: {sql}");
        self.collect(sql, params, read)
    }

    /// The first row of a query, or `None` where it has none.
    ///
    /// # Errors
    /// As the engine refuses it, or as `read` says.
    pub fn query_opt<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        debug_assert!(only_reads(sql), "a query that writes: {sql}");
        let mut first = None;
        self.visit(sql, params, |row| {
            first = Some(read(row)?);
            Ok(false)
        })?;
        Ok(first)
    }

    /// The only row of a query.
    ///
    /// # Errors
    /// [`Error::NotOne`] where it has none, or more than one; otherwise as the engine or `read` says.
    pub fn query_one<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        debug_assert!(only_reads(sql), "a query that writes: {sql}");
        let mut rows = Vec::with_capacity(1);
        self.visit(sql, params, |row| {
            rows.push(read(row)?);
            Ok(rows.len() < 2)
        })?;
        let found = rows.len();
        rows.pop().filter(|_| found == 1).ok_or(Error::NotOne { found })
    }

    /// Runs the query `each` over `rows` and reads all that it finds. On SQLite the answers come in the order of the
    /// rows; on PostgreSQL in any, unless the statement says: let each answer carry its key.
    ///
    /// # Errors
    /// As the engine refuses it, or as `read` says.
    pub fn query_bulk<T, const N: usize>(
        &mut self,
        each: &BulkStatement,
        rows: &[[Param<'_>; N]],
        read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        debug_assert!(only_reads(each.sqlite) && only_reads(each.postgres), "a query that writes: {each:?}");
        self.collect_bulk(each, rows, read)
    }

    fn collect_bulk<T, const N: usize>(
        &mut self,
        each: &BulkStatement,
        rows: &[[Param<'_>; N]],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::with_capacity(rows.len());
        if rows.is_empty() {
            return Ok(found);
        }
        let mut collect = |row: &Row<'_>| {
            found.push(read(row)?);
            Ok(true)
        };
        self.guarded(rows.as_flattened(), |backend| match backend {
            Backend::Sqlite(connection) => sqlite::query_bulk(connection, each.sqlite, rows, &mut collect),
            Backend::Postgres(connection) => connection.query_bulk(each.postgres, rows, &mut collect),
        })?;
        Ok(found)
    }

    /// The error that dooms this transaction, if one has.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    fn collect<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        self.visit(sql, params, |row| {
            rows.push(read(row)?);
            Ok(true)
        })?;
        Ok(rows)
    }

    fn visit(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.guarded(params, |backend| match backend {
            Backend::Sqlite(connection) => sqlite::query(connection, sql, params, &mut read),
            Backend::Postgres(connection) => connection.query(sql, params, &mut read),
        })
    }

    /// SQLite would go on after a failed statement, and keep text with a NUL; PostgreSQL would not: behave as the
    /// stricter one.
    fn guarded<T>(
        &mut self,
        params: &[Param<'_>],
        run: impl FnOnce(&mut Backend<'c>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.failure.is_some() {
            return Err(Error::Aborted);
        }
        let has_nul = |param: &Param<'_>| matches!(param, Param::Text(text) if text.as_bytes().contains(&0));
        let done = if params.iter().any(has_nul) { Err(Error::Nul) } else { run(&mut self.backend) };
        done.inspect_err(|error| self.failure = Some(error.clone()))
    }
}

impl<'c> WriteTx<'c> {
    pub(crate) fn sqlite(connection: &'c rusqlite::Connection) -> Self {
        WriteTx(ReadTx { backend: Backend::Sqlite(connection), isolation: Isolation::Serializable, failure: None })
    }

    pub(crate) fn postgres(connection: &'c mut PostgresConnection, isolation: Isolation) -> Self {
        WriteTx(ReadTx { backend: Backend::Postgres(connection), isolation, failure: None })
    }

    /// Runs a statement that returns no rows, and says how many it changed.
    ///
    /// # Errors
    /// As the engine refuses it; see [`Error`].
    pub fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, Error> {
        self.guarded(params, |backend| match backend {
            Backend::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Backend::Postgres(connection) => connection.execute(sql, params),
        })
    }

    /// Runs `each` over `rows`, and says how many rows it changed in all. Nothing happens where there are none.
    ///
    /// # Errors
    /// As the engine refuses it; see [`Error`].
    pub fn execute_bulk<const N: usize>(
        &mut self,
        each: &BulkStatement,
        rows: &[[Param<'_>; N]],
    ) -> Result<u64, Error> {
        if rows.is_empty() {
            return Ok(0);
        }
        self.guarded(rows.as_flattened(), |backend| match backend {
            Backend::Sqlite(connection) => sqlite::execute_bulk(connection, each.sqlite, rows),
            Backend::Postgres(connection) => connection.execute_bulk(each.postgres, rows),
        })
    }

    /// Runs a statement that changes or locks rows, or draws numbers, and reads all rows that it returns.
    ///
    /// # Errors
    /// As the engine refuses it, or as `read` says.
    pub fn execute_returning<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.collect(sql, params, read)
    }

    /// Runs a statement that changes or locks rows for each of `rows`, and reads all that it returns, in the order of
    /// [`ReadTx::query_bulk`].
    ///
    /// # Errors
    /// As the engine refuses it, or as `read` says.
    pub fn execute_bulk_returning<T, const N: usize>(
        &mut self,
        each: &BulkStatement,
        rows: &[[Param<'_>; N]],
        read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.collect_bulk(each, rows, read)
    }

    /// Runs several statements without parameters: for migrations.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), Error> {
        self.guarded(&[], |backend| match backend {
            Backend::Sqlite(connection) => connection.execute_batch(sql).map_err(|error| sqlite::translate(&error)),
            Backend::Postgres(connection) => connection.script(sql),
        })
    }
}

/// Whether a statement only reads, as far as its words tell. The engines refuse a write in a read transaction as well,
/// but only when it runs.
fn only_reads(sql: &str) -> bool {
    !["INSERT ", "UPDATE ", "DELETE ", "RETURNING", "nextval("].iter().any(|word| sql.contains(word))
}

/// Reads one row; `Ok(false)` ends the query early.
pub(crate) type RowVisitor<'f> = dyn FnMut(&Row<'_>) -> Result<bool, Error> + 'f;
