//! `purser coins award`, `balance` and `withdrawals`

use std::process::ExitCode;

use purser_coins::service::{MovementResult, NewMovement, coins_move, user_known, withdrawals_list};
use purser_coins::{CoinUser, Error, MOST_MOVED, MovementKind, UserId, Withdrawal, WithdrawalStatus};
use purser_kit::console::RequestContext;
use purser_kit::{AppContext, Rule, parse_line};
use purser_money::{Currency, Money};
use purser_store::WriteTx;
use serde_json::json;

use super::{print_json, request_context};
use crate::apps::coins_settings;
use crate::cli::{CoinsAwardArgs, CoinsCommand, CoinsWithdrawalsArgs};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::instance;

pub(super) async fn run(config: &Config, command: CoinsCommand) -> Result<ExitCode, CliError> {
    let context = instance::context(config, instance::store_there(config).await?)?;
    let done = match command {
        CoinsCommand::Award(flags) => award(config, &context, flags).await,
        CoinsCommand::Balance { user_id, json } => balance(&context, &user_id, json).await,
        CoinsCommand::Withdrawals(flags) => withdrawals(&context, flags).await,
    };
    context.store.close();
    done.map(|()| ExitCode::SUCCESS)
}

fn wrong(name: &str, value: &str, rule: &Rule) -> CliError {
    CliError::usage(format!("{name} is '{value}': it must {}", rule.must))
}

fn user_id(text: &str) -> Result<UserId, CliError> {
    UserId::parse(text).map_err(|rule| wrong("USER_ID", text, &rule))
}

/// The user whom the application calls so, as far as there is one.
pub(super) async fn user(context: &AppContext, text: &str) -> Result<Option<CoinUser>, CliError> {
    let user_id = user_id(text)?;
    Ok(context.store.read(move |tx| user_known(tx, &user_id)).await?)
}

async fn award(config: &Config, context: &AppContext, flags: CoinsAwardArgs) -> Result<(), CliError> {
    let settings = coins_settings(&config.coins, config.webhook.allow_private)?;
    let line = |name: &str, text: &str, most| parse_line(text, 1, most).map_err(|rule| wrong(name, text, &rule));
    let amount = Money::parse(&flags.amount, Currency::COIN)
        .ok()
        .filter(|amount| (1..=MOST_MOVED).contains(&amount.minor()))
        .ok_or_else(|| {
            CliError::usage(format!("AMOUNT is '{}': it must be a whole number from 1 to {MOST_MOVED}", flags.amount))
        })?;
    let new = NewMovement {
        user_id: user_id(&flags.user_id)?,
        movement: MovementKind::Award,
        amount,
        reason: line("--reason", &flags.reason, 500)?,
        reference: line("--reference", &flags.reference, 200)?,
    };
    let cx = request_context(context);
    let moved = context.store.write(move |tx| {
        let mut cx = cx.clone();
        let moved = coins_move(tx, &settings, &mut cx, &new)?;
        if !moved.repeated {
            note(tx, &mut cx, &moved)?;
        }
        Ok::<_, Error>(moved)
    });
    let moved = moved.await?;
    let (user_id, balance) = (moved.user.user_id.as_str(), moved.user.balance.minor());
    if flags.json {
        print_json(&json!({
            "user_id": user_id,
            "id": moved.user.id,
            "transaction_id": moved.transaction.id,
            "balance": balance,
            "repeated": moved.repeated,
        }));
    } else if moved.repeated {
        println!("This reference was awarded before, and is not again. {user_id} has {balance} coins.");
    } else {
        println!("{} coins for {user_id}, who has {balance} now.", moved.transaction.amount.minor());
    }
    Ok(())
}

fn note(tx: &mut WriteTx<'_>, cx: &mut RequestContext, moved: &MovementResult) -> Result<(), Error> {
    let one = &moved.transaction;
    let entered = json!({ "amount": one.amount.minor(), "reason": one.reason, "reference": one.reference });
    let subject = format!("coins:users:{}", moved.user.id);
    Ok(cx.record(tx, "coins.award", &subject, &json!({ "entered": entered }))?)
}

async fn balance(context: &AppContext, user_id: &str, json: bool) -> Result<(), CliError> {
    let user = user(context, user_id).await?;
    let balance = user.as_ref().map_or(0, |user| user.balance.minor());
    if json {
        print_json(&json!({ "user_id": user_id, "id": user.map(|user| user.id), "balance": balance }));
    } else {
        println!("{balance}");
    }
    Ok(())
}

async fn withdrawals(context: &AppContext, flags: CoinsWithdrawalsArgs) -> Result<(), CliError> {
    let status = flags.status.as_deref().map(status).transpose()?;
    let wanted = flags.user.as_deref().map(user_id).transpose()?;
    let found = context.store.read(move |tx| {
        let owner = match &wanted {
            Some(user_id) => match user_known(tx, user_id)? {
                Some(user) => Some(user.id),
                None => return Ok(Vec::new()),
            },
            None => None,
        };
        withdrawals_list(tx, owner, status, flags.limit)
    });
    let found: Vec<Withdrawal> = found.await.map_err(|error: Error| CliError::from(error))?;
    if flags.json {
        print_json(&found.iter().map(as_json).collect());
        return Ok(());
    }
    if found.is_empty() {
        println!("There are no such withdrawals.");
    }
    for one in found {
        let (coins, rupees) = (one.amount.minor(), one.rupees.for_people());
        let (status, user_id, upi_id) = (one.status.name(), one.user_id.as_str(), one.upi_id.as_str());
        println!(
            "{}  {:.0}  {status:<10}  {coins:>7} coins  {rupees:>12}  {upi_id}  {user_id}",
            one.id, one.created_at
        );
    }
    Ok(())
}

fn status(text: &str) -> Result<WithdrawalStatus, CliError> {
    WithdrawalStatus::from_name(text).ok_or_else(|| {
        let names = WithdrawalStatus::ALL.map(WithdrawalStatus::name).join(", ");
        CliError::usage(format!("--status is '{text}': it must be one of {names}"))
    })
}

fn as_json(one: &Withdrawal) -> serde_json::Value {
    json!({
        "id": one.id,
        "user_id": one.user_id.as_str(),
        "amount": one.amount.minor(),
        "rupees_amount": one.rupees.to_string(),
        "upi_id": one.upi_id.as_str(),
        "status": one.status.name(),
        "utr": one.utr.as_ref().map(purser_coins::Utr::as_str),
        "created_at": one.created_at.to_string(),
    })
}
