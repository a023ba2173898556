//! POST /api/sellers/{id}/sales/import/

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use purser_kit::console::Progress;
use purser_kit::{
    Decimal, IdempotencyKey, IdempotentRequest, IdempotentResponse, PathId, Principal, Problem, QueryPairs, body_bytes,
    code, fingerprint, json,
};
use purser_money::Money;
use purser_store::ReadTx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::own_seller;
use crate::Charge;
use crate::domain::Settings;
use crate::error::{Error, INVALID_ROWS, SOLD_BEFORE};
use crate::sale_file;
use crate::service::{self, CheckedSaleFile, FileSaleContext, sale_file_check, sale_file_sell};

/// What a file comes to.
#[derive(Serialize, ToSchema)]
pub(super) struct ImportJson {
    /// checked, or imported.
    #[schema(example = "imported")]
    status: &'static str,
    /// Whether nothing was to be sold.
    dry_run: bool,
    /// Rows that are good.
    good: usize,
    /// Rows that are not.
    bad: usize,
    /// What the good rows come to.
    total: Decimal,
    /// What the seller can sell from afterwards.
    remaining_credit: Decimal,
    /// What is wrong, row by row.
    errors: Vec<RowJson>,
    /// What was sold from a file before, or is in this one twice, row by row.
    warnings: Vec<RowJson>,
    /// Why it is sold only with `again=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_again: Option<String>,
}

/// What is wrong with a row.
#[derive(Serialize, ToSchema)]
pub(super) struct RowJson {
    /// Its line in the file; the header is 1.
    row: u64,
    errors: Vec<String>,
}

/// Sell a file of charges: all of it, or nothing.
///
/// The body is CSV in UTF-8, at most 2 MiB and 5,000 rows. Its first line names the columns: `phone_number`, `amount`,
/// and `client_ref` if any. With `dry_run=true` it is checked, and nothing is sold. A file with a row that is not good is
/// refused as a whole: 400 `invalid_rows`, with `rows` saying what is wrong with each. What was sold from a file before,
/// whatever the order of its rows and columns, and what is in the file twice is sold only with `again=true`; else 409
/// `sold_before`, with `rows` saying when and by whom.
#[utoipa::path(post, path = "/api/sellers/{id}/sales/import/", tag = "charge: counter", params(
    ("id" = Uuid, Path),
    ("dry_run" = Option<bool>, Query, description = "Check it only."),
    ("again" = Option<bool>, Query, description = "Sell what was sold from a file before, or is in the file twice."),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body(content = String, content_type = "text/csv"), responses((status = 200, body = ImportJson)))]
pub(super) async fn sales_import(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    key: IdempotencyKey,
    PathId(seller): PathId,
    query: QueryPairs,
    request: Request,
) -> Result<Response, Problem> {
    own_seller(&principal, seller)?;
    let mut fields = query.fields();
    let (dry_run, again) = (fields.flag("dry_run"), fields.flag("again") == Some(true));
    fields.finish(Some(()))?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/csv") {
        return Err(Problem::new(&code::UNSUPPORTED_MEDIA_TYPE, "Send the file with Content-Type: text/csv."));
    }
    let file = body_bytes(request, sale_file::MOST_BYTES).await?;
    let text = sale_file::text(&file)?.into_owned();
    if dry_run == Some(true) {
        let (settings, now) = (Arc::clone(&charge.settings), charge.context.now());
        let checked = charge.context.store.read(move |tx| {
            let sheet = checked(tx, now, &settings, &text, seller)?;
            Ok::<_, Error>(answer(&sheet, true, service::seller_get(tx, &settings, seller)?.available()))
        });
        return Ok(json(StatusCode::OK, &checked.await?));
    }
    let subject = if again { format!("{seller} again") } else { seller.to_string() };
    let repeat = IdempotentRequest::new(&principal, key, fingerprint("charge.import", &subject, &file));
    import(&charge, &principal, seller, text, again, repeat).await
}

async fn import(
    charge: &Arc<Charge>,
    principal: &Principal,
    seller: Uuid,
    text: String,
    again: bool,
    repeat: Option<IdempotentRequest>,
) -> Result<Response, Problem> {
    let (cx, working) = (principal.request_context(&charge.context), Arc::clone(charge));
    let sold = charge.context.store.write(move |tx| {
        IdempotentResponse::run(tx, cx.now, repeat.as_ref(), |tx| {
            let settings = &working.settings;
            let file = checked(tx, cx.now, settings, &text, seller)?;
            if file.bad() > 0 {
                return Err(refused(&file));
            }
            if let Some(why) = file.second_yes.as_ref().filter(|_| !again) {
                return Err(Problem::new(&SOLD_BEFORE, why.clone()).with("rows", &told_rows(&file)));
            }
            let selling = FileSaleContext {
                settings,
                connector: working.connector.name(),
                cx: &mut cx.clone(),
                subject: format!("charge:sellers:{seller}"),
                again,
                progress: &Progress::default(),
            };
            sale_file_sell(tx, &file, selling)?;
            let left = service::seller_get(tx, settings, seller)?.available();
            serde_json::to_string(&answer(&file, false, left)).map_err(Problem::internal)
        })
    });
    let once = sold.await?;
    charge.context.outbox.wake();
    Ok(once.into_response(StatusCode::OK))
}

fn checked(
    tx: &mut ReadTx<'_>,
    now: Timestamp,
    settings: &Settings,
    text: &str,
    seller: Uuid,
) -> Result<CheckedSaleFile, Error> {
    service::seller_active(tx, settings, seller)?;
    sale_file_check(tx, now, settings, sale_file::read(text, settings)?, Some(seller))
}

fn wrong_rows(file: &CheckedSaleFile) -> Vec<RowJson> {
    let wrong = file.rows.iter().filter(|row| !row.errors.is_empty());
    wrong.map(|row| RowJson { row: row.line, errors: row.errors.clone() }).collect()
}

fn told_rows(file: &CheckedSaleFile) -> Vec<RowJson> {
    let told = file.rows.iter().filter(|row| !row.warnings.is_empty());
    told.map(|row| RowJson { row: row.line, errors: row.warnings.clone() }).collect()
}

fn answer(file: &CheckedSaleFile, dry_run: bool, left: Money) -> ImportJson {
    ImportJson {
        status: if dry_run { "checked" } else { "imported" },
        dry_run,
        good: file.good(),
        bad: file.bad(),
        total: Decimal(file.total),
        remaining_credit: Decimal(left),
        errors: wrong_rows(file),
        warnings: told_rows(file),
        needs_again: file.second_yes.clone(),
    }
}

fn refused(file: &CheckedSaleFile) -> Problem {
    Problem::new(&INVALID_ROWS, Error::BadRows(file.bad()).to_string()).with("rows", &wrong_rows(file))
}
