//! What a person says of themselves.

use purser_store::{Error as StoreError, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::Error;

/// What a person may change of themselves. Bounds are in characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// At most 150.
    pub first_name: String,
    /// At most 150.
    pub last_name: String,
    /// In international form, such as +919876543210, unique; empty where none is given.
    pub mobile: String,
    /// At most 100.
    pub country: String,
    /// At most 300.
    pub address: String,
    /// At most 100.
    pub state: String,
    /// At most 20.
    pub zip_code: String,
    /// At most 100.
    pub city: String,
}

/// Reads it.
///
/// # Errors
/// [`Error::NoUser`].
pub fn profile_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Profile, Error> {
    let sql = "SELECT first_name, last_name, mobile, country, address, state, zip_code, city
         FROM identity_user WHERE id = ?1";
    tx.query_opt(sql, &params![id], read)?.ok_or(Error::NoUser(id))
}

/// Changes it.
///
/// # Errors
/// [`Error::BadField`], [`Error::MobileTaken`], [`Error::NoUser`].
pub fn profile_set(tx: &mut WriteTx<'_>, id: Uuid, profile: &Profile) -> Result<(), Error> {
    let Profile { first_name, last_name, mobile, country, address, state, zip_code, city } = profile;
    for (field, rule, text, most) in [
        ("first_name", "at most 150 characters on one line", first_name, 150),
        ("last_name", "at most 150 characters on one line", last_name, 150),
        ("country", "at most 100 characters on one line", country, 100),
        ("address", "at most 300 characters on one line", address, 300),
        ("state", "at most 100 characters on one line", state, 100),
        ("zip_code", "at most 20 characters on one line", zip_code, 20),
        ("city", "at most 100 characters on one line", city, 100),
    ] {
        if text.chars().count() > most || text.chars().any(char::is_control) {
            return Err(Error::BadField { field, rule });
        }
    }
    let mobile = Some(mobile.as_str()).filter(|mobile| !mobile.is_empty());
    if let Some(mobile) = mobile {
        if !is_mobile(mobile) {
            return Err(Error::BadField { field: "mobile", rule: "a number with its country, such as +919876543210" });
        }
        let sql = "SELECT 1 FROM identity_user WHERE mobile = ?1 AND id <> ?2";
        if tx.query_opt(sql, &params![mobile, id], |_| Ok(()))?.is_some() {
            return Err(Error::MobileTaken);
        }
    }
    let changed = tx.execute(
        "UPDATE identity_user SET first_name = ?2, last_name = ?3, mobile = ?4, country = ?5, address = ?6, state = ?7,
             zip_code = ?8, city = ?9 WHERE id = ?1",
        &params![id, first_name, last_name, mobile, country, address, state, zip_code, city],
    )?;
    if changed == 0 { Err(Error::NoUser(id)) } else { Ok(()) }
}

/// E.164: a plus, and 8 to 14 digits of which the first is not zero (15 characters in all, as the column has).
fn is_mobile(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (8..=14).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

fn read(row: &Row<'_>) -> Result<Profile, StoreError> {
    Ok(Profile {
        first_name: row.get(0)?,
        last_name: row.get(1)?,
        mobile: row.get::<Option<String>>(2)?.unwrap_or_default(),
        country: row.get(3)?,
        address: row.get(4)?,
        state: row.get(5)?,
        zip_code: row.get(6)?,
        city: row.get(7)?,
    })
}
