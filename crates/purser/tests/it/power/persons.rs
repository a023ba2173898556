//! Where two persons are needed, the person behind a key counts, whichever door they came in by.

use purser_identity::{NewApiKey, ResourceBinding, Scopes, Secret, api_key_create, same_person};
use purser_store::params;
use purser_testkit::{TestDb, both};
use serde_json::json;
use uuid::Uuid;

use crate::program::ApiClient;
use crate::test_site::{TestSite, TestSiteOptions};

/// A key that `maker` made.
async fn key(
    place: &TestSite,
    maker: Uuid,
    scopes: &str,
    binding: Option<ResourceBinding>,
    chance: u8,
) -> (Uuid, String) {
    let ((now, id), secret) = (place.context.stamp(), Secret::api_key(&[chance; 32]));
    let (label, scopes, hash) = ("test".to_owned(), Scopes::parse(scopes).unwrap(), secret.hash());
    let new = NewApiKey { id, label, scopes, binding, expires_at: None, created_by: format!("user:{maker}") };
    place.db.write(move |tx| api_key_create(tx, now, &new, hash)).await.unwrap();
    (id, secret.expose().to_owned())
}

async fn act_for(place: &TestSite, seller: Uuid, person: Uuid) {
    let now = place.context.now();
    let sql = "INSERT INTO charge_seller_person (seller, person, created_at, created_by) VALUES (?1, ?2, ?3, 'test')";
    place.db.write(move |tx| tx.execute(sql, &params![seller, person, now])).await.unwrap();
}

both! {
    async fn nobody_approves_their_own_request_by_another_door(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let (asha, ravi) = (place.person("asha", "superuser", "").await, place.person("ravi", "superuser", "").await);
        let mut browser = place.signed_in("asha").await;
        let one = ApiClient::at(&place.base, &key(&place, asha, "charge.*", None, 1).await.1);
        let two = ApiClient::at(&place.base, &key(&place, asha, "charge.*", None, 2).await.1);
        let other = ApiClient::at(&place.base, &key(&place, ravi, "charge.*", None, 3).await.1);
        let seller = one.post("/api/sellers/", json!({ "name": "Corner Shop" })).await.1["id"].as_str().unwrap().to_owned();
        act_for(&place, seller.parse().unwrap(), asha).await;
        let asked = async |caller: &ApiClient| {
            let path = format!("/api/sellers/{seller}/credit-requests/");
            caller.post(&path, json!({ "amount": 10 })).await.1["id"].as_str().unwrap().to_owned()
        };
        let approve = async |caller: &ApiClient, request: &str| {
            let (status, answer) = caller.post(&format!("/api/credit-requests/{request}/approve/"), json!({})).await;
            (status, answer["code"].as_str().unwrap_or_default().to_owned())
        };
        let own = (403, "own_request".to_owned());
        // She asks in the portal, and approves with a key of hers.
        let once = Uuid::from_u128(9).to_string();
        let fields = [("amount", "10"), ("note", ""), ("sure", "yes"), ("once", once.as_str())];
        assert_eq!(browser.post(&format!("/portal/charge/{seller}/do/ask/"), &fields).await.status, 303);
        let list = one.get("/api/credit-requests/").await.1;
        let portal = list[0]["id"].as_str().unwrap().to_owned();
        let refused = approve(&one, &portal).await;
        assert!(refused == own || refused.1 == "own_request", "{refused:?}");
        // She asks with one key of hers, and approves with another, or in the console.
        let by_key = asked(&one).await;
        assert_eq!(approve(&two, &by_key).await.1, "own_request");
        let console = browser.post("/admin/charge/requests/do/", &[("action", "approve"), ("id", &by_key)]).await;
        assert_ne!(console.status, 303, "{}", console.text);
        // Somebody else does approve both.
        assert_eq!(approve(&other, &portal).await.0, 200);
        assert_eq!(approve(&other, &by_key).await.0, 200);
    }

    async fn two_actors_are_one_person_where_the_same_person_is_behind_them(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let (asha, ravi) = (place.person("asha", "person", "").await, place.person("ravi", "person", "").await);
        let (one, two) = (key(&place, asha, "charge.*", None, 1).await.0, key(&place, asha, "charge.*", None, 2).await.0);
        let hers = key(&place, ravi, "charge.*", None, 3).await.0;
        let same = async |one: String, other: String| db.read(move |tx| same_person(tx, &one, &other)).await.unwrap();
        assert!(same(format!("user:{asha}"), format!("key:{one}")).await);
        assert!(same(format!("key:{two}"), format!("key:{one}")).await);
        assert!(same("system:cli".to_owned(), "system:cli".to_owned()).await);
        assert!(!same(format!("key:{hers}"), format!("key:{one}")).await);
        assert!(!same(format!("user:{ravi}"), format!("user:{asha}")).await);
        assert!(!same("system:cli".to_owned(), "system:start".to_owned()).await);
    }

    async fn whoever_asks_for_coins_does_not_pay_them_by_another_door(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let (asha, _) = (place.person("asha", "superuser", "").await, place.person("ravi", "superuser", "").await);
        let (mut own, mut other) = (place.signed_in("asha").await, place.signed_in("ravi").await);
        let caller = ApiClient::at(&place.base, &key(&place, asha, "coins.*", None, 1).await.1);
        let award = json!({ "user_id": "meena", "amount": 500, "reason": "A quiz", "reference": "1" });
        assert_eq!(caller.post("/api/coins/award/", award).await.0, 200);
        let ask = json!({ "user_id": "meena", "amount": 100, "upi_id": "meena@ybl" });
        let made = caller.post("/api/coins/withdrawals/", ask).await.1;
        let id = made["data"]["withdrawal_id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        let begin = [("action", "process"), ("id", id.as_str())];
        let refused = own.post("/admin/coins/withdrawals/do/", &begin).await;
        assert_ne!(refused.status, 303, "her key asked: {}", refused.text);
        assert_eq!(other.post("/admin/coins/withdrawals/do/", &begin).await.status, 303);
    }

    async fn nobody_gives_coins_to_themselves_by_another_door(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let (asha, ravi) = (place.person("asha", "superuser", "").await, place.person("ravi", "superuser", "").await);
        let caller = |key: &str| ApiClient::at(&place.base, key);
        let own = caller(&key(&place, asha, "coins.*", None, 1).await.1);
        let other = caller(&key(&place, ravi, "coins.*", None, 2).await.1);
        let award = |reference: &str| json!({ "user_id": "meena", "amount": 500, "reason": "A quiz", "reference": reference });
        assert_eq!(own.post("/api/coins/award/", award("1")).await.0, 200, "nobody is meena yet");
        let linked = db.write(move |tx| tx.execute("UPDATE coins_user SET person = ?1", &params![asha])).await;
        assert_eq!(linked.unwrap(), 1);
        let (status, refused) = own.post("/api/coins/award/", award("2")).await;
        assert_eq!((status, refused["code"].as_str()), (403, Some("own_withdrawal")), "{refused}");
        let freeze = json!({ "user_id": "meena", "reason": "Under review" });
        assert_eq!(other.post("/api/coins/users/freeze/", freeze).await.0, 200);
        let (status, refused) = own.post("/api/coins/users/unfreeze/", json!({ "user_id": "meena" })).await;
        assert_eq!((status, refused["code"].as_str()), (403, Some("own_withdrawal")), "{refused}");
        assert_eq!(other.post("/api/coins/award/", award("2")).await.0, 200);
    }
}
