//! The audit log: who did what, and from where. The schema refuses to change or delete a line.

use jiff::Timestamp;
use purser_store::{Error as StoreError, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::Error;

/// Something to be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEvent<'a> {
    /// Who did it: an [`Actor`](crate::Actor) in its text, 1 to 200 characters.
    pub actor: &'a str,
    /// What was done, such as `session.create` or `api_key.revoke`: 1 to 60 characters.
    pub action: &'a str,
    /// What it was done to, such as `user:<id>`: at most 200 characters, may be empty.
    pub subject: &'a str,
    /// The peer's address, where there is a peer.
    pub address: Option<&'a str>,
    /// More of it, as a JSON object: before and after. No secrets. At most 20,000 characters.
    pub detail: &'a str,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its id.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// From where.
    pub address: Option<String>,
    /// More of it, as a JSON object.
    pub detail: String,
}

/// Adds a line, in the transaction of what it tells about. `id` is a fresh UUID of version 7: the log is read in the
/// order of ids.
///
/// # Errors
/// The store's `Check` where a text is out of bounds, or the detail is not a JSON object.
pub fn audit(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, event: &AuditEvent<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO identity_audit (id, at, actor, action, subject, address, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &params![id, now, event.actor, event.action, event.subject, event.address, event.detail],
    )?;
    Ok(())
}

/// Lines of the log, newest first, at most `limit`: the newest of all, or those before the line `before`.
///
/// # Errors
/// The store's.
pub fn audit_list(tx: &mut ReadTx<'_>, before: Option<Uuid>, limit: u32) -> Result<Vec<AuditRecord>, Error> {
    let lines = tx.query(
        "SELECT id, at, actor, action, subject, address, detail FROM identity_audit
         WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
        &params![before.unwrap_or(Uuid::max()), limit],
        read_record,
    )?;
    Ok(lines)
}

/// Lines about one thing, newest first, at most `limit`.
///
/// # Errors
/// The store's.
pub fn audit_of(tx: &mut ReadTx<'_>, subject: &str, limit: u32) -> Result<Vec<AuditRecord>, Error> {
    let lines = tx.query(
        "SELECT id, at, actor, action, subject, address, detail FROM identity_audit
         WHERE subject = ?1 ORDER BY id DESC LIMIT ?2",
        &params![subject, limit],
        read_record,
    )?;
    Ok(lines)
}

fn read_record(row: &Row<'_>) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        id: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        action: row.get(3)?,
        subject: row.get(4)?,
        address: row.get(5)?,
        detail: row.get(6)?,
    })
}
