//! The portal: what people do who act for one of an app's objects. Apps say what there is ([`Portal`]); here it becomes
//! pages, for whoever is signed in and acts for the object. For everybody else none of it is there.

mod action;
mod portal_user;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use purser_kit::Problem;
use purser_kit::console::Input;
use purser_kit::portal::{Portal, PortalContent, PortalContext, PortalPage};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::console::field::FieldView;
use crate::console::object::{TableView, table_view};
use crate::console::view::{CellView, TimeFormat};
use crate::console::{AppSection, ConsoleState, ErrorPage, NavGroup, NavLink, export, upload};
use crate::pages::{self, Shell};
use portal_user::PortalUser;

/// The portal's pages, each with and without its last slash.
pub(crate) fn routes(console: &Arc<ConsoleState>) -> Router {
    let paths = [
        ("/portal/", get(begin)),
        ("/portal/{app}/{object}/", get(home)),
        ("/portal/{app}/{object}/do/{deed}/", get(action::form).post(action::submit)),
        ("/portal/{app}/{object}/{page}/", get(page)),
    ];
    let mut router = Router::new();
    for (path, methods) in paths {
        router = router.route(path.trim_end_matches('/'), methods.clone()).route(path, methods);
    }
    router.route("/portal/{app}/{object}/{page}/file.csv", get(csv)).with_state(Arc::clone(console))
}

/// An app's portal.
fn portal<'d>(console: &'d ConsoleState, app: &str) -> Result<(&'d AppSection, &'d Portal), Problem> {
    let section = console.section(app)?;
    let portal = section.console.portal.as_ref();
    portal.map(|portal| (section, portal)).ok_or_else(|| Problem::not_found("page"))
}

fn page_of<'p>(portal: &'p Portal, name: &str) -> Result<&'p PortalPage, Problem> {
    portal.pages.iter().find(|page| page.name == name).ok_or_else(|| Problem::not_found("page"))
}

/// The object's name, where the person acts for it.
fn name_of(tx: &mut ReadTx<'_>, portal: &Portal, portal_cx: &PortalContext) -> Result<Option<String>, Problem> {
    let mine = (portal.mine)(tx, portal_cx.user)?;
    Ok(mine.into_iter().find(|(id, _)| *id == portal_cx.object).map(|(_, name)| name))
}

