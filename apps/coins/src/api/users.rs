//! /api/coins/balance/, /api/coins/transactions/, and where to write to a user.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::{
    CommandRequest, Decimal, Form, FormField, JsonBody, Principal, Problem, QueryPairs, RowLimitFromOne, Rule, Time,
    TypedCommand, json, parse_email,
};
use purser_outbox::Language;
use purser_store::WriteTx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ActingFor, Answer, MOST_ROWS, Page, ROWS, page};
use crate::Coins;
use crate::domain::{CoinUser, Settings, Transaction, UserId, UserTotals, coins};
use crate::error::Error;
use crate::service::{self, UserChange};
use crate::store::transaction::transactions_of;
use crate::user::command::{USER_FREEZE, USER_UNFREEZE};

/// How many coins a user has.
#[derive(Serialize, ToSchema)]
pub(super) struct BalanceJson {
    user_id: String,
    /// The user's own id here, what a key is tied to; null for one who never had coins.
    id: Option<Uuid>,
    balance: i64,
    /// What they come to.
    rupees_balance: Option<Decimal>,
    /// Coins that were ever awarded.
    lifetime: i64,
    /// Coins that were spent in the application.
    spent: i64,
    /// Coins that were paid out.
    withdrawn: i64,
    /// active or frozen.
    status: &'static str,
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
pub(crate) struct UserJson {
    id: Uuid,
    user_id: String,
    email: Option<String>,
    language: &'static str,
    balance: i64,
    /// active or frozen.
    status: &'static str,
}

impl From<CoinUser> for UserJson {
    fn from(user: CoinUser) -> Self {
        UserJson {
            id: user.id,
            status: status(&user),
            user_id: user.user_id.as_str().to_owned(),
            email: user.email.map(|email| email.as_str().to_owned()),
            language: user.language.code(),
            balance: user.balance.minor(),
        }
    }
}

fn status(user: &CoinUser) -> &'static str {
    if user.frozen.is_some() { "frozen" } else { "active" }
}

fn balance(settings: &Settings, user: Option<(CoinUser, UserTotals)>, user_id: &str) -> BalanceJson {
    let (user, totals) = user.map_or((None, UserTotals::default()), |(user, totals)| (Some(user), totals));
    let balance = user.as_ref().map_or(coins(0), |user| user.balance);
    BalanceJson {
        user_id: user_id.to_owned(),
        id: user.as_ref().map(|user| user.id),
        balance: balance.minor(),
        rupees_balance: settings.worth(balance.minor()).map(Decimal),
        lifetime: totals.lifetime,
        spent: totals.spent,
        withdrawn: totals.withdrawn,
        status: user.as_ref().map_or("active", status),
    }
}

/// How many coins a user has; none for one who was never heard of.
#[utoipa::path(get, path = "/api/coins/balance/", tag = "coins", params(
    ("user_id" = Option<String>, Query, description = "Whose. A key that is tied to one user may leave it out."),
), responses((status = 200, body = Answer<BalanceJson>)))]
pub(super) async fn coins_balance(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let acting = ActingFor::of(&app, &principal, "coins.view").await?;
    let mut fields = query.fields();
    let user_id = acting.named(&mut fields);
    let user_id = fields.finish(user_id)?;
    let wanted = user_id.clone();
    let user = app.context.store.read(move |tx| {
        let Some(user) = acting.user(tx, wanted.as_ref())? else { return Ok(None) };
        let totals = service::user_totals(tx, &user)?;
        Ok::<_, Error>(Some((user, totals)))
    });
    let user = user.await?;
    let name = user.as_ref().map(|(user, _)| user.user_id.clone()).or(user_id);
    let name = name.map(|name| name.as_str().to_owned()).unwrap_or_default();
    Ok(json(StatusCode::OK, &Answer::of(balance(&app.settings, user, &name))))
}

