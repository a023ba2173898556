//! Notices to other programs: a signed POST. docs/webhooks.md tells receivers all of it.
//!
//! ```text
//! POST {address}
//! X-Purser-Event-Id: 0197…             the same for every attempt: keep it, and pass over what you have had
//! X-Purser-Timestamp: 1790000000       the moment of signing: seconds since 1970
//! X-Purser-Signature: v1=5257a8…       HMAC-SHA-256 of `event-id.timestamp.body` under the shared secret, in hex
//!
//! {"id", "event", "created_at", "language", "text", "values": {…}}
//! ```
//!
//! Any 2xx is an answer that it was taken; what else the answer says is not even read. 408, 425, 429, 5xx (whose
//! Retry-After is kept) and silence are tried again; all else is a refusal for good. A redirect is not followed: it
//! would carry what is signed to somebody else.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use purser_outbox::{Notice, SentText};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde_json::json;
use sha2::Sha256;

use crate::circuit_breaker::CircuitBreaker;
use crate::{BadSetting, DeliveryError, bad};

/// The header with the event's id.
pub const EVENT_ID: &str = "x-purser-event-id";

/// The header with the moment of signing.
pub const TIMESTAMP: &str = "x-purser-timestamp";

/// The header with the signature.
pub const SIGNATURE: &str = "x-purser-signature";

/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest wait that is believed, in seconds: an hour.
const LONGEST_WAIT: i64 = 3_600;

/// A way to call other programs. Cheap to clone.
#[derive(Clone)]
pub struct Webhook {
    key: Hmac<Sha256>,
    client: Client,
    allow_private: bool,
    circuit_breaker: CircuitBreaker,
}

impl Webhook {
    /// Signs with `secret`; `None` where there is none. Addresses inside this network, and plain http on this machine,
    /// are called only where `allow_private` says so: an address that somebody entered must not reach what they cannot.
    ///
    /// # Errors
    /// A setting that does not read.
    pub fn new(secret: &str, allow_private: bool) -> Result<Option<Self>, BadSetting> {
        if secret.is_empty() {
            return Ok(None);
        }
        if secret.len() < 16 {
            return Err(bad("webhook.secret", "…", "it must have at least 16 characters"));
        }
        let key = Hmac::new_from_slice(secret.as_bytes()).map_err(|error| bad("webhook.secret", "…", error))?;
        let mut builder =
            Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT_TIMEOUT).redirect(Policy::none()).no_proxy();
        if !allow_private {
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        let client = builder.build().map_err(|error| bad("webhook.secret", "…", error))?;
        Ok(Some(Webhook { key, client, allow_private, circuit_breaker: CircuitBreaker::default() }))
    }

