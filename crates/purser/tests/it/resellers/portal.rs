//! The portal: whoever acts for a seller sees it, sells from it, and finds nothing of any other.

use jiff::SignedDuration;
use purser_testkit::{TestDb, both};
use serde_json::json;

use super::ResellerSite;
use crate::browser::{Browser, PASSWORD, hidden};

/// A seller with credit, and somebody whom staff let sell for it.
struct Shop {
    works: ResellerSite,
    seller: String,
    base: String,
    browser: Browser,
}

impl Shop {
    async fn open(db: &TestDb) -> Self {
        let works = ResellerSite::open(db).await;
        let seller = works.seller(json!({ "name": "Corner <Shop>" })).await;
        works.give(&seller, "100").await;
        works.place.person("asha", "superuser", "").await;
        works.place.person("meena", "person", "").await;
        let mut asha = works.place.signed_in("asha").await;
        let fields = [("action", "let-sell"), ("id", seller.as_str()), ("login", "meena@example.com")];
        assert!(asha.submit("/admin/charge/sellers/do/", &fields).await.contains("meena can sell now"));
        let browser = works.place.signed_in("meena").await;
        let base = format!("/portal/charge/{seller}/");
        Shop { works, seller, base, browser }
    }

    fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.base)
    }

    /// Fills a form in, is asked, and says yes; where that leads.
    async fn deed(&mut self, name: &str, fields: &[(&str, &str)]) -> String {
        let path = self.path(&format!("do/{name}/"));
        let asked = self.browser.post(&path, fields).await;
        assert_eq!(asked.status, 200, "{}", asked.text);
        let once = hidden(&asked.text, "once");
        let sure: Vec<(&str, &str)> =
            [("once", once.as_str()), ("sure", "yes")].into_iter().chain(fields.iter().copied()).collect();
        let sent = self.browser.post(&path, &sure).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        sent.sent_to
    }
}

