//! What ends when an account changes hands: each way by which somebody who had hold of it could keep one.

use jiff::SignedDuration;
use purser_identity::{
    Actor, NewApiKey, Scopes, Secret, api_key_by_hash, api_key_create, email_verify, password_set, second_factor_is_on,
    user_get,
};
use purser_testkit::{TestDb, both};
use uuid::Uuid;

use super::second_factor::{Phone, enroll};
use crate::browser::{Browser, PASSWORD, hidden};
use crate::test_site::{TestSite, TestSiteOptions};

const NEW: &str = "granite willow echo tangent";
const RESET: &str = "/accounts/password/reset/";
const EMAIL: &str = "/accounts/email/";
const FACTOR: &str = "/accounts/second-factor/";
const PEOPLE: &str = "/admin/house/people/do/";

const CHOSEN: [(&str, &str); 2] = [("password", NEW), ("again", NEW)];

async fn open(db: &TestDb) -> TestSite {
    TestSite::with(db, TestSiteOptions { sign_up: true, second_factor: false }).await
}

/// The link by which a new password is set, mailed to the person's address.
async fn reset_link(place: &TestSite, email: &str) -> String {
    place.db.clock().advance(SignedDuration::from_mins(2));
    let asked = Browser::at(&place.base).post(RESET, &[("email", email)]).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    place.link(email, "house.password-reset").await
}

/// The link by which the address becomes another one, mailed there.
async fn change_link(place: &TestSite, browser: &mut Browser, to: &str, password: &str) -> String {
    place.db.clock().advance(SignedDuration::from_mins(4));
    let asked = browser.post(EMAIL, &[("email", to), ("password", password)]).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    place.link(to, "house.confirm-email").await
}

/// The owner reads mail and sets a new password.
async fn recover(place: &TestSite, email: &str) {
    let link = reset_link(place, email).await;
    let set = Browser::at(&place.base).post(&link, &CHOSEN).await;
    assert_eq!(set.status, 200, "{}", set.text);
}

async fn signs_in(place: &TestSite, login: &str, password: &str) -> (u16, String) {
    place.db.clock().advance(SignedDuration::from_mins(6));
    let page = Browser::at(&place.base).post("/accounts/login/", &[("login", login), ("password", password)]).await;
    (page.status, page.sent_to)
}

/// A key that the person made.
async fn key(place: &TestSite, person: Uuid, random: u8) -> Secret {
    let ((now, id), secret) = (place.context.stamp(), Secret::api_key(&[random; 32]));
    let (hash, created_by) = (secret.hash(), Actor::User(person).to_string());
    let (label, scopes) = (format!("till {random}"), Scopes::everything());
    let new = NewApiKey { id, label, scopes, binding: None, expires_at: None, created_by };
    place.db.write(move |tx| api_key_create(tx, now, &new, hash)).await.unwrap();
    secret
}

/// Whether the key opens the API, now and for whoever asks the database.
async fn opens(place: &TestSite, key: &Secret) -> bool {
    let (hash, now) = (key.hash(), place.context.now());
    let known = place.db.read(move |tx| api_key_by_hash(tx, now, hash)).await.unwrap().is_some();
    let asked = crate::program::client().get(format!("{}/api/sellers/", place.base)).bearer_auth(key.expose());
    // A key of somebody without rights is known, and may not see sellers.
    assert_eq!(asked.send().await.unwrap().status() != 401, known, "nobody goes on believing it");
    known
}

async fn confirm(place: &TestSite, person: Uuid) {
    let now = place.context.now();
    let confirmed = place.db.write(move |tx| {
        let email = user_get(tx, person)?.email;
        email_verify(tx, now, person, &email)
    });
    confirmed.await.unwrap();
}

