//! The house's own pages, and what is answered where there is none.

use std::sync::Arc;

use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use purser_identity::{User, session_find, superuser_exists};
use purser_kit::{Code, Problem, code, session_presented};
use tower_http::csrf::ProtectionError;

use crate::assets::{LOGO_PATH, SCRIPT_PATH, STYLE_PATH};
use crate::console::NavGroup;
use crate::health::{self, HealthJson};
use crate::site::SiteState;

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
    pub(crate) groups: Vec<NavGroup>,
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
pub(crate) async fn home(State(site): State<Arc<SiteState>>, headers: HeaderMap) -> Result<Response, Problem> {
    let user = signed_in(&site, &headers).await?;
    let health = health::check(&site).await.for_strangers();
    let is_new = !site.context.store.read(|tx| superuser_exists(tx).map_err(Problem::internal)).await?;
    let home = Home {
        shell: Shell::new("Purser", user.as_ref()),
        version: site.options.version,
        engine: site.context.store.engine().name(),
        apps: &site.apps,
        health,
        is_new,
    };
    Ok(page(StatusCode::OK, &home))
}

/// Who has a session, if anybody.
pub(crate) async fn signed_in(site: &SiteState, headers: &HeaderMap) -> Result<Option<User>, Problem> {
    let Some(hash) = session_presented(site.context.https, headers) else { return Ok(None) };
    let now = site.context.now();
    let session = site.context.store.read(move |tx| session_find(tx, now, hash).map_err(Problem::internal)).await?;
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
fn problem_page(uri: &Uri, problem: Problem, heading: &str) -> Response {
    if uri.path().starts_with("/api/") {
        return problem.into_response();
    }
    let status = StatusCode::from_u16(problem.code().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    message(status, heading, problem.detail())
}

/// A refusal that a framework worded is told in our words: its own name types and modules of this program, and are no page.
pub(crate) fn in_our_words(uri: &Uri, response: Response) -> Response {
    let status = response.status();
    let is_ours = response.extensions().get::<&'static Code>().is_some();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_plain = kind.is_none_or(|kind| kind.starts_with(b"text/plain"));
    if is_ours || !is_plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => (&code::NOT_FOUND, "There is nothing at this address."),
        StatusCode::METHOD_NOT_ALLOWED => (&code::METHOD_NOT_ALLOWED, "This address does not take this method."),
        StatusCode::REQUEST_TIMEOUT => (&code::REQUEST_TIMEOUT, "The request took too long to arrive."),
        StatusCode::PAYLOAD_TOO_LARGE => (&code::BODY_TOO_LARGE, "What was sent is too large."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (&code::UNSUPPORTED_MEDIA_TYPE, "What was sent is not of the kind that this address takes.")
        }
        status if status.is_client_error() => (&code::MALFORMED_REQUEST, "The request cannot be read."),
        _ => (&code::INTERNAL, "Something went wrong on our side; nothing was changed."),
    };
    let mut told = problem_page(uri, Problem::new(code, detail), code.title);
    // Which methods there are, and how long to wait, holds as it was said.
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            told.headers_mut().insert(name, value.clone());
        }
    }
    told
}

pub(crate) async fn not_found(OriginalUri(uri): OriginalUri) -> Response {
    problem_page(&uri, Problem::new(&code::NOT_FOUND, "There is nothing at this address."), "Nothing here")
}

pub(crate) async fn method_not_allowed(OriginalUri(uri): OriginalUri) -> Response {
    let detail = "This address does not take this method; the Allow header lists those that it takes.";
    problem_page(&uri, Problem::new(&code::METHOD_NOT_ALLOWED, detail), "That does not work here")
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
