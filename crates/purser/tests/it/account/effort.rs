//! The same work behind an answer whether an account exists or not: counted, as a clock would lie.

use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use purser_identity::{Privileges, Roles, access_set};
use purser_testkit::{TestDb, both};

use crate::browser::{Browser, PASSWORD};
use crate::test_site::TestSite;

/// What somebody chose who signed up.
const CHOSEN: &str = "granite willow echo tangent";

/// What a request costs that a stranger could measure.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Effort {
    hashes: u64,
    audited: i64,
    notices: i64,
    jobs: i64,
    tries: i64,
}

async fn so_far(place: &TestSite) -> Effort {
    let hashes = place.hashed.load(Ordering::SeqCst);
    let counted = place.db.read(move |tx| {
        let mut count =
            |table: &str| tx.query_one(&format!("SELECT COUNT(*) FROM {table}"), &[], |row| row.get::<i64>(0));
        let (audited, notices, jobs) = (count("identity_audit")?, count("outbox_notice")?, count("outbox_job")?);
        let sql = "SELECT CAST(COALESCE(SUM(hits), 0) AS BIGINT) FROM identity_rate";
        let tries = tx.query_one(sql, &[], |row| row.get::<i64>(0))?;
        Ok::<_, purser_store::Error>(Effort { hashes, audited, notices, jobs, tries })
    });
    counted.await.unwrap()
}

