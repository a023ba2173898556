//! API keys: what programs sign in with.

use jiff::Timestamp;
use purser_store::{Error as StoreError, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::{Actor, Error, Scopes, SecretHash};

/// The one object that a key acts for. Whatever else there is of that kind does not exist for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceBinding {
    /// What it is, such as `charge:seller`: 1 to 100 characters.
    pub kind: String,
    /// Which one.
    pub id: Uuid,
}

/// An API key, without the secret that only its owner knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id: how it is named in journals and revoked.
    pub id: Uuid,
    /// What its owner calls it.
    pub label: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The one object that it acts for.
    pub binding: Option<ResourceBinding>,
    /// Who made it.
    pub created_by: String,
    /// The person who made it, for whom it stands. A key made on the command line stands for itself.
    pub maker: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// An API key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// A fresh id.
    pub id: Uuid,
    /// What its owner calls it: 1 to 100 characters on one line.
    pub label: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The one object that it acts for.
    pub binding: Option<ResourceBinding>,
    /// When it ends by itself: after now.
    pub expires_at: Option<Timestamp>,
    /// Who makes it: 1 to 200 characters. A person ([`Actor::User`]) is the one for whom it stands.
    pub created_by: String,
}

const COLUMNS: &str =
    "id, label, scopes, tie_kind, tie_id, created_by, created_at, expires_at, last_used_at, revoked_at, maker";

/// Makes a key, known by the hash of its secret.
///
/// # Errors
/// [`Error::BadField`].
pub fn api_key_create(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewApiKey, hash: SecretHash) -> Result<(), Error> {
    label_check("the label", &new.label)?;
    if let Some(binding) = &new.binding {
        label_check("the kind of what the key is tied to", &binding.kind)?;
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::BadField { field: "the expiry", rule: "later than now" });
    }
    let (tie_kind, tie_id) = new.binding.as_ref().map(|binding| (binding.kind.as_str(), binding.id)).unzip();
    let scopes = new.scopes.to_string();
    let maker = match Actor::parse(&new.created_by) {
        Some(Actor::User(person)) => Some(person),
        _ => None,
    };
    tx.execute(
        "INSERT INTO identity_api_key
             (id, hash, label, scopes, tie_kind, tie_id, created_by, created_at, expires_at, maker)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &params![new.id, &hash.0, &new.label, &scopes, tie_kind, tie_id, &new.created_by, now, new.expires_at, maker],
    )?;
    Ok(())
}

/// The key whose secret has this hash, if it is live: neither revoked nor expired, and its maker may sign in.
///
/// # Errors
/// The store's.
pub fn api_key_by_hash(tx: &mut ReadTx<'_>, now: Timestamp, hash: SecretHash) -> Result<Option<ApiKey>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM identity_api_key WHERE hash = ?1
         AND (maker IS NULL OR EXISTS (SELECT 1 FROM identity_user u WHERE u.id = maker AND u.is_active = 1))"
    );
    let key = tx.query_opt(&sql, &params![&hash.0], read_key)?;
    Ok(key.filter(|key| key.is_live(now)))
}

/// The id of the key whose secret has this hash, whether it still opens anything or not.
///
/// # Errors
/// The store's.
pub fn api_key_id(tx: &mut ReadTx<'_>, hash: SecretHash) -> Result<Option<Uuid>, Error> {
    Ok(tx.query_opt("SELECT id FROM identity_api_key WHERE hash = ?1", &params![&hash.0], |row| row.get(0))?)
}

/// The newest keys, dead ones as well, newest first: at most `limit`, and only such as come after `before`, the
/// `created_at` and `id` of the last one of the page before.
///
/// # Errors
/// The store's.
pub fn api_key_list(tx: &mut ReadTx<'_>, limit: u32, before: Option<(Timestamp, Uuid)>) -> Result<Vec<ApiKey>, Error> {
    let (created_at, id) = before.unwrap_or((Timestamp::MAX, Uuid::max()));
    let sql = format!(
        "SELECT {COLUMNS} FROM identity_api_key WHERE (created_at, id) < (?1, ?2)
         ORDER BY created_at DESC, id DESC LIMIT ?3"
    );
    Ok(tx.query(&sql, &params![created_at, id, limit], read_key)?)
}

/// The keys that act for one object, dead ones as well, newest first.
///
/// # Errors
/// The store's.
pub fn api_keys_of(tx: &mut ReadTx<'_>, binding: &ResourceBinding) -> Result<Vec<ApiKey>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM identity_api_key WHERE tie_kind = ?1 AND tie_id = ?2 ORDER BY created_at DESC, id DESC"
    );
    Ok(tx.query(&sql, &params![&binding.kind, binding.id], read_key)?)
}

