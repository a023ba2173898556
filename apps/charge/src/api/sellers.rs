//! /api/sellers/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    Caller, Decimal, Fields, IdempotencyKey, JsonBody, ListQuery, Once, PathId, Problem, QueryPairs, ReadOnly,
    Repeatable, Rows, Time, fingerprint, json, listed,
};
use purser_store::Error as StoreError;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ALL_ROWS, answer, list_seller, own_seller, subject, what_is_left};
use crate::Charge;
use crate::domain::{self, PhoneNumber, Seller, Settings, Standing};
use crate::error::Error;
use crate::service::{self, NewSeller, SellerChange};
use crate::store::{self, Filter};

/// A reseller.
#[derive(Serialize, ToSchema)]
pub(super) struct SellerJson {
    id: Uuid,
    name: String,
    email: Option<String>,
    #[schema(example = "+919876543210")]
    phone: Option<String>,
    /// Below what credit the seller is told.
    low_credit_alert: Option<Decimal>,
    /// In which language the seller is written to: en or hi.
    language: &'static str,
    /// active, frozen or inactive.
    status: &'static str,
    /// All credit, holds included. Set by increases and sales only.
    credit: Decimal,
    /// How much of it waits for operators' answers.
    held: Decimal,
    /// What can be sold now.
    available: Decimal,
    created_at: Time,
    updated_at: Time,
}

impl From<Seller> for SellerJson {
    fn from(seller: Seller) -> Self {
        SellerJson {
            available: Decimal(seller.available()),
            id: seller.id,
            name: seller.name,
            email: seller.email,
            phone: seller.phone.map(|phone| phone.to_string()),
            low_credit_alert: seller.low_credit_alert.map(Decimal),
            language: seller.language.code(),
            status: seller.standing.name(),
            credit: Decimal(seller.credit),
            held: Decimal(seller.held),
            created_at: Time(seller.created_at),
            updated_at: Time(seller.updated_at),
        }
    }
}

/// What a seller is registered or changed with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that `read_fields` reads")]
pub(super) struct SellerFields {
    /// 1 to 100 characters.
    #[schema(example = "Corner Shop")]
    name: String,
    /// At most 254 characters.
    #[schema(example = "shop@example.com")]
    email: Option<String>,
    /// 10 to 15 digits; kept in E.164.
    phone: Option<String>,
    /// Zero or more.
    low_credit_alert: Option<Decimal>,
    /// In which language the seller is written to: en or hi.
    language: Option<String>,
    /// active, frozen or inactive.
    status: Option<String>,
}

/// What of a seller can be read and not set.
const READ_ONLY: &[&str] = &["id", "credit", "held", "available", "created_at", "updated_at"];

/// What was sent of each field that can be set.
pub(crate) fn read_fields(fields: &mut Fields<'_>, settings: &Settings) -> SellerChange {
    let standing = fields.parsed("status", Standing::parse);
    SellerChange {
        name: fields.line("name", 1, 100),
        email: sent(fields, "email", |fields| fields.parsed("email", domain::parse_email)),
        phone: sent(fields, "phone", |fields| {
            fields.parsed_digits("phone", |text| PhoneNumber::parse(text, settings.country))
        }),
        low_credit_alert: sent(fields, "low_credit_alert", |fields| {
            fields.amount_from_zero("low_credit_alert", settings.currency)
        }),
        language: fields.parsed("language", domain::parse_language),
        standing,
    }
}

/// A field that may be emptied: `None` where it was not sent.
pub(super) fn sent<T>(
    fields: &mut Fields<'_>,
    name: &str,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Option<Option<T>> {
    fields.has(name).then(|| read(fields))
}

/// List sellers, newest first.
#[utoipa::path(get, path = "/api/sellers/", tag = "charge: sellers", params(
    ("limit" = inline(Option<Rows<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<SellerJson>)))]
pub(super) async fn seller_list(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = ListQuery::read(&mut fields, ALL_ROWS);
    fields.finish(Some(()))?;
    let filter =
        Filter { seller: list_seller(&caller, None), before: list.before, limit: list.fetch(), ..Filter::default() };
    let currency = charge.settings.currency;
    let sellers =
        charge.context.store.read(move |tx| store::sellers_list(tx, &filter, currency)).await.map_err(internal)?;
    let rows: Vec<SellerJson> = sellers.into_iter().map(SellerJson::from).collect();
    Ok(listed(&uri, list, rows, |row| row.id))
}

pub(super) fn internal(error: StoreError) -> Problem {
    error.into()
}

/// Register a seller, without credit.
#[utoipa::path(post, path = "/api/sellers/", tag = "charge: sellers", request_body = SellerFields,
    responses((status = 201, body = SellerJson)))]
