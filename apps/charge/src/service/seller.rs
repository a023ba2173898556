//! Sellers: registered, changed, stopped, removed.

use jiff::Timestamp;
use purser_ledger::{AccountKind, NewAccount, account_close, account_freeze, account_open, account_unfreeze};
use purser_money::Money;
use purser_outbox::Language;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use crate::domain::{LifecycleStatus, PhoneNumber, Seller, Settings};
use crate::error::Error;
use crate::store;

/// A seller to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSeller {
    /// Its id, fresh.
    pub id: Uuid,
    /// What it is called, 1 to 100 characters.
    pub name: String,
    /// Where to write to it.
    pub email: Option<String>,
    /// Where to call it.
    pub phone: Option<PhoneNumber>,
    /// Below what credit to tell it.
    pub low_credit_alert: Option<Money>,
    /// In which language to write to it.
    pub language: Language,
}

/// What to change of a seller. The outer `None` leaves a field as it is, the inner one empties it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SellerChange {
    /// Its name.
    pub name: Option<String>,
    /// Where to write to it.
    pub email: Option<Option<String>>,
    /// Where to call it.
    pub phone: Option<Option<PhoneNumber>>,
    /// Below what credit to tell it.
    pub low_credit_alert: Option<Option<Money>>,
    /// In which language to write to it.
    pub language: Option<Language>,
    /// Whether it may sell.
    pub status: Option<LifecycleStatus>,
}

/// Registers a seller with an empty credit account.
///
/// # Errors
/// The store's.
pub fn seller_create(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    new: &NewSeller,
) -> Result<Seller, Error> {
    let currency = settings.currency;
    let path = Seller::account_path(new.id)?;
    let account = account_open(tx, now, &NewAccount { path, kind: AccountKind::Liability, currency, floor: Some(0) })?;
    let seller = Seller {
        id: new.id,
        name: new.name.clone(),
        email: new.email.clone(),
        phone: new.phone.clone(),
        low_credit_alert: new.low_credit_alert,
        language: new.language,
        status: LifecycleStatus::Active,
        account,
        credit: Money::zero(currency),
        held: Money::zero(currency),
        created_at: now,
        updated_at: now,
    };
    store::seller_insert(tx, &seller)?;
    Ok(seller)
}

/// The seller with this id.
///
/// # Errors
/// [`Error::NoSeller`].
pub fn seller_get(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Seller, Error> {
    store::seller_find(tx, id, settings.currency)?.ok_or(Error::NoSeller)
}

/// Changes a seller. One that is frozen or inactive has its credit frozen in the ledger too, so that no door is left.
///
/// # Errors
/// [`Error::NoSeller`].
pub fn seller_change(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    id: Uuid,
    change: &SellerChange,
) -> Result<Seller, Error> {
    let mut seller = seller_get(tx, settings, id)?;
    let SellerChange { name, email, phone, low_credit_alert, language, status } = change.clone();
    seller.name = name.unwrap_or(seller.name);
    seller.email = email.unwrap_or(seller.email);
    seller.phone = phone.unwrap_or(seller.phone);
    seller.low_credit_alert = low_credit_alert.unwrap_or(seller.low_credit_alert);
    seller.language = language.unwrap_or(seller.language);
    seller.updated_at = now;
    if let Some(status) = status {
        seller.status = status;
        match status {
            LifecycleStatus::Active => account_unfreeze(tx, seller.account)?,
            LifecycleStatus::Frozen | LifecycleStatus::Inactive => account_freeze(tx, seller.account)?,
        }
    }
    store::seller_update(tx, &seller)?;
    Ok(seller)
}

/// What became of a seller that was to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal<T> {
    /// It has a history, so it stays and takes no part any more.
    Deactivated(T),
    /// It had none, and is gone.
    Gone,
}

impl<T> Removal<T> {
    /// What became of it, in a sentence about `what`.
    #[must_use]
    pub fn sentence(&self, what: &str) -> String {
        match self {
            Removal::Deactivated(_) => format!("{what} has a history, so it is kept, and is inactive now."),
            Removal::Gone => format!("{what} is removed."),
        }
    }

    /// What is left, where it had a history.
    #[must_use]
    pub fn left(self) -> Option<T> {
        match self {
            Removal::Deactivated(left) => Some(left),
            Removal::Gone => None,
        }
    }
}

/// Removes a seller that has neither history nor credit; deactivates any other.
///
/// # Errors
/// [`Error::NoSeller`].
pub fn seller_remove(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    id: Uuid,
) -> Result<Removal<Seller>, Error> {
    let seller = seller_get(tx, settings, id)?;
    if store::seller_has_history(tx, id)? || !seller.credit.is_zero() {
        let change = SellerChange { status: Some(LifecycleStatus::Inactive), ..SellerChange::default() };
        return seller_change(tx, now, settings, id, &change).map(Removal::Deactivated);
    }
    store::seller_delete(tx, id)?;
    account_close(tx, seller.account)?;
    Ok(Removal::Gone)
}
