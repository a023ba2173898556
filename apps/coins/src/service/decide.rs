//! What staff decide: a withdrawal is begun, paid, or its coins are given back.

use jiff::Timestamp;
use purser_identity::{person_behind, same_person};
use purser_kit::console::Doer;
use purser_ledger::{Book, EntryId, NewEntry, Transfer, reverse};
use purser_money::Money;
use purser_store::Tx;
use uuid::Uuid;

use super::House;
use super::contradiction::{paid_transfers, utr_undisputed};
use super::movement::post;
use super::tell::tell;
use super::user::user_get;
use super::withdrawal::withdrawal_get;
use crate::domain::{Movement, Settings, Transaction, User, Withdrawal};
use crate::error::Error;
use crate::status::Status;
use crate::store::payout::{Payout, payout_insert};
use crate::store::transaction::transaction_insert;
use crate::store::utr::utr_set;
use crate::store::withdrawal as store;
use crate::utr::Utr;

/// What became of each of many, or what speaks against it.
pub type Outcomes = Vec<(Uuid, Result<Withdrawal, Error>)>;

/// Takes hold, before anything else, of the accounts that a decision on many changes: what is pending, what is paid, and
/// those of whoever asked for these. A wide command that took them later would begin anew with everybody who touches one
/// of them meanwhile.
///
/// # Errors
/// The store's and the ledger's.
pub fn accounts_lock(tx: &mut Tx<'_>, now: Timestamp, ids: &[Uuid]) -> Result<(), Error> {
    let mut house = Vec::new();
    for account in [House::Pending, House::Paid, House::Redeemed, House::Payable, House::Bank] {
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
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    ids: &[Uuid],
) -> Result<(Option<Payout>, Outcomes), Error> {
    let payout = Payout { id: doer.fresh_id(), made_by: doer.actor.clone(), made_at: doer.now };
    let mut outcomes = Vec::with_capacity(ids.len());
    let mut begun = false;
    for id in ids {
        let ready = ready_to_begin(tx, doer, *id);
        let outcome = match ready {
            Ok((user, withdrawal)) => {
                if !begun {
                    payout_insert(tx, &payout)?;
                    begun = true;
                }
                let next = Withdrawal {
                    payout: Some(payout.id),
                    processing: Some((doer.actor.clone(), doer.now)),
                    ..withdrawal
                };
                Ok(changed(tx, settings, doer, &user, next, Status::Processing)?)
            }
            Err(error) if error.is_refusal() => Err(error),
            Err(error) => return Err(error),
        };
        outcomes.push((*id, outcome));
    }
    Ok((begun.then_some(payout), outcomes))
}

fn ready_to_begin(tx: &mut Tx<'_>, doer: &Doer, id: Uuid) -> Result<(User, Withdrawal), Error> {
    let (user, withdrawal) = at_hand(tx, id, Status::Processing)?;
    not_the_requester(tx, doer, &user, &withdrawal)?;
    if user.frozen.is_some() {
        return Err(Error::UserFrozen(user.user_id));
    }
    match withdrawal.payable_from {
        Some(from) if doer.now < from => Err(Error::CoolingOff(from)),
        _ => Ok((user, withdrawal)),
    }
}

/// Says that a withdrawal is paid, and by what.
///
/// # Errors
/// [`Error::NoWithdrawal`], [`Error::NotSo`], [`Error::OwnRequest`], [`Error::UtrUsed`], [`Error::UtrDisputed`].
pub fn withdrawal_complete(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    id: Uuid,
    utr: &Utr,
) -> Result<Withdrawal, Error> {
    let (user, withdrawal) = at_hand(tx, id, Status::Completed)?;
    not_the_requester(tx, doer, &user, &withdrawal)?;
    if let Some(other) = store::withdrawal_by_utr(tx, utr)? {
        return Err(Error::UtrUsed { utr: utr.clone(), withdrawal: other.id });
    }
    utr_undisputed(tx, utr, id)?;
    let paid = withdrawal.due();
    complete(tx, settings, doer, &user, withdrawal, utr, paid)
}

/// Puts the payment on record, the coins and the rupees in one entry, which is reversed as one.
pub(super) fn complete(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    user: &User,
    withdrawal: Withdrawal,
    utr: &Utr,
    paid: Money,
) -> Result<Withdrawal, Error> {
    let id = withdrawal.id;
    let (pending, paid_coins) = (House::Pending.open(tx, doer.now)?, House::Paid.open(tx, doer.now)?);
    let entry = NewEntry {
        kind: "coins.payment",
        actor: doer.actor.clone(),
        memo: format!("Withdrawal {} - {id}, UTR {}", Status::Completed.noun(), utr.as_str()),
        reference: Some(id.to_string()),
    };
    let mut transfers = vec![Transfer { debit: pending, credit: paid_coins, amount: withdrawal.amount }];
    transfers.extend(paid_transfers(tx, doer.now, withdrawal.due(), paid)?);
    let (entry, _) = post(tx, doer, entry, &transfers, paid_coins)?;
    let next = Withdrawal {
        utr: Some(utr.clone()),
        completed: Some((doer.actor.clone(), doer.now)),
        paid_entry: Some(entry),
        ..withdrawal
    };
    let next = changed(tx, settings, doer, user, next, Status::Completed)?;
    utr_set(tx, id, utr)?;
    Ok(next)
}

/// How a withdrawal ends that is not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The payment failed.
    Fail,
    /// Staff refuse it.
    Reject,
    /// It is called off.
    Cancel,
    /// The bank sent the money back.
    Reverse,
}

