//! `purser backup`

use std::process::ExitCode;

use serde_json::json;

use super::print_json;
use crate::backup::{self, BackupProgress, BackupResult};
use crate::cli;
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{environment, instance};

pub(super) async fn run(config: &Config, flags: cli::BackupArgs) -> Result<ExitCode, CliError> {
    let mut request = instance::backup_request(config, environment::clock().now())?;
    if let Some(file) = &flags.passphrase_file {
        request.passphrase = Some(instance::passphrase_read(file)?);
    }
    if let Some(folder) = flags.out {
        request.folder = folder;
    }
    let json = flags.json;
    let taken = instance::blocking("backup", move || {
        let mut progress = if json { BackupProgress::silent() } else { BackupProgress::visible() };
        backup::take(&request, &mut progress)
    });
    let taken = taken.await?;
    if json {
        print_json(&as_json(&taken));
    } else {
        print_text(&taken);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_text(taken: &BackupResult) {
    let manifest = &taken.manifest;
    println!("{}", taken.path.display());
    println!(
        "{} KiB: {} rows of {} tables, {} journal entries, {} uploaded files; read back and found whole",
        taken.bytes / 1_024,
        manifest.rows(),
        manifest.tables.len(),
        manifest.ledger.entries,
        manifest.files()
    );
    if manifest.has_key() {
        println!("It is sealed, and holds the instance key. Without the passphrase nobody can open it, nor can you.");
    }
    for warning in &taken.warnings {
        println!("WARNING: {warning}");
    }
}

fn as_json(taken: &BackupResult) -> serde_json::Value {
    let manifest = &taken.manifest;
    json!({
        "file": taken.path,
        "bytes": taken.bytes,
        "moment": manifest.about.moment,
        "engine": manifest.about.engine,
        "sealed": manifest.has_key(),
        "rows": manifest.rows(),
        "entries": manifest.ledger.entries,
        "transfers": manifest.ledger.transfers,
        "files": manifest.files(),
        "warnings": taken.warnings,
    })
}
