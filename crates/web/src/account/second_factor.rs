//! Turning the second factor on and off, and its recovery codes.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use purser_identity::{
    Error as IdentityError, RECOVERY_CODES, RevocationCause, SecondFactor, SecretHash, TotpSeed, credentials_changed,
    recovery_codes, recovery_codes_set, recovery_hash, second_factor_begin, second_factor_confirm, second_factor_get,
    second_factor_remove, totp_purpose,
};
use purser_kit::Problem;
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use serde_json::json;

use super::SignedInUser;
use super::mail::{self, mail};
use super::reauth::{ReauthResult, WRONG_CODE, WRONG_PASSWORD, limited, prove};
use super::verify::time_text;
use crate::pages::{self, Shell};
use crate::sign_in::{Destination, local_path, note};
use crate::site::SiteState;

/// What the page shows.
enum Stage {
    Begun { picture: Picture, typed: String, next: String },
    On { left: u32 },
    Codes { codes: Vec<String>, next: String },
}

/// A QR code as one path of unit squares, in a frame of four.
struct Picture {
    size: i32,
    path: String,
}

impl Picture {
    fn of(text: &str) -> Result<Self, Problem> {
        const FRAME: i32 = 4;
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(Problem::internal)?;
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = dark.filter(|&(x, y)| code.get_module(x, y));
        let path = dark.map(|(x, y)| format!("M{},{}h1v1h-1z", x + FRAME, y + FRAME)).collect();
        Ok(Picture { size: code.size() + 2 * FRAME, path })
    }
}

#[derive(Template)]
#[template(path = "account/second_factor.html")]
struct FactorPage {
    shell: Shell,
    error: Option<String>,
    stage: Stage,
}

fn render(person: &SignedInUser, status: StatusCode, stage: Stage, error: Option<String>) -> Response {
    pages::page(status, &FactorPage { shell: person.shell("Second factor"), error, stage })
}

/// Codes from an app are only as good as the seed that nobody else saw: each visit before the first code has a new one.
pub(super) async fn page(
    State(site): State<Arc<SiteState>>,
    Query(destination): Query<Destination>,
    person: SignedInUser,
) -> Result<Response, Problem> {
    let next = destination.next.as_deref().map_or("/accounts/", |next| local_path(Some(next))).to_owned();
    if let Some(factor) = factor(&site, &person).await?
        && factor.confirmed_at.is_some()
    {
        return Ok(render(&person, StatusCode::OK, Stage::On { left: factor.recovery_left }, None));
    }
    let (mut random, mut nonce) = ([0; 20], [0; 24]);
    (site.options.random)(&mut random);
    (site.options.random)(&mut nonce);
    let seed = TotpSeed::new(&random).map_err(Problem::internal)?;
    let (id, now) = (person.session.user.id, person.now);
    let sealed = site.context.sealer.seal(nonce, &totp_purpose(id), seed.bytes()).map_err(Problem::internal)?;
    let begun = site.context.store.write(move |tx| second_factor_begin(tx, now, id, &sealed)).await;
    match begun {
        Ok(()) => Ok(render(&person, StatusCode::OK, begun_with(&site, &person, &seed, next)?, None)),
        Err(IdentityError::SecondFactorOn) => Ok(Redirect::to("/accounts/second-factor/").into_response()),
        Err(error) => Err(Problem::from(error)),
    }
}

fn begun_with(site: &SiteState, person: &SignedInUser, seed: &TotpSeed, next: String) -> Result<Stage, Problem> {
    let base = &site.options.base_url;
    let issuer = base.split("://").nth(1).filter(|host| !host.is_empty()).map(|host| format!("Purser {host}"));
    let issuer = issuer.unwrap_or_else(|| "Purser".to_owned()).replace(':', " ");
    let picture = Picture::of(&seed.link(&issuer, person.session.user.username.as_str()))?;
    Ok(Stage::Begun { picture, typed: seed.typed(), next })
}

