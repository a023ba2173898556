//! What the house does by itself, whatever apps it has: holds that ran out, records that have had their time, backups.

use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use purser_identity::{devices_purge, rates_purge, sign_ups_purge};
use purser_kit::AppContext;
use purser_kit::console::Progress as Shared;
use purser_ledger::{holds_expire, idempotency_purge};
use purser_notify::InstanceOperator;
use purser_outbox::{Job, JobContext, JobError, JobHandler, MissedRunPolicy, Schedule, ScheduleRun, job_enqueue};
use purser_store::WriteTx;
use serde::{Deserialize, Serialize};

use crate::backup::{self, BackupProgress};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, condition, instance, retention};

/// Holds let go in one transaction, at most: bounds how long others wait behind it.
const HOLDS: u32 = 500;

/// Records forgotten in one transaction, at most.
const RECORDS: u32 = 2_000;

/// Problems of the books that their dead letter names, at most; the log names all.
const PROBLEMS: usize = 5;

/// How long the answer to a request with an idempotency key is kept.
const ANSWERS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The longest window of a rate limit is shorter.
const RATES_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Let go of holds whose time ran out.
#[derive(Debug, Default, Serialize, Deserialize)]
struct ExpireHolds {}

impl Job for ExpireHolds {
    const KIND: &'static str = "house.expire-holds";
    const MAX_ATTEMPTS: u32 = 3;

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// Forget records that have had their time.
#[derive(Debug, Default, Serialize, Deserialize)]
struct PurgeRecords {}

impl Job for PurgeRecords {
    const KIND: &'static str = "house.forget";
    const MAX_ATTEMPTS: u32 = 3;

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// Take a backup, then remove those that have had their time.
#[derive(Debug, Default, Serialize, Deserialize)]
struct TakeBackup {}

impl Job for TakeBackup {
    const KIND: &'static str = "house.backup";
    const MAX_ATTEMPTS: u32 = 3;
    const TIMEOUT: SignedDuration = SignedDuration::from_hours(12);

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// The kind of the job that takes a backup, which its schedule is named for too.
pub(crate) const BACKUP: &str = TakeBackup::KIND;

/// Remove what has had its time.
#[derive(Debug, Default, Serialize, Deserialize)]
struct CleanupJob {}

impl Job for CleanupJob {
    const KIND: &'static str = "house.cleanup";
    const MAX_ATTEMPTS: u32 = 3;
    const TIMEOUT: SignedDuration = SignedDuration::from_hours(2);

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// Recompute every balance from its transfers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct VerifyLedger {}

impl Job for VerifyLedger {
    const KIND: &'static str = "house.verify";
    const MAX_ATTEMPTS: u32 = 3;
    const TIMEOUT: SignedDuration = SignedDuration::from_hours(2);

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// Tell the operator of dead letters.
#[derive(Debug, Default, Serialize, Deserialize)]
struct NotifyOperator {}

impl Job for NotifyOperator {
    const KIND: &'static str = "house.tell-operator";
    const MAX_ATTEMPTS: u32 = 3;

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// `backup` hears how far the backup is that is being taken, and `operator` that one failed.
pub(crate) fn handlers(
    context: &AppContext,
    config: &Config,
    backup: Shared,
    operator: Option<InstanceOperator>,
) -> Vec<JobHandler> {
    let (holds, records) = (context.clone(), context.clone());
    let (services, telling, config) = (context.clone(), context.clone(), config.clone());
    let (told, sweeping, settings) = (operator.clone(), context.clone(), config.clone());
    let books = context.clone();
    vec![
        JobHandler::new(move |_: ExpireHolds, _| expire_holds(holds.clone())),
        JobHandler::new(move |_: PurgeRecords, _| purge(records.clone())),
        JobHandler::new(move |_: TakeBackup, attempt| {
            let taking = take_backup(services.now(), config.clone(), backup.clone());
            backup_or_notify(services.clone(), operator.clone(), attempt, taking)
        }),
        JobHandler::new(move |_: CleanupJob, _| cleanup(sweeping.clone(), settings.clone())),
        JobHandler::new(move |_: VerifyLedger, _| verify(books.clone())),
        JobHandler::new(move |_: NotifyOperator, _| notify_operator(telling.clone(), told.clone())),
    ]
}

pub(crate) fn schedules(config: &Config) -> Vec<Schedule> {
    let mut schedules = vec![
        schedule::<ExpireHolds>("* * * * *"),
        schedule::<PurgeRecords>("17 * * * *"),
        schedule::<CleanupJob>("50 3 * * *"),
        schedule::<VerifyLedger>("20 4 * * *"),
    ];
    if !config.mail.admin.trim().is_empty() {
        schedules.push(schedule::<NotifyOperator>("*/5 * * * *"));
    }
    schedules.extend(backup_schedule(config));
    schedules
}

/// When backups are taken, where the settings say so.
pub(crate) fn backup_schedule(config: &Config) -> Option<Schedule> {
    /// A cron line lives as long as the program; this one is read once.
    static CRON: OnceLock<String> = OnceLock::new();
    let cron = CRON.get_or_init(|| config.backup.schedule.clone()).as_str();
    (!cron.is_empty()).then(|| schedule::<TakeBackup>(cron))
}

/// A schedule that is called as the job which it enqueues; one run stands for all that were missed.
fn schedule<J: Job + Default>(cron: &'static str) -> Schedule {
    let make = |tx: &mut WriteTx<'_>, run: &ScheduleRun| job_enqueue(tx, run.now, run.job, &J::default()).map(drop);
    Schedule { name: J::KIND, cron, missed: MissedRunPolicy::Once, make }
}

async fn expire_holds(context: AppContext) -> Result<(), JobError> {
    // It runs every minute, and what it expires depends on the clock.
    condition::clock_watch(&context.store, context.now()).await;
    loop {
        let now = context.now();
        let expired = context.store.write(move |tx| holds_expire(tx, now, HOLDS)).await?;
        if expired.len() < HOLDS as usize {
            return Ok(());
        }
    }
}

async fn purge(context: AppContext) -> Result<(), JobError> {
    let now = context.now();
    let (answers, rates) = (ago(now, ANSWERS_KEPT), ago(now, RATES_KEPT));
    while context.store.write(move |tx| idempotency_purge(tx, answers, RECORDS)).await? == u64::from(RECORDS) {}
    context.store.write(move |tx| rates_purge(tx, rates)).await?;
    let forgotten = context.store.write(move |tx| {
        sign_ups_purge(tx, now)?;
        devices_purge(tx, now)
    });
    forgotten.await?;
    Ok(())
}

async fn take_backup(now: Timestamp, config: Config, progress: Shared) -> Result<(), JobError> {
    let failed = |failure: CliError| match failure {
        // Another attempt would find the same settings.
        CliError::Usage(says) => JobError::Dead(says),
        other => JobError::Retry(other.to_string()),
    };
    let request = instance::backup_request(&config, now).map_err(failed)?;
    let telling = progress.clone();
    let taken =
        instance::blocking("backup", move || backup::take(&request, &mut BackupProgress::shared(telling))).await;
    // However it ended, nothing goes on now.
    progress.phase("", 0);
    let taken = taken.map_err(failed)?;
    let file = taken.path.display();
    tracing::info!(%file, bytes = taken.bytes, sealed = taken.manifest.has_key(), "[BACKUP] taken");
    for warning in taken.warnings {
        tracing::warn!("[BACKUP] {warning}");
    }
    for old in instance::backups_retire(&config, false).map_err(failed)? {
        tracing::info!(file = %old.display(), "[BACKUP] has had its time and was removed");
    }
    Ok(())
}

async fn cleanup(context: AppContext, config: Config) -> Result<(), JobError> {
    let swept = retention::cleanup(&context, &config, false).await;
    for what in swept.map_err(|failure| JobError::Retry(failure.to_string()))? {
        tracing::info!("[CLEANUP] removed {what}");
    }
    Ok(())
}

/// Looks for what must not be: books that are wrong are a dead letter, of which the operator is told.
async fn verify(context: AppContext) -> Result<(), JobError> {
    let report = context.store.read(apps::audit).await?;
    if report.is_clean() {
        tracing::info!(entries = report.entries, transfers = report.transfers, "[VERIFY] the books are clean");
        return Ok(());
    }
    for problem in &report.problems {
        tracing::error!(problem, "[VERIFY] the books are wrong");
    }
    let named = report.problems.iter().take(PROBLEMS).map(String::as_str).collect::<Vec<_>>().join("; ");
    let count = report.problems.len();
    Err(JobError::Dead(format!("{count} wrong in the books, which `purser ledger verify` lists: {named}")))
}

/// Tells the operator where this was the last try of a backup, and it failed.
async fn backup_or_notify(
    context: AppContext,
    operator: Option<InstanceOperator>,
    attempt: JobContext,
    taking: impl Future<Output = Result<(), JobError>>,
) -> Result<(), JobError> {
    let Err(failed) = taking.await else { return Ok(()) };
    let (error, is_over) = match &failed {
        JobError::Dead(error) => (error.clone(), true),
        JobError::Retry(error) | JobError::Later(error, _) => {
            (error.clone(), attempt.lease.attempt >= attempt.max_attempts)
        }
    };
    if let Some(operator) = operator.filter(|_| is_over) {
        let (now, id) = context.stamp();
        let told = context.store.write(move |tx| operator.backup_failed_notify(tx, now, id, &error)).await;
        if let Err(error) = told {
            tracing::error!(%error, "[BACKUP] failed, and the operator cannot be told");
        }
        context.outbox.wake();
    }
    Err(failed)
}

async fn notify_operator(context: AppContext, operator: Option<InstanceOperator>) -> Result<(), JobError> {
    let Some(operator) = operator else { return Ok(()) };
    let (now, id) = context.stamp();
    if context.store.write(move |tx| operator.dead_letters_notify(tx, now, id)).await? {
        context.outbox.wake();
    }
    Ok(())
}

fn ago(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH)
}
