//! Expiries and their reverts.
//!
//! An expiry is one journal entry with a transfer for each payer, so who paid what stands in the books and nowhere else,
//! and a revert is the reversal of that entry.

use std::collections::HashSet;

use purser_kit::console::RequestContext;
use purser_ledger::{AccountId, Book, EntryId, Error as LedgerError, NewEntry, PostedEntry, Transfer, reverse};
use purser_money::Money;
use purser_outbox::job_enqueue;
use purser_store::WriteTx;
use uuid::Uuid;

use super::preview::{ExpirePreview, RevertPreview, expire_preview, revert_preview};
use super::{pool, pool_balance};
use crate::domain::{DebtStatus, Expiry, ExpiryPolicy, Member, Settings};
use crate::error::Error;
use crate::jobs::{NotifyExpiry, NotifyRevert};
use crate::store;

/// What came of expiring a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiryResult {
    /// The member as it stands now.
    pub member: Member,
    /// The expiry.
    pub expiry: Expiry,
    /// What came into the pool.
    pub taken: Money,
}

/// What came of reverting a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertResult {
    /// The member as it stands now.
    pub member: Member,
    /// The expiry that does not stand any more.
    pub expiry: Expiry,
    /// What went back out of the pool.
    pub returned: Money,
}

/// Whoever else decides on who lives waits here until this command has ended, so what is read from now on stays true.
///
/// # Errors
/// The store's.
pub fn expiries_lock(tx: &mut WriteTx<'_>) -> Result<(), Error> {
    tx.bulk()?;
    Ok(store::tally_change(tx, 0, 0)?)
}

/// Expires members: [`expire_preview`] decides, then [`expire_apply`] does it.
///
/// # Errors
/// [`Error::NoMember`], [`Error::AlreadyExpired`], [`Error::CannotPay`], [`Error::TooManyAtOnce`].
pub fn members_expire(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    ids: &[Uuid],
) -> Result<Vec<ExpiryResult>, Error> {
    expiries_lock(tx)?;
    let plan = expire_preview(tx, settings, ids)?;
    match plan.refusal() {
        Some(refusal) => Err(refusal),
        None => expire_apply(tx, settings, cx, plan),
    }
}

/// Expires the members, oldest first, each as if alone: every other living member pays the levy.
///
/// # Errors
/// The ledger's and the store's.
pub fn expire_apply(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    plan: ExpirePreview,
) -> Result<Vec<ExpiryResult>, Error> {
    let members: Vec<Member> = plan.members.into_iter().map(|(member, _)| member).collect();
    let levies = levies_post(tx, settings, cx, &members)?;
    let mut done = Vec::with_capacity(members.len());
    for (member, levy) in members.into_iter().zip(levies) {
        let expiry = Expiry {
            id: cx.new_id(),
            member: member.id,
            levy: settings.levy,
            payers: count(levy.payers)?,
            debtors: count(levy.debtors.len())?,
            actor: cx.actor.clone(),
            entry: levy.entry,
            created_at: cx.now,
            reverted: None,
        };
        store::expiry::expiry_insert(tx, &expiry)?;
        store::expiry::debts_insert(tx, &expiry, &levy.debtors)?;
        store::member_mark(tx, member.id, Some(cx.now), cx.now)?;
        job_enqueue(tx, cx.now, cx.new_id(), &NotifyExpiry::of(expiry.id))?;
        let taken = sum(settings.levy, expiry.payers)?;
        let member = Member { expired_at: Some(cx.now), updated_at: cx.now, ..member };
        done.push(ExpiryResult { member, expiry, taken });
    }
    Ok(done)
}

/// One expiry's levy, posted.
struct Levy {
    payers: usize,
    /// The wallets that could not pay.
    debtors: Vec<AccountId>,
    entry: Option<EntryId>,
}

