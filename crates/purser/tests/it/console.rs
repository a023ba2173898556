//! The console, as staff use it and as strangers try to.

pub(crate) mod many;

use purser_testkit::{TestDb, both};
use serde_json::json;
use uuid::Uuid;

use crate::browser::{Browser, hidden, person};
use crate::program::{Installation, Serving};

const SELLERS: &str = "/admin/charge/sellers/";

/// A seller made by its form; its id.
async fn seller(browser: &mut Browser, name: &str) -> String {
    let page = browser.page(&format!("{SELLERS}do/?action=create")).await;
    let fields = [
        ("action", "create"),
        ("once", &hidden(&page, "once")),
        ("name", name),
        ("email", ""),
        ("phone", ""),
        ("low_credit_alert", ""),
    ];
    let done = browser.submit(&format!("{SELLERS}do/"), &fields).await;
    let id =
        done.split("href=\"/admin/charge/sellers/").filter_map(|rest| rest.split('/').next()).find(|id| id.len() == 36);
    id.expect("a link to the seller").to_owned()
}

async fn give(browser: &mut Browser, seller: &str, amount: &str) -> String {
    let page = browser.page(&format!("{SELLERS}do/?action=increase-credit&id={seller}")).await;
    let once = hidden(&page, "once");
    let fields =
        [("action", "increase-credit"), ("id", seller), ("once", &once), ("amount", amount), ("reference", "NEFT 1")];
    browser.submit(&format!("{SELLERS}do/"), &fields).await
}

async fn staff(db: &TestDb) -> (Installation, Serving, Browser) {
    let installation = Installation::new(db).with("PURSER_CHARGE_CONNECTOR", "simulator");
    let installation = installation.with("PURSER_IDENTITY_SECOND_FACTOR", "false");
    person(&installation, "asha", &["--superuser"]);
    let serving = installation.serve("");
    let browser = Browser::signed_in(&serving, "asha").await;
    (installation, serving, browser)
}

