//! Setting a new password without the old one, by a mailed link.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use purser_identity::{
    Actor, Email, Error as IdentityError, LinkPurpose, NOBODY_BY_ADDRESS, RESET_BY_ACCOUNT, RESET_BY_ADDRESS, RESET_TO,
    RateDecision, SecretHash, User, device_remember, link_find, link_issue, link_redeem, login_key, password_recover,
    rates_hit, user_by_login, user_get,
};
use purser_kit::{ClientAddress, Problem};
use serde::Deserialize;
use serde_json::json;

use super::form::{FormFieldView, FormPage, new_password, password_wrong, sentence};
use super::mail::{self, mail};
use super::sign_up::new_link;
use super::verify::time_text;
use crate::cookies::{browser_presented, browser_set, new_browser};
use crate::pages::{Shell, message};
use crate::setup::hashed;
use crate::sign_in::{counted_as, gone, note, origin};
use crate::site::SiteState;

const OVER: &str = "This link was used, replaced or is too old. Ask for another one on the sign-in page.";

/// Who forgot the password.
#[derive(Deserialize, Default)]
pub(super) struct ResetRequestForm {
    email: String,
}

pub(super) async fn ask() -> Response {
    asking(&ResetRequestForm::default(), None).render()
}

fn asking(form: &ResetRequestForm, wrong: Option<String>) -> FormPage {
    let intro = "Enter the address of your account. A link to set a new password is mailed to it.";
    FormPage::new(Shell::new("Forgot your password?", None), intro, "/accounts/password/reset/", "Mail me a link")
        .fields([FormFieldView::new("email", "Email", "email", "email").with(&form.email).wrong(wrong)])
        .link("/accounts/login/", "Back to signing in")
}

pub(super) async fn reset_request(
    State(site): State<Arc<SiteState>>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    Form(form): Form<ResetRequestForm>,
) -> Result<Response, Problem> {
    let email = match Email::parse(form.email.trim()) {
        Ok(email) => email,
        Err(error) => return Ok(asking(&form, Some(sentence(&error.to_string()))).render()),
    };
    let origin = origin(address, &headers);
    let (link, notice) = new_link(&site);
    let (now, event) = site.context.stamp();
    let nobody = site.context.ids.next(now);
    let (base, language) = (site.options.base_url.clone(), mail::language(&headers));
    let (to, from) = (email.clone(), origin.clone());
    let asked = site.context.store.write(move |tx| {
        let name = login_key(email.as_str());
        let address = counted_as(&from);
        let limits = [(RESET_BY_ADDRESS, address.as_str()), (RESET_BY_ACCOUNT, &name)];
        let decision = rates_hit(tx, now, &limits)?;
        let found = user_by_login(tx, email.as_str())?.filter(|(user, _)| user.is_active);
        if decision != RateDecision::Allowed {
            return Ok(decision);
        }
        let stranger = rates_hit(tx, now, &[(NOBODY_BY_ADDRESS, &name)])?;
        let is_full = rates_hit(tx, now, &[(RESET_TO, &name)])? != RateDecision::Allowed;
        // The same work for everybody: for an address that is nobody's the link is nobody's, and the mail says so.
        let user = found.map(|(user, _)| user);
        let (person, to) = user.as_ref().map_or((nobody, &email), |user| (user.id, &user.email));
        let actor = user.as_ref().map_or_else(|| "nobody".to_owned(), |user| Actor::User(user.id).to_string());
        note(tx, now, event, &actor, "password.reset_asked", &from)?;
        if is_full {
            // Answered alike. The link of the last mail still is good.
            return Ok(decision);
        }
        let lifetime = LinkPurpose::Password.lifetime();
        link_issue(tx, now, person, LinkPurpose::Password, to, link.hash(), lifetime)?;
        let Some(user) = user else {
            if stranger != RateDecision::Allowed {
                return Ok(decision);
            }
            mail(tx, now, notice, &mail::NOBODY, to, language, json!({ "address": &from.address }))?;
            return Ok(decision);
        };
        let link = format!("{base}/accounts/password/reset/{}/", link.expose());
        let values = json!({ "username": user.username.as_str(), "address": &from.address, "link": link });
        mail(tx, now, notice, &mail::RESET, &user.email, language, values)?;
        Ok::<_, Problem>(decision)
    });
    if let RateDecision::Limited { retry_after_seconds } = asked.await? {
        return Ok(asking(&form, None).limited(retry_after_seconds));
    }
    site.context.outbox.wake();
    let text =
        format!("If {to} has an account, a link to set a new password is on its way to it. It is good for one hour.");
    Ok(message(StatusCode::OK, "Look into your mail", &text))
}

