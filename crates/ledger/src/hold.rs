//! Holds: money set aside until somebody outside has answered.

use std::fmt;

use jiff::Timestamp;
use purser_money::Money;
use purser_store::{Error as StoreError, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::account::read_currency;
use crate::book::{Purpose, check_text};
use crate::{AccountId, AccountStatus, Book, EntryId, Error, NewEntry, Transfer, account_get};

/// How a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HoldStatus {
    /// The money is set aside.
    Held,
    /// It was taken, whole or in part.
    Captured,
    /// It was let go.
    Released,
    /// Its time ran out, and it was let go.
    Expired,
}

impl HoldStatus {
    const ALL: [HoldStatus; 4] = [HoldStatus::Held, HoldStatus::Captured, HoldStatus::Released, HoldStatus::Expired];

    /// Its name in the schema and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            HoldStatus::Held => "held",
            HoldStatus::Captured => "captured",
            HoldStatus::Released => "released",
            HoldStatus::Expired => "expired",
        }
    }
}

impl fmt::Display for HoldStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Money to be set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHold {
    /// Its id, fresh.
    pub id: Uuid,
    /// Whose money.
    pub account: AccountId,
    /// How much, more than zero.
    pub amount: Money,
    /// Who asked, 1 to 200 characters.
    pub actor: String,
    /// What for, at most 1,000 characters.
    pub reason: String,
    /// When it lets go by itself; `None` for never, where only an answer may decide.
    pub expires_at: Option<Timestamp>,
}

/// A hold as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: Uuid,
    /// Whose money.
    pub account: AccountId,
    /// How much was set aside.
    pub amount: Money,
    /// Who asked.
    pub actor: String,
    /// What for.
    pub reason: String,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it lets go by itself.
    pub expires_at: Option<Timestamp>,
    /// How it stands.
    pub status: HoldStatus,
    /// The entry that captured it.
    pub entry: Option<EntryId>,
}

/// Sets money aside. The floor is checked by the statement that does it.
///
/// # Errors
/// The rule that refused it, as for a transfer out of the account.
pub fn hold_place(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewHold) -> Result<(), Error> {
    if !new.amount.is_positive() {
        return Err(Error::NotPositive(new.amount));
    }
    check_text("actor", &new.actor, 1, 200)?;
    check_text("reason", &new.reason, 0, 1_000)?;
    let account = account_get(tx, new.account)?;
    if account.currency != new.amount.currency() {
        let (expected, found) = (account.currency.code().to_owned(), new.amount.currency().code().to_owned());
        return Err(Error::WrongCurrency { account: new.account, expected, found });
    }
    match account.status {
        AccountStatus::Open => {}
        AccountStatus::Frozen => return Err(Error::Frozen(new.account)),
        AccountStatus::Closed => return Err(Error::Closed(new.account)),
    }
    // Only an account without a floor can come to this.
    account.held.checked_add(new.amount).ok_or(Error::TooLarge(new.account))?;
    let placed = tx.execute(
        "UPDATE ledger_balance SET held = held + ?2
         WHERE account = ?1 AND status = 0 AND (floor IS NULL OR balance - held - ?2 >= floor)",
        &params![new.account.0, new.amount.minor()],
    )?;
    if placed == 0 {
        let floor = account.floor.map_or(0, Money::minor);
        let available = Money::new(account.available().minor().saturating_sub(floor), account.currency);
        return Err(Error::Insufficient { account: new.account, available, needed: new.amount });
    }
    tx.execute(
        "INSERT INTO ledger_hold (id, account, amount, actor, reason, created_at, expires_at, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'held')",
        &params![new.id, new.account.0, new.amount.minor(), &new.actor, &new.reason, now, new.expires_at],
    )?;
    Ok(())
}

/// Takes what a hold has set aside, or `amount` of it, into the account `to`; the rest is let go. The account may have
/// been frozen meanwhile, or the hold's time be over: what was promised is paid until [`holds_expire`] lets it go.
///
/// # Errors
/// [`Error::NoHold`], [`Error::HoldSettled`], [`Error::HoldTooSmall`], or what refuses the transfer.
pub fn hold_capture(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    amount: Money,
    to: AccountId,
    entry: NewEntry,
) -> Result<EntryId, Error> {
    hold_capture_split(tx, now, id, &[(to, amount)], entry)
}

