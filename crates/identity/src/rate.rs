//! Rate limits: how often something may be tried. Counted in the database, so that they hold across copies.

use jiff::{SignedDuration, Timestamp};
use purser_store::{ReadTx, WriteTx, params};
use sha2::{Digest, Sha256};

use crate::Error;

/// How often something may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// What is tried: limits of different buckets do not meet.
    pub bucket: &'static str,
    /// How many tries a window has.
    pub limit: u32,
    /// How long a window is.
    pub window: SignedDuration,
}

/// Signing in, by the peer's address.
pub const LOGIN_BY_ADDRESS: RateLimit =
    RateLimit { bucket: "login:address", limit: 5, window: SignedDuration::from_mins(1) };

/// Signing in with a wrong password, by the peer's address.
pub const LOGIN_FAILED_BY_ADDRESS: RateLimit =
    RateLimit { bucket: "login_failed:address", limit: 5, window: SignedDuration::from_mins(1) };

/// Signing in with a wrong password, by the account that was tried, whether it exists or not.
pub const LOGIN_FAILED_BY_ACCOUNT: RateLimit =
    RateLimit { bucket: "login_failed:account", limit: 3, window: SignedDuration::from_mins(5) };

/// The same from a browser that has signed in to the account before, or has a session of it: counted apart, so that
/// strangers who try passwords do not keep the owner out.
pub const LOGIN_FAILED_BY_DEVICE: RateLimit =
    RateLimit { bucket: "login_failed:device", limit: 3, window: SignedDuration::from_mins(5) };

/// Warning the owner of an account that strangers try its password, by the person.
pub const WARNING_BY_PERSON: RateLimit =
    RateLimit { bucket: "warning:person", limit: 1, window: SignedDuration::from_hours(24) };

/// Proving again who one is with a wrong password, by the person.
pub const PROOF_FAILED_BY_PERSON: RateLimit =
    RateLimit { bucket: "proof_failed:person", limit: 5, window: SignedDuration::from_mins(1) };

/// The same with a wrong code.
pub const PROOF_CODE_FAILED_BY_PERSON: RateLimit =
    RateLimit { bucket: "proof_code:person", limit: 5, window: SignedDuration::from_mins(5) };

/// Mails to an address that come of signing up with it, whoever does.
pub const SIGN_UP_TO: RateLimit = RateLimit { bucket: "signup:to", limit: 3, window: SignedDuration::from_hours(24) };

/// Mails to an address that come of asking for a new password. The last one's link is good for as long as the window is,
/// so whoever makes strangers' requests fill it does not keep the owner from a link.
pub const RESET_TO: RateLimit = RateLimit { bucket: "reset:to", limit: 5, window: SignedDuration::from_hours(1) };

/// Mails to an address that come of somebody's wish to make it theirs.
pub const NEW_ADDRESS_TO: RateLimit =
    RateLimit { bucket: "new_address:to", limit: 5, window: SignedDuration::from_hours(24) };

/// Password links that staff mail to an address.
pub const INVITATION_TO: RateLimit =
    RateLimit { bucket: "invitation:to", limit: 5, window: SignedDuration::from_hours(1) };

/// Sending a picture of oneself, by the person.
pub const PHOTO_BY_PERSON: RateLimit =
    RateLimit { bucket: "photo:person", limit: 10, window: SignedDuration::from_hours(1) };

/// Signing up, by the peer's address.
pub const SIGN_UP_BY_ADDRESS: RateLimit =
    RateLimit { bucket: "signup:address", limit: 10, window: SignedDuration::from_mins(1) };

/// Asking for a link to set a new password, by the peer's address.
pub const RESET_BY_ADDRESS: RateLimit =
    RateLimit { bucket: "reset:address", limit: 10, window: SignedDuration::from_mins(1) };

/// The same, by the account, whether it exists or not.
pub const RESET_BY_ACCOUNT: RateLimit =
    RateLimit { bucket: "reset:account", limit: 3, window: SignedDuration::from_mins(1) };

/// Telling an address that it is nobody's, by the address: strangers are not written to again and again.
pub const NOBODY_BY_ADDRESS: RateLimit =
    RateLimit { bucket: "nobody:email", limit: 1, window: SignedDuration::from_hours(24) };

/// Changing one's password, by the person.
pub const PASSWORD_BY_PERSON: RateLimit =
    RateLimit { bucket: "password:person", limit: 3, window: SignedDuration::from_mins(1) };

/// Changing one's address, by the person.
pub const EMAIL_BY_PERSON: RateLimit =
    RateLimit { bucket: "email:person", limit: 5, window: SignedDuration::from_mins(1) };

/// Having a link to confirm an address mailed, by the address.
pub const CONFIRM_BY_EMAIL: RateLimit =
    RateLimit { bucket: "confirm:email", limit: 1, window: SignedDuration::from_mins(3) };

/// A wrong second factor, by the person. Of a million codes, five in five minutes find none in a lifetime.
pub const CODE_FAILED_BY_PERSON: RateLimit =
    RateLimit { bucket: "code_failed:person", limit: 5, window: SignedDuration::from_mins(5) };

/// The same from a browser that has signed in to the account before.
pub const CODE_FAILED_BY_DEVICE: RateLimit =
    RateLimit { bucket: "code_failed:device", limit: 5, window: SignedDuration::from_mins(5) };

