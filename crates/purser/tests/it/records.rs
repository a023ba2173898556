//! What staff do is on record wherever they do it: the console's deeds are tested with the console; these are the API's.
//! Each POST is sent again under its Idempotency-Key, and happens once. Sales, awards and spendings leave no line of the
//! audit log: the sale, the user's transactions and the journal say who did what and when.

use std::collections::BTreeSet;

use purser_charge::service::{SaleOutcome, sale_hear};
use purser_charge::{Settings, WordSource};
use purser_store::params;
use purser_testkit::{TestDb, both};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::program::{ApiClient, Installation};

/// What is called by its operator alone, signed, and told apart by the sale: a repeat settles nothing twice.
const CALLBACK: &str = "POST /api/charge-callbacks/http/";

/// A caller who notes which routes it has called.
struct Staff {
    caller: ApiClient,
    base: String,
    called: BTreeSet<String>,
    posted: u32,
}

impl Staff {
    /// Calls a route, `{id}` standing for `id`, and answers with what it says.
    async fn call(&mut self, method: Method, route: &str, id: &str, body: Value) -> Value {
        self.called.insert(format!("{method} {route}"));
        let path = route.replace("{id}", id);
        if method == Method::POST {
            return self.repeated(&path, "application/json", &body.to_string()).await;
        }
        let answer = self.caller.send(method.clone(), &path, Some(body)).await.unwrap();
        let status = answer.status().as_u16();
        let said = answer.text().await.unwrap();
        assert!(status < 300, "{method} {route}: {status} {said}");
        serde_json::from_str(&said).unwrap_or_default()
    }

    /// Posts something three times under one Idempotency-Key: it is done once, a repeat gets the first answer, and
    /// another body is refused.
    async fn repeated(&mut self, path: &str, kind: &str, body: &str) -> Value {
        let key = format!("walk-{}", self.posted);
        self.posted += 1;
        let other = format!("{body}\n");
        let mut said = Vec::new();
        for (body, replayed) in [(body, None), (body, Some("true")), (other.as_str(), None)] {
            let request = crate::program::client().post(format!("{}{path}", self.base));
            let request = request.header("authorization", self.caller.bearer()).header("idempotency-key", &key);
            let answer = request.header("content-type", kind).body(body.to_owned()).send().await.unwrap();
            let header = answer.headers().get("idempotency-replayed").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(header.as_deref(), replayed, "{path}");
            said.push((answer.status().as_u16(), answer.text().await.unwrap()));
        }
        assert!(said[0].0 < 300, "{path}: {said:?}");
        assert_eq!(said[0], said[1], "{path}");
        assert!(said[2].0 == 422 && said[2].1.contains("idempotency_key_reused"), "{path}: {said:?}");
        serde_json::from_str(&said[0].1).unwrap_or_default()
    }

    async fn post(&mut self, route: &str, id: &str, body: Value) -> Value {
        self.call(Method::POST, route, id, body).await
    }

    async fn upload(&mut self, route: &str, id: &str, query: &str, file: &str) -> Value {
        self.called.insert(format!("POST {route}"));
        let path = format!("{}{query}", route.replace("{id}", id));
        self.repeated(&path, "text/csv", file).await
    }
}

/// Whether an operation of the API's description is made from a command's declaration.
pub(crate) fn is_of_a_command(operation: &Value) -> bool {
    operation["tags"][0].as_str().is_some_and(|tag| tag.ends_with(": commands"))
}

/// Lines of the audit log: what was done, to what, from where, and more of it.
type Line = (String, String, Option<String>, Value);

async fn lines(db: &TestDb) -> Vec<Line> {
    let sql = "SELECT action, subject, address, detail FROM identity_audit WHERE actor LIKE 'key:%' ORDER BY id";
    let read = db.read(move |tx| {
        tx.query(sql, &params![], |row| {
            Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get(2)?, row.get::<String>(3)?))
        })
    });
    let lines = read.await.unwrap().into_iter();
    lines
        .map(|(action, subject, from, detail)| (action, subject, from, serde_json::from_str(&detail).unwrap()))
        .collect()
}

