//! The house's apps. A new one is a folder in apps/ and its lines here.

use std::fmt::Display;
use std::time::Duration;

use jiff::SignedDuration;
use purser_charge::connector::http::{OperatorEndpoint, SharedSecret};
use purser_charge::{CallingCode, Connector};
use purser_coins::HandlePolicy;
use purser_kit::{App, AppContext, Scope};
use purser_ledger::{VerifyReport, verify};
use purser_members::ExpiryPolicy;
use purser_money::{Currency, Money};
use purser_notify::webhook_address;
use purser_store::{Migration, ReadTx};

use crate::cli_error::CliError;
use crate::config::{self, Config};

/// The tables of every room and app, in the order in which they refer to each other.
pub(crate) fn migrations() -> Vec<Migration> {
    let rooms =
        [purser_ledger::MIGRATIONS, purser_identity::MIGRATIONS, purser_outbox::MIGRATIONS, purser_files::MIGRATIONS];
    let apps = [purser_charge::MIGRATIONS, purser_members::MIGRATIONS, purser_coins::MIGRATIONS];
    [rooms.concat(), apps.concat()].concat()
}

/// Every permission there is.
pub(crate) fn scopes() -> Vec<Scope> {
    [purser_web::SYSTEM_SCOPES, purser_charge::SCOPES, purser_members::SCOPES, purser_coins::SCOPES].concat()
}

/// The apps, opened in this house.
pub(crate) fn open(context: &AppContext, config: &Config) -> Result<Vec<App>, CliError> {
    Ok(vec![
        purser_charge::app(context, charge_settings(&config.charge)?, charge_connector(&config.charge)?),
        purser_members::app(context, members_settings(&config.members)?),
        purser_coins::app(context, coins_settings(&config.coins, config.webhook.allow_private)?),
    ])
}

/// The ledger's audit, and that of the apps, on one snapshot.
pub(crate) fn audit(tx: &mut ReadTx<'_>) -> Result<VerifyReport, purser_ledger::Error> {
    let mut report = verify(tx)?;
    let check = purser_charge::credit_check(tx)?;
    if !check.holds() {
        let purser_charge::CreditCheck { granted, left, sold } = check;
        let minor = "in minor units";
        report.problems.push(format!("charge: {granted} granted, but {left} left and {sold} sold ({minor})"));
    }
    report.problems.extend(purser_members::problems(tx)?);
    report.problems.extend(purser_coins::problems(tx)?);
    Ok(report)
}

fn charge_settings(charge: &config::ChargeConfig) -> Result<purser_charge::Settings, CliError> {
    let wrong = |key: &str, value: &str, why: String| CliError::usage(format!("charge.{key} is '{value}': {why}"));
    let currency = currency(&charge.currency).map_err(|why| wrong("currency", &charge.currency, why))?;
    let limit = |key: &str, text: &str| {
        let amount = Money::parse(text, currency).map_err(|error| wrong(key, text, error.to_string()))?;
        if amount.is_positive() { Ok(amount) } else { Err(wrong(key, text, "it must be more than zero".to_owned())) }
    };
    let country = CallingCode::parse(&charge.country_code)
        .map_err(|rule| wrong("country_code", &charge.country_code, format!("it must {}", rule.must)))?;
    let only_known = match charge.unknown_prefix.as_str() {
        "allow" => false,
        "refuse" => true,
        other => return Err(wrong("unknown_prefix", other, "it must be allow or refuse".to_owned())),
    };
    Ok(purser_charge::Settings {
        currency,
        max_sale: limit("max_sale", &charge.max_sale)?,
        max_increase: limit("max_increase", &charge.max_increase)?,
        max_increase_alone: match charge.max_increase_alone.as_str() {
            "" => None,
            amount => Some(limit("max_increase_alone", amount)?),
        },
        country,
        only_known,
    })
}