/// Whether a try is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateDecision {
    /// It is, and was counted.
    Allowed,
    /// It is not, and was not counted.
    Limited {
        /// When the next try fits into the window, in whole seconds, at least 1.
        retry_after_seconds: u32,
    },
}

/// Counts a try of `key` (an address, an account) in `bucket`, unless `limit` of them were counted in the window before
/// `now`. `limit` is from 1 to 200. The window slides: however tries are spread, no stretch of its length holds more.
///
/// For tries that count only when they fail: count first, so that many at once cannot slip past, and
/// [`rate_forgive`] the one that went well.
///
/// # Errors
/// The store's.
pub fn rate_hit(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    bucket: &str,
    key: &str,
    limit: u32,
    window: SignedDuration,
) -> Result<RateDecision, Error> {
    let key = key_hash(key);
    let mut log = log_read(tx, bucket, &key)?;
    log.retain(|at| *at + window > now);
    let over = log.len().checked_sub(limit as usize);
    if let Some(first) = over.and_then(|over| log.get(over)) {
        let retry_after_seconds = whole_seconds((*first + window).duration_since(now));
        return Ok(RateDecision::Limited { retry_after_seconds });
    }
    log.push(now);
    let ends_at = log.iter().max().map_or(now, |last| *last) + window;
    tx.execute(
        "INSERT INTO identity_rate (bucket, key, hits, ends_at, log) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (bucket, key) DO UPDATE SET hits = excluded.hits, ends_at = excluded.ends_at, log = excluded.log",
        &params![bucket, &key, count(&log), ends_at, &log_text(&log)],
    )?;
    Ok(RateDecision::Allowed)
}

/// When the tries that stand were counted, oldest first.
fn log_read(tx: &mut ReadTx<'_>, bucket: &str, key: &[u8; 32]) -> Result<Vec<Timestamp>, Error> {
    let sql = "SELECT log FROM identity_rate WHERE bucket = ?1 AND key = ?2";
    let log: Option<String> = tx.query_opt(sql, &params![bucket, key], |row| row.get(0))?;
    let log = log.unwrap_or_default();
    let times = log.split(' ').filter_map(|at| Timestamp::from_microsecond(at.parse().ok()?).ok());
    Ok(times.collect())
}

fn count(log: &[Timestamp]) -> i64 {
    i64::try_from(log.len()).unwrap_or(i64::MAX)
}

fn log_text(log: &[Timestamp]) -> String {
    let times: Vec<String> = log.iter().map(|at| at.as_microsecond().to_string()).collect();
    times.join(" ")
}

/// Counts a try against several limits, each with its own key, in order; the first that is full refuses it.
///
/// # Errors
/// The store's.
pub fn rates_hit(tx: &mut WriteTx<'_>, now: Timestamp, limits: &[(RateLimit, &str)]) -> Result<RateDecision, Error> {
    for (RateLimit { bucket, limit, window }, key) in limits {
        let verdict = rate_hit(tx, now, bucket, key, *limit, *window)?;
        if verdict != RateDecision::Allowed {
            return Ok(verdict);
        }
    }
    Ok(RateDecision::Allowed)
}

/// Takes the newest counted try back, because it went well.
///
/// # Errors
/// The store's.
pub fn rate_forgive(tx: &mut WriteTx<'_>, bucket: &str, key: &str) -> Result<(), Error> {
    let key = key_hash(key);
    let mut log = log_read(tx, bucket, &key)?;
    if log.pop().is_some() {
        let sql = "UPDATE identity_rate SET hits = ?3, log = ?4 WHERE bucket = ?1 AND key = ?2";
        tx.execute(sql, &params![bucket, &key, count(&log), &log_text(&log)])?;
    }
    Ok(())
}

/// How many tries are left in the window before `now`. Counts nothing.
///
/// # Errors
/// The store's.
pub fn rate_left(tx: &mut ReadTx<'_>, now: Timestamp, limit: RateLimit, key: &str) -> Result<u32, Error> {
    let mut log = log_read(tx, limit.bucket, &key_hash(key))?;
    log.retain(|at| *at + limit.window > now);
    Ok(limit.limit.saturating_sub(u32::try_from(log.len()).unwrap_or(u32::MAX)))
}

/// Forgets all counted tries of a key.
///
/// # Errors
/// The store's.
pub fn rate_clear(tx: &mut WriteTx<'_>, bucket: &str, key: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_rate WHERE bucket = ?1 AND key = ?2", &params![bucket, &key_hash(key)])?;
    Ok(())
}

/// Forgets the windows that ended before `before`, and says how many.
///
/// # Errors
/// The store's.
pub fn rates_purge(tx: &mut WriteTx<'_>, before: Timestamp) -> Result<u64, Error> {
    Ok(tx.execute("DELETE FROM identity_rate WHERE ends_at < ?1", &params![before])?)
}

/// Hashed, because a key may be whatever somebody typed as a name: a password, or a megabyte.
fn key_hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Rounded up, so that whoever waits as told is let in.
fn whole_seconds(time: SignedDuration) -> u32 {
    let seconds = time.as_secs() + i64::from(time.subsec_nanos() > 0);
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_wait_is_rounded_up() {
        assert_eq!(whole_seconds(SignedDuration::from_millis(59_001)), 60);
        assert_eq!(whole_seconds(SignedDuration::from_secs(59)), 59);
        assert_eq!(whole_seconds(SignedDuration::from_micros(1)), 1);
        assert_eq!(whole_seconds(SignedDuration::ZERO), 1);
    }
}
