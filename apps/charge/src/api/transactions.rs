//! What happened: credit given and charges sold, by seller and over all.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_kit::{
    CommandRequest, Day, Decimal, Fields, PageQuery, PathId, PathText, Principal, Problem, QueryPairs, RowLimit, Rule,
    Time, json, list_response, paged, parse_reference,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::counter::NewCreditJson;
use super::sellers::internal;
use super::{ALL_ROWS, SELLER_ROWS, list_seller, own_seller};
use crate::credit::command::CREDIT_REVERSE;
use crate::domain::{CreditTransaction, PhoneNumber, Sale, SaleStatus};
use crate::error::Error;
use crate::sale::command::{SALE_RESOLVE, SALE_REVERSE};
use crate::service::{self, SaleCursor, SalePage, SaleQuery};
use crate::store::credit::{CreditFilter, credits_list};
use crate::store::{self, RecordFilter};
use crate::{Charge, SELLER_BINDING};

/// Credit that was given to a seller, or taken from it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreditJson {
    id: Uuid,
    /// INCREASE or DECREASE.
    transaction_type: &'static str,
    seller_id: Uuid,
    /// The same as `seller_id`.
    seller: Uuid,
    /// More than zero; `transaction_type` says which way.
    amount: Decimal,
    credit_after: Decimal,
    /// The payment that it answers.
    reference: Option<String>,
    /// Why it was taken.
    reason: Option<String>,
    /// The earlier transaction with the same reference, where that was meant.
    repeats: Option<Uuid>,
    /// The increase that this takes back.
    takes_back: Option<Uuid>,
    /// Whether this increase was taken back.
    taken_back: bool,
    /// Who did it: `key:<id>` or `user:<id>`.
    actor: String,
    created_at: Time,
    /// The same as `created_at`.
    timestamp: Time,
}

impl From<CreditTransaction> for CreditJson {
    fn from(credit: CreditTransaction) -> Self {
        CreditJson {
            id: credit.id,
            transaction_type: credit.kind.transaction_type(),
            seller_id: credit.seller,
            seller: credit.seller,
            amount: Decimal(credit.amount),
            credit_after: Decimal(credit.credit_after),
            reference: credit.reference,
            reason: credit.reason,
            repeats: credit.repeats,
            takes_back: credit.takes_back,
            taken_back: credit.taken_back,
            actor: credit.actor,
            created_at: Time(credit.created_at),
            timestamp: Time(credit.created_at),
        }
    }
}

/// A charge sold to a phone number.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaleJson {
    id: Uuid,
    seller_id: Uuid,
    phone_number: String,
    amount: Decimal,
    /// submitted, unknown, completed, failed or reversed.
    status: &'static str,
    /// What the seller pays, where the number's operator and the product are known; else the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Decimal>,
    client_ref: Option<String>,
    /// The seller's credit after the sale was decided.
    credit_after: Decimal,
    /// instant, http or simulator.
    connector: String,
    /// The operator's name for it.
    operator_ref: Option<String>,
    /// Why it failed, is unknown or was reversed.
    reason: Option<String>,
    created_at: Time,
    settled_at: Option<Time>,
}

impl From<Sale> for SaleJson {
    fn from(sale: Sale) -> Self {
        SaleJson {
            id: sale.id,
            seller_id: sale.seller,
            phone_number: sale.number.to_string(),
            amount: Decimal(sale.amount),
            status: sale.status.name(),
            price: sale.priced.product.map(|_| Decimal(sale.priced.price)),
            client_ref: sale.client_ref,
            credit_after: Decimal(sale.credit_after),
            connector: sale.connector,
            operator_ref: sale.operator_ref,
            reason: sale.reason,
            created_at: Time(sale.created_at),
            settled_at: sale.settled_at.map(Time),
        }
    }
}

/// A seller's credit transactions, newest first.
#[utoipa::path(get, path = "/api/sellers/{id}/get_transactions/", tag = "charge: transactions", params(
    ("id" = Uuid, Path),
    ("limit" = inline(Option<RowLimit<100, 100>>), Query, description = "1 to 100, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<CreditJson>)))]
pub(super) async fn seller_credit_list(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathId(id): PathId,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let (list, filter) = seller_filter(&principal, id, query)?;
    let settings = Arc::clone(&charge.settings);
    let credits = charge.context.store.read(move |tx| {
        service::seller_get(tx, &settings, id)?;
        Ok::<_, Error>(credits_list(tx, &filter, settings.currency)?)
    });
    let rows: Vec<CreditJson> = credits.await?.into_iter().map(CreditJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

/// A seller's sales, newest first.
#[utoipa::path(get, path = "/api/sellers/{id}/get_charge_sales/", tag = "charge: transactions", params(
    ("id" = Uuid, Path),
    ("limit" = inline(Option<RowLimit<100, 100>>), Query, description = "1 to 100, which is also the default."),
    ("cursor" = Option<String>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<SaleJson>)))]
