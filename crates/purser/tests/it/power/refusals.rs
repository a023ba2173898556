//! What is refused, taken back, or begun with other settings is on record.

use jiff::SignedDuration;
use purser_identity::{NewApiKey, ResourceBinding, Scopes, Secret, api_key_create};
use purser_store::params;
use purser_testkit::{TestDb, both};
use serde_json::{Value, json};

use crate::program::{ApiClient, Installation};
use crate::test_site::{TestSite, TestSiteOptions};

type Line = (String, String, Option<String>, Value);

/// The lines of an action, oldest first: who, to what, from where, and more of it.
async fn lines(db: &TestDb, action: &'static str) -> Vec<Line> {
    let sql = "SELECT actor, subject, address, detail FROM identity_audit WHERE action = ?1 ORDER BY id";
    let read = db.read(move |tx| {
        tx.query(sql, &params![action], |row| {
            Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get(2)?, row.get::<String>(3)?))
        })
    });
    let lines = read.await.unwrap().into_iter();
    lines.map(|(actor, to, from, detail)| (actor, to, from, serde_json::from_str(&detail).unwrap())).collect()
}

/// The same, once there are so many: a refusal is written beside its answer.
async fn awaited(db: &TestDb, count: usize) -> Vec<Line> {
    loop {
        let lines = lines(db, "api.refused").await;
        if lines.len() >= count {
            return lines;
        }
        tokio::task::yield_now().await;
    }
}

