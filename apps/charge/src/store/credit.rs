//! Credit transactions: what staff gave and took, and the references that they answer.

use jiff::Timestamp;
use purser_kit::reference_form;
use purser_ledger::EntryId;
use purser_money::{Currency, Money};
use purser_store::{Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use super::Conditions;
use crate::domain::{CreditKind, CreditTransaction};

/// What the console lists.
pub(crate) const CREDIT_FROM: &str = "charge_credit i JOIN charge_seller s ON s.id = i.seller";

const CREDIT_SELECT: &str = "SELECT id, seller, kind, amount, credit_after, reference, reason, repeats, repeat_meant, \
     takes_back, taken_back, actor, entry, created_at FROM charge_credit";

/// Which credit transactions, newest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct CreditFilter {
    pub(crate) id: Option<Uuid>,
    pub(crate) seller: Option<Uuid>,
    /// In any spelling.
    pub(crate) reference: Option<String>,
    pub(crate) from: Option<Timestamp>,
    /// Before this moment.
    pub(crate) until: Option<Timestamp>,
    pub(crate) before: Option<Uuid>,
    pub(crate) limit: u32,
}

fn read_credit(row: &Row<'_>, currency: Currency) -> Result<CreditTransaction, Error> {
    let kind: String = row.get(2)?;
    Ok(CreditTransaction {
        id: row.get(0)?,
        seller: row.get(1)?,
        kind: CreditKind::from_name(&kind).ok_or_else(|| Error::Engine(format!("charge_credit.kind is {kind}")))?,
        amount: Money::new(row.get(3)?, currency),
        credit_after: Money::new(row.get(4)?, currency),
        reference: row.get(5)?,
        reason: row.get(6)?,
        repeats: row.get(7)?,
        repeat_meant: row.get::<i64>(8)? != 0,
        takes_back: row.get(9)?,
        taken_back: row.get::<i64>(10)? != 0,
        actor: row.get(11)?,
        entry: EntryId::from_column(row.get(12)?),
        created_at: row.get(13)?,
    })
}

pub(crate) fn credits_list(
    tx: &mut ReadTx<'_>,
    filter: &CreditFilter,
    currency: Currency,
) -> Result<Vec<CreditTransaction>, Error> {
    let form = filter.reference.as_deref().map(reference_form);
    let mut conditions = Conditions::new();
    conditions.add("id = ?", filter.id);
    conditions.add("seller = ?", filter.seller);
    conditions.add("reference_form = ?", form.as_deref());
    conditions.add("created_at >= ?", filter.from);
    conditions.add("created_at < ?", filter.until);
    conditions.add("id < ?", filter.before);
    let (sql, params) = conditions.page(CREDIT_SELECT, "id", filter.limit);
    tx.query(&sql, &params, |row| read_credit(row, currency))
}

pub(crate) fn credit_find(
    tx: &mut ReadTx<'_>,
    id: Uuid,
    currency: Currency,
) -> Result<Option<CreditTransaction>, Error> {
    let filter = CreditFilter { id: Some(id), limit: 1, ..CreditFilter::default() };
    Ok(credits_list(tx, &filter, currency)?.pop())
}

pub(crate) fn credit_insert(tx: &mut WriteTx<'_>, credit: &CreditTransaction) -> Result<(), Error> {
    forms_fill(tx)?;
    tx.execute(
        "INSERT INTO charge_credit (id, seller, kind, amount, credit_after, reference, reference_form, reason, repeats,
             repeat_meant, takes_back, actor, entry, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        &params![
            credit.id,
            credit.seller,
            credit.kind.name(),
            credit.amount.minor(),
            credit.credit_after.minor(),
            credit.reference.as_deref(),
            credit.reference.as_deref().map(reference_form).as_deref(),
            credit.reason.as_deref(),
            credit.repeats,
            i64::from(credit.repeat_meant),
            credit.takes_back,
            &credit.actor,
            credit.entry.get(),
            credit.created_at,
        ],
    )?;
    Ok(())
}

/// Notes that an increase is taken back: its reference is free again.
pub(crate) fn credit_taken_back(tx: &mut WriteTx<'_>, id: Uuid) -> Result<bool, Error> {
    let sql = "UPDATE charge_credit SET taken_back = 1 WHERE id = ?1 AND kind = 'increase' AND taken_back = 0";
    Ok(tx.execute(sql, &params![id])? == 1)
}

/// The first increase that stands and answers the payment with this form of its reference.
pub(crate) fn increase_by_form(
    tx: &mut ReadTx<'_>,
    form: &str,
    currency: Currency,
) -> Result<Option<CreditTransaction>, Error> {
    // The rows of before are read as well, and filled in by whoever writes the next credit.
    let mut ids: Vec<Uuid> =
        forms_missing(tx)?.into_iter().filter(|(_, missing)| missing == form).map(|(id, _)| id).collect();
    let sql = "SELECT id FROM charge_credit WHERE reference_form = ?1 AND kind = 'increase' AND taken_back = 0";
    ids.extend(tx.query(sql, &params![form], |row| row.get::<Uuid>(0))?);
    ids.sort_unstable();
    for id in ids {
        let credit = credit_find(tx, id, currency)?;
        if let Some(credit) = credit.filter(|one| one.kind == CreditKind::Increase && !one.taken_back) {
            return Ok(Some(credit));
        }
    }
    Ok(None)
}

/// The credits whose references have no form yet, with the form that each will have.
fn forms_missing(tx: &mut ReadTx<'_>) -> Result<Vec<(Uuid, String)>, Error> {
    let sql =
        "SELECT id, reference FROM charge_credit WHERE reference IS NOT NULL AND reference_form IS NULL ORDER BY id";
    let missing = tx.query(sql, &[], |row| Ok((row.get(0)?, row.get::<String>(1)?)))?;
    Ok(missing.into_iter().map(|(id, reference)| (id, reference_form(&reference))).collect())
}

/// Fills in the forms that the migration could not write: SQL folds the case of ASCII alone. Nothing is left to do after
/// the first time.
fn forms_fill(tx: &mut WriteTx<'_>) -> Result<(), Error> {
    for (id, form) in forms_missing(tx)? {
        let sql = "UPDATE charge_credit SET reference_form = ?2, repeats =
                 (SELECT f.id FROM charge_credit f WHERE f.reference_form = ?2 AND ?2 <> '' AND f.id <> ?1 ORDER BY f.id LIMIT 1)
             WHERE id = ?1";
        tx.execute(sql, &params![id, &form])?;
    }
    Ok(())
}

/// What staff gave a seller, what they took, and what they took back, in minor units.
pub(crate) fn credit_sums(tx: &mut ReadTx<'_>, seller: Uuid) -> Result<(i64, i64, i64), Error> {
    tx.query_one(
        "SELECT CAST(COALESCE(SUM(CASE WHEN kind = 'increase' THEN amount END), 0) AS BIGINT),
                CAST(COALESCE(SUM(CASE WHEN kind = 'decrease' AND takes_back IS NULL THEN amount END), 0) AS BIGINT),
                CAST(COALESCE(SUM(CASE WHEN takes_back IS NOT NULL THEN amount END), 0) AS BIGINT)
         FROM charge_credit WHERE seller = ?1",
        &params![seller],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}
