//! Withdrawals.

use std::ops::Range;

use jiff::Timestamp;
use purser_ledger::{AccountId, EntryId};
use purser_money::{Currency, Money};
use purser_store::{BulkStatement, Error, Param, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use super::unread;
use crate::domain::{UserId, Withdrawal, coins};
use crate::status::WithdrawalStatus;
use crate::upi::UpiId;
use crate::utr::Utr;

/// What the console lists.
pub(crate) const WITHDRAWALS_FROM: &str = "coins_withdrawal w JOIN coins_user u ON u.id = w.owner";

const SELECT: &str = "SELECT w.id, w.owner, u.user_id, w.amount, w.rupees, w.upi_id, w.handle_known, w.status,
     w.requested_by, w.created_at, w.payable_from, w.payout, w.processed_by, w.processing_at, w.utr, w.completed_by,
     w.completed_at, w.closed_by, w.closed_at, w.reason, w.public_note, w.internal_note, w.changes, w.request_entry,
     w.paid_entry
     FROM coins_withdrawal w JOIN coins_user u ON u.id = w.owner";

fn read(row: &Row<'_>) -> Result<Withdrawal, Error> {
    let status: String = row.get(7)?;
    let both = |by: Option<String>, at: Option<Timestamp>| by.zip(at);
    Ok(Withdrawal {
        id: row.get(0)?,
        owner: row.get(1)?,
        user_id: UserId::from_column(row.get(2)?),
        amount: coins(row.get(3)?),
        rupees: Money::new(row.get(4)?, Currency::INR),
        upi_id: UpiId::from_column(row.get(5)?),
        handle_known: row.get::<i64>(6)? == 1,
        status: WithdrawalStatus::from_name(&status).ok_or_else(|| unread("coins_withdrawal.status", &status))?,
        requested_by: row.get(8)?,
        created_at: row.get(9)?,
        payable_from: row.get(10)?,
        payout: row.get(11)?,
        processing: both(row.get(12)?, row.get(13)?),
        utr: row.get::<Option<String>>(14)?.map(Utr::from_column),
        completed: both(row.get(15)?, row.get(16)?),
        closed: both(row.get(17)?, row.get(18)?),
        reason: row.get(19)?,
        public_note: row.get(20)?,
        internal_note: row.get(21)?,
        changes: row.get(22)?,
        request_entry: EntryId::from_column(row.get(23)?),
        paid_entry: row.get::<Option<i64>>(24)?.map(EntryId::from_column),
    })
}

pub(crate) fn withdrawal_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Withdrawal>, Error> {
    tx.query_opt(&format!("{SELECT} WHERE w.id = ?1"), &params![id], read)
}

pub(crate) fn withdrawal_by_utr(tx: &mut ReadTx<'_>, utr: &Utr) -> Result<Option<Withdrawal>, Error> {
    let sql = format!("{SELECT} WHERE w.utr_key IN (?1, ?2) ORDER BY w.id LIMIT 1");
    tx.query_opt(&sql, &params![utr.key(), utr.labeled()], read)
}

const ACCOUNTS: BulkStatement = BulkStatement {
    sqlite: "SELECT u.account FROM coins_withdrawal w JOIN coins_user u ON u.id = w.owner WHERE w.id = ?1",
    postgres: "SELECT u.account FROM coins_withdrawal w JOIN coins_user u ON u.id = w.owner WHERE w.id = ANY(?1::uuid[])",
};

/// The accounts of whoever asked for these.
pub(crate) fn accounts_of(tx: &mut ReadTx<'_>, ids: &[Uuid]) -> Result<Vec<AccountId>, Error> {
    let rows: Vec<_> = ids.iter().map(|id| params![*id]).collect();
    tx.query_bulk(&ACCOUNTS, &rows, |row| row.get(0).map(AccountId::from_column))
}

/// Which withdrawals, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WithdrawalFilter {
    /// Of this user only.
    pub(crate) owner: Option<Uuid>,
    /// Only those that stand so.
    pub(crate) status: Option<WithdrawalStatus>,
    /// Of this payout only.
    pub(crate) payout: Option<Uuid>,
    /// Older than the one with this id.
    pub(crate) before: Option<Uuid>,
    /// At most so many.
    pub(crate) limit: u32,
}

