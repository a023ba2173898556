//! /api/credit-requests/, and a seller's own.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::console::Doer;
use purser_kit::{
    Caller, Decimal, IdempotencyKey, JsonBody, ListQuery, Once, PathId, Problem, QueryPairs, Repeatable, Time,
    fingerprint, json, listed, parse_reference,
};
use purser_store::Tx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::counter::bounded;
use super::{ALL_ROWS, SELLER_ROWS, list_seller, own_seller, subject};
use crate::domain::{Request, RequestStatus, Settings};
use crate::error::Error;
use crate::service::{self, NewRequest};
use crate::store::request::{self as store, RequestFilter};
use crate::{Charge, SELLER_TIE};

/// Credit that a seller asked for.
#[derive(Serialize, ToSchema)]
pub(super) struct RequestJson {
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

impl From<Request> for RequestJson {
    fn from(request: Request) -> Self {
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

/// What is asked for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct RequestFields {
    /// More than zero, at most the configured maximum increase.
    amount: Decimal,
    /// What it is paid with: 1 to 300 characters.
    #[schema(example = "NEFT 4471 of 20 November")]
    note: Option<String>,
    /// The payment's own reference: 1 to 100 characters. The credit that is given answers it, once.
    #[schema(example = "NEFT 4471")]
    reference: Option<String>,
}

/// Ask for credit. Staff decide; whoever asks does not approve.
#[utoipa::path(post, path = "/api/sellers/{id}/credit-requests/", tag = "charge: credit requests",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = RequestFields,
    responses((status = 201, body = RequestJson)))]
pub(super) async fn request_create(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(seller): PathId,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    own_seller(&caller, seller)?;
    let mut fields = body.fields()?;
    let amount = bounded(&mut fields, "amount", charge.settings.currency, charge.settings.max_increase);
    let note = fields.line("note", 1, 300);
    let reference = fields.parsed("reference", parse_reference);
    let amount = fields.finish(amount)?;
    let repeat = Repeatable::new(&caller, key, fingerprint("charge.request", &seller.to_string(), &body.0));
    let (now, id) = charge.context.stamp();
    let new = NewRequest { id, seller, amount, note, reference, asked_by: caller.actor().to_string() };
    let settings = Arc::clone(&charge.settings);
    let once = charge.context.store.write(move |tx| {
        Once::run(tx, now, repeat.as_ref(), |tx| {
            let request = service::request_create(tx, now, &settings, &new)?;
            serde_json::to_string(&RequestJson::from(request)).map_err(|error| Error::Answer(error.to_string()))
        })
    });
    Ok(once.await?.into_response(StatusCode::CREATED))
}

/// List a seller's credit requests, newest first.
#[utoipa::path(get, path = "/api/sellers/{id}/credit-requests/", tag = "charge: credit requests", params(
    ("id" = Uuid, Path),
    ("limit" = Option<u32>, Query, description = "1 to 100, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<RequestJson>)))]
pub(super) async fn seller_request_list(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(seller): PathId,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    own_seller(&caller, seller)?;
    let mut fields = query.fields();
    let list = ListQuery::read(&mut fields, SELLER_ROWS);
    fields.finish(Some(()))?;
    let settings = Arc::clone(&charge.settings);
    let filter =
        RequestFilter { seller: Some(seller), before: list.before, limit: list.fetch(), ..RequestFilter::default() };
    let found = charge.context.store.read(move |tx| {
        service::seller_get(tx, &settings, seller)?;
        Ok::<_, Error>(store::requests_list(tx, &filter, settings.currency)?)
    });
    let rows: Vec<RequestJson> = found.await?.into_iter().map(RequestJson::from).collect();
    Ok(listed(&uri, list, rows, |row| row.id))
}

/// List credit requests of all sellers, newest first.
#[utoipa::path(get, path = "/api/credit-requests/", tag = "charge: credit requests", params(
    ("seller_id" = Option<Uuid>, Query),
    ("status" = Option<String>, Query, description = "pending, approved, rejected or withdrawn."),
    ("limit" = Option<u32>, Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<RequestJson>)))]
