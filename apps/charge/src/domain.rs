//! The types that cannot be wrong, and the pure rules.

use std::fmt;

use jiff::Timestamp;
use purser_kit::Rule;
use purser_ledger::{AccountId, AccountPath, EntryId, Error as LedgerError};
use purser_money::{Currency, Money};
use purser_outbox::Language;
use uuid::Uuid;

use crate::catalog::{PricedItem, Product};
use crate::numbering_plan::NumberingPlan;

/// What an operator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What credit and charges are counted in.
    pub currency: Currency,
    /// The most that one sale may be.
    pub max_sale: Money,
    /// The most that one credit increase may be.
    pub max_increase: Money,
    /// The most that one person alone may give at a time; more is asked for by one and approved by another.
    pub max_increase_alone: Option<Money>,
    /// The calling code that numbers without one belong to: `91`.
    pub country: CallingCode,
    /// Whether numbers that no operator's prefix fits are refused.
    pub only_known: bool,
}

impl Settings {
    /// Indian rupees, at most 10,000.00 a sale and 1,000,000.00 an increase, numbers of India.
    #[must_use]
    pub fn standard() -> Self {
        Settings {
            currency: Currency::INR,
            max_sale: Money::new(1_000_000, Currency::INR),
            max_increase: Money::new(100_000_000, Currency::INR),
            max_increase_alone: None,
            country: CallingCode::INDIA,
            only_known: false,
        }
    }
}

/// A country's calling code: 1 to 3 digits, not beginning with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallingCode(u16);

impl CallingCode {
    /// India's.
    pub const INDIA: CallingCode = CallingCode(91);

    /// Its digits.
    pub(crate) fn digits(self) -> u16 {
        self.0
    }

    /// Checks a code.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let digits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let code = text.parse().ok().filter(|code| digits && *code > 0 && !text.starts_with('0'));
        code.map(CallingCode).ok_or_else(|| Rule::new("malformed", "be a calling code of 1 to 3 digits, such as 91"))
    }
}

/// Digits of a number in any spelling, at most: 15, a trunk prefix, and `00`.
const MOST_DIGITS: usize = 20;

fn unfit(plan: NumberingPlan) -> Rule {
    let (code, lengths) = (plan.code().0, plan.lengths());
    Rule::new("malformed", format!("have {lengths} digits after the country's code +{code}"))
}

/// A phone number in E.164: `+` and 10 to 15 digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads digits with an optional `+`, spaces, hyphens, dots and brackets between them. With `+` or `00` before it, a
    /// number names its country; without, it is one of `country`, whose code or trunk prefix may stand before it. Its
    /// length is that of a mobile number of its country, so that one customer has one number however it is written.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str, country: CallingCode) -> Result<Self, Rule> {
        let malformed = || Rule::new("malformed", "be a phone number: digits, with a + before them or not");
        let (text, has_plus) = match text.trim().strip_prefix('+') {
            Some(rest) => (rest, true),
            None => (text.trim(), false),
        };
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        if digits.is_empty() || digits.len() > MOST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        let home = NumberingPlan::of(country);
        let abroad = if has_plus { Some(digits.as_str()) } else { digits.strip_prefix("00") };
        let full = match abroad {
            Some(abroad) => {
                let (plan, national) = NumberingPlan::split(abroad, country)
                    .ok_or_else(|| Rule::new("malformed", "begin with the calling code of a country"))?;
                plan.full(national).ok_or_else(|| unfit(plan))?
            }
            None => {
                let with_code = digits.strip_prefix(&country.0.to_string()).and_then(|rest| home.full(rest));
                match (home.full(&digits), with_code) {
                    // Where numbers have several lengths, the first digits may be the code, or the number's own.
                    (Some(_), Some(_)) => {
                        let must =
                            format!("begin with + or with 0: it can be read with and without the code {}", country.0);
                        return Err(Rule::new("ambiguous", must));
                    }
                    (one, other) => one.or(other).ok_or_else(|| unfit(home))?,
                }
            }
        };
        if (10..=15).contains(&full.len()) {
            Ok(PhoneNumber(format!("+{full}")))
        } else {
            Err(Rule::new("malformed", "be a phone number of 10 to 15 digits with its country's code"))
        }
    }

    /// A number that is known to be one: `digits` are ten, of `country`.
    pub(crate) fn of(country: CallingCode, digits: &str) -> Self {
        PhoneNumber(format!("+{}{digits}", country.0))
    }

    /// As it was kept.
    pub(crate) fn from_column(number: String) -> Self {
        PhoneNumber(number)
    }

    /// The text, `+919876543210`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ledger account of what was charged to it.
    pub(crate) fn account(&self) -> Result<AccountPath, LedgerError> {
        AccountPath::new(format!("charge:phone:{}", self.0))
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A seller's own name for a sale: 1 to 100 visible characters and inner spaces.
pub(crate) fn parse_client_ref(text: &str) -> Result<String, Rule> {
    purser_kit::parse_line(text, 1, 100)
}

/// An email address, spaces around it forgiven.
pub(crate) fn parse_email(text: &str) -> Result<String, Rule> {
    purser_kit::parse_email(text).map(|email| email.as_str().to_owned())
}

/// A language by its code.
pub(crate) fn parse_language(text: &str) -> Result<Language, Rule> {
    Language::parse(text).ok_or_else(|| Rule::new("unknown_value", "be en or hi"))
}

/// Whether a seller or a number takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleStatus {
    /// It does.
    Active,
    /// It is stopped for now.
    Frozen,
    /// It is gone, but has a history.
    Inactive,
}