async fn factor(site: &SiteState, person: &SignedInUser) -> Result<Option<SecondFactor>, Problem> {
    let id = person.session.user.id;
    site.context.store.read(move |tx| second_factor_get(tx, id)).await.map_err(Problem::from)
}

/// The first code from the app, and the password: whoever finds a browser signed in does not lock its owner out.
#[derive(Deserialize)]
pub(super) struct FirstCodeForm {
    code: String,
    #[serde(default)]
    password: String,
    next: Option<String>,
}

pub(super) async fn confirm(
    State(site): State<Arc<SiteState>>,
    person: SignedInUser,
    Form(form): Form<FirstCodeForm>,
) -> Result<Response, Problem> {
    let next = form.next.as_deref().map_or("/accounts/", |next| local_path(Some(next))).to_owned();
    let factor = factor(&site, &person).await?.filter(|factor| factor.confirmed_at.is_none());
    let Some(factor) = factor else { return Ok(Redirect::to("/accounts/second-factor/").into_response()) };
    let id = person.session.user.id;
    let seed = site.context.sealer.open(&totp_purpose(id), &factor.sealed).map_err(Problem::internal)?;
    let seed = TotpSeed::of(&seed).map_err(Problem::internal)?;
    let Some(step) = seed.step_of(&form.code, person.now) else {
        let stage = begun_with(&site, &person, &seed, next)?;
        let text = "The code is wrong. Is the phone's clock right? Wait for the next code and try again.";
        return Ok(render(&person, StatusCode::BAD_REQUEST, stage, Some(text.to_owned())));
    };
    if let Some((status, error, seconds)) = unproved(&site, &person, &form.password, "").await? {
        let mut response = render(&person, status, begun_with(&site, &person, &seed, next)?, Some(error));
        wait(&mut response, seconds);
        return Ok(response);
    }
    let (codes, hashes) = recovery_codes_make(&site);
    let turned = FactorChange::on(&site, &person);
    let confirmed = site.context.store.write(move |tx| {
        second_factor_confirm(tx, turned.now, id, &factor.sealed, step, &hashes)?;
        turned.notify(tx)
    });
    confirmed.await?;
    site.context.outbox.wake();
    Ok(render(&person, StatusCode::OK, Stage::Codes { codes, next }, None))
}

/// Recovery codes, and what is kept of them.
fn recovery_codes_make(site: &SiteState) -> (Vec<String>, Vec<SecretHash>) {
    let mut random = [0; RECOVERY_CODES * 10];
    (site.options.random)(&mut random);
    let codes = recovery_codes(&random);
    let hashes = codes.iter().map(|code| recovery_hash(code)).collect();
    (codes, hashes)
}

/// A change of the second factor, which ends every other session, to be put on record and told.
struct FactorChange {
    now: jiff::Timestamp,
    event: uuid::Uuid,
    notice: uuid::Uuid,
    here: SecretHash,
    user: purser_identity::User,
    actor: String,
    origin: purser_identity::RequestOrigin,
    language: purser_outbox::Language,
    when: String,
    on: bool,
}

impl FactorChange {
    fn on(site: &SiteState, person: &SignedInUser) -> Self {
        let (now, event) = site.context.stamp();
        FactorChange {
            now,
            event,
            notice: site.context.ids.next(now),
            here: person.session.hash,
            user: person.session.user.clone(),
            actor: person.actor(),
            origin: person.origin.clone(),
            language: person.language,
            when: time_text(site, now),
            on: true,
        }
    }

    fn notify(&self, tx: &mut purser_store::WriteTx<'_>) -> Result<(), Problem> {
        let (action, state) = if self.on { ("second_factor.on", "on") } else { ("second_factor.off", "off") };
        credentials_changed(tx, self.now, &self.user, RevocationCause::SecondFactor(self.here))?;
        note(tx, self.now, self.event, &self.actor, action, &self.origin)?;
        let values = json!({
            "username": self.user.username.as_str(), "when": &self.when, "address": &self.origin.address, "state": state,
        });
        let to = &self.user.email;
        mail(tx, self.now, self.notice, &mail::SECOND_FACTOR_CHANGED, to, self.language, values)
    }
}

