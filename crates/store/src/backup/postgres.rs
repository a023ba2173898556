//! The server's half: its own snapshot, and one transaction that builds the new tables and moves the old aside.

use super::{
    MIGRATIONS, RestoreTargetState, TableColumn, TableInfo, ValueKind, is_ours, quoted, quoted_list, rooms, rows,
};
use crate::postgres::PostgresConnection;
use crate::tx::Isolation;
use crate::{Error, ReadTx, WriteTx, migrate, params};

/// A transaction that sees one moment, and changes nothing.
pub(super) struct PostgresSnapshot(PostgresConnection);

impl PostgresSnapshot {
    pub(super) fn take(url: &str) -> Result<Self, Error> {
        let mut connection = PostgresConnection::connect(url)?;
        // No statement or idle limit of the server's may end it half way.
        connection.script("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")?;
        connection.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let mut frozen = PostgresSnapshot(connection);
        // The first statement takes the snapshot.
        if !migrate::table_exists(&mut frozen.tx())? {
            return Err(Error::Unavailable("there is nothing of Purser's in this database".to_owned()));
        }
        Ok(frozen)
    }

    pub(super) fn tx(&mut self) -> WriteTx<'_> {
        WriteTx::postgres(&mut self.0, Isolation::Serializable)
    }

    pub(super) fn rows<E: From<Error>>(
        &mut self,
        table: &TableInfo,
        each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let columns = super::columns(&mut self.tx(), &table.name)?;
        let names = columns.iter().map(|column| match column.kind {
            ValueKind::Uuid => format!("uuid_send({})", quoted(&column.name)),
            _ => quoted(&column.name),
        });
        let names = names.collect::<Vec<_>>().join(", ");
        let sql = format!("COPY (SELECT {names} FROM {}) TO STDOUT", quoted(&table.name));
        self.0.copy_out(&sql, each)
    }
}

/// One transaction: it stands whole, or not at all.
pub(super) struct PostgresRestore {
    connection: PostgresConnection,
    kept: Option<String>,
}

impl PostgresRestore {
    pub(super) fn begin(url: &str, aside: &str) -> Result<Self, Error> {
        let mut connection = PostgresConnection::connect(url)?;
        connection.script("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")?;
        connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED")?;
        // Whoever works with the tables holds them for a moment only; one who holds them longer is still at work.
        connection.script("SET LOCAL lock_timeout = '5s'")?;
        let kept = move_aside(&mut WriteTx::postgres(&mut connection, Isolation::Serializable), aside)?;
        Ok(PostgresRestore { connection, kept })
    }

    pub(super) fn tx(&mut self) -> WriteTx<'_> {
        WriteTx::postgres(&mut self.connection, Isolation::Serializable)
    }

    pub(super) fn fill<E: From<Error>>(
        &mut self,
        table: &TableInfo,
        columns: &[TableColumn],
        mut next: impl FnMut(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<u64, E> {
        super::clear(&mut self.tx(), table)?;
        let sql = format!("COPY {} ({}) FROM STDIN", quoted(&table.name), quoted_list(&table.columns));
        let mut line = Vec::new();
        self.connection.copy_in(&sql, |out| {
            line.clear();
            let is_more = next(&mut line)?;
            if is_more {
                line_write(out, columns, &line);
            }
            Ok(is_more)
        })
    }

    pub(super) fn finish(mut self) -> Result<Option<String>, Error> {
        sequences_set(&mut self.tx())?;
        self.connection.commit()?;
        Ok(self.kept)
    }
}

/// The same line, with ids in hex digits alone: the type `uuid` takes those.
fn line_write(out: &mut Vec<u8>, columns: &[TableColumn], line: &[u8]) {
    for (index, field) in rows::fields(line).enumerate() {
        if index > 0 {
            out.push(b'\t');
        }
        let is_id = columns.get(index).is_some_and(|column| column.kind == ValueKind::Uuid);
        out.extend_from_slice(if is_id { field.strip_prefix(rows::BYTES).unwrap_or(field) } else { field });
    }
    if !line.ends_with(b"\n") {
        out.push(b'\n');
    }
}

/// Moves all that is ours into a schema of this name, and says its name; `None` where there is nothing.
fn move_aside(tx: &mut WriteTx<'_>, aside: &str) -> Result<Option<String>, Error> {
    if !migrate::table_exists(tx)? {
        return Ok(None);
    }
    let rooms = rooms(tx)?;
    let ours = |sql: &str, tx: &mut WriteTx<'_>| -> Result<Vec<(String, String)>, Error> {
        let found = tx.query(sql, &[], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))?;
        Ok(found.into_iter().filter(|(_, name)| is_ours(&rooms, name)).collect())
    };
    let tables = "SELECT 'TABLE', CAST(relname AS TEXT) FROM pg_class
                  WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY 2";
    let sequences = "SELECT 'SEQUENCE', CAST(relname AS TEXT) FROM pg_class
                     WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace ORDER BY 2";
    let functions = "SELECT 'FUNCTION', CAST(proname AS TEXT) FROM pg_proc
                     WHERE pronamespace = current_schema()::regnamespace ORDER BY 2";
    tx.script(&format!("CREATE SCHEMA {}", quoted(aside)))?;
    for sql in [tables, sequences, functions] {
        for (kind, name) in ours(sql, tx)? {
            tx.script(&format!("ALTER {kind} {} SET SCHEMA {}", quoted(&name), quoted(aside)))?;
        }
    }
    Ok(Some(format!("schema {aside}")))
}