fn id_of(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

fn change(before: &str, after: &str) -> Value {
    json!({ "before": before, "after": after })
}

/// Has the operator of a refused sale say that it was made.
async fn contradicted(db: &TestDb, sale: Uuid) -> Uuid {
    let (now, id, settings) = (db.clock().now(), db.ids().next(), Settings::standard());
    let made = SaleOutcome::Completed { operator_ref: None };
    let heard = db.write(move |tx| sale_hear(tx, now, &settings, sale, &made, WordSource::Callback, id)).await.unwrap();
    assert!(heard.contradicts);
    id
}

both! {
    async fn whatever_staff_change_by_the_api_is_done_once_for_each_key_and_on_record_with_who_from_where_and_what(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_CHARGE_CONNECTOR", "simulator");
        let serving = installation.serve(&installation.key("*"));
        let other = serving.caller().with_key(&installation.key("charge.*"));
        let mut staff = Staff { caller: serving.caller(), base: serving.url(""), called: BTreeSet::new(), posted: 0 };

        // charge
        let seller = id_of(&staff.post("/api/sellers/", "", json!({ "name": "Corner Shop" })).await);
        staff.call(Method::PATCH, "/api/sellers/{id}/", &seller, json!({ "status": "frozen" })).await;
        staff.call(Method::PUT, "/api/sellers/{id}/", &seller, json!({ "name": "Corner Shop", "status": "active" })).await;
        staff.post("/api/sellers/{id}/increase_credit/", &seller, json!({ "amount": 100, "reference": "UTR 7" })).await;
        staff.post("/api/sellers/{id}/decrease_credit/", &seller, json!({ "amount": 1, "reason": "a typo" })).await;
        let wrong = staff.post("/api/sellers/{id}/increase_credit/", &seller, json!({ "amount": 2 })).await;
        let wrong = wrong["transaction_id"].as_str().unwrap();
        staff.post("/api/credit-transactions/{id}/reverse/", wrong, json!({ "reason": "of another seller" })).await;
        let gone = id_of(&staff.post("/api/sellers/", "", json!({ "name": "Closed Shop" })).await);
        staff.call(Method::DELETE, "/api/sellers/{id}/", &gone, Value::Null).await;
        let phone = id_of(&staff.post("/api/phone-numbers/", "", json!({ "number": "9876543219" })).await);
        staff.call(Method::PATCH, "/api/phone-numbers/{id}/", &phone, json!({ "label": "Asha" })).await;
        staff.call(Method::PUT, "/api/phone-numbers/{id}/", &phone, json!({ "label": "Asha at work" })).await;
        staff.call(Method::DELETE, "/api/phone-numbers/{id}/", &phone, Value::Null).await;
        let operator = id_of(&staff.post("/api/operators/", "", json!({ "name": "North", "prefixes": "91987" })).await);
        staff.call(Method::PUT, "/api/operators/{id}/", &operator, json!({ "name": "North One", "prefixes": "91987" })).await;
        let product = json!({ "operator_id": operator, "name": "Any amount", "low": 1, "high": 1000, "cost": "97.00" });
        let product = id_of(&staff.post("/api/products/", "", product).await);
        let dearer = json!({ "name": "Any amount", "low": 1, "high": 1000, "cost": "98.00" });
        staff.call(Method::PUT, "/api/products/{id}/", &product, dearer).await;
        let sell = format!("/api/sellers/{seller}/sell_charge/");
        // The simulator says nothing about a number that ends in 93.
        let sale = async |number: &str| {
            let (status, sold) = other.post(&sell, json!({ "phone_number": number, "amount": 4 })).await;
            assert!(status < 300, "{sold}");
            sold["sale_id"].as_str().unwrap().to_owned()
        };
        let (sold, unknown) = (sale("9876543210").await, sale("9876543293").await);
        staff.post("/api/charge-transactions/{id}/reverse/", &sold, json!({ "reason": "by mistake" })).await;
        let outcome = json!({ "outcome": "failed", "reason": "the operator's statement" });
        staff.post("/api/charge-transactions/{id}/resolve/", &unknown, outcome).await;
        // The simulator refuses a number that ends in 90; then its operator says that it was charged.
        let (status, refused) = other.post(&sell, json!({ "phone_number": "9876543290", "amount": 4 })).await;
        assert_eq!(status, 400, "{refused}");
        let contradiction = contradicted(&db, refused["sale_id"].as_str().unwrap().parse().unwrap()).await.to_string();
        let decision = json!({ "decision": "dismiss", "reason": "the operator takes it back" });
        staff.post("/api/charge-contradictions/{id}/settle/", &contradiction, decision).await;
        let ask = format!("/api/sellers/{seller}/credit-requests/");
        for (route, body) in [
            ("/api/credit-requests/{id}/approve/", Value::Null),
            ("/api/credit-requests/{id}/reject/", json!({ "reason": "no transfer came in" })),
            ("/api/credit-requests/{id}/withdraw/", Value::Null),
        ] {
            let request = id_of(&other.post(&ask, json!({ "amount": 10 })).await.1);
            staff.post(route, &request, body).await;
        }
        staff.post("/api/sellers/{id}/credit-requests/", &seller, json!({ "amount": 10 })).await;
        staff.post("/api/sellers/{id}/sell_charge/", &seller, json!({ "phone_number": "9876543213", "amount": 2 })).await;
        let file = "phone_number,amount\n9876543211,5\n9876543212,6\n";
        staff.upload("/api/sellers/{id}/sales/import/", &seller, "", file).await;

        // members
        let member = json!({ "name": "Asha Rao", "email": "asha@example.com", "wallet_balance": 50 });
        let member = id_of(&staff.post("/api/members/", "", member).await);
        staff.call(Method::PATCH, "/api/members/{id}/", &member, json!({ "name": "Asha R. Rao" })).await;
        staff.post("/api/members/{id}/top-up/", &member, json!({ "amount": 5, "reason": "cash" })).await;
        staff.post("/api/members/{id}/expire/", &member, Value::Null).await;
        staff.post("/api/members/{id}/revert/", &member, Value::Null).await;
        let file = |name: &str| format!("name,email,wallet_balance\n{name},{name}@example.com,10\n");
        staff.upload("/api/members/import/", "", "", &file("bina")).await;
        let checked = id_of(&staff.upload("/api/members/import/", "", "?dry_run=true", &file("chitra")).await);
        staff.post("/api/members/import/{id}/commit/", &checked, Value::Null).await;

        // coins
        let award = json!({ "user_id": "asha", "amount": 500, "reason": "A quiz", "reference": "1" });
        assert_eq!(other.with_key(&installation.key("coins.*")).post("/api/coins/award/", award).await.0, 200);
        staff.call(Method::PUT, "/api/coins/users/", "", json!({ "user_id": "asha", "email": "asha@example.com" })).await;
        let ask = json!({ "user_id": "asha", "amount": 100, "upi_id": "asha@ybl" });
        for (route, amount) in [("/api/coins/award/", 20), ("/api/coins/spend/", 10)] {
            let body = json!({ "user_id": "asha", "amount": amount, "reason": "A quiz", "reference": route });
            staff.post(route, "", body).await;
        }
        let first = staff.post("/api/razorpay/withdraw/", "", ask.clone()).await;
        let first = json!({ "withdrawal_id": first["data"]["withdrawal_id"] });
        staff.post("/api/razorpay/withdraw/cancel/", "", first).await;
        let withdrawal = staff.post("/api/coins/withdrawals/", "", ask).await["data"]["withdrawal_id"].as_str().unwrap().to_owned();
        staff.post("/api/coins/withdrawals/{id}/cancel/", &withdrawal, json!({})).await;
        // Whoever asks does not pay: the application has a key of its own.
        let application = other.with_key(&installation.key("coins.*"));
        let award = json!({ "user_id": "bina", "amount": 500, "reason": "A quiz", "reference": "2" });
        assert_eq!(application.post("/api/coins/award/", award).await.0, 200);
        let asked = async || {
            let ask = json!({ "user_id": "bina", "amount": 100, "upi_id": "bina@ybl" });
            application.post("/api/coins/withdrawals/", ask).await.1["data"]["withdrawal_id"].as_str().unwrap().to_owned()
        };
        let (paid, failed, rejected) = (asked().await, asked().await, asked().await);
        staff.post("/api/coins/withdrawals/{id}/process/", &paid, json!({})).await;
        staff.post("/api/coins/withdrawals/{id}/process/", &failed, json!({})).await;
        staff.post("/api/coins/withdrawals/{id}/complete/", &paid, json!({ "utr": "428811900001" })).await;
        let correct = json!({ "utr": "428811900010", "reason": "Two digits were swapped" });
        staff.post("/api/coins/withdrawals/{id}/correct-utr/", &paid, correct).await;
        staff.post("/api/coins/withdrawals/{id}/reverse/", &paid, json!({})).await;
        staff.post("/api/coins/withdrawals/{id}/fail/", &failed, json!({ "reason": "Closed" })).await;
        staff.post("/api/coins/withdrawals/{id}/reject/", &rejected, json!({})).await;
        staff.post("/api/coins/users/freeze/", "", json!({ "user_id": "bina", "reason": "Under review" })).await;
        staff.post("/api/coins/users/unfreeze/", "", json!({ "user_id": "bina" })).await;

        let lines = lines(&db).await;
        let done: Vec<&str> = lines.iter().map(|(action, ..)| action.as_str()).collect();
        assert_eq!(done, [
            "charge.sellers.create", "charge.sellers.edit", "charge.sellers.edit", "charge.sellers.increase-credit",
            "charge.sellers.decrease-credit", "charge.sellers.increase-credit", "charge.credit.reverse",
            "charge.sellers.create", "charge.sellers.remove",
            "charge.phone-numbers.create", "charge.phone-numbers.edit", "charge.phone-numbers.edit", "charge.phone-numbers.remove",
            "charge.operators.create", "charge.operators.edit", "charge.products.create", "charge.products.edit",
            "charge.sales.reverse", "charge.sales.resolve", "charge.contradictions.settle",
            "charge.requests.create", "charge.requests.approve", "charge.requests.create", "charge.requests.reject",
            "charge.requests.create", "charge.requests.withdraw", "charge.requests.create", "charge.sales.import",
            "members.members.create", "members.members.edit", "members.members.top-up", "members.members.expire",
            "members.members.revert", "members.members.import", "members.members.import",
            "coins.users.contact", "coins.withdrawals.request", "coins.withdrawals.cancel", "coins.withdrawals.request",
            "coins.withdrawals.cancel", "coins.withdrawals.request", "coins.withdrawals.request",
            "coins.withdrawals.request", "coins.withdrawals.process", "coins.withdrawals.process",
            "coins.withdrawals.complete", "coins.withdrawals.correct-utr", "coins.withdrawals.reverse", "coins.withdrawals.fail",
            "coins.withdrawals.reject", "coins.users.freeze", "coins.users.unfreeze",
        ]);
        for (action, _, from, _) in &lines {
            assert_eq!(from.as_deref(), Some("127.0.0.1"), "{action}");
        }
        let of = |action: &str| lines.iter().find(|(known, ..)| known == action).unwrap();
        assert_eq!(of("charge.sellers.edit").3["changed"]["status"], change("active", "frozen"));
        assert_eq!(of("charge.sellers.edit").1, format!("charge:sellers:{seller}"));
        assert_eq!(of("charge.sellers.increase-credit").3["entered"], json!({ "amount": "100", "reference": "UTR 7" }));
        assert_eq!(of("charge.sellers.increase-credit").3["changed"]["credit"], change("0.00", "100.00"));
        assert_eq!(of("charge.sellers.remove").3["changed"]["name"], change("Closed Shop", ""));
        assert_eq!(of("charge.products.edit").3["changed"], json!({ "cost": change("97.00", "98.00") }));
        assert_eq!(of("charge.sales.reverse").3["changed"]["status"], change("completed", "reversed"));
        assert_eq!(of("charge.sales.import").3["entered"], json!({ "sales": 2, "total": "11.00" }));
        assert_eq!(of("members.members.create").3["changed"]["wallet_balance"], change("", "50.00"));
        assert_eq!(of("members.members.edit").3["changed"]["name"], change("Asha Rao", "Asha R. Rao"));
        assert_eq!(of("members.members.expire").3["changed"]["is_expired"], change("false", "true"));

        assert_eq!(of("coins.withdrawals.correct-utr").3["changed"]["utr"], change("428811900001", "428811900010"));
        assert_eq!(of("coins.withdrawals.complete").3["changed"]["status"], change("processing", "completed"));
        assert_eq!(of("coins.users.freeze").3["changed"]["status"], change("active", "frozen"));

        let described = other.get("/api/openapi.json").await.1;
        let mut all = BTreeSet::new();
        for (path, item) in described["paths"].as_object().unwrap() {
            // What is made of a declared command has one runner, whose records commands.rs looks at.
            let documented = item.as_object().unwrap().iter().filter(|(_, operation)| !is_of_a_command(operation));
            let methods = documented.map(|(method, _)| method.to_uppercase());
            all.extend(methods.filter(|method| method != "GET").map(|method| format!("{method} {path}")));
        }
        let known: BTreeSet<String> = staff.called.iter().cloned().chain([CALLBACK.to_owned()]).collect();
        assert_eq!(all, known, "a route that changes something is tried here: on record, and once for each key");
    }

    async fn what_is_refused_or_sent_again_leaves_no_second_line(db: TestDb) {
        let installation = Installation::new(&db);
        let serving = installation.serve(&installation.key("*"));
        let caller = serving.caller();
        let seller = id_of(&caller.post("/api/sellers/", json!({ "name": "Corner Shop" })).await.1);
        assert_eq!(lines(&db).await.len(), 1);
        assert_eq!(caller.patch(&format!("/api/sellers/{seller}/"), json!({ "status": "odd" })).await.0, 400);
        let nobody = uuid::Uuid::nil();
        assert_eq!(caller.patch(&format!("/api/sellers/{nobody}/"), json!({ "name": "X" })).await.0, 404);
        assert_eq!(caller.post(&format!("/api/sellers/{seller}/increase_credit/"), json!({ "amount": 0 })).await.0, 400);
        assert_eq!(lines(&db).await.len(), 1);
        for replayed in [false, true] {
            let request = crate::program::client().post(serving.url(&format!("/api/sellers/{seller}/increase_credit/")));
            let request = request.header("authorization", caller.bearer()).header("idempotency-key", "top-up");
            let answer = request.json(&json!({ "amount": 5 })).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.headers().contains_key("idempotency-replayed")), (200, replayed));
        }
        assert_eq!(lines(&db).await.len(), 2);
    }
}