impl LifecycleStatus {
    const ALL: [LifecycleStatus; 3] = [LifecycleStatus::Active, LifecycleStatus::Frozen, LifecycleStatus::Inactive];

    /// Its name in the API and the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LifecycleStatus::Active => "active",
            LifecycleStatus::Frozen => "frozen",
            LifecycleStatus::Inactive => "inactive",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        LifecycleStatus::ALL.into_iter().find(|status| status.name() == name)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Rule> {
        LifecycleStatus::from_name(text).ok_or_else(|| Rule::new("unknown_value", "be active, frozen or inactive"))
    }
}

/// A reseller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// Where to write to it.
    pub email: Option<String>,
    /// Where to call it.
    pub phone: Option<PhoneNumber>,
    /// Below what credit to tell it.
    pub low_credit_alert: Option<Money>,
    /// In which language to write to it.
    pub language: Language,
    /// Whether it may sell.
    pub status: LifecycleStatus,
    /// Where its credit is kept.
    pub account: AccountId,
    /// Credit, holds included.
    pub credit: Money,
    /// How much of it holds have set aside.
    pub held: Money,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
}

impl Seller {
    /// Where the credit of the seller with this id is kept.
    pub(crate) fn account_path(id: Uuid) -> Result<AccountPath, LedgerError> {
        AccountPath::new(format!("charge:seller:{id}:credit"))
    }

    /// Credit less what holds have set aside.
    #[must_use]
    pub fn available(&self) -> Money {
        self.credit.checked_sub(self.held).unwrap_or(Money::zero(self.credit.currency()))
    }
}

/// A phone number that charges are sold to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// Its id.
    pub id: Uuid,
    /// The number.
    pub number: PhoneNumber,
    /// What staff call it.
    pub label: Option<String>,
    /// Whether it may be charged.
    pub status: LifecycleStatus,
    /// Where its charges are kept.
    pub account: AccountId,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
}

/// What a credit transaction does to the credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditKind {
    /// Credit that staff gave.
    Increase,
    /// Credit that staff took: a correction, or an increase taken back.
    Decrease,
}

impl CreditKind {
    /// Its name in the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CreditKind::Increase => "increase",
            CreditKind::Decrease => "decrease",
        }
    }

    /// Its name in the API.
    #[must_use]
    pub fn transaction_type(self) -> &'static str {
        match self {
            CreditKind::Increase => "INCREASE",
            CreditKind::Decrease => "DECREASE",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [CreditKind::Increase, CreditKind::Decrease].into_iter().find(|kind| kind.name() == name)
    }
}

