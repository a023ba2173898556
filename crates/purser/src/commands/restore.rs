//! `purser restore`

use std::process::ExitCode;

use purser_ledger::VerifyReport;
use purser_store::Store;
use serde_json::json;

use super::{ledger, print_json};
use crate::backup::{self, BackupProgress, RestorePlan, RestoreReport};
use crate::cli;
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, environment, instance};

pub(super) async fn run(config: &Config, flags: cli::RestoreArgs) -> Result<ExitCode, CliError> {
    let passphrase = match &flags.passphrase_file {
        Some(file) => Some(instance::passphrase_read(file)?),
        None => instance::passphrase(config)?,
    };
    let plan = RestorePlan {
        file: flags.file,
        passphrase,
        options: instance::options(config)?,
        data: config.data.clone(),
        migrations: apps::migrations(),
        audit: apps::audit,
        check: flags.check,
        replace: flags.yes,
        now: environment::clock().now(),
    };
    let json = flags.json;
    let restored = instance::blocking("restore", move || {
        let mut progress = if json { BackupProgress::silent() } else { BackupProgress::visible() };
        backup::restore(&plan, &mut progress)
    });
    let mut restored = restored.await?;
    if !flags.check {
        instance::instance_key_create(config)?;
        // Opened as a server opens it: this is what it will find.
        let store = Store::open(&instance::options(config)?)?;
        let report = store.read(apps::audit).await;
        store.close();
        restored.verdict = Some(report?);
    }
    if json {
        print_json(&as_json(&restored));
    } else {
        print_text(&restored);
    }
    let clean = restored.verdict.as_ref().is_none_or(VerifyReport::is_clean);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print_text(restored: &RestoreReport) {
    let manifest = &restored.manifest;
    println!(
        "the backup of {} is whole: {} rows of {} tables, {} journal entries, {} uploaded files",
        manifest.about.moment,
        manifest.rows(),
        manifest.tables.len(),
        manifest.ledger.entries,
        manifest.files()
    );
    let Some(report) = &restored.verdict else { return };
    println!("it is restored");
    for kept in &restored.kept {
        println!("what stood there before is kept: {kept}");
    }
    for warning in &restored.warnings {
        println!("WARNING: {warning}");
    }
    ledger::print_text(report);
}

fn as_json(restored: &RestoreReport) -> serde_json::Value {
    let manifest = &restored.manifest;
    json!({
        "moment": manifest.about.moment,
        "engine": manifest.about.engine,
        "rows": manifest.rows(),
        "files": manifest.files(),
        "has_key": manifest.has_key(),
        "restored": restored.verdict.is_some(),
        "kept": restored.kept,
        "warnings": restored.warnings,
        "ledger": restored.verdict.as_ref().map(ledger::as_json),
    })
}
