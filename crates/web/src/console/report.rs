//! Reports: one object and one day, on a page that prints well and as CSV.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::console::{Report, ReportContent, Resource};
use purser_kit::{Day, Problem};
use uuid::Uuid;

use super::object::{TableView, table_view};
use super::view::{CellView, TimeFormat};
use super::{ConsoleState, ErrorPage, StaffUser, export, frame, upload};
use crate::pages::{self, Shell};

/// App, resource, object and report.
type ReportPath = Path<(String, String, String, String)>;

#[derive(Template)]
#[template(path = "console/report.html")]
struct ReportPage<'a> {
    shell: Shell,
    resource: &'a Resource,
    report: &'a Report,
    back: String,
    base: String,
    date: String,
    /// The days before and after.
    around: (String, String),
    error: Option<String>,
    title: String,
    facts: Vec<(&'static str, CellView)>,
    tables: Vec<TableView>,
}

/// What was asked for, and what the app says of it.
struct ReportView<'d> {
    resource: &'d Resource,
    report: &'d Report,
    back: String,
    base: String,
    day: Day,
    error: Option<String>,
    content: ReportContent,
}

async fn report_view<'d>(
    console: &'d Arc<ConsoleState>,
    staff: &StaffUser,
    (app, name, id, report): (String, String, String, String),
    query: &[(String, String)],
) -> Result<ReportView<'d>, ErrorPage> {
    let (_, resource) = console.resource(&app, &name).map_err(|_| ErrorPage::nothing())?;
    let found = console.report(&app, &name, &report).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(resource.view)?;
    staff.require_scope(found.scope)?;
    let id = Uuid::try_parse(&id).map_err(|_| ErrorPage::nothing())?;
    let (day, error) = day(console, staff, query)?;
    let (back, base) = (format!("/admin/{app}/{name}/{id}/"), format!("/admin/{app}/{name}/{id}/{report}/"));
    let (reading, asked) = (Arc::clone(console), day.clone());
    let content =
        console.site.context.store.read(move |tx| (reading.report(&app, &name, &report)?.render)(tx, id, &asked));
    let content = content.await?.ok_or_else(ErrorPage::nothing)?;
    Ok(ReportView { resource, report: found, back, base, day, error, content })
}

/// The day asked for; without one, or with something else, today.
fn day(
    console: &ConsoleState,
    staff: &StaffUser,
    query: &[(String, String)],
) -> Result<(Day, Option<String>), Problem> {
    let zone = &console.site.context.zone;
    let today = || Day::at(staff.now, zone).ok_or_else(|| Problem::internal("today has no end"));
    let asked = query.iter().find(|(name, _)| name == "date").map(|(_, value)| value.as_str());
    match asked.filter(|text| !text.is_empty()).map(|text| Day::parse(text, zone)) {
        None => Ok((today()?, None)),
        Some(Ok(day)) => Ok((day, None)),
        Some(Err(rule)) => Ok((today()?, Some(format!("The date must {}.", rule.must)))),
    }
}

pub(super) async fn page(
    State(console): State<Arc<ConsoleState>>,
    Path(at): ReportPath,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let drawn = report_view(&console, &staff, at, &query).await?;
    let zone = &console.site.context.zone;
    let time_format = TimeFormat { now: staff.now, zone };
    let other = |days| drawn.day.shifted(days, zone).map_or_else(String::new, |day| day.date.to_string());
    let page = ReportPage {
        shell: frame::shell(&console, &staff, drawn.content.title.clone()),
        around: (other(-1), other(1)),
        date: drawn.day.date.to_string(),
        facts: drawn.content.facts.iter().map(|(name, cell)| (*name, time_format.cell(cell))).collect(),
        tables: drawn.content.tables.iter().map(|table| table_view(&time_format, table)).collect(),
        title: drawn.content.title,
        resource: drawn.resource,
        report: drawn.report,
        back: drawn.back,
        base: drawn.base,
        error: drawn.error,
    };
    let status = if page.error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(pages::page(status, &page))
}

pub(super) async fn csv(
    State(console): State<Arc<ConsoleState>>,
    Path(at): ReportPath,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let drawn = report_view(&console, &staff, at.clone(), &query).await?;
    export::note(&console, &staff, &at.0, &format!("{}:{}:{}", at.1, at.2, at.3)).await?;
    Ok(upload::file(&format!("{}-{}-{}.csv", at.0, at.3, drawn.day.date), export::table(&drawn.content)))
}
