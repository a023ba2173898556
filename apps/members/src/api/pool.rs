//! Members who expire, and mistakes taken back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use purser_kit::{CommandRequest, Decimal, PathId, Problem};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::members::MemberJson;
use crate::Members;
use crate::member::expiry::{MEMBER_EXPIRE, MEMBER_REVERT};
use crate::service::{ExpiryResult, RevertResult};

/// An expiry that happened.
#[derive(Serialize, ToSchema)]
pub(super) struct ExpiredJson {
    #[schema(example = "member expired")]
    status: &'static str,
    expiry_id: Uuid,
    /// What each payer paid.
    levy: Decimal,
    /// How many paid.
    payers: i64,
    /// How many could not, and owe it (policy arrears).
    debtors: i64,
    /// What came into the pool.
    taken: Decimal,
    member: MemberJson,
}

/// Expire a member: every other living member pays the levy into the pool, all of them or none.
///
/// Where some cannot pay, nothing happens, and the answer is 400 `members_cannot_pay` with each of them and what is
/// missing in `lacking` (policy `block`); under the policy `arrears` they owe it instead.
#[utoipa::path(post, path = "/api/members/{id}/expire/", tag = "members", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = ExpiredJson)))]
pub(super) async fn member_expire(
    State(members): State<Arc<Members>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&members, &MEMBER_EXPIRE, id, |_, _, expired| Ok(ExpiredJson::from(expired))).await
}

impl From<ExpiryResult> for ExpiredJson {
    fn from(ExpiryResult { member, expiry, taken }: ExpiryResult) -> Self {
        ExpiredJson {
            status: "member expired",
            expiry_id: expiry.id,
            levy: Decimal(expiry.levy),
            payers: expiry.payers,
            debtors: expiry.debtors,
            taken: Decimal(taken),
            member: member.into(),
        }
    }
}

/// A revert that happened.
#[derive(Serialize, ToSchema)]
pub(super) struct RevertedJson {
    #[schema(example = "member reverted")]
    status: &'static str,
    expiry_id: Uuid,
    /// What went back out of the pool to those who had paid.
    returned: Decimal,
    member: MemberJson,
}

/// Revert an expiry: the member lives again, and each member who paid for it gets exactly that payment back.
#[utoipa::path(post, path = "/api/members/{id}/revert/", tag = "members", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = RevertedJson)))]
pub(super) async fn member_revert(
    State(members): State<Arc<Members>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&members, &MEMBER_REVERT, id, |_, _, reverted| Ok(RevertedJson::from(reverted))).await
}

impl From<RevertResult> for RevertedJson {
    fn from(RevertResult { member, expiry, returned }: RevertResult) -> Self {
        let returned = Decimal(returned);
        RevertedJson { status: "member reverted", expiry_id: expiry.id, returned, member: member.into() }
    }
}
