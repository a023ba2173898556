//! `purser migrate plan` and `purser migrate apply`

use std::process::ExitCode;

use purser_store::{MigrationState, MigrationStep};

use crate::cli::MigrateCommand;
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, environment, instance};

pub(super) async fn run(config: &Config, command: &MigrateCommand) -> Result<ExitCode, CliError> {
    let store = instance::store(config)?;
    let steps = match command {
        MigrateCommand::Plan => store.migrate_plan(apps::migrations()).await?,
        MigrateCommand::Apply => store.migrate(apps::migrations(), environment::clock().now()).await?,
    };
    for step in &steps {
        println!("{:9} {}/{:04}_{}", state(step), step.migration.room, step.migration.number, step.migration.name);
    }
    store.close();
    Ok(ExitCode::SUCCESS)
}

fn state(step: &MigrationStep) -> &'static str {
    match step.state {
        MigrationState::Present => "present",
        MigrationState::Pending => "pending",
        MigrationState::Applied => "applied",
    }
}
