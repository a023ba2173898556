//! Browsers that somebody has signed in with before.
//!
//! A browser keeps one token for all who sign in with it; the database knows its hash, person by person. The token opens
//! nothing. Whoever shows it is counted apart from strangers, so that strangers who try passwords keep no owner out.

use jiff::{SignedDuration, Timestamp};
use purser_store::{ReadTx, WriteTx, params};
use uuid::Uuid;

use crate::{Error, SecretHash};

/// How long a browser is known that nobody signs in with any more.
pub const DEVICE_LASTS: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Browsers of one person that are known, at most: the one used longest ago goes first.
const DEVICES: u32 = 20;

/// Whether the person has signed in with this browser before.
///
/// # Errors
/// The store's.
pub fn device_is_known(tx: &mut ReadTx<'_>, now: Timestamp, person: Uuid, hash: SecretHash) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM identity_device WHERE hash = ?1 AND person = ?2 AND ends_at > ?3";
    Ok(tx.query_opt(sql, &params![&hash.0, person, now], |_| Ok(()))?.is_some())
}

/// Remembers that the person signed in with a browser, which is called `hash` from now on. `former` is what it was
/// called before: a token that somebody planted, or copied, is known no more.
///
/// # Errors
/// The store's.
pub fn device_remember(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    person: Uuid,
    hash: SecretHash,
    former: Option<SecretHash>,
) -> Result<(), Error> {
    if let Some(former) = former {
        // Others who sign in with the same browser stay known to it.
        tx.execute("UPDATE identity_device SET hash = ?2 WHERE hash = ?1", &params![&former.0, &hash.0])?;
    }
    tx.execute(
        "INSERT INTO identity_device (hash, person, used_at, ends_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (hash, person) DO UPDATE SET used_at = excluded.used_at, ends_at = excluded.ends_at",
        &params![&hash.0, person, now, now + DEVICE_LASTS],
    )?;
    tx.execute(
        "DELETE FROM identity_device WHERE person = ?1 AND hash NOT IN
             (SELECT hash FROM identity_device WHERE person = ?1 ORDER BY used_at DESC, hash LIMIT ?2)",
        &params![person, DEVICES],
    )?;
    Ok(())
}

/// Forgets the browsers of a person.
///
/// # Errors
/// The store's.
pub(crate) fn devices_purge_of(tx: &mut WriteTx<'_>, person: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_device WHERE person = ?1", &params![person])?;
    Ok(())
}

/// Forgets the browsers that nobody has signed in with for long, and says how many.
///
/// # Errors
/// The store's.
pub fn devices_purge(tx: &mut WriteTx<'_>, now: Timestamp) -> Result<u64, Error> {
    Ok(tx.execute("DELETE FROM identity_device WHERE ends_at <= ?1", &params![now])?)
}
