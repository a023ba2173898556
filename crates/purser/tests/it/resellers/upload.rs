//! Files of sales: all of a file is sold, or nothing.

use purser_charge::{Connector, Settings};
use purser_kit::console::Progress;
use purser_testkit::{TestDb, both};
use serde_json::json;

use super::ResellerSite;
use crate::browser::hidden;

fn import(seller: &str, more: &str) -> String {
    format!("/api/sellers/{seller}/sales/import/{more}")
}

async fn send(caller: &crate::program::ApiClient, path: &str, file: &str) -> (u16, serde_json::Value) {
    caller.raw(path, "text/csv", file.as_bytes().to_vec()).await
}

both! {
    async fn a_good_file_is_sold_whole_and_only_once_for_its_references(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "100").await;
        let shop = works.shop(&seller).await;
        let file = "phone_number,amount,client_ref\n9876543210,50.00,a\n9876543211,30,b\n9876543210,20,\n";
        let (status, checked) = send(&shop, &import(&seller, "?dry_run=true"), file).await;
        assert_eq!((status, &checked["status"], &checked["good"], &checked["bad"]), (200, &json!("checked"), &json!(3), &json!(0)));
        assert_eq!(works.credit(&seller).await, "100.0", "a dry run sells nothing");
        let (status, sold) = send(&shop, &import(&seller, ""), file).await;
        assert_eq!((status, &sold["status"], sold["remaining_credit"].to_string().as_str()), (200, &json!("imported"), "0.0"), "{sold}");
        works.give(&seller, "100").await;
        let (status, again) = send(&shop, &import(&seller, ""), file).await;
        assert_eq!((status, again["code"].as_str()), (400, Some("invalid_rows")), "{again}");
        assert_eq!(again["rows"].as_array().unwrap().len(), 2, "both references were used: {again}");
        assert_eq!(works.credit(&seller).await, "100.0");
        works.books_agree().await;
    }

    async fn a_file_with_semicolons_tabs_or_a_line_that_names_them_is_sold_as_well(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "100").await;
        let shop = works.shop(&seller).await;
        for (number, between) in [";", "\t", ","].into_iter().enumerate() {
            for named in [String::new(), format!("sep={between}\r\n")] {
                // A spreadsheet's own guard before a number that begins with a plus.
                let row = ["'+919876543210", "5.00", &format!("''=r{number}{}", named.len())].join(between);
                let file = format!("\u{feff}{named}{}\r\n{row}\r\n", ["phone_number", "amount", "client_ref"].join(between));
                let (status, sold) = send(&shop, &import(&seller, ""), &file).await;
                assert_eq!((status, &sold["good"]), (200, &json!(1)), "{file:?}: {sold}");
                let (_, again) = send(&shop, &import(&seller, ""), &file).await;
                assert_eq!(again["code"], "invalid_rows", "its reference was used: {again}");
            }
        }
        assert_eq!(works.credit(&seller).await, "70.0");
        works.books_agree().await;
    }

    async fn one_bad_row_sells_nothing_and_every_mistake_is_told(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let (seller, other) = (works.seller(json!({ "name": "Corner Shop" })).await, works.seller(json!({ "name": "Other" })).await);
        works.give(&seller, "60").await;
        let (_, phone) = works.staff.post("/api/phone-numbers/", json!({ "number": "9876543299" })).await;
        let path = format!("/api/phone-numbers/{}/", phone["id"].as_str().unwrap());
        assert_eq!(works.staff.patch(&path, json!({ "status": "frozen" })).await.0, 200);
        let shop = works.shop(&seller).await;
        let file = format!("phone_number,amount,client_ref,seller_id\n9876543210,50,,\n9876543210,20,,\n9876543299,1,,\n12,NaN,,\n9876543210,1,,{other}\n9876543210,10,,\n");
        let (status, told) = send(&shop, &import(&seller, ""), &file).await;
        assert_eq!((status, told["code"].as_str()), (400, Some("invalid_rows")), "{told}");
        let rows: Vec<u64> = told["rows"].as_array().unwrap().iter().map(|row| row["row"].as_u64().unwrap()).collect();
        assert_eq!(rows, [3, 4, 5, 6], "what the rows above leave counts: {told}");
        assert!(told["rows"][0]["errors"][0].as_str().unwrap().contains("₹10.00"), "{told}");
        assert!(told["rows"][3]["errors"][0].as_str().unwrap().contains("no such seller"), "{told}");
        assert_eq!(works.credit(&seller).await, "60.0");
        assert_eq!(send(&shop, &import(&other, ""), "phone_number,amount\n9876543210,1\n").await.0, 404);
        for (file, code) in [("", "invalid_file"), ("a,b\n1,2\n", "invalid_file"), ("phone_number,amount\n", "invalid_file")] {
            let (status, told) = send(&shop, &import(&seller, ""), file).await;
            assert_eq!((status, told["code"].as_str()), (400, Some(code)), "{file:?} {told}");
        }
        assert_eq!(shop.raw(&import(&seller, ""), "application/json", b"{}".to_vec()).await.0, 415);
        assert_eq!(shop.raw(&import(&seller, ""), "text/csv", vec![b'1'; 2_200_000]).await.0, 413);
        assert_eq!(shop.raw(&import(&seller, ""), "text/csv", vec![0xff, 0xfe]).await.0, 400);
        works.books_agree().await;
    }

    async fn staff_upload_see_mend_and_sell_a_file(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "100").await;
        works.place.person("asha", "staff", "charge.operate charge.view").await;
        works.place.person("ravi", "staff", "charge.view").await;
        let (mut asha, ravi) = (works.place.signed_in("asha").await, works.place.signed_in("ravi").await);
        let base = "/admin/charge/import/sales/";
        assert_eq!(ravi.get(base).await.status, 403);
        let bad = "seller,phone_number,amount,client_ref\nCorner Shop,9876543210,10,\"=cmd|'x'!A1\"\nNobody,9876543210,1,\n";
        let sent = asha.upload(&format!("{base}check/"), "file", "f.csv", bad.as_bytes()).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        let page = asha.page(&sent.sent_to).await;
        assert!(page.contains("1 row is wrong") && page.contains("No seller is called &#39;Nobody&#39;"), "{page}");
        let refused = asha.post(&format!("{}commit/", sent.sent_to), &[]).await;
        assert_eq!(refused.status, 400);
        let report = asha.page(&format!("{}report.csv", sent.sent_to)).await;
        assert!(report.contains("Nobody,9876543210,1,,No seller is called 'Nobody'.") && !report.contains("\n="), "{report}");
        let good = bad.replace("Nobody", "Corner Shop");
        let sent = asha.upload(&format!("{base}check/"), "file", "f.csv", good.as_bytes()).await;
        let page = asha.page(&sent.sent_to).await;
        assert!(page.contains("₹11.00 will be sold in 2 sales from the credit of 1 seller."), "{page}");
        assert_eq!(works.credit(&seller).await, "100.0");
        let once = hidden(&page, "once");
        let commit = format!("{}commit/", sent.sent_to);
        for _ in 0..2 {
            assert!(asha.submit(&commit, &[("once", &once)]).await.contains("₹11.00 sold in 2 sales."));
        }
        assert_eq!(works.credit(&seller).await, "89.0");
        assert!(asha.page(&sent.sent_to).await.contains("2 sales of this file were made"));
        assert_eq!(asha.post(&commit, &[]).await.status, 409, "sold once");
        let changed = asha.upload(&format!("{base}check/"), "file", "f.csv", b"seller,phone_number,amount\nCorner Shop,9876543210,80\n").await;
        works.sell(&seller, "9876543210", "10").await;
        let refused = asha.post(&format!("{}commit/", changed.sent_to), &[]).await;
        assert!(refused.status == 400 && refused.text.contains("does not cover it"), "what changed in between counts");
        works.books_agree().await;
    }

    async fn a_file_with_an_operator_behind_it_is_delivered_by_the_workers(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "100").await;
        let app = purser_charge::app(&works.place.context, Settings::standard(), Connector::Simulator);
        let (now, seed) = works.place.context.stamp();
        let file = "seller,phone_number,amount\nCorner Shop,9876543210,10\nCorner Shop,9876543290,20\n";
        let working = std::sync::Arc::new(app);
        let done = db.write(move |tx| {
            let mut cx = purser_kit::console::RequestContext::new(now, "user:test".to_owned(), seed, seed);
            let import = &working.console.imports[0];
            let id = (import.check)(tx, &mut cx, file.as_bytes())?;
            (import.commit)(tx, &mut cx, id, &Progress::default())
        });
        assert!(done.await.unwrap().sentence.contains("2 sales"));
        assert_eq!(works.credit(&seller).await, "70.0", "held until the operator answers");
        let mut worker = super::worker(&db, &works.place, Connector::Simulator);
        worker.run_due_once().await.unwrap();
        let (_, sales) = works.staff.get(&format!("/api/sellers/{seller}/get_charge_sales/")).await;
        let mut states: Vec<&str> = sales.as_array().unwrap().iter().map(|sale| sale["status"].as_str().unwrap()).collect();
        states.sort_unstable();
        assert_eq!((states, works.credit(&seller).await.as_str()), (vec!["completed", "failed"], "90.0"));
        works.books_agree().await;
    }

    async fn the_same_sales_are_not_made_again_because_a_file_looks_different(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "1000").await;
        let shop = works.shop(&seller).await;
        let file = "phone_number,amount,client_ref\n9876543210,50,\n9876543211,30,\n9876543212,20,\n";
        assert_eq!(send(&shop, &import(&seller, ""), file).await.0, 200);
        let spelled = [
            "phone_number,amount,client_ref\n9876543210,50,\n9876543211,30,\n9876543212,20,\n",
            "phone_number,amount,client_ref\r\n9876543210,50,\r\n\r\n9876543211,30,\r\n9876543212,20,\r\n\r\n",
            "amount,phone_number\n20.00,+919876543212\n50.0,09876543210\n30,98765 43211\n",
            "\u{feff}AMOUNT,errors,phone_number\n30,,9876543211\n20,,9876543212\n50,,9876543210\n",
        ];
        for file in spelled {
            let (status, told) = send(&shop, &import(&seller, ""), file).await;
            assert_eq!((status, told["code"].as_str()), (409, Some("sold_before")), "{file:?} {told}");
            assert!(told["detail"].as_str().unwrap().contains("sold on 05 Jan 2026") && told["detail"].as_str().unwrap().contains("by key 'test'"), "{told}");
            assert_eq!(told["rows"].as_array().unwrap().len(), 3, "{told}");
            let (status, checked) = send(&shop, &import(&seller, "?dry_run=true"), file).await;
            assert_eq!((status, checked["good"].as_u64(), checked["warnings"].as_array().map(Vec::len)), (200, Some(3), Some(3)), "{checked}");
            assert!(checked["needs_again"].is_string(), "{checked}");
        }
        assert_eq!(works.credit(&seller).await, "900.0");
        for (file, rows) in [("phone_number,amount\n9876543210,50\n", 1), ("phone_number,amount\n9876543219,1\n9876543211,30\n9876543212,20\n", 2)] {
            let (status, told) = send(&shop, &import(&seller, ""), file).await;
            assert_eq!((status, told["code"].as_str(), told["rows"].as_array().unwrap().len()), (409, Some("sold_before"), rows), "{told}");
        }
        let (status, sold) = send(&shop, &import(&seller, "?again=true"), spelled[2]).await;
        assert_eq!((status, sold["status"].as_str()), (200, Some("imported")), "{sold}");
        assert_eq!(works.credit(&seller).await, "800.0");
        let other = works.seller(json!({ "name": "Other" })).await;
        works.give(&other, "100").await;
        assert_eq!(send(&works.staff, &import(&other, ""), file).await.0, 200, "another seller's sales are others");
        db.clock().advance(jiff::SignedDuration::from_hours(8 * 24));
        assert_eq!(send(&shop, &import(&seller, ""), "phone_number,amount\n9876543210,50\n").await.0, 200, "a row alone is forgotten after a week");
        assert_eq!(send(&shop, &import(&seller, ""), spelled[1]).await.0, 409, "a file as a whole is not");
        works.books_agree().await;
    }

    async fn equal_rows_of_a_file_are_pointed_out_and_take_a_second_yes(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "100").await;
        works.place.person("asha", "staff", "charge.operate charge.view").await;
        let mut asha = works.place.signed_in("asha").await;
        let file = "seller,phone_number,amount\nCorner Shop,9876543210,10\nCorner Shop,9876543211,5\nCorner Shop,+91 98765 43210,10.00\n";
        let (status, told) = send(&works.staff, &import(&seller, ""), file).await;
        assert_eq!((status, told["code"].as_str()), (409, Some("sold_before")), "{told}");
        assert_eq!(told["rows"], json!([
            { "row": 2, "errors": ["The row says the same as row 4."] }, { "row": 4, "errors": ["The row says the same as row 2."] },
        ]));
        let sent = asha.upload("/admin/charge/import/sales/check/", "file", "f.csv", file.as_bytes()).await;
        let page = asha.page(&sent.sent_to).await;
        assert!(page.contains("The row says the same as row 4.") && page.contains("name=\"again\""), "{page}");
        let (once, commit) = (hidden(&page, "once"), format!("{}commit/", sent.sent_to));
        let refused = asha.post(&commit, &[("once", &once)]).await;
        assert!(refused.status == 409 && refused.text.contains("2 rows are in the file more than once"), "{}", refused.text);
        assert_eq!(works.credit(&seller).await, "100.0");
        assert!(asha.submit(&commit, &[("once", &once), ("again", "yes")]).await.contains("₹25.00 sold in 3 sales."));
        assert_eq!(works.credit(&seller).await, "75.0");
        let sent = asha.upload("/admin/charge/import/sales/check/", "file", "g.csv", b"amount,phone_number,seller\n10,9876543210,Corner Shop\n10,9876543210,Corner Shop\n5,9876543211,Corner Shop\n").await;
        let page = asha.page(&sent.sent_to).await;
        assert!(page.contains("A file with these same sales was sold on 05 Jan 2026") && page.contains("by asha"), "{page}");
        works.books_agree().await;
    }

    async fn the_same_sales_without_their_client_refs_take_a_second_yes(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop" })).await;
        works.give(&seller, "1000").await;
        let shop = works.shop(&seller).await;
        assert_eq!(send(&shop, &import(&seller, ""), "phone_number,amount,client_ref\n9876543210,50,a\n9876543211,30,b\n").await.0, 200);
        let (status, told) = send(&shop, &import(&seller, ""), "phone_number,amount\n9876543210,50\n9876543211,30\n9876543212,1\n").await;
        assert_eq!((status, told["code"].as_str(), told["rows"].as_array().map(Vec::len)), (409, Some("sold_before"), Some(2)), "{told}");
        assert_eq!(send(&shop, &import(&seller, ""), "phone_number,amount,client_ref\n9876543210,50,c\n").await.0, 200, "another reference is another sale");
        assert_eq!(send(&shop, &import(&seller, ""), "phone_number,amount\n9876543213,5\n").await.0, 200);
        let (status, told) = send(&shop, &import(&seller, ""), "phone_number,amount,client_ref\n9876543213,5,d\n").await;
        assert_eq!((status, told["code"].as_str()), (409, Some("sold_before")), "{told}");
        assert_eq!(works.credit(&seller).await, "865.0");
        works.books_agree().await;
    }
}
