//! Who is asking.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use purser_identity::{
    Actor, ApiKey, Error as IdentityError, ResourceBinding, SecretHash, Session, User, api_key_by_hash, api_key_label,
    api_key_used, session_find, session_seen, user_get,
};
use purser_store::{Error as StoreError, ReadTx};
use uuid::Uuid;

use crate::code;
use crate::command::{REAUTH_AT_MOST, REAUTH_LASTS};
use crate::console::RequestContext;
use crate::context::AppContext;
use crate::problem::Problem;
use crate::rights::{GrantedScopes, Rights};

/// The cookie that carries a session's token. Under https its prefix has browsers take it from this very host alone, by
/// https and for all paths: neither a neighbor under the same domain nor somebody on the way can plant one.
#[must_use]
pub fn session_cookie(https: bool) -> &'static str {
    if https { "__Host-purser_session" } else { "purser_session" }
}

/// How long a key is believed without asking the database again. A revocation reaches the copy of the program that did
/// it at once, and every other copy within this time.
const KEY_TRUST: SignedDuration = SignedDuration::from_secs(2);

/// How exactly a key's or a session's last use is kept.
const USE_GRAIN: SignedDuration = SignedDuration::from_secs(60);

/// Keys remembered at once, at most. Past it all are forgotten, which costs a look-up each.
const KEY_RING: usize = 10_000;

/// The address that a request came from, as far as it can be believed. The web server leaves it with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The authenticated caller of a request: a key, or a person with a session. Handlers take it as an extractor.
#[derive(Debug, Clone)]
pub struct Principal {
    who: Credential,
    address: Option<ClientAddress>,
}

#[derive(Debug, Clone)]
enum Credential {
    Key(Arc<KeyCredential>),
    Person(Arc<SessionCredential>),
}

/// A key, and what its maker may do.
#[derive(Debug)]
struct KeyCredential {
    key: ApiKey,
    /// A key that acts for one object is bounded by that object. Any other that a person made does no more than its
    /// maker may do now.
    bounds: Option<GrantedScopes>,
}

impl KeyCredential {
    fn has(&self, scope: &str) -> bool {
        self.key.scopes.covers(scope) && self.bounds.as_ref().is_none_or(|maker| maker.covers(scope))
    }
}

#[derive(Debug)]
struct SessionCredential {
    user: User,
    granted: GrantedScopes,
    session: SecretHash,
    reauthenticated_at: Timestamp,
    decided_at: Option<Timestamp>,
}

impl SessionCredential {
    fn last_decision(&self) -> Timestamp {
        self.decided_at.map_or(self.reauthenticated_at, |decided| decided.max(self.reauthenticated_at))
    }
}

impl Principal {
    /// A person who is signed in.
    #[must_use]
    pub fn person(rights: &Rights, session: &Session) -> Self {
        let (user, proved_at, decided_at) = (session.user.clone(), session.reauthenticated_at, session.decided_at);
        let granted = rights.granted(&user);
        let person =
            SessionCredential { user, granted, session: session.hash, reauthenticated_at: proved_at, decided_at };
        Principal { who: Credential::Person(Arc::new(person)), address: None }
    }

    /// Whether a person has signed in or reauthenticated lately. A key has no session that could be stolen.
    pub(crate) fn is_reauthenticated(&self, now: Timestamp) -> bool {
        match &self.who {
            Credential::Key(_) => true,
            Credential::Person(person) => {
                now < later(person.last_decision(), REAUTH_LASTS)
                    && now < later(person.reauthenticated_at, REAUTH_AT_MOST)
            }
        }
    }

    /// A person's session, and when it last decided something that requires a reauthentication.
    pub(crate) fn last_decision(&self) -> Option<(SecretHash, Timestamp)> {
        match &self.who {
            Credential::Key(_) => None,
            Credential::Person(person) => Some((person.session, person.last_decision())),
        }
    }

