//! Which UTR pays which withdrawal, and those that were corrected.

use jiff::Timestamp;
use purser_store::{Error, ReadTx, WriteTx, params};
use uuid::Uuid;

use crate::utr::Utr;

/// A UTR that was corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UtrChange {
    /// What it was.
    pub(crate) old: Utr,
    /// What it became.
    pub(crate) new: Utr,
    /// Why.
    pub(crate) reason: String,
    /// Who did it.
    pub(crate) actor: String,
    /// When.
    pub(crate) at: Timestamp,
}

/// Gives a withdrawal its UTR, which no other has then.
pub(crate) fn utr_set(tx: &mut WriteTx<'_>, withdrawal: Uuid, utr: &Utr) -> Result<(), Error> {
    let sql = "UPDATE coins_withdrawal SET utr = ?2, utr_key = ?3 WHERE id = ?1";
    tx.execute(sql, &params![withdrawal, utr.as_str(), utr.key()])?;
    Ok(())
}

pub(crate) fn utr_change_insert(
    tx: &mut WriteTx<'_>,
    id: Uuid,
    withdrawal: Uuid,
    change: &UtrChange,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO coins_utr_change (id, withdrawal, old_utr, old_key, new_utr, reason, actor, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &params![
            id,
            withdrawal,
            change.old.as_str(),
            change.old.key(),
            change.new.as_str(),
            &change.reason,
            &change.actor,
            change.at
        ],
    )?;
    Ok(())
}

/// The corrections of a withdrawal's UTR, oldest first.
pub(crate) fn utr_changes_of(tx: &mut ReadTx<'_>, withdrawal: Uuid) -> Result<Vec<UtrChange>, Error> {
    let sql = "SELECT old_utr, new_utr, reason, actor, created_at FROM coins_utr_change
               WHERE withdrawal = ?1 ORDER BY id";
    tx.query(sql, &params![withdrawal], |row| {
        Ok(UtrChange {
            old: Utr::from_column(row.get(0)?),
            new: Utr::from_column(row.get(1)?),
            reason: row.get(2)?,
            actor: row.get(3)?,
            at: row.get(4)?,
        })
    })
}
