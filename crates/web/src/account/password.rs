//! Changing one's password.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use purser_identity::{
    PASSWORD_BY_PERSON, RateLimit, RateVerdict, SecretHash, device_remember, password_change, rate_hit, session_create,
};
use purser_kit::Problem;
use serde::Deserialize;

use super::Person;
use super::form::{FormField, FormPage, new_password, password_wrong};
use super::mail::{self, mail};
use super::proof::WRONG_PASSWORD;
use super::verify::told_time;
use crate::cookies::new_browser;
use crate::setup::hashed;
use crate::sign_in::{new_token, note, verify, with_session};
use crate::site::House;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Change {
    current: String,
    password: String,
    again: String,
}

fn page(person: &Person, current: Option<String>, wrong: (Option<String>, Option<String>)) -> FormPage {
    let intro = "You are signed out everywhere else.";
    FormPage::new(person.shell("Change your password"), intro, "/accounts/password/", "Change the password")
        .fields([FormField::new("current", "Password so far", "password", "current-password").wrong(current)])
        .fields(new_password(wrong))
        .link("/accounts/", "Back to your account")
}

pub(super) async fn form(person: Person) -> Response {
    page(&person, None, (None, None)).shown()
}

pub(super) async fn submit(
    State(house): State<Arc<House>>,
    person: Person,
    Form(form): Form<Change>,
) -> Result<Response, Problem> {
    let (now, id) = (person.now, person.session.user.id);
    let begun = house.context.store.write(move |tx| {
        let RateLimit { bucket, limit, window } = PASSWORD_BY_PERSON;
        let verdict = rate_hit(tx, now, bucket, &id.to_string(), limit, window)?;
        Ok::<_, purser_identity::Error>((verdict, purser_identity::user_with_password(tx, id)?.1))
    });
    let (verdict, hash) = begun.await?;
    if let RateVerdict::Limited { retry_after_seconds } = verdict {
        return Ok(page(&person, None, (None, None)).limited(retry_after_seconds));
    }
    let user = &person.session.user;
    let own = [user.username.as_str(), user.email.as_str(), &user.first_name, &user.last_name];
    let wrong = password_wrong(&form.password, &form.again, &own);
    if !verify(&house, form.current.clone(), hash).await? {
        return Ok(page(&person, Some(WRONG_PASSWORD.to_owned()), wrong).shown());
    }
    if wrong != (None, None) {
        return Ok(page(&person, None, wrong).shown());
    }
    let password = hashed(&house, form.password.clone()).await?;
    let session = new_token(&house);
    let (fresh, known): (SecretHash, _) = (session.hash(), new_browser(&house));
    let (browser, former) = (known.hash(), person.browser);
    let (now, event) = house.context.stamp();
    let (notice, when) = (house.context.ids.next(now), told_time(&house, now));
    let (user, actor, origin) = (user.clone(), person.actor(), person.origin.clone());
    let (language, rules) = (person.language, house.options.session_rules);
    let changed = house.context.store.write(move |tx| {
        password_change(tx, now, user.id, &password)?;
        session_create(tx, now, fresh, &user, &origin, &rules)?;
        device_remember(tx, now, user.id, browser, former)?;
        note(tx, now, event, &actor, "password.change", &origin)?;
        let values = mail::password_changed(tx, now, &user, &when, &origin.address)?;
        mail(tx, now, notice, &mail::PASSWORD_CHANGED, &user.email, language, values)
    });
    changed.await?;
    house.context.outbox.wake();
    Ok(with_session(&house, "/accounts/?told=password", &session, Some(&known)))
}
