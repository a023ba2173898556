//! `purser backup`

use std::process::ExitCode;

use serde_json::json;

use super::print_json;
use crate::backup::{self, Progress, Taken};
use crate::cli;
use crate::config::Config;
use crate::failure::Failure;
use crate::{edge, house};

pub(super) async fn run(config: &Config, flags: cli::Backup) -> Result<ExitCode, Failure> {
    let mut request = house::backup_request(config, edge::clock().now())?;
    if let Some(file) = &flags.passphrase_file {
        request.passphrase = Some(house::passphrase_read(file)?);
    }
    if let Some(folder) = flags.out {
        request.folder = folder;
    }
    let json = flags.json;
    let taken = house::blocking("backup", move || {
        let mut progress = if json { Progress::silent() } else { Progress::visible() };
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

fn print_text(taken: &Taken) {
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

fn as_json(taken: &Taken) -> serde_json::Value {
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
