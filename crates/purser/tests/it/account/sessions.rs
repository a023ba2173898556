//! Sessions: what they are good for, and what ends them.

use jiff::SignedDuration;
use purser_testkit::{TestDb, both};
use reqwest::header::{COOKIE, ORIGIN};

use crate::browser::{Browser, PASSWORD, hidden};
use crate::program::client;
use crate::test_site::TestSite;

const NEW: &str = "granite willow echo tangent";
const CHANGE: &str = "/accounts/password/";

fn change<'f>(current: &'f str, password: &'f str) -> [(&'f str, &'f str); 3] {
    [("current", current), ("password", password), ("again", password)]
}

both! {
    async fn a_stolen_session_ends_with_the_password(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let mut asha = place.signed_in("asha").await;
        let thief = Browser::at(&place.base).with_cookie(asha.cookie());
        assert_eq!(thief.get("/accounts/").await.status, 200);
        assert!(asha.post(CHANGE, &change("wrong", NEW)).await.text.contains("password is wrong"));
        let weak = asha.post(CHANGE, &change(PASSWORD, "asha1234")).await;
        assert!(weak.status == 400 && weak.text.contains("too similar"), "{}", weak.text);
        assert!(asha.submit(CHANGE, &change(PASSWORD, NEW)).await.contains("Your password is changed"));
        assert_eq!(thief.get("/accounts/").await.status, 303, "the thief is out");
        assert_eq!(asha.get("/accounts/").await.status, 200, "and the owner is not");
        let kinds: Vec<String> = place.mails("asha@example.com").await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["house.password-changed"]);
        assert_eq!(asha.post(CHANGE, &change("wrong", NEW)).await.status, 429, "three tries a minute");
    }

    async fn a_session_is_signed_out_from_another_one(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        place.person("ravi", "person", "").await;
        let mut here = place.signed_in("asha").await;
        let (there, elsewhere, ravi) =
            (place.signed_in("asha").await, place.signed_in("asha").await, place.signed_in("ravi").await);
        let list = here.page("/accounts/sessions/").await;
        assert_eq!((list.matches("this one").count(), list.matches("name=\"session\"").count()), (1, 4), "{list}");
        let theirs = hidden(&ravi.page("/accounts/sessions/").await, "session");
        here.submit("/accounts/sessions/end/", &[("session", &theirs)]).await;
        assert_eq!(ravi.get("/accounts/").await.status, 200, "another's session is not theirs to end");
        here.submit("/accounts/sessions/end/", &[("session", "others")]).await;
        assert_eq!((there.get("/accounts/").await.status, elsewhere.get("/accounts/").await.status), (303, 303));
        assert_eq!(here.get("/accounts/").await.status, 200);
        let own = hidden(&here.page("/accounts/sessions/").await, "session");
        assert_eq!(here.post("/accounts/sessions/end/", &[("session", &own)]).await.status, 303);
        assert_eq!(here.get("/accounts/").await.status, 303);
    }

    async fn a_cookie_that_was_planted_is_not_the_session(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let planted = format!("purser_session=ps_{}", "0".repeat(64));
        let mut asha = Browser::at(&place.base).with_cookie(Some(planted.clone()));
        asha.sign_in("asha").await;
        assert_ne!(asha.cookie(), Some(planted.clone()));
        assert_eq!(Browser::at(&place.base).with_cookie(Some(planted)).get("/accounts/").await.status, 303);
        let first = asha.cookie();
        asha.sign_in("asha").await;
        assert_ne!(asha.cookie(), first);
        assert_eq!(Browser::at(&place.base).with_cookie(first).get("/accounts/").await.status, 303, "rotated, not copied");
    }

    async fn a_page_of_another_site_changes_nothing(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "superuser", "").await;
        let asha = place.signed_in("asha").await;
        for path in [CHANGE, "/accounts/profile/", "/accounts/sessions/end/", "/accounts/second-factor/off/", "/accounts/logout/", "/accounts/login/", "/accounts/signup/", "/admin/charge/sellers/do/", "/admin/house/new-key/"] {
            let request = client().post(format!("{}{path}", place.base)).header(COOKIE, asha.cookie().unwrap());
            let request = request.header("content-type", "application/x-www-form-urlencoded").body("session=others");
            let foreign = request.try_clone().unwrap().header(ORIGIN, "https://evil.example").send().await.unwrap();
            assert_eq!(foreign.status(), 403, "{path}");
            let cross = request.header("sec-fetch-site", "cross-site").send().await.unwrap();
            assert_eq!(cross.status(), 403, "{path}");
        }
        assert_eq!(asha.get("/accounts/").await.status, 200, "still signed in");
    }

    async fn no_page_is_framed_cached_or_sniffed_and_no_address_leads_away(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "superuser", "").await;
        let mut asha = place.signed_in("asha").await;
        for path in ["/", "/accounts/", "/accounts/login/", "/accounts/signup/", "/accounts/second-factor/", "/admin/", "/admin/house/people/"] {
            let request = client().get(format!("{}{path}", place.base)).header(COOKIE, asha.cookie().unwrap());
            let answer = request.send().await.unwrap();
            let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
            assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
            assert!(header("content-security-policy").contains("script-src 'self'"), "{path}");
            assert_eq!((header("cache-control").as_str(), header("x-content-type-options").as_str()), ("no-store", "nosniff"), "{path}");
        }
        for next in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"] {
            let sent = asha.post("/accounts/login/", &[("login", "asha"), ("password", PASSWORD), ("next", next)]).await;
            assert_eq!((sent.status, sent.sent_to.as_str()), (303, "/admin/"), "{next}");
            db.clock().advance(SignedDuration::from_mins(2));
            let page = asha.page(&format!("/accounts/second-factor/?next={next}")).await;
            assert!(!page.contains("evil") && !page.contains("javascript:"), "{next}");
        }
    }

    async fn a_password_is_not_guessed_by_trying(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let mut thief = Browser::at(&place.base);
        let mut tried = Vec::new();
        for _ in 0..5 {
            tried.push(thief.post("/accounts/login/", &[("login", "asha"), ("password", "wrong wrong wrong")]).await.status);
        }
        assert_eq!(tried, [401, 401, 401, 429, 429], "three wrong ones in five minutes for one account");
        db.clock().advance(SignedDuration::from_mins(2));
        let right = [("login", "asha"), ("password", PASSWORD)];
        assert_eq!(thief.post("/accounts/login/", &right).await.status, 429, "not even the right one");
        db.clock().advance(SignedDuration::from_mins(4));
        assert_eq!(thief.post("/accounts/login/", &right).await.status, 303);
    }
}
