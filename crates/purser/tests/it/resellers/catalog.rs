//! Operators and products over the API.

use purser_testkit::{TestDb, both};
use serde_json::{Value, json};

use super::{ResellerSite, key};

const OPERATORS: &str = "/api/operators/";
const PRODUCTS: &str = "/api/products/";
const NOBODY: &str = "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f";

fn product(operator: &str) -> Value {
    json!({ "operator_id": operator, "name": "Top-up", "low": 10, "high": "500.00", "cost": "96.5" })
}

/// An operator and its product.
async fn catalog(works: &ResellerSite) -> (String, String) {
    let (status, operator) = works.staff.post(OPERATORS, json!({ "name": "Himal", "prefixes": "9810, +919811" })).await;
    assert_eq!(status, 201, "{operator}");
    let operator = operator["id"].as_str().unwrap().to_owned();
    let (status, made) = works.staff.post(PRODUCTS, product(&operator)).await;
    assert_eq!(status, 201, "{made}");
    (operator, made["id"].as_str().unwrap().to_owned())
}

/// `code` and the field's own, of an answer.
fn refusal<'a>(answer: &'a Value, field: &str) -> (&'a str, &'a str) {
    let code = answer["errors"][field][0]["code"].as_str();
    (answer["code"].as_str().unwrap_or_default(), code.unwrap_or_default())
}

