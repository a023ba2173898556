//! The charge app's counter, over HTTP to the real program: what is promised, what is refused, and what a crowd does.

use purser_testkit::{TestDb, both};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::program::{ApiClient, Installation, Serving, client};

/// A counter with one seller.
struct Counter {
    installation: Installation,
    serving: Serving,
    caller: ApiClient,
    seller: String,
}

impl Counter {
    async fn open(db: &TestDb, credit: &str) -> Self {
        let installation = Installation::new(db);
        let key = installation.key("charge.*");
        let serving = installation.serve(&key);
        let caller = serving.caller();
        let (_, seller) = caller.post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        let seller = seller["id"].as_str().unwrap().to_owned();
        let counter = Counter { installation, serving, caller, seller };
        let (status, answer) = counter.caller.post(&counter.path("increase_credit"), json!({ "amount": credit })).await;
        assert_eq!(status, 200, "{answer}");
        counter
    }

    fn path(&self, action: &str) -> String {
        format!("/api/sellers/{}/{action}/", self.seller)
    }

    async fn sell(&self, body: Value) -> (u16, Value) {
        self.caller.post(&self.path("sell_charge"), body).await
    }

    async fn credit(&self) -> String {
        let got = self.caller.send(Method::GET, &self.path("get_credit"), None).await.unwrap();
        got.text().await.unwrap()
    }

    /// The same request from `count` clients at once.
    async fn crowd(&self, count: usize, body: impl Fn(usize) -> Value, key: Option<&str>) -> Vec<(u16, String, Value)> {
        let url = self.serving.url(&self.path("sell_charge"));
        let tasks: Vec<_> = (0..count)
            .map(|number| {
                let request = client().post(&url).header("authorization", self.caller.bearer()).json(&body(number));
                let request = match key {
                    Some(key) => request.header("idempotency-key", key),
                    None => request,
                };
                tokio::spawn(async move { read(request.send().await.unwrap()).await })
            })
            .collect();
        let mut answers = Vec::with_capacity(count);
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    }
}

async fn read(response: Response) -> (u16, String, Value) {
    let status = response.status().as_u16();
    let replayed = response.headers().get("idempotency-replayed").map(|value| value.to_str().unwrap().to_owned());
    (status, replayed.unwrap_or_default(), response.json().await.unwrap_or(Value::Null))
}

fn one(number: &str) -> Value {
    json!({ "phone_number": number, "amount": "1.00" })
}