/// Posts the levies of all these expiries, in their order. Whoever expires pays for those before, and for none after.
fn levies_post(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &RequestContext,
    members: &[Member],
) -> Result<Vec<Levy>, Error> {
    let pool = pool(tx, cx.now, settings.currency())?;
    let wallets = store::wallets_alive(tx)?;
    let mut book = Book::open(tx, wallets.iter().copied().chain([pool]))?;
    let mut gone: HashSet<AccountId> = HashSet::with_capacity(members.len());
    let mut decided = Vec::with_capacity(members.len());
    for member in members {
        gone.insert(member.account);
        let (mut transfers, mut debtors) = (Vec::with_capacity(wallets.len()), Vec::new());
        for wallet in wallets.iter().filter(|wallet| !gone.contains(wallet)) {
            if settings.policy == ExpiryPolicy::Arrears && book.available(*wallet)? < settings.levy {
                debtors.push(*wallet);
            } else {
                transfers.push(Transfer { debit: *wallet, credit: pool, amount: settings.levy });
            }
        }
        let posted =
            if transfers.is_empty() { None } else { Some(book.post(cx.now, entry(cx, member), &transfers)?) };
        decided.push((transfers.len(), debtors, posted));
    }
    let entries = book.write(tx)?;
    let levy = |(payers, debtors, posted): (usize, Vec<AccountId>, Option<PostedEntry>)| {
        let entry = posted.map(|posted| entries.of(posted)).transpose()?;
        Ok(Levy { payers, debtors, entry })
    };
    decided.into_iter().map(levy).collect()
}

fn entry(cx: &RequestContext, member: &Member) -> NewEntry {
    NewEntry {
        kind: "members.levy",
        actor: cx.actor.clone(),
        memo: format!("Levy for {}", member.name),
        reference: Some(member.id.to_string()),
    }
}

/// Reverts expiries: [`revert_preview`] decides, then [`revert_apply`] does it.
///
/// # Errors
/// [`Error::NoMember`], [`Error::NotExpired`], [`Error::PoolCannotPay`], [`Error::TooManyAtOnce`].
pub fn members_revert(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    ids: &[Uuid],
) -> Result<Vec<RevertResult>, Error> {
    expiries_lock(tx)?;
    let plan = revert_preview(tx, settings, ids)?;
    match plan.refusal() {
        Some(refusal) => Err(refusal),
        None => revert_apply(tx, settings, cx, plan),
    }
}

/// Reverts the expiries, of the oldest member first: each lives again, and whoever paid gets exactly that back.
///
/// # Errors
/// The ledger's and the store's.
pub fn revert_apply(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    plan: RevertPreview,
) -> Result<Vec<RevertResult>, Error> {
    plan.members.into_iter().map(|one| revert(tx, settings, cx, one.member, one.expiry)).collect()
}

fn revert(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    member: Member,
    expiry: Expiry,
) -> Result<RevertResult, Error> {
    let memo = format!("Levy for {} given back", member.name);
    let back = |tx: &mut WriteTx<'_>, cx: &RequestContext, entry: EntryId| {
        let (actor, reference) = (cx.actor.clone(), Some(member.id.to_string()));
        let reversal = NewEntry { kind: "members.levy-back", actor, memo: memo.clone(), reference };
        match reverse(tx, cx.now, entry, reversal) {
            // The ledger tells which payment the pool could not give back any more; what matters is the sum.
            Err(LedgerError::Insufficient { .. }) => {
                let needed = sum(expiry.levy, expiry.payers.max(1))?;
                Err(Error::PoolCannotPay { available: pool_balance(tx, settings)?, needed })
            }
            other => Ok(other?),
        }
    };
    let reversal = expiry.entry.map(|entry| back(tx, cx, entry)).transpose()?;
    let mut payments = expiry.payers;
    let mut debts = store::expiry::debts_of(tx, expiry.id, settings.currency())?;
    for debt in &mut debts {
        debt.status = match debt.entry {
            Some(entry) => {
                back(tx, cx, entry)?;
                payments += 1;
                DebtStatus::Returned
            }
            None => DebtStatus::Cancelled,
        };
    }
    store::expiry::debts_settle(tx, cx.now, &debts)?;
    store::expiry::expiry_revert(tx, expiry.id, cx.now, &cx.actor, reversal)?;
    store::member_mark(tx, member.id, None, cx.now)?;
    job_enqueue(tx, cx.now, cx.new_id(), &NotifyRevert::of(expiry.id))?;
    let returned = sum(expiry.levy, payments)?;
    let expiry = Expiry { reverted: Some((cx.now, cx.actor.clone())), ..expiry };
    Ok(RevertResult { member: Member { expired_at: None, updated_at: cx.now, ..member }, expiry, returned })
}

fn count(number: usize) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| Error::Bug("a count past 64 bits"))
}

/// A levy times its payers: 64 bits hold the levies of more members than there are people.
fn sum(levy: Money, payers: i64) -> Result<Money, Error> {
    crate::domain::times(levy, payers).ok_or(Error::Bug("a sum of levies past 64 bits"))
}
