//! The answer to a request, kept in the transaction of its effect, so that a repeat gets the first answer again.

use jiff::Timestamp;
use purser_store::{BulkStatement, ReadTx, WriteTx, params};

use crate::Error;

/// A request's key, whose it is, what was asked, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose key: keys of different owners never meet.
    pub owner: String,
    /// The key, 1 to 200 characters.
    pub key: String,
    /// SHA-256 of what was asked.
    pub fingerprint: [u8; 32],
    /// What was answered, as JSON.
    pub answer: String,
}

const FIND: BulkStatement = BulkStatement {
    sqlite: "SELECT owner, key, fingerprint, answer FROM ledger_idempotency WHERE owner = ?1 AND key = ?2",
    postgres: "SELECT i.owner, i.key, i.fingerprint, i.answer
        FROM UNNEST(?1::text[], ?2::text[]) AS asked (owner, key)
        JOIN ledger_idempotency i ON i.owner = asked.owner AND i.key = asked.key",
};

const KEEP: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO ledger_idempotency (owner, key, fingerprint, answer, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5)",
    postgres: "INSERT INTO ledger_idempotency (owner, key, fingerprint, answer, created_at)
        SELECT * FROM UNNEST(?1::text[], ?2::text[], ?3::bytea[], ?4::text[], ?5::bigint[])",
};

/// The record of a key, if it came before.
///
/// # Errors
/// [`Error::KeyReused`] where it came with another fingerprint.
pub fn idempotency_find(
    tx: &mut ReadTx<'_>,
    owner: &str,
    key: &str,
    fingerprint: &[u8; 32],
) -> Result<Option<IdempotencyRecord>, Error> {
    let found = idempotency_find_many(tx, &[(owner, key)])?.pop();
    match found {
        Some(recorded) if recorded.fingerprint != *fingerprint => Err(Error::KeyReused(key.to_owned())),
        found => Ok(found),
    }
}

/// The records of those keys that came before, in any order; comparing the fingerprints is left to the caller.
///
/// # Errors
/// The store's.
pub fn idempotency_find_many(tx: &mut ReadTx<'_>, keys: &[(&str, &str)]) -> Result<Vec<IdempotencyRecord>, Error> {
    let rows: Vec<_> = keys.iter().map(|(owner, key)| params![*owner, *key]).collect();
    let found = tx.query_bulk(&FIND, &rows, |row| {
        let fingerprint: Vec<u8> = row.get(2)?;
        let fingerprint = fingerprint.try_into().unwrap_or([0; 32]);
        Ok(IdempotencyRecord { owner: row.get(0)?, key: row.get(1)?, fingerprint, answer: row.get(3)? })
    })?;
    Ok(found)
}

/// Keeps an answer with its effect.
///
/// # Errors
/// The store's `Unique` where the key came before.
pub fn idempotency_store(tx: &mut WriteTx<'_>, now: Timestamp, recorded: &IdempotencyRecord) -> Result<(), Error> {
    idempotency_store_many(tx, now, std::slice::from_ref(recorded))
}

/// Keeps many answers at once.
///
/// # Errors
/// The store's `Unique` where one of the keys came before.
pub fn idempotency_store_many(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    recorded: &[IdempotencyRecord],
) -> Result<(), Error> {
    let rows: Vec<_> =
        recorded.iter().map(|one| params![&one.owner, &one.key, &one.fingerprint, &one.answer, now]).collect();
    tx.execute_bulk(&KEEP, &rows)?;
    Ok(())
}

/// Forgets records made before `before`, at most `limit` of them: a key is promised for a time, not for ever. Returns
/// how many went.
///
/// # Errors
/// The store's.
pub fn idempotency_purge(tx: &mut WriteTx<'_>, before: Timestamp, limit: u32) -> Result<u64, Error> {
    let gone = tx.execute(
        "DELETE FROM ledger_idempotency WHERE (owner, key) IN
             (SELECT owner, key FROM ledger_idempotency WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
        &params![before, limit],
    )?;
    Ok(gone)
}
