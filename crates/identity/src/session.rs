//! Sessions: who is signed in, and for how long.

use jiff::{SignedDuration, Timestamp};
use purser_store::{Error as StoreError, Row, Tx, params};
use uuid::Uuid;

use crate::{Error, SecretHash, User};

/// How long a session lasts: unused, and however much it is used. Staff have less of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// How long it may go unused.
    pub idle: SignedDuration,
    /// The same, of staff.
    pub staff_idle: SignedDuration,
    /// How long it lasts at most.
    pub absolute: SignedDuration,
    /// The same, of staff.
    pub staff_absolute: SignedDuration,
}

impl Default for SessionRules {
    fn default() -> Self {
        SessionRules {
            idle: SignedDuration::from_hours(14 * 24),
            staff_idle: SignedDuration::from_hours(8),
            absolute: SignedDuration::from_hours(90 * 24),
            staff_absolute: SignedDuration::from_hours(24),
        }
    }
}

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The peer's address, as text.
    pub address: String,
    /// What its browser calls itself. The first 300 characters are kept.
    pub agent: String,
}

/// A session that is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who is signed in.
    pub user: User,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last used; see [`session_seen`].
    pub last_seen_at: Timestamp,
    /// When it ends unless it is used again before.
    pub expires_at: Timestamp,
    /// The hash of its token: its name towards the functions here.
    pub hash: SecretHash,
}

/// Signs a user in: begins a session under the hash of a fresh token, and drops what ended of the user's others.
///
/// Whether the password fits is the caller's to see before, outside of any transaction. It may have been changed
/// meanwhile, so look again in this one: [`user_by_login`](crate::user_by_login) must give the hash that was verified,
/// and a user who is active.
///
/// # Errors
/// The store's.
pub fn session_create(
    tx: &mut Tx<'_>,
    now: Timestamp,
    hash: SecretHash,
    user: &User,
    from: &Origin,
    rules: &SessionRules,
) -> Result<(), Error> {
    let (idle, absolute) =
        if user.is_staff { (rules.staff_idle, rules.staff_absolute) } else { (rules.idle, rules.absolute) };
    tx.execute(
        "DELETE FROM identity_session
         WHERE person = ?1 AND (revoked_at IS NOT NULL OR ends_at <= ?2 OR last_seen_at + idle <= ?2)",
        &params![user.id, now],
    )?;
    let address: String = from.address.chars().take(100).collect();
    let agent: String = from.agent.chars().filter(|c| !c.is_control()).take(300).collect();
    let ends_at = later(now, absolute);
    tx.execute(
        "INSERT INTO identity_session (hash, person, address, agent, created_at, last_seen_at, idle, ends_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7)",
        &params![&hash.0, user.id, &address, &agent, now, microseconds(idle), ends_at],
    )?;
    person_seen(tx, now, user.id)
}

/// The session that a token opens, if it is alive: neither revoked, nor idle or old beyond its time, nor of a user who
/// is inactive.
///
/// # Errors
/// The store's.
pub fn session_find(tx: &mut Tx<'_>, now: Timestamp, hash: SecretHash) -> Result<Option<Session>, Error> {
    let session = tx.query_opt(
        "SELECT s.created_at, s.last_seen_at, s.idle, s.ends_at, u.id, u.username, u.email, u.first_name,
             u.last_name, u.is_staff, u.is_superuser, u.is_active, u.created_at, u.last_seen_at
         FROM identity_session s JOIN identity_user u ON u.id = s.person
         WHERE s.hash = ?1 AND s.revoked_at IS NULL",
        &params![&hash.0],
        |row| read_session(row, hash),
    )?;
    Ok(session.filter(|session| session.user.is_active && now < session.expires_at))
}

/// Notes that a session was used, which puts off its idle end. Worth a write once a minute, no more: look at
/// [`Session::last_seen_at`] before.
///
/// # Errors
/// The store's.
pub fn session_seen(tx: &mut Tx<'_>, now: Timestamp, hash: SecretHash) -> Result<(), Error> {
    let person = tx.query_opt(
        "UPDATE identity_session SET last_seen_at = ?2 WHERE hash = ?1 AND last_seen_at < ?2 RETURNING person",
        &params![&hash.0, now],
        |row| row.get(0),
    )?;
    person.map_or(Ok(()), |person| person_seen(tx, now, person))
}

/// Signs a session out. One that is gone already stays so.
///
/// # Errors
/// The store's.
pub fn session_revoke(tx: &mut Tx<'_>, now: Timestamp, hash: SecretHash) -> Result<(), Error> {
    let sql = "UPDATE identity_session SET revoked_at = ?2 WHERE hash = ?1 AND revoked_at IS NULL";
    tx.execute(sql, &params![&hash.0, now])?;
    Ok(())
}

/// Signs a user out everywhere.
///
/// # Errors
/// The store's.
pub fn sessions_revoke_all(tx: &mut Tx<'_>, now: Timestamp, user: Uuid) -> Result<(), Error> {
    let sql = "UPDATE identity_session SET revoked_at = ?2 WHERE person = ?1 AND revoked_at IS NULL";
    tx.execute(sql, &params![user, now])?;
    Ok(())
}

fn person_seen(tx: &mut Tx<'_>, now: Timestamp, id: Uuid) -> Result<(), Error> {
    tx.execute("UPDATE identity_user SET last_seen_at = ?2 WHERE id = ?1", &params![id, now])?;
    Ok(())
}

fn read_session(row: &Row<'_>, hash: SecretHash) -> Result<Session, StoreError> {
    let last_seen_at: Timestamp = row.get(1)?;
    let idle = SignedDuration::from_micros(row.get(2)?);
    let ends_at: Timestamp = row.get(3)?;
    let expires_at = later(last_seen_at, idle).min(ends_at);
    Ok(Session { user: User::read(row, 4)?, created_at: row.get(0)?, last_seen_at, expires_at, hash })
}

/// `at` plus `time`; the end of time where that lies beyond it.
fn later(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}

fn microseconds(time: SignedDuration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
