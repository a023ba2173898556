//! One attempt at a job: it is run under a renewed lease and a time limit, and how it ended is told to the queue.

use std::collections::HashMap;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use purser_store::{Clock, Store};
use tokio::sync::watch;
use tokio::time::{interval, sleep};
use uuid::Uuid;

use crate::{
    ClaimedJob, Error, JobContext, JobError, JobHandler, WorkerLimits, job_dead_letter, job_done, job_failed,
    job_failed_until, lease_extend, lease_release,
};

/// An outcome that the database would not take is offered again: a job that is done should not be run again because
/// the database was away for a moment.
const SETTLE_AGAIN_AFTER: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];

/// What running jobs need of their worker.
pub(crate) struct WorkerContext {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) owner: Uuid,
    pub(crate) handlers: HashMap<&'static str, JobHandler>,
    pub(crate) limits: WorkerLimits,
}

/// How an attempt ended, as far as this worker is concerned.
enum AttemptOutcome {
    Ended(Result<(), JobError>),
    /// The worker stops, and the job is still running.
    GivenUp,
    /// Somebody else has the job.
    LeaseLost,
}

impl WorkerContext {
    /// Runs one job and tells the queue how it ended.
    pub(crate) async fn attempt(self: Arc<Self>, job: ClaimedJob, now: Timestamp, give_up: watch::Receiver<bool>) {
        // Only jobs of known kinds are claimed.
        let Some(handler) = self.handlers.get(job.kind.as_str()) else { return };
        let outcome = self.outcome(handler, &job, now, give_up).await;
        let mut settled = self.settle(handler, &job, &outcome).await;
        for pause in SETTLE_AGAIN_AFTER {
            if !matches!(settled, Err(Error::Store(_))) {
                break;
            }
            sleep(pause).await;
            settled = self.settle(handler, &job, &outcome).await;
        }
        match settled {
            Ok(()) => log_end(&job, &outcome),
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
        job: &ClaimedJob,
        now: Timestamp,
        mut give_up: watch::Receiver<bool>,
    ) -> AttemptOutcome {
        let context = JobContext { lease: job.lease, max_attempts: job.max_attempts, now };
        let mut running = pin!(handler.run(job.payload.clone(), context));
        let mut too_long = pin!(sleep(handler.timeout.unsigned_abs()));
        let third = (self.limits.lease.unsigned_abs() / 3).max(Duration::from_millis(1));
        let mut renewal = interval(third);
        renewal.reset();
        loop {
            tokio::select! {
                ended = &mut running => return AttemptOutcome::Ended(ended),
                () = &mut too_long => {
                    let error = format!("stopped after {:#}", handler.timeout);
                    return AttemptOutcome::Ended(Err(JobError::Retry(error)));
                }
                () = asked_to(&mut give_up) => return AttemptOutcome::GivenUp,
                _ = renewal.tick() => {
                    if self.renew(job).await.is_err() {
                        return AttemptOutcome::LeaseLost;
                    }
                }
            }
        }
    }

    /// `Err` where the lease is lost: the handler must stop. Where the database does not answer, the
    /// next renewal may.
    async fn renew(&self, job: &ClaimedJob) -> Result<(), Error> {
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

    async fn settle(&self, handler: &JobHandler, job: &ClaimedJob, outcome: &AttemptOutcome) -> Result<(), Error> {
        let (now, lease, backoff) = (self.clock.now(), job.lease, handler.backoff);
        match outcome {
            AttemptOutcome::Ended(Ok(())) => self.store.write(move |tx| job_done(tx, &lease)).await,
            AttemptOutcome::Ended(Err(JobError::Retry(error))) => {
                let error = error.clone();
                self.store.write(move |tx| job_failed(tx, now, &lease, &error, &backoff).map(drop)).await
            }
            AttemptOutcome::Ended(Err(JobError::Later(error, at))) => {
                let (error, at) = (error.clone(), *at);
                self.store.write(move |tx| job_failed_until(tx, now, &lease, &error, at).map(drop)).await
            }
            AttemptOutcome::Ended(Err(JobError::Dead(error))) => {
                let error = error.clone();
                self.store.write(move |tx| job_dead_letter(tx, now, &lease, &error)).await
            }
            AttemptOutcome::GivenUp => self.store.write(move |tx| lease_release(tx, now, &lease)).await,
            AttemptOutcome::LeaseLost => Err(Error::LeaseLost { job: lease.job }),
        }
    }
}

/// Completes when the worker gives up. Where it is gone without a word, as after a crash, so is this job in a moment.
async fn asked_to(give_up: &mut watch::Receiver<bool>) {
    if give_up.wait_for(|give_up| *give_up).await.is_err() {
        pending::<()>().await;
    }
}

fn log_end(job: &ClaimedJob, outcome: &AttemptOutcome) {
    let (id, kind, attempt) = (job.lease.job, job.kind.as_str(), job.lease.attempt);
    match outcome {
        AttemptOutcome::Ended(Ok(())) => tracing::debug!(job = %id, kind, attempt, "[JOB] done"),
        AttemptOutcome::Ended(Err(JobError::Retry(error) | JobError::Later(error, _)))
            if attempt < job.max_attempts =>
        {
            tracing::warn!(job = %id, kind, attempt, error, "[JOB] failed, to be tried again");
        }
        AttemptOutcome::Ended(Err(JobError::Retry(error) | JobError::Later(error, _) | JobError::Dead(error))) => {
            tracing::error!(job = %id, kind, attempt, error, "[JOB] given up");
        }
        AttemptOutcome::GivenUp | AttemptOutcome::LeaseLost => {
            tracing::info!(job = %id, kind, attempt, "[JOB] given back undone");
        }
    }
}
