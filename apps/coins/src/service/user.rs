//! Users: found by the application's name for them, and made when they first get coins.

use purser_identity::{Email, person_behind};
use purser_kit::console::RequestContext;
use purser_ledger::{AccountKind, NewAccount, account_open};
use purser_money::Currency;
use purser_outbox::Language;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use crate::domain::{CoinUser, Freeze, UserId, UserTotals, coins};
use crate::error::Error;
use crate::store::transaction::totals_of;
use crate::store::user as store;

/// The user with this id.
///
/// # Errors
/// [`Error::NoUser`].
pub fn user_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<CoinUser, Error> {
    store::user_find(tx, id)?.ok_or(Error::NoUser)
}

/// The user of this name; `None` for one who never had coins.
///
/// # Errors
/// The store's.
pub fn user_known(tx: &mut ReadTx<'_>, user_id: &UserId) -> Result<Option<CoinUser>, Error> {
    Ok(store::user_by_user_id(tx, user_id)?)
}

/// The user who a person with an account here is.
///
/// # Errors
/// The store's.
pub fn user_of_person(tx: &mut ReadTx<'_>, person: Uuid) -> Result<Option<CoinUser>, Error> {
    Ok(store::user_by_person(tx, person)?)
}

/// The user of this name, made where there is none.
pub(super) fn user_open(tx: &mut WriteTx<'_>, cx: &mut RequestContext, user_id: &UserId) -> Result<CoinUser, Error> {
    if let Some(user) = store::user_by_user_id(tx, user_id)? {
        return Ok(user);
    }
    let id = cx.new_id();
    let path = user_id.path(id)?;
    let new = NewAccount { path, kind: AccountKind::Liability, currency: Currency::COIN, floor: Some(0) };
    let user = CoinUser {
        id,
        user_id: user_id.clone(),
        account: account_open(tx, cx.now, &new)?,
        balance: coins(0),
        email: None,
        language: Language::English,
        person: None,
        frozen: None,
        created_at: cx.now,
    };
    store::user_insert(tx, &user)?;
    Ok(user)
}

/// What of a user is to change; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Where to write to; `Some(None)` for nowhere.
    pub email: Option<Option<Email>>,
    /// In which language.
    pub language: Option<Language>,
}

/// Says where to write to a user, who is made where there is none.
///
/// # Errors
/// The store's.
pub fn user_change(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    user_id: &UserId,
    change: &UserChange,
) -> Result<CoinUser, Error> {
    let mut user = user_open(tx, cx, user_id)?;
    if let Some(email) = &change.email {
        user.email.clone_from(email);
    }
    user.language = change.language.unwrap_or(user.language);
    store::user_update(tx, &user)?;
    Ok(user)
}

/// Says which person with an account here a user is: [`link_plan`] decides, then [`link_apply`] does it.
///
/// # Errors
/// Those of the plan.
pub fn user_link(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    id: Uuid,
    person: Option<Uuid>,
) -> Result<CoinUser, Error> {
    let user = link_plan(tx, cx, id, person)?;
    link_apply(tx, user)
}

/// Decides on which person with an account here a user is; `None` for nobody. The user as they will be.
///
/// # Errors
/// [`Error::NoUser`]; [`Error::PersonTaken`] where the person is another user; [`Error::OwnAccount`] where whoever does
/// it ties themselves to coins, or away from them.
pub fn link_plan(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid, person: Option<Uuid>) -> Result<CoinUser, Error> {
    let user = user_get(tx, id)?;
    let behind = person_behind(tx, &cx.actor)?;
    if behind.is_some() && [user.person, person].contains(&behind) {
        return Err(Error::OwnAccount);
    }
    if let Some(person) = person
        && let Some(other) = store::user_by_person(tx, person)?.filter(|other| other.id != id)
    {
        return Err(Error::PersonTaken(other.user_id));
    }
    Ok(CoinUser { person, ..user })
}

/// Writes down who the user is.
///
/// # Errors
/// The store's.
pub fn link_apply(tx: &mut WriteTx<'_>, user: CoinUser) -> Result<CoinUser, Error> {
    store::user_update(tx, &user)?;
    Ok(user)
}

/// Stops a user: [`freeze_plan`] decides, then [`frozen_apply`] does it.
///
/// # Errors
/// Those of the plan.
pub fn user_freeze(tx: &mut WriteTx<'_>, cx: &RequestContext, id: Uuid, reason: &str) -> Result<CoinUser, Error> {
    let user = freeze_plan(tx, cx, id, reason)?;
    frozen_apply(tx, user)
}

/// Decides on stopping a user: no spending, no new withdrawal, and none is begun that waits. What is being paid goes on,
/// and coins may still come in. `reason` has 1 to 500 characters. The user as they will be.
///
/// # Errors
/// [`Error::NoUser`]; [`Error::UserFrozen`] where that was done before; [`Error::OwnAccount`].
pub fn freeze_plan(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid, reason: &str) -> Result<CoinUser, Error> {
    let user = others(tx, cx, id)?;
    if user.frozen.is_some() {
        return Err(Error::UserFrozen(user.user_id));
    }
    let frozen = Freeze { by: cx.actor.clone(), at: cx.now, reason: reason.to_owned() };
    Ok(CoinUser { frozen: Some(frozen), ..user })
}

/// Lets a user spend and withdraw again: [`unfreeze_plan`] decides, then [`frozen_apply`] does it.
///
/// # Errors
/// Those of the plan.
pub fn user_unfreeze(tx: &mut WriteTx<'_>, cx: &RequestContext, id: Uuid) -> Result<CoinUser, Error> {
    let user = unfreeze_plan(tx, cx, id)?;
    frozen_apply(tx, user)
}

/// Decides on letting a user spend and withdraw again. The user as they will be.
///
/// # Errors
/// [`Error::NoUser`]; [`Error::NotFrozen`]; [`Error::OwnAccount`].
pub fn unfreeze_plan(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid) -> Result<CoinUser, Error> {
    let user = others(tx, cx, id)?;
    if user.frozen.is_none() { Err(Error::NotFrozen(user.user_id)) } else { Ok(CoinUser { frozen: None, ..user }) }
}

/// Writes down whether the user is frozen.
///
/// # Errors
/// The store's.
pub fn frozen_apply(tx: &mut WriteTx<'_>, user: CoinUser) -> Result<CoinUser, Error> {
    store::user_frozen_set(tx, &user)?;
    Ok(user)
}

/// A user who is not whoever does it.
pub(crate) fn others(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid) -> Result<CoinUser, Error> {
    let user = user_get(tx, id)?;
    not_ones_own(tx, cx, &user)?;
    Ok(user)
}

/// Nobody decides on their own coins. A key counts as the person who made it.
///
/// # Errors
/// [`Error::OwnAccount`].
pub(super) fn not_ones_own(tx: &mut ReadTx<'_>, cx: &RequestContext, user: &CoinUser) -> Result<(), Error> {
    if is_ones_own(tx, cx, user)? { Err(Error::OwnAccount) } else { Ok(()) }
}

/// Whether these coins are those of whoever decides on them.
///
/// # Errors
/// The store's.
pub fn is_ones_own(tx: &mut ReadTx<'_>, cx: &RequestContext, user: &CoinUser) -> Result<bool, Error> {
    Ok(user.person.is_some() && user.person == person_behind(tx, &cx.actor)?)
}

/// What a user's coins came to over time.
///
/// # Errors
/// The store's.
pub fn user_totals(tx: &mut ReadTx<'_>, user: &CoinUser) -> Result<UserTotals, Error> {
    Ok(totals_of(tx, user.id)?)
}
