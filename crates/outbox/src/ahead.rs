//! Moments that only a clock which was ahead knew: jobs that wait for them, and runs that bear them.

use jiff::{SignedDuration, Timestamp};
use purser_store::{Param, ReadTx, WriteTx, params};

use crate::Error;
use crate::backoff::later;

/// How far two clocks that are kept may be apart.
const APART: SignedDuration = SignedDuration::from_mins(1);

/// No lease is longer.
const LEASED: SignedDuration = SignedDuration::from_hours(1);

/// No job waits longer for another try.
const WAITS: SignedDuration = SignedDuration::from_hours(48);

/// What tells a job of a wrong clock from one that is meant for later: it was made in the future, or its lease or its wait
/// for another try is longer than any. `?1` is now; `?2`, `?3` and `?4` are those three bounds from now.
const AHEAD: &str = "due_at > ?2 AND (created_at > ?2 OR (lease_owner IS NOT NULL AND due_at > ?3)
                     OR (attempts > 0 AND due_at > ?4))";

/// Whether a job waits for such a moment. Quick where none is due later than usual.
pub(crate) fn jobs_are_ahead(tx: &mut ReadTx<'_>, now: Timestamp) -> Result<bool, Error> {
    let sql = format!("SELECT 1 FROM outbox_job WHERE due_at > ?1 AND {AHEAD} LIMIT 1");
    Ok(tx.query_opt(&sql, &bounds(now), |_| Ok(()))?.is_some())
}

/// Lets such jobs be claimed now, and says how many there were.
pub(crate) fn jobs_ahead_mend(tx: &mut WriteTx<'_>, now: Timestamp) -> Result<u64, Error> {
    let sql = format!(
        "UPDATE outbox_job SET due_at = ?1, created_at = CASE WHEN created_at > ?1 THEN ?1 ELSE created_at END
         WHERE {AHEAD}"
    );
    Ok(tx.execute(&sql, &bounds(now))?)
}

fn bounds(now: Timestamp) -> [Param<'static>; 4] {
    params![now, later(now, APART), later(now, LEASED), later(now, WAITS)]
}

/// The latest moment for which a schedule ran, where that is ahead of `now` by more than clocks may be apart.
///
/// # Errors
/// As the store refuses it.
pub fn run_ahead(tx: &mut ReadTx<'_>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let latest = "SELECT MAX(last_run_at) FROM outbox_schedule";
    let latest: Option<Timestamp> = tx.query_one(latest, &[], |row| row.get(0))?;
    Ok(latest.filter(|latest| *latest > later(now, APART)))
}
