//! /api/products/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    Caller, Decimal, Fields, IdempotencyKey, JsonBody, ListQuery, Once, PathId, Problem, QueryPairs, Repeatable, Rows,
    Rule, fingerprint, json, listed,
};
use purser_money::{Currency, Money};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::operators::{read_status, status};
use super::sellers::internal;
use super::{ALL_ROWS, answer, bounded, subject};
use crate::Charge;
use crate::catalog::{Product, WHOLE, parse_percent, percent};
use crate::domain::{NamedProduct, Settings};
use crate::service::{product_get, product_put};
use crate::store::operator::products_list;

/// Something that an operator sells.
#[derive(Serialize, ToSchema)]
pub(super) struct ProductJson {
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
    fn of(product: NamedProduct, currency: Currency) -> Self {
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

/// What a product is made or changed with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that `read_fields` reads")]
pub(super) struct ProductFields {
    /// Whose it is: needed for a new one, and never changed.
    operator_id: Uuid,
    /// 1 to 100 characters; no two products of an operator share one.
    name: String,
    /// The smallest amount.
    low: Decimal,
    /// The largest amount; the same for a fixed one.
    high: Decimal,
    /// What the operator takes of the amount, in percent: 0.01 to 100.00.
    #[schema(example = "97.50")]
    cost: String,
    /// active or stopped; as it was where it is not sent.
    status: Option<String>,
}

/// Name, amounts and cost, all required; without an id.
pub(crate) fn read_fields(fields: &mut Fields<'_>, settings: &Settings) -> Option<(String, Product)> {
    let name = fields.line("name", 1, 100);
    let name = fields.required("name", name);
    let low = bounded(fields, "low", settings.currency, settings.max_sale);
    let high = bounded(fields, "high", settings.currency, settings.max_sale);
    let cost = fields.parsed("cost", |text| parse_percent(text, WHOLE));
    let cost = fields.required("cost", cost);
    let (low, high) = low.zip(high)?;
    if high < low {
        return fields.refuse("high", &high.to_string(), Rule::new("too_small", format!("be at least {low}")));
    }
    let product = Product { id: Uuid::nil(), low: low.minor(), high: high.minor(), cost: cost? };
    Some((name?, product))
}

/// List products, newest first.
#[utoipa::path(get, path = "/api/products/", tag = "charge: operators", params(
    ("operator_id" = Option<Uuid>, Query, description = "Only this operator's."),
    ("limit" = inline(Option<Rows<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<ProductJson>)))]
pub(super) async fn product_list(
    State(charge): State<Arc<Charge>>,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = ListQuery::read(&mut fields, ALL_ROWS);
    let operator = fields.id("operator_id");
    fields.finish(Some(()))?;
    let (before, limit, currency) = (list.before, list.fetch(), charge.settings.currency);
    let read = charge.context.store.read(move |tx| products_list(tx, operator, before, limit));
    let products = read.await.map_err(internal)?;
    let rows: Vec<ProductJson> = products.into_iter().map(|product| ProductJson::of(product, currency)).collect();
    Ok(listed(&uri, list, rows, |row| row.id))
}

/// Make a product. Sellers pay the whole amount for it until they get a price of their own.
#[utoipa::path(post, path = "/api/products/", tag = "charge: operators", request_body = ProductFields,
    responses((status = 201, body = ProductJson)))]
pub(super) async fn product_create(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let read_only = fields.read_only(&["id", "operator"]);
    let operator = fields.id("operator_id");
    let operator = fields.required("operator_id", operator);
    let is_active = read_status(&mut fields).unwrap_or(true);
    let read = read_fields(&mut fields, &charge.settings);
    let (operator, (name, product)) = fields.finish(operator.zip(read))?;
    let repeat = Repeatable::new(&caller, key, fingerprint("charge.product.create", "", &body.0));
    let mut doer = caller.doer(&charge.context);
    let product = Product { id: doer.fresh_id(), ..product };
    let id = product.id;
    let named = NamedProduct { product, operator, operator_name: String::new(), name, is_active };
    let settings = Arc::clone(&charge.settings);
    let made = charge.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            product_put(tx, doer.now, &settings, &named)?;
            let after = ProductJson::of(product_get(tx, id)?, settings.currency);
            read_only.check_new(&after)?;
            doer.clone().record_change(tx, "charge.products.create", &subject("products", id), &(), &after)?;
            answer(&after).map_err(Problem::from)
        })
    });
    Ok(made.await?.into_response(StatusCode::CREATED))
}

/// Read a product.
#[utoipa::path(get, path = "/api/products/{id}/", tag = "charge: operators",
    params(("id" = Uuid, Path)), responses((status = 200, body = ProductJson)))]
pub(super) async fn product_read(State(charge): State<Arc<Charge>>, PathId(id): PathId) -> Result<Response, Problem> {
    let product = charge.context.store.read(move |tx| product_get(tx, id)).await?;
    Ok(json(StatusCode::OK, &ProductJson::of(product, charge.settings.currency)))
}

/// Replace a product's fields; it stays its operator's. Sales that were made keep their cost and price.
#[utoipa::path(put, path = "/api/products/{id}/", tag = "charge: operators", request_body = ProductFields,
    params(("id" = Uuid, Path)), responses((status = 200, body = ProductJson)))]
pub(super) async fn product_replace(
    State(charge): State<Arc<Charge>>,
    caller: Caller,
    PathId(id): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let read_only = fields.read_only(&["id", "operator_id", "operator"]);
    let is_active = read_status(&mut fields);
    let read = read_fields(&mut fields, &charge.settings);
    let (name, product) = fields.finish(read)?;
    let (doer, settings) = (caller.doer(&charge.context), Arc::clone(&charge.settings));
    let changed = charge.context.store.write(move |tx| {
        let known = product_get(tx, id)?;
        let before = ProductJson::of(known.clone(), settings.currency);
        read_only.check(&before)?;
        let is_active = is_active.unwrap_or(known.is_active);
        let named = NamedProduct { product: Product { id, ..product }, name: name.clone(), is_active, ..known };
        product_put(tx, doer.now, &settings, &named)?;
        let after = ProductJson::of(named, settings.currency);
        doer.clone().record_change(tx, "charge.products.edit", &subject("products", id), &before, &after)?;
        Ok::<_, Problem>(after)
    });
    Ok(json(StatusCode::OK, &changed.await?))
}
