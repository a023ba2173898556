//! Where money moves: credit increased, charges sold, and what is left.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use purser_kit::{
    CommandRequest, Decimal, Fields, IdempotencyKey, IdempotentRequest, IdempotentResponse, JsonBody, PathId,
    Principal, Problem, Rule, fingerprint, json,
};
use purser_money::{Currency, Money};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::own_seller;
use crate::Charge;
use crate::domain::{self, CreditTransaction, PhoneNumber, SaleStatus};
use crate::error::OPERATOR_REFUSED;
use crate::sale::sell::sell;
use crate::seller::command::{CREDIT_DECREASE, CREDIT_INCREASE};
use crate::service::{self, SaleOrder, SaleResult};

/// An amount that must be more than zero and at most `max`.
pub(crate) fn bounded(fields: &mut Fields<'_>, name: &'static str, currency: Currency, max: Money) -> Option<Money> {
    let amount = fields.amount(name, currency);
    let amount = fields.required(name, amount)?;
    if !amount.is_positive() {
        return fields.refuse(name, &amount.to_string(), Rule::new("not_positive", "be more than zero"));
    }
    if amount > max {
        return fields.refuse(name, &amount.to_string(), Rule::new("too_large", format!("be at most {max}")));
    }
    Some(amount)
}

/// Credit that was given or taken.
#[derive(Serialize, ToSchema)]
pub(super) struct NewCreditJson {
    #[schema(example = "credit increased")]
    status: &'static str,
    new_credit: Decimal,
    transaction_id: Uuid,
}

impl NewCreditJson {
    pub(super) fn of(status: &'static str, one: &CreditTransaction) -> Self {
        NewCreditJson { status, new_credit: Decimal(one.credit_after), transaction_id: one.id }
    }
}

/// Increase a seller's credit. A reference that was used before is refused as `duplicate_reference`, naming what it was
/// used for, unless `again` says that it is meant.
#[utoipa::path(post, path = "/api/sellers/{id}/increase_credit/", tag = "charge: counter", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = NewCreditJson)))]
pub(super) async fn credit_increase(
    State(charge): State<Arc<Charge>>,
    PathId(seller): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&charge, &CREDIT_INCREASE, seller, |_, _, one| Ok(NewCreditJson::of("credit increased", &one))).await
}

/// Decrease a seller's credit: a correction, at most what is available.
#[utoipa::path(post, path = "/api/sellers/{id}/decrease_credit/", tag = "charge: counter", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = NewCreditJson)))]
pub(super) async fn credit_decrease(
    State(charge): State<Arc<Charge>>,
    PathId(seller): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&charge, &CREDIT_DECREASE, seller, |_, _, one| Ok(NewCreditJson::of("credit decreased", &one))).await
}

/// A charge to sell.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that `read_order` reads")]
pub(super) struct SellFields {
    /// 10 to 15 digits with an optional +, as text or as a number. An unknown number is registered.
    #[schema(example = "1234567890")]
    phone_number: String,
    /// More than zero, at most the configured maximum.
    amount: Decimal,
    /// Your own name for the sale, 1 to 100 characters: sold once, however often it is sent.
    client_ref: Option<String>,
}

/// A charge that was sold.
#[derive(Serialize, ToSchema)]
pub(super) struct SoldJson {
    #[schema(example = "charge sold successfully")]
    status: &'static str,
    remaining_credit: Decimal,
    sale_id: Uuid,
}

/// Sell a charge.
///
/// With the instant connector the sale is complete when this answers. With an operator behind it the answer is 200 once
/// the operator has charged the number, 400 `operator_refused` where it refused, and 202 while its answer is not known:
/// the credit then stays held, and the operator is asked again.
#[utoipa::path(post, path = "/api/sellers/{id}/sell_charge/", tag = "charge: counter", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = SellFields, responses(
    (status = 200, body = SoldJson),
    (status = 202, description = "The operator's answer is not known yet.", body = SoldJson),
))]
pub(super) async fn charge_sell(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    key: IdempotencyKey,
    PathId(seller): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    own_seller(&principal, seller)?;
    let order = read_order(&charge, &principal, key, seller, &body)?;
    Ok(sold_answer(sell(&charge, order).await?))
}

fn read_order(
    charge: &Charge,
    principal: &Principal,
    key: IdempotencyKey,
    seller: Uuid,
    body: &JsonBody,
) -> Result<SaleOrder, Problem> {
    let settings = &charge.settings;
    let mut fields = body.fields()?;
    let number = fields.parsed_digits("phone_number", |text| PhoneNumber::parse(text, settings.country));
    let number = fields.required("phone_number", number);
    let amount = bounded(&mut fields, "amount", settings.currency, settings.max_sale);
    let client_ref = fields.parsed("client_ref", domain::parse_client_ref);
    let (number, amount) = fields.finish(number.zip(amount))?;
    let repeat = key.0.is_some().then(|| fingerprint("charge.sell", &seller.to_string(), &body.0));
    let repeat = repeat.and_then(|fingerprint| IdempotentRequest::new(principal, key, fingerprint));
    let (now, id) = charge.context.stamp();
    Ok(SaleOrder {
        id,
        phone_id: charge.context.ids.next(now),
        now,
        seller,
        number,
        amount,
        client_ref,
        idempotency: repeat,
        actor: principal.actor().to_string(),
    })
}

/// The documented answer to a sale.
fn sold_answer(sold: SaleResult) -> Response {
    let once =
        |answer| if sold.replayed { IdempotentResponse::replay(answer) } else { IdempotentResponse::new(answer) };
    match sold.status {
        SaleStatus::Completed | SaleStatus::Reversed => once(sold.record()).into_response(StatusCode::OK),
        SaleStatus::Submitted | SaleStatus::Unknown => {
            let SaleResult { sale, credit_after, .. } = &sold;
            let answer =
                format!(r#"{{"status":"charge submitted","remaining_credit":{credit_after},"sale_id":"{sale}"}}"#);
            once(answer).into_response(StatusCode::ACCEPTED)
        }
        SaleStatus::Failed => {
            let reason = sold.reason.clone().unwrap_or_default();
            let mut response = Problem::new(&OPERATOR_REFUSED, reason).with("sale_id", &sold.sale).into_response();
            if sold.replayed {
                response.headers_mut().extend(once(String::new()).into_response(StatusCode::OK).headers().clone());
            }
            response
        }
    }
}

/// What a seller has.
#[derive(Serialize, ToSchema)]
pub(super) struct CreditJson {
    /// All of it.
    credit: Decimal,
    /// How much waits for operators' answers.
    held: Decimal,
    /// What can be sold now.
    available: Decimal,
}

/// Read a seller's credit.
#[utoipa::path(get, path = "/api/sellers/{id}/get_credit/", tag = "charge: counter",
    params(("id" = Uuid, Path)), responses((status = 200, body = CreditJson)))]
pub(super) async fn credit_read(
    State(charge): State<Arc<Charge>>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    own_seller(&principal, id)?;
    let settings = Arc::clone(&charge.settings);
    let seller = charge.context.store.read(move |tx| service::seller_get(tx, &settings, id)).await?;
    let (available, credit, held) = (Decimal(seller.available()), Decimal(seller.credit), Decimal(seller.held));
    Ok(json(StatusCode::OK, &CreditJson { credit, held, available }))
}
