//! Reading amounts: exact, and with an error that names the rule.

use crate::{Currency, Money};

/// Digits before the point, at most.
const MAJOR_DIGITS: usize = 15;

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Nothing was sent.
    #[error("an amount must not be empty")]
    Empty,
    /// Not a decimal number: letters, signs, spaces, digits of other scripts, NaN …
    #[error("an amount must be a plain decimal number such as 100.00")]
    Malformed,
    /// An exponent, `1e3`.
    #[error("an amount must be written out, without an exponent")]
    Exponent,
    /// More decimals than the currency has, be they zeros.
    #[error("an amount must have at most {max} decimals")]
    TooManyDecimals {
        /// What the currency has.
        max: u8,
    },
    /// More than 15 digits before the point, or more than 64 bits of minor units.
    #[error("an amount must have at most 15 digits before the point")]
    TooLarge,
    /// Zero or less, where something is to move.
    #[error("an amount must be more than zero")]
    NotPositive,
    /// More than a rule allows, or of another currency than the rule.
    #[error("an amount must be at most {max}")]
    OverMaximum {
        /// What the rule allows.
        max: Money,
    },
}

impl AmountError {
    /// A stable word for it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            AmountError::Empty => "required",
            AmountError::Malformed => "malformed",
            AmountError::Exponent => "exponent",
            AmountError::TooManyDecimals { .. } => "too_many_decimals",
            AmountError::TooLarge => "too_large",
            AmountError::NotPositive => "not_positive",
            AmountError::OverMaximum { .. } => "over_maximum",
        }
    }

    /// The rule, completing "the amount must …".
    #[must_use]
    pub fn rule(self) -> String {
        let sentence = self.to_string();
        sentence.trim_start_matches("an amount must ").to_owned()
    }
}

/// `text` in minor units of `currency`.
pub(crate) fn parse_minor(text: &str, currency: Currency) -> Result<i64, AmountError> {
    if text.is_empty() {
        return Err(AmountError::Empty);
    }
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (major, decimals) = digits.split_once('.').map_or((digits, None), |(major, rest)| (major, Some(rest)));
    check_shape(digits, major, decimals)?;
    let decimals = decimals.unwrap_or_default();
    if decimals.len() > usize::from(currency.scale()) {
        return Err(AmountError::TooManyDecimals { max: currency.scale() });
    }
    if major.len() > MAJOR_DIGITS {
        return Err(AmountError::TooLarge);
    }
    let missing = usize::from(currency.scale()) - decimals.len();
    let digits = major.bytes().chain(decimals.bytes()).chain(std::iter::repeat_n(b'0', missing));
    let minor = digits
        .map(|digit| i64::from(digit - b'0'))
        .try_fold(0_i64, |minor, digit| minor.checked_mul(10)?.checked_add(digit));
    let minor = minor.ok_or(AmountError::TooLarge)?;
    Ok(if negative { -minor } else { minor })
}

/// JSON's grammar of numbers, less the exponent.
fn check_shape(digits: &str, major: &str, decimals: Option<&str>) -> Result<(), AmountError> {
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((mantissa, _)) = digits.split_once(['e', 'E'])
        && all_digits(mantissa.replace('.', "").as_str())
    {
        return Err(AmountError::Exponent);
    }
    let leading_zero = major.len() > 1 && major.starts_with('0');
    if all_digits(major) && decimals.is_none_or(all_digits) && !leading_zero {
        Ok(())
    } else {
        Err(AmountError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_decimals_are_read_exactly() {
        let read = |text| parse_minor(text, Currency::INR);
        assert_eq!(read("100"), Ok(10_000));
        assert_eq!(read("100.0"), Ok(10_000));
        assert_eq!(read("100.00"), Ok(10_000));
        assert_eq!(read("0.07"), Ok(7));
        assert_eq!(read("-1"), Ok(-100));
        assert_eq!(read("0"), Ok(0));
        assert_eq!(read("999999999999999.99"), Ok(99_999_999_999_999_999));
    }

    #[test]
    fn anything_else_is_refused_by_its_rule() {
        let read = |text| parse_minor(text, Currency::INR);
        assert_eq!(read(""), Err(AmountError::Empty));
        for malformed in [
            "NaN",
            "nan",
            "inf",
            "-",
            "+1",
            " 1",
            "1 ",
            "1,000",
            "₹100",
            "abc",
            "--1",
            "1.2.3",
            ".5",
            "5.",
            "007",
            "٣",
            "१००",
            "１００",
            "0x10",
            "1_000",
            "true",
            "null",
            "e",
            "e5",
        ] {
            assert_eq!(read(malformed), Err(AmountError::Malformed), "{malformed}");
        }
        for exponent in ["1e3", "1E3", "1.5e-3", "-2e10"] {
            assert_eq!(read(exponent), Err(AmountError::Exponent), "{exponent}");
        }
        for decimals in ["10.005", "0.000", "1.123456789012345678901234567890"] {
            assert_eq!(read(decimals), Err(AmountError::TooManyDecimals { max: 2 }), "{decimals}");
        }
        let huge = format!("1{}", "0".repeat(30));
        for large in ["1000000000000000", huge.as_str(), "9223372036854775807"] {
            assert_eq!(read(large), Err(AmountError::TooLarge), "{large}");
        }
        assert_eq!(parse_minor("1.5", Currency::COIN), Err(AmountError::TooManyDecimals { max: 0 }));
        assert_eq!(AmountError::TooManyDecimals { max: 2 }.rule(), "have at most 2 decimals");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = parse_minor(&text, Currency::INR);
        }
    }
}
