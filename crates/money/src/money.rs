//! An exact amount of one currency.

use std::cmp::Ordering;
use std::fmt;

use crate::Currency;
use crate::parse::{AmountError, parse_minor};
use crate::rate::{Rate, Rounding, divide};

/// A whole number of a currency's minor units, negative ones included. Amounts of different currencies are neither
/// ordered nor added.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount in minor units: `Money::new(45_000, INR)` is ₹450.00.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Money { minor, currency }
    }

    /// Nothing.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Money::new(0, currency)
    }

    /// Reads an exact decimal, as JSON writes numbers but without an exponent: `100`, `100.00`, `-0.5`. At most as many
    /// decimals as the currency has, and 15 digits before the point.
    ///
    /// # Errors
    /// The rule that the text breaks.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        parse_minor(text, currency).map(|minor| Money::new(minor, currency))
    }

    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// What it is counted in.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// More than zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// Exactly zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum; `None` for two currencies, or past 64 bits.
    #[must_use]
    pub fn checked_add(self, other: Money) -> Option<Money> {
        let minor = self.minor.checked_add(other.minor)?;
        (self.currency == other.currency).then_some(Money::new(minor, self.currency))
    }

    /// The difference; `None` for two currencies, or past 64 bits.
    #[must_use]
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        let minor = self.minor.checked_sub(other.minor)?;
        (self.currency == other.currency).then_some(Money::new(minor, self.currency))
    }

    /// The same amount the other way; `None` for the one number whose negative does not fit 64 bits.
    #[must_use]
    pub fn checked_neg(self) -> Option<Money> {
        Some(Money::new(self.minor.checked_neg()?, self.currency))
    }

    /// This amount, if it is more than zero.
    ///
    /// # Errors
    /// [`AmountError::NotPositive`].
    pub fn positive(self) -> Result<Money, AmountError> {
        if self.is_positive() { Ok(self) } else { Err(AmountError::NotPositive) }
    }

    /// This amount, if it is `max` or less. An amount of another currency is not.
    ///
    /// # Errors
    /// [`AmountError::OverMaximum`].
    pub fn at_most(self, max: Money) -> Result<Money, AmountError> {
        if self <= max { Ok(self) } else { Err(AmountError::OverMaximum { max }) }
    }

    /// This amount times `rate`, rounded to the minor unit as said; `None` past 64 bits.
    #[must_use]
    pub fn times(self, rate: Rate, rounding: Rounding) -> Option<Money> {
        // 64 by 64 bits fit in 128.
        let product = i128::from(self.minor) * i128::from(rate.numerator());
        let minor = i64::try_from(divide(product, rate.denominator(), rounding)).ok()?;
        Some(Money::new(minor, self.currency))
    }

    /// For people: `₹4,50,000.00`, `-$3,500.00`, `12 COIN`. Rupees are grouped as India does, others by thousands.
    #[must_use]
    pub fn for_people(self) -> String {
        let sign = if self.minor < 0 { "-" } else { "" };
        let bare = self.to_string();
        let bare = bare.trim_start_matches('-');
        let (whole, rest) = bare.split_at(bare.find('.').unwrap_or(bare.len()));
        let bare = format!("{}{rest}", grouped(whole, if self.currency == Currency::INR { 2 } else { 3 }));
        match self.currency.sign() {
            Some(symbol) => format!("{sign}{symbol}{bare}"),
            None => format!("{sign}{bare} {}", self.currency),
        }
    }
}

/// Digits in groups: three before the point, `size` each before those.
fn grouped(digits: &str, size: usize) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 2);
    for (index, digit) in digits.chars().enumerate() {
        let behind = digits.len() - index;
        if index > 0 && behind >= 3 && (behind - 3).is_multiple_of(size) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.minor.cmp(&other.minor))
    }
}

/// The plain decimal with all its decimals, without the currency: `450.00`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let factor = self.currency.factor().unsigned_abs();
        let (major, rest) = (self.minor.unsigned_abs() / factor, self.minor.unsigned_abs() % factor);
        match usize::from(self.currency.scale()) {
            0 => write!(f, "{sign}{major}"),
            scale => write!(f, "{sign}{major}.{rest:0scale$}"),
        }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_shown_with_all_its_decimals() {
        let shown = |minor, currency| Money::new(minor, currency).to_string();
        assert_eq!(shown(45_000, Currency::INR), "450.00");
        assert_eq!(shown(-7, Currency::INR), "-0.07");
        assert_eq!(shown(12, Currency::COIN), "12");
        assert_eq!(shown(i64::MIN, Currency::INR), "-92233720368547758.08");
        assert_eq!(Money::new(-350, Currency::USD).for_people(), "-$3.50");
        assert_eq!(Money::new(12, Currency::COIN).for_people(), "12 COIN");
        let people = |minor, currency| Money::new(minor, currency).for_people();
        assert_eq!(people(99_999, Currency::INR), "₹999.99");
        assert_eq!(people(100_000, Currency::INR), "₹1,000.00");
        assert_eq!(people(-1_234_567_890, Currency::INR), "-₹1,23,45,678.90");
        assert_eq!(people(1_234_567_890, Currency::USD), "$12,345,678.90");
        assert_eq!(people(1_234_567, Currency::COIN), "1,234,567 COIN");
    }

    #[test]
    fn two_currencies_are_neither_added_nor_ordered() {
        let (rupees, dollars) = (Money::new(1, Currency::INR), Money::new(1, Currency::USD));
        assert_eq!(rupees.checked_add(dollars), None);
        assert_eq!(rupees.partial_cmp(&dollars), None);
        assert_ne!(rupees, dollars);
        assert_eq!(Money::new(i64::MAX, Currency::INR).checked_add(rupees), None);
    }

    #[test]
    fn an_amount_is_held_to_its_rules() {
        let rupees = |minor| Money::new(minor, Currency::INR);
        assert_eq!(rupees(1).positive(), Ok(rupees(1)));
        for minor in [0, -1, i64::MIN] {
            assert_eq!(rupees(minor).positive(), Err(AmountError::NotPositive));
        }
        let max = rupees(1_000_000);
        assert_eq!(max.at_most(max), Ok(max));
        assert_eq!(rupees(1_000_001).at_most(max), Err(AmountError::OverMaximum { max }));
        assert_eq!(Money::new(1, Currency::USD).at_most(max), Err(AmountError::OverMaximum { max }));
        assert_eq!(AmountError::OverMaximum { max }.rule(), "be at most 10000.00");
    }

    #[test]
    fn every_amount_but_the_lowest_has_a_negative() {
        assert_eq!(Money::new(5, Currency::INR).checked_neg(), Some(Money::new(-5, Currency::INR)));
        assert_eq!(Money::new(i64::MIN, Currency::INR).checked_neg(), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same(minor in -99_999_999_999_999_999_i64..=99_999_999_999_999_999) {
            let money = Money::new(minor, Currency::INR);
            prop_assert_eq!(Money::parse(&money.to_string(), Currency::INR), Ok(money));
        }
    }
}
