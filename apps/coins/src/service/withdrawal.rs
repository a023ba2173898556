//! Asking for coins to be paid.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use purser_kit::console::RequestContext;
use purser_ledger::{NewEntry, Transfer};
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::SystemAccount;
use super::movement::post;
use super::notify::notify;
use super::user::user_known;
use crate::domain::{CoinUser, HandlePolicy, MovementKind, Settings, Transaction, UserId, Withdrawal, coins};
use crate::error::Error;
use crate::status::WithdrawalStatus;
use crate::store::handle::{Handle, handle_by_name};
use crate::store::transaction::transaction_insert;
use crate::store::withdrawal as store;
use crate::upi::UpiId;

/// The day and the month of a moment, in the instance's zone: what limits count in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The day.
    pub day: Range<Timestamp>,
    /// The calendar month.
    pub month: Range<Timestamp>,
}

impl Period {
    /// Those of this moment; `None` at the end of time.
    #[must_use]
    pub fn at(moment: Timestamp, zone: &TimeZone) -> Option<Self> {
        let date = moment.to_zoned(zone.clone()).date();
        let begin = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp());
        let next_month = date.last_of_month().tomorrow().ok()?;
        Some(Period {
            day: begin(date)?..begin(date.tomorrow().ok()?)?,
            month: begin(date.first_of_month())?..begin(next_month)?,
        })
    }
}

/// Coins that somebody asks to have paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWithdrawal {
    /// Whose.
    pub user_id: UserId,
    /// How many, within the settings' bounds.
    pub amount: Money,
    /// Whom to pay.
    pub upi_id: UpiId,
}

/// The withdrawal with this id.
///
/// # Errors
/// [`Error::NoWithdrawal`].
pub fn withdrawal_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Withdrawal, Error> {
    store::withdrawal_find(tx, id)?.ok_or(Error::NoWithdrawal)
}

/// The newest: of one user or of all, that stand so or anyhow.
///
/// # Errors
/// The store's.
pub fn withdrawals_list(
    tx: &mut ReadTx<'_>,
    owner: Option<Uuid>,
    status: Option<WithdrawalStatus>,
    limit: u32,
) -> Result<Vec<Withdrawal>, Error> {
    Ok(store::withdrawals_list(
        tx,
        &store::WithdrawalFilter { owner, status, limit, ..store::WithdrawalFilter::default() },
    )?)
}

