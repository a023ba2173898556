//! Signing up.
//!
//! The answer is the same whether the address or the username has an account or not, and so is the work: a password is
//! hashed, what was entered is kept, a mail is written. Whoever reads mail at the address learns the rest. An account comes
//! of it when they open the link, so signing in before tells nothing either.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use purser_identity::{
    Email, NewSignUp, RateDecision, SIGN_UP_BY_ADDRESS, SIGN_UP_TO, Secret, Username, login_key, rates_hit,
    sign_up_begin, user_by_login, username_free,
};
use purser_kit::{ClientAddress, Problem};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::form::{FormFieldView, FormPage, new_password, password_wrong, sentence};
use super::mail::{self, mail};
use crate::pages::{Shell, message};
use crate::setup::hashed;
use crate::sign_in::{counted_as, note, origin};
use crate::site::SiteState;

/// What the form sends.
#[derive(Deserialize, Default)]
pub(super) struct SignUpForm {
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    password: String,
    again: String,
}

fn closed() -> Response {
    let text = "Nobody can sign up here by themselves. Ask whoever runs this house to let you in.";
    message(StatusCode::NOT_FOUND, "Signing up is closed", text)
}

pub(super) async fn form(State(site): State<Arc<SiteState>>) -> Response {
    if site.options.sign_up { page(&SignUpForm::default(), SignUpFormErrors::default()).render() } else { closed() }
}

#[derive(Default)]
struct SignUpFormErrors {
    username: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    password: (Option<String>, Option<String>),
}

fn page(form: &SignUpForm, wrong: SignUpFormErrors) -> FormPage {
    let [password, again] = new_password(wrong.password);
    let password = FormFieldView { title: "Password", ..password };
    FormPage::new(Shell::new("Sign up", None), "", "/accounts/signup/", "Sign up")
        .fields([
            FormFieldView::new("username", "Username", "text", "username")
                .help("Letters, digits and . _ - only. If somebody has it already, a number is put behind it.")
                .with(&form.username)
                .wrong(wrong.username),
            FormFieldView::new("email", "Email", "email", "email").with(&form.email).wrong(wrong.email),
            FormFieldView::new("first_name", "First name", "text", "given-name")
                .optional()
                .with(&form.first_name)
                .wrong(wrong.first_name),
            FormFieldView::new("last_name", "Last name", "text", "family-name")
                .optional()
                .with(&form.last_name)
                .wrong(wrong.last_name),
            password,
            again,
        ])
        .link("/accounts/login/", "I have an account")
}

pub(super) async fn submit(
    State(site): State<Arc<SiteState>>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    Form(form): Form<SignUpForm>,
) -> Result<Response, Problem> {
    if !site.options.sign_up {
        return Ok(closed());
    }
    let origin = origin(address, &headers);
    let (now, from) = (site.context.now(), counted_as(&origin));
    let counted = site.context.store.write(move |tx| rates_hit(tx, now, &[(SIGN_UP_BY_ADDRESS, &from)]));
    if let RateDecision::Limited { retry_after_seconds } = counted.await? {
        return Ok(page(&form, SignUpFormErrors::default()).limited(retry_after_seconds));
    }
    let (username, email) = match checked(&form) {
        Ok(names) => names,
        Err(wrong) => return Ok(page(&form, *wrong).render()),
    };
    let password = hashed(&site, form.password.clone()).await?;
    let (link, notice) = new_link(&site);
    let (now, event) = site.context.stamp();
    let (base, language) = (site.options.base_url.clone(), mail::language(&headers));
    let to = email.clone();
    let new = NewSignUp {
        username,
        email,
        first_name: form.first_name.trim().to_owned(),
        last_name: form.last_name.trim().to_owned(),
        password,
    };
    let done = site.context.store.write(move |tx| {
        note(tx, now, event, "nobody", "user.sign_up_asked", &origin)?;
        let known = user_by_login(tx, new.email.as_str())?;
        let username = username_free(tx, &new.username)?;
        // Answered alike: whoever fills somebody's letterbox does not learn that it is full.
        if rates_hit(tx, now, &[(SIGN_UP_TO, &login_key(new.email.as_str()))])? != RateDecision::Allowed {
            return Ok(());
        }
        // Kept for an address that is taken too, where its link is mailed to nobody: the same work.
        sign_up_begin(tx, now, &new, link.hash())?;
        if let Some((known, _)) = known {
            let values = json!({
                "username": known.username.as_str(), "link": format!("{base}/accounts/password/reset/"),
            });
            return mail(tx, now, notice, &mail::ALREADY_KNOWN, &known.email, language, values);
        }
        let link = format!("{base}/accounts/verify/{}/", link.expose());
        let values = json!({ "username": username.as_str(), "link": link });
        mail(tx, now, notice, &mail::CONFIRM, &new.email, language, values)
    });
    done.await?;
    site.context.outbox.wake();
    let text = format!("A mail is on its way to {to}. It says how to go on; until then nobody can sign in with it.");
    Ok(message(StatusCode::OK, "Look into your mail", &text))
}

/// The names that the form gives, or everything that is wrong with it.
fn checked(form: &SignUpForm) -> Result<(Username, Email), Box<SignUpFormErrors>> {
    let (username, email) = (Username::parse(&form.username), Email::parse(form.email.trim()));
    let long = |name: &str| {
        let fits = name.chars().count() <= 150 && !name.chars().any(char::is_control);
        (!fits).then(|| "A name has at most 150 characters on one line.".to_owned())
    };
    let own = [form.username.as_str(), &form.email, &form.first_name, &form.last_name];
    let wrong = SignUpFormErrors {
        username: username.as_ref().err().map(|error| sentence(&error.to_string())),
        email: email.as_ref().err().map(|error| sentence(&error.to_string())),
        first_name: long(&form.first_name),
        last_name: long(&form.last_name),
        password: password_wrong(&form.password, &form.again, &own),
    };
    let fits = wrong.first_name.is_none() && wrong.last_name.is_none() && wrong.password == (None, None);
    match (username, email) {
        (Ok(username), Ok(email)) if fits => Ok((username, email)),
        _ => Err(Box::new(wrong)),
    }
}

/// A link's token, and where it leads under `path`.
pub(crate) fn new_link(site: &SiteState) -> (Secret, Uuid) {
    let mut random = [0; 32];
    (site.options.random)(&mut random);
    (Secret::link(&random), site.context.stamp().1)
}
