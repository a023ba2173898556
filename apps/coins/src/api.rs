//! The JSON routes. Withdrawals answer under two families of paths, as two generations of clients know them.

mod awards;
mod decide;
mod razorpay;
mod users;
mod withdrawals;

use std::sync::Arc;

use axum::extract::OriginalUri;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use purser_kit::console::Field;
use purser_kit::{Access, Fields, Form, Principal, Problem, Routes, json, next_link};
use purser_store::ReadTx;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) use users::{UserJson, parse_language};
pub(crate) use withdrawals::WithdrawalJson;

use crate::commands;
use crate::contradiction::command::contradiction_commands;
use crate::domain::{CoinUser, UserId};
use crate::error::{CODES, Error, REFUSALS};
use crate::handle::command::handle_commands;
use crate::service;
use crate::unmatched::command::unmatched_commands;
use crate::user::command::{USER_FREEZE, USER_UNFREEZE, user_commands};
use crate::withdrawal::command::{
    UTR_CORRECT, WITHDRAWAL_COMPLETE, WITHDRAWAL_FAIL, WITHDRAWAL_PROCESS, WITHDRAWAL_REJECT, WITHDRAWAL_REVERSE,
    withdrawal_commands,
};
use crate::{Coins, USER_TIE};

/// Rows of a list where nothing else is asked for, and the most that may be.
const ROWS: u32 = 50;
const MOST_ROWS: u32 = 100;

pub(crate) fn routes(coins: &Arc<Coins>) -> Routes {
    let view = Access::OwnResource("coins.view");
    Routes::new(&coins.context)
        .refusing(REFUSALS)
        .command(Access::OwnResource, &commands::WITHDRAWAL_CREATE, routes!(razorpay::razorpay_withdraw))
        .add(view, routes!(razorpay::razorpay_history))
        .add(view, routes!(razorpay::razorpay_status))
        .command(Access::OwnResource, &commands::WITHDRAWAL_CANCEL, routes!(razorpay::razorpay_cancel))
        .command(Access::OwnResource, &commands::WITHDRAWAL_CREATE, routes!(withdrawals::withdrawal_create))
        .add(view, routes!(withdrawals::withdrawal_list))
        .add(view, routes!(withdrawals::withdrawal_read))
        .command(Access::OwnResource, &commands::WITHDRAWAL_CANCEL, routes!(withdrawals::withdrawal_cancel))
        .command(Access::StaffScope, &commands::COINS_AWARD, routes!(awards::coins_award))
        .command(Access::StaffScope, &commands::COINS_SPEND, routes!(awards::coins_spend))
        .add(view, routes!(users::coins_balance))
        .add(view, routes!(users::coins_transactions))
        .command(Access::StaffScope, &commands::USER_CONTACT, routes!(users::coins_user_put))
        .described(
            Access::StaffScope,
            &USER_FREEZE.spec,
            Form::of(users::named()).and((USER_FREEZE.form)(coins)).form_fields(),
            routes!(users::coins_user_freeze),
        )
        .described(
            Access::StaffScope,
            &USER_UNFREEZE.spec,
            Form::of(users::named()).and((USER_UNFREEZE.form)(coins)).form_fields(),
            routes!(users::coins_user_unfreeze),
        )
        .adapter(Access::StaffScope, coins.as_ref(), &WITHDRAWAL_PROCESS, routes!(decide::withdrawal_process))
        .adapter(Access::StaffScope, coins.as_ref(), &WITHDRAWAL_COMPLETE, routes!(decide::withdrawal_complete))
        .adapter(Access::StaffScope, coins.as_ref(), &WITHDRAWAL_FAIL, routes!(decide::withdrawal_fail))
        .described(
            Access::StaffScope,
            &WITHDRAWAL_REJECT.spec,
            &any_of((WITHDRAWAL_REJECT.form)(coins).form_fields()),
            routes!(decide::withdrawal_reject),
        )
        .described(
            Access::StaffScope,
            &WITHDRAWAL_REVERSE.spec,
            &any_of((WITHDRAWAL_REVERSE.form)(coins).form_fields()),
            routes!(decide::withdrawal_reverse),
        )
        .adapter(Access::StaffScope, coins.as_ref(), &UTR_CORRECT, routes!(decide::withdrawal_correct_utr))
        .commands("coins", "users", &user_commands(coins), CODES)
        .commands("coins", "withdrawals", &withdrawal_commands(coins), CODES)
        .commands("coins", "contradictions", &contradiction_commands(coins), CODES)
        .commands("coins", "unmatched", &unmatched_commands(coins), CODES)
        .commands("coins", "handles", &handle_commands(coins), CODES)
        .with_state(Arc::clone(coins))
}

