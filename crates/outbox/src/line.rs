//! Jobs that are done one after another: a line for each order key, of which only the first may be claimed.
//!
//! The first of a line has no place ([`outbox_job.behind`](crate::MIGRATIONS) is NULL), like a job without a line; those
//! behind it are numbered in the order in which their transactions committed. They are in no index that a claim looks
//! at, so however many wait, they hide nobody and cost nobody anything. Whatever ends the first, done or dead, moves the
//! next one up in the same transaction.

use purser_store::{Tx, params};

use crate::Error;

/// The place of a job that is about to be enqueued: `None` where it is the first.
pub(crate) fn join(tx: &mut Tx<'_>, key: &str) -> Result<Option<i64>, Error> {
    // Changes nothing, and yet it writes the row: on PostgreSQL a transaction that ends the first one meanwhile, and so
    // could not see who has just joined, conflicts with this one, and so does another that joins.
    let first =
        tx.execute("UPDATE outbox_job SET behind = NULL WHERE order_key = ?1 AND behind IS NULL", &params![key])?;
    let last: Option<i64> = tx.query_one(
        "SELECT MAX(behind) FROM outbox_job WHERE order_key = ?1 AND behind IS NOT NULL",
        &params![key],
        |row| row.get(0),
    )?;
    if first == 0 && last.is_none() {
        return Ok(None);
    }
    if first == 0 {
        // Somebody has deleted the first by hand.
        move_up(tx, key)?;
    }
    Ok(Some(last.unwrap_or(0) + 1))
}

/// Makes the next in line the first, now that the first is gone.
pub(crate) fn move_up(tx: &mut Tx<'_>, key: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE outbox_job SET behind = NULL
         WHERE id = (SELECT id FROM outbox_job WHERE order_key = ?1 AND behind IS NOT NULL ORDER BY behind LIMIT 1)",
        &params![key],
    )?;
    Ok(())
}
