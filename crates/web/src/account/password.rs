//! Changing one's password.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use purser_identity::{
    PASSWORD_BY_PERSON, RateDecision, RateLimit, SecretHash, device_remember, password_change, rate_hit, session_create,
};
use purser_kit::Problem;
use serde::Deserialize;

use super::SignedInUser;
use super::form::{FormFieldView, FormPage, new_password, password_wrong};
use super::mail::{self, mail};
use super::reauth::WRONG_PASSWORD;
use super::verify::time_text;
use crate::cookies::new_browser;
use crate::setup::hashed;
use crate::sign_in::{new_token, note, verify, with_session};
use crate::site::SiteState;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct PasswordForm {
    current: String,
    password: String,
    again: String,
}

fn page(person: &SignedInUser, current: Option<String>, wrong: (Option<String>, Option<String>)) -> FormPage {
    let intro = "You are signed out everywhere else.";
    FormPage::new(person.shell("Change your password"), intro, "/accounts/password/", "Change the password")
        .fields([FormFieldView::new("current", "Password so far", "password", "current-password").wrong(current)])
        .fields(new_password(wrong))
        .link("/accounts/", "Back to your account")
}

pub(super) async fn form(person: SignedInUser) -> Response {
    page(&person, None, (None, None)).render()
}

pub(super) async fn submit(
    State(site): State<Arc<SiteState>>,
    person: SignedInUser,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Problem> {
    let (now, id) = (person.now, person.session.user.id);
    let begun = site.context.store.write(move |tx| {
        let RateLimit { bucket, limit, window } = PASSWORD_BY_PERSON;
        let decision = rate_hit(tx, now, bucket, &id.to_string(), limit, window)?;
        Ok::<_, purser_identity::Error>((decision, purser_identity::user_with_password(tx, id)?.1))
    });
    let (decision, hash) = begun.await?;
    if let RateDecision::Limited { retry_after_seconds } = decision {
        return Ok(page(&person, None, (None, None)).limited(retry_after_seconds));
    }
    let user = &person.session.user;
    let own = [user.username.as_str(), user.email.as_str(), &user.first_name, &user.last_name];
    let wrong = password_wrong(&form.password, &form.again, &own);
    if !verify(&site, form.current.clone(), hash).await? {
        return Ok(page(&person, Some(WRONG_PASSWORD.to_owned()), wrong).render());
    }
    if wrong != (None, None) {
        return Ok(page(&person, None, wrong).render());
    }
    let password = hashed(&site, form.password.clone()).await?;
    let session = new_token(&site);
    let (fresh, known): (SecretHash, _) = (session.hash(), new_browser(&site));
    let (browser, former) = (known.hash(), person.browser);
    let (now, event) = site.context.stamp();
    let (notice, when) = (site.context.ids.next(now), time_text(&site, now));
    let (user, actor, origin) = (user.clone(), person.actor(), person.origin.clone());
    let (language, rules) = (person.language, site.options.session_rules);
    let changed = site.context.store.write(move |tx| {
        password_change(tx, now, user.id, &password)?;
        session_create(tx, now, fresh, &user, &origin, &rules)?;
        device_remember(tx, now, user.id, browser, former)?;
        note(tx, now, event, &actor, "password.change", &origin)?;
        let values = mail::password_changed(tx, now, &user, &when, &origin.address)?;
        mail(tx, now, notice, &mail::PASSWORD_CHANGED, &user.email, language, values)
    });
    changed.await?;
    site.context.outbox.wake();
    Ok(with_session(&site, "/accounts/?told=password", &session, Some(&known)))
}