/// Credit that staff gave to a seller, or took from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditTransaction {
    /// Its id.
    pub id: Uuid,
    /// Whose credit.
    pub seller: Uuid,
    /// Given or taken.
    pub kind: CreditKind,
    /// How much, more than zero.
    pub amount: Money,
    /// The seller's credit after it.
    pub credit_after: Money,
    /// The payment that it answers.
    pub reference: Option<String>,
    /// Why it was taken.
    pub reason: Option<String>,
    /// The earlier transaction with the same reference.
    pub repeats: Option<Uuid>,
    /// Whether somebody said that the same reference is meant.
    pub repeat_meant: bool,
    /// The increase that this takes back.
    pub takes_back: Option<Uuid>,
    /// Whether this increase was taken back.
    pub taken_back: bool,
    /// Who did it.
    pub actor: String,
    /// The entry that moved it.
    pub entry: EntryId,
    /// When.
    pub created_at: Timestamp,
}

/// How a credit request stands. pending → approved | rejected | withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestStatus {
    /// Nobody has decided yet.
    Pending,
    /// The credit was given.
    Approved,
    /// Staff turned it down.
    Rejected,
    /// The seller took it back.
    Withdrawn,
}

impl RequestStatus {
    const ALL: [RequestStatus; 4] =
        [RequestStatus::Pending, RequestStatus::Approved, RequestStatus::Rejected, RequestStatus::Withdrawn];

    /// Its name in the API and the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RequestStatus::Pending => "pending",
            RequestStatus::Approved => "approved",
            RequestStatus::Rejected => "rejected",
            RequestStatus::Withdrawn => "withdrawn",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        RequestStatus::ALL.into_iter().find(|status| status.name() == name)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Rule> {
        let must = "be pending, approved, rejected or withdrawn";
        RequestStatus::from_name(text).ok_or_else(|| Rule::new("unknown_value", must))
    }
}

/// Credit that a seller asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditRequest {
    /// Its id.
    pub id: Uuid,
    /// For whom.
    pub seller: Uuid,
    /// How much.
    pub amount: Money,
    /// What it is paid with.
    pub note: Option<String>,
    /// The payment, by its reference: the credit that is given answers it.
    pub reference: Option<String>,
    /// How it stands.
    pub status: RequestStatus,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// The credit that was given for it.
    pub credit: Option<Uuid>,
}

/// How a sale stands.
///
/// submitted → completed | failed | unknown; unknown → completed | failed; completed → reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SaleStatus {
    /// The credit is held, and the operator was or will be asked.
    Submitted,
    /// The operator was asked, and its answer is not known. The hold stays.
    Unknown,
    /// The charge was sold.
    Completed,
    /// The operator refused; the credit was let go.
    Failed,
    /// It was sold and taken back.
    Reversed,
}

impl SaleStatus {
    /// All of them.
    pub const ALL: [SaleStatus; 5] =
        [SaleStatus::Submitted, SaleStatus::Unknown, SaleStatus::Completed, SaleStatus::Failed, SaleStatus::Reversed];

    /// Its name in the API and the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SaleStatus::Submitted => "submitted",
            SaleStatus::Unknown => "unknown",
            SaleStatus::Completed => "completed",
            SaleStatus::Failed => "failed",
            SaleStatus::Reversed => "reversed",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        SaleStatus::ALL.into_iter().find(|status| status.name() == name)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Rule> {
        let must = "be submitted, unknown, completed, failed or reversed";
        SaleStatus::from_name(text).ok_or_else(|| Rule::new("unknown_value", must))
    }

    /// Whether the operator's answer is still awaited.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, SaleStatus::Submitted | SaleStatus::Unknown)
    }
}

