//! What the house does again and again: when it did, when it will, and doing it now.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use purser_kit::Problem;
use purser_outbox::{MissedRunPolicy, ScheduleRun, ScheduleStatus, schedules_status};

use super::commands::SCHEDULE_RUN;
use super::notices::problem;
use super::staff_user::escaped;
use super::view::{TimeFormat, TimeView};
use super::{ConsoleState, ErrorPage, StaffUser, frame};
use crate::pages::{self, Shell};

/// The scope that shows them.
pub(super) const SCOPE: &str = "house.read";

/// Where it is.
pub(super) const BASE: &str = "/admin/house/schedules/";

#[derive(Template)]
#[template(path = "console/schedules.html")]
struct SchedulesPage {
    shell: Shell,
    zone: String,
    rows: Vec<Row>,
    /// The schedule that was just run.
    ran: Option<String>,
    may_run: bool,
}

struct Row {
    name: &'static str,
    cron: &'static str,
    missed: &'static str,
    last: Option<TimeView>,
    next: Option<TimeView>,
}

pub(super) async fn page(
    State(console): State<Arc<ConsoleState>>,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    staff.require_scope(SCOPE)?;
    let stands = console.site.context.store.read(|tx| schedules_status(tx).map_err(problem)).await?;
    let time_format = TimeFormat { now: staff.now, zone: &console.site.context.zone };
    let rows = console.site.options.schedules.iter().map(|schedule| {
        let stand: Option<&ScheduleStatus> = stands.iter().find(|stand| stand.name == schedule.name);
        Row {
            name: schedule.name,
            cron: schedule.cron,
            missed: match schedule.missed {
                MissedRunPolicy::Once => "once",
                MissedRunPolicy::Each => "each",
            },
            last: stand.and_then(|stand| stand.last_run_at).map(|at| time_format.moment(at)),
            next: stand.map(|stand| time_format.moment(stand.next_run_at)),
        }
    });
    let known = |name: &String| console.site.options.schedules.iter().any(|schedule| schedule.name == name);
    let ran = query.into_iter().find(|(key, _)| key == "ran").map(|(_, name)| name).filter(known);
    let page = SchedulesPage {
        zone: console.site.context.zone.iana_name().unwrap_or("UTC").to_owned(),
        rows: rows.collect(),
        ran,
        may_run: staff.principal.has(SCHEDULE_RUN.scope),
        shell: frame::shell(&console, &staff, "Schedules"),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// Enqueues what the schedule would have, now. When it is due next stays as it was.
pub(super) async fn run(
    State(console): State<Arc<ConsoleState>>,
    staff: StaffUser,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    staff.require_scope(SCHEDULE_RUN.scope)?;
    let wanted = pairs.into_iter().find(|(key, _)| key == "name").map(|(_, name)| name).unwrap_or_default();
    let schedules = &console.site.options.schedules;
    let found = schedules.iter().find(|schedule| schedule.name == wanted).copied();
    let schedule = found.ok_or_else(|| Problem::not_found("schedule"))?;
    let cx = staff.principal.request_context(&console.site.context);
    let made = console.site.context.store.write(move |tx| {
        let mut cx = cx.clone();
        let run = ScheduleRun { job: cx.new_id(), due_at: cx.now, now: cx.now };
        (schedule.make)(tx, &run).map_err(problem)?;
        let subject = format!("house:schedules:{}", schedule.name);
        cx.record(tx, "house.schedules.run", &subject, &serde_json::json!({})).map_err(Problem::from)
    });
    made.await?;
    console.site.context.outbox.wake();
    Ok(Redirect::to(&format!("{BASE}?ran={}", escaped(&wanted))).into_response())
}
