//! Tokens: what a key, a session or a link is opened with.

use std::borrow::Cow;
use std::fmt;

use purser_store::{Error as StoreError, Row};
use sha2::{Digest, Sha256};

/// A token as its owner sees it, once. It carries 256 bits of chance, so a plain hash of it is safe to keep.
/// Its text shows in no log: `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// An API key: `pk_` and 64 hexadecimal digits.
    #[must_use]
    pub fn api_key(random: &[u8; 32]) -> Self {
        Secret::with_prefix("pk_", random)
    }

    /// A session's token, for its cookie: `ps_` and 64 hexadecimal digits.
    #[must_use]
    pub fn session(random: &[u8; 32]) -> Self {
        Secret::with_prefix("ps_", random)
    }

    /// A set-up link's token: `pu_` and 64 hexadecimal digits.
    #[must_use]
    pub fn setup(random: &[u8; 32]) -> Self {
        Secret::with_prefix("pu_", random)
    }

    /// A mailed link's token: `pl_` and 64 hexadecimal digits.
    #[must_use]
    pub fn link(random: &[u8; 32]) -> Self {
        Secret::with_prefix("pl_", random)
    }

    /// A browser's token, for its cookie: `pd_` and 64 hexadecimal digits.
    #[must_use]
    pub fn device(random: &[u8; 32]) -> Self {
        Secret::with_prefix("pd_", random)
    }

    /// The text, to be handed to its owner and nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the database keeps of it.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

    // A prefix of its own lets a person, or a scanner of leaked secrets, see what a stray token opens.
    fn with_prefix(prefix: &str, random: &[u8; 32]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
        let hex = random.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        Secret(prefix.chars().chain(hex).collect())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What all tokens begin with, before their hexadecimal digits.
const PREFIXES: [&str; 5] = ["pk_", "ps_", "pu_", "pl_", "pd_"];

/// Hexadecimal digits behind a prefix from which on it may be a token: fewer give nothing away.
const TELLING: usize = 8;

/// Text in which every token is struck out behind its prefix, so that it still says what kind it was: for whatever writes
/// down what it did not make itself, such as a log.
#[must_use]
pub fn secrets_struck_out(text: &str) -> Cow<'_, str> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((at, digits)) = token_at(rest) {
        out.push_str(&rest[..at]);
        out.push('…');
        rest = &rest[at + digits..];
    }
    if out.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(out + rest) }
}

/// Where the digits of the first token begin, and how many they are.
fn token_at(text: &str) -> Option<(usize, usize)> {
    text.match_indices('_').find_map(|(at, _)| {
        let start = at + 1;
        let begun = text.get(..start)?;
        let digits = text[start..].bytes().take_while(u8::is_ascii_hexdigit).count();
        let is_token = digits >= TELLING && PREFIXES.iter().any(|prefix| begun.ends_with(prefix));
        is_token.then_some((start, digits))
    })
}

/// SHA-256 of a token's text. Looking a token up by its hash leaves nothing for a timing attack to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// The hash of whatever somebody presents as a token.
    #[must_use]
    pub fn of(text: &str) -> Self {
        SecretHash(Sha256::digest(text.as_bytes()).into())
    }

    /// In hexadecimal digits: names the token without giving it away.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads what [`hex`](Self::hex) wrote.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(SecretHash(bytes))
    }

    pub(crate) fn read(row: &Row<'_>, index: usize) -> Result<Self, StoreError> {
        let bytes: Vec<u8> = row.get(index)?;
        let wrong = |_| StoreError::Engine("a hash has not 32 bytes".to_owned());
        bytes.try_into().map(SecretHash).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_it_opens() {
        let random = [0xa5; 32];
        let digits = "a5".repeat(32);
        assert_eq!(Secret::api_key(&random).expose(), format!("pk_{digits}"));
        assert_eq!(Secret::session(&random).expose(), format!("ps_{digits}"));
        assert_eq!(Secret::setup(&random).expose(), format!("pu_{digits}"));
    }

    #[test]
    fn a_token_is_found_again_by_its_text() {
        let secret = Secret::api_key(&[7; 32]);
        assert_eq!(SecretHash::of(secret.expose()), secret.hash());
        assert_eq!(SecretHash::from_hex(&secret.hash().hex()), Some(secret.hash()));
        assert_eq!(SecretHash::from_hex(&"é".repeat(32)), None);
        assert_ne!(SecretHash::of(secret.expose()), Secret::session(&[7; 32]).hash());
    }

    #[test]
    fn tokens_are_struck_out_of_what_others_write_and_nothing_else_is() {
        let (link, key) = (Secret::link(&[7; 32]), Secret::api_key(&[8; 32]));
        let (link, key) = (link.expose(), key.expose());
        let line = format!("GET /accounts/verify/{link}/?next={key}&a=ä {}", &link[..20]);
        assert_eq!(secrets_struck_out(&line), "GET /accounts/verify/pl_…/?next=pk_…&a=ä pl_…");
        for plain in ["", "_", "pl_", "stop_deadbeef0", "help_me", "ps_0000000", "the hold 0192…pk_x", "pk_ä"] {
            assert!(matches!(secrets_struck_out(plain), Cow::Borrowed(text) if text == plain), "{plain}");
        }
    }

    #[test]
    fn a_token_does_not_show_in_a_log() {
        assert_eq!(format!("{:?}", Secret::api_key(&[7; 32])), "Secret(…)");
    }
}