/// A charge sold to a phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// Its id; also that of its hold, and the reference that its operator knows it by.
    pub id: Uuid,
    /// Who sold it.
    pub seller: Uuid,
    /// To whom.
    pub number: PhoneNumber,
    /// How much.
    pub amount: Money,
    /// What it is of, and what it comes to.
    pub priced: PricedItem,
    /// How it stands.
    pub status: SaleStatus,
    /// How it is delivered.
    pub connector: String,
    /// The seller's own name for it.
    pub client_ref: Option<String>,
    /// The seller's credit after it was decided.
    pub credit_after: Money,
    /// The operator's name for it.
    pub operator_ref: Option<String>,
    /// Why it failed, is unknown or was reversed.
    pub reason: Option<String>,
    /// The entry that moved the credit.
    pub entry: Option<EntryId>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the operator's answer, or a person's, came.
    pub settled_at: Option<Timestamp>,
}

/// An operator.
#[derive(Debug, Clone)]
pub struct OperatorRow {
    /// Its id.
    pub id: Uuid,
    /// What it is called, 1 to 100 characters.
    pub name: String,
    /// Whether its numbers are sold to.
    pub is_active: bool,
    /// With what its numbers begin, + and country included.
    pub prefixes: Vec<String>,
}

/// A product, and what people call it.
#[derive(Debug, Clone)]
pub struct NamedProduct {
    /// What it is.
    pub product: Product,
    /// Whose.
    pub operator: Uuid,
    /// What that is called.
    pub operator_name: String,
    /// What it is called, 1 to 100 characters.
    pub name: String,
    /// Whether it is sold.
    pub is_active: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_however_it_is_written() {
        let read = |text| PhoneNumber::parse(text, CallingCode::INDIA).map(|number| number.0);
        for text in [
            "9876543210",
            "09876543210",
            "919876543210",
            "+919876543210",
            "00919876543210",
            "+9109876543210",
            "9109876543210",
            "009109876543210",
            "98765 43210",
            "98765-43210",
            " +91 (98765) 43.210 ",
        ] {
            assert_eq!(read(text).as_deref(), Ok("+919876543210"), "{text}");
        }
        assert_eq!(read("1234567890").as_deref(), Ok("+911234567890"), "the documented example");
        assert_eq!(read("9198765432").as_deref(), Ok("+919198765432"), "ten digits are a number, code or not");
        assert_eq!(read("+14155552671").as_deref(), Ok("+14155552671"));
        assert_eq!(read("0014155552671").as_deref(), Ok("+14155552671"));
        assert_eq!(read("+4915123456789").as_deref(), Ok("+4915123456789"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "+",
            "++919876543210",
            "123456789",
            "+12345678",
            "+1234567890123456",
            "+0987654321",
            "९८७६५४३२१०",
            "９８７６５４３２１०",
            "abc",
            "+91abc",
            "1e10",
            "0000000000000000",
            "98765432101",
            "+9198765432101",
            "91919876543210",
            "0919876543210",
            "70123456789",
            "14155552671",
            "+123456789012345",
            "98765+43210",
        ] {
            assert!(PhoneNumber::parse(text, CallingCode::INDIA).is_err(), "{text}");
        }
    }

    #[test]
    fn a_calling_code_is_one_to_three_digits() {
        assert_eq!(CallingCode::parse("91"), Ok(CallingCode::INDIA));
        for text in ["", "0", "091", "1234", "+91", "x"] {
            assert!(CallingCode::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_email_address_can_be_written_to() {
        for text in ["a@b.example", "first.last+tag@sub.domain.in"] {
            assert_eq!(parse_email(text).as_deref(), Ok(text));
        }
        let alike = ["a\u{200b}@b.example", "a＠b.example", "ａ@b.example", "a@b\u{ad}.example", "a..b@c.example"];
        for text in ["", "a", "@b.c", "a@", "a@b", "a@b.", "a@.c", "a b@c.d", "a@b@c.d"].into_iter().chain(alike) {
            assert!(parse_email(text).is_err(), "{text}");
        }
    }
}
