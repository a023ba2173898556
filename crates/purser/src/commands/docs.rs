//! `purser openapi` and `purser docs`: what is generated from the routes and the code tables.

use std::path::PathBuf;
use std::process::ExitCode;

use purser_kit::{AppContext, code};

use super::serve;
use crate::cli::DocsCommand;
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, instance};

pub(super) async fn openapi(config: &Config) -> Result<ExitCode, CliError> {
    let (context, _folder) = scratch(config).await?;
    let apps = apps::open(&context, config)?;
    print!("{}", purser_web::openapi_json(&serve::documented(config, &context, apps)?.openapi));
    context.store.close();
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn run(config: &Config, command: &DocsCommand) -> Result<ExitCode, CliError> {
    let DocsCommand::Errors = command;
    let (context, _folder) = scratch(config).await?;
    let apps = apps::open(&context, config)?;
    let tables: Vec<_> = apps.iter().filter(|app| !app.codes.is_empty()).map(|app| (app.title, app.codes)).collect();
    print!("{}", code::document(&tables));
    context.store.close();
    Ok(ExitCode::SUCCESS)
}

/// Routes belong to an open house, so one is opened in a folder that goes away again: documentation is printed without
/// touching anybody's data.
async fn scratch(config: &Config) -> Result<(AppContext, Folder), CliError> {
    let folder = Folder::create()?;
    let config = Config { data: folder.0.clone(), database_url: String::new(), ..config.clone() };
    let context = instance::context(&config, instance::store_migrated(&config).await?)?;
    Ok((context, folder))
}

struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self, CliError> {
        let name: String = crate::environment::random_16().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = crate::environment::temporary_folder().join(format!("purser-{name}"));
        std::fs::create_dir(&path).map_err(|error| CliError::machine("no temporary folder", error))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
