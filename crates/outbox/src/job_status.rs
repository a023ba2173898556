//! How a job stands, for whoever waits for it.

use purser_store::{ReadTx, params};
use uuid::Uuid;

use crate::{Error, failed_attempt};

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// It waits, for a worker or for its next try; with what its last try failed on.
    Waiting(Option<String>),
    /// A worker has it.
    Running,
    /// It was given up, on this.
    Dead(String),
    /// It is not there: done, or discarded.
    Gone,
}

/// How the job stands.
///
/// # Errors
/// As the store refuses it.
pub fn job_status(tx: &mut ReadTx<'_>, id: Uuid) -> Result<JobStatus, Error> {
    let sql = "SELECT CASE WHEN lease_owner IS NULL THEN 0 ELSE 1 END, failures FROM outbox_job WHERE id = ?1";
    let queued = tx.query_opt(sql, &params![id], |row| Ok((row.get::<i64>(0)? == 1, row.get::<String>(1)?)))?;
    if let Some((leased, failures)) = queued {
        let last = failed_attempt::parse(&failures)?.pop().map(|failure| failure.error);
        return Ok(if leased { JobStatus::Running } else { JobStatus::Waiting(last) });
    }
    let sql = "SELECT failures FROM outbox_dead_letter WHERE id = ?1";
    let dead: Option<String> = tx.query_opt(sql, &params![id], |row| row.get(0))?;
    let Some(failures) = dead else { return Ok(JobStatus::Gone) };
    let last = failed_attempt::parse(&failures)?.pop().map(|failure| failure.error);
    Ok(JobStatus::Dead(last.unwrap_or_default()))
}

/// The job of this kind that has waited longest for its first claim, if one does.
///
/// # Errors
/// As the store refuses it.
pub fn job_waiting(tx: &mut ReadTx<'_>, kind: &str) -> Result<Option<Uuid>, Error> {
    let sql = "SELECT id FROM outbox_job WHERE kind = ?1 AND dedupe_key IS NOT NULL ORDER BY created_at, id LIMIT 1";
    Ok(tx.query_opt(sql, &params![kind], |row| row.get(0))?)
}
