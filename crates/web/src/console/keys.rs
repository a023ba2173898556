//! Making an API key. Not an action like others: what it answers is a secret, shown once and kept nowhere.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::SignedDuration;
use purser_identity::{Error as IdentityError, NewApiKey, Scopes, Secret, api_key_create};
use purser_kit::{Problem, Scope};

use super::commands::KEY_CREATE;
use super::reauth::ReauthPrompt;
use super::{ConsoleState, ErrorPage, StaffUser, escaped, frame};
use crate::pages::{self, Shell};

/// Where a key is made.
pub(super) const ADDRESS: &str = "/admin/house/new-key/";

#[derive(Template)]
#[template(path = "console/key_new.html")]
struct NewKeyPage<'a> {
    shell: Shell,
    scopes: &'a [Scope],
    form: KeyForm,
    error: Option<String>,
    reauth: ReauthPrompt,
    reauth_next: String,
}

impl NewKeyPage<'_> {
    fn is_chosen(&self, scope: &str) -> bool {
        self.form.scopes.iter().any(|chosen| chosen == scope)
    }
}

#[derive(Template)]
#[template(path = "console/key_made.html")]
struct MadeKeyPage {
    shell: Shell,
    label: String,
    scopes: String,
    secret: String,
}

/// What the form says.
#[derive(Debug, Default)]
struct KeyForm {
    label: String,
    scopes: Vec<String>,
    days: String,
}

impl KeyForm {
    fn read(pairs: Vec<(String, String)>) -> Self {
        let mut form = KeyForm::default();
        for (name, value) in pairs {
            match name.as_str() {
                "label" => form.label = value,
                "scope" => form.scopes.push(value),
                "days" => form.days = value,
                _ => {}
            }
        }
        form
    }
}

pub(super) async fn form(State(console): State<Arc<ConsoleState>>, staff: StaffUser) -> Result<Response, ErrorPage> {
    staff.require_scope(KEY_CREATE.scope)?;
    let reauth = ReauthPrompt::of(&console, &staff, &KEY_CREATE).await?;
    Ok(render(&console, &staff, StatusCode::OK, KeyForm::default(), None, reauth))
}

fn render(
    console: &ConsoleState,
    staff: &StaffUser,
    status: StatusCode,
    form: KeyForm,
    error: Option<String>,
    reauth: ReauthPrompt,
) -> Response {
    let shell = frame::shell(console, staff, "New API key");
    let proof_next = escaped(ADDRESS);
    let scopes = console.site.context.rights.scopes();
    pages::page(status, &NewKeyPage { shell, scopes, form, error, reauth, reauth_next: proof_next })
}

pub(super) async fn submit(
    State(console): State<Arc<ConsoleState>>,
    staff: StaffUser,
    Form(mut pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    staff.require_scope(KEY_CREATE.scope)?;
    let mut reauth = ReauthPrompt::of(&console, &staff, &KEY_CREATE).await?;
    let proved = reauth.given(&console, &staff, &mut pairs).await?;
    let form = KeyForm::read(pairs);
    if !proved {
        return Ok(render(&console, &staff, StatusCode::FORBIDDEN, form, None, reauth));
    }
    let new = match read(&console, &staff, &form) {
        Ok(new) => new,
        Err(text) => return refused(&console, &staff, form, text).await,
    };
    let mut random = [0; 32];
    (console.site.options.random)(&mut random);
    let secret = Secret::api_key(&random);
    let (hash, cx) = (secret.hash(), staff.principal.request_context(&console.site.context));
    let (label, scopes) = (new.label.clone(), new.scopes.to_string());
    let made = console.site.context.store.write(move |tx| {
        api_key_create(tx, cx.now, &new, hash)?;
        let detail = serde_json::json!({ "label": new.label, "scopes": new.scopes.to_string() });
        cx.clone().record(tx, "key.create", &format!("house:keys:{}", new.id), &detail)?;
        Ok(())
    });
    match made.await {
        Ok(()) => {
            let shell = frame::shell(&console, &staff, "New API key");
            let page = MadeKeyPage { shell, label, scopes, secret: secret.expose().to_owned() };
            Ok(pages::page(StatusCode::OK, &page))
        }
        Err(error @ IdentityError::BadField { .. }) => refused(&console, &staff, form, error.to_string()).await,
        Err(error) => Err(Problem::from(error).into()),
    }
}

/// The form again, with what is wrong with it.
async fn refused(
    console: &ConsoleState,
    staff: &StaffUser,
    form: KeyForm,
    text: String,
) -> Result<Response, ErrorPage> {
    let reauth = ReauthPrompt::of(console, staff, &KEY_CREATE).await?;
    Ok(render(console, staff, StatusCode::BAD_REQUEST, form, Some(text), reauth))
}

/// The key that the form describes, or what is wrong with it.
fn read(console: &ConsoleState, staff: &StaffUser, form: &KeyForm) -> Result<NewApiKey, String> {
    let scopes = Scopes::parse(&form.scopes.join(" ")).map_err(|_| "Choose at least one thing that the key may do.")?;
    // Nobody gives what they do not have.
    if let Some(scope) = form.scopes.iter().find(|scope| !staff.principal.has(scope)) {
        return Err(format!("You may not give {scope}: you do not have it yourself."));
    }
    let (now, id) = console.site.context.stamp();
    let expires_at = match form.days.trim() {
        "" => None,
        days => {
            let wrong = || format!("The days until it expires must be a whole number from 1 to 3650, not '{days}'.");
            let days: i64 = days.parse().ok().filter(|days| (1..=3_650).contains(days)).ok_or_else(wrong)?;
            Some(now.checked_add(SignedDuration::from_hours(24 * days)).map_err(|_| wrong())?)
        }
    };
    Ok(NewApiKey {
        id,
        label: form.label.trim().to_owned(),
        scopes,
        binding: None,
        expires_at,
        created_by: staff.actor(),
    })
}
