//! References of payments: a bank's UTR, a transfer's number. People and programs spell one reference in many ways.

/// What makes a reference one of a kind: its letters and digits in upper case. Two references whose keys are equal name
/// one payment, whatever their case, spaces and punctuation.
#[must_use]
pub fn reference_key(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_uppercase).collect()
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
    fn a_reference_is_one_whatever_its_case_spaces_and_punctuation() {
        for text in ["HDFC-0001 2345", " hdfc 00012345 ", "Hdfc/0001.2345", "hdfc\u{a0}0001\u{2013}2345"] {
            assert_eq!(reference_key(text), "HDFC00012345", "{text}");
        }
        assert_ne!(reference_key("HDFC1"), reference_key("HDFC2"));
        assert_eq!(reference_key(" -- "), "");
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
