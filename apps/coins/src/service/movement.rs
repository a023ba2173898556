//! Coins that an application gives and its users spend, and what staff put right.

use purser_kit::console::RequestContext;
use purser_ledger::{AccountId, Book, EntryId, Error as LedgerError, NewEntry, Transfer};
use purser_money::Money;
use purser_store::WriteTx;
use uuid::Uuid;

use super::SystemAccount;
use super::notify::notify_movement;
use super::user::{not_ones_own, user_get, user_open};
use crate::domain::{CoinUser, MovementKind, Settings, Transaction, UserId, coins};
use crate::error::Error;
use crate::store::transaction as store;

/// Coins to be given or spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMovement {
    /// Whose.
    pub user_id: UserId,
    /// [`MovementKind::Award`] or [`MovementKind::Spend`].
    pub movement: MovementKind,
    /// How many, more than zero.
    pub amount: Money,
    /// Why, 1 to 500 characters.
    pub reason: String,
    /// The application's own word for it, 1 to 200 characters: it happens once for each.
    pub reference: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovementResult {
    /// Whose.
    pub user: CoinUser,
    /// The transaction.
    pub transaction: Transaction,
    /// Whether it had happened before.
    pub repeated: bool,
}

/// Gives or spends coins, once for each reference.
///
/// # Errors
/// [`Error::ReferenceReused`] where the reference came with something else; [`Error::Insufficient`];
/// [`Error::UserFrozen`] where a frozen user is to spend; [`Error::OwnAccount`] where somebody gives coins to themselves.
pub fn coins_move(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    new: &NewMovement,
) -> Result<MovementResult, Error> {
    let change = match new.movement {
        MovementKind::Spend => coins(-new.amount.minor()),
        _ => new.amount,
    };
    if let Some(transaction) = store::transaction_by_reference(tx, &new.reference)? {
        let user = user_get(tx, transaction.owner)?;
        let same =
            (transaction.movement, transaction.amount, &transaction.reason) == (new.movement, change, &new.reason);
        if same && user.user_id == new.user_id {
            return Ok(MovementResult { user, transaction, repeated: true });
        }
        return Err(Error::ReferenceReused(new.reference.clone()));
    }
    let user = user_open(tx, cx, &new.user_id)?;
    match new.movement {
        MovementKind::Spend if user.frozen.is_some() => return Err(Error::UserFrozen(user.user_id)),
        MovementKind::Award => not_ones_own(tx, cx, &user)?,
        _ => {}
    }
    let reference = Some(new.reference.clone());
    let moved = BalanceChange { movement: new.movement, change, reason: &new.reason, reference };
    moved.make(tx, settings, cx, user)
}

/// Puts a user's coins right, with a reason: `change` is not zero.
///
/// # Errors
/// [`Error::NoUser`], [`Error::Insufficient`], [`Error::OwnAccount`] for one's own coins.
pub fn coins_adjust(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    owner: Uuid,
    change: Money,
    reason: &str,
) -> Result<MovementResult, Error> {
    let user = user_get(tx, owner)?;
    not_ones_own(tx, cx, &user)?;
    BalanceChange { movement: MovementKind::Adjustment, change, reason, reference: None }.make(tx, settings, cx, user)
}

struct BalanceChange<'a> {
    movement: MovementKind,
    change: Money,
    reason: &'a str,
    reference: Option<String>,
}

impl BalanceChange<'_> {
    fn make(
        self,
        tx: &mut WriteTx<'_>,
        settings: &Settings,
        cx: &mut RequestContext,
        user: CoinUser,
    ) -> Result<MovementResult, Error> {
        let other = match self.movement {
            MovementKind::Award => SystemAccount::Issued,
            MovementKind::Spend => SystemAccount::Spent,
            _ => SystemAccount::Adjustments,
        };
        self.post_with(tx, settings, cx, user, other, &[])
    }

    /// The coins' own transfer with others, in one entry.
    fn post_with(
        self,
        tx: &mut WriteTx<'_>,
        settings: &Settings,
        cx: &mut RequestContext,
        user: CoinUser,
        other: SystemAccount,
        others: &[Transfer],
    ) -> Result<MovementResult, Error> {
        let other = other.open(tx, cx.now)?;
        let takes = self.change.minor() < 0;
        let (debit, credit) = if takes { (user.account, other) } else { (other, user.account) };
        let amount = coins(self.change.minor().saturating_abs());
        let id = cx.new_id();
        let entry = NewEntry {
            kind: self.movement.kind(),
            actor: cx.actor.clone(),
            memo: self.reason.to_owned(),
            reference: Some(self.reference.clone().unwrap_or_else(|| id.to_string())),
        };
        let mut transfers = vec![Transfer { debit, credit, amount }];
        transfers.extend_from_slice(others);
        let (entry, balance) = post(tx, cx, entry, &transfers, user.account)?;
        let transaction = Transaction {
            id,
            owner: user.id,
            movement: self.movement,
            amount: self.change,
            balance_after: balance,
            reason: self.reason.to_owned(),
            reference: self.reference.clone(),
            withdrawal: None,
            entry,
            made_by: cx.actor.clone(),
            created_at: cx.now,
        };
        store::transaction_insert(tx, &transaction)?;
        if self.movement != MovementKind::Spend {
            notify_movement(tx, settings, cx, &user, &transaction)?;
        }
        Ok(MovementResult { user: CoinUser { balance, ..user }, transaction, repeated: false })
    }
}

/// Takes coins of a user again, with what else belongs to the same entry.
pub(super) fn coins_take(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    cx: &mut RequestContext,
    user: CoinUser,
    amount: Money,
    reason: &str,
    others: &[Transfer],
) -> Result<EntryId, Error> {
    let change = coins(-amount.minor());
    let taken = BalanceChange { movement: MovementKind::Adjustment, change, reason, reference: None };
    Ok(taken.post_with(tx, settings, cx, user, SystemAccount::Recovered, others)?.transaction.entry)
}

/// Posts one entry, and tells what the account holds afterwards.
pub(super) fn post(
    tx: &mut WriteTx<'_>,
    cx: &RequestContext,
    entry: NewEntry,
    transfers: &[Transfer],
    account: AccountId,
) -> Result<(EntryId, Money), Error> {
    let touched = transfers.iter().flat_map(|transfer| [transfer.debit, transfer.credit]);
    let mut book = Book::open(tx, touched)?;
    let posted = book.post(cx.now, entry, transfers).map_err(|error| match error {
        LedgerError::Insufficient { available, needed, .. } => Error::Insufficient { available, needed },
        other => other.into(),
    })?;
    let balance = book.balance(account)?;
    Ok((book.write(tx)?.of(posted)?, balance))
}
