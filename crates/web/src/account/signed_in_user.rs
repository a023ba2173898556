//! Whoever is signed in, staff or not.

use std::sync::Arc;

use axum::extract::{Extension, FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use purser_identity::{Actor, RequestOrigin, SecretHash, Session, session_find};
use purser_kit::{ClientAddress, Problem, session_presented};
use purser_outbox::Language;

use super::mail;
use crate::console::escaped;
use crate::cookies::browser_presented;
use crate::pages::Shell;
use crate::sign_in::origin;
use crate::site::SiteState;

/// Whoever is signed in, and from where. Others are led to the sign-in page and back.
pub(crate) struct SignedInUser {
    pub(crate) session: Session,
    pub(crate) origin: RequestOrigin,
    /// The browser, where it shows that it is a known one.
    pub(crate) browser: Option<SecretHash>,
    pub(crate) language: Language,
    pub(crate) now: Timestamp,
}

impl SignedInUser {
    pub(crate) fn actor(&self) -> String {
        Actor::User(self.session.user.id).to_string()
    }

    pub(crate) fn shell(&self, title: &str) -> Shell {
        Shell::new(title, Some(&self.session.user))
    }
}

impl FromRequestParts<Arc<SiteState>> for SignedInUser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<SiteState>) -> Result<Self, Response> {
        let now = site.context.now();
        let session = match session_presented(site.context.https, &parts.headers) {
            Some(hash) => {
                let found = site.context.store.read(move |tx| session_find(tx, now, hash).map_err(Problem::from)).await;
                found.map_err(IntoResponse::into_response)?
            }
            None => None,
        };
        let Some(session) = session else {
            let uri =
                OriginalUri::from_request_parts(parts, site).await.map_or_else(|_| parts.uri.clone(), |uri| uri.0);
            // A form that was sent cannot be sent again by an address: back to the page that has it.
            let path = uri.path_and_query().map_or("/accounts/", |path| path.as_str());
            let next = if parts.method == axum::http::Method::GET { path } else { "/accounts/" };
            return Err(Redirect::to(&format!("/accounts/login/?next={}", escaped(next))).into_response());
        };
        let address = parts.extensions.get::<ClientAddress>().copied().map(Extension);
        let (origin, language) = (origin(address, &parts.headers), mail::language(&parts.headers));
        let browser = browser_presented(site, &parts.headers);
        Ok(SignedInUser { session, origin, browser, language, now })
    }
}
