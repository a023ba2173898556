//! Credit that sellers ask for and staff approve.

use purser_testkit::{TestDb, both};
use serde_json::{Value, json};

use crate::browser::{Browser, person};
use crate::program::{ApiClient, Installation, Serving};

struct RequestsTest {
    installation: Installation,
    serving: Serving,
    staff: ApiClient,
    shop: ApiClient,
    seller: String,
}

impl RequestsTest {
    async fn open(db: &TestDb) -> Self {
        let installation = Installation::new(db).with("PURSER_IDENTITY_SECOND_FACTOR", "false");
        let serving = installation.serve(&installation.key("charge.*"));
        let staff = serving.caller();
        let (_, seller) = staff.post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        let seller = seller["id"].as_str().unwrap().to_owned();
        let shop = staff.with_key(&installation.key_for_seller("charge.sell charge.read", &seller));
        RequestsTest { installation, serving, staff, shop, seller }
    }

    async fn ask(&self, caller: &ApiClient, amount: &str) -> Value {
        let path = format!("/api/sellers/{}/credit-requests/", self.seller);
        let (status, request) = caller.post(&path, json!({ "amount": amount, "note": "NEFT 1" })).await;
        assert_eq!(status, 201, "{request}");
        request
    }

    async fn credit(&self) -> String {
        let (_, credit) = self.staff.get(&format!("/api/sellers/{}/get_credit/", self.seller)).await;
        credit["credit"].to_string()
    }
}

fn decision(request: &Value, what: &str) -> String {
    format!("/api/credit-requests/{}/{what}/", request["id"].as_str().unwrap())
}

both! {
    async fn a_request_is_approved_once_and_gives_its_credit_once(db: TestDb) {
        let desk = RequestsTest::open(&db).await;
        let request = desk.ask(&desk.shop, "250.00").await;
        assert_eq!((request["status"].as_str(), desk.credit().await.as_str()), (Some("pending"), "0.0"));
        let tries = (0..16).map(|_| {
            let (staff, path) = (desk.staff.clone(), decision(&request, "approve"));
            tokio::spawn(async move { staff.post(&path, json!({})).await })
        });
        let mut approved = 0;
        for attempt in tries.collect::<Vec<_>>() {
            let (status, answer) = attempt.await.unwrap();
            match status {
                200 => approved += 1,
                _ => assert_eq!((status, answer["code"].as_str()), (409, Some("already_decided")), "{answer}"),
            }
        }
        assert_eq!((approved, desk.credit().await.as_str()), (1, "250.0"));
        let (_, told) = desk.shop.get(&format!("/api/sellers/{}/credit-requests/", desk.seller)).await;
        assert_eq!(told[0]["status"], "approved");
        let given = told[0]["transaction_id"].as_str().unwrap();
        let (_, credits) = desk.staff.get(&format!("/api/sellers/{}/get_transactions/", desk.seller)).await;
        assert_eq!(credits[0]["id"].as_str(), Some(given));
        let (status, _) = desk.staff.post(&decision(&request, "reject"), json!({ "reason": "late" })).await;
        assert_eq!(status, 409, "what is approved is not rejected later");
    }

    async fn whoever_asks_does_not_approve(db: TestDb) {
        let desk = RequestsTest::open(&db).await;
        let own = desk.ask(&desk.staff, "10").await;
        let (status, answer) = desk.staff.post(&decision(&own, "approve"), json!({})).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("own_request")), "{answer}");
        let (status, _) = desk.shop.post(&decision(&own, "approve"), json!({})).await;
        assert_eq!(status, 403, "a seller's key is not staff");
        let another = desk.staff.with_key(&desk.installation.key("charge.*"));
        assert_eq!(another.post(&decision(&own, "approve"), json!({})).await.0, 200);
        assert_eq!(desk.credit().await, "10.0");
    }

    async fn a_request_is_withdrawn_or_rejected_with_a_reason_and_gives_nothing(db: TestDb) {
        let desk = RequestsTest::open(&db).await;
        let (first, second) = (desk.ask(&desk.shop, "10").await, desk.ask(&desk.shop, "20").await);
        let (_, other) = desk.staff.post("/api/sellers/", json!({ "name": "Other Shop" })).await;
        let other = desk.installation.key_for_seller("charge.sell charge.read", other["id"].as_str().unwrap());
        let other = desk.staff.with_key(&other);
        assert_eq!(other.post(&decision(&first, "withdraw"), json!({})).await.0, 404, "another seller's");
        assert_eq!(desk.shop.post(&decision(&first, "withdraw"), json!({})).await.1["status"], "withdrawn");
        let (status, answer) = desk.staff.post(&decision(&second, "reject"), json!({})).await;
        assert_eq!((status, answer["errors"]["reason"][0]["code"].as_str()), (400, Some("required")), "{answer}");
        let (_, rejected) = desk.staff.post(&decision(&second, "reject"), json!({ "reason": "no payment" })).await;
        assert_eq!((rejected["status"].as_str(), rejected["reason"].as_str()), (Some("rejected"), Some("no payment")));
        assert_eq!(desk.credit().await, "0.0");
        let (_, all) = desk.staff.get("/api/credit-requests/?status=pending").await;
        assert_eq!(all, json!([]));
        for amount in ["0", "-1", "1.005", "1e3", "\"x\"", "true"] {
            let path = format!("/api/sellers/{}/credit-requests/", desk.seller);
            let body = format!(r#"{{"amount":{amount}}}"#).into_bytes();
            let (status, answer) = desk.shop.raw(&path, "application/json", body).await;
            assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_fields")), "{amount} {answer}");
        }
    }

    async fn staff_decide_on_requests_from_the_inbox(db: TestDb) {
        let desk = RequestsTest::open(&db).await;
        person(&desk.installation, "asha", &["--superuser"]);
        let mut asha = Browser::signed_in(&desk.serving, "asha").await;
        let (first, second) = (desk.ask(&desk.shop, "100").await, desk.ask(&desk.shop, "23.50").await);
        let inbox = asha.page("/admin/inbox/").await;
        assert!(inbox.contains("₹100.00") && inbox.contains("₹23.50"), "{inbox}");
        let (first, second) = (first["id"].as_str().unwrap(), second["id"].as_str().unwrap());
        let path = "/admin/charge/requests/do/";
        let page = asha.page(&format!("{path}?action=approve&id={first}&id={second}")).await;
        assert!(page.contains("₹123.50 in 2 requests will be given at once."), "{page}");
        let fields = [("action", "approve"), ("id", first), ("id", second)];
        assert!(asha.submit(path, &fields).await.contains("2 requests approved"));
        assert_eq!(desk.credit().await, "123.5");
        assert!(asha.page("/admin/inbox/").await.contains("Nothing waits."));
    }
}
