//! Every movement of coins, as its owner reads it.

use purser_ledger::EntryId;
use purser_store::{Error, Param, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use super::unread;
use crate::domain::{MovementKind, Transaction, UserTotals, coins};

/// What the console lists.
pub(crate) const TRANSACTIONS_FROM: &str = "coins_transaction t JOIN coins_user u ON u.id = t.owner";

const SELECT: &str = "SELECT id, owner, kind, amount, balance_after, reason, reference, withdrawal, entry, made_by,
     created_at FROM coins_transaction";

fn read(row: &Row<'_>) -> Result<Transaction, Error> {
    let kind: String = row.get(2)?;
    Ok(Transaction {
        id: row.get(0)?,
        owner: row.get(1)?,
        movement: MovementKind::from_name(&kind).ok_or_else(|| unread("coins_transaction.kind", &kind))?,
        amount: coins(row.get(3)?),
        balance_after: coins(row.get(4)?),
        reason: row.get(5)?,
        reference: row.get(6)?,
        withdrawal: row.get(7)?,
        entry: EntryId::from_column(row.get(8)?),
        made_by: row.get(9)?,
        created_at: row.get(10)?,
    })
}

pub(crate) fn transaction_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Transaction>, Error> {
    tx.query_opt(&format!("{SELECT} WHERE id = ?1"), &params![id], read)
}

pub(crate) fn transaction_by_reference(tx: &mut ReadTx<'_>, reference: &str) -> Result<Option<Transaction>, Error> {
    tx.query_opt(&format!("{SELECT} WHERE reference = ?1"), &params![reference], read)
}

/// The transactions of a user, newest first.
pub(crate) fn transactions_of(
    tx: &mut ReadTx<'_>,
    owner: Uuid,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Transaction>, Error> {
    let mut params = params![owner, limit].to_vec();
    let older = match before {
        Some(before) => {
            params.push(Param::from(before));
            // By the ledger's order: an id is made before its transaction's turn comes.
            " AND entry < (SELECT entry FROM coins_transaction WHERE id = ?3)"
        }
        None => "",
    };
    tx.query(&format!("{SELECT} WHERE owner = ?1{older} ORDER BY entry DESC LIMIT ?2"), &params, read)
}

pub(crate) fn transaction_insert(tx: &mut WriteTx<'_>, one: &Transaction) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO coins_transaction (id, owner, kind, amount, balance_after, reason, reference, withdrawal, entry,
             made_by, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &params![
            one.id,
            one.owner,
            one.movement.name(),
            one.amount.minor(),
            one.balance_after.minor(),
            &one.reason,
            one.reference.as_deref(),
            one.withdrawal,
            one.entry.get(),
            &one.made_by,
            one.created_at
        ],
    )?;
    Ok(())
}

/// Users whose transactions do not add up to what the ledger says they have.
pub(crate) fn misstated(tx: &mut ReadTx<'_>) -> Result<i64, Error> {
    tx.query_one(
        "SELECT COUNT(*) FROM coins_user u JOIN ledger_balance b ON b.account = u.account
         WHERE b.balance <> COALESCE((SELECT SUM(t.amount) FROM coins_transaction t WHERE t.owner = u.id), 0)",
        &[],
        |row| row.get(0),
    )
}

/// What a user's coins came to over time.
pub(crate) fn totals_of(tx: &mut ReadTx<'_>, owner: Uuid) -> Result<UserTotals, Error> {
    tx.query_one(
        "SELECT CAST(COALESCE(SUM(CASE WHEN kind = 'award' THEN amount END), 0) AS BIGINT),
             CAST(COALESCE(SUM(CASE WHEN kind = 'spend' THEN -amount END), 0) AS BIGINT),
             (SELECT CAST(COALESCE(SUM(w.amount), 0) AS BIGINT) FROM coins_withdrawal w
              WHERE w.owner = ?1 AND w.status = 'completed')
         FROM coins_transaction WHERE owner = ?1",
        &params![owner],
        |row| Ok(UserTotals { lifetime: row.get(0)?, spent: row.get(1)?, withdrawn: row.get(2)? }),
    )
}
