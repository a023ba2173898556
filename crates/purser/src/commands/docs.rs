//! `purser openapi` and `purser docs`: what is generated from the routes and the code tables.

use std::path::PathBuf;
use std::process::ExitCode;

use purser_kit::{AppContext, code};

use super::serve;
use crate::cli::Docs;
use crate::config::Config;
use crate::failure::Failure;
use crate::{apps, house};

pub(super) async fn openapi(config: &Config) -> Result<ExitCode, Failure> {
    let (context, _folder) = scratch(config).await?;
    let apps = apps::open(&context, config)?;
    print!("{}", purser_web::openapi_json(&serve::documented(config, &context, apps)?.openapi));
    context.store.close();
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn run(config: &Config, command: &Docs) -> Result<ExitCode, Failure> {
    let Docs::Errors = command;
    let (context, _folder) = scratch(config).await?;
    let apps = apps::open(&context, config)?;
    let tables: Vec<_> = apps.iter().filter(|app| !app.codes.is_empty()).map(|app| (app.title, app.codes)).collect();
    print!("{}", code::document(&tables));
    context.store.close();
    Ok(ExitCode::SUCCESS)
}

/// Routes belong to an open house, so one is opened in a folder that goes away again: documentation is printed without
/// touching anybody's data.
async fn scratch(config: &Config) -> Result<(AppContext, Folder), Failure> {
    let folder = Folder::create()?;
    let config = Config { data: folder.0.clone(), database_url: String::new(), ..config.clone() };
    let context = house::context(&config, house::store_migrated(&config).await?)?;
    Ok((context, folder))
}

struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self, Failure> {
        let name: String = crate::edge::random_16().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = crate::edge::temporary_folder().join(format!("purser-{name}"));
        std::fs::create_dir(&path).map_err(|error| Failure::machine("no temporary folder", error))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
