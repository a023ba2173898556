//! Why a command failed, and its exit code.

use std::fmt::Display;
use std::process::ExitCode;

/// What the command line prints before it exits.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command, a flag or the configuration is wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The machine or the database does not play along: exit code 3.
    #[error("{0}")]
    Machine(String),
    /// The embedded database's files do not belong together, or are damaged: exit code 3. It says what to do.
    #[error("{0}")]
    Files(purser_store::Error),
    /// A rule refuses what was asked: exit code 4.
    #[error("{0}")]
    Refused(String),
}

impl CliError {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        CliError::Usage(text.into())
    }

    pub(crate) fn refused(text: impl Display) -> Self {
        CliError::Refused(text.to_string())
    }

    pub(crate) fn machine(what: &str, why: impl Display) -> Self {
        CliError::Machine(format!("{what}: {why}"))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            CliError::Usage(_) => 2,
            CliError::Machine(_) | CliError::Files(_) => 3,
            CliError::Refused(_) => 4,
        })
    }
}

impl From<purser_store::Error> for CliError {
    fn from(error: purser_store::Error) -> Self {
        use purser_store::Error;
        match error {
            Error::LogAlone { .. } | Error::LogDamaged { .. } => CliError::Files(error),
            other => CliError::Machine(other.to_string()),
        }
    }
}

impl From<purser_ledger::Error> for CliError {
    fn from(error: purser_ledger::Error) -> Self {
        match error {
            purser_ledger::Error::Store(error) => error.into(),
            other => CliError::refused(other),
        }
    }
}

impl From<purser_files::Error> for CliError {
    fn from(error: purser_files::Error) -> Self {
        match error {
            purser_files::Error::Store(error) => error.into(),
            other => CliError::machine("the uploaded files", other),
        }
    }
}

impl From<purser_outbox::Error> for CliError {
    fn from(error: purser_outbox::Error) -> Self {
        match error {
            purser_outbox::Error::Store(error) => error.into(),
            other => CliError::refused(other),
        }
    }
}

impl From<purser_coins::Error> for CliError {
    fn from(error: purser_coins::Error) -> Self {
        match error {
            purser_coins::Error::Store(error) => error.into(),
            other => CliError::refused(other),
        }
    }
}

impl From<crate::backup::Error> for CliError {
    fn from(error: crate::backup::Error) -> Self {
        use crate::backup::Error;
        match error {
            Error::Store(error) => error.into(),
            Error::Ledger(error) => error.into(),
            Error::Damaged(_) | Error::Passphrase | Error::Refused(_) => CliError::refused(error),
            Error::Write(_) | Error::File(..) => CliError::Machine(error.to_string()),
        }
    }
}

impl From<purser_identity::Error> for CliError {
    fn from(error: purser_identity::Error) -> Self {
        match error {
            purser_identity::Error::Store(error) => error.into(),
            other => CliError::refused(other),
        }
    }
}
