//! A reference names one payment; credit is taken as well as given, and all of it adds up.

use purser_charge::service::{CreditGrantRequest, NewSeller, credit_increase, seller_check, seller_create};
use purser_charge::{Error, Settings};
use purser_money::{Currency, Money};
use purser_testkit::{TestDb, both};
use serde_json::json;

use super::{ResellerSite, key};

fn increase(seller: &str) -> String {
    format!("/api/sellers/{seller}/increase_credit/")
}

async fn adds_up(works: &ResellerSite, seller: &str) {
    let id = seller.parse().unwrap();
    let check =
        works.place.db.read(move |tx| seller_check(tx, &Settings::standard(), id, 1_000)).await.unwrap().unwrap();
    assert!(check.holds(), "{check:?}");
    works.books_agree().await;
}

both! {
    async fn a_reference_names_one_payment_however_it_is_written_and_whoever_enters_it(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let (seller, other) = (works.seller(json!({ "name": "Corner Shop" })).await, works.seller(json!({ "name": "Other" })).await);
        let (status, first) = works.staff.post(&increase(&seller), json!({ "amount": 100, "reference": "NEFT-004471" })).await;
        assert_eq!(status, 200, "{first}");
        let second = works.staff.with_key(&key(&works.place, "charge.*", None).await);
        for (to, reference) in [(&seller, "NEFT-004471"), (&seller, " neft 00.4471 "), (&other, "Neft/004471"), (&other, "ＮＥＦＴ００４４７１")] {
            let (status, refused) = second.post(&increase(to), json!({ "amount": 100, "reference": reference })).await;
            assert_eq!((status, refused["code"].as_str()), (400, Some("duplicate_reference")), "{reference} {refused}");
            assert_eq!((&refused["transaction_id"], &refused["seller_id"]), (&first["transaction_id"], &json!(seller)));
            assert_eq!((refused["amount"].to_string().as_str(), refused["created_at"].is_string()), ("100.0", true));
            assert!(refused["actor"].as_str().unwrap().starts_with("key:"), "{refused}");
            let detail = refused["detail"].as_str().unwrap();
            assert!(detail.contains("₹100.00 for Corner Shop, given by key 'test' on 05 Jan 2026"), "{detail}");
        }
        for reference in ["NEFT 4471", "UTR-004471"] {
            assert_eq!(second.post(&increase(&other), json!({ "amount": 1, "reference": reference })).await.0, 200, "{reference}");
        }
        let (status, refused) = second.post(&increase(&seller), json!({ "amount": 1, "reference": " -- " })).await;
        assert_eq!((status, refused["errors"]["reference"][0]["code"].as_str()), (400, Some("malformed")), "it names nothing");
        let meant = json!({ "amount": 7, "reference": "neft 004471", "again": true });
        let (status, meant) = second.post(&increase(&seller), meant).await;
        assert_eq!(status, 200, "{meant}");
        let (_, read) = works.staff.get(&format!("/api/credit-transactions/{}/", meant["transaction_id"].as_str().unwrap())).await;
        assert_eq!(read["repeats"], first["transaction_id"], "that it was meant is kept: {read}");
        assert_eq!((works.credit(&seller).await, works.credit(&other).await), ("107.0".to_owned(), "2.0".to_owned()));
        let (_, found) = works.staff.get("/api/credit-transactions/?reference=NEFT%20004471").await;
        assert_eq!(found.as_array().unwrap().len(), 2, "{found}");
        adds_up(&works, &seller).await;
    }

    async fn what_no_bank_wrote_is_refused_by_name_and_a_printed_label_is_passed_over(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        let shop = works.shop(&seller).await;
        let request = format!("/api/sellers/{seller}/credit-requests/");
        for (reference, code) in [
            ("5.12861E+12", "spreadsheet_number"), ("5,12861E+12", "spreadsheet_number"), ("5128614620001.0", "spreadsheet_number"),
            ("U\u{422}R 5128614620001", "look_alike"),
        ] {
            let (status, refused) = works.staff.post(&increase(&seller), json!({ "amount": 5, "reference": reference })).await;
            assert_eq!((status, refused["errors"]["reference"][0]["code"].as_str()), (400, Some(code)), "{reference} {refused}");
            let (status, refused) = shop.post(&request, json!({ "amount": 5, "reference": reference, "note": "x" })).await;
            assert_eq!((status, refused["errors"]["reference"][0]["code"].as_str()), (400, Some(code)), "{reference} {refused}");
        }
        assert_eq!(works.staff.post(&increase(&seller), json!({ "amount": 5, "reference": "UTR: 5128614620001" })).await.0, 200);
        for reference in ["5128614620001", "RRN-5128614620001", "Ref no. 5128614620001", "UTR ٥١٢٨٦١٤٦٢٠٠٠١"] {
            let (status, refused) = works.staff.post(&increase(&seller), json!({ "amount": 5, "reference": reference })).await;
            assert_eq!((status, refused["code"].as_str()), (400, Some("duplicate_reference")), "{reference} {refused}");
        }
        assert_eq!(works.credit(&seller).await, "5.0");
        adds_up(&works, &seller).await;
    }

    async fn of_many_staff_at_once_one_credits_a_payment(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        let tries = (0..16).map(|place| {
            let (staff, path) = (works.staff.clone(), increase(&seller));
            let reference = if place % 2 == 0 { "UTR 77" } else { "utr-77" };
            tokio::spawn(async move { staff.post(&path, json!({ "amount": 5, "reference": reference })).await })
        });
        let mut given = 0;
        for attempt in tries.collect::<Vec<_>>() {
            let (status, answer) = attempt.await.unwrap();
            given += u32::from(status == 200);
            assert!(status == 200 || answer["code"] == "duplicate_reference", "{status} {answer}");
        }
        assert_eq!((given, works.credit(&seller).await.as_str()), (1, "5.0"));
        works.books_agree().await;
    }

    async fn the_console_asks_for_a_second_yes_before_a_payment_counts_twice(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.place.person("asha", "superuser", "").await;
        let mut asha = works.place.signed_in("asha").await;
        let path = "/admin/charge/sellers/do/";
        let page = asha.page(&format!("{path}?action=increase-credit&id={seller}")).await;
        assert!(!page.contains("again[]"), "nobody is asked before there is a reason");
        let fields = [("action", "increase-credit"), ("id", seller.as_str()), ("amount", "50"), ("reference", "NEFT 9")];
        assert!(asha.submit(path, &fields).await.contains("₹50.00 is given."));
        let refused = asha.post(path, &fields).await;
        assert!(refused.status == 400 && refused.text.contains("₹50.00 for Corner Shop, given by asha on"), "{}", refused.text);
        assert_eq!(refused.text.matches(">The reference was used before<").count(), 1, "{}", refused.text);
        assert!(refused.text.contains("again[]") && refused.text.contains("It is another payment"), "{}", refused.text);
        assert_eq!(works.credit(&seller).await, "50.0");
        let sure: Vec<(&str, &str)> = fields.into_iter().chain([("again[]", "yes")]).collect();
        assert!(asha.submit(path, &sure).await.contains("The credit is ₹100.00 now."));
        let list = asha.page("/admin/charge/credit/?reference=again").await;
        assert!(list.contains("NEFT 9"), "{list}");
        adds_up(&works, &seller).await;
    }

    async fn a_request_is_not_approved_for_a_payment_that_was_credited_already(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        let shop = works.shop(&seller).await;
        let path = format!("/api/sellers/{seller}/credit-requests/");
        let ask = async || {
            let (status, asked) = shop.post(&path, json!({ "amount": 30, "reference": "UTR 5", "note": "by bank" })).await;
            assert_eq!((status, asked["reference"].as_str()), (201, Some("UTR 5")), "{asked}");
            format!("/api/credit-requests/{}/approve/", asked["id"].as_str().unwrap())
        };
        let (first, second) = (ask().await, ask().await);
        assert_eq!(works.staff.post(&first, json!({})).await.0, 200);
        let (status, refused) = works.staff.post(&second, json!({})).await;
        assert_eq!((status, refused["code"].as_str()), (400, Some("duplicate_reference")), "{refused}");
        let (status, refused) = works.staff.post(&increase(&seller), json!({ "amount": 30, "reference": "utr5" })).await;
        assert_eq!((status, refused["code"].as_str()), (400, Some("duplicate_reference")), "{refused}");
        assert_eq!(works.credit(&seller).await, "30.0");
        assert_eq!(works.staff.post(&format!("{second}?again=true"), json!({})).await.0, 200);
        assert_eq!(works.credit(&seller).await, "60.0");
        adds_up(&works, &seller).await;
    }

    async fn credit_is_decreased_for_a_reason_and_an_increase_taken_back_once(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        let (_, first) = works.staff.post(&increase(&seller), json!({ "amount": 100, "reference": "UTR 1" })).await;
        works.give(&seller, "20").await;
        works.sell(&seller, "9876543210", "15").await;
        let decrease = format!("/api/sellers/{seller}/decrease_credit/");
        let (status, refused) = works.staff.post(&decrease, json!({ "amount": 5 })).await;
        assert_eq!((status, refused["errors"]["reason"][0]["code"].as_str()), (400, Some("required")), "{refused}");
        let (status, refused) = works.staff.post(&decrease, json!({ "amount": "105.01", "reason": "too much" })).await;
        assert_eq!((status, refused["code"].as_str(), refused["available"].to_string().as_str()), (400, Some("insufficient_credit"), "105.0"));
        let (status, taken) = works.staff.post(&decrease, json!({ "amount": 2.50, "reason": "a typo" })).await;
        assert_eq!((status, taken["status"].as_str(), taken["new_credit"].to_string().as_str()), (200, Some("credit decreased"), "102.5"), "{taken}");
        let reverse = format!("/api/credit-transactions/{}/reverse/", first["transaction_id"].as_str().unwrap());
        works.sell(&seller, "9876543210", "3").await;
        let (status, short) = works.staff.post(&reverse, json!({ "reason": "wrong seller" })).await;
        assert_eq!((status, short["code"].as_str(), short["available"].to_string().as_str()), (400, Some("insufficient_credit"), "99.5"));
        works.give(&seller, "1").await;
        let (status, back) = works.staff.post(&reverse, json!({ "reason": "wrong seller" })).await;
        assert_eq!((status, back["new_credit"].to_string().as_str()), (200, "0.5"), "{back}");
        let (status, again) = works.staff.post(&reverse, json!({ "reason": "wrong seller" })).await;
        assert_eq!((status, again["code"].as_str()), (409, Some("not_taken_back")), "{again}");
        let own = format!("/api/credit-transactions/{}/reverse/", back["transaction_id"].as_str().unwrap());
        assert_eq!(works.staff.post(&own, json!({ "reason": "x" })).await.1["code"], "not_taken_back", "a decrease is none");
        let right = works.seller(json!({ "name": "The right one" })).await;
        let (status, answer) = works.staff.post(&increase(&right), json!({ "amount": 100, "reference": "UTR 1" })).await;
        assert_eq!(status, 200, "what was taken back answers no payment any more: {answer}");

        let (_, listed) = works.staff.get(&format!("/api/credit-transactions/?seller_id={seller}")).await;
        let rows: Vec<(&str, String)> =
            listed.as_array().unwrap().iter().map(|row| (row["transaction_type"].as_str().unwrap(), row["amount"].to_string())).collect();
        let expected = [("DECREASE", "100.0"), ("INCREASE", "1.0"), ("DECREASE", "2.5"), ("INCREASE", "20.0"), ("INCREASE", "100.0")];
        assert_eq!(rows, expected.map(|(kind, amount)| (kind, amount.to_owned())));
        for row in listed.as_array().unwrap() {
            assert_eq!((&row["seller"], &row["timestamp"]), (&row["seller_id"], &row["created_at"]), "{row}");
            let (_, read) = works.staff.get(&format!("/api/credit-transactions/{}/", row["id"].as_str().unwrap())).await;
            assert_eq!(&read, row);
        }
        let shop = works.shop(&right).await;
        let foreign = format!("/api/credit-transactions/{}/", listed[0]["id"].as_str().unwrap());
        assert_eq!(shop.get(&foreign).await.0, 404, "another seller's");
        assert_eq!(shop.post(&decrease, json!({ "amount": 1, "reason": "x" })).await.0, 403);
        let (_, day) = works.staff.get(&format!("/api/sellers/{seller}/statement/")).await;
        let told = ["opening", "credit_in", "credit_out", "sold", "reversed", "closing"].map(|name| day[name].to_string());
        assert_eq!(told, ["0.0", "121.0", "102.5", "18.0", "0.0", "0.5"], "the day adds up: {day}");
        works.place.person("asha", "superuser", "").await;
        let page = works.place.signed_in("asha").await.page(&format!("/admin/charge/sellers/{seller}/")).await;
        let check = "₹121.00 given − ₹2.50 taken − ₹100.00 taken back = ₹0.50 left + ₹18.00 sold − ₹0.00 reversed";
        assert!(page.contains(check), "{page}");
        adds_up(&works, &seller).await;
        adds_up(&works, &right).await;
    }

    async fn transactions_are_narrowed_to_days_operators_and_references(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "100").await;
        let operator = json!({ "name": "North", "prefixes": "91987" });
        let operator = works.staff.post("/api/operators/", operator).await.1["id"].as_str().unwrap().to_owned();
        let product = json!({ "operator_id": operator, "name": "Any", "low": 1, "high": 1000, "cost": "97.00" });
        assert_eq!(works.staff.post("/api/products/", product).await.0, 201);
        let early = works.sell(&seller, "9198712345", "1").await;
        db.clock().advance(jiff::SignedDuration::from_hours(48));
        works.give(&seller, "7").await;
        let late = works.sell(&seller, "9876543210", "2").await;
        let ids = async |query: String| {
            let (status, listed) = works.staff.get(&format!("/api/charge-transactions/?{query}")).await;
            assert_eq!(status, 200, "{query} {listed}");
            listed.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for narrow in [String::new(), format!("seller_id={seller}&")] {
            assert_eq!(ids(format!("{narrow}operator={operator}")).await, std::slice::from_ref(&early));
            assert_eq!(ids(format!("{narrow}from=2026-01-06")).await, std::slice::from_ref(&late));
            assert_eq!(ids(format!("{narrow}to=2026-01-05")).await, std::slice::from_ref(&early));
            assert_eq!(ids(format!("{narrow}from=2026-01-05&to=2026-01-07")).await, [late.clone(), early.clone()]);
            assert_eq!(ids(format!("{narrow}from=2026-01-06T00:00:00Z&to=2026-01-06T01:00:00Z")).await, [""; 0]);
        }
        let (_, given) = works.staff.get("/api/credit-transactions/?from=2026-01-07&to=2026-01-07").await;
        assert_eq!((given.as_array().unwrap().len(), given[0]["amount"].to_string().as_str()), (1, "7.0"), "{given}");
        works.books_agree().await;
    }

    async fn what_is_too_much_for_one_person_alone_takes_two(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let most = Money::new(5_000, Currency::INR);
        let settings = Settings { max_increase_alone: Some(most), ..Settings::standard() };
        let ((now, id), credit) = (works.place.context.stamp(), works.place.context.stamp().1);
        let given = db.write(move |tx| {
            let new = NewSeller {
                id,
                name: "Corner Shop".to_owned(),
                email: None,
                phone: None,
                low_credit_alert: None,
                language: purser_outbox::Language::English,
            };
            seller_create(tx, now, &settings, &new)?;
            let amount = Money::new(5_001, Currency::INR);
            let order = CreditGrantRequest { id: credit, seller: id, amount, reference: None, again: false, actor: "user:1".to_owned() };
            assert_eq!(credit_increase(tx, now, &settings, &order).unwrap_err(), Error::NotAlone { most });
            credit_increase(tx, now, &settings, &CreditGrantRequest { amount: most, ..order })
        });
        assert_eq!(given.await.unwrap().amount, most);
        assert_eq!(Settings::standard().max_increase.to_string(), "1000000.00", "unless the settings say otherwise");
        works.books_agree().await;
    }
}
