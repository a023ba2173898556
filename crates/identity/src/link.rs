//! One-time links that are mailed: whoever opens one reads mail at the address that it was sent to.

use jiff::{SignedDuration, Timestamp};
use purser_store::{ReadTx, WriteTx, params};
use uuid::Uuid;

use crate::{Email, Error, SecretHash};

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Makes the address that it was sent to the person's own, verified address. Good for 3 days.
    Email,
    /// Sets a new password. Good for one hour.
    Password,
}

impl LinkPurpose {
    /// How long a link of this purpose is good for.
    #[must_use]
    pub fn lifetime(self) -> SignedDuration {
        match self {
            LinkPurpose::Email => SignedDuration::from_hours(72),
            LinkPurpose::Password => SignedDuration::from_hours(1),
        }
    }

    fn word(self) -> &'static str {
        match self {
            LinkPurpose::Email => "email",
            LinkPurpose::Password => "password",
        }
    }
}

/// Makes a link for a person, mailed to `email`; a former one of the same purpose is void. For nobody, whose id no
/// person has, it does the same work and makes none: the time that an answer takes must not tell who exists.
///
/// # Errors
/// The store's.
pub fn link_issue(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    person: Uuid,
    purpose: LinkPurpose,
    email: &Email,
    hash: SecretHash,
    lifetime: SignedDuration,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO identity_link (person, purpose, hash, email, issued_at, expires_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM identity_user WHERE id = ?1)
         ON CONFLICT (person, purpose) DO UPDATE SET hash = excluded.hash, email = excluded.email,
             issued_at = excluded.issued_at, expires_at = excluded.expires_at",
        &params![person, purpose.word(), &hash.0, email.as_str(), now, now + lifetime],
    )?;
    Ok(())
}

/// The person and the address of a link that is still good, and whose person may sign in.
///
/// # Errors
/// The store's.
pub fn link_find(
    tx: &mut ReadTx<'_>,
    now: Timestamp,
    purpose: LinkPurpose,
    hash: SecretHash,
) -> Result<Option<(Uuid, Email)>, Error> {
    let sql = "SELECT l.person, l.email FROM identity_link l JOIN identity_user u ON u.id = l.person
         WHERE l.hash = ?1 AND l.purpose = ?2 AND l.expires_at > ?3 AND u.is_active = 1";
    Ok(tx.query_opt(sql, &params![&hash.0, purpose.word(), now], |row| Ok((row.get(0)?, Email::read(row, 1)?)))?)
}

/// Spends a link.
///
/// # Errors
/// [`Error::LinkOver`] where it is not good any more.
pub fn link_redeem(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    purpose: LinkPurpose,
    hash: SecretHash,
) -> Result<(Uuid, Email), Error> {
    let found = link_find(tx, now, purpose, hash)?.ok_or(Error::LinkOver)?;
    tx.execute("DELETE FROM identity_link WHERE hash = ?1", &params![&hash.0])?;
    Ok(found)
}

/// Voids a person's links of a purpose.
///
/// # Errors
/// The store's.
pub fn links_void(tx: &mut WriteTx<'_>, person: Uuid, purpose: LinkPurpose) -> Result<(), Error> {
    let sql = "DELETE FROM identity_link WHERE person = ?1 AND purpose = ?2";
    tx.execute(sql, &params![person, purpose.word()])?;
    Ok(())
}
