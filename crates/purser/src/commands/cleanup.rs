//! `purser cleanup`

use std::process::ExitCode;

use crate::cli_error::CliError;
use crate::config::Config;
use crate::{backup, cli, instance, retention};

/// Removes what has had its time: backups, what killed ones have left, and what the house does not need any more.
pub(super) async fn run(config: &Config, flags: &cli::CleanupArgs) -> Result<ExitCode, CliError> {
    retention::check(config)?;
    let folder = instance::backup_folder(config);
    let mut gone = backup::partials_remove(&folder, flags.dry_run)?;
    gone.extend(instance::backups_retire(config, flags.dry_run)?);
    let mut gone: Vec<String> = gone.iter().map(|path| path.display().to_string()).collect();
    let context = instance::context(config, instance::store_there(config).await?)?;
    let swept = retention::cleanup(&context, config, flags.dry_run).await;
    context.store.close();
    gone.extend(swept?);
    let verb = if flags.dry_run { "would remove" } else { "removed" };
    for what in &gone {
        println!("{verb} {what}");
    }
    if gone.is_empty() {
        println!("nothing to remove");
    }
    Ok(ExitCode::SUCCESS)
}
