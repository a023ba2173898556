//! What staff decide on a withdrawal: by the same functions as in the console.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::console::Doer;
use purser_kit::{Caller, IdempotencyKey, JsonBody, Once, PathId, Problem, Repeatable, fingerprint};
use purser_store::Tx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Answer;
use super::withdrawals::WithdrawalJson;
use crate::Coins;
use crate::domain::{Settings, Withdrawal};
use crate::error::Error;
use crate::service::{self, Closing};
use crate::status::Status;
use crate::utr::Utr;

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

/// What a payment was made with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct CompleteFields {
    /// The bank's UTR or transaction id, 6 to 50 characters.
    #[schema(example = "428811902377")]
    utr: String,
}

/// Why the coins go back.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct FailFields {
    /// 1 to 500 characters; the user reads it.
    #[schema(example = "The UPI id is closed")]
    reason: String,
}

/// Why the coins go back, where that is to be said.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct CloseFields {
    /// 1 to 500 characters; the user reads it.
    reason: Option<String>,
}

/// The UTR as it should have been.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct CorrectFields {
    /// The bank's UTR or transaction id, 6 to 50 characters.
    #[schema(example = "428811902377")]
    utr: String,
    /// How it came to be wrong, 1 to 500 characters.
    #[schema(example = "Two digits were swapped")]
    reason: String,
}

/// A request to decide, as it came.
struct Request<'a> {
    id: Uuid,
    verb: &'static str,
    key: IdempotencyKey,
    body: &'a JsonBody,
}

/// Decides once for a key, and answers with the withdrawal as it is then.
async fn decided(
    app: &Arc<Coins>,
    caller: &Caller,
    request: Request<'_>,
    message: &'static str,
    command: impl Fn(&mut Tx<'_>, &Settings, &mut Doer) -> Result<Withdrawal, Error> + Send + 'static,
) -> Result<Response, Problem> {
    let Request { id, verb, key, body } = request;
    let repeat = Repeatable::new(caller, key, fingerprint(&format!("coins.{verb}"), &id.to_string(), &body.0));
    let (doer, settings) = (caller.doer(&app.context), Arc::clone(&app.settings));
    let once = app.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            let mut doer = doer.clone();
            let before = service::withdrawal_get(tx, id)?.status;
            let one = command(tx, &settings, &mut doer)?;
            if one.status != before {
                service::change_record(tx, &mut doer, Some(before), &one)?;
            }
            let remaining_coins = service::user_get(tx, one.owner)?.balance.minor();
            let (withdrawal_id, payout_id) = (one.id, one.payout);
            Answer::told(message, DecidedJson { withdrawal_id, payout_id, remaining_coins, withdrawal: one.into() })
        })
    });
    let answer = once.await?;
    app.context.outbox.wake();
    Ok(answer.into_response(StatusCode::OK))
}

/// The body's one field, a reason. A body may be left out where the reason may.
fn reason(body: &JsonBody) -> Result<Option<String>, Problem> {
    let mut fields = body.optional_fields()?;
    let reason = fields.line("reason", 1, 500);
    fields.finish(Some(reason))
}

/// Begin to pay a pending withdrawal: nobody can cancel it any more.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/process/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_process(
    State(app): State<Arc<Coins>>,
    caller: Caller,
    PathId(id): PathId,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    body.optional_fields()?.finish(Some(()))?;
    let request = Request { id, verb: Status::Processing.verb(), key, body: &body };
    let message = "Withdrawal is now being processed.";
    decided(&app, &caller, request, message, move |tx, settings, doer| {
        let (_, outcomes) = service::payouts_begin(tx, settings, doer, &[id])?;
        outcomes.into_iter().next().map_or(Err(Error::NoWithdrawal), |(_, outcome)| outcome)
    })
    .await
}

/// Say that a withdrawal is paid, and by which UTR.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/complete/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = CompleteFields, responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_complete(
    State(app): State<Arc<Coins>>,
    caller: Caller,
    PathId(id): PathId,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let utr = fields.parsed("utr", Utr::parse);
    let utr = fields.required("utr", utr);
    let utr = fields.finish(utr)?;
    let request = Request { id, verb: Status::Completed.verb(), key, body: &body };
    let message = "Withdrawal completed successfully.";
    decided(&app, &caller, request, message, move |tx, settings, doer| {
        service::withdrawal_complete(tx, settings, doer, id, &utr)
    })
    .await
}

/// Say that a payment failed. The coins are back at once.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/fail/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = FailFields, responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_fail(
    State(app): State<Arc<Coins>>,
    caller: Caller,
    PathId(id): PathId,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let reason = fields.line("reason", 1, 500);
    let reason = fields.required("reason", reason);
    let reason = fields.finish(reason)?;
    close(&app, &caller, Request { id, verb: Status::Failed.verb(), key, body: &body }, Closing::Fail, reason).await
}

/// Refuse a pending withdrawal. The coins are back at once.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/reject/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = CloseFields, responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_reject(
    State(app): State<Arc<Coins>>,
    caller: Caller,
    PathId(id): PathId,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let reason = reason(&body)?.unwrap_or_else(|| "Rejected by admin".to_owned());
    let request = Request { id, verb: Status::Rejected.verb(), key, body: &body };
    close(&app, &caller, request, Closing::Reject, reason).await
}

/// Say that the bank sent a payment back. The coins are back at once.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/reverse/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = CloseFields, responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_reverse(
    State(app): State<Arc<Coins>>,
    caller: Caller,
    PathId(id): PathId,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let reason = reason(&body)?.unwrap_or_else(|| "Returned by the bank".to_owned());
    let request = Request { id, verb: Status::Reversed.verb(), key, body: &body };
    close(&app, &caller, request, Closing::Reverse, reason).await
}

async fn close(
    app: &Arc<Coins>,
    caller: &Caller,
    request: Request<'_>,
    closing: Closing,
    reason: String,
) -> Result<Response, Problem> {
    let message = match closing {
        Closing::Fail => "Withdrawal failed. The coins have been returned to the user.",
        Closing::Reject => "Withdrawal rejected. The coins have been returned to the user.",
        Closing::Cancel => "Withdrawal cancelled. The coins have been returned to the user.",
        Closing::Reverse => "Withdrawal reversed. The coins have been returned to the user.",
    };
    let id = request.id;
    decided(app, caller, request, message, move |tx, settings, doer| {
        service::withdrawal_close(tx, settings, doer, id, closing, &reason)
    })
    .await
}

/// Correct the UTR of a paid withdrawal. Both stay on record.
#[utoipa::path(post, path = "/api/coins/withdrawals/{id}/correct-utr/", tag = "coins: staff", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = CorrectFields, responses((status = 200, body = Answer<DecidedJson>)))]
pub(super) async fn withdrawal_correct_utr(
    State(app): State<Arc<Coins>>,
    caller: Caller,
    PathId(id): PathId,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let utr = fields.parsed("utr", Utr::parse);
    let utr = fields.required("utr", utr);
    let reason = fields.line("reason", 1, 500);
    let reason = fields.required("reason", reason);
    let (utr, reason) = fields.finish(utr.zip(reason))?;
    let request = Request { id, verb: "correct-utr", key, body: &body };
    let message = "UTR corrected successfully. Both stay on record.";
    decided(&app, &caller, request, message, move |tx, _, doer| service::utr_correct(tx, doer, id, &utr, &reason)).await
}
