//! The normal form of a payment's reference: the same form is the same payment.

use unicode_normalization::UnicodeNormalization as _;

use crate::fields::{Rule, parse_line};

/// What is left of a reference without case, spaces and punctuation: letters and digits, in upper case. Letters and digits
/// that only look different (full width, ligatures) are the same; zeros in front are digits like others, because `007`
/// and `7` may be two payments of one bank. Empty where it has no letter and no digit.
#[must_use]
pub fn reference_form(reference: &str) -> String {
    reference.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).nfkc().collect()
}

/// A reference of 1 to 100 characters that names something: it has a letter or a digit.
///
/// # Errors
/// The rule that it breaks.
pub fn parse_reference(text: &str) -> Result<String, Rule> {
    let reference = parse_line(text, 1, 100)?;
    if reference_form(&reference).is_empty() {
        return Err(Rule::new("malformed", "have a letter or a digit"));
    }
    Ok(reference)
}

/// What a spreadsheet has done to a reference that it took for a number, so that digits may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFormat {
    /// It stands in scientific notation: `4.28812E+11`, with a comma as well.
    Scientific,
    /// It has got decimals: `428811902377.00`.
    Decimals,
}

/// Whether a reference has been through a spreadsheet as a number. A reference that only has an E among its digits, such
/// as `12E4567`, has not.
#[must_use]
pub fn reference_as_number(text: &str) -> Option<NumberFormat> {
    let text = text.trim().trim_start_matches(['+', '-']);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, decimals) = match mantissa.split_once(['.', ',']) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (mantissa, None),
    };
    if !digits(whole) || decimals.is_some_and(|decimals| !digits(decimals)) {
        return None;
    }
    match (exponent, decimals) {
        (Some(exponent), decimals) => {
            let signed = exponent.strip_prefix(['+', '-']);
            let good = digits(signed.unwrap_or(exponent));
            (good && (signed.is_some() || decimals.is_some())).then_some(NumberFormat::Scientific)
        }
        (None, Some(decimals)) => {
            (whole.len() >= 4 && decimals.bytes().all(|byte| byte == b'0')).then_some(NumberFormat::Decimals)
        }
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_reference_have_one_form() {
        for text in ["NEFT-004471", "neft 004471", " Neft/00.44_71 ", "ＮＥＦＴ　００４４７１", "neft\u{a0}004471"]
        {
            assert_eq!(reference_form(text), "NEFT004471", "{text}");
        }
        assert_ne!(reference_form("NEFT 4471"), reference_form("NEFT 004471"), "zeros count");
        assert_eq!(reference_form("straße"), reference_form("STRASSE"));
        assert_ne!(reference_form("राम 12"), reference_form("श्याम 12"), "other scripts are letters too");
        assert_eq!(reference_form(" -/. "), "");
    }

    #[test]
    fn what_names_nothing_is_no_reference() {
        assert_eq!(parse_reference(" NEFT 1 ").as_deref(), Ok("NEFT 1"));
        for text in ["", "---", " . ", &"9".repeat(101), "a\u{0}b"] {
            assert!(parse_reference(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_of_a_spreadsheet_is_seen() {
        for text in ["4.28812E+11", "4,28812E+11", "4.28812e+11", " 4E+11 ", "4.28812E11", "-4.2E-3", "+4.2E+11"] {
            assert_eq!(reference_as_number(text), Some(NumberFormat::Scientific), "{text}");
        }
        for text in ["428811902377.00", "428811902377,0"] {
            assert_eq!(reference_as_number(text), Some(NumberFormat::Decimals), "{text}");
        }
        for text in
            ["428811902377", "12E4567", "HDFC1E+5", "4288.1190.2377", "E11", "4.E+1", "", "1.25", "428811902377.15"]
        {
            assert_eq!(reference_as_number(text), None, "{text}");
        }
    }
}
