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
use purser_kit::{Caller, Fields, Form, Needs, Problem, Routes, json, next_link};
use purser_store::ReadTx;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) use users::{UserJson, parse_language};
pub(crate) use withdrawals::WithdrawalJson;

use crate::commands;
use crate::contradiction::command::contradiction_commands;
use crate::domain::{User, UserId};
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
    let view = Needs::Own("coins.view");
    Routes::new(&coins.context)
        .refusing(REFUSALS)
        .command(Needs::Own, &commands::WITHDRAWAL_CREATE, routes!(razorpay::razorpay_withdraw))
        .add(view, routes!(razorpay::razorpay_history))
        .add(view, routes!(razorpay::razorpay_status))
        .command(Needs::Own, &commands::WITHDRAWAL_CANCEL, routes!(razorpay::razorpay_cancel))
        .command(Needs::Own, &commands::WITHDRAWAL_CREATE, routes!(withdrawals::withdrawal_create))
        .add(view, routes!(withdrawals::withdrawal_list))
        .add(view, routes!(withdrawals::withdrawal_read))
        .command(Needs::Own, &commands::WITHDRAWAL_CANCEL, routes!(withdrawals::withdrawal_cancel))
        .command(Needs::StaffScope, &commands::COINS_AWARD, routes!(awards::coins_award))
        .command(Needs::StaffScope, &commands::COINS_SPEND, routes!(awards::coins_spend))
        .add(view, routes!(users::coins_balance))
        .add(view, routes!(users::coins_transactions))
        .command(Needs::StaffScope, &commands::USER_CONTACT, routes!(users::coins_user_put))
        .described(
            Needs::StaffScope,
            &USER_FREEZE.spec,
            Form::of(users::named()).and((USER_FREEZE.form)(coins)).shown(),
            routes!(users::coins_user_freeze),
        )
        .described(
            Needs::StaffScope,
            &USER_UNFREEZE.spec,
            Form::of(users::named()).and((USER_UNFREEZE.form)(coins)).shown(),
            routes!(users::coins_user_unfreeze),
        )
        .adapter(Needs::StaffScope, coins.as_ref(), &WITHDRAWAL_PROCESS, routes!(decide::withdrawal_process))
        .adapter(Needs::StaffScope, coins.as_ref(), &WITHDRAWAL_COMPLETE, routes!(decide::withdrawal_complete))
        .adapter(Needs::StaffScope, coins.as_ref(), &WITHDRAWAL_FAIL, routes!(decide::withdrawal_fail))
        .described(
            Needs::StaffScope,
            &WITHDRAWAL_REJECT.spec,
            &any_of((WITHDRAWAL_REJECT.form)(coins).shown()),
            routes!(decide::withdrawal_reject),
        )
        .described(
            Needs::StaffScope,
            &WITHDRAWAL_REVERSE.spec,
            &any_of((WITHDRAWAL_REVERSE.form)(coins).shown()),
            routes!(decide::withdrawal_reverse),
        )
        .adapter(Needs::StaffScope, coins.as_ref(), &UTR_CORRECT, routes!(decide::withdrawal_correct_utr))
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
    fn told(message: &'static str, data: T) -> Result<String, Error> {
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
enum Acting {
    /// For any user: a service.
    Anyone,
    /// For this one alone.
    Only(Uuid),
}

impl Acting {
    /// A key that is tied acts for its user; whoever has the scope, for any; and a person, for the user who they are.
    async fn of(coins: &Coins, caller: &Caller, scope: &str) -> Result<Self, Problem> {
        if let Some(id) = caller.tied_to(USER_TIE) {
            return Ok(Acting::Only(id));
        }
        if caller.has(scope) {
            return Ok(Acting::Anyone);
        }
        let person = caller.person_id().ok_or(Error::Nobody)?;
        let user = coins.context.store.read(move |tx| service::user_of_person(tx, person)).await?;
        Ok(Acting::Only(user.ok_or(Error::Nobody)?.id))
    }

    /// The same for money that leaves: a person has confirmed their address.
    async fn to_pay(coins: &Coins, caller: &Caller, scope: &str) -> Result<Self, Problem> {
        let acting = Acting::of(coins, caller, scope).await?;
        if acting != Acting::Anyone && caller.is_unconfirmed() {
            return Err(Error::Unconfirmed.into());
        }
        Ok(acting)
    }

    /// Whether it may see what is this user's.
    fn may_see(self, owner: Uuid) -> Result<(), Error> {
        match self {
            Acting::Only(id) if id != owner => Err(Error::NoWithdrawal),
            _ => Ok(()),
        }
    }

    /// The user of this name, as far as there is one; `None` for whom the caller is tied to.
    fn user(self, tx: &mut ReadTx<'_>, wanted: Option<&UserId>) -> Result<Option<User>, Error> {
        match (self, wanted) {
            (Acting::Anyone, Some(user_id)) => service::user_known(tx, user_id),
            (Acting::Anyone, None) => Err(Error::NoUser),
            (Acting::Only(id), wanted) => {
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
        if self == Acting::Anyone { fields.required("user_id", user_id).map(Some) } else { Some(user_id) }
    }
}