/// Those of a user, newest first.
///
/// # Errors
/// The store's.
pub fn withdrawals_of(
    tx: &mut ReadTx<'_>,
    owner: Uuid,
    status: Option<WithdrawalStatus>,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Withdrawal>, Error> {
    let filter =
        store::WithdrawalFilter { owner: Some(owner), status, before, limit, ..store::WithdrawalFilter::default() };
    Ok(store::withdrawals_list(tx, &filter)?)
}

/// Takes the coins at once, and leaves the payment to staff. Answers with what is left.
///
/// # Errors
/// [`Error::UnknownHandle`] under the strict policy, [`Error::Insufficient`], [`Error::OverLimit`],
/// [`Error::UserFrozen`].
pub fn withdrawal_create(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    new: &NewWithdrawal,
    period: &Period,
) -> Result<(Withdrawal, Money), Error> {
    let handle_known = handle_by_name(tx, new.upi_id.handle())?.is_some();
    if !handle_known && settings.handles == HandlePolicy::Strict {
        return Err(Error::UnknownHandle(new.upi_id.handle().to_owned()));
    }
    let Some(user) = user_known(tx, &new.user_id)? else {
        return Err(Error::Insufficient { available: coins(0), needed: new.amount });
    };
    if user.frozen.is_some() {
        return Err(Error::UserFrozen(user.user_id));
    }
    within_limits(tx, settings, &user, new.amount, period)?;
    let rupees = settings.worth(new.amount.minor());
    let rupees = rupees.ok_or_else(|| Error::Answer("the coins are worth more than 64 bits".to_owned()))?;
    let payable_from = payable_from(tx, settings, cx.now, &user, &new.upi_id)?;
    let pending = SystemAccount::Pending.open(tx, cx.now)?;
    // Payments by the hundred work on a snapshot, in which two may not open an account at once: it is there before.
    for house in [SystemAccount::Paid, SystemAccount::Redeemed, SystemAccount::Payable, SystemAccount::Bank] {
        house.open(tx, cx.now)?;
    }
    let id = cx.new_id();
    let reason = format!("Withdrawal {} - {id}", WithdrawalStatus::Pending.noun());
    let entry = NewEntry {
        kind: MovementKind::Withdrawal.kind(),
        actor: cx.actor.clone(),
        memo: reason.clone(),
        reference: Some(id.to_string()),
    };
    let transfer = Transfer { debit: user.account, credit: pending, amount: new.amount };
    let (entry, left) = post(tx, cx, entry, &[transfer], user.account)?;
    let withdrawal = Withdrawal {
        id,
        owner: user.id,
        user_id: user.user_id.clone(),
        amount: new.amount,
        rupees,
        upi_id: new.upi_id.clone(),
        handle_known,
        status: WithdrawalStatus::Pending,
        requested_by: cx.actor.clone(),
        created_at: cx.now,
        payable_from,
        payout: None,
        processing: None,
        utr: None,
        completed: None,
        closed: None,
        reason: None,
        public_note: None,
        internal_note: None,
        changes: 1,
        request_entry: entry,
        paid_entry: None,
    };
    store::withdrawal_insert(tx, &withdrawal)?;
    transaction_insert(
        tx,
        &Transaction {
            id: cx.new_id(),
            owner: user.id,
            movement: MovementKind::Withdrawal,
            amount: coins(-new.amount.minor()),
            balance_after: left,
            reason,
            reference: None,
            withdrawal: Some(id),
            entry,
            made_by: cx.actor.clone(),
            created_at: cx.now,
        },
    )?;
    notify(tx, settings, cx, &user, &withdrawal)?;
    Ok((withdrawal, left))
}

fn within_limits(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    user: &CoinUser,
    amount: Money,
    period: &Period,
) -> Result<(), Error> {
    let limits = [("day", settings.per_day, &period.day), ("month", settings.per_month, &period.month)];
    for (period, limit, span) in limits {
        let Some(limit) = limit else { continue };
        let asked = store::asked_for(tx, user.id, span)?;
        if asked.saturating_add(amount.minor()) > limit {
            return Err(Error::OverLimit { period, limit: coins(limit), asked: coins(asked), needed: amount });
        }
    }
    Ok(())
}

/// Until when a UPI id waits that is new for the user. The time runs from the first request that named it.
fn payable_from(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    now: Timestamp,
    user: &CoinUser,
    upi_id: &UpiId,
) -> Result<Option<Timestamp>, Error> {
    let Some(cool_off) = settings.cool_off else { return Ok(None) };
    let first = store::first_named(tx, user.id, upi_id)?.unwrap_or(now);
    let from = first.checked_add(cool_off).unwrap_or(Timestamp::MAX);
    Ok(Some(from).filter(|from| *from > now))
}

/// What staff look at before they pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalChecks {
    /// The handle as it is on the list now.
    pub handle: Option<Handle>,
    /// When the user first named the UPI id: with this withdrawal, where it is new.
    pub first_named: Option<Timestamp>,
    /// How many other users have named it.
    pub others: i64,
}

/// Looks at whom a withdrawal pays.
///
/// # Errors
/// The store's.
pub fn withdrawal_checks(tx: &mut ReadTx<'_>, withdrawal: &Withdrawal) -> Result<WithdrawalChecks, Error> {
    Ok(WithdrawalChecks {
        handle: handle_by_name(tx, withdrawal.upi_id.handle())?,
        first_named: store::first_named(tx, withdrawal.owner, &withdrawal.upi_id)?,
        others: store::others_with(tx, withdrawal.owner, &withdrawal.upi_id)?,
    })
}
