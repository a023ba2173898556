//! What the house does again and again: when it did, when it will, and doing it now.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use purser_kit::Problem;
use purser_outbox::{Missed, ScheduleRun, ScheduleStand, schedules_stand};

use super::commands::SCHEDULE_RUN;
use super::notices::problem;
use super::show::{Clockface, Moment};
use super::visitor::escaped;
use super::{Desk, Refusal, Visitor, frame};
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
    last: Option<Moment>,
    next: Option<Moment>,
}

pub(super) async fn page(
    State(desk): State<Arc<Desk>>,
    Query(query): Query<Vec<(String, String)>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    visitor.needs(SCOPE)?;
    let stands = desk.house.context.store.read(|tx| schedules_stand(tx).map_err(problem)).await?;
    let face = Clockface { now: visitor.now, zone: &desk.house.context.zone };
    let rows = desk.house.options.schedules.iter().map(|schedule| {
        let stand: Option<&ScheduleStand> = stands.iter().find(|stand| stand.name == schedule.name);
        Row {
            name: schedule.name,
            cron: schedule.cron,
            missed: match schedule.missed {
                Missed::Once => "once",
                Missed::Each => "each",
            },
            last: stand.and_then(|stand| stand.last_run_at).map(|at| face.moment(at)),
            next: stand.map(|stand| face.moment(stand.next_run_at)),
        }
    });
    let known = |name: &String| desk.house.options.schedules.iter().any(|schedule| schedule.name == name);
    let ran = query.into_iter().find(|(key, _)| key == "ran").map(|(_, name)| name).filter(known);
    let page = SchedulesPage {
        zone: desk.house.context.zone.iana_name().unwrap_or("UTC").to_owned(),
        rows: rows.collect(),
        ran,
        may_run: visitor.caller.has(SCHEDULE_RUN.scope),
        shell: frame::shell(&desk, &visitor, "Schedules"),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// Enqueues what the schedule would have, now. When it is due next stays as it was.
pub(super) async fn run(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    visitor.needs(SCHEDULE_RUN.scope)?;
    let wanted = pairs.into_iter().find(|(key, _)| key == "name").map(|(_, name)| name).unwrap_or_default();
    let schedules = &desk.house.options.schedules;
    let found = schedules.iter().find(|schedule| schedule.name == wanted).copied();
    let schedule = found.ok_or_else(|| Problem::not_found("schedule"))?;
    let doer = visitor.caller.doer(&desk.house.context);
    let made = desk.house.context.store.write(move |tx| {
        let mut doer = doer.clone();
        let run = ScheduleRun { job: doer.fresh_id(), due_at: doer.now, now: doer.now };
        (schedule.make)(tx, &run).map_err(problem)?;
        let subject = format!("house:schedules:{}", schedule.name);
        doer.record(tx, "house.schedules.run", &subject, &serde_json::json!({})).map_err(Problem::from)
    });
    made.await?;
    desk.house.context.outbox.wake();
    Ok(Redirect::to(&format!("{BASE}?ran={}", escaped(&wanted))).into_response())
}