    /// Whether it is a person of staff.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        match &self.who {
            Credential::Key(_) => false,
            Credential::Person(person) => person.user.is_staff,
        }
    }

    /// The person, where it is one and no key.
    #[must_use]
    pub fn person_id(&self) -> Option<Uuid> {
        match &self.who {
            Credential::Key(_) => None,
            Credential::Person(person) => Some(person.user.id),
        }
    }

    /// Whether it is a person who has not confirmed their address yet: no money leaves for them.
    #[must_use]
    pub fn is_unconfirmed(&self) -> bool {
        match &self.who {
            Credential::Key(_) => false,
            Credential::Person(person) => person.user.email_verified_at.is_none(),
        }
    }

    /// Whether the caller has a scope.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        match &self.who {
            Credential::Key(program) => program.has(scope),
            Credential::Person(person) => person.granted.covers(scope),
        }
    }

    /// The one object that the caller may act for, where there is one.
    #[must_use]
    pub fn binding(&self) -> Option<&ResourceBinding> {
        match &self.who {
            Credential::Key(program) => program.key.binding.as_ref(),
            Credential::Person(_) => None,
        }
    }

    /// The id of the one object of this `kind` that the caller may act for. A caller who is bound to something else
    /// gets `Some` id that is nobody's, and so finds nothing.
    #[must_use]
    pub fn bound_to(&self, kind: &str) -> Option<Uuid> {
        self.binding().map(|binding| if binding.kind == kind { binding.id } else { Uuid::nil() })
    }

    /// Whether the caller may act for the object `id` of this `kind`.
    #[must_use]
    pub fn may_see(&self, kind: &str, id: Uuid) -> bool {
        self.bound_to(kind).is_none_or(|tied| tied == id)
    }

    /// Who it is, for the journal and the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.who {
            Credential::Key(program) => Actor::ApiKey(program.key.id),
            Credential::Person(person) => Actor::User(person.user.id),
        }
    }

    /// The same, known to ask from there.
    #[must_use]
    pub fn at(self, address: Option<ClientAddress>) -> Self {
        Principal { address, ..self }
    }

    /// Where the request came from, where that is known: for the audit log.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        self.address.map(|ClientAddress(address)| address.to_string())
    }

    /// Whoever asks as whoever does what is asked, now, with fresh ids.
    #[must_use]
    pub fn request_context(&self, context: &AppContext) -> RequestContext {
        let (now, seed) = context.stamp();
        self.request_context_at(now, seed)
    }

    /// The same at this moment, with the ids that begin there.
    #[must_use]
    pub fn request_context_at(&self, now: Timestamp, seed: Uuid) -> RequestContext {
        let cx = RequestContext::new(now, self.actor().to_string(), self.person_id().unwrap_or(Uuid::nil()), seed);
        cx.with_address(self.address())
    }

    /// Who it is, for an error.
    #[must_use]
    pub fn described(&self) -> String {
        match &self.who {
            Credential::Key(program) => format!("the key '{}'", program.key.label),
            Credential::Person(person) => format!("the user {}", person.user.username),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The route's guard has put it there; a route that needs nothing has no caller to ask for.
        let principal = parts.extensions.get::<Principal>().cloned();
        principal.ok_or_else(|| Problem::internal("a handler asks for the caller of a route that needs none"))
    }
}

/// Finds out who asks, by `Authorization: Bearer pk_…` or else by the session's cookie.
///
/// # Errors
/// [`code::UNAUTHENTICATED`], or the store's.
pub async fn authenticate(context: &AppContext, headers: &HeaderMap) -> Result<Principal, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer).ok_or_else(|| {
            Problem::new(&code::UNAUTHENTICATED, "The Authorization header is not of the form 'Bearer pk_…'.")
        })?;
        return context.keys.principal(context, SecretHash::of(token)).await;
    }
    if let Some(session) = session_presented(context.https, headers) {
        return person(context, session).await;
    }
    Err(Problem::new(&code::UNAUTHENTICATED, "Send 'Authorization: Bearer pk_…', or sign in."))
}

/// Whether a request shows something that is meant to open.
pub(crate) fn has_token(https: bool, headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || session_presented(https, headers).is_some()
}

