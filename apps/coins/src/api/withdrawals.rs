//! /api/coins/withdrawals/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    Decimal, Fields, IdempotencyKey, IdempotentRequest, IdempotentResponse, JsonBody, PathId, Principal, Problem,
    QueryPairs, RowLimitFromOne, Rule, Time, fingerprint, json,
};
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::{ActingFor, Answer, MOST_ROWS, Page, ROWS, page};
use crate::Coins;
use crate::domain::{Settings, Withdrawal, coins};
use crate::error::Error;
use crate::service::{self, NewWithdrawal, Period};
use crate::status::WithdrawalStatus;
use crate::upi::UpiId;

/// What a withdrawal is asked for with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that `read_new` reads")]
pub(super) struct WithdrawalFields {
    /// 1 to 500 characters. A key that is tied to one user, or a person, may leave it out.
    #[schema(example = "asha.rao")]
    user_id: String,
    /// A whole number of coins, 100 to 100,000 unless the operator says otherwise.
    #[schema(example = 250)]
    amount: i64,
    /// Whom to pay.
    #[schema(example = "asha@okhdfcbank")]
    upi_id: String,
}

/// A withdrawal that was just asked for.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedJson {
    withdrawal_id: Uuid,
    amount: i64,
    rupees_amount: Decimal,
    upi_id: String,
    /// pending
    status: &'static str,
    /// Coins that the user has left.
    remaining_coins: i64,
    created_at: Time,
}

/// A withdrawal.
#[derive(Serialize, ToSchema)]
pub(crate) struct WithdrawalJson {
    id: Uuid,
    user_id: String,
    amount: i64,
    rupees_amount: Decimal,
    upi_id: String,
    /// pending, processing, completed, failed, cancelled, rejected or reversed.
    status: &'static str,
    created_at: Time,
    completed_at: Option<Time>,
    /// The bank's word for the payment.
    utr: Option<String>,
    /// What staff want the user to know; else "Awaiting admin approval" of one that waits, and why the coins are back.
    admin_notes: Option<String>,
    /// Why the coins were given back.
    failure_reason: Option<String>,
}

impl From<Withdrawal> for WithdrawalJson {
    fn from(one: Withdrawal) -> Self {
        WithdrawalJson {
            admin_notes: one.admin_notes(),
            id: one.id,
            user_id: one.user_id.as_str().to_owned(),
            amount: one.amount.minor(),
            rupees_amount: Decimal(one.rupees),
            upi_id: one.upi_id.as_str().to_owned(),
            status: one.status.name(),
            created_at: Time(one.created_at),
            completed_at: one.completed.map(|(_, at)| Time(at)),
            utr: one.utr.map(|utr| utr.as_str().to_owned()),
            failure_reason: one.reason,
        }
    }
}

/// What a withdrawal is cancelled with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that `read_cancel` reads")]
pub(super) struct CancelFields {
    /// 1 to 500 characters.
    #[schema(example = "User requested cancellation")]
    reason: Option<String>,
}

/// A withdrawal that was cancelled.
#[derive(Serialize, ToSchema)]
pub(super) struct CancelledJson {
    withdrawal_id: Uuid,
    /// cancelled
    status: &'static str,
    refunded_coins: i64,
    /// Coins that the user has now.
    remaining_coins: i64,
}

/// A number of coins of a withdrawal.
fn amount(fields: &mut Fields<'_>, settings: &Settings) -> Option<purser_money::Money> {
    let (least, most) = (settings.least, settings.most);
    let amount = fields.amount("amount", purser_money::Currency::COIN);
    let amount = fields.required("amount", amount)?;
    if (least..=most).contains(&amount.minor()) {
        return Some(amount);
    }
    let rule = Rule::new("out_of_range", format!("be a whole number of coins from {least} to {most}"));
    fields.refuse("amount", &amount.to_string(), rule)
}

