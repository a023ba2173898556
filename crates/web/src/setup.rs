//! The one-time set-up link: the first superuser.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use purser_identity::{
    Actor, Email, Error as IdentityError, HashCost, NewUser, PasswordHash, SecretHash, Username, device_remember,
    password_check, password_hash, session_create, setup_live, setup_redeem, user_get,
};
use purser_kit::{ClientAddress, Problem};
use serde::Deserialize;

use crate::account::sentence;
use crate::cookies::{browser_presented, new_browser};
use crate::pages::{Shell, page};
use crate::sign_in::{gone, new_token, note, origin, with_session};
use crate::site::SiteState;

const OVER: &str = "This set-up link was used, replaced or is older than a day. \
                    While there is no superuser, `purser serve` prints a fresh one when it starts.";

/// What the form sends.
#[derive(Deserialize, Default)]
pub(crate) struct SetupForm {
    username: String,
    email: String,
    password: String,
    again: String,
}

/// What is wrong with which field.
#[derive(Default)]
struct SetupFormErrors {
    username: Option<String>,
    email: Option<String>,
    password: Option<String>,
    again: Option<String>,
}

impl SetupFormErrors {
    fn is_empty(&self) -> bool {
        [&self.username, &self.email, &self.password, &self.again].into_iter().all(Option::is_none)
    }
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage<'a> {
    shell: Shell,
    form: &'a SetupForm,
    wrong: SetupFormErrors,
}

pub(crate) async fn form(State(site): State<Arc<SiteState>>, Path(token): Path<String>) -> Result<Response, Problem> {
    if !is_live(&site, &token).await? {
        return Ok(gone(OVER));
    }
    Ok(render(StatusCode::OK, &SetupForm::default(), SetupFormErrors::default()))
}

fn render(status: StatusCode, form: &SetupForm, wrong: SetupFormErrors) -> Response {
    page(status, &SetupPage { shell: Shell::new("Set up Purser", None), form, wrong })
}

async fn is_live(site: &SiteState, token: &str) -> Result<bool, Problem> {
    let (hash, now) = (SecretHash::of(token), site.context.now());
    site.context.store.read(move |tx| setup_live(tx, now, hash)).await.map_err(Problem::from)
}

pub(crate) async fn submit(
    State(site): State<Arc<SiteState>>,
    Path(token): Path<String>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    Form(form): Form<SetupForm>,
) -> Result<Response, Problem> {
    if !is_live(&site, &token).await? {
        return Ok(gone(OVER));
    }
    let person = match checked(&form) {
        Ok(person) => person,
        Err(wrong) => return Ok(render(StatusCode::BAD_REQUEST, &form, wrong)),
    };
    let hash = hashed(&site, form.password.clone()).await?;
    let (now, id) = site.context.stamp();
    let new = NewUser { id, password: Some(hash), ..person };
    let session = new_token(&site);
    let (link, session_hash, event) = (SecretHash::of(&token), session.hash(), site.context.ids.next(now));
    let (origin, rules) = (origin(address, &headers), site.options.session_rules);
    let (known, former) = (new_browser(&site), browser_presented(&site, &headers));
    let browser = known.hash();
    let redeemed = site.context.store.write(move |tx| {
        setup_redeem(tx, now, link, &new)?;
        let user = user_get(tx, new.id)?;
        session_create(tx, now, session_hash, &user, &origin, &rules)?;
        device_remember(tx, now, user.id, browser, former)?;
        note(tx, now, event, &Actor::User(new.id).to_string(), "setup.redeem", &origin)
    });
    match redeemed.await {
        Ok(()) => Ok(with_session(&site, "/accounts/second-factor/?next=/admin/", &session, Some(&known))),
        Err(IdentityError::SetupOver) => Ok(gone(OVER)),
        Err(IdentityError::UsernameTaken(_)) => {
            let wrong =
                SetupFormErrors { username: Some("This username is taken.".to_owned()), ..SetupFormErrors::default() };
            Ok(render(StatusCode::BAD_REQUEST, &form, wrong))
        }
        Err(IdentityError::EmailTaken(_)) => {
            let wrong = SetupFormErrors {
                email: Some("This email address is taken.".to_owned()),
                ..SetupFormErrors::default()
            };
            Ok(render(StatusCode::BAD_REQUEST, &form, wrong))
        }
        Err(error) => Err(Problem::from(error)),
    }
}

/// The person that the form describes, or everything that is wrong with it.
fn checked(form: &SetupForm) -> Result<NewUser, SetupFormErrors> {
    let username = Username::parse(&form.username);
    let email = Email::parse(&form.email);
    let password = password_check(&form.password, &[&form.username, &form.email]);
    let again = if form.password == form.again { None } else { Some("The two passwords differ.".to_owned()) };
    let wrong = SetupFormErrors {
        username: username.as_ref().err().map(|error| sentence(&error.to_string())),
        email: email.as_ref().err().map(|error| sentence(&error.to_string())),
        password: password.err().map(|error| sentence(&error.to_string())),
        again,
    };
    match (username, email) {
        (Ok(username), Ok(email)) if wrong.is_empty() => Ok(NewUser {
            id: uuid::Uuid::nil(),
            username,
            email,
            first_name: String::new(),
            last_name: String::new(),
            is_staff: true,
            is_superuser: true,
            password: None,
            actor: "system:setup".to_owned(),
        }),
        _ => Err(wrong),
    }
}

/// On a thread of its own, one at a time, so that hashing never starves sales.
pub(crate) async fn hashed(site: &SiteState, password: String) -> Result<PasswordHash, Problem> {
    let (mut salt, cost): ([u8; 16], HashCost) = ([0; 16], site.options.hash_cost);
    (site.options.random)(&mut salt);
    let hashed = site.hashing.run(move || password_hash(&password, salt, cost)).await?;
    hashed.map_err(Problem::internal)
}
