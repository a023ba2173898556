//! The cookies that the site keeps with a browser: one for the session, and one by which the browser is known again.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use purser_identity::{DEVICE_LASTS, Secret, SecretHash};
use purser_kit::{cookie, session_cookie};

use crate::site::SiteState;

/// The cookie by which a browser is known that somebody has signed in with.
fn browser_cookie(https: bool) -> &'static str {
    if https { "__Host-purser_browser" } else { "purser_browser" }
}

/// A token that a browser is known by.
pub(crate) fn new_browser(site: &SiteState) -> Secret {
    let mut random = [0; 32];
    (site.options.random)(&mut random);
    Secret::device(&random)
}

/// The browser that a request comes from, where it shows its cookie. For whom it is known, the database says.
pub(crate) fn browser_presented(site: &SiteState, headers: &HeaderMap) -> Option<SecretHash> {
    cookie(headers, browser_cookie(site.context.https)).map(SecretHash::of)
}

/// Gives the browser its session.
pub(crate) fn session_set(site: &SiteState, response: &mut Response, token: &Secret) {
    set(site, response, session_cookie(site.context.https), token.expose(), "");
}

/// Takes the session away again.
pub(crate) fn session_unset(site: &SiteState, response: &mut Response) {
    set(site, response, session_cookie(site.context.https), "", "; Max-Age=0");
}

/// Has the browser be known from now on.
pub(crate) fn browser_set(site: &SiteState, response: &mut Response, token: &Secret) {
    let lasts = format!("; Max-Age={}", DEVICE_LASTS.as_secs());
    set(site, response, browser_cookie(site.context.https), token.expose(), &lasts);
}

fn set(site: &SiteState, response: &mut Response, name: &str, value: &str, lasts: &str) {
    let secure = if site.context.https { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{lasts}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
