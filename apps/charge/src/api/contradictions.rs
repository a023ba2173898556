//! /api/charge-contradictions/: what operators said against what was settled.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    CommandRequest, Decimal, PageQuery, PathId, Problem, QueryPairs, RowLimit, Rule, Time, json, list_response,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ALL_ROWS;
use super::sellers::internal;
use crate::Charge;
use crate::contradiction::command::CONTRADICTION_SETTLE;
use crate::contradiction::{ContradictionStatus, SaleContradiction};
use crate::service;
use crate::store::contradiction::{ContradictionFilter, contradictions_list};

/// An operator's word against a settled sale.
#[derive(Serialize, ToSchema)]
pub(crate) struct ContradictionJson {
    id: Uuid,
    sale_id: Uuid,
    seller_id: Uuid,
    phone_number: String,
    amount: Decimal,
    /// completed, failed or reversed: how the sale stood.
    settled: &'static str,
    /// completed or failed: what the operator said.
    said: &'static str,
    /// callback, answer or query: how it said so.
    source: &'static str,
    operator_ref: Option<String>,
    /// The operator's words.
    words: Option<String>,
    created_at: Time,
    /// When the operator said the opposite again, which agrees with the sale.
    withdrawn_at: Option<Time>,
    /// open, charged, given_back or dismissed.
    status: &'static str,
    decided_by: Option<String>,
    decided_at: Option<Time>,
    reason: Option<String>,
}

impl From<SaleContradiction> for ContradictionJson {
    fn from(contradiction: SaleContradiction) -> Self {
        ContradictionJson {
            id: contradiction.id,
            sale_id: contradiction.sale,
            seller_id: contradiction.seller,
            phone_number: contradiction.number.to_string(),
            amount: Decimal(contradiction.amount),
            settled: contradiction.settled.name(),
            said: contradiction.said.name(),
            source: contradiction.source.name(),
            operator_ref: contradiction.operator_ref,
            words: contradiction.words,
            created_at: Time(contradiction.created_at),
            withdrawn_at: contradiction.withdrawn_at.map(Time),
            status: contradiction.status.name(),
            decided_by: contradiction.decided_by,
            decided_at: contradiction.decided_at.map(Time),
            reason: contradiction.reason,
        }
    }
}

/// What operators said against settled sales, newest first.
#[utoipa::path(get, path = "/api/charge-contradictions/", tag = "charge: operators", params(
    ("status" = Option<String>, Query, description = "Only open, charged, given_back or dismissed ones."),
    ("limit" = inline(Option<RowLimit<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<ContradictionJson>)))]
pub(super) async fn contradiction_list(
    State(charge): State<Arc<Charge>>,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, ALL_ROWS);
    let status = fields.parsed("status", |text| {
        let must = "be open, charged, given_back or dismissed";
        ContradictionStatus::from_name(text).ok_or_else(|| Rule::new("unknown_value", must))
    });
    fields.finish(Some(()))?;
    let filter =
        ContradictionFilter { status, before: list.before, limit: list.fetch(), ..ContradictionFilter::default() };
    let currency = charge.settings.currency;
    let found = charge.context.store.read(move |tx| contradictions_list(tx, &filter, currency));
    let rows: Vec<ContradictionJson> =
        found.await.map_err(internal)?.into_iter().map(ContradictionJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

/// Read a contradiction.
#[utoipa::path(get, path = "/api/charge-contradictions/{id}/", tag = "charge: operators",
    params(("id" = Uuid, Path)), responses((status = 200, body = ContradictionJson)))]
pub(super) async fn contradiction_read(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let settings = Arc::clone(&charge.settings);
    let found = charge.context.store.read(move |tx| service::contradiction_get(tx, &settings, id)).await?;
    Ok(json(StatusCode::OK, &ContradictionJson::from(found)))
}

/// Settle a contradiction, once.
#[utoipa::path(post, path = "/api/charge-contradictions/{id}/settle/", tag = "charge: operators", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = ContradictionJson)))]
pub(super) async fn contradiction_settle(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&charge, &CONTRADICTION_SETTLE, id, |_, _, settled| Ok(ContradictionJson::from(settled))).await
}
