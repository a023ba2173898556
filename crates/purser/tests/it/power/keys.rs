//! A key stands for the person who made it: it ends with them, and does no more than they may.

use jiff::SignedDuration;
use purser_identity::{NewApiKey, Scopes, Secret, api_key_by_hash, api_key_create};
use purser_store::params;
use purser_testkit::{TestDb, both};
use serde_json::json;
use uuid::Uuid;

use crate::browser::Browser;
use crate::program::ApiClient;
use crate::test_site::{TestSite, TestSiteOptions};

/// A site where no second factor is asked for, and a superuser.
async fn open(db: &TestDb) -> (TestSite, Browser) {
    let place = TestSite::with(db, TestSiteOptions { sign_up: true, second_factor: false }).await;
    place.person("boss", "superuser", "").await;
    let boss = place.signed_in("boss").await;
    (place, boss)
}

/// The key that a page shows once.
fn secret(page: &str) -> String {
    let at = page.find("pk_").unwrap_or_else(|| panic!("a key: {page}"));
    page[at..].chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '_').collect()
}

async fn new_key(browser: &mut Browser, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|scope| ("scope", *scope));
    let fields: Vec<(&str, &str)> = [("label", "till"), ("days", "")].into_iter().chain(scopes).collect();
    let page = browser.post("/admin/house/new-key/", &fields).await;
    assert_eq!(page.status, 200, "{}", page.text);
    secret(&page.text)
}

/// A seller with credit, somebody who acts for it, and the key that they made in the portal.
async fn shop(place: &TestSite, boss: &mut Browser) -> (String, Uuid, Browser, String) {
    let made = boss.post("/admin/charge/sellers/do/", &[("action", "create"), ("name", "Corner Shop")]).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let list: serde_json::Value = serde_json::from_str(&boss.page("/api/sellers/").await).unwrap();
    let seller = list[0]["id"].as_str().unwrap().to_owned();
    let give = [("action", "increase-credit"), ("id", seller.as_str()), ("amount", "100"), ("reference", "")];
    assert_eq!(boss.post("/admin/charge/sellers/do/", &give).await.status, 303);
    let meena = place.person("meena", "person", "").await;
    let let_sell = [("action", "let-sell"), ("id", seller.as_str()), ("login", "meena")];
    assert_eq!(boss.post("/admin/charge/sellers/do/", &let_sell).await.status, 303);
    let mut browser = place.signed_in("meena").await;
    let once = Uuid::from_u128(9).to_string();
    let fields = [("label", "till"), ("sure", "yes"), ("once", once.as_str())];
    let key = browser.post(&format!("/portal/charge/{seller}/do/make-key/"), &fields).await;
    (seller, meena, browser, secret(&key.text))
}

async fn sells(place: &TestSite, key: &str, seller: &str) -> u16 {
    let body = json!({ "phone_number": "9876543210", "amount": 1 });
    ApiClient::at(&place.base, key).post(&format!("/api/sellers/{seller}/sell_charge/"), body).await.0
}

both! {
    async fn whoever_is_stopped_sells_no_more_by_the_key_that_they_made(db: TestDb) {
        let (place, mut boss) = open(&db).await;
        let (seller, meena, _, key) = shop(&place, &mut boss).await;
        assert_eq!(sells(&place, &key, &seller).await, 200);
        let person = boss.page(&format!("/admin/house/people/{meena}/")).await;
        let shop = boss.page(&format!("/admin/charge/sellers/{seller}/")).await;
        for page in [&person, &shop] {
            assert!(page.contains(">till<") && page.contains("action=revoke") && page.contains("meena"), "{page}");
        }
        let asked = boss.page(&format!("/admin/house/people/do/?action=stop&id={meena}")).await;
        assert!(asked.contains("1 API key of theirs opens nothing any more"), "{asked}");
        assert_eq!(boss.post("/admin/house/people/do/", &[("action", "stop"), ("id", &meena.to_string())]).await.status, 303);
        assert_eq!(sells(&place, &key, &seller).await, 401, "at once, where it was done");
        assert_eq!(boss.post("/admin/house/people/do/", &[("action", "let-in"), ("id", &meena.to_string())]).await.status, 303);
        assert_eq!(sells(&place, &key, &seller).await, 401, "and for good");
        let sql = "SELECT COUNT(*) FROM identity_audit WHERE action = 'key.revoke' AND detail LIKE '%maker was stopped%'";
        assert_eq!(db.read(move |tx| tx.query_one(sql, &[], |row| row.get::<i64>(0))).await.unwrap(), 1);
    }

    async fn whoever_acts_for_a_seller_no_more_has_no_key_for_it(db: TestDb) {
        let (place, mut boss) = open(&db).await;
        let (seller, meena, _, key) = shop(&place, &mut boss).await;
        assert_eq!(sells(&place, &key, &seller).await, 200);
        let copy = TestSite::copy(&db).await;
        assert_eq!(sells(&copy, &key, &seller).await, 200);
        let stop = [("action", "stop-selling"), ("id", seller.as_str()), ("person", &meena.to_string())];
        assert_eq!(boss.post("/admin/charge/sellers/do/", &stop).await.status, 303);
        assert_eq!(sells(&place, &key, &seller).await, 401, "at once, where it was done");
        db.clock().advance(SignedDuration::from_secs(2));
        assert_eq!(sells(&copy, &key, &seller).await, 401, "and within two seconds elsewhere");
        copy.context.store.close();
        assert!(boss.page(&format!("/admin/charge/sellers/{seller}/")).await.contains("revoked"));
    }

    async fn a_key_does_no_more_than_its_maker_may(db: TestDb) {
        let (place, mut boss) = open(&db).await;
        let ravi = place.person("ravi", "staff", "charge.view charge.operate charge.approve house.approve").await;
        let mut browser = place.signed_in("ravi").await;
        let key = new_key(&mut browser, &["charge.read", "charge.manage", "charge.credit"]).await;
        let caller = ApiClient::at(&place.base, &key);
        let (status, seller) = caller.post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        assert_eq!(status, 201, "{seller}");
        let id = ravi.to_string();
        let access = [("action", "access"), ("id", id.as_str()), ("kind", "staff"), ("roles[]", "charge.view")];
        assert_eq!(boss.post("/admin/house/people/do/", &access).await.status, 303);
        let (status, refused) = caller.post("/api/sellers/", json!({ "name": "Second Shop" })).await;
        assert_eq!((status, refused["code"].as_str()), (403, Some("forbidden")), "{refused}");
        assert_eq!(caller.get("/api/sellers/").await.0, 200, "what its maker still may, it may");
        let access = [("action", "access"), ("id", id.as_str()), ("kind", "person"), ("roles[]", "charge.view")];
        assert_eq!(boss.post("/admin/house/people/do/", &access).await.status, 303);
        assert_eq!(caller.get("/api/sellers/").await.0, 403, "who is no staff has no keys of staff");
    }

    async fn a_new_key_in_the_console_takes_a_recent_proof(db: TestDb) {
        let (place, mut boss) = open(&db).await;
        db.clock().advance(SignedDuration::from_hours(1));
        let fields = [("label", "till"), ("scope", "charge.credit"), ("days", "")];
        let refused = boss.post("/admin/house/new-key/", &fields).await;
        assert!(refused.status == 403 && !refused.text.contains("pk_"), "{} {}", refused.status, refused.text);
        assert!(refused.text.contains("Prove that it is you") && refused.text.contains("value=\"till\""), "{}", refused.text);
        let proved = [fields.as_slice(), &[("proof_password", crate::browser::PASSWORD)]].concat();
        assert!(boss.post("/admin/house/new-key/", &proved).await.text.contains("pk_"));
        assert_eq!(place.context.now(), db.clock().now());
    }
}

