//! Files of sales.

use jiff::Timestamp;
use purser_store::{Error, ReadTx, WriteTx, params};
use uuid::Uuid;

/// A file that was uploaded.
#[derive(Debug, Clone)]
pub(crate) struct SaleUpload {
    pub(crate) content: String,
    /// When its sales were made, and how many.
    pub(crate) sold: Option<(Timestamp, i64)>,
    /// Who said that it is to be sold, though its sales were made before.
    pub(crate) insisted_by: Option<String>,
}

pub(crate) fn upload_insert(
    tx: &mut WriteTx<'_>,
    id: Uuid,
    content: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO charge_upload (id, content, actor, created_at) VALUES (?1, ?2, ?3, ?4)",
        &params![id, content, actor, now],
    )
    .map(drop)
}

pub(crate) fn upload_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<SaleUpload>, Error> {
    tx.query_opt("SELECT content, sold_at, sales, insisted_by FROM charge_upload WHERE id = ?1", &params![id], |row| {
        let sold = row.get::<Option<Timestamp>>(1)?.zip(row.get(2)?);
        Ok(SaleUpload { content: row.get(0)?, sold, insisted_by: row.get(3)? })
    })
}

/// Notes who says that a file is to be sold all the same.
pub(crate) fn upload_insisted(tx: &mut WriteTx<'_>, id: Uuid, actor: &str) -> Result<(), Error> {
    tx.execute("UPDATE charge_upload SET insisted_by = ?2 WHERE id = ?1", &params![id, actor]).map(drop)
}

/// Notes that a file's sales are made; whether they had not been before.
pub(crate) fn upload_sold(tx: &mut WriteTx<'_>, id: Uuid, now: Timestamp, sales: i64) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE charge_upload SET sold_at = ?2, sales = ?3 WHERE id = ?1 AND sold_at IS NULL",
        &params![id, now, sales],
    )?;
    Ok(changed > 0)
}

/// How many files came before `before`.
///
/// # Errors
/// The store's.
pub fn uploads_old(tx: &mut ReadTx<'_>, before: Timestamp) -> Result<u64, Error> {
    tx.query_one("SELECT COUNT(*) FROM charge_upload WHERE created_at < ?1", &params![before], |row| {
        row.get::<i64>(0).map(i64::unsigned_abs)
    })
}

/// Forgets files that came before `before`, whether their sales were made or not: at most `limit` of them. Says how many.
///
/// # Errors
/// The store's.
pub fn uploads_purge(tx: &mut WriteTx<'_>, before: Timestamp, limit: u32) -> Result<u64, Error> {
    let sql = "DELETE FROM charge_upload
               WHERE id IN (SELECT id FROM charge_upload WHERE created_at < ?1 LIMIT ?2)";
    tx.execute(sql, &params![before, limit])
}
