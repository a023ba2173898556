//! What a job is, and how it gets into the queue.

use jiff::{SignedDuration, Timestamp};
use purser_store::{Error as StoreError, ReadTx, WriteTx, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::backoff::later;
use crate::{Backoff, Error, Lease, ordered_queue};

/// A payload in JSON is at most this long.
const LONGEST_PAYLOAD: usize = 65_536;

/// Something to be done after the commit: a small struct of ids, not of the data behind them, which
/// may have changed by the time the job runs.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// Names the kind of job for good: `charge.submit`. 1 to 100 characters.
    const KIND: &'static str;

    /// Tries before it becomes a dead letter, from 1 to 1,000. An attempt counts from its claim, so a
    /// job that kills its worker is not tried for ever.
    const MAX_ATTEMPTS: u32 = 12;

    /// How long to wait between tries.
    const BACKOFF: Backoff = Backoff::DEFAULT;

    /// A handler that runs longer is stopped, and has failed.
    const TIMEOUT: SignedDuration = SignedDuration::from_mins(5);

    /// While a job of this kind and key waits for its first claim, another is not enqueued: the one
    /// that waits will see what both were about. 1 to 200 characters.
    fn dedupe_key(&self) -> Option<String> {
        None
    }

    /// Jobs of the same key, of whatever kind, are done one after another in the order in which they were enqueued: a
    /// later one is not claimed before the earlier is done, however long that is tried again or is not yet due. 1 to
    /// 200 characters.
    ///
    /// An earlier one that becomes a dead letter lets the later go on. Requeued it goes to the end of its line, so
    /// where the order matters a job says which it is of its key (a number that grows), and whoever is told passes over
    /// one that is older than what they know.
    fn order_key(&self) -> Option<String> {
        None
    }
}

/// Enqueues a job to be run as soon as possible. False where one with its key waits already.
///
/// # Errors
/// [`Error::Payload`]; `Unique` from the store where a job has this id.
pub fn job_enqueue(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, job: &impl Job) -> Result<bool, Error> {
    job_enqueue_at(tx, now, id, now, job)
}

/// Enqueues a job to be run from `run_at` on. False where one with its key waits already, whenever
/// that one is due.
///
/// # Errors
/// As [`job_enqueue`].
pub fn job_enqueue_at<J: Job>(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    run_at: Timestamp,
    job: &J,
) -> Result<bool, Error> {
    job_enqueue_in_order(tx, now, id, run_at, job, job.order_key().as_deref())
}

/// The same, where the order is known to others than the job.
pub(crate) fn job_enqueue_in_order<J: Job>(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    run_at: Timestamp,
    job: &J,
    order_key: Option<&str>,
) -> Result<bool, Error> {
    let (payload, dedupe_key) = (payload(job)?, job.dedupe_key());
    let Some(order_key) = order_key else {
        let rows = tx.execute(
            "INSERT INTO outbox_job
                 (id, kind, payload, dedupe_key, due_at, attempts, max_attempts, failures, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, '[]', ?7)
             ON CONFLICT (kind, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING",
            &params![id, J::KIND, &payload, dedupe_key.as_deref(), run_at, J::MAX_ATTEMPTS, now],
        )?;
        return Ok(rows == 1);
    };
    if let Some(dedupe_key) = &dedupe_key
        && waits(tx, J::KIND, dedupe_key)?
    {
        return Ok(false);
    }
    let behind = ordered_queue::join(tx, order_key)?;
    // Somebody else may have taken this place meanwhile, unseen by a transaction that is wide, or the other way around.
    // PostgreSQL then runs it anew, where without the last line it would report a duplicate.
    let rows = tx.execute(
        "INSERT INTO outbox_job
             (id, kind, payload, dedupe_key, order_key, behind, due_at, attempts, max_attempts, failures, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, '[]', ?9)
         ON CONFLICT DO NOTHING",
        &params![id, J::KIND, &payload, dedupe_key.as_deref(), order_key, behind, run_at, J::MAX_ATTEMPTS, now],
    )?;
    if rows == 1 {
        return Ok(true);
    }
    let is_there = tx.query_opt("SELECT 1 FROM outbox_job WHERE id = ?1", &params![id], |_| Ok(()))?.is_some();
    let error =
        if is_there { StoreError::Unique { constraint: "outbox_job.id".to_owned() } } else { StoreError::Conflict };
    Err(error.into())
}

/// Whether a job of this kind and key waits for its first claim.
fn waits(tx: &mut ReadTx<'_>, kind: &str, dedupe_key: &str) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM outbox_job WHERE kind = ?1 AND dedupe_key = ?2";
    Ok(tx.query_opt(sql, &params![kind, dedupe_key], |_| Ok(()))?.is_some())
}

/// Enqueues a job that is claimed already, by `owner` for `length`: the caller runs it itself right
/// after the commit, and acknowledges; should the caller die, a worker takes over when the lease
/// ends. Its [`Job::dedupe_key`] plays no part, and it has no [`Job::order_key`]: it could not wait for its turn.
///
/// # Errors
/// As [`job_enqueue`].
pub fn job_enqueue_leased<J: Job>(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    owner: Uuid,
    length: SignedDuration,
    job: &J,
) -> Result<Lease, Error> {
    if let Some(key) = job.order_key() {
        let reason = format!("it is to be run at once, and has the order key '{key}', by which it may have to wait");
        return Err(Error::Payload { kind: J::KIND, reason });
    }
    let payload = payload(job)?;
    tx.execute(
        "INSERT INTO outbox_job
             (id, kind, payload, dedupe_key, due_at, lease_owner, attempts, max_attempts, failures, created_at)
         VALUES (?1, ?2, ?3, NULL, ?4, ?5, 1, ?6, '[]', ?7)",
        &params![id, J::KIND, &payload, later(now, length), owner, J::MAX_ATTEMPTS, now],
    )?;
    Ok(Lease { job: id, owner, attempt: 1 })
}

fn payload<J: Job>(job: &J) -> Result<String, Error> {
    let refused = |reason| Error::Payload { kind: J::KIND, reason };
    let payload = serde_json::to_string(job).map_err(|error| refused(error.to_string()))?;
    if payload.len() > LONGEST_PAYLOAD {
        return Err(refused(format!("{} bytes, of {LONGEST_PAYLOAD} at most", payload.len())));
    }
    Ok(payload)
}
