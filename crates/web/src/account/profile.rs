//! The first page of one's account, and what one says of oneself.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use purser_identity::{Error as IdentityError, Profile, profile_get, profile_set, second_factor_is_on};
use purser_kit::Problem;
use serde::Deserialize;

use super::SignedInUser;
use super::form::{FormFieldView, FormPage};
use crate::pages::{self, Shell};
use crate::sign_in::note;
use crate::site::SiteState;

/// What was just done.
#[derive(Deserialize)]
pub(super) struct ProfileNotice {
    told: Option<String>,
}

#[derive(Template)]
#[template(path = "account/home.html")]
struct HomePage {
    shell: Shell,
    told: Option<&'static str>,
    username: String,
    email: String,
    name: String,
    is_verified: bool,
    has_second_factor: bool,
}

pub(super) async fn home(
    State(site): State<Arc<SiteState>>,
    Query(told): Query<ProfileNotice>,
    person: SignedInUser,
) -> Result<Response, Problem> {
    let id = person.session.user.id;
    let has_second_factor = site.context.store.read(move |tx| second_factor_is_on(tx, id)).await?;
    let told = match told.told.as_deref() {
        Some("password") => Some("Your password is changed, and every other session has ended."),
        Some("profile") => Some("Saved."),
        Some("second-factor-off") => Some("The second factor is off. Your password alone lets you in now."),
        _ => None,
    };
    let user = &person.session.user;
    let page = HomePage {
        shell: person.shell("Your account"),
        told,
        username: user.username.to_string(),
        email: user.email.to_string(),
        name: format!("{} {}", user.first_name, user.last_name).trim().to_owned(),
        is_verified: user.email_verified_at.is_some(),
        has_second_factor,
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct ProfileForm {
    first_name: String,
    last_name: String,
    mobile: String,
    country: String,
    address: String,
    state: String,
    zip_code: String,
    city: String,
}

fn page(person: &SignedInUser, profile: &Profile, wrong: Option<(&'static str, String)>) -> FormPage {
    let field = |name: &'static str, title, kind, autocomplete, value: &str| {
        let wrong = wrong.as_ref().filter(|(field, _)| *field == name).map(|(_, text)| text.clone());
        FormFieldView::new(name, title, kind, autocomplete).optional().with(value).wrong(wrong)
    };
    FormPage::new(person.shell("About you"), "", "/accounts/profile/", "Save")
        .fields([
            field("first_name", "First name", "text", "given-name", &profile.first_name),
            field("last_name", "Last name", "text", "family-name", &profile.last_name),
            field("mobile", "Mobile number", "tel", "tel", &profile.mobile).help("With its country: +919876543210."),
            field("address", "Address", "text", "street-address", &profile.address),
            field("city", "City", "text", "address-level2", &profile.city),
            field("zip_code", "Postal code", "text", "postal-code", &profile.zip_code),
            field("state", "State", "text", "address-level1", &profile.state),
            field("country", "Country", "text", "country-name", &profile.country),
        ])
        .link("/accounts/", "Back to your account")
}

pub(super) async fn form(State(site): State<Arc<SiteState>>, person: SignedInUser) -> Result<Response, Problem> {
    let id = person.session.user.id;
    let profile = site.context.store.read(move |tx| profile_get(tx, id)).await?;
    Ok(page(&person, &profile, None).render())
}

pub(super) async fn submit(
    State(site): State<Arc<SiteState>>,
    person: SignedInUser,
    Form(form): Form<ProfileForm>,
) -> Result<Response, Problem> {
    let line = |text: &str| text.trim().to_owned();
    let profile = Profile {
        first_name: line(&form.first_name),
        last_name: line(&form.last_name),
        mobile: form.mobile.chars().filter(|c| !c.is_whitespace() && *c != '-').collect(),
        country: line(&form.country),
        address: line(&form.address),
        state: line(&form.state),
        zip_code: line(&form.zip_code),
        city: line(&form.city),
    };
    let (id, actor, origin, new) = (person.session.user.id, person.actor(), person.origin.clone(), profile.clone());
    let (now, event) = site.context.stamp();
    let saved = site.context.store.write(move |tx| {
        profile_set(tx, id, &new)?;
        note(tx, now, event, &actor, "profile.change", &origin)
    });
    match saved.await {
        Ok(()) => Ok(Redirect::to("/accounts/?told=profile").into_response()),
        Err(IdentityError::BadField { field, rule }) => {
            Ok(page(&person, &profile, Some((field, format!("This must be {rule}.")))).render())
        }
        Err(IdentityError::MobileTaken) => {
            let text = "Somebody else has this number.".to_owned();
            Ok(page(&person, &profile, Some(("mobile", text))).render())
        }
        Err(error) => Err(Problem::from(error)),
    }
}
