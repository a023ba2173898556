//! /api/razorpay/withdraw/: the same withdrawals under the paths that the first clients know.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use purser_kit::{IdempotencyKey, JsonBody, Principal, Problem, QueryPairs, RowLimitFromOne};
use utoipa::ToSchema;
use uuid::Uuid;

use super::withdrawals::{
    CancelledJson, CreatedJson, StatusWord, WithdrawalFields, WithdrawalJson, cancel, create, history, read,
};
use super::{Answer, Page};
use crate::Coins;

/// Which withdrawal to cancel.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct CancelOneFields {
    withdrawal_id: Uuid,
    /// 1 to 500 characters.
    #[schema(example = "User requested cancellation")]
    reason: Option<String>,
}

/// Ask for coins to be paid by UPI, as the first clients do.
#[utoipa::path(post, path = "/api/razorpay/withdraw/", tag = "coins: first paths", params(
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = WithdrawalFields, responses((status = 201, body = Answer<CreatedJson>)))]
pub(super) async fn razorpay_withdraw(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    create(&app, &principal, key, &body).await
}

/// A user's withdrawals, as the first clients list them.
#[utoipa::path(get, path = "/api/razorpay/withdraw/history/", tag = "coins: first paths", params(
    ("user_id" = Option<String>, Query, description = "Whose. A key that is tied to one user may leave it out."),
    ("limit" = inline(Option<RowLimitFromOne<50>>), Query,
        description = "From 1 on. At most 100 are answered, however many are asked for; 50 where nothing is said."),
    ("status" = inline(Option<StatusWord>), Query, description = "Only those that stand so."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Page<WithdrawalJson>)))]
pub(super) async fn razorpay_history(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    history(&app, &principal, &uri, query).await
}

/// One withdrawal, by its id in the query.
#[utoipa::path(get, path = "/api/razorpay/withdraw/status/", tag = "coins: first paths", params(
    ("withdrawal_id" = Uuid, Query),
), responses((status = 200, body = Answer<WithdrawalJson>)))]
pub(super) async fn razorpay_status(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let id = fields.id("withdrawal_id");
    let id = fields.required("withdrawal_id", id);
    read(&app, &principal, fields.finish(id)?).await
}

/// Cancel a pending withdrawal, by its id in the body.
#[utoipa::path(post, path = "/api/razorpay/withdraw/cancel/", tag = "coins: first paths", params(
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = CancelOneFields, responses((status = 200, body = Answer<CancelledJson>)))]
pub(super) async fn razorpay_cancel(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let id = fields.id("withdrawal_id");
    let id = fields.required("withdrawal_id", id);
    let reason = fields.line("reason", 1, 500);
    let id = fields.finish(id)?;
    cancel(&app, &principal, key, id, reason, &body).await
}