pub(crate) fn withdrawals_list(tx: &mut ReadTx<'_>, filter: &WithdrawalFilter) -> Result<Vec<Withdrawal>, Error> {
    let mut params: Vec<Param<'_>> = Vec::new();
    let mut clauses: Vec<String> = Vec::new();
    let ids = [("w.owner =", filter.owner), ("w.payout =", filter.payout), ("w.id <", filter.before)];
    for (clause, id) in ids.into_iter().filter_map(|(clause, id)| Some((clause, id?))) {
        params.push(id.into());
        clauses.push(format!("{clause} ?{}", params.len()));
    }
    if let Some(status) = filter.status {
        params.push(status.name().into());
        clauses.push(format!("w.status = ?{}", params.len()));
    }
    params.push(filter.limit.into());
    let wanted = if clauses.is_empty() { String::new() } else { format!("WHERE {}", clauses.join(" AND ")) };
    tx.query(&format!("{SELECT} {wanted} ORDER BY w.id DESC LIMIT ?{}", params.len()), &params, read)
}

pub(crate) fn withdrawal_insert(tx: &mut WriteTx<'_>, one: &Withdrawal) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO coins_withdrawal (id, owner, amount, rupees, upi_id, handle_known, status, requested_by,
             created_at, payable_from, changes, request_entry)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        &params![
            one.id,
            one.owner,
            one.amount.minor(),
            one.rupees.minor(),
            one.upi_id.as_str(),
            i64::from(one.handle_known),
            one.status.name(),
            &one.requested_by,
            one.created_at,
            one.payable_from,
            one.changes,
            one.request_entry.get()
        ],
    )?;
    Ok(())
}

/// Writes down everything of it that changes.
pub(crate) fn withdrawal_update(tx: &mut WriteTx<'_>, one: &Withdrawal) -> Result<(), Error> {
    let by = |pair: &'_ Option<(String, Timestamp)>| pair.as_ref().map(|(by, _)| by.clone());
    let at = |pair: &Option<(String, Timestamp)>| pair.as_ref().map(|(_, at)| *at);
    let (processed_by, completed_by, closed_by) = (by(&one.processing), by(&one.completed), by(&one.closed));
    tx.execute(
        "UPDATE coins_withdrawal SET status = ?2, payout = ?3, processed_by = ?4, processing_at = ?5, utr = ?6,
             completed_by = ?7, completed_at = ?8, closed_by = ?9, closed_at = ?10, reason = ?11, public_note = ?12,
             internal_note = ?13, changes = ?14, paid_entry = ?15
         WHERE id = ?1",
        &params![
            one.id,
            one.status.name(),
            one.payout,
            processed_by.as_deref(),
            at(&one.processing),
            one.utr.as_ref().map(Utr::as_str),
            completed_by.as_deref(),
            at(&one.completed),
            closed_by.as_deref(),
            at(&one.closed),
            one.reason.as_deref(),
            one.public_note.as_deref(),
            one.internal_note.as_deref(),
            one.changes,
            one.paid_entry.map(EntryId::get)
        ],
    )?;
    Ok(())
}

/// Coins that a user asked for in a span and has not got back.
pub(crate) fn asked_for(tx: &mut ReadTx<'_>, owner: Uuid, span: &Range<Timestamp>) -> Result<i64, Error> {
    tx.query_one(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM coins_withdrawal
         WHERE owner = ?1 AND created_at >= ?2 AND created_at < ?3 AND status IN ('pending', 'processing', 'completed')",
        &params![owner, span.start, span.end],
        |row| row.get(0),
    )
}

/// When a user first named this UPI id, in a request that was not called off.
pub(crate) fn first_named(tx: &mut ReadTx<'_>, owner: Uuid, upi_id: &UpiId) -> Result<Option<Timestamp>, Error> {
    tx.query_one(
        "SELECT MIN(created_at) FROM coins_withdrawal
         WHERE upi_id = ?1 AND owner = ?2 AND status NOT IN ('cancelled', 'rejected')",
        &params![upi_id.as_str(), owner],
        |row| row.get(0),
    )
}

