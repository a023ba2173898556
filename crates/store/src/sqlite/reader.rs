//! Threads that read: each query sees one snapshot of the log, and never waits for the writer.

use rusqlite::Connection;

use crate::job::{Rollback, TransactionJob};
use crate::queue::Queue;
use crate::store::StoreDamage;
use crate::{WriteTx, sqlite};

/// Runs until the queue is closed and empty.
pub(crate) fn reader_run(connection: &Connection, queue: &Queue<Box<dyn TransactionJob>>, damage: &StoreDamage) {
    // A query that tries to write is a mistake of ours, and is told so.
    if let Err(error) = connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192;") {
        tracing::error!(%error, "a reader cannot be made read-only");
    }
    while let Some(mut job) = queue.pop() {
        let begun = sqlite::execute(connection, "BEGIN", &[]);
        let end = match begun {
            Err(error) => Err(error),
            Ok(_) => match job.run(&mut WriteTx::sqlite(connection)) {
                Ok(()) | Err(Rollback::Refused) => Ok(()),
                Err(Rollback::Failed(error)) => Err(error),
            },
        };
        if !connection.is_autocommit()
            && let Err(error) = sqlite::execute(connection, "ROLLBACK", &[])
        {
            tracing::error!(%error, "a reader cannot end its snapshot");
        }
        if let Err(error) = &end {
            damage.note(error);
        }
        job.settle(end);
    }
}
