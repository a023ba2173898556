//! The portal: what people do who act for one of an app's objects. Apps say what there is ([`Portal`]); here it becomes
//! pages, for whoever is signed in and acts for the object. For everybody else none of it is there.

mod deed;
mod visitor;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use purser_kit::Problem;
use purser_kit::console::Input;
use purser_kit::portal::{Portal, PortalPage, PortalSheet, Visit};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::console::field::FieldShown;
use crate::console::object::{TableShown, table_shown};
use crate::console::show::{Clockface, Shown};
use crate::console::{Desk, Group, NavLink, Refusal, Shelf, export, upload};
use crate::pages::{self, Shell};
use visitor::Guest;

/// The portal's pages, each with and without its last slash.
pub(crate) fn routes(desk: &Arc<Desk>) -> Router {
    let paths = [
        ("/portal/", get(begin)),
        ("/portal/{app}/{object}/", get(home)),
        ("/portal/{app}/{object}/do/{deed}/", get(deed::form).post(deed::submit)),
        ("/portal/{app}/{object}/{page}/", get(page)),
    ];
    let mut router = Router::new();
    for (path, methods) in paths {
        router = router.route(path.trim_end_matches('/'), methods.clone()).route(path, methods);
    }
    router.route("/portal/{app}/{object}/{page}/file.csv", get(csv)).with_state(Arc::clone(desk))
}

/// An app's portal.
fn portal<'d>(desk: &'d Desk, app: &str) -> Result<(&'d Shelf, &'d Portal), Problem> {
    let shelf = desk.shelf(app)?;
    let portal = shelf.console.portal.as_ref();
    portal.map(|portal| (shelf, portal)).ok_or_else(|| Problem::not_found("page"))
}

fn page_of<'p>(portal: &'p Portal, name: &str) -> Result<&'p PortalPage, Problem> {
    portal.pages.iter().find(|page| page.name == name).ok_or_else(|| Problem::not_found("page"))
}

/// The object's name, where the person acts for it.
fn name_of(tx: &mut ReadTx<'_>, portal: &Portal, visit: &Visit) -> Result<Option<String>, Problem> {
    let mine = (portal.mine)(tx, visit.user)?;
    Ok(mine.into_iter().find(|(id, _)| *id == visit.object).map(|(_, name)| name))
}

