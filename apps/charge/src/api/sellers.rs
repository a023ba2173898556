//! /api/sellers/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    CommandRequest, Decimal, Fields, PageQuery, PathId, Principal, Problem, QueryPairs, RowLimit, Rule, Time, json,
    list_response,
};
use purser_store::{Error as StoreError, WriteTx};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ALL_ROWS, list_seller, own_seller};
use crate::Charge;
use crate::domain::{self, LifecycleStatus, PhoneNumber, Seller, Settings};
use crate::seller::command::{SELLER_CREATE, SELLER_EDIT, SELLER_REMOVE, SellerEdit};
use crate::service::{self, SellerChange};
use crate::store::{self, RecordFilter};

/// A reseller.
#[derive(Serialize, ToSchema)]
pub(crate) struct SellerJson {
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
            status: seller.status.name(),
            credit: Decimal(seller.credit),
            held: Decimal(seller.held),
            created_at: Time(seller.created_at),
            updated_at: Time(seller.updated_at),
        }
    }
}

/// What of a seller can be read and not set.
const READ_ONLY: &[&str] = &["id", "credit", "held", "available", "created_at", "updated_at"];

/// What was sent of each field that can be set.
fn read_fields(fields: &mut Fields<'_>, settings: &Settings) -> SellerChange {
    let status = fields.parsed("status", LifecycleStatus::parse);
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
        status,
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
    ("limit" = inline(Option<RowLimit<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<SellerJson>)))]
pub(super) async fn seller_list(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, ALL_ROWS);
    fields.finish(Some(()))?;
    let filter = RecordFilter {
        seller: list_seller(&principal, None),
        before: list.before,
        limit: list.fetch(),
        ..RecordFilter::default()
    };
    let currency = charge.settings.currency;
    let sellers =
        charge.context.store.read(move |tx| store::sellers_list(tx, &filter, currency)).await.map_err(internal)?;
    let rows: Vec<SellerJson> = sellers.into_iter().map(SellerJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

pub(super) fn internal(error: StoreError) -> Problem {
    error.into()
}

/// Register a seller, without credit.
#[utoipa::path(post, path = "/api/sellers/", tag = "charge: sellers", responses((status = 201, body = SellerJson)))]
pub(super) async fn seller_create(
    State(charge): State<Arc<Charge>>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let (entered, read_only) = (fields.on_record(), fields.read_only(READ_ONLY));
    if fields.parsed("status", LifecycleStatus::parse).is_some_and(|status| status != LifecycleStatus::Active) {
        fields.refuse::<()>("status", "otherwise", Rule::new("unknown_value", "be active for a new seller"));
    }
    let input = (SELLER_CREATE.form)(&charge).read(fields)?;
    let answer = move |_: &Charge, _: &mut WriteTx<'_>, seller| {
        let seller = SellerJson::from(seller);
        read_only.check_new(&seller)?;
        Ok(seller)
    };
    request.run_with(&charge, &SELLER_CREATE, None, (input, entered), StatusCode::CREATED, answer).await
}

/// Read a seller.
#[utoipa::path(get, path = "/api/sellers/{id}/", tag = "charge: sellers",
    params(("id" = Uuid, Path)), responses((status = 200, body = SellerJson)))]
pub(super) async fn seller_read(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    own_seller(&principal, id)?;
    let settings = Arc::clone(&charge.settings);
    let seller = charge.context.store.read(move |tx| service::seller_get(tx, &settings, id)).await?;
    Ok(json(StatusCode::OK, &SellerJson::from(seller)))
}

/// Replace a seller's fields: `email`, `phone` and `low_credit_alert` are emptied where they are not sent; `language` and
/// `status` stay. PATCH changes what is sent and nothing else. `credit` and the other read-only fields may be sent back as
/// they were read, and are refused with another value.
#[utoipa::path(put, path = "/api/sellers/{id}/", tag = "charge: sellers", params(("id" = Uuid, Path)),
    responses((status = 200, body = SellerJson)))]
pub(super) async fn seller_replace(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    edited(&charge, id, request, |fields, change| {
        fields.required("name", change.name.as_ref());
        SellerChange {
            email: change.email.or(Some(None)),
            phone: change.phone.or(Some(None)),
            low_credit_alert: change.low_credit_alert.or(Some(None)),
            ..change
        }
    })
    .await
}

/// Change some of a seller's fields; those that are not sent stay. Read-only fields are refused with another value.
#[utoipa::path(patch, path = "/api/sellers/{id}/", tag = "charge: sellers", params(("id" = Uuid, Path)),
    responses((status = 200, body = SellerJson)))]
pub(super) async fn seller_update(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    edited(&charge, id, request, |fields, change| {
        if fields.has("name") {
            fields.required("name", change.name.as_ref());
        }
        change
    })
    .await
}

async fn edited(
    charge: &Arc<Charge>,
    id: Uuid,
    request: CommandRequest,
    whole: fn(&mut Fields<'_>, SellerChange) -> SellerChange,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let (entered, read_only) = (fields.on_record(), fields.read_only(READ_ONLY));
    let change = read_fields(&mut fields, &charge.settings);
    let change = whole(&mut fields, change);
    let change = fields.finish(Some(change))?;
    let answer = move |_: &Charge, _: &mut WriteTx<'_>, SellerEdit { before, after }| {
        read_only.check(&SellerJson::from(before))?;
        Ok(SellerJson::from(after))
    };
    request.run_with(charge, &SELLER_EDIT, Some(id), (change, entered), StatusCode::OK, answer).await
}

/// Remove a seller. One with a history or with credit is deactivated instead, and answered with.
#[utoipa::path(delete, path = "/api/sellers/{id}/", tag = "charge: sellers", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "It has a history: it is inactive now.", body = SellerJson),
    (status = 204, description = "It had none: it is gone."),
))]
pub(super) async fn seller_delete(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.remove(&charge, &SELLER_REMOVE, id, |removed| removed.left().map(SellerJson::from)).await
}
