//! Who looks at the console.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect};
use jiff::Timestamp;
use purser_identity::{Session, session_find};
use purser_kit::console::{Doer, Via};
use purser_kit::{Caller, Problem, code, session_presented};

use uuid::Uuid;

use super::{Desk, Refusal, inbox};
use crate::pages;

/// A signed-in member of staff.
pub(crate) struct Visitor {
    pub(crate) caller: Caller,
    pub(crate) session: Session,
    pub(crate) now: Timestamp,
    pub(crate) path: String,
    /// What waits for a decision that this visitor may see, up to [`inbox::BADGE`]; of others than staff, nothing.
    pub(crate) waiting: u64,
}

impl Visitor {
    /// Lets the visitor pass where they have the scope.
    pub(crate) fn needs(&self, scope: &str) -> Result<(), Refusal> {
        if self.caller.has(scope) {
            return Ok(());
        }
        let text =
            format!("This needs the permission {scope}, which you do not have. An administrator can give it to you.");
        Err(Refusal::page(pages::message(StatusCode::FORBIDDEN, "Not for you", &text)))
    }

    /// The same as whoever looks at what they might do: it needs no ids.
    pub(super) fn looker(&self) -> Doer {
        self.caller.doer_at(self.now, Uuid::nil()).via(Via::Console)
    }

    /// Who it is, for the journal and the audit log.
    pub(crate) fn actor(&self) -> String {
        self.caller.actor().to_string()
    }
}

impl FromRequestParts<Arc<Desk>> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Refusal> {
        let mut visitor = Visitor::anybody(parts, desk).await?;
        if !visitor.session.user.is_staff {
            let text = "The console is for staff. You are signed in, but not as one of them.";
            let status = StatusCode::from_u16(code::FORBIDDEN.status).unwrap_or(StatusCode::FORBIDDEN);
            return Err(Refusal::page(pages::message(status, "Not for you", text)));
        }
        visitor.waiting = inbox::count(desk, &visitor.caller).await?;
        Ok(visitor)
    }
}

impl Visitor {
    /// Whoever is signed in, staff or not; others are led to the sign-in page and back.
    pub(crate) async fn anybody(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Refusal> {
        let uri = OriginalUri::from_request_parts(parts, desk).await.map_or_else(|_| parts.uri.clone(), |uri| uri.0);
        let path = uri.path_and_query().map_or("/admin/", |path| path.as_str()).to_owned();
        let now = desk.house.context.now();
        let session = match session_presented(desk.house.context.https, &parts.headers) {
            Some(hash) => {
                let found =
                    desk.house.context.store.read(move |tx| session_find(tx, now, hash).map_err(Problem::internal));
                found.await?
            }
            None => None,
        };
        let Some(session) = session else {
            let sign_in = format!("/accounts/login/?next={}", escaped(&path));
            return Err(Refusal::page(Redirect::to(&sign_in).into_response()));
        };
        let caller = Caller::person(&desk.house.context.rights, &session);
        let caller = caller.at(parts.extensions.get().copied());
        Ok(Visitor { caller, session, now, path, waiting: 0 })
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
