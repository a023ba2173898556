//! The input of a request: its JSON body or its query.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use uuid::Uuid;

use crate::BODY_LIMIT;
use crate::code;
use crate::fields::Fields;
use crate::problem::Problem;

/// The bytes of a JSON body, at most [`BODY_LIMIT`] of them: read it with [`JsonBody::fields`].
#[derive(Debug, Clone)]
pub struct JsonBody(pub Bytes);

impl JsonBody {
    /// The body's fields.
    ///
    /// # Errors
    /// [`code::MALFORMED_BODY`].
    pub fn fields(&self) -> Result<Fields<'_>, Problem> {
        Fields::from_json(&self.0)
    }

    /// The same of a body that may be left out: none, or null, is an object without fields.
    ///
    /// # Errors
    /// [`code::MALFORMED_BODY`].
    pub fn optional_fields(&self) -> Result<Fields<'_>, Problem> {
        let text = self.0.trim_ascii();
        Fields::from_json(if text.is_empty() || text == b"null" { b"{}" } else { &self.0 })
    }
}

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        // Whoever sends nothing need not say what it is.
        if !request.headers().contains_key(header::CONTENT_TYPE) {
            let body = body_bytes(request, BODY_LIMIT).await?;
            return if body.is_empty() { Ok(JsonBody(body)) } else { Err(not_json()) };
        }
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        body_bytes(request, BODY_LIMIT).await.map(JsonBody)
    }
}

fn not_json() -> Problem {
    Problem::new(&code::UNSUPPORTED_MEDIA_TYPE, "Send the body as JSON, with Content-Type: application/json.")
}

/// The bytes of a body that need not be there, at most [`BODY_LIMIT`] of them: of a POST that takes no fields. They tell
/// a repeat with the same Idempotency-Key from another request.
#[derive(Debug, Clone)]
pub struct OptionalBody(pub Bytes);

impl<S: Sync> FromRequest<S> for OptionalBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        body_bytes(request, BODY_LIMIT).await.map(OptionalBody)
    }
}

/// The raw bytes of a body, at most `limit` of them.
///
/// # Errors
/// [`code::BODY_TOO_LARGE`]; [`code::MALFORMED_BODY`] where the connection ends early.
pub async fn body_bytes(request: Request<Body>, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(&code::BODY_TOO_LARGE, format!("The body may have at most {limit} bytes."));
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<u64>().ok()).is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let read = axum::body::to_bytes(request.into_body(), limit).await;
    read.map_err(|error| body_problem(&error, too_large))
}

/// A request's body that took too long to arrive. The web server ends the body with it.
#[derive(Debug, Clone, Copy)]
pub struct BodyTooSlow;

impl std::fmt::Display for BodyTooSlow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the body took too long to arrive")
    }
}

impl std::error::Error for BodyTooSlow {}

/// Why a body could not be read to its end.
fn body_problem(error: &axum::Error, too_large: impl FnOnce() -> Problem) -> Problem {
    let first: &(dyn std::error::Error + 'static) = error;
    let mut causes = std::iter::successors(Some(first), |error| error.source());
    if causes.clone().any(|cause| cause.is::<BodyTooSlow>()) {
        return Problem::new(&code::REQUEST_TIMEOUT, "The body took too long to arrive; nothing was changed.");
    }
    if causes.any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
        return too_large();
    }
    Problem::new(&code::MALFORMED_BODY, "The body ended early.")
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
    let charset = parameters.trim().to_ascii_lowercase();
    let json = kind.trim().eq_ignore_ascii_case("application/json");
    json && (charset.is_empty() || charset == "charset=utf-8" || charset == "charset=\"utf-8\"")
}

/// The pairs of the query string: read them with [`QueryPairs::fields`].
#[derive(Debug, Clone)]
pub struct QueryPairs(Vec<(String, String)>);

impl QueryPairs {
    /// The query's fields.
    #[must_use]
    pub fn fields(self) -> Fields<'static> {
        Fields::from_query(self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for QueryPairs {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let malformed = |_| Problem::new(&code::INVALID_QUERY, "The query string cannot be read.");
        pairs.map(|query| QueryPairs(query.0)).map_err(malformed)
    }
}

/// The `{id}` of a path. What is not an id names nothing, so it is not found.
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = || Problem::new(&code::NOT_FOUND, "The id in the path is not one.");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| malformed())?;
        Uuid::try_parse(&text).map(PathId).map_err(|_| malformed())
    }
}

/// The one text in a path. What is not UTF-8 names nothing, so it is not found.
#[derive(Debug, Clone)]
pub struct PathText(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        text.map(|Path(text)| PathText(text))
            .map_err(|_| Problem::new(&code::NOT_FOUND, "The name in the path is not text in UTF-8."))
    }
}
