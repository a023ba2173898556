//! The types that cannot be wrong, and the pure rules.

use jiff::{SignedDuration, Timestamp};
use purser_identity::Email;
use purser_kit::{Rule, parse_line};
use purser_ledger::{AccountId, AccountPath, EntryId, Error as LedgerError};
use purser_money::{Currency, Money};
use purser_outbox::Language;
use uuid::Uuid;

use crate::status::WithdrawalStatus;
use crate::upi::UpiId;
use crate::utr::Utr;

/// What an operator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What one coin is worth, more than zero.
    pub coin_value: Money,
    /// The fewest coins of a withdrawal, more than zero.
    pub least: i64,
    /// The most coins of a withdrawal, at least the fewest.
    pub most: i64,
    /// Coins that one user may ask for in a day of the instance's zone.
    pub per_day: Option<i64>,
    /// The same in a calendar month.
    pub per_month: Option<i64>,
    /// For how long a UPI id that the user has not been paid to before waits for its first payment.
    pub cool_off: Option<SignedDuration>,
    /// What becomes of a UPI id whose handle is not on the list.
    pub handles: HandlePolicy,
    /// Where the calling application hears of changes.
    pub webhook: Option<String>,
}

impl Settings {
    /// 1 coin is ₹0.10, 100 to 100,000 coins a withdrawal, no other limits, only known handles, nobody is called.
    #[must_use]
    pub fn standard() -> Self {
        Settings {
            coin_value: Money::new(10, Currency::INR),
            least: 100,
            most: 100_000,
            per_day: None,
            per_month: None,
            cool_off: None,
            handles: HandlePolicy::Strict,
            webhook: None,
        }
    }

    /// What coins come to in money; `None` past 64 bits.
    #[must_use]
    pub fn worth(&self, coins: i64) -> Option<Money> {
        let minor = self.coin_value.minor().checked_mul(coins)?;
        Some(Money::new(minor, self.coin_value.currency()))
    }
}

/// What becomes of a UPI id whose handle is not on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandlePolicy {
    /// It is refused.
    Strict,
    /// It is taken, and staff see it.
    Warn,
}

impl HandlePolicy {
    /// Reads its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "strict" => Some(HandlePolicy::Strict),
            "warn" => Some(HandlePolicy::Warn),
            _ => None,
        }
    }
}

/// So many coins.
#[must_use]
pub fn coins(count: i64) -> Money {
    Money::new(count, Currency::COIN)
}

/// What an application calls its user: 1 to 500 characters, spaces around them forgiven.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserId(String);

impl UserId {
    /// Reads one.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        parse_line(text, 1, 500).map(UserId)
    }

    /// What a row kept.
    pub(crate) fn from_column(text: String) -> Self {
        UserId(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the user's coins are: `coins:user:<user_id>`, or `coins:user:id:<id>` where the name has characters that
    /// no path has, or too many of them.
    pub(crate) fn path(&self, id: Uuid) -> Result<AccountPath, LedgerError> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"+-_.".contains(&c);
        if self.0.len() <= PLAIN && self.0.bytes().all(plain) {
            AccountPath::new(format!("coins:user:{}", self.0))
        } else {
            AccountPath::new(format!("coins:user:id:{id}"))
        }
    }
}

/// Characters of a user id that fit into a path.
const PLAIN: usize = 150;

/// Somebody who has coins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinUser {
    /// The id.
    pub id: Uuid,
    /// What the application calls them.
    pub user_id: UserId,
    /// Where the coins are.
    pub account: AccountId,
    /// How many there are.
    pub balance: Money,
    /// Where to write to.
    pub email: Option<Email>,
    /// In which language.
    pub language: Language,
    /// The person with an account here who they are.
    pub person: Option<Uuid>,
    /// Who has frozen them, when and why: they neither spend nor withdraw.
    pub frozen: Option<Freeze>,
    /// Since when they are known.
    pub created_at: Timestamp,
}

/// Why somebody is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Who did it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// Coins that somebody asked to have paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The id.
    pub id: Uuid,
    /// Whose, by the id of [`CoinUser`].
    pub owner: Uuid,
    /// Whose, by the application's name.
    pub user_id: UserId,
    /// How many coins.
    pub amount: Money,
    /// What they came to when they were asked for.
    pub rupees: Money,
    /// Whom to pay.
    pub upi_id: UpiId,
    /// Whether its handle was on the list when it was asked for.
    pub handle_known: bool,
    /// How it stands.
    pub status: WithdrawalStatus,
    /// Who asked: a key or a person.
    pub requested_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Before this moment it is not paid.
    pub payable_from: Option<Timestamp>,
    /// What it was begun with.
    pub payout: Option<Uuid>,
    /// Who began to pay it, and when.
    pub processing: Option<(String, Timestamp)>,
    /// The bank's word for the payment.
    pub utr: Option<Utr>,
    /// Who said that it is paid, and when.
    pub completed: Option<(String, Timestamp)>,
    /// Who gave the coins back, and when.
    pub closed: Option<(String, Timestamp)>,
    /// Why they were given back.
    pub reason: Option<String>,
    /// What the user reads.
    pub public_note: Option<String>,
    /// What staff read.
    pub internal_note: Option<String>,
    /// Changes so far.
    pub changes: i64,
    /// The entry that took the coins.
    pub request_entry: EntryId,
    /// The entry that says they are paid.
    pub paid_entry: Option<EntryId>,
}

