//! Changing one's address: it becomes another one when the link that is mailed there is opened.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_identity::{
    CONFIRM_BY_EMAIL, EMAIL_BY_PERSON, Email, LinkPurpose, NEW_ADDRESS_TO, RateDecision, link_issue, login_key,
    rates_hit, second_factor_is_on, user_by_login,
};
use purser_kit::Problem;
use serde::Deserialize;
use serde_json::json;

use super::SignedInUser;
use super::form::{FormFieldView, FormPage, sentence};
use super::mail::{self, mail};
use super::reauth::{ReauthResult, WRONG_CODE, WRONG_PASSWORD, prove};
use super::sign_up::new_link;
use crate::pages::message;
use crate::sign_in::note;
use crate::site::SiteState;

/// What the form sends.
#[derive(Deserialize, Default)]
pub(super) struct EmailForm {
    email: String,
    password: String,
    /// Of the second factor, where one is on: a new address is a way to a new password.
    #[serde(default)]
    code: String,
}

/// What is wrong with each field.
#[derive(Default)]
struct EmailFormErrors {
    email: Option<String>,
    password: Option<String>,
    code: Option<String>,
}

fn page(person: &SignedInUser, form: &EmailForm, has_factor: bool, wrong: EmailFormErrors) -> FormPage {
    let intro = format!(
        "It is {} now. It becomes the new one when you open the link that is mailed there.",
        person.session.user.email
    );
    let code = has_factor.then(|| FormFieldView::new("code", "Code", "text", "one-time-code").wrong(wrong.code));
    let fields = [
        FormFieldView::new("email", "New email", "email", "email").with(&form.email).wrong(wrong.email),
        FormFieldView::new("password", "Password", "password", "current-password").wrong(wrong.password),
    ];
    FormPage::new(person.shell("Change your address"), intro, "/accounts/email/", "Mail me the link")
        .fields(fields.into_iter().chain(code))
        .link("/accounts/", "Back to your account")
}

async fn has_factor(site: &SiteState, person: &SignedInUser) -> Result<bool, Problem> {
    let id = person.session.user.id;
    Ok(site.context.store.read(move |tx| second_factor_is_on(tx, id)).await?)
}

pub(super) async fn form(State(site): State<Arc<SiteState>>, person: SignedInUser) -> Result<Response, Problem> {
    let has_factor = has_factor(&site, &person).await?;
    Ok(page(&person, &EmailForm::default(), has_factor, EmailFormErrors::default()).render())
}

pub(super) async fn submit(
    State(site): State<Arc<SiteState>>,
    person: SignedInUser,
    Form(form): Form<EmailForm>,
) -> Result<Response, Problem> {
    let has_factor = has_factor(&site, &person).await?;
    let limited = |seconds| Ok(page(&person, &form, has_factor, EmailFormErrors::default()).limited(seconds));
    if let RateDecision::Limited { retry_after_seconds } = issue(&site, &person, None).await? {
        return limited(retry_after_seconds);
    }
    let email = Email::parse(form.email.trim());
    let mut wrong = EmailFormErrors {
        email: email.as_ref().err().map(|error| sentence(&error.to_string())),
        ..EmailFormErrors::default()
    };
    let (session, address) = (&person.session, person.origin.address.clone());
    match prove(&site, &session.user, session.hash, Some(address), (&form.password, &form.code)).await? {
        ReauthResult::Given => {}
        ReauthResult::WrongPassword => wrong.password = Some(WRONG_PASSWORD.to_owned()),
        ReauthResult::WrongCode => wrong.code = Some(WRONG_CODE.to_owned()),
        ReauthResult::Limited(seconds) => return limited(seconds),
    }
    let is_proved = wrong.password.is_none() && wrong.code.is_none();
    let Some(email) = email.ok().filter(|_| is_proved) else {
        return Ok(page(&person, &form, has_factor, wrong).render());
    };
    match issue(&site, &person, Some(email)).await? {
        RateDecision::Allowed => Ok(error_text(&form.email)),
        RateDecision::Limited { retry_after_seconds } => limited(retry_after_seconds),
    }
}

/// Mails the link to the address that the person has.
pub(super) async fn send(State(site): State<Arc<SiteState>>, person: SignedInUser) -> Result<Response, Problem> {
    let email = person.session.user.email.clone();
    let to = email.to_string();
    match issue(&site, &person, Some(email)).await? {
        RateDecision::Allowed => Ok(error_text(&to)),
        RateDecision::Limited { retry_after_seconds } => {
            let text = format!("A link was mailed a moment ago. Wait {retry_after_seconds} seconds for another one.");
            Ok(message(StatusCode::TOO_MANY_REQUESTS, "Look into your mail", &text))
        }
    }
}

fn error_text(to: &str) -> Response {
    message(StatusCode::OK, "Look into your mail", &format!("A link is on its way to {to}. It is good for three days."))
}

/// Counts the try; with an address, mails the link there. An address that somebody else has gets a mail that says so:
/// the answer here is the same.
async fn issue(site: &SiteState, person: &SignedInUser, email: Option<Email>) -> Result<RateDecision, Problem> {
    let (link, notice) = new_link(site);
    let (now, event) = site.context.stamp();
    let nobody = site.context.ids.next(now);
    let (user, actor, origin) = (person.session.user.clone(), person.actor(), person.origin.clone());
    let (base, language) = (site.options.base_url.clone(), person.language);
    let issued = site.context.store.write(move |tx| {
        let by_person = user.id.to_string();
        let Some(email) = &email else {
            return rates_hit(tx, now, &[(EMAIL_BY_PERSON, &by_person)]).map_err(Problem::from);
        };
        let to = login_key(email.as_str());
        let decision = rates_hit(tx, now, &[(CONFIRM_BY_EMAIL, &to)])?;
        if decision != RateDecision::Allowed {
            return Ok(decision);
        }
        // Answered alike: whoever fills somebody's letterbox does not learn that it is full.
        if rates_hit(tx, now, &[(NEW_ADDRESS_TO, &to)])? != RateDecision::Allowed {
            note(tx, now, event, &actor, "email.change_asked", &origin)?;
            return Ok(decision);
        }
        let other = user_by_login(tx, email.as_str())?.filter(|(other, _)| other.id != user.id);
        // The same work whether somebody has the address or nobody does; a taken one's link is nobody's.
        let (whose, purpose, lifetime) =
            (other.as_ref().map_or(user.id, |_| nobody), LinkPurpose::Email, LinkPurpose::Email.lifetime());
        link_issue(tx, now, whose, purpose, email, link.hash(), lifetime)?;
        note(tx, now, event, &actor, "email.change_asked", &origin)?;
        if let Some((other, _)) = other {
            let link = format!("{base}/accounts/password/reset/");
            let values = json!({ "username": other.username.as_str(), "link": link });
            mail(tx, now, notice, &mail::ALREADY_KNOWN, &other.email, language, values)?;
            return Ok(decision);
        }
        let link = format!("{base}/accounts/verify/{}/", link.expose());
        let values = json!({ "username": user.username.as_str(), "link": link });
        mail(tx, now, notice, &mail::CONFIRM, email, language, values)?;
        Ok::<_, Problem>(decision)
    });
    let decision = issued.await?;
    site.context.outbox.wake();
    Ok(decision)
}
