//! A member's wallet: topped up, and what happened on it.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    Caller, Decimal, IdempotencyKey, JsonBody, Once, PathId, Problem, QueryPairs, Repeatable, Rule, Time, fingerprint,
    paged, parse_reference,
};
use purser_ledger::{StatementLine, TransferId, statement};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::LINES;
use super::members::{MemberJson, answer, subject};
use crate::Members;
use crate::error::Error;
use crate::service::{self, Movement, PaymentReference, Reason};

/// What to top a wallet up with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct TopUpFields {
    /// More than zero.
    amount: Decimal,
    /// What it rests on: 1 to 300 characters. "Top-up" where nothing is said.
    reason: Option<String>,
    /// The payment's reference: 1 to 100 characters. It names one payment, whatever its case, spaces and punctuation.
    reference: Option<String>,
    /// Whether the same reference is meant, though it was used before.
    again: Option<bool>,
}

/// Top a member's wallet up. Under the policy `arrears` it first pays what the member owes. A reference that was used
/// before is refused as `duplicate_reference`, naming what it was used for, unless `again` says that it is meant.
#[utoipa::path(post, path = "/api/members/{id}/top-up/", tag = "members", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), request_body = TopUpFields, responses((status = 200, body = MemberJson)))]
pub(super) async fn member_top_up(
    State(members): State<Arc<Members>>,
    caller: Caller,
    key: IdempotencyKey,
    PathId(member): PathId,
    body: JsonBody,
) -> Result<Response, Problem> {
    let settings = Arc::clone(&members.settings);
    let mut fields = body.fields()?;
    let amount = fields.amount("amount", settings.currency());
    let amount = fields.required("amount", amount);
    let amount = amount.and_then(|amount| match amount.positive().and_then(|amount| amount.at_most(settings.most())) {
        Ok(amount) => Some(amount),
        Err(error) => fields.refuse("amount", &amount.to_string(), Rule::new(error.code(), error.rule())),
    });
    let reason = fields.line("reason", 1, 300).unwrap_or_else(|| "Top-up".to_owned());
    let reference = fields.parsed("reference", parse_reference);
    let again = fields.flag("again") == Some(true);
    let change = fields.finish(amount)?;
    let payment = reference.map(|reference| PaymentReference { reference, again });
    let repeat = Repeatable::new(&caller, key, fingerprint("members.top-up", &member.to_string(), &body.0));
    let doer = caller.doer(&members.context);
    let movement = Movement { member, reason: Reason::TopUp, change, memo: reason };
    let once = members.context.store.write(move |tx| {
        Once::run(tx, doer.now, repeat.as_ref(), |tx| {
            let mut doer = doer.clone();
            let after = service::wallet_move_for(tx, &settings, &mut doer, &movement, payment.as_ref())?;
            let after = MemberJson::from(after);
            let mut entered = json!({ "amount": movement.change.to_string(), "reason": movement.memo });
            if let Some(PaymentReference { reference, again }) = &payment {
                entered["reference"] = reference.as_str().into();
                if *again {
                    entered["again"] = true.into();
                }
            }
            doer.record(tx, "members.members.top-up", &subject(member), &json!({ "entered": entered }))?;
            answer(&after)
        })
    });
    Ok(once.await?.into_response(StatusCode::OK))
}

/// One line of a wallet's statement.
#[derive(Serialize, ToSchema)]
pub(super) struct LineJson {
    /// Its place: what `cursor` takes.
    id: i64,
    at: Time,
    /// members.opening, members.top-up, members.withdrawal, members.correction, members.levy, members.levy-back or
    /// members.arrears.
    kind: String,
    /// Why.
    reason: String,
    /// What it belongs to: for levies, the member who expired; for top-ups, the payment's reference.
    reference: Option<String>,
    /// Who did it: `key:<id>` or `user:<id>`.
    actor: String,
    /// What it added; negative where it took.
    amount: Decimal,
    balance_after: Decimal,
}

impl From<StatementLine> for LineJson {
    fn from(line: StatementLine) -> Self {
        LineJson {
            id: line.transfer.get(),
            at: Time(line.at),
            kind: line.kind,
            reason: line.memo,
            reference: line.reference,
            actor: line.actor,
            amount: Decimal(line.change),
            balance_after: Decimal(line.balance),
        }
    }
}

/// What happened on a member's wallet, newest first.
#[utoipa::path(get, path = "/api/members/{id}/statement/", tag = "members", params(
    ("id" = Uuid, Path),
    ("limit" = Option<u32>, Query, description = "1 to 100, which is also the default."),
    ("cursor" = Option<i64>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Vec<LineJson>)))]
pub(super) async fn member_statement(
    State(members): State<Arc<Members>>,
    PathId(id): PathId,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let limit = fields.number("limit", 1, LINES).unwrap_or(LINES);
    let before = fields.parsed("cursor", |text| {
        let cursor = text.parse().ok().filter(|cursor| *cursor > 0);
        cursor.map(TransferId::from_cursor).ok_or_else(|| Rule::new("malformed", "be the cursor of a Link header"))
    });
    fields.finish(Some(()))?;
    let settings = Arc::clone(&members.settings);
    let lines = members.context.store.read(move |tx| {
        let member = service::member_get(tx, &settings, id)?;
        Ok::<_, Error>(statement(tx, member.account, before, limit + 1)?)
    });
    let mut lines = lines.await?;
    let more = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    let next = lines.last().filter(|_| more).map(|line| line.transfer.get().to_string());
    let rows: Vec<LineJson> = lines.into_iter().map(LineJson::from).collect();
    Ok(paged(&uri, &rows, next.as_deref()))
}
