//! Where the bank says otherwise than we do.

use jiff::Timestamp;
use purser_ledger::EntryId;
use purser_money::{Currency, Money};
use purser_store::{Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use super::unread;
use crate::contradiction::{
    BankClaim, ContradictionKind, ContradictionRemedy, ContradictionState, WithdrawalContradiction,
};
use crate::status::WithdrawalStatus;
use crate::utr::Utr;

/// What the console lists.
pub(crate) const CONTRADICTIONS_FROM: &str =
    "coins_contradiction c JOIN coins_withdrawal w ON w.id = c.withdrawal JOIN coins_user u ON u.id = w.owner";

const SELECT: &str = "SELECT c.id, c.withdrawal, c.kind, c.said, c.utr, c.paid, c.status, c.own_utr, c.due, c.told,
     c.found_by, c.found_at, c.state, c.settlement, c.decided_by, c.decided_at, c.reason, c.entry
     FROM coins_contradiction c";

fn read(row: &Row<'_>) -> Result<WithdrawalContradiction, Error> {
    let (kind, said, state): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(12)?);
    let (status, settlement): (String, Option<String>) = (row.get(6)?, row.get(13)?);
    let utr = |index: usize| Ok::<_, Error>(row.get::<Option<String>>(index)?.map(Utr::from_column));
    let claim = match (said.as_str(), utr(4)?) {
        ("paid", Some(utr)) => BankClaim::Paid(utr),
        ("failed", _) => BankClaim::Failed,
        _ => return Err(unread("coins_contradiction.said", &said)),
    };
    let settlement = settlement.map(|word| {
        ContradictionRemedy::from_name(&word).ok_or_else(|| unread("coins_contradiction.settlement", &word))
    });
    Ok(WithdrawalContradiction {
        id: row.get(0)?,
        withdrawal: row.get(1)?,
        kind: ContradictionKind::from_name(&kind).ok_or_else(|| unread("coins_contradiction.kind", &kind))?,
        claim,
        paid: row.get::<Option<i64>>(5)?.map(|paid| Money::new(paid, Currency::INR)),
        status: WithdrawalStatus::from_name(&status).ok_or_else(|| unread("coins_contradiction.status", &status))?,
        own_utr: utr(7)?,
        due: Money::new(row.get(8)?, Currency::INR),
        told: row.get(9)?,
        found_by: row.get(10)?,
        found_at: row.get(11)?,
        state: ContradictionState::from_name(&state).ok_or_else(|| unread("coins_contradiction.state", &state))?,
        settlement: settlement.transpose()?,
        decided: row.get::<Option<String>>(14)?.zip(row.get::<Option<Timestamp>>(15)?),
        reason: row.get(16)?,
        entry: row.get::<Option<i64>>(17)?.map(EntryId::from_column),
    })
}

pub(crate) fn contradiction_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<WithdrawalContradiction>, Error> {
    tx.query_opt(&format!("{SELECT} WHERE c.id = ?1"), &params![id], read)
}

/// The newest that says the same. What was dismissed counts only while the withdrawal stands as it did then: of one that
/// has become something else since, the same words say something new.
pub(crate) fn contradiction_same(
    tx: &mut ReadTx<'_>,
    one: &WithdrawalContradiction,
) -> Result<Option<WithdrawalContradiction>, Error> {
    let sql = format!(
        "{SELECT} WHERE c.withdrawal = ?1 AND c.kind = ?2 AND c.said = ?3 AND COALESCE(c.utr_key, '') = ?4
         AND COALESCE(c.paid, 0) = ?5 AND (c.state <> 'dismissed' OR c.status = ?6) ORDER BY c.id DESC LIMIT 1"
    );
    let said = if one.utr().is_some() { "paid" } else { "failed" };
    let utr = one.utr().map(Utr::key).unwrap_or_default();
    let paid = one.paid.map_or(0, Money::minor);
    tx.query_opt(&sql, &params![one.withdrawal, one.kind.name(), said, utr, paid, one.status.name()], read)
}

/// Those of a withdrawal, newest first.
pub(crate) fn contradictions_of(
    tx: &mut ReadTx<'_>,
    withdrawal: Uuid,
    limit: u32,
) -> Result<Vec<WithdrawalContradiction>, Error> {
    let sql = format!("{SELECT} WHERE c.withdrawal = ?1 ORDER BY c.id DESC LIMIT ?2");
    tx.query(&sql, &params![withdrawal, limit], read)
}

/// Those in which the bank names this UTR and that were not dismissed: while there is one, the UTR pays nothing else.
pub(crate) fn contradictions_with(tx: &mut ReadTx<'_>, utr: &Utr) -> Result<Vec<WithdrawalContradiction>, Error> {
    let sql = format!("{SELECT} WHERE c.utr_key IN (?1, ?2) AND c.state <> 'dismissed' ORDER BY c.id");
    tx.query(&sql, &params![utr.key(), utr.labeled()], read)
}

/// Keeps one, unless the same is kept already; whether it was new.
pub(crate) fn contradiction_insert(tx: &mut WriteTx<'_>, one: &WithdrawalContradiction) -> Result<bool, Error> {
    let said = if one.utr().is_some() { "paid" } else { "failed" };
    let once = one.once();
    let inserted = tx.execute(
        "INSERT INTO coins_contradiction (id, withdrawal, kind, said, utr, utr_key, paid, status, own_utr, due, told,
             once, found_by, found_at, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'open')
         ON CONFLICT (once) DO NOTHING",
        &params![
            one.id,
            one.withdrawal,
            one.kind.name(),
            said,
            one.utr().map(Utr::as_str),
            one.utr().map(Utr::key),
            one.paid.map(Money::minor),
            one.status.name(),
            one.own_utr.as_ref().map(Utr::as_str),
            one.due.minor(),
            &one.told,
            &once,
            &one.found_by,
            one.found_at
        ],
    )?;
    Ok(inserted == 1)
}

/// Writes down what was decided on it, if nobody did before.
pub(crate) fn contradiction_decide(tx: &mut WriteTx<'_>, one: &WithdrawalContradiction) -> Result<bool, Error> {
    let (by, at) = (one.decided.as_ref().map(|(by, _)| by.clone()), one.decided.as_ref().map(|(_, at)| *at));
    let decided = tx.execute(
        "UPDATE coins_contradiction SET state = ?2, settlement = ?3, decided_by = ?4, decided_at = ?5, reason = ?6
         WHERE id = ?1 AND state = 'open'",
        &params![
            one.id,
            one.state.name(),
            one.settlement.map(ContradictionRemedy::name),
            by.as_deref(),
            at,
            one.reason.as_deref()
        ],
    )?;
    Ok(decided == 1)
}

/// Writes down the posting that put it right.
pub(crate) fn contradiction_entry(tx: &mut WriteTx<'_>, id: Uuid, entry: EntryId) -> Result<(), Error> {
    tx.execute("UPDATE coins_contradiction SET entry = ?2 WHERE id = ?1", &params![id, entry.get()])?;
    Ok(())
}
