//! Sessions: who is signed in, and for how long.

use jiff::{SignedDuration, Timestamp};
use purser_store::{Error as StoreError, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::{Error, SecretHash, User};

/// How long a right password waits for the second factor.
const PENDING: SignedDuration = SignedDuration::from_mins(10);

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
pub struct RequestOrigin {
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
    /// When the person last proved who they are: at signing in, or when asked again.
    pub reauthenticated_at: Timestamp,
    /// When it last decided something that requires a reauthentication.
    pub decided_at: Option<Timestamp>,
    /// From where it was begun.
    pub from: RequestOrigin,
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
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    hash: SecretHash,
    user: &User,
    from: &RequestOrigin,
    rules: &SessionRules,
) -> Result<(), Error> {
    let (idle, absolute) =
        if user.is_staff { (rules.staff_idle, rules.staff_absolute) } else { (rules.idle, rules.absolute) };
    insert(tx, now, hash, user.id, from, SessionLifetime { idle, absolute, pending: false })?;
    person_seen(tx, now, user.id)
}

/// Begins what stands between a right password and the second factor: it opens nothing but the page that asks for the
/// code, and ends after ten minutes.
///
/// # Errors
/// The store's.
pub fn session_create_pending(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    hash: SecretHash,
    user: &User,
    from: &RequestOrigin,
) -> Result<(), Error> {
    insert(tx, now, hash, user.id, from, SessionLifetime { idle: PENDING, absolute: PENDING, pending: true })
}

struct SessionLifetime {
    idle: SignedDuration,
    absolute: SignedDuration,
    pending: bool,
}

fn insert(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    hash: SecretHash,
    person: Uuid,
    from: &RequestOrigin,
    length: SessionLifetime,
) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM identity_session
         WHERE person = ?1 AND (revoked_at IS NOT NULL OR ends_at <= ?2 OR last_seen_at + idle <= ?2)",
        &params![person, now],
    )?;
    let address: String = from.address.chars().take(100).collect();
    let agent: String = from.agent.chars().filter(|c| !c.is_control()).take(300).collect();
    let (idle, ends_at) = (microseconds(length.idle), later(now, length.absolute));
    tx.execute(
        "INSERT INTO identity_session
             (hash, person, address, agent, created_at, last_seen_at, proved_at, idle, ends_at, pending)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, ?6, ?7, ?8)",
        &params![&hash.0, person, &address, &agent, now, idle, ends_at, length.pending],
    )?;
    Ok(())
}

/// The session that a token opens, if it is alive: neither revoked, nor idle or old beyond its time, nor of a user who
/// may not enter.
///
/// # Errors
/// The store's.
pub fn session_find(tx: &mut ReadTx<'_>, now: Timestamp, hash: SecretHash) -> Result<Option<Session>, Error> {
    find(tx, now, hash, false)
}

/// The same, of what still waits for the second factor.
///
/// # Errors
/// The store's.
pub fn session_find_pending(tx: &mut ReadTx<'_>, now: Timestamp, hash: SecretHash) -> Result<Option<Session>, Error> {
    find(tx, now, hash, true)
}

fn find(tx: &mut ReadTx<'_>, now: Timestamp, hash: SecretHash, pending: bool) -> Result<Option<Session>, Error> {
    let sql = select("s.hash = ?1 AND s.revoked_at IS NULL AND s.pending = ?2");
    let session = tx.query_opt(&sql, &params![&hash.0, pending], read_session)?;
    Ok(session.filter(|session| session.user.may_enter() && now < session.expires_at))
}

/// A person's sessions that are alive, the one used last first.
///
/// # Errors
/// The store's.
pub fn sessions_of(tx: &mut ReadTx<'_>, now: Timestamp, person: Uuid) -> Result<Vec<Session>, Error> {
    let sql = select("s.person = ?1 AND s.revoked_at IS NULL AND s.pending = 0");
    let mut sessions = tx.query(&sql, &params![person], read_session)?;
    sessions.retain(|session| now < session.expires_at);
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen_at));
    Ok(sessions)
}

/// Notes that the person has proved again who they are.
///
/// # Errors
/// The store's.
pub fn session_reauthenticated(tx: &mut WriteTx<'_>, now: Timestamp, hash: SecretHash) -> Result<(), Error> {
    let sql = "UPDATE identity_session SET proved_at = ?2 WHERE hash = ?1 AND proved_at < ?2";
    tx.execute(sql, &params![&hash.0, now])?;
    Ok(())
}

