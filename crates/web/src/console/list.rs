//! A list: search, filters, sort, pages, and choosing what to act on.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_kit::console::{Action, Direction, ListQuery, Listing, Resource, Target, TimeRange};
use purser_kit::{Day, Problem};

use super::names::ActorNames;
use super::origin::ListOrigin;
use super::staff_user::escaped;
use super::table::{ColumnHead, MOST, TableOfRows};
use super::view::{CellView, TimeFormat, grouped};
use super::{AppSection, ConsoleState, ErrorPage, StaffUser, frame};
use crate::pages::{self, Shell};

/// How many rows a page may have; without a choice, the first.
const SIZES: [u32; 3] = [50, 200, 500];

/// Query parameters that are not filters.
const OWN: [&str; 5] = ["q", "sort", "after", "all", "size"];

#[derive(Template)]
#[template(path = "console/list.html")]
struct ResourceListPage<'a> {
    shell: Shell,
    resource: &'a Resource,
    base: String,
    search: Option<String>,
    filters: Vec<FilterView>,
    table: TableOfRows,
    dates: Vec<DateFilterView>,
    /// Actions that make something: address and title.
    makes: Vec<(String, &'static str)>,
    uploads: Vec<(String, &'static str)>,
    next: Option<String>,
    first: Option<String>,
    /// What searching and narrowing keep.
    kept: Vec<(&'static str, String)>,
    /// How many rows a page may have: each number, where that leads, and whether it is so now.
    sizes: Vec<(u32, String, bool)>,
    export: String,
    is_narrowed: bool,
}

struct FilterView {
    name: &'static str,
    title: &'static str,
    choices: Vec<(&'static str, &'static str, bool)>,
}

/// A day that a list begins or ends at.
struct DateFilterView {
    name: String,
    title: String,
    value: String,
}

pub(super) async fn page(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (section, resource) = console.resource(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(resource.view)?;
    let zone = &console.site.context.zone;
    let size = size(&query);
    let ask = ask(&resource.listing, &query, size, zone);
    let (reading, asked) = (Arc::clone(&console), ask.clone());
    let mut many = resource.actions.iter().filter(|action| action.target == Target::Many);
    let acts = many.any(|action| staff.principal.has(action.command.scope));
    let listed = console.site.context.store.read(move |tx| {
        let (_, resource) = reading.resource(&app, &name)?;
        let mut listed = resource.listing.page(tx, &asked)?;
        ActorNames::default().row(tx, listed.rows.iter_mut().flat_map(|(_, cells)| cells))?;
        // Counting is for choosing, where the page is not the whole.
        let partly = listed.next.is_some() || asked.after.is_some();
        let count = if partly && acts { resource.listing.count(tx, &asked, MOST + 1)? } else { 0 };
        Ok::<_, Problem>((listed, count))
    });
    let (listed, count) = listed.await?;
    let time_format = TimeFormat { now: staff.now, zone };
    let base = format!("/admin/{}/{}/", section.name, resource.name);
    let makes_here = resource.actions.iter().filter(|action| action.target == Target::Nothing);
    let is_whole = listed.next.is_none() && ask.after.is_none();
    let origin = ListOrigin::of_list(&query);
    let table = TableOfRows {
        heads: heads(&resource.listing, &ask, &query),
        every: every(count),
        all: Some(with(&query, "all", "1")),
        is_all: query.iter().any(|(name, _)| name == "all"),
        ..TableOfRows::new((resource, &base), &staff, &time_format, listed.rows, origin)
    };
    let page = ResourceListPage {
        shell: frame::shell(&console, &staff, resource.title),
        resource,
        search: (!resource.listing.search.is_empty()).then(|| ask.search.clone().unwrap_or_default()),
        filters: filters(&resource.listing, &ask),
        dates: dates(&resource.listing, &query),
        table,
        makes: makes(&base, &mut makes_here.filter(|action| staff.principal.has(action.command.scope))),
        uploads: uploads(section, resource, &staff),
        next: listed.next.map(|next| with(&query, "after", &next)),
        first: ask.after.is_some().then(|| without(&query, &["after"])),
        kept: kept_parameters(&query),
        sizes: if is_whole && size == SIZES[0] { Vec::new() } else { sizes(&query, size) },
        export: format!("{base}export.csv{}", without(&query, &["after", "all", "size"])),
        is_narrowed: ask.search.is_some() || !ask.filters.is_empty() || !ask.spans.is_empty(),
        base,
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// The box that chooses all that fits, where that is more than the page.
fn every(count: u64) -> Option<String> {
    match count {
        0 => None,
        count if count > u64::from(MOST) => Some(format!("Choose the first {} that match", grouped(&MOST.to_string()))),
        count => Some(format!("Choose all {} that match", grouped(&count.to_string()))),
    }
}

/// Rows on a page: one of a few numbers.
fn size(query: &[(String, String)]) -> u32 {
    let asked = query.iter().find(|(name, _)| name == "size").and_then(|(_, value)| value.parse().ok());
    asked.filter(|size| SIZES.contains(size)).unwrap_or(SIZES[0])
}

fn sizes(query: &[(String, String)], now: u32) -> Vec<(u32, String, bool)> {
    let query = without_pairs(query, &["after", "all"]);
    SIZES.map(|size| (size, with(&query, "size", &size.to_string()), size == now)).to_vec()
}

/// The order and the size of pages outlast another search.
fn kept_parameters(query: &[(String, String)]) -> Vec<(&'static str, String)> {
    let value = |name: &str| query.iter().find(|(key, value)| key == name && !value.is_empty());
    ["sort", "size"].into_iter().filter_map(|name| value(name).map(|(_, value)| (name, value.clone()))).collect()
}

/// What makes a new object. A key's page is its own: it shows a secret.
fn makes(base: &str, actions: &mut dyn Iterator<Item = &Action>) -> Vec<(String, &'static str)> {
    if base == "/admin/house/keys/" {
        return vec![("/admin/house/new-key/".to_owned(), "New API key")];
    }
    actions.map(|action| (format!("{base}do/?action={}", action.name), action.title)).collect()
}

fn uploads(section: &AppSection, resource: &Resource, staff: &StaffUser) -> Vec<(String, &'static str)> {
    let here = section.console.imports.iter().filter(|import| import.resource == resource.name);
    let allowed = here.filter(|import| staff.principal.has(import.command.scope));
    allowed.map(|import| (format!("/admin/{}/import/{}/", section.name, import.name), import.title)).collect()
}

/// The order of what has waited longest.
pub(super) const OLDEST: &str = "oldest";

/// What the address asks for.
pub(super) fn ask(listing: &Listing, query: &[(String, String)], limit: u32, zone: &TimeZone) -> ListQuery {
    let value = |name: &str| query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value);
    let oldest = value("sort").is_some_and(|sort| sort == OLDEST);
    let sort = value("sort").filter(|_| !oldest).map(|sort| match sort.strip_prefix('-') {
        Some(name) => (name.to_owned(), Direction::Down),
        None => (sort.clone(), Direction::Up),
    });
    let is_filter = |(name, value): &&(String, String)| {
        !value.is_empty() && !OWN.contains(&name.as_str()) && listing.filters.iter().any(|filter| filter.name == name)
    };
    ListQuery {
        search: value("q").map(|search| search.chars().filter(|letter| !letter.is_control()).take(200).collect()),
        filters: query.iter().filter(is_filter).cloned().collect(),
        spans: spans(listing, query, zone),
        sort,
        oldest,
        after: value("after").cloned(),
        limit,
    }
}

fn filters(listing: &Listing, ask: &ListQuery) -> Vec<FilterView> {
    let shown = listing.filters.iter().map(|filter| {
        let chosen = ask.filters.iter().find(|(name, _)| name == filter.name).map(|(_, value)| value.as_str());
        let choices = filter.choices.iter().map(|(value, title, _)| (*value, *title, chosen == Some(value))).collect();
        FilterView { name: filter.name, title: filter.title, choices }
    });
    shown.collect()
}

/// The days asked for, both included. What is no date fits no day.
fn spans(listing: &Listing, query: &[(String, String)], zone: &TimeZone) -> Vec<TimeRange> {
    let day = |name: String| {
        let text = query.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        text.filter(|text| !text.is_empty()).map(|text| Day::parse(text, zone))
    };
    let spans = listing.columns.iter().filter(|column| column.dated).map(|column| TimeRange {
        column: column.name.to_owned(),
        from: day(format!("{}_from", column.name)).map(|day| day.map_or(Timestamp::MAX, |day| day.span.start)),
        until: day(format!("{}_to", column.name)).map(|day| day.map_or(Timestamp::MIN, |day| day.span.end)),
    });
    spans.filter(|span| span.from.is_some() || span.until.is_some()).collect()
}

fn dates(listing: &Listing, query: &[(String, String)]) -> Vec<DateFilterView> {
    let dated = listing.columns.iter().filter(|column| column.dated);
    let ends = dated.flat_map(|column| ["from", "to"].map(|end| (column, end)));
    let shown = ends.map(|(column, end)| {
        let name = format!("{}_{end}", column.name);
        let value = query.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()).unwrap_or_default();
        DateFilterView { name, title: format!("{} {end}", column.title), value }
    });
    shown.collect()
}

fn heads(listing: &Listing, ask: &ListQuery, query: &[(String, String)]) -> Vec<ColumnHead> {
    let heads = listing.columns.iter().map(|column| {
        let now = ask.sort.as_ref().filter(|(name, _)| name == column.name).map(|(_, direction)| *direction);
        let (value, state) = match now {
            Some(Direction::Up) => (format!("-{}", column.name), "ascending"),
            Some(Direction::Down) => (String::new(), "descending"),
            None => (column.name.to_owned(), "none"),
        };
        let sort = column.sorts.then(|| (with(&without_pairs(query, &["after", "all"]), "sort", &value), state));
        ColumnHead { title: column.title, number: column.kind.is_number(), sort }
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