/// The same into several accounts at once, by one entry: to each its part.
///
/// # Errors
/// As [`hold_capture`].
pub fn hold_capture_split(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    parts: &[(AccountId, Money)],
    entry: NewEntry,
) -> Result<EntryId, Error> {
    let hold = hold_open(tx, id)?;
    let mut asked = Money::zero(hold.amount.currency());
    for (_, amount) in parts {
        // What is of another currency is refused by the transfer itself.
        asked = asked.checked_add(*amount).unwrap_or(asked);
    }
    if asked > hold.amount {
        return Err(Error::HoldTooSmall { held: hold.amount, asked });
    }
    // All is decided before anything is written, so that a refusal leaves no trace even where its caller goes on.
    let mut book = Book::open(tx, parts.iter().map(|(to, _)| *to).chain([hold.account]))?;
    book.let_go(hold.account, hold.amount)?;
    let transfer =
        |(credit, amount): &(AccountId, Money)| Transfer { debit: hold.account, credit: *credit, amount: *amount };
    let transfers: Vec<Transfer> = parts.iter().map(transfer).collect();
    book.post_as(now, entry, &transfers, Purpose::Capture)?;
    let_go(tx, &hold)?;
    let entry = book.write_one(tx)?;
    settle(tx, now, id, HoldStatus::Captured, Some(entry))?;
    Ok(entry)
}

/// Lets go of what a hold has set aside.
///
/// # Errors
/// [`Error::NoHold`], [`Error::HoldSettled`].
pub fn hold_release(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid) -> Result<(), Error> {
    let hold = hold_open(tx, id)?;
    let_go(tx, &hold)?;
    settle(tx, now, id, HoldStatus::Released, None)
}

/// Lets go of holds whose time ran out before or at `now`, at most `limit` of them, and says which.
///
/// # Errors
/// The store's.
pub fn holds_expire(tx: &mut WriteTx<'_>, now: Timestamp, limit: u32) -> Result<Vec<Uuid>, Error> {
    let due = tx.query(
        "SELECT id FROM ledger_hold WHERE status = 'held' AND expires_at IS NOT NULL AND expires_at <= ?1
         ORDER BY expires_at LIMIT ?2",
        &params![now, limit],
        |row| row.get::<Uuid>(0),
    )?;
    for id in &due {
        let hold = hold_open(tx, *id)?;
        let_go(tx, &hold)?;
        settle(tx, now, *id, HoldStatus::Expired, None)?;
    }
    Ok(due)
}

/// The hold with this id.
///
/// # Errors
/// [`Error::NoHold`].
pub fn hold_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Hold, Error> {
    tx.query_opt(
        "SELECT h.id, h.account, h.amount, h.actor, h.reason, h.created_at, h.expires_at, h.status, h.entry,
             b.currency, b.scale
         FROM ledger_hold h JOIN ledger_balance b ON b.account = h.account WHERE h.id = ?1",
        &params![id],
        read_hold,
    )?
    .ok_or(Error::NoHold(id))
}

fn read_hold(row: &Row<'_>) -> Result<Hold, StoreError> {
    let status: String = row.get(7)?;
    let known = HoldStatus::ALL.into_iter().find(|known| known.name() == status);
    Ok(Hold {
        id: row.get(0)?,
        account: AccountId(row.get(1)?),
        amount: Money::new(row.get(2)?, read_currency(row, 9)?),
        actor: row.get(3)?,
        reason: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        status: known.ok_or_else(|| StoreError::Engine(format!("ledger_hold.status is {status}")))?,
        entry: row.get::<Option<i64>>(8)?.map(EntryId),
    })
}

fn hold_open(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Hold, Error> {
    let hold = hold_get(tx, id)?;
    match hold.status {
        HoldStatus::Held => Ok(hold),
        status => Err(Error::HoldSettled { hold: id, status }),
    }
}

fn let_go(tx: &mut WriteTx<'_>, hold: &Hold) -> Result<(), Error> {
    tx.execute(
        "UPDATE ledger_balance SET held = held - ?2 WHERE account = ?1",
        &params![hold.account.0, hold.amount.minor()],
    )?;
    Ok(())
}

fn settle(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    status: HoldStatus,
    entry: Option<EntryId>,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE ledger_hold SET status = ?2, settled_at = ?3, entry = ?4 WHERE id = ?1",
        &params![id, status.name(), now, entry.map(|entry| entry.0)],
    )?;
    Ok(())
}
