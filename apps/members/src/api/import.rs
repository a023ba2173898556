//! Files of members: checked by a dry run, then saved whole or not at all.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use purser_kit::{
    IdempotencyKey, IdempotentRequest, IdempotentResponse, OptionalBody, PathId, Principal, Problem, QueryPairs,
    body_bytes, code, fingerprint, upload_receive,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::members::{answer, parse_bool};
use crate::Members;
use crate::member_file::{MOST_BYTES, MemberFile};
use crate::service;

/// A file that was checked.
#[derive(Serialize, ToSchema)]
pub(super) struct CheckedJson {
    /// What `POST /api/members/import/{id}/commit/` takes.
    id: Uuid,
    /// ready or invalid.
    state: &'static str,
    /// Rows that are good.
    new: u32,
    /// Rows that are not.
    invalid: u32,
    rows: Vec<RowJson>,
}

/// The verdict on one row.
#[derive(Serialize, ToSchema)]
pub(super) struct RowJson {
    /// Its line in the file; the header is the first.
    row: u64,
    /// As it was given.
    name: String,
    /// As it was given.
    email: String,
    /// As it was given.
    wallet_balance: String,
    /// new or invalid.
    verdict: &'static str,
    /// What is wrong with it.
    errors: Vec<String>,
}

/// A file whose rows are members now.
#[derive(Serialize, ToSchema)]
pub(super) struct ImportedJson {
    #[schema(example = "members imported")]
    status: &'static str,
    id: Uuid,
    /// How many members were registered.
    imported: usize,
}

fn rows(file: &MemberFile) -> Vec<RowJson> {
    let row = |row: &crate::member_file::MemberFileRow| {
        let [name, email, wallet_balance] = file.given(row).map(str::to_owned);
        let decision = if row.errors.is_empty() { "new" } else { "invalid" };
        RowJson { row: row.line, name, email, wallet_balance, verdict: decision, errors: row.errors.clone() }
    };
    file.rows.iter().map(row).collect()
}

/// Check a file of members (`dry_run=true`), or check and save it at once.
///
/// The body is the file itself as `text/csv`, or a form with it as `multipart/form-data` in the field `file`. It has the
/// columns name, email and wallet_balance, is in UTF-8, and has at most 100,000 rows and 12 MiB. A dry run answers with
/// a verdict on each row, and keeps the file for 30 days under the id that the commit takes. Without it a file with a
/// wrong row is answered with 400 `invalid_rows`, and nothing is saved.
#[utoipa::path(post, path = "/api/members/import/", tag = "members: import", params(
    ("dry_run" = Option<bool>, Query, description = "true: check and keep the file, save nothing."),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body(content = String, content_type = "text/csv"), responses(
    (status = 200, description = "A dry run.", body = CheckedJson),
    (status = 201, description = "The rows are members now.", body = ImportedJson),
))]
pub(super) async fn import_file(
    State(members): State<Arc<Members>>,
    principal: Principal,
    key: IdempotencyKey,
    query: QueryPairs,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let dry_run = fields.parsed("dry_run", parse_bool).unwrap_or(false);
    fields.finish(Some(()))?;
    let file = received(&headers, request).await?;
    let (settings, cx) = (Arc::clone(&members.settings), principal.request_context(&members.context));
    if dry_run {
        let repeat = IdempotentRequest::new(&principal, key, fingerprint("members.import-check", "", &file));
        let checked = members.context.store.write(move |tx| {
            IdempotentResponse::run(tx, cx.now, repeat.as_ref(), |tx| {
                let checked = service::import_check(tx, &settings, &mut cx.clone(), &file)?;
                answer(&checked_json(&checked))
            })
        });
        return Ok(checked.await?.into_response(StatusCode::OK));
    }
    let repeat = IdempotentRequest::new(&principal, key, fingerprint("members.import", "", &file));
    let saved = members.context.store.write(move |tx| {
        let mut invalid = None;
        let once = IdempotentResponse::run(tx, cx.now, repeat.as_ref(), |tx| {
            let saved = service::import_save(tx, &settings, &mut cx.clone(), &file, &|_| {});
            let (id, imported) = saved.map_err(|refused| {
                invalid = refused.file;
                refused.error
            })?;
            answer(&ImportedJson { status: "members imported", id, imported: imported.members })
        });
        match (once, invalid) {
            (Err(error), Some(sheet)) => Err(Problem::from(error).with("rows", &rows(&sheet))),
            (once, _) => once.map_err(Problem::from),
        }
    });
    Ok(saved.await?.into_response(StatusCode::CREATED))
}

fn checked_json((id, file): &(Uuid, MemberFile)) -> CheckedJson {
    let state = if file.bad() == 0 { "ready" } else { "invalid" };
    CheckedJson { id: *id, state, new: file.good(), invalid: file.bad(), rows: rows(file) }
}

/// Save a file that a dry run found good: exactly that file, every row or none.
///
/// 409 `import_stale` where the members have changed since, so that a row is wrong now; 409 `import_committed` the
/// second time.
#[utoipa::path(post, path = "/api/members/import/{id}/commit/", tag = "members: import", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = ImportedJson)))]
pub(super) async fn import_commit(
    State(members): State<Arc<Members>>,
    principal: Principal,
    key: IdempotencyKey,
    PathId(id): PathId,
    body: OptionalBody,
) -> Result<Response, Problem> {
    let repeat =
        IdempotentRequest::new(&principal, key, fingerprint("members.import-commit", &id.to_string(), &body.0));
    let (settings, cx) = (Arc::clone(&members.settings), principal.request_context(&members.context));
    let once = members.context.store.write(move |tx| {
        IdempotentResponse::run(tx, cx.now, repeat.as_ref(), |tx| {
            let imported = service::import_commit(tx, &settings, &mut cx.clone(), id, &|_| {})?;
            answer(&ImportedJson { status: "members imported", id, imported: imported.members })
        })
    });
    Ok(once.await?.into_response(StatusCode::OK))
}

/// The file in the request.
async fn received(headers: &HeaderMap, request: Request) -> Result<Bytes, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/csv" => body_bytes(request, MOST_BYTES).await,
        "multipart/form-data" => in_form(request).await,
        _ => {
            let detail = "Send the file with Content-Type: text/csv, or in a multipart/form-data form as 'file'.";
            Err(Problem::new(&code::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

async fn in_form(request: Request) -> Result<Bytes, Problem> {
    let upload = upload_receive(request, "file", MOST_BYTES).await?;
    let missing = || Problem::new(&code::MALFORMED_BODY, "The form has no field 'file' with the file in it.");
    upload.file.map(Bytes::from).ok_or_else(missing)
}