pub(super) async fn seller_sale_list(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathId(id): PathId,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    own_seller(&principal, id)?;
    let mut fields = query.fields();
    let limit = fields.number("limit", 1, SELLER_ROWS).unwrap_or(SELLER_ROWS);
    let after = fields.parsed("cursor", parse_cursor).unwrap_or_default();
    fields.finish(Some(()))?;
    let query = SaleQuery { seller: Some(id), after, limit, ..SaleQuery::default() };
    let settings = Arc::clone(&charge.settings);
    let page = charge.context.store.read(move |tx| {
        service::seller_get(tx, &settings, id)?;
        service::sales_page(tx, &settings, &query)
    });
    Ok(sales_answer(&uri, page.await?))
}

fn parse_cursor(text: &str) -> Result<SaleCursor, Rule> {
    text.parse().map_err(|()| Rule::new("malformed", "be the cursor of a Link header"))
}

fn sales_answer(uri: &OriginalUri, (sales, next): SalePage) -> Response {
    let rows: Vec<SaleJson> = sales.into_iter().map(SaleJson::from).collect();
    paged(uri, &rows, next.map(|next| next.to_string()).as_deref())
}

fn seller_filter(principal: &Principal, seller: Uuid, query: QueryPairs) -> Result<(PageQuery, CreditFilter), Problem> {
    own_seller(principal, seller)?;
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, SELLER_ROWS);
    fields.finish(Some(()))?;
    let filter =
        CreditFilter { seller: Some(seller), before: list.before, limit: list.fetch(), ..CreditFilter::default() };
    Ok((list, filter))
}

/// Credit transactions, newest first.
#[utoipa::path(get, path = "/api/credit-transactions/", tag = "charge: transactions", params(
    ("seller_id" = Option<Uuid>, Query, description = "Only this seller's."),
    ("reference" = Option<String>, Query, description = "Only with this reference, in any spelling."),
    ("from" = Option<String>, Query, description = "Only of this day or time, or later: 2026-11-21, or RFC 3339."),
    ("to" = Option<String>, Query, description = "Only of this day, or before this time: 2026-11-21, or RFC 3339."),
    ("limit" = inline(Option<RowLimit<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<CreditJson>)))]
pub(super) async fn credit_list(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, ALL_ROWS);
    let seller = list_seller(&principal, fields.id("seller_id"));
    let reference = fields.parsed("reference", parse_reference);
    let (from, until) = read_span(&mut fields, &charge.context.zone);
    fields.finish(Some(()))?;
    let filter = CreditFilter { id: None, seller, reference, from, until, before: list.before, limit: list.fetch() };
    let currency = charge.settings.currency;
    let credits: Vec<CreditTransaction> =
        charge.context.store.read(move |tx| credits_list(tx, &filter, currency)).await.map_err(internal)?;
    let rows: Vec<CreditJson> = credits.into_iter().map(CreditJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

/// The days or times that a list is about.
fn read_span(fields: &mut Fields<'_>, zone: &TimeZone) -> (Option<Timestamp>, Option<Timestamp>) {
    let moment = |text: &str, end: bool| match Day::parse(text, zone) {
        Ok(day) => Ok(if end { day.span.end } else { day.span.start }),
        Err(_) => text.parse::<Timestamp>().map_err(|_| {
            Rule::new("malformed", "be a date such as 2026-11-21, or a time such as 2026-11-21T10:00:00Z")
        }),
    };
    (fields.parsed("from", |text| moment(text, false)), fields.parsed("to", |text| moment(text, true)))
}

/// Read a credit transaction.
#[utoipa::path(get, path = "/api/credit-transactions/{id}/", tag = "charge: transactions",
    params(("id" = Uuid, Path)), responses((status = 200, body = CreditJson)))]
pub(super) async fn credit_read(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let settings = Arc::clone(&charge.settings);
    let credit = charge.context.store.read(move |tx| service::credit_get(tx, &settings, id)).await?;
    if !principal.may_see(SELLER_BINDING, credit.seller) {
        return Err(Error::NoCredit.into());
    }
    Ok(json(StatusCode::OK, &CreditJson::from(credit)))
}

/// Take a credit increase back, whole and once, where its amount is available still. Its reference can be used again.
#[utoipa::path(post, path = "/api/credit-transactions/{id}/reverse/", tag = "charge: transactions", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = NewCreditJson)))]
pub(super) async fn credit_reverse(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request
        .run(&charge, &CREDIT_REVERSE, id, |_, _, one| Ok(NewCreditJson::of("credit increase taken back", &one)))
        .await
}

