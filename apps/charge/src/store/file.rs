//! What was sold from files, by content.

use jiff::Timestamp;
use purser_store::{BulkStatement, Error, ReadTx, WriteTx, params};
use uuid::Uuid;

/// The fingerprint of a row's, or of a whole file's, meaning.
pub(crate) type Fingerprint = [u8; 32];

/// A seller's part of a file that was sold.
#[derive(Debug, Clone)]
pub(crate) struct SaleFileRecord {
    pub(crate) id: Uuid,
    pub(crate) seller: Uuid,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) rows: Vec<Fingerprint>,
}

/// When something was sold from a file, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EarlierSale {
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
}

/// The newest file with these same sales, all of them.
pub(crate) fn file_find(tx: &mut ReadTx<'_>, fingerprint: &Fingerprint) -> Result<Option<EarlierSale>, Error> {
    tx.query_opt(
        "SELECT sold_at, actor FROM charge_file WHERE fingerprint = ?1 ORDER BY id DESC LIMIT 1",
        &params![fingerprint],
        |row| Ok(EarlierSale { at: row.get(0)?, actor: row.get(1)? }),
    )
}

const ROWS_FIND: BulkStatement = BulkStatement {
    sqlite: "SELECT r.fingerprint, r.sold_at, f.actor FROM charge_file_row r JOIN charge_file f ON f.id = r.file
        WHERE r.fingerprint = ?1 AND r.sold_at >= ?2",
    postgres: "SELECT r.fingerprint, r.sold_at, f.actor
        FROM UNNEST(?1::bytea[], ?2::bigint[]) AS asked (fingerprint, since)
        JOIN charge_file_row r ON r.fingerprint = asked.fingerprint AND r.sold_at >= asked.since
        JOIN charge_file f ON f.id = r.file",
};

/// Which of these rows were sold from files since then, perhaps more than once.
pub(crate) fn rows_find(
    tx: &mut ReadTx<'_>,
    rows: &[Fingerprint],
    since: Timestamp,
) -> Result<Vec<(Vec<u8>, EarlierSale)>, Error> {
    let rows: Vec<_> = rows.iter().map(|row| params![row, since]).collect();
    tx.query_bulk(&ROWS_FIND, &rows, |row| Ok((row.get(0)?, EarlierSale { at: row.get(1)?, actor: row.get(2)? })))
}

const ROW_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO charge_file_row (file, fingerprint, sold_at) VALUES (?1, ?2, ?3)",
    postgres: "INSERT INTO charge_file_row (file, fingerprint, sold_at)
        SELECT * FROM UNNEST(?1::uuid[], ?2::bytea[], ?3::bigint[])",
};

/// Remembers a file's sales. Its rows are each there once.
pub(crate) fn file_insert(
    tx: &mut WriteTx<'_>,
    file: &SaleFileRecord,
    sales: i64,
    actor: &str,
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO charge_file (id, seller, fingerprint, sales, actor, sold_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &params![file.id, file.seller, &file.fingerprint, sales, actor, now],
    )?;
    let rows: Vec<_> = file.rows.iter().map(|row| params![file.id, row, now]).collect();
    tx.execute_bulk(&ROW_INSERT, &rows).map(drop)
}

/// Forgets rows that were sold before then, some at a time: the files as a whole stay known.
pub(crate) fn rows_purge(tx: &mut WriteTx<'_>, before: Timestamp, limit: u32) -> Result<(), Error> {
    let sql = "DELETE FROM charge_file_row WHERE (fingerprint, file) IN
               (SELECT fingerprint, file FROM charge_file_row WHERE sold_at < ?1 LIMIT ?2)";
    tx.execute(sql, &params![before, limit]).map(drop)
}
