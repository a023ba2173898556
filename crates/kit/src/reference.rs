//! The normal form of a payment's reference: the same form is the same payment.

use unicode_normalization::UnicodeNormalization as _;

use crate::fields::{Rule, parse_line};

/// What names a reference on a statement, and is no part of it.
const LABELS: [&str; 8] = ["UTR", "UTRNO", "RRN", "REF", "REFNO", "REFERENCE", "TXN", "TRANSACTION"];

/// What may stand beside those.
const BESIDE: [&str; 6] = ["UPI", "BANK", "NO", "NUMBER", "NUM", "ID"];

/// The zeros of the scripts that have decimal digits of their own; the digits up to nine come after each.
#[rustfmt::skip]
const ZEROS: [u32; 60] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040,
    0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0,
    0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650,
    0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1E140, 0x1E2F0,
    0x1E4F0, 0x1E950,
];

/// What is left of a reference without a printed label before it (`UTR:`, `Ref no.`), case, spaces and punctuation: letters
/// and digits, in upper case. Letters that only look different (full width, ligatures) are the same, and so are the digits
/// of all scripts; zeros in front are digits like others, because `007` and `7` may be two payments of one bank. Empty
/// where it has no letter and no digit.
#[must_use]
pub fn reference_form(reference: &str) -> String {
    let text = normal(reference);
    form(without_label(&text))
}

/// The [`reference_form`] of before labels were left out: rows of that time have it.
#[must_use]
pub fn reference_form_labeled(reference: &str) -> String {
    form(&normal(reference))
}

fn form(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).nfkc().collect()
}

/// The text in its compatible form, with digits of ASCII.
fn normal(text: &str) -> String {
    text.nfkc().map(digit).collect()
}

fn digit(character: char) -> char {
    let code = u32::from(character);
    let value = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10));
    value.and_then(|value| char::from_digit(value, 10)).unwrap_or(character)
}

/// The text after the label that is printed before it, as far as a digit is left that is not zero.
fn without_label(text: &str) -> &str {
    let (mut rest, mut is_labeled) = (text, false);
    loop {
        let start = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let letters = start.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(start.len());
        let (word, after) = start.split_at(letters);
        let is_one_of = |words: &[&str]| words.iter().any(|one| word.eq_ignore_ascii_case(one));
        // `UTR5128` is labeled too; `NO5` and `UPI5` are no labels by themselves.
        let is_whole = !after.starts_with(char::is_alphanumeric);
        let is_label = is_one_of(&LABELS) && (is_whole || after.starts_with(|c: char| c.is_ascii_digit()));
        let is_beside = is_one_of(&BESIDE) && (is_whole || is_labeled);
        if !is_label && !is_beside {
            return if is_labeled && start.contains(|c: char| matches!(c, '1'..='9')) { start } else { text };
        }
        is_labeled |= is_label;
        rest = after;
    }
}

/// A reference of 1 to 100 characters that names something: it has a letter or a digit. One that a spreadsheet has made
/// a number of is refused, as is one that has letters which only look like Latin ones.
///
/// # Errors
/// The rule that it breaks.
pub fn parse_reference(text: &str) -> Result<String, Rule> {
    let reference = parse_line(text, 1, 100)?;
    if reference_form(&reference).is_empty() {
        return Err(Rule::new("malformed", "have a letter or a digit"));
    }
    if let Some(format) = reference_as_number(&reference) {
        return Err(format.rule());
    }
    if let Some(letter) = look_alike(&reference) {
        let must = format!("have letters of one alphabet: '{letter}' is none of those that it looks like");
        return Err(Rule::new("look_alike", must));
    }
    Ok(reference)
}

/// A letter of a script with letters like the Latin ones, in a reference that has Latin letters too.
fn look_alike(reference: &str) -> Option<char> {
    let is_alike = |c: &char| {
        c.is_alphabetic()
            && matches!(c, '\u{370}'..='\u{58F}' | '\u{13A0}'..='\u{13FF}' | '\u{1C80}'..='\u{1C8F}'
            | '\u{1F00}'..='\u{1FFF}' | '\u{2C80}'..='\u{2CFF}' | '\u{2DE0}'..='\u{2DFF}' | '\u{A4D0}'..='\u{A4FF}'
            | '\u{A640}'..='\u{A69F}' | '\u{AB70}'..='\u{ABBF}')
    };
    let text = normal(reference);
    text.chars().find(is_alike).filter(|_| text.contains(|c: char| c.is_ascii_alphabetic()))
}

/// What a spreadsheet has done to a reference that it took for a number, so that digits may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFormat {
    /// It stands in scientific notation: `4.28812E+11`, with a comma as well.
    Scientific,
    /// It has got decimals: `428811902377.00`.
    Decimals,
}

impl NumberFormat {
    /// Why a reference in this format is refused, and what to do.
    #[must_use]
    pub fn rule(self) -> Rule {
        let must = match self {
            NumberFormat::Scientific => {
                "have all its digits: a spreadsheet has turned it into a power of ten and lost the last ones; format the \
                 column as text, and take the reference from the bank again"
            }
            NumberFormat::Decimals => {
                "have no decimals: a spreadsheet has made a number of it; format the column as text, and take the \
                 reference from the bank again"
            }
        };
        Rule::new("spreadsheet_number", must)
    }
}

/// Whether a reference has been through a spreadsheet as a number. A reference that only has an E among its digits, such
/// as `12E4567`, has not.
#[must_use]
pub fn reference_as_number(text: &str) -> Option<NumberFormat> {
    let text = normal(text);
    let text = without_label(&text).trim().trim_start_matches(['+', '-']);
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
    fn a_printed_label_is_no_part_of_a_reference() {
        for text in [
            "512861462000",
            "UTR: 512861462000",
            "UTR 512861462000",
            "utr512861462000",
            "RRN-512861462000",
            "Ref no. 512861462000",
            "Ref. No: 512861462000",
            "UPI Ref No 512861462000",
            "Reference number 512861462000",
            "Transaction ID 512861462000",
            "RefNo 512861462000",
            "UTR NO512861462000",
            "UTR٥١٢٨٦١٤٦٢٠٠٠",
            "५१२८६१४६२०००",
            "ＵＴＲ：512861462000",
        ] {
            assert_eq!(reference_form(text), "512861462000", "{text}");
        }
        for (text, form) in [
            ("NEFT 12", "NEFT12"),
            ("UTR", "UTR"),
            ("Refund 12", "REFUND12"),
            ("UPI 12", "UPI12"),
            ("NO 5", "NO5"),
            ("UTR 000", "UTR000"),
            ("REF MARCH", "REFMARCH"),
            ("Reference: HDFCN52", "HDFCN52"),
            ("UTRHDFC12", "UTRHDFC12"),
        ] {
            assert_eq!(reference_form(text), form, "{text}");
        }
        assert_eq!(reference_form_labeled("UTR: 12"), "UTR12");
    }

    #[test]
    fn numbers_of_spreadsheets_and_look_alikes_are_refused_by_name() {
        for text in ["5.12861E+12", "5,12861E+12", "5128614620001.0", "UTR: 5.12861E+12"] {
            assert_eq!(parse_reference(text).unwrap_err().code, "spreadsheet_number", "{text}");
        }
        for text in ["U\u{422}R 512861462000", "NE\u{3a1}T 7", "\u{410}B 1"] {
            assert_eq!(parse_reference(text).unwrap_err().code, "look_alike", "{text}");
        }
        for text in ["\u{423}\u{422}\u{420} 12", "राम NEFT 7", "5128614620001", "Straße 7"] {
            assert!(parse_reference(text).is_ok(), "{text}");
        }
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
