//! Signing up: an account comes of it once the link is opened that was mailed to the address.
//!
//! Until then there is nobody to sign in as, no username is taken and no address is anybody's. So neither the answer to
//! signing up nor a sign-in after it tells what was taken before, and a stranger who enters somebody else's address gets
//! nothing that they could keep.

use jiff::{SignedDuration, Timestamp};
use purser_store::{ReadTx, WriteTx, params};
use uuid::Uuid;

use crate::user::name_check;
use crate::{
    Actor, Email, Error, NewUser, PasswordHash, SecretHash, Username, email_verify, user_create, username_free,
};

/// How long the mailed link is good for.
pub const SIGN_UP_LASTS: SignedDuration = SignedDuration::from_hours(72);

/// Somebody who would like to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSignUp {
    /// The username that they wish for. Where it is taken when the link is opened, a number is put behind it.
    pub username: Username,
    /// The address that the link is mailed to.
    pub email: Email,
    /// The first name, at most 150 characters.
    pub first_name: String,
    /// The last name, at most 150 characters.
    pub last_name: String,
    /// The password.
    pub password: PasswordHash,
}

/// Keeps what somebody signed up with, under the hash of the token that is mailed to them.
///
/// # Errors
/// [`Error::BadField`] for a name.
pub fn sign_up_begin(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewSignUp, hash: SecretHash) -> Result<(), Error> {
    name_check("the first name", &new.first_name)?;
    name_check("the last name", &new.last_name)?;
    tx.execute(
        "INSERT INTO identity_sign_up
             (hash, username, email, email_folded, first_name, last_name, password, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        &params![
            &hash.0,
            new.username.as_str(),
            new.email.as_str(),
            &new.email.folded(),
            &new.first_name,
            &new.last_name,
            new.password.as_str(),
            now,
            now + SIGN_UP_LASTS,
        ],
    )?;
    Ok(())
}

/// What somebody signed up with, while the link is good.
///
/// # Errors
/// The store's.
pub fn sign_up_find(tx: &mut ReadTx<'_>, now: Timestamp, hash: SecretHash) -> Result<Option<NewSignUp>, Error> {
    let sql = "SELECT username, email, first_name, last_name, password FROM identity_sign_up
         WHERE hash = ?1 AND expires_at > ?2";
    let found = tx.query_opt(sql, &params![&hash.0, now], |row| {
        let names = (Username::read(row, 0)?, Email::read(row, 1)?, row.get(2)?, row.get(3)?);
        Ok((names, PasswordHash::read(row, 4)?))
    })?;
    Ok(found.and_then(|((username, email, first_name, last_name), password)| {
        Some(NewSignUp { username, email, first_name, last_name, password: password? })
    }))
}

/// Makes the person known whose link was opened, with the address confirmed; whatever else was signed up with that
/// address is void. `id` is fresh. The username is the one that they got. With a `password` it is another one than that
/// of the sign-up, which may be a stranger's.
///
/// # Errors
/// [`Error::LinkOver`] where the link is not good any more, or the address is somebody's meanwhile.
pub fn sign_up_confirm(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    hash: SecretHash,
    id: Uuid,
    password: Option<&PasswordHash>,
) -> Result<Username, Error> {
    let wish = sign_up_find(tx, now, hash)?.ok_or(Error::LinkOver)?;
    tx.execute("DELETE FROM identity_sign_up WHERE email_folded = ?1", &params![&wish.email.folded()])?;
    let username = username_free(tx, &wish.username)?;
    let new = NewUser {
        id,
        username: username.clone(),
        email: wish.email.clone(),
        first_name: wish.first_name,
        last_name: wish.last_name,
        is_staff: false,
        is_superuser: false,
        password: Some(password.cloned().unwrap_or(wish.password)),
        actor: Actor::User(id).to_string(),
    };
    match user_create(tx, now, &new) {
        Err(Error::EmailTaken(_)) => return Err(Error::LinkOver),
        made => made?,
    }
    email_verify(tx, now, id, &wish.email)?;
    Ok(username)
}

/// Forgets those whose link was never opened, and says how many.
///
/// # Errors
/// The store's.
pub fn sign_ups_purge(tx: &mut WriteTx<'_>, now: Timestamp) -> Result<u64, Error> {
    Ok(tx.execute("DELETE FROM identity_sign_up WHERE expires_at <= ?1", &params![now])?)
}