/// A refused amount says which ones are taken, for programs.
fn bounded(problem: Problem, settings: &Settings) -> Problem {
    if problem.errors().iter().any(|error| error.field == "amount") {
        return problem.with("min_amount", &settings.least).with("max_amount", &settings.most);
    }
    problem
}

pub(super) async fn create(
    app: &Arc<Coins>,
    principal: &Principal,
    key: IdempotencyKey,
    body: &JsonBody,
) -> Result<Response, Problem> {
    let acting = ActingFor::to_pay(app, principal, "coins.withdraw").await?;
    let settings = Arc::clone(&app.settings);
    let mut fields = body.fields()?;
    let user_id = acting.named(&mut fields);
    let amount = amount(&mut fields, &settings);
    let upi_id = fields.parsed("upi_id", UpiId::parse);
    let upi_id = fields.required("upi_id", upi_id);
    let new = user_id.zip(amount).zip(upi_id).map(|((user_id, amount), upi_id)| (user_id, amount, upi_id));
    let (user_id, amount, upi_id) = fields.finish(new).map_err(|problem| bounded(problem, &settings))?;
    let repeat = IdempotentRequest::new(principal, key, fingerprint("coins.withdraw", "", &body.0));
    let cx = principal.request_context(&app.context);
    let period = Period::at(cx.now, &app.context.zone).ok_or_else(|| Problem::internal("the end of time"))?;
    let once = app.context.store.write(move |tx| {
        IdempotentResponse::run(tx, cx.now, repeat.as_ref(), |tx| {
            let user_id = match (acting.user(tx, user_id.as_ref())?, &user_id) {
                (Some(user), _) => user.user_id,
                // Whoever never had coins has none.
                (None, _) => return Err(Error::Insufficient { available: coins(0), needed: amount }),
            };
            let new = NewWithdrawal { user_id, amount, upi_id: upi_id.clone() };
            let mut cx = cx.clone();
            let (one, left) = service::withdrawal_create(tx, &settings, &mut cx, &new, &period)?;
            service::change_record(tx, &mut cx, None, &one)?;
            Answer::with_message(
                "Withdrawal request submitted successfully. Admin will review and process your request.",
                CreatedJson {
                    withdrawal_id: one.id,
                    amount: one.amount.minor(),
                    rupees_amount: Decimal(one.rupees),
                    upi_id: one.upi_id.as_str().to_owned(),
                    status: one.status.name(),
                    remaining_coins: left.minor(),
                    created_at: Time(one.created_at),
                },
            )
        })
    });
    let answer = once.await?;
    app.context.outbox.wake();
    Ok(answer.into_response(StatusCode::CREATED))
}

pub(super) async fn history(
    app: &Arc<Coins>,
    principal: &Principal,
    uri: &OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let acting = ActingFor::of(app, principal, "coins.view").await?;
    let mut fields = query.fields();
    let user_id = acting.named(&mut fields);
    let limit = fields.limit("limit", MOST_ROWS).unwrap_or(ROWS);
    let status = fields.parsed("status", parse_status);
    let before = fields.id("cursor");
    let user_id = fields.finish(user_id)?;
    let found = app.context.store.read(move |tx| {
        let user = acting.user(tx, user_id.as_ref())?;
        let rows = match &user {
            Some(user) => service::withdrawals_of(tx, user.id, status, before, limit + 1)?,
            None => Vec::new(),
        };
        Ok::<_, Error>((user.map(|user| user.user_id).or_else(|| user_id.clone()), rows))
    });
    Ok(page(uri, limit, found.await?, |row| row.id, WithdrawalJson::from))
}

/// How a withdrawal stands, as a query says it.
pub(super) struct StatusWord;

impl PartialSchema for StatusWord {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(WithdrawalStatus::ALL.map(WithdrawalStatus::name)))
            .into()
    }
}

impl ToSchema for StatusWord {}

/// A status by its word.
pub(crate) fn parse_status(text: &str) -> Result<WithdrawalStatus, Rule> {
    let names = WithdrawalStatus::ALL.map(WithdrawalStatus::name).join(", ");
    WithdrawalStatus::from_name(text).ok_or_else(|| Rule::new("unknown_value", format!("be one of {names}")))
}

