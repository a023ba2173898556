//! What waits for a decision, across all apps: one section for each kind, and its rows to be decided on right there.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::console::{Cell, Resource, Whole};
use purser_kit::{Caller, Problem};
use uuid::Uuid;

use super::done;
use super::list;
use super::names::Names;
use super::origin::Origin;
use super::show::{Clockface, Moment, Shown, grouped};
use super::table::{MOST, Table};
use super::{Desk, Refusal, Shelf, Visitor, frame};
use crate::pages::{self, Shell};

/// Rows of each kind that the page shows.
const SHOWN: u32 = 50;

/// What is counted and summed of each kind, at most.
const COUNTED: u32 = 10_000;

/// What the badge counts of everything, at most.
pub(super) const BADGE: u32 = 100;

/// Objects of one kind that wait, as the first page tells it.
pub(super) struct Waiting {
    pub(super) title: &'static str,
    pub(super) href: String,
    pub(super) count: String,
}

/// The kinds of objects that wait and that `caller` may see.
fn kinds<'d>(desk: &'d Desk, caller: &'d Caller) -> impl Iterator<Item = (&'d Shelf, &'d Resource)> {
    let all = desk.apps.iter().flat_map(|shelf| shelf.console.resources.iter().map(move |resource| (shelf, resource)));
    all.filter(|(_, resource)| resource.inbox.is_some() && caller.has(resource.view))
}

/// How much waits for a decision, up to [`BADGE`].
pub(super) async fn count(desk: &Arc<Desk>, caller: &Caller) -> Result<u64, Problem> {
    if kinds(desk, caller).next().is_none() {
        return Ok(0);
    }
    let (reading, caller) = (Arc::clone(desk), caller.clone());
    let read = desk.house.context.store.read(move |tx| {
        let mut count = 0;
        for (_, resource) in kinds(&reading, &caller) {
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
pub(super) async fn waiting(desk: &Arc<Desk>, visitor: &Visitor) -> Result<Vec<Waiting>, Problem> {
    let (reading, caller) = (Arc::clone(desk), visitor.caller.clone());
    let read = desk.house.context.store.read(move |tx| {
        let mut counts = Vec::new();
        for (_, resource) in kinds(&reading, &caller) {
            let Some(ask) = done::waiting(resource, COUNTED) else { continue };
            counts.push(resource.listing.count(tx, &ask, COUNTED)?);
        }
        Ok::<_, Problem>(counts)
    });
    let counts = read.await?;
    let waiting = std::iter::zip(kinds(desk, &visitor.caller), counts).map(|((shelf, resource), count)| {
        let (filter, value) = resource.inbox.unwrap_or_default();
        Waiting {
            title: resource.title,
            href: format!("/admin/{}/{}/?{filter}={value}&sort={}", shelf.name, resource.name, list::OLDEST),
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
    oldest: Option<Moment>,
    /// The same in its list, with search and pages.
    href: String,
    table: Table,
}

/// What a kind comes to, its rows, and the actions that fit the first of them, and so all: they wait for the same.
type Read = (Whole, Vec<(Uuid, Vec<Cell>)>, Option<Vec<&'static str>>);

pub(super) async fn page(State(desk): State<Arc<Desk>>, visitor: Visitor) -> Result<Response, Refusal> {
    let (reading, caller) = (Arc::clone(&desk), visitor.caller.clone());
    let read = desk.house.context.store.read(move |tx| {
        let (mut all, mut names) = (Vec::new(), Names::default());
        for (_, resource) in kinds(&reading, &caller) {
            let Some(ask) = done::waiting(resource, SHOWN) else { continue };
            let mut listed = resource.listing.page(tx, &ask)?;
            names.row(tx, listed.rows.iter_mut().flat_map(|(_, cells)| cells))?;
            let first = match listed.rows.first() {
                Some((id, _)) => (resource.detail)(tx, *id)?,
                None => None,
            };
            let fit = first.and_then(|first| first.fit);
            let read: Read = (resource.listing.whole(tx, &ask, COUNTED)?, listed.rows, fit);
            all.push(read);
        }
        Ok::<_, Problem>(all)
    });
    let all = read.await?;
    let sections = std::iter::zip(kinds(&desk, &visitor.caller), all).filter(|(_, (whole, ..))| whole.count > 0);
    let sections = sections.map(|((shelf, resource), read)| section(&desk, &visitor, shelf, resource, read));
    let page = InboxPage { sections: sections.collect(), shell: frame::shell(&desk, &visitor, "Approvals") };
    Ok(pages::page(StatusCode::OK, &page))
}

fn section(desk: &Desk, visitor: &Visitor, shelf: &Shelf, resource: &Resource, read: Read) -> Section {
    let (whole, rows, fit) = read;
    let face = Clockface { now: visitor.now, zone: &desk.house.context.zone };
    let base = format!("/admin/{}/{}/", shelf.name, resource.name);
    let (filter, value) = resource.inbox.unwrap_or_default();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let origin = Origin { list: vec![pair(filter, value), pair("sort", list::OLDEST)], inbox: true };
    let href = format!("{base}?{}", origin.query());
    let at_least = if whole.count >= u64::from(COUNTED) { "at least " } else { "" };
    let every = match whole.count {
        count if count > u64::from(MOST) => format!("The first {} in this section", grouped(&MOST.to_string())),
        count => format!("Everything in this section ({})", grouped(&count.to_string())),
    };
    let mut table = Table { every: Some(every), ..Table::new((resource, &base), visitor, &face, rows, origin) };
    table.chosen.retain(|(name, _)| fit.as_ref().is_none_or(|fit| fit.contains(name)));
    Section {
        count: counted(whole.count),
        total: whole.total.map(|total| format!("{at_least}{}", total.for_people())),
        oldest: whole.oldest.map(|oldest| face.moment(oldest)),
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
