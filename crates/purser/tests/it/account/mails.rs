//! What strangers can have mailed to an address that is not theirs.

use jiff::SignedDuration;
use purser_testkit::{TestDb, both};

use crate::browser::{Browser, PASSWORD, hidden};
use crate::test_site::{TestSite, TestSiteOptions};

fn sign_up(email: &str) -> [(&str, &str); 6] {
    [
        ("username", "somebody"),
        ("email", email),
        ("first_name", ""),
        ("last_name", ""),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ]
}

both! {
    async fn signing_up_again_and_again_does_not_fill_a_letterbox_and_is_answered_alike(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        for email in ["asha@example.com", "free@example.com"] {
            let mut answers = Vec::new();
            for number in 0..14 {
                // From fourteen addresses, as far as the limits can tell.
                db.clock().advance(SignedDuration::from_mins(1));
                let spelled = if number % 2 == 0 { email.to_owned() } else { email.replace("example", "EXAMPLE") };
                let page = Browser::at(&place.base).post("/accounts/signup/", &sign_up(&spelled)).await;
                answers.push((page.status, page.text.replace("EXAMPLE", "example")));
            }
            assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 200), "{answers:?}");
            let mails = place.mails(email).await.len() + if email.starts_with("free") { place.mails("free@EXAMPLE.com").await.len() } else { 0 };
            assert_eq!(mails, 3, "{email}");
        }
        db.clock().advance(SignedDuration::from_hours(25));
        Browser::at(&place.base).post("/accounts/signup/", &sign_up("asha@example.com")).await;
        assert_eq!(place.mails("asha@example.com").await.len(), 4, "another day");
    }

    async fn links_for_a_new_password_do_not_fill_a_letterbox_and_the_last_one_is_good(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let mut texts = Vec::new();
        for _ in 0..9 {
            db.clock().advance(SignedDuration::from_mins(1));
            let page = Browser::at(&place.base).post("/accounts/password/reset/", &[("email", "asha@example.com")]).await;
            texts.push((page.status, page.text));
        }
        assert!(texts.iter().all(|text| *text == texts[0] && text.0 == 200), "{texts:?}");
        assert_eq!(place.mails("asha@example.com").await.len(), 5);
        let link = place.link("asha@example.com", "house.password-reset").await;
        assert_eq!(Browser::at(&place.base).get(&link).await.status, 200);
    }

    async fn wishes_for_an_address_do_not_fill_its_letterbox(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let mut asha = place.signed_in("asha").await;
        for _ in 0..8 {
            db.clock().advance(SignedDuration::from_mins(3));
            let asked = asha.post("/accounts/email/", &[("email", "victim@example.com"), ("password", PASSWORD)]).await;
            assert_eq!(asked.status, 200, "{}", asked.text);
        }
        assert_eq!(place.mails("victim@example.com").await.len(), 5);
    }

    async fn staff_are_told_when_an_address_was_mailed_enough_links(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        place.person("boss", "superuser", "").await;
        let id = place.person("ravi", "person", "").await.to_string();
        let mut boss = place.signed_in("boss").await;
        let path = "/admin/house/people/do/";
        let mut sent = Vec::new();
        for _ in 0..6 {
            let page = boss.page(&format!("{path}?action=password-link&id={id}")).await;
            let fields = [("action", "password-link"), ("id", id.as_str()), ("once", &hidden(&page, "once"))];
            sent.push(boss.post(path, &fields).await.status);
        }
        assert_eq!(sent, [303, 303, 303, 303, 303, 429]);
        assert_eq!(place.mails("ravi@example.com").await.len(), 5);
    }
}
