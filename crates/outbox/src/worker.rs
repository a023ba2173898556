//! The loop that does the jobs.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_store::{Clock, Store};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::ahead::{jobs_ahead_mend, jobs_are_ahead};
use crate::attempt::WorkerContext;
use crate::backoff::later;
use crate::schedule::Timetable;
use crate::{ClaimedJob, Error, JobHandler, Schedule, jobs_claim, ordered_queues_are_broken, ordered_queues_repair};

/// Tells the worker of this process that there is something to do. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    woken: Arc<Notify>,
}

impl Outbox {
    /// To be called after the commit of something that was enqueued. Without it the worker finds the
    /// job with its next look at the queue, as it does with those of other processes.
    pub fn wake(&self) {
        self.woken.notify_one();
    }
}

/// How much a worker takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerLimits {
    /// Jobs run at the same time. From 1.
    pub concurrency: u32,
    /// How long the worker may be unheard of before another takes its jobs. It renews its leases well
    /// before they end, so a job may take longer.
    pub lease: SignedDuration,
    /// How often it looks at the queue when nobody wakes it.
    pub poll: Duration,
    /// How long a stop waits for running jobs before it gives them back.
    pub grace: Duration,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        WorkerLimits {
            concurrency: 16,
            lease: SignedDuration::from_secs(60),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(20),
        }
    }
}

/// All that a worker is made of.
pub struct WorkerSetup {
    /// Where the jobs are.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// This process, told apart from all others.
    pub owner: Uuid,
    /// Wakes the worker.
    pub outbox: Outbox,
    /// One for each kind of job. Jobs of other kinds are left to other workers.
    pub handlers: Vec<JobHandler>,
    /// What to enqueue when.
    pub schedules: Vec<Schedule>,
    /// The zone of the cron lines.
    pub zone: TimeZone,
    /// How much to take on.
    pub limits: WorkerLimits,
}

/// Does jobs and minds schedules, beside any number of other workers.
pub struct Worker {
    context: Arc<WorkerContext>,
    kinds: Arc<[&'static str]>,
    outbox: Outbox,
    schedules: Vec<WatchedSchedule>,
    /// From when on the lines are worth another look.
    mend_at: Timestamp,
    /// The last look at the queue, by the clock.
    looked_at: Timestamp,
    give_up: watch::Sender<bool>,
}

/// How often lines are looked after: so long at most a line stands still whose first ended while a wide command joined it.
const MEND_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// A schedule's row is looked at this often at least: another copy, whose clock was ahead, may have put it off.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// A schedule, and from when on it is worth a look at its row.
struct WatchedSchedule {
    timetable: Timetable,
    look_at: Timestamp,
}

impl Worker {
    /// Puts a worker together.
    ///
    /// # Errors
    /// [`Error::Duplicate`], [`Error::Cron`].
    pub fn new(setup: WorkerSetup) -> Result<Self, Error> {
        let mut handlers = HashMap::new();
        for handler in setup.handlers {
            let kind = handler.kind;
            if handlers.insert(kind, handler).is_some() {
                return Err(Error::Duplicate(kind));
            }
        }
        let kinds = handlers.keys().copied().collect();
        let WorkerSetup { store, clock, owner, outbox, limits, .. } = setup;
        Ok(Worker {
            context: Arc::new(WorkerContext { store, clock, owner, handlers, limits }),
            kinds,
            outbox,
            schedules: watched(setup.schedules, &setup.zone)?,
            mend_at: Timestamp::MIN,
            looked_at: Timestamp::MIN,
            give_up: watch::Sender::new(false),
        })
    }

    /// Works until `stop` completes, then finishes what runs. What is not finished in
    /// [`WorkerLimits::grace`] is given back.
    ///
    /// Whatever goes wrong with the database is logged, and tried again with the next look.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut running = JoinSet::new();
        let outbox = self.outbox.clone();
        loop {
            if let Err(error) = self.begin_due(&mut running).await {
                tracing::error!(%error, "[JOB] the queue cannot be looked at");
            }
            tokio::select! {
                () = &mut stop => break,
                Some(_) = running.join_next() => {}
                () = outbox.woken.notified() => {}
                () = sleep(self.context.limits.poll) => {}
            }
        }
        if timeout(self.context.limits.grace, finish(&mut running)).await.is_err() {
            self.give_up.send_replace(true);
            finish(&mut running).await;
        }
    }