#[derive(Template)]
#[template(path = "portal/begin.html")]
struct BeginPage {
    shell: Shell,
    /// Address, name, and what can be done there.
    mine: Vec<(String, String, &'static str)>,
}

/// What the person acts for; where it is one thing, that.
async fn begin(State(console): State<Arc<ConsoleState>>, portal_user: PortalUser) -> Result<Response, ErrorPage> {
    let (reading, user) = (Arc::clone(&console), portal_user.session.user.id);
    let mine = console.site.context.store.read(move |tx| {
        let mut mine = Vec::new();
        for section in &reading.apps {
            let Some(portal) = &section.console.portal else { continue };
            let found = (portal.mine)(tx, user)?;
            mine.extend(
                found.into_iter().map(|(id, name)| (format!("/portal/{}/{id}/", section.name), name, portal.title)),
            );
        }
        Ok::<_, Problem>(mine)
    });
    let mine = mine.await?;
    if let [(only, ..)] = mine.as_slice() {
        return Ok(Redirect::to(only).into_response());
    }
    Ok(pages::page(StatusCode::OK, &BeginPage { shell: Shell::new("Portal", Some(&portal_user.session.user)), mine }))
}

#[derive(Template)]
#[template(path = "portal/page.html")]
struct ContentPage {
    shell: Shell,
    name: String,
    title: String,
    error: Option<String>,
    /// Where the page's own form leads.
    action: String,
    narrow: Vec<FieldView>,
    /// Address, title, and whether it harms.
    actions: Vec<(String, &'static str, bool)>,
    facts: Vec<(&'static str, CellView)>,
    tables: Vec<TableView>,
    next: Option<String>,
    csv: Option<String>,
}

impl ContentPage {
    /// The input's type.
    fn kind(field: &FieldView) -> &'static str {
        if field.field.input == Input::Date { "date" } else { "search" }
    }
}

async fn home(
    State(console): State<Arc<ConsoleState>>,
    Path((app, object)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    portal_user: PortalUser,
) -> Result<Response, ErrorPage> {
    render(&console, &portal_user, &app, &object, "", query).await
}

async fn page(
    State(console): State<Arc<ConsoleState>>,
    Path((app, object, page)): Path<(String, String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    portal_user: PortalUser,
) -> Result<Response, ErrorPage> {
    render(&console, &portal_user, &app, &object, &page, query).await
}

/// Reads a page, where it is there for this person.
async fn read(
    console: &Arc<ConsoleState>,
    portal_cx: &PortalContext,
    app: &str,
    page: &str,
    query: Vec<(String, String)>,
) -> Result<(String, PortalContent), ErrorPage> {
    portal(console, app).and_then(|(_, portal)| page_of(portal, page)).map_err(|_| ErrorPage::nothing())?;
    let (reading, portal_cx, app, page) = (Arc::clone(console), portal_cx.clone(), app.to_owned(), page.to_owned());
    let found = console.site.context.store.read(move |tx| {
        let (_, portal) = portal(&reading, &app)?;
        let Some(name) = name_of(tx, portal, &portal_cx)? else { return Ok(None) };
        let content = (page_of(portal, &page)?.render)(tx, &portal_cx, &query)?;
        Ok::<_, Problem>(content.map(|content| (name, content)))
    });
    found.await?.ok_or_else(ErrorPage::nothing)
}

async fn render(
    console: &Arc<ConsoleState>,
    portal_user: &PortalUser,
    app: &str,
    object: &str,
    page: &str,
    query: Vec<(String, String)>,
) -> Result<Response, ErrorPage> {
    let portal_cx = portal_user.portal_context(app, object)?;
    let own = query.clone();
    let (name, found) = read(console, &portal_cx, app, page, query).await?;
    let (_, portal) = portal(console, app).map_err(|_| ErrorPage::nothing())?;
    let time_format = TimeFormat { now: portal_user.now, zone: &console.site.context.zone };
    let base = &portal_cx.base;
    let action = if page.is_empty() { base.clone() } else { format!("{base}{page}/") };
    let actions = found.actions.iter().filter_map(|(name, target)| {
        let portal_action = portal.actions.iter().find(|portal_action| portal_action.name == *name)?;
        let of = target.map_or_else(String::new, |target| format!("?id={target}"));
        Some((format!("{base}do/{name}/{of}"), portal_action.title, portal_action.harms))
    });
    let wanted: Vec<String> = own
        .iter()
        .map(|(name, value)| format!("{}={}", crate::console::escaped(name), crate::console::escaped(value)))
        .collect();
    let page = ContentPage {
        shell: shell(console, portal_user, app, &portal_cx, &found.content.title)?,
        actions: actions.collect(),
        csv: found.csv.then(|| format!("{action}file.csv?{}", wanted.join("&"))),
        next: found.next.map(|next| format!("{action}?{next}")),
        facts: found.content.facts.iter().map(|(name, cell)| (*name, time_format.cell(cell))).collect(),
        tables: found.content.tables.iter().map(|table| table_view(&time_format, table)).collect(),
        narrow: found.narrow.into_iter().map(|field| FieldView { field, errors: Vec::new() }).collect(),
        title: found.content.title,
        error: found.error,
        action,
        name,
    };
    let status = if page.error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(pages::page(status, &page))
}

/// The shell of a page, and the way to the others about the same object.
fn shell(
    console: &ConsoleState,
    portal_user: &PortalUser,
    app: &str,
    portal_cx: &PortalContext,
    title: &str,
) -> Result<Shell, Problem> {
    let (_, portal) = portal(console, app)?;
    let link = |page: &PortalPage| {
        let href =
            if page.name.is_empty() { portal_cx.base.clone() } else { format!("{}{}/", portal_cx.base, page.name) };
        let current = portal_user.path.split('?').next() == Some(href.as_str());
        NavLink { title: page.title, href, current, count: None }
    };
    let links = portal.pages.iter().filter(|page| page.listed).map(link).collect();
    let groups = vec![NavGroup { title: portal.title, links }];
    Ok(Shell { groups, ..Shell::new(title, Some(&portal_user.session.user)) })
}

async fn csv(
    State(console): State<Arc<ConsoleState>>,
    Path((app, object, page)): Path<(String, String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    portal_user: PortalUser,
) -> Result<Response, ErrorPage> {
    let portal_cx = portal_user.portal_context(&app, &object)?;
    let (_, found) = read(&console, &portal_cx, &app, &page, query).await?;
    if !found.csv {
        return Err(ErrorPage::nothing());
    }
    Ok(upload::file(&format!("{app}-{page}.csv"), export::table(&found.content)))
}

/// An object's id in an address.
fn object_id(text: &str) -> Result<Uuid, ErrorPage> {
    Uuid::try_parse(text).map_err(|_| ErrorPage::nothing())
}
