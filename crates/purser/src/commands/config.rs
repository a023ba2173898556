//! `purser config`

use std::process::ExitCode;

use crate::config::Config;
use crate::failure::Failure;

pub(super) fn run(config: &Config) -> Result<ExitCode, Failure> {
    print!("{}", config.masked()?);
    Ok(ExitCode::SUCCESS)
}