both! {
    async fn recovering_an_account_by_mail_ends_all_that_a_stranger_had_set_up(db: TestDb) {
        let place = open(&db).await;
        let id = place.person("asha", "person", "").await;
        let mut stranger = place.signed_in("asha").await;
        let (phone, _) = enroll(&place, id, &mut stranger).await;
        let key = key(&place, id, 3).await;
        place.db.clock().advance(SignedDuration::from_mins(4));
        let proof = (PASSWORD, phone.next_code());
        let asked = stranger
            .post(EMAIL, &[("email", "stranger@example.com"), ("password", proof.0), ("code", proof.1.as_str())])
            .await;
        assert_eq!(asked.status, 200, "{}", asked.text);
        let change = place.link("stranger@example.com", "house.confirm-email").await;
        assert!(opens(&place, &key).await);

        recover(&place, "asha@example.com").await;
        assert_eq!(stranger.get("/accounts/").await.status, 303, "the session is over");
        let opened = stranger.post(&change, &[]).await;
        assert_eq!(opened.status, 404, "the address does not become the stranger's: {}", opened.text);
        assert_eq!(signs_in(&place, "asha", NEW).await, (303, "/".to_owned()), "no code of a stranger's phone is asked for");
        assert!(!opens(&place, &key).await, "the stranger's key is over");
        let user = db.read(move |tx| user_get(tx, id)).await.unwrap();
        assert!(user.email.as_str() == "asha@example.com" && user.email_verified_at.is_some());
    }

    async fn an_owner_whose_address_was_confirmed_keeps_their_own_factor_and_keys_and_is_told_of_them(db: TestDb) {
        let place = open(&db).await;
        let id = place.person("asha", "person", "").await;
        confirm(&place, id).await;
        let mut asha = place.signed_in("asha").await;
        enroll(&place, id, &mut asha).await;
        let key = key(&place, id, 4).await;
        let link = reset_link(&place, "asha@example.com").await;
        let set = Browser::at(&place.base).post(&link, &CHOSEN).await;
        assert!(set.status == 200 && set.text.contains("till 4"), "a key that a thief made would be seen: {}", set.text);
        assert_eq!(signs_in(&place, "asha", NEW).await.1, "/accounts/login/code/?next=/", "a mailbox alone opens nothing");
        assert!(opens(&place, &key).await, "a shop that forgot its password goes on selling");
        let mails = place.mails("asha@example.com").await;
        assert_eq!(mails.last().unwrap().1["keys"], "till 4");
    }

    async fn staff_whom_the_operator_made_keep_the_second_factor_that_guards_money(db: TestDb) {
        let place = open(&db).await;
        let id = place.person("boss", "superuser", "").await;
        let mut boss = place.signed_in("boss").await;
        enroll(&place, id, &mut boss).await;
        let key = key(&place, id, 5).await;
        recover(&place, "boss@example.com").await;
        assert_eq!(signs_in(&place, "boss", NEW).await.1, "/accounts/login/code/?next=/");
        assert!(opens(&place, &key).await);
    }

    async fn a_second_factor_that_was_begun_ends_with_the_password(db: TestDb) {
        let place = open(&db).await;
        let id = place.person("asha", "person", "").await;
        confirm(&place, id).await;
        let stranger = place.signed_in("asha").await;
        stranger.page(FACTOR).await;
        let phone = Phone::of(&place, id).await;
        recover(&place, "asha@example.com").await;
        let mut asha = Browser::at(&place.base);
        asha.post("/accounts/login/", &[("login", "asha"), ("password", NEW)]).await;
        let turned = asha.post(FACTOR, &[("code", &phone.code()), ("password", NEW)]).await;
        assert_eq!((turned.status, turned.sent_to.as_str()), (303, FACTOR), "the stranger's picture is worth nothing");
        assert!(!db.read(move |tx| second_factor_is_on(tx, id)).await.unwrap());
    }

    async fn a_mailed_link_ends_with_the_password(db: TestDb) {
        let place = open(&db).await;
        let id = place.person("asha", "person", "").await;
        // By its owner, by the operator.
        for by_operator in [false, true] {
            let mut asha = Browser::at(&place.base);
            db.clock().advance(SignedDuration::from_mins(2));
            asha.post("/accounts/login/", &[("login", "asha"), ("password", PASSWORD)]).await;
            let change = change_link(&place, &mut asha, "other@example.com", PASSWORD).await;
            let reset = reset_link(&place, "asha@example.com").await;
            let (now, hash) = (place.context.now(), hashed(PASSWORD));
            if by_operator {
                db.write(move |tx| password_set(tx, now, id, &hash, "system:cli")).await.unwrap();
            } else {
                let fields = [("current", PASSWORD), ("password", NEW), ("again", NEW)];
                assert_eq!(asha.post("/accounts/password/", &fields).await.status, 303);
                db.write(move |tx| password_set(tx, now, id, &hash, "system:cli")).await.unwrap();
            }
            for link in [&change, &reset] {
                assert_eq!(asha.get(link).await.status, 404, "{link}");
            }
            assert_eq!(asha.post(&change, &[]).await.status, 404);
            assert_eq!(asha.post(&reset, &CHOSEN).await.status, 404);
            db.clock().advance(SignedDuration::from_hours(25));
        }
    }

    async fn a_password_link_to_the_former_address_ends_with_it(db: TestDb) {
        let place = open(&db).await;
        place.person("asha", "person", "").await;
        let mut asha = place.signed_in("asha").await;
        let change = change_link(&place, &mut asha, "new@example.com", PASSWORD).await;
        let reset = reset_link(&place, "asha@example.com").await;
        assert_eq!(asha.post(&change, &[]).await.status, 200);
        assert_eq!(asha.post(&reset, &CHOSEN).await.status, 404, "whoever has the old mailbox");
        assert_eq!(asha.get("/accounts/").await.status, 200, "the owner goes on");
    }

    async fn links_end_when_somebody_is_stopped_and_do_not_come_back_when_they_are_let_in(db: TestDb) {
        let place = open(&db).await;
        place.person("boss", "superuser", "").await;
        let id = place.person("asha", "person", "").await.to_string();
        let mut asha = place.signed_in("asha").await;
        let change = change_link(&place, &mut asha, "other@example.com", PASSWORD).await;
        let reset = reset_link(&place, "asha@example.com").await;
        db.clock().advance(SignedDuration::from_mins(2));
        let mut boss = place.signed_in("boss").await;
        for action in ["stop", "let-in"] {
            let page = boss.page(&format!("{PEOPLE}?action={action}&id={id}")).await;
            let fields = [("action", action), ("id", &id), ("once", &hidden(&page, "once"))];
            assert_eq!(boss.post(PEOPLE, &fields).await.status, 303, "{action}");
            assert_eq!(asha.post(&reset, &CHOSEN).await.status, 404, "{action}");
            assert_eq!(asha.post(&change, &[]).await.status, 404, "{action}");
        }
        let page = boss.page(&format!("{PEOPLE}?action=stop&id={id}")).await;
        boss.post(PEOPLE, &[("action", "stop"), ("id", &id), ("once", &hidden(&page, "once"))]).await;
        let page = boss.page(&format!("{PEOPLE}?action=password-link&id={id}")).await;
        let fields = [("action", "password-link"), ("id", id.as_str()), ("once", &hidden(&page, "once"))];
        assert_eq!(boss.post(PEOPLE, &fields).await.status, 409, "a link that opens nothing is not mailed");
    }

    async fn other_rights_end_a_pending_address_and_leave_an_invitation(db: TestDb) {
        let place = open(&db).await;
        place.person("boss", "superuser", "").await;
        let id = place.person("ravi", "person", "").await.to_string();
        let mut ravi = place.signed_in("ravi").await;
        let change = change_link(&place, &mut ravi, "thief@example.com", PASSWORD).await;
        let reset = reset_link(&place, "ravi@example.com").await;
        db.clock().advance(SignedDuration::from_mins(2));
        let mut boss = place.signed_in("boss").await;
        let page = boss.page(&format!("{PEOPLE}?action=access&id={id}")).await;
        let fields = [("action", "access"), ("id", id.as_str()), ("kind", "staff"), ("roles[]", "charge.view"), ("once", &hidden(&page, "once"))];
        assert_eq!(boss.post(PEOPLE, &fields).await.status, 303);
        assert_eq!(ravi.post(&change, &[]).await.status, 404, "the new rights are not for another mailbox");
        assert_eq!(Browser::at(&place.base).get(&reset).await.status, 200);
    }

    async fn turning_the_second_factor_on_or_off_needs_the_password_and_ends_the_other_sessions(db: TestDb) {
        let place = open(&db).await;
        let id = place.person("asha", "person", "").await;
        let (mut here, there) = (place.signed_in("asha").await, place.signed_in("asha").await);
        here.page(FACTOR).await;
        let phone = Phone::of(&place, id).await;
        for password in ["", "wrong wrong wrong"] {
            let refused = here.post(FACTOR, &[("code", &phone.code()), ("password", password)]).await;
            assert!(refused.status == 400 && refused.text.contains("password is wrong"), "{}", refused.text);
            assert!(refused.text.contains("<svg class=\"qr\""), "the same picture, so that it need not be scanned again");
        }
        assert!(!db.read(move |tx| second_factor_is_on(tx, id)).await.unwrap());
        assert_eq!(there.get("/accounts/").await.status, 200, "nothing happened yet");
        assert_eq!(here.post(FACTOR, &[("code", &phone.code()), ("password", PASSWORD)]).await.status, 200);
        assert_eq!((here.get("/accounts/").await.status, there.get("/accounts/").await.status), (200, 303));

        db.clock().advance(SignedDuration::from_mins(2));
        let mut other = Browser::at(&place.base);
        other.post("/accounts/login/", &[("login", "asha"), ("password", PASSWORD)]).await;
        assert_eq!(other.post("/accounts/login/code/", &[("code", &phone.next_code())]).await.status, 303);
        let off = [("password", PASSWORD), ("code", &*phone.next_code())];
        assert_eq!(here.post("/accounts/second-factor/off/", &off).await.status, 303);
        assert_eq!((here.get("/accounts/").await.status, other.get("/accounts/").await.status), (200, 303));
    }
}

/// Hashed as the operator's commands do it.
fn hashed(password: &str) -> purser_identity::PasswordHash {
    purser_identity::password_hash(password, [9; 16], purser_identity::HashCost::for_tests()).unwrap()
}