/// Sales, newest first.
#[utoipa::path(get, path = "/api/charge-transactions/", tag = "charge: transactions", params(
    ("seller_id" = Option<Uuid>, Query, description = "Only this seller's."),
    ("phone_number" = Option<String>, Query, description = "Only to this number."),
    ("status" = Option<String>, Query, description = "Only submitted, unknown, completed, failed or reversed ones."),
    ("operator" = Option<Uuid>, Query, description = "Only to numbers of the operator with this id."),
    ("from" = Option<String>, Query, description = "Only of this day or time, or later: 2026-11-21, or RFC 3339."),
    ("to" = Option<String>, Query, description = "Only of this day, or before this time: 2026-11-21, or RFC 3339."),
    ("limit" = inline(Option<RowLimit<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<String>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<SaleJson>)))]
pub(super) async fn sale_list(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let limit = fields.number("limit", 1, ALL_ROWS).unwrap_or(ALL_ROWS);
    let seller = list_seller(&principal, fields.id("seller_id"));
    let number = fields.parsed("phone_number", |text| PhoneNumber::parse(text, charge.settings.country));
    let status = fields.parsed("status", SaleStatus::parse);
    let operator = fields.id("operator");
    let (from, until) = read_span(&mut fields, &charge.context.zone);
    if seller.is_some() || number.is_some() {
        let after = fields.parsed("cursor", parse_cursor).unwrap_or_default();
        fields.finish(Some(()))?;
        let query = SaleQuery { seller, number, status, operator, from, until, after, limit };
        let settings = Arc::clone(&charge.settings);
        let page = charge.context.store.read(move |tx| service::sales_page(tx, &settings, &query));
        return Ok(sales_answer(&uri, page.await?));
    }
    let list = PageQuery { limit, before: fields.id("cursor") };
    fields.finish(Some(()))?;
    let filter = RecordFilter {
        status,
        operator,
        from,
        until,
        before: list.before,
        limit: list.fetch(),
        ..RecordFilter::default()
    };
    let currency = charge.settings.currency;
    let sales: Vec<Sale> =
        charge.context.store.read(move |tx| store::sales_list(tx, &filter, currency)).await.map_err(internal)?;
    let rows: Vec<SaleJson> = sales.into_iter().map(SaleJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

/// Find a sale again by the seller's own reference, after a lost answer.
#[utoipa::path(get, path = "/api/charge-transactions/by-ref/{client_ref}/", tag = "charge: transactions", params(
    ("client_ref" = String, Path),
    ("seller_id" = Option<Uuid>, Query, description = "Whose reference it is, where several sellers used it."),
), responses((status = 200, body = SaleJson)))]
pub(super) async fn sale_by_ref(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathText(client_ref): PathText,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let seller = list_seller(&principal, fields.id("seller_id"));
    fields.finish(Some(()))?;
    let settings = Arc::clone(&charge.settings);
    let sale = charge.context.store.read(move |tx| service::sale_by_ref(tx, &settings, &client_ref, seller)).await?;
    Ok(json(StatusCode::OK, &SaleJson::from(sale)))
}

/// Read a sale.
#[utoipa::path(get, path = "/api/charge-transactions/{id}/", tag = "charge: transactions",
    params(("id" = Uuid, Path)), responses((status = 200, body = SaleJson)))]
pub(super) async fn sale_read(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let settings = Arc::clone(&charge.settings);
    let sale = charge.context.store.read(move |tx| service::sale_get(tx, &settings, id)).await?;
    if !principal.may_see(SELLER_BINDING, sale.seller) {
        return Err(Error::NoSale.into());
    }
    Ok(json(StatusCode::OK, &SaleJson::from(sale)))
}

/// Reverse a completed sale: the credit returns to the seller. Once.
#[utoipa::path(post, path = "/api/charge-transactions/{id}/reverse/", tag = "charge: transactions",
    params(("id" = Uuid, Path)), responses((status = 200, body = SaleJson)))]
pub(super) async fn sale_reverse(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&charge, &SALE_REVERSE, id, |_, _, sale| Ok(SaleJson::from(sale))).await
}

/// Resolve a sale whose fate is unknown, on a person's word.
#[utoipa::path(post, path = "/api/charge-transactions/{id}/resolve/", tag = "charge: transactions",
    params(("id" = Uuid, Path)), responses((status = 200, body = SaleJson)))]
pub(super) async fn sale_resolve(
    State(charge): State<Arc<Charge>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&charge, &SALE_RESOLVE, id, |_, _, sale| Ok(SaleJson::from(sale))).await
}
