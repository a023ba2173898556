//! The thread that moves the log into the database file, beside the writer.
//!
//! A passive checkpoint never makes anybody wait, but the log can only be started over at a moment when all of it has
//! been moved, and a writer that never rests leaves no such moment: left alone, the log grew by gigabytes a minute. So
//! past a size limit the checkpointer first moves most of it while the writer goes on, then has the writer stand still
//! for the little that came meanwhile.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;

use super::RestartPoint;

/// Frames (pages of 4 KiB) not moved yet from which a passive checkpoint is worth its syncs: 96 MiB. A page that was
/// rewritten often meanwhile is moved once.
const PASSIVE_FRAMES: i32 = 24_576;

/// Frames in the log from which the writer must give a restart point: 256 MiB. Fewer of them, and fewer than
/// one answer in a hundred waits for one.
const RESTART_FRAMES: i32 = 65_536;

/// Frames that the writer may stand still for: 2 MiB.
const LITTLE_FRAMES: i32 = 512;

/// Rounds of moving beside the writer before it stands still for whatever is left.
const CATCH_UP_ROUNDS: u32 = 4;

/// How often to look.
const INTERVAL: Duration = Duration::from_millis(50);

/// Looks without news after which whatever is left is moved, so that an idle system has an empty log.
const IDLE_LOOKS: u32 = 20;

/// How long a restart waits for readers of old snapshots before it is left to the next look.
const READER_PATIENCE: Duration = Duration::from_millis(250);

/// Looks before a restart is tried again after one that failed: somebody reads an old snapshot (a backup takes a while),
/// and having the writer wait for it over and over helps nobody.
const RESTART_REST: u32 = 100;

/// The log's length, and how much of it is in the database file already, in frames.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Log {
    frames: i32,
    moved: i32,
}

/// Runs until the other end of `stop` is dropped.
pub(crate) fn checkpointer_run(connection: &Connection, stop: &Receiver<()>, restart: &RestartPoint) {
    if let Err(error) = connection.busy_timeout(READER_PATIENCE) {
        tracing::error!(%error, "the checkpointer cannot bound its patience");
    }
    let mut last = Log::default();
    let mut idle = 0;
    let mut rest = 0;
    while stop.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let mut log = checkpoint(connection, CheckpointMode::NOOP).unwrap_or(last);
        idle = if log == last { idle + 1 } else { 0 };
        let waiting = log.frames - log.moved;
        if waiting >= PASSIVE_FRAMES || (waiting > 0 && idle >= IDLE_LOOKS) {
            log = checkpoint(connection, CheckpointMode::PASSIVE).unwrap_or(log);
        }
        if log.frames >= RESTART_FRAMES && rest == 0 {
            catch_up(connection);
            let restarted = restart.with_writer_halted(|| checkpoint(connection, CheckpointMode::RESTART));
            rest = if restarted.is_none() { RESTART_REST } else { 0 };
            log = restarted.unwrap_or(log);
        }
        rest = rest.saturating_sub(1);
        last = log;
    }
    checkpoint(connection, CheckpointMode::TRUNCATE);
}

/// Moves what there is while the writer goes on, again and again: each round leaves only what came during it, until so
/// little is left that the writer hardly notices standing still for it.
fn catch_up(connection: &Connection) {
    for _ in 0..CATCH_UP_ROUNDS {
        let moved = checkpoint(connection, CheckpointMode::PASSIVE);
        let left = checkpoint(connection, CheckpointMode::NOOP).map_or(0, |log| log.frames - log.moved);
        if moved.is_none() || left <= LITTLE_FRAMES {
            return;
        }
    }
}

/// `None` where it could not run now: somebody reads an old snapshot, or the disk is full. The next look tries again.
fn checkpoint(connection: &Connection, mode: CheckpointMode) -> Option<Log> {
    match connection.wal_checkpoint_v2(None::<&str>, mode) {
        Ok((frames, moved)) => Some(Log { frames, moved }),
        Err(error) => {
            tracing::debug!(%error, "a checkpoint is put off");
            None
        }
    }
}
