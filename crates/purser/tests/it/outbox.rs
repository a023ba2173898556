//! Jobs run once their cause has committed, at least once and one at a time; schedules once however many copies run.

mod order;
mod queue;
mod schedules;
mod worker;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use purser_outbox::{
    Backlog, ClaimedJob, DeadLetter, Job, JobHandler, Outbox, Worker, WorkerLimits, WorkerSetup, backlog, dead_letters,
    job_enqueue, jobs_claim,
};
use purser_store::Store;
use purser_testkit::TestDb;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Bounds every wait for something that is about to happen.
const SOON: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Call {
    number: String,
}

impl Job for Call {
    const KIND: &'static str = "test.call";
    const MAX_ATTEMPTS: u32 = 3;
}

/// A call of which one is enough, and whose handler may not take long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ring {
    number: String,
}

impl Job for Ring {
    const KIND: &'static str = "test.ring";
    const MAX_ATTEMPTS: u32 = 2;
    const TIMEOUT: SignedDuration = SignedDuration::from_millis(20);

    fn dedupe_key(&self) -> Option<String> {
        Some(self.number.clone())
    }
}

fn call(number: &str) -> Call {
    Call { number: number.to_owned() }
}

/// The numbers that were called, in order.
#[derive(Debug, Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn add(&self, call: Call) {
        self.0.lock().unwrap().push(call.number);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn handler(&self) -> JobHandler {
        let calls = self.clone();
        JobHandler::new(move |call: Call, _| {
            calls.add(call);
            async { Ok(()) }
        })
    }
}

fn setup(db: &TestDb, store: Store, handlers: Vec<JobHandler>) -> WorkerSetup {
    WorkerSetup {
        store,
        clock: Arc::new(db.clock().clone()),
        owner: db.ids().next(),
        outbox: Outbox::default(),
        handlers,
        schedules: Vec::new(),
        zone: TimeZone::get("Asia/Kolkata").unwrap(),
        limits: WorkerLimits { lease: LEASE, ..WorkerLimits::default() },
    }
}

fn worker(db: &TestDb, handlers: Vec<JobHandler>) -> Worker {
    Worker::new(setup(db, db.store(), handlers)).unwrap()
}

async fn enqueue(db: &TestDb, job: impl Job + Clone + Sync) -> Uuid {
    let (now, id) = (db.clock().now(), db.ids().next());
    let enqueued = db.write(move |tx| job_enqueue(tx, now, id, &job)).await;
    assert_eq!(enqueued, Ok(true));
    id
}

/// Claims one due call for `owner`.
async fn claim(db: &TestDb, owner: Uuid) -> Option<ClaimedJob> {
    let now = db.clock().now();
    let claimed = db.write(move |tx| jobs_claim(tx, now, owner, &[Call::KIND], 1, LEASE)).await;
    claimed.unwrap().pop()
}

async fn waiting(db: &TestDb) -> Backlog {
    db.read(backlog).await.unwrap()
}

async fn dead(db: &TestDb) -> Vec<DeadLetter> {
    db.read(|tx| dead_letters(tx, 100, None)).await.unwrap()
}

const EMPTY: Backlog = Backlog { jobs: 0, next_due_at: None, dead_letters: 0 };
