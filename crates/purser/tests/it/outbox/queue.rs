//! The queue itself: leases, dead letters, and who may say what of a job.

use jiff::SignedDuration;
use purser_outbox::{
    DeadLetter, Error, FailureOutcome, Job, dead_letter_discard, dead_letter_requeue, dead_letters, job_dead_letter,
    job_done, job_enqueue, job_enqueue_leased, job_failed, jobs_claim, lease_extend, lease_release,
};
use purser_store::WriteTx;
use purser_testkit::{TestDb, both};

use super::{Call, Calls, EMPTY, LEASE, Ring, call, claim, dead, enqueue, waiting, worker};

both! {
    async fn a_requeued_dead_letter_runs_again_with_all_its_attempts(db: TestDb) {
        let id = enqueue(&db, call("1")).await;
        let (now, lease) = (db.clock().now(), claim(&db, id).await.unwrap().lease);
        assert_eq!(db.write(move |tx| job_dead_letter(tx, now, &lease, "no such number")).await, Ok(()));
        assert_eq!(dead(&db).await[0].failures[0].error, "no such number");

        let now = db.clock().advance(SignedDuration::from_hours(1));
        assert_eq!(db.write(move |tx| dead_letter_requeue(tx, now, id)).await, Ok(()));
        let again = db.write(move |tx| dead_letter_requeue(tx, now, id)).await;
        assert_eq!(again, Err(Error::NoDeadLetter { id }));
        let claimed = claim(&db, db.ids().next()).await.unwrap();
        assert_eq!((claimed.lease.job, claimed.lease.attempt, claimed.max_attempts), (id, 1, 3));

        let lease = claimed.lease;
        let buried = db.write(move |tx| job_dead_letter(tx, now, &lease, "still none")).await;
        assert_eq!(buried, Ok(()));
        let errors: Vec<_> = dead(&db).await.remove(0).failures.into_iter().map(|it| it.error).collect();
        assert_eq!(errors, ["no such number", "still none"]);
    }

    async fn a_discarded_dead_letter_is_gone(db: TestDb) {
        let id = enqueue(&db, call("1")).await;
        let (now, lease) = (db.clock().now(), claim(&db, id).await.unwrap().lease);
        assert_eq!(db.write(move |tx| job_dead_letter(tx, now, &lease, "no")).await, Ok(()));
        assert_eq!(db.write(move |tx| dead_letter_discard(tx, id)).await, Ok(()));
        let again = db.write(move |tx| dead_letter_discard(tx, id)).await;
        assert_eq!(again, Err(Error::NoDeadLetter { id }));
        assert_eq!(waiting(&db).await, EMPTY);
    }

    async fn dead_letters_are_listed_newest_first_page_by_page(db: TestDb) {
        let mut ids = Vec::new();
        for number in 0..5 {
            ids.push(enqueue(&db, call(&number.to_string())).await);
            let (now, lease) = (db.clock().now(), claim(&db, ids[0]).await.unwrap().lease);
            assert_eq!(db.write(move |tx| job_dead_letter(tx, now, &lease, "no")).await, Ok(()));
            // Some die at the same moment.
            db.clock().advance(SignedDuration::from_secs(number % 2));
        }
        ids.reverse();
        let mut listed: Vec<DeadLetter> = Vec::new();
        for size in [2, 2, 1, 0] {
            let before = listed.last().map(|letter| (letter.died_at, letter.id));
            let page = db.read(move |tx| dead_letters(tx, 2, before)).await.unwrap();
            assert_eq!(page.len(), size);
            listed.extend(page);
        }
        assert_eq!(listed.iter().map(|letter| letter.id).collect::<Vec<_>>(), ids);
    }

    async fn whoever_lost_the_lease_cannot_acknowledge(db: TestDb) {
        let id = enqueue(&db, call("1")).await;
        let late = claim(&db, db.ids().next()).await.unwrap().lease;
        assert_eq!(claim(&db, db.ids().next()).await, None);
        let now = db.clock().advance(LEASE);
        // The same process may well be the one that takes over from itself.
        let taken_over = claim(&db, late.owner).await.unwrap().lease;
        assert_eq!((taken_over.job, taken_over.attempt), (id, 2));

        let lost = Err(Error::LeaseLost { job: id });
        assert_eq!(db.write(move |tx| job_done(tx, &late)).await, lost);
        assert_eq!(db.write(move |tx| lease_extend(tx, now, &late, LEASE)).await, lost);
        assert_eq!(db.write(move |tx| lease_release(tx, now, &late)).await, lost);
        assert_eq!(db.write(move |tx| job_dead_letter(tx, now, &late, "no")).await, lost);
        let failed = move |tx: &mut WriteTx<'_>| job_failed(tx, now, &late, "no", &Call::BACKOFF);
        assert_eq!(db.write(failed).await, Err(Error::LeaseLost { job: id }));

        assert_eq!(db.write(move |tx| job_done(tx, &taken_over)).await, Ok(()));
        assert_eq!(db.write(move |tx| job_done(tx, &taken_over)).await, lost);
    }

    async fn a_lease_can_be_extended_and_given_back(db: TestDb) {
        let id = enqueue(&db, call("1")).await;
        let lease = claim(&db, db.ids().next()).await.unwrap().lease;
        let now = db.clock().advance(LEASE / 2);
        assert_eq!(db.write(move |tx| lease_extend(tx, now, &lease, LEASE)).await, Ok(()));
        let now = db.clock().advance(LEASE / 2);
        assert_eq!(claim(&db, db.ids().next()).await, None);
        assert_eq!(db.write(move |tx| lease_release(tx, now, &lease)).await, Ok(()));
        // What was given back was not the job's fault.
        let next = claim(&db, db.ids().next()).await.unwrap().lease;
        assert_eq!((next.job, next.attempt), (id, 1));
        let late = Err(Error::LeaseLost { job: id });
        assert_eq!(db.write(move |tx| job_done(tx, &lease)).await, late);
    }

    async fn a_job_that_kills_its_workers_ends_as_a_dead_letter(db: TestDb) {
        enqueue(&db, call("1")).await;
        for _ in 0..Call::MAX_ATTEMPTS {
            assert!(claim(&db, db.ids().next()).await.is_some());
            db.clock().advance(LEASE);
        }
        enqueue(&db, call("2")).await;
        // The dead one does not use up the claim.
        let next = claim(&db, db.ids().next()).await.unwrap();
        assert_eq!(next.payload, r#"{"number":"2"}"#);
        let letter = dead(&db).await.remove(0);
        assert_eq!((letter.attempts, letter.failures[0].attempt), (3, 3));
    }

    async fn a_job_that_waits_already_is_not_enqueued_twice(db: TestDb) {
        let (now, ids) = (db.clock().now(), db.ids().clone());
        let ring = |number: &str| {
            let (id, ring) = (ids.next(), Ring { number: number.to_owned() });
            db.write(move |tx| job_enqueue(tx, now, id, &ring))
        };
        assert_eq!(ring("1").await, Ok(true));
        assert_eq!(ring("1").await, Ok(false));
        assert_eq!(ring("2").await, Ok(true));
        // One that has begun may have missed what the next is about.
        let owner = ids.next();
        let claimed = db.write(move |tx| jobs_claim(tx, now, owner, &[Ring::KIND], 9, LEASE)).await;
        assert_eq!(claimed.unwrap().len(), 2);
        assert_eq!(ring("1").await, Ok(true));
    }

    async fn whoever_enqueues_a_job_may_run_it_and_dies_without_harm(db: TestDb) {
        let (now, owner, one, other) = (db.clock().now(), db.ids().next(), db.ids().next(), db.ids().next());
        let leases = db.write(move |tx| {
            let one = job_enqueue_leased(tx, now, one, owner, LEASE, &call("1"))?;
            Ok::<_, Error>((one, job_enqueue_leased(tx, now, other, owner, LEASE, &call("2"))?))
        });
        let (lease, _) = leases.await.unwrap();
        let calls = Calls::default();
        let mut worker = worker(&db, vec![calls.handler()]);
        assert_eq!(worker.run_due_once().await, Ok(0));
        assert_eq!(db.write(move |tx| job_done(tx, &lease)).await, Ok(()));
        db.clock().advance(LEASE);
        assert_eq!(worker.run_due_once().await, Ok(1));
        assert_eq!(calls.take(), ["2"]);
    }

    async fn a_job_too_long_to_keep_is_refused_and_so_is_a_second_of_its_id(db: TestDb) {
        let (now, id) = (db.clock().now(), db.ids().next());
        let long = call(&"9".repeat(70_000));
        let refused = db.write(move |tx| job_enqueue(tx, now, id, &long)).await;
        assert!(matches!(refused, Err(Error::Payload { kind: Call::KIND, .. })), "{refused:?}");
        let id = enqueue(&db, call("1")).await;
        let twice = db.write(move |tx| job_enqueue(tx, now, id, &call("2"))).await;
        assert!(matches!(twice, Err(Error::Store(purser_store::Error::Unique { .. }))), "{twice:?}");
    }

    async fn the_fate_of_a_failure_is_told(db: TestDb) {
        let id = enqueue(&db, call("1")).await;
        for attempt in 1..=Call::MAX_ATTEMPTS {
            let (now, lease) = (db.clock().now(), claim(&db, id).await.unwrap().lease);
            let failed = move |tx: &mut WriteTx<'_>| job_failed(tx, now, &lease, "busy", &Call::BACKOFF);
            let fate = db.write(failed).await.unwrap();
            let retry_at = now + Call::BACKOFF.delay(id, attempt);
            let expected = if attempt < Call::MAX_ATTEMPTS { FailureOutcome::Retry(retry_at) } else { FailureOutcome::Dead };
            assert_eq!(fate, expected);
            db.clock().set(retry_at);
        }
    }
}
