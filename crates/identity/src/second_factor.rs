//! A person's second factor: the codes of an authenticator app, and recovery codes for the day it is gone.

use jiff::Timestamp;
use purser_store::{ReadTx, WriteTx, params};
use uuid::Uuid;

use crate::{Error, SecretHash};

/// A second factor as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// The seed, sealed: open it with [`Sealer`](crate::Sealer) for [`totp_purpose`].
    pub sealed: Vec<u8>,
    /// Since when it is asked for; `None` while it is being set up.
    pub confirmed_at: Option<Timestamp>,
    /// Recovery codes that are left.
    pub recovery_left: u32,
}

/// What a person's seed is sealed for.
#[must_use]
pub fn totp_purpose(person: Uuid) -> String {
    format!("totp:{person}")
}

/// A person's second factor, where one is set up or being set up.
///
/// # Errors
/// The store's.
pub fn second_factor_get(tx: &mut ReadTx<'_>, person: Uuid) -> Result<Option<SecondFactor>, Error> {
    let found = tx.query_opt(
        "SELECT t.sealed, t.confirmed_at, (SELECT COUNT(*) FROM identity_recovery_code r
             WHERE r.person = t.person AND r.used_at IS NULL)
         FROM identity_totp t WHERE t.person = ?1",
        &params![person],
        |row| {
            let left = u32::try_from(row.get::<i64>(2)?).unwrap_or(0);
            Ok(SecondFactor { sealed: row.get(0)?, confirmed_at: row.get(1)?, recovery_left: left })
        },
    )?;
    Ok(found)
}

/// Whether this person is asked for a second factor.
///
/// # Errors
/// The store's.
pub fn second_factor_is_on(tx: &mut ReadTx<'_>, person: Uuid) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM identity_totp WHERE person = ?1 AND confirmed_at IS NOT NULL";
    Ok(tx.query_opt(sql, &params![person], |_| Ok(()))?.is_some())
}

/// Begins to set a second factor up, in place of one that was begun and never confirmed.
///
/// # Errors
/// [`Error::SecondFactorOn`] where there is one already.
pub fn second_factor_begin(tx: &mut WriteTx<'_>, now: Timestamp, person: Uuid, sealed: &[u8]) -> Result<(), Error> {
    let begun = tx.execute(
        "INSERT INTO identity_totp (person, sealed, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (person) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at
         WHERE identity_totp.confirmed_at IS NULL",
        &params![person, sealed, now],
    )?;
    if begun == 0 { Err(Error::SecondFactorOn) } else { Ok(()) }
}

/// Turns the second factor on: the person has shown the code of `step` from the seed `sealed`. `codes` are the hashes
/// of the recovery codes that the person is shown now.
///
/// # Errors
/// [`Error::NoSecondFactor`] where another was begun meanwhile, or it is on already.
pub fn second_factor_confirm(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    person: Uuid,
    sealed: &[u8],
    step: u64,
    codes: &[SecretHash],
) -> Result<(), Error> {
    let confirmed = tx.execute(
        "UPDATE identity_totp SET confirmed_at = ?3, last_step = ?4
         WHERE person = ?1 AND sealed = ?2 AND confirmed_at IS NULL",
        &params![person, sealed, now, signed(step)],
    )?;
    if confirmed == 0 {
        return Err(Error::NoSecondFactor);
    }
    recovery_codes_set(tx, person, codes)
}

/// Accepts the code of `step`, once: false where it, or a later one, was accepted before.
///
/// # Errors
/// The store's.
pub fn totp_accept(tx: &mut WriteTx<'_>, person: Uuid, step: u64) -> Result<bool, Error> {
    let accepted = tx.execute(
        "UPDATE identity_totp SET last_step = ?2 WHERE person = ?1 AND confirmed_at IS NOT NULL AND last_step < ?2",
        &params![person, signed(step)],
    )?;
    Ok(accepted == 1)
}

/// Spends a recovery code: false where there is none of this hash, or it was spent before.
///
/// # Errors
/// The store's.
pub fn recovery_code_spend(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    person: Uuid,
    hash: SecretHash,
) -> Result<bool, Error> {
    let spent = tx.execute(
        "UPDATE identity_recovery_code SET used_at = ?3 WHERE person = ?1 AND hash = ?2 AND used_at IS NULL",
        &params![person, &hash.0, now],
    )?;
    Ok(spent == 1)
}

/// Puts new recovery codes in place of the old ones.
///
/// # Errors
/// The store's.
pub fn recovery_codes_set(tx: &mut WriteTx<'_>, person: Uuid, codes: &[SecretHash]) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_recovery_code WHERE person = ?1", &params![person])?;
    for code in codes {
        let sql = "INSERT INTO identity_recovery_code (person, hash) VALUES (?1, ?2)";
        tx.execute(sql, &params![person, &code.0])?;
    }
    Ok(())
}

/// Ends a second factor that was begun and never confirmed, where there is one.
///
/// # Errors
/// The store's.
pub fn second_factor_abandon(tx: &mut WriteTx<'_>, person: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_totp WHERE person = ?1 AND confirmed_at IS NULL", &params![person])?;
    Ok(())
}

/// Turns the second factor off, with all its recovery codes.
///
/// # Errors
/// [`Error::NoSecondFactor`].
pub fn second_factor_remove(tx: &mut WriteTx<'_>, person: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM identity_recovery_code WHERE person = ?1", &params![person])?;
    let removed = tx.execute("DELETE FROM identity_totp WHERE person = ?1", &params![person])?;
    if removed == 0 { Err(Error::NoSecondFactor) } else { Ok(()) }
}

/// A step counts half minutes since 1970.
fn signed(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}