/// What proves that it is the owner who changes it.
#[derive(Deserialize)]
pub(super) struct OwnerCheckForm {
    password: String,
    code: String,
}

/// Lets only a proof pass; anything else is the page again, with what is wrong.
async fn owner_check(
    site: &SiteState,
    person: &SignedInUser,
    form: &OwnerCheckForm,
) -> Result<Option<Response>, Problem> {
    let Some((status, error, seconds)) = unproved(site, person, &form.password, &form.code).await? else {
        return Ok(None);
    };
    let left = factor(site, person).await?.map_or(0, |factor| factor.recovery_left);
    let mut response = render(person, status, Stage::On { left }, Some(error));
    wait(&mut response, seconds);
    Ok(Some(response))
}

/// What is wrong with a proof, and for how many seconds no other is looked at; nothing, where it is one.
async fn unproved(
    site: &SiteState,
    person: &SignedInUser,
    password: &str,
    code: &str,
) -> Result<Option<(StatusCode, String, Option<u32>)>, Problem> {
    let (session, address) = (&person.session, Some(person.origin.address.clone()));
    let wrong = match prove(site, &session.user, session.hash, address, (password, code)).await? {
        ReauthResult::Given => return Ok(None),
        ReauthResult::WrongPassword => WRONG_PASSWORD,
        ReauthResult::WrongCode => WRONG_CODE,
        ReauthResult::Limited(seconds) => {
            return Ok(Some((StatusCode::TOO_MANY_REQUESTS, limited(seconds), Some(seconds))));
        }
    };
    Ok(Some((StatusCode::BAD_REQUEST, wrong.to_owned(), None)))
}

fn wait(response: &mut Response, seconds: Option<u32>) {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

pub(super) async fn new_codes(
    State(site): State<Arc<SiteState>>,
    person: SignedInUser,
    Form(form): Form<OwnerCheckForm>,
) -> Result<Response, Problem> {
    if let Some(refused) = owner_check(&site, &person, &form).await? {
        return Ok(refused);
    }
    let (codes, hashes) = recovery_codes_make(&site);
    let (id, actor, origin) = (person.session.user.id, person.actor(), person.origin.clone());
    let (now, event) = site.context.stamp();
    let made = site.context.store.write(move |tx| {
        recovery_codes_set(tx, id, &hashes)?;
        note(tx, now, event, &actor, "second_factor.codes", &origin)
    });
    made.await?;
    Ok(render(&person, StatusCode::OK, Stage::Codes { codes, next: "/accounts/second-factor/".to_owned() }, None))
}

pub(super) async fn off(
    State(site): State<Arc<SiteState>>,
    person: SignedInUser,
    Form(form): Form<OwnerCheckForm>,
) -> Result<Response, Problem> {
    if let Some(refused) = owner_check(&site, &person, &form).await? {
        return Ok(refused);
    }
    let turned = FactorChange { on: false, ..FactorChange::on(&site, &person) };
    let removed = site.context.store.write(move |tx| {
        match second_factor_remove(tx, turned.user.id) {
            Ok(()) => turned.notify(tx),
            // Somebody else was quicker: it is off.
            Err(IdentityError::NoSecondFactor) => Ok(()),
            Err(error) => Err(Problem::from(error)),
        }
    });
    removed.await?;
    site.context.outbox.wake();
    Ok(Redirect::to("/accounts/?told=second-factor-off").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_the_three_corners_of_a_qr_code() {
        let picture = Picture::of("otpauth://totp/Purser:asha?secret=GEZDGNBVGY3TQOJQ").unwrap();
        for (x, y) in [(4, 4), (picture.size - 11, 4), (4, picture.size - 11)] {
            assert!(picture.path.contains(&format!("M{x},{y}h")), "{x} {y}");
        }
    }
}
