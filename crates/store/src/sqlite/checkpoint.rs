//! The thread that moves the log into the database file, beside the writer.
//!
//! While traffic is low, whatever is in the log is moved every second: a log that is lost or damaged then costs seconds.
//! The next writer starts a log over by itself once all of it has been moved.
//!
//! A writer that never rests leaves no such moment: left alone, the log grew by gigabytes a minute. So past a size limit
//! the checkpointer first moves most of it while the writer goes on, then has the writer stand still for the little that
//! came meanwhile. The limit goes with the size of the database and with what is free on the disk.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;

use super::RestartPoint;
use super::files::{self, log_of};

const MEBIBYTE: u64 = 1 << 20;

/// A page of 4 KiB with its header.
const FRAME: u64 = 4_096 + 24;

/// The log's size at which the writer must give a restart point: twice the database's, but within these bounds. Where
/// it is larger, fewer than one answer in a hundred waits for one.
const SMALLEST_LIMIT: u64 = 64 * MEBIBYTE;
const LARGEST_LIMIT: u64 = 256 * MEBIBYTE;

/// Of what is free on the disk, the log may take this part, but never has to be smaller than a mebibyte.
const FREE_PART: u64 = 4;
const LEAST_LIMIT: u64 = MEBIBYTE;

/// A log file that is longer than this is made short once all of it has been moved.
const SHORT_LOG: u64 = 4 * MEBIBYTE;

/// Frames in a second from which traffic is not low: 16 MiB. Less is moved in a few hundredths of a second.
const LOW_TRAFFIC: i32 = 4_096;

/// Frames that the writer may stand still for: 2 MiB.
const LITTLE_FRAMES: i32 = 512;

/// Rounds of moving beside the writer before it stands still for whatever is left.
const CATCH_UP_ROUNDS: u32 = 4;

/// How often to look, and how often where the log may only be small: it must not fill the disk between two looks.
const INTERVAL: Duration = Duration::from_millis(50);
const SHORT_INTERVAL: Duration = Duration::from_millis(5);

const SECOND: Duration = Duration::from_secs(1);

/// How long a restart waits for readers of old snapshots before it is left to the next look.
const READER_PATIENCE: Duration = Duration::from_millis(250);

/// The same where nothing presses. Whoever writes waits meanwhile.
const SHORT_PATIENCE: Duration = Duration::from_millis(5);

/// Looks before a restart is tried again after one that failed: somebody reads an old snapshot (a backup takes a while),
/// and having the writer wait for it over and over helps nobody.
const RESTART_REST: u32 = 100;

/// Seconds without any success after which it is told that the log grows.
const TOLD_AFTER: u32 = 60;

/// The log's length, and how much of it is in the database file already, in frames.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct WalSize {
    frames: i32,
    moved: i32,
}

/// Sizes that something is done at.
#[derive(Clone, Copy)]
struct CheckpointLimits {
    /// Frames not moved yet from which a passive checkpoint is worth its syncs, although the writer is at work. A page
    /// that was rewritten often meanwhile is moved once.
    passive: i32,
    /// Frames in the log from which it is to start over.
    restart: i32,
}

impl CheckpointLimits {
    fn of(path: &Path) -> Self {
        let size = |path: &Path| files::size(path).ok().flatten().unwrap_or(0);
        Self::new(size(path), size(&log_of(path)), files::free_bytes(path))
    }

    /// By the sizes of the database and its log, and by what else is free on the disk.
    fn new(database: u64, log: u64, free: Option<u64>) -> Self {
        let wanted = database.saturating_mul(2).clamp(SMALLEST_LIMIT, LARGEST_LIMIT);
        let room = free.map_or(u64::MAX, |free| free.saturating_add(log) / FREE_PART);
        let restart = i32::try_from(wanted.min(room).max(LEAST_LIMIT) / FRAME).unwrap_or(i32::MAX);
        CheckpointLimits { passive: restart / 8 * 3, restart }
    }

    fn interval(self) -> Duration {
        if u64::from(self.restart.unsigned_abs()) < SMALLEST_LIMIT / FRAME { SHORT_INTERVAL } else { INTERVAL }
    }
}

