//! /api/phone-numbers/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    Caller, Fields, IdempotencyKey, JsonBody, ListQuery, Once, PathId, Problem, QueryPairs, ReadOnly, Repeatable, Rows,
    Time, fingerprint, json, listed,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::sellers::sent;
use super::{ALL_ROWS, answer, subject, what_is_left};
use crate::Charge;
use crate::domain::{Phone, PhoneNumber, Standing};
use crate::error::Error;
use crate::service::{self, NewPhone, PhoneChange};
use crate::store::{self, Filter};

/// A phone number that charges are sold to.
#[derive(Serialize, ToSchema)]
pub(super) struct PhoneJson {
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
            status: phone.standing.name(),
            created_at: Time(phone.created_at),
            updated_at: Time(phone.updated_at),
        }
    }
}

/// What a phone number is registered with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct PhoneFields {
    /// 10 to 15 digits with an optional +; kept in E.164.
    #[schema(example = "9876543210")]
    number: String,
    /// 1 to 100 characters.
    label: Option<String>,
}

/// What a phone number is changed with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that `read_change` reads")]
pub(super) struct PhoneChangeFields {
    /// 1 to 100 characters, or null for none.
    label: Option<String>,
    /// active, frozen or inactive.
    status: Option<String>,
}

/// List phone numbers, newest first.
#[utoipa::path(get, path = "/api/phone-numbers/", tag = "charge: phone numbers", params(
    ("number" = Option<String>, Query, description = "Only this number."),
    ("limit" = inline(Option<Rows<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<PhoneJson>)))]
pub(super) async fn phone_list(
    State(charge): State<Arc<Charge>>,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = ListQuery::read(&mut fields, ALL_ROWS);
    let number = fields.parsed("number", |text| PhoneNumber::parse(text, charge.settings.country));
    fields.finish(Some(()))?;
    let filter = Filter { number, before: list.before, limit: list.fetch(), ..Filter::default() };
    let phones: Vec<Phone> =
        charge.context.store.read(move |tx| store::phones_list(tx, &filter)).await.map_err(super::sellers::internal)?;
    let rows: Vec<PhoneJson> = phones.into_iter().map(PhoneJson::from).collect();
    Ok(listed(&uri, list, rows, |row| row.id))
}

/// Register a phone number. A sale to an unknown number registers it too.
#[utoipa::path(post, path = "/api/phone-numbers/", tag = "charge: phone numbers", request_body = PhoneFields,
    responses((status = 201, body = PhoneJson)))]
pub(super) async fn phone_create(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let read_only = fields.read_only(&["id", "created_at", "updated_at"]);
    let number = fields.parsed_digits("number", |text| PhoneNumber::parse(text, charge.settings.country));
    let number = fields.required("number", number);
    let label = fields.line("label", 1, 100);
    let number = fields.finish(number)?;
    let repeat = Repeatable::new(&caller, key, fingerprint("charge.phone.create", "", &body.0));
    let mut doer = caller.doer(&charge.context);
    let new = NewPhone { id: doer.fresh_id(), number, label };
    let settings = Arc::clone(&charge.settings);
    let made = charge.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            let phone = PhoneJson::from(service::phone_create(tx, doer.now, &settings, &new)?);
            read_only.check_new(&phone)?;
            doer.clone().record_change(
                tx,
                "charge.phone-numbers.create",
                &subject("phone-numbers", new.id),
                &(),
                &phone,
            )?;
            answer(&phone).map_err(Problem::from)
        })
    });
    Ok(made.await?.into_response(StatusCode::CREATED))
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
#[utoipa::path(put, path = "/api/phone-numbers/{id}/", tag = "charge: phone numbers", request_body = PhoneChangeFields,
    params(("id" = Uuid, Path)), responses((status = 200, body = PhoneJson)))]
pub(super) async fn phone_replace(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    let (change, read_only) = read_change(body.fields()?)?;
    let change = PhoneChange { label: change.label.or(Some(None)), ..change };
    changed(&charge, &caller, id, change, read_only).await
}

/// Change some of a phone number's fields.
#[utoipa::path(patch, path = "/api/phone-numbers/{id}/", tag = "charge: phone numbers",
    request_body = PhoneChangeFields, params(("id" = Uuid, Path)), responses((status = 200, body = PhoneJson)))]
pub(super) async fn phone_update(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    let (change, read_only) = read_change(body.fields()?)?;
    changed(&charge, &caller, id, change, read_only).await
}

fn read_change(mut fields: Fields<'_>) -> Result<(PhoneChange, ReadOnly), Problem> {
    let read_only = fields.read_only(&["id", "number", "created_at", "updated_at"]);
    let label = sent(&mut fields, "label", |fields| fields.line("label", 1, 100));
    let standing = fields.parsed("status", Standing::parse);
    fields.finish(Some((PhoneChange { label, standing }, read_only)))
}

async fn changed(
    charge: &Charge,
    caller: &Caller,
    id: Uuid,
    change: PhoneChange,
    read_only: ReadOnly,
) -> Result<Response, Problem> {
    let doer = caller.doer(&charge.context);
    let changed = charge.context.store.write(move |tx| {
        let before = PhoneJson::from(service::phone_get(tx, id)?);
        read_only.check(&before)?;
        let after = PhoneJson::from(service::phone_change(tx, doer.now, id, &change)?);
        doer.clone().record_change(tx, "charge.phone-numbers.edit", &subject("phone-numbers", id), &before, &after)?;
        Ok::<_, Problem>(after)
    });
    Ok(json(StatusCode::OK, &changed.await?))
}

/// Remove a phone number. One with a history is deactivated instead, and answered with.
#[utoipa::path(delete, path = "/api/phone-numbers/{id}/", tag = "charge: phone numbers", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It has a history: it is inactive now.", body = PhoneJson),
        (status = 204, description = "It had none: it is gone."),
    ))]
pub(super) async fn phone_delete(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let doer = caller.doer(&charge.context);
    let removed = charge.context.store.write(move |tx| {
        let before = PhoneJson::from(service::phone_get(tx, id)?);
        let left = service::phone_remove(tx, doer.now, id)?.left().map(PhoneJson::from);
        doer.clone().record_change(tx, "charge.phone-numbers.remove", &subject("phone-numbers", id), &before, &left)?;
        Ok::<_, Error>(left)
    });
    Ok(what_is_left(removed.await?))
}
