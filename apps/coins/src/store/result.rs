//! The bank's answers, as they came.

use jiff::Timestamp;
use purser_store::{Error, ReadTx, WriteTx, params};
use uuid::Uuid;

/// How an uploaded answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultState {
    /// Some row was good when it was checked.
    Ready,
    /// None was.
    Invalid,
    /// What was good of it is done.
    Committed,
}

impl ResultState {
    fn name(self) -> &'static str {
        match self {
            ResultState::Ready => "ready",
            ResultState::Invalid => "invalid",
            ResultState::Committed => "committed",
        }
    }

    fn from_name(name: &str) -> Result<Self, Error> {
        let all = [ResultState::Ready, ResultState::Invalid, ResultState::Committed];
        let state = all.into_iter().find(|state| state.name() == name);
        state.ok_or_else(|| super::unread("coins_result.state", name))
    }
}

/// An uploaded answer.
#[derive(Debug, Clone)]
pub(crate) struct StoredResult {
    pub(crate) file: Vec<u8>,
    pub(crate) state: ResultState,
}

/// An answer to be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewResult<'a> {
    pub(crate) id: Uuid,
    pub(crate) file: &'a [u8],
    pub(crate) good: u32,
    pub(crate) bad: u32,
    pub(crate) actor: &'a str,
}

pub(crate) fn result_insert(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewResult<'_>) -> Result<(), Error> {
    let state = if new.good > 0 { ResultState::Ready } else { ResultState::Invalid };
    tx.execute(
        "INSERT INTO coins_result (id, file, good, bad, state, actor, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &params![new.id, new.file, new.good, new.bad, state.name(), new.actor, now],
    )?;
    Ok(())
}

pub(crate) fn result_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<StoredResult>, Error> {
    tx.query_opt("SELECT file, state FROM coins_result WHERE id = ?1", &params![id], |row| {
        let state: String = row.get(1)?;
        Ok(StoredResult { file: row.get(0)?, state: ResultState::from_name(&state)? })
    })
}

/// Writes down that what is good of it is being done, if nobody did before.
pub(crate) fn result_committed(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid) -> Result<bool, Error> {
    let sql = "UPDATE coins_result SET state = 'committed', committed_at = ?2 WHERE id = ?1 AND state <> 'committed'";
    Ok(tx.execute(sql, &params![id, now])? == 1)
}

/// How many of the bank's answers came before `before`.
///
/// # Errors
/// The store's.
pub fn results_old(tx: &mut ReadTx<'_>, before: Timestamp) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM coins_result WHERE created_at < ?1";
    tx.query_one(sql, &params![before], |row| row.get::<i64>(0).map(i64::unsigned_abs))
}

/// Forgets the bank's answers that came before `before`, at most `limit` of them, and says how many. What they did stands
/// in the withdrawals and in the audit log.
///
/// # Errors
/// The store's.
pub fn results_purge(tx: &mut WriteTx<'_>, before: Timestamp, limit: u32) -> Result<u64, Error> {
    let sql = "DELETE FROM coins_result
               WHERE id IN (SELECT id FROM coins_result WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
    tx.execute(sql, &params![before, limit])
}
