//! /api/products/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{CommandRequest, Decimal, PageQuery, PathId, Problem, QueryPairs, RowLimit, json, list_response};
use purser_money::{Currency, Money};
use purser_store::WriteTx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ALL_ROWS;
use super::operators::{read_status, status};
use super::sellers::internal;
use crate::Charge;
use crate::catalog::percent;
use crate::domain::NamedProduct;
use crate::product::command::{PRODUCT_CREATE, PRODUCT_EDIT, ProductEdit, ProductForm};
use crate::service::product_get;
use crate::store::operator::products_list;

/// Something that an operator sells.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProductJson {
    id: Uuid,
    operator_id: Uuid,
    /// The operator's name.
    operator: String,
    name: String,
    /// The smallest amount.
    low: Decimal,
    /// The largest; the same for a fixed one.
    high: Decimal,
    /// What the operator takes of the amount, in percent with two decimals.
    #[schema(example = "97.50")]
    cost: String,
    /// active or stopped.
    status: &'static str,
}

impl ProductJson {
    pub(crate) fn of(product: NamedProduct, currency: Currency) -> Self {
        let money = |minor| Decimal(Money::new(minor, currency));
        ProductJson {
            id: product.product.id,
            operator_id: product.operator,
            operator: product.operator_name,
            name: product.name,
            low: money(product.product.low),
            high: money(product.product.high),
            cost: percent(product.product.cost),
            status: status(product.is_active),
        }
    }
}

/// List products, newest first.
#[utoipa::path(get, path = "/api/products/", tag = "charge: operators", params(
    ("operator_id" = Option<Uuid>, Query, description = "Only this operator's."),
    ("limit" = inline(Option<RowLimit<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<ProductJson>)))]
pub(super) async fn product_list(
    State(charge): State<Arc<Charge>>,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, ALL_ROWS);
    let operator = fields.id("operator_id");
    fields.finish(Some(()))?;
    let (before, limit, currency) = (list.before, list.fetch(), charge.settings.currency);
    let read = charge.context.store.read(move |tx| products_list(tx, operator, before, limit));
    let products = read.await.map_err(internal)?;
    let rows: Vec<ProductJson> = products.into_iter().map(|product| ProductJson::of(product, currency)).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

/// Make a product. Sellers pay the whole amount for it until they get a price of their own.
#[utoipa::path(post, path = "/api/products/", tag = "charge: operators", responses((status = 201, body = ProductJson)))]
pub(super) async fn product_create(
    State(charge): State<Arc<Charge>>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let (entered, read_only) = (fields.on_record(), fields.read_only(&["id", "operator"]));
    let is_active = read_status(&mut fields);
    let input = ProductForm { is_active, ..(PRODUCT_CREATE.form)(&charge).read(fields)? };
    let answer = move |charge: &Charge, _: &mut WriteTx<'_>, product| {
        let product = ProductJson::of(product, charge.settings.currency);
        read_only.check_new(&product)?;
        Ok(product)
    };
    request.run_with(&charge, &PRODUCT_CREATE, None, (input, entered), StatusCode::CREATED, answer).await
}

/// Read a product.
#[utoipa::path(get, path = "/api/products/{id}/", tag = "charge: operators",
    params(("id" = Uuid, Path)), responses((status = 200, body = ProductJson)))]
pub(super) async fn product_read(State(charge): State<Arc<Charge>>, PathId(id): PathId) -> Result<Response, Problem> {
    let product = charge.context.store.read(move |tx| product_get(tx, id)).await?;
    Ok(json(StatusCode::OK, &ProductJson::of(product, charge.settings.currency)))
}

/// Replace a product's fields; it stays its operator's. Sales that were made keep their cost and price.
#[utoipa::path(put, path = "/api/products/{id}/", tag = "charge: operators", params(("id" = Uuid, Path)),
    responses((status = 200, body = ProductJson)))]
pub(super) async fn product_replace(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let (entered, read_only) = (fields.on_record(), fields.read_only(&["id", "operator_id", "operator"]));
    let is_active = read_status(&mut fields);
    let input = ProductForm { is_active, ..(PRODUCT_EDIT.form)(&charge).read(fields)? };
    let answer = move |charge: &Charge, _: &mut WriteTx<'_>, ProductEdit { before, after }| {
        read_only.check(&ProductJson::of(before, charge.settings.currency))?;
        Ok(ProductJson::of(after, charge.settings.currency))
    };
    request.run_with(&charge, &PRODUCT_EDIT, Some(id), (input, entered), StatusCode::OK, answer).await
}
