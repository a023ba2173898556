//! How far behind the queue is: for the health page.

use jiff::Timestamp;
use purser_store::ReadTx;

use crate::Error;

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs that wait or run, counted up to 10,000.
    pub jobs: u32,
    /// Since when the job that is due longest has been due, or when the next one will be. `None`
    /// where there is no job. Jobs that wait for an earlier one of their key do not count. Well before now, no worker is at work or none keeps up.
    pub next_due_at: Option<Timestamp>,
    /// Dead letters that wait for a person.
    pub dead_letters: u32,
}

/// Looks at the queue; quick however long it is.
///
/// # Errors
/// As the store refuses it.
pub fn backlog(tx: &mut ReadTx<'_>) -> Result<Backlog, Error> {
    let jobs =
        tx.query_one("SELECT COUNT(*) FROM (SELECT 1 FROM outbox_job LIMIT 10000) AS counted", &[], |row| row.get(0))?;
    let next_due_at = tx.query_one("SELECT MIN(due_at) FROM outbox_job WHERE behind IS NULL", &[], |row| row.get(0))?;
    let dead_letters = tx.query_one("SELECT COUNT(*) FROM outbox_dead_letter", &[], |row| row.get(0))?;
    Ok(Backlog { jobs, next_due_at, dead_letters })
}