/// Notes that a session has decided something that requires a reauthentication. Worth a write once a minute, no more.
///
/// # Errors
/// The store's.
pub fn session_decided(tx: &mut WriteTx<'_>, now: Timestamp, hash: SecretHash) -> Result<(), Error> {
    let sql = "UPDATE identity_session SET decided_at = ?2 WHERE hash = ?1 AND (decided_at IS NULL OR decided_at < ?2)";
    tx.execute(sql, &params![&hash.0, now])?;
    Ok(())
}

/// Notes that a session was used, which puts off its idle end. Worth a write once a minute, no more: look at
/// [`Session::last_seen_at`] before.
///
/// # Errors
/// The store's.
pub fn session_seen(tx: &mut WriteTx<'_>, now: Timestamp, hash: SecretHash) -> Result<(), Error> {
    let seen = tx.execute_returning(
        "UPDATE identity_session SET last_seen_at = ?2
         WHERE hash = ?1 AND last_seen_at < ?2 AND last_seen_at + idle > ?2 AND ends_at > ?2 AND revoked_at IS NULL
         RETURNING person",
        &params![&hash.0, now],
        |row| row.get(0),
    )?;
    seen.into_iter().try_for_each(|person| person_seen(tx, now, person))
}

/// Signs a session out. One that is gone already stays so.
///
/// # Errors
/// The store's.
pub fn session_revoke(tx: &mut WriteTx<'_>, now: Timestamp, hash: SecretHash) -> Result<(), Error> {
    let sql = "UPDATE identity_session SET revoked_at = ?2 WHERE hash = ?1 AND revoked_at IS NULL";
    tx.execute(sql, &params![&hash.0, now])?;
    Ok(())
}

/// Signs one of a person's own sessions out: false where there is none of this hash.
///
/// # Errors
/// The store's.
pub fn session_revoke_of(tx: &mut WriteTx<'_>, now: Timestamp, person: Uuid, hash: SecretHash) -> Result<bool, Error> {
    let sql = "UPDATE identity_session SET revoked_at = ?3 WHERE hash = ?1 AND person = ?2 AND revoked_at IS NULL";
    Ok(tx.execute(sql, &params![&hash.0, person, now])? == 1)
}

/// Signs a user out everywhere but here, and says from how many sessions.
///
/// # Errors
/// The store's.
pub fn sessions_revoke_others(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    person: Uuid,
    here: SecretHash,
) -> Result<u64, Error> {
    let sql = "UPDATE identity_session SET revoked_at = ?3 WHERE person = ?1 AND hash <> ?2 AND revoked_at IS NULL";
    Ok(tx.execute(sql, &params![person, &here.0, now])?)
}

/// Signs a user out everywhere.
///
/// # Errors
/// The store's.
pub fn sessions_revoke_all(tx: &mut WriteTx<'_>, now: Timestamp, user: Uuid) -> Result<(), Error> {
    let sql = "UPDATE identity_session SET revoked_at = ?2 WHERE person = ?1 AND revoked_at IS NULL";
    tx.execute(sql, &params![user, now])?;
    Ok(())
}

fn person_seen(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid) -> Result<(), Error> {
    tx.execute("UPDATE identity_user SET last_seen_at = ?2 WHERE id = ?1", &params![id, now])?;
    Ok(())
}

/// Sessions with their users, where `condition` holds.
fn select(condition: &str) -> String {
    format!(
        "SELECT s.created_at, s.last_seen_at, s.idle, s.ends_at, s.proved_at, s.address, s.agent, s.hash, s.decided_at, {}
         FROM identity_session s JOIN identity_user u ON u.id = s.person WHERE {condition}",
        User::columns("u.")
    )
}

fn read_session(row: &Row<'_>) -> Result<Session, StoreError> {
    let last_seen_at: Timestamp = row.get(1)?;
    let idle = SignedDuration::from_micros(row.get(2)?);
    let ends_at: Timestamp = row.get(3)?;
    Ok(Session {
        created_at: row.get(0)?,
        last_seen_at,
        expires_at: later(last_seen_at, idle).min(ends_at),
        reauthenticated_at: row.get(4)?,
        from: RequestOrigin { address: row.get(5)?, agent: row.get(6)? },
        hash: SecretHash::read(row, 7)?,
        decided_at: row.get(8)?,
        user: User::read(row, 9)?,
    })
}

/// `at` plus `time`; the end of time where that lies beyond it.
fn later(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}

fn microseconds(time: SignedDuration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
