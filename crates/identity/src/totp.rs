//! Time-based codes (RFC 6238): six digits, thirty seconds, SHA-1, as every authenticator app knows them.

use std::fmt;

use jiff::Timestamp;
use totp_rs::{Builder, Secret as Seed, Totp};

use crate::{Error, SecretHash};

/// Recovery codes that are handed out at once.
pub const RECOVERY_CODES: usize = 10;

/// Letters of a recovery code: Crockford's 32, none of which is mistaken for another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The seed that a person's authenticator app and Purser share.
#[derive(Clone)]
pub struct TotpSeed(Totp);

impl fmt::Debug for TotpSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSeed(…)")
    }
}

impl TotpSeed {
    /// Of 160 bits of chance.
    ///
    /// # Errors
    /// [`Error::Seal`] never happens with 20 bytes; the library asks for the case.
    pub fn new(random: &[u8; 20]) -> Result<Self, Error> {
        TotpSeed::of(random)
    }

    /// As it was kept.
    ///
    /// # Errors
    /// [`Error::Seal`] where these bytes are no seed.
    pub fn of(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: [u8; 20] = bytes.try_into().map_err(|_| Error::Seal)?;
        Builder::new().with_secret(Seed::from(bytes)).build().map(TotpSeed).map_err(|_| Error::Seal)
    }

    /// The bytes to seal and keep.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.secret().as_bytes()
    }

    /// What somebody types into an app that cannot see the picture: base 32, in fours.
    #[must_use]
    pub fn typed(&self) -> String {
        let text = self.0.secret().to_base32();
        let fours: Vec<String> = text.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into()).collect();
        fours.join(" ")
    }

    /// What the picture says. `issuer` and `account` name the entry in the app.
    #[must_use]
    pub fn link(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (escaped(issuer), escaped(account));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.0.secret().to_base32())
    }

    /// The time step that a code belongs to, if it is one of now or of the step before or after.
    #[must_use]
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let now = u64::try_from(now.as_second()).ok()?;
        (digits.len() == 6).then(|| self.0.check(&digits, now)).flatten()
    }

    /// The code of a moment.
    #[must_use]
    pub fn code(&self, at: Timestamp) -> String {
        self.0.generate(u64::try_from(at.as_second()).unwrap_or(0)).to_string()
    }
}

/// Ten recovery codes of 50 bits each, such as `7k2mq-x09ra`.
#[must_use]
pub fn recovery_codes(random: &[u8; RECOVERY_CODES * 10]) -> Vec<String> {
    let letters =
        |ten: &[u8]| -> String { ten.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect() };
    random.chunks(10).map(letters).map(|code| format!("{}-{}", &code[..5], &code[5..])).collect()
}

/// What is kept of a recovery code, however it was typed.
#[must_use]
pub fn recovery_hash(code: &str) -> SecretHash {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SecretHash::of(&format!("recovery:{plain}"))
}

/// For an address: everything but letters and digits as %XX.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of its eight digits.
        let seed = TotpSeed::new(b"12345678901234567890").unwrap();
        for (second, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(seed.code(at(second)), code);
        }
    }

    #[test]
    fn a_code_is_good_for_its_step_and_the_ones_beside_it() {
        let seed = TotpSeed::new(b"12345678901234567890").unwrap();
        let code = seed.code(at(59));
        assert_eq!(seed.step_of(&code, at(31)), Some(1));
        assert_eq!(seed.step_of(&format!("{} {}", &code[..3], &code[3..]), at(89)), Some(1));
        assert_eq!(seed.step_of(&code, at(90)), None);
        for nonsense in ["", "28708", "2870822", "abcdef", "२८७०८२"] {
            assert_eq!(seed.step_of(nonsense, at(59)), None, "{nonsense}");
        }
    }

    #[test]
    fn the_picture_names_issuer_and_account() {
        let seed = TotpSeed::new(b"12345678901234567890").unwrap();
        let link = seed.link("Purser & Co", "asha@example.com");
        assert!(link.starts_with("otpauth://totp/Purser%20%26%20Co:asha%40example.com?secret=GEZDGNBV"), "{link}");
        assert!(seed.typed().starts_with("GEZD GNBV "));
        assert_eq!(format!("{seed:?}"), "TotpSeed(…)");
    }

    #[test]
    fn a_recovery_code_is_known_however_it_is_typed() {
        let mut random = [0; 100];
        for (index, byte) in random.iter_mut().enumerate() {
            *byte = u8::try_from(index).unwrap();
        }
        let codes = recovery_codes(&random);
        assert_eq!((codes.len(), codes[0].as_str()), (10, "01234-56789"));
        assert_eq!(recovery_hash(&codes[1]), recovery_hash(&codes[1].to_uppercase().replace('-', " ")));
        assert_ne!(recovery_hash(&codes[1]), recovery_hash(&codes[2]));
    }
}
