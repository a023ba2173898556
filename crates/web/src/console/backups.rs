//! Backups: which there are, and how old the newest is.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::Timestamp;
use purser_kit::{IdempotentResponse, Problem};
use purser_outbox::{JobStatus, ScheduleRun, job_status, job_waiting};
use uuid::Uuid;

use super::act::repeatable;
use super::commands::SCHEDULE_RUN;
use super::notices::problem;
use super::task_progress::{self, ProgressBar, TaskPage};
use super::view::{TimeFormat, TimeView};
use super::{ConsoleState, ErrorPage, StaffUser, frame};
use crate::pages::{self, Shell};

/// The scope that shows them.
pub(super) const SCOPE: &str = "house.read";

/// Where they are shown.
pub(super) const BASE: &str = "/admin/house/backups/";

/// The schedule that takes one, which is its job's kind too, and the scope that runs it now.
const SCHEDULE: &str = "house.backup";

/// A backup, as whoever keeps them tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupEntry {
    /// Its file's name.
    pub name: String,
    /// When it was taken.
    pub moment: Timestamp,
    /// How large it is.
    pub bytes: u64,
    /// What it is of, and whether it is sealed; or why it does not read.
    pub contents: Result<(String, bool), String>,
}

/// Looks for them: newest first. Reads a folder, so not to be called where something waits.
pub type BackupsFn = Arc<dyn Fn() -> Result<Vec<BackupEntry>, String> + Send + Sync>;

#[derive(Template)]
#[template(path = "console/backups.html")]
struct BackupsPage {
    shell: Shell,
    rows: Vec<Row>,
    error: Option<String>,
    /// The form to have one taken, where this visitor may.
    take: Option<Uuid>,
    /// Whether one was taken just now.
    taken: bool,
}

struct Row {
    name: String,
    moment: TimeView,
    size: String,
    what: String,
    sealed: bool,
    broken: Option<String>,
}

pub(super) async fn page(
    State(console): State<Arc<ConsoleState>>,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    staff.require_scope(SCOPE)?;
    let look = Arc::clone(&console.site.options.backups);
    let looked = tokio::task::spawn_blocking(move || look()).await.map_err(Problem::internal)?;
    let (found, error) = match looked {
        Ok(found) => (found, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let time_format = TimeFormat { now: staff.now, zone: &console.site.context.zone };
    let rows = found.into_iter().map(|backup| {
        let (what, sealed, broken) = match backup.contents {
            Ok((what, sealed)) => (what, sealed, None),
            Err(error) => (String::new(), false, Some(error)),
        };
        Row {
            name: backup.name,
            moment: time_format.moment(backup.moment),
            size: sized(backup.bytes),
            what,
            sealed,
            broken,
        }
    });
    let there = console.site.options.schedules.iter().any(|schedule| schedule.name == SCHEDULE);
    let page = BackupsPage {
        shell: frame::shell(&console, &staff, "Backups"),
        rows: rows.collect(),
        error,
        take: (there && staff.principal.has(SCHEDULE_RUN.scope)).then(|| console.site.context.stamp().1),
        taken: query.iter().any(|(name, _)| name == "taken"),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// Has one taken by the workers, once for each form: the job outlives this process.
pub(super) async fn take(
    State(console): State<Arc<ConsoleState>>,
    staff: StaffUser,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    staff.require_scope(SCHEDULE_RUN.scope)?;
    let found = console.site.options.schedules.iter().find(|schedule| schedule.name == SCHEDULE).copied();
    let schedule = found.ok_or_else(|| Problem::not_found("schedule"))?;
    let once = pairs.iter().find(|(name, _)| name == "once").and_then(|(_, value)| Uuid::try_parse(value).ok());
    let (now, seed) = console.site.context.stamp();
    let repeat = repeatable(&staff, once.unwrap_or(seed), SCHEDULE, &[], &[]);
    let cx = staff.principal.request_context_at(now, seed);
    let made = console.site.context.store.write(move |tx| {
        let mut cx = cx.clone();
        IdempotentResponse::run(tx, now, Some(&repeat), |tx| {
            let run = ScheduleRun { job: cx.new_id(), due_at: now, now };
            (schedule.make)(tx, &run).map_err(problem)?;
            cx.record(
                tx,
                "house.schedules.run",
                &format!("house:schedules:{}", schedule.name),
                &serde_json::json!({}),
            )?;
            // One that waited before stands for this one too.
            let job = job_waiting(tx, SCHEDULE).map_err(problem)?;
            Ok::<_, Problem>(job.unwrap_or(run.job).to_string())
        })
    });
    let job = made.await?.answer;
    console.site.context.outbox.wake();
    Ok(Redirect::to(&format!("{BASE}{job}/")).into_response())
}

/// How far it is with the backup that this job takes.
pub(super) async fn progress(
    State(console): State<Arc<ConsoleState>>,
    Path(job): Path<String>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    staff.require_scope(SCOPE)?;
    let job = Uuid::try_parse(&job).map_err(|_| ErrorPage::nothing())?;
    let stand = console.site.context.store.read(move |tx| job_status(tx, job).map_err(problem)).await?;
    let seen = console.site.options.backup_progress.snapshot();
    let bare = |sentence: String| ProgressBar { sentence, done: 0, total: 0 };
    let (bar, about) = match stand {
        JobStatus::Gone => return Ok(Redirect::to(&format!("{BASE}?taken=1")).into_response()),
        JobStatus::Waiting(None) => (Some(bare("Waiting for a worker.".to_owned())), LEAVE.to_owned()),
        JobStatus::Waiting(Some(error)) => {
            let about = format!("The last try failed, and there will be another: {error}");
            (Some(bare("Waiting for the next try.".to_owned())), about)
        }
        // Another process may be at it, of which this one knows nothing.
        JobStatus::Running if seen.phase.is_empty() => (Some(bare("Taking the backup.".to_owned())), LEAVE.to_owned()),
        JobStatus::Running => (Some(ProgressBar::of(&seen)), LEAVE.to_owned()),
        JobStatus::Dead(error) => {
            let text = format!("No backup was taken, and Purser has given this one up: {error}");
            return Err(ErrorPage::page(pages::message(StatusCode::OK, "The backup failed", &text)));
        }
    };
    let page = TaskPage {
        shell: frame::shell(&console, &staff, "Backup"),
        title: "Backup",
        back: (BASE.to_owned(), "Backups"),
        bar,
        about,
        go_on: None,
    };
    Ok(task_progress::task_page(&page))
}

/// What is said beside the bar.
const LEAVE: &str =
    "You may leave this page: it goes on without you, and if Purser stops in the middle, it begins again.";

/// 1536 as 1.5 KiB.
fn sized(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut tenths = bytes.saturating_mul(10) / 1_024;
    for unit in units {
        if tenths < 10_240 || unit == "TiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1_024;
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_the_unit_that_fits() {
        for (bytes, told) in [(0, "0.0 KiB"), (1_536, "1.5 KiB"), (1_048_576, "1.0 MiB"), (5 << 40, "5.0 TiB")] {
            assert_eq!(sized(bytes), told);
        }
    }
}
