//! What happened on an account: statements, and the balance as of any moment.
//!
//! Each posting keeps the balance after it and the account's posting before it, so an account's history is a chain that
//! begins at its newest posting. A walk of n lines reads n rows by their number, however long the history is. A walk to
//! an earlier moment begins at the nearest mark after it, which is at most 64 postings away.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use purser_money::{Currency, Money};
use purser_store::{Error as StoreError, ReadTx, Row, params};

use crate::account::read_currency;
use crate::book::MARK_EVERY;
use crate::{AccountId, AccountPath, EntryId, Error, Transfer, account_get};

/// A transfer's number; later ones are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(i64);

impl TransferId {
    /// The number, as a cursor carries it.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The number that a cursor carried.
    #[must_use]
    pub fn from_cursor(id: i64) -> Self {
        TransferId(id)
    }
}

/// A journal entry as it was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: EntryId,
    /// When.
    pub at: Timestamp,
    /// What kind of event.
    pub kind: String,
    /// Who.
    pub actor: String,
    /// Why.
    pub memo: String,
    /// What for.
    pub reference: Option<String>,
    /// The entry that this one reverses.
    pub reverses: Option<EntryId>,
    /// The entry that reversed this one.
    pub reversed_by: Option<EntryId>,
    /// Its transfers, in their order.
    pub transfers: Vec<Transfer>,
}

/// One posting on an account, as a statement shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// The transfer that it is one side of.
    pub transfer: TransferId,
    /// The entry that the transfer belongs to.
    pub entry: EntryId,
    /// When.
    pub at: Timestamp,
    /// What kind of event.
    pub kind: String,
    /// Who.
    pub actor: String,
    /// Why.
    pub memo: String,
    /// What for.
    pub reference: Option<String>,
    /// The account on the other side.
    pub counterpart: AccountPath,
    /// What it added to the balance; negative where it took.
    pub change: Money,
    /// The balance after it.
    pub balance: Money,
}

/// The journal entry with this number, and its transfers.
///
/// # Errors
/// [`Error::NoEntry`].
pub fn entry_get(tx: &mut ReadTx<'_>, id: EntryId) -> Result<Entry, Error> {
    let mut entry = tx
        .query_opt(
            "SELECT e.at, e.kind, e.actor, e.memo, e.reference, e.reverses, r.id
             FROM ledger_entry e LEFT JOIN ledger_entry r ON r.reverses = e.id WHERE e.id = ?1",
            &params![id.0],
            |row| {
                Ok(Entry {
                    id,
                    at: row.get(0)?,
                    kind: row.get(1)?,
                    actor: row.get(2)?,
                    memo: row.get(3)?,
                    reference: row.get(4)?,
                    reverses: row.get::<Option<i64>>(5)?.map(EntryId),
                    reversed_by: row.get::<Option<i64>>(6)?.map(EntryId),
                    transfers: Vec::new(),
                })
            },
        )?
        .ok_or(Error::NoEntry(id))?;
    entry.transfers = tx.query(
        "SELECT t.debit, t.credit, t.amount, b.currency, b.scale
         FROM ledger_entry e
         JOIN ledger_transfer t ON t.id BETWEEN e.first_transfer AND e.last_transfer AND t.entry = e.id
         JOIN ledger_balance b ON b.account = t.debit WHERE e.id = ?1 ORDER BY t.id",
        &params![id.0],
        |row| {
            let amount = Money::new(row.get(2)?, read_currency(row, 3)?);
            Ok(Transfer { debit: AccountId(row.get(0)?), credit: AccountId(row.get(1)?), amount })
        },
    )?;
    Ok(entry)
}

/// The newest postings of an account, newest first: at most `limit` (up to 1,000), older than `before` where given.
///
/// # Errors
/// [`Error::NoAccount`].
pub fn statement(
    tx: &mut ReadTx<'_>,
    account: AccountId,
    before: Option<TransferId>,
    limit: u32,
) -> Result<Vec<StatementLine>, Error> {
    let currency = account_get(tx, account)?.currency;
    match chain_start(tx, account, before)? {
        Some(start) => walk(tx, account, start, limit, currency),
        None => Ok(Vec::new()),
    }
}

/// The postings of an account in a span of time, newest first: at most `limit` (up to 1,000), older than `before` where
/// given. A span far back costs no more than one of today.
///
/// # Errors
/// [`Error::NoAccount`].
pub fn statement_between(
    tx: &mut ReadTx<'_>,
    account: AccountId,
    span: &Range<Timestamp>,
    before: Option<TransferId>,
    limit: u32,
) -> Result<Vec<StatementLine>, Error> {
    let currency = account_get(tx, account)?.currency;
    let start = match before {
        Some(_) => chain_start(tx, account, before)?,
        None => {
            let last = span.end.checked_sub(SignedDuration::from_micros(1)).unwrap_or(span.end);
            posting_at(tx, account, last)?.map(|(id, _)| id)
        }
    };
    let Some(start) = start else { return Ok(Vec::new()) };
    let mut lines = walk(tx, account, start, limit, currency)?;
    // Along one account time never runs backward, so nothing after an older line is younger.
    lines.retain(|line| line.at >= span.start);
    Ok(lines)
}

