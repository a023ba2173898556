//! People who act for sellers.

use jiff::Timestamp;
use purser_store::{Error, ReadTx, WriteTx, params};
use uuid::Uuid;

/// Lets a person act for a seller; whether that is news.
pub(crate) fn person_add(
    tx: &mut WriteTx<'_>,
    seller: Uuid,
    person: Uuid,
    actor: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let added = tx.execute(
        "INSERT INTO charge_seller_person (seller, person, created_at, created_by) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (seller, person) DO NOTHING",
        &params![seller, person, now, actor],
    )?;
    Ok(added > 0)
}

/// Lets a person act for a seller no more; whether they did.
pub(crate) fn person_remove(tx: &mut WriteTx<'_>, seller: Uuid, person: Uuid) -> Result<bool, Error> {
    let removed =
        tx.execute("DELETE FROM charge_seller_person WHERE seller = ?1 AND person = ?2", &params![seller, person])?;
    Ok(removed > 0)
}

/// Everybody who acts for a seller, and since when.
pub(crate) fn persons_of(tx: &mut ReadTx<'_>, seller: Uuid) -> Result<Vec<(Uuid, Timestamp)>, Error> {
    tx.query(
        "SELECT person, created_at FROM charge_seller_person WHERE seller = ?1 ORDER BY created_at, person",
        &params![seller],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The sellers that a person acts for, by id and by name.
pub(crate) fn sellers_of(tx: &mut ReadTx<'_>, person: Uuid) -> Result<Vec<(Uuid, String)>, Error> {
    tx.query(
        "SELECT s.id, s.name FROM charge_seller_person p JOIN charge_seller s ON s.id = p.seller
         WHERE p.person = ?1 AND s.status <> 'inactive' ORDER BY s.name, s.id",
        &params![person],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
