//! Members: registered, and their name and address changed.

use std::collections::HashSet;

use jiff::Timestamp;
use purser_identity::Email;
use purser_kit::console::RequestContext;
use purser_ledger::{AccountKind, NewAccount, NewEntry, Transfer, accounts_open, post};
use purser_money::Money;
use purser_store::{Error as StoreError, ReadTx, WriteTx};
use uuid::Uuid;

use super::{funding, room};
use crate::domain::{Member, Settings, folded};
use crate::error::Error;
use crate::store::{self, NewMemberRow};

/// A member to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// The name, 1 to 100 characters.
    pub name: String,
    /// The address, which no member has yet.
    pub email: Email,
    /// What the wallet begins with, zero or more.
    pub opening: Money,
}

/// What to change of a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberChange {
    /// The name.
    pub name: Option<String>,
    /// The address.
    pub email: Option<Email>,
}

/// Registers a member: [`room_left`] and [`member_plan`] decide, then [`member_apply`] does it.
///
/// # Errors
/// [`Error::LimitReached`], [`Error::EmailTaken`].
pub fn member_create(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    new: &NewMember,
) -> Result<Member, Error> {
    room_left(tx, settings)?;
    let (id, new) = (cx.new_id(), member_plan(tx, new.clone())?);
    member_apply(tx, settings, cx, id, &new)
}

/// Refuses one more member where there are as many as there may be.
///
/// # Errors
/// [`Error::LimitReached`].
pub fn room_left(tx: &mut ReadTx<'_>, settings: &Settings) -> Result<(), Error> {
    match room(tx, settings)? {
        Some(0) => Err(Error::LimitReached { max: settings.max, members: store::tally(tx)?.members }),
        _ => Ok(()),
    }
}

/// Decides on a member to be registered.
///
/// # Errors
/// [`Error::EmailTaken`].
pub fn member_plan(tx: &mut ReadTx<'_>, new: NewMember) -> Result<NewMember, Error> {
    email_free(tx, &new.email)?;
    Ok(new)
}

/// Registers the member under this fresh id. What the wallet begins with is a posting.
///
/// # Errors
/// [`Error::EmailTaken`], where another command was quicker; the ledger's and the store's.
pub fn member_apply(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    id: Uuid,
    new: &NewMember,
) -> Result<Member, Error> {
    members_write(tx, settings, cx, &[(id, new.clone())], "Opening balance", &|_| {})
        .map_err(|error| taken(error, &new.email))?;
    member_get(tx, settings, id)
}

/// Members written at once; so many are told of before the next.
const STRIDE: usize = 10_000;

/// Writes members down who were checked before: wallets, members, and one entry for what the wallets begin with.
/// `told` hears how many are written, from 0.
pub(super) fn members_write(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    new: &[(Uuid, NewMember)],
    memo: &str,
    told: &dyn Fn(usize),
) -> Result<(), Error> {
    let funding = funding(tx, cx.now, settings.currency())?;
    let entry_reference = cx.new_id();
    let mut written = 0;
    let mut transfers = Vec::new();
    told(0);
    for part in new.chunks(STRIDE) {
        let mut wallets = Vec::with_capacity(part.len());
        for (id, _) in part {
            let (path, currency) = (Member::wallet_path(*id)?, settings.currency());
            wallets.push(NewAccount { path, kind: AccountKind::Liability, currency, floor: Some(0) });
        }
        let accounts = accounts_open(tx, cx.now, &wallets)?;
        let folded: Vec<String> = part.iter().map(|(_, one)| folded(&one.email)).collect();
        let rows = part.iter().zip(accounts.iter().zip(&folded));
        let rows = rows.map(|((id, one), (account, email_folded))| {
            let (name, email) = (one.name.as_str(), one.email.as_str());
            NewMemberRow { id: *id, name, email, email_folded, account: *account }
        });
        store::members_insert(tx, cx.now, &rows.collect::<Vec<_>>())?;
        let opened = part.iter().zip(accounts).filter(|((_, one), _)| one.opening.is_positive());
        transfers.extend(opened.map(|((_, one), account)| Transfer {
            debit: funding,
            credit: account,
            amount: one.opening,
        }));
        written += part.len();
        told(written);
    }
    if !transfers.is_empty() {
        let (actor, memo) = (cx.actor.clone(), memo.to_owned());
        let entry = NewEntry { kind: "members.opening", actor, memo, reference: Some(entry_reference.to_string()) };
        post(tx, cx.now, entry, &transfers)?;
    }
    Ok(())
}

