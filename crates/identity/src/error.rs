//! What identity refuses, told apart by what the caller should do next.

use purser_store::Error as StoreError;
use uuid::Uuid;

/// A command that was refused. Nothing of it happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A text is missing, too long, or breaks another rule.
    #[error("{field} must be {rule}")]
    BadField {
        /// Which one.
        field: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// There is no API key with this id.
    #[error("there is no such API key")]
    NoKey,
    /// The API key was revoked before.
    #[error("the API key is revoked already")]
    KeyRevoked,
    /// There is no user with this id.
    #[error("there is no user {0}")]
    NoUser(Uuid),
    /// Somebody has this username, perhaps in other letter case.
    #[error("the username '{0}' is taken")]
    UsernameTaken(String),
    /// Somebody has this email address, perhaps in other letter case.
    #[error("the email address '{0}' is taken")]
    EmailTaken(String),
    /// There is a superuser, so no set-up link is due.
    #[error("there is a superuser already")]
    SuperuserExists,
    /// The set-up link was used, replaced, or is older than a day.
    #[error("the set-up link is not valid any more")]
    SetupOver,
    /// Somebody else has this mobile number.
    #[error("somebody else has this mobile number")]
    MobileTaken,
    /// Nobody who may do everything could sign in any more.
    #[error("this is the last superuser who may sign in; make another one first")]
    LastSuperuser,
    /// The mailed link was used, replaced, or is too old.
    #[error("the link is not valid any more")]
    LinkOver,
    /// There is a second factor already.
    #[error("the second factor is on already")]
    SecondFactorOn,
    /// There is no second factor, or not the one that was meant.
    #[error("there is no such second factor")]
    NoSecondFactor,
    /// What was sealed does not open with this instance key.
    #[error("what was sealed does not open: was the instance key changed?")]
    Seal,
    /// The password could not be hashed: the cost is out of bounds, or the memory is short.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
