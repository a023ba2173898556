//! Jobs past hope: looked at by people, and requeued or discarded by them.

use jiff::Timestamp;
use purser_store::{ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::{Error, FailedAttempt, failed_attempt, ordered_queue};

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The job's id.
    pub id: Uuid,
    /// Its [`Job::KIND`](crate::Job::KIND).
    pub kind: String,
    /// The job, as JSON.
    pub payload: String,
    /// Attempts made.
    pub attempts: u32,
    /// What went wrong, oldest first.
    pub failures: Vec<FailedAttempt>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// The latest dead letters, newest first: at most `limit`, and only such as come after `before`, the
/// `died_at` and `id` of the last one of the page before.
///
/// # Errors
/// As the store refuses it.
pub fn dead_letters(
    tx: &mut ReadTx<'_>,
    limit: u32,
    before: Option<(Timestamp, Uuid)>,
) -> Result<Vec<DeadLetter>, Error> {
    let (died_at, id) = before.unwrap_or((Timestamp::MAX, Uuid::max()));
    let rows = tx.query(
        "SELECT id, kind, payload, attempts, created_at, died_at, failures FROM outbox_dead_letter
         WHERE (died_at, id) < (?1, ?2) ORDER BY died_at DESC, id DESC LIMIT ?3",
        &params![died_at, id, limit],
        |row| Ok((dead_letter_read(row)?, row.get::<String>(6)?)),
    )?;
    rows.into_iter().map(with_failures).collect()
}

/// The dead letters that were given up after `after`, oldest first, at most `limit`.
///
/// # Errors
/// As the store refuses it.
pub fn dead_letters_after(tx: &mut ReadTx<'_>, after: Timestamp, limit: u32) -> Result<Vec<DeadLetter>, Error> {
    let rows = tx.query(
        "SELECT id, kind, payload, attempts, created_at, died_at, failures FROM outbox_dead_letter
         WHERE died_at > ?1 ORDER BY died_at, id LIMIT ?2",
        &params![after, limit],
        |row| Ok((dead_letter_read(row)?, row.get::<String>(6)?)),
    )?;
    rows.into_iter().map(with_failures).collect()
}

fn with_failures((letter, failures): (DeadLetter, String)) -> Result<DeadLetter, Error> {
    Ok(DeadLetter { failures: failed_attempt::parse(&failures)?, ..letter })
}

fn dead_letter_read(row: &Row<'_>) -> Result<DeadLetter, purser_store::Error> {
    Ok(DeadLetter {
        id: row.get(0)?,
        kind: row.get(1)?,
        payload: row.get(2)?,
        attempts: row.get(3)?,
        failures: Vec::new(),
        created_at: row.get(4)?,
        died_at: row.get(5)?,
    })
}

/// Puts a dead letter back into the queue, with all its attempts before it and its failures kept. One that has an
/// [order key](crate::Job::order_key) goes to the end of its line.
///
/// # Errors
/// [`Error::NoDeadLetter`].
pub fn dead_letter_requeue(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid) -> Result<(), Error> {
    let sql = "SELECT order_key FROM outbox_dead_letter WHERE id = ?1";
    let found = tx.query_opt(sql, &params![id], |row| row.get::<Option<String>>(0))?;
    let order_key = found.ok_or(Error::NoDeadLetter { id })?;
    let behind = order_key.map(|key| ordered_queue::join(tx, &key)).transpose()?.flatten();
    tx.execute(
        "INSERT INTO outbox_job
             (id, kind, payload, order_key, behind, due_at, attempts, max_attempts, failures, created_at)
         SELECT id, kind, payload, order_key, ?3, ?2, 0, max_attempts, failures, created_at
         FROM outbox_dead_letter WHERE id = ?1",
        &params![id, now, behind],
    )?;
    dead_letter_discard(tx, id)
}

/// Removes a dead letter for good.
///
/// # Errors
/// [`Error::NoDeadLetter`].
pub fn dead_letter_discard(tx: &mut WriteTx<'_>, id: Uuid) -> Result<(), Error> {
    let rows = tx.execute("DELETE FROM outbox_dead_letter WHERE id = ?1", &params![id])?;
    if rows == 1 { Ok(()) } else { Err(Error::NoDeadLetter { id }) }
}

/// Moves a job out of the queue after `attempts`, the last of which ended in `error`. Those behind it go on.
pub(crate) fn bury(tx: &mut WriteTx<'_>, now: Timestamp, job: Uuid, attempts: u32, error: &str) -> Result<(), Error> {
    let sql = "SELECT failures, order_key FROM outbox_job WHERE id = ?1";
    let (failures, order_key): (String, Option<String>) =
        tx.query_one(sql, &params![job], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let failures = failed_attempt::added(&failures, attempts, now, error)?;
    tx.execute(
        "INSERT INTO outbox_dead_letter
             (id, kind, payload, order_key, attempts, max_attempts, failures, created_at, died_at)
         SELECT id, kind, payload, order_key, ?2, max_attempts, ?3, created_at, ?4 FROM outbox_job WHERE id = ?1",
        &params![job, attempts, &failures, now],
    )?;
    tx.execute("DELETE FROM outbox_job WHERE id = ?1", &params![job])?;
    order_key.map_or(Ok(()), |key| ordered_queue::move_up(tx, &key))
}
