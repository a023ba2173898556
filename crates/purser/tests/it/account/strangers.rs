//! Strangers who try passwords: they get nowhere, and keep nobody from their own account.

use jiff::SignedDuration;
use purser_testkit::{TestDb, both};

use super::second_factor::enroll;
use crate::browser::{Browser, PASSWORD};
use crate::test_site::{TestSite, TestSiteOptions};

const NEW: &str = "granite willow echo tangent";
const LOGIN: &str = "/accounts/login/";
const RIGHT: [(&str, &str); 2] = [("login", "asha"), ("password", PASSWORD)];

/// Somebody tries passwords, as often as they may and once more.
async fn strangers_try(place: &TestSite, login: &str) {
    let mut stranger = Browser::at(&place.base);
    let mut tried = Vec::new();
    for _ in 0..4 {
        tried.push(stranger.post(LOGIN, &[("login", login), ("password", "wrong wrong wrong")]).await.status);
    }
    assert_eq!(tried, [401, 401, 401, 429]);
    // The next minute, so that only the account's limit is full.
    place.db.clock().advance(SignedDuration::from_mins(1));
}

both! {
    async fn strangers_do_not_keep_the_owner_from_a_browser_that_is_known(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        place.person("ravi", "person", "").await;
        let asha = place.signed_in("asha").await;
        strangers_try(&place, "asha").await;
        assert_eq!(Browser::at(&place.base).post(LOGIN, &RIGHT).await.status, 429, "a stranger waits");
        let mut asha = asha.signed_out();
        assert_eq!(asha.post(LOGIN, &RIGHT).await.status, 303, "the owner does not");

        // Known to one is not known to all: the browser of ravi is a stranger to asha's account.
        let mut ravi = place.signed_in("ravi").await;
        db.clock().advance(SignedDuration::from_mins(1));
        assert_eq!(ravi.post(LOGIN, &RIGHT).await.status, 429);
        // Nor is a known browser a way to try for ever.
        let (mut asha, wrong) = (asha.signed_out(), [("login", "asha"), ("password", "wrong")]);
        let mut tried = Vec::new();
        for _ in 0..4 {
            tried.push(asha.post(LOGIN, &wrong).await.status);
        }
        assert_eq!(tried, [401, 401, 401, 429]);
    }

    async fn strangers_behind_the_same_address_do_not_keep_the_owner_out(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let mut asha = place.signed_in("asha").await.signed_out();
        for _ in 0..6 {
            Browser::at(&place.base).post(LOGIN, &[("login", "dina"), ("password", "wrong")]).await;
        }
        assert_eq!(Browser::at(&place.base).post(LOGIN, &RIGHT).await.status, 429, "five a minute from one address");
        assert_eq!(asha.post(LOGIN, &RIGHT).await.status, 303);
    }

    async fn a_live_session_of_the_account_is_no_stranger(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let asha = place.signed_in("asha").await;
        strangers_try(&place, "asha").await;
        let mut same = Browser::at(&place.base).with_cookie(asha.cookie());
        assert_eq!(same.post(LOGIN, &RIGHT).await.status, 303);
    }

    async fn strangers_do_not_keep_the_owner_from_deciding(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let id = place.person("asha", "superuser", "").await;
        let mut asha = place.signed_in("asha").await;
        let (phone, _) = enroll(&place, id, &mut asha).await;
        strangers_try(&place, "asha").await;
        strangers_try(&place, "asha@example.com").await;
        let proof = [("password", PASSWORD), ("code", &*phone.next_code())];
        assert_eq!(asha.post("/accounts/second-factor/codes/", &proof).await.status, 200);

        // Nor does whoever tries at a session that was left open keep anybody from signing in.
        let mut tried = Vec::new();
        for _ in 0..6 {
            let wrong = [("password", "wrong"), ("code", "000000")];
            tried.push(asha.post("/accounts/second-factor/codes/", &wrong).await.status);
        }
        assert_eq!(tried, [400, 400, 400, 400, 400, 429], "five a minute");
        db.clock().advance(SignedDuration::from_mins(4));
        let mut elsewhere = Browser::at(&place.base);
        assert_eq!(elsewhere.post(LOGIN, &RIGHT).await.status, 303);
    }

    async fn whoever_has_the_password_and_tries_codes_does_not_keep_the_owner_out(db: TestDb) {
        let place = TestSite::open(&db).await;
        let id = place.person("asha", "person", "").await;
        let mut asha = place.signed_in("asha").await;
        let (phone, _) = enroll(&place, id, &mut asha).await;
        let mut thief = Browser::at(&place.base);
        thief.post(LOGIN, &RIGHT).await;
        for _ in 0..6 {
            thief.post("/accounts/login/code/", &[("code", "000000")]).await;
        }
        assert_eq!(thief.post("/accounts/login/code/", &[("code", &phone.next_code())]).await.status, 429);
        db.clock().advance(SignedDuration::from_mins(1));
        let mut asha = asha.signed_out();
        asha.post(LOGIN, &RIGHT).await;
        assert_eq!(asha.post("/accounts/login/code/", &[("code", &phone.next_code())]).await.status, 303);
    }

    async fn the_owner_is_told_once_a_day_and_nobody_of_a_name_that_is_nobodys(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        for login in ["asha", "ASHA@example.com", "dina", "dina@example.com"] {
            strangers_try(&place, login).await;
            place.work().await;
        }
        let mails = place.mails("asha@example.com").await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert_eq!((mails[0].0.as_str(), mails[0].1["username"].as_str()), ("house.strangers-try", Some("asha")));
        assert!(place.mails("dina@example.com").await.is_empty());
        db.clock().advance(SignedDuration::from_hours(24));
        strangers_try(&place, "asha").await;
        place.work().await;
        assert_eq!(place.mails("asha@example.com").await.len(), 2);
    }

    async fn a_new_password_by_mail_lets_the_owner_in_at_once(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        for login in ["asha", "asha@example.com"] {
            strangers_try(&place, login).await;
        }
        let mut asha = Browser::at(&place.base);
        asha.post("/accounts/password/reset/", &[("email", "asha@example.com")]).await;
        let link = place.link("asha@example.com", "house.password-reset").await;
        assert_eq!(asha.post(&link, &[("password", NEW), ("again", NEW)]).await.status, 200);
        let right = [("login", "asha"), ("password", NEW)];
        assert_eq!(Browser::at(&place.base).post(LOGIN, &right).await.status, 303, "what was counted is forgotten");
        // And strangers who begin again meet the browser that set it as a known one.
        db.clock().advance(SignedDuration::from_mins(1));
        strangers_try(&place, "asha").await;
        assert_eq!(asha.post(LOGIN, &right).await.status, 303);
    }

    async fn a_password_that_the_operator_sets_clears_what_was_counted(db: TestDb) {
        let place = TestSite::open(&db).await;
        let id = place.person("asha", "person", "").await;
        strangers_try(&place, "asha").await;
        let (now, hash) = (place.context.now(), purser_identity::password_hash(NEW, [9; 16], purser_identity::HashCost::for_tests()).unwrap());
        db.write(move |tx| purser_identity::password_set(tx, now, id, &hash, "system:cli")).await.unwrap();
        assert_eq!(Browser::at(&place.base).post(LOGIN, &[("login", "asha"), ("password", NEW)]).await.status, 303);
    }

    async fn a_browser_that_a_thief_made_known_is_forgotten_with_the_password(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let (thief, mut asha) = (place.signed_in("asha").await, place.signed_in("asha").await);
        let fields = [("current", PASSWORD), ("password", NEW), ("again", NEW)];
        assert_eq!(asha.post("/accounts/password/", &fields).await.status, 303);
        db.clock().advance(SignedDuration::from_mins(1));
        strangers_try(&place, "asha").await;
        let right = [("login", "asha"), ("password", NEW)];
        assert_eq!(thief.signed_out().post(LOGIN, &right).await.status, 429, "counted with strangers");
        assert_eq!(asha.signed_out().post(LOGIN, &right).await.status, 303);
    }
}
