//! /api/members/

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    CommandRequest, Decimal, Fields, PageQuery, PathId, Problem, QueryPairs, RowLimit, Rule, Time, json, list_response,
    parse_email,
};
use purser_store::WriteTx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ROWS;
use crate::Members;
use crate::domain::{Member, folded, parse_name};
use crate::error::Error;
use crate::member::command::{MEMBER_CREATE, MEMBER_EDIT, MemberEdit};
use crate::service::{self, MemberChange};
use crate::store::{self, MemberFilter};

/// A member of the pool.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberJson {
    id: Uuid,
    name: String,
    email: String,
    /// Read from the ledger; changed by postings only.
    wallet_balance: Decimal,
    is_expired: bool,
    /// Since when the member is expired.
    expired_date: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

impl From<Member> for MemberJson {
    fn from(member: Member) -> Self {
        MemberJson {
            id: member.id,
            is_expired: member.is_expired(),
            name: member.name,
            email: member.email,
            wallet_balance: Decimal(member.balance),
            expired_date: member.expired_at.map(Time),
            created_at: Time(member.created_at),
            updated_at: Time(member.updated_at),
        }
    }
}

/// What of a member can be read and not set. A balance changes by postings only.
const READ_ONLY: &[&str] = &["id", "wallet_balance", "is_expired", "expired_date", "created_at", "updated_at"];

/// The same of a new member, whose opening balance is set.
const READ_ONLY_NEW: &[&str] = &["id", "is_expired", "expired_date", "created_at", "updated_at"];

/// What of a member is to change.
fn read_change(mut fields: Fields<'_>) -> Result<MemberChange, Problem> {
    let change = MemberChange { name: fields.parsed("name", parse_name), email: fields.parsed("email", parse_email) };
    if fields.has("name") {
        fields.required("name", change.name.as_ref());
    }
    if fields.has("email") {
        fields.required("email", change.email.as_ref());
    }
    fields.finish(Some(change))
}

/// List members, newest first.
#[utoipa::path(get, path = "/api/members/", tag = "members", params(
    ("limit" = inline(Option<RowLimit<1_000, 1_000>>), Query, description = "1 to 1000, which is also the default."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
    ("is_expired" = Option<bool>, Query, description = "true: expired members only; false: living ones only."),
    ("email" = Option<String>, Query, description = "The member with this address, in any case."),
), responses((status = 200, body = Vec<MemberJson>)))]
pub(super) async fn member_list(
    State(members): State<Arc<Members>>,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let mut fields = query.fields();
    let list = PageQuery::read(&mut fields, ROWS);
    let expired = fields.parsed("is_expired", parse_bool);
    let email = fields.parsed("email", |text| parse_email(text).map(|email| folded(&email)));
    fields.finish(Some(()))?;
    let filter = MemberFilter { expired, email, before: list.before, limit: list.fetch() };
    let currency = members.settings.currency();
    let found =
        members.context.store.read(move |tx| Ok::<_, Error>(store::members_list(tx, &filter, currency)?)).await?;
    let rows: Vec<MemberJson> = found.into_iter().map(MemberJson::from).collect();
    Ok(list_response(&uri, list, rows, |row| row.id))
}

pub(super) fn parse_bool(text: &str) -> Result<bool, Rule> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Rule::new("unknown_value", "be true or false")),
    }
}

/// Register a member. What the wallet begins with is a posting.
#[utoipa::path(post, path = "/api/members/", tag = "members", params(
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 201, body = MemberJson)))]
pub(super) async fn member_create(
    State(members): State<Arc<Members>>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let (entered, read_only) = (fields.on_record(), fields.read_only(READ_ONLY_NEW));
    let new = (MEMBER_CREATE.form)(&members).read(fields)?;
    let answer = move |_: &Members, _: &mut WriteTx<'_>, member| {
        let member = MemberJson::from(member);
        read_only.check_new(&member)?;
        Ok(member)
    };
    request.run_with(&members, &MEMBER_CREATE, None, (new, entered), StatusCode::CREATED, answer).await
}

/// An answer's text, to be kept with its effect.
pub(super) fn answer(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Answer(error.to_string()))
}

/// Read a member.
#[utoipa::path(get, path = "/api/members/{id}/", tag = "members",
    params(("id" = Uuid, Path)), responses((status = 200, body = MemberJson)))]
pub(super) async fn member_read(State(members): State<Arc<Members>>, PathId(id): PathId) -> Result<Response, Problem> {
    let settings = Arc::clone(&members.settings);
    let member = members.context.store.read(move |tx| service::member_get(tx, &settings, id)).await?;
    Ok(json(StatusCode::OK, &MemberJson::from(member)))
}

/// Change a member's name or email address; what is not sent stays. The balance is not edited: it changes by postings only.
/// It and the other read-only fields may be sent back as they were read, and are refused with another value.
#[utoipa::path(patch, path = "/api/members/{id}/", tag = "members", params(("id" = Uuid, Path)),
    responses((status = 200, body = MemberJson)))]
pub(super) async fn member_update(
    State(members): State<Arc<Members>>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Response, Problem> {
    let mut fields = request.fields(false)?;
    let (entered, read_only) = (fields.on_record(), fields.read_only(READ_ONLY));
    let change = read_change(fields)?;
    let answer = move |_: &Members, _: &mut WriteTx<'_>, MemberEdit { before, after }| {
        read_only.check(&MemberJson::from(before))?;
        Ok(MemberJson::from(after))
    };
    request.run_with(&members, &MEMBER_EDIT, Some(id), (change, entered), StatusCode::OK, answer).await
}
