//! Workers: every job once its cause has committed, at least once, one attempt at a time.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use purser_outbox::{
    Backlog, Backoff, Error, Job, JobError, JobHandler, Worker, WorkerSetup, job_done, job_enqueue, job_enqueue_at,
};
use purser_store::Clock;
use purser_testkit::{Cluster, Durability, TestClock, TestDb, both};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Call, Calls, EMPTY, LEASE, Ring, SOON, call, claim, dead, enqueue, setup, waiting, worker};

both! {
    async fn a_job_of_a_transaction_that_rolled_back_never_runs(db: TestDb) {
        let (now, id) = (db.clock().now(), db.ids().next());
        let refused = Error::NoDeadLetter { id };
        let rolled_back = db.write(move |tx| {
            job_enqueue(tx, now, id, &call("1"))?;
            Err::<(), _>(Error::NoDeadLetter { id })
        });
        assert_eq!(rolled_back.await, Err(refused));
        enqueue(&db, call("2")).await;

        let calls = Calls::default();
        assert_eq!(worker(&db, vec![calls.handler()]).run_due_once().await, Ok(1));
        assert_eq!(calls.take(), ["2"]);
        assert_eq!(waiting(&db).await, EMPTY);
    }

    async fn a_job_runs_when_it_is_due_and_not_before(db: TestDb) {
        let (now, id) = (db.clock().now(), db.ids().next());
        let tomorrow = now + SignedDuration::from_hours(24);
        let at = db.write(move |tx| job_enqueue_at(tx, now, id, tomorrow, &call("1"))).await;
        assert_eq!(at, Ok(true));

        let calls = Calls::default();
        let mut worker = worker(&db, vec![calls.handler()]);
        db.clock().set(tomorrow - SignedDuration::from_micros(1));
        assert_eq!(worker.run_due_once().await, Ok(0));
        db.clock().set(tomorrow);
        assert_eq!(worker.run_due_once().await, Ok(1));
        assert_eq!(calls.take(), ["1"]);
    }

    async fn what_a_job_enqueues_is_run_too(db: TestDb) {
        enqueue(&db, call("first")).await;
        let (calls, inner) = (Calls::default(), db.clone());
        let chain = calls.clone();
        let handler = JobHandler::new(move |job: Call, _| {
            let (calls, db) = (chain.clone(), inner.clone());
            async move {
                if job.number == "first" {
                    enqueue(&db, call("second")).await;
                }
                calls.add(job);
                Ok(())
            }
        });
        assert_eq!(worker(&db, vec![handler]).run_due_once().await, Ok(2));
        assert_eq!(calls.take(), ["first", "second"]);
    }

    async fn jobs_of_other_kinds_are_left_to_other_workers(db: TestDb) {
        enqueue(&db, Ring { number: "1".to_owned() }).await;
        enqueue(&db, call("2")).await;
        let calls = Calls::default();
        assert_eq!(worker(&db, vec![calls.handler()]).run_due_once().await, Ok(1));
        let left = Backlog { jobs: 1, next_due_at: Some(db.clock().now()), dead_letters: 0 };
        assert_eq!(waiting(&db).await, left);
    }

    async fn two_workers_never_run_one_job_at_once(db: TestDb) {
        let (now, ids) = (db.clock().now(), db.ids().clone());
        let ids: Vec<Uuid> = (0..300).map(|_| ids.next()).collect();
        let enqueued = db
            .write(move |tx| ids.iter().try_for_each(|id| job_enqueue(tx, now, *id, &call(&id.to_string())).map(drop)));
        assert_eq!(enqueued.await, Ok(()));

        let runs: Arc<Mutex<HashMap<Uuid, u32>>> = Arc::default();
        let copies: Vec<_> = (0..3)
            .map(|_| {
                let runs = Arc::clone(&runs);
                let handler = JobHandler::new(move |_: Call, context| {
                    *runs.lock().unwrap().entry(context.lease.job).or_default() += 1;
                    async {
                        tokio::task::yield_now().await;
                        Ok(())
                    }
                });
                let mut worker = Worker::new(setup(&db, db.open_again(), vec![handler])).unwrap();
                tokio::spawn(async move { worker.run_due_once().await })
            })
            .collect();
        let mut attempts = 0;
        for copy in copies {
            attempts += copy.await.unwrap().unwrap();
        }
        assert_eq!(attempts, 300);
        let runs = runs.lock().unwrap().clone();
        assert!(runs.len() == 300 && runs.values().all(|count| *count == 1));
        assert_eq!(waiting(&db).await, EMPTY);
    }

    async fn a_job_whose_worker_was_killed_is_taken_over_when_its_lease_ends(db: TestDb) {
        enqueue(&db, call("1")).await;
        let (began, mut has_begun) = mpsc::channel(1);
        let hangs = JobHandler::new(move |_: Call, _| {
            let began = began.clone();
            async move {
                began.send(()).await?;
                pending().await
            }
        });
        let first = tokio::spawn(worker(&db, vec![hangs]).run(pending()));
        timeout(SOON, has_begun.recv()).await.unwrap().unwrap();
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());

        let calls = Calls::default();
        let mut second = worker(&db, vec![calls.handler()]);
        assert_eq!(second.run_due_once().await, Ok(0));
        db.clock().advance(LEASE);
        assert_eq!(second.run_due_once().await, Ok(1));
        assert_eq!(calls.take(), ["1"]);
    }

    async fn a_job_that_keeps_failing_waits_longer_each_time_and_ends_as_a_dead_letter(db: TestDb) {
        let id = enqueue(&db, call("1")).await;
        let fails = JobHandler::new(|_: Call, context| async move {
            Err(JobError::Retry(format!("busy, attempt {}", context.lease.attempt)))
        });
        let mut worker = worker(&db, vec![fails]);
        for attempt in 1..Call::MAX_ATTEMPTS {
            assert_eq!(worker.run_due_once().await, Ok(1));
            let retry_at = waiting(&db).await.next_due_at.unwrap();
            let wait = retry_at.duration_since(db.clock().now());
            assert_eq!(wait, Backoff::DEFAULT.delay(id, attempt));
            db.clock().set(retry_at - SignedDuration::from_micros(1));
            assert_eq!(worker.run_due_once().await, Ok(0));
            db.clock().set(retry_at);
        }
        assert_eq!(worker.run_due_once().await, Ok(1));
        assert_eq!(waiting(&db).await, Backlog { jobs: 0, next_due_at: None, dead_letters: 1 });

        let letter = dead(&db).await.remove(0);
        assert_eq!((letter.id, letter.kind.as_str(), letter.attempts), (id, Call::KIND, 3));
        assert_eq!(letter.payload, r#"{"number":"1"}"#);
        assert_eq!(letter.died_at, db.clock().now());
        let errors: Vec<_> = letter.failures.iter().map(|failure| failure.error.as_str()).collect();
        assert_eq!(errors, ["busy, attempt 1", "busy, attempt 2", "busy, attempt 3"]);
    }

    async fn a_job_that_there_is_no_point_in_trying_again_is_a_dead_letter_at_once(db: TestDb) {
        enqueue(&db, call("1")).await;
        let hopeless = JobHandler::new(|_: Call, _| async { Err(JobError::Dead("no such number".to_owned())) });
        assert_eq!(worker(&db, vec![hopeless]).run_due_once().await, Ok(1));
        let letter = dead(&db).await.remove(0);
        assert_eq!((letter.attempts, letter.failures[0].error.as_str()), (1, "no such number"));
    }

    async fn a_panicking_handler_has_failed_with_its_message(db: TestDb) {
        enqueue(&db, call("1")).await;
        let panics = JobHandler::new(|call: Call, _| async move {
            std::panic::resume_unwind(Box::new(format!("nobody at {}", call.number)))
        });
        let mut worker = worker(&db, vec![panics]);
        for _ in 0..Call::MAX_ATTEMPTS {
            assert_eq!(worker.run_due_once().await, Ok(1));
            db.clock().advance(SignedDuration::from_hours(1));
        }
        let letter = dead(&db).await.remove(0);
        assert_eq!(letter.failures.len(), 3);
        assert_eq!(letter.failures[2].error, "the handler panicked: nobody at 1");
    }

    async fn a_payload_that_does_not_read_is_a_dead_letter_at_once(db: TestDb) {
        #[derive(Clone, Serialize, Deserialize)]
        struct OlderJob {
            digits: u32,
        }
        impl Job for OlderJob {
            const KIND: &'static str = Call::KIND;
        }
        enqueue(&db, OlderJob { digits: 1 }).await;
        let calls = Calls::default();
        assert_eq!(worker(&db, vec![calls.handler()]).run_due_once().await, Ok(1));
        let error = dead(&db).await.remove(0).failures.remove(0).error;
        assert!(error.starts_with("the payload does not read as test.call"), "{error}");
    }

    async fn a_handler_that_takes_too_long_is_stopped(db: TestDb) {
        enqueue(&db, Ring { number: "1".to_owned() }).await;
        let hangs = JobHandler::new(|_: Ring, _| pending());
        let mut worker = worker(&db, vec![hangs]);
        for _ in 0..Ring::MAX_ATTEMPTS {
            assert_eq!(timeout(SOON, worker.run_due_once()).await.unwrap(), Ok(1));
            db.clock().advance(SignedDuration::from_hours(1));
        }
        assert_eq!(dead(&db).await[0].failures[0].error, "stopped after 20ms");
    }

    async fn a_handler_may_acknowledge_in_its_own_transaction(db: TestDb) {
        enqueue(&db, call("1")).await;
        let store = db.store();
        let handler = JobHandler::new(move |_: Call, context| {
            let store = store.clone();
            async move { Ok(store.write(move |tx| job_done(tx, &context.lease)).await?) }
        });
        assert_eq!(worker(&db, vec![handler]).run_due_once().await, Ok(1));
        assert_eq!(waiting(&db).await, EMPTY);
    }

    async fn a_handler_stops_when_its_lease_is_lost(db: TestDb) {
        enqueue(&db, call("1")).await;
        let (began, mut has_begun) = mpsc::channel(1);
        let (dropped, was_dropped) = oneshot::channel::<()>();
        let kept = Mutex::new(Some(dropped));
        let hangs = JobHandler::new(move |_: Call, _| {
            let (began, dropped) = (began.clone(), kept.lock().unwrap().take());
            async move {
                began.send(()).await?;
                pending::<()>().await;
                drop(dropped);
                Ok(())
            }
        });
        let mut short = setup(&db, db.store(), vec![hangs]);
        short.limits.lease = SignedDuration::from_millis(30);
        let running = tokio::spawn(Worker::new(short).unwrap().run(pending()));
        timeout(SOON, has_begun.recv()).await.unwrap().unwrap();
        // The worker renews its lease, so it may take a few tries to be quicker.
        let stolen = async {
            loop {
                db.clock().advance(LEASE);
                if let Some(claimed) = claim(&db, Uuid::nil()).await {
                    return claimed;
                }
            }
        };
        timeout(SOON, stolen).await.unwrap();
        assert!(timeout(SOON, was_dropped).await.unwrap().is_err());
        running.abort();
    }

    async fn a_worker_that_is_woken_does_not_wait_for_its_next_look(db: TestDb) {
        let (called, mut was_called) = mpsc::channel(1);
        let handler = JobHandler::new(move |call: Call, _| {
            let called = called.clone();
            async move { Ok(called.send(call.number).await?) }
        });
        let mut setup = setup(&db, db.store(), vec![handler]);
        setup.limits.poll = Duration::from_secs(3_600);
        let outbox = setup.outbox.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(Worker::new(setup).unwrap().run(async { drop(stopped.await) }));
        for number in ["1", "2"] {
            enqueue(&db, call(number)).await;
            outbox.wake();
            assert_eq!(timeout(SOON, was_called.recv()).await.unwrap().unwrap(), number);
        }
        drop(stop);
        timeout(SOON, running).await.unwrap().unwrap();
        assert_eq!(waiting(&db).await, EMPTY);
    }

    async fn a_worker_finishes_what_runs_before_it_stops(db: TestDb) {
        enqueue(&db, call("1")).await;
        let (began, mut has_begun) = mpsc::channel(1);
        let gate = Arc::new(Semaphore::new(0));
        let closed = Arc::clone(&gate);
        let waits = JobHandler::new(move |_: Call, _| {
            let (began, gate) = (began.clone(), Arc::clone(&closed));
            async move {
                began.send(()).await?;
                gate.acquire().await?.forget();
                Ok(())
            }
        });
        let ((stop, stopped), (noticed, has_noticed)) = (oneshot::channel::<()>(), oneshot::channel());
        let running = tokio::spawn(worker(&db, vec![waits]).run(async {
            drop(stopped.await);
            noticed.send(()).unwrap();
        }));
        timeout(SOON, has_begun.recv()).await.unwrap().unwrap();
        drop(stop);
        timeout(SOON, has_noticed).await.unwrap().unwrap();
        assert!(!running.is_finished());
        gate.add_permits(1);
        timeout(SOON, running).await.unwrap().unwrap();
        assert_eq!(waiting(&db).await, EMPTY);
    }

    async fn a_worker_that_may_not_wait_gives_back_what_runs(db: TestDb) {
        let id = enqueue(&db, call("1")).await;
        let (began, mut has_begun) = mpsc::channel(1);
        let hangs = JobHandler::new(move |_: Call, _| {
            let began = began.clone();
            async move {
                began.send(()).await?;
                pending().await
            }
        });
        let mut setup = setup(&db, db.store(), vec![hangs]);
        setup.limits.grace = Duration::ZERO;
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(Worker::new(setup).unwrap().run(async { drop(stopped.await) }));
        timeout(SOON, has_begun.recv()).await.unwrap().unwrap();
        drop(stop);
        timeout(SOON, running).await.unwrap().unwrap();
        assert_eq!(claim(&db, db.ids().next()).await.unwrap().lease.job, id);
    }
}