/// How many other users have named this UPI id.
pub(crate) fn others_with(tx: &mut ReadTx<'_>, owner: Uuid, upi_id: &UpiId) -> Result<i64, Error> {
    tx.query_one(
        "SELECT COUNT(DISTINCT owner) FROM coins_withdrawal WHERE upi_id = ?1 AND owner <> ?2",
        &params![upi_id.as_str(), owner],
        |row| row.get(0),
    )
}

/// What withdrawals of one status come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StatusTotals {
    /// How they stand.
    pub(crate) status: WithdrawalStatus,
    /// How many there are.
    pub(crate) count: i64,
    /// Coins.
    pub(crate) coins: Money,
    /// What the coins came to.
    pub(crate) rupees: Money,
}

fn read_totals(row: &Row<'_>) -> Result<StatusTotals, Error> {
    let status: String = row.get(0)?;
    Ok(StatusTotals {
        status: WithdrawalStatus::from_name(&status).ok_or_else(|| unread("coins_withdrawal.status", &status))?,
        count: row.get(1)?,
        coins: coins(row.get(2)?),
        rupees: Money::new(row.get(3)?, Currency::INR),
    })
}

/// Of each status that there is, of one payout or of one user or of all.
pub(crate) fn totals_by_status(
    tx: &mut ReadTx<'_>,
    owner: Option<Uuid>,
    payout: Option<Uuid>,
) -> Result<Vec<StatusTotals>, Error> {
    let (clause, params) = match (owner, payout) {
        (Some(owner), _) => ("WHERE owner = ?1", params![owner].to_vec()),
        (None, Some(payout)) => ("WHERE payout = ?1", params![payout].to_vec()),
        (None, None) => ("", Vec::new()),
    };
    let sql = format!(
        "SELECT status, COUNT(*), CAST(SUM(amount) AS BIGINT), CAST(SUM(rupees) AS BIGINT)
         FROM coins_withdrawal {clause} GROUP BY status ORDER BY status"
    );
    tx.query(&sql, &params, read_totals)
}

/// How many are there and what they come to, of those that stand so; by an index.
pub(crate) fn totals_of_status(tx: &mut ReadTx<'_>, status: WithdrawalStatus) -> Result<(i64, Money), Error> {
    tx.query_one(
        "SELECT COUNT(*), CAST(COALESCE(SUM(rupees), 0) AS BIGINT) FROM coins_withdrawal WHERE status = ?1",
        &params![status.name()],
        |row| Ok((row.get(0)?, Money::new(row.get(1)?, Currency::INR))),
    )
}

/// When the one was asked for that has stood so for longest.
pub(crate) fn oldest_of(tx: &mut ReadTx<'_>, status: WithdrawalStatus) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT MIN(created_at) FROM coins_withdrawal WHERE status = ?1";
    tx.query_one(sql, &params![status.name()], |row| row.get(0))
}

/// What was paid in a span, and how many payments that were.
pub(crate) fn paid_in(tx: &mut ReadTx<'_>, span: &Range<Timestamp>) -> Result<(i64, Money), Error> {
    tx.query_one(
        "SELECT COUNT(*), CAST(COALESCE(SUM(rupees), 0) AS BIGINT) FROM coins_withdrawal
         WHERE completed_at >= ?1 AND completed_at < ?2",
        &params![span.start, span.end],
        |row| Ok((row.get(0)?, Money::new(row.get(1)?, Currency::INR))),
    )
}

/// How long those took that were paid since a moment, in microseconds, shortest first, at most so many.
pub(crate) fn times_to_pay(tx: &mut ReadTx<'_>, since: Timestamp, limit: u32) -> Result<Vec<i64>, Error> {
    tx.query(
        "SELECT completed_at - created_at FROM
             (SELECT completed_at, created_at FROM coins_withdrawal WHERE completed_at >= ?1
              ORDER BY completed_at DESC LIMIT ?2) lately
         ORDER BY 1",
        &params![since, limit],
        |row| row.get(0),
    )
}
