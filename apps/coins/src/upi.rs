//! UPI ids: `name@handle`.

use purser_kit::Rule;

/// A UPI id in lower case: before the one @ a name of 2 to 254 characters, after it a handle of letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpiId(String);

impl UpiId {
    /// Reads one; spaces around it and upper case are forgiven.
    ///
    /// # Errors
    /// The rule that it breaks. Look-alikes of other scripts are refused with the rest that is not a–z.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let malformed = |must: &'static str| Rule::new("malformed", must);
        let text = text.trim().to_ascii_lowercase();
        let (name, handle) = text.split_once('@').ok_or_else(|| malformed("be a UPI id such as asha@okhdfcbank"))?;
        if handle.contains('@') {
            return Err(malformed("have one @ and no other"));
        }
        if !(2..=254).contains(&name.len()) {
            return Err(malformed("have 2 to 254 characters before the @"));
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if !name.bytes().all(allowed) {
            return Err(malformed("have only letters a to z, digits, dots, underscores and hyphens before the @"));
        }
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || name.ends_with('.') {
            return Err(malformed("begin with a letter or digit, and have no dot before the @"));
        }
        parse_handle(handle)?;
        Ok(UpiId(text))
    }

    /// What a row kept.
    pub(crate) fn from_column(text: String) -> Self {
        UpiId(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the @.
    #[must_use]
    pub fn handle(&self) -> &str {
        self.0.rsplit('@').next().unwrap_or_default()
    }
}

/// Reads a handle: 2 to 64 letters and digits, in lower case.
pub(crate) fn parse_handle(text: &str) -> Result<String, Rule> {
    let handle = text.trim().to_ascii_lowercase();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !(2..=64).contains(&handle.len()) || !handle.bytes().all(allowed) {
        return Err(Rule::new("malformed", "have 2 to 64 letters and digits after the @"));
    }
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_upi_id_is_read_in_lower_case() {
        for (text, read) in [
            ("asha@okhdfcbank", "asha@okhdfcbank"),
            ("  Asha.Rao_1-x@YBL ", "asha.rao_1-x@ybl"),
            ("9876543210@paytm", "9876543210@paytm"),
            ("ab@upi", "ab@upi"),
            ("a.-_b@apl", "a.-_b@apl"),
        ] {
            assert_eq!(UpiId::parse(text).unwrap().as_str(), read);
        }
        let long = format!("{}@upi", "a".repeat(254));
        assert_eq!(UpiId::parse(&long).unwrap().handle(), "upi");
    }

    #[test]
    fn what_is_no_upi_id_is_refused() {
        let too_long = format!("{}@upi", "a".repeat(255));
        for text in [
            "",
            "@",
            "@bank",
            "user@",
            "username#bank",
            "a@upi",
            "us er@upi",
            "user@@upi",
            "user@upi@upi",
            ".user@upi",
            "_user@upi",
            "-user@upi",
            "user.@upi",
            "user@ok-hdfc",
            "user@ok.hdfc",
            "user@u",
            "us/er@upi",
            "üser@upi",
            // Cyrillic letters, digits of another script, and letters of full width.
            "usеr@upi",
            "user@оkhdfcbank",
            "९८७६५@upi",
            "user@ｕｐｉ",
            "user＠upi",
            "user\u{200b}@upi",
            "user\n@upi",
            &too_long,
        ] {
            assert!(UpiId::parse(text).is_err_and(|rule| rule.code == "malformed"), "{text}");
        }
    }
}