/// Runs until the other end of `stop` is dropped.
pub(crate) fn checkpointer_run(path: &Path, connection: &Connection, stop: &Receiver<()>, restart: &RestartPoint) {
    let mut checkpointer = Checkpointer {
        path,
        connection,
        restart,
        limits: CheckpointLimits::of(path),
        second: WalSize::default(),
        rest: 0,
        stuck: 0,
    };
    let mut passed = Duration::ZERO;
    while stop.recv_timeout(checkpointer.limits.interval()) == Err(RecvTimeoutError::Timeout) {
        passed += checkpointer.limits.interval();
        checkpointer.look();
        if passed >= SECOND {
            checkpointer.second_pass();
            passed = Duration::ZERO;
        }
    }
    checkpointer.patience(READER_PATIENCE);
    checkpoint(connection, CheckpointMode::TRUNCATE);
}

struct Checkpointer<'a> {
    path: &'a Path,
    connection: &'a Connection,
    restart: &'a RestartPoint,
    limits: CheckpointLimits,
    /// The log a second ago.
    second: WalSize,
    /// Looks before a restart is tried again.
    rest: u32,
    /// Seconds in which the log was to be moved, and was not.
    stuck: u32,
}

impl Checkpointer<'_> {
    /// What cannot wait: the log is past a limit.
    fn look(&mut self) {
        let Some(mut log) = checkpoint(self.connection, CheckpointMode::NOOP) else { return };
        if log.frames - log.moved >= self.limits.passive {
            log = checkpoint(self.connection, CheckpointMode::PASSIVE).unwrap_or(log);
        }
        if log.frames >= self.limits.restart && self.rest == 0 {
            self.start_over();
        }
        self.rest = self.rest.saturating_sub(1);
    }

    /// Has the writer stand still until the log is moved. The file keeps its length, because a log that is written over
    /// is synced sooner than one that grows; only where it is too long for the disk or the database, it is cut.
    fn start_over(&mut self) {
        catch_up(self.connection);
        let file = files::size(&log_of(self.path)).ok().flatten().unwrap_or(0);
        let is_long = file / FRAME > 2 * u64::from(self.limits.restart.unsigned_abs());
        let mode = if is_long { CheckpointMode::TRUNCATE } else { CheckpointMode::RESTART };
        self.patience(READER_PATIENCE);
        let restarted = self.restart.with_writer_halted(|| checkpoint(self.connection, mode));
        self.rest = if restarted.is_none() { RESTART_REST } else { 0 };
    }

    /// What is done every second: while traffic is low, all of the log is moved.
    fn second_pass(&mut self) {
        self.limits = CheckpointLimits::of(self.path);
        let Some(mut log) = checkpoint(self.connection, CheckpointMode::NOOP) else { return };
        let begun_anew = log.frames < self.second.frames;
        let written = if begun_anew { log.frames } else { log.frames - self.second.frames };
        if written < LOW_TRAFFIC {
            if log.moved < log.frames {
                log = checkpoint(self.connection, CheckpointMode::PASSIVE).unwrap_or(log);
            }
            if log.moved == log.frames && files::size(&log_of(self.path)).ok().flatten() > Some(SHORT_LOG) {
                self.patience(SHORT_PATIENCE);
                log = checkpoint(self.connection, CheckpointMode::TRUNCATE).unwrap_or(log);
            }
        }
        self.stuck = if log.moved == log.frames || log.moved != self.second.moved { 0 } else { self.stuck + 1 };
        if self.stuck == TOLD_AFTER {
            tracing::warn!(
                frames = log.frames,
                moved = log.moved,
                "the log has not been moved for a minute: the disk is full, or something reads for that long"
            );
        }
        self.second = log;
    }

    fn patience(&self, patience: Duration) {
        if let Err(error) = self.connection.busy_timeout(patience) {
            tracing::error!(%error, "the checkpointer cannot bound its patience");
        }
    }
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
fn checkpoint(connection: &Connection, mode: CheckpointMode) -> Option<WalSize> {
    match connection.wal_checkpoint_v2(None::<&str>, mode) {
        Ok((frames, moved)) => Some(WalSize { frames, moved }),
        Err(error) => {
            tracing::debug!(%error, "a checkpoint is put off");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(database: u64, log: u64, free: u64) -> u64 {
        u64::from(
            CheckpointLimits::new(database * MEBIBYTE, log * MEBIBYTE, Some(free * MEBIBYTE)).restart.unsigned_abs(),
        ) * FRAME
            / MEBIBYTE
    }

    #[test]
    fn the_log_may_be_twice_the_database_within_bounds() {
        assert_eq!([limit(1, 0, 10_000), limit(50, 0, 10_000), limit(9_000, 0, 10_000)], [63, 99, 255]);
    }

    #[test]
    fn on_a_small_disk_the_log_stays_small() {
        assert_eq!([limit(1, 1, 11), limit(1, 3, 9), limit(500, 0, 0)], [2, 2, 0]);
    }
}
