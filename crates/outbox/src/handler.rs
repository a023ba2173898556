//! Who does a kind of job.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use jiff::{SignedDuration, Timestamp};

use crate::{Backoff, Job, Lease};

/// What a handler is told besides the job itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobContext {
    /// With it a handler may acknowledge the job ([`job_done`](crate::job_done)) in the transaction
    /// that writes down its outcome; the worker then finds nothing left to acknowledge.
    pub lease: Lease,
    /// How many attempts the job is given; `lease.attempt` says which this is.
    pub max_attempts: u32,
    /// When this attempt began.
    pub now: Timestamp,
}

/// Why a handler did not do its job. Any error turns into a [`JobError::Retry`] by `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobError {
    /// It may go well another time.
    Retry(String),
    /// It may go well from this moment on, not before: whoever it depends on has said so.
    Later(String, Timestamp),
    /// It will never go well: a person must look at it.
    Dead(String),
}

impl<E: std::error::Error> From<E> for JobError {
    fn from(error: E) -> Self {
        JobError::Retry(error.to_string())
    }
}

type HandlerFuture = Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>;
type HandlerFn = dyn Fn(&str, JobContext) -> HandlerFuture + Send + Sync;

/// A function that does one kind of job.
#[derive(Clone)]
pub struct JobHandler {
    pub(crate) kind: &'static str,
    pub(crate) backoff: Backoff,
    pub(crate) timeout: SignedDuration,
    run: Arc<HandlerFn>,
}

impl fmt::Debug for JobHandler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JobHandler").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl JobHandler {
    /// Has jobs of type `J` done by `handle`, which is idempotent: it may be run again for a job that
    /// it has done, where the acknowledgement was lost. What it needs beyond the job it captures.
    pub fn new<J, F, R>(handle: F) -> Self
    where
        J: Job,
        F: Fn(J, JobContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let run = move |payload: &str, context: JobContext| -> HandlerFuture {
            match serde_json::from_str(payload) {
                Ok(job) => Box::pin(handle(job, context)),
                // Only another version of the program could read it, so a person decides.
                Err(error) => Box::pin(std::future::ready(Err(JobError::Dead(format!(
                    "the payload does not read as {}: {error}",
                    J::KIND
                ))))),
            }
        };
        JobHandler { kind: J::KIND, backoff: J::BACKOFF, timeout: J::TIMEOUT, run: Arc::new(run) }
    }

    /// Does one job. A panic is a failure like any other.
    pub(crate) async fn run(&self, payload: String, context: JobContext) -> Result<(), JobError> {
        let mut running: Option<HandlerFuture> = None;
        poll_fn(|task| {
            // After a panic the future is dropped and never looked at again.
            let poll = catch_unwind(AssertUnwindSafe(|| {
                running.get_or_insert_with(|| (self.run)(&payload, context)).as_mut().poll(task)
            }));
            poll.unwrap_or_else(|panic| Poll::Ready(Err(JobError::Retry(panic_message(&*panic)))))
        })
        .await
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", text.unwrap_or("without a message"))
}
