//! /api/coins/balance/, /api/coins/transactions/, and where to write to a user.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_identity::Email;
use purser_kit::{Caller, Decimal, JsonBody, Problem, QueryPairs, Rows, Rule, Time, json};
use purser_outbox::Language;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Acting, Answer, MOST_ROWS, Page, ROWS, page};
use crate::Coins;
use crate::domain::{Settings, Transaction, User, UserId, coins};
use crate::error::Error;
use crate::service::{self, UserChange};
use crate::store::transaction::transactions_of;

/// How many coins a user has.
#[derive(Serialize, ToSchema)]
pub(super) struct BalanceJson {
    user_id: String,
    /// The user's own id here, what a key is tied to; null for one who never had coins.
    id: Option<Uuid>,
    balance: i64,
    /// What they come to.
    rupees_balance: Option<Decimal>,
}

/// A movement of a user's coins.
#[derive(Serialize, ToSchema)]
pub(super) struct TransactionJson {
    id: Uuid,
    /// award, spend, withdrawal, refund or adjustment.
    r#type: &'static str,
    /// Negative where coins went.
    amount: i64,
    balance_after: i64,
    reason: String,
    reference: Option<String>,
    withdrawal_id: Option<Uuid>,
    created_at: Time,
}

impl From<Transaction> for TransactionJson {
    fn from(one: Transaction) -> Self {
        TransactionJson {
            id: one.id,
            r#type: one.movement.name(),
            amount: one.amount.minor(),
            balance_after: one.balance_after.minor(),
            reason: one.reason,
            reference: one.reference,
            withdrawal_id: one.withdrawal,
            created_at: Time(one.created_at),
        }
    }
}

/// Where to write to a user.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the fields that the handler reads")]
pub(super) struct UserFields {
    /// 1 to 500 characters.
    #[schema(example = "asha.rao")]
    user_id: String,
    /// Their address; null for none.
    #[schema(example = "asha@example.com")]
    email: Option<String>,
    /// en or hi.
    #[schema(example = "en")]
    language: Option<String>,
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(super) struct UserJson {
    id: Uuid,
    user_id: String,
    email: Option<String>,
    language: &'static str,
    balance: i64,
}

fn balance(settings: &Settings, user: Option<User>, user_id: &str) -> BalanceJson {
    let (id, balance) = user.map_or((None, coins(0)), |user| (Some(user.id), user.balance));
    let rupees_balance = settings.worth(balance.minor()).map(Decimal);
    BalanceJson { user_id: user_id.to_owned(), id, balance: balance.minor(), rupees_balance }
}

/// How many coins a user has; none for one who was never heard of.
#[utoipa::path(get, path = "/api/coins/balance/", tag = "coins", params(
    ("user_id" = Option<String>, Query, description = "Whose. A key that is tied to one user may leave it out."),
), responses((status = 200, body = Answer<BalanceJson>)))]
pub(super) async fn coins_balance(
    State(app): State<Arc<Coins>>,
    caller: Caller,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let acting = Acting::of(&app, &caller, "coins.view").await?;
    let mut fields = query.fields();
    let user_id = acting.named(&mut fields);
    let user_id = fields.finish(user_id)?;
    let wanted = user_id.clone();
    let user = app.context.store.read(move |tx| acting.user(tx, wanted.as_ref())).await?;
    let name = user.as_ref().map(|user| user.user_id.clone()).or(user_id);
    let name = name.map(|name| name.as_str().to_owned()).unwrap_or_default();
    Ok(json(StatusCode::OK, &Answer::of(balance(&app.settings, user, &name))))
}

/// Every movement of a user's coins, newest first.
#[utoipa::path(get, path = "/api/coins/transactions/", tag = "coins", params(
    ("user_id" = Option<String>, Query, description = "Whose. A key that is tied to one user may leave it out."),
    ("limit" = inline(Option<Rows<100, 50>>), Query, description = "1 to 100; 50 where nothing is said."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Page<TransactionJson>)))]
pub(super) async fn coins_transactions(
    State(app): State<Arc<Coins>>,
    caller: Caller,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let acting = Acting::of(&app, &caller, "coins.view").await?;
    let mut fields = query.fields();
    let user_id = acting.named(&mut fields);
    let limit = fields.number("limit", 1, MOST_ROWS).unwrap_or(ROWS);
    let before = fields.id("cursor");
    let user_id = fields.finish(user_id)?;
    let found = app.context.store.read(move |tx| {
        let user = acting.user(tx, user_id.as_ref())?;
        let rows = match &user {
            Some(user) => transactions_of(tx, user.id, before, limit + 1)?,
            None => Vec::new(),
        };
        Ok::<_, Error>((user.map(|user| user.user_id).or_else(|| user_id.clone()), rows))
    });
    Ok(page(&uri, limit, found.await?, |row| row.id, TransactionJson::from))
}

/// Say where to write to a user, and in which language. What is not named stays.
#[utoipa::path(put, path = "/api/coins/users/", tag = "coins", request_body = UserFields,
    responses((status = 200, body = Answer<UserJson>)))]
pub(super) async fn coins_user_put(
    State(app): State<Arc<Coins>>,
    caller: Caller,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let user_id = fields.parsed("user_id", UserId::parse);
    let user_id = fields.required("user_id", user_id);
    let named = fields.has("email");
    let email = fields.parsed("email", parse_email);
    let language = fields.parsed("language", parse_language);
    let user_id = fields.finish(user_id)?;
    let change = UserChange { email: named.then_some(email), language };
    let doer = caller.doer(&app.context);
    let changed = app.context.store.write(move |tx| {
        let mut doer = doer.clone();
        let before = service::user_known(tx, &user_id)?;
        let after = service::user_change(tx, &mut doer, &user_id, &change)?;
        service::contact_record(tx, &mut doer, before.as_ref(), &after)?;
        Ok::<_, Error>(after)
    });
    let changed = changed.await?;
    let user = UserJson {
        id: changed.id,
        user_id: changed.user_id.as_str().to_owned(),
        email: changed.email.map(|email| email.as_str().to_owned()),
        language: changed.language.code(),
        balance: changed.balance.minor(),
    };
    Ok(json(StatusCode::OK, &Answer::of(user)))
}

/// An email address, spaces around it forgiven.
pub(crate) fn parse_email(text: &str) -> Result<Email, Rule> {
    let must = "be an email address such as a@b.example, of at most 254 characters";
    Email::parse(text.trim()).map_err(|error| Rule::new("malformed", format!("{must} ({error})")))
}

/// A language by its code.
pub(crate) fn parse_language(text: &str) -> Result<Language, Rule> {
    Language::parse(text).ok_or_else(|| Rule::new("unknown_value", "be en or hi"))
}
