//! The API as clients know it: both families of paths, every wrong input, and who may see what.

use purser_testkit::{TestDb, both};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::browser::{Browser, person};
use crate::dump::dump_of;
use crate::program::{ApiClient, Installation, Serving};
use crate::test_site::TestSite;

struct CoinsClient {
    installation: Installation,
    serving: Serving,
    app: ApiClient,
}

impl CoinsClient {
    /// A server, and a service that has given Asha 1,000 coins.
    async fn open(db: &TestDb) -> Self {
        let installation = Installation::new(db).with("PURSER_IDENTITY_SECOND_FACTOR", "false");
        let serving = installation.serve(&installation.key("coins.*"));
        let app = serving.caller();
        let door = CoinsClient { installation, serving, app };
        door.award("asha", 1_000).await;
        door
    }

    async fn award(&self, user: &str, amount: i64) -> Value {
        let reference = format!("{user:.20} {amount}");
        let body = json!({ "user_id": user, "amount": amount, "reason": "A quiz", "reference": reference });
        let (status, answer) = self.app.post("/api/coins/award/", body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn balance(&self, user: &str) -> Value {
        self.app.get(&format!("/api/coins/balance/?user_id={user}")).await.1["data"]["balance"].clone()
    }
}

fn ask(amount: impl Into<Value>) -> Value {
    json!({ "user_id": "asha", "amount": amount.into(), "upi_id": "asha@okhdfcbank" })
}

/// Where a withdrawal leaves a trace: its own rows, the money, the record of who did what, and what is told of it.
const MONEY: [&str; 4] = ["coins_", "ledger_", "identity_audit", "outbox_notice"];

const PATHS: [&str; 2] = ["/api/razorpay/withdraw/", "/api/coins/withdrawals/"];

both! {
    async fn a_user_is_sent_back_as_the_answer_has_them_and_refused_with_another_balance(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        let put = async |body: Value| door.app.put("/api/coins/users/", body).await;
        let (status, answer) = put(json!({ "user_id": "asha", "email": "asha@example.com", "language": "hi" })).await;
        assert_eq!(status, 200, "{answer}");
        let (status, again) = put(answer["data"].clone()).await;
        assert_eq!((status, &again), (200, &answer));
        for (field, value) in [("balance", json!(5)), ("id", json!(Uuid::nil())), ("status", json!("frozen"))] {
            let mut other = answer["data"].clone();
            other[field] = value;
            let (status, refused) = put(other).await;
            assert_eq!((status, &refused["errors"][field][0]["code"]), (400, &json!("read_only")), "{refused}");
        }
        let (status, refused) = put(json!({ "user_id": "new", "balance": 5 })).await;
        assert_eq!((status, &refused["errors"]["balance"][0]["code"]), (400, &json!("read_only")), "{refused}");
        let (status, answer) = put(json!({ "user_id": "new", "id": null })).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn a_withdrawal_is_asked_for_read_listed_and_cancelled_under_the_first_paths(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        let (status, made) = door.app.post("/api/razorpay/withdraw", ask(250)).await;
        assert_eq!((status, &made["success"]), (201, &json!(true)), "{made}");
        let data = &made["data"];
        assert_eq!((&data["amount"], data["rupees_amount"].to_string().as_str()), (&json!(250), "25.0"));
        assert_eq!((&data["status"], &data["remaining_coins"]), (&json!("pending"), &json!(750)));
        let id = data["withdrawal_id"].as_str().unwrap();

        let (_, one) = door.app.get(&format!("/api/razorpay/withdraw/status/?withdrawal_id={id}")).await;
        assert_eq!((&one["data"]["id"], &one["data"]["failure_reason"]), (&json!(id), &Value::Null));
        let (_, list) = door.app.get("/api/razorpay/withdraw/history/?user_id=asha").await;
        assert_eq!((&list["success"], &list["user_id"], &list["count"]), (&json!(true), &json!("asha"), &json!(1)));
        assert_eq!(list["data"][0]["upi_id"], "asha@okhdfcbank");

        let cancel = json!({ "withdrawal_id": id });
        let (status, cancelled) = door.app.post("/api/razorpay/withdraw/cancel/", cancel.clone()).await;
        assert_eq!((status, &cancelled["data"]["refunded_coins"]), (200, &json!(250)), "{cancelled}");
        assert_eq!((&cancelled["data"]["status"], &cancelled["data"]["remaining_coins"]), (&json!("cancelled"), &json!(1_000)));
        let (status, again) = door.app.post("/api/razorpay/withdraw/cancel/", cancel).await;
        assert_eq!((status, &again["error"]), (400, &json!("Cannot cancel non-pending withdrawal")));
        assert_eq!((&again["code"], &again["withdrawal_status"]), (&json!("wrong_status"), &json!("cancelled")));
        assert_eq!(again["current_status"], "cancelled");

        let (_, transactions) = door.app.get("/api/coins/transactions/?user_id=asha").await;
        let told: Vec<_> = transactions["data"].as_array().unwrap().iter().map(|one| (&one["type"], &one["reason"])).collect();
        let (refund, request) = (json!(format!("Withdrawal cancellation - {id}")), json!(format!("Withdrawal request created - {id}")));
        assert_eq!(told, [(&json!("refund"), &refund), (&json!("withdrawal"), &request), (&json!("award"), &json!("A quiz"))]);
        assert_eq!(transactions["data"][0]["balance_after"], 1_000);

        let subject = format!("coins:withdrawals:{id}");
        let sql = "SELECT action FROM identity_audit WHERE subject = ?1 ORDER BY id";
        let told = db.read(move |tx| tx.query(sql, &purser_store::params![&subject], |row| row.get::<String>(0))).await;
        assert_eq!(told.unwrap(), ["coins.withdrawals.request", "coins.withdrawals.cancel"]);
    }

    async fn answers_say_what_the_documents_say(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        let (_, made) = door.app.post("/api/razorpay/withdraw/", ask(250)).await;
        assert_eq!(made["message"], "Withdrawal request submitted successfully. Admin will review and process your request.");
        let id = made["data"]["withdrawal_id"].as_str().unwrap();
        let notes = async || door.app.get(&format!("/api/razorpay/withdraw/status/?withdrawal_id={id}")).await.1["data"]["admin_notes"].clone();
        assert_eq!(notes().await, "Awaiting admin approval");
        door.app.post("/api/razorpay/withdraw/cancel/", json!({ "withdrawal_id": id, "reason": "Wrong UPI id" })).await;
        assert_eq!(notes().await, "Cancelled: Wrong UPI id");
        let (_, list) = door.app.get("/api/razorpay/withdraw/history/?user_id=asha").await;
        assert_eq!(list["data"][0]["admin_notes"], "Cancelled: Wrong UPI id");

        let (status, refused) = door.app.post(PATHS[0], ask(1_001)).await;
        assert_eq!((status, &refused["available_coins"]), (400, &json!(1_000)), "{refused}");
        for amount in [json!(99), json!(100_001), json!(100.5), json!("100.5"), json!("abc"), Value::Null] {
            let (status, refused) = door.app.post(PATHS[0], ask(amount.clone())).await;
            let bounds = (&refused["min_amount"], &refused["max_amount"]);
            assert_eq!((status, bounds), (400, (&json!(100), &json!(100_000))), "{amount}: {refused}");
        }
        for amount in ["500", "500.0", "\"500\"", "\"500.00\""] {
            let user = format!("bina-{}", amount.len() * 10 + usize::from(amount.starts_with('"')));
            door.award(&user, 500).await;
            let body = format!("{{\"user_id\":\"{user}\",\"amount\":{amount},\"upi_id\":\"bina@ybl\"}}");
            let (status, made) = door.app.raw(PATHS[0], "application/json", body.into_bytes()).await;
            assert_eq!((status, &made["data"]["amount"], &made["data"]["remaining_coins"]), (201, &json!(500), &json!(0)), "{amount}: {made}");
        }
    }

    async fn a_history_of_more_than_may_be_asked_for_answers_a_hundred_and_where_the_next_are(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        let bank = super::Bank::open(&db);
        bank.user("many", 20_000).await;
        for _ in 0..101 {
            bank.ask("many", 100, "many@ybl").await.unwrap();
        }
        for path in ["/api/razorpay/withdraw/history/", "/api/coins/withdrawals/", "/api/coins/transactions/"] {
            for limit in ["500", "101", "99999999999999999999"] {
                let asked = format!("{path}?user_id=many&limit={limit}");
                let page = door.app.send(reqwest::Method::GET, &asked, None).await.unwrap();
                assert_eq!(page.status(), 200, "{asked}");
                assert!(page.headers().contains_key("link"), "{asked}");
                assert_eq!(page.json::<Value>().await.unwrap()["count"], 100, "{asked}");
            }
        }
    }

    async fn staff_decide_by_the_api_as_in_the_console(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        let staff = door.app.with_key(&door.installation.key("coins.pay coins.view"));
        let asked = async || door.app.post(PATHS[1], ask(100)).await.1["data"]["withdrawal_id"].as_str().unwrap().to_owned();
        let decide = async |id: &str, verb: &str, body: Value| staff.post(&format!("/api/coins/withdrawals/{id}/{verb}/"), body).await;

        let paid = asked().await;
        let (status, refused) = door.app.post(&format!("/api/coins/withdrawals/{paid}/process/"), json!({})).await;
        assert_eq!((status, &refused["code"]), (403, &json!("own_withdrawal")), "{refused}");
        let (status, refused) = decide(&paid, "complete", json!({ "utr": "428811900001" })).await;
        assert_eq!((status, &refused["error"], &refused["current_status"]), (400, &json!("Cannot complete non-processing withdrawal"), &json!("pending")));
        let (status, begun) = decide(&paid, "process", json!({})).await;
        assert_eq!((status, &begun["data"]["withdrawal"]["status"]), (200, &json!("processing")), "{begun}");
        assert!(begun["data"]["payout_id"].is_string(), "{begun}");
        for (utr, code) in [("", "malformed"), ("4.28812E+11", "spreadsheet_number"), ("x", "malformed")] {
            let (status, refused) = decide(&paid, "complete", json!({ "utr": utr })).await;
            assert_eq!((status, &refused["errors"]["utr"][0]["code"]), (400, &json!(code)), "{refused}");
        }
        let complete = async || {
            let request = crate::program::client().post(door.serving.url(&format!("/api/coins/withdrawals/{paid}/complete/")));
            let request = request.header("authorization", staff.bearer()).header("idempotency-key", "pay-1");
            request.json(&json!({ "utr": "0428-811900001" })).send().await.unwrap()
        };
        let first: Value = complete().await.json().await.unwrap();
        assert_eq!((&first["data"]["withdrawal"]["status"], &first["data"]["withdrawal"]["utr"]), (&json!("completed"), &json!("0428-811900001")));
        let again = complete().await;
        assert_eq!(again.headers()["idempotency-replayed"], "true");
        assert_eq!(again.json::<Value>().await.unwrap(), first);

        let failed = asked().await;
        decide(&failed, "process", Value::Null).await;
        let (status, refused) = decide(&failed, "complete", json!({ "utr": "428811900001" })).await;
        assert_eq!((status, &refused["code"], &refused["withdrawal_id"]), (409, &json!("utr_used"), &json!(paid)));
        assert_eq!(decide(&failed, "fail", json!({})).await.0, 400);
        let (status, done) = decide(&failed, "fail", json!({ "reason": "The UPI id is closed" })).await;
        assert_eq!((status, &done["data"]["remaining_coins"]), (200, &json!(900)), "{done}");
        assert_eq!(done["data"]["withdrawal"]["admin_notes"], "Failed: The UPI id is closed");
        let rejected = asked().await;
        assert_eq!(decide(&rejected, "reject", json!({})).await.1["data"]["withdrawal"]["status"], "rejected");

        assert_eq!(decide(&paid, "correct-utr", json!({ "utr": "428811900009" })).await.0, 400, "a reason is needed");
        let (status, done) = decide(&paid, "correct-utr", json!({ "utr": "428811900009", "reason": "Two digits were swapped" })).await;
        assert_eq!((status, &done["data"]["withdrawal"]["utr"]), (200, &json!("428811900009")), "{done}");
        let (_, done) = decide(&paid, "reverse", json!({ "reason": "Sent back" })).await;
        assert_eq!((&done["data"]["withdrawal"]["status"], &done["data"]["remaining_coins"]), (&json!("reversed"), &json!(1_000)));
        let body = crate::program::client().post(door.serving.url(&format!("/api/coins/withdrawals/{paid}/process/")));
        let refused = body.header("authorization", staff.bearer()).send().await.unwrap();
        assert_eq!(refused.status(), 400, "without a body it is as good as with an empty one");

        let subject = format!("coins:withdrawals:{paid}");
        let sql = "SELECT action FROM identity_audit WHERE subject = ?1 ORDER BY id";
        let told = db.read(move |tx| tx.query(sql, &purser_store::params![&subject], |row| row.get::<String>(0))).await;
        assert_eq!(told.unwrap(), ["coins.withdrawals.request", "coins.withdrawals.process", "coins.withdrawals.complete", "coins.withdrawals.correct-utr", "coins.withdrawals.reverse"]);
        let viewer = door.app.with_key(&door.installation.key("coins.view coins.withdraw"));
        for verb in ["process", "complete", "fail", "reject", "reverse", "correct-utr"] {
            assert_eq!(viewer.post(&format!("/api/coins/withdrawals/{paid}/{verb}/"), json!({})).await.0, 403, "{verb}");
        }
    }

    async fn a_user_is_frozen_by_the_api_and_the_balance_tells_what_there_ever_was(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        let staff = door.app.with_key(&door.installation.key("coins.pay"));
        let (_, answer) = door.app.get("/api/coins/balance/?user_id=nobody").await;
        assert_eq!((&answer["data"]["lifetime"], &answer["data"]["spent"], &answer["data"]["withdrawn"]), (&json!(0), &json!(0), &json!(0)));
        let spend = |reference: &str| json!({ "user_id": "asha", "amount": 200, "reason": "Shop", "reference": reference });
        assert_eq!(door.app.post("/api/coins/spend/", spend("s1")).await.0, 200);
        let (_, made) = door.app.post(PATHS[1], ask(300)).await;
        let path = format!("/api/coins/withdrawals/{}/", made["data"]["withdrawal_id"].as_str().unwrap());
        staff.post(&format!("{path}process/"), json!({})).await;
        assert_eq!(staff.post(&format!("{path}complete/"), json!({ "utr": "428811900001" })).await.0, 200);
        let (status, frozen) = staff.post("/api/coins/users/freeze/", json!({ "user_id": "asha", "reason": "Under review" })).await;
        assert_eq!((status, &frozen["data"]["status"]), (200, &json!("frozen")), "{frozen}");
        let (_, answer) = door.app.get("/api/coins/balance/?user_id=asha").await;
        let data = &answer["data"];
        let told = ["balance", "lifetime", "spent", "withdrawn"].map(|name| data[name].as_i64().unwrap());
        assert_eq!((told, &data["status"]), ([500, 1_000, 200, 300], &json!("frozen")));
        for (path, body) in [(PATHS[0], ask(100)), ("/api/coins/spend/", spend("s2"))] {
            let (status, refused) = door.app.post(path, body).await;
            assert_eq!((status, &refused["code"]), (403, &json!("user_frozen")), "{refused}");
        }
        assert_eq!(door.app.with_key(&door.installation.key("coins.award")).post("/api/coins/users/unfreeze/", json!({ "user_id": "asha" })).await.0, 403);
        assert_eq!(staff.post("/api/coins/users/unfreeze/", json!({ "user_id": "asha" })).await.1["data"]["status"], "active");
        assert_eq!(staff.post("/api/coins/users/unfreeze/", json!({ "user_id": "asha" })).await.1["code"], "user_not_frozen");
        assert_eq!(staff.post("/api/coins/users/freeze/", json!({ "user_id": "nobody", "reason": "x" })).await.0, 404);
        assert_eq!(door.app.post(PATHS[0], ask(100)).await.0, 201);
    }

    async fn the_newer_paths_say_the_same(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        let (status, made) = door.app.post("/api/coins/withdrawals/", ask("100")).await;
        assert_eq!(status, 201, "{made}");
        let path = format!("/api/coins/withdrawals/{}/", made["data"]["withdrawal_id"].as_str().unwrap());
        assert_eq!(door.app.get(&path).await.1["data"]["status"], "pending");
        let (status, done) = door.app.post(&format!("{path}cancel/"), json!({ "reason": "Wrong UPI id" })).await;
        assert_eq!((status, &done["message"]), (200, &json!("Withdrawal request cancelled successfully. Your coins have been returned.")));
        assert_eq!(door.app.get(&path).await.1["data"]["failure_reason"], "Wrong UPI id");
        let (_, list) = door.app.get("/api/coins/withdrawals/?user_id=asha&status=cancelled").await;
        assert_eq!(list["count"], 1);
    }

    async fn every_wrong_amount_user_and_upi_id_is_refused_by_name_and_takes_nothing(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        door.award("rich", 1_000_000).await;
        let before = dump_of(&db, &MONEY).await;
        let of = |field: &str, value: Value| {
            let mut body = json!({ "user_id": "rich", "amount": 100, "upi_id": "rich@ybl" });
            body[field] = value;
            body
        };
        let amounts = [json!(99), json!(100_001), json!(100.5), json!("abc"), json!(true), Value::Null, json!(-1), json!("1e3"), json!(0), json!("NaN"), json!(""), json!([]), json!({}), json!("१००")];
        let users = [json!("x".repeat(501)), json!(""), json!("   "), json!(7), Value::Null, json!("a\nb"), json!(["asha"])];
        let upi_ids = [json!("username#bank"), json!("@bank"), json!("user@"), json!("a@b@c"), json!("usеr@upi"), json!("user＠upi"), json!(""), json!(5), Value::Null, json!("x@upi"), json!(format!("{}@upi", "a".repeat(255)))];
        let cases = amounts.map(|value| ("amount", value)).into_iter()
            .chain(users.map(|value| ("user_id", value)))
            .chain(upi_ids.map(|value| ("upi_id", value)));
        for (field, value) in cases {
            for path in PATHS {
                let (status, refused) = door.app.post(path, of(field, value.clone())).await;
                assert_eq!((status, &refused["code"]), (400, &json!("invalid_fields")), "{field} {value}: {refused}");
                assert!(refused["errors"][field].is_array() && refused["success"] == false, "{field} {value}: {refused}");
            }
        }
        for body in ["{\"user_id\":\"rich\",\"amount\":1e3,\"upi_id\":\"rich@ybl\"}", "{", "[]", ""] {
            let (status, refused) = door.app.raw(PATHS[0], "application/json", body.as_bytes().to_vec()).await;
            assert_eq!(status, 400, "{body}: {refused}");
        }
        let (status, refused) = door.app.post(PATHS[0], of("upi_id", json!("user@bank"))).await;
        assert_eq!((status, &refused["code"]), (400, &json!("unknown_handle")));
        let (status, refused) = door.app.post(PATHS[0], ask(1_001)).await;
        assert_eq!((status, &refused["code"], &refused["available"]), (400, &json!("insufficient_coins"), &json!(1_000)));
        assert_eq!(dump_of(&db, &MONEY).await, before);

        for amount in [100, 100_000] {
            assert_eq!(door.app.post(PATHS[0], of("amount", json!(amount))).await.0, 201);
        }
        let long = "x".repeat(500);
        door.award(&long, 100).await;
        assert_eq!(door.app.post(PATHS[0], json!({ "user_id": long, "amount": 100, "upi_id": " X.Y@YBL " })).await.1["data"]["upi_id"], "x.y@ybl");
    }

    async fn lists_refuse_a_query_that_they_do_not_understand_and_ids_that_name_nothing(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        for path in ["/api/razorpay/withdraw/history/", "/api/coins/withdrawals/", "/api/coins/transactions/"] {
            let mut wrong = vec!["", "user_id=", "user_id=asha&limit=0", "user_id=asha&limit=-1", "user_id=asha&limit=1.5", "user_id=asha&cursor=x", "user_id=asha&x=1"];
            if !path.ends_with("transactions/") {
                wrong.push("user_id=asha&status=done");
            }
            for query in wrong {
                let (status, refused) = door.app.get(&format!("{path}?{query}")).await;
                assert_eq!((status, &refused["code"]), (400, &json!("invalid_query")), "{path}?{query}: {refused}");
            }
            assert_eq!(door.app.get(&format!("{path}?user_id=asha&limit=100")).await.0, 200);
            assert_eq!(door.app.get(&format!("{path}?user_id=nobody")).await.1["count"], 0);
        }
        let nobody = Uuid::nil();
        for (path, expected) in [
            ("/api/razorpay/withdraw/status/".to_owned(), 400),
            ("/api/razorpay/withdraw/status/?withdrawal_id=17".to_owned(), 400),
            (format!("/api/razorpay/withdraw/status/?withdrawal_id={nobody}"), 404),
            (format!("/api/coins/withdrawals/{nobody}/"), 404),
            ("/api/coins/withdrawals/17/".to_owned(), 404),
        ] {
            assert_eq!(door.app.get(&path).await.0, expected, "{path}");
        }
        for (body, expected) in [
            (json!({}), 400), (json!({ "withdrawal_id": "17" }), 400), (json!({ "withdrawal_id": nobody }), 404),
            (json!({ "withdrawal_id": nobody, "reason": "x".repeat(501) }), 400),
        ] {
            assert_eq!(door.app.post("/api/razorpay/withdraw/cancel/", body.clone()).await.0, expected, "{body}");
        }
        assert_eq!(door.balance("nobody").await, 0);
    }

    async fn history_is_read_page_by_page_newest_first(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        let mut made = Vec::new();
        for _ in 0..5 {
            made.push(door.app.post(PATHS[0], ask(100)).await.1["data"]["withdrawal_id"].clone());
        }
        let mut path = "/api/razorpay/withdraw/history/?user_id=asha&limit=2".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = door.app.send(reqwest::Method::GET, &path, None).await.unwrap();
            let link = page.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let page: Value = page.json().await.unwrap();
            seen.extend(page["data"].as_array().unwrap().iter().map(|one| one["id"].clone()));
            let Some(link) = link else { break };
            path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
        }
        made.reverse();
        assert_eq!(seen, made);
    }

    async fn a_key_that_is_tied_to_one_user_acts_for_that_one_alone(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        door.award("bina", 500).await;
        let (_, others) = door.app.post(PATHS[0], json!({ "user_id": "bina", "amount": 100, "upi_id": "b.das@ybl" })).await;
        let others = others["data"]["withdrawal_id"].as_str().unwrap();
        let asha = door.app.with_key(&door.installation.key_for_coins_user("coins.view coins.withdraw", "asha"));
        for body in [ask(100), json!({ "amount": 100, "upi_id": "asha@ybl" })] {
            assert_eq!(asha.post(PATHS[0], body).await.0, 201);
        }
        assert_eq!(asha.get("/api/coins/balance/").await.1["data"]["balance"], 800);
        assert_eq!(asha.get("/api/coins/withdrawals/").await.1["count"], 2);
        let body = json!({ "user_id": "bina", "amount": 100, "upi_id": "b.das@ybl" });
        assert_eq!(asha.post(PATHS[0], body).await.0, 404);
        for path in [
            "/api/coins/balance/?user_id=bina".to_owned(),
            "/api/coins/transactions/?user_id=bina".to_owned(),
            "/api/coins/withdrawals/?user_id=bina".to_owned(),
            format!("/api/razorpay/withdraw/status/?withdrawal_id={others}"),
            format!("/api/coins/withdrawals/{others}/"),
        ] {
            assert_eq!(asha.get(&path).await.0, 404, "{path}");
        }
        assert_eq!(asha.post("/api/razorpay/withdraw/cancel/", json!({ "withdrawal_id": others })).await.0, 404);
        let award = json!({ "user_id": "asha", "amount": 1, "reason": "x", "reference": "y" });
        let greedy = door.app.with_key(&door.installation.key_for_coins_user("coins.*", "asha"));
        assert_eq!(greedy.post("/api/coins/award/", award).await.0, 403);
        assert_eq!(door.balance("bina").await, 400);
    }

    async fn a_request_that_is_repeated_happens_once(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        let send = |body: Value| {
            let request = crate::program::client().post(door.serving.url(PATHS[0])).header("idempotency-key", "k1");
            request.header("authorization", door.app.bearer()).json(&body).send()
        };
        let first: Value = send(ask(100)).await.unwrap().json().await.unwrap();
        let again = send(ask(100)).await.unwrap();
        assert_eq!(again.headers()["idempotency-replayed"], "true");
        assert_eq!(again.json::<Value>().await.unwrap(), first);
        assert_eq!(send(ask(101)).await.unwrap().status(), 422);
        assert_eq!(door.balance("asha").await, 900);
        assert_eq!(door.award("asha", 1_000).await["data"]["balance"], 900);
        let body = json!({ "user_id": "asha", "amount": 999, "reason": "A quiz", "reference": "asha 1000" });
        let (status, refused) = door.app.post("/api/coins/award/", body).await;
        assert_eq!((status, &refused["code"]), (409, &json!("reference_reused")));
    }

    async fn the_command_line_awards_ties_and_lists(db: TestDb) {
        let installation = Installation::new(&db);
        let award = ["coins", "award", "asha", "500", "--reason", "A quiz", "--reference", "q1", "--json"];
        for repeated in [false, true] {
            let made = installation.run(&award);
            let made: Value = serde_json::from_slice(&made.stdout).unwrap();
            assert_eq!((&made["balance"], &made["repeated"]), (&json!(500), &json!(repeated)));
        }
        assert_eq!(installation.run(&["coins", "balance", "asha"]).stdout, b"500\n");
        for wrong in [
            ["coins", "award", "asha", "1.5", "--reason", "x", "--reference", "q2"].as_slice(),
            &["coins", "award", "", "1", "--reason", "x", "--reference", "q2"],
            &["coins", "withdrawals", "--status", "done"],
        ] {
            assert_eq!(installation.run(wrong).status.code(), Some(2), "{wrong:?}");
        }
        let other = ["coins", "award", "asha", "7", "--reason", "A quiz", "--reference", "q1"];
        assert_eq!(installation.run(&other).status.code(), Some(4));
        let serving = installation.serve(&installation.key_for_coins_user("coins.*", "asha"));
        assert_eq!(serving.caller().post(PATHS[0], ask(100)).await.0, 201);
        let listed = installation.run(&["coins", "withdrawals", "--status", "pending", "--json"]);
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!((listed.as_array().unwrap().len(), &listed[0]["rupees_amount"]), (1, &json!("10.00")));
        assert_eq!(installation.run(&["coins", "withdrawals", "--user", "nobody", "--json"]).stdout, b"[]\n");
    }

    async fn staff_need_a_role_and_a_person_is_only_who_they_are_said_to_be(db: TestDb) {
        let door = CoinsClient::open(&db).await;
        for name in ["viewer", "stranger"] {
            person(&door.installation, name, &[]);
        }
        let role = door.installation.run(&["user", "role", "viewer", "--kind", "staff", "--role", "coins.view"]);
        assert!(role.status.success(), "{}", String::from_utf8_lossy(&role.stderr));
        let viewer = Browser::signed_in(&door.serving, "viewer").await;
        assert_eq!(viewer.get("/api/coins/balance/?user_id=asha").await.status, 200);
        let stranger = Browser::signed_in(&door.serving, "stranger").await;
        let refused = stranger.get("/api/coins/balance/?user_id=asha").await;
        assert_eq!(refused.status, 403);
        assert!(refused.text.contains("tied to no user of coins"), "{}", refused.text);
    }

    async fn a_person_who_is_a_user_asks_for_their_own_coins_once_their_address_is_confirmed(db: TestDb) {
        let place = TestSite::open(&db).await;
        let bank = super::Bank::open(&db);
        let owner = bank.user("asha", 1_000).await.id;
        let person = place.person("asha", "", "").await;
        bank.run(super::STAFF, move |tx, _, cx| purser_coins::service::user_link(tx, cx, owner, Some(person))).await.unwrap();
        let browser = place.signed_in("asha").await;
        let balance = browser.get("/api/coins/balance/").await;
        assert!(balance.status == 200 && balance.text.contains("\"balance\":1000"), "{}", balance.text);
        assert_eq!(browser.get("/api/coins/balance/?user_id=bina").await.status, 404);
        let send = async || {
            let request = crate::program::client().post(format!("{}{}", place.base, PATHS[0]));
            let request = request.header("cookie", browser.cookie().unwrap());
            let sent = request.json(&json!({ "amount": 100, "upi_id": "asha@ybl" })).send().await.unwrap();
            (sent.status().as_u16(), sent.json::<Value>().await.unwrap())
        };
        let (status, refused) = send().await;
        assert_eq!((status, &refused["code"]), (403, &json!("unconfirmed_email")));
        let (now, email) = (place.context.now(), purser_identity::Email::parse("asha@example.com").unwrap());
        db.write(move |tx| purser_identity::email_verify(tx, now, person, &email)).await.unwrap();
        let (status, made) = send().await;
        assert_eq!(status, 201, "{made}");
        db.clock().advance(jiff::SignedDuration::from_mins(15));
        let (status, refused) = send().await;
        assert_eq!((status, &refused["code"]), (403, &json!("proof_needed")));
        assert_eq!(bank.balance("asha").await, 900);
    }
}
