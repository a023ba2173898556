//! What the command line can do, a file each.

mod backup;
mod cleanup;
mod coins;
mod config;
mod connections;
mod dead_letter;
mod demo;
mod docs;
mod doctor;
mod import;
mod key;
mod ledger;
mod migrate;
mod repair;
mod restore;
mod run;
mod serve;
mod user;
mod worker;

use std::io::Write as _;
use std::process::ExitCode;

use purser_kit::AppContext;
use purser_kit::console::RequestContext;
use uuid::Uuid;

use crate::cli::{Cli, CliCommand};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::environment;

/// Tells something on standard output. Where nobody can read it, or the disk that it goes to is full, a server goes on.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Runs one command to its exit code.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode, CliError> {
    let environment = environment::environment();
    let settings = Config::load(&cli.place, &environment)?;
    match cli.command {
        CliCommand::Serve(flags) => serve::run(settings, &flags, &environment).await,
        CliCommand::Worker => worker::run(&settings, &environment).await,
        CliCommand::Migrate(command) => migrate::run(&settings, &command).await,
        CliCommand::User(command) => user::run(&settings, command).await,
        CliCommand::Key(command) => key::run(&settings, command).await,
        CliCommand::DeadLetter(command) => dead_letter::run(&settings, command).await,
        CliCommand::Coins(command) => coins::run(&settings, command).await,
        CliCommand::Run(flags) => run::run(&settings, flags).await,
        CliCommand::Ledger(command) => ledger::run(&settings, &command).await,
        CliCommand::Backup(flags) => backup::run(&settings, flags).await,
        CliCommand::Restore(flags) => restore::run(&settings, flags).await,
        CliCommand::Repair(flags) => repair::run(&settings, &flags).await,
        CliCommand::Cleanup(flags) => cleanup::run(&settings, &flags).await,
        CliCommand::Import(command) => import::run(&settings, command).await,
        CliCommand::Config => config::run(&settings),
        CliCommand::Doctor(flags) => doctor::run(&settings, &flags).await,
        CliCommand::Openapi => docs::openapi(&settings).await,
        CliCommand::Docs(command) => docs::run(&settings, &command).await,
    }
}

/// Who the journal and the audit log say has done it.
const ACTOR: &str = "system:command-line";

/// Whoever sits at the command line, now.
fn request_context(context: &AppContext) -> RequestContext {
    let (now, seed) = context.stamp();
    RequestContext::new(now, ACTOR.to_owned(), Uuid::nil(), seed)
}

/// Prints a JSON value on one line, for scripts.
fn print_json(value: &serde_json::Value) {
    println!("{value}");
}
