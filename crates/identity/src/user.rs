//! People who may sign in.

use jiff::Timestamp;
use purser_store::{Error as StoreError, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::{Actor, Email, Error, PasswordHash, RevocationCause, Roles, Username, credentials_changed};

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: Uuid,
    /// The username, unique but for letter case.
    pub username: Username,
    /// The email address, unique but for letter case.
    pub email: Email,
    /// The first name; may be empty.
    pub first_name: String,
    /// The last name; may be empty.
    pub last_name: String,
    /// Since when the address is known to be theirs.
    pub email_verified_at: Option<Timestamp>,
    /// What they may do as staff.
    pub roles: Roles,
    /// Whether the console is open to this person.
    pub is_staff: bool,
    /// Whether everything is. A superuser is staff.
    pub is_superuser: bool,
    /// Whether this person may sign in at all.
    pub is_active: bool,
    /// Whether this person signed up by themselves, and so enters only with a confirmed address. Nobody does newly: an
    /// account comes of signing up when the address is confirmed.
    pub must_confirm: bool,
    /// Since when the person is known.
    pub created_at: Timestamp,
    /// When a session of this person was last used, to the minute or so.
    pub last_seen_at: Option<Timestamp>,
}

/// Somebody to be made known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// A fresh id.
    pub id: Uuid,
    /// The username.
    pub username: Username,
    /// The email address.
    pub email: Email,
    /// The first name, at most 150 characters.
    pub first_name: String,
    /// The last name, at most 150 characters.
    pub last_name: String,
    /// Whether the console is open to this person.
    pub is_staff: bool,
    /// Whether everything is; makes the person staff.
    pub is_superuser: bool,
    /// The password. Without one, none fits.
    pub password: Option<PasswordHash>,
    /// Who makes the person known, and sets the password: 1 to 200 characters.
    pub actor: String,
}

const COLUMNS: [&str; 13] = [
    "id",
    "username",
    "email",
    "first_name",
    "last_name",
    "is_staff",
    "is_superuser",
    "is_active",
    "created_at",
    "last_seen_at",
    "email_verified_at",
    "roles",
    "must_confirm",
];

/// Makes somebody known, and active.
///
/// # Errors
/// [`Error::UsernameTaken`], [`Error::EmailTaken`], [`Error::BadField`] for a name.
pub fn user_create(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewUser) -> Result<(), Error> {
    name_check("the first name", &new.first_name)?;
    name_check("the last name", &new.last_name)?;
    if find(tx, &new.username.folded())?.is_some() {
        return Err(Error::UsernameTaken(new.username.to_string()));
    }
    if find(tx, &new.email.folded())?.is_some() {
        return Err(Error::EmailTaken(new.email.to_string()));
    }
    user_insert(tx, now, new)
}

fn user_insert(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewUser) -> Result<(), Error> {
    let (username_folded, email_folded) = (new.username.folded(), new.email.folded());
    let password = new.password.as_ref().map(PasswordHash::as_str);
    tx.execute(
        "INSERT INTO identity_user (id, username, username_folded, email, email_folded, first_name, last_name,
             is_staff, is_superuser, password, password_set_at, password_set_by, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &params![
            new.id,
            new.username.as_str(),
            &username_folded,
            new.email.as_str(),
            &email_folded,
            &new.first_name,
            &new.last_name,
            new.is_staff || new.is_superuser,
            new.is_superuser,
            password,
            password.map(|_| now),
            password.map(|_| new.actor.as_str()),
            now,
        ],
    )?;
    Ok(())
}

/// The user with this id.
///
/// # Errors
/// [`Error::NoUser`].
pub fn user_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<User, Error> {
    let sql = format!("SELECT {} FROM identity_user WHERE id = ?1", User::columns(""));
    tx.query_opt(&sql, &params![id], |row| User::read(row, 0))?.ok_or(Error::NoUser(id))
}

/// The user who signs in by this username or email address, in any letter case, with the password's hash where there
/// is one. Look whether the user [may enter](User::may_enter) before letting anybody in, and after the password was
/// verified, so that the answer and its time tell nothing.
///
/// # Errors
/// The store's.
pub fn user_by_login(tx: &mut ReadTx<'_>, login: &str) -> Result<Option<(User, Option<PasswordHash>)>, Error> {
    // What is neither never reaches the database, which would choke on some of what people type.
    let folded = match (Username::parse(login), Email::parse(login)) {
        (Ok(username), _) => username.folded(),
        (_, Ok(email)) => email.folded(),
        _ => return Ok(None),
    };
    find(tx, &folded)
}

