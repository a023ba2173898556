//! The app's only SQL.

pub(crate) mod expiry;
pub(crate) mod import;
pub(crate) mod payment;

use jiff::Timestamp;
use purser_ledger::AccountId;
use purser_money::{Currency, Money};
use purser_store::{BulkStatement, Error, Param, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::domain::Member;

/// What the console lists, and what members are read from.
pub(crate) const MEMBERS_FROM: &str = "members_member m JOIN ledger_balance b ON b.account = m.account";

const MEMBER_SELECT: &str = "SELECT m.id, m.name, m.email, m.account, b.balance, b.held, m.expired_at, m.created_at, \
     m.updated_at FROM members_member m JOIN ledger_balance b ON b.account = m.account";

fn read_member(row: &Row<'_>, currency: Currency) -> Result<Member, Error> {
    let money = |minor| Money::new(minor, currency);
    Ok(Member {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        account: AccountId::from_column(row.get(3)?),
        balance: money(row.get(4)?),
        held: money(row.get(5)?),
        expired_at: row.get(6)?,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
    })
}

/// Which members, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MemberFilter {
    /// Expired ones only, or living ones only.
    pub(crate) expired: Option<bool>,
    /// The one with this address, in lower case.
    pub(crate) email: Option<String>,
    /// Older than the one with this id.
    pub(crate) before: Option<Uuid>,
    /// At most so many.
    pub(crate) limit: u32,
}

pub(crate) fn members_list(
    tx: &mut ReadTx<'_>,
    filter: &MemberFilter,
    currency: Currency,
) -> Result<Vec<Member>, Error> {
    let mut clauses: Vec<String> = Vec::new();
    let mut params: Vec<Param<'_>> = Vec::new();
    match filter.expired {
        Some(true) => clauses.push("m.expired_at IS NOT NULL".to_owned()),
        Some(false) => clauses.push("m.expired_at IS NULL".to_owned()),
        None => {}
    }
    if let Some(email) = &filter.email {
        params.push(email.as_str().into());
        clauses.push(format!("m.email_folded = ?{}", params.len()));
    }
    if let Some(before) = filter.before {
        params.push(before.into());
        clauses.push(format!("m.id < ?{}", params.len()));
    }
    params.push(filter.limit.into());
    let wanted = if clauses.is_empty() { String::new() } else { format!(" WHERE {}", clauses.join(" AND ")) };
    let sql = format!("{MEMBER_SELECT}{wanted} ORDER BY m.id DESC LIMIT ?{}", params.len());
    tx.query(&sql, &params, |row| read_member(row, currency))
}

pub(crate) fn member_find(tx: &mut ReadTx<'_>, id: Uuid, currency: Currency) -> Result<Option<Member>, Error> {
    tx.query_opt(&format!("{MEMBER_SELECT} WHERE m.id = ?1"), &params![id], |row| read_member(row, currency))
}

const MEMBERS_BY_ID: BulkStatement = BulkStatement {
    sqlite: "SELECT m.id, m.name, m.email, m.account, b.balance, b.held, m.expired_at, m.created_at, m.updated_at
        FROM members_member m JOIN ledger_balance b ON b.account = m.account WHERE m.id = ?1",
    postgres: "SELECT m.id, m.name, m.email, m.account, b.balance, b.held, m.expired_at, m.created_at, m.updated_at
        FROM members_member m JOIN ledger_balance b ON b.account = m.account WHERE m.id = ANY(?1::uuid[])",
};

/// The members with these ids, in any order.
pub(crate) fn members_by_id(tx: &mut ReadTx<'_>, ids: &[Uuid], currency: Currency) -> Result<Vec<Member>, Error> {
    let rows: Vec<_> = ids.iter().map(|id| params![*id]).collect();
    tx.query_bulk(&MEMBERS_BY_ID, &rows, |row| read_member(row, currency))
}

const BY_EMAIL: BulkStatement = BulkStatement {
    sqlite: "SELECT email_folded FROM members_member WHERE email_folded = ?1",
    postgres: "SELECT email_folded FROM members_member WHERE email_folded = ANY(?1::text[])",
};

/// Those of these addresses, in lower case, that a member has.
pub(crate) fn emails_taken(tx: &mut ReadTx<'_>, folded: &[&str]) -> Result<Vec<String>, Error> {
    let rows: Vec<_> = folded.iter().map(|email| params![*email]).collect();
    tx.query_bulk(&BY_EMAIL, &rows, |row| row.get(0))
}

/// A member to be written down.
#[derive(Debug)]
pub(crate) struct NewMemberRow<'a> {
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) email: &'a str,
    pub(crate) email_folded: &'a str,
    pub(crate) account: AccountId,
}

const MEMBER_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO members_member (id, name, email, email_folded, account, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    postgres: "INSERT INTO members_member (id, name, email, email_folded, account, created_at, updated_at)
        SELECT id, name, email, email_folded, account, at, at
        FROM UNNEST(?1::uuid[], ?2::text[], ?3::text[], ?4::text[], ?5::bigint[], ?6::bigint[])
            AS new (id, name, email, email_folded, account, at)",
};

