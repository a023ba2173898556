//! What people do with their own account: signing up, confirming an address, setting passwords, the second factor,
//! where they are signed in.
//!
//! Nothing here tells a stranger whether an account exists: the answers are the same, and so is the work behind them.

mod code;
mod email;
mod form;
pub(crate) mod mail;
mod password;
mod photo;
mod profile;
pub(crate) mod reauth;
mod reset;
mod second_factor;
mod sessions;
mod sign_up;
mod signed_in_user;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::form_route::{FormEffect, FormRoute};
use crate::site::SiteState;

pub(crate) use form::sentence;
pub use mail::NOTICES as SYSTEM_NOTICES;
pub(crate) use signed_in_user::SignedInUser;
pub(crate) use verify::duration_text;

/// The account's pages, each with and without its last slash.
pub(crate) fn routes(site: &Arc<SiteState>) -> (Router, Vec<FormRoute>) {
    let pages = [
        ("/accounts/", get(profile::home), FormEffect::None),
        (
            "/accounts/signup/",
            get(sign_up::form).post(sign_up::submit),
            FormEffect::Own("makes an account without rights"),
        ),
        ("/accounts/login/code/", get(code::form).post(code::submit), FormEffect::Own("is the second factor itself")),
        (
            "/accounts/email/",
            get(email::form).post(email::submit),
            FormEffect::Own("the password and a code are in the form"),
        ),
        ("/accounts/email/send/", post(email::send), FormEffect::Own("mails the link that was asked for before")),
        ("/accounts/verify/{token}/", get(verify::form).post(verify::submit), FormEffect::Own("the link is the proof")),
        (
            "/accounts/password/",
            get(password::form).post(password::submit),
            FormEffect::Own("the old password is in the form"),
        ),
        (
            "/accounts/password/reset/",
            get(reset::ask).post(reset::reset_request),
            FormEffect::Own("mails a link to the address of the account"),
        ),
        (
            "/accounts/password/reset/{token}/",
            get(reset::form).post(reset::submit),
            FormEffect::Own("the link is the proof"),
        ),
        (
            "/accounts/profile/",
            get(profile::form).post(profile::submit),
            FormEffect::Own("a name and a postal address open nothing"),
        ),
        ("/accounts/photo/", get(photo::form).post(photo::submit), FormEffect::Own("a picture opens nothing")),
        ("/accounts/photo/picture/", get(photo::picture), FormEffect::None),
        ("/accounts/photo/remove/", post(photo::remove), FormEffect::Own("a picture opens nothing")),
        ("/accounts/sessions/", get(sessions::list), FormEffect::None),
        ("/accounts/sessions/end/", post(sessions::end), FormEffect::Own("ends one's own sessions")),
        (
            "/accounts/second-factor/",
            get(second_factor::page).post(second_factor::confirm),
            FormEffect::Own("the password is in the form"),
        ),
        (
            "/accounts/second-factor/codes/",
            post(second_factor::new_codes),
            FormEffect::Own("the password and a code are in the form"),
        ),
        (
            "/accounts/second-factor/off/",
            post(second_factor::off),
            FormEffect::Own("the password and a code are in the form"),
        ),
    ];
    let mut router = Router::new();
    let forms = FormRoute::table(pages.each_ref().map(|(path, _, form)| (*path, *form)));
    for (path, methods, _) in pages {
        router = router.route(path.trim_end_matches('/'), methods.clone()).route(path, methods);
    }
    (router.with_state(Arc::clone(site)), forms)
}
