//! What people do with their own account: signing up, confirming an address, setting passwords, the second factor,
//! where they are signed in.
//!
//! Nothing here tells a stranger whether an account exists: the answers are the same, and so is the work behind them.

mod code;
mod email;
mod form;
pub(crate) mod mail;
mod password;
mod person;
mod photo;
mod profile;
pub(crate) mod proof;
mod reset;
mod second_factor;
mod sessions;
mod sign_up;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::door::{Door, Form};
use crate::site::House;

pub(crate) use form::sentence;
pub use mail::NOTICES as HOUSE_NOTICES;
pub(crate) use person::Person;
pub(crate) use verify::told_in;

/// The account's pages, each with and without its last slash.
pub(crate) fn routes(house: &Arc<House>) -> (Router, Vec<Door>) {
    let pages = [
        ("/accounts/", get(profile::home), Form::None),
        ("/accounts/signup/", get(sign_up::form).post(sign_up::submit), Form::Own("makes an account without rights")),
        ("/accounts/login/code/", get(code::form).post(code::submit), Form::Own("is the second factor itself")),
        (
            "/accounts/email/",
            get(email::form).post(email::submit),
            Form::Own("the password and a code are in the form"),
        ),
        ("/accounts/email/send/", post(email::send), Form::Own("mails the link that was asked for before")),
        ("/accounts/verify/{token}/", get(verify::form).post(verify::submit), Form::Own("the link is the proof")),
        (
            "/accounts/password/",
            get(password::form).post(password::submit),
            Form::Own("the old password is in the form"),
        ),
        (
            "/accounts/password/reset/",
            get(reset::ask).post(reset::asked),
            Form::Own("mails a link to the address of the account"),
        ),
        ("/accounts/password/reset/{token}/", get(reset::form).post(reset::submit), Form::Own("the link is the proof")),
        (
            "/accounts/profile/",
            get(profile::form).post(profile::submit),
            Form::Own("a name and a postal address open nothing"),
        ),
        ("/accounts/photo/", get(photo::form).post(photo::submit), Form::Own("a picture opens nothing")),
        ("/accounts/photo/picture/", get(photo::picture), Form::None),
        ("/accounts/photo/remove/", post(photo::remove), Form::Own("a picture opens nothing")),
        ("/accounts/sessions/", get(sessions::list), Form::None),
        ("/accounts/sessions/end/", post(sessions::end), Form::Own("ends one's own sessions")),
        (
            "/accounts/second-factor/",
            get(second_factor::page).post(second_factor::confirm),
            Form::Own("the password is in the form"),
        ),
        (
            "/accounts/second-factor/codes/",
            post(second_factor::new_codes),
            Form::Own("the password and a code are in the form"),
        ),
        (
            "/accounts/second-factor/off/",
            post(second_factor::off),
            Form::Own("the password and a code are in the form"),
        ),
    ];
    let mut router = Router::new();
    let doors = Door::table(pages.each_ref().map(|(path, _, form)| (*path, *form)));
    for (path, methods, _) in pages {
        router = router.route(path.trim_end_matches('/'), methods.clone()).route(path, methods);
    }
    (router.with_state(Arc::clone(house)), doors)
}