impl Closing {
    fn status(self) -> Status {
        match self {
            Closing::Fail => Status::Failed,
            Closing::Reject => Status::Rejected,
            Closing::Cancel => Status::Cancelled,
            Closing::Reverse => Status::Reversed,
        }
    }
}

/// Calls a withdrawal off that nobody has begun to pay.
///
/// # Errors
/// [`Error::NoWithdrawal`], [`Error::NotSo`].
pub fn withdrawal_cancel(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    id: Uuid,
    reason: &str,
) -> Result<Withdrawal, Error> {
    withdrawal_close(tx, settings, doer, id, Closing::Cancel, reason)
}

/// Gives the coins back, once: what took them is reversed. `reason` has 1 to 500 characters.
///
/// A payment that comes back is two reversals, and the ledger may refuse the second: of many, only those that were not
/// paid may be closed one beside the other.
///
/// # Errors
/// [`Error::NoWithdrawal`], [`Error::NotSo`].
pub fn withdrawal_close(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    id: Uuid,
    closing: Closing,
    reason: &str,
) -> Result<Withdrawal, Error> {
    let status = closing.status();
    let (user, withdrawal) = at_hand(tx, id, status)?;
    let memo = format!("Withdrawal {} - {id}", status.noun());
    let entry = NewEntry {
        kind: Movement::Refund.kind(),
        actor: doer.actor.clone(),
        memo: memo.clone(),
        reference: Some(id.to_string()),
    };
    if let Some(paid) = withdrawal.paid_entry {
        reverse(tx, doer.now, paid, NewEntry { kind: "coins.payment-back", ..entry.clone() })?;
    }
    let back = reverse(tx, doer.now, withdrawal.request_entry, entry)?;
    refund(tx, doer, &withdrawal, memo, back)?;
    let next =
        Withdrawal { closed: Some((doer.actor.clone(), doer.now)), reason: Some(reason.to_owned()), ..withdrawal };
    changed(tx, settings, doer, &user, next, status)
}

/// The line that the user reads.
fn refund(
    tx: &mut Tx<'_>,
    doer: &mut Doer,
    withdrawal: &Withdrawal,
    reason: String,
    entry: EntryId,
) -> Result<(), Error> {
    let user = user_get(tx, withdrawal.owner)?;
    transaction_insert(
        tx,
        &Transaction {
            id: doer.fresh_id(),
            owner: user.id,
            movement: Movement::Refund,
            amount: withdrawal.amount,
            balance_after: user.balance,
            reason,
            reference: None,
            withdrawal: Some(withdrawal.id),
            entry,
            made_by: doer.actor.clone(),
            created_at: doer.now,
        },
    )?;
    Ok(())
}

/// Writes what the user reads, and what staff read; each 1 to 1,000 characters, or nothing.
///
/// # Errors
/// [`Error::NoWithdrawal`].
pub fn note_set(
    tx: &mut Tx<'_>,
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
fn at_hand(tx: &mut Tx<'_>, id: Uuid, next: Status) -> Result<(User, Withdrawal), Error> {
    let withdrawal = withdrawal_get(tx, id)?;
    if !withdrawal.status.may_become(next) {
        return Err(Error::NotSo { is: withdrawal.status, next });
    }
    Ok((user_get(tx, withdrawal.owner)?, withdrawal))
}

fn not_the_requester(tx: &mut Tx<'_>, doer: &Doer, user: &User, withdrawal: &Withdrawal) -> Result<(), Error> {
    if asks(tx, doer, user, withdrawal)? { Err(Error::OwnRequest) } else { Ok(()) }
}

/// Whoever asks for money does not pay it: neither the one who sent the request, nor the one whom it pays. A key counts
/// as the person who made it.
fn asks(tx: &mut Tx<'_>, doer: &Doer, user: &User, withdrawal: &Withdrawal) -> Result<bool, Error> {
    if same_person(tx, &withdrawal.requested_by, &doer.actor)? {
        return Ok(true);
    }
    Ok(user.person.is_some() && user.person == person_behind(tx, &doer.actor)?)
}

/// Whether a withdrawal is this person's own, so that somebody else must pay it.
///
/// # Errors
/// [`Error::NoUser`].
pub fn is_own(tx: &mut Tx<'_>, doer: &Doer, withdrawal: &Withdrawal) -> Result<bool, Error> {
    let user = user_get(tx, withdrawal.owner)?;
    asks(tx, doer, &user, withdrawal)
}

/// Writes a withdrawal down as it is now, and tells whom it concerns.
fn changed(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    user: &User,
    withdrawal: Withdrawal,
    status: Status,
) -> Result<Withdrawal, Error> {
    let next = Withdrawal { status, changes: withdrawal.changes + 1, ..withdrawal };
    store::withdrawal_update(tx, &next)?;
    tell(tx, settings, doer, user, &next)?;
    Ok(next)
}
