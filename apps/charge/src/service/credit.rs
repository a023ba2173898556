//! Credit that staff give and take.

use jiff::Timestamp;
use purser_kit::{called, reference_form};
use purser_ledger::{AccountId, Book, EntryId, Error as LedgerError, NewEntry, Transfer, reverse};
use purser_money::Money;
use purser_store::{Error as StoreError, Tx};
use uuid::Uuid;

use super::{funding, seller_get};
use crate::domain::{CreditKind, CreditTransaction, Seller, Settings, Standing};
use crate::error::{Error, FirstCredit};
use crate::store::credit as store;

/// Credit to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncreaseOrder {
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

/// Gives credit on one person's word: funding → the seller's credit.
///
/// # Errors
/// [`Error::NoSeller`], [`Error::SellerNotActive`], [`Error::DuplicateReference`]; [`Error::NotAlone`] where it takes two.
pub fn credit_increase(
    tx: &mut Tx<'_>,
    now: Timestamp,
    settings: &Settings,
    order: &IncreaseOrder,
) -> Result<CreditTransaction, Error> {
    if let Some(most) = settings.max_increase_alone.filter(|most| order.amount > *most) {
        return Err(Error::NotAlone { most });
    }
    credit_grant(tx, now, settings, order)
}

/// Gives credit that was decided on.
pub(super) fn credit_grant(
    tx: &mut Tx<'_>,
    now: Timestamp,
    settings: &Settings,
    order: &IncreaseOrder,
) -> Result<CreditTransaction, Error> {
    let seller = active(tx, settings, order.seller)?;
    let repeats = repeated(tx, settings, order)?;
    let funding = funding(tx, now, settings.currency)?;
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

fn active(tx: &mut Tx<'_>, settings: &Settings, id: Uuid) -> Result<Seller, Error> {
    let seller = seller_get(tx, settings, id)?;
    if seller.standing == Standing::Active { Ok(seller) } else { Err(Error::SellerNotActive(seller.standing)) }
}

/// The increase that stands with the same reference, where that is meant. Two who come at once meet at the unique form.
fn repeated(tx: &mut Tx<'_>, settings: &Settings, order: &IncreaseOrder) -> Result<Option<Uuid>, Error> {
    let Some(reference) = &order.reference else { return Ok(None) };
    let Some(first) = store::increase_by_form(tx, &reference_form(reference), settings.currency)? else {
        return Ok(None);
    };
    if order.again {
        return Ok(Some(first.id));
    }
    let seller = seller_get(tx, settings, first.seller)?.name;
    let by = called(tx, &first.actor)?;
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
    tx: &mut Tx<'_>,
    now: Timestamp,
    credit: AccountId,
    entry: NewEntry,
    transfer: Transfer,
) -> Result<(EntryId, Money), Error> {
    let mut book = Book::open(tx, [transfer.debit, transfer.credit])?;
    let posted = book.post(now, entry, &[transfer]).map_err(insufficient)?;
    let credit_after = book.balance(credit)?;
    let entries = book.write(tx)?;
    let entry = entries.get(posted.index()).ok_or(StoreError::NotOne { found: 0 })?;
    Ok((*entry, credit_after))
}

pub(super) fn insufficient(error: LedgerError) -> Error {
    match error {
        LedgerError::Insufficient { available, needed, .. } => Error::InsufficientCredit { available, needed },
        other => other.into(),
    }
}

/// Credit to be taken: a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecreaseOrder {
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

/// Takes credit: the seller's credit → funding, at most what is available.
///
/// # Errors
/// [`Error::NoSeller`], [`Error::SellerNotActive`], [`Error::InsufficientCredit`].
pub fn credit_decrease(
    tx: &mut Tx<'_>,
    now: Timestamp,
    settings: &Settings,
    order: &DecreaseOrder,
) -> Result<CreditTransaction, Error> {
    let seller = active(tx, settings, order.seller)?;
    let funding = funding(tx, now, settings.currency)?;
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
pub fn credit_get(tx: &mut Tx<'_>, settings: &Settings, id: Uuid) -> Result<CreditTransaction, Error> {
    store::credit_find(tx, id, settings.currency)?.ok_or(Error::NoCredit)
}

/// Takes a whole increase back by a reversal that names its posting: once, and only where its amount is available still.
/// Its reference is free again. `id` is the decrease's, fresh.
///
/// # Errors
/// [`Error::NoCredit`], [`Error::NotTakenBack`], [`Error::InsufficientCredit`].
pub fn credit_reverse(
    tx: &mut Tx<'_>,
    now: Timestamp,
    settings: &Settings,
    increase: Uuid,
    id: Uuid,
    actor: &str,
    reason: &str,
) -> Result<CreditTransaction, Error> {
    let increase = credit_get(tx, settings, increase)?;
    if increase.kind != CreditKind::Increase || increase.taken_back {
        return Err(Error::NotTakenBack { is_decrease: increase.kind == CreditKind::Decrease });
    }
    let seller = seller_get(tx, settings, increase.seller)?;
    let reversal = NewEntry {
        kind: "charge.credit-reversal",
        actor: actor.to_owned(),
        memo: format!("Credit increase taken back from {}: {reason}", seller.name),
        reference: Some(id.to_string()),
    };
    let entry = reverse(tx, now, increase.entry, reversal).map_err(insufficient)?;
    let decrease = CreditTransaction {
        id,
        seller: increase.seller,
        kind: CreditKind::Decrease,
        amount: increase.amount,
        credit_after: seller_get(tx, settings, increase.seller)?.credit,
        reference: None,
        reason: Some(reason.to_owned()),
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
    if store::credit_taken_back(tx, increase.id)? { Ok(decrease) } else { Err(StoreError::NotOne { found: 0 }.into()) }
}