/// The same by the id, for whoever is signed in and must prove it again.
///
/// # Errors
/// [`Error::NoUser`].
pub fn user_with_password(tx: &mut ReadTx<'_>, id: Uuid) -> Result<(User, Option<PasswordHash>), Error> {
    let sql = format!("SELECT password, {} FROM identity_user WHERE id = ?1", User::columns(""));
    let found = tx.query_opt(&sql, &params![id], |row| Ok((User::read(row, 1)?, PasswordHash::read(row, 0)?)))?;
    found.ok_or(Error::NoUser(id))
}

/// `wanted`, or where somebody has it already, the same with the first free number from 2 behind it.
///
/// # Errors
/// [`Error::UsernameTaken`] where a thousand have it.
pub fn username_free(tx: &mut ReadTx<'_>, wanted: &Username) -> Result<Username, Error> {
    if find(tx, &wanted.folded())?.is_none() {
        return Ok(wanted.clone());
    }
    for number in 2..1_000 {
        let start: String = wanted.as_str().chars().take(140).collect();
        let Ok(name) = Username::parse(&format!("{start}-{number}")) else { break };
        if find(tx, &name.folded())?.is_none() {
            return Ok(name);
        }
    }
    Err(Error::UsernameTaken(wanted.to_string()))
}

/// Makes `email` the person's verified address.
///
/// # Errors
/// [`Error::EmailTaken`], [`Error::NoUser`].
pub fn email_verify(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, email: &Email) -> Result<(), Error> {
    let was = user_get(tx, id)?;
    address_set(tx, now, id, email)?;
    if was.email != *email {
        credentials_changed(tx, now, &was, RevocationCause::AddressChanged)?;
    }
    if was.must_confirm && was.email_verified_at.is_none() {
        credentials_changed(tx, now, &was, RevocationCause::Confirmed)?;
    }
    Ok(())
}

fn address_set(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, email: &Email) -> Result<(), Error> {
    let folded = email.folded();
    if find(tx, &folded)?.is_some_and(|(other, _)| other.id != id) {
        return Err(Error::EmailTaken(email.to_string()));
    }
    tx.execute(
        "UPDATE identity_user SET email = ?2, email_folded = ?3, email_verified_at = ?4 WHERE id = ?1",
        &params![id, email.as_str(), &folded, now],
    )?;
    Ok(())
}

/// What somebody may do: set by staff, never by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// Whether the console is open to the person.
    pub is_staff: bool,
    /// Whether everything is; makes the person staff.
    pub is_superuser: bool,
    /// Whether the person may sign in at all.
    pub is_active: bool,
    /// What the person may do as staff.
    pub roles: Roles,
}

impl User {
    /// Whether this person may sign in: they were not stopped, and have confirmed the address where they must.
    #[must_use]
    pub fn may_enter(&self) -> bool {
        self.is_active && (self.email_verified_at.is_some() || !self.must_confirm)
    }

    /// What this person may do.
    #[must_use]
    pub fn access(&self) -> Privileges {
        let User { is_staff, is_superuser, is_active, .. } = *self;
        Privileges { is_staff, is_superuser, is_active, roles: self.roles.clone() }
    }
}

/// Sets what somebody may do, and ends what goes with other rights: all sessions, and more where they are stopped or let
/// in again ([`RevocationCause`]).
///
/// # Errors
/// [`Error::LastSuperuser`] where nobody who may sign in would be left who may do everything; [`Error::NoUser`].
pub fn access_set(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, access: &Privileges) -> Result<(), Error> {
    let was = user_get(tx, id)?;
    tx.execute(
        "UPDATE identity_user SET is_staff = ?2, is_superuser = ?3, is_active = ?4, roles = ?5 WHERE id = ?1",
        &params![
            id,
            access.is_staff || access.is_superuser,
            access.is_superuser,
            access.is_active,
            &access.roles.to_string(),
        ],
    )?;
    let sql = "SELECT 1 FROM identity_user WHERE is_superuser = 1 AND is_active = 1 LIMIT 1";
    if was.is_superuser && was.is_active && tx.query_opt(sql, &[], |_| Ok(()))?.is_none() {
        return Err(Error::LastSuperuser);
    }
    let cause = match (was.is_active, access.is_active) {
        (true, false) => RevocationCause::Stopped,
        (false, true) => RevocationCause::LetIn,
        _ => RevocationCause::RightsChanged,
    };
    credentials_changed(tx, now, &was, cause)
}