/// The key that a request shows, hashed.
pub(crate) fn token(headers: &HeaderMap) -> Option<SecretHash> {
    headers.get(header::AUTHORIZATION)?.to_str().ok().and_then(bearer).map(SecretHash::of)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The value of a cookie.
#[must_use]
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The session whose cookie the request carries, by the hash of its token. Whether it is alive, the database knows.
#[must_use]
pub fn session_presented(https: bool, headers: &HeaderMap) -> Option<SecretHash> {
    cookie(headers, session_cookie(https)).map(SecretHash::of)
}

async fn person(context: &AppContext, hash: SecretHash) -> Result<Principal, Problem> {
    let now = context.now();
    let session = context.store.read(move |tx| session_find(tx, now, hash).map_err(Problem::internal)).await?;
    let session =
        session.ok_or_else(|| Problem::new(&code::UNAUTHENTICATED, "The session has ended; sign in again."))?;
    note_sight(context, &session, now);
    Ok(Principal::person(&context.rights, &session))
}

/// Keeps a session from going idle, to the minute, without making its request wait.
fn note_sight(context: &AppContext, session: &Session, now: Timestamp) {
    if now < later(session.last_seen_at, USE_GRAIN) {
        return;
    }
    let (store, hash) = (context.store.clone(), session.hash);
    tokio::spawn(async move {
        let noted = store.write(move |tx| session_seen(tx, now, hash).map_err(Problem::internal)).await;
        if let Err(problem) = noted {
            tracing::warn!(detail = problem.detail(), "a session's last use could not be kept");
        }
    });
}

/// API keys seen lately, so that a sale does not look its key up.
#[derive(Default)]
pub struct KeyCache {
    keys: Mutex<HashMap<SecretHash, CachedKey>>,
}

#[derive(Clone)]
struct CachedKey {
    program: Arc<KeyCredential>,
    at: Timestamp,
}

impl KeyCache {
    /// Forgets everything: what was revoked is refused from now on.
    pub fn clear(&self) {
        self.lock().clear();
    }

    async fn principal(&self, context: &AppContext, hash: SecretHash) -> Result<Principal, Problem> {
        let now = context.now();
        let seen = self.lock().get(&hash).cloned();
        if let Some(seen) = seen
            && now < later(seen.at, KEY_TRUST)
            && seen.program.key.expires_at.is_none_or(|end| now < end)
        {
            return Ok(Principal { who: Credential::Key(seen.program), address: None });
        }
        let rights = context.rights.clone();
        let found = context.store.read(move |tx| program(tx, &rights, now, hash).map_err(Problem::internal)).await?;
        let Some(program) = found.map(Arc::new) else {
            self.lock().remove(&hash);
            return Err(Problem::new(&code::UNAUTHENTICATED, "The key is not known, was revoked, or has expired."));
        };
        self.remember(hash, CachedKey { program: Arc::clone(&program), at: now });
        note_use(context, &program.key, now);
        Ok(Principal { who: Credential::Key(program), address: None })
    }

    fn remember(&self, hash: SecretHash, seen: CachedKey) {
        let mut keys = self.lock();
        if keys.len() >= KEY_RING {
            keys.clear();
        }
        keys.insert(hash, seen);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SecretHash, CachedKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The live key of this secret, with what its maker may do.
fn program(
    tx: &mut ReadTx<'_>,
    rights: &Rights,
    now: Timestamp,
    hash: SecretHash,
) -> Result<Option<KeyCredential>, IdentityError> {
    let Some(key) = api_key_by_hash(tx, now, hash)? else { return Ok(None) };
    let maker = key.maker.filter(|_| key.binding.is_none());
    let maker = maker.map(|maker| user_get(tx, maker)).transpose()?;
    Ok(Some(KeyCredential { bounds: maker.map(|maker| rights.granted(&maker)), key }))
}

/// Keeps a key's last use, to the minute, without making its request wait.
fn note_use(context: &AppContext, key: &ApiKey, now: Timestamp) {
    if key.last_used_at.is_some_and(|last| now < later(last, USE_GRAIN)) {
        return;
    }
    let (store, id) = (context.store.clone(), key.id);
    tokio::spawn(async move {
        let noted = store.write(move |tx| api_key_used(tx, id, now).map_err(Problem::internal)).await;
        if let Err(problem) = noted {
            tracing::warn!(key = %id, detail = problem.detail(), "a key's last use could not be kept");
        }
    });
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// An actor as people call it: a person by the username, a key by its label, any other as it is written.
///
/// # Errors
/// The store's.
pub fn actor_name(tx: &mut ReadTx<'_>, actor: &str) -> Result<String, StoreError> {
    let name = match Actor::parse(actor) {
        Some(Actor::User(id)) => user_get(tx, id).map(|user| Some(user.username.to_string())),
        Some(Actor::ApiKey(id)) => api_key_label(tx, id).map(|label| label.map(|label| format!("key '{label}'"))),
        _ => Ok(None),
    };
    match name {
        Ok(name) => Ok(name.unwrap_or_else(|| actor.to_owned())),
        Err(IdentityError::Store(error)) => Err(error),
        // One who is no more.
        Err(_) => Ok(actor.to_owned()),
    }
}
