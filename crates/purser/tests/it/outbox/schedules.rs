//! Schedules: once however many copies run, and made up for after downtime.

use jiff::{SignedDuration, Timestamp};
use purser_outbox::{Error, Job, MissedRunPolicy, Schedule, Worker, job_enqueue, job_enqueue_at, jobs_claim};
use purser_store::Store;
use purser_testkit::{TestDb, both};

use super::{Call, Calls, call, setup};

both! {
    async fn two_handlers_or_schedules_of_one_name_are_refused(db: TestDb) {
        let calls = Calls::default();
        let twice = Worker::new(setup(&db, db.store(), vec![calls.handler(), calls.handler()]));
        assert_eq!(twice.err(), Some(Error::Duplicate(Call::KIND)));
        let mut setup = setup(&db, db.store(), Vec::new());
        setup.schedules = vec![hourly(MissedRunPolicy::Once), hourly(MissedRunPolicy::Each)];
        assert_eq!(Worker::new(setup).err(), Some(Error::Duplicate("test.hourly")));
    }

    async fn a_schedule_runs_once_across_copies(db: TestDb) {
        let calls = Calls::default();
        let mut copies: Vec<Worker> =
            (0..3).map(|_| hourly_worker(&db, db.open_again(), &calls, MissedRunPolicy::Once)).collect();
        for hour in 0..5 {
            let runs =
                copies.into_iter().map(|mut worker| tokio::spawn(async move { (worker.run_due_once().await, worker) }));
            copies = Vec::new();
            for run in runs.collect::<Vec<_>>() {
                let (attempts, worker) = run.await.unwrap();
                attempts.unwrap();
                copies.push(worker);
            }
            // The first look only says when the first run will be.
            assert_eq!(calls.take().len(), usize::from(hour > 0), "in hour {hour}");
            db.clock().advance(SignedDuration::from_hours(1));
        }
    }

    async fn what_fell_into_downtime_is_made_up_for_once(db: TestDb) {
        let calls = Calls::default();
        assert_eq!(hourly_worker(&db, db.store(), &calls, MissedRunPolicy::Once).run_due_once().await, Ok(0));
        db.reopen();
        db.clock().advance(SignedDuration::from_hours(5));
        let mut worker = hourly_worker(&db, db.store(), &calls, MissedRunPolicy::Once);
        assert_eq!(worker.run_due_once().await, Ok(1));
        // Full hours in Kolkata are half past in UTC.
        assert_eq!(calls.take(), ["2026-01-05T08:30:00Z"]);
        assert_eq!(worker.run_due_once().await, Ok(0));
        db.clock().advance(SignedDuration::from_hours(1));
        assert_eq!(worker.run_due_once().await, Ok(1));
        assert_eq!(calls.take(), ["2026-01-05T09:30:00Z"]);
    }

    async fn each_missed_run_is_made_up_for_where_each_matters(db: TestDb) {
        let calls = Calls::default();
        assert_eq!(hourly_worker(&db, db.store(), &calls, MissedRunPolicy::Each).run_due_once().await, Ok(0));
        let start = db.clock().now();
        // More than one transaction makes up for.
        db.clock().advance(SignedDuration::from_hours(250));
        let mut worker = hourly_worker(&db, db.store(), &calls, MissedRunPolicy::Each);
        assert_eq!(worker.run_due_once().await, Ok(250));
        let mut due: Vec<Timestamp> = calls.take().iter().map(|it| it.parse().unwrap()).collect();
        due.sort();
        let hours = (1..=250).map(|hour| start + SignedDuration::from_hours(hour));
        assert!(due.into_iter().eq(hours));
    }

    async fn a_schedule_whose_cron_line_changes_begins_afresh(db: TestDb) {
        let calls = Calls::default();
        assert_eq!(hourly_worker(&db, db.store(), &calls, MissedRunPolicy::Each).run_due_once().await, Ok(0));
        db.clock().advance(SignedDuration::from_hours(5));
        let mut setup = setup(&db, db.store(), vec![calls.handler()]);
        setup.schedules = vec![Schedule { cron: "15 * * * *", ..hourly(MissedRunPolicy::Each) }];
        let mut worker = Worker::new(setup).unwrap();
        assert_eq!(worker.run_due_once().await, Ok(0));
        db.clock().advance(SignedDuration::from_mins(15));
        assert_eq!(worker.run_due_once().await, Ok(1));
    }

    async fn a_start_with_the_clock_a_year_ahead_stops_no_schedule(db: TestDb) {
        let calls = Calls::default();
        let right = db.clock().now();
        db.clock().advance(SignedDuration::from_hours(365 * 24));
        assert_eq!(hourly_worker(&db, db.store(), &calls, MissedRunPolicy::Once).run_due_once().await, Ok(0));
        db.clock().set(right);
        let mut worker = hourly_worker(&db, db.store(), &calls, MissedRunPolicy::Once);
        assert_eq!(worker.run_due_once().await, Ok(0));
        db.clock().advance(SignedDuration::from_hours(1));
        assert_eq!(worker.run_due_once().await, Ok(1), "the next full hour, and not that of next year");
    }

    async fn a_clock_that_was_ahead_for_a_moment_stops_no_schedule_of_a_worker_that_runs(db: TestDb) {
        let calls = Calls::default();
        let mut worker = hourly_worker(&db, db.store(), &calls, MissedRunPolicy::Once);
        assert_eq!(worker.run_due_once().await, Ok(0));
        let right = db.clock().now();
        db.clock().advance(SignedDuration::from_hours(48));
        assert_eq!(worker.run_due_once().await, Ok(1));
        db.clock().set(right);
        assert_eq!(worker.run_due_once().await, Ok(0));
        db.clock().advance(SignedDuration::from_hours(1));
        assert_eq!(worker.run_due_once().await, Ok(1));
        // Another copy, whose clock was ahead, puts the row off while this one waits.
        db.write(|tx| tx.execute("UPDATE outbox_schedule SET next_run_at = next_run_at + 31536000000000", &[])).await.unwrap();
        db.clock().advance(SignedDuration::from_mins(2));
        assert_eq!(worker.run_due_once().await, Ok(0));
        db.clock().advance(SignedDuration::from_hours(1));
        assert_eq!(worker.run_due_once().await, Ok(1));
    }

    async fn a_job_of_a_clock_that_was_ahead_is_done_now_and_one_that_is_meant_for_later_then(db: TestDb) {
        let calls = Calls::default();
        let right = db.clock().now();
        let (meant, leased, waiting) = (db.ids().next(), db.ids().next(), db.ids().next());
        let month = right + SignedDuration::from_hours(30 * 24);
        db.write(move |tx| {
            job_enqueue_at(tx, right, meant, month, &call("meant for later"))?;
            job_enqueue(tx, right, leased, &call("leased"))
        }).await.unwrap();
        db.clock().advance(SignedDuration::from_hours(365 * 24));
        let (ahead, owner, length) = (db.clock().now(), db.ids().next(), SignedDuration::from_secs(60));
        db.write(move |tx| {
            jobs_claim(tx, right, owner, &[Call::KIND], 10, ahead.duration_since(right) + length)?;
            job_enqueue(tx, ahead, waiting, &call("waiting"))
        }).await.unwrap();
        db.clock().set(right);
        let mut worker = hourly_worker(&db, db.store(), &calls, MissedRunPolicy::Once);
        assert_eq!(worker.run_due_once().await, Ok(2));
        let mut done = calls.take();
        done.sort();
        assert_eq!(done, ["leased", "waiting"]);
        db.clock().set(month);
        worker.run_due_once().await.unwrap();
        assert!(calls.take().contains(&"meant for later".to_owned()));
    }

    async fn a_schedule_that_fails_holds_up_neither_jobs_nor_other_schedules(db: TestDb) {
        let calls = Calls::default();
        let broken = Schedule {
            name: "test.broken",
            make: |_, run| Err(Error::NoDeadLetter { id: run.job }),
            ..hourly(MissedRunPolicy::Once)
        };
        let mut setup = setup(&db, db.store(), vec![calls.handler()]);
        setup.schedules = vec![broken, hourly(MissedRunPolicy::Once)];
        let mut worker = Worker::new(setup).unwrap();
        assert_eq!(worker.run_due_once().await, Ok(0));
        db.clock().advance(SignedDuration::from_hours(1));
        assert_eq!(worker.run_due_once().await, Ok(1));
    }
}

fn hourly(missed: MissedRunPolicy) -> Schedule {
    Schedule {
        name: "test.hourly",
        cron: "0 * * * *",
        missed,
        make: |tx, run| job_enqueue(tx, run.now, run.job, &call(&run.due_at.to_string())).map(drop),
    }
}

fn hourly_worker(db: &TestDb, store: Store, calls: &Calls, missed: MissedRunPolicy) -> Worker {
    let mut setup = setup(db, store, vec![calls.handler()]);
    setup.schedules = vec![hourly(missed)];
    Worker::new(setup).unwrap()
}
