//! What waits for a decision, across all apps: one section for each kind, and its rows to be decided on right there.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::console::{Cell, ListTotals, Resource};
use purser_kit::{Principal, Problem};
use uuid::Uuid;

use super::done;
use super::list;
use super::names::ActorNames;
use super::origin::ListOrigin;
use super::table::{MOST, TableOfRows};
use super::view::{CellView, TimeFormat, TimeView, grouped};
use super::{AppSection, ConsoleState, ErrorPage, StaffUser, frame};
use crate::pages::{self, Shell};

/// Rows of each kind that the page shows.
const SHOWN: u32 = 50;

/// What is counted and summed of each kind, at most.
const COUNTED: u32 = 10_000;

/// What the badge counts of everything, at most.
pub(super) const BADGE: u32 = 100;

/// Objects of one kind that wait, as the first page tells it.
pub(super) struct InboxCount {
    pub(super) title: &'static str,
    pub(super) href: String,
    pub(super) count: String,
}

/// The kinds of objects that wait and that `caller` may see.
fn kinds<'d>(
    console: &'d ConsoleState,
    principal: &'d Principal,
) -> impl Iterator<Item = (&'d AppSection, &'d Resource)> {
    let all = console
        .apps
        .iter()
        .flat_map(|section| section.console.resources.iter().map(move |resource| (section, resource)));
    all.filter(|(_, resource)| resource.inbox.is_some() && principal.has(resource.view))
}

/// How much waits for a decision, up to [`BADGE`].
pub(super) async fn count(console: &Arc<ConsoleState>, principal: &Principal) -> Result<u64, Problem> {
    if kinds(console, principal).next().is_none() {
        return Ok(0);
    }
    let (reading, principal) = (Arc::clone(console), principal.clone());
    let read = console.site.context.store.read(move |tx| {
        let mut count = 0;
        for (_, resource) in kinds(&reading, &principal) {
            let Some(ask) = done::waiting(resource, BADGE) else { continue };
            count += resource.listing.count(tx, &ask, BADGE)?;
        }
        Ok::<_, Problem>(count)
    });
    read.await
}

/// The badge beside the way here.
pub(super) fn badge(waiting: u64) -> Option<String> {
    match waiting {
        0 => None,
        count if count >= u64::from(BADGE) => Some(format!("{}+", BADGE - 1)),
        count => Some(count.to_string()),
    }
}

/// What waits of each kind, counted.
pub(super) async fn waiting(console: &Arc<ConsoleState>, staff: &StaffUser) -> Result<Vec<InboxCount>, Problem> {
    let (reading, principal) = (Arc::clone(console), staff.principal.clone());
    let read = console.site.context.store.read(move |tx| {
        let mut counts = Vec::new();
        for (_, resource) in kinds(&reading, &principal) {
            let Some(ask) = done::waiting(resource, COUNTED) else { continue };
            counts.push(resource.listing.count(tx, &ask, COUNTED)?);
        }
        Ok::<_, Problem>(counts)
    });
    let counts = read.await?;
    let waiting = std::iter::zip(kinds(console, &staff.principal), counts).map(|((section, resource), count)| {
        let (filter, value) = resource.inbox.unwrap_or_default();
        InboxCount {
            title: resource.title,
            href: format!("/admin/{}/{}/?{filter}={value}&sort={}", section.name, resource.name, list::OLDEST),
            count: counted(count),
        }
    });
    Ok(waiting.collect())
}

fn counted(count: u64) -> String {
    let more = if count >= u64::from(COUNTED) { "+" } else { "" };
    format!("{}{more}", grouped(&count.to_string()))
}

#[derive(Template)]
#[template(path = "console/inbox.html")]
struct InboxPage {
    shell: Shell,
    sections: Vec<Section>,
}

/// What waits of one kind.
struct Section {
    count: String,
    total: Option<String>,
    oldest: Option<TimeView>,
    /// The same in its list, with search and pages.
    href: String,
    table: TableOfRows,
}

/// What a kind comes to, its rows, and the actions that fit the first of them, and so all: they wait for the same.
type InboxRows = (ListTotals, Vec<(Uuid, Vec<Cell>)>, Option<Vec<&'static str>>);

pub(super) async fn page(State(console): State<Arc<ConsoleState>>, staff: StaffUser) -> Result<Response, ErrorPage> {
    let (reading, principal) = (Arc::clone(&console), staff.principal.clone());
    let read = console.site.context.store.read(move |tx| {
        let (mut all, mut names) = (Vec::new(), ActorNames::default());
        for (_, resource) in kinds(&reading, &principal) {
            let Some(ask) = done::waiting(resource, SHOWN) else { continue };
            let mut listed = resource.listing.page(tx, &ask)?;
            names.row(tx, listed.rows.iter_mut().flat_map(|(_, cells)| cells))?;
            let first = match listed.rows.first() {
                Some((id, _)) => (resource.detail)(tx, *id)?,
                None => None,
            };
            let fit = first.and_then(|first| first.fit);
            let read: InboxRows = (resource.listing.whole(tx, &ask, COUNTED)?, listed.rows, fit);
            all.push(read);
        }
        Ok::<_, Problem>(all)
    });
    let all = read.await?;
    let sections = std::iter::zip(kinds(&console, &staff.principal), all).filter(|(_, (whole, ..))| whole.count > 0);
    let sections = sections.map(|((shelf, resource), read)| section(&console, &staff, shelf, resource, read));
    let page = InboxPage { sections: sections.collect(), shell: frame::shell(&console, &staff, "Approvals") };
    Ok(pages::page(StatusCode::OK, &page))
}

fn section(
    console: &ConsoleState,
    staff: &StaffUser,
    section: &AppSection,
    resource: &Resource,
    read: InboxRows,
) -> Section {
    let (whole, rows, fit) = read;
    let time_format = TimeFormat { now: staff.now, zone: &console.site.context.zone };
    let base = format!("/admin/{}/{}/", section.name, resource.name);
    let (filter, value) = resource.inbox.unwrap_or_default();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let origin = ListOrigin { list: vec![pair(filter, value), pair("sort", list::OLDEST)], inbox: true };
    let href = format!("{base}?{}", origin.query());
    let at_least = if whole.count >= u64::from(COUNTED) { "at least " } else { "" };
    let every = match whole.count {
        count if count > u64::from(MOST) => format!("The first {} in this section", grouped(&MOST.to_string())),
        count => format!("Everything in this section ({})", grouped(&count.to_string())),
    };
    let mut table =
        TableOfRows { every: Some(every), ..TableOfRows::new((resource, &base), staff, &time_format, rows, origin) };
    table.chosen.retain(|(name, _)| fit.as_ref().is_none_or(|fit| fit.contains(name)));
    Section {
        count: counted(whole.count),
        total: whole.total.map(|total| format!("{at_least}{}", total.for_people())),
        oldest: whole.oldest.map(|oldest| time_format.moment(oldest)),
        href,
        table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_counts_no_further_than_anybody_reads() {
        assert_eq!((badge(0), badge(7), badge(99)), (None, Some("7".to_owned()), Some("99".to_owned())));
        assert_eq!((badge(100), badge(250)), (Some("99+".to_owned()), Some("99+".to_owned())));
    }
}