/// What the second form sends.
#[derive(Deserialize)]
pub(super) struct NewPasswordForm {
    password: String,
    again: String,
}

/// The person whom a link lets set a password.
async fn owner(site: &SiteState, token: &str) -> Result<Option<User>, Problem> {
    let (hash, now) = (SecretHash::of(token), site.context.now());
    let found = site.context.store.read(move |tx| {
        let Some((person, _)) = link_find(tx, now, LinkPurpose::Password, hash)? else { return Ok(None) };
        user_get(tx, person).map(Some)
    });
    found.await.map_err(Problem::from)
}

fn choosing(token: &str, user: &User, wrong: (Option<String>, Option<String>)) -> FormPage {
    let intro = format!("For {}. You are signed out everywhere else.", user.username);
    let action = format!("/accounts/password/reset/{token}/");
    FormPage::new(Shell::new("Set a new password", None), intro, action, "Set the password")
        .whose(user.username.to_string())
        .fields(new_password(wrong))
}

pub(super) async fn form(State(site): State<Arc<SiteState>>, Path(token): Path<String>) -> Result<Response, Problem> {
    Ok(match owner(&site, &token).await? {
        Some(user) => choosing(&token, &user, (None, None)).render(),
        None => gone(OVER),
    })
}

pub(super) async fn submit(
    State(site): State<Arc<SiteState>>,
    Path(token): Path<String>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    Form(form): Form<NewPasswordForm>,
) -> Result<Response, Problem> {
    let Some(user) = owner(&site, &token).await? else { return Ok(gone(OVER)) };
    let own = [user.username.as_str(), user.email.as_str(), &user.first_name, &user.last_name];
    let wrong = password_wrong(&form.password, &form.again, &own);
    if wrong != (None, None) {
        return Ok(choosing(&token, &user, wrong).render());
    }
    let password = hashed(&site, form.password.clone()).await?;
    let (hash, (now, event), origin) = (SecretHash::of(&token), site.context.stamp(), origin(address, &headers));
    let (notice, language) = (site.context.ids.next(now), mail::language(&headers));
    let when = time_text(&site, now);
    let (known, former) = (new_browser(&site), browser_presented(&site, &headers));
    let browser = known.hash();
    let set = site.context.store.write(move |tx| {
        let (person, email) = match link_redeem(tx, now, LinkPurpose::Password, hash) {
            Ok(found) => found,
            Err(IdentityError::LinkOver) => return Ok(None),
            Err(error) => return Err(Problem::from(error)),
        };
        password_recover(tx, now, person, &password, &email)?;
        // Strangers who go on trying do not keep the owner from signing in here.
        device_remember(tx, now, person, browser, former)?;
        note(tx, now, event, &Actor::User(person).to_string(), "password.reset", &origin)?;
        let user = user_get(tx, person)?;
        let values = mail::password_changed(tx, now, &user, &when, &origin.address)?;
        let keys = values["keys"].as_str().unwrap_or_default().to_owned();
        mail(tx, now, notice, &mail::PASSWORD_CHANGED, &user.email, language, values)?;
        Ok::<_, Problem>(Some(keys))
    });
    let Some(keys) = set.await? else { return Ok(gone(OVER)) };
    site.context.keys.clear();
    site.context.outbox.wake();
    let mut text = "The new password is set, and every session has ended. Sign in with it now.".to_owned();
    if !keys.is_empty() {
        text.push_str(&format!(
            " API keys that were made in your name still are open: {keys}. Revoke what is not yours."
        ));
    }
    let mut response = message(StatusCode::OK, "Your password is changed", &text);
    browser_set(&site, &mut response, &known);
    Ok(response)
}
