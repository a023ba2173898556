//! A list as CSV, page after page, so that a million rows never stand in memory.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use purser_kit::console::{Cell, ListQuery, ReportContent};
use purser_kit::{Problem, spreadsheet};

use super::{ConsoleState, ErrorPage, StaffUser, list};

/// Rows read at once.
const PAGE: u32 = 1_000;

pub(super) async fn csv(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (_, resource) = console.resource(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(resource.view)?;
    note(&console, &staff, &app, &name).await?;
    let ask = list::ask(&resource.listing, &query, PAGE, &console.site.context.zone);
    let mut heads = vec!["id".to_owned()];
    heads.extend(resource.listing.columns.iter().map(|column| column.name.to_owned()));
    let filename = format!("attachment; filename=\"{app}-{name}.csv\"");
    let begin = (console, app, name, Some(ask), line(&heads));
    let body = Body::from_stream(futures_util::stream::unfold(begin, |(console, app, name, ask, first)| async move {
        let ask = ask?;
        match page(&console, &app, &name, ask).await {
            Ok((text, next)) => Some((Ok(Bytes::from(first + &text)), (console, app, name, next, String::new()))),
            // The connection breaks off: half a file that looks whole would be worse.
            Err(problem) => {
                Some((Err(std::io::Error::other(problem.detail().to_owned())), (console, app, name, None, first)))
            }
        }
    }));
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(value) = HeaderValue::from_str(&filename) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Whoever takes a copy out of the house is on record.
pub(super) async fn note(console: &ConsoleState, staff: &StaffUser, app: &str, name: &str) -> Result<(), Problem> {
    let (cx, subject) = (staff.principal.request_context(&console.site.context), format!("{app}:{name}"));
    let written = console
        .site
        .context
        .store
        .write(move |tx| cx.clone().record(tx, "console.export", &subject, &serde_json::json!({})));
    written.await.map_err(Problem::from)
}

async fn page(
    console: &Arc<ConsoleState>,
    app: &str,
    name: &str,
    ask: ListQuery,
) -> Result<(String, Option<ListQuery>), Problem> {
    let (reading, app, name, asked) = (Arc::clone(console), app.to_owned(), name.to_owned(), ask.clone());
    let listed = console.site.context.store.read(move |tx| {
        let (_, resource) = reading.resource(&app, &name)?;
        Ok::<_, Problem>(resource.listing.page(tx, &asked)?)
    });
    let listed = listed.await?;
    let mut text = String::new();
    for (id, cells) in &listed.rows {
        let values = std::iter::once(id.to_string()).chain(cells.iter().map(harmless));
        text.push_str(&line(&values.collect::<Vec<_>>()));
    }
    Ok((text, listed.next.map(|after| ListQuery { after: Some(after), ..ask })))
}

/// A sheet's first table as CSV.
pub(crate) fn table(content: &ReportContent) -> String {
    let Some(table) = content.tables.first() else { return String::new() };
    let heads: Vec<String> = table.columns.iter().map(|&head| head.to_owned()).collect();
    let rows = table.rows.iter().map(|row| line(&row.iter().map(harmless).collect::<Vec<_>>()));
    std::iter::once(line(&heads)).chain(rows).collect()
}

/// A value that no spreadsheet takes for a formula.
pub(super) fn harmless(cell: &Cell) -> String {
    let plain = cell.plain();
    match cell {
        Cell::Text(_) | Cell::UserText(_) | Cell::Link(..) => spreadsheet::harmless(&plain),
        _ => plain,
    }
}

/// A line of CSV (RFC 4180).
pub(super) fn line(values: &[String]) -> String {
    spreadsheet::written(std::iter::once(values.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_finds_no_formula_and_no_second_cell() {
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(harmless(&text("=HYPERLINK(\"x\")")), "'=HYPERLINK(\"x\")");
        assert_eq!(harmless(&text("+919876543210")), "'+919876543210");
        assert_eq!(harmless(&Cell::Number(-5)), "-5");
        assert_eq!(
            line(&["a,b".to_owned(), "say \"x\"".to_owned(), "c".to_owned()]),
            "\"a,b\",\"say \"\"x\"\"\",c\r\n"
        );
    }
}
