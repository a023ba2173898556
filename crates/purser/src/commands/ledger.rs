//! `purser ledger verify`

use std::process::ExitCode;

use purser_ledger::{CurrencyTotals, VerifyReport};
use purser_money::{Currency, Money};
use serde_json::json;

use super::print_json;
use crate::cli::LedgerCommand;
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, instance};

pub(super) async fn run(config: &Config, command: &LedgerCommand) -> Result<ExitCode, CliError> {
    let LedgerCommand::Verify { json } = command;
    let store = instance::store_there(config).await?;
    let report = store.read(apps::audit).await;
    store.close();
    let report = report?;
    if *json {
        print_json(&as_json(&report))
    } else {
        print_text(&report)
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(super) fn print_text(report: &VerifyReport) {
    println!("{} journal entries, {} transfers", report.entries, report.transfers);
    for totals in &report.totals {
        println!("{}: {} accounts, {} set aside", totals.currency, totals.accounts, held(totals));
    }
    for problem in &report.problems {
        println!("WRONG: {problem}");
    }
    if report.is_clean() {
        println!("The books are clean: every balance equals its transfers, and every currency sums to zero.");
    }
}

fn held(totals: &CurrencyTotals) -> String {
    let currency = Currency::new(&totals.currency, totals.scale);
    currency.map_or_else(|_| totals.held.to_string(), |currency| Money::new(totals.held, currency).for_people())
}

pub(super) fn as_json(report: &VerifyReport) -> serde_json::Value {
    let totals = report.totals.iter().map(|totals| {
        json!({ "currency": totals.currency, "accounts": totals.accounts, "sum": totals.sum, "held": totals.held })
    });
    json!({
        "clean": report.is_clean(),
        "entries": report.entries,
        "transfers": report.transfers,
        "totals": totals.collect::<Vec<_>>(),
        "problems": report.problems,
    })
}
