//! What can go wrong with a transaction, told apart by what the caller should do next.

use crate::LogDamage;

/// A failed transaction. Unless it says otherwise, nothing of the command happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many commands are waiting; nothing was done. Try again in a moment.
    #[error("too many commands are waiting; nothing was done, try again in a moment")]
    Busy,
    /// The store is shutting down; nothing was done.
    #[error("the store is shutting down; nothing was done")]
    Closed,
    /// A UNIQUE or PRIMARY KEY constraint refused the row.
    #[error("a row with the same key exists already ({constraint})")]
    Unique {
        /// The constraint's name (PostgreSQL) or its columns (SQLite): for the log, not for deciding.
        constraint: String,
    },
    /// A FOREIGN KEY constraint refused the row.
    #[error("a row that this one refers to is missing, or is still referred to")]
    ForeignKey,
    /// A CHECK or NOT NULL constraint refused the row.
    #[error("a row breaks the rule {constraint}")]
    Check {
        /// The constraint's name, or its expression: for the log, not for deciding.
        constraint: String,
    },
    /// Other transactions kept changing the same rows, however often this one was retried.
    #[error("other commands kept changing the same rows; nothing was done, try again")]
    Conflict,
    /// The disk, or the quota on it, is full.
    #[error("the database's disk is full; nothing was done")]
    Full,
    /// The engine met a page that does not hold what it must. Nothing was done.
    #[error("the database is damaged ({0}): `purser doctor` says where; `purser restore` brings a backup back")]
    Damaged(String),
    /// The database cannot be reached, or refuses work. Nothing was done.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database file is gone while its log is there. Nothing was touched.
    #[error(
        "the database file {database} is {how}, but {log} is there and may hold what the database lacks; nothing was \
         touched. Put the database file back beside it, or bring a backup back with `purser restore`. To begin with an \
         empty database instead, move {log} and what stands beside it away"
    )]
    LogAlone {
        /// The database file.
        database: String,
        /// "missing" or "empty".
        how: &'static str,
        /// What stands there without it.
        log: String,
    },
    /// The log is damaged where acknowledged work stands. Nothing was touched.
    #[error(
        "the log of the database {database} is damaged: behind {} good frames stand {} of {} acknowledged commits that \
         would be lost; nothing was touched. `purser repair` {}; `purser restore` brings a backup back",
        damage.good_frames, damage.lost_frames, damage.lost_commits,
        if damage.recoverable { "recovers all of them" } else { "keeps what stands before the damage" }
    )]
    LogDamaged {
        /// The database file.
        database: String,
        /// How much.
        damage: LogDamage,
    },
    /// The connection was lost while the commit was under way: it happened whole or not at all, and only a look at the
    /// database will tell which. Repeat with the same idempotency key.
    #[error("the connection was lost during the commit, so the outcome is not known: {0}")]
    Unknown(String),
    /// The command panicked. It was rolled back, and nobody else's was.
    #[error("the command failed unexpectedly and was rolled back")]
    Panicked,
    /// The command has said that it is bulk, and is begun anew as such: see [`crate::ReadTx::bulk`]. Nobody else sees this.
    #[error("the command is begun anew")]
    Bulk,
    /// A statement of this transaction failed earlier, so it can only be rolled back.
    #[error("the transaction had failed already")]
    Aborted,
    /// A text has a NUL character in it, which PostgreSQL cannot keep and SQLite therefore may not.
    #[error("a text must not contain a NUL character")]
    Nul,
    /// A query that must find exactly one row found none, or more than one.
    #[error("expected exactly one row, found {found}")]
    NotOne {
        /// How many rows came back, counted up to two.
        found: usize,
    },
    /// A column does not hold what the code expects of it.
    #[error("column {index}: expected {expected}, found {found}")]
    Column {
        /// The column's position in the row, from 0.
        index: usize,
        /// What the code asked for.
        expected: &'static str,
        /// What the row holds.
        found: &'static str,
    },
    /// The schema is not what this program expects, or cannot be made so.
    #[error("migration: {0}")]
    Migration(String),
    /// Anything else that an engine refuses: a mistake in our SQL, or a damaged database.
    #[error("database error: {0}")]
    Engine(String),
}

impl Error {
    /// Whether the engine, not the command, is at fault: the same command may do better later.
    pub(crate) fn is_trouble(&self) -> bool {
        matches!(
            self,
            Error::Busy
                | Error::Closed
                | Error::Conflict
                | Error::Full
                | Error::Damaged(_)
                | Error::Unavailable(_)
                | Error::Unknown(_)
                | Error::Bulk
        )
    }
}
