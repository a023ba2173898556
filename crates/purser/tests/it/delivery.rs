//! Sales that wait for an operator: nothing is refunded on a guess, and every word is taken once.

mod contradictions;
mod counter_site;
mod takeover;

use purser_charge::connector::http::SharedSecret;
use purser_testkit::{FakeResponse, FakeServer, TestDb, both};
use reqwest::Method;
use serde_json::{Value, json};

use crate::program::{ApiClient, Installation, client};

const SECRET: &str = "a secret of both sides";

async fn seller(caller: &ApiClient) -> String {
    let (_, seller) = caller.post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
    let seller = seller["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sellers/{seller}/increase_credit/");
    assert_eq!(caller.post(&path, json!({ "amount": 10 })).await.0, 200);
    seller
}

async fn sell(caller: &ApiClient, seller: &str, number: &str) -> (u16, Value) {
    let body = json!({ "phone_number": number, "amount": "4.00" });
    caller.post(&format!("/api/sellers/{seller}/sell_charge/"), body).await
}

/// Sells 2.00 under a key of this number; the status, the answer's text, and whether it was given before.
async fn sell_keyed(caller: &ApiClient, base: &str, seller: &str, key: usize) -> (u16, String, bool) {
    let request = client().post(format!("{base}/api/sellers/{seller}/sell_charge/"));
    let request = request.header("authorization", caller.bearer()).header("idempotency-key", format!("key-{key}"));
    let answer = request.json(&json!({ "phone_number": "9876543210", "amount": "2.00" })).send().await.unwrap();
    let replayed = answer.headers().get("idempotency-replayed").is_some();
    (answer.status().as_u16(), answer.text().await.unwrap(), replayed)
}

async fn credit(caller: &ApiClient, seller: &str) -> String {
    let path = format!("/api/sellers/{seller}/get_credit/");
    caller.send(Method::GET, &path, None).await.unwrap().text().await.unwrap()
}

async fn status(caller: &ApiClient, sale: &Value) -> String {
    let (_, sale) = caller.get(&format!("/api/charge-transactions/{}/", sale.as_str().unwrap())).await;
    sale["status"].as_str().unwrap().to_owned()
}

