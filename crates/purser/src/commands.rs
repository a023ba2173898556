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
use purser_kit::console::Doer;
use uuid::Uuid;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::edge;
use crate::failure::Failure;

/// Tells something on standard output. Where nobody can read it, or the disk that it goes to is full, a server goes on.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Runs one command to its exit code.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let environment = edge::environment();
    let settings = Config::load(&cli.place, &environment)?;
    match cli.command {
        Command::Serve(flags) => serve::run(settings, &flags, &environment).await,
        Command::Worker => worker::run(&settings, &environment).await,
        Command::Migrate(command) => migrate::run(&settings, &command).await,
        Command::User(command) => user::run(&settings, command).await,
        Command::Key(command) => key::run(&settings, command).await,
        Command::DeadLetter(command) => dead_letter::run(&settings, command).await,
        Command::Coins(command) => coins::run(&settings, command).await,
        Command::Run(flags) => run::run(&settings, flags).await,
        Command::Ledger(command) => ledger::run(&settings, &command).await,
        Command::Backup(flags) => backup::run(&settings, flags).await,
        Command::Restore(flags) => restore::run(&settings, flags).await,
        Command::Repair(flags) => repair::run(&settings, &flags).await,
        Command::Cleanup(flags) => cleanup::run(&settings, &flags).await,
        Command::Import(command) => import::run(&settings, command).await,
        Command::Config => config::run(&settings),
        Command::Doctor(flags) => doctor::run(&settings, &flags).await,
        Command::Openapi => docs::openapi(&settings).await,
        Command::Docs(command) => docs::run(&settings, &command).await,
    }
}

/// Who the journal and the audit log say has done it.
const ACTOR: &str = "system:command-line";

/// Whoever sits at the command line, now.
fn doer(context: &AppContext) -> Doer {
    let (now, seed) = context.stamp();
    Doer::new(now, ACTOR.to_owned(), Uuid::nil(), seed)
}

/// Prints a JSON value on one line, for scripts.
fn print_json(value: &serde_json::Value) {
    println!("{value}");
}
