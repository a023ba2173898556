//! A member's wallet: topped up, and what happened on it.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use purser_kit::{CommandRequest, Decimal, PathId, Problem, QueryPairs, RowLimit, Rule, Time, paged};
use purser_ledger::{StatementLine, TransferId, statement};
use serde::Serialize;
use utoipa::ToSchema;

use super::LINES;
use super::members::MemberJson;
use crate::Members;
use crate::error::Error;
use crate::member::wallet::WALLET_TOP_UP;
use crate::service;

/// Top a member's wallet up. Under the policy `arrears` it first pays what the member owes. A reference that was used
/// before is refused as `duplicate_reference`, naming what it was used for, unless `again` says that it is meant.
#[utoipa::path(post, path = "/api/members/{id}/top-up/", tag = "members", params(
    ("id" = Uuid, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = MemberJson)))]
pub(super) async fn member_top_up(
    State(members): State<Arc<Members>>,
    PathId(member): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    request.run(&members, &WALLET_TOP_UP, member, |_, _, member| Ok(MemberJson::from(member))).await
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
    ("limit" = inline(Option<RowLimit<100, 100>>), Query, description = "1 to 100, which is also the default."),
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
