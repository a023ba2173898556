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
pub struct ListQuery {
    /// Rows to answer with, at most.
    pub limit: u32,
    /// The id of the last row of the page before.
    pub before: Option<Uuid>,
}

impl ListQuery {
    /// Reads `limit` (1 to `most`, which is also the default) and `cursor`.
    pub fn read(fields: &mut Fields<'_>, most: u32) -> Self {
        let limit = fields.number("limit", 1, most).unwrap_or(most);
        ListQuery { limit, before: fields.id("cursor") }
    }

    /// Rows to ask the database for: one more than are shown tells whether there is a next page.
    #[must_use]
    pub fn fetch(self) -> u32 {
        self.limit + 1
    }
}

/// Answers with a page of `rows` as a JSON array, and, where there are more, with the next page's address in a `Link`
/// header. `rows` are those of [`ListQuery::fetch`]; `id` tells a row's cursor.
pub fn listed<T: Serialize>(
    uri: &OriginalUri,
    query: ListQuery,
    mut rows: Vec<T>,
    id: impl Fn(&T) -> Uuid,
) -> Response {
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let mut response = json(StatusCode::OK, &rows);
    if let Some(last) = rows.last().filter(|_| more)
        && let Ok(link) = HeaderValue::from_str(&next_link(uri, id(last)))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// The same address with another cursor.
fn next_link(uri: &OriginalUri, cursor: Uuid) -> String {
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
        let link = next_link(&uri, Uuid::nil());
        assert_eq!(link, format!("</api/x/?status=failed&limit=5&cursor={}>; rel=\"next\"", Uuid::nil()));
    }
}
