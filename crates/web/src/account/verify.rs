//! Confirming an address by the link that was mailed to it.
//!
//! Opening the link changes nothing: mail scanners open links too. The button does.
//!
//! A link of a sign-up asks for its password as well. A stranger may have signed up with somebody else's address, and
//! the owner of the address, who confirms it, must not end up with the stranger's password. Another password than that
//! of the sign-up becomes the account's, once it is entered twice.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use purser_identity::{
    Actor, Error as IdentityError, LinkPurpose, NewSignUp, PasswordHash, RequestOrigin, SecretHash, Username,
    email_verify, link_find, link_redeem, sign_up_confirm, sign_up_find, user_get,
};
use purser_kit::{ClientAddress, Problem};
use purser_store::WriteTx;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::form::{FormFieldView, FormPage, new_password, password_wrong};
use super::mail::{self, mail};
use crate::pages::{Shell, message};
use crate::setup::hashed;
use crate::sign_in::{gone, note, origin, verify};
use crate::site::SiteState;

const OVER: &str =
    "This link was used, replaced or is older than three days. Sign in and have another one mailed, or sign up again.";

/// What the form of a sign-up's link sends.
#[derive(Deserialize, Default)]
pub(super) struct ConfirmationForm {
    #[serde(default)]
    password: String,
    /// Once another password than that of the sign-up was entered.
    #[serde(default)]
    again: String,
}

pub(super) async fn form(State(site): State<Arc<SiteState>>, Path(token): Path<String>) -> Result<Response, Problem> {
    let (hash, now) = (SecretHash::of(&token), site.context.now());
    let found = site.context.store.read(move |tx| match sign_up_find(tx, now, hash)? {
        Some(wish) => Ok(Some((wish.email.clone(), Some(wish)))),
        None => Ok::<_, IdentityError>(link_find(tx, now, LinkPurpose::Email, hash)?.map(|(_, email)| (email, None))),
    });
    let Some((email, signed_up)) = found.await? else { return Ok(gone(OVER)) };
    if let Some(wish) = signed_up {
        let password = FormFieldView::new("password", "Password", "password", "current-password");
        return Ok(asking(&token, &wish, None).fields([password]).render());
    }
    let intro = format!("You read mail at {email}: one click, and the address is confirmed.");
    let action = format!("/accounts/verify/{token}/");
    Ok(FormPage::new(Shell::new("Confirm your address", None), intro, action, "Confirm").render())
}

/// The page of a sign-up's link, but for its fields.
fn asking(token: &str, wish: &NewSignUp, error: Option<String>) -> FormPage {
    let intro = format!(
        "Somebody signed up with {} as {}. If it was you, enter the password that you chose.",
        wish.email, wish.username
    );
    let action = format!("/accounts/verify/{token}/");
    FormPage::new(Shell::new("Confirm your address", None), intro, action, "Confirm")
        .whose(wish.username.to_string())
        .error(error)
}

/// What the password of a sign-up's link comes to.
enum PasswordCheck {
    /// That of the sign-up.
    Same,
    /// Another one, entered twice.
    Other(PasswordHash),
    /// Neither yet: the page that says so.
    Not(Box<FormPage>),
}

async fn password_check(
    site: &SiteState,
    token: &str,
    wish: &NewSignUp,
    form: &ConfirmationForm,
) -> Result<PasswordCheck, Problem> {
    if verify(site, form.password.clone(), Some(wish.password.clone())).await? {
        return Ok(PasswordCheck::Same);
    }
    let error = (form.again.is_empty()).then(|| {
        "That is not the password of the sign-up. Enter it in the first field; or choose another one in both, if somebody \
         else signed up with your address."
            .to_owned()
    });
    let own = [wish.username.as_str(), wish.email.as_str(), &wish.first_name, &wish.last_name];
    let wrong = if error.is_some() { (None, None) } else { password_wrong(&form.password, &form.again, &own) };
    if error.is_some() || wrong != (None, None) {
        return Ok(PasswordCheck::Not(Box::new(asking(token, wish, error).fields(new_password(wrong)))));
    }
    hashed(site, form.password.clone()).await.map(PasswordCheck::Other)
}

pub(super) async fn submit(
    State(site): State<Arc<SiteState>>,
    Path(token): Path<String>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    Form(form): Form<ConfirmationForm>,
) -> Result<Response, Problem> {
    let (hash, now) = (SecretHash::of(&token), site.context.now());
    let wish = site.context.store.read(move |tx| sign_up_find(tx, now, hash)).await?;
    let password = match &wish {
        None => None,
        Some(wish) => match password_check(&site, &token, wish, &form).await? {
            PasswordCheck::Same => None,
            PasswordCheck::Other(password) => Some(password),
            PasswordCheck::Not(page) => return Ok(page.render()),
        },
    };
    let (hash, (now, event), origin) = (SecretHash::of(&token), site.context.stamp(), origin(address, &headers));
    let (notice, person) = (site.context.ids.next(now), site.context.ids.next(now));
    let (language, when) = (mail::language(&headers), time_text(&site, now));
    let confirmed = site.context.store.write(move |tx| {
        if let Some(username) = signed_up(tx, now, hash, (person, password.as_ref()), event, &origin)? {
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
    site.context.keys.clear();
    site.context.outbox.wake();
    let text = format!("Thank you. You can sign in by it or by your username, which is {username}.");
    Ok(message(StatusCode::OK, "Your address is confirmed", &text))
}

/// Makes the person known who signed up and has opened the link; where it is no such link, or nobody comes of it, nothing.
fn signed_up(
    tx: &mut WriteTx<'_>,
    now: jiff::Timestamp,
    hash: SecretHash,
    (id, password): (Uuid, Option<&PasswordHash>),
    event: Uuid,
    origin: &RequestOrigin,
) -> Result<Option<Username>, Problem> {
    match sign_up_confirm(tx, now, hash, id, password) {
        Ok(username) => {
            note(tx, now, event, &Actor::User(id).to_string(), "user.sign_up", origin)?;
            Ok(Some(username))
        }
        Err(IdentityError::LinkOver) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A moment as mails tell it.
pub(super) fn time_text(site: &SiteState, at: jiff::Timestamp) -> String {
    duration_text(&site.context.zone, at)
}

/// The same in a zone.
pub(crate) fn duration_text(zone: &jiff::tz::TimeZone, at: jiff::Timestamp) -> String {
    at.to_zoned(zone.clone()).strftime("%-d %b %Y, %H:%M %Z").to_string()
}
