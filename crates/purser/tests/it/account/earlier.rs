//! People who signed up before an account waited for the address, in a database of that time.

use jiff::SignedDuration;
use purser_identity::{HashCost, Secret, password_hash};
use purser_store::{Migration, params};
use purser_testkit::{TestDb, both};
use uuid::Uuid;

use crate::browser::{Browser, PASSWORD};
use crate::test_site::TestSite;

const NEW: &str = "granite willow echo tangent";

/// Everything but what came with the change, and what builds on it.
fn of_that_time() -> Vec<Migration> {
    let all = crate::migrations().into_iter();
    let later = |migration: &Migration| match migration.room {
        "identity" => migration.number >= 4,
        "charge" => migration.number >= 11,
        _ => false,
    };
    all.filter(|migration| !later(migration)).collect()
}

/// Somebody of that time, who signed up or was made by the operator, and is signed in.
async fn person(db: &TestDb, name: &'static str, signed_up: bool, random: u8) -> Uuid {
    let (id, event, now) = (db.ids().next(), db.ids().next(), db.clock().now());
    let email = format!("{name}@example.com");
    let (by, session) = (format!("user:{id}"), Secret::session(&[random; 32]).hash());
    let made = db.write(move |tx| {
        tx.execute(
            "INSERT INTO identity_user (id, username, username_folded, email, email_folded, first_name, last_name,
                 is_staff, is_superuser, created_at) VALUES (?1, ?2, ?2, ?3, ?3, '', '', 0, 0, ?4)",
            &params![id, name, &email, now],
        )?;
        let action = if signed_up { "user.sign_up" } else { "session.begin" };
        let sql = "INSERT INTO identity_audit (id, at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?3, '{}')";
        tx.execute(sql, &params![event, now, &by, action])?;
        tx.execute(
            "INSERT INTO identity_session (hash, person, address, agent, created_at, last_seen_at, proved_at, idle, ends_at, pending)
             VALUES (?1, ?2, '', '', ?3, ?3, ?3, ?4, ?5, 0)",
            &params![&session.0, id, now, 86_400_000_000_i64, now + SignedDuration::from_hours(24)],
        )
    });
    made.await.unwrap_or_else(|error: purser_store::Error| panic!("{name}: {error}"));
    id
}

fn cookie(random: u8) -> Option<String> {
    Some(format!("purser_session={}", Secret::session(&[random; 32]).expose()))
}

both! {
    async fn who_signed_up_without_confirming_gets_in_by_mail_and_by_nothing_else(db: TestDb) {
        let old = TestDb::create(db.engine(), of_that_time()).await;
        let asha = person(&old, "asha", true, 1).await;
        let ravi = person(&old, "ravi", false, 2).await;
        old.store().migrate(crate::migrations(), old.clock().now()).await.unwrap();
        for id in [asha, ravi] {
            let (now, hash) = (old.clock().now(), password_hash(PASSWORD, [7; 16], HashCost::for_tests()).unwrap());
            // What the database of that time held already; the session of ravi is put back as it was.
            let set = old.write(move |tx| {
                purser_identity::password_set(tx, now, id, &hash, "system:test")?;
                tx.execute("UPDATE identity_session SET revoked_at = NULL", &[]).map_err(purser_identity::Error::from)
            });
            set.await.unwrap();
        }
        let place = TestSite::open(&old).await;
        let open = async |random| Browser::at(&place.base).with_cookie(cookie(random)).get("/accounts/").await.status == 200;
        assert_eq!((open(1).await, open(2).await), (false, true), "a session of an address that nobody confirmed is over");
        let mut browser = Browser::at(&place.base);
        let right = |login: &'static str| [("login", login), ("password", PASSWORD)];
        let (unconfirmed, unknown) = (browser.post("/accounts/login/", &right("asha")).await, browser.post("/accounts/login/", &right("dina")).await);
        assert_eq!((unconfirmed.status, unconfirmed.text.replace("asha", "dina")), (401, unknown.text));
        assert_eq!(browser.post("/accounts/login/", &right("ravi")).await.status, 303, "the operator made this one");

        let mut owner = Browser::at(&place.base);
        owner.post("/accounts/password/reset/", &[("email", "asha@example.com")]).await;
        let link = place.link("asha@example.com", "house.password-reset").await;
        assert_eq!(owner.post(&link, &[("password", NEW), ("again", NEW)]).await.status, 200);
        assert_eq!(owner.post("/accounts/login/", &[("login", "asha"), ("password", NEW)]).await.status, 303);
        assert!(owner.page("/accounts/").await.contains("confirmed"));
        old.store().close();
    }
}
