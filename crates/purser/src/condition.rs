//! How this instance is. Health, the console's first page, the doctor and the log tell the same findings: each is decided
//! here, once.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_kit::{App, FixedSetting, Problem};
use purser_ledger::newest_entry_at;
use purser_outbox::{Schedule, backlog, dead_letters_after, run_ahead, schedules_overdue};
use purser_store::{ReadTx, Store};
use purser_web::{HealthFinding, HealthProblem};

use crate::backup::{self, BackupInfo};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::instance::{self, DatabaseLocation};
use crate::maintenance;

/// Free space below which a disk is a worry, in bytes: 1 GiB.
const FREE_SPACE: u64 = 1 << 30;

/// How far a clock may be behind what it has stamped.
const BEHIND: SignedDuration = SignedDuration::from_mins(1);

/// How long a job may be due until nobody seems to do it.
const STUCK: SignedDuration = SignedDuration::from_mins(5);

/// A backup older than this was to be followed by another, where no schedule says when.
const OLD_BACKUP: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Scheduled backups that may be missing: one, as it may be under way.
const BACKUPS_MISSED: u32 = 2;

/// Dead letters that are looked through.
const LETTERS: u32 = 1_000;

pub(crate) fn trouble(wrong: impl ToString, advice: &'static str) -> HealthProblem {
    HealthProblem { wrong: wrong.to_string(), advice }
}

/// How much room is left where things are written.
pub(crate) fn disk(config: &Config) -> HealthFinding {
    let mut folders: Vec<PathBuf> = vec![config.data.clone(), instance::backup_folder(config)];
    if let Ok(DatabaseLocation::File(file)) = instance::database(config) {
        folders.extend(file.parent().map(Path::to_owned));
    }
    let mut least: Option<(u64, &Path)> = None;
    // A folder that is not there yet is made in one that is.
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let stat = rustix::fs::statvfs(folder)
            .map_err(|error| trouble(error, "Check that the data folder's disk is mounted."))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if least.is_none_or(|(least, _)| free < least) {
            least = Some((free, folder));
        }
    }
    let Some((free, folder)) = least else {
        return Err(trouble("there is no data folder", "Check that the data folder's disk is mounted."));
    };
    if free < FREE_SPACE {
        let text = format!("{} MiB free in {}", free >> 20, folder.display());
        return Err(trouble(text, "Make room: a full disk refuses every sale."));
    }
    Ok(format!("{} MiB free", free >> 20))
}

/// A clock that was never set says 1970, or the year in which the machine was built.
pub(crate) fn clock_set(now: Timestamp) -> HealthFinding {
    // 2026-01-01, before this program was written.
    if now.as_second() < 1_767_225_600 {
        return Err(trouble(now, "Set the machine's clock, and let NTP keep it."));
    }
    Ok(format!("{now:.0}"))
}

/// Whether the clock is set, and not behind what it has stamped.
pub(crate) async fn clock(store: &Store, now: Timestamp) -> HealthFinding {
    clock_set(now)?;
    let read = store.read(move |tx: &mut ReadTx<'_>| {
        let entry = newest_entry_at(tx).map_err(Problem::from)?;
        let run = run_ahead(tx, now).map_err(Problem::internal)?;
        Ok::<_, Problem>((entry, run))
    });
    let advice = "Set the machine's clock, and let NTP keep it. Where it is right now, it was ahead when that was written: \
                  look at what was done meanwhile.";
    let (entry, run) = read.await.map_err(|problem| trouble(problem.detail(), "Look at the log."))?;
    for (what, at) in [("the newest entry of the ledger", entry), ("the latest run of a schedule", run)] {
        if let Some(at) = at.filter(|at| at.duration_since(now) > BEHIND) {
            return Err(trouble(format!("the clock says {now:.0}, but {what} is of {at:.0}"), advice));
        }
    }
    Ok(format!("{now:.0}"))
}

/// The same, told in the log where it is wrong.
pub(crate) async fn clock_watch(store: &Store, now: Timestamp) {
    if let Err(HealthProblem { wrong, advice }) = clock(store, now).await {
        tracing::error!(advice, "[CLOCK] {wrong}");
    }
}

/// How old the newest good backup is, and whether the last one failed. An instance that is older than a few days, without
/// any, has nobody who takes them.
pub(crate) async fn backup(config: &Config, store: Option<&Store>, now: Timestamp) -> HealthFinding {
    let advice = "Look at the dead letters, and at the disk; `purser backup` takes one now.";
    let folder = instance::backup_folder(config);
    let newest = tokio::task::spawn_blocking(move || backup::newest(&folder)).await;
    let newest = newest.map_err(|error| trouble(error, advice))?.map_err(|error| trouble(error, advice))?;
    if let Some(store) = store
        && let Some(error) = backup_failed(store, newest.as_ref().map(|newest| newest.moment)).await
    {
        let age = newest.map_or("none is there".to_owned(), |newest| finding(&newest, now));
        return Err(trouble(format!("the last one failed: {error}; {age}"), advice));
    }
    let Some(newest) = newest else { return none_yet(config, now) };
    let text = finding(&newest, now);
    if newest.moment < backup_is_due(config, now) { Err(trouble(text, advice)) } else { Ok(text) }
}

