//! Jobs that are done one after another: a line for each order key, of which only the first may be claimed.
//!
//! The first of a line has no place ([`outbox_job.behind`](crate::MIGRATIONS) is NULL), like a job without a line; those
//! behind it are numbered in the order in which their transactions committed. They are in no index that a claim looks
//! at, so however many wait, they hide nobody and cost nobody anything. Whatever ends the first, done or dead, moves the
//! next one up in the same transaction.

use purser_store::{ReadTx, WriteTx, params};

use crate::Error;

/// The place of a job that is about to be enqueued: `None` where it is the first.
///
/// A wide command joins hundreds of lines at once. Were it to write the row of the first of each, it would begin anew
/// whenever a worker ended one of them meanwhile, and in the end give up. So it only looks. Where the first has ended
/// unseen, the line has no first for a moment, until a worker [mends](ordered_queues_repair) it.
pub(crate) fn join(tx: &mut WriteTx<'_>, key: &str) -> Result<Option<i64>, Error> {
    if tx.is_bulk() {
        let (count, last): (i64, Option<i64>) =
            tx.query_one("SELECT COUNT(*), MAX(behind) FROM outbox_job WHERE order_key = ?1", &params![key], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        return Ok((count > 0).then(|| last.unwrap_or(0) + 1));
    }
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

/// Whether there is a line without a first.
///
/// # Errors
/// As the store refuses it.
pub fn ordered_queues_are_broken(tx: &mut ReadTx<'_>) -> Result<bool, Error> {
    let sql = format!("SELECT 1 FROM ({NEXT_OF_BROKEN} LIMIT 1) AS broken");
    Ok(tx.query_opt(&sql, &[], |_| Ok(()))?.is_some())
}

/// Gives each line that has no first its next one for a first. Says how many those were, of at most 1,000 at a time.
///
/// # Errors
/// As the store refuses it.
pub fn ordered_queues_repair(tx: &mut WriteTx<'_>) -> Result<u64, Error> {
    let sql = format!("UPDATE outbox_job SET behind = NULL WHERE id IN ({NEXT_OF_BROKEN} LIMIT 1000)");
    Ok(tx.execute(&sql, &[])?)
}

const NEXT_OF_BROKEN: &str = "SELECT next.id FROM outbox_job AS next
    WHERE next.behind IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM outbox_job AS first
                      WHERE first.order_key = next.order_key AND first.behind IS NULL)
      AND NOT EXISTS (SELECT 1 FROM outbox_job AS earlier
                      WHERE earlier.order_key = next.order_key AND earlier.behind < next.behind)";

/// Makes the next in line the first, now that the first is gone.
pub(crate) fn move_up(tx: &mut WriteTx<'_>, key: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE outbox_job SET behind = NULL
         WHERE id = (SELECT id FROM outbox_job WHERE order_key = ?1 AND behind IS NOT NULL ORDER BY behind LIMIT 1)",
        &params![key],
    )?;
    Ok(())
}
