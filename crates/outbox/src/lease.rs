//! Claiming jobs, and telling how they ended.

use jiff::{SignedDuration, Timestamp};
use purser_store::{Engine, Param, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::backoff::later;
use crate::dead_letter::bury;
use crate::{Backoff, Error, failed_attempt, notice_failed, notice_of_job, ordered_queue};

/// The right of one attempt to acknowledge a job. The attempt is part of it: a worker that is slower
/// than its own lease must not acknowledge for its next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: Uuid,
    /// The copy of the program that runs it.
    pub owner: Uuid,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// A job to be run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedJob {
    /// The right to acknowledge it.
    pub lease: Lease,
    /// Its [`Job::KIND`](crate::Job::KIND).
    pub kind: String,
    /// The job, as JSON.
    pub payload: String,
    /// How many attempts it is given.
    pub max_attempts: u32,
}

/// What becomes of a job that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureOutcome {
    /// It is tried again from this moment on.
    Retry(Timestamp),
    /// It is a dead letter.
    Dead,
}

/// Claims at most `limit` due jobs of these kinds, the longest due first, for `length` from `now`.
/// Among them are jobs whose lease has ended; one that has no attempt left becomes a dead letter
/// instead. Of jobs with the same [`Job::order_key`](crate::Job::order_key) only the first is claimed, and only while
/// none of them is leased. In no particular order.
///
/// # Errors
/// As the store refuses it.
pub fn jobs_claim(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    owner: Uuid,
    kinds: &[&str],
    limit: u32,
    length: SignedDuration,
) -> Result<Vec<ClaimedJob>, Error> {
    if kinds.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let sql = claim_sql(tx.engine(), kinds.len());
    let mut params = params![owner, later(now, length), now, limit].to_vec();
    params.extend(kinds.iter().map(|kind| Param::Text(kind)));
    loop {
        let claimed = tx.execute_returning(&sql, &params, |row| claimed_read(row, owner))?;
        if claimed.is_empty() {
            return Ok(claimed);
        }
        let (alive, exhausted): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|job| job.lease.attempt <= job.max_attempts);
        for job in exhausted {
            let error = "the worker died during the last attempt, or took longer than its lease";
            bury(tx, now, job.lease.job, job.max_attempts, error)?;
            // Its handler would have said so, had it come to its end.
            if let Some(notice) = notice_of_job(&job.kind, &job.payload) {
                notice_failed(tx, notice, error, true)?;
            }
        }
        if !alive.is_empty() {
            return Ok(alive);
        }
    }
}

/// `?1` the owner, `?2` the end of the lease, `?3` now, `?4` the limit, `?5` and on the kinds.
fn claim_sql(engine: Engine, kinds: usize) -> String {
    let kinds: Vec<String> = (5..5 + kinds).map(|number| format!("?{number}")).collect();
    // Workers that claim at the same time pass over what another has locked; SQLite has one writer.
    let lock = match engine {
        Engine::Sqlite => "",
        Engine::Postgres => "FOR UPDATE SKIP LOCKED",
    };
    // Materialized, as otherwise PostgreSQL may run the inner query anew for each row of the outer,
    // and claim more than the limit.
    format!(
        "WITH due AS MATERIALIZED (
             SELECT id FROM outbox_job WHERE behind IS NULL AND due_at <= ?3 AND kind IN ({})
             ORDER BY due_at LIMIT ?4 {lock}
         )
         UPDATE outbox_job
         SET lease_owner = ?1, due_at = ?2, attempts = attempts + 1, dedupe_key = NULL
         WHERE id IN (SELECT id FROM due)
         RETURNING id, attempts, kind, payload, max_attempts",
        kinds.join(", ")
    )
}

fn claimed_read(row: &Row<'_>, owner: Uuid) -> Result<ClaimedJob, purser_store::Error> {
    Ok(ClaimedJob {
        lease: Lease { job: row.get(0)?, owner, attempt: row.get(1)? },
        kind: row.get(2)?,
        payload: row.get(3)?,
        max_attempts: row.get(4)?,
    })
}