/// The posting `start` and those before it.
fn walk(
    tx: &mut ReadTx<'_>,
    account: AccountId,
    start: i64,
    limit: u32,
    currency: Currency,
) -> Result<Vec<StatementLine>, Error> {
    let lines = tx.query(
        "WITH RECURSIVE chain (id, step) AS (
             SELECT CAST(?2 AS BIGINT), 1
             UNION ALL
             SELECT CASE WHEN t.debit = ?1 THEN t.debit_before ELSE t.credit_before END, chain.step + 1
             FROM chain JOIN ledger_transfer t ON t.id = chain.id WHERE chain.step < ?3
         )
         SELECT t.id, t.entry, e.at, e.kind, e.actor, e.memo, e.reference, other.path, t.amount, own.side,
             CASE WHEN t.debit = ?1 THEN 1 ELSE -1 END,
             CASE WHEN t.debit = ?1 THEN t.debit_balance ELSE t.credit_balance END
         FROM chain
         JOIN ledger_transfer t ON t.id = chain.id
         JOIN ledger_entry e ON e.id = t.entry
         JOIN ledger_balance own ON own.account = ?1
         JOIN ledger_account other ON other.id = CASE WHEN t.debit = ?1 THEN t.credit ELSE t.debit END
         ORDER BY chain.step",
        &params![account.0, start, limit.clamp(1, 1_000)],
        |row| read_line(row, currency),
    )?;
    Ok(lines)
}

fn read_line(row: &Row<'_>, currency: Currency) -> Result<StatementLine, StoreError> {
    let (amount, side, direction): (i64, i64, i64) = (row.get(8)?, row.get(9)?, row.get(10)?);
    let path: String = row.get(7)?;
    Ok(StatementLine {
        transfer: TransferId(row.get(0)?),
        entry: EntryId(row.get(1)?),
        at: row.get(2)?,
        kind: row.get(3)?,
        actor: row.get(4)?,
        memo: row.get(5)?,
        reference: row.get(6)?,
        counterpart: AccountPath::new(path).map_err(|error| StoreError::Engine(error.to_string()))?,
        change: Money::new(amount * side * direction, currency),
        balance: Money::new(row.get(11)?, currency),
    })
}

/// The posting that a walk begins at: the newest, or the one before `before`. `None` where there is nothing to walk.
fn chain_start(tx: &mut ReadTx<'_>, account: AccountId, before: Option<TransferId>) -> Result<Option<i64>, Error> {
    let start = match before {
        None => tx.query_opt("SELECT head FROM ledger_balance WHERE account = ?1", &params![account.0], |row| {
            row.get::<i64>(0)
        })?,
        Some(before) => tx.query_opt(
            "SELECT CASE WHEN debit = ?1 THEN debit_before ELSE credit_before END
             FROM ledger_transfer WHERE id = ?2 AND (debit = ?1 OR credit = ?1)",
            &params![account.0, before.0],
            |row| row.get::<i64>(0),
        )?,
    };
    Ok(start.filter(|id| *id != 0))
}

/// The balance as it was after everything posted up to and including the moment `at`.
///
/// # Errors
/// [`Error::NoAccount`].
pub fn balance_at(tx: &mut ReadTx<'_>, account: AccountId, at: Timestamp) -> Result<Money, Error> {
    let currency = account_get(tx, account)?.currency;
    let posting = posting_at(tx, account, at)?;
    Ok(Money::new(posting.map_or(0, |(_, balance)| balance), currency))
}

/// The newest posting up to and including the moment `at`: its number, and the balance after it.
fn posting_at(tx: &mut ReadTx<'_>, account: AccountId, at: Timestamp) -> Result<Option<(i64, i64)>, Error> {
    let mark = tx.query_opt(
        "SELECT transfer FROM ledger_mark WHERE account = ?1 AND at > ?2 ORDER BY at, transfer LIMIT 1",
        &params![account.0, at],
        |row| row.get::<i64>(0),
    )?;
    let start = match mark {
        Some(mark) => Some(mark),
        None => chain_start(tx, account, None)?,
    };
    let Some(start) = start else { return Ok(None) };
    // The walk ends at the first posting that is old enough; one step more than a mark's distance always reaches it,
    // because the posting before a mark's 64 bears the mark before.
    let posting = tx.query_opt(
        "WITH RECURSIVE chain (id, step) AS (
             SELECT CAST(?2 AS BIGINT), 0
             UNION ALL
             SELECT CASE WHEN t.debit = ?1 THEN t.debit_before ELSE t.credit_before END, chain.step + 1
             FROM chain JOIN ledger_transfer t ON t.id = chain.id JOIN ledger_entry e ON e.id = t.entry
             WHERE e.at > ?3 AND chain.step <= ?4
         )
         SELECT t.id, CASE WHEN t.debit = ?1 THEN t.debit_balance ELSE t.credit_balance END
         FROM chain JOIN ledger_transfer t ON t.id = chain.id JOIN ledger_entry e ON e.id = t.entry
         WHERE e.at <= ?3 ORDER BY chain.step LIMIT 1",
        &params![account.0, start, at, MARK_EVERY],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(posting)
}

/// The latest moment among the newest entries. The clock of whoever asks should not be behind it.
///
/// # Errors
/// The store's.
pub fn newest_entry_at(tx: &mut ReadTx<'_>) -> Result<Option<Timestamp>, Error> {
    // Entries of an account that was posted to by a clock that was ahead bear its time: the very newest is not enough.
    let sql = "SELECT MAX(at) FROM (SELECT at FROM ledger_entry ORDER BY id DESC LIMIT 100) AS newest";
    Ok(tx.query_one(sql, &[], |row| row.get(0))?)
}
