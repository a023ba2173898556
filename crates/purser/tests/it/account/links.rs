//! Signing up, confirming an address, a forgotten password.

use jiff::SignedDuration;
use purser_testkit::{TestDb, both};

use crate::browser::{Browser, PASSWORD};
use crate::test_site::{TestSite, TestSiteOptions};

const NEW: &str = "granite willow echo tangent";
const SIGN_UP: &str = "/accounts/signup/";
const LOGIN: &str = "/accounts/login/";
const RESET: &str = "/accounts/password/reset/";

fn sign_up<'f>(username: &'f str, email: &'f str) -> [(&'f str, &'f str); 6] {
    [
        ("username", username),
        ("email", email),
        ("first_name", ""),
        ("last_name", ""),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ]
}

async fn may_sign_in(place: &TestSite, login: &str, password: &str) -> bool {
    // Each try as from a quiet minute, so that limits do not answer for the password.
    place.db.clock().advance(SignedDuration::from_mins(6));
    let page = Browser::at(&place.base).post(LOGIN, &[("login", login), ("password", password)]).await;
    assert!(page.status == 303 || page.status == 401, "{} {}", page.status, page.text);
    page.status == 303
}

both! {
    async fn whoever_signs_up_confirms_signs_in_by_both_names_and_sets_a_new_password(db: TestDb) {
        let place = TestSite::open(&db).await;
        let mut browser = Browser::at(&place.base);
        let page = browser.post(SIGN_UP, &sign_up("Asha.K", "Asha@Example.com")).await;
        assert!(page.status == 200 && page.text.contains("Look into your mail"), "{}", page.text);
        let link = place.link("Asha@Example.com", "house.confirm-email").await;
        for _ in 0..2 {
            assert!(browser.page(&link).await.contains("Asha@Example.com"), "looking at it changes nothing");
        }
        let mistyped = browser.post(&link, &[("password", "mistyped willow")]).await;
        assert!(mistyped.status == 400 && mistyped.text.contains("not the password of the sign-up"), "{}", mistyped.text);
        assert!(browser.post(&link, &[("password", PASSWORD)]).await.text.contains("is confirmed"));
        assert_eq!(browser.post(&link, &[("password", PASSWORD)]).await.status, 404, "it works once");
        assert!(may_sign_in(&place, "asha.k", PASSWORD).await && may_sign_in(&place, "ASHA@example.com", PASSWORD).await);

        let mut signed_in = place.signed_in("asha.k").await;
        assert!(signed_in.page("/accounts/").await.contains("confirmed"));
        assert!(browser.post(RESET, &[("email", "asha@example.com")]).await.text.contains("Look into your mail"));
        let link = place.link("Asha@Example.com", "house.password-reset").await;
        assert!(browser.page(&link).await.contains("Asha.K"));
        let weak = browser.post(&link, &[("password", "password"), ("again", "other")]).await;
        assert!(weak.status == 400 && weak.text.contains("common password") && weak.text.contains("differ"), "{}", weak.text);
        assert!(browser.post(&link, &[("password", NEW), ("again", NEW)]).await.text.contains("is changed"));
        assert_eq!(browser.post(&link, &[("password", NEW), ("again", NEW)]).await.status, 404, "it works once");
        assert_eq!(signed_in.get("/accounts/").await.status, 303, "who had the old password is out");
        assert_eq!(signed_in.post("/accounts/profile/", &[]).await.status, 303);
        assert!(!may_sign_in(&place, "asha.k", PASSWORD).await && may_sign_in(&place, "asha.k", NEW).await);
        let kinds: Vec<String> = place.mails("Asha@Example.com").await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["house.confirm-email", "house.password-reset", "house.password-changed"]);
    }

    async fn the_owner_of_an_address_that_a_stranger_signed_up_with_confirms_it_with_a_password_of_their_own(db: TestDb) {
        let place = TestSite::open(&db).await;
        // As many mails as an address gets in a day: the owner's own sign-up is mailed no more.
        for n in 0..4 {
            place.db.clock().advance(SignedDuration::from_mins(1));
            let name = if n < 3 { format!("stranger{n}") } else { "asha".to_owned() };
            let sent = Browser::at(&place.base).post(SIGN_UP, &sign_up(&name, "asha@example.com")).await;
            assert_eq!(sent.status, 200, "{}", sent.text);
        }
        assert_eq!(place.mails("asha@example.com").await.len(), 3);
        let link = place.link("asha@example.com", "house.confirm-email").await;
        let mut owner = Browser::at(&place.base);
        let asked = owner.post(&link, &[("password", NEW)]).await;
        assert!(asked.status == 400 && asked.text.contains("The same password again"), "{}", asked.text);
        let differs = owner.post(&link, &[("password", NEW), ("again", "another willow")]).await;
        assert!(differs.status == 400 && differs.text.contains("differ"), "{}", differs.text);
        assert!(owner.post(&link, &[("password", NEW), ("again", NEW)]).await.text.contains("is confirmed"));
        assert!(may_sign_in(&place, "asha@example.com", NEW).await, "the owner's password counts");
        assert!(!may_sign_in(&place, "asha@example.com", PASSWORD).await, "the stranger's does not");
    }

    async fn no_answer_tells_whether_an_account_exists(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let mut browser = Browser::at(&place.base);
        let known = browser.post(SIGN_UP, &sign_up("asha", "asha@example.com")).await;
        let fresh = browser.post(SIGN_UP, &sign_up("asha", "ravi@example.com")).await;
        assert_eq!(known.text.replace("asha@", "ravi@"), fresh.text);
        assert_eq!(place.mails("asha@example.com").await[0].0, "house.already-known");
        let (kind, data) = &place.mails("ravi@example.com").await[0];
        assert_eq!((kind.as_str(), data["username"].as_str()), ("house.confirm-email", Some("asha-2")));

        let known = browser.post(RESET, &[("email", "asha@example.com")]).await;
        let strange = browser.post(RESET, &[("email", "nobody@example.com")]).await;
        assert_eq!((known.status, known.text.replace("asha@", "nobody@")), (strange.status, strange.text));
        assert_eq!(place.mails("nobody@example.com").await[0].0, "house.no-account", "only its reader learns it");

        let wrong = |login: &'static str| [("login", login), ("password", "wrong wrong wrong")];
        let known = browser.post(LOGIN, &wrong("asha")).await;
        let strange = browser.post(LOGIN, &wrong("dina")).await;
        assert_eq!((known.status, known.text.replace("asha", "dina")), (strange.status, strange.text));
    }

    async fn a_link_ends_with_its_time_and_with_the_next_one(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let mut browser = Browser::at(&place.base);
        browser.post(RESET, &[("email", "asha@example.com")]).await;
        let first = place.link("asha@example.com", "house.password-reset").await;
        browser.post(RESET, &[("email", "asha@example.com")]).await;
        assert_eq!(browser.get(&first).await.status, 404, "replaced");
        place.db.clock().advance(SignedDuration::from_mins(1));
        browser.post(RESET, &[("email", "asha@example.com")]).await;
        let last = place.link("asha@example.com", "house.password-reset").await;
        place.db.clock().advance(SignedDuration::from_mins(60) - SignedDuration::from_secs(1));
        assert_eq!(browser.get(&last).await.status, 200);
        place.db.clock().advance(SignedDuration::from_secs(1));
        assert_eq!(browser.get(&last).await.status, 404);
        assert_eq!(browser.post(&last, &[("password", NEW), ("again", NEW)]).await.status, 404);
        for nonsense in ["x", "pl_", "..%2f..", "%00"] {
            assert_eq!(browser.get(&format!("{RESET}{nonsense}/")).await.status, 404, "{nonsense}");
        }
    }

    async fn a_new_address_counts_once_its_link_is_opened(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        place.person("ravi", "person", "").await;
        let mut asha = place.signed_in("asha").await;
        let change = |email: &'static str, password: &'static str| [("email", email), ("password", password)];
        assert!(asha.post("/accounts/email/", &change("new@example.com", "wrong")).await.text.contains("password is wrong"));
        assert!(asha.post("/accounts/email/", &change("no mail", PASSWORD)).await.text.contains("email-error"));
        let told = asha.post("/accounts/email/", &change("ravi@example.com", PASSWORD)).await;
        assert!(told.status == 200, "{}", told.text);
        assert_eq!(place.mails("ravi@example.com").await[0].0, "house.already-known", "another's is not taken away");
        assert_eq!(asha.post("/accounts/email/", &change("new@example.com", PASSWORD)).await.status, 200);
        assert!(asha.page("/accounts/").await.contains("asha@example.com"), "not yet");
        let link = place.link("new@example.com", "house.confirm-email").await;
        assert!(asha.post(&link, &[]).await.text.contains("is confirmed"));
        assert!(asha.page("/accounts/").await.contains("new@example.com"));
        assert_eq!(place.mails("asha@example.com").await[0].0, "house.email-changed");
        assert_eq!(asha.post("/accounts/email/send/", &[]).await.status, 429, "one link in three minutes");
        place.db.clock().advance(SignedDuration::from_mins(3));
        assert_eq!(asha.post("/accounts/email/send/", &[]).await.status, 200);
    }

    async fn each_form_says_what_is_wrong_and_changes_nothing(db: TestDb) {
        let place = TestSite::open(&db).await;
        let mut browser = Browser::at(&place.base);
        let fields = [("username", "a b"), ("email", "x"), ("first_name", ""), ("last_name", ""), ("password", "12345678"), ("again", "")];
        let page = browser.post(SIGN_UP, &fields).await;
        assert_eq!(page.status, 400);
        for told in ["username-error", "email-error", "password-error", "again-error", "all digits", "value=\"a b\""] {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        let own = [("username", "asha.kumari"), ("email", "a@b.example"), ("first_name", ""), ("last_name", ""), ("password", "asha.kumari1"), ("again", "asha.kumari1")];
        assert!(browser.post(SIGN_UP, &own).await.text.contains("too similar"));
        assert!(browser.post(RESET, &[("email", "x")]).await.text.contains("email-error"));
        place.person("asha", "person", "").await;
        place.person("ravi", "person", "").await;
        let (mut asha, mut ravi) = (place.signed_in("asha").await, place.signed_in("ravi").await);
        let profile = |first: &'static str, mobile: &'static str| {
            let rest = ["last_name", "country", "address", "state", "zip_code", "city"].map(|name| (name, ""));
            [[("first_name", first), ("mobile", mobile)].as_slice(), &rest].concat()
        };
        let page = "/accounts/profile/";
        assert_eq!(ravi.post(page, &profile("Ravi", "+91 98765-43210")).await.status, 303);
        for (mobile, told) in [("98765", "such as +91"), ("+9876543210123456", "such as +91"), ("+919876543210", "Somebody else")] {
            let refused = asha.post(page, &profile("Asha", mobile)).await;
            assert!(refused.status == 400 && refused.text.contains(told), "{mobile}: {}", refused.text);
        }
        let hostile = "<script>alert(1)</script>\"'{{7*7}}";
        assert_eq!(asha.post(page, &profile(Box::leak(hostile.into()), "")).await.status, 303);
        for path in ["/accounts/", page, "/"] {
            let shown = asha.page(path).await;
            assert!(!shown.contains("<script>"), "{path}: {shown}");
        }
        assert!(asha.page("/accounts/").await.contains("&#60;script&#62;"));
    }

    async fn a_house_may_be_closed_to_strangers(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: false, second_factor: true }).await;
        let mut browser = Browser::at(&place.base);
        assert_eq!(browser.get(SIGN_UP).await.status, 404);
        assert_eq!(browser.post(SIGN_UP, &sign_up("asha", "asha@example.com")).await.status, 404);
        assert!(!browser.page(LOGIN).await.contains(SIGN_UP));
        assert!(place.mails("asha@example.com").await.is_empty());
    }

    async fn strangers_are_slowed_down(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let mut browser = Browser::at(&place.base);
        for number in 0..10 {
            let email = format!("x{number}@example.com");
            assert_eq!(browser.post(SIGN_UP, &sign_up("x", &email)).await.status, 200);
        }
        assert_eq!(browser.post(SIGN_UP, &sign_up("x", "y@example.com")).await.status, 429);
        for _ in 0..3 {
            assert_eq!(browser.post(RESET, &[("email", "asha@example.com")]).await.status, 200);
        }
        assert_eq!(browser.post(RESET, &[("email", "ASHA@example.com")]).await.status, 429, "in any spelling");
        for number in 0..6 {
            let email = format!("z{number}@example.com");
            assert_eq!(browser.post(RESET, &[("email", &email)]).await.status, 200);
        }
        assert_eq!(browser.post(RESET, &[("email", "other@example.com")]).await.status, 429, "ten a minute from one address");
        place.db.clock().advance(SignedDuration::from_mins(1));
        assert_eq!(browser.post(SIGN_UP, &sign_up("x", "y@example.com")).await.status, 200);
        assert_eq!(browser.post(RESET, &[("email", "asha@example.com")]).await.status, 200);
    }
}