both! {
    async fn the_console_is_for_staff_alone(db: TestDb) {
        let (installation, serving, mut asha) = staff(&db).await;
        person(&installation, "ravi", &[]);
        let id = seller(&mut asha, "Corner Shop").await;
        let pages = [
            "/admin/".to_owned(), "/admin/inbox/".to_owned(), SELLERS.to_owned(), format!("{SELLERS}{id}/"),
            format!("{SELLERS}export.csv"), format!("{SELLERS}do/?action=freeze&id={id}"),
            "/admin/charge/sales/".to_owned(), "/admin/house/audit/".to_owned(), "/admin/house/keys/".to_owned(), "/admin/house/new-key/".to_owned(), "/admin/house/people/".to_owned(), "/admin/house/jobs/".to_owned(), "/admin/house/dead-letters/".to_owned(), "/admin/ledger/accounts/".to_owned(), "/admin/ledger/accounts/1/".to_owned(),
        ];
        let (stranger, mut ravi) = (Browser::new(&serving), Browser::signed_in(&serving, "ravi").await);
        for path in &pages {
            let sent = stranger.get(path).await;
            assert_eq!(sent.status, 303, "{path}");
            assert!(sent.sent_to.starts_with("/accounts/login/?next=/admin/"), "{path} {}", sent.sent_to);
            assert_eq!(ravi.get(path).await.status, 403, "{path}");
            assert_eq!(asha.get(path).await.status, 200, "{path}");
        }
        let freeze = [("action", "freeze"), ("id", id.as_str())];
        assert_eq!(ravi.post(&format!("{SELLERS}do/"), &freeze).await.status, 403);
        assert!(asha.page(&format!("{SELLERS}{id}/")).await.contains("active"), "nothing was frozen");
        for path in ["/admin/nothing/", "/admin/charge/nothing/", "/admin/charge/sellers/nonsense/", "/admin/ledger/accounts/x/"] {
            assert_eq!(asha.get(path).await.status, 404, "{path}");
        }
    }

    async fn a_form_that_is_sent_twice_is_done_once(db: TestDb) {
        let (_installation, _serving, mut asha) = staff(&db).await;
        let id = seller(&mut asha, "Corner Shop").await;
        let page = asha.page(&format!("{SELLERS}do/?action=increase-credit&id={id}")).await;
        let once = hidden(&page, "once");
        let path = format!("{SELLERS}do/");
        let fields = [("action", "increase-credit"), ("id", &id), ("once", &once), ("amount", "500"), ("reference", "")];
        for _ in 0..2 {
            assert!(asha.submit(&path, &fields).await.contains("The credit is ₹500.00 now."));
        }
        let changed = [("action", "increase-credit"), ("id", &id), ("once", &once), ("amount", "900"), ("reference", "")];
        assert_eq!(asha.post(&path, &changed).await.status, 422, "the same page cannot ask for something else");
        assert!(asha.page(&format!("{SELLERS}{id}/")).await.contains("₹500.00"));
    }

    async fn what_is_wrong_with_a_form_stands_beside_its_field_and_nothing_is_lost(db: TestDb) {
        let (_installation, _serving, mut asha) = staff(&db).await;
        let path = format!("{SELLERS}do/");
        let wrong = [("action", "create"), ("name", "Corner Shop"), ("email", "no mail"), ("phone", "12"), ("low_credit_alert", "1.005")];
        let page = asha.post(&path, &wrong).await;
        assert_eq!(page.status, 400);
        for told in ["email-error", "phone-error", "low_credit_alert-error", "value=\"Corner Shop\"", "value=\"no mail\""] {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        let id = seller(&mut asha, "Corner Shop").await;
        for amount in ["", "0", "-5", "1.005", "1e3", "NaN", "99999999999", "१००"] {
            let fields = [("action", "increase-credit"), ("id", id.as_str()), ("amount", amount), ("reference", "")];
            let page = asha.post(&path, &fields).await;
            assert!(page.status == 400 && page.text.contains("amount-error"), "{amount}: {}", page.text);
        }
        let none = asha.get(&format!("{path}?action=freeze")).await;
        assert!(none.status == 400 && none.text.contains("Choose at least one seller"), "{}", none.text);
    }

    async fn a_hostile_name_is_only_a_name(db: TestDb) {
        let (_installation, _serving, mut asha) = staff(&db).await;
        let name = "=1+1<script>alert(1)</script>\"'&";
        let id = seller(&mut asha, name).await;
        for path in [SELLERS.to_owned(), format!("{SELLERS}{id}/"), format!("{SELLERS}do/?action=freeze&id={id}"), format!("{SELLERS}?q=%3Cscript%3E")] {
            let page = asha.page(&path).await;
            assert!(!page.contains("<script>") && page.contains("&#60;script&#62;"), "{path}");
        }
        let export = asha.page(&format!("{SELLERS}export.csv")).await;
        assert!(export.contains("\"'=1+1<script>"), "no spreadsheet runs it: {export}");
    }

    async fn lists_are_searched_narrowed_sorted_and_read_page_by_page(db: TestDb) {
        let (installation, serving, mut asha) = staff(&db).await;
        let caller = serving.caller().with_key(&installation.key("charge.*"));
        for number in 0..53 {
            let made = caller.post("/api/sellers/", json!({ "name": format!("Shop {number:02}") })).await;
            assert_eq!(made.0, 201);
        }
        let names = |page: &str| -> Vec<String> {
            page.split("Choose Shop ").skip(1).map(|rest| rest[..2].to_owned()).collect()
        };
        let expected = |numbers: &mut dyn Iterator<Item = u32>| numbers.map(|n| format!("{n:02}")).collect::<Vec<_>>();
        let first = asha.page(SELLERS).await;
        assert_eq!(names(&first), expected(&mut (3..53).rev()), "newest first");
        let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert_eq!(names(&asha.page(&format!("{SELLERS}{next}")).await), expected(&mut (0..3).rev()));
        let sorted = asha.page(&format!("{SELLERS}?sort=name")).await;
        assert_eq!(names(&sorted), expected(&mut (0..50)));
        let next = sorted.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
        assert_eq!(names(&asha.page(&format!("{SELLERS}{next}")).await), expected(&mut (50..53)));
        assert_eq!(names(&asha.page(&format!("{SELLERS}?q=SHOP+07")).await), ["07"]);
        assert!(asha.page(&format!("{SELLERS}?q=nobody")).await.contains("No seller fits."));
        let id = asha.page(&format!("{SELLERS}?q=shop+07")).await;
        let id = id.split("name=\"id\" value=\"").nth(1).unwrap()[..36].to_owned();
        let freeze = [("action", "freeze"), ("id", id.as_str())];
        assert!(asha.submit(&format!("{SELLERS}do/"), &freeze).await.contains("is frozen"));
        assert_eq!(names(&asha.page(&format!("{SELLERS}?status=frozen")).await), ["07"]);
        let export = asha.page(&format!("{SELLERS}export.csv?status=active")).await;
        assert_eq!(export.lines().count(), 53, "52 active sellers under one head");
    }

    async fn a_sale_of_unknown_fate_waits_in_the_inbox_until_staff_decide(db: TestDb) {
        let (installation, serving, mut asha) = staff(&db).await;
        let id = seller(&mut asha, "Corner Shop").await;
        assert!(give(&mut asha, &id, "10.00").await.contains("₹10.00"));
        let caller = serving.caller().with_key(&installation.key("charge.*"));
        // The simulator says nothing about a number that ends in 93.
        let (status, sale) = caller.post(&format!("/api/sellers/{id}/sell_charge/"), json!({ "phone_number": "9876543293", "amount": 4 })).await;
        assert_eq!((status, sale["status"].as_str()), (202, Some("charge submitted")));
        let sale = sale["sale_id"].as_str().unwrap();
        let inbox = asha.page("/admin/inbox/").await;
        assert!(inbox.contains("₹4.00") && inbox.contains(sale), "{inbox}");
        let path = "/admin/charge/sales/do/";
        let page = asha.page(&format!("{path}?action=resolve&id={sale}")).await;
        assert!(page.contains("₹4.00 for +919876543293 is held."), "{page}");
        let fields = [("action", "resolve"), ("id", sale), ("outcome", "failed"), ("reason", "the operator's statement")];
        assert!(asha.submit(path, &fields).await.contains("The sale is failed now."));
        assert!(asha.page("/admin/inbox/").await.contains("Nothing waits."));
        let again = asha.post(path, &fields).await;
        assert!(again.status == 409 && again.text.contains("failed"), "{}", again.text);
        let tree = asha.page("/admin/ledger/accounts/?under=charge").await;
        assert!(tree.contains("₹10.00") && tree.contains("seller"), "{tree}");
    }

    async fn sales_are_reversed_together_and_one_of_unknown_fate_is_passed_over(db: TestDb) {
        let (installation, serving, mut asha) = staff(&db).await;
        let id = seller(&mut asha, "Corner Shop").await;
        assert!(give(&mut asha, &id, "20.00").await.contains("₹20.00"));
        let caller = serving.caller().with_key(&installation.key("charge.*"));
        let mut sales = Vec::new();
        // The simulator says nothing about a number that ends in 93.
        for number in ["9876543210", "9876543211", "9876543293"] {
            let (_, sale) = caller.post(&format!("/api/sellers/{id}/sell_charge/"), json!({ "phone_number": number, "amount": 4 })).await;
            sales.extend(sale["sale_id"].as_str().map(str::to_owned));
        }
        let list = asha.page("/admin/charge/sales/?status=completed").await;
        assert_eq!(list.matches("name=\"id\"").count(), 2, "{list}");
        let path = "/admin/charge/sales/do/";
        let preview = asha.page(&format!("{path}?action=reverse&every=1")).await;
        assert!(preview.contains("₹8.00 goes back to the sellers' credit, from 2 sales.") || preview.contains("₹8.00 goes back to the sellers&#39; credit, from 2 sales."), "{preview}");
        assert!(preview.contains(">Reverse: 2 of 3</button>"), "{preview}");
        let ids: Vec<String> = preview.split("type=\"hidden\" name=\"id\" value=\"").skip(1).map(|rest| rest[..36].to_owned()).collect();
        let mut fields = vec![("action", "reverse"), ("reason", "a mistake")];
        fields.extend(ids.iter().map(|id| ("id", id.as_str())));
        let done = asha.submit(path, &fields).await;
        assert!(done.contains("2 sales reversed; the credit is back. 1 not, for the reason beside it."), "{done}");
        assert!(asha.page(&format!("{SELLERS}{id}/")).await.contains("₹20.00"));
    }

    async fn a_key_is_shown_once_opens_what_was_chosen_and_is_revoked_for_good(db: TestDb) {
        let (_installation, serving, mut asha) = staff(&db).await;
        let none = asha.post("/admin/house/new-key/", &[("label", "till"), ("days", "")]).await;
        assert!(none.status == 400 && none.text.contains("Choose at least one"), "{}", none.text);
        let days = asha.post("/admin/house/new-key/", &[("label", "till"), ("scope", "charge.read"), ("days", "0")]).await;
        assert!(days.status == 400 && days.text.contains("whole number from 1 to 3650"), "{}", days.text);
        let made = asha.post("/admin/house/new-key/", &[("label", "till <1>"), ("scope", "charge.read"), ("days", "30")]).await;
        let key = made.text.split("pk_").nth(1).map(|rest| format!("pk_{}", &rest[..64])).expect("the key");
        let caller = serving.caller().with_key(&key);
        assert_eq!(caller.get("/api/sellers/").await.0, 200);
        assert_eq!(caller.post("/api/sellers/", json!({ "name": "x" })).await.0, 403);
        let list = asha.page("/admin/house/keys/").await;
        assert!(list.contains("till &#60;1&#62;") && !list.contains(&key), "{list}");
        let id = list.split("name=\"id\" value=\"").nth(1).unwrap()[..36].to_owned();
        let revoke = [("action", "revoke"), ("id", id.as_str())];
        assert!(asha.submit("/admin/house/keys/do/", &revoke).await.contains("revoked"));
        let audit = asha.page("/admin/house/audit/").await;
        assert!(audit.contains("key.create") && audit.contains("house.keys.revoke"), "{audit}");
        assert!(!audit.contains(&key));
    }

    async fn a_line_of_the_audit_log_names_the_key_and_shows_what_changed_as_a_table(db: TestDb) {
        let (installation, serving, asha) = staff(&db).await;
        let caller = serving.caller().with_key(&installation.key("charge.*"));
        let seller = caller.post("/api/sellers/", json!({ "name": "user:<b>" })).await.1["id"].as_str().unwrap().to_owned();
        assert_eq!(caller.patch(&format!("/api/sellers/{seller}/"), json!({ "status": "frozen" })).await.0, 200);
        let audit = asha.page("/admin/house/audit/?q=charge.sellers.edit").await;
        assert!(audit.contains("key &#39;test&#39;"), "{audit}");
        let mut lines = audit.split("href=\"/admin/house/audit/").filter_map(|rest| Uuid::try_parse(rest.get(..36)?).ok());
        let page = asha.page(&format!("/admin/house/audit/{}/", lines.next().unwrap())).await;
        let row = page.split("<tr>").find(|row| row.contains("status")).unwrap_or_else(|| panic!("{page}"));
        assert!(page.contains("What changed") && row.contains("active") && row.contains("frozen"), "{page}");
        let history = asha.page(&format!("{SELLERS}{seller}/")).await;
        assert!(history.contains("status: active → frozen") && history.contains("key &#39;test&#39;"), "{history}");
    }
}
