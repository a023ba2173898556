//! `purser migrate plan` and `purser migrate apply`

use std::process::ExitCode;

use purser_store::{MigrationState, MigrationStep};

use crate::cli::Migrate;
use crate::config::Config;
use crate::failure::Failure;
use crate::{apps, edge, house};

pub(super) async fn run(config: &Config, command: &Migrate) -> Result<ExitCode, Failure> {
    let store = house::store(config)?;
    let steps = match command {
        Migrate::Plan => store.migrate_plan(apps::migrations()).await?,
        Migrate::Apply => store.migrate(apps::migrations(), edge::clock().now()).await?,
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
