//! An operator's server, and how the two sides know each other.
//!
//! ```text
//! POST {url}/charges              {"reference", "phone_number", "amount", "currency"}
//! GET  {url}/charges/{reference}
//! ```
//!
//! Both answer 200 with `{"status": "completed" | "failed" | "pending", "operator_ref"?, "reason"?}`; the GET answers 404
//! for a reference that it has never received. A POST with a reference that it knows must answer as the GET does, and
//! charge nothing again.
//!
//! Every request, and every callback of the operator to us, carries `X-Purser-Timestamp` (seconds since 1970) and
//! `X-Purser-Signature`: the HMAC-SHA-256 of `timestamp.body` under the shared secret, in hex.

use std::time::Duration;

use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::{Client, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use sha2::Sha256;
use uuid::Uuid;

use super::{OperatorReport, OperatorRequest};
use crate::service::SaleOutcome;

/// The header with the moment of signing.
pub const TIMESTAMP: &str = "x-purser-timestamp";

/// The header with the signature.
pub const SIGNATURE: &str = "x-purser-signature";

/// How far a signed message's time may be from ours, in seconds, either way.
const TOLERANCE: i64 = 300;

/// The most bytes of an operator's answer that are read.
const ANSWER_LIMIT: usize = 65_536;

/// How to reach an operator.
#[derive(Clone)]
pub struct OperatorEndpoint {
    url: String,
    secret: SharedSecret,
    client: Client,
}

/// The secret that both sides share. It is never printed.
#[derive(Clone)]
pub struct SharedSecret(Hmac<Sha256>);

impl SharedSecret {
    /// Takes the secret as it was configured.
    ///
    /// # Errors
    /// None that HMAC knows: it takes a key of any length.
    pub fn new(secret: &str) -> Result<Self, InvalidLength> {
        Hmac::new_from_slice(secret.as_bytes()).map(SharedSecret)
    }

    /// Signs a message of this moment.
    #[must_use]
    pub fn sign(&self, now: Timestamp, body: &[u8]) -> (String, String) {
        let timestamp = now.as_second().to_string();
        let signature = hex(&self.mac(&timestamp, body).finalize().into_bytes());
        (timestamp, signature)
    }

    /// Whether a message was signed with this secret within the last minutes.
    #[must_use]
    pub fn verify(&self, now: Timestamp, timestamp: &str, signature: &str, body: &[u8]) -> bool {
        let recent = timestamp.parse::<i64>().is_ok_and(|at| at.abs_diff(now.as_second()) <= TOLERANCE.unsigned_abs());
        let Some(given) = unhex(signature) else { return false };
        // The comparison takes the same time wherever the two differ.
        recent && self.mac(timestamp, body).verify_slice(&given).is_ok()
    }

    fn mac(&self, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

/// What we ask.
#[derive(Serialize)]
struct ChargeQuery<'a> {
    reference: Uuid,
    phone_number: &'a str,
    /// As text, so that no reader makes a float of it by default.
    amount: String,
    currency: &'a str,
}

/// What an operator answers, or calls back with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OperatorAnswer {
    /// How the charge stands.
    pub status: AnswerStatus,
    /// The operator's name for it.
    pub operator_ref: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
}

/// How a charge stands at the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerStatus {
    /// The number was charged.
    Completed,
    /// It was not, and will not be.
    Failed,
    /// It may yet be.
    Pending,
}

impl AnswerStatus {
    const ALL: [(&'static str, AnswerStatus); 3] =
        [("completed", AnswerStatus::Completed), ("failed", AnswerStatus::Failed), ("pending", AnswerStatus::Pending)];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        AnswerStatus::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, status)| status)
    }
}

impl From<OperatorAnswer> for SaleOutcome {
    fn from(answer: OperatorAnswer) -> Self {
        match answer.status {
            AnswerStatus::Completed => SaleOutcome::Completed { operator_ref: answer.operator_ref },
            AnswerStatus::Failed => {
                SaleOutcome::Failed { reason: answer.reason.unwrap_or_else(|| "The operator refused.".to_owned()) }
            }
            AnswerStatus::Pending => SaleOutcome::Unknown {
                reason: answer.reason.unwrap_or_else(|| "The operator is not done yet.".to_owned()),
            },
        }
    }
}

fn unknown(reason: impl std::fmt::Display) -> SaleOutcome {
    SaleOutcome::Unknown { reason: format!("The operator gave no clear answer: {reason}.") }
}