/// Writes members down, and counts them.
pub(crate) fn members_insert(tx: &mut WriteTx<'_>, now: Timestamp, new: &[NewMemberRow<'_>]) -> Result<(), Error> {
    let rows: Vec<_> =
        new.iter().map(|row| params![row.id, row.name, row.email, row.email_folded, row.account.get(), now]).collect();
    tx.execute_bulk(&MEMBER_INSERT, &rows)?;
    let count = i64::try_from(new.len()).map_err(|_| Error::Engine("too many members at once".to_owned()))?;
    tally_change(tx, count, count)
}

pub(crate) fn member_update(tx: &mut WriteTx<'_>, member: &Member, email_folded: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE members_member SET name = ?2, email = ?3, email_folded = ?4, updated_at = ?5 WHERE id = ?1",
        &params![member.id, &member.name, &member.email, email_folded, member.updated_at],
    )?;
    Ok(())
}

/// Marks a member as expired, or as living again.
pub(crate) fn member_mark(
    tx: &mut WriteTx<'_>,
    id: Uuid,
    expired_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE members_member SET expired_at = ?2, updated_at = ?3 WHERE id = ?1",
        &params![id, expired_at, now],
    )?;
    tally_change(tx, 0, if expired_at.is_some() { -1 } else { 1 })
}

/// How many members there are, and how many of them live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemberCounts {
    pub(crate) members: i64,
    pub(crate) alive: i64,
}

pub(crate) fn tally(tx: &mut ReadTx<'_>) -> Result<MemberCounts, Error> {
    tx.query_one("SELECT members, alive FROM members_tally WHERE id = 1", &[], |row| {
        Ok(MemberCounts { members: row.get(0)?, alive: row.get(1)? })
    })
}

/// Counts members; a change of nothing still makes two commands that decide on who pays meet.
pub(crate) fn tally_change(tx: &mut WriteTx<'_>, members: i64, alive: i64) -> Result<(), Error> {
    let sql = "UPDATE members_tally SET members = members + ?1, alive = alive + ?2 WHERE id = 1";
    tx.execute(sql, &params![members, alive]).map(drop)
}

/// The members counted one by one.
pub(crate) fn tally_counted(tx: &mut ReadTx<'_>) -> Result<MemberCounts, Error> {
    let sql = "SELECT COUNT(*), COUNT(*) FILTER (WHERE expired_at IS NULL) FROM members_member";
    tx.query_one(sql, &[], |row| Ok(MemberCounts { members: row.get(0)?, alive: row.get(1)? }))
}

/// Expired members without an expiry that stands, and living ones with one.
pub(crate) fn misstated(tx: &mut ReadTx<'_>) -> Result<i64, Error> {
    tx.query_one(
        "SELECT COUNT(*) FROM members_member m
         LEFT JOIN members_expiry e ON e.member = m.id AND e.reverted_at IS NULL
         WHERE (m.expired_at IS NULL) <> (e.id IS NULL)",
        &[],
        |row| row.get(0),
    )
}

/// The wallets of all who live.
pub(crate) fn wallets_alive(tx: &mut ReadTx<'_>) -> Result<Vec<AccountId>, Error> {
    tx.query("SELECT account FROM members_member WHERE expired_at IS NULL ORDER BY account", &[], |row| {
        row.get(0).map(AccountId::from_column)
    })
}

/// Who lives and has less than `needed` free, at most `limit` of them, in order of their ids.
pub(crate) fn poor(tx: &mut ReadTx<'_>, needed: Money, limit: u32) -> Result<Vec<Member>, Error> {
    let sql = format!("{MEMBER_SELECT} WHERE m.expired_at IS NULL AND b.balance - b.held < ?1 ORDER BY m.id LIMIT ?2");
    tx.query(&sql, &params![needed.minor(), limit], |row| read_member(row, needed.currency()))
}

/// A living member to be told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// Living members, in order of their ids, after `after`.
pub(crate) fn alive_page(tx: &mut ReadTx<'_>, after: Option<Uuid>, limit: u32) -> Result<Vec<Recipient>, Error> {
    tx.query(
        "SELECT id, name, email FROM members_member WHERE expired_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2",
        &params![after.unwrap_or_default(), limit],
        |row| Ok(Recipient { id: row.get(0)?, name: row.get(1)?, email: row.get(2)? }),
    )
}

/// How many members joined, by quarters of an hour after `from`. `floor` is the smallest id of that time.
pub(crate) fn joined_since(tx: &mut ReadTx<'_>, from: Timestamp, floor: Uuid) -> Result<Vec<(i64, i64)>, Error> {
    tx.query(
        "SELECT (created_at - ?1) / 900000000, COUNT(*) FROM members_member
         WHERE id >= ?2 AND created_at >= ?1 GROUP BY 1 ORDER BY 1",
        &params![from, floor],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Expiries and reverts since `from`, by quarters of an hour after it: how many fewer live for them.
pub(crate) fn left_since(tx: &mut ReadTx<'_>, from: Timestamp) -> Result<Vec<(i64, i64)>, Error> {
    tx.query(
        "SELECT (at - ?1) / 900000000, CAST(SUM(fewer) AS BIGINT) FROM (
             SELECT created_at AS at, 1 AS fewer FROM members_expiry WHERE created_at >= ?1
             UNION ALL SELECT reverted_at, -1 FROM members_expiry WHERE reverted_at >= ?1
         ) AS changes GROUP BY 1 ORDER BY 1",
        &params![from],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
