//! Members who expire, and mistakes taken back.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{Caller, Decimal, IdempotencyKey, Once, OptionalBody, PathId, Problem, Repeatable, fingerprint};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::members::{MemberJson, answer, subject};
use crate::Members;
use crate::error::Error;
use crate::service;

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
    caller: Caller,
    key: IdempotencyKey,
    PathId(id): PathId,
    body: OptionalBody,
) -> Result<Response, Problem> {
    let settings = Arc::clone(&members.settings);
    let repeat = Repeatable::new(&caller, key, fingerprint("members.expire", &id.to_string(), &body.0));
    let doer = caller.doer(&members.context);
    let once = members.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            let (mut doer, before) = (doer.clone(), MemberJson::from(service::member_get(tx, &settings, id)?));
            let done = service::members_expire(tx, &settings, &mut doer, &[id])?.pop();
            let service::Expired { member, expiry, taken } = done.ok_or(Error::NoMember)?;
            let expired = ExpiredJson {
                status: "member expired",
                expiry_id: expiry.id,
                levy: Decimal(expiry.levy),
                payers: expiry.payers,
                debtors: expiry.debtors,
                taken: Decimal(taken),
                member: member.into(),
            };
            doer.record_change(tx, "members.members.expire", &subject(id), &before, &expired.member)?;
            answer(&expired)
        })
    });
    let once = once.await?;
    members.context.outbox.wake();
    Ok(once.into_response(StatusCode::OK))
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
    caller: Caller,
    key: IdempotencyKey,
    PathId(id): PathId,
    body: OptionalBody,
) -> Result<Response, Problem> {
    let settings = Arc::clone(&members.settings);
    let repeat = Repeatable::new(&caller, key, fingerprint("members.revert", &id.to_string(), &body.0));
    let doer = caller.doer(&members.context);
    let once = members.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            let (mut doer, before) = (doer.clone(), MemberJson::from(service::member_get(tx, &settings, id)?));
            let done = service::members_revert(tx, &settings, &mut doer, &[id])?.pop();
            let service::Reverted { member, expiry, returned } = done.ok_or(Error::NoMember)?;
            let reverted = RevertedJson {
                status: "member reverted",
                expiry_id: expiry.id,
                returned: Decimal(returned),
                member: member.into(),
            };
            doer.record_change(tx, "members.members.revert", &subject(id), &before, &reverted.member)?;
            answer(&reverted)
        })
    });
    let once = once.await?;
    members.context.outbox.wake();
    Ok(once.into_response(StatusCode::OK))
}
