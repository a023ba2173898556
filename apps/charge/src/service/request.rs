//! Credit that sellers ask for and staff approve. Whoever asks does not approve.

use jiff::Timestamp;
use purser_identity::same_person;
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::credit::{CreditGrant, CreditGrantRequest, grant_apply, grant_plan, seller_active};
use crate::domain::{CreditRequest, RequestStatus, Settings};
use crate::error::Error;
use crate::store::request as store;

/// Credit to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// Its id, fresh.
    pub id: Uuid,
    /// For whom.
    pub seller: Uuid,
    /// How much, more than zero and at most the settings' maximum increase.
    pub amount: Money,
    /// What it is paid with, 1 to 300 characters.
    pub note: Option<String>,
    /// The payment, by its reference, 1 to 100 characters.
    pub reference: Option<String>,
    /// Who asks.
    pub asked_by: String,
}

/// Asks for credit.
///
/// # Errors
/// [`Error::NoSeller`], [`Error::SellerNotActive`].
pub fn request_create(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    new: &NewRequest,
) -> Result<CreditRequest, Error> {
    seller_active(tx, settings, new.seller)?;
    let request = CreditRequest {
        id: new.id,
        seller: new.seller,
        amount: new.amount,
        note: new.note.clone(),
        reference: new.reference.clone(),
        status: RequestStatus::Pending,
        asked_by: new.asked_by.clone(),
        asked_at: now,
        decided_by: None,
        decided_at: None,
        reason: None,
        credit: None,
    };
    store::request_insert(tx, &request)?;
    Ok(request)
}

/// The request with this id.
///
/// # Errors
/// [`Error::NoRequest`].
pub fn request_get(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<CreditRequest, Error> {
    store::request_find(tx, id, settings.currency)?.ok_or(Error::NoRequest)
}

/// A request that may be approved, and the credit that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The request.
    pub request: CreditRequest,
    /// The credit.
    pub grant: CreditGrant,
}

/// Decides on giving what was asked for. `again`: the request's reference is meant, though it was used before.
///
/// # Errors
/// [`Error::NoRequest`]; [`Error::Decided`] the second time; [`Error::OwnRequest`]; [`Error::SellerNotActive`];
/// [`Error::DuplicateReference`].
pub fn approval_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    id: Uuid,
    actor: &str,
    again: bool,
) -> Result<Approval, Error> {
    let request = request_pending(tx, settings, id)?;
    if same_person(tx, &request.asked_by, actor)? {
        return Err(Error::OwnRequest);
    }
    let order = CreditGrantRequest {
        id: Uuid::nil(),
        seller: request.seller,
        amount: request.amount,
        reference: Some(request.reference.clone().unwrap_or_else(|| format!("request {id}"))),
        again,
        actor: actor.to_owned(),
    };
    let grant = grant_plan(tx, settings, order)?;
    Ok(Approval { request, grant })
}

/// Gives what was asked for: one credit increase, `credit` its fresh id, in this same transaction.
///
/// # Errors
/// The ledger's and the store's.
pub fn approval_apply(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    approval: Approval,
    credit: Uuid,
    actor: &str,
) -> Result<CreditRequest, Error> {
    let Approval { mut request, mut grant } = approval;
    grant.order.id = credit;
    grant_apply(tx, now, grant)?;
    request.credit = Some(credit);
    request_decide(tx, now, request, RequestStatus::Approved, actor, None)
}

/// The request with this id, where nobody decided on it yet.
///
/// # Errors
/// [`Error::NoRequest`], [`Error::Decided`].
pub fn request_pending(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<CreditRequest, Error> {
    let request = request_get(tx, settings, id)?;
    if request.status == RequestStatus::Pending { Ok(request) } else { Err(Error::Decided(request.status)) }
}

/// Writes down what became of a request that was pending.
///
/// # Errors
/// The store's.
pub fn request_decide(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    mut request: CreditRequest,
    status: RequestStatus,
    actor: &str,
    reason: Option<String>,
) -> Result<CreditRequest, Error> {
    request.status = status;
    request.decided_by = Some(actor.to_owned());
    request.decided_at = Some(now);
    request.reason = reason;
    // It was pending a moment ago, in this same transaction. Were it not, no refusal would do: the credit is written.
    if store::request_decide(tx, &request)? {
        Ok(request)
    } else {
        Err(Error::Bug("a request that was pending could not be decided"))
    }
}
