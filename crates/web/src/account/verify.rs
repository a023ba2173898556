//! Confirming an address by the link that was mailed to it.
//!
//! Opening the link changes nothing: mail scanners open links too. The button does.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use purser_identity::{
    Actor, Error as IdentityError, LinkPurpose, Origin, SecretHash, Username, email_verify, link_find, link_redeem,
    sign_up_confirm, sign_up_find, user_get,
};
use purser_kit::{ClientAddress, Problem};
use purser_store::Tx;
use serde_json::json;
use uuid::Uuid;

use super::form::FormPage;
use super::mail::{self, mail};
use crate::pages::{Shell, message};
use crate::sign_in::{gone, note, origin};
use crate::site::House;

const OVER: &str =
    "This link was used, replaced or is older than three days. Sign in and have another one mailed, or sign up again.";

pub(super) async fn form(State(house): State<Arc<House>>, Path(token): Path<String>) -> Result<Response, Problem> {
    let (hash, now) = (SecretHash::of(&token), house.context.now());
    let found = house.context.store.read(move |tx| match sign_up_find(tx, now, hash)? {
        Some(wish) => Ok(Some((wish.email, Some(wish.username)))),
        None => Ok::<_, IdentityError>(link_find(tx, now, LinkPurpose::Email, hash)?.map(|(_, email)| (email, None))),
    });
    let Some((email, signed_up)) = found.await? else { return Ok(gone(OVER)) };
    let mut intro = format!("You read mail at {email}: one click, and the address is confirmed.");
    if let Some(username) = signed_up {
        // Whoever signed up chose the password, and would share the account with whoever confirms it for them.
        intro.push_str(&format!(" Do so only if it was you who signed up as {username}."));
    }
    let action = format!("/accounts/verify/{token}/");
    Ok(FormPage::new(Shell::new("Confirm your address", None), intro, action, "Confirm").shown())
}

pub(super) async fn submit(
    State(house): State<Arc<House>>,
    Path(token): Path<String>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (hash, (now, event), origin) = (SecretHash::of(&token), house.context.stamp(), origin(address, &headers));
    let (notice, person) = (house.context.ids.next(now), house.context.ids.next(now));
    let (language, when) = (mail::language(&headers), told_time(&house, now));
    let confirmed = house.context.store.write(move |tx| {
        if let Some(username) = signed_up(tx, now, hash, person, event, &origin)? {
            return Ok(Some(username));
        }
        let (person, email) = match link_redeem(tx, now, LinkPurpose::Email, hash) {
            Ok(found) => found,
            Err(IdentityError::LinkOver) => return Ok(None),
            Err(error) => return Err(Problem::from(error)),
        };
        let former = user_get(tx, person)?;
        match email_verify(tx, now, person, &email) {
            Ok(()) => {}
            // Somebody else confirmed the address meanwhile.
            Err(IdentityError::EmailTaken(_)) => return Ok(None),
            Err(error) => return Err(Problem::from(error)),
        }
        note(tx, now, event, &Actor::User(person).to_string(), "email.confirm", &origin)?;
        if former.email != email {
            let values = json!({ "username": former.username.as_str(), "when": &when, "email": email.as_str() });
            mail(tx, now, notice, &mail::EMAIL_CHANGED, &former.email, language, values)?;
        }
        Ok::<_, Problem>(Some(former.username))
    });
    let Some(username) = confirmed.await? else { return Ok(gone(OVER)) };
    house.context.keys.forget();
    house.context.outbox.wake();
    let text = format!("Thank you. You can sign in by it or by your username, which is {username}.");
    Ok(message(StatusCode::OK, "Your address is confirmed", &text))
}

/// Makes the person known who signed up and has opened the link; where it is no such link, or nobody comes of it, nothing.
fn signed_up(
    tx: &mut Tx<'_>,
    now: jiff::Timestamp,
    hash: SecretHash,
    id: Uuid,
    event: Uuid,
    origin: &Origin,
) -> Result<Option<Username>, Problem> {
    match sign_up_confirm(tx, now, hash, id) {
        Ok(username) => {
            note(tx, now, event, &Actor::User(id).to_string(), "user.sign_up", origin)?;
            Ok(Some(username))
        }
        Err(IdentityError::LinkOver) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A moment as mails tell it.
pub(super) fn told_time(house: &House, at: jiff::Timestamp) -> String {
    told_in(&house.context.zone, at)
}

/// The same in a zone.
pub(crate) fn told_in(zone: &jiff::tz::TimeZone, at: jiff::Timestamp) -> String {
    at.to_zoned(zone.clone()).strftime("%-d %b %Y, %H:%M %Z").to_string()
}