/// Every movement of a user's coins, newest first.
#[utoipa::path(get, path = "/api/coins/transactions/", tag = "coins", params(
    ("user_id" = Option<String>, Query, description = "Whose. A key that is tied to one user may leave it out."),
    ("limit" = inline(Option<RowLimitFromOne<50>>), Query,
        description = "From 1 on. At most 100 are answered, however many are asked for; 50 where nothing is said."),
    ("cursor" = Option<Uuid>, Query, description = "From the Link header of the page before."),
), responses((status = 200, body = Page<TransactionJson>)))]
pub(super) async fn coins_transactions(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    uri: OriginalUri,
    query: QueryPairs,
) -> Result<Response, Problem> {
    let acting = ActingFor::of(&app, &principal, "coins.view").await?;
    let mut fields = query.fields();
    let user_id = acting.named(&mut fields);
    let limit = fields.limit("limit", MOST_ROWS).unwrap_or(ROWS);
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

/// Say where to write to a user, and in which language. What is not named stays. A user may be sent
/// back as the answer has them: id, balance and status are read and not set.
#[utoipa::path(put, path = "/api/coins/users/", tag = "coins", request_body = UserFields,
    responses((status = 200, body = Answer<UserJson>)))]
pub(super) async fn coins_user_put(
    State(app): State<Arc<Coins>>,
    principal: Principal,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let read_only = fields.read_only(&["id", "balance", "status"]);
    let user_id = fields.parsed("user_id", UserId::parse);
    let user_id = fields.required("user_id", user_id);
    let named = fields.has("email");
    let email = fields.parsed("email", parse_email);
    let language = fields.parsed("language", parse_language);
    let user_id = fields.finish(user_id)?;
    let change = UserChange { email: named.then_some(email), language };
    let cx = principal.request_context(&app.context);
    let changed = app.context.store.write(move |tx| {
        let mut cx = cx.clone();
        let before = service::user_known(tx, &user_id)?;
        let after = service::user_change(tx, &mut cx, &user_id, &change)?;
        service::contact_record(tx, &mut cx, before.as_ref(), &after)?;
        let answer = UserJson::from(after);
        if before.is_some() {
            read_only.check(&answer)?
        } else {
            read_only.check_new(&answer)?
        }
        Ok::<_, Problem>(answer)
    });
    Ok(json(StatusCode::OK, &Answer::of(changed.await?)))
}

/// Freeze a user: nothing is spent, asked for or begun to be paid. Coins may still come in.
#[utoipa::path(post, path = "/api/coins/users/freeze/", tag = "coins: staff", params(
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = Answer<UserJson>)))]
pub(super) async fn coins_user_freeze(
    State(app): State<Arc<Coins>>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    decided(&app, request, &USER_FREEZE, "User frozen successfully.").await
}

/// Let a frozen user spend and withdraw again.
#[utoipa::path(post, path = "/api/coins/users/unfreeze/", tag = "coins: staff", params(
    ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key gets the first answer."),
), responses((status = 200, body = Answer<UserJson>)))]
pub(super) async fn coins_user_unfreeze(
    State(app): State<Arc<Coins>>,
    request: CommandRequest,
) -> Result<Response, Problem> {
    decided(&app, request, &USER_UNFREEZE, "User unfrozen successfully.").await
}

/// Whom a request is about, by the application's name for them.
pub(super) fn named() -> FormField<UserId> {
    FormField::parsed("user_id", "User", "The application's name for the user, 1 to 500 characters.", UserId::parse)
}

/// Runs a command on the user whom the body names.
async fn decided<C: TypedCommand<Coins, Applied = CoinUser>>(
    app: &Arc<Coins>,
    request: CommandRequest,
    command: &'static C,
    message: &'static str,
) -> Result<Response, Problem> {
    let fields = request.fields(false)?;
    let entered = fields.on_record();
    let (user_id, input) = Form::of(named()).and(command.form(app)).read(fields)?;
    let known = app.context.store.read(move |tx| service::user_known(tx, &user_id)).await?;
    let id = known.ok_or(Error::NoUser)?.id;
    let answer = move |_: &Coins, _: &mut WriteTx<'_>, user| Ok(Answer::with(message, UserJson::from(user)));
    request.run_with(app, command, Some(id), (input, entered), StatusCode::OK, answer).await
}

/// A language by its code.
pub(crate) fn parse_language(text: &str) -> Result<Language, Rule> {
    Language::parse(text).ok_or_else(|| Rule::new("unknown_value", "be en or hi"))
}