both! {
    async fn a_sale_is_confirmed_made_once_and_found_again(db: TestDb) {
        let mut shop = Shop::open(&db).await;
        let begun = shop.browser.get("/portal/").await;
        assert_eq!((begun.status, begun.sent_to.as_str()), (303, shop.base.as_str()));
        let home = shop.browser.page(&shop.base).await;
        assert!(home.contains("₹100.00") && home.contains("Corner &#60;Shop&#62;") && !home.contains("<Shop>"), "{home}");
        let path = shop.path("do/sell/");
        let wrong = shop.browser.post(&path, &[("phone_number", "12"), ("amount", "1.005"), ("client_ref", "")]).await;
        assert!(wrong.status == 400 && wrong.text.contains("phone_number-error") && wrong.text.contains("amount-error"), "{}", wrong.text);
        let short = shop.browser.post(&path, &[("phone_number", "9876543210"), ("amount", "100.01"), ("client_ref", "")]).await;
        assert!(short.status == 400 && short.text.contains("does not cover"), "{}", short.text);
        let fields = [("phone_number", "9876543210"), ("amount", "40"), ("client_ref", "order-7")];
        let asked = shop.browser.post(&path, &fields).await;
        assert!(asked.text.contains("₹40.00 will be charged to +919876543210. ₹60.00 will be left to sell."), "{}", asked.text);
        assert_eq!(shop.works.credit(&shop.seller).await, "100.0", "a question sells nothing");
        let once = hidden(&asked.text, "once");
        let sure = [("once", once.as_str()), ("sure", "yes"), fields[0], fields[1], fields[2]];
        let first = shop.browser.post(&path, &sure).await;
        let again = shop.browser.post(&path, &sure).await;
        assert_eq!((first.status, again.status, first.sent_to.as_str()), (303, 303, again.sent_to.as_str()));
        let page = shop.browser.page(&first.sent_to).await;
        assert!(page.contains("completed") && page.contains("order-7"), "{page}");
        assert_eq!(shop.works.credit(&shop.seller).await, "60.0", "sold once");
        let changed = [("once", once.as_str()), ("sure", "yes"), fields[0], ("amount", "41"), ("client_ref", "")];
        assert_eq!(shop.browser.post(&path, &changed).await.status, 422);
        let repeated = shop.browser.post(&path, &[("once", "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f"), ("sure", "yes"), fields[0], fields[1], fields[2]]).await;
        assert!(repeated.status == 400 && repeated.text.contains("was used before"), "{}", repeated.text);
        for (query, found) in [("q=order-7", true), ("q=order-8", false), ("q=9876543210", true), ("q=9876543211", false), ("status=completed", true), ("status=failed", false)] {
            let page = shop.browser.page(&shop.path(&format!("sales/?{query}"))).await;
            assert_eq!(page.contains("+919876543210</a>"), found, "{query} {page}");
        }
        let csv = shop.browser.page(&shop.path("sales/file.csv")).await;
        assert!(csv.contains(",40.00,completed,60.00,order-7"), "{csv}");
        let statement = shop.browser.page(&shop.path("statement/?date=2026-01-05")).await;
        assert!(statement.contains("-₹40.00") && statement.contains("₹60.00"), "{statement}");
        shop.works.books_agree().await;
    }

    async fn credit_is_asked_for_and_the_request_taken_back(db: TestDb) {
        let mut shop = Shop::open(&db).await;
        let requests = shop.deed("ask", &[("amount", "500"), ("note", "NEFT 12")]).await;
        let page = shop.browser.page(&requests).await;
        assert!(page.contains("₹500.00") && page.contains("NEFT 12") && page.contains("pending"), "{page}");
        let id = page.split("do/withdraw/?id=").nth(1).unwrap()[..36].to_owned();
        let question = shop.browser.page(&shop.path(&format!("do/withdraw/?id={id}"))).await;
        assert!(question.contains("The request for ₹500.00 is taken back."), "{question}");
        let requests = shop.deed("withdraw", &[("id", &id)]).await;
        let page = shop.browser.page(&requests).await;
        assert!(page.contains("withdrawn") && !page.contains("do/withdraw"), "{page}");
        let again = shop.browser.get(&shop.path(&format!("do/withdraw/?id={id}"))).await;
        assert_eq!(again.status, 409, "{}", again.text);
    }

    async fn a_key_is_tied_to_the_seller_shown_once_and_revoked(db: TestDb) {
        let mut shop = Shop::open(&db).await;
        let other = shop.works.seller(json!({ "name": "Other" })).await;
        let path = shop.path("do/make-key/");
        let asked = shop.browser.post(&path, &[("label", "till <1>")]).await;
        let once = hidden(&asked.text, "once");
        db.clock().advance(SignedDuration::from_mins(15));
        let sure = [("once", once.as_str()), ("sure", "yes"), ("label", "till <1>")];
        let unproved = shop.browser.post(&path, &sure).await;
        assert!(unproved.text.contains("proof_password") && !unproved.text.contains("pk_"), "{}", unproved.text);
        let proved = [sure[0], sure[1], sure[2], ("proof_password", PASSWORD)];
        let made = shop.browser.post(&path, &proved).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let key = made.text.split("pk_").nth(1).map(|rest| format!("pk_{}", &rest[..64])).expect("the key");
        let again = shop.browser.post(&path, &proved).await;
        assert_eq!(again.status, 303, "the form sent twice makes one key, and shows no second secret");
        let till = shop.works.staff.with_key(&key);
        assert_eq!(till.get(&format!("/api/sellers/{}/", shop.seller)).await.0, 200);
        assert_eq!(till.get(&format!("/api/sellers/{other}/")).await.0, 404);
        assert_eq!(till.post("/api/sellers/", json!({ "name": "x" })).await.0, 403);
        let list = shop.browser.page(&shop.path("keys/")).await;
        assert!(list.contains("till &#60;1&#62;") && !list.contains(&key), "{list}");
        let id = list.split("do/revoke-key/?id=").nth(1).unwrap()[..36].to_owned();
        shop.deed("revoke-key", &[("id", &id)]).await;
        assert_eq!(till.get(&format!("/api/sellers/{}/", shop.seller)).await.0, 401);
    }

    async fn nobody_finds_anything_of_a_seller_they_do_not_act_for(db: TestDb) {
        let mut shop = Shop::open(&db).await;
        let other = shop.works.seller(json!({ "name": "Other" })).await;
        shop.works.give(&other, "50").await;
        let sale = shop.works.sell(&other, "9876543210", "1").await;
        let (_, request) = shop.works.staff.post(&format!("/api/sellers/{other}/credit-requests/"), json!({ "amount": "5" })).await;
        let request = request["id"].as_str().unwrap();
        let theirs = |rest: &str| format!("/portal/charge/{other}/{rest}");
        shop.works.place.person("ravi", "person", "").await;
        let (stranger, ravi) = (Browser::at(&shop.works.place.base), shop.works.place.signed_in("ravi").await);
        for rest in ["", "sales/", "requests/", "statement/", "statement/file.csv", "keys/", "do/sell/", "do/ask/", "do/make-key/"] {
            assert_eq!(stranger.get(&theirs(rest)).await.status, 303, "{rest}");
            assert_eq!(shop.browser.get(&theirs(rest)).await.status, 404, "{rest}");
            assert_eq!(ravi.get(&shop.path(rest)).await.status, 404, "{rest}");
        }
        for path in [shop.path(&format!("sale/?id={sale}")), shop.path("sale/"), shop.path("nothing/"), shop.path("do/nothing/"), shop.path(&format!("do/withdraw/?id={request}")), "/portal/charge/x/".to_owned(), "/portal/members/x/".to_owned()] {
            assert_eq!(shop.browser.get(&path).await.status, 404, "{path}");
        }
        let once = "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f";
        let sell = [("once", once), ("sure", "yes"), ("phone_number", "9876543210"), ("amount", "1"), ("client_ref", "")];
        assert_eq!(shop.browser.post(&theirs("do/sell/"), &sell).await.status, 404);
        assert_eq!(shop.browser.post(&shop.path("do/withdraw/"), &[("once", once), ("sure", "yes"), ("id", request)]).await.status, 404);
        assert_eq!(shop.works.credit(&other).await, "49.0", "nothing was sold");
        assert!(ravi.page("/portal/").await.contains("Nobody has let you act"));
        let mut asha = shop.works.place.signed_in("asha").await;
        let page = asha.page(&format!("/admin/charge/sellers/do/?action=stop-selling&id={}", shop.seller)).await;
        let meena = page.split("<option value=\"").nth(1).unwrap()[..36].to_owned();
        let stop = [("action", "stop-selling"), ("id", shop.seller.as_str()), ("person", meena.as_str())];
        assert!(asha.submit("/admin/charge/sellers/do/", &stop).await.contains("They can sell no more."));
        assert_eq!(shop.browser.get(&shop.base).await.status, 404, "at once");
        assert_eq!(shop.browser.post(&shop.path("do/sell/"), &sell).await.status, 404);
    }
}
