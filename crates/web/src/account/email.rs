//! Changing one's address: it becomes another one when the link that is mailed there is opened.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_identity::{
    CONFIRM_BY_EMAIL, EMAIL_BY_PERSON, Email, LinkPurpose, NEW_ADDRESS_TO, RateVerdict, link_issue, login_key,
    rates_hit, second_factor_is_on, user_by_login,
};
use purser_kit::Problem;
use serde::Deserialize;
use serde_json::json;

use super::Person;
use super::form::{FormField, FormPage, sentence};
use super::mail::{self, mail};
use super::proof::{Proof, WRONG_CODE, WRONG_PASSWORD, prove};
use super::sign_up::fresh_link;
use crate::pages::message;
use crate::sign_in::note;
use crate::site::House;

/// What the form sends.
#[derive(Deserialize, Default)]
pub(super) struct Change {
    email: String,
    password: String,
    /// Of the second factor, where one is on: a new address is a way to a new password.
    #[serde(default)]
    code: String,
}

/// What is wrong with each field.
#[derive(Default)]
struct Wrong {
    email: Option<String>,
    password: Option<String>,
    code: Option<String>,
}

fn page(person: &Person, form: &Change, has_factor: bool, wrong: Wrong) -> FormPage {
    let intro = format!(
        "It is {} now. It becomes the new one when you open the link that is mailed there.",
        person.session.user.email
    );
    let code = has_factor.then(|| FormField::new("code", "Code", "text", "one-time-code").wrong(wrong.code));
    let fields = [
        FormField::new("email", "New email", "email", "email").with(&form.email).wrong(wrong.email),
        FormField::new("password", "Password", "password", "current-password").wrong(wrong.password),
    ];
    FormPage::new(person.shell("Change your address"), intro, "/accounts/email/", "Mail me the link")
        .fields(fields.into_iter().chain(code))
        .link("/accounts/", "Back to your account")
}

async fn has_factor(house: &House, person: &Person) -> Result<bool, Problem> {
    let id = person.session.user.id;
    Ok(house.context.store.read(move |tx| second_factor_is_on(tx, id)).await?)
}

pub(super) async fn form(State(house): State<Arc<House>>, person: Person) -> Result<Response, Problem> {
    let has_factor = has_factor(&house, &person).await?;
    Ok(page(&person, &Change::default(), has_factor, Wrong::default()).shown())
}

pub(super) async fn submit(
    State(house): State<Arc<House>>,
    person: Person,
    Form(form): Form<Change>,
) -> Result<Response, Problem> {
    let has_factor = has_factor(&house, &person).await?;
    let limited = |seconds| Ok(page(&person, &form, has_factor, Wrong::default()).limited(seconds));
    if let RateVerdict::Limited { retry_after_seconds } = issue(&house, &person, None).await? {
        return limited(retry_after_seconds);
    }
    let email = Email::parse(form.email.trim());
    let mut wrong = Wrong { email: email.as_ref().err().map(|error| sentence(&error.to_string())), ..Wrong::default() };
    let (session, address) = (&person.session, person.origin.address.clone());
    match prove(&house, &session.user, session.hash, Some(address), (&form.password, &form.code)).await? {
        Proof::Given => {}
        Proof::WrongPassword => wrong.password = Some(WRONG_PASSWORD.to_owned()),
        Proof::WrongCode => wrong.code = Some(WRONG_CODE.to_owned()),
        Proof::Limited(seconds) => return limited(seconds),
    }
    let is_proved = wrong.password.is_none() && wrong.code.is_none();
    let Some(email) = email.ok().filter(|_| is_proved) else {
        return Ok(page(&person, &form, has_factor, wrong).shown());
    };
    match issue(&house, &person, Some(email)).await? {
        RateVerdict::Allowed => Ok(told(&form.email)),
        RateVerdict::Limited { retry_after_seconds } => limited(retry_after_seconds),
    }
}

/// Mails the link to the address that the person has.
pub(super) async fn send(State(house): State<Arc<House>>, person: Person) -> Result<Response, Problem> {
    let email = person.session.user.email.clone();
    let to = email.to_string();
    match issue(&house, &person, Some(email)).await? {
        RateVerdict::Allowed => Ok(told(&to)),
        RateVerdict::Limited { retry_after_seconds } => {
            let text = format!("A link was mailed a moment ago. Wait {retry_after_seconds} seconds for another one.");
            Ok(message(StatusCode::TOO_MANY_REQUESTS, "Look into your mail", &text))
        }
    }
}

fn told(to: &str) -> Response {
    message(StatusCode::OK, "Look into your mail", &format!("A link is on its way to {to}. It is good for three days."))
}

/// Counts the try; with an address, mails the link there. An address that somebody else has gets a mail that says so:
/// the answer here is the same.
async fn issue(house: &House, person: &Person, email: Option<Email>) -> Result<RateVerdict, Problem> {
    let (link, notice) = fresh_link(house);
    let (now, event) = house.context.stamp();
    let nobody = house.context.ids.next(now);
    let (user, actor, origin) = (person.session.user.clone(), person.actor(), person.origin.clone());
    let (base, language) = (house.options.base_url.clone(), person.language);
    let issued = house.context.store.write(move |tx| {
        let by_person = user.id.to_string();
        let Some(email) = &email else {
            return rates_hit(tx, now, &[(EMAIL_BY_PERSON, &by_person)]).map_err(Problem::from);
        };
        let to = login_key(email.as_str());
        let verdict = rates_hit(tx, now, &[(CONFIRM_BY_EMAIL, &to)])?;
        if verdict != RateVerdict::Allowed {
            return Ok(verdict);
        }
        // Answered alike: whoever fills somebody's letterbox does not learn that it is full.
        if rates_hit(tx, now, &[(NEW_ADDRESS_TO, &to)])? != RateVerdict::Allowed {
            note(tx, now, event, &actor, "email.change_asked", &origin)?;
            return Ok(verdict);
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
            return Ok(verdict);
        }
        let link = format!("{base}/accounts/verify/{}/", link.expose());
        let values = json!({ "username": user.username.as_str(), "link": link });
        mail(tx, now, notice, &mail::CONFIRM, email, language, values)?;
        Ok::<_, Problem>(verdict)
    });
    let verdict = issued.await?;
    house.context.outbox.wake();
    Ok(verdict)
}
