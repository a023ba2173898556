//! Reports: one object and one day, on a page that prints well and as CSV.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::console::{Report, Resource, Sheet};
use purser_kit::{Day, Problem};
use uuid::Uuid;

use super::object::{TableShown, table_shown};
use super::show::{Clockface, Shown};
use super::{Desk, Refusal, Visitor, export, frame, upload};
use crate::pages::{self, Shell};

/// App, resource, object and report.
type At = Path<(String, String, String, String)>;

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
    facts: Vec<(&'static str, Shown)>,
    tables: Vec<TableShown>,
}

/// What was asked for, and what the app says of it.
struct Drawn<'d> {
    resource: &'d Resource,
    report: &'d Report,
    back: String,
    base: String,
    day: Day,
    error: Option<String>,
    sheet: Sheet,
}

async fn drawn<'d>(
    desk: &'d Arc<Desk>,
    visitor: &Visitor,
    (app, name, id, report): (String, String, String, String),
    query: &[(String, String)],
) -> Result<Drawn<'d>, Refusal> {
    let (_, resource) = desk.resource(&app, &name).map_err(|_| Refusal::nothing())?;
    let found = desk.report(&app, &name, &report).map_err(|_| Refusal::nothing())?;
    visitor.needs(resource.view)?;
    visitor.needs(found.scope)?;
    let id = Uuid::try_parse(&id).map_err(|_| Refusal::nothing())?;
    let (day, error) = day(desk, visitor, query)?;
    let (back, base) = (format!("/admin/{app}/{name}/{id}/"), format!("/admin/{app}/{name}/{id}/{report}/"));
    let (reading, asked) = (Arc::clone(desk), day.clone());
    let sheet = desk.house.context.store.read(move |tx| (reading.report(&app, &name, &report)?.draw)(tx, id, &asked));
    let sheet = sheet.await?.ok_or_else(Refusal::nothing)?;
    Ok(Drawn { resource, report: found, back, base, day, error, sheet })
}

/// The day asked for; without one, or with something else, today.
fn day(desk: &Desk, visitor: &Visitor, query: &[(String, String)]) -> Result<(Day, Option<String>), Problem> {
    let zone = &desk.house.context.zone;
    let today = || Day::at(visitor.now, zone).ok_or_else(|| Problem::internal("today has no end"));
    let asked = query.iter().find(|(name, _)| name == "date").map(|(_, value)| value.as_str());
    match asked.filter(|text| !text.is_empty()).map(|text| Day::parse(text, zone)) {
        None => Ok((today()?, None)),
        Some(Ok(day)) => Ok((day, None)),
        Some(Err(rule)) => Ok((today()?, Some(format!("The date must {}.", rule.must)))),
    }
}

pub(super) async fn page(
    State(desk): State<Arc<Desk>>,
    Path(at): At,
    Query(query): Query<Vec<(String, String)>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let drawn = drawn(&desk, &visitor, at, &query).await?;
    let zone = &desk.house.context.zone;
    let face = Clockface { now: visitor.now, zone };
    let other = |days| drawn.day.shifted(days, zone).map_or_else(String::new, |day| day.date.to_string());
    let page = ReportPage {
        shell: frame::shell(&desk, &visitor, drawn.sheet.title.clone()),
        around: (other(-1), other(1)),
        date: drawn.day.date.to_string(),
        facts: drawn.sheet.facts.iter().map(|(name, cell)| (*name, face.cell(cell))).collect(),
        tables: drawn.sheet.tables.iter().map(|table| table_shown(&face, table)).collect(),
        title: drawn.sheet.title,
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
    State(desk): State<Arc<Desk>>,
    Path(at): At,
    Query(query): Query<Vec<(String, String)>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let drawn = drawn(&desk, &visitor, at.clone(), &query).await?;
    export::note(&desk, &visitor, &at.0, &format!("{}:{}:{}", at.1, at.2, at.3)).await?;
    Ok(upload::file(&format!("{}-{}-{}.csv", at.0, at.3, drawn.day.date), export::table(&drawn.sheet)))
}
