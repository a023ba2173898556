//! Where one is signed in.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use purser_identity::{Error as IdentityError, SecretHash, session_revoke_of, sessions_of, sessions_revoke_others};
use purser_kit::Problem;
use serde::Deserialize;

use super::SignedInUser;
use super::verify::time_text;
use crate::pages::{self, Shell};
use crate::sign_in::note;
use crate::site::SiteState;

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct SessionsPage {
    shell: Shell,
    told: Option<&'static str>,
    sessions: Vec<SessionView>,
}

struct SessionView {
    hash: String,
    agent: String,
    address: String,
    created: String,
    seen: String,
    ends: String,
    is_here: bool,
}

/// What was just done.
#[derive(Deserialize)]
pub(super) struct SessionsNotice {
    ended: Option<String>,
}

pub(super) async fn list(
    State(site): State<Arc<SiteState>>,
    Query(told): Query<SessionsNotice>,
    person: SignedInUser,
) -> Result<Response, Problem> {
    let (now, id, here) = (person.now, person.session.user.id, person.session.hash);
    let sessions = site.context.store.read(move |tx| sessions_of(tx, now, id)).await?;
    let sessions = sessions.into_iter().map(|session| SessionView {
        hash: session.hash.hex(),
        agent: browser(&session.from.agent).to_owned(),
        address: session.from.address.clone(),
        created: time_text(&site, session.created_at),
        seen: time_text(&site, session.last_seen_at),
        ends: time_text(&site, session.expires_at),
        is_here: session.hash == here,
    });
    let page = SessionsPage {
        shell: person.shell("Where you are signed in"),
        told: told.ended.map(|_| "Signed out there."),
        sessions: sessions.collect(),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// What a browser is called by people.
fn browser(agent: &str) -> &str {
    let known =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    known.into_iter().find(|(mark, _)| agent.contains(mark)).map_or_else(
        || if agent.is_empty() { "Unknown program" } else { agent.split(['/', ' ']).next().unwrap_or(agent) },
        |(_, name)| name,
    )
}

/// Which session to end: its hash, or `others`.
#[derive(Deserialize)]
pub(super) struct SessionEndForm {
    session: String,
}

pub(super) async fn end(
    State(site): State<Arc<SiteState>>,
    person: SignedInUser,
    Form(form): Form<SessionEndForm>,
) -> Result<Response, Problem> {
    let (now, event) = site.context.stamp();
    let (id, here, actor, origin) =
        (person.session.user.id, person.session.hash, person.actor(), person.origin.clone());
    let ended = site.context.store.write(move |tx| {
        match SecretHash::from_hex(&form.session) {
            Some(hash) => session_revoke_of(tx, now, id, hash).map(drop)?,
            None => sessions_revoke_others(tx, now, id, here).map(drop)?,
        }
        note(tx, now, event, &actor, "session.revoke", &origin)?;
        Ok::<_, IdentityError>(())
    });
    ended.await?;
    Ok(Redirect::to("/accounts/sessions/?ended=1").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_by_its_name() {
        let state = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0";
        assert_eq!(browser(state), "Edge");
        assert_eq!(browser("curl/8.1"), "curl");
        assert_eq!(browser(""), "Unknown program");
    }
}
