//! Jobs of one order key: one after another, as they were enqueued, and in nobody else's way.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use purser_outbox::{
    Backoff, ClaimedJob, Error, Job, JobError, JobHandler, Worker, dead_letter_requeue, job_dead_letter, job_done,
    job_enqueue, job_enqueue_at, job_enqueue_leased, jobs_claim,
};
use purser_store::{Engine, Migration, params};
use purser_testkit::{TestDb, both};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Call, Calls, EMPTY, LEASE, call, dead, enqueue, setup, waiting, worker};

/// A step of something that has a name: its steps are taken in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    of: String,
    number: u32,
}

impl Job for Step {
    const KIND: &'static str = "test.step";
    const MAX_ATTEMPTS: u32 = 1_000;
    const BACKOFF: Backoff = Backoff { first: SignedDuration::from_secs(60), most: SignedDuration::from_secs(60) };

    fn order_key(&self) -> Option<String> {
        Some(self.of.clone())
    }
}

fn step(of: &str, number: u32) -> Step {
    Step { of: of.to_owned(), number }
}

/// Claims at most `limit` due steps.
async fn claim(db: &TestDb, limit: u32) -> Vec<ClaimedJob> {
    let (now, owner) = (db.clock().now(), db.ids().next());
    db.write(move |tx| jobs_claim(tx, now, owner, &[Step::KIND, Call::KIND], limit, LEASE)).await.unwrap()
}