fn email_free(tx: &mut ReadTx<'_>, email: &Email) -> Result<(), Error> {
    if store::emails_taken(tx, &[folded(email).as_str()])?.is_empty() {
        return Ok(());
    }
    Err(Error::EmailTaken(email.as_str().to_owned()))
}

/// Another command was quicker to take the address.
fn taken(error: Error, email: &Email) -> Error {
    match error {
        Error::Store(StoreError::Unique { .. }) => Error::EmailTaken(email.as_str().to_owned()),
        other => other,
    }
}

/// Those of these addresses, in lower case, that a member has.
pub(super) fn emails_taken(tx: &mut ReadTx<'_>, folded: &[&str]) -> Result<HashSet<String>, Error> {
    Ok(store::emails_taken(tx, folded)?.into_iter().collect())
}

/// The member with this id.
///
/// # Errors
/// [`Error::NoMember`].
pub fn member_get(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Member, Error> {
    store::member_find(tx, id, settings.currency())?.ok_or(Error::NoMember)
}

/// Decides on a change of a member's name or address; the member as it is now.
///
/// # Errors
/// [`Error::NoMember`], [`Error::EmailTaken`].
pub fn member_change_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    id: Uuid,
    change: &MemberChange,
) -> Result<Member, Error> {
    let member = member_get(tx, settings, id)?;
    if let Some(email) = change.email.as_ref().filter(|email| folded(email) != member.email.to_ascii_lowercase()) {
        email_free(tx, email)?;
    }
    Ok(member)
}

/// Changes a member's name or address: [`member_change_plan`] decides, then [`member_change_apply`] does it.
///
/// # Errors
/// [`Error::NoMember`], [`Error::EmailTaken`].
pub fn member_change(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    id: Uuid,
    change: &MemberChange,
) -> Result<Member, Error> {
    let member = member_change_plan(tx, settings, id, change)?;
    member_change_apply(tx, now, member, change)
}

/// Changes the member.
///
/// # Errors
/// [`Error::EmailTaken`], where another command was quicker; the store's.
pub fn member_change_apply(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    mut member: Member,
    change: &MemberChange,
) -> Result<Member, Error> {
    let mut email_folded = member.email.to_ascii_lowercase();
    if let Some(email) = &change.email {
        email_folded = folded(email);
        email.as_str().clone_into(&mut member.email);
    }
    if let Some(name) = &change.name {
        member.name.clone_from(name);
    }
    member.updated_at = now;
    let written = store::member_update(tx, &member, &email_folded).map_err(Error::from);
    match &change.email {
        Some(email) => written.map_err(|error| taken(error, email))?,
        None => written?,
    }
    Ok(member)
}

/// These members, oldest first: the order in which they are expired and reverted.
pub(super) fn members_in_order(tx: &mut ReadTx<'_>, settings: &Settings, ids: &[Uuid]) -> Result<Vec<Member>, Error> {
    let mut members = store::members_by_id(tx, ids, settings.currency())?;
    members.sort_unstable_by_key(|member| (member.created_at, member.id));
    members.dedup_by_key(|member| member.id);
    let distinct: HashSet<&Uuid> = ids.iter().collect();
    if members.len() == distinct.len() { Ok(members) } else { Err(Error::NoMember) }
}
