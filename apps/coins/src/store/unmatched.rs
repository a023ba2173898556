//! Payments that the bank names for a withdrawal that there is not.

use purser_money::{Currency, Money};
use purser_store::{Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use super::unread;
use crate::contradiction::ContradictionState;
use crate::unmatched::UnmatchedPayment;
use crate::utr::Utr;

/// What the console lists.
pub(crate) const UNMATCHED_FROM: &str = "coins_unmatched m";

const SELECT: &str = "SELECT m.id, m.named, m.utr, m.paid, m.told, m.found_by, m.found_at, m.state, m.decided_by,
     m.decided_at, m.reason FROM coins_unmatched m";

fn read(row: &Row<'_>) -> Result<UnmatchedPayment, Error> {
    let state: String = row.get(7)?;
    Ok(UnmatchedPayment {
        id: row.get(0)?,
        named: row.get(1)?,
        utr: Utr::from_column(row.get(2)?),
        paid: row.get::<Option<i64>>(3)?.map(|paid| Money::new(paid, Currency::INR)),
        told: row.get(4)?,
        found_by: row.get(5)?,
        found_at: row.get(6)?,
        state: ContradictionState::from_name(&state).ok_or_else(|| unread("coins_unmatched.state", &state))?,
        decided: row.get::<Option<String>>(8)?.zip(row.get(9)?),
        reason: row.get(10)?,
    })
}

pub(crate) fn unmatched_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<UnmatchedPayment>, Error> {
    tx.query_opt(&format!("{SELECT} WHERE m.id = ?1"), &params![id], read)
}

/// The one that says the same.
pub(crate) fn unmatched_same(tx: &mut ReadTx<'_>, once: &str) -> Result<Option<UnmatchedPayment>, Error> {
    tx.query_opt(&format!("{SELECT} WHERE m.once = ?1"), &params![once], read)
}

/// The first in which the bank names this UTR and that nobody has dismissed: while there is one, the UTR pays nothing.
pub(crate) fn unmatched_with(tx: &mut ReadTx<'_>, utr: &Utr) -> Result<Option<UnmatchedPayment>, Error> {
    let sql = format!("{SELECT} WHERE m.utr_key = ?1 AND m.state = 'open' ORDER BY m.id LIMIT 1");
    tx.query_opt(&sql, &params![utr.key()], read)
}

/// Keeps one, unless the same is kept already; whether it was new.
pub(crate) fn unmatched_insert(tx: &mut WriteTx<'_>, one: &UnmatchedPayment) -> Result<bool, Error> {
    let once = UnmatchedPayment::once(&one.named, &one.utr, one.paid);
    let inserted = tx.execute(
        "INSERT INTO coins_unmatched (id, named, utr, utr_key, paid, told, once, found_by, found_at, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open') ON CONFLICT (once) DO NOTHING",
        &params![
            one.id,
            &one.named,
            one.utr.as_str(),
            one.utr.key(),
            one.paid.map(Money::minor),
            &one.told,
            &once,
            &one.found_by,
            one.found_at
        ],
    )?;
    Ok(inserted == 1)
}

/// Writes down that it was dismissed, if nobody did before.
pub(crate) fn unmatched_decide(tx: &mut WriteTx<'_>, one: &UnmatchedPayment) -> Result<bool, Error> {
    let (by, at) = (one.decided.as_ref().map(|(by, _)| by.clone()), one.decided.as_ref().map(|(_, at)| *at));
    let decided = tx.execute(
        "UPDATE coins_unmatched SET state = ?2, decided_by = ?3, decided_at = ?4, reason = ?5
         WHERE id = ?1 AND state = 'open'",
        &params![one.id, one.state.name(), by.as_deref(), at, one.reason.as_deref()],
    )?;
    Ok(decided == 1)
}
