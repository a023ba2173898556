//! What an action has done: those objects first that it could not be done to, and where to go on.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::Problem;
use purser_kit::console::{Cell, ListQuery, Outcome, Resource};
use purser_ledger::idempotency_find_many;
use uuid::Uuid;

use super::act::RefusedItem;
use super::names::{ActorNames, labels};
use super::origin::ListOrigin;
use super::view::TimeFormat;
use super::{ConsoleState, ErrorPage, StaffUser, export, frame, upload};
use crate::pages::{self, Shell};

/// Rows past which a report is better read in a spreadsheet.
const LONG: usize = 20;

#[derive(Template)]
#[template(path = "console/done.html")]
pub(super) struct DonePage {
    pub(super) shell: Shell,
    /// The list to go back to, and its name.
    pub(super) back: (String, &'static str),
    /// Another object that waits for the same decision.
    pub(super) next: Option<String>,
    pub(super) go: Option<(String, &'static str)>,
    pub(super) refused: Vec<RefusedItem>,
    pub(super) download: Option<String>,
    pub(super) done: Outcome,
}

impl DonePage {
    fn heading(&self) -> &'static str {
        match (self.done.rows.is_empty(), self.refused.is_empty()) {
            (_, true) => "Done",
            (false, false) => "Done in part",
            (true, false) => "Nothing was done",
        }
    }
}

/// App, resource, and the id that something was done under.
type OutcomePath = Path<(String, String, String)>;

pub(super) async fn page(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name, once)): OutcomePath,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (section, resource) = console.resource(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(resource.view)?;
    let done = outcome(&console, &staff, &once).await?;
    let base = format!("/admin/{}/{}/", section.name, resource.name);
    let origin = ListOrigin::read(&query);
    let one = query.iter().find(|(name, _)| name == "one").and_then(|(_, id)| Uuid::try_parse(id).ok());
    let (names, next) = around(&console, &staff, (&app, &name), &done, one).await?;
    let refused = std::iter::zip(&done.refused, names).map(|((id, why), label)| RefusedItem {
        label,
        href: format!("{base}{id}/{}", origin.suffix()),
        why: why.clone(),
    });
    let long = done.rows.len() + done.refused.len() > LONG;
    let page = DonePage {
        shell: frame::shell(&console, &staff, "Done"),
        refused: refused.collect(),
        next: next.map(|id| format!("{base}{id}/{}", origin.suffix())),
        go: done.go.map(|id| (format!("{base}{id}/{}", origin.suffix()), resource.one)),
        back: origin.back(&base, resource.title),
        download: long.then(|| format!("{base}done/{once}/report.csv")),
        done,
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// What the refused objects are called; and after a decision on one object, the next that waits.
async fn around(
    console: &Arc<ConsoleState>,
    staff: &StaffUser,
    (app, name): (&str, &str),
    done: &Outcome,
    one: Option<Uuid>,
) -> Result<(Vec<String>, Option<Uuid>), Problem> {
    let refused: Vec<Uuid> = done.refused.iter().map(|(id, _)| *id).collect();
    if refused.is_empty() && one.is_none() {
        return Ok((Vec::new(), None));
    }
    let (reading, now, app, name) = (Arc::clone(console), staff.now, app.to_owned(), name.to_owned());
    let read = console.site.context.store.read(move |tx| {
        let (_, resource) = reading.resource(&app, &name)?;
        let time_format = TimeFormat { now, zone: &reading.site.context.zone };
        let names = labels(tx, &mut ActorNames::default(), &resource.listing, &time_format, &refused)?;
        let Some((one, ask)) = one.zip(waiting(resource, 2)) else { return Ok((names, None)) };
        let next = resource.listing.ids(tx, &ask)?.into_iter().find(|id| *id != one);
        Ok::<_, Problem>((names, next))
    });
    read.await
}

/// The objects of a resource that wait for a decision, where it has such: the longest waiting first.
pub(super) fn waiting(resource: &Resource, limit: u32) -> Option<ListQuery> {
    let (filter, value) = resource.inbox?;
    Some(ListQuery {
        filters: vec![(filter.to_owned(), value.to_owned())],
        limit,
        oldest: true,
        ..ListQuery::default()
    })
}

/// The report as CSV, refused objects first.
pub(super) async fn report(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name, once)): OutcomePath,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (_, resource) = console.resource(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(resource.view)?;
    let done = outcome(&console, &staff, &once).await?;
    export::note(&console, &staff, &app, &format!("{name}:done")).await?;
    let (names, _) = around(&console, &staff, (&app, &name), &done, None).await?;
    let refused = std::iter::zip(names, done.refused).map(|(label, (id, why))| (id.to_string(), label, "refused", why));
    let rows = done.rows.into_iter().map(|(label, what)| (String::new(), label, "done", what));
    let heads = ["id", "object", "outcome", "what"].map(str::to_owned);
    let mut text = export::line(&heads);
    for (id, label, outcome, what) in refused.chain(rows) {
        let (label, what) = (export::harmless(&Cell::Text(label)), export::harmless(&Cell::Text(what)));
        text.push_str(&export::line(&[id, label, outcome.to_owned(), what]));
    }
    Ok(upload::file(&format!("{app}-{name}-report.csv"), text))
}

/// What this visitor did under this id.
pub(super) async fn outcome(console: &ConsoleState, staff: &StaffUser, once: &str) -> Result<Outcome, ErrorPage> {
    let (owner, key) = (staff.actor(), format!("console:{once}"));
    let found = console.site.context.store.read(move |tx| {
        let mut found = idempotency_find_many(tx, &[(owner.as_str(), key.as_str())])?;
        Ok::<_, Problem>(found.pop())
    });
    let recorded = found.await?.ok_or_else(ErrorPage::nothing)?;
    serde_json::from_str(&recorded.answer).map_err(|error| Problem::internal(error).into())
}