both! {
    async fn the_documented_examples_answer_as_documented(db: TestDb) {
        let counter = Counter::open(&db, "500.00").await;
        let body = r#"{"phone_number": "1234567890", "amount": 50.00}"#;
        let url = counter.serving.url(&counter.path("sell_charge"));
        let request = client().post(url.trim_end_matches('/')).header("authorization", counter.caller.bearer());
        let sold = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let text = sold.text().await.unwrap();
        assert!(text.starts_with(r#"{"status":"charge sold successfully","remaining_credit":450.00,"sale_id":""#), "{text}");
        assert_eq!(counter.credit().await, r#"{"credit":450.00,"held":0.00,"available":450.00}"#);
        let (status, refused) = counter.sell(json!({ "phone_number": "1234567890", "amount": "450.01" })).await;
        assert_eq!((status, refused["code"].as_str()), (400, Some("insufficient_credit")));
        assert_eq!(refused["available"].to_string(), "450.0");
        assert_eq!((&refused["success"], &refused["error"]), (&json!(false), &refused["detail"]));
        let (_, sales) = counter.caller.get(&counter.path("get_charge_sales")).await;
        assert_eq!(sales.as_array().unwrap().len(), 1);
        assert_eq!(sales[0]["phone_number"], "+911234567890");
        let (_, given) = counter.caller.get(&counter.path("get_transactions")).await;
        assert_eq!(given.as_array().unwrap().len(), 1);
    }

    async fn every_wrong_input_is_refused_by_name_and_changes_nothing(db: TestDb) {
        let counter = Counter::open(&db, "500.00").await;
        let before = counter.credit().await;
        let long = "9".repeat(200);
        let amounts = [
            ("null", "required"), ("true", "wrong_type"), ("[]", "wrong_type"), ("{}", "wrong_type"),
            ("\"\"", "required"), ("-1", "not_positive"), ("0", "not_positive"), ("0.00", "not_positive"),
            ("1.005", "too_many_decimals"), ("1e3", "exponent"), ("\"NaN\"", "malformed"),
            ("1000000000000000000000000000000", "too_large"), ("\"१००\"", "malformed"), ("\" 1\"", "malformed"),
            ("10000.01", "too_large"),
        ];
        for (amount, rule) in amounts {
            let body = format!(r#"{{"phone_number":"9876543210","amount":{amount}}}"#);
            let (status, answer) = counter.caller.raw(&counter.path("sell_charge"), "application/json", body.into()).await;
            assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_fields")), "{amount}: {answer}");
            assert_eq!(answer["errors"]["amount"][0]["code"], rule, "{amount}: {answer}");
        }
        let numbers = ["null", "5", "\"\"", "\"abc\"", "\"123\"", "\"९८७६५४३२१०\"", "\"+\"", &format!("\"{long}\"")].map(str::to_owned);
        for number in numbers {
            let body = format!(r#"{{"phone_number":{number},"amount":1}}"#);
            let (status, answer) = counter.caller.raw(&counter.path("sell_charge"), "application/json", body.into()).await;
            assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_fields")), "{number}: {answer}");
            assert!(answer["errors"]["phone_number"][0]["code"].is_string(), "{number}: {answer}");
        }
        let bodies: [(&str, &str, Vec<u8>, u16, &str); 9] = [
            ("no object", "application/json", b"[]".to_vec(), 400, "malformed_body"),
            ("cut off", "application/json", b"{\"amount\":".to_vec(), 400, "malformed_body"),
            ("empty", "application/json", Vec::new(), 400, "malformed_body"),
            ("not UTF-8", "application/json", b"\xff\xfe".to_vec(), 400, "malformed_body"),
            ("another type", "text/plain", b"{}".to_vec(), 415, "unsupported_media_type"),
            ("2 MB", "application/json", vec![b' '; 2_000_000], 413, "body_too_large"),
            ("unknown", "application/json", br#"{"phone_number":"9876543210","amount":1,"x":1}"#.to_vec(), 400, "invalid_fields"),
            ("twice", "application/json", br#"{"phone_number":"9876543210","amount":1,"amount":2}"#.to_vec(), 400, "invalid_fields"),
            ("long", "application/json", format!(r#"{{"phone_number":"9876543210","amount":1,"client_ref":"{long}"}}"#).into(), 400, "invalid_fields"),
        ];
        for (name, kind, body, expected, code) in bodies {
            let (status, answer) = counter.caller.raw(&counter.path("sell_charge"), kind, body).await;
            assert_eq!((status, answer["code"].as_str()), (expected, Some(code)), "{name}: {answer}");
        }
        for id in ["0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f", "nonsense", "%00"] {
            let (status, answer) = counter.caller.post(&format!("/api/sellers/{id}/sell_charge/"), one("9876543210")).await;
            assert_eq!((status, answer["code"].as_str()), (404, Some("not_found")), "{id}: {answer}");
        }
        for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "unknown=1"] {
            let (status, answer) = counter.caller.get(&format!("{}?{query}", counter.path("get_charge_sales"))).await;
            assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_query")), "{query}: {answer}");
        }
        assert_eq!(counter.credit().await, before);
        let (_, phones) = counter.caller.get("/api/phone-numbers/").await;
        assert_eq!(phones, json!([]), "a refused sale registers nothing");
    }

    async fn no_field_of_any_body_takes_what_it_should_not(db: TestDb) {
        let counter = Counter::open(&db, "10.00").await;
        let (_, phone) = counter.caller.post("/api/phone-numbers/", json!({ "number": "9876543210" })).await;
        let (_, sold) = counter.sell(one("9876543210")).await;
        let (seller, sale) = (format!("/api/sellers/{}/", counter.seller), sold["sale_id"].as_str().unwrap());
        let phone = format!("/api/phone-numbers/{}/", phone["id"].as_str().unwrap());
        let bodies: [(Method, String, &[&str]); 9] = [
            (Method::POST, "/api/sellers/".to_owned(), &["name", "email", "phone", "low_credit_alert", "status"]),
            (Method::PUT, seller.clone(), &["name", "email", "phone", "low_credit_alert", "status"]),
            (Method::PATCH, seller, &["name", "email", "phone", "low_credit_alert", "status"]),
            (Method::POST, counter.path("increase_credit"), &["amount", "reference"]),
            (Method::POST, "/api/phone-numbers/".to_owned(), &["number", "label"]),
            (Method::PUT, phone.clone(), &["label", "status"]),
            (Method::PATCH, phone, &["label", "status"]),
            (Method::POST, format!("/api/charge-transactions/{sale}/reverse/"), &["reason"]),
            (Method::POST, format!("/api/charge-transactions/{sale}/resolve/"), &["outcome", "reason"]),
        ];
        let wrong = [json!(true), json!([]), json!({}), json!("x".repeat(5_000)), json!("a\u{0}b")];
        for (method, path, fields) in bodies {
            for field in fields {
                for value in &wrong {
                    let body = json!({ *field: value });
                    let response = counter.caller.send(method.clone(), &path, Some(body)).await.unwrap();
                    let (status, _, answer) = read(response).await;
                    assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_fields")), "{path} {field} {answer}");
                    assert!(answer["errors"][*field][0]["code"].is_string(), "{path} {field} {answer}");
                }
            }
            let unknown = counter.caller.send(method.clone(), &path, Some(json!({ "zzz": 1 }))).await.unwrap();
            let (status, _, answer) = read(unknown).await;
            assert_eq!((status, answer["errors"]["zzz"][0]["code"].as_str()), (400, Some("unknown")), "{method} {path}");
        }
    }

    async fn every_list_refuses_a_query_that_it_does_not_understand(db: TestDb) {
        let counter = Counter::open(&db, "10.00").await;
        // Every app's lists, so a key for everything.
        let caller = counter.caller.with_key(&counter.installation.key("*"));
        let described = caller.get("/api/openapi.json").await.1;
        let mut tried = 0;
        for (path, item) in described["paths"].as_object().unwrap() {
            let parameters = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
            let names: Vec<String> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "query")
                .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                .collect();
            let mut queries = if names.is_empty() { Vec::new() } else { vec!["zzz=1".to_owned()] };
            for name in &names {
                // What an application calls its users is anything of up to 500 characters.
                let longest = if name == "user_id" { 501 } else { 300 };
                // Neither is a reference anything else than words.
                if name != "user_id" && name != "reference" {
                    queries.push(format!("{name}=no+such%20thing"));
                }
                queries.push(format!("{name}=%00"));
                queries.push(format!("{name}={}", "9".repeat(longest)));
                queries.push(format!("{name}=1&{name}=2"));
            }
            if names.iter().any(|name| name == "limit") {
                queries.extend(["limit=0", "limit=-1", "limit=1001", "limit=1.5", "limit=%D9%A1"].map(str::to_owned));
            }
            let path = path.replace("{id}", &counter.seller).replace("{client_ref}", "x");
            for query in queries {
                let (status, answer) = caller.get(&format!("{path}?{query}")).await;
                assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_query")), "{path}?{query}: {answer}");
                tried += 1;
            }
        }
        assert!(tried > 60, "only {tried} queries were tried");
    }

    async fn thirty_two_clients_with_one_key_increase_credit_once(db: TestDb) {
        let counter = Counter::open(&db, "10.00").await;
        let url = counter.serving.url(&counter.path("increase_credit"));
        let tries: Vec<_> = (0..32)
            .map(|_| {
                let request = client().post(&url).header("authorization", counter.caller.bearer());
                let request = request.header("idempotency-key", "top-up-1").json(&json!({ "amount": "5.00" }));
                tokio::spawn(async move { read(request.send().await.unwrap()).await })
            })
            .collect();
        let mut answers = Vec::new();
        for attempt in tries {
            answers.push(attempt.await.unwrap());
        }
        assert!(answers.iter().all(|(status, _, answer)| *status == 200 && *answer == answers[0].2), "{answers:?}");
        assert_eq!(answers.iter().filter(|(_, replayed, _)| replayed == "true").count(), 31);
        assert_eq!(counter.credit().await, r#"{"credit":15.00,"held":0.00,"available":15.00}"#);
    }

    async fn sixty_four_clients_share_a_credit_for_twenty_and_twenty_succeed(db: TestDb) {
        let counter = Counter::open(&db, "20.00").await;
        let answers = counter.crowd(64, |number| one(&format!("98765432{:02}", number % 7)), None).await;
        let sold = answers.iter().filter(|(status, ..)| *status == 200).count();
        assert_eq!(sold, 20);
        for (status, _, answer) in answers.iter().filter(|(status, ..)| *status != 200) {
            assert_eq!((*status, answer["code"].as_str()), (400, Some("insufficient_credit")), "{answer}");
        }
        assert_eq!(counter.credit().await, r#"{"credit":0.00,"held":0.00,"available":0.00}"#);
    }

    async fn thirty_two_clients_with_one_key_have_one_effect_and_one_answer(db: TestDb) {
        let counter = Counter::open(&db, "100.00").await;
        let answers = counter.crowd(32, |_| one("9876543210"), Some("key-1")).await;
        let first = &answers[0].2;
        assert!(answers.iter().all(|(status, _, answer)| *status == 200 && answer == first));
        assert_eq!(answers.iter().filter(|(_, replayed, _)| replayed == "true").count(), 31);
        assert_eq!(counter.credit().await, r#"{"credit":99.00,"held":0.00,"available":99.00}"#);
        let other = counter.crowd(1, |_| one("9876543211"), Some("key-1")).await;
        assert_eq!((other[0].0, other[0].2["code"].as_str()), (422, Some("idempotency_key_reused")));
    }

    async fn a_client_ref_is_sold_once_however_many_ask(db: TestDb) {
        let counter = Counter::open(&db, "100.00").await;
        let body = |_| json!({ "phone_number": "9876543210", "amount": 1, "client_ref": "order-1" });
        let answers = counter.crowd(32, body, None).await;
        let sold: Vec<_> = answers.iter().filter(|(status, ..)| *status == 200).collect();
        assert_eq!(sold.len(), 1);
        let sale = &sold[0].2["sale_id"];
        for (status, _, answer) in answers.iter().filter(|(status, ..)| *status != 200) {
            assert_eq!((*status, answer["code"].as_str()), (400, Some("duplicate_transaction")), "{answer}");
            assert_eq!(&answer["sale_id"], sale);
        }
        let (_, found) = counter.caller.get("/api/charge-transactions/by-ref/order-1/").await;
        assert_eq!(&found["id"], sale);
    }

    async fn lists_are_whole_and_newest_first_by_seller_by_number_and_over_all(db: TestDb) {
        let counter = Counter::open(&db, "100.00").await;
        for number in 0..9 {
            let (status, answer) = counter.sell(one(&format!("987654321{}", number % 3))).await;
            assert_eq!(status, 200, "{answer}");
        }
        let lists = [
            (counter.path("get_charge_sales"), 9),
            ("/api/charge-transactions/".to_owned(), 9),
            (format!("/api/charge-transactions/?seller_id={}", counter.seller), 9),
            ("/api/charge-transactions/?phone_number=9876543210".to_owned(), 3),
            ("/api/charge-transactions/?status=failed".to_owned(), 0),
        ];
        for (path, expected) in lists {
            let mut ids = Vec::new();
            let mut next = Some(format!("{path}{}limit=2", if path.contains('?') { '&' } else { '?' }));
            while let Some(path) = next {
                let page = counter.caller.send(Method::GET, &path, None).await.unwrap();
                let link = page.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
                next = link.map(|link| link[1..link.find('>').unwrap()].to_owned());
                let rows: Vec<Value> = page.json().await.unwrap();
                ids.extend(rows.into_iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            }
            assert_eq!(ids.len(), expected, "{path}");
            assert!(ids.is_sorted_by(|a, b| a > b), "{path}: {ids:?}");
        }
    }

    async fn a_key_opens_what_it_is_for_and_nothing_else(db: TestDb) {
        let counter = Counter::open(&db, "10.00").await;
        let (_, other) = counter.caller.post("/api/sellers/", json!({ "name": "Other" })).await;
        let other = other["id"].as_str().unwrap();
        let tied = counter.caller.with_key(&counter.installation.key_for_seller("charge.*", &counter.seller));
        let reader = counter.caller.with_key(&counter.installation.key("charge.read"));
        let nobody = counter.caller.with_key("pk_none");
        let (sale_path, credit_path) = (counter.path("sell_charge"), counter.path("increase_credit"));
        assert_eq!(tied.post(&sale_path, one("9876543210")).await.0, 200);
        for action in ["sell_charge", "get_credit", "get_transactions", "get_charge_sales"] {
            let path = format!("/api/sellers/{other}/{action}/");
            let method = if action == "sell_charge" { Method::POST } else { Method::GET };
            let body = (method == Method::POST).then(|| one("9876543210"));
            assert_eq!(tied.send(method, &path, body).await.unwrap().status(), 404, "{path}");
        }
        assert_eq!(tied.get(&format!("/api/sellers/{other}/")).await.0, 404);
        assert_eq!(tied.post(&credit_path, json!({ "amount": 1 })).await.0, 403);
        assert_eq!(tied.get("/api/sellers/").await.1.as_array().unwrap().len(), 1);
        assert_eq!(reader.post(&sale_path, one("9876543210")).await.0, 403);
        assert_eq!(nobody.get("/api/sellers/").await.0, 401);
        let stranger = counter.caller.with_key(&counter.installation.key("coins.read"));
        let described = counter.caller.get("/api/openapi.json").await.1;
        for (path, item) in described["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if operation["security"].as_array().is_none_or(Vec::is_empty) {
                    continue;
                }
                let path = path.replace("{id}", other).replace("{client_ref}", "x");
                let method: Method = method.to_uppercase().parse().unwrap();
                let bare = client().request(method.clone(), counter.serving.url(&path)).send().await.unwrap();
                assert_eq!(bare.status(), 401, "{method} {path} without a key");
                let wrong = stranger.send(method.clone(), &path, Some(json!({}))).await.unwrap();
                assert_eq!(wrong.status(), 403, "{method} {path} with another app's scope");
            }
        }
    }

    async fn a_sale_is_reversed_once_and_a_frozen_seller_sells_nothing(db: TestDb) {
        let counter = Counter::open(&db, "10.00").await;
        let (_, sold) = counter.sell(one("9876543210")).await;
        let path = format!("/api/charge-transactions/{}/reverse/", sold["sale_id"].as_str().unwrap());
        let (status, sale) = counter.caller.post(&path, json!({ "reason": "by mistake" })).await;
        assert_eq!((status, sale["status"].as_str()), (200, Some("reversed")));
        let (status, again) = counter.caller.post(&path, json!({ "reason": "by mistake" })).await;
        assert_eq!((status, again["code"].as_str()), (409, Some("not_reversible")));
        assert_eq!(counter.credit().await, r#"{"credit":10.00,"held":0.00,"available":10.00}"#);
        let seller = format!("/api/sellers/{}/", counter.seller);
        let frozen = counter.caller.send(Method::PATCH, &seller, Some(json!({ "status": "frozen" }))).await.unwrap();
        assert_eq!(frozen.status(), 200);
        let (status, refused) = counter.sell(one("9876543210")).await;
        assert_eq!((status, refused["code"].as_str()), (400, Some("seller_not_active")));
        let gone = counter.caller.send(Method::DELETE, &seller, None).await.unwrap();
        assert_eq!(gone.json::<Value>().await.unwrap()["status"], "inactive");
    }

    async fn one_customer_has_one_number_however_it_is_written(db: TestDb) {
        let counter = Counter::open(&db, "100.00").await;
        let written = ["9876543299", "+9109876543299", "09876543299", "00919876543299", "919876543299", "98765 43299", "+91 98765-43299"];
        for number in written {
            assert_eq!(counter.sell(one(number)).await.0, 200, "{number}");
        }
        let (status, sold) = counter.sell(json!({ "phone_number": 9876543299_u64, "amount": 1 })).await;
        assert_eq!(status, 200, "a JSON number is one too: {sold}");
        for number in ["91919876543299", "98765432991", "+9198765432991", "987654329", "+123456789012345"] {
            let (status, refused) = counter.sell(one(number)).await;
            assert_eq!((status, refused["errors"]["phone_number"][0]["code"].as_str()), (400, Some("malformed")), "{number} {refused}");
        }
        let refused = counter.sell(json!({ "phone_number": 98765432991_u64, "amount": 1 })).await;
        assert_eq!(refused.0, 400, "{}", refused.1);
        let (_, phones) = counter.caller.get("/api/phone-numbers/").await;
        assert_eq!((phones.as_array().unwrap().len(), phones[0]["number"].as_str()), (1, Some("+919876543299")), "{phones}");
        let (_, sales) = counter.caller.get("/api/charge-transactions/?phone_number=0919876543299").await;
        assert_eq!(sales["code"], "invalid_query", "{sales}");
        let (_, sales) = counter.caller.get("/api/charge-transactions/?phone_number=%2B91%2098765-43299").await;
        assert_eq!(sales.as_array().unwrap().len(), written.len() + 1);
    }

    async fn a_frozen_number_is_sold_to_by_nobody_until_it_is_made_active(db: TestDb) {
        let counter = Counter::open(&db, "10.00").await;
        let (_, phone) = counter.caller.post("/api/phone-numbers/", json!({ "number": "9876543210" })).await;
        let path = format!("/api/phone-numbers/{}/", phone["id"].as_str().unwrap());
        for standing in ["frozen", "inactive"] {
            assert_eq!(counter.caller.patch(&path, json!({ "status": standing })).await.0, 200);
            let (status, refused) = counter.sell(one("+9109876543210")).await;
            assert_eq!((status, refused["code"].as_str()), (400, Some("phone_not_active")), "{refused}");
            assert!(refused["detail"].as_str().unwrap().contains(standing), "{refused}");
        }
        assert_eq!(counter.credit().await, r#"{"credit":10.00,"held":0.00,"available":10.00}"#);
        assert_eq!(counter.caller.get(&counter.path("get_charge_sales")).await.1, json!([]));
        assert_eq!(counter.caller.patch(&path, json!({ "status": "active" })).await.0, 200);
        assert_eq!(counter.sell(one("9876543210")).await.0, 200);
    }

    async fn what_can_be_read_and_not_set_is_refused_with_another_value(db: TestDb) {
        let counter = Counter::open(&db, "10.00").await;
        let caller = counter.caller.with_key(&counter.installation.key("*"));
        let made = async |path: &str, body: Value| {
            let (status, made) = caller.post(path, body).await;
            assert_eq!(status, 201, "{path} {made}");
            format!("{path}{}/", made["id"].as_str().unwrap())
        };
        let phone = made("/api/phone-numbers/", json!({ "number": "9876543210" })).await;
        let operator = made("/api/operators/", json!({ "name": "North", "prefixes": "91987" })).await;
        let of = operator.split('/').nth(3).unwrap();
        let product = json!({ "operator_id": of, "name": "Any", "low": 1, "high": 1000, "cost": "97.00" });
        let product = made("/api/products/", product).await;
        let member = made("/api/members/", json!({ "name": "Asha", "email": "asha@example.com", "wallet_balance": 5 })).await;
        let seller = format!("/api/sellers/{}/", counter.seller);
        assert_eq!(caller.patch(&seller, json!({ "low_credit_alert": 3 })).await.0, 200);
        let objects: [(&str, Method, &[&str]); 8] = [
            (&seller, Method::PUT, &["id", "credit", "held", "available", "created_at", "updated_at"]),
            (&seller, Method::PATCH, &["id", "credit", "held", "available", "created_at", "updated_at"]),
            (&phone, Method::PUT, &["id", "number", "created_at", "updated_at"]),
            (&phone, Method::PATCH, &["id", "number", "created_at", "updated_at"]),
            (&operator, Method::PUT, &["id"]),
            (&product, Method::PUT, &["id", "operator_id", "operator"]),
            (&member, Method::PATCH, &["id", "wallet_balance", "is_expired", "expired_date", "created_at", "updated_at"]),
            (&seller, Method::PUT, &["credit"]),
        ];
        for (path, method, names) in objects {
            let (_, was) = caller.get(path).await;
            let back = caller.send(method.clone(), path, Some(was.clone())).await.unwrap();
            assert_eq!(back.status(), 200, "{method} {path} takes back what GET gave: {was}");
            let (_, now) = caller.get(path).await;
            let kept = |value: &Value| {
                let mut value = value.clone();
                value.as_object_mut().unwrap().remove("updated_at");
                value
            };
            assert_eq!(kept(&now), kept(&was), "{method} {path} changes nothing");
            for name in names {
                let mut changed = now.clone();
                changed[name] = match &now[name] {
                    Value::Number(_) => json!(77),
                    Value::Bool(value) => json!(!value),
                    _ => json!("something else"),
                };
                let refused = caller.send(method.clone(), path, Some(changed)).await.unwrap();
                let (status, _, refused) = read(refused).await;
                assert_eq!((status, refused["errors"][name][0]["code"].as_str()), (400, Some("read_only")), "{method} {path} {name} {refused}");
            }
            assert_eq!(kept(&caller.get(path).await.1), kept(&now), "and changed nothing");
        }
        let sellers = caller.get("/api/sellers/").await.1.as_array().unwrap().len();
        for (path, body, name) in [
            ("/api/sellers/", json!({ "name": "Rich", "credit": 500 }), "credit"),
            ("/api/sellers/", json!({ "name": "Rich", "id": counter.seller }), "id"),
            ("/api/phone-numbers/", json!({ "number": "9876543211", "created_at": "2020-01-01T00:00:00Z" }), "created_at"),
            ("/api/members/", json!({ "name": "B", "email": "b@example.com", "wallet_balance": 1, "is_expired": true }), "is_expired"),
        ] {
            let (status, refused) = caller.post(path, body).await;
            assert_eq!((status, refused["errors"][name][0]["code"].as_str()), (400, Some("read_only")), "{path} {name} {refused}");
        }
        let (status, new) = caller.post("/api/sellers/", json!({ "name": "New", "credit": 0, "held": "0.00", "id": null })).await;
        assert_eq!(status, 201, "{new}");
        assert_eq!(caller.get("/api/sellers/").await.1.as_array().unwrap().len(), sellers + 1, "refused ones were not made");
    }
}
