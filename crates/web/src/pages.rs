//! The house's own pages, and what is answered where there is none.

use std::sync::Arc;

use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use purser_identity::{SecretHash, User, session_find, superuser_exists};
use purser_kit::{Problem, SESSION_COOKIE, code, cookie};
use tower_http::csrf::ProtectionError;

use crate::assets::{LOGO_PATH, SCRIPT_PATH, STYLE_PATH};
use crate::console::Group;
use crate::health::{self, HealthJson};
use crate::site::House;

/// What every page's shell shows.
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) style: &'static str,
    /// What only the console's pages load.
    pub(crate) script: &'static str,
    pub(crate) logo: &'static str,
    /// Who is signed in.
    pub(crate) username: Option<String>,
    /// Whether the console is for them.
    pub(crate) is_staff: bool,
    /// The way around the console, on its pages.
    pub(crate) groups: Vec<Group>,
}

impl Shell {
    pub(crate) fn new(title: impl Into<String>, user: Option<&User>) -> Self {
        let username = user.map(|user| user.username.to_string());
        let is_staff = user.is_some_and(|user| user.is_staff);
        Shell {
            title: title.into(),
            style: &STYLE_PATH,
            script: &SCRIPT_PATH,
            logo: &LOGO_PATH,
            username,
            is_staff,
            groups: Vec::new(),
        }
    }
}

/// A rendered page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => Problem::internal(error).into_response(),
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    shell: Shell,
    version: &'static str,
    engine: &'static str,
    apps: &'a [(&'static str, &'static str)],
    health: HealthJson,
    is_new: bool,
}

/// The first page: what is running, and where to go.
pub(crate) async fn home(State(house): State<Arc<House>>, headers: HeaderMap) -> Result<Response, Problem> {
    let user = signed_in(&house, &headers).await?;
    let health = health::look(&house).await.for_strangers();
    let is_new = !house.context.store.read(|tx| superuser_exists(tx).map_err(Problem::internal)).await?;
    let home = Home {
        shell: Shell::new("Purser", user.as_ref()),
        version: house.options.version,
        engine: house.context.store.engine().name(),
        apps: &house.apps,
        health,
        is_new,
    };
    Ok(page(StatusCode::OK, &home))
}

/// Who has a session, if anybody.
pub(crate) async fn signed_in(house: &House, headers: &HeaderMap) -> Result<Option<User>, Problem> {
    let Some(token) = cookie(headers, SESSION_COOKIE) else { return Ok(None) };
    let (hash, now) = (SecretHash::of(token), house.context.now());
    let session = house.context.store.read(move |tx| session_find(tx, now, hash).map_err(Problem::internal)).await?;
    Ok(session.map(|session| session.user))
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    shell: Shell,
    heading: &'a str,
    text: &'a str,
}

/// A page that says one thing.
pub(crate) fn message(status: StatusCode, heading: &str, text: &str) -> Response {
    page(status, &Message { shell: Shell::new(heading, None), heading, text })
}

/// Where there is no page.
pub(crate) fn nothing() -> Response {
    message(StatusCode::NOT_FOUND, "Nothing here", "There is nothing at this address.")
}

/// A page that tells a problem.
pub(crate) fn refused(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.code().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    message(status, problem.code().title, problem.detail())
}

/// Programs get a problem, people a page.
fn told(uri: &Uri, problem: Problem, heading: &str) -> Response {
    if uri.path().starts_with("/api/") {
        return problem.into_response();
    }
    let status = StatusCode::from_u16(problem.code().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    message(status, heading, problem.detail())
}

pub(crate) async fn not_found(OriginalUri(uri): OriginalUri) -> Response {
    told(&uri, Problem::new(&code::NOT_FOUND, "There is nothing at this address."), "Nothing here")
}

pub(crate) async fn method_not_allowed(OriginalUri(uri): OriginalUri) -> Response {
    let detail = "This address does not take this method; the Allow header lists those that it takes.";
    told(&uri, Problem::new(&code::METHOD_NOT_ALLOWED, detail), "That does not work here")
}

pub(crate) fn cross_site(_: ProtectionError) -> Response {
    let detail = "The request comes from a page of another site, and was refused.";
    Problem::new(&code::CROSS_SITE, detail).into_response()
}

pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Problem::internal(format!("a handler panicked: {}", text.unwrap_or_default())).into_response()
}