/// Sets a user's password, as the operator does: whoever had the old one is out.
///
/// # Errors
/// [`Error::NoUser`].
pub fn password_set(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    password: &PasswordHash,
    actor: &str,
) -> Result<(), Error> {
    password_replace(tx, now, id, password, actor, RevocationCause::PasswordSet)
}

/// Sets the password of a user who knows the old one. Whether it fits is the caller's to see before.
///
/// # Errors
/// [`Error::NoUser`].
pub fn password_change(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, password: &PasswordHash) -> Result<(), Error> {
    password_replace(tx, now, id, password, &Actor::User(id).to_string(), RevocationCause::PasswordChanged)
}

/// Sets the password of a user who has opened the link that was mailed to `email`, and so reads mail there: everything of
/// before ends, and the address is confirmed where it still is theirs. API keys may have been revoked by it.
///
/// # Errors
/// [`Error::NoUser`].
pub fn password_recover(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    password: &PasswordHash,
    email: &Email,
) -> Result<(), Error> {
    let user = user_get(tx, id)?;
    password_replace(tx, now, id, password, &Actor::User(id).to_string(), RevocationCause::Recovered)?;
    if user.email == *email && user.email_verified_at.is_none() {
        address_set(tx, now, id, &user.email)?;
    }
    Ok(())
}

fn password_replace(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    password: &PasswordHash,
    actor: &str,
    cause: RevocationCause,
) -> Result<(), Error> {
    let user = user_get(tx, id)?;
    tx.execute(
        "UPDATE identity_user SET password = ?2, password_set_at = ?3, password_set_by = ?4 WHERE id = ?1",
        &params![id, password.as_str(), now, actor],
    )?;
    credentials_changed(tx, now, &user, cause)
}

/// Whether there is a superuser, active or not. While there is none, a set-up link is due.
///
/// # Errors
/// The store's.
pub fn superuser_exists(tx: &mut ReadTx<'_>) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM identity_user WHERE is_superuser = 1 LIMIT 1";
    Ok(tx.query_opt(sql, &[], |_| Ok(()))?.is_some())
}

/// A username has no `@` and an email address has one, so a folded text can be only one of them.
fn find(tx: &mut ReadTx<'_>, folded: &str) -> Result<Option<(User, Option<PasswordHash>)>, Error> {
    let column = if folded.contains('@') { "email_folded" } else { "username_folded" };
    let sql = format!("SELECT password, {} FROM identity_user WHERE {column} = ?1", User::columns(""));
    let found = tx.query_opt(&sql, &params![folded], |row| Ok((User::read(row, 1)?, PasswordHash::read(row, 0)?)))?;
    Ok(found)
}

pub(crate) fn name_check(field: &'static str, name: &str) -> Result<(), Error> {
    let fits = name.chars().count() <= 150 && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(Error::BadField { field, rule: "at most 150 characters on one line" }) }
}

impl User {
    /// [`COLUMNS`] of the table that `prefix` names, such as `u.`.
    pub(crate) fn columns(prefix: &str) -> String {
        COLUMNS.map(|column| format!("{prefix}{column}")).join(", ")
    }

    /// Reads [`COLUMNS`], the first of which is at `start`.
    pub(crate) fn read(row: &Row<'_>, start: usize) -> Result<Self, StoreError> {
        Ok(User {
            id: row.get(start)?,
            username: Username::read(row, start + 1)?,
            email: Email::read(row, start + 2)?,
            first_name: row.get(start + 3)?,
            last_name: row.get(start + 4)?,
            is_staff: row.get(start + 5)?,
            is_superuser: row.get(start + 6)?,
            is_active: row.get(start + 7)?,
            created_at: row.get(start + 8)?,
            last_seen_at: row.get(start + 9)?,
            email_verified_at: row.get(start + 10)?,
            roles: Roles::read(row, start + 11)?,
            must_confirm: row.get(start + 12)?,
        })
    }
}
