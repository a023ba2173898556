//! Withdrawals that were begun together.

use jiff::Timestamp;
use purser_store::{Error, ReadTx, WriteTx, params};
use uuid::Uuid;

/// What the console lists.
pub(crate) const PAYOUTS_FROM: &str = "coins_payout p";

/// Withdrawals that were begun together, and whose file went to the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// The id.
    pub id: Uuid,
    /// Who began it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
}

pub(crate) fn payout_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Payout>, Error> {
    tx.query_opt("SELECT id, made_by, made_at FROM coins_payout WHERE id = ?1", &params![id], |row| {
        Ok(Payout { id: row.get(0)?, made_by: row.get(1)?, made_at: row.get(2)? })
    })
}

/// Writes the payout down, unless it is there already.
pub(crate) fn payout_ensure(tx: &mut WriteTx<'_>, payout: &Payout) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO coins_payout (id, made_by, made_at) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING",
        &params![payout.id, &payout.made_by, payout.made_at],
    )?;
    Ok(())
}