async fn claim_one(db: &TestDb) -> ClaimedJob {
    let mut claimed = claim(db, 100).await;
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

async fn done(db: &TestDb, job: &ClaimedJob) {
    let lease = job.lease;
    db.write(move |tx| job_done(tx, &lease)).await.unwrap();
}

fn number(job: &ClaimedJob) -> u32 {
    serde_json::from_str::<Step>(&job.payload).unwrap().number
}

/// Sees that steps of one name run one at a time, and in which order they end.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<StepRecord>>);

#[derive(Default)]
struct StepRecord {
    running: HashSet<String>,
    ended: HashMap<String, Vec<u32>>,
    at_once: usize,
}

impl Watch {
    fn handler(&self) -> JobHandler {
        let watch = self.clone();
        JobHandler::new(move |step: Step, _| {
            let watch = watch.clone();
            async move {
                watch.begin(&step);
                tokio::task::yield_now().await;
                watch.end(step);
                Ok(())
            }
        })
    }

    fn begin(&self, step: &Step) {
        let mut seen = self.0.lock().unwrap();
        seen.at_once += usize::from(!seen.running.insert(step.of.clone()));
    }

    fn end(&self, step: Step) {
        let mut seen = self.0.lock().unwrap();
        seen.running.remove(&step.of);
        seen.ended.entry(step.of).or_default().push(step.number);
    }
}

both! {
    async fn a_later_job_of_a_key_waits_until_the_earlier_is_done(db: TestDb) {
        for number in 1..=3 {
            enqueue(&db, step("a", number)).await;
        }
        enqueue(&db, step("b", 9)).await;
        let mut first = claim(&db, 100).await;
        first.sort_by_key(number);
        assert_eq!(first.iter().map(number).collect::<Vec<_>>(), [1, 9]);
        assert!(claim(&db, 100).await.is_empty(), "the lease of the first holds the second up");
        for expected in [2, 3] {
            done(&db, &first[0]).await;
            first[0] = claim_one(&db).await;
            assert_eq!(number(&first[0]), expected);
        }
        done(&db, &first[0]).await;
        done(&db, &first[1]).await;
        assert_eq!(waiting(&db).await, EMPTY);
        enqueue(&db, step("a", 4)).await;
        assert_eq!(number(&claim_one(&db).await), 4, "a line begins anew");
    }

    async fn a_later_job_of_a_key_waits_however_long_the_earlier_is_tried_again(db: TestDb) {
        let failing = Arc::new(Mutex::new(true));
        let (fails, calls) = (Arc::clone(&failing), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&calls);
        let handler = JobHandler::new(move |step: Step, _| {
            seen.lock().unwrap().push(step.number);
            let away = *fails.lock().unwrap();
            async move { if away { Err(JobError::Retry("away".to_owned())) } else { Ok(()) } }
        });
        for number in 1..=3 {
            enqueue(&db, step("a", number)).await;
        }
        let mut worker = worker(&db, vec![handler]);
        for _ in 0..300 {
            assert_eq!(worker.run_due_once().await, Ok(1), "only the first is tried");
            db.clock().advance(SignedDuration::from_mins(1));
        }
        *failing.lock().unwrap() = false;
        assert_eq!(worker.run_due_once().await, Ok(3));
        let calls = calls.lock().unwrap().clone();
        assert!(calls[..300].iter().all(|number| *number == 1), "{calls:?}");
        assert_eq!(calls[300..], [1, 2, 3]);
        assert_eq!(waiting(&db).await, EMPTY);
    }

    async fn a_later_job_of_a_key_waits_for_one_that_is_not_yet_due(db: TestDb) {
        let (now, id) = (db.clock().now(), db.ids().next());
        let later = now + SignedDuration::from_hours(1);
        db.write(move |tx| job_enqueue_at(tx, now, id, later, &step("a", 1))).await.unwrap();
        enqueue(&db, step("a", 2)).await;
        assert!(claim(&db, 100).await.is_empty());
        assert_eq!(waiting(&db).await.next_due_at, Some(later), "what waits for another is not overdue");
        db.clock().set(later);
        let first = claim_one(&db).await;
        assert_eq!(number(&first), 1);
        done(&db, &first).await;
        assert_eq!(number(&claim_one(&db).await), 2);
    }

    async fn a_dead_letter_lets_the_later_go_on_and_is_requeued_behind_them(db: TestDb) {
        for number in 1..=3 {
            enqueue(&db, step("a", number)).await;
        }
        let (first, now) = (claim_one(&db).await, db.clock().now());
        let lease = first.lease;
        db.write(move |tx| job_dead_letter(tx, now, &lease, "refused")).await.unwrap();
        let second = claim_one(&db).await;
        assert_eq!((number(&second), dead(&db).await.len()), (2, 1));
        let letter = first.lease.job;
        db.write(move |tx| dead_letter_requeue(tx, now, letter)).await.unwrap();
        assert!(claim(&db, 100).await.is_empty(), "it does not run beside the others of its key");
        done(&db, &second).await;
        let third = claim_one(&db).await;
        done(&db, &third).await;
        let again = claim_one(&db).await;
        assert_eq!((number(&third), number(&again), again.lease.attempt), (3, 1, 1));
        done(&db, &again).await;
        assert_eq!(waiting(&db).await, EMPTY);
    }

    async fn a_first_job_that_kills_its_workers_is_taken_over_and_at_last_lets_the_later_go_on(db: TestDb) {
        #[derive(Clone, Serialize, Deserialize)]
        struct UniqueJob;
        impl Job for UniqueJob {
            const KIND: &'static str = Call::KIND;
            const MAX_ATTEMPTS: u32 = 2;
            fn order_key(&self) -> Option<String> {
                Some("a".to_owned())
            }
        }
        let id = enqueue(&db, UniqueJob).await;
        enqueue(&db, step("a", 2)).await;
        for attempt in 1..=2 {
            let claimed = claim_one(&db).await;
            assert_eq!((claimed.lease.job, claimed.lease.attempt), (id, attempt));
            assert!(claim(&db, 100).await.is_empty());
            db.clock().advance(LEASE);
        }
        assert_eq!(number(&claim_one(&db).await), 2, "in the claim that finds the first one dead");
        assert_eq!(dead(&db).await[0].id, id);
    }

    async fn a_thousand_that_wait_for_another_hide_nobody_and_those_without_a_key_are_not_delayed(db: TestDb) {
        let (now, ids) = (db.clock().now(), db.ids().clone());
        let ids: Vec<Uuid> = (0..1_000).map(|_| ids.next()).collect();
        let enqueued = db.write(move |tx| {
            ids.iter().zip(1..).try_for_each(|(id, number)| job_enqueue(tx, now, *id, &step("a", number)).map(drop))
        });
        assert_eq!(enqueued.await, Ok(()));
        let first = claim_one(&db).await;
        db.clock().advance(SignedDuration::from_secs(1));
        enqueue(&db, call("1")).await;
        enqueue(&db, step("b", 1)).await;
        let claimed = claim(&db, 2).await;
        assert_eq!(claimed.len(), 2, "both, though a thousand were due before them");
        done(&db, &first).await;
        assert_eq!(number(&claim_one(&db).await), 2);
    }

    async fn two_workers_never_run_two_jobs_of_a_key_at_once_nor_out_of_order(db: TestDb) {
        let (now, ids) = (db.clock().now(), db.ids().clone());
        let steps: Vec<_> =
            (0..120).map(|count| (ids.next(), step(&format!("key {}", count % 6), count / 6))).collect();
        let enqueued = db
            .write(move |tx| steps.iter().try_for_each(|(id, step)| job_enqueue(tx, now, *id, step).map(drop)));
        assert_eq!(enqueued.await, Ok(()));
        let calls = Calls::default();
        for count in 0..20 {
            enqueue(&db, call(&count.to_string())).await;
        }
        let watch = Watch::default();
        let copies: Vec<_> = (0..3)
            .map(|_| {
                let handlers = vec![watch.handler(), calls.handler()];
                let mut worker = Worker::new(setup(&db, db.open_again(), handlers)).unwrap();
                tokio::spawn(async move { worker.run_due_once().await })
            })
            .collect();
        let mut attempts = 0;
        for copy in copies {
            attempts += copy.await.unwrap().unwrap();
        }
        // A worker that meets another's lock looks again later; here nobody does, so the rest is done now.
        attempts += worker(&db, vec![watch.handler(), calls.handler()]).run_due_once().await.unwrap();
        assert_eq!((attempts, calls.take().len(), waiting(&db).await), (140, 20, EMPTY));
        let seen = watch.0.lock().unwrap();
        assert_eq!((seen.ended.len(), seen.at_once), (6, 0));
        assert!(seen.ended.values().all(|numbers| *numbers == (0..20).collect::<Vec<_>>()), "{:?}", seen.ended);
    }

    async fn the_first_of_many_lines_may_be_enqueued_at_the_same_moment_by_wide_commands_too(db: TestDb) {
        let stores: Vec<_> = (0..4).map(|_| db.open_again()).collect();
        for round in 0..20 {
            let tasks: Vec<_> = stores
                .iter()
                .zip(1..)
                .map(|(store, number)| {
                    let (store, now, id) = (store.clone(), db.clock().now(), db.ids().next());
                    tokio::spawn(async move {
                        let command = store.write(move |tx| {
                            if number % 2 == 0 {
                                tx.bulk()?;
                            }
                            job_enqueue(tx, now, id, &step(&format!("key {round}"), number))
                        });
                        command.await
                    })
                })
                .collect();
            for task in tasks {
                assert_eq!(task.await.unwrap(), Ok(true));
            }
        }
        let watch = Watch::default();
        assert_eq!(worker(&db, vec![watch.handler()]).run_due_once().await, Ok(80));
        assert_eq!(waiting(&db).await, EMPTY);
        assert_eq!(watch.0.lock().unwrap().at_once, 0);
    }

    async fn a_wide_command_joins_a_line_whose_first_ends_meanwhile_without_beginning_anew(db: TestDb) {
        enqueue(&db, step("a", 1)).await;
        let first = claim_one(&db).await;
        let is_postgres = db.engine() == Engine::Postgres;
        let (looked, has_looked) = channel();
        let (ended, has_ended) = channel::<()>();
        let (gate, runs) = (Mutex::new((looked, has_ended)), Arc::new(AtomicU32::new(0)));
        let (now, id, counted, store) = (db.clock().now(), db.ids().next(), Arc::clone(&runs), db.store());
        let joining = store.write(move |tx| {
            counted.fetch_add(1, Ordering::SeqCst);
            tx.bulk()?;
            tx.query_one("SELECT COUNT(*) FROM outbox_job", &[], |row| row.get::<i64>(0))?;
            // SQLite has one writer, so nothing ends meanwhile.
            if is_postgres {
                let gate = gate.lock().unwrap();
                let _ = gate.0.send(());
                let _ = gate.1.recv();
            }
            job_enqueue(tx, now, id, &step("a", 2))
        });
        let ending = async {
            if is_postgres {
                tokio::task::spawn_blocking(move || has_looked.recv()).await.unwrap().unwrap();
            }
            done(&db, &first).await;
            drop(ended);
        };
        let (joined, ()) = tokio::join!(joining, ending);
        assert_eq!((joined, runs.load(Ordering::SeqCst)), (Ok(true), if is_postgres { 2 } else { 1 }));
        let watch = Watch::default();
        assert_eq!(worker(&db, vec![watch.handler()]).run_due_once().await, Ok(1), "the line is mended");
        assert_eq!(waiting(&db).await, EMPTY);
    }

    async fn one_of_its_kind_is_enough_in_a_line_too(db: TestDb) {
        #[derive(Clone, Serialize, Deserialize)]
        struct LookJob;
        impl Job for LookJob {
            const KIND: &'static str = Call::KIND;
            fn dedupe_key(&self) -> Option<String> {
                Some("look".to_owned())
            }
            fn order_key(&self) -> Option<String> {
                Some("a".to_owned())
            }
        }
        enqueue(&db, step("a", 1)).await;
        enqueue(&db, LookJob).await;
        let (now, id) = (db.clock().now(), db.ids().next());
        assert_eq!(db.write(move |tx| job_enqueue(tx, now, id, &LookJob)).await, Ok(false));
        let first = claim_one(&db).await;
        done(&db, &first).await;
        let look = claim_one(&db).await;
        assert_eq!(db.write(move |tx| job_enqueue(tx, now, id, &LookJob)).await, Ok(true), "one that runs is too late");
        done(&db, &look).await;
        assert_eq!(claim_one(&db).await.lease.job, id);
    }

    async fn jobs_enqueued_at_the_same_moment_by_many_all_stand_in_line(db: TestDb) {
        let watch = Watch::default();
        let store = db.open_again();
        let enqueuing: Vec<_> = (0..24)
            .map(|number| {
                let (now, id) = (db.clock().now(), db.ids().next());
                let store = if number % 2 == 0 { db.store() } else { store.clone() };
                tokio::spawn(async move {
                    store.write(move |tx| job_enqueue(tx, now, id, &step(&format!("key {}", number % 3), number))).await
                })
            })
            .collect();
        // Meanwhile somebody takes from the front of the lines.
        let mut working = worker(&db, vec![watch.handler()]);
        let mut attempts = working.run_due_once().await.unwrap();
        for enqueued in enqueuing {
            assert_eq!(enqueued.await.unwrap(), Ok(true));
        }
        attempts += working.run_due_once().await.unwrap();
        assert_eq!((attempts, waiting(&db).await), (24, EMPTY), "nobody is forgotten in a line");
    }

    async fn a_line_whose_first_was_deleted_by_hand_moves_on_with_the_next_that_joins(db: TestDb) {
        let first = enqueue(&db, step("a", 1)).await;
        enqueue(&db, step("a", 2)).await;
        db.write(move |tx| tx.execute("DELETE FROM outbox_job WHERE id = ?1", &params![first])).await.unwrap();
        enqueue(&db, step("a", 3)).await;
        let second = claim_one(&db).await;
        done(&db, &second).await;
        assert_eq!((number(&second), number(&claim_one(&db).await)), (2, 3));
    }

    async fn what_must_wait_for_its_turn_cannot_be_run_at_once_and_a_key_has_a_length(db: TestDb) {
        let (now, id) = (db.clock().now(), db.ids().next());
        let leased = db.write(move |tx| job_enqueue_leased(tx, now, id, id, LEASE, &step("a", 1))).await;
        assert!(matches!(leased, Err(Error::Payload { kind: Step::KIND, .. })), "{leased:?}");
        for key in [String::new(), "k".repeat(201)] {
            let refused = db.write(move |tx| job_enqueue(tx, now, id, &step(&key, 1))).await;
            assert!(matches!(refused, Err(Error::Store(purser_store::Error::Check { .. }))), "{refused:?}");
        }
    }
}

/// An installation of before there was any order: its jobs and dead letters are there afterwards.
async fn upgraded(db: TestDb) {
    let (now, ids) = (db.clock().now(), [(); 3].map(|()| db.ids().next()));
    let write = |sql: &'static str, id: Uuid| db.write(move |tx| tx.execute(sql, &params![id, now]));
    let waits = "INSERT INTO outbox_job
                     (id, kind, payload, dedupe_key, due_at, attempts, max_attempts, failures, created_at)
                 VALUES (?1, 'test.call', '{\"number\":\"1\"}', 'once', ?2, 0, 3, '[]', ?2)";
    let runs = "INSERT INTO outbox_job
                    (id, kind, payload, due_at, lease_owner, attempts, max_attempts, failures, created_at)
                VALUES (?1, 'test.call', '{\"number\":\"2\"}', ?2, ?1, 1, 3, '[]', ?2)";
    let dead_one = "INSERT INTO outbox_dead_letter
                        (id, kind, payload, attempts, max_attempts, failures, created_at, died_at)
                    VALUES (?1, 'test.call', '{\"number\":\"3\"}', 3, 3, '[]', ?2, ?2)";
    for (sql, id) in [(waits, ids[0]), (runs, ids[1]), (dead_one, ids[2])] {
        assert_eq!(write(sql, id).await, Ok(1));
    }
    db.store().migrate(crate::migrations(), now).await.unwrap();
    let letter = ids[2];
    db.write(move |tx| dead_letter_requeue(tx, now, letter)).await.unwrap();
    let calls = Calls::default();
    assert_eq!(worker(&db, vec![calls.handler()]).run_due_once().await, Ok(3));
    let mut calls = calls.take();
    calls.sort();
    assert_eq!(calls, ["1", "2", "3"]);
}

fn before_there_was_order() -> Vec<Migration> {
    let newer = |migration: &Migration| migration.room == "outbox" && migration.number > 2;
    crate::migrations().into_iter().filter(|migration| !newer(migration)).collect()
}

#[test]
fn jobs_of_before_there_was_order_are_done_after_the_upgrade_on_sqlite() {
    purser_testkit::run(purser_testkit::Sqlite, before_there_was_order(), upgraded, crate::after);
}

#[test]
fn jobs_of_before_there_was_order_are_done_after_the_upgrade_on_postgres() {
    purser_testkit::run(purser_testkit::Postgres, before_there_was_order(), upgraded, crate::after);
}
