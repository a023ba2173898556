//! A bank's word for a payment.

use std::hash::{Hash, Hasher};

use purser_kit::{NumberFormat, Rule, reference_as_number, reference_form, reference_form_labeled};

/// The bank's UTR or transaction id of a payment. It keeps its spelling; two that differ in case, spaces, punctuation
/// and leading zeros alone are one.
#[derive(Debug, Clone)]
pub struct Utr {
    text: String,
    key: String,
    /// The key of before a printed label was left out: rows of that time have it.
    labeled: String,
}

impl Utr {
    /// Reads one: 6 to 50 characters, letters, digits, spaces and punctuation of ASCII, at least six of them letters or
    /// digits, and one a digit other than zero.
    ///
    /// # Errors
    /// The rule that it breaks. A number that a spreadsheet has shortened is refused as `spreadsheet_number`: its last
    /// digits are lost, and would pay another withdrawal.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let text = text.trim();
        if let Some(format) = reference_as_number(text) {
            let must = match format {
                NumberFormat::Scientific => {
                    "have all its digits: a spreadsheet has turned it into a power of ten and lost the last ones; format \
                     the column as text, take the UTR from the bank again, and save the file once more"
                }
                NumberFormat::Decimals => {
                    "have no decimals: a spreadsheet has made a number of it; format the column as text, take the UTR \
                     from the bank again, and save the file once more"
                }
            };
            return Err(Rule::new("spreadsheet_number", must));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || " -_./:#".contains(c);
        if !text.chars().all(allowed) || !text.bytes().any(|byte| byte.is_ascii_digit()) {
            let must = "be the bank's UTR or transaction id: letters, digits, spaces and hyphens, at least one digit";
            return Err(Rule::new("malformed", must));
        }
        if !(6..=50).contains(&text.len()) || reference_form(text).len() < 6 {
            return Err(Rule::new("out_of_range", "have 6 to 50 characters"));
        }
        let utr = Utr::from_column(text.to_owned());
        if utr.key.is_empty() { Err(Rule::new("malformed", "have a digit other than zero")) } else { Ok(utr) }
    }

    /// What a row kept.
    pub(crate) fn from_column(text: String) -> Self {
        let key = reference_form(&text).trim_start_matches('0').to_owned();
        let labeled = reference_form_labeled(&text).trim_start_matches('0').to_owned();
        Utr { text, key, labeled }
    }

    /// As it was entered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it was known by while a printed label counted.
    pub(crate) fn labeled(&self) -> &str {
        &self.labeled
    }

    /// What makes it one of a kind.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl PartialEq for Utr {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Utr {}

impl Hash for Utr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_utr_is_one_whatever_its_case_spaces_punctuation_and_leading_zeros() {
        let utr = Utr::parse("428811902377").unwrap();
        for text in [
            " 428811902377 ",
            "0428811902377",
            "000-4288-1190-2377",
            "4288 1190 2377",
            "4288.1190/2377",
            "UTR: 428811902377",
            "RRN-428811902377",
            "Ref no. 428811902377",
        ] {
            let other = Utr::parse(text).unwrap();
            assert_eq!((&other, other.as_str()), (&utr, text.trim()));
        }
        let letters = Utr::parse("hdfcn-52026112100").unwrap();
        assert_eq!((letters.as_str(), letters.key()), ("hdfcn-52026112100", "HDFCN52026112100"));
        assert_ne!(Utr::parse("4288119023770").unwrap(), utr);
    }

    #[test]
    fn what_is_no_utr_is_refused_by_name() {
        let code = |text: &str| Utr::parse(text).unwrap_err().code;
        for text in [
            "",
            "ABCDEF",
            "४२८८११",
            "４２８８１１９０",
            "428811\u{200b}902377",
            "428811'902377",
            "000000",
            "0-0-0-0-0-0",
        ] {
            assert_eq!(code(text), "malformed", "{text}");
        }
        for text in ["12345", "1-2-3-", &"1".repeat(51)] {
            assert_eq!(code(text), "out_of_range", "{text}");
        }
        for text in ["4.28812E+11", "4,28812E+11", "4.28812e11", "4E+11", "428811902377.00"] {
            let rule = Utr::parse(text).unwrap_err();
            assert_eq!(rule.code, "spreadsheet_number", "{text}");
            assert!(rule.must.contains("format the column as text"), "{}", rule.must);
        }
    }
}
