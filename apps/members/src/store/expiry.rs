//! Expiries, and what is owed for them.

use jiff::Timestamp;
use purser_ledger::{AccountId, EntryId};
use purser_money::{Currency, Money};
use purser_store::{BulkStatement, Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::domain::{Debt, DebtStatus, Expiry};

/// What the console lists.
pub(crate) const EXPIRIES_FROM: &str = "members_expiry e JOIN members_member m ON m.id = e.member";

const EXPIRY_SELECT: &str = "SELECT id, member, levy, payers, debtors, actor, entry, created_at, reverted_at, \
     reverted_by FROM members_expiry";

fn read_expiry(row: &Row<'_>, currency: Currency) -> Result<Expiry, Error> {
    let reverted_at: Option<Timestamp> = row.get(8)?;
    let reverted_by: Option<String> = row.get(9)?;
    Ok(Expiry {
        id: row.get(0)?,
        member: row.get(1)?,
        levy: Money::new(row.get(2)?, currency),
        payers: row.get(3)?,
        debtors: row.get(4)?,
        actor: row.get(5)?,
        entry: row.get::<Option<i64>>(6)?.map(EntryId::from_column),
        created_at: row.get(7)?,
        reverted: reverted_at.zip(reverted_by),
    })
}

pub(crate) fn expiry_insert(tx: &mut WriteTx<'_>, expiry: &Expiry) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO members_expiry (id, member, levy, payers, debtors, actor, entry, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &params![
            expiry.id,
            expiry.member,
            expiry.levy.minor(),
            expiry.payers,
            expiry.debtors,
            &expiry.actor,
            expiry.entry.map(EntryId::get),
            expiry.created_at,
        ],
    )?;
    Ok(())
}

pub(crate) fn expiry_find(tx: &mut ReadTx<'_>, id: Uuid, currency: Currency) -> Result<Option<Expiry>, Error> {
    tx.query_opt(&format!("{EXPIRY_SELECT} WHERE id = ?1"), &params![id], |row| read_expiry(row, currency))
}

/// The expiry of this member that stands.
pub(crate) fn expiry_in_force(tx: &mut ReadTx<'_>, member: Uuid, currency: Currency) -> Result<Option<Expiry>, Error> {
    let sql = format!("{EXPIRY_SELECT} WHERE member = ?1 AND reverted_at IS NULL");
    tx.query_opt(&sql, &params![member], |row| read_expiry(row, currency))
}

/// The newest expiries of this member.
pub(crate) fn expiries_of(
    tx: &mut ReadTx<'_>,
    member: Uuid,
    limit: u32,
    currency: Currency,
) -> Result<Vec<Expiry>, Error> {
    let sql = format!("{EXPIRY_SELECT} WHERE member = ?1 ORDER BY id DESC LIMIT ?2");
    tx.query(&sql, &params![member, limit], |row| read_expiry(row, currency))
}

/// Writes down that an expiry was reverted.
pub(crate) fn expiry_revert(
    tx: &mut WriteTx<'_>,
    id: Uuid,
    now: Timestamp,
    actor: &str,
    reversal: Option<EntryId>,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE members_expiry SET reverted_at = ?2, reverted_by = ?3, reversal = ?4 WHERE id = ?1",
        &params![id, now, actor, reversal.map(EntryId::get)],
    )?;
    Ok(())
}

fn read_debt(row: &Row<'_>, currency: Currency) -> Result<Debt, Error> {
    let status: String = row.get(3)?;
    Ok(Debt {
        expiry: row.get(0)?,
        member: row.get(1)?,
        amount: Money::new(row.get(2)?, currency),
        status: DebtStatus::from_name(&status)
            .ok_or_else(|| Error::Engine(format!("members_debt.status is {status}")))?,
        entry: row.get::<Option<i64>>(4)?.map(EntryId::from_column),
    })
}

const DEBT_SELECT: &str = "SELECT expiry, member, amount, status, entry FROM members_debt";

const DEBT_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO members_debt (expiry, member, amount, status)
        SELECT ?1, id, ?2, 'open' FROM members_member WHERE account = ?3",
    postgres: "INSERT INTO members_debt (expiry, member, amount, status)
        SELECT owed.expiry, m.id, owed.amount, 'open'
        FROM UNNEST(?1::uuid[], ?2::bigint[], ?3::bigint[]) AS owed (expiry, amount, account)
        JOIN members_member m ON m.account = owed.account",
};

/// Writes down that the owners of these wallets owe the expiry's levy.
pub(crate) fn debts_insert(tx: &mut WriteTx<'_>, expiry: &Expiry, wallets: &[AccountId]) -> Result<(), Error> {
    let rows: Vec<_> = wallets.iter().map(|account| params![expiry.id, expiry.levy.minor(), account.get()]).collect();
    tx.execute_bulk(&DEBT_INSERT, &rows).map(drop)
}

/// What a member owes, oldest first.
pub(crate) fn debts_open(tx: &mut ReadTx<'_>, member: Uuid, currency: Currency) -> Result<Vec<Debt>, Error> {
    let sql = format!("{DEBT_SELECT} WHERE member = ?1 AND status = 'open' ORDER BY expiry");
    tx.query(&sql, &params![member], |row| read_debt(row, currency))
}

/// What was owed for an expiry, in the order of those who owed it.
pub(crate) fn debts_of(tx: &mut ReadTx<'_>, expiry: Uuid, currency: Currency) -> Result<Vec<Debt>, Error> {
    let sql = format!("{DEBT_SELECT} WHERE expiry = ?1 ORDER BY member");
    tx.query(&sql, &params![expiry], |row| read_debt(row, currency))
}

const DEBT_SETTLE: BulkStatement = BulkStatement {
    sqlite: "UPDATE members_debt SET status = ?3, entry = ?4, settled_at = ?5 WHERE expiry = ?1 AND member = ?2",
    postgres: "UPDATE members_debt d SET status = new.status, entry = new.entry, settled_at = new.at
        FROM UNNEST(?1::uuid[], ?2::uuid[], ?3::text[], ?4::bigint[], ?5::bigint[])
            AS new (expiry, member, status, entry, at)
        WHERE d.expiry = new.expiry AND d.member = new.member",
};

/// Writes down what became of debts.
pub(crate) fn debts_settle(tx: &mut WriteTx<'_>, now: Timestamp, debts: &[Debt]) -> Result<(), Error> {
    let rows: Vec<_> = debts
        .iter()
        .map(|debt| params![debt.expiry, debt.member, debt.status.name(), debt.entry.map(EntryId::get), now])
        .collect();
    tx.execute_bulk(&DEBT_SETTLE, &rows).map(drop)
}