impl Withdrawal {
    /// What the bank is to pay, no more and no less.
    #[must_use]
    pub fn due(&self) -> Money {
        self.rupees
    }

    /// What the user reads: what staff have written for them, or else why it waits or why the coins are back. One that is
    /// being paid, or is paid, says all by its status and its UTR.
    #[must_use]
    pub fn admin_notes(&self) -> Option<String> {
        if self.public_note.is_some() {
            return self.public_note.clone();
        }
        let reason = self.reason.as_deref().unwrap_or_default();
        match self.status {
            WithdrawalStatus::Pending => Some("Awaiting admin approval".to_owned()),
            WithdrawalStatus::Processing | WithdrawalStatus::Completed => None,
            WithdrawalStatus::Failed => Some(format!("Failed: {reason}")),
            WithdrawalStatus::Cancelled => Some(format!("Cancelled: {reason}")),
            WithdrawalStatus::Rejected => Some(format!("Rejected: {reason}")),
            WithdrawalStatus::Reversed => Some(format!("Returned by the bank: {reason}")),
        }
    }
}

/// What a user's coins came to over time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserTotals {
    /// Coins that were ever awarded.
    pub lifetime: i64,
    /// Coins that were spent in the application.
    pub spent: i64,
    /// Coins that were paid out.
    pub withdrawn: i64,
}

/// Why coins came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovementKind {
    /// The application gave them.
    Award,
    /// The user spent them in the application.
    Spend,
    /// A withdrawal took them.
    Withdrawal,
    /// A withdrawal gave them back.
    Refund,
    /// Staff put something right.
    Adjustment,
}

impl MovementKind {
    const ALL: [MovementKind; 5] = [
        MovementKind::Award,
        MovementKind::Spend,
        MovementKind::Withdrawal,
        MovementKind::Refund,
        MovementKind::Adjustment,
    ];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MovementKind::Award => "award",
            MovementKind::Spend => "spend",
            MovementKind::Withdrawal => "withdrawal",
            MovementKind::Refund => "refund",
            MovementKind::Adjustment => "adjustment",
        }
    }

    /// The kind of its journal entries.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            MovementKind::Award => "coins.award",
            MovementKind::Spend => "coins.spend",
            MovementKind::Withdrawal => "coins.withdrawal",
            MovementKind::Refund => "coins.refund",
            MovementKind::Adjustment => "coins.adjustment",
        }
    }

    /// Reads its word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        MovementKind::ALL.into_iter().find(|movement| movement.name() == name)
    }
}

/// A movement of a user's coins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The id.
    pub id: Uuid,
    /// Whose.
    pub owner: Uuid,
    /// Why.
    pub movement: MovementKind,
    /// How many; negative where they went.
    pub amount: Money,
    /// How many there were afterwards.
    pub balance_after: Money,
    /// Why, in words.
    pub reason: String,
    /// The application's word for it.
    pub reference: Option<String>,
    /// The withdrawal that it belongs to.
    pub withdrawal: Option<Uuid>,
    /// The journal entry.
    pub entry: EntryId,
    /// Who did it.
    pub made_by: String,
    /// When.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_are_worth_what_the_operator_says() {
        let settings = Settings::standard();
        assert_eq!(settings.worth(100).unwrap().to_string(), "10.00");
        assert_eq!(settings.worth(i64::MAX), None);
    }

    #[test]
    fn a_user_is_known_by_1_to_500_characters() {
        assert!(UserId::parse(&"x".repeat(500)).is_ok() && UserId::parse("  ").is_err());
        assert_eq!(UserId::parse(&"x".repeat(501)).unwrap_err().code, "too_long");
        assert_eq!(UserId::parse("a\nb").unwrap_err().code, "malformed");
    }

    #[test]
    fn the_account_of_a_user_has_the_user_s_name_where_a_path_can() {
        let path = |text: &str| UserId::parse(text).unwrap().path(Uuid::nil()).unwrap().to_string();
        assert_eq!(path("asha.rao+1"), "coins:user:asha.rao+1");
        for text in ["Asha", "a:b", "आशा", &"x".repeat(500), "id:x"] {
            assert_eq!(path(text), format!("coins:user:id:{}", Uuid::nil()), "{text}");
        }
    }
}
