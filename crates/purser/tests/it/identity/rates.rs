//! How often something may be tried.

use jiff::SignedDuration;
use purser_identity::{Error, RateDecision, rate_forgive, rate_hit, rates_purge};
use purser_testkit::{TestDb, both};

use super::{SECOND, count};

/// One of three tries a minute.
async fn hit(db: &TestDb, key: &str) -> RateDecision {
    let (now, key) = (db.clock().now(), key.to_owned());
    let report = db.write(move |tx| rate_hit(tx, now, "test", &key, 3, SignedDuration::from_mins(1))).await;
    report.unwrap_or_else(|error: Error| panic!("counting: {error}"))
}

both! {
    async fn a_full_window_says_when_to_come_back(db: TestDb) {
        for _ in 0..3 {
            assert_eq!(hit(&db, "192.0.2.7").await, RateDecision::Allowed);
            db.clock().advance(SECOND);
        }
        assert_eq!(hit(&db, "192.0.2.7").await, RateDecision::Limited { retry_after_seconds: 57 });
        assert_eq!(hit(&db, "192.0.2.8").await, RateDecision::Allowed);
        db.clock().advance(SECOND * 57);
        assert_eq!(hit(&db, "192.0.2.7").await, RateDecision::Allowed, "the first of them is a minute ago");
        assert_eq!(hit(&db, "192.0.2.7").await, RateDecision::Limited { retry_after_seconds: 1 });
        db.clock().advance(SECOND * 2);
        for _ in 0..2 {
            assert_eq!(hit(&db, "192.0.2.7").await, RateDecision::Allowed);
        }
        assert_eq!(hit(&db, "192.0.2.7").await, RateDecision::Limited { retry_after_seconds: 58 });
    }

    async fn many_tries_at_once_do_not_slip_past_the_limit(db: TestDb) {
        let tries: Vec<_> = (0..32).map(|_| {
            let db = db.clone();
            tokio::spawn(async move { hit(&db, "192.0.2.7").await })
        }).collect();
        let mut allowed = 0;
        for one in tries {
            allowed += u32::from(one.await.unwrap() == RateDecision::Allowed);
        }
        assert_eq!(allowed, 3);
    }

    async fn a_try_that_went_well_is_given_back(db: TestDb) {
        for _ in 0..3 {
            hit(&db, "asha").await;
        }
        assert!(matches!(hit(&db, "asha").await, RateDecision::Limited { .. }));
        db.write(|tx| rate_forgive(tx, "test", "asha")).await.unwrap();
        assert_eq!(hit(&db, "asha").await, RateDecision::Allowed);
        assert!(matches!(hit(&db, "asha").await, RateDecision::Limited { .. }));
        // Nobody earns more tries than there are.
        for _ in 0..9 {
            db.write(|tx| rate_forgive(tx, "test", "asha")).await.unwrap();
        }
        for _ in 0..3 {
            assert_eq!(hit(&db, "asha").await, RateDecision::Allowed);
        }
        assert!(matches!(hit(&db, "asha").await, RateDecision::Limited { .. }));
    }

    async fn no_stretch_of_a_window_holds_more_tries_than_it_may_wherever_it_begins(db: TestDb) {
        hit(&db, "asha").await;
        db.clock().advance(SECOND * 58);
        for _ in 0..2 {
            assert_eq!(hit(&db, "asha").await, RateDecision::Allowed);
        }
        db.clock().advance(SECOND * 2);
        assert_eq!(hit(&db, "asha").await, RateDecision::Allowed, "the first is a minute ago");
        assert_eq!(hit(&db, "asha").await, RateDecision::Limited { retry_after_seconds: 58 }, "the others are not");
        db.clock().advance(SECOND * 57);
        assert_eq!(hit(&db, "asha").await, RateDecision::Limited { retry_after_seconds: 1 });
        db.clock().advance(SECOND);
        for _ in 0..2 {
            assert_eq!(hit(&db, "asha").await, RateDecision::Allowed, "whoever waits as told is let in");
        }
        // Any number of tries at any distance: in each minute of them, at most three were let through.
        let mut let_in: Vec<i64> = Vec::new();
        for step in 0..120_i64 {
            let now = db.clock().advance(SECOND * i32::try_from(step * 7 % 13).unwrap());
            if hit(&db, "ravi").await == RateDecision::Allowed {
                let_in.push(now.as_second());
            }
        }
        assert!(let_in.len() > 20 && let_in.windows(4).all(|four| four[3] - four[0] >= 60), "{let_in:?}");
    }

    async fn windows_that_ended_are_forgotten(db: TestDb) {
        hit(&db, "old").await;
        let now = db.clock().advance(SECOND * 61);
        hit(&db, "new").await;
        assert_eq!(db.write(move |tx| rates_purge(tx, now)).await, Ok(1));
        assert_eq!(count(&db, "identity_rate").await, 1);
    }
}
