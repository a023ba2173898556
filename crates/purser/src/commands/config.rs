//! `purser config`

use std::process::ExitCode;

use crate::cli_error::CliError;
use crate::config::Config;

pub(super) fn run(config: &Config) -> Result<ExitCode, CliError> {
    print!("{}", config.masked()?);
    Ok(ExitCode::SUCCESS)
}
