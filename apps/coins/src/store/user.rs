//! Users and how many coins they have.

use jiff::Timestamp;
use purser_identity::Email;
use purser_ledger::AccountId;
use purser_outbox::Language;
use purser_store::{Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use super::unread;
use crate::domain::{CoinUser, Freeze, UserId, coins};

/// What the console lists.
pub(crate) const USERS_FROM: &str = "coins_user u JOIN ledger_balance b ON b.account = u.account";

const SELECT: &str = "SELECT u.id, u.user_id, u.account, b.balance, u.email, u.language, u.person, u.created_at,
     u.frozen_by, u.frozen_at, u.frozen_reason
     FROM coins_user u JOIN ledger_balance b ON b.account = u.account";

fn read(row: &Row<'_>) -> Result<CoinUser, Error> {
    let (email, language): (Option<String>, String) = (row.get(4)?, row.get(5)?);
    let frozen =
        row.get::<Option<String>>(8)?.zip(row.get::<Option<Timestamp>>(9)?).zip(row.get::<Option<String>>(10)?);
    Ok(CoinUser {
        id: row.get(0)?,
        user_id: UserId::from_column(row.get(1)?),
        account: AccountId::from_column(row.get(2)?),
        balance: coins(row.get(3)?),
        email: email.map(Email::from_column),
        language: Language::parse(&language).ok_or_else(|| unread("coins_user.language", &language))?,
        person: row.get(6)?,
        created_at: row.get(7)?,
        frozen: frozen.map(|((by, at), reason)| Freeze { by, at, reason }),
    })
}

pub(crate) fn user_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<CoinUser>, Error> {
    tx.query_opt(&format!("{SELECT} WHERE u.id = ?1"), &params![id], read)
}

pub(crate) fn user_by_user_id(tx: &mut ReadTx<'_>, user_id: &UserId) -> Result<Option<CoinUser>, Error> {
    tx.query_opt(&format!("{SELECT} WHERE u.user_id = ?1"), &params![user_id.as_str()], read)
}

/// The user who a person is.
pub(crate) fn user_by_person(tx: &mut ReadTx<'_>, person: Uuid) -> Result<Option<CoinUser>, Error> {
    tx.query_opt(&format!("{SELECT} WHERE u.person = ?1"), &params![person], read)
}

pub(crate) fn user_insert(tx: &mut WriteTx<'_>, user: &CoinUser) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO coins_user (id, user_id, account, email, language, person, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &params![
            user.id,
            user.user_id.as_str(),
            user.account.get(),
            user.email.as_ref().map(Email::as_str),
            user.language.code(),
            user.person,
            user.created_at
        ],
    )?;
    Ok(())
}

/// Where to write to, in which language, and who has the account here.
pub(crate) fn user_update(tx: &mut WriteTx<'_>, user: &CoinUser) -> Result<(), Error> {
    tx.execute(
        "UPDATE coins_user SET email = ?2, language = ?3, person = ?4 WHERE id = ?1",
        &params![user.id, user.email.as_ref().map(Email::as_str), user.language.code(), user.person],
    )?;
    Ok(())
}

/// Whether the user is frozen, and why.
pub(crate) fn user_frozen_set(tx: &mut WriteTx<'_>, user: &CoinUser) -> Result<(), Error> {
    let frozen = user.frozen.as_ref();
    tx.execute(
        "UPDATE coins_user SET frozen_by = ?2, frozen_at = ?3, frozen_reason = ?4 WHERE id = ?1",
        &params![
            user.id,
            frozen.map(|frozen| frozen.by.as_str()),
            frozen.map(|frozen| frozen.at),
            frozen.map(|frozen| frozen.reason.as_str())
        ],
    )?;
    Ok(())
}