both! {
    async fn refused_calls_are_on_record_and_change_nothing_else(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let (now, secret) = (db.clock().now(), Secret::api_key(&[1; 32]));
        let staff = ApiClient::at(&place.base, &crate::power::refusals::key(&place, "charge.*", None, 2).await);
        let mut sellers = Vec::new();
        for name in ["Corner Shop", "Other Shop"] {
            let made = staff.post("/api/sellers/", json!({ "name": name })).await.1;
            sellers.push(made["id"].as_str().unwrap().to_owned());
        }
        let binding = ResourceBinding { kind: purser_charge::SELLER_BINDING.to_owned(), id: sellers[0].parse().unwrap() };
        let bound = ApiClient::at(&place.base, &key(&place, "charge.read charge.sell", Some(binding), 3).await);
        let before = staff.get("/api/sellers/").await.1;
        // A key that is not ours, one that ended, a scope that is missing, and somebody else's seller.
        let strange = ApiClient::at(&place.base, secret.expose());
        assert_eq!(strange.get("/api/sellers/").await.0, 401);
        assert_eq!(awaited(&db, 1).await[0].0, "nobody");
        assert_eq!(bound.post("/api/sellers/", json!({ "name": "X" })).await.0, 403);
        let lines = awaited(&db, 2).await;
        assert!(lines[1].0.starts_with("key:") && lines[1].1 == "POST /api/sellers/", "{lines:?}");
        let sell = format!("/api/sellers/{}/sell_charge/", sellers[1]);
        assert_eq!(bound.post(&sell, json!({ "phone_number": "9876543210", "amount": 1 })).await.0, 404);
        let lines = awaited(&db, 3).await;
        assert_eq!((lines[2].1.as_str(), &lines[2].3["status"]), (format!("POST {sell}").as_str(), &json!(404)));
        assert!(lines.iter().all(|line| line.2.as_deref() == Some("127.0.0.1")), "{lines:?}");
        assert!(!format!("{lines:?}").contains("pk_"), "no key stands in the log: {lines:?}");
        assert_eq!(staff.get("/api/sellers/").await.1, before);
        // Many in a minute are one line, and the next one says how many there were.
        for _ in 0..50 {
            assert_eq!(strange.get("/api/sellers/").await.0, 401);
        }
        db.clock().advance(SignedDuration::from_mins(1));
        assert_eq!(strange.get("/api/sellers/").await.0, 401);
        let lines = awaited(&db, 4).await;
        assert_eq!((lines.len(), &lines[3].3["more_since_the_last_line"]), (4, &json!(50)), "{lines:?}");
        assert_eq!(staff.get("/api/sellers/not-an-id/").await.0, 404);
        assert!(now < db.clock().now());
    }

    async fn asking_for_credit_and_taking_it_back_in_the_portal_leave_their_lines(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let staff = ApiClient::at(&place.base, &key(&place, "charge.*", None, 2).await);
        let seller = staff.post("/api/sellers/", json!({ "name": "Corner Shop" })).await.1["id"].as_str().unwrap().to_owned();
        let meena = place.person("meena", "person", "").await;
        let (now, id): (_, uuid::Uuid) = (db.clock().now(), seller.parse().unwrap());
        let sql = "INSERT INTO charge_seller_person (seller, person, created_at, created_by) VALUES (?1, ?2, ?3, 'test')";
        db.write(move |tx| tx.execute(sql, &params![id, meena, now])).await.unwrap();
        let mut browser = place.signed_in("meena").await;
        let (ask, take) = (uuid::Uuid::from_u128(1).to_string(), uuid::Uuid::from_u128(2).to_string());
        let fields = [("amount", "10"), ("note", ""), ("sure", "yes"), ("once", ask.as_str())];
        assert_eq!(browser.post(&format!("/portal/charge/{seller}/do/ask/"), &fields).await.status, 303);
        let request = staff.get("/api/credit-requests/").await.1[0]["id"].as_str().unwrap().to_owned();
        let fields = [("id", request.as_str()), ("sure", "yes"), ("once", take.as_str())];
        assert_eq!(browser.post(&format!("/portal/charge/{seller}/do/withdraw/"), &fields).await.status, 303);
        let actor = format!("user:{meena}");
        let (created, withdrawn) = (lines(&db, "charge.requests.create").await, lines(&db, "charge.requests.withdraw").await);
        for lines in [&created, &withdrawn] {
            assert_eq!((lines.len(), lines[0].0.as_str(), lines[0].2.as_deref()), (1, actor.as_str(), Some("127.0.0.1")));
            assert_eq!(lines[0].1, format!("charge:requests:{request}"));
        }
        assert_eq!(withdrawn[0].3["changed"]["status"], json!({ "before": "pending", "after": "withdrawn" }));
    }

    async fn the_command_line_puts_the_kind_on_record_and_a_start_its_other_settings(db: TestDb) {
        let installation = Installation::new(&db);
        crate::browser::person(&installation, "ravi", &[]);
        let role = installation.run(&["user", "role", "ravi", "--kind", "superuser"]);
        assert!(role.status.success(), "{}", String::from_utf8_lossy(&role.stderr));
        let lines_of_roles = lines(&db, "user.role").await;
        assert_eq!(lines_of_roles[0].3["changed"]["Kind"], json!({ "before": "person", "after": "superuser" }));

        drop(installation.serve("pk_none"));
        assert_eq!(lines(&db, "house.settings.start").await.len(), 1);
        drop(installation.serve("pk_none"));
        assert_eq!(lines(&db, "house.settings.start").await.len(), 1, "a start with the same settings is none");
        let other = installation.with("PURSER_CHARGE_MAX_SALE", "12.00").with("PURSER_WEBHOOK_SECRET", "sesame sesame sesame");
        drop(other.serve("pk_none"));
        let lines = lines(&db, "house.settings.start").await;
        let changed = &lines[1].3["changed"];
        assert_eq!(changed["charge.max_sale"], json!({ "before": "10000.00", "after": "12.00" }), "{changed}");
        let secret = changed["webhook.secret"]["after"].as_str().unwrap();
        assert!(secret.starts_with("********"), "{changed}");
        assert!(!lines[1].3.to_string().contains("sesame"), "{changed}");
    }
}

/// A key that stands for itself.
async fn key(place: &TestSite, scopes: &str, binding: Option<ResourceBinding>, chance: u8) -> String {
    let ((now, id), secret) = (place.context.stamp(), Secret::api_key(&[chance; 32]));
    let (label, scopes, hash) = ("test".to_owned(), Scopes::parse(scopes).unwrap(), secret.hash());
    let new = NewApiKey { id, label, scopes, binding, expires_at: None, created_by: "test".to_owned() };
    place.db.write(move |tx| api_key_create(tx, now, &new, hash)).await.unwrap();
    secret.expose().to_owned()
}
