//! Everything a database holds, as text: to show that a refused command left it as it was.

use purser_store::{Engine, Error, ReadTx, params};
use purser_testkit::TestDb;

/// Every row of every table, in an order that depends on nothing but the rows. Sequences are no rows: PostgreSQL does
/// not take back a number that a refused command has drawn.
pub(crate) async fn dump(db: &TestDb) -> String {
    dump_of(db, &[""]).await
}

/// The rows of the tables whose names begin so: for a server whose schedules and keys write of their own accord, every
/// minute, whatever is asked of it.
pub(crate) async fn dump_of(db: &TestDb, beginnings: &'static [&'static str]) -> String {
    db.read(move |tx| tables(tx, beginnings)).await.expect("dumping the database")
}

fn tables(tx: &mut ReadTx<'_>, beginnings: &[&str]) -> Result<String, Error> {
    let tables = match tx.engine() {
        Engine::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
        Engine::Postgres => "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    };
    let mut tables = tx.query(tables, &[], |row| row.get::<String>(0))?;
    for beginning in beginnings {
        assert!(tables.iter().any(|table| table.starts_with(beginning)), "no table's name begins with {beginning}");
    }
    tables.retain(|table| beginnings.iter().any(|beginning| table.starts_with(beginning)));
    let mut text = String::new();
    for table in tables {
        let row = match tx.engine() {
            Engine::Sqlite => sqlite_row(tx, &table)?,
            Engine::Postgres => format!("CAST({table} AS TEXT)"),
        };
        let rows = tx.query(&format!("SELECT {row} FROM {table} ORDER BY 1"), &[], |row| row.get::<String>(0))?;
        text.extend(rows.into_iter().map(|row| format!("{table}: {row}\n")));
    }
    Ok(text)
}

fn sqlite_row(tx: &mut ReadTx<'_>, table: &str) -> Result<String, Error> {
    let columns = tx.query("SELECT 'quote(' || name || ')' FROM pragma_table_info(?1)", &params![table], |row| {
        row.get::<String>(0)
    })?;
    Ok(columns.join(" || ',' || "))
}
