//! Who looks at the console.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect};
use jiff::Timestamp;
use purser_identity::{Session, session_find};
use purser_kit::console::{EntryPoint, RequestContext};
use purser_kit::{Principal, Problem, code, session_presented};

use uuid::Uuid;

use super::{ConsoleState, ErrorPage, inbox};
use crate::pages;

/// A signed-in member of staff.
pub(crate) struct StaffUser {
    pub(crate) principal: Principal,
    pub(crate) session: Session,
    pub(crate) now: Timestamp,
    pub(crate) path: String,
    /// What waits for a decision that this visitor may see, up to [`inbox::BADGE`]; of others than staff, nothing.
    pub(crate) waiting: u64,
}

impl StaffUser {
    /// Lets the visitor pass where they have the scope.
    pub(crate) fn require_scope(&self, scope: &str) -> Result<(), ErrorPage> {
        if self.principal.has(scope) {
            return Ok(());
        }
        let text =
            format!("This needs the permission {scope}, which you do not have. An administrator can give it to you.");
        Err(ErrorPage::page(pages::message(StatusCode::FORBIDDEN, "Not for you", &text)))
    }

    /// The same as whoever looks at what they might do: it needs no ids.
    pub(super) fn request_context(&self) -> RequestContext {
        self.principal.request_context_at(self.now, Uuid::nil()).from_entry_point(EntryPoint::Console)
    }

    /// Who it is, for the journal and the audit log.
    pub(crate) fn actor(&self) -> String {
        self.principal.actor().to_string()
    }
}

impl FromRequestParts<Arc<ConsoleState>> for StaffUser {
    type Rejection = ErrorPage;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<ConsoleState>) -> Result<Self, ErrorPage> {
        let mut staff = StaffUser::anybody(parts, console).await?;
        if !staff.session.user.is_staff {
            let text = "The console is for staff. You are signed in, but not as one of them.";
            let status = StatusCode::from_u16(code::FORBIDDEN.status).unwrap_or(StatusCode::FORBIDDEN);
            return Err(ErrorPage::page(pages::message(status, "Not for you", text)));
        }
        staff.waiting = inbox::count(console, &staff.principal).await?;
        Ok(staff)
    }
}

impl StaffUser {
    /// Whoever is signed in, staff or not; others are led to the sign-in page and back.
    pub(crate) async fn anybody(parts: &mut Parts, console: &Arc<ConsoleState>) -> Result<Self, ErrorPage> {
        let uri = OriginalUri::from_request_parts(parts, console).await.map_or_else(|_| parts.uri.clone(), |uri| uri.0);
        let path = uri.path_and_query().map_or("/admin/", |path| path.as_str()).to_owned();
        let now = console.site.context.now();
        let session = match session_presented(console.site.context.https, &parts.headers) {
            Some(hash) => {
                let found =
                    console.site.context.store.read(move |tx| session_find(tx, now, hash).map_err(Problem::internal));
                found.await?
            }
            None => None,
        };
        let Some(session) = session else {
            let sign_in = format!("/accounts/login/?next={}", escaped(&path));
            return Err(ErrorPage::page(Redirect::to(&sign_in).into_response()));
        };
        let principal = Principal::person(&console.site.context.rights, &session);
        let principal = principal.at(parts.extensions.get().copied());
        Ok(StaffUser { principal, session, now, path, waiting: 0 })
    }
}

/// A path and query as the value of a query's parameter.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                escaped.push(char::from(byte))
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
