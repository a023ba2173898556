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
}

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Send the body as JSON, with Content-Type: application/json.";
            return Err(Problem::new(&code::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        body_bytes(request, BODY_LIMIT).await.map(JsonBody)
    }
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
    axum::body::to_bytes(request.into_body(), limit).await.map_err(|error| {
        let limited = std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("limit"));
        if limited { too_large() } else { Problem::new(&code::MALFORMED_BODY, "The body ended early.") }
    })
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
