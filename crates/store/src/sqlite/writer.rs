//! The one thread that writes: group commit.
//!
//! It takes whatever has queued, runs each command in a savepoint of its own, commits once, and only then answers them
//! all. A thousand waiting commands cost one sync of the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::DatabaseFile;
use crate::job::{Rollback, TransactionJob};
use crate::queue::Queue;
use crate::store::StoreDamage;
use crate::{Error, WriteTx, sqlite};

/// Commands in one commit, at most: bounds how long the first of them waits for the last.
const GROUP: usize = 1024;

/// The longest that the writer stands still for a checkpoint before it goes on regardless.
const RESTART_PATIENCE: Duration = Duration::from_secs(2);

/// Where the writer stands still between two commits for as long as the checkpointer needs to finish, because a log
/// whose writer never rests can never be started over and would grow without bound.
#[derive(Default)]
pub(crate) struct RestartPoint {
    wanted: AtomicBool,
    state: Mutex<HaltState>,
    changed: Condvar,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum HaltState {
    #[default]
    Running,
    Wanted,
    Halted,
}

impl RestartPoint {
    /// The checkpointer's side: runs `finish` while the writer stands still, or at once if it is idle and stays so.
    pub(crate) fn with_writer_halted<T>(&self, finish: impl FnOnce() -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = HaltState::Wanted;
        self.wanted.store(true, Ordering::Release);
        // An idle writer does not come by; then nothing is being appended, and there is nothing to wait for.
        let patience = Duration::from_millis(50);
        state = self
            .changed
            .wait_timeout_while(state, patience, |state| *state == HaltState::Wanted)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        drop(state);
        let done = finish();
        self.wanted.store(false, Ordering::Release);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = HaltState::Running;
        self.changed.notify_all();
        done
    }

    /// The writer's side, between two commits: one relaxed load when nobody asks.
    fn pass(&self) {
        if !self.wanted.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state != HaltState::Wanted {
            return;
        }
        *state = HaltState::Halted;
        self.changed.notify_all();
        let _ = self.changed.wait_timeout_while(state, RESTART_PATIENCE, |state| *state == HaltState::Halted);
    }
}

/// Runs until the queue is closed and empty.
pub(crate) fn writer_run(
    location: DatabaseFile,
    connection: Connection,
    queue: &Queue<Box<dyn TransactionJob>>,
    restart: &Arc<RestartPoint>,
    damage: StoreDamage,
) {
    let mut writer = Writer { place: location, connection, damage };
    let mut group: Vec<Box<dyn TransactionJob>> = Vec::with_capacity(GROUP);
    while queue.drain(&mut group, GROUP) {
        writer.commit_group(&mut group);
        restart.pass();
    }
}

struct Writer {
    place: DatabaseFile,
    connection: Connection,
    damage: StoreDamage,
}

/// A command that ran in this group, and whether its effects are part of it.
struct GroupMember {
    job: Box<dyn TransactionJob>,
    end: Result<(), Error>,
    survives: bool,
}

impl Writer {
    fn commit_group(&mut self, group: &mut Vec<Box<dyn TransactionJob>>) {
        if let Err(error) = self.script("BEGIN IMMEDIATE") {
            self.recover();
            return settle_all(group.drain(..), &error);
        }
        let alone = group.len() == 1;
        let mut ran: Vec<GroupMember> = Vec::with_capacity(group.len());
        let mut jobs = group.drain(..);
        for job in jobs.by_ref() {
            match self.run_one(job, alone) {
                Ok(one) => ran.push(one),
                Err((job, error)) => {
                    // The engine ended the whole transaction (a full disk does): nothing of the group stands.
                    self.recover();
                    job.settle(Err(error.clone()));
                    settle_all(ran.into_iter().map(|one| one.job), &error);
                    return settle_all(jobs, &error);
                }
            }
        }
        let end = self.finish(&ran);
        for one in ran {
            let end = if one.survives { end.clone() } else { one.end };
            one.job.settle(end);
        }
    }

    /// Runs one command in a savepoint; one that is alone in its group needs none, since the transaction is its own.
    fn run_one(
        &mut self,
        mut job: Box<dyn TransactionJob>,
        alone: bool,
    ) -> Result<GroupMember, (Box<dyn TransactionJob>, Error)> {
        if !alone && let Err(error) = self.script("SAVEPOINT command") {
            return Err((job, error));
        }
        let outcome = job.run(&mut WriteTx::sqlite(&self.connection));
        if self.connection.is_autocommit() {
            let error = match outcome {
                Err(Rollback::Failed(error)) => error,
                _ => Error::Unavailable("the engine rolled the transaction back".to_owned()),
            };
            return Err((job, error));
        }
        let (end, kept) = match outcome {
            Ok(()) => (Ok(()), true),
            Err(Rollback::Refused) => (Ok(()), false),
            Err(Rollback::Failed(error)) => {
                self.damage.note(&error);
                (Err(error), false)
            }
        };
        if !alone {
            let script = if kept { "RELEASE command" } else { "ROLLBACK TO command; RELEASE command" };
            if let Err(error) = self.script(script) {
                return Err((job, error));
            }
        }
        Ok(GroupMember { job, end, survives: kept })
    }

    /// Commits, if anything is to be kept; a failed commit is undone, and fails every command in it.
    fn finish(&mut self, ran: &[GroupMember]) -> Result<(), Error> {
        let script = if ran.iter().any(|one| one.survives) { "COMMIT" } else { "ROLLBACK" };
        self.script(script).inspect_err(|error| {
            self.damage.note(error);
            self.recover();
        })
    }

    fn script(&self, sql: &'static str) -> Result<(), Error> {
        if let Some((first, second)) = sql.split_once("; ") {
            sqlite::execute(&self.connection, first, &[])?;
            return sqlite::execute(&self.connection, second, &[]).map(drop);
        }
        sqlite::execute(&self.connection, sql, &[]).map(drop)
    }

    /// Leaves no transaction open. A connection that cannot even roll back is replaced; where that fails too, the next
    /// group finds out and tries again, so that service resumes by itself once the cause is gone.
    fn recover(&mut self) {
        if self.connection.is_autocommit() || self.script("ROLLBACK").is_ok() {
            return;
        }
        match self.place.connect() {
            Ok(connection) => self.connection = connection,
            Err(error) => tracing::error!(%error, "the writer cannot reopen the database"),
        }
    }
}

fn settle_all(jobs: impl Iterator<Item = Box<dyn TransactionJob>>, error: &Error) {
    for job in jobs {
        job.settle(Err(error.clone()));
    }
}
