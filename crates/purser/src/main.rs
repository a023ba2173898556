//! `purser`: the whole house in one program.

// Printing is what a command line does.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the command line speaks to people and scripts")]

mod address;
mod apps;
mod backup;
mod channels;
mod cli;
mod cli_error;
mod commands;
mod condition;
mod config;
mod environment;
mod instance;
mod logs;
mod maintenance;
mod retention;
mod settings_record;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Two parts link rustls and neither chooses its cryptography; a second choice is refused, and there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(cli) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("purser: {failure}");
            failure.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, cli_error::CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| cli_error::CliError::machine("the async runtime cannot start", error))?;
    let code = runtime.block_on(commands::run(cli));
    runtime.shutdown_background();
    code
}
