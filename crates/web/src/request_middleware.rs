//! What every request passes on its way in and every answer on its way out.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use purser_kit::{ClientAddress, Problem, code};

use crate::address;
use crate::drain::UnreadBody;
use crate::metrics::Metrics;
use crate::pages;
use crate::server::Peer;
use crate::site::SiteState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a page may load: its own stylesheet and pictures, and nothing else from anywhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; \
     script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the middleware needs to know.
#[derive(Clone)]
pub(crate) struct MiddlewareState {
    site: Arc<SiteState>,
    measures: Arc<Metrics>,
}

impl MiddlewareState {
    pub(crate) fn new(site: &Arc<SiteState>, measures: &Arc<Metrics>) -> Self {
        MiddlewareState { site: Arc::clone(site), measures: Arc::clone(measures) }
    }
}

/// Names the request, measures it, logs it, and puts the headers of caution on its answer.
pub(crate) async fn pass(State(state): State<MiddlewareState>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(&state, request.headers());
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|info| info.0.0.ip());
    let address = peer.map(|peer| address::client(peer, request.headers(), &state.site.options.trusted_proxies));
    let client = address.map(tracing::field::display);
    if let Some(address) = address {
        request.extensions_mut().insert(ClientAddress(address));
    }
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let uri = request.uri().clone();
    let leftover = UnreadBody::of(&mut request);
    // What no connection brought was made in this program, and has no host to name.
    let named = if peer.is_some() { host_named(&request) } else { Ok(()) };
    let mut response = match named {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(leftover) = leftover {
        leftover.drain().await;
    }
    response = pages::in_our_words(&uri, response);
    let status = response.status();
    let took = began.elapsed();
    state.measures.request(&method, route, status, took);
    if status.is_server_error() {
        tracing::warn!(?id, ?client, %method, route, status = status.as_u16(), ?took, "[REQUEST] failed");
    } else {
        tracing::debug!(?id, ?client, %method, route, status = status.as_u16(), ?took, "[REQUEST]");
    }
    caution(response.headers_mut(), state.site.context.https);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// A request names the host that it is for, once (RFC 9112, 3.2): two names, and a proxy on the way may have believed the
/// other one.
fn host_named(request: &Request) -> Result<(), Problem> {
    let refused = |detail: &'static str| Err(Problem::new(&code::INVALID_HOST, detail));
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let Some(host) = hosts.next() else {
        let is_old = request.version() < Version::HTTP_11;
        return if is_old { Ok(()) } else { refused("The request has no Host header.") };
    };
    if hosts.next().is_some() {
        return refused("The request has more than one Host header.");
    }
    let named = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    let Some(named) = named.filter(|named| !named.as_str().contains('@') && is_port(named)) else {
        return refused("The Host header names no host.");
    };
    match request.uri().authority() {
        Some(target) if !target.as_str().eq_ignore_ascii_case(named.as_str()) => {
            refused("The Host header names another host than the request's target.")
        }
        _ => Ok(()),
    }
}

/// Whether what follows the host, where anything does, is a port.
fn is_port(authority: &Authority) -> bool {
    let rest = authority.as_str().get(authority.host().len()..).unwrap_or_default();
    rest.is_empty() || authority.port_u16().is_some()
}

/// The client's own id where it is a modest one, else a fresh one.
fn request_id(state: &MiddlewareState, headers: &HeaderMap) -> HeaderValue {
    let modest = |value: &&HeaderValue| {
        (1..=64).contains(&value.len())
            && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
    };
    if let Some(own) = headers.get(REQUEST_ID).filter(modest) {
        return own.clone();
    }
    let (_, id) = state.site.context.stamp();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
        .unwrap_or(HeaderValue::from_static("none"))
}

/// Nothing is cached by anybody on the way, framed, guessed at or leaked, unless a route said otherwise.
fn caution(headers: &mut HeaderMap, https: bool) {
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_page {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    }
    if https {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}
