//! What must still be done after the commit.
//!
//! A [`Job`] is a small serializable struct, put in the queue by the same transaction as its cause:
//! if that commits the job will run, and if it rolls back the job never was.
//!
//! ```text
//! job_enqueue ──▶ queued ──jobs_claim──▶ leased ──job_done──▶ gone
//!                   ▲                      │ job_failed
//!                   ├────── backoff ◀──────┤
//!                   │                      ▼ the last try, or no point in another
//!                   └─dead_letter_requeue─ dead letter ──dead_letter_discard──▶ gone
//! ```
//!
//! A claim is a lease that ends by itself, so a job whose worker died is taken over. It follows that
//! a job runs at least once and now and then twice: every handler is idempotent. Whoever lost the
//! lease can no longer acknowledge.
//!
//! Jobs run in no particular order, unless they say so: those with the same [`Job::order_key`] stand in line, and each
//! waits until the one before it is done or dead.
//!
//! A [`NoticeKind`] is something that is told to people or programs, and a notice of it is enqueued as a job is.
//!
//! A [`Schedule`] is a cron line that enqueues a job when it is due, once however many copies of the
//! program run. A [`Worker`] does all of it: claims, runs handlers, acknowledges, minds schedules.

mod ahead;
mod attempt;
mod backlog;
mod backoff;
mod dead_letter;
mod error;
mod failed_attempt;
mod handler;
mod job;
mod job_status;
mod lease;
mod notice;
mod ordered_queue;
mod pulse;
mod schedule;
mod worker;

use purser_store::Migration;

pub use ahead::run_ahead;
pub use backlog::{Backlog, backlog};
pub use backoff::Backoff;
pub use dead_letter::{DeadLetter, dead_letter_discard, dead_letter_requeue, dead_letters, dead_letters_after};
pub use error::Error;
pub use failed_attempt::FailedAttempt;
pub use handler::{JobContext, JobError, JobHandler};
pub use job::{Job, job_enqueue, job_enqueue_at, job_enqueue_leased};
pub use job_status::{JobStatus, job_status, job_waiting};
pub use lease::{
    ClaimedJob, FailureOutcome, Lease, job_dead_letter, job_done, job_failed, job_failed_until, jobs_claim,
    lease_extend, lease_release,
};
pub use notice::{
    Channel, DeliveredParts, Language, NewNotice, Notice, NoticeKind, NoticeState, NoticeText, NoticeTexts,
    NoticeValue, NoticesWaiting, SendBulkNotice, SendNotice, SendWebhook, SentText, Template, TemplateEdit,
    TemplateKey, notice_enqueue, notice_enqueue_in_order, notice_failed, notice_get, notice_last, notice_of_job,
    notice_parts_sent, notice_resend, notice_sent, notice_stored, notice_texts_old, notice_texts_purge, notices_count,
    notices_enqueue, notices_stored, notices_waiting, template_get, template_reset, template_set, templates_edited,
};
pub use ordered_queue::{ordered_queues_are_broken, ordered_queues_repair};
pub use pulse::pulse;
pub use schedule::{MissedRunPolicy, Schedule, ScheduleRun, ScheduleStatus, schedules_overdue, schedules_status};
pub use worker::{Outbox, Worker, WorkerLimits, WorkerSetup};

/// The tables of this room.
pub const MIGRATIONS: &[Migration] = &[
    Migration { room: "outbox", number: 1, name: "outbox", sql: include_str!("../migrations/0001_outbox.sql") },
    Migration { room: "outbox", number: 2, name: "notice", sql: include_str!("../migrations/0002_notice.sql") },
    Migration { room: "outbox", number: 3, name: "order", sql: include_str!("../migrations/0003_order.sql") },
    Migration { room: "outbox", number: 4, name: "body", sql: include_str!("../migrations/0004_body.sql") },
    Migration { room: "outbox", number: 5, name: "pulse", sql: include_str!("../migrations/0005_pulse.sql") },
    Migration { room: "outbox", number: 6, name: "parts", sql: include_str!("../migrations/0006_parts.sql") },
];
