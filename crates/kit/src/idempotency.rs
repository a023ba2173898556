//! A request that is repeated happens once.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use purser_ledger::{IdempotencyRecord, idempotency_find, idempotency_store};
use purser_store::WriteTx;
use sha2::{Digest, Sha256};

use crate::code;
use crate::json::json_text;
use crate::principal::Principal;
use crate::problem::Problem;

/// The header's name.
const HEADER: &str = "idempotency-key";

/// The header of an answer that was given before.
const REPLAYED: &str = "idempotency-replayed";

/// The `Idempotency-Key` of a request, where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(IdempotencyKey(None)) };
        let key = value.to_str().unwrap_or_default();
        let good = (1..=200).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if good && values.next().is_none() {
            return Ok(IdempotencyKey(Some(key.to_owned())));
        }
        let detail = "The Idempotency-Key must be there once, with 1 to 200 visible ASCII characters.";
        Err(Problem::new(&code::INVALID_IDEMPOTENCY_KEY, detail))
    }
}

/// What was asked, as 32 bytes: the same request has the same.
#[must_use]
pub fn fingerprint(route: &str, subject: &str, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [route.as_bytes(), subject.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(body);
    hash.finalize().into()
}

/// A request that may be repeated: whose key, and what was asked with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// Whose key it is: keys of different callers never meet.
    pub owner: String,
    /// The key.
    pub key: String,
    /// What was asked.
    pub fingerprint: [u8; 32],
}

impl IdempotentRequest {
    /// The request's key with its owner and what was asked; `None` where it has none.
    #[must_use]
    pub fn new(principal: &Principal, key: IdempotencyKey, fingerprint: [u8; 32]) -> Option<Self> {
        Some(IdempotentRequest { owner: principal.actor().to_string(), key: key.0?, fingerprint })
    }

    /// The record to keep with the effect.
    #[must_use]
    pub fn recorded(&self, answer: String) -> IdempotencyRecord {
        IdempotencyRecord { owner: self.owner.clone(), key: self.key.clone(), fingerprint: self.fingerprint, answer }
    }
}

/// An answer, and whether it was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentResponse {
    /// The answer's JSON.
    pub answer: String,
    /// Whether this is a repeat of the first answer.
    pub replayed: bool,
}

impl IdempotentResponse {
    /// The first answer.
    #[must_use]
    pub fn new(answer: String) -> Self {
        IdempotentResponse { answer, replayed: false }
    }

    /// The first answer again.
    #[must_use]
    pub fn replay(answer: String) -> Self {
        IdempotentResponse { answer, replayed: true }
    }

    /// Runs `effect` unless the request came before; its answer is kept in the same transaction. A refusal is not kept:
    /// it changed nothing, and a repeat is decided anew.
    ///
    /// # Errors
    /// What `effect` answers; `KeyReused` of the ledger where the key came with another request.
    pub fn run<E: From<purser_ledger::Error>>(
        tx: &mut WriteTx<'_>,
        now: Timestamp,
        request: Option<&IdempotentRequest>,
        effect: impl FnOnce(&mut WriteTx<'_>) -> Result<String, E>,
    ) -> Result<IdempotentResponse, E> {
        let Some(request) = request else { return effect(tx).map(IdempotentResponse::new) };
        if let Some(recorded) = idempotency_find(tx, &request.owner, &request.key, &request.fingerprint)? {
            return Ok(IdempotentResponse::replay(recorded.answer));
        }
        let answer = effect(tx)?;
        idempotency_store(tx, now, &request.recorded(answer.clone()))?;
        Ok(IdempotentResponse::new(answer))
    }

    /// As an HTTP answer.
    #[must_use]
    pub fn into_response(self, status: StatusCode) -> Response {
        let mut response = json_text(status, self.answer);
        if self.replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_request_do_not_run_together() {
        assert_ne!(fingerprint("ab", "c", b""), fingerprint("a", "bc", b""));
        assert_ne!(fingerprint("a", "", b"b"), fingerprint("a", "b", b""));
        assert_eq!(fingerprint("a", "b", b"c"), fingerprint("a", "b", b"c"));
    }
}
