//! Passwords: which ones do, and how they are kept.

use std::fmt;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash as Phc, Version};
use purser_store::{Error as StoreError, Row};
use zxcvbn::matching::Match;
use zxcvbn::matching::patterns::MatchPattern;
use zxcvbn::{Score, zxcvbn};

use crate::Error;

/// Why a password will not do, in words for whoever chose it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than 8 characters.
    #[error("a password has at least 8 characters")]
    TooShort,
    /// More than 1,000 characters.
    #[error("a password has at most 1000 characters")]
    TooLong,
    /// Nothing but digits.
    #[error("a password must not be all digits")]
    AllDigits,
    /// Made of the person's own name, username or address, and little else.
    #[error("the password is too similar to your name, username or email address")]
    OwnField,
    /// Common, or otherwise soon guessed.
    #[error("the password is too easy to guess. {reason}")]
    Guessable {
        /// Why, and what to do: sentences with full stops.
        reason: String,
    },
}

const SHORTEST: usize = 8;
const LONGEST: usize = 1_000;

/// Whether a password will do for somebody whose username, email address and names are `own_fields`. Takes some
/// milliseconds of CPU: not inside a transaction.
///
/// # Errors
/// The first rule that it breaks.
pub fn password_check(password: &str, own_fields: &[&str]) -> Result<(), PasswordError> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(PasswordError::TooShort);
    }
    if length > LONGEST {
        return Err(PasswordError::TooLong);
    }
    if password.chars().all(char::is_numeric) {
        return Err(PasswordError::AllDigits);
    }
    let own = own_words(own_fields);
    let folded = password.to_lowercase();
    if own.iter().any(|word| word.contains(&folded)) {
        return Err(PasswordError::OwnField);
    }
    let words: Vec<&str> = own.iter().map(String::as_str).collect();
    let estimate = zxcvbn(password, &words);
    // Three stands against whoever has stolen the hashes, which argon2 slows by itself. Two is eight letters at random.
    let of_own = estimate.sequence().iter().any(|guess| is_own(guess, &own));
    if estimate.score() >= Score::Three || (estimate.score() == Score::Two && !of_own) {
        return Ok(());
    }
    if of_own {
        return Err(PasswordError::OwnField);
    }
    let reason = estimate.feedback().map(ToString::to_string).unwrap_or_default();
    Err(PasswordError::Guessable { reason })
}

/// Each field whole and in its parts, in lower case: asha.k@example.com is also asha and example. Parts of one or two
/// letters are in any password.
fn own_words(fields: &[&str]) -> Vec<String> {
    let parts = |field: &&str| {
        let field = field.to_lowercase();
        let parts: Vec<String> = field.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
        std::iter::once(field).chain(parts)
    };
    fields.iter().flat_map(parts).filter(|word| word.chars().count() > 2).collect()
}

/// Reversed and with digits for letters as well: zxcvbn has undone both.
fn is_own(guess: &Match, own: &[String]) -> bool {
    matches!(&guess.pattern, MatchPattern::Dictionary(word) if own.contains(&word.matched_word))
}

/// What hashing a password costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// KiB of memory.
    memory: u32,
    /// Passes over it.
    passes: u32,
}

impl HashCost {
    /// What OWASP asks for at least: 19 MiB and two passes. Memory is the scarcer thing on a small machine, which
    /// hashes for several people at once.
    #[must_use]
    pub const fn standard() -> Self {
        HashCost { memory: 19 * 1024, passes: 2 }
    }

    /// The least that there is: for tests only.
    #[must_use]
    pub const fn for_tests() -> Self {
        HashCost { memory: 8, passes: 1 }
    }

