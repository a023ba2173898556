//! Credit requests.

use purser_money::{Currency, Money};
use purser_store::{Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use super::Conditions;
use crate::domain::{CreditRequest, RequestStatus};

/// What the console lists.
pub(crate) const REQUESTS_FROM: &str = "charge_request r JOIN charge_seller s ON s.id = r.seller";

const REQUEST_SELECT: &str = "SELECT id, seller, amount, note, status, asked_by, asked_at, decided_by, decided_at, \
     reason, credit, reference FROM charge_request";

/// Which requests, newest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestFilter {
    pub(crate) id: Option<Uuid>,
    pub(crate) seller: Option<Uuid>,
    pub(crate) status: Option<RequestStatus>,
    pub(crate) before: Option<Uuid>,
    pub(crate) limit: u32,
}

fn read_request(row: &Row<'_>, currency: Currency) -> Result<CreditRequest, Error> {
    let status: String = row.get(4)?;
    Ok(CreditRequest {
        id: row.get(0)?,
        seller: row.get(1)?,
        amount: Money::new(row.get(2)?, currency),
        note: row.get(3)?,
        status: RequestStatus::from_name(&status)
            .ok_or_else(|| Error::Engine(format!("charge_request.status is {status}")))?,
        asked_by: row.get(5)?,
        asked_at: row.get(6)?,
        decided_by: row.get(7)?,
        decided_at: row.get(8)?,
        reason: row.get(9)?,
        credit: row.get(10)?,
        reference: row.get(11)?,
    })
}

pub(crate) fn requests_list(
    tx: &mut ReadTx<'_>,
    filter: &RequestFilter,
    currency: Currency,
) -> Result<Vec<CreditRequest>, Error> {
    let mut conditions = Conditions::new();
    conditions.add("id = ?", filter.id);
    conditions.add("seller = ?", filter.seller);
    conditions.add("status = ?", filter.status.map(RequestStatus::name));
    conditions.add("id < ?", filter.before);
    let (sql, params) = conditions.page(REQUEST_SELECT, "id", filter.limit);
    tx.query(&sql, &params, |row| read_request(row, currency))
}

pub(crate) fn request_find(tx: &mut ReadTx<'_>, id: Uuid, currency: Currency) -> Result<Option<CreditRequest>, Error> {
    let filter = RequestFilter { id: Some(id), limit: 1, ..RequestFilter::default() };
    Ok(requests_list(tx, &filter, currency)?.pop())
}

pub(crate) fn request_insert(tx: &mut WriteTx<'_>, request: &CreditRequest) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO charge_request (id, seller, amount, note, status, asked_by, asked_at, reference)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &params![
            request.id,
            request.seller,
            request.amount.minor(),
            request.note.as_deref(),
            request.status.name(),
            &request.asked_by,
            request.asked_at,
            request.reference.as_deref(),
        ],
    )?;
    Ok(())
}

/// Writes down a decision; whether the request was still pending.
pub(crate) fn request_decide(tx: &mut WriteTx<'_>, request: &CreditRequest) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE charge_request SET status = ?2, decided_by = ?3, decided_at = ?4, reason = ?5, credit = ?6
         WHERE id = ?1 AND status = 'pending'",
        &params![
            request.id,
            request.status.name(),
            request.decided_by.as_deref(),
            request.decided_at,
            request.reason.as_deref(),
            request.credit,
        ],
    )?;
    Ok(changed == 1)
}