/// Acknowledges a job: it is done, and gone, and the next of its order key may go. Best called in the
/// transaction that writes down what the job achieved.
///
/// # Errors
/// [`Error::LeaseLost`] where another attempt holds the job, or nobody does.
pub fn job_done(tx: &mut WriteTx<'_>, lease: &Lease) -> Result<(), Error> {
    let done = tx.execute_returning(
        "DELETE FROM outbox_job WHERE id = ?1 AND lease_owner = ?2 AND attempts = ?3 RETURNING order_key",
        &params![lease.job, lease.owner, lease.attempt],
        |row| row.get::<Option<String>>(0),
    )?;
    let order_key = done.into_iter().next().ok_or(Error::LeaseLost { job: lease.job })?;
    order_key.map_or(Ok(()), |key| ordered_queue::move_up(tx, &key))
}

/// Says that an attempt failed: the job waits for its next one, or becomes a dead letter.
///
/// # Errors
/// [`Error::LeaseLost`] as [`job_done`].
pub fn job_failed(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    lease: &Lease,
    error: &str,
    backoff: &Backoff,
) -> Result<FailureOutcome, Error> {
    job_failed_until(tx, now, lease, error, later(now, backoff.delay(lease.job, lease.attempt)))
}

/// The same, where it is known from when on another attempt may go well.
///
/// # Errors
/// [`Error::LeaseLost`] as [`job_done`].
pub fn job_failed_until(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    lease: &Lease,
    error: &str,
    retry_at: Timestamp,
) -> Result<FailureOutcome, Error> {
    let (max_attempts, failures) = leased(tx, lease)?;
    if lease.attempt >= max_attempts {
        bury(tx, now, lease.job, lease.attempt, error)?;
        return Ok(FailureOutcome::Dead);
    }
    let failures = failed_attempt::added(&failures, lease.attempt, now, error)?;
    tx.execute(
        "UPDATE outbox_job SET lease_owner = NULL, due_at = ?2, failures = ?3 WHERE id = ?1",
        &params![lease.job, retry_at, &failures],
    )?;
    Ok(FailureOutcome::Retry(retry_at))
}

/// Says that there is no point in another attempt: the job becomes a dead letter now.
///
/// # Errors
/// [`Error::LeaseLost`] as [`job_done`].
pub fn job_dead_letter(tx: &mut WriteTx<'_>, now: Timestamp, lease: &Lease, error: &str) -> Result<(), Error> {
    leased(tx, lease)?;
    bury(tx, now, lease.job, lease.attempt, error)
}

/// Makes the lease end at `now` and `length`, for whoever is still at it.
///
/// # Errors
/// [`Error::LeaseLost`] as [`job_done`].
pub fn lease_extend(tx: &mut WriteTx<'_>, now: Timestamp, lease: &Lease, length: SignedDuration) -> Result<(), Error> {
    let rows = tx.execute(
        "UPDATE outbox_job SET due_at = ?4 WHERE id = ?1 AND lease_owner = ?2 AND attempts = ?3",
        &params![lease.job, lease.owner, lease.attempt, later(now, length)],
    )?;
    held(lease, rows)
}

/// Gives a job back undone, for another worker to claim at once. The attempt does not count: it was not the job that
/// failed.
///
/// # Errors
/// [`Error::LeaseLost`] as [`job_done`].
pub fn lease_release(tx: &mut WriteTx<'_>, now: Timestamp, lease: &Lease) -> Result<(), Error> {
    let rows = tx.execute(
        "UPDATE outbox_job SET lease_owner = NULL, due_at = ?4, attempts = attempts - 1
         WHERE id = ?1 AND lease_owner = ?2 AND attempts = ?3",
        &params![lease.job, lease.owner, lease.attempt, now],
    )?;
    held(lease, rows)
}

/// The job's `max_attempts` and `failures`, if this attempt still holds it.
fn leased(tx: &mut ReadTx<'_>, lease: &Lease) -> Result<(u32, String), Error> {
    let found = tx.query_opt(
        "SELECT max_attempts, failures FROM outbox_job
         WHERE id = ?1 AND lease_owner = ?2 AND attempts = ?3",
        &params![lease.job, lease.owner, lease.attempt],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    found.ok_or(Error::LeaseLost { job: lease.job })
}

fn held(lease: &Lease, rows: u64) -> Result<(), Error> {
    if rows == 1 { Ok(()) } else { Err(Error::LeaseLost { job: lease.job }) }
}