    fn hasher(self) -> Result<Argon2<'static>, Error> {
        let params = Params::new(self.memory, self.passes, 1, None).map_err(|error| Error::Hash(error.to_string()))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// A password as the database keeps it: argon2id in PHC text, its cost and salt inside. `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The text that the column holds.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(row: &Row<'_>, index: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.get::<Option<String>>(index)?.map(PasswordHash))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Hashes a password with a fresh salt. Tens of milliseconds of CPU: on a blocking thread, never inside a transaction.
///
/// # Errors
/// [`Error::Hash`] where the memory is short.
pub fn password_hash(password: &str, salt: [u8; 16], cost: HashCost) -> Result<PasswordHash, Error> {
    let hashed = cost.hasher()?.hash_password_with_salt(password.as_bytes(), &salt);
    hashed.map(|phc| PasswordHash(phc.to_string())).map_err(|error| Error::Hash(error.to_string()))
}

/// Whether the password is the one that was hashed. Where there is no hash (no such user, or one without a password)
/// it works as long for its `false`, so that the time does not tell who exists. On a blocking thread, never inside a
/// transaction.
#[must_use]
pub fn password_verify(password: &str, hash: Option<&PasswordHash>, cost: HashCost) -> bool {
    let Some(hash) = hash else {
        // Done for the time that it takes.
        let _ = password_hash(password, [0; 16], cost);
        return false;
    };
    // The hash carries its own cost, which may be that of an older release.
    Phc::new(&hash.0).is_ok_and(|phc| Argon2::default().verify_password(password.as_bytes(), &phc).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASHA: &[&str] = &["asha.kumari", "asha@mango-traders.example", "Asha", "Kumari"];

    fn refused(password: &str) -> PasswordError {
        password_check(password, ASHA).unwrap_err()
    }

    #[test]
    fn a_long_unusual_password_will_do() {
        assert_eq!(password_check("tidal-quarry-lantern-09", ASHA), Ok(()));
        assert_eq!(password_check("xq7vLr2k", ASHA), Ok(()));
        assert_eq!(password_check("नीला आसमान और पहाड़", ASHA), Ok(()));
        assert_eq!(password_check(&"xq7 vLr2 ".repeat(111), ASHA), Ok(()));
    }

    #[test]
    fn a_password_has_8_to_1000_characters() {
        assert_eq!(refused("xq7vLr2"), PasswordError::TooShort);
        assert_eq!(refused(""), PasswordError::TooShort);
        assert_eq!(refused(&"é".repeat(1_001)), PasswordError::TooLong);
    }

    #[test]
    fn a_password_is_not_all_digits() {
        assert_eq!(refused("82640193756120"), PasswordError::AllDigits);
        assert_eq!(refused("८२६४०१९३७५"), PasswordError::AllDigits);
    }

    #[test]
    fn a_password_is_not_the_person_s_own_name() {
        for password in
            ["asha.kumari", "Kumari123", "asha@mango-traders.example", "mango-traders", "4sha.kum4ri", "iramukahsa1"]
        {
            assert_eq!(refused(password), PasswordError::OwnField, "{password}");
        }
    }

    #[test]
    fn a_common_password_is_refused_with_the_reason() {
        let reason = |password| match refused(password) {
            PasswordError::Guessable { reason } => reason,
            other => panic!("{other}"),
        };
        assert!(reason("password").contains("common password"));
        assert!(reason("qwertyuiop").contains("common"));
        assert!(reason("abcdefghijkl").contains("Sequences"));
        assert!(reason("aaaaaaaaaaaa").contains("Repeats"));
    }

    #[test]
    fn only_the_password_itself_fits_its_hash() {
        let cost = HashCost::for_tests();
        let hash = password_hash("tidal-quarry-lantern", [7; 16], cost).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(password_verify("tidal-quarry-lantern", Some(&hash), cost));
        assert!(!password_verify("tidal-quarry-lanterN", Some(&hash), cost));
        assert!(!password_verify("", Some(&hash), cost));
        assert!(!password_verify("tidal-quarry-lantern", None, cost));
        assert!(!password_verify("x", Some(&PasswordHash("nonsense".to_owned())), cost));
        assert_ne!(hash, password_hash("tidal-quarry-lantern", [8; 16], cost).unwrap());
    }

    #[test]
    fn a_hash_of_an_older_cost_still_fits() {
        let hash = password_hash("tidal-quarry-lantern", [7; 16], HashCost::for_tests()).unwrap();
        assert!(password_verify("tidal-quarry-lantern", Some(&hash), HashCost::standard()));
    }

    #[test]
    fn a_hash_does_not_show_in_a_log() {
        let hash = password_hash("tidal-quarry-lantern", [7; 16], HashCost::for_tests()).unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }
}