pub(super) async fn read(app: &Arc<Coins>, principal: &Principal, id: Uuid) -> Result<Response, Problem> {
    let acting = ActingFor::of(app, principal, "coins.view").await?;
    let found = app.context.store.read(move |tx| {
        let withdrawal = service::withdrawal_get(tx, id)?;
        acting.may_see(withdrawal.owner)?;
        Ok::<_, Error>(withdrawal)
    });
    Ok(json(StatusCode::OK, &Answer::of(WithdrawalJson::from(found.await?))))
}

pub(super) async fn cancel(
    app: &Arc<Coins>,
    principal: &Principal,
    key: IdempotencyKey,
    id: Uuid,
    reason: Option<String>,
    body: &JsonBody,
) -> Result<Response, Problem> {
    let acting = ActingFor::of(app, principal, "coins.withdraw").await?;
    let reason = reason.unwrap_or_else(|| "User requested cancellation".to_owned());
    let repeat = IdempotentRequest::new(principal, key, fingerprint("coins.cancel", &id.to_string(), &body.0));
    let (cx, settings) = (principal.request_context(&app.context), Arc::clone(&app.settings));
    let once = app.context.store.write(move |tx| {
        IdempotentResponse::run(tx, cx.now, repeat.as_ref(), |tx| {
            acting.may_see(service::withdrawal_get(tx, id)?.owner)?;
            let mut cx = cx.clone();
            let one = service::withdrawal_cancel(tx, &settings, &mut cx, id, &reason)?;
            service::change_record(tx, &mut cx, Some(WithdrawalStatus::Pending), &one)?;
            let user = service::user_get(tx, one.owner)?;
            Answer::with_message(
                "Withdrawal request cancelled successfully. Your coins have been returned.",
                CancelledJson {
                    withdrawal_id: one.id,
                    status: one.status.name(),
                    refunded_coins: one.amount.minor(),
                    remaining_coins: user.balance.minor(),
                },
            )
        })
    });
    let answer = once.await?;
    app.context.outbox.wake();
    Ok(answer.into_response(StatusCode::OK))
}

/// Ask for coins to be paid by UPI. They leave the balance at once.
#[utoipa::path(post, path = "/api/coins/withdrawals/", tag = "coins", params(
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = WithdrawalFields, responses((status = 201, body = Answer<CreatedJson>)))]
pub(super) async fn withdrawal_create(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    create(&app, &principal, key, &body).await
}

/// A user's withdrawals, newest first.
#[utoipa::path(get, path = "/api/coins/withdrawals/", tag = "coins", params(
    ("user_id" = Option<String>, Query, description = "Whose. A key that is tied to one user may leave it out."),
    ("limit" = inline(Option<RowLimitFromOne<50>>), Query,
        description = "From 1 on. At most 100 are answered, however many are asked for; 50 where nothing is said."),
    ("status" = inline(Option<StatusWord>), Query, description = "Only those that stand so."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Page<WithdrawalJson>)))]
pub(super) async fn withdrawal_list(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    history(&app, &principal, &uri, query).await
}

/// One withdrawal.
#[utoipa::path(get, path = "/api/coins/withdrawals/{id}/", tag = "coins",
    params(("id" = Uuid, Path)), responses((status = 200, body = Answer<WithdrawalJson>)))]
pub(super) async fn withdrawal_read(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    read(&app, &principal, id).await
}

/// Cancel a pending withdrawal. The coins are back at once.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/cancel/", tag = "coins", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = CancelFields, responses((status = 200, body = Answer<CancelledJson>)))]
pub(super) async fn withdrawal_cancel(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    PathId(id): PathId,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let reason = fields.line("reason", 1, 500);
    fields.finish(Some(()))?;
    cancel(&app, &principal, key, id, reason, &body).await
}
