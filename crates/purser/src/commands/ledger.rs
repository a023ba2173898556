//! `purser ledger verify`

use std::process::ExitCode;

use purser_ledger::{Totals, Verdict};
use purser_money::{Currency, Money};
use serde_json::json;

use super::print_json;
use crate::cli::Ledger;
use crate::config::Config;
use crate::failure::Failure;
use crate::{apps, house};

pub(super) async fn run(config: &Config, command: &Ledger) -> Result<ExitCode, Failure> {
    let Ledger::Verify { json } = command;
    let store = house::store_there(config).await?;
    let verdict = store.read(apps::audit).await;
    store.close();
    let verdict = verdict?;
    if *json {
        print_json(&as_json(&verdict))
    } else {
        print_text(&verdict)
    }
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(super) fn print_text(verdict: &Verdict) {
    println!("{} journal entries, {} transfers", verdict.entries, verdict.transfers);
    for totals in &verdict.totals {
        println!("{}: {} accounts, {} set aside", totals.currency, totals.accounts, held(totals));
    }
    for problem in &verdict.problems {
        println!("WRONG: {problem}");
    }
    if verdict.is_clean() {
        println!("The books are clean: every balance equals its transfers, and every currency sums to zero.");
    }
}

fn held(totals: &Totals) -> String {
    let currency = Currency::new(&totals.currency, totals.scale);
    currency.map_or_else(|_| totals.held.to_string(), |currency| Money::new(totals.held, currency).for_people())
}

pub(super) fn as_json(verdict: &Verdict) -> serde_json::Value {
    let totals = verdict.totals.iter().map(|totals| {
        json!({ "currency": totals.currency, "accounts": totals.accounts, "sum": totals.sum, "held": totals.held })
    });
    json!({
        "clean": verdict.is_clean(),
        "entries": verdict.entries,
        "transfers": verdict.transfers,
        "totals": totals.collect::<Vec<_>>(),
        "problems": verdict.problems,
    })
}
