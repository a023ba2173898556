//! `purser coins award`, `balance` and `withdrawals`

use std::process::ExitCode;

use purser_coins::service::{Moved, NewMovement, coins_move, user_known, withdrawals_list};
use purser_coins::{Error, MOST_MOVED, Movement, Status, User, UserId, Withdrawal};
use purser_kit::console::Doer;
use purser_kit::{AppContext, Rule, parse_line};
use purser_money::{Currency, Money};
use purser_store::WriteTx;
use serde_json::json;

use super::{doer, print_json};
use crate::apps::coins_settings;
use crate::cli::{Coins, CoinsAward, CoinsWithdrawals};
use crate::config::Config;
use crate::failure::Failure;
use crate::house;

pub(super) async fn run(config: &Config, command: Coins) -> Result<ExitCode, Failure> {
    let context = house::context(config, house::store_there(config).await?)?;
    let done = match command {
        Coins::Award(flags) => award(config, &context, flags).await,
        Coins::Balance { user_id, json } => balance(&context, &user_id, json).await,
        Coins::Withdrawals(flags) => withdrawals(&context, flags).await,
    };
    context.store.close();
    done.map(|()| ExitCode::SUCCESS)
}

fn wrong(name: &str, value: &str, rule: &Rule) -> Failure {
    Failure::usage(format!("{name} is '{value}': it must {}", rule.must))
}

fn user_id(text: &str) -> Result<UserId, Failure> {
    UserId::parse(text).map_err(|rule| wrong("USER_ID", text, &rule))
}

/// The user whom the application calls so, as far as there is one.
pub(super) async fn user(context: &AppContext, text: &str) -> Result<Option<User>, Failure> {
    let user_id = user_id(text)?;
    Ok(context.store.read(move |tx| user_known(tx, &user_id)).await?)
}

async fn award(config: &Config, context: &AppContext, flags: CoinsAward) -> Result<(), Failure> {
    let settings = coins_settings(&config.coins, config.webhook.allow_private)?;
    let line = |name: &str, text: &str, most| parse_line(text, 1, most).map_err(|rule| wrong(name, text, &rule));
    let amount = Money::parse(&flags.amount, Currency::COIN)
        .ok()
        .filter(|amount| (1..=MOST_MOVED).contains(&amount.minor()))
        .ok_or_else(|| {
            Failure::usage(format!("AMOUNT is '{}': it must be a whole number from 1 to {MOST_MOVED}", flags.amount))
        })?;
    let new = NewMovement {
        user_id: user_id(&flags.user_id)?,
        movement: Movement::Award,
        amount,
        reason: line("--reason", &flags.reason, 500)?,
        reference: line("--reference", &flags.reference, 200)?,
    };
    let doer = doer(context);
    let moved = context.store.write(move |tx| {
        let mut doer = doer.clone();
        let moved = coins_move(tx, &settings, &mut doer, &new)?;
        if !moved.repeated {
            note(tx, &mut doer, &moved)?;
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

fn note(tx: &mut WriteTx<'_>, doer: &mut Doer, moved: &Moved) -> Result<(), Error> {
    let one = &moved.transaction;
    let entered = json!({ "amount": one.amount.minor(), "reason": one.reason, "reference": one.reference });
    let subject = format!("coins:users:{}", moved.user.id);
    Ok(doer.record(tx, "coins.award", &subject, &json!({ "entered": entered }))?)
}

async fn balance(context: &AppContext, user_id: &str, json: bool) -> Result<(), Failure> {
    let user = user(context, user_id).await?;
    let balance = user.as_ref().map_or(0, |user| user.balance.minor());
    if json {
        print_json(&json!({ "user_id": user_id, "id": user.map(|user| user.id), "balance": balance }));
    } else {
        println!("{balance}");
    }
    Ok(())
}

async fn withdrawals(context: &AppContext, flags: CoinsWithdrawals) -> Result<(), Failure> {
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
    let found: Vec<Withdrawal> = found.await.map_err(|error: Error| Failure::from(error))?;
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

fn status(text: &str) -> Result<Status, Failure> {
    Status::from_name(text).ok_or_else(|| {
        let names = Status::ALL.map(Status::name).join(", ");
        Failure::usage(format!("--status is '{text}': it must be one of {names}"))
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
