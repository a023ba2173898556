//! `purser repair`

use std::process::ExitCode;

use purser_ledger::VerifyReport;
use purser_store::{LogDamage, LogRepair, Store};
use serde_json::json;

use super::{ledger, print_json};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, backup, cli, environment, instance};

pub(super) async fn run(config: &Config, flags: &cli::RepairArgs) -> Result<ExitCode, CliError> {
    instance::refuse_unfinished(config)?;
    let options = instance::options(config)?;
    if !flags.yes {
        return Ok(message(Store::log_damage(&options)?.as_ref(), flags.json));
    }
    let Some(repaired) = Store::log_repair(&options, &backup::aside(environment::clock().now()))? else {
        return Ok(message(None, flags.json));
    };
    // Opened as a server opens it: this is what it will find.
    let store = Store::open(&options)?;
    let report = store.read(apps::audit).await;
    store.close();
    let report = report?;
    if flags.json {
        print_json(&as_json(Some(&repaired.damage), &repaired.copy, Some(&report)));
    } else {
        print_text(&repaired, &report);
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Says what is damaged, and that nothing was changed.
fn message(damage: Option<&LogDamage>, json: bool) -> ExitCode {
    if json {
        print_json(&as_json(damage, &[], None));
    } else {
        match damage {
            None => println!("the log is whole, or the database is at work: there is nothing to repair"),
            Some(damage) => {
                println!("the log is damaged behind {} good frames", damage.good_frames);
                println!("{}; --yes does it, and keeps the damaged files", outcome(damage, "can be", "would be"));
            }
        }
    }
    ExitCode::from(u8::from(damage.is_some()))
}

fn outcome(damage: &LogDamage, can: &str, would: &str) -> String {
    let LogDamage { lost_frames, lost_commits, .. } = damage;
    if damage.recoverable {
        return format!(
            "all {lost_commits} commits behind it {can} recovered: each damaged page is known from elsewhere"
        );
    }
    format!(
        "{lost_commits} acknowledged commits ({lost_frames} frames) {would} lost; a backup taken since then holds more"
    )
}

fn print_text(repaired: &LogRepair, report: &VerifyReport) {
    println!("the database is repaired: {}", outcome(&repaired.damage, "were", "are"));
    for kept in &repaired.copy {
        println!("what stood there before is kept: {kept}");
    }
    ledger::print_text(report);
}

fn as_json(damage: Option<&LogDamage>, kept: &[String], report: Option<&VerifyReport>) -> serde_json::Value {
    json!({
        "damaged": damage.is_some(),
        "good_frames": damage.map(|damage| damage.good_frames),
        "lost_frames": damage.map(|damage| damage.lost_frames),
        "lost_commits": damage.map(|damage| damage.lost_commits),
        "recoverable": damage.map(|damage| damage.recoverable),
        "repaired": report.is_some(),
        "kept": kept,
        "ledger": report.map(ledger::as_json),
    })
}