/// Before the maker stood in a column of its own, it stood in the text alone.
async fn older(db: TestDb) {
    let old = |migration: &purser_store::Migration| match migration.room {
        "identity" => migration.number < 4,
        "charge" => migration.number < 7,
        _ => true,
    };
    let before = TestDb::create(db.engine(), crate::migrations().into_iter().filter(old).collect()).await;
    let now = before.clock().now();
    let ids: Vec<Uuid> = (0..6).map(|_| before.ids().next()).collect();
    let (active, stopped, seller) = (ids[0], ids[1], ids[5]);
    let people = ids.clone();
    before
        .write(move |tx| {
            for (id, name, is_active) in [(active, "asha", 1_i64), (stopped, "ravi", 0)] {
                tx.execute(
                    "INSERT INTO identity_user (id, username, username_folded, email, email_folded, first_name, last_name,
                         is_staff, is_superuser, is_active, created_at) VALUES (?1, ?2, ?2, ?3, ?3, '', '', 0, 0, ?4, ?5)",
                    &params![id, name, &format!("{name}@example.com"), is_active, now],
                )?;
            }
            let keys = [
                (people[2], format!("user:{active}"), None),
                (people[3], format!("user:{stopped}"), None),
                (people[4], format!("user:{active}"), Some(seller)),
            ];
            for (number, (id, by, binding)) in keys.into_iter().enumerate() {
                let hash = Secret::api_key(&[number as u8 + 1; 32]).hash();
                let kind = binding.map(|_| "charge:seller");
                tx.execute(
                    "INSERT INTO identity_api_key (id, hash, label, scopes, tie_kind, tie_id, created_by, created_at)
                     VALUES (?1, ?2, 'till', 'charge.sell', ?3, ?4, ?5, ?6)",
                    &params![id, &hash.0, kind, binding, &by, now],
                )?;
            }
            Ok::<_, purser_store::Error>(())
        })
        .await
        .unwrap();
    before.store().migrate(crate::migrations(), now).await.unwrap();
    let found = |number: u8| {
        let hash = Secret::api_key(&[number; 32]).hash();
        before.read(move |tx| api_key_by_hash(tx, now, hash))
    };
    let alive = found(1).await.unwrap().unwrap();
    assert_eq!((alive.id, alive.maker), (ids[2], Some(active)), "its maker is known");
    assert_eq!(found(2).await.unwrap(), None, "its maker was stopped");
    assert_eq!(found(3).await.unwrap(), None, "its maker does not act for the seller");
    let new = NewApiKey {
        id: before.ids().next(),
        label: "new".to_owned(),
        scopes: Scopes::everything(),
        binding: None,
        expires_at: None,
        created_by: "system:cli".to_owned(),
    };
    let hash = Secret::api_key(&[9; 32]).hash();
    before.write(move |tx| api_key_create(tx, now, &new, hash)).await.unwrap();
    assert_eq!(found(9).await.unwrap().unwrap().maker, None, "a key of the command line stands for itself");
}

both! {
    async fn keys_of_before_know_their_makers_and_those_of_the_stopped_are_gone(db: TestDb) {
        older(db).await;
    }
}
