//! Signing in and out.

use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, http};
use jiff::Timestamp;
use purser_identity::{
    Actor, AuditEvent, Error as IdentityError, LOGIN_BY_ADDRESS, LOGIN_FAILED_BY_ACCOUNT, LOGIN_FAILED_BY_ADDRESS,
    LOGIN_FAILED_BY_DEVICE, PasswordHash, RateDecision, RateLimit, RequestOrigin, Secret, SecretHash, User, audit,
    device_is_known, device_remember, login_key, password_verify, rate_forgive, rate_left, rates_hit,
    second_factor_is_on, session_create, session_create_pending, session_find, session_revoke, user_by_login,
};
use purser_kit::{ClientAddress, Problem, code, session_presented};
use purser_store::{ReadTx, WriteTx};
use serde::Deserialize;
use uuid::Uuid;

use crate::address;
use crate::console::escaped;
use crate::cookies::{browser_presented, browser_set, new_browser, session_set, session_unset};
use crate::pages::{Shell, message, page};
use crate::site::SiteState;
use crate::warning::owner_warn;

/// Where to go after signing in.
#[derive(Deserialize)]
pub(crate) struct Destination {
    pub(crate) next: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    shell: Shell,
    login: &'a str,
    next: &'a str,
    error: Option<String>,
    may_sign_up: bool,
}