    /// The signature of a message.
    #[must_use]
    pub fn sign(&self, event: &str, timestamp: &str, body: &[u8]) -> String {
        let mut mac = self.key.clone();
        for part in [event.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        let bytes = mac.finalize().into_bytes();
        bytes.iter().fold("v1=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    }

    pub(crate) async fn send(&self, now: Timestamp, notice: &Notice, text: &SentText) -> Result<(), DeliveryError> {
        let url = address(&notice.to, self.allow_private).map_err(DeliveryError::Permanent)?;
        let receiver = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        if let Some(trouble) = self.circuit_breaker.trouble(&receiver, now) {
            return Err(DeliveryError::Temporary(
                format!("{trouble} (a moment ago, so it was not called again)"),
                None,
            ));
        }
        let body = json!({
            "id": notice.id,
            "event": notice.kind,
            "created_at": notice.created_at.to_string(),
            "language": notice.language.code(),
            "text": text.text,
            "values": notice.values,
        });
        let (body, event, timestamp) = (body.to_string(), notice.id.to_string(), now.as_second().to_string());
        let signature = self.sign(&event, &timestamp, body.as_bytes());
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(EVENT_ID, event)
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signature)
            .body(body);
        let answer = request.send().await;
        if answer.is_ok() {
            self.circuit_breaker.came_back(&receiver);
        }
        match answer {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(refusal(now, &response)),
            Err(error) => {
                let is_away = error.is_timeout() || error.is_connect();
                let error = error_text(&error.without_url());
                if is_away {
                    self.circuit_breaker.left(&receiver, now, &error);
                }
                Err(DeliveryError::Temporary(error, None))
            }
        }
    }
}

/// The longest address, in characters: what a notice's recipient may have.
const LONGEST: usize = 500;

/// Whether a webhook may be sent to this address, as far as the address itself says.
///
/// # Errors
/// Why not, in a sentence that begins with the address.
pub fn webhook_address(text: &str, allow_private: bool) -> Result<(), String> {
    address(text, allow_private).map(drop)
}

fn address(text: &str, allow_private: bool) -> Result<Url, String> {
    if text.chars().count() > LONGEST {
        return Err(format!("'{text}' is longer than {LONGEST} characters"));
    }
    let url = Url::parse(text).map_err(|error| format!("'{text}' is no address: {error}"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let literal = host.parse::<IpAddr>().ok();
    let here = host == "localhost" || literal.is_some_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if allow_private && here => {}
        "http" if allow_private => {
            return Err(format!("'{text}' must begin with https://: it leaves this machine"));
        }
        _ => return Err(format!("'{text}' must begin with https://")),
    }
    if !allow_private && literal.is_some_and(|address| !is_public(address)) {
        return Err(format!("'{text}' is an address inside a network"));
    }
    Ok(url)
}

fn refusal(now: Timestamp, response: &Response) -> DeliveryError {
    let status = response.status().as_u16();
    let told = format!("the receiver answered {}", response.status());
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let wait = asked.and_then(|asked| retry_after(now, asked));
    if matches!(status, 408 | 425 | 429 | 500..) {
        DeliveryError::Temporary(told, wait)
    } else {
        DeliveryError::Permanent(told)
    }
}

/// How long a Retry-After asks us to wait: it says seconds, or a date.
fn retry_after(now: Timestamp, asked: &str) -> Option<SignedDuration> {
    let date = || rfc2822::DateTimeParser::new().parse_timestamp(asked).ok();
    let seconds = i64::from_str(asked).ok().or_else(|| Some(date()?.duration_since(now).as_secs()))?;
    Some(SignedDuration::from_secs(seconds.clamp(1, LONGEST_WAIT)))
}

/// The error with its causes, as one line.
fn error_text(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Finds addresses on the open net and no others, whatever a name says it stands for.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(format!("{} stands for addresses inside a network only", name.as_str()).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let tested = first == 198 && (18..20).contains(&second);
    // 192.0.0.0/24 is for protocols, 192.88.99.0/24 for relays to IPv6.
    let special = [first, second, third] == [192, 0, 0] || [first, second, third] == [192, 88, 99];
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_documentation()
        || shared
        || tested
        || special
        || first == 0
        || first >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    // Global unicast is 2000::/3. Of it, 2001::/23 is for protocols, among them one that carries any IPv4 address, as
    // 2002::/16 does; 2001:db8::/32 and 3fff::/20 are for books.
    let [first, second, ..] = address.segments();
    let special = first == 0x2001 && (second < 0x0200 || second == 0x0DB8) || first == 0x3FFF && second < 0x1000;
    first & 0xE000 == 0x2000 && !special && first != 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(allow_private: bool) -> Webhook {
        // The program has chosen ring at its edge; a test has no edge.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Webhook::new("0123456789abcdef", allow_private).unwrap().unwrap()
    }

    #[test]
    fn a_signature_is_the_one_that_openssl_makes() {
        // printf 'e1.1790000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let signature = webhook(true).sign("e1", "1790000000", b"{}");
        assert_eq!(signature, "v1=cb5ac51207002d39aebe3bd11e8ab85586d4f5583e7ca743f088bc3570415ee6");
    }

    #[test]
    fn the_documentation_shows_a_signature_that_is_one() {
        let page = include_str!("../../../docs/webhooks.md");
        let after = |mark: &str| page.split(mark).nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
        let key = Webhook::new(after("SECRET='"), true).unwrap().unwrap();
        let signature = key.sign(after("EVENT='"), after("TIMESTAMP='"), after("BODY='").as_bytes());
        assert_eq!(signature, after("SIGNATURE='"));
        assert!(page.contains(&format!("X-Purser-Signature: {signature}\n\n{}\n", after("BODY='"))));
    }

    #[test]
    fn an_address_that_somebody_entered_reaches_the_open_net_only() {
        let outside = |text: &str| webhook_address(text, false);
        assert!(outside("https://example.com/hook").is_ok());
        for inside in [
            "http://example.com/",
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2001:0:a00:1::]/",
            "https://[2002:a00:1::]/",
            "https://[3fff::1]/",
            "https://100.64.0.1/",
            "https://192.0.0.8/",
            "https://192.168.1.1/",
            "https://0.0.0.0/",
            "https://0x7f.1/",
            "http://127.0.0.1/",
            "http://localhost/",
            "https://2130706433/",
            "file:///etc/passwd",
            "nonsense",
        ] {
            assert!(outside(inside).is_err(), "{inside}");
        }
        for outside_too in ["https://93.184.215.14/", "https://[2606:2800::1]/", "https://192.0.1.1/"] {
            assert!(outside(outside_too).is_ok(), "{outside_too}");
        }
    }

    #[test]
    fn where_the_operator_allows_it_a_network_is_called_by_https_and_this_machine_by_http_too() {
        let inside = |text: &str| webhook_address(text, true);
        for allowed in ["https://10.1.2.3/", "http://127.0.0.1:8080/", "http://localhost:8080/x", "http://[::1]:1/"] {
            assert!(inside(allowed).is_ok(), "{allowed}");
        }
        for refused in ["http://10.1.2.3/", "http://example.com/", "http://localhost.example.com/", "ftp://127.0.0.1/"]
        {
            assert!(inside(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_time_in_seconds_or_until_a_date_and_is_given_an_hour_at_most() {
        let now = "2026-01-05T03:30:00Z".parse().unwrap();
        let wait = |asked| retry_after(now, asked).map(|wait| wait.as_secs());
        assert_eq!((wait("120"), wait("0"), wait("999999"), wait("soon")), (Some(120), Some(1), Some(3_600), None));
        assert_eq!(wait("Mon, 05 Jan 2026 03:32:00 GMT"), Some(120));
        assert_eq!(wait("Mon, 05 Jan 2026 03:29:00 GMT"), Some(1), "it has come");
    }

    #[tokio::test]
    async fn a_name_that_stands_for_this_machine_is_not_called() {
        let found = PublicOnly.resolve("localhost".parse().unwrap()).await;
        assert!(found.map(drop).unwrap_err().to_string().contains("inside a network only"));
    }
}
