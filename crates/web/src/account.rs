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

use crate::site::House;

pub(crate) use form::sentence;
pub use mail::NOTICES as HOUSE_NOTICES;
pub(crate) use person::Person;
pub(crate) use verify::told_in;

/// The account's pages, each with and without its last slash.
pub(crate) fn routes(house: &Arc<House>) -> Router {
    let pages = [
        ("/accounts/", get(profile::home)),
        ("/accounts/signup/", get(sign_up::form).post(sign_up::submit)),
        ("/accounts/login/code/", get(code::form).post(code::submit)),
        ("/accounts/email/", get(email::form).post(email::submit)),
        ("/accounts/email/send/", post(email::send)),
        ("/accounts/verify/{token}/", get(verify::form).post(verify::submit)),
        ("/accounts/password/", get(password::form).post(password::submit)),
        ("/accounts/password/reset/", get(reset::ask).post(reset::asked)),
        ("/accounts/password/reset/{token}/", get(reset::form).post(reset::submit)),
        ("/accounts/profile/", get(profile::form).post(profile::submit)),
        ("/accounts/photo/", get(photo::form).post(photo::submit)),
        ("/accounts/photo/picture/", get(photo::picture)),
        ("/accounts/photo/remove/", post(photo::remove)),
        ("/accounts/sessions/", get(sessions::list)),
        ("/accounts/sessions/end/", post(sessions::end)),
        ("/accounts/second-factor/", get(second_factor::page).post(second_factor::confirm)),
        ("/accounts/second-factor/codes/", post(second_factor::new_codes)),
        ("/accounts/second-factor/off/", post(second_factor::off)),
    ];
    let mut router = Router::new();
    for (path, methods) in pages {
        router = router.route(path.trim_end_matches('/'), methods.clone()).route(path, methods);
    }
    router.with_state(Arc::clone(house))
}
