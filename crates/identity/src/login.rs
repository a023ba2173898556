//! The two names that a person signs in by.

use std::fmt;

use purser_store::{Error as StoreError, Row};

/// A username: 1 to 150 of `A-Z a-z 0-9 _ . -`. It keeps its spelling; two that differ in letter case only are one.
#[derive(Debug, Clone)]
pub struct Username(String);

/// Why a text is not a username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// It is empty.
    #[error("a username is needed")]
    Missing,
    /// It has more than 150 characters.
    #[error("a username has at most 150 characters")]
    TooLong,
    /// It has a character that none may have.
    #[error("a username has letters A to Z, digits, and the characters _ . - only, not '{0}'")]
    Character(char),
}

impl Username {
    const LONGEST: usize = 150;

    /// Reads a username.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        if text.is_empty() {
            return Err(UsernameError::Missing);
        }
        let allowed = |c: &char| c.is_ascii_alphanumeric() || "_.-".contains(*c);
        if let Some(other) = text.chars().find(|c| !allowed(c)) {
            return Err(UsernameError::Character(other));
        }
        if text.len() > Self::LONGEST {
            return Err(UsernameError::TooLong);
        }
        Ok(Username(text.to_owned()))
    }

    /// As the person spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes it unique. A username has ASCII letters only, so folding has no surprises.
    pub(crate) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    pub(crate) fn read(row: &Row<'_>, index: usize) -> Result<Self, StoreError> {
        row.get(index).map(Username)
    }
}

/// What tries to sign in are counted by: what was typed, so that counting does not tell whether there is such an account.
#[must_use]
pub fn login_key(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// An email address: at most 254 characters of ASCII, one `@`, a domain of at least two labels. It keeps its spelling;
/// two that differ in letter case only are one. ASCII alone keeps look-alikes and marks that nobody sees out.
#[derive(Debug, Clone)]
pub struct Email(String);

/// Why a text is not an email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// It is empty.
    #[error("an email address is needed")]
    Missing,
    /// It has more than 254 characters, or more than 64 before the `@`.
    #[error("an email address has at most 254 characters, of which 64 may stand before the @")]
    TooLong,
    /// It has none or more than one `@`.
    #[error("an email address has one @, with a name before it and a domain behind it")]
    At,
    /// What stands before the `@` is not a mailbox.
    #[error("the part before the @ may have ASCII letters, digits, and single dots or !#$%&'*+/=?^_`{{|}}~- between")]
    Mailbox,
    /// What stands behind the `@` is not a domain.
    #[error("the part behind the @ must be a domain such as example.com")]
    Domain,
}

impl Email {
    const LONGEST: usize = 254;
    const LONGEST_MAILBOX: usize = 64;
    const LONGEST_LABEL: usize = 63;

    /// Reads an email address.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.is_empty() {
            return Err(EmailError::Missing);
        }
        let (mailbox, domain) = text.split_once('@').ok_or(EmailError::At)?;
        if mailbox.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(EmailError::At);
        }
        if text.len() > Self::LONGEST || mailbox.len() > Self::LONGEST_MAILBOX {
            return Err(EmailError::TooLong);
        }
        if !mailbox.split('.').all(is_atom) {
            return Err(EmailError::Mailbox);
        }
        let last = domain.rsplit('.').next().unwrap_or_default();
        // What ends in a number is an address of a machine, and no country or kind has one letter.
        let ends_well = last.len() >= 2 && last.chars().any(|c| c.is_ascii_alphabetic());
        if !domain.contains('.') || !domain.split('.').all(is_label) || !ends_well {
            return Err(EmailError::Domain);
        }
        Ok(Email(text.to_owned()))
    }

    /// As the person spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes it unique.
    pub(crate) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    pub(crate) fn read(row: &Row<'_>, index: usize) -> Result<Self, StoreError> {
        row.get(index).map(Email)
    }

    /// What a row kept: it was read by the rules of its day, and is not refused by those of today.
    #[must_use]
    pub fn from_column(text: String) -> Self {
        Email(text)
    }
}

/// An atom of RFC 5322; quoted mailboxes exist on paper only.
fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c))
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=Email::LONGEST_LABEL).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

macro_rules! same_when_folded {
    ($($name:ident),*) => {$(
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Eq for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

same_when_folded!(Username, Email);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_keeps_its_spelling_and_is_the_same_in_any_case() {
        let username = Username::parse("Asha.K_1-x").unwrap();
        assert_eq!(username.as_str(), "Asha.K_1-x");
        assert_eq!(username, Username::parse("asha.k_1-X").unwrap());
        assert_eq!(username.folded(), "asha.k_1-x");
        assert!(Username::parse(&"a".repeat(150)).is_ok());
    }

    #[test]
    fn what_is_not_a_username_is_refused_with_the_reason() {
        assert_eq!(Username::parse(""), Err(UsernameError::Missing));
        assert_eq!(Username::parse(&"a".repeat(151)), Err(UsernameError::TooLong));
        for (text, character) in [("a b", ' '), ("a@b", '@'), ("аdmin", 'а'), ("a\0", '\0'), ("a:b", ':')] {
            assert_eq!(Username::parse(text), Err(UsernameError::Character(character)));
        }
    }

    #[test]
    fn an_email_address_keeps_its_spelling_and_is_the_same_in_any_case() {
        let email = Email::parse("Asha.K+purser@Mail.Example.COM").unwrap();
        assert_eq!(email.as_str(), "Asha.K+purser@Mail.Example.COM");
        assert_eq!(email, Email::parse("asha.k+PURSER@mail.example.com").unwrap());
        assert_eq!(email.folded(), "asha.k+purser@mail.example.com");
        assert!(Email::parse("o'neil@xn--bcher-kva.example").is_ok());
    }

    #[test]
    fn what_is_not_an_email_address_is_refused_with_the_reason() {
        assert_eq!(Email::parse(""), Err(EmailError::Missing));
        for text in [
            "asha",
            "@",
            "@example.com",
            "asha@",
            "a@b@example.com",
            "asha@@example.com",
            "a＠example.com",
            "a﹫example.com",
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::At), "{text}");
        }
        for text in [
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "a b@example.com",
            "é@example.com",
            "a\u{200b}@example.com",
            "a\u{ad}b@example.com",
            "\u{202e}a@example.com",
            "ａ@example.com",
            "a\n@example.com",
            "a\0@example.com",
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::Mailbox), "{text}");
        }
        for text in [
            "a@localhost",
            "a@-x.com",
            "a@x-.com",
            "a@x..com",
            "a@x.com.",
            "a@ex ample.com",
            "a@ｅ.com",
            "a@example.c",
            "a@127.0.0.1",
            "a@example.123",
            "a@example\u{200d}.com",
            "a@exаmple.com",
            "a@[127.0.0.1]",
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::Domain), "{text}");
        }
        let label = "a".repeat(63);
        let longest = format!("{}@{label}.{label}.{}", "m".repeat(64), "b".repeat(61));
        assert_eq!(longest.len(), 254);
        assert!(Email::parse(&longest).is_ok());
        assert_eq!(Email::parse(&format!("{longest}b")), Err(EmailError::TooLong));
        assert_eq!(Email::parse(&format!("{}@example.com", "m".repeat(65))), Err(EmailError::TooLong));
    }
}
