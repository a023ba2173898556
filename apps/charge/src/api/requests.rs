//! /api/credit-requests/, and a seller's own.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    CommandRequest, Decimal, PageQuery, PathId, Principal, Problem, QueryPairs, RowLimit, Time, list_response,
};
use purser_store::WriteTx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ALL_ROWS, SELLER_ROWS, list_seller, own_seller};
use crate::Charge;
use crate::domain::{CreditRequest, RequestStatus};
use crate::error::Error;
use crate::request::command::{REQUEST_APPROVE, REQUEST_CREATE, REQUEST_REJECT, REQUEST_WITHDRAW, RequestForm};
use crate::service;
use crate::store::request::{self as store, RequestFilter};

/// Credit that a seller asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct RequestJson {
    id: Uuid,
    seller_id: Uuid,
    amount: Decimal,
    note: Option<String>,
    /// The payment's own reference.
    reference: Option<String>,
    /// pending, approved, rejected or withdrawn.
    status: &'static str,
    asked_by: String,
    asked_at: Time,
    decided_by: Option<String>,
    decided_at: Option<Time>,
    /// Why it was rejected.
    reason: Option<String>,
    /// The credit transaction that answered it.
    transaction_id: Option<Uuid>,
}

impl From<CreditRequest> for RequestJson {
    fn from(request: CreditRequest) -> Self {
        RequestJson {
            id: request.id,
            seller_id: request.seller,
            amount: Decimal(request.amount),
            note: request.note,
            reference: request.reference,
            status: request.status.name(),
            asked_by: request.asked_by,
            asked_at: Time(request.asked_at),
            decided_by: request.decided_by,
            decided_at: request.decided_at.map(Time),
            reason: request.reason,
            transaction_id: request.credit,
        }
    }
}

/// Ask for credit. Staff decide; whoever asks does not approve.
#[utoipa::path(post, path = "/api/sellers/{id}/credit-requests/", tag = "charge: credit requests",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)), responses((status = 201, body = RequestJson)))]
pub(super) async fn request_create(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathId(seller): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    own_seller(&principal, seller)?;
    let fields = request.fields(false)?;
    let entered = fields.on_record();
    let form = RequestForm { seller: Some(seller), ..(REQUEST_CREATE.form)(&charge).read(fields)? };
    let answer = |_: &Charge, _: &mut WriteTx<'_>, made| Ok(RequestJson::from(made));
    request.run_with(&charge, &REQUEST_CREATE, None, (form, entered), StatusCode::CREATED, answer).await
}

/// List a seller's credit requests, newest first.
#[utoipa::path(get, path = "/api/sellers/{id}/credit-requests/", tag = "charge: credit requests", params(
    ("id" = Uuid, Path),
    ("limit" = inline(Option<RowLimit<100, 100>>), Query, description = "1 to 100, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<RequestJson>)))]
pub(super) async fn seller_request_list(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathId(seller): PathId,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    own_seller(&principal, seller)?;
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, SELLER_ROWS);
    fields.finish(Some(()))?;
    let settings = Arc::clone(&charge.settings);
    let filter =
        RequestFilter { seller: Some(seller), before: list.before, limit: list.fetch(), ..RequestFilter::default() };
    let found = charge.context.store.read(move |tx| {
        service::seller_get(tx, &settings, seller)?;
        Ok::<_, Error>(store::requests_list(tx, &filter, settings.currency)?)
    });
    let rows: Vec<RequestJson> = found.await?.into_iter().map(RequestJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

/// List credit requests of all sellers, newest first.
#[utoipa::path(get, path = "/api/credit-requests/", tag = "charge: credit requests", params(
    ("seller_id" = Option<Uuid>, Query),
    ("status" = Option<String>, Query, description = "pending, approved, rejected or withdrawn."),
    ("limit" = inline(Option<RowLimit<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<RequestJson>)))]
pub(super) async fn request_list(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, ALL_ROWS);
    let seller = list_seller(&principal, fields.id("seller_id"));
    let status = fields.parsed("status", RequestStatus::parse);
    fields.finish(Some(()))?;
    let filter = RequestFilter { id: None, seller, status, before: list.before, limit: list.fetch() };
    let currency = charge.settings.currency;
    let found = charge.context.store.read(move |tx| store::requests_list(tx, &filter, currency));
    let found = found.await.map_err(super::sellers::internal)?;
    let rows: Vec<RequestJson> = found.into_iter().map(RequestJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

/// Approve a credit request: the credit is given at once. Where its reference was used before it is refused, unless
/// `again=true` says that it is meant.
#[utoipa::path(post, path = "/api/credit-requests/{id}/approve/", tag = "charge: credit requests", params(
    ("id" = Uuid, Path),
    ("again" = Option<bool>, Query, description = "Approve it though its reference was used before."),
), responses((status = 200, body = RequestJson)))]
pub(super) async fn request_approve(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    query: QueryPairs,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let fields = query.fields();
    let entered = fields.on_record();
    let again = (REQUEST_APPROVE.form)(&charge).read(fields)?;
    let answer = |_: &Charge, _: &mut WriteTx<'_>, (made, _)| Ok(RequestJson::from(made));
    request.run_with(&charge, &REQUEST_APPROVE, Some(id), (again, entered), StatusCode::OK, answer).await
}

/// Reject a credit request.
#[utoipa::path(post, path = "/api/credit-requests/{id}/reject/", tag = "charge: credit requests",
    params(("id" = Uuid, Path)), responses((status = 200, body = RequestJson)))]
pub(super) async fn request_reject(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&charge, &REQUEST_REJECT, id, |_, _, (rejected, _)| Ok(RequestJson::from(rejected))).await
}

/// Withdraw a credit request that is still pending.
#[utoipa::path(post, path = "/api/credit-requests/{id}/withdraw/", tag = "charge: credit requests",
    params(("id" = Uuid, Path)), responses((status = 200, body = RequestJson)))]
pub(super) async fn request_withdraw(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&charge, &REQUEST_WITHDRAW, id, |_, _, withdrawn| Ok(RequestJson::from(withdrawn))).await
}
