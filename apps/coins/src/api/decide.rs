//! What staff decide on a withdrawal: by the same functions as in the console.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{Command, CommandRequest, PathId, Problem, TypedCommand};
use purser_store::WriteTx;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Answer;
use super::withdrawals::WithdrawalJson;
use crate::Coins;
use crate::domain::Withdrawal;
use crate::service::{ClosePlan, user_get};
use crate::withdrawal::command::{
    UTR_CORRECT, WITHDRAWAL_COMPLETE, WITHDRAWAL_FAIL, WITHDRAWAL_PROCESS, WITHDRAWAL_REJECT, WITHDRAWAL_REVERSE,
};

/// A withdrawal that was decided on.
#[derive(Serialize, ToSchema)]
pub(super) struct DecidedJson {
    withdrawal_id: Uuid,
    /// The payout that it was begun with.
    payout_id: Option<Uuid>,
    /// Coins that the user has now.
    remaining_coins: i64,
    withdrawal: WithdrawalJson,
}

/// Decides on a withdrawal, and answers with it as it is then.
async fn decided<C: TypedCommand<Coins, Applied = Withdrawal>>(
    app: &Arc<Coins>,
    request: CommandRequest,
    (id, command): (Uuid, &'static C),
    message: &'static str,
) -> Result<Response, Problem> {
    let form = command.form(app);
    let fields = request.fields(form.form_fields().iter().all(|field| !field.required))?;
    let entered = fields.on_record();
    let input = form.read(fields)?;
    answered(app, request, (id, command), (input, entered), message).await
}

/// The same of a command that takes a reason, where it may be left out.
async fn closed(
    app: &Arc<Coins>,
    request: CommandRequest,
    (id, command): (Uuid, &'static Command<Coins, String, ClosePlan, Withdrawal>),
    reason: &'static str,
    message: &'static str,
) -> Result<Response, Problem> {
    let mut fields = request.fields(true)?;
    let entered = fields.on_record();
    let given = fields.line("reason", 1, 500);
    let input = fields.finish(Some(given))?.unwrap_or_else(|| reason.to_owned());
    answered(app, request, (id, command), (input, entered), message).await
}

async fn answered<C: TypedCommand<Coins, Applied = Withdrawal>>(
    app: &Arc<Coins>,
    request: CommandRequest,
    (id, command): (Uuid, &'static C),
    input: (C::Input, Map<String, Value>),
    message: &'static str,
) -> Result<Response, Problem> {
    let answer = move |_: &Coins, tx: &mut WriteTx<'_>, one: Withdrawal| {
        let remaining_coins = user_get(tx, one.owner)?.balance.minor();
        let (withdrawal_id, payout_id) = (one.id, one.payout);
        Ok(Answer::with(message, DecidedJson { withdrawal_id, payout_id, remaining_coins, withdrawal: one.into() }))
    };
    request.run_with(app, command, Some(id), input, StatusCode::OK, answer).await
}

/// Begin to pay a pending withdrawal: nobody can cancel it any more.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/process/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_process(
    State(app): State<Arc<Coins>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    decided(&app, request, (id, &WITHDRAWAL_PROCESS), "Withdrawal is now being processed.").await
}

/// Say that a withdrawal is paid, and by which UTR.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/complete/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_complete(
    State(app): State<Arc<Coins>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    decided(&app, request, (id, &WITHDRAWAL_COMPLETE), "Withdrawal completed successfully.").await
}

/// Say that a payment failed. The coins are back at once.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/fail/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_fail(
    State(app): State<Arc<Coins>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let message = "Withdrawal failed. The coins have been returned to the user.";
    decided(&app, request, (id, &WITHDRAWAL_FAIL), message).await
}

/// Refuse a pending withdrawal. The coins are back at once.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/reject/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_reject(
    State(app): State<Arc<Coins>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let message = "Withdrawal rejected. The coins have been returned to the user.";
    closed(&app, request, (id, &WITHDRAWAL_REJECT), "Rejected by admin", message).await
}

/// Say that the bank sent a payment back. The coins are back at once.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/reverse/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_reverse(
    State(app): State<Arc<Coins>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let message = "Withdrawal reversed. The coins have been returned to the user.";
    closed(&app, request, (id, &WITHDRAWAL_REVERSE), "Returned by the bank", message).await
}

/// Correct the UTR of a paid withdrawal. Both stay on record.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/correct-utr/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_correct_utr(
    State(app): State<Arc<Coins>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    decided(&app, request, (id, &UTR_CORRECT), "UTR corrected successfully. Both stay on record.").await
}
