//! Threads with a connection each: the same closures as on SQLite, serializable, retried where they met another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Hosts, PostgresConnection};
use crate::job::{Rollback, TransactionJob};
use crate::queue::Queue;
use crate::tx::Isolation;
use crate::{Error, WriteTx};

/// Attempts at one transaction that keeps meeting others, before its caller is told.
const ATTEMPTS: u32 = 24;

/// After so many conflicts a transaction takes its further attempts alone: the pool's other threads begin no attempt
/// until it has ended. It can then meet only those that had begun before it, each of them once. Without this, the
/// chance of an attempt shrinks with the number of threads that want the same row, and an unlucky one runs out of
/// attempts.
const CONTENDED: u32 = 4;

/// The first pause between two attempts; it doubles, with some of it drawn by the thread's number so that two that met
/// do not meet again.
const PAUSE: Duration = Duration::from_micros(500);

/// Further looks of a wide command for a key that it found taken, before its caller is told. A serializable one need
/// not look again: whoever has looked for the key first is told of the conflict instead.
const LOOKS: u32 = 2;

/// Attempts to reach the server for one command, before its caller is told. Between them the server may restart.
const CONNECT_ATTEMPTS: u32 = 3;

/// No further attempt begins after so long: its caller would rather hear that the server is away.
const LOST_FOR: Duration = Duration::from_secs(12);

/// What a pool's transactions may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolMode {
    Write,
    Read,
}

impl PoolMode {
    fn begin(self, isolation: Isolation) -> &'static str {
        match (self, isolation) {
            (PoolMode::Write, Isolation::Serializable) => "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
            (PoolMode::Write, Isolation::Snapshot) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE",
            (PoolMode::Read, Isolation::Serializable) => "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
            (PoolMode::Read, Isolation::Snapshot) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// Runs until the queue is closed and empty. `number` tells the pool's threads apart.
pub(crate) fn pool_run(
    hosts: &Arc<Hosts>,
    access: PoolMode,
    queue: &Queue<Box<dyn TransactionJob>>,
    contended: &Mutex<()>,
    number: u32,
) {
    let mut worker = Worker { hosts, access, contended, number, connection: None };
    while let Some(mut job) = queue.pop() {
        let end = worker.run(job.as_mut());
        job.settle(end);
    }
}

struct Worker<'a> {
    hosts: &'a Arc<Hosts>,
    access: PoolMode,
    /// Held by the one transaction of the pool that has met others too often. Every other attempt waits for it.
    contended: &'a Mutex<()>,
    number: u32,
    connection: Option<PostgresConnection>,
}

impl Worker<'_> {
    /// Runs one job to its end: retried while it meets others, and across a lost connection as long as the commit had
    /// not been sent.
    fn run(&mut self, job: &mut dyn TransactionJob) -> Result<(), Error> {
        let began = Instant::now();
        let mut lost = 0;
        let mut met = 0;
        let mut taken = 0;
        let mut isolation = Isolation::Serializable;
        let contended = self.contended;
        let mut alone: Option<MutexGuard<'_, ()>> = None;
        loop {
            if alone.is_none() {
                drop(contended.lock().unwrap_or_else(PoisonError::into_inner));
            }
            let (end, was_taken) = self.attempt(job, isolation);
            match &end {
                // What a snapshot does not show may be there all the same. Another look finds it.
                Ok(()) | Err(Error::Unique { .. }) if was_taken && taken < LOOKS => {
                    taken += 1;
                    self.pause(taken);
                }
                Err(Error::Bulk) => isolation = Isolation::Snapshot,
                Err(Error::Conflict) if met < ATTEMPTS => {
                    met += 1;
                    if met < CONTENDED {
                        self.pause(met);
                    } else if alone.is_none() {
                        alone = Some(contended.lock().unwrap_or_else(PoisonError::into_inner));
                    }
                }
                Err(Error::Unavailable(_)) if lost < CONNECT_ATTEMPTS && began.elapsed() < LOST_FOR => {
                    lost += 1;
                    alone = None;
                    self.connection = None;
                    std::thread::sleep(Duration::from_millis(100) * lost);
                }
                _ => return end,
            }
        }
    }

    /// One attempt, and whether it ended at a key that is taken and that its snapshot may not show.
    fn attempt(&mut self, job: &mut dyn TransactionJob, isolation: Isolation) -> (Result<(), Error>, bool) {
        let mut was_taken = false;
        let end = self.run_once(job, isolation, &mut was_taken);
        (end, was_taken)
    }

    fn run_once(
        &mut self,
        job: &mut dyn TransactionJob,
        isolation: Isolation,
        was_taken: &mut bool,
    ) -> Result<(), Error> {
        let access = self.access;
        let connection = self.connection()?;
        connection.begin(access.begin(isolation))?;
        let mut tx = WriteTx::postgres(connection, isolation);
        let ran = job.run(&mut tx);
        *was_taken = isolation == Isolation::Snapshot && matches!(tx.failure(), Some(Error::Unique { .. }));
        let end = match ran {
            Ok(()) => connection.commit(),
            Err(Rollback::Refused) => connection.script("ROLLBACK"),
            Err(Rollback::Failed(error)) => connection.script("ROLLBACK").and(Err(error)),
        };
        if connection.is_closed() || matches!(end, Err(Error::Unknown(_))) {
            self.connection = None;
        }
        end
    }

    fn connection(&mut self) -> Result<&mut PostgresConnection, Error> {
        if self.connection.as_ref().is_none_or(PostgresConnection::is_closed) {
            self.connection = Some(PostgresConnection::open(self.hosts)?);
        }
        self.connection.as_mut().ok_or_else(|| Error::Unavailable("no connection".to_owned()))
    }

    fn pause(&self, met: u32) {
        let doubled = PAUSE * 2_u32.pow(met);
        std::thread::sleep(doubled + doubled * (self.number % 8) / 8);
    }
}