both! {
    async fn the_simulated_operator_charges_refuses_and_keeps_silent_as_its_script_says(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_CHARGE_CONNECTOR", "simulator");
        let serving = installation.serve(&installation.key("charge.*"));
        let caller = serving.caller();
        let seller = seller(&caller).await;
        let (code, sold) = sell(&caller, &seller, "9876543210").await;
        assert_eq!((code, sold["remaining_credit"].to_string()), (200, "6.0".to_owned()));
        let (code, refused) = sell(&caller, &seller, "9876543290").await;
        assert_eq!((code, refused["code"].as_str()), (400, Some("operator_refused")));
        assert_eq!(credit(&caller, &seller).await, r#"{"credit":6.00,"held":0.00,"available":6.00}"#);
        let (code, open) = sell(&caller, &seller, "9876543293").await;
        assert_eq!((code, open["status"].as_str()), (202, Some("charge submitted")));
        assert_eq!(status(&caller, &open["sale_id"]).await, "unknown");
        assert_eq!(credit(&caller, &seller).await, r#"{"credit":6.00,"held":4.00,"available":2.00}"#);
        let (code, short) = sell(&caller, &seller, "9876543210").await;
        assert_eq!((code, short["code"].as_str()), (400, Some("insufficient_credit")), "what is held is not sold twice");
        let path = format!("/api/charge-transactions/{}/resolve/", open["sale_id"].as_str().unwrap());
        let (code, resolved) = caller.post(&path, json!({ "outcome": "failed", "reason": "the operator's statement" })).await;
        assert_eq!((code, resolved["status"].as_str()), (200, Some("failed")));
        assert_eq!(credit(&caller, &seller).await, r#"{"credit":6.00,"held":0.00,"available":6.00}"#);
        let (code, again) = caller.post(&path, json!({ "outcome": "completed", "reason": "no" })).await;
        assert_eq!((code, again["code"].as_str()), (409, Some("already_settled")));
    }

    async fn an_operators_server_is_asked_once_and_believed_when_it_speaks_clearly(db: TestDb) {
        let operator = FakeServer::start().await;
        let installation = Installation::new(&db)
            .with("PURSER_CHARGE_CONNECTOR", "http")
            .with("PURSER_CHARGE_HTTP_URL", &operator.url(""))
            .with("PURSER_CHARGE_HTTP_SECRET", SECRET);
        let serving = installation.serve(&installation.key("charge.*"));
        let caller = serving.caller();
        let seller = seller(&caller).await;

        operator.answer(FakeResponse::json(200, &json!({ "status": "completed", "operator_ref": "OP-1" })));
        let (code, sold) = sell(&caller, &seller, "9876543210").await;
        assert_eq!((code, sold["status"].as_str()), (200, Some("charge sold successfully")), "{sold}");
        let asked = operator.request(0).await;
        assert_eq!(asked.json()["reference"], sold["sale_id"]);
        assert_eq!((&asked.json()["amount"], &asked.json()["phone_number"]), (&json!("4.00"), &json!("+919876543210")));

        operator.answer(FakeResponse::status(500));
        let (code, open) = sell(&caller, &seller, "9876543210").await;
        assert_eq!(code, 202, "a broken answer is no answer: {open}");
        assert_eq!(credit(&caller, &seller).await, r#"{"credit":6.00,"held":4.00,"available":2.00}"#);

        let word = |outcome: &str| json!({ "reference": open["sale_id"], "status": outcome }).to_string();
        let url = serving.url("/api/charge-callbacks/http/");
        let tell = |body: String, secret: &str| {
            let (timestamp, signature) = SharedSecret::new(secret).unwrap().sign(present(), body.as_bytes());
            let request = client().post(&url).header("x-purser-timestamp", timestamp);
            request.header("x-purser-signature", signature).body(body).send()
        };
        assert_eq!(tell(word("completed"), "another secret").await.unwrap().status(), 401);
        for (body, field, code) in [
            (word("weird"), "status", "unknown_value"),
            (json!({ "reference": "x", "status": "completed" }).to_string(), "reference", "malformed"),
            (json!({ "reference": open["sale_id"] }).to_string(), "status", "required"),
            (json!({ "reference": open["sale_id"], "status": "failed", "reason": 7 }).to_string(), "reason", "wrong_type"),
        ] {
            let refused = tell(body, SECRET).await.unwrap();
            assert_eq!(refused.status(), 400);
            let told: Value = refused.json().await.unwrap();
            assert_eq!(told["errors"][field][0]["code"], code, "{told}");
            assert!(!told.to_string().contains("variant") && !told.to_string().contains("column"), "{told}");
        }
        let more = json!({ "reference": open["sale_id"], "status": "completed", "balance": 7 }).to_string();
        assert_eq!(tell(more, SECRET).await.unwrap().status(), 200, "what else it says is passed over");
        assert_eq!(tell(word("completed"), SECRET).await.unwrap().status(), 200, "a repeat changes nothing");
        assert_eq!(tell(word("failed"), SECRET).await.unwrap().status(), 409, "the first word stands");
        assert_eq!(status(&caller, &open["sale_id"]).await, "completed");
        assert_eq!(credit(&caller, &seller).await, r#"{"credit":2.00,"held":0.00,"available":2.00}"#);
    }

    async fn a_repeated_key_gets_its_first_answer_whichever_connector_sells_by_then(db: TestDb) {
        let mut installation = Installation::new(&db);
        let key = installation.key("charge.*");
        let mut shop: Option<String> = None;
        let mut first: Vec<(u16, String)> = Vec::new();
        for (place, connector) in ["instant", "simulator", "instant"].into_iter().enumerate() {
            installation = installation.with("PURSER_CHARGE_CONNECTOR", connector);
            let serving = installation.serve(&key);
            let caller = serving.caller();
            let seller = match &shop {
                Some(seller) => seller.clone(),
                None => shop.insert(seller(&caller).await).clone(),
            };
            for (earlier, (code, body)) in first.iter().enumerate() {
                let again = sell_keyed(&caller, &serving.url(""), &seller, earlier).await;
                assert_eq!(again, (*code, body.clone(), true), "sold by {earlier}, repeated by {connector}");
            }
            let (code, body, replayed) = sell_keyed(&caller, &serving.url(""), &seller, place).await;
            assert_eq!((code, replayed), (200, false), "{body}");
            first.push((code, body));
            let left = ["8.00", "6.00", "4.00"][place];
            assert_eq!(credit(&caller, &seller).await, format!(r#"{{"credit":{left},"held":0.00,"available":{left}}}"#));
        }
    }
}

/// The real program checks a signature's age by the real clock, so the test signs by it too.
#[expect(clippy::disallowed_methods, reason = "the other side of a signature with a time in it")]
fn present() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