pub(crate) async fn form(State(site): State<Arc<SiteState>>, Query(destination): Query<Destination>) -> Response {
    let next = local_path(destination.next.as_deref());
    let may_sign_up = site.options.sign_up;
    let shell = Shell::new("Sign in", None);
    page(StatusCode::OK, &SignInPage { shell, login: "", next, error: None, may_sign_up })
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct SignInForm {
    login: String,
    password: String,
    next: Option<String>,
}

pub(crate) async fn submit(
    State(site): State<Arc<SiteState>>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Result<Response, Problem> {
    let origin = origin(address, &headers);
    let next = local_path(form.next.as_deref());
    let refused = |status, error: String| {
        let shell = Shell::new("Sign in", None);
        let may_sign_up = site.options.sign_up;
        page(status, &SignInPage { shell, login: &form.login, next, error: Some(error), may_sign_up })
    };
    let from = SignInSource::of(&site, &headers, origin.clone());
    let (candidate, counted) = match SignInAttempt::begin(&site, &form.login, &from).await? {
        SignInAttempt::Limited(seconds) => {
            let mut response = refused(
                StatusCode::TOO_MANY_REQUESTS,
                format!("Too many attempts. Wait {seconds} seconds, then try again."),
            );
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        SignInAttempt::Allowed(candidate, counted) => (*candidate, counted),
    };
    let fits = verify(&site, form.password.clone(), candidate.as_ref().and_then(|(_, hash)| hash.clone())).await?;
    let entered = match candidate.filter(|(user, _)| fits && user.may_enter()) {
        Some((user, hash)) => enter(&site, &form.login, hash, &from, &counted).await?.map(|entered| (user, entered)),
        None => None,
    };
    match entered {
        Some((user, SignInResult::Wholly(token, browser))) => {
            Ok(with_session(&site, landing(next, &user), &token, Some(&browser)))
        }
        // The password was right; what it opens is the page that asks for the code.
        Some((_, SignInResult::Half(token))) => {
            Ok(with_session(&site, &format!("/accounts/login/code/?next={}", escaped(next)), &token, None))
        }
        None => {
            note_refusal(&site, &form.login, &origin, &counted).await?;
            // The same words whether the account exists or not.
            Ok(refused(StatusCode::UNAUTHORIZED, "The name or the password is wrong.".to_owned()))
        }
    }
}

/// Somebody who is called as was typed, where there is anybody, and the hash of their password.
type Candidate = Option<(User, Option<PasswordHash>)>;

/// Where a sign-in comes from, and what its browser shows.
struct SignInSource {
    origin: RequestOrigin,
    browser: Option<SecretHash>,
    session: Option<SecretHash>,
}

impl SignInSource {
    fn of(site: &SiteState, headers: &HeaderMap, origin: RequestOrigin) -> Self {
        let session = session_presented(site.context.https, headers);
        SignInSource { origin, browser: browser_presented(site, headers), session }
    }

    /// What a wrong password from here is counted by. A browser that has signed in to the account before, and a session
    /// of it, are counted apart from strangers: those must not be able to keep the owner out.
    fn counted(
        &self,
        tx: &mut ReadTx<'_>,
        now: Timestamp,
        login: &str,
        candidate: &Candidate,
    ) -> Result<AttemptKeys, IdentityError> {
        let stranger = AttemptKeys { limit: LOGIN_FAILED_BY_ACCOUNT, key: login_key(login), is_stranger: true };
        let Some((user, _)) = candidate else { return Ok(stranger) };
        let own = |shown: SecretHash| {
            let key = format!("{}:{}", user.id, shown.hex());
            AttemptKeys { limit: LOGIN_FAILED_BY_DEVICE, key, is_stranger: false }
        };
        if let Some(browser) = self.browser
            && device_is_known(tx, now, user.id, browser)?
        {
            return Ok(own(browser));
        }
        if let Some(session) = self.session
            && session_find(tx, now, session)?.is_some_and(|session| session.user.id == user.id)
        {
            return Ok(own(session));
        }
        Ok(stranger)
    }
}

/// What a try is counted by beside the peer's address.
#[derive(Clone)]
struct AttemptKeys {
    limit: RateLimit,
    key: String,
    is_stranger: bool,
}

/// A try at signing in, counted before anything else is looked at.
enum SignInAttempt {
    Limited(u32),
    Allowed(Box<Candidate>, AttemptKeys),
}

impl SignInAttempt {
    async fn begin(site: &SiteState, login: &str, from: &SignInSource) -> Result<Self, Problem> {
        let (login, now) = (login.to_owned(), site.context.now());
        let from = SignInSource { origin: from.origin.clone(), ..*from };
        let begun = site.context.store.write(move |tx| {
            let candidate = user_by_login(tx, &login)?;
            let counted = from.counted(tx, now, &login, &candidate)?;
            let address = counted_as(&from.origin);
            let address = address.as_str();
            let own = (counted.limit, counted.key.as_str());
            // Many share one address; strangers behind it keep no owner out either.
            let decision = if counted.is_stranger {
                rates_hit(tx, now, &[(LOGIN_BY_ADDRESS, address), (LOGIN_FAILED_BY_ADDRESS, address), own])?
            } else {
                rates_hit(tx, now, &[(LOGIN_BY_ADDRESS, &counted.key), own])?
            };
            Ok::<_, IdentityError>(match decision {
                RateDecision::Limited { retry_after_seconds } => SignInAttempt::Limited(retry_after_seconds),
                RateDecision::Allowed => SignInAttempt::Allowed(Box::new(candidate), counted),
            })
        });
        begun.await.map_err(Problem::from)
    }
}

/// On a thread of its own, one at a time, so that hashing never starves sales; and with the same work whether there is
/// a hash to compare with or not.
pub(crate) async fn verify(site: &SiteState, password: String, hash: Option<PasswordHash>) -> Result<bool, Problem> {
    let cost = site.options.hash_cost;
    site.hashing.run(move || password_verify(&password, hash.as_ref(), cost)).await
}

/// What a right password led to.
enum SignInResult {
    /// A session, and a browser that is known from now on.
    Wholly(Secret, Secret),
    /// A session that waits for the second factor.
    Half(Secret),
}

/// Begins a session, or one that waits for the second factor; unless the password was changed or the account stopped
/// while the old one was being verified.
async fn enter(
    site: &SiteState,
    login: &str,
    verified: Option<PasswordHash>,
    from: &SignInSource,
    counted: &AttemptKeys,
) -> Result<Option<SignInResult>, Problem> {
    let (token, known) = (new_token(site), new_browser(site));
    let (hash, browser, (now, event)) = (token.hash(), known.hash(), site.context.stamp());
    let (login, counted, rules) = (login.to_owned(), counted.clone(), site.options.session_rules);
    let SignInSource { origin, browser: former_browser, session: former } =
        SignInSource { origin: from.origin.clone(), ..*from };
    let entered = site.context.store.write(move |tx| {
        let Some((user, _)) = user_by_login(tx, &login)?.filter(|(user, hash)| user.may_enter() && *hash == verified)
        else {
            return Ok(None);
        };
        if let Some(former) = former {
            session_revoke(tx, now, former)?;
        }
        let pending = second_factor_is_on(tx, user.id)?;
        if pending {
            session_create_pending(tx, now, hash, &user, &origin)?;
        } else {
            session_create(tx, now, hash, &user, &origin, &rules)?;
            device_remember(tx, now, user.id, browser, former_browser)?;
        }
        if counted.is_stranger {
            rate_forgive(tx, LOGIN_FAILED_BY_ADDRESS.bucket, &counted_as(&origin))?;
        }
        rate_forgive(tx, counted.limit.bucket, &counted.key)?;
        let action = if pending { "session.password" } else { "session.begin" };
        note(tx, now, event, &Actor::User(user.id).to_string(), action, &origin)?;
        Ok::<_, IdentityError>(Some(pending))
    });
    let entered = entered.await?;
    Ok(entered.map(|pending| if pending { SignInResult::Half(token) } else { SignInResult::Wholly(token, known) }))
}

pub(crate) fn new_token(site: &SiteState) -> Secret {
    let mut random = [0; 32];
    (site.options.random)(&mut random);
    Secret::session(&random)
}

/// Puts a refusal on record. The last one that a stranger has before they must wait warns the owner, where there is one:
/// that is found out by a job, so that the answer and the work behind it stay the same.
async fn note_refusal(
    site: &SiteState,
    login: &str,
    origin: &RequestOrigin,
    counted: &AttemptKeys,
) -> Result<(), Problem> {
    let ((now, event), typed) = (site.context.stamp(), login.to_owned());
    let (job, reset) = (site.context.ids.next(now), format!("{}/accounts/password/reset/", site.options.base_url));
    let (login, origin) = (login_key(login).chars().take(150).collect::<String>(), origin.clone());
    let counted = counted.clone();
    let noted = site.context.store.write(move |tx| {
        let detail = serde_json::json!({ "login": login }).to_string();
        let event_text = AuditEvent {
            actor: "nobody",
            action: "session.refused",
            subject: "sign-in",
            address: Some(&origin.address),
            detail: &detail,
        };
        audit(tx, now, event, &event_text).map_err(IdentityError::from)?;
        if counted.is_stranger && rate_left(tx, now, counted.limit, &counted.key)? == 0 {
            return owner_warn(tx, now, job, &typed, &origin.address, &reset);
        }
        Ok(false)
    });
    if noted.await? {
        site.context.outbox.wake();
    }
    Ok(())
}

pub(crate) fn note(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    event: Uuid,
    actor: &str,
    action: &'static str,
    origin: &RequestOrigin,
) -> Result<(), IdentityError> {
    let address = Some(origin.address.as_str());
    Ok(audit(tx, now, event, &AuditEvent { actor, action, subject: actor, address, detail: "{}" })?)
}

/// Off to `next`, with the session's cookie, and the browser's where it is known from now on.
pub(crate) fn with_session(site: &SiteState, next: &str, token: &Secret, browser: Option<&Secret>) -> Response {
    let mut response = Redirect::to(next).into_response();
    session_set(site, &mut response, token);
    if let Some(browser) = browser {
        browser_set(site, &mut response, browser);
    }
    response
}

/// Ends the session, here and in the database.
pub(crate) async fn sign_out(
    State(site): State<Arc<SiteState>>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(hash) = session_presented(site.context.https, &headers) {
        let (now, event) = site.context.stamp();
        let (origin, user) = (origin(address, &headers), crate::pages::signed_in(&site, &headers).await?);
        let ended = site.context.store.write(move |tx| {
            session_revoke(tx, now, hash)?;
            match &user {
                Some(user) => note(tx, now, event, &Actor::User(user.id).to_string(), "session.end", &origin),
                None => Ok(()),
            }
        });
        ended.await?;
    }
    let mut response = Redirect::to("/").into_response();
    session_unset(&site, &mut response);
    Ok(response)
}

pub(crate) fn origin(address: Option<Extension<ClientAddress>>, headers: &HeaderMap) -> RequestOrigin {
    let agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let address = address.map(|Extension(ClientAddress(address))| address.to_string());
    RequestOrigin { address: address.unwrap_or_else(|| "unknown".to_owned()), agent: agent.to_owned() }
}

/// What limits by address count tries from there by. One host has a whole /64 of IPv6 addresses to try from; the record
/// names the one that it used.
pub(crate) fn counted_as(origin: &RequestOrigin) -> String {
    match origin.address.parse().map(address::counted) {
        Ok(IpAddr::V6(address)) => format!("{address}/64"),
        Ok(address) => address.to_string(),
        Err(_) => origin.address.clone(),
    }
}

/// A path of this site, and nothing that a browser would read as another one.
pub(crate) fn local_path(next: Option<&str>) -> &str {
    let plain = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && path.len() <= 500
            && path.bytes().all(|byte| byte.is_ascii_graphic())
    };
    next.filter(plain).unwrap_or("/")
}

/// Where somebody goes who has signed in: staff who asked for nothing in particular, to their work.
pub(crate) fn landing<'a>(next: &'a str, user: &User) -> &'a str {
    if next == "/" && user.is_staff { "/admin/" } else { next }
}

/// A link or a form that has had its day.
pub(crate) fn gone(text: &str) -> Response {
    message(StatusCode::from_u16(code::NOT_FOUND.status).unwrap_or(StatusCode::NOT_FOUND), "Not valid any more", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_nowhere_but_here() {
        for good in ["/", "/admin/", "/a?b=c#d"] {
            assert_eq!(local_path(Some(good)), good);
        }
        let long = format!("/{}", "a".repeat(500));
        for bad in ["", "x", "//evil.example", "/\\evil.example", "https://evil.example", "/\n/evil", "/ä", &long] {
            assert_eq!(local_path(Some(bad)), "/", "{bad:?}");
        }
        assert_eq!(local_path(None), "/");
    }

    #[test]
    fn one_host_is_counted_once_however_many_addresses_it_has() {
        let counted = |text: &str| counted_as(&RequestOrigin { address: text.to_owned(), agent: String::new() });
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), counted("2001:db8:1:2:ffff::1"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