both! {
    async fn operators_and_products_are_made_read_listed_and_replaced(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let (operator, product) = catalog(&works).await;
        let path = format!("{OPERATORS}{operator}/");
        let (status, read) = works.staff.get(&path).await;
        let expected = json!({ "id": operator, "name": "Himal", "prefixes": "+919810 +919811", "status": "active" });
        assert_eq!((status, &read), (200, &expected));
        assert_eq!(works.staff.get(OPERATORS).await.1, json!([expected]));
        let (status, read) = works.staff.get(&format!("{PRODUCTS}{product}/")).await;
        assert_eq!((status, read["low"].to_string().as_str(), read["cost"].as_str()), (200, "10.0", Some("96.50")), "{read}");
        assert_eq!((read["operator"].as_str(), read["operator_id"].as_str(), read["status"].as_str()), (Some("Himal"), Some(operator.as_str()), Some("active")));
        for (query, found) in [(String::new(), 1), (format!("?operator_id={operator}"), 1), (format!("?operator_id={NOBODY}"), 0), ("?limit=1".to_owned(), 1), (format!("?cursor={product}"), 0)] {
            let (status, list) = works.staff.get(&format!("{PRODUCTS}{query}")).await;
            assert_eq!((status, list.as_array().unwrap().len()), (200, found), "{query}");
        }

        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "100").await;
        works.sell(&seller, "9810000001", "50").await;
        let sell = format!("/api/sellers/{seller}/sell_charge/");
        let refused = async |code: &str| {
            let (status, told) = works.staff.post(&sell, json!({ "phone_number": "9810000001", "amount": "50" })).await;
            assert!(status >= 400 && told["code"] == code, "{told}");
        };
        let mut sent_back = read.clone();
        sent_back["low"] = json!("60.00");
        let (status, changed) = works.staff.put(&format!("{PRODUCTS}{product}/"), sent_back.clone()).await;
        assert_eq!((status, changed["low"].to_string().as_str()), (200, "60.0"), "what is read may be sent back: {changed}");
        refused("no_product").await;
        sent_back["low"] = json!("10");
        sent_back["status"] = json!("stopped");
        assert_eq!(works.staff.put(&format!("{PRODUCTS}{product}/"), sent_back).await.1["status"], "stopped");
        refused("no_product").await;
        let stopped = json!({ "id": operator, "name": "Himal Mobile", "prefixes": "9810", "status": "stopped" });
        let (status, changed) = works.staff.put(&path, stopped).await;
        assert_eq!((status, changed["prefixes"].as_str(), changed["status"].as_str()), (200, Some("+919810"), Some("stopped")), "{changed}");
        refused("operator_stopped").await;
        let (_, kept) = works.staff.put(&path, json!({ "name": "Himal", "prefixes": "9810" })).await;
        assert_eq!(kept["status"], "stopped", "as it was where it is not sent");
        works.books_agree().await;
    }

    async fn every_wrong_operator_and_product_is_refused_by_name_and_changes_nothing(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let (operator, made) = catalog(&works).await;
        let before = (works.staff.get(OPERATORS).await, works.staff.get(PRODUCTS).await);
        let (own, others) = (format!("{OPERATORS}{operator}/"), format!("{PRODUCTS}{made}/"));
        let (long, mut otherwise) = ("n".repeat(101), Vec::new());
        for (field, value, rule) in [
            ("name", json!(null), "required"), ("name", json!(""), "too_short"), ("name", json!(7), "wrong_type"),
            ("name", json!(long), "too_long"), ("name", json!("a\nb"), "malformed"), ("prefixes", json!(null), "required"),
            ("prefixes", json!("abc"), "malformed"), ("prefixes", json!("+"), "malformed"), ("prefixes", json!(["9810"]), "wrong_type"),
            ("prefixes", json!("1".repeat(20)), "malformed"), ("prefixes", json!("९८१०"), "malformed"),
            ("status", json!("frozen"), "unknown_value"), ("color", json!("red"), "unknown"),
        ] {
            let mut body = json!({ "name": "Other", "prefixes": "9900" });
            body[field] = value.clone();
            for answer in [works.staff.post(OPERATORS, body.clone()).await, works.staff.put(&own, body.clone()).await] {
                if (answer.0, refusal(&answer.1, field)) != (400, ("invalid_fields", rule)) {
                    otherwise.push(format!("{field} {value}: {}", answer.1));
                }
            }
        }
        for (field, value, rule) in [
            ("name", json!(null), "required"), ("low", json!(0), "not_positive"), ("low", json!("NaN"), "malformed"),
            ("low", json!(1.005), "too_many_decimals"), ("high", json!("10000.01"), "too_large"), ("high", json!(9), "too_small"),
            ("high", json!(null), "required"), ("cost", json!(null), "required"), ("cost", json!("0"), "out_of_range"),
            ("cost", json!("100.01"), "out_of_range"), ("cost", json!("9.505"), "out_of_range"), ("cost", json!("1e1"), "out_of_range"),
            ("cost", json!("-5"), "out_of_range"), ("cost", json!(true), "wrong_type"), ("status", json!(1), "wrong_type"), ("x", json!(1), "unknown"),
        ] {
            let mut body = product(&operator);
            body["name"] = json!("Other");
            body[field] = value.clone();
            for answer in [works.staff.post(PRODUCTS, body.clone()).await, works.staff.put(&others, body.clone()).await] {
                if (answer.0, refusal(&answer.1, field)) != (400, ("invalid_fields", rule)) {
                    otherwise.push(format!("{field} {value}: {}", answer.1));
                }
            }
        }
        assert!(otherwise.is_empty(), "{otherwise:#?}");
        let (status, told) = works.staff.post(PRODUCTS, json!({ "name": "x", "low": 1, "high": 2, "cost": "90" })).await;
        assert_eq!((status, refusal(&told, "operator_id")), (400, ("invalid_fields", "required")), "{told}");
        for (path, body, status, code) in [
            (OPERATORS, json!({ "name": "Himal", "prefixes": "9900" }), 409, "name_taken"),
            (OPERATORS, json!({ "name": "Other", "prefixes": "9810" }), 409, "name_taken"),
            (PRODUCTS, product(&operator), 409, "name_taken"),
            (PRODUCTS, product(NOBODY), 404, "not_found"),
        ] {
            let answer = works.staff.post(path, body).await;
            assert_eq!((answer.0, answer.1["code"].as_str()), (status, Some(code)), "{}", answer.1);
        }
        for path in [OPERATORS, PRODUCTS] {
            let own = format!("{path}{NOBODY}/");
            assert_eq!(works.staff.get(&own).await.0, 404);
            let body = if path == OPERATORS { json!({ "name": "x", "prefixes": "99" }) } else { product(&operator) };
            assert_eq!(works.staff.put(&own, body.clone()).await.0, 404);
            assert_eq!(works.staff.get(&format!("{path}nonsense/")).await.0, 404);
            for query in ["?limit=0", "?limit=1001", "?cursor=x", "?color=red"] {
                assert_eq!(works.staff.get(&format!("{path}{query}")).await.1["code"], "invalid_query", "{path}{query}");
            }
            assert_eq!(works.staff.raw(path, "application/json", b"{".to_vec()).await.1["code"], "malformed_body");
            assert_eq!(works.staff.raw(path, "text/csv", b"{}".to_vec()).await.0, 415);
            let reader = works.staff.with_key(&key(&works.place, "charge.read charge.sell charge.credit", None).await);
            assert_eq!((reader.get(path).await.0, reader.post(path, body.clone()).await.0), (200, 403));
            assert_eq!(reader.put(&own, body.clone()).await.0, 403);
            let seller = works.seller(json!({ "name": path })).await;
            assert_eq!(works.shop(&seller).await.get(path).await.0, 403, "what operators take is no seller's business");
        }
        assert_eq!((works.staff.get(OPERATORS).await, works.staff.get(PRODUCTS).await), before);
    }

    async fn no_seller_is_left_paying_less_than_a_product_costs(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let (operator, made) = catalog(&works).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.place.person("asha", "superuser", "").await;
        let mut asha = works.place.signed_in("asha").await;
        let price = [("action", "set-price"), ("id", seller.as_str()), ("product", made.as_str()), ("price", "97")];
        assert_eq!(asha.post("/admin/charge/sellers/do/", &price).await.status, 303);
        let mut dearer = product(&operator);
        dearer["cost"] = json!("97.01");
        let (status, told) = works.staff.put(&format!("{PRODUCTS}{made}/"), dearer).await;
        assert_eq!((status, told["code"].as_str()), (400, Some("price_below_cost")), "{told}");
    }
}
