//! A list: search, filters, sort, pages, and choosing what to act on.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use purser_kit::console::{Action, Direction, ListAsk, Listing, Resource, Span, Target};
use purser_kit::{Day, Problem};

use super::names::Names;
use super::show::{Clockface, Shown};
use super::visitor::escaped;
use super::{Desk, Refusal, Shelf, Visitor, frame};
use crate::pages::{self, Shell};

/// Rows on a page.
const PAGE: u32 = 50;

/// Query parameters that are not filters.
const OWN: [&str; 4] = ["q", "sort", "after", "all"];

#[derive(Template)]
#[template(path = "console/list.html")]
struct ListPage<'a> {
    shell: Shell,
    resource: &'a Resource,
    base: String,
    search: Option<String>,
    filters: Vec<FilterShown>,
    dates: Vec<DateShown>,
    heads: Vec<Head>,
    rows: Vec<RowShown>,
    /// Actions on chosen rows: name and title.
    chosen: Vec<(&'static str, &'static str)>,
    /// Actions that make something: address and title.
    makes: Vec<(String, &'static str)>,
    uploads: Vec<(String, &'static str)>,
    next: Option<String>,
    first: Option<String>,
    all: String,
    is_all: bool,
    export: String,
    is_narrowed: bool,
}

struct FilterShown {
    name: &'static str,
    title: &'static str,
    choices: Vec<(&'static str, &'static str, bool)>,
}

/// A day that a list begins or ends at.
struct DateShown {
    name: String,
    title: String,
    value: String,
}

struct Head {
    title: &'static str,
    number: bool,
    /// Where a click leads, and how the list is ordered by it now.
    sort: Option<(String, &'static str)>,
}

struct RowShown {
    id: String,
    label: String,
    cells: Vec<(bool, Shown)>,
}

pub(super) async fn page(
    State(desk): State<Arc<Desk>>,
    Path((app, name)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (shelf, resource) = desk.resource(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(resource.view)?;
    let zone = &desk.house.context.zone;
    let ask = ask(&resource.listing, &query, PAGE, zone);
    let (reading, asked) = (Arc::clone(&desk), ask.clone());
    let listed = desk.house.context.store.read(move |tx| {
        let (_, resource) = reading.resource(&app, &name)?;
        let mut listed = resource.listing.page(tx, &asked)?;
        Names::default().row(tx, listed.rows.iter_mut().flat_map(|(_, cells)| cells))?;
        Ok::<_, Problem>(listed)
    });
    let listed = listed.await?;
    let face = Clockface { now: visitor.now, zone };
    let rows = listed.rows.into_iter().map(|(id, cells)| RowShown {
        id: id.to_string(),
        label: cells.first().map(purser_kit::console::Cell::plain).unwrap_or_default(),
        cells: std::iter::zip(&resource.listing.columns, &cells)
            .map(|(column, cell)| (column.kind.is_number(), face.cell(cell)))
            .collect(),
    });
    let base = format!("/admin/{}/{}/", shelf.name, resource.name);
    let allowed = |target: Target| {
        let visitor = &visitor;
        resource.actions.iter().filter(move |action| action.target == target && visitor.caller.has(action.scope))
    };
    let page = ListPage {
        shell: frame::shell(&desk, &visitor, resource.title),
        resource,
        search: (!resource.listing.search.is_empty()).then(|| ask.search.clone().unwrap_or_default()),
        filters: filters(&resource.listing, &ask),
        dates: dates(&resource.listing, &query),
        heads: heads(&resource.listing, &ask, &query),
        rows: rows.collect(),
        chosen: allowed(Target::Many).map(|action| (action.name, action.title)).collect(),
        makes: makes(&base, &mut allowed(Target::Nothing)),
        uploads: uploads(shelf, resource, &visitor),
        next: listed.next.map(|next| with(&query, "after", &next)),
        first: ask.after.is_some().then(|| without(&query, &["after"])),
        all: with(&query, "all", "1"),
        is_all: query.iter().any(|(name, _)| name == "all"),
        export: format!("{base}export.csv{}", without(&query, &["after", "all"])),
        is_narrowed: ask.search.is_some() || !ask.filters.is_empty() || !ask.spans.is_empty(),
        base,
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// What makes a new object. A key's page is its own: it shows a secret.
fn makes(base: &str, actions: &mut dyn Iterator<Item = &Action>) -> Vec<(String, &'static str)> {
    if base == "/admin/house/keys/" {
        return vec![("/admin/house/new-key/".to_owned(), "New API key")];
    }
    actions.map(|action| (format!("{base}do/?action={}", action.name), action.title)).collect()
}

fn uploads(shelf: &Shelf, resource: &Resource, visitor: &Visitor) -> Vec<(String, &'static str)> {
    let here = shelf.console.imports.iter().filter(|import| import.resource == resource.name);
    let allowed = here.filter(|import| visitor.caller.has(import.scope));
    allowed.map(|import| (format!("/admin/{}/import/{}/", shelf.name, import.name), import.title)).collect()
}

/// What the address asks for.
pub(super) fn ask(listing: &Listing, query: &[(String, String)], limit: u32, zone: &TimeZone) -> ListAsk {
    let value = |name: &str| query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value);
    let sort = value("sort").map(|sort| match sort.strip_prefix('-') {
        Some(name) => (name.to_owned(), Direction::Down),
        None => (sort.clone(), Direction::Up),
    });
    let is_filter = |(name, value): &&(String, String)| {
        !value.is_empty() && !OWN.contains(&name.as_str()) && listing.filters.iter().any(|filter| filter.name == name)
    };
    ListAsk {
        search: value("q").map(|search| search.chars().take(200).collect()),
        filters: query.iter().filter(is_filter).cloned().collect(),
        spans: spans(listing, query, zone),
        sort,
        after: value("after").cloned(),
        limit,
    }
}

fn filters(listing: &Listing, ask: &ListAsk) -> Vec<FilterShown> {
    let shown = listing.filters.iter().map(|filter| {
        let chosen = ask.filters.iter().find(|(name, _)| name == filter.name).map(|(_, value)| value.as_str());
        let choices = filter.choices.iter().map(|(value, title, _)| (*value, *title, chosen == Some(value))).collect();
        FilterShown { name: filter.name, title: filter.title, choices }
    });
    shown.collect()
}

/// The days asked for, both included. What is no date is passed over, as an unknown filter is.
fn spans(listing: &Listing, query: &[(String, String)], zone: &TimeZone) -> Vec<Span> {
    let day = |name: String| {
        let text = query.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())?;
        Day::parse(text, zone).ok()
    };
    let spans = listing.columns.iter().filter(|column| column.dated).map(|column| Span {
        column: column.name.to_owned(),
        from: day(format!("{}_from", column.name)).map(|day| day.span.start),
        until: day(format!("{}_to", column.name)).map(|day| day.span.end),
    });
    spans.filter(|span| span.from.is_some() || span.until.is_some()).collect()
}

fn dates(listing: &Listing, query: &[(String, String)]) -> Vec<DateShown> {
    let dated = listing.columns.iter().filter(|column| column.dated);
    let ends = dated.flat_map(|column| ["from", "to"].map(|end| (column, end)));
    let shown = ends.map(|(column, end)| {
        let name = format!("{}_{end}", column.name);
        let value = query.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()).unwrap_or_default();
        DateShown { name, title: format!("{} {end}", column.title), value }
    });
    shown.collect()
}

fn heads(listing: &Listing, ask: &ListAsk, query: &[(String, String)]) -> Vec<Head> {
    let heads = listing.columns.iter().map(|column| {
        let now = ask.sort.as_ref().filter(|(name, _)| name == column.name).map(|(_, direction)| *direction);
        let (value, state) = match now {
            Some(Direction::Up) => (format!("-{}", column.name), "ascending"),
            Some(Direction::Down) => (String::new(), "descending"),
            None => (column.name.to_owned(), "none"),
        };
        let sort = column.sorts.then(|| (with(&without_pairs(query, &["after", "all"]), "sort", &value), state));
        Head { title: column.title, number: column.kind.is_number(), sort }
    });
    heads.collect()
}

fn without_pairs(query: &[(String, String)], names: &[&str]) -> Vec<(String, String)> {
    query.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect()
}

/// The query without these parameters.
fn without(query: &[(String, String)], names: &[&str]) -> String {
    address(&without_pairs(query, names))
}

/// The query with this parameter set.
fn with(query: &[(String, String)], name: &str, value: &str) -> String {
    let mut pairs = without_pairs(query, &[name]);
    pairs.push((name.to_owned(), value.to_owned()));
    address(&pairs)
}

fn address(pairs: &[(String, String)]) -> String {
    let filled = pairs.iter().filter(|(_, value)| !value.is_empty());
    let parts: Vec<String> = filled.map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    format!("?{}", parts.join("&"))
}