pub(super) async fn request_list(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = ListQuery::read(&mut fields, ALL_ROWS);
    let seller = list_seller(&caller, fields.id("seller_id"));
    let status = fields.parsed("status", RequestStatus::parse);
    fields.finish(Some(()))?;
    let filter = RequestFilter { id: None, seller, status, before: list.before, limit: list.fetch() };
    let currency = charge.settings.currency;
    let found = charge.context.store.read(move |tx| store::requests_list(tx, &filter, currency));
    let found = found.await.map_err(super::sellers::internal)?;
    let rows: Vec<RequestJson> = found.into_iter().map(RequestJson::from).collect();
    Ok(listed(&uri, list, rows, |row| row.id))
}

/// Approve a credit request: the credit is given at once. Where its reference was used before it is refused, unless
/// `again=true` says that it is meant.
#[utoipa::path(post, path = "/api/credit-requests/{id}/approve/", tag = "charge: credit requests", params(
    ("id" = Uuid, Path),
    ("again" = Option<bool>, Query, description = "Approve it though its reference was used before."),
), responses((status = 200, body = RequestJson)))]
pub(super) async fn request_approve(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let again = fields.flag("again") == Some(true);
    fields.finish(Some(()))?;
    decided(&charge, &caller, id, "charge.requests.approve", move |tx, settings, doer| {
        let credit = doer.fresh_id();
        service::request_approve(tx, doer.now, settings, id, credit, &doer.actor, again)
    })
    .await
}

/// Why a request is rejected.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct RejectFields {
    /// 1 to 300 characters, for the seller to read.
    reason: String,
}

/// Reject a credit request.
#[utoipa::path(post, path = "/api/credit-requests/{id}/reject/", tag = "charge: credit requests",
    params(("id" = Uuid, Path)), request_body = RejectFields, responses((status = 200, body = RequestJson)))]
pub(super) async fn request_reject(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let reason = fields.line("reason", 1, 300);
    let reason = fields.required("reason", reason);
    let reason = fields.finish(reason)?;
    decided(&charge, &caller, id, "charge.requests.reject", move |tx, settings, doer| {
        service::request_reject(tx, doer.now, settings, id, &doer.actor, &reason)
    })
    .await
}

/// Withdraw a credit request that is still pending.
#[utoipa::path(post, path = "/api/credit-requests/{id}/withdraw/", tag = "charge: credit requests",
    params(("id" = Uuid, Path)), responses((status = 200, body = RequestJson)))]
pub(super) async fn request_withdraw(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let who = caller.clone();
    decided(&charge, &caller, id, "charge.requests.withdraw", move |tx, settings, doer| {
        let request = service::request_get(tx, settings, id)?;
        if !who.may_see(SELLER_TIE, request.seller) {
            return Err(Error::NoRequest);
        }
        service::request_withdraw(tx, doer.now, settings, id, &doer.actor)
    })
    .await
}

/// Decides on a request, and puts on record what became of it.
async fn decided(
    charge: &Charge,
    caller: &Caller,
    id: Uuid,
    action: &'static str,
    decide: impl Fn(&mut Tx<'_>, &Settings, &mut Doer) -> Result<Request, Error> + Send + 'static,
) -> Result<Response, Problem> {
    let (doer, settings) = (caller.doer(&charge.context), Arc::clone(&charge.settings));
    let decided = charge.context.store.write(move |tx| {
        let (mut doer, before) = (doer.clone(), RequestJson::from(service::request_get(tx, &settings, id)?));
        let after = RequestJson::from(decide(tx, &settings, &mut doer)?);
        doer.record_change(tx, action, &subject("requests", id), &before, &after)?;
        Ok::<_, Error>(after)
    });
    Ok(json(StatusCode::OK, &decided.await?))
}