fn finding(newest: &BackupInfo, now: Timestamp) -> String {
    let sealed = newest.contents.as_ref().is_ok_and(|contents| contents.sealed);
    let sealed = if sealed { "sealed" } else { "not sealed: without the instance key" };
    format!("the newest is {} h old, {} KiB, {sealed}", newest.age(now).as_hours(), newest.bytes >> 10)
}

fn none_yet(config: &Config, now: Timestamp) -> HealthFinding {
    let begun = std::fs::metadata(instance::instance_key(config)).and_then(|key| key.modified()).ok();
    let begun = begun.and_then(|begun| Timestamp::try_from(begun).ok()).unwrap_or(now);
    if now.duration_since(begun) < OLD_BACKUP {
        return Ok("none yet".to_owned());
    }
    Err(trouble("there is none", "Let `purser serve` take them ([backup] schedule), or run `purser backup`."))
}

/// The newest backup must not be from before this.
fn backup_is_due(config: &Config, now: Timestamp) -> Timestamp {
    let zone = instance::zone(config).unwrap_or(TimeZone::UTC);
    let scheduled = maintenance::backup_schedule(config)
        .and_then(|schedule: Schedule| schedule.due_before(now, &zone, BACKUPS_MISSED));
    scheduled.unwrap_or_else(|| now.checked_sub(OLD_BACKUP).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// What the last backup failed on that was given up after `newest`.
async fn backup_failed(store: &Store, newest: Option<Timestamp>) -> Option<String> {
    let after = newest.unwrap_or(Timestamp::UNIX_EPOCH);
    let letters = store.read(move |tx| dead_letters_after(tx, after, LETTERS)).await.ok()?;
    let failed = letters.into_iter().rfind(|letter| letter.kind == maintenance::BACKUP)?;
    Some(failed.failures.last().map(|failure| failure.error.clone()).unwrap_or_default())
}

/// Whether somebody does the jobs. Dead letters do not stop the others; they are told.
pub(crate) async fn jobs(store: &Store, now: Timestamp) -> HealthFinding {
    let advice =
        "See that a worker runs: `purser serve`, or `purser worker` beside `serve --no-worker`. Its log says more.";
    let backlog = store.read(backlog).await.map_err(|error| trouble(error, advice))?;
    let text = format!("{} waiting, {} dead letters", backlog.jobs, backlog.dead_letters);
    let overdue = backlog.next_due_at.map(|due| now.duration_since(due)).filter(|overdue| *overdue > STUCK);
    match overdue {
        None => Ok(text),
        Some(overdue) => Err(trouble(format!("{text}; one has been due for {} min", overdue.as_mins()), advice)),
    }
}

/// Whether what is to be done again and again is done.
pub(crate) async fn schedules(store: &Store, schedules: Vec<Schedule>, now: Timestamp) -> HealthFinding {
    let advice =
        "See that a worker runs: `purser serve`, or `purser worker` beside `serve --no-worker`. Its log says more.";
    let count = schedules.len();
    let overdue = store.read(move |tx| schedules_overdue(tx, now, &schedules)).await;
    let overdue = overdue.map_err(|error| trouble(error, advice))?;
    let Some(first) = overdue.first() else { return Ok(format!("all {count} run")) };
    let (name, since) = (&first.name, now.duration_since(first.next_run_at).as_mins());
    let more = if overdue.len() > 1 { format!(", and {} more", overdue.len() - 1) } else { String::new() };
    Err(trouble(format!("{name} has been due for {since} min{more}"), advice))
}

/// Whether the settings that are fixed once there is data say what the data says.
pub(crate) async fn fixed(store: &Store, apps: &[App]) -> HealthFinding {
    let advice = "`purser config` shows the settings that hold, from purser.toml and the environment.";
    let facts: Vec<FixedSetting> = apps.iter().flat_map(|app| app.fixed.clone()).collect();
    let count = facts.len();
    let read = store.read(move |tx| facts.iter().map(|fixed| fixed.contradiction(tx)).collect::<Result<Vec<_>, _>>());
    let read = read.await.map_err(|problem: Problem| trouble(problem.detail(), "Look at the log."))?;
    match read.into_iter().flatten().next() {
        None => Ok(format!("all {count} as the data has them")),
        Some(contradiction) => Err(trouble(contradiction, advice)),
    }
}

/// Refuses to work with settings that contradict the data.
pub(crate) async fn refuse_contradiction(store: &Store, apps: &[App]) -> Result<(), CliError> {
    fixed(store, apps).await.map(drop).map_err(|HealthProblem { wrong, .. }| CliError::Usage(wrong))
}