/// The same fields, each of which may be left out.
fn any_of(fields: &[Field]) -> Vec<Field> {
    fields.iter().cloned().map(Field::optional).collect()
}

/// What went well.
#[derive(Serialize, ToSchema)]
struct Answer<T> {
    /// Always true: a refusal says false.
    success: bool,
    /// What happened, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    data: T,
}

impl<T: Serialize> Answer<T> {
    fn of(data: T) -> Self {
        Answer { success: true, message: None, data }
    }

    /// The same with what happened.
    fn with(message: &'static str, data: T) -> Self {
        Answer { success: true, message: Some(message), data }
    }

    /// As text, to be kept with its effect.
    fn with_message(message: &'static str, data: T) -> Result<String, Error> {
        let answer = Answer { success: true, message: Some(message), data };
        serde_json::to_string(&answer).map_err(|error| Error::Answer(error.to_string()))
    }
}

/// A page of what one user has many of, newest first.
#[derive(Serialize, ToSchema)]
struct Page<T> {
    /// Always true.
    success: bool,
    user_id: String,
    /// How many this page has.
    count: usize,
    data: Vec<T>,
}

/// Answers with the rows that were found, of which there is one more than is shown where there is a next page.
fn page<R, T: Serialize>(
    uri: &OriginalUri,
    limit: u32,
    (user_id, mut rows): (Option<UserId>, Vec<R>),
    id: impl Fn(&R) -> Uuid,
    shown: impl Fn(R) -> T,
) -> Response {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|last| id(last).to_string());
    let data: Vec<T> = rows.into_iter().map(shown).collect();
    let user_id = user_id.map(|user_id| user_id.as_str().to_owned()).unwrap_or_default();
    let mut response = json(StatusCode::OK, &Page { success: true, user_id, count: data.len(), data });
    if let Some(link) = next.and_then(|next| HeaderValue::from_str(&next_link(uri, &next)).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// For whom the caller may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ActingFor {
    /// For any user: a service.
    Anyone,
    /// For this one alone.
    Only(Uuid),
}

impl ActingFor {
    /// A key that is tied acts for its user; whoever has the scope, for any; and a person, for the user who they are.
    async fn of(coins: &Coins, principal: &Principal, scope: &str) -> Result<Self, Problem> {
        if let Some(id) = principal.bound_to(USER_TIE) {
            return Ok(ActingFor::Only(id));
        }
        if principal.has(scope) {
            return Ok(ActingFor::Anyone);
        }
        let person = principal.person_id().ok_or(Error::Nobody)?;
        let user = coins.context.store.read(move |tx| service::user_of_person(tx, person)).await?;
        Ok(ActingFor::Only(user.ok_or(Error::Nobody)?.id))
    }

    /// The same for money that leaves: a person has confirmed their address.
    async fn to_pay(coins: &Coins, principal: &Principal, scope: &str) -> Result<Self, Problem> {
        let acting = ActingFor::of(coins, principal, scope).await?;
        if acting != ActingFor::Anyone && principal.is_unconfirmed() {
            return Err(Error::Unconfirmed.into());
        }
        Ok(acting)
    }

    /// Whether it may see what is this user's.
    fn may_see(self, owner: Uuid) -> Result<(), Error> {
        match self {
            ActingFor::Only(id) if id != owner => Err(Error::NoWithdrawal),
            _ => Ok(()),
        }
    }

    /// The user of this name, as far as there is one; `None` for whom the caller is tied to.
    fn user(self, tx: &mut ReadTx<'_>, wanted: Option<&UserId>) -> Result<Option<CoinUser>, Error> {
        match (self, wanted) {
            (ActingFor::Anyone, Some(user_id)) => service::user_known(tx, user_id),
            (ActingFor::Anyone, None) => Err(Error::NoUser),
            (ActingFor::Only(id), wanted) => {
                let user = service::user_get(tx, id)?;
                if wanted.is_some_and(|wanted| *wanted != user.user_id) {
                    return Err(Error::NoUser);
                }
                Ok(Some(user))
            }
        }
    }

    /// Reads whom a request is about. Whoever acts for one user alone need not say it.
    fn named(self, fields: &mut Fields<'_>) -> Option<Option<UserId>> {
        let user_id = fields.parsed("user_id", UserId::parse);
        if self == ActingFor::Anyone { fields.required("user_id", user_id).map(Some) } else { Some(user_id) }
    }
}
