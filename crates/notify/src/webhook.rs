//! Notices to other programs: a signed POST.
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
//! Any 2xx is an answer that it was taken. 408, 425, 429 (whose Retry-After is kept), 5xx and silence are tried again;
//! all else is a refusal for good. A redirect is not followed: it would carry what is signed to somebody else.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use purser_outbox::{Notice, SentText};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde_json::json;
use sha2::Sha256;

use crate::{BadSetting, Trouble, bad};

/// The header with the event's id.
pub const EVENT_ID: &str = "x-purser-event-id";

/// The header with the moment of signing.
pub const TIMESTAMP: &str = "x-purser-timestamp";

/// The header with the signature.
pub const SIGNATURE: &str = "x-purser-signature";

/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The longest wait that is believed, in seconds: an hour.
const LONGEST_WAIT: i64 = 3_600;

/// A way to call other programs. Cheap to clone.
#[derive(Clone)]
pub struct Webhook {
    key: Hmac<Sha256>,
    client: Client,
    allow_private: bool,
}

impl Webhook {
    /// Signs with `secret`; `None` where there is none. Addresses inside this network, and plain http, are called only
    /// where `allow_private` says so: an address that somebody entered must not reach what they cannot.
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
        let mut builder = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).no_proxy();
        if !allow_private {
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        let client = builder.build().map_err(|error| bad("webhook.secret", "…", error))?;
        Ok(Some(Webhook { key, client, allow_private }))
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

    pub(crate) async fn send(&self, now: Timestamp, notice: &Notice, text: &SentText) -> Result<(), Trouble> {
        let url = self.address(&notice.to).map_err(Trouble::Never)?;
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
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(refusal(&response)),
            Err(error) => Err(Trouble::Later(told(&error.without_url()), None)),
        }
    }

    fn address(&self, text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|error| format!("'{text}' is no address: {error}"))?;
        let is_web = url.scheme() == "https" || url.scheme() == "http" && self.allow_private;
        if !is_web {
            return Err(format!("'{text}' must begin with https://"));
        }
        let literal = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if !self.allow_private && literal.is_some_and(|address| !is_public(address)) {
            return Err(format!("'{text}' is an address inside a network"));
        }
        Ok(url)
    }
}

fn refusal(response: &Response) -> Trouble {
    let status = response.status().as_u16();
    let told = format!("the receiver answered {}", response.status());
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    let wait = asked.map(|seconds| SignedDuration::from_secs(seconds.clamp(1, LONGEST_WAIT)));
    if matches!(status, 408 | 425 | 429 | 500..) { Trouble::Later(told, wait) } else { Trouble::Never(told) }
}

/// The error with its causes, as one line.
fn told(error: &reqwest::Error) -> String {
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
                return Err(format!("{} is inside a network, or nowhere", name.as_str()).into());
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
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let tested = first == 198 && (18..20).contains(&second);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_documentation()
        || shared
        || tested
        || first == 0
        || first >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    // Global unicast is 2000::/3; of it, 2001:db8::/32 is for books, and 2002::/16 carries any IPv4 address.
    let [first, second, ..] = address.segments();
    first & 0xE000 == 0x2000 && !(first == 0x2001 && second == 0x0DB8) && first != 0x2002
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
    fn an_address_that_somebody_entered_reaches_the_open_net_only() {
        let outside = webhook(false);
        assert!(outside.address("https://example.com/hook").is_ok());
        for inside in [
            "http://example.com/",
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00::1]/",
            "https://2130706433/",
            "file:///etc/passwd",
            "nonsense",
        ] {
            assert!(outside.address(inside).is_err(), "{inside}");
        }
        assert!(webhook(true).address("http://127.0.0.1:8080/").is_ok());
    }

    #[tokio::test]
    async fn a_name_that_stands_for_this_machine_is_not_called() {
        let found = PublicOnly.resolve("localhost".parse().unwrap()).await;
        assert!(found.map(drop).unwrap_err().to_string().contains("inside a network"));
    }
}
