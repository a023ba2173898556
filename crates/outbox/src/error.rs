//! What the outbox refuses.

use uuid::Uuid;

/// Why something was refused. Nothing of it happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database said no.
    #[error(transparent)]
    Store(#[from] purser_store::Error),
    /// The job is not leased to this attempt any more: the lease ended and another worker took the
    /// job over, or the job was acknowledged already.
    #[error("job {job} is not leased to this attempt any more")]
    LeaseLost {
        /// The job.
        job: Uuid,
    },
    /// No dead letter has this id.
    #[error("there is no dead letter {id}")]
    NoDeadLetter {
        /// The id asked for.
        id: Uuid,
    },
    /// A job cannot be written down as JSON, or takes more than 64 KiB of it.
    #[error("a job of kind {kind} cannot be kept: {reason}")]
    Payload {
        /// The job's kind.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// What the database holds about a job's failures is not what this program writes.
    #[error("the failures kept for a job do not read: {0}")]
    Failures(String),
    /// Two handlers take the same kind of job, or two schedules have the same name.
    #[error("{0} is there twice")]
    Duplicate(&'static str),
    /// A schedule's cron line does not read, or names moments that never come.
    #[error("the schedule {name} has the cron line \"{cron}\": {reason}")]
    Cron {
        /// The schedule.
        name: &'static str,
        /// Its cron line.
        cron: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A notice was to be enqueued that its kind cannot make: a mistake of the program.
    #[error("a notice of kind {kind} cannot be kept: {reason}")]
    Notice {
        /// The notice's kind.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No notice has this id.
    #[error("there is no notice {id}")]
    NoNotice {
        /// The id asked for.
        id: Uuid,
    },
    /// A notice was sent and its secrets struck out, so it cannot be sent again.
    #[error("the notice {id} held a secret, which was struck out when it was sent")]
    NoticeStruck {
        /// The notice.
        id: Uuid,
    },
    /// What the database holds of a notice is not what this program writes.
    #[error("a notice that is kept does not read: {0}")]
    BadNotice(String),
}