/// A database that goes away while the job runs, and comes back when the worker asks for the time of its second try to
/// say so.
struct Outage {
    cluster: Arc<Cluster>,
    clock: TestClock,
    tries: Mutex<Option<u32>>,
}

impl Outage {
    fn begin(&self) {
        self.cluster.kill();
        *self.tries.lock().unwrap() = Some(0);
    }
}

impl Clock for Outage {
    fn now(&self) -> Timestamp {
        let mut tries = self.tries.lock().unwrap();
        *tries = tries.map(|count| count + 1);
        if *tries == Some(2) {
            self.cluster.restart();
        }
        self.clock.now()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_done_is_not_run_again_because_the_database_was_away_for_a_moment() {
    let cluster = Arc::new(Cluster::start(Durability::Durable));
    let db = TestDb::create_on(&cluster, crate::migrations()).await;
    enqueue(&db, call("1")).await;
    let outage = Arc::new(Outage { cluster, clock: db.clock().clone(), tries: Mutex::new(None) });
    let (calls, begins) = (Calls::default(), Arc::clone(&outage));
    let seen = calls.clone();
    let handler = JobHandler::new(move |call: Call, _| {
        begins.begin();
        seen.add(call);
        async { Ok(()) }
    });
    let clock: Arc<dyn Clock> = outage;
    let mut worker = Worker::new(WorkerSetup { clock, ..setup(&db, db.store(), vec![handler]) }).unwrap();
    assert_eq!(worker.run_due_once().await, Ok(1));
    assert_eq!((calls.take().len(), waiting(&db).await), (1, EMPTY));
}
