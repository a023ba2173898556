//! Credit that staff give and take.

use jiff::Timestamp;
use purser_kit::{actor_name, reference_form};
use purser_ledger::{AccountId, Book, EntryId, Error as LedgerError, NewEntry, Transfer, reverse};
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::{funding, seller_get};
use crate::domain::{CreditKind, CreditTransaction, Seller, Settings};
use crate::error::{Error, FirstCredit};
use crate::seller::rule::check_active;
use crate::store::credit as store;

/// Credit to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditGrantRequest {
    /// Its id, fresh.
    pub id: Uuid,
    /// To whom.
    pub seller: Uuid,
    /// How much, more than zero and at most the settings' maximum.
    pub amount: Money,
    /// The payment that it answers, 1 to 100 characters. It names one payment over all sellers.
    pub reference: Option<String>,
    /// Whether the same reference is meant, should it have been used before.
    pub again: bool,
    /// Who gives it.
    pub actor: String,
}

/// Credit that may be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditGrant {
    /// To whom, as it is now.
    pub seller: Seller,
    /// What is given.
    pub order: CreditGrantRequest,
    repeats: Option<Uuid>,
}

/// Gives credit on one person's word: [`increase_plan`], then [`grant_apply`].
///
/// # Errors
/// Those of the plan.
pub fn credit_increase(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    order: &CreditGrantRequest,
) -> Result<CreditTransaction, Error> {
    let grant = increase_plan(tx, settings, order.clone())?;
    grant_apply(tx, now, grant)
}

/// Decides on credit that one person alone gives.
///
/// # Errors
/// [`Error::NoSeller`], [`Error::SellerNotActive`], [`Error::DuplicateReference`]; [`Error::NotAlone`] where it takes two.
pub fn increase_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    order: CreditGrantRequest,
) -> Result<CreditGrant, Error> {
    if let Some(most) = settings.max_increase_alone.filter(|most| order.amount > *most) {
        return Err(Error::NotAlone { most });
    }
    grant_plan(tx, settings, order)
}

/// Decides on credit that one person gives, or that a second one approves.
pub(super) fn grant_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    order: CreditGrantRequest,
) -> Result<CreditGrant, Error> {
    let seller = seller_active(tx, settings, order.seller)?;
    let repeats = repeated(tx, settings, &order)?;
    Ok(CreditGrant { seller, order, repeats })
}

/// Gives the credit: funding → the seller's credit.
///
/// # Errors
/// The ledger's and the store's.
pub fn grant_apply(tx: &mut WriteTx<'_>, now: Timestamp, grant: CreditGrant) -> Result<CreditTransaction, Error> {
    let CreditGrant { seller, order, repeats } = grant;
    let funding = funding(tx, now, seller.credit.currency())?;
    let entry = NewEntry {
        kind: "charge.credit",
        actor: order.actor.clone(),
        memo: format!("Credit increased for {}", seller.name),
        reference: Some(order.id.to_string()),
    };
    let transfer = Transfer { debit: funding, credit: seller.account, amount: order.amount };
    let (entry, credit_after) = post(tx, now, seller.account, entry, transfer)?;
    let increase = CreditTransaction {
        id: order.id,
        seller: order.seller,
        kind: CreditKind::Increase,
        amount: order.amount,
        credit_after,
        reference: order.reference.clone(),
        reason: None,
        repeats,
        repeat_meant: repeats.is_some(),
        takes_back: None,
        taken_back: false,
        actor: order.actor.clone(),
        entry,
        created_at: now,
    };
    store::credit_insert(tx, &increase)?;
    Ok(increase)
}

/// The seller, where it may be given credit, ask for it and sell.
///
/// # Errors
/// [`Error::NoSeller`], [`Error::SellerNotActive`].
pub fn seller_active(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Seller, Error> {
    let seller = seller_get(tx, settings, id)?;
    check_active(seller.status)?;
    Ok(seller)
}

/// The increase that stands with the same reference, where that is meant. Two who come at once meet at the unique form.
fn repeated(tx: &mut ReadTx<'_>, settings: &Settings, order: &CreditGrantRequest) -> Result<Option<Uuid>, Error> {
    let Some(reference) = &order.reference else { return Ok(None) };
    let Some(first) = store::increase_by_form(tx, &reference_form(reference), settings.currency)? else {
        return Ok(None);
    };
    if order.again {
        return Ok(Some(first.id));
    }
    let seller = seller_get(tx, settings, first.seller)?.name;
    let by = actor_name(tx, &first.actor)?;
    let first = FirstCredit {
        id: first.id,
        seller_id: first.seller,
        seller,
        amount: first.amount,
        actor: first.actor,
        by,
        at: first.created_at,
    };
    Err(Error::DuplicateReference { reference: reference.clone(), first: Box::new(first) })
}

fn post(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    credit: AccountId,
    entry: NewEntry,
    transfer: Transfer,
) -> Result<(EntryId, Money), Error> {
    let mut book = Book::open(tx, [transfer.debit, transfer.credit])?;
    let posted = book.post(now, entry, &[transfer]).map_err(insufficient)?;
    let credit_after = book.balance(credit)?;
    Ok((book.write(tx)?.of(posted)?, credit_after))
}

pub(super) fn insufficient(error: LedgerError) -> Error {
    match error {
        LedgerError::Insufficient { available, needed, .. } => Error::InsufficientCredit { available, needed },
        other => other.into(),
    }
}

/// Credit to be taken: a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditDecreaseRequest {
    /// Its id, fresh.
    pub id: Uuid,
    /// From whom.
    pub seller: Uuid,
    /// How much, more than zero.
    pub amount: Money,
    /// Why, 1 to 300 characters.
    pub reason: String,
    /// What it answers, 1 to 100 characters.
    pub reference: Option<String>,
    /// Who takes it.
    pub actor: String,
}

