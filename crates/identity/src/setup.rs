//! The one-time link by which the first superuser comes: no default password exists.

use jiff::{SignedDuration, Timestamp};
use purser_store::{ReadTx, WriteTx, params};

use crate::{Error, NewUser, SecretHash, superuser_exists, user_create};

/// How long a link is good for.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Makes this the set-up link, good for 24 hours; a former one is void.
///
/// # Errors
/// [`Error::SuperuserExists`].
pub fn setup_issue(tx: &mut WriteTx<'_>, now: Timestamp, hash: SecretHash) -> Result<(), Error> {
    if superuser_exists(tx)? {
        return Err(Error::SuperuserExists);
    }
    tx.execute(
        "INSERT INTO identity_setup (id, hash, issued_at, expires_at) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE
             SET hash = excluded.hash, issued_at = excluded.issued_at, expires_at = excluded.expires_at",
        &params![&hash.0, now, now + LIFETIME],
    )?;
    Ok(())
}

/// Whether the link may still be used, so that its page is worth showing.
///
/// # Errors
/// The store's.
pub fn setup_live(tx: &mut ReadTx<'_>, now: Timestamp, hash: SecretHash) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM identity_setup WHERE hash = ?1 AND expires_at > ?2";
    let known = tx.query_opt(sql, &params![&hash.0, now], |_| Ok(()))?.is_some();
    Ok(known && !superuser_exists(tx)?)
}

/// Makes the first superuser by the link, which is spent by that. `new` becomes a superuser whatever its flags say.
///
/// # Errors
/// [`Error::SetupOver`] where the link is not live, [`Error::BadField`] where the person has no password to sign in
/// with, or as [`user_create`].
pub fn setup_redeem(tx: &mut WriteTx<'_>, now: Timestamp, hash: SecretHash, new: &NewUser) -> Result<(), Error> {
    if !setup_live(tx, now, hash)? {
        return Err(Error::SetupOver);
    }
    if new.password.is_none() {
        return Err(Error::BadField { field: "the password", rule: "set: nobody else could let a superuser in" });
    }
    tx.execute("DELETE FROM identity_setup", &[])?;
    user_create(tx, now, &NewUser { is_staff: true, is_superuser: true, ..new.clone() })
}
