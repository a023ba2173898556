//! The second step of signing in: the code.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Extension, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use purser_identity::{
    Actor, CODE_FAILED_BY_DEVICE, CODE_FAILED_BY_PERSON, Error as IdentityError, RateDecision, Session,
    device_is_known, device_remember, rate_forgive, rates_hit, second_factor_get, session_create, session_find_pending,
    session_revoke,
};
use purser_kit::{ClientAddress, Problem, session_presented};
use serde::Deserialize;

use super::form::{FormFieldView, FormPage};
use super::reauth::{SecondFactorCode, WRONG_CODE};
use crate::cookies::{browser_presented, new_browser};
use crate::pages::Shell;
use crate::sign_in::{Destination, landing, local_path, new_token, note, origin, with_session};
use crate::site::SiteState;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct CodeForm {
    code: String,
    next: Option<String>,
}

fn page(next: &str, error: Option<String>) -> FormPage {
    let intro = "Enter the six digits that your authenticator app shows now, or one of your recovery codes.";
    FormPage::new(Shell::new("One more step", None), intro, "/accounts/login/code/", "Sign in")
        .fields([
            FormFieldView::hidden("next", next),
            FormFieldView::new("code", "Code", "text", "one-time-code").wrong(error),
        ])
        .link("/accounts/login/", "Begin again")
}

/// The half of a sign-in that is done.
async fn pending(site: &SiteState, headers: &HeaderMap) -> Result<Option<Session>, Problem> {
    let Some(hash) = session_presented(site.context.https, headers) else { return Ok(None) };
    let now = site.context.now();
    site.context.store.read(move |tx| session_find_pending(tx, now, hash)).await.map_err(Problem::from)
}

pub(super) async fn form(
    State(site): State<Arc<SiteState>>,
    Query(destination): Query<Destination>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if pending(&site, &headers).await?.is_none() {
        return Ok(Redirect::to("/accounts/login/").into_response());
    }
    Ok(page(local_path(destination.next.as_deref()), None).render())
}

pub(super) async fn submit(
    State(site): State<Arc<SiteState>>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Result<Response, Problem> {
    let Some(half) = pending(&site, &headers).await? else {
        return Ok(Redirect::to("/accounts/login/").into_response());
    };
    let next = local_path(form.next.as_deref());
    let (now, event) = site.context.stamp();
    let person = half.user.id;
    let factor = site.context.store.read(move |tx| second_factor_get(tx, person)).await?;
    let Some(factor) = factor else { return Ok(Redirect::to("/accounts/login/").into_response()) };
    let token = SecondFactorCode::read(&site, person, &factor, &form.code, now)?;
    let (session, origin, rules) = (new_token(&site), origin(address, &headers), site.options.session_rules);
    let (fresh, known, former) = (session.hash(), new_browser(&site), browser_presented(&site, &headers));
    let browser = known.hash();
    let landing = landing(next, &half.user);
    let entered = site.context.store.write(move |tx| {
        // Whoever has the password and tries codes does not keep the owner out of a browser that is known.
        let (limit, key) = match former {
            Some(former) if device_is_known(tx, now, person, former)? => {
                (CODE_FAILED_BY_DEVICE, format!("{person}:{}", former.hex()))
            }
            _ => (CODE_FAILED_BY_PERSON, person.to_string()),
        };
        if let RateDecision::Limited { retry_after_seconds } = rates_hit(tx, now, &[(limit, &key)])? {
            return Ok(Err(Some(retry_after_seconds)));
        }
        // The half may have been used or ended meanwhile, and the person's access changed.
        let Some(half) = session_find_pending(tx, now, half.hash)? else { return Ok(Err(None)) };
        let actor = Actor::User(person).to_string();
        if !token.spend(tx, now, person)? {
            note(tx, now, event, &actor, "session.code_refused", &origin)?;
            return Ok(Err(None));
        }
        rate_forgive(tx, limit.bucket, &key)?;
        session_revoke(tx, now, half.hash)?;
        session_create(tx, now, fresh, &half.user, &origin, &rules)?;
        device_remember(tx, now, person, browser, former)?;
        note(tx, now, event, &actor, "session.begin", &origin)?;
        Ok::<_, IdentityError>(Ok(()))
    });
    match entered.await? {
        Ok(()) => Ok(with_session(&site, landing, &session, Some(&known))),
        Err(Some(seconds)) => Ok(page(next, None).limited(seconds)),
        Err(None) => Ok(page(next, Some(WRONG_CODE.to_owned())).render()),
    }
}
