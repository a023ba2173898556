//! What staff decide: a withdrawal is begun, paid, or its coins are given back.

use jiff::Timestamp;
use purser_identity::{person_behind, same_person};
use purser_kit::console::RequestContext;
use purser_ledger::{Book, EntryId, NewEntry, Transfer, reverse};
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::SystemAccount;
use super::contradiction::{paid_transfers, utr_undisputed};
use super::movement::post;
use super::notify::notify;
use super::user::user_get;
use super::withdrawal::withdrawal_get;
use crate::domain::{CoinUser, MovementKind, Settings, Transaction, Withdrawal};
use crate::error::Error;
use crate::status::WithdrawalStatus;
use crate::store::payout::{Payout, payout_ensure, payout_find};
use crate::store::transaction::transaction_insert;
use crate::store::utr::utr_set;
use crate::store::withdrawal as store;
use crate::utr::Utr;

/// What became of each of many, or what speaks against it.
pub type WithdrawalOutcomes = Vec<(Uuid, Result<Withdrawal, Error>)>;

/// Takes hold, before anything else, of the accounts that a decision on many changes: what is pending, what is paid, and
/// those of whoever asked for these. A bulk command that took them later would begin anew with everybody who touches one
/// of them meanwhile.
///
/// # Errors
/// The store's and the ledger's.
pub fn accounts_lock(tx: &mut WriteTx<'_>, now: Timestamp, ids: &[Uuid]) -> Result<(), Error> {
    let mut house = Vec::new();
    for account in [
        SystemAccount::Pending,
        SystemAccount::Paid,
        SystemAccount::Redeemed,
        SystemAccount::Payable,
        SystemAccount::Bank,
    ] {
        house.push(account.open(tx, now)?);
    }
    let owners = store::accounts_of(tx, ids)?;
    Book::open(tx, house.into_iter().chain(owners))?;
    Ok(())
}

/// Begins to pay withdrawals together: one payout of all that may be begun, and of each of the others why it may not.
/// There is no payout where none may.
///
/// # Errors
/// The store's and the ledger's. What speaks against one withdrawal stands beside it.
pub fn payouts_begin(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    ids: &[Uuid],
) -> Result<(Option<Payout>, WithdrawalOutcomes), Error> {
    let mut payout = None;
    let mut outcomes = Vec::with_capacity(ids.len());
    for id in ids {
        let outcome = match begin_plan(tx, cx, *id) {
            Ok(plan) => {
                let begun = begin_apply(tx, settings, cx, plan)?;
                payout = begun.payout;
                Ok(begun)
            }
            Err(error) if error.is_refusal() => Err(error),
            Err(error) => return Err(error),
        };
        outcomes.push((*id, outcome));
    }
    let payout = payout.map_or(Ok(None), |id| payout_find(tx, id))?;
    Ok((payout, outcomes))
}

/// A withdrawal on which something may be decided, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidableWithdrawal {
    /// The withdrawal, as it is now.
    pub withdrawal: Withdrawal,
    /// Whose it is.
    pub user: CoinUser,
}

/// Decides on beginning to pay a withdrawal.
///
/// # Errors
/// [`Error::NoWithdrawal`], [`Error::NotSo`], [`Error::OwnRequest`], [`Error::UserFrozen`], [`Error::CoolingOff`].
pub fn begin_plan(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid) -> Result<DecidableWithdrawal, Error> {
    let one = at_hand(tx, id, WithdrawalStatus::Processing)?;
    not_the_requester(tx, cx, &one)?;
    if one.user.frozen.is_some() {
        return Err(Error::UserFrozen(one.user.user_id));
    }
    match one.withdrawal.payable_from {
        Some(from) if cx.now < from => Err(Error::CoolingOff(from)),
        _ => Ok(one),
    }
}

/// Begins to pay the withdrawal, in the payout of all that are begun by the same command.
///
/// # Errors
/// The store's.
pub fn begin_apply(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    plan: DecidableWithdrawal,
) -> Result<Withdrawal, Error> {
    let DecidableWithdrawal { withdrawal, user } = plan;
    let payout = Payout { id: cx.id(), made_by: cx.actor.clone(), made_at: cx.now };
    payout_ensure(tx, &payout)?;
    let next = Withdrawal { payout: Some(payout.id), processing: Some((cx.actor.clone(), cx.now)), ..withdrawal };
    changed(tx, settings, cx, &user, next, WithdrawalStatus::Processing)
}

/// Says that a withdrawal is paid, and by what: [`complete_plan`] decides, then [`complete_apply`] does it.
///
/// # Errors
/// Those of the plan.
pub fn withdrawal_complete(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    id: Uuid,
    utr: &Utr,
) -> Result<Withdrawal, Error> {
    let plan = complete_plan(tx, cx, id, utr)?;
    complete_apply(tx, settings, cx, plan)
}

