//! Contradictions: what operators said against what was settled.

use jiff::Timestamp;
use purser_money::{Currency, Money};
use purser_store::{Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use super::Conditions;
use crate::contradiction::{ContradictionStatus, SaleContradiction, WordSource};
use crate::domain::{PhoneNumber, SaleStatus};

/// What the console lists.
pub(crate) const CONTRADICTIONS_FROM: &str = "charge_contradiction x JOIN charge_sale c ON c.id = x.sale \
     JOIN charge_seller s ON s.id = c.seller JOIN charge_phone p ON p.id = c.phone";

const SELECT: &str = "SELECT x.id, x.sale, c.seller, s.name, p.number, c.amount, COALESCE(c.price, c.amount), x.settled, \
     x.said, x.source, x.operator_ref, x.words, x.created_at, x.status, x.decided_by, x.decided_at, x.reason, x.withdrawn_at \
     FROM charge_contradiction x JOIN charge_sale c ON c.id = x.sale JOIN charge_seller s ON s.id = c.seller \
     JOIN charge_phone p ON p.id = c.phone";

fn read(row: &Row<'_>, currency: Currency) -> Result<SaleContradiction, Error> {
    let unknown = |name: &str| Error::Engine(format!("charge_contradiction says {name}"));
    let (settled, said): (String, String) = (row.get(7)?, row.get(8)?);
    let (source, status): (String, String) = (row.get(9)?, row.get(13)?);
    Ok(SaleContradiction {
        id: row.get(0)?,
        sale: row.get(1)?,
        seller: row.get(2)?,
        seller_name: row.get(3)?,
        number: PhoneNumber::from_column(row.get(4)?),
        amount: Money::new(row.get(5)?, currency),
        price: Money::new(row.get(6)?, currency),
        settled: SaleStatus::from_name(&settled).ok_or_else(|| unknown(&settled))?,
        said: SaleStatus::from_name(&said).ok_or_else(|| unknown(&said))?,
        source: WordSource::from_name(&source).ok_or_else(|| unknown(&source))?,
        operator_ref: row.get(10)?,
        words: row.get(11)?,
        created_at: row.get(12)?,
        status: ContradictionStatus::from_name(&status).ok_or_else(|| unknown(&status))?,
        decided_by: row.get(14)?,
        decided_at: row.get(15)?,
        reason: row.get(16)?,
        withdrawn_at: row.get(17)?,
    })
}

/// Which contradictions, newest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct ContradictionFilter {
    pub(crate) id: Option<Uuid>,
    pub(crate) sale: Option<Uuid>,
    pub(crate) status: Option<ContradictionStatus>,
    pub(crate) before: Option<Uuid>,
    pub(crate) limit: u32,
}

pub(crate) fn contradictions_list(
    tx: &mut ReadTx<'_>,
    filter: &ContradictionFilter,
    currency: Currency,
) -> Result<Vec<SaleContradiction>, Error> {
    let mut conditions = Conditions::new();
    conditions.add("x.id = ?", filter.id);
    conditions.add("x.sale = ?", filter.sale);
    conditions.add("x.status = ?", filter.status.map(ContradictionStatus::name));
    conditions.add("x.id < ?", filter.before);
    let (sql, params) = conditions.page(SELECT, "x.id", filter.limit);
    tx.query(&sql, &params, |row| read(row, currency))
}

pub(crate) fn contradiction_find(
    tx: &mut ReadTx<'_>,
    id: Uuid,
    currency: Currency,
) -> Result<Option<SaleContradiction>, Error> {
    let filter = ContradictionFilter { id: Some(id), limit: 1, ..ContradictionFilter::default() };
    Ok(contradictions_list(tx, &filter, currency)?.pop())
}

/// The newest contradiction of a sale.
pub(crate) fn contradiction_newest(
    tx: &mut ReadTx<'_>,
    sale: Uuid,
    currency: Currency,
) -> Result<Option<SaleContradiction>, Error> {
    let filter = ContradictionFilter { sale: Some(sale), limit: 1, ..ContradictionFilter::default() };
    Ok(contradictions_list(tx, &filter, currency)?.pop())
}

/// Writes down that the operator took its word back, or, with `None`, that it says it again.
pub(crate) fn contradiction_withdrawn(tx: &mut WriteTx<'_>, id: Uuid, at: Option<Timestamp>) -> Result<(), Error> {
    tx.execute("UPDATE charge_contradiction SET withdrawn_at = ?2 WHERE id = ?1", &params![id, at]).map(drop)
}

/// A word against a settled sale, to be kept.
#[derive(Debug)]
pub(crate) struct NewContradiction<'a> {
    pub(crate) id: Uuid,
    pub(crate) sale: Uuid,
    pub(crate) settled: SaleStatus,
    pub(crate) said: SaleStatus,
    pub(crate) source: WordSource,
    pub(crate) operator_ref: Option<&'a str>,
    pub(crate) words: Option<&'a str>,
    pub(crate) created_at: Timestamp,
}

/// Keeps a contradiction; whether it is news. While a word waits for staff, the same word of the same sale is kept once.
pub(crate) fn contradiction_insert(tx: &mut WriteTx<'_>, new: &NewContradiction<'_>) -> Result<bool, Error> {
    let added = tx.execute(
        "INSERT INTO charge_contradiction (id, sale, settled, said, source, operator_ref, words, created_at, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'open') ON CONFLICT (sale, said) WHERE status = 'open' DO NOTHING",
        &params![
            new.id,
            new.sale,
            new.settled.name(),
            new.said.name(),
            new.source.name(),
            new.operator_ref,
            new.words,
            new.created_at,
        ],
    )?;
    Ok(added > 0)
}

/// Writes down a decision; whether the contradiction was still open.
pub(crate) fn contradiction_decide(
    tx: &mut WriteTx<'_>,
    id: Uuid,
    status: ContradictionStatus,
    actor: &str,
    now: Timestamp,
    reason: &str,
) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE charge_contradiction SET status = ?2, decided_by = ?3, decided_at = ?4, reason = ?5
         WHERE id = ?1 AND status = 'open'",
        &params![id, status.name(), actor, now, reason],
    )?;
    Ok(changed == 1)
}
