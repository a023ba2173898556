//! Lists: newest first, a page at a time.

use axum::extract::OriginalUri;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use crate::fields::Fields;
use crate::json::json;

/// How much of a list, and from where on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageQuery {
    /// Rows to answer with, at most.
    pub limit: u32,
    /// The id of the last row of the page before.
    pub before: Option<Uuid>,
}

impl PageQuery {
    /// Reads `limit` (1 to `most`, which is also the default) and `cursor`.
    pub fn read(fields: &mut Fields<'_>, most: u32) -> Self {
        let limit = fields.number("limit", 1, most).unwrap_or(most);
        PageQuery { limit, before: fields.id("cursor") }
    }

    /// Rows to ask the database for: one more than are shown tells whether there is a next page.
    #[must_use]
    pub fn fetch(self) -> u32 {
        self.limit + 1
    }
}

/// Answers with a page of `rows` as a JSON array, and, where there are more, with the next page's address in a `Link`
/// header. `rows` are those of [`PageQuery::fetch`]; `id` tells a row's cursor.
pub fn list_response<T: Serialize>(
    uri: &OriginalUri,
    query: PageQuery,
    mut rows: Vec<T>,
    id: impl Fn(&T) -> Uuid,
) -> Response {
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let next = rows.last().filter(|_| more).map(|last| id(last).to_string());
    paged(uri, &rows, next.as_deref())
}

/// Answers with a page of rows as a JSON array, and with the address of the page that begins at `next` in a `Link` header.
pub fn paged<T: Serialize>(uri: &OriginalUri, rows: &[T], next: Option<&str>) -> Response {
    let mut response = json(StatusCode::OK, &rows);
    if let Some(next) = next
        && let Ok(link) = HeaderValue::from_str(&next_link(uri, next))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// The same address with another cursor, as a `Link` header has it.
#[must_use]
pub fn next_link(uri: &OriginalUri, cursor: &str) -> String {
    let kept = uri.query().unwrap_or_default().split('&');
    let kept = kept.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let pairs: Vec<String> = kept.map(str::to_owned).chain([format!("cursor={cursor}")]).collect();
    format!("<{}?{}>; rel=\"next\"", uri.path(), pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_filters() {
        let uri = OriginalUri("/api/x/?status=failed&cursor=old&limit=5".parse().unwrap());
        let link = next_link(&uri, "9");
        assert_eq!(link, "</api/x/?status=failed&limit=5&cursor=9>; rel=\"next\"");
    }
}
