//! /api/coins/award/ and /api/coins/spend/: what applications do with their users' coins.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    IdempotencyKey, IdempotentRequest, IdempotentResponse, JsonBody, Principal, Problem, Rule, fingerprint,
};
use purser_money::Currency;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Answer;
use super::users::TransactionJson;
use crate::domain::{MovementKind, UserId};
use crate::service::{self, NewMovement};
use crate::{Coins, MOST_MOVED};

/// Coins to be given or spent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct MovementFields {
    /// 1 to 500 characters.
    #[schema(example = "asha.rao")]
    user_id: String,
    /// A whole number of coins, 1 to 1,000,000,000.
    #[schema(example = 1000)]
    amount: i64,
    /// Why, 1 to 500 characters.
    #[schema(example = "Quiz of 21 November, first place")]
    reason: String,
    /// Your own word for it, 1 to 200 characters: it happens once for each.
    #[schema(example = "quiz-2026-11-21-1")]
    reference: String,
}

/// Coins that were given or spent.
#[derive(Serialize, ToSchema)]
pub(super) struct MovedJson {
    user_id: String,
    /// The user's own id here: what a key is tied to.
    id: Uuid,
    /// Coins that the user has now.
    balance: i64,
    transaction: TransactionJson,
}

async fn run(
    app: &Arc<Coins>,
    principal: &Principal,
    key: IdempotencyKey,
    body: &JsonBody,
    movement: MovementKind,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let user_id = fields.parsed("user_id", UserId::parse);
    let user_id = fields.required("user_id", user_id);
    let amount = fields.amount("amount", Currency::COIN);
    let amount = fields.required("amount", amount);
    let amount = amount.and_then(|amount| {
        if (1..=MOST_MOVED).contains(&amount.minor()) {
            return Some(amount);
        }
        let rule = Rule::new("out_of_range", format!("be a whole number of coins from 1 to {MOST_MOVED}"));
        fields.refuse("amount", &amount.to_string(), rule)
    });
    let reason = fields.line("reason", 1, 500);
    let reason = fields.required("reason", reason);
    let reference = fields.line("reference", 1, 200);
    let reference = fields.required("reference", reference);
    let new = user_id.zip(amount).zip(reason.zip(reference));
    let new = new.map(|((user_id, amount), (reason, reference))| NewMovement {
        user_id,
        movement,
        amount,
        reason,
        reference,
    });
    let new = fields.finish(new)?;
    let repeat = IdempotentRequest::new(principal, key, fingerprint(movement.kind(), "", &body.0));
    let (cx, settings) = (principal.request_context(&app.context), Arc::clone(&app.settings));
    let done = app.context.store.write(move |tx| {
        let mut repeated = false;
        let once = IdempotentResponse::run(tx, cx.now, repeat.as_ref(), |tx| {
            let moved = service::coins_move(tx, &settings, &mut cx.clone(), &new)?;
            repeated = moved.repeated;
            let data = MovedJson {
                user_id: moved.user.user_id.as_str().to_owned(),
                id: moved.user.id,
                balance: moved.user.balance.minor(),
                transaction: moved.transaction.into(),
            };
            Answer::with_message(
                if movement == MovementKind::Award {
                    "Coins awarded successfully."
                } else {
                    "Coins spent successfully."
                },
                data,
            )
        })?;
        Ok::<_, crate::Error>(IdempotentResponse { replayed: once.replayed || repeated, ..once })
    });
    let done = done.await?;
    app.context.outbox.wake();
    Ok(done.into_response(StatusCode::OK))
}

/// Give a user coins, once for each reference.
#[utoipa::path(post, path = "/api/coins/award/", tag = "coins", params(
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = MovementFields, responses((status = 200, body = Answer<MovedJson>)))]
pub(super) async fn coins_award(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    run(&app, &principal, key, &body, MovementKind::Award).await
}

/// Take the coins that a user spends in your application, once for each reference.
#[utoipa::path(post, path = "/api/coins/spend/", tag = "coins", params(
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = MovementFields, responses((status = 200, body = Answer<MovedJson>)))]
pub(super) async fn coins_spend(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    run(&app, &principal, key, &body, MovementKind::Spend).await
}
