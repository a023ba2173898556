//! The one error at the HTTP edge.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use purser_identity::Error as IdentityError;
use purser_ledger::Error as LedgerError;
use purser_store::Error as StoreError;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::code::{self, Code};

/// Why a request is refused, as the client reads it. Rooms below know nothing of HTTP: their errors become problems
/// here, in one place for each room.
#[derive(Debug, Clone)]
pub struct Problem {
    code: &'static Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    extra: Vec<(&'static str, Box<RawValue>)>,
    retry_after: Option<u32>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name.
    #[serde(skip)]
    pub field: Cow<'static, str>,
    /// A stable word: `required`, `wrong_type`, `too_long`, `malformed` …
    pub code: &'static str,
    /// The rule, and what was sent, for people.
    pub message: String,
}

impl Problem {
    /// A problem of this kind; `detail` says what is the matter this time, in a sentence for people.
    pub fn new(code: &'static Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Problem { code, detail: detail.into(), errors: Vec::new(), extra: Vec::new(), retry_after: None }
    }

    /// [`code::NOT_FOUND`]: `what` names the sort of thing, "seller".
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Problem::new(&code::NOT_FOUND, format!("There is no such {what}."))
    }

    /// [`code::INVALID_FIELDS`], with what is wrong with each.
    #[must_use]
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Problem::with_errors(&code::INVALID_FIELDS, errors)
    }

    /// [`code::INVALID_QUERY`], with what is wrong with each.
    #[must_use]
    pub fn query(errors: Vec<FieldError>) -> Self {
        Problem::with_errors(&code::INVALID_QUERY, errors)
    }

    /// The same with one mistake: the field, a stable word, and the rule for people.
    #[must_use]
    pub fn field(field: &'static str, code: &'static str, message: String) -> Self {
        Problem::fields(vec![FieldError { field: field.into(), code, message }])
    }

    fn with_errors(code: &'static Code, errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join(" ");
        Problem { errors, ..Problem::new(code, detail) }
    }

    /// Something that should not have happened. The log gets `cause`; the client does not.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Problem::new(&code::INTERNAL, "Something went wrong on our side; nothing was changed.")
    }

    /// Adds a member to the answer, such as the amount that is available. One that is not JSON is left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &impl Serialize) -> Self {
        self.extra.extend(to_raw_value(value).ok().map(|value| (name, value)));
        self
    }

    /// Says when to come back, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Its kind.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        self.code
    }

    /// The sentence for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What is wrong with which field.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("/api/docs/errors#{}", self.code.name))?;
        map.serialize_entry("title", self.code.title)?;
        map.serialize_entry("status", &self.code.status)?;
        map.serialize_entry("detail", &self.detail)?;
        map.serialize_entry("code", self.code.name)?;
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &ByField(&self.errors))?;
        }
        for (name, value) in &self.extra {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("error", &self.detail)?;
        map.serialize_entry("success", &false)?;
        map.end()
    }
}

/// `{"amount": [{"code": …, "message": …}], …}`
struct ByField<'a>(&'a [FieldError]);

impl Serialize for ByField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields: Vec<&str> = Vec::new();
        for error in self.0 {
            if !fields.contains(&error.field.as_ref()) {
                fields.push(&error.field);
            }
        }
        let of = |field: &str| self.0.iter().filter(|error| error.field == field).collect::<Vec<_>>();
        serializer.collect_map(fields.iter().map(|field| (field, of(field))))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"purser\""));
        }
        response.extensions_mut().insert(self.code);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let told = |code, detail: &'static str| Problem::new(code, detail);
        match error {
            StoreError::Busy => told(&code::BUSY, "Too many requests are waiting; nothing was changed.").retry_after(1),
            StoreError::Conflict => {
                told(&code::BUSY, "Other requests kept changing the same things; nothing was changed.").retry_after(1)
            }
            StoreError::Nul => told(&code::INVALID_FIELDS, "A text must not have a NUL character in it."),
            // Nobody sees it: the store takes it for what it is, and begins anew.
            StoreError::Bulk => told(&code::BUSY, "The command begins anew; nothing was changed."),
            StoreError::Closed => {
                told(&code::UNAVAILABLE, "The server is shutting down; nothing was changed.").retry_after(2)
            }
            StoreError::Unavailable(cause) => {
                tracing::warn!(%cause, "the database is not available");
                told(&code::UNAVAILABLE, "The database is not available; nothing was changed.").retry_after(2)
            }
            StoreError::Full => {
                tracing::error!("the database's disk is full");
                told(&code::STORAGE_FULL, "The disk is full; nothing was changed.").retry_after(30)
            }
            StoreError::Damaged(cause) => {
                tracing::error!(%cause, "the database is damaged");
                let detail = "The database is damaged; nothing was changed. The operator runs `purser doctor`.";
                told(&code::STORAGE_DAMAGED, detail).retry_after(60)
            }
            StoreError::Unknown(cause) => {
                tracing::error!(%cause, "the connection was lost during a commit");
                told(
                    &code::OUTCOME_UNKNOWN,
                    "The connection was lost during the commit: it happened whole or not at all.",
                )
                .retry_after(1)
            }
            other => Problem::internal(other),
        }
    }
}

impl From<IdentityError> for Problem {
    /// What identity refuses, whoever calls it has looked at before, or answers in words of its own: here it is a mistake
    /// of ours.
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Store(error) => error.into(),
            other => Problem::internal(other),
        }
    }
}

/// An app refuses by its own rules before the ledger does; what still comes from there is either about the request or a
/// mistake of ours.
impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => error.into(),
            LedgerError::KeyReused(_) => Problem::new(&code::IDEMPOTENCY_KEY_REUSED, format!("{error}.")),
            LedgerError::Frozen(_)
            | LedgerError::Closed(_)
            | LedgerError::NotEmpty(_)
            | LedgerError::AlreadyReversed { .. }
            | LedgerError::HoldSettled { .. }
            | LedgerError::Insufficient { .. }
            | LedgerError::TooLarge(_) => Problem::new(&code::CONFLICT, format!("Refused by the ledger: {error}.")),
            other => Problem::internal(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_the_same_to_new_and_to_old_clients() {
        let error =
            |field: &'static str, code| FieldError { field: field.into(), code, message: format!("{field}: {code}.") };
        let problem =
            Problem::fields(vec![error("amount", "required"), error("phone_number", "too_long")]).with("available", &3);
        let json: serde_json::Value = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "/api/docs/errors#invalid_fields",
                "title": "Some fields are not as they should be",
                "status": 400,
                "detail": "amount: required. phone_number: too_long.",
                "code": "invalid_fields",
                "errors": {
                    "amount": [{"code": "required", "message": "amount: required."}],
                    "phone_number": [{"code": "too_long", "message": "phone_number: too_long."}],
                },
                "available": 3,
                "error": "amount: required. phone_number: too_long.",
                "success": false,
            })
        );
    }
}