pub(super) async fn seller_create(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let read_only = fields.read_only(READ_ONLY);
    let change = read_fields(&mut fields, &charge.settings);
    if change.standing.is_some_and(|standing| standing != Standing::Active) {
        fields.refuse::<()>(
            "status",
            "otherwise",
            purser_kit::Rule::new("unknown_value", "be active for a new seller"),
        );
    }
    let name = fields.required("name", change.name);
    let name = fields.finish(name)?;
    let repeat = Repeatable::new(&caller, key, fingerprint("charge.seller.create", "", &body.0));
    let mut doer = caller.doer(&charge.context);
    let new = NewSeller {
        id: doer.fresh_id(),
        name,
        email: change.email.flatten(),
        phone: change.phone.flatten(),
        low_credit_alert: change.low_credit_alert.flatten(),
        language: change.language.unwrap_or_default(),
    };
    let settings = Arc::clone(&charge.settings);
    let made = charge.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            let seller = SellerJson::from(service::seller_create(tx, doer.now, &settings, &new)?);
            read_only.check_new(&seller)?;
            doer.clone().record_change(tx, "charge.sellers.create", &subject("sellers", new.id), &(), &seller)?;
            answer(&seller).map_err(Problem::from)
        })
    });
    Ok(made.await?.into_response(StatusCode::CREATED))
}

/// Read a seller.
#[utoipa::path(get, path = "/api/sellers/{id}/", tag = "charge: sellers",
    params(("id" = Uuid, Path)), responses((status = 200, body = SellerJson)))]
pub(super) async fn seller_read(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    own_seller(&caller, id)?;
    let settings = Arc::clone(&charge.settings);
    let seller = charge.context.store.read(move |tx| service::seller_get(tx, &settings, id)).await?;
    Ok(json(StatusCode::OK, &SellerJson::from(seller)))
}

/// Replace a seller's fields: `email`, `phone` and `low_credit_alert` are emptied where they are not sent; `language` and
/// `status` stay. PATCH changes what is sent and nothing else. `credit` and the other read-only fields may be sent back as
/// they were read, and are refused with another value.
#[utoipa::path(put, path = "/api/sellers/{id}/", tag = "charge: sellers", request_body = SellerFields,
    params(("id" = Uuid, Path)), responses((status = 200, body = SellerJson)))]
pub(super) async fn seller_replace(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let read_only = fields.read_only(READ_ONLY);
    let change = read_fields(&mut fields, &charge.settings);
    let name = fields.required("name", change.name.clone());
    let name = fields.finish(name)?;
    let change = SellerChange {
        name: Some(name),
        email: change.email.or(Some(None)),
        phone: change.phone.or(Some(None)),
        low_credit_alert: change.low_credit_alert.or(Some(None)),
        language: change.language,
        standing: change.standing,
    };
    changed(&charge, &caller, id, change, read_only).await
}

/// Change some of a seller's fields; those that are not sent stay. Read-only fields are refused with another value.
#[utoipa::path(patch, path = "/api/sellers/{id}/", tag = "charge: sellers", request_body = SellerFields,
    params(("id" = Uuid, Path)), responses((status = 200, body = SellerJson)))]
pub(super) async fn seller_update(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let read_only = fields.read_only(READ_ONLY);
    let change = read_fields(&mut fields, &charge.settings);
    if fields.has("name") {
        fields.required("name", change.name.as_ref());
    }
    let change = fields.finish(Some(change))?;
    changed(&charge, &caller, id, change, read_only).await
}

async fn changed(
    charge: &Charge,
    caller: &Caller,
    id: Uuid,
    change: SellerChange,
    read_only: ReadOnly,
) -> Result<Response, Problem> {
    let (doer, settings) = (caller.doer(&charge.context), Arc::clone(&charge.settings));
    let changed = charge.context.store.write(move |tx| {
        let before = SellerJson::from(service::seller_get(tx, &settings, id)?);
        read_only.check(&before)?;
        let after = SellerJson::from(service::seller_change(tx, doer.now, &settings, id, &change)?);
        doer.clone().record_change(tx, "charge.sellers.edit", &subject("sellers", id), &before, &after)?;
        Ok::<_, Problem>(after)
    });
    Ok(json(StatusCode::OK, &changed.await?))
}

/// Remove a seller. One with a history or with credit is deactivated instead, and answered with.
#[utoipa::path(delete, path = "/api/sellers/{id}/", tag = "charge: sellers", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "It has a history: it is inactive now.", body = SellerJson),
    (status = 204, description = "It had none: it is gone."),
))]
pub(super) async fn seller_delete(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let (doer, settings) = (caller.doer(&charge.context), Arc::clone(&charge.settings));
    let removed = charge.context.store.write(move |tx| {
        let before = SellerJson::from(service::seller_get(tx, &settings, id)?);
        let left = service::seller_remove(tx, doer.now, &settings, id)?.left().map(SellerJson::from);
        doer.clone().record_change(tx, "charge.sellers.remove", &subject("sellers", id), &before, &left)?;
        Ok::<_, Error>(left)
    });
    Ok(what_is_left(removed.await?))
}
