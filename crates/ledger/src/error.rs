//! Why the ledger refuses, as values that a caller can act on.

use purser_money::Money;
use purser_store::Error as StoreError;
use uuid::Uuid;

use crate::{AccountId, EntryId, HoldStatus};

/// A refusal. The command it came from changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No account has this id.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    /// The path is not one: see [`crate::AccountPath`].
    #[error("'{path}' is not an account path: {rule}")]
    BadPath {
        /// What was given.
        path: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// An account with this path exists, with another currency, kind or floor.
    #[error("the account {0} exists already, with another currency, kind or floor")]
    PathTaken(String),
    /// The amount is zero or negative.
    #[error("an amount must be more than zero, not {0}")]
    NotPositive(Money),
    /// The amount's currency is not the account's.
    #[error("account {account} keeps {expected}, not {found}")]
    WrongCurrency {
        /// The account.
        account: AccountId,
        /// The code of its currency.
        expected: String,
        /// The code of the amount's.
        found: String,
    },
    /// Debit and credit are the same account.
    #[error("account {0} cannot be debited and credited by the same transfer")]
    SameAccount(AccountId),
    /// An entry without transfers.
    #[error("a journal entry needs at least one transfer")]
    EmptyEntry,
    /// A text of an entry or a hold is missing, or longer than the schema allows.
    #[error("the {field} must have {min} to {max} characters")]
    BadText {
        /// Which text.
        field: &'static str,
        /// The fewest characters.
        min: usize,
        /// The most.
        max: usize,
    },
    /// The account is frozen: nothing new starts on it.
    #[error("account {0} is frozen")]
    Frozen(AccountId),
    /// The account is closed.
    #[error("account {0} is closed")]
    Closed(AccountId),
    /// The account still holds something, so it cannot be closed.
    #[error("account {0} is not empty")]
    NotEmpty(AccountId),
    /// What is available would pass the floor.
    #[error("account {account} has {available} available, which does not cover {needed}")]
    Insufficient {
        /// The account.
        account: AccountId,
        /// What could be taken: balance − held − floor.
        available: Money,
        /// What was asked for.
        needed: Money,
    },
    /// The balance would leave the range of 64-bit minor units.
    #[error("the balance of account {0} would be too large to keep")]
    TooLarge(AccountId),
    /// No journal entry has this id.
    #[error("there is no journal entry {0}")]
    NoEntry(EntryId),
    /// The entry was reversed before.
    #[error("journal entry {entry} was reversed already, by {by}")]
    AlreadyReversed {
        /// The entry.
        entry: EntryId,
        /// The entry that reversed it.
        by: EntryId,
    },
    /// The entry is itself a reversal; post the original again instead.
    #[error("journal entry {0} is itself a reversal")]
    IsReversal(EntryId),
    /// No hold has this id.
    #[error("there is no hold {0}")]
    NoHold(Uuid),
    /// The hold was settled before.
    #[error("hold {hold} is {status} already")]
    HoldSettled {
        /// The hold.
        hold: Uuid,
        /// How it ended.
        status: HoldStatus,
    },
    /// More than the hold has set aside.
    #[error("the hold has {held} set aside, less than {asked}")]
    HoldTooSmall {
        /// The hold's amount.
        held: Money,
        /// What was to be captured.
        asked: Money,
    },
    /// The idempotency key came before with another request.
    #[error("the idempotency key '{0}' was used before for another request")]
    KeyReused(String),
    /// An invariant of this program does not hold. The command is rolled back; the log says which one.
    #[error("an invariant of the program does not hold: {0}")]
    Bug(&'static str),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
