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
}
