//! /api/phone-numbers/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{CommandRequest, PageQuery, PathId, Problem, QueryPairs, RowLimit, Time, json, list_response};
use purser_store::WriteTx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ALL_ROWS;
use super::sellers::sent;
use crate::Charge;
use crate::domain::{LifecycleStatus, Phone, PhoneNumber};
use crate::phone::command::{PHONE_CREATE, PHONE_EDIT, PHONE_REMOVE, PhoneEdit};
use crate::service::{self, PhoneChange};
use crate::store::{self, RecordFilter};

/// A phone number that charges are sold to.
#[derive(Serialize, ToSchema)]
pub(crate) struct PhoneJson {
    id: Uuid,
    #[schema(example = "+919876543210")]
    number: String,
    label: Option<String>,
    /// active, frozen or inactive.
    status: &'static str,
    created_at: Time,
    updated_at: Time,
}

impl From<Phone> for PhoneJson {
    fn from(phone: Phone) -> Self {
        PhoneJson {
            id: phone.id,
            number: phone.number.to_string(),
            label: phone.label,
            status: phone.status.name(),
            created_at: Time(phone.created_at),
            updated_at: Time(phone.updated_at),
        }
    }
}

/// List phone numbers, newest first.
#[utoipa::path(get, path = "/api/phone-numbers/", tag = "charge: phone numbers", params(
    ("number" = Option<String>, Query, description = "Only this number."),
    ("limit" = inline(Option<RowLimit<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<PhoneJson>)))]
pub(super) async fn phone_list(
    State(charge): State<Arc<Charge>>,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, ALL_ROWS);
    let number = fields.parsed("number", |text| PhoneNumber::parse(text, charge.settings.country));
    fields.finish(Some(()))?;
    let filter = RecordFilter { number, before: list.before, limit: list.fetch(), ..RecordFilter::default() };
    let phones: Vec<Phone> =
        charge.context.store.read(move |tx| store::phones_list(tx, &filter)).await.map_err(super::sellers::internal)?;
    let rows: Vec<PhoneJson> = phones.into_iter().map(PhoneJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

/// Register a phone number. A sale to an unknown number registers it too.
#[utoipa::path(post, path = "/api/phone-numbers/", tag = "charge: phone numbers", responses((status = 201, body = PhoneJson)))]
pub(super) async fn phone_create(
    State(charge): State<Arc<Charge>>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let (entered, read_only) = (fields.on_record(), fields.read_only(&["id", "created_at", "updated_at"]));
    let input = (PHONE_CREATE.form)(&charge).read(fields)?;
    let answer = move |_: &Charge, _: &mut WriteTx<'_>, phone| {
        let phone = PhoneJson::from(phone);
        read_only.check_new(&phone)?;
        Ok(phone)
    };
    request.run_with(&charge, &PHONE_CREATE, None, (input, entered), StatusCode::CREATED, answer).await
}

/// Read a phone number.
#[utoipa::path(get, path = "/api/phone-numbers/{id}/", tag = "charge: phone numbers",
    params(("id" = Uuid, Path)), responses((status = 200, body = PhoneJson)))]
pub(super) async fn phone_read(State(charge): State<Arc<Charge>>, PathId(id): PathId) -> Result<Response, Problem> {
    let phone = charge.context.store.read(move |tx| service::phone_get(tx, id)).await?;
    Ok(json(StatusCode::OK, &PhoneJson::from(phone)))
}

/// Replace a phone number's fields: the label is emptied where it is not sent; PATCH leaves it. The number itself stays:
/// it may be sent back, and another one is another phone and refused.
#[utoipa::path(put, path = "/api/phone-numbers/{id}/", tag = "charge: phone numbers", params(("id" = Uuid, Path)),
    responses((status = 200, body = PhoneJson)))]
pub(super) async fn phone_replace(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    edited(&charge, id, request, |change| PhoneChange { label: change.label.or(Some(None)), ..change }).await
}

/// Change some of a phone number's fields.
#[utoipa::path(patch, path = "/api/phone-numbers/{id}/", tag = "charge: phone numbers", params(("id" = Uuid, Path)),
    responses((status = 200, body = PhoneJson)))]
pub(super) async fn phone_update(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    edited(&charge, id, request, |change| change).await
}

async fn edited(
    charge: &Arc<Charge>,
    id: Uuid,
    request: CommandRequest,
    whole: fn(PhoneChange) -> PhoneChange,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let entered = fields.on_record();
    let read_only = fields.read_only(&["id", "number", "created_at", "updated_at"]);
    let label = sent(&mut fields, "label", |fields| fields.line("label", 1, 100));
    let status = fields.parsed("status", LifecycleStatus::parse);
    let change = fields.finish(Some(whole(PhoneChange { label, status })))?;
    let answer = move |_: &Charge, _: &mut WriteTx<'_>, PhoneEdit { before, after }| {
        read_only.check(&PhoneJson::from(before))?;
        Ok(PhoneJson::from(after))
    };
    request.run_with(charge, &PHONE_EDIT, Some(id), (change, entered), StatusCode::OK, answer).await
}

/// Remove a phone number. One with a history is deactivated instead, and answered with.
#[utoipa::path(delete, path = "/api/phone-numbers/{id}/", tag = "charge: phone numbers", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It has a history: it is inactive now.", body = PhoneJson),
        (status = 204, description = "It had none: it is gone."),
    ))]
pub(super) async fn phone_delete(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.remove(&charge, &PHONE_REMOVE, id, |removed| removed.left().map(PhoneJson::from)).await
}