/// A payment that may go on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletionPlan {
    /// What it pays.
    pub one: DecidableWithdrawal,
    /// The bank's name for it.
    pub utr: Utr,
}

/// Decides on a payment by everything but its UTR.
///
/// # Errors
/// [`Error::NoWithdrawal`], [`Error::NotSo`], [`Error::OwnRequest`].
pub fn completable(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid) -> Result<DecidableWithdrawal, Error> {
    let one = at_hand(tx, id, WithdrawalStatus::Completed)?;
    not_the_requester(tx, cx, &one)?;
    Ok(one)
}

/// Decides on a payment.
///
/// # Errors
/// Those of [`completable`]; [`Error::UtrUsed`], [`Error::UtrDisputed`].
pub fn complete_plan(tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid, utr: &Utr) -> Result<CompletionPlan, Error> {
    let one = completable(tx, cx, id)?;
    if let Some(other) = store::withdrawal_by_utr(tx, utr)? {
        return Err(Error::UtrUsed { utr: utr.clone(), withdrawal: other.id });
    }
    utr_undisputed(tx, utr, id)?;
    Ok(CompletionPlan { one, utr: utr.clone() })
}

/// Puts the payment on record.
///
/// # Errors
/// The ledger's and the store's.
pub fn complete_apply(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    plan: CompletionPlan,
) -> Result<Withdrawal, Error> {
    let CompletionPlan { one: DecidableWithdrawal { withdrawal, user }, utr } = plan;
    let paid = withdrawal.due();
    complete(tx, settings, cx, &user, withdrawal, &utr, paid)
}

/// Puts the payment on record, the coins and the rupees in one entry, which is reversed as one.
pub(super) fn complete(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    user: &CoinUser,
    withdrawal: Withdrawal,
    utr: &Utr,
    paid: Money,
) -> Result<Withdrawal, Error> {
    let id = withdrawal.id;
    let (pending, paid_coins) = (SystemAccount::Pending.open(tx, cx.now)?, SystemAccount::Paid.open(tx, cx.now)?);
    let entry = NewEntry {
        kind: "coins.payment",
        actor: cx.actor.clone(),
        memo: format!("Withdrawal {} - {id}, UTR {}", WithdrawalStatus::Completed.noun(), utr.as_str()),
        reference: Some(id.to_string()),
    };
    let mut transfers = vec![Transfer { debit: pending, credit: paid_coins, amount: withdrawal.amount }];
    transfers.extend(paid_transfers(tx, cx.now, withdrawal.due(), paid)?);
    let (entry, _) = post(tx, cx, entry, &transfers, paid_coins)?;
    let next = Withdrawal {
        utr: Some(utr.clone()),
        completed: Some((cx.actor.clone(), cx.now)),
        paid_entry: Some(entry),
        ..withdrawal
    };
    let next = changed(tx, settings, cx, user, next, WithdrawalStatus::Completed)?;
    utr_set(tx, id, utr)?;
    Ok(next)
}

/// How a withdrawal ends that is not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The payment failed.
    Fail,
    /// Staff refuse it.
    Reject,
    /// It is called off.
    Cancel,
    /// The bank sent the money back.
    Reverse,
}

impl CloseReason {
    /// How the withdrawal stands then.
    #[must_use]
    pub fn status(self) -> WithdrawalStatus {
        match self {
            CloseReason::Fail => WithdrawalStatus::Failed,
            CloseReason::Reject => WithdrawalStatus::Rejected,
            CloseReason::Cancel => WithdrawalStatus::Cancelled,
            CloseReason::Reverse => WithdrawalStatus::Reversed,
        }
    }
}

/// Calls a withdrawal off that nobody has begun to pay.
///
/// # Errors
/// [`Error::NoWithdrawal`], [`Error::NotSo`].
pub fn withdrawal_cancel(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    id: Uuid,
    reason: &str,
) -> Result<Withdrawal, Error> {
    withdrawal_close(tx, settings, cx, id, CloseReason::Cancel, reason)
}

/// Gives the coins back: [`close_plan`] decides, then [`close_apply`] does it. `reason` has 1 to 500 characters.
///
/// # Errors
/// Those of the plan.
pub fn withdrawal_close(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    id: Uuid,
    closing: CloseReason,
    reason: &str,
) -> Result<Withdrawal, Error> {
    let plan = close_plan(tx, id, closing, reason)?;
    close_apply(tx, settings, cx, plan)
}

/// A withdrawal whose coins may go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosePlan {
    /// The withdrawal.
    pub one: DecidableWithdrawal,
    closing: CloseReason,
    reason: String,
}