/// The keys that stand for a person, dead ones as well, newest first.
///
/// # Errors
/// The store's.
pub fn api_keys_made_by(tx: &mut ReadTx<'_>, maker: Uuid) -> Result<Vec<ApiKey>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM identity_api_key WHERE maker = ?1 ORDER BY created_at DESC, id DESC");
    Ok(tx.query(&sql, &params![maker], read_key)?)
}

/// Ends the keys that a person made: all of them, or with `tie` those for one object. Answers with those that were
/// not revoked before. The copies of the program that believe them refuse them within two seconds.
///
/// # Errors
/// The store's.
pub fn api_keys_revoke_of(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    maker: Uuid,
    binding: Option<&ResourceBinding>,
    actor: &str,
) -> Result<Vec<ApiKey>, Error> {
    let mut keys = api_keys_made_by(tx, maker)?;
    keys.retain(|key| key.revoked_at.is_none() && binding.is_none_or(|binding| key.binding.as_ref() == Some(binding)));
    for key in &keys {
        api_key_revoke(tx, now, key.id, actor)?;
    }
    Ok(keys)
}

/// The person for whom an actor of a journal or of the audit log stands: themselves, or the maker of a key. A key made
/// on the command line stands for nobody but itself.
///
/// # Errors
/// The store's.
pub fn person_behind(tx: &mut ReadTx<'_>, actor: &str) -> Result<Option<Uuid>, StoreError> {
    match Actor::parse(actor) {
        Some(Actor::User(person)) => Ok(Some(person)),
        Some(Actor::ApiKey(key)) => {
            let sql = "SELECT maker FROM identity_api_key WHERE id = ?1";
            Ok(tx.query_opt(sql, &params![key], |row| row.get::<Option<Uuid>>(0))?.flatten())
        }
        _ => Ok(None),
    }
}

/// Whether two actors are one person, or one key: what is asked wherever two persons are needed.
///
/// # Errors
/// The store's.
pub fn same_person(tx: &mut ReadTx<'_>, one: &str, other: &str) -> Result<bool, StoreError> {
    if one == other {
        return Ok(true);
    }
    let one = person_behind(tx, one)?;
    Ok(one.is_some() && one == person_behind(tx, other)?)
}

/// What the key with this id is called, whether it still opens anything or not.
///
/// # Errors
/// The store's.
pub fn api_key_label(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<String>, Error> {
    Ok(tx.query_opt("SELECT label FROM identity_api_key WHERE id = ?1", &params![id], |row| row.get(0))?)
}

/// Ends a key for good.
///
/// # Errors
/// [`Error::NoKey`]; [`Error::KeyRevoked`] the second time.
pub fn api_key_revoke(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, actor: &str) -> Result<(), Error> {
    let revoked = tx.execute(
        "UPDATE identity_api_key SET revoked_at = ?2, revoked_by = ?3 WHERE id = ?1 AND revoked_at IS NULL",
        &params![id, now, actor],
    )?;
    if revoked > 0 {
        return Ok(());
    }
    let known = tx.query_opt("SELECT 1 FROM identity_api_key WHERE id = ?1", &params![id], |_| Ok(()))?;
    Err(if known.is_some() { Error::KeyRevoked } else { Error::NoKey })
}

/// Notes that a key was used at `at`. Worth a write once a minute, no more.
///
/// # Errors
/// The store's.
pub fn api_key_used(tx: &mut WriteTx<'_>, id: Uuid, at: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE identity_api_key SET last_used_at = ?2
         WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)",
        &params![id, at],
    )?;
    Ok(())
}

impl ApiKey {
    /// Whether it opens anything at `now`: it is neither revoked nor expired.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

fn label_check(field: &'static str, text: &str) -> Result<(), Error> {
    let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(Error::BadField { field, rule: "1 to 100 characters on one line" }) }
}

fn read_key(row: &Row<'_>) -> Result<ApiKey, StoreError> {
    let scopes: String = row.get(2)?;
    let binding = row.get::<Option<String>>(3)?.zip(row.get(4)?).map(|(kind, id)| ResourceBinding { kind, id });
    Ok(ApiKey {
        id: row.get(0)?,
        label: row.get(1)?,
        scopes: Scopes::parse(&scopes).map_err(|error| StoreError::Engine(format!("identity_api_key: {error}")))?,
        binding,
        created_by: row.get(5)?,
        created_at: row.get(6)?,
        expires_at: row.get(7)?,
        last_used_at: row.get(8)?,
        revoked_at: row.get(9)?,
        maker: row.get(10)?,
    })
}