/// What sending a form from a quiet minute costs, and how it is answered.
async fn effort(place: &TestSite, browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> (u16, Effort) {
    place.db.clock().advance(SignedDuration::from_mins(10));
    let now = place.context.now();
    place.db.write(move |tx| purser_identity::rates_purge(tx, now)).await.unwrap();
    let before = so_far(place).await;
    let page = browser.post(path, fields).await;
    let after = so_far(place).await;
    let spent = Effort {
        hashes: after.hashes - before.hashes,
        audited: after.audited - before.audited,
        notices: after.notices - before.notices,
        jobs: after.jobs - before.jobs,
        tries: after.tries - before.tries,
    };
    (page.status, spent)
}

/// Asha signs in, Bina may not any more, and nobody is called dina.
async fn people(place: &TestSite) {
    place.person("asha", "person", "").await;
    let bina = place.person("bina", "person", "").await;
    let now = place.context.now();
    let stopped = Privileges { is_staff: false, is_superuser: false, is_active: false, roles: Roles::default() };
    place.db.write(move |tx| access_set(tx, now, bina, &stopped)).await.unwrap();
}

both! {
    async fn a_sign_in_that_fails_costs_the_same_for_whatever_reason(db: TestDb) {
        let place = TestSite::open(&db).await;
        people(&place).await;
        let mut browser = Browser::at(&place.base);
        let mut spent = Vec::new();
        for (login, password) in [
            ("asha", "wrong wrong wrong"), ("dina", "wrong wrong wrong"), ("bina", PASSWORD), ("bina", "wrong"),
            ("asha@example.com", "wrong"), ("dina@example.com", "wrong"), ("no such <name>", ""),
        ] {
            let (status, effort) = effort(&place, &mut browser, "/accounts/login/", &[("login", login), ("password", password)]).await;
            assert_eq!(status, 401, "{login}");
            spent.push((login, effort));
        }
        let expected = Effort { hashes: 1, audited: 1, notices: 0, jobs: 0, tries: 3 };
        assert!(spent.iter().all(|(_, effort)| *effort == expected), "{spent:?}");
    }

    async fn asking_for_a_new_password_costs_the_same_for_every_address(db: TestDb) {
        let place = TestSite::open(&db).await;
        people(&place).await;
        let mut browser = Browser::at(&place.base);
        for email in ["asha@example.com", "bina@example.com", "dina@example.com"] {
            let (status, effort) = effort(&place, &mut browser, "/accounts/password/reset/", &[("email", email)]).await;
            let expected = Effort { hashes: 0, audited: 1, notices: 1, jobs: 1, tries: 4 };
            assert_eq!((status, effort), (200, expected), "{email}");
        }
        let links: i64 = db.read(|tx| tx.query_one("SELECT COUNT(*) FROM identity_link", &[], |row| row.get(0))).await.unwrap();
        assert_eq!(links, 1, "for whoever may sign in");
    }

    async fn signing_up_costs_the_same_with_a_name_that_is_taken(db: TestDb) {
        let place = TestSite::open(&db).await;
        people(&place).await;
        let mut browser = Browser::at(&place.base);
        for (username, email) in [
            ("dina", "asha@example.com"), ("dina", "dina@example.com"), ("asha", "ravi@example.com"), ("bina", "bina@example.com"),
        ] {
            let fields = [("username", username), ("email", email), ("first_name", ""), ("last_name", ""), ("password", PASSWORD), ("again", PASSWORD)];
            let (status, effort) = effort(&place, &mut browser, "/accounts/signup/", &fields).await;
            let expected = Effort { hashes: 1, audited: 1, notices: 1, jobs: 1, tries: 2 };
            assert_eq!((status, effort), (200, expected), "{username} {email}");
        }
        let people: i64 = db.read(|tx| tx.query_one("SELECT COUNT(*) FROM identity_user", &[], |row| row.get(0))).await.unwrap();
        assert_eq!(people, 2, "an account comes of it when the link is opened");
        let kept: i64 = db.read(|tx| tx.query_one("SELECT COUNT(*) FROM identity_sign_up", &[], |row| row.get(0))).await.unwrap();
        assert_eq!(kept, 4, "the same is written down for each");
    }

    async fn a_link_to_confirm_costs_the_same_for_an_address_that_is_taken(db: TestDb) {
        let place = TestSite::open(&db).await;
        people(&place).await;
        let mut asha = place.signed_in("asha").await;
        for email in ["bina@example.com", "new@example.com", "asha@example.com"] {
            let fields = [("email", email), ("password", PASSWORD)];
            let (status, effort) = effort(&place, &mut asha, "/accounts/email/", &fields).await;
            let expected = Effort { hashes: 1, audited: 1, notices: 1, jobs: 1, tries: 3 };
            assert_eq!((status, effort), (200, expected), "{email}");
        }
        let (status, again) = effort(&place, &mut asha, "/accounts/email/send/", &[]).await;
        assert_eq!((status, again), (200, Effort { hashes: 0, audited: 1, notices: 1, jobs: 1, tries: 2 }));
    }


    async fn signing_in_after_signing_up_costs_the_same_whatever_was_taken(db: TestDb) {
        let place = TestSite::open(&db).await;
        people(&place).await;
        let mut browser = Browser::at(&place.base);
        let sign_ups = [("dina", "dina@example.com"), ("asha", "ravi@example.com"), ("tara", "asha@example.com")];
        for (username, email) in sign_ups {
            let fields = [("username", username), ("email", email), ("first_name", ""), ("last_name", ""), ("password", CHOSEN), ("again", CHOSEN)];
            assert_eq!(browser.post("/accounts/signup/", &fields).await.status, 200);
        }
        let mut answers = Vec::new();
        for login in ["dina", "asha", "tara", "dina@example.com", "ravi@example.com", "asha@example.com", "nobody"] {
            let mut fresh = Browser::at(&place.base);
            let answer = effort(&place, &mut fresh, "/accounts/login/", &[("login", login), ("password", CHOSEN)]).await;
            assert_eq!(fresh.cookie(), None, "{login}");
            answers.push(answer);
        }
        let expected = Effort { hashes: 1, audited: 1, notices: 0, jobs: 0, tries: 3 };
        assert!(answers.iter().all(|answer| *answer == (401, expected)), "{answers:?}");
    }

    async fn the_last_wrong_password_costs_the_same_for_a_name_that_is_nobodys(db: TestDb) {
        let place = TestSite::open(&db).await;
        people(&place).await;
        let mut spent = Vec::new();
        for login in ["asha", "bina", "dina", "asha@example.com", "dina@example.com"] {
            let mut browser = Browser::at(&place.base);
            db.clock().advance(SignedDuration::from_mins(10));
            for _ in 0..2 {
                browser.post("/accounts/login/", &[("login", login), ("password", "wrong")]).await;
            }
            let before = so_far(&place).await;
            let page = browser.post("/accounts/login/", &[("login", login), ("password", "wrong")]).await;
            let after = so_far(&place).await;
            let more = (after.hashes - before.hashes, after.audited - before.audited, after.notices - before.notices, after.jobs - before.jobs);
            assert_eq!((page.status, more), (401, (1, 1, 0, 1)), "{login}");
            spent.push(browser.post("/accounts/login/", &[("login", login), ("password", "wrong")]).await.status);
        }
        assert_eq!(spent, [429; 5], "known or not");
    }
}
