//! The types that cannot be wrong, and the pure rules.

use jiff::Timestamp;
use purser_identity::Email;
use purser_kit::{Rule, parse_line};
use purser_ledger::{AccountId, AccountPath, EntryId, Error as LedgerError};
use purser_money::{Currency, Money};
use uuid::Uuid;

/// What an operator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many members there may be, expired ones included; 0 for no limit.
    pub max: u32,
    /// What each living member pays when another expires, more than zero.
    pub levy: Money,
    /// What happens where a living member cannot pay.
    pub policy: ExpiryPolicy,
}

impl Settings {
    /// At most 10 members, a levy of ₹1.00, and no expiry while anybody cannot pay.
    #[must_use]
    pub fn standard() -> Self {
        Settings { max: 10, levy: Money::new(100, Currency::INR), policy: ExpiryPolicy::Block }
    }

    /// What wallets are counted in.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.levy.currency()
    }

    /// The most that a wallet may hold: ten digits, the decimals among them.
    #[must_use]
    pub fn most(&self) -> Money {
        Money::new(MOST, self.currency())
    }
}

/// Ten digits of minor units.
const MOST: i64 = 9_999_999_999;

/// What happens to an expiry that a living member cannot pay for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryPolicy {
    /// Nothing happens at all.
    Block,
    /// Whoever cannot pay owes the levy, and pays it from what next comes into the wallet.
    Arrears,
}

impl ExpiryPolicy {
    /// Reads its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "block" => Some(ExpiryPolicy::Block),
            "arrears" => Some(ExpiryPolicy::Arrears),
            _ => None,
        }
    }
}

/// A name: 1 to 100 characters.
pub(crate) fn parse_name(text: &str) -> Result<String, Rule> {
    parse_line(text, 1, 100)
}

/// What makes an address one of a kind.
pub(crate) fn folded(email: &Email) -> String {
    email.as_str().to_ascii_lowercase()
}

/// What a wallet begins with: zero or more, and at most what one may hold.
pub(crate) fn parse_opening(text: &str, settings: &Settings) -> Result<Money, Rule> {
    let rule = |error: purser_money::AmountError| Rule::new(error.code(), error.rule());
    let amount = Money::parse(text, settings.currency()).map_err(rule)?;
    opening(amount, settings)
}

/// The same of an amount that was read already.
pub(crate) fn opening(amount: Money, settings: &Settings) -> Result<Money, Rule> {
    if amount.minor() < 0 {
        return Err(Rule::new("negative", "be zero or more"));
    }
    amount.at_most(settings.most()).map_err(|error| Rule::new(error.code(), error.rule()))
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// Where to write to.
    pub email: String,
    /// Where the wallet is kept.
    pub account: AccountId,
    /// What is in the wallet, holds included.
    pub balance: Money,
    /// How much of that holds have set aside.
    pub held: Money,
    /// Since when the member does not live.
    pub expired_at: Option<Timestamp>,
    /// When the member joined.
    pub created_at: Timestamp,
    /// When the member was last changed.
    pub updated_at: Timestamp,
}

impl Member {
    /// Where the wallet of the member with this id is kept.
    pub(crate) fn wallet_path(id: Uuid) -> Result<AccountPath, LedgerError> {
        AccountPath::new(format!("members:wallet:{id}"))
    }

    /// Whether the member does not live.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.expired_at.is_some()
    }

    /// What can be taken from the wallet now.
    #[must_use]
    pub fn available(&self) -> Money {
        self.balance.checked_sub(self.held).unwrap_or(Money::zero(self.balance.currency()))
    }
}

/// A member who cannot pay, and what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// Who.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// What the wallet has free.
    pub available: Money,
    /// How much more there should be.
    pub missing: Money,
}

/// An expiry, as it was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// Its id.
    pub id: Uuid,
    /// Who expired.
    pub member: Uuid,
    /// What each payer paid.
    pub levy: Money,
    /// How many paid.
    pub payers: i64,
    /// How many could not, and owe it.
    pub debtors: i64,
    /// Who did it.
    pub actor: String,
    /// The entry with a transfer for each payer; none where nobody paid.
    pub entry: Option<EntryId>,
    /// When.
    pub created_at: Timestamp,
    /// When it was reverted, and by whom.
    pub reverted: Option<(Timestamp, String)>,
}

/// How a debt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DebtStatus {
    /// It is owed.
    Open,
    /// It was paid from a top-up.
    Paid,
    /// Its expiry was reverted before it was paid.
    Cancelled,
    /// It was paid, and given back when its expiry was reverted.
    Returned,
}

impl DebtStatus {
    const ALL: [DebtStatus; 4] = [DebtStatus::Open, DebtStatus::Paid, DebtStatus::Cancelled, DebtStatus::Returned];

    /// Its name in the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DebtStatus::Open => "open",
            DebtStatus::Paid => "paid",
            DebtStatus::Cancelled => "cancelled",
            DebtStatus::Returned => "returned",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        DebtStatus::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A levy that a member could not pay when it was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debt {
    /// For which expiry.
    pub expiry: Uuid,
    /// Who owes it.
    pub member: Uuid,
    /// How much.
    pub amount: Money,
    /// How it stands.
    pub status: DebtStatus,
    /// What paid it.
    pub entry: Option<EntryId>,
}

/// `amount` times `count`.
pub(crate) fn times(amount: Money, count: i64) -> Option<Money> {
    Some(Money::new(amount.minor().checked_mul(count)?, amount.currency()))
}

/// "1 member", "412 members".
pub(crate) fn counted(count: i64, one: &str) -> String {
    let widget = grouped(count);
    if count == 1 { format!("{widget} {one}") } else { format!("{widget} {one}s") }
}

/// `100,000`.
fn grouped(count: i64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use purser_kit::parse_email;

    use super::*;

    #[test]
    fn a_wallet_begins_with_zero_to_ten_digits() {
        let settings = Settings::standard();
        let code = |text| parse_opening(text, &settings).map_err(|rule| rule.code);
        assert_eq!(code("0").map(Money::minor), Ok(0));
        assert_eq!(code("99999999.99").map(Money::minor), Ok(9_999_999_999));
        let wrong = [
            ("", "required"),
            ("NaN", "malformed"),
            ("₹100", "malformed"),
            ("1,000", "malformed"),
            ("1e3", "exponent"),
            ("10.005", "too_many_decimals"),
            ("-0.01", "negative"),
            ("100000000.00", "over_maximum"),
            ("9999999999999999999", "too_large"),
        ];
        for (text, expected) in wrong {
            assert_eq!(code(text).err(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_count_is_told_as_people_tell_it() {
        assert_eq!(counted(1, "member"), "1 member");
        assert_eq!(counted(0, "member"), "0 members");
        assert_eq!(counted(100_000, "member"), "100,000 members");
    }

    #[test]
    fn addresses_that_differ_in_case_alone_are_one() {
        let email = |text| parse_email(text).map(|email| folded(&email));
        assert_eq!(email("  Asha.Rao@Example.COM "), email("asha.rao@example.com"));
        assert!(email("asha@@example.com").is_err());
    }
}
