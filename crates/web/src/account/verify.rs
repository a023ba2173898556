//! Confirming an address by the link that was mailed to it.
//!
//! Opening the link changes nothing: mail scanners open links too. The button does.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use purser_identity::{
    Actor, Error as IdentityError, LinkPurpose, SecretHash, email_verify, link_find, link_redeem, user_get,
};
use purser_kit::{ClientAddress, Problem};
use serde_json::json;

use super::form::FormPage;
use super::mail::{self, mail};
use crate::pages::{Shell, message};
use crate::sign_in::{gone, note, origin};
use crate::site::House;

const OVER: &str = "This link was used, replaced or is older than three days. Sign in, and have another one mailed.";

pub(super) async fn form(State(house): State<Arc<House>>, Path(token): Path<String>) -> Result<Response, Problem> {
    let (hash, now) = (SecretHash::of(&token), house.context.now());
    let found = house.context.store.read(move |tx| link_find(tx, now, LinkPurpose::Email, hash)).await;
    let Some((_, email)) = found? else { return Ok(gone(OVER)) };
    let intro = format!("You read mail at {email}: one click, and the address is confirmed.");
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
    let (notice, language) = (house.context.ids.next(now), mail::language(&headers));
    let when = told_time(&house, now);
    let confirmed = house.context.store.write(move |tx| {
        let (person, email) = match link_redeem(tx, now, LinkPurpose::Email, hash) {
            Ok(found) => found,
            Err(IdentityError::LinkOver) => return Ok(false),
            Err(error) => return Err(Problem::from(error)),
        };
        let former = user_get(tx, person)?;
        match email_verify(tx, now, person, &email) {
            Ok(()) => {}
            // Somebody else confirmed the address meanwhile.
            Err(IdentityError::EmailTaken(_)) => return Ok(false),
            Err(error) => return Err(Problem::from(error)),
        }
        note(tx, now, event, &Actor::User(person).to_string(), "email.confirm", &origin)?;
        if former.email != email {
            let values = json!({ "username": former.username.as_str(), "when": &when, "email": email.as_str() });
            mail(tx, now, notice, &mail::EMAIL_CHANGED, &former.email, language, values)?;
        }
        Ok::<_, Problem>(true)
    });
    if !confirmed.await? {
        return Ok(gone(OVER));
    }
    house.context.outbox.wake();
    Ok(message(StatusCode::OK, "Your address is confirmed", "Thank you. You can sign in by it or by your username."))
}

/// A moment as mails tell it.
pub(super) fn told_time(house: &House, at: jiff::Timestamp) -> String {
    at.to_zoned(house.context.zone.clone()).strftime("%-d %b %Y, %H:%M %Z").to_string()
}