    /// Does everything that is due by the clock, what comes of it included, and says how many
    /// attempts that took. For tests and for the command line: it neither waits nor polls.
    ///
    /// # Errors
    /// Where the queue cannot be looked at.
    pub async fn run_due_once(&mut self) -> Result<usize, Error> {
        let mut running = JoinSet::new();
        let mut attempts = 0;
        loop {
            attempts += self.begin_due(&mut running).await?;
            if running.join_next().await.is_none() {
                return Ok(attempts);
            }
        }
    }

    /// Minds the schedules, then begins due jobs as far as there is room, and says how many.
    async fn begin_due(&mut self, running: &mut JoinSet<()>) -> Result<usize, Error> {
        while running.try_join_next().is_some() {}
        self.mind_clock();
        self.mind_schedules().await;
        self.mend_lines().await?;
        let desk = &self.context;
        let busy = u32::try_from(running.len()).unwrap_or(u32::MAX);
        let (now, owner, lease) = (desk.clock.now(), desk.owner, desk.limits.lease);
        let (kinds, room) = (Arc::clone(&self.kinds), desk.limits.concurrency.saturating_sub(busy));
        if room == 0 {
            return Ok(0);
        }
        let claimed: Vec<ClaimedJob> =
            desk.store.write(move |tx| jobs_claim(tx, now, owner, &kinds, room, lease)).await?;
        let begun = claimed.len();
        for job in claimed {
            running.spawn(Arc::clone(desk).attempt(job, now, self.give_up.subscribe()));
        }
        Ok(begun)
    }

    /// A clock that was put back makes every moment worthless that was worked out before.
    fn mind_clock(&mut self) {
        let now = self.context.clock.now();
        if now < self.looked_at {
            tracing::error!(was = %self.looked_at, %now, "[CLOCK] the clock was put back");
            self.mend_at = Timestamp::MIN;
            self.schedules.iter_mut().for_each(|watched| watched.look_at = Timestamp::MIN);
        }
        self.looked_at = now;
    }

    /// Sees that every line has a first, and that no job waits for a moment that only a wrong clock knew.
    async fn mend_lines(&mut self) -> Result<(), Error> {
        let now = self.context.clock.now();
        if now < self.mend_at {
            return Ok(());
        }
        if self.context.store.read(ordered_queues_are_broken).await? {
            self.context.store.write(ordered_queues_repair).await?;
        }
        if self.context.store.read(move |tx| jobs_are_ahead(tx, now)).await? {
            let mended = self.context.store.write(move |tx| jobs_ahead_mend(tx, now)).await?;
            if mended > 0 {
                tracing::error!(jobs = mended, "[CLOCK] jobs waited for a moment of a clock that was ahead: put right");
            }
        }
        self.mend_at = later(now, MEND_EVERY);
        Ok(())
    }

    /// A schedule that fails is logged and left alone for a minute; it holds nobody else up.
    async fn mind_schedules(&mut self) {
        let now = self.context.clock.now();
        for watched in &mut self.schedules {
            while watched.look_at <= now {
                let timetable = watched.timetable.clone();
                let next = self.context.store.write(move |tx| timetable.run_due(tx, now)).await;
                let next = next.map(|next| if next > now { next.min(later(now, LOOK_EVERY)) } else { next });
                watched.look_at = next.unwrap_or_else(|error: Error| {
                    let schedule = watched.timetable.name();
                    tracing::error!(schedule, %error, "[SCHEDULE] failed");
                    later(now, SignedDuration::from_mins(1))
                });
            }
        }
    }
}

fn watched(schedules: Vec<Schedule>, zone: &TimeZone) -> Result<Vec<WatchedSchedule>, Error> {
    let mut watched: Vec<WatchedSchedule> = Vec::with_capacity(schedules.len());
    for schedule in schedules {
        if watched.iter().any(|other| other.timetable.name() == schedule.name) {
            return Err(Error::Duplicate(schedule.name));
        }
        let timetable = Timetable::new(schedule, zone.clone())?;
        watched.push(WatchedSchedule { timetable, look_at: Timestamp::MIN });
    }
    Ok(watched)
}

async fn finish(running: &mut JoinSet<()>) {
    while running.join_next().await.is_some() {}
}
