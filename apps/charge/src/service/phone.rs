//! Phone numbers: registered by hand or by their first sale, changed, stopped, removed.

use jiff::Timestamp;
use purser_ledger::{AccountId, AccountKind, NewAccount, account_by_path, account_open, accounts_open};
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::Removal;
use crate::domain::{LifecycleStatus, Phone, PhoneNumber, Settings};
use crate::error::Error;
use crate::store;

/// A phone number to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPhone {
    /// Its id, fresh.
    pub id: Uuid,
    /// The number.
    pub number: PhoneNumber,
    /// What staff call it, 1 to 100 characters.
    pub label: Option<String>,
}

/// What to change of a phone number. The outer `None` leaves a field as it is, the inner one empties it. The number
/// itself stays: another number is another phone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhoneChange {
    /// What staff call it.
    pub label: Option<Option<String>>,
    /// Whether it may be charged.
    pub status: Option<LifecycleStatus>,
}

/// Registers a number: [`phone_plan`], then [`phone_apply`].
///
/// # Errors
/// [`Error::PhoneTaken`].
pub fn phone_create(tx: &mut WriteTx<'_>, now: Timestamp, settings: &Settings, new: &NewPhone) -> Result<Phone, Error> {
    let new = phone_plan(tx, new.clone())?;
    phone_apply(tx, now, settings, &new)
}

/// Decides on a number to be registered.
///
/// # Errors
/// [`Error::PhoneTaken`].
pub fn phone_plan(tx: &mut ReadTx<'_>, new: NewPhone) -> Result<NewPhone, Error> {
    let is_free = store::phones_by_number(tx, &[&new.number])?.is_empty();
    if is_free { Ok(new) } else { Err(Error::PhoneTaken(new.number)) }
}

/// Registers the number.
///
/// # Errors
/// The ledger's and the store's.
pub fn phone_apply(tx: &mut WriteTx<'_>, now: Timestamp, settings: &Settings, new: &NewPhone) -> Result<Phone, Error> {
    // A number that was removed left its account behind, empty: it takes that one up again.
    let account = account_open(tx, now, &account(&new.number, settings)?)?;
    let phone = phone(now, new, account);
    store::phones_insert(tx, std::slice::from_ref(&phone))?;
    Ok(phone)
}

/// Registers numbers that sales are about to be made to, none of them known, each once.
pub(crate) fn phones_register(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    new: &[NewPhone],
) -> Result<Vec<Phone>, Error> {
    let mut accounts = Vec::with_capacity(new.len());
    for new in new {
        accounts.push(account(&new.number, settings)?);
    }
    // Most were never there; those that were removed once have an account.
    let mut ids: Vec<Option<AccountId>> = Vec::with_capacity(new.len());
    for account in &accounts {
        ids.push(account_by_path(tx, &account.path)?.map(|account| account.id));
    }
    let missing: Vec<NewAccount> =
        std::iter::zip(&accounts, &ids).filter(|(_, id)| id.is_none()).map(|(account, _)| account.clone()).collect();
    let mut opened = accounts_open(tx, now, &missing)?.into_iter();
    let ids = ids.into_iter().filter_map(|id| id.or_else(|| opened.next()));
    let phones: Vec<Phone> = std::iter::zip(new, ids).map(|(new, account)| phone(now, new, account)).collect();
    store::phones_insert(tx, &phones)?;
    Ok(phones)
}

fn account(number: &PhoneNumber, settings: &Settings) -> Result<NewAccount, Error> {
    let (path, currency) = (number.account()?, settings.currency);
    Ok(NewAccount { path, kind: AccountKind::Liability, currency, floor: Some(0) })
}

fn phone(now: Timestamp, new: &NewPhone, account: AccountId) -> Phone {
    Phone {
        id: new.id,
        number: new.number.clone(),
        label: new.label.clone(),
        status: LifecycleStatus::Active,
        account,
        created_at: now,
        updated_at: now,
    }
}

/// The number with this id.
///
/// # Errors
/// [`Error::NoPhone`].
pub fn phone_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Phone, Error> {
    store::phone_find(tx, id)?.ok_or(Error::NoPhone)
}

/// Changes a number.
///
/// # Errors
/// [`Error::NoPhone`].
pub fn phone_change(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, change: &PhoneChange) -> Result<Phone, Error> {
    let mut phone = phone_get(tx, id)?;
    let PhoneChange { label, status } = change.clone();
    phone.label = label.unwrap_or(phone.label);
    phone.status = status.unwrap_or(phone.status);
    phone.updated_at = now;
    store::phone_update(tx, &phone)?;
    Ok(phone)
}

/// Removes a number without history; deactivates any other.
///
/// # Errors
/// [`Error::NoPhone`].
pub fn phone_remove(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid) -> Result<Removal<Phone>, Error> {
    phone_get(tx, id)?;
    if store::phone_has_history(tx, id)? {
        let change = PhoneChange { status: Some(LifecycleStatus::Inactive), ..PhoneChange::default() };
        return phone_change(tx, now, id, &change).map(Removal::Deactivated);
    }
    store::phone_delete(tx, id)?;
    Ok(Removal::Gone)
}

/// Looks at numbers of before the plans of countries were known, at most `limit` of them. One in another spelling takes
/// its normal form; where that number is registered too, it stays, says which it is, and takes no more sales, because all
/// spellings lead to the other. Its history stays its own. How many were looked at.
///
/// # Errors
/// The store's.
pub fn phones_check(tx: &mut WriteTx<'_>, settings: &Settings, limit: u32) -> Result<usize, Error> {
    let unchecked = store::phones_unchecked(tx, limit)?;
    for phone in &unchecked {
        let normal = PhoneNumber::parse(phone.number.as_str(), settings.country).ok();
        let decision = match normal {
            None => Spelling::Unfit,
            Some(normal) if normal == phone.number => Spelling::Normal,
            Some(normal) => match store::phones_by_number(tx, &[&normal])?.pop() {
                Some(other) => Spelling::SameAs(other.id),
                None => Spelling::Renamed(normal),
            },
        };
        store::phone_checked(tx, phone.id, &decision)?;
    }
    Ok(unchecked.len())
}

/// What a number turned out to be.
pub(crate) enum Spelling {
    /// It is in its normal form.
    Normal,
    /// It has a normal form, which nobody had.
    Renamed(PhoneNumber),
    /// It is another spelling of this registered number.
    SameAs(Uuid),
    /// It is no number of its country's plan.
    Unfit,
}
