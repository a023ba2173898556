//! Exact decimals to multiply amounts by.

use crate::Currency;
use crate::parse::{AmountError, parse_minor};

/// An exact decimal with up to 8 decimals: a percentage, a price per coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    /// In units of 10⁻⁸.
    units: i64,
}

/// Units of a rate in one whole.
const WHOLE: i64 = 100_000_000;

/// What becomes of the part that does not fill a minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, halves to the even one: no drift over many roundings.
    HalfEven,
    /// Toward zero.
    Down,
    /// Away from zero.
    Up,
}

impl Rate {
    /// Reads an exact decimal with at most 8 decimals: `0.1`, `1.25`.
    ///
    /// # Errors
    /// The rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let eight = Currency::new("RATE", 8).map_err(|_| AmountError::Malformed)?;
        parse_minor(text, eight).map(|units| Rate { units })
    }

    /// This rate as a percentage: 2.5 becomes 0.025. `None` where that needs more than 8 decimals.
    #[must_use]
    pub fn percent(self) -> Option<Self> {
        (self.units % 100 == 0).then_some(Rate { units: self.units / 100 })
    }

    pub(crate) fn numerator(self) -> i64 {
        self.units
    }

    pub(crate) fn denominator(self) -> i64 {
        WHOLE
    }
}

/// `numerator / denominator`, rounded as said. The denominator is positive.
pub(crate) fn divide(numerator: i128, denominator: i64, rounding: Rounding) -> i128 {
    let denominator = i128::from(denominator);
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let away = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest != 0,
        Rounding::HalfEven => match (rest.abs() * 2).cmp(&denominator) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => quotient % 2 != 0,
        },
    };
    if away { quotient + numerator.signum() } else { quotient }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Money;

    fn times(minor: i64, rate: &str, rounding: Rounding) -> i64 {
        Money::new(minor, Currency::INR).times(Rate::parse(rate).unwrap(), rounding).unwrap().minor()
    }

    #[test]
    fn halves_go_to_the_even_neighbor() {
        for (minor, expected) in [(5, 0), (15, 2), (25, 2), (35, 4), (-5, 0), (-15, -2), (-25, -2), (26, 3)] {
            assert_eq!(times(minor, "0.1", Rounding::HalfEven), expected, "{minor}");
        }
        assert_eq!(times(19, "0.1", Rounding::Down), 1);
        assert_eq!(times(11, "0.1", Rounding::Up), 2);
        assert_eq!(times(-19, "0.1", Rounding::Down), -1);
        assert_eq!(times(-11, "0.1", Rounding::Up), -2);
    }

    #[test]
    fn a_percentage_keeps_its_decimals() {
        assert_eq!(Rate::parse("2.5").unwrap().percent(), Some(Rate::parse("0.025").unwrap()));
        assert_eq!(Rate::parse("0.00000001").unwrap().percent(), None);
    }

    proptest! {
        #[test]
        fn rounding_is_never_off_by_more_than_half(numerator in any::<i64>(), denominator in 1_i64..i64::MAX) {
            let rounded = divide(numerator.into(), denominator, Rounding::HalfEven);
            let error = (rounded * i128::from(denominator) - i128::from(numerator)).abs();
            prop_assert!(error * 2 <= i128::from(denominator));
        }
    }
}
