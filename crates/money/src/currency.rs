//! What an amount is counted in.

use std::fmt;

/// The longest code, in letters.
const CODE_MAX: usize = 8;

/// A currency: its code, and how many decimals an amount of it has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    /// Upper-case letters, padded with zeros.
    code: [u8; CODE_MAX],
    scale: u8,
}

/// Why something is not a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurrencyError {
    /// The code breaks its rule.
    #[error("'{0}' is not a currency code: 2 to 8 letters from A to Z")]
    Code(String),
    /// The scale breaks its rule.
    #[error("{0} decimals are too many: a currency has 0 to 8")]
    Scale(u8),
}

impl Currency {
    /// Indian rupees and paise.
    pub const INR: Currency = Currency { code: *b"INR\0\0\0\0\0", scale: 2 };
    /// US dollars and cents.
    pub const USD: Currency = Currency { code: *b"USD\0\0\0\0\0", scale: 2 };
    /// Reward coins, which are not divided.
    pub const COIN: Currency = Currency { code: *b"COIN\0\0\0\0", scale: 0 };

    /// A currency by its code, 2 to 8 letters from A to Z, and its decimals, 0 to 8.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn new(code: &str, scale: u8) -> Result<Self, CurrencyError> {
        let letters = code.as_bytes();
        if !(2..=CODE_MAX).contains(&letters.len()) || !letters.iter().all(u8::is_ascii_uppercase) {
            return Err(CurrencyError::Code(code.chars().take(20).collect()));
        }
        if scale > 8 {
            return Err(CurrencyError::Scale(scale));
        }
        let mut padded = [0; CODE_MAX];
        padded[..letters.len()].copy_from_slice(letters);
        Ok(Currency { code: padded, scale })
    }

    /// Its code, `INR`.
    #[must_use]
    pub fn code(&self) -> &str {
        let length = self.code.iter().position(|letter| *letter == 0).unwrap_or(CODE_MAX);
        // Only ASCII letters are ever put in.
        std::str::from_utf8(&self.code[..length]).unwrap_or_default()
    }

    /// How many decimals an amount of it has.
    #[must_use]
    pub fn scale(&self) -> u8 {
        self.scale
    }

    /// Its sign, where it has one that everybody knows.
    #[must_use]
    pub fn sign(&self) -> Option<&'static str> {
        match self.code() {
            "INR" => Some("₹"),
            "USD" => Some("$"),
            _ => None,
        }
    }

    /// Minor units in one major unit: 100 for two decimals.
    pub(crate) fn factor(&self) -> i64 {
        10_i64.pow(u32::from(self.scale))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.code(), self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_two_to_eight_capital_letters() {
        assert_eq!(Currency::new("INR", 2), Ok(Currency::INR));
        assert_eq!(Currency::new("ABCDEFGH", 8).map(|c| c.code().to_owned()), Ok("ABCDEFGH".to_owned()));
        for bad in ["", "I", "inr", "IN R", "ABCDEFGHI", "ÄÖ"] {
            assert_eq!(Currency::new(bad, 2), Err(CurrencyError::Code(bad.to_owned())));
        }
        assert_eq!(Currency::new("INR", 9), Err(CurrencyError::Scale(9)));
    }
}
