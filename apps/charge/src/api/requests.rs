//! /api/credit-requests/, and a seller's own.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::console::Doer;
use purser_kit::{
    Caller, Decimal, IdempotencyKey, JsonBody, ListQuery, Once, OptionalBody, PathId, Problem, QueryPairs, Repeatable,
    Rows, Time, fingerprint, listed, parse_reference,
};
use purser_store::Tx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::counter::bounded;
use super::{ALL_ROWS, SELLER_ROWS, answer, list_seller, own_seller, subject};
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
    let mut doer = caller.doer(&charge.context);
    let new = NewRequest { id: doer.fresh_id(), seller, amount, note, reference, asked_by: doer.actor.clone() };
    let settings = Arc::clone(&charge.settings);
    let once = charge.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            let request = request_create_recorded(tx, &settings, &mut doer.clone(), &new)?;
            answer(&RequestJson::from(request))
        })
    });
    Ok(once.await?.into_response(StatusCode::CREATED))
}

/// Asks for credit, and puts it on record, whichever door it came in by.
pub(crate) fn request_create_recorded(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    new: &NewRequest,
) -> Result<Request, Error> {
    let request = service::request_create(tx, doer.now, settings, new)?;
    let after = RequestJson::from(request.clone());
    doer.record_change(tx, "charge.requests.create", &subject("requests", request.id), &(), &after)?;
    Ok(request)
}

/// Takes a request back, and puts it on record, whichever door it came in by.
pub(crate) fn request_withdraw_recorded(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    id: Uuid,
) -> Result<Request, Error> {
    recorded(tx, settings, doer, (id, "charge.requests.withdraw"), |tx, doer| {
        service::request_withdraw(tx, doer.now, settings, id, &doer.actor)
    })
}

/// List a seller's credit requests, newest first.
#[utoipa::path(get, path = "/api/sellers/{id}/credit-requests/", tag = "charge: credit requests", params(
    ("id" = Uuid, Path),
    ("limit" = inline(Option<Rows<100, 100>>), Query, description = "1 to 100, which is also the default."),
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
    ("limit" = inline(Option<Rows<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
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
    key: IdempotencyKey,
    PathId(id): PathId,
    query: QueryPairs,
    body: OptionalBody,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let again = fields.flag("again") == Some(true);
    fields.finish(Some(()))?;
    let subject = format!("{id} again={again}");
    let repeat = Repeatable::new(&caller, key, fingerprint("charge.requests.approve", &subject, &body.0));
    decided(&charge, &caller, repeat, move |tx, settings, doer| {
        let credit = doer.fresh_id();
        recorded(tx, settings, doer, (id, "charge.requests.approve"), |tx, doer| {
            service::request_approve(tx, doer.now, settings, id, credit, &doer.actor, again)
        })
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
    key: IdempotencyKey,
    PathId(id): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let reason = fields.line("reason", 1, 300);
    let reason = fields.required("reason", reason);
    let reason = fields.finish(reason)?;
    let repeat = Repeatable::new(&caller, key, fingerprint("charge.requests.reject", &id.to_string(), &body.0));
    decided(&charge, &caller, repeat, move |tx, settings, doer| {
        recorded(tx, settings, doer, (id, "charge.requests.reject"), |tx, doer| {
            service::request_reject(tx, doer.now, settings, id, &doer.actor, &reason)
        })
    })
    .await
}

/// Withdraw a credit request that is still pending.
#[utoipa::path(post, path = "/api/credit-requests/{id}/withdraw/", tag = "charge: credit requests",
    params(("id" = Uuid, Path)), responses((status = 200, body = RequestJson)))]
pub(super) async fn request_withdraw(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    key: IdempotencyKey,
    PathId(id): PathId,
    body: OptionalBody,
) -> Result<Response, Problem> {
    let repeat = Repeatable::new(&caller, key, fingerprint("charge.requests.withdraw", &id.to_string(), &body.0));
    let who = caller.clone();
    decided(&charge, &caller, repeat, move |tx, settings, doer| {
        let request = service::request_get(tx, settings, id)?;
        if !who.may_see(SELLER_TIE, request.seller) {
            return Err(Error::NoRequest);
        }
        request_withdraw_recorded(tx, settings, doer, id)
    })
    .await
}

/// Decides on a request, once for each Idempotency-Key.
async fn decided(
    charge: &Charge,
    caller: &Caller,
    repeat: Option<Repeatable>,
    decide: impl Fn(&mut Tx<'_>, &Settings, &mut Doer) -> Result<Request, Error> + Send + 'static,
) -> Result<Response, Problem> {
    let (doer, settings) = (caller.doer(&charge.context), Arc::clone(&charge.settings));
    let decided = charge.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            answer(&RequestJson::from(decide(tx, &settings, &mut doer.clone())?))
        })
    });
    Ok(decided.await?.into_response(StatusCode::OK))
}

/// Puts on record what becomes of a request.
fn recorded(
    tx: &mut Tx<'_>,
    settings: &Settings,
    doer: &mut Doer,
    (id, action): (Uuid, &str),
    decide: impl FnOnce(&mut Tx<'_>, &mut Doer) -> Result<Request, Error>,
) -> Result<Request, Error> {
    let before = RequestJson::from(service::request_get(tx, settings, id)?);
    let request = decide(tx, doer)?;
    let after = RequestJson::from(request.clone());
    doer.record_change(tx, action, &subject("requests", id), &before, &after)?;
    Ok(request)
}