impl OperatorEndpoint {
    /// The operator at `url`, which is given `timeout` for each answer.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(url: &str, secret: SharedSecret, timeout: Duration) -> Result<Self, reqwest::Error> {
        // A redirect would repeat a charge somewhere else.
        let client = Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(OperatorEndpoint { url: url.trim_end_matches('/').to_owned(), secret, client })
    }

    /// Whether a callback comes from this operator.
    #[must_use]
    pub fn signed(&self, now: Timestamp, timestamp: &str, signature: &str, body: &[u8]) -> bool {
        self.secret.verify(now, timestamp, signature, body)
    }

    pub(super) async fn submit(&self, now: Timestamp, delivery: &OperatorRequest) -> SaleOutcome {
        let currency = delivery.amount.currency();
        let charge = ChargeQuery {
            reference: delivery.reference,
            phone_number: delivery.number.as_str(),
            amount: delivery.amount.to_string(),
            currency: currency.code(),
        };
        let body = match serde_json::to_vec(&charge) {
            Ok(body) => body,
            Err(error) => return unknown(error),
        };
        let (timestamp, signature) = self.secret.sign(now, &body);
        let request = self
            .client
            .post(format!("{}/charges", self.url))
            .header("content-type", "application/json")
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signature)
            .body(body);
        match request.send().await {
            Ok(response) => read(response).await.unwrap_or_else(unknown),
            // A request that never left reached nobody; but that is the operator's to confirm, not ours to guess.
            Err(error) => unknown(error.without_url()),
        }
    }

    pub(super) async fn query(&self, now: Timestamp, delivery: &OperatorRequest) -> OperatorReport {
        let (timestamp, signature) = self.secret.sign(now, b"");
        let request = self
            .client
            .get(format!("{}/charges/{}", self.url, delivery.reference))
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signature);
        match request.send().await {
            Ok(response) if response.status() == StatusCode::NOT_FOUND => OperatorReport::NotFound,
            Ok(response) => OperatorReport::Known(read(response).await.unwrap_or_else(unknown)),
            Err(error) => OperatorReport::Known(unknown(error.without_url())),
        }
    }
}

/// Only a well-formed 200 is an answer. A 4xx or 5xx may come from a proxy on the way, after the operator has charged.
async fn read(mut response: Response) -> Result<SaleOutcome, String> {
    if response.status() != StatusCode::OK {
        return Err(format!("it answered {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT {
            return Err("its answer is too long".to_owned());
        }
    }
    let answer: OperatorAnswer = serde_json::from_slice(&body).map_err(|error| unread(&error).to_owned())?;
    Ok(answer.into())
}

/// Why an answer does not read, for staff.
fn unread(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        Category::Data => "its answer does not say completed, failed or pending in the fields that were agreed",
        Category::Eof | Category::Syntax | Category::Io => "its answer is not JSON",
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fresh_message_signed_with_the_secret_is_believed() {
        let (secret, now) = (SharedSecret::new("shared").unwrap(), Timestamp::from_second(1_790_000_000).unwrap());
        let (timestamp, signature) = secret.sign(now, b"{}");
        let later = |seconds: i64| Timestamp::from_second(1_790_000_000 + seconds).unwrap();
        assert!(secret.verify(later(300), &timestamp, &signature, b"{}"));
        assert!(!secret.verify(later(301), &timestamp, &signature, b"{}"));
        assert!(!secret.verify(now, &timestamp, &signature, b"{ }"));
        assert!(!secret.verify(now, "1790000001", &signature, b"{}"));
        assert!(!SharedSecret::new("other").unwrap().verify(now, &timestamp, &signature, b"{}"));
        for bad in ["", "zz", "abc", "ü", "é0"] {
            assert!(!secret.verify(now, &timestamp, bad, b"{}"), "{bad}");
        }
    }

    #[test]
    fn a_signature_is_the_one_that_openssl_makes() {
        // printf '1790000000.{}' | openssl dgst -sha256 -hmac shared
        let (_, signature) =
            SharedSecret::new("shared").unwrap().sign(Timestamp::from_second(1_790_000_000).unwrap(), b"{}");
        assert_eq!(signature, "dc2855fc0b16f38d208f49efa83e2099294db5ced39bfe3d7215f1dabb2be851");
    }
}