/// Decides on giving coins back.
///
/// # Errors
/// [`Error::NoWithdrawal`], [`Error::NotSo`].
pub fn close_plan(tx: &mut ReadTx<'_>, id: Uuid, closing: CloseReason, reason: &str) -> Result<ClosePlan, Error> {
    Ok(ClosePlan { one: at_hand(tx, id, closing.status())?, closing, reason: reason.to_owned() })
}

/// Gives the coins back, once: what took them is reversed. A payment that comes back is two reversals, and the ledger
/// may refuse the second.
///
/// # Errors
/// The ledger's and the store's.
pub fn close_apply(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    plan: ClosePlan,
) -> Result<Withdrawal, Error> {
    let ClosePlan { one: DecidableWithdrawal { withdrawal, user }, closing, reason } = plan;
    let (id, status) = (withdrawal.id, closing.status());
    let memo = format!("Withdrawal {} - {id}", status.noun());
    let entry = NewEntry {
        kind: MovementKind::Refund.kind(),
        actor: cx.actor.clone(),
        memo: memo.clone(),
        reference: Some(id.to_string()),
    };
    if let Some(paid) = withdrawal.paid_entry {
        reverse(tx, cx.now, paid, NewEntry { kind: "coins.payment-back", ..entry.clone() })?;
    }
    let back = reverse(tx, cx.now, withdrawal.request_entry, entry)?;
    refund(tx, cx, &withdrawal, memo, back)?;
    let next = Withdrawal { closed: Some((cx.actor.clone(), cx.now)), reason: Some(reason), ..withdrawal };
    changed(tx, settings, cx, &user, next, status)
}

/// The line that the user reads.
fn refund(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    withdrawal: &Withdrawal,
    reason: String,
    entry: EntryId,
) -> Result<(), Error> {
    let user = user_get(tx, withdrawal.owner)?;
    transaction_insert(
        tx,
        &Transaction {
            id: cx.new_id(),
            owner: user.id,
            movement: MovementKind::Refund,
            amount: withdrawal.amount,
            balance_after: user.balance,
            reason,
            reference: None,
            withdrawal: Some(withdrawal.id),
            entry,
            made_by: cx.actor.clone(),
            created_at: cx.now,
        },
    )?;
    Ok(())
}

/// Writes what the user reads, and what staff read; each 1 to 1,000 characters, or nothing.
///
/// # Errors
/// [`Error::NoWithdrawal`].
pub fn note_set(
    tx: &mut WriteTx<'_>,
    id: Uuid,
    public: Option<String>,
    internal: Option<String>,
) -> Result<Withdrawal, Error> {
    let withdrawal = withdrawal_get(tx, id)?;
    let next = Withdrawal { public_note: public, internal_note: internal, ..withdrawal };
    store::withdrawal_update(tx, &next)?;
    Ok(next)
}

/// The withdrawal and whose it is, if it may become so.
fn at_hand(tx: &mut ReadTx<'_>, id: Uuid, next: WithdrawalStatus) -> Result<DecidableWithdrawal, Error> {
    let withdrawal = withdrawal_get(tx, id)?;
    if !withdrawal.status.may_become(next) {
        return Err(Error::NotSo { is: withdrawal.status, next });
    }
    let user = user_get(tx, withdrawal.owner)?;
    Ok(DecidableWithdrawal { withdrawal, user })
}

fn not_the_requester(tx: &mut ReadTx<'_>, cx: &RequestContext, one: &DecidableWithdrawal) -> Result<(), Error> {
    if asks(tx, cx, &one.user, &one.withdrawal)? { Err(Error::OwnRequest) } else { Ok(()) }
}

/// Whoever asks for money does not pay it: neither the one who sent the request, nor the one whom it pays. A key counts
/// as the person who made it.
fn asks(tx: &mut ReadTx<'_>, cx: &RequestContext, user: &CoinUser, withdrawal: &Withdrawal) -> Result<bool, Error> {
    if same_person(tx, &withdrawal.requested_by, &cx.actor)? {
        return Ok(true);
    }
    Ok(user.person.is_some() && user.person == person_behind(tx, &cx.actor)?)
}

/// Whether a withdrawal is this person's own, so that somebody else must pay it.
///
/// # Errors
/// [`Error::NoUser`].
pub fn is_own(tx: &mut ReadTx<'_>, cx: &RequestContext, withdrawal: &Withdrawal) -> Result<bool, Error> {
    let user = user_get(tx, withdrawal.owner)?;
    asks(tx, cx, &user, withdrawal)
}

/// Writes a withdrawal down as it is now, and tells whom it concerns.
fn changed(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    user: &CoinUser,
    withdrawal: Withdrawal,
    status: WithdrawalStatus,
) -> Result<Withdrawal, Error> {
    let next = Withdrawal { status, changes: withdrawal.changes + 1, ..withdrawal };
    store::withdrawal_update(tx, &next)?;
    notify(tx, settings, cx, user, &next)?;
    Ok(next)
}
