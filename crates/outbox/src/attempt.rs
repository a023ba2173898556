//! One attempt at a job: it is run under a renewed lease and a time limit, and how it ended is told to the queue.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use purser_store::{Clock, Store};
use tokio::sync::watch;
use tokio::time::{interval, sleep};
use uuid::Uuid;

use crate::{
    Claimed, Error, Fate, JobContext, JobError, JobHandler, WorkerLimits, job_bury, job_done, job_failed, lease_extend,
    lease_release,
};

/// What running jobs need of their worker.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) owner: Uuid,
    pub(crate) handlers: HashMap<&'static str, JobHandler>,
    pub(crate) limits: WorkerLimits,
}

/// How an attempt ended, as far as this worker is concerned.
enum Outcome {
    Ended(Result<(), JobError>),
    /// The worker stops, and the job is still running.
    GivenUp,
    /// Somebody else has the job.
    LeaseLost,
}

impl Desk {
    /// Runs one job and tells the queue how it ended.
    pub(crate) async fn attempt(self: Arc<Self>, job: Claimed, now: Timestamp, give_up: watch::Receiver<bool>) {
        // Only jobs of known kinds are claimed.
        let Some(handler) = self.handlers.get(job.kind.as_str()) else { return };
        let outcome = self.outcome(handler, &job, now, give_up).await;
        match self.settle(handler, &job, outcome).await {
            Ok(()) => {}
            // The handler has acknowledged by itself, or another worker will.
            Err(Error::LeaseLost { .. }) => {
                tracing::debug!(job = %job.lease.job, kind = job.kind, "[JOB] settled elsewhere");
            }
            // The lease ends, and the job is run again.
            Err(error) => {
                tracing::error!(job = %job.lease.job, kind = job.kind, %error, "[JOB] not settled");
            }
        }
    }

    async fn outcome(
        &self,
        handler: &JobHandler,
        job: &Claimed,
        now: Timestamp,
        mut give_up: watch::Receiver<bool>,
    ) -> Outcome {
        let context = JobContext { lease: job.lease, max_attempts: job.max_attempts, now };
        let mut running = pin!(handler.run(job.payload.clone(), context));
        let mut too_long = pin!(sleep(handler.timeout.unsigned_abs()));
        let third = (self.limits.lease.unsigned_abs() / 3).max(Duration::from_millis(1));
        let mut renewal = interval(third);
        renewal.reset();
        loop {
            tokio::select! {
                ended = &mut running => return Outcome::Ended(ended),
                () = &mut too_long => {
                    let error = format!("stopped after {:#}", handler.timeout);
                    return Outcome::Ended(Err(JobError::Retry(error)));
                }
                () = asked_to(&mut give_up) => return Outcome::GivenUp,
                _ = renewal.tick() => {
                    if self.renew(job).await.is_err() {
                        return Outcome::LeaseLost;
                    }
                }
            }
        }
    }

    /// `Err` where the lease is lost: the handler must stop. Where the database does not answer, the
    /// next renewal may.
    async fn renew(&self, job: &Claimed) -> Result<(), Error> {
        let (now, lease, length) = (self.clock.now(), job.lease, self.limits.lease);
        match self.store.write(move |tx| lease_extend(tx, now, &lease, length)).await {
            Err(lost @ Error::LeaseLost { .. }) => Err(lost),
            Err(error) => {
                tracing::warn!(job = %lease.job, kind = job.kind, %error, "[JOB] lease not renewed");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn settle(&self, handler: &JobHandler, job: &Claimed, outcome: Outcome) -> Result<(), Error> {
        let (now, lease, backoff) = (self.clock.now(), job.lease, handler.backoff);
        match outcome {
            Outcome::Ended(Ok(())) => self.store.write(move |tx| job_done(tx, &lease)).await,
            Outcome::Ended(Err(JobError::Retry(error))) => {
                let said = error.clone();
                let fate = self.store.write(move |tx| job_failed(tx, now, &lease, &said, &backoff)).await?;
                log_failure(job, &error, fate);
                Ok(())
            }
            Outcome::Ended(Err(JobError::Dead(error))) => {
                log_failure(job, &error, Fate::Dead);
                self.store.write(move |tx| job_bury(tx, now, &lease, &error)).await
            }
            Outcome::GivenUp => self.store.write(move |tx| lease_release(tx, now, &lease)).await,
            Outcome::LeaseLost => Err(Error::LeaseLost { job: lease.job }),
        }
    }
}

/// Completes when the worker gives up; a worker that is gone has.
async fn asked_to(give_up: &mut watch::Receiver<bool>) {
    let _ = give_up.wait_for(|give_up| *give_up).await;
}

fn log_failure(job: &Claimed, error: &str, fate: Fate) {
    let (id, kind, attempt) = (job.lease.job, job.kind.as_str(), job.lease.attempt);
    match fate {
        Fate::Retry(retry_at) => {
            tracing::warn!(job = %id, kind, attempt, error, %retry_at, "[JOB] failed");
        }
        Fate::Dead => tracing::error!(job = %id, kind, attempt, error, "[JOB] given up"),
    }
}