#[derive(Template)]
#[template(path = "portal/begin.html")]
struct BeginPage {
    shell: Shell,
    /// Address, name, and what can be done there.
    mine: Vec<(String, String, &'static str)>,
}

/// What the person acts for; where it is one thing, that.
async fn begin(State(desk): State<Arc<Desk>>, guest: Guest) -> Result<Response, Refusal> {
    let (reading, user) = (Arc::clone(&desk), guest.session.user.id);
    let mine = desk.house.context.store.read(move |tx| {
        let mut mine = Vec::new();
        for shelf in &reading.apps {
            let Some(portal) = &shelf.console.portal else { continue };
            let found = (portal.mine)(tx, user)?;
            mine.extend(
                found.into_iter().map(|(id, name)| (format!("/portal/{}/{id}/", shelf.name), name, portal.title)),
            );
        }
        Ok::<_, Problem>(mine)
    });
    let mine = mine.await?;
    if let [(only, ..)] = mine.as_slice() {
        return Ok(Redirect::to(only).into_response());
    }
    Ok(pages::page(StatusCode::OK, &BeginPage { shell: Shell::new("Portal", Some(&guest.session.user)), mine }))
}

#[derive(Template)]
#[template(path = "portal/page.html")]
struct SheetPage {
    shell: Shell,
    name: String,
    title: String,
    error: Option<String>,
    /// Where the page's own form leads.
    action: String,
    narrow: Vec<FieldShown>,
    /// Address, title, and whether it harms.
    deeds: Vec<(String, &'static str, bool)>,
    facts: Vec<(&'static str, Shown)>,
    tables: Vec<TableShown>,
    next: Option<String>,
    csv: Option<String>,
}

impl SheetPage {
    /// The input's type.
    fn kind(field: &FieldShown) -> &'static str {
        if field.field.input == Input::Date { "date" } else { "search" }
    }
}

async fn home(
    State(desk): State<Arc<Desk>>,
    Path((app, object)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    guest: Guest,
) -> Result<Response, Refusal> {
    shown(&desk, &guest, &app, &object, "", query).await
}

async fn page(
    State(desk): State<Arc<Desk>>,
    Path((app, object, page)): Path<(String, String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    guest: Guest,
) -> Result<Response, Refusal> {
    shown(&desk, &guest, &app, &object, &page, query).await
}

/// Reads a page, where it is there for this person.
async fn read(
    desk: &Arc<Desk>,
    visit: &Visit,
    app: &str,
    page: &str,
    query: Vec<(String, String)>,
) -> Result<(String, PortalSheet), Refusal> {
    portal(desk, app).and_then(|(_, portal)| page_of(portal, page)).map_err(|_| Refusal::nothing())?;
    let (reading, visit, app, page) = (Arc::clone(desk), visit.clone(), app.to_owned(), page.to_owned());
    let found = desk.house.context.store.read(move |tx| {
        let (_, portal) = portal(&reading, &app)?;
        let Some(name) = name_of(tx, portal, &visit)? else { return Ok(None) };
        let sheet = (page_of(portal, &page)?.draw)(tx, &visit, &query)?;
        Ok::<_, Problem>(sheet.map(|sheet| (name, sheet)))
    });
    found.await?.ok_or_else(Refusal::nothing)
}

async fn shown(
    desk: &Arc<Desk>,
    guest: &Guest,
    app: &str,
    object: &str,
    page: &str,
    query: Vec<(String, String)>,
) -> Result<Response, Refusal> {
    let visit = guest.visit(app, object)?;
    let own = query.clone();
    let (name, found) = read(desk, &visit, app, page, query).await?;
    let (_, portal) = portal(desk, app).map_err(|_| Refusal::nothing())?;
    let face = Clockface { now: guest.now, zone: &desk.house.context.zone };
    let base = &visit.base;
    let action = if page.is_empty() { base.clone() } else { format!("{base}{page}/") };
    let deeds = found.deeds.iter().filter_map(|(name, target)| {
        let deed = portal.deeds.iter().find(|deed| deed.name == *name)?;
        let of = target.map_or_else(String::new, |target| format!("?id={target}"));
        Some((format!("{base}do/{name}/{of}"), deed.title, deed.harms))
    });
    let wanted: Vec<String> = own
        .iter()
        .map(|(name, value)| format!("{}={}", crate::console::escaped(name), crate::console::escaped(value)))
        .collect();
    let page = SheetPage {
        shell: shell(desk, guest, app, &visit, &found.sheet.title)?,
        deeds: deeds.collect(),
        csv: found.csv.then(|| format!("{action}file.csv?{}", wanted.join("&"))),
        next: found.next.map(|next| format!("{action}?{next}")),
        facts: found.sheet.facts.iter().map(|(name, cell)| (*name, face.cell(cell))).collect(),
        tables: found.sheet.tables.iter().map(|table| table_shown(&face, table)).collect(),
        narrow: found.narrow.into_iter().map(|field| FieldShown { field, errors: Vec::new() }).collect(),
        title: found.sheet.title,
        error: found.error,
        action,
        name,
    };
    let status = if page.error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(pages::page(status, &page))
}

/// The shell of a page, and the way to the others about the same object.
fn shell(desk: &Desk, guest: &Guest, app: &str, visit: &Visit, title: &str) -> Result<Shell, Problem> {
    let (_, portal) = portal(desk, app)?;
    let link = |page: &PortalPage| {
        let href = if page.name.is_empty() { visit.base.clone() } else { format!("{}{}/", visit.base, page.name) };
        let current = guest.path.split('?').next() == Some(href.as_str());
        NavLink { title: page.title, href, current, count: None }
    };
    let links = portal.pages.iter().filter(|page| page.listed).map(link).collect();
    let groups = vec![Group { title: portal.title, links }];
    Ok(Shell { groups, ..Shell::new(title, Some(&guest.session.user)) })
}

async fn csv(
    State(desk): State<Arc<Desk>>,
    Path((app, object, page)): Path<(String, String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    guest: Guest,
) -> Result<Response, Refusal> {
    let visit = guest.visit(&app, &object)?;
    let (_, found) = read(&desk, &visit, &app, &page, query).await?;
    if !found.csv {
        return Err(Refusal::nothing());
    }
    Ok(upload::file(&format!("{app}-{page}.csv"), export::table(&found.sheet)))
}

/// An object's id in an address.
fn object_id(text: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(text).map_err(|_| Refusal::nothing())
}