/// Sequences are no rows. Each is named for the table whose ids it hands out, and goes on after the largest of them.
fn sequences_set(tx: &mut WriteTx<'_>) -> Result<(), Error> {
    let rooms = rooms(tx)?;
    let sql = "SELECT CAST(relname AS TEXT) FROM pg_class
               WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace ORDER BY 1";
    let sequences = tx.query(sql, &[], |row| row.get::<String>(0))?;
    for sequence in sequences.iter().filter(|name| is_ours(&rooms, name)) {
        let table = sequence.strip_suffix("_id").ok_or_else(|| {
            Error::Engine(format!("the sequence {sequence} is not named for a table: where does it go on?"))
        })?;
        let sql = format!(
            "SELECT setval('{}', COALESCE(MAX(id), 0) + 1, false) FROM {}",
            quoted(sequence).replace('\'', "''"),
            quoted(table)
        );
        tx.query(&sql, &[], |_| Ok(()))?;
    }
    Ok(())
}

pub(super) fn target_state(url: &str, unmissed: &[&str]) -> Result<RestoreTargetState, Error> {
    let mut connection = PostgresConnection::connect(url)?;
    super::target_state(&mut WriteTx::postgres(&mut connection, Isolation::Serializable), unmissed)
}

/// Names and types.
pub(super) fn columns(tx: &mut ReadTx<'_>, table: &str) -> Result<Vec<(String, String)>, Error> {
    let sql = "SELECT CAST(attname AS TEXT), CAST(format_type(atttypid, NULL) AS TEXT) FROM pg_attribute
               WHERE attrelid = (SELECT oid FROM pg_class WHERE relname = CAST(?1 AS TEXT) AND relkind = 'r'
                                 AND relnamespace = current_schema()::regnamespace)
                 AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    tx.query(sql, &params![table], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Who refers to whom.
pub(super) fn references(tx: &mut ReadTx<'_>) -> Result<Vec<(String, String)>, Error> {
    let sql = "SELECT CAST(f.relname AS TEXT), CAST(t.relname AS TEXT) FROM pg_constraint c
               JOIN pg_class f ON f.oid = c.conrelid JOIN pg_class t ON t.oid = c.confrelid
               WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace";
    let found = tx.query(sql, &[], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))?;
    Ok(found.into_iter().filter(|(from, _)| from != MIGRATIONS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lose_the_mark_of_bytes_and_nothing_else_does() {
        let column = |kind| TableColumn { name: "c".to_owned(), kind };
        let columns =
            [column(ValueKind::Uuid), column(ValueKind::Bytes), column(ValueKind::Text), column(ValueKind::Uuid)];
        let mut out = Vec::new();
        line_write(&mut out, &columns, b"\\\\x00ff\t\\\\x00\t\\\\x\t\\N\n");
        assert_eq!(out, b"00ff\t\\\\x00\t\\\\x\t\\N\n");
    }
}
