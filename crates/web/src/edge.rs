//! What every request passes on its way in and every answer on its way out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use purser_kit::ClientAddress;

use crate::linger::Leftover;
use crate::measure::Measures;
use crate::server::Peer;
use crate::site::House;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a page may load: its own stylesheet and pictures, and nothing else from anywhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; \
     script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the middleware needs to know.
#[derive(Clone)]
pub(crate) struct Edge {
    house: Arc<House>,
    measures: Arc<Measures>,
}

impl Edge {
    pub(crate) fn new(house: &Arc<House>, measures: &Arc<Measures>) -> Self {
        Edge { house: Arc::clone(house), measures: Arc::clone(measures) }
    }
}

/// Names the request, measures it, logs it, and puts the headers of caution on its answer.
pub(crate) async fn pass(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(&edge, request.headers());
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|info| info.0.0.ip());
    let address = peer.map(|peer| client_address(peer, request.headers(), &edge.house.options.trusted_proxies));
    if let Some(address) = address {
        request.extensions_mut().insert(ClientAddress(address));
    }
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let leftover = Leftover::of(&mut request);
    let mut response = next.run(request).await;
    if let Some(leftover) = leftover {
        leftover.drain().await;
    }
    let status = response.status();
    let took = began.elapsed();
    edge.measures.request(&method, route, status, took);
    if status.is_server_error() {
        tracing::warn!(?id, %method, route, status = status.as_u16(), ?took, "[REQUEST] failed");
    } else {
        tracing::debug!(?id, %method, route, status = status.as_u16(), ?took, "[REQUEST]");
    }
    caution(response.headers_mut(), edge.house.context.https);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The client's own id where it is a modest one, else a fresh one.
fn request_id(edge: &Edge, headers: &HeaderMap) -> HeaderValue {
    let modest = |value: &&HeaderValue| {
        (1..=64).contains(&value.len())
            && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
    };
    if let Some(own) = headers.get(REQUEST_ID).filter(modest) {
        return own.clone();
    }
    let (_, id) = edge.house.context.stamp();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
        .unwrap_or(HeaderValue::from_static("none"))
}

/// The last address in X-Forwarded-For that is not a trusted proxy's, where the peer is one; else the peer's.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut known = hops.into_iter().rev().map_while(|hop| hop.parse::<IpAddr>().ok());
    known.find(|hop| !trusted.contains(hop)).unwrap_or(peer)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed_about_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, 203.0.113.7, 10.0.0.2"));
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        assert_eq!(client_address(ip("198.51.100.1"), &headers, &trusted), ip("198.51.100.1"));
        assert_eq!(client_address(ip("10.0.0.1"), &headers, &trusted), ip("203.0.113.7"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("nonsense"));
        assert_eq!(client_address(ip("10.0.0.1"), &headers, &trusted), ip("10.0.0.1"));
    }
}
