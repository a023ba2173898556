//! A small write, to see whether one works.

use jiff::Timestamp;
use purser_store::{WriteTx, params};

use crate::Error;

/// Writes the moment of this look into a row of its own.
///
/// # Errors
/// As the store refuses it: that is what it is for.
pub fn pulse(tx: &mut WriteTx<'_>, now: Timestamp) -> Result<(), Error> {
    let sql = "INSERT INTO outbox_pulse (id, at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET at = excluded.at";
    tx.execute(sql, &params![now])?;
    Ok(())
}
