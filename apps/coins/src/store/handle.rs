//! The handles that coins may be paid to.

use jiff::Timestamp;
use purser_store::{Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

/// What the console lists.
pub(crate) const HANDLES_FROM: &str = "coins_handle h";

/// A handle on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    /// The id.
    pub id: Uuid,
    /// What stands after the @, in lower case.
    pub handle: String,
    /// Whose it is, for people.
    pub provider: String,
    /// Who put it on the list.
    pub added_by: String,
    /// When.
    pub added_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<Handle, Error> {
    Ok(Handle {
        id: row.get(0)?,
        handle: row.get(1)?,
        provider: row.get(2)?,
        added_by: row.get(3)?,
        added_at: row.get(4)?,
    })
}

pub(crate) fn handle_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Handle>, Error> {
    let sql = "SELECT id, handle, provider, added_by, added_at FROM coins_handle WHERE id = ?1";
    tx.query_opt(sql, &params![id], read)
}

pub(crate) fn handle_by_name(tx: &mut ReadTx<'_>, handle: &str) -> Result<Option<Handle>, Error> {
    let sql = "SELECT id, handle, provider, added_by, added_at FROM coins_handle WHERE handle = ?1";
    tx.query_opt(sql, &params![handle], read)
}

pub(crate) fn handle_insert(tx: &mut WriteTx<'_>, handle: &Handle) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO coins_handle (id, handle, provider, added_by, added_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        &params![handle.id, &handle.handle, &handle.provider, &handle.added_by, handle.added_at],
    )?;
    Ok(())
}

pub(crate) fn handle_rename(tx: &mut WriteTx<'_>, id: Uuid, provider: &str) -> Result<(), Error> {
    tx.execute("UPDATE coins_handle SET provider = ?2 WHERE id = ?1", &params![id, provider])?;
    Ok(())
}

pub(crate) fn handle_delete(tx: &mut WriteTx<'_>, id: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM coins_handle WHERE id = ?1", &params![id])?;
    Ok(())
}