/// The rules of the pool.
pub(crate) fn members_settings(members: &config::MembersConfig) -> Result<purser_members::Settings, CliError> {
    let wrong = |key: &str, value: &str, why: &str| CliError::usage(format!("members.{key} is '{value}': {why}"));
    let levy = Money::parse(&members.levy, Currency::INR)
        .and_then(Money::positive)
        .map_err(|error| wrong("levy", &members.levy, &error.to_string()))?;
    let policy = ExpiryPolicy::from_name(&members.policy)
        .ok_or_else(|| wrong("policy", &members.policy, "it must be block or arrears"))?;
    Ok(purser_members::Settings { max: members.max, levy, policy })
}

/// The rules of withdrawals.
pub(crate) fn coins_settings(
    coins: &config::CoinsConfig,
    allow_private: bool,
) -> Result<purser_coins::Settings, CliError> {
    let wrong = |key: &str, value: &dyn Display, why: &str| CliError::usage(format!("coins.{key} is '{value}': {why}"));
    let coin_value = Money::parse(&coins.coin_value, Currency::INR)
        .and_then(Money::positive)
        .map_err(|error| wrong("coin_value", &coins.coin_value, &error.to_string()))?;
    if coins.least == 0 {
        return Err(wrong("least", &coins.least, "it must be more than zero"));
    }
    if coins.most < coins.least {
        return Err(wrong("most", &coins.most, "it must not be below coins.least"));
    }
    let handles = HandlePolicy::from_name(&coins.handles)
        .ok_or_else(|| wrong("handles", &coins.handles, "it must be strict or warn"))?;
    let webhook = coins.webhook_url.trim();
    if !webhook.is_empty() {
        webhook_address(webhook, allow_private).map_err(|why| CliError::usage(format!("coins.webhook_url: {why}")))?;
    }
    let limit = |count: u32| (count > 0).then(|| i64::from(count));
    Ok(purser_coins::Settings {
        coin_value,
        least: coins.least.into(),
        most: coins.most.into(),
        per_day: limit(coins.per_day),
        per_month: limit(coins.per_month),
        cool_off: limit(coins.cool_off_hours).map(SignedDuration::from_hours),
        handles,
        webhook: Some(webhook.to_owned()).filter(|address| !address.is_empty()),
    })
}

/// A currency by its code; those with other than two decimals are few.
fn currency(code: &str) -> Result<Currency, String> {
    let scale = match code {
        "COIN" | "JPY" | "KRW" | "VND" | "CLP" | "ISK" | "UGX" | "XAF" | "XOF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    };
    Currency::new(code, scale).map_err(|error| error.to_string())
}

fn charge_connector(charge: &config::ChargeConfig) -> Result<Connector, CliError> {
    match charge.connector.as_str() {
        "instant" => Ok(Connector::Instant),
        "simulator" => Ok(Connector::Simulator),
        "http" => operator(&charge.http).map(Connector::Http),
        other => Err(CliError::usage(format!("charge.connector is '{other}': it must be instant, http or simulator"))),
    }
}

fn operator(http: &config::ChargeHttpConfig) -> Result<OperatorEndpoint, CliError> {
    if !http.url.starts_with("https://") && !http.url.starts_with("http://") {
        return Err(CliError::usage(format!("charge.http.url is '{}': it must be an http(s) address", http.url)));
    }
    if http.secret.len() < 16 {
        return Err(CliError::usage("charge.http.secret must have at least 16 characters"));
    }
    if !(1..=60).contains(&http.timeout_seconds) {
        let seconds = http.timeout_seconds;
        return Err(CliError::usage(format!("charge.http.timeout_seconds is {seconds}: it must be 1 to 60")));
    }
    let timeout = Duration::from_secs(http.timeout_seconds.into());
    let secret = SharedSecret::new(&http.secret).map_err(|error| CliError::machine("charge.http.secret", error))?;
    OperatorEndpoint::new(&http.url, secret, timeout)
        .map_err(|error| CliError::machine("the HTTP client cannot be made", error))
}