/// Credit that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditCorrection {
    /// From whom, as it is now.
    pub seller: Seller,
    /// What is taken.
    pub order: CreditDecreaseRequest,
}

/// Takes credit: [`decrease_plan`], then [`correction_apply`].
///
/// # Errors
/// Those of the plan.
pub fn credit_decrease(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    order: &CreditDecreaseRequest,
) -> Result<CreditTransaction, Error> {
    let correction = decrease_plan(tx, settings, order.clone())?;
    correction_apply(tx, now, correction)
}

/// Decides on credit to be taken: at most what is available.
///
/// # Errors
/// [`Error::NoSeller`], [`Error::SellerNotActive`], [`Error::InsufficientCredit`].
pub fn decrease_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    order: CreditDecreaseRequest,
) -> Result<CreditCorrection, Error> {
    let seller = seller_active(tx, settings, order.seller)?;
    let (available, needed) = (seller.available(), order.amount);
    if needed > available {
        return Err(Error::InsufficientCredit { available, needed });
    }
    Ok(CreditCorrection { seller, order })
}

/// Takes the credit: the seller's credit → funding.
///
/// # Errors
/// The ledger's and the store's.
pub fn correction_apply(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    correction: CreditCorrection,
) -> Result<CreditTransaction, Error> {
    let CreditCorrection { seller, order } = correction;
    let funding = funding(tx, now, seller.credit.currency())?;
    let entry = NewEntry {
        kind: "charge.credit-decrease",
        actor: order.actor.clone(),
        memo: format!("Credit decreased for {}: {}", seller.name, order.reason),
        reference: Some(order.id.to_string()),
    };
    let transfer = Transfer { debit: seller.account, credit: funding, amount: order.amount };
    let (entry, credit_after) = post(tx, now, seller.account, entry, transfer)?;
    let decrease = CreditTransaction {
        id: order.id,
        seller: order.seller,
        kind: CreditKind::Decrease,
        amount: order.amount,
        credit_after,
        reference: order.reference.clone(),
        reason: Some(order.reason.clone()),
        repeats: None,
        repeat_meant: false,
        takes_back: None,
        taken_back: false,
        actor: order.actor.clone(),
        entry,
        created_at: now,
    };
    store::credit_insert(tx, &decrease)?;
    Ok(decrease)
}

/// The credit transaction with this id.
///
/// # Errors
/// [`Error::NoCredit`].
pub fn credit_get(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<CreditTransaction, Error> {
    store::credit_find(tx, id, settings.currency)?.ok_or(Error::NoCredit)
}

/// An increase that may be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditReversal {
    /// The increase.
    pub increase: CreditTransaction,
    /// From whom, as it is now.
    pub seller: Seller,
    reason: String,
}

/// Decides on taking a whole increase back: once, and only where its amount is available still.
///
/// # Errors
/// [`Error::NoCredit`], [`Error::NotTakenBack`], [`Error::InsufficientCredit`].
pub fn reversal_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    id: Uuid,
    reason: &str,
) -> Result<CreditReversal, Error> {
    let increase = credit_get(tx, settings, id)?;
    if increase.kind != CreditKind::Increase || increase.taken_back {
        return Err(Error::NotTakenBack { is_decrease: increase.kind == CreditKind::Decrease });
    }
    let seller = seller_get(tx, settings, increase.seller)?;
    let (available, needed) = (seller.available(), increase.amount);
    if needed > available {
        return Err(Error::InsufficientCredit { available, needed });
    }
    Ok(CreditReversal { increase, seller, reason: reason.to_owned() })
}

/// Takes the increase back by a reversal that names its posting. Its reference is free again. `id` is the decrease's,
/// fresh.
///
/// # Errors
/// The ledger's and the store's.
pub fn reversal_apply(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    reversal: CreditReversal,
    id: Uuid,
    actor: &str,
) -> Result<CreditTransaction, Error> {
    let CreditReversal { increase, seller, reason } = reversal;
    let entry = NewEntry {
        kind: "charge.credit-reversal",
        actor: actor.to_owned(),
        memo: format!("Credit increase taken back from {}: {reason}", seller.name),
        reference: Some(id.to_string()),
    };
    let entry = reverse(tx, now, increase.entry, entry).map_err(insufficient)?;
    let decrease = CreditTransaction {
        id,
        seller: increase.seller,
        kind: CreditKind::Decrease,
        amount: increase.amount,
        credit_after: seller_get(tx, settings, increase.seller)?.credit,
        reference: None,
        reason: Some(reason),
        repeats: None,
        repeat_meant: false,
        takes_back: Some(increase.id),
        taken_back: false,
        actor: actor.to_owned(),
        entry,
        created_at: now,
    };
    store::credit_insert(tx, &decrease)?;
    // It stood a moment ago, in this same transaction. Were it not, no refusal would do: the reversal is written.
    if store::credit_taken_back(tx, increase.id)? {
        Ok(decrease)
    } else {
        Err(Error::Bug("a credit that stood could not be taken back"))
    }
}
