//! Credit that staff give.

use jiff::Timestamp;
use purser_ledger::{Book, NewEntry, Transfer};
use purser_money::Money;
use purser_store::{Error as StoreError, Tx};
use uuid::Uuid;

use super::{funding, seller_get};
use crate::domain::{Increase, Settings, Standing};
use crate::error::Error;
use crate::store;

/// Credit to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncreaseOrder {
    /// Its id, fresh.
    pub id: Uuid,
    /// To whom.
    pub seller: Uuid,
    /// How much, more than zero and at most the settings' maximum.
    pub amount: Money,
    /// What for, 1 to 100 characters.
    pub reference: Option<String>,
    /// Who gives it.
    pub actor: String,
}

/// Gives credit: funding → the seller's credit.
///
/// # Errors
/// [`Error::NoSeller`], [`Error::SellerNotActive`].
pub fn credit_increase(
    tx: &mut Tx<'_>,
    now: Timestamp,
    settings: &Settings,
    order: &IncreaseOrder,
) -> Result<Increase, Error> {
    let seller = seller_get(tx, settings, order.seller)?;
    if seller.standing != Standing::Active {
        return Err(Error::SellerNotActive(seller.standing));
    }
    let funding = funding(tx, now, settings.currency)?;
    let mut book = Book::open(tx, [funding, seller.account])?;
    let entry = NewEntry {
        kind: "charge.credit",
        actor: order.actor.clone(),
        memo: format!("Credit increased for {}", seller.name),
        reference: Some(order.id.to_string()),
    };
    let transfer = Transfer { debit: funding, credit: seller.account, amount: order.amount };
    let posted = book.post(now, entry, &[transfer])?;
    let credit_after = book.balance(seller.account)?;
    let entries = book.write(tx)?;
    let entry = entries.get(posted.index()).ok_or(StoreError::NotOne { found: 0 })?;
    let increase = Increase {
        id: order.id,
        seller: order.seller,
        amount: order.amount,
        credit_after,
        reference: order.reference.clone(),
        actor: order.actor.clone(),
        created_at: now,
    };
    store::increase_insert(tx, &increase, *entry)?;
    Ok(increase)
}
