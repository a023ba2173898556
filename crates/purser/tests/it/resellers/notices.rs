//! What sellers are told: low credit, and what a day came to.

use jiff::SignedDuration;
use purser_testkit::{TestDb, both};
use serde_json::json;

use super::ResellerSite;

const STATEMENT: &str = "charge.daily-statement";

both! {
    async fn a_seller_is_told_once_that_its_credit_is_low_until_it_was_at_its_alert_again(db: TestDb) {
        let mut works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner <Shop>", "email": "shop@example.com", "low_credit_alert": "50" })).await;
        let silent = works.seller(json!({ "name": "No Mail", "low_credit_alert": "50" })).await;
        works.give(&seller, "100").await;
        works.give(&silent, "10").await;
        works.worker.run_due_once().await.unwrap();
        let told = async |works: &mut ResellerSite| {
            db.clock().advance(SignedDuration::from_mins(5));
            works.worker.run_due_once().await.unwrap();
            works.place.mails("shop@example.com").await.into_iter().filter(|(kind, _)| kind == "charge.low-credit").collect::<Vec<_>>()
        };
        assert_eq!(told(&mut works).await, []);
        works.sell(&seller, "9876543210", "50").await;
        assert_eq!(told(&mut works).await, [], "at its alert is not below it");
        works.sell(&seller, "9876543210", "0.01").await;
        let first = told(&mut works).await;
        let values = json!({ "seller": "Corner <Shop>", "available": "₹49.99", "alert": "₹50.00" });
        assert_eq!(first, [("charge.low-credit".to_owned(), values)]);
        works.sell(&seller, "9876543210", "10").await;
        assert_eq!(told(&mut works).await.len(), 1, "once");
        works.give(&seller, "10.01").await;
        assert_eq!(told(&mut works).await.len(), 1);
        works.sell(&seller, "9876543210", "1").await;
        assert_eq!(told(&mut works).await.len(), 2, "it was at its alert again");
        let path = format!("/api/sellers/{silent}/");
        assert_eq!(works.staff.patch(&path, json!({ "email": "late@example.com" })).await.0, 200);
        told(&mut works).await;
        assert_eq!(works.place.mails("late@example.com").await.len(), 1, "told once it can be");
    }

    async fn a_day_is_told_in_totals_that_add_up_in_the_sellers_language_and_once(db: TestDb) {
        let mut works = ResellerSite::open(&db).await;
        let seller = works.seller(json!({ "name": "Corner Shop", "email": "shop@example.com", "language": "hi" })).await;
        works.seller(json!({ "name": "Quiet", "email": "quiet@example.com" })).await;
        works.worker.run_due_once().await.unwrap();
        works.give(&seller, "1000").await;
        db.clock().advance(SignedDuration::from_hours(24));
        works.give(&seller, "500").await;
        let sale = works.sell(&seller, "9876543210", "200").await;
        works.sell(&seller, "9876543211", "50.50").await;
        let path = format!("/api/charge-transactions/{sale}/reverse/");
        assert_eq!(works.staff.post(&path, json!({ "reason": "wrong number" })).await.0, 200);
        let (_, day) = works.staff.get(&format!("/api/sellers/{seller}/statement/?date=2026-01-06")).await;
        let totals = ["opening", "credit_in", "sold", "reversed", "closing", "sales"].map(|name| day[name].to_string());
        assert_eq!(totals, ["1000.0", "500.0", "250.5", "200.0", "1449.5", "2"]);
        let changes: Vec<String> = day["lines"].as_array().unwrap().iter().map(|line| format!("{} {} {}", line["kind"], line["change"], line["balance"])).collect();
        assert_eq!(changes, ["\"credit\" 500.0 1500.0", "\"sale\" -200.0 1300.0", "\"sale\" -50.5 1249.5", "\"reversal\" 200.0 1449.5"]);
        assert_eq!(day["lines"][1]["phone_number"], "+919876543210");
        db.clock().advance(SignedDuration::from_hours(24));
        works.sell(&seller, "9876543210", "1").await;
        let (_, again) = works.staff.get(&format!("/api/sellers/{seller}/statement/?date=2026-01-06")).await;
        assert_eq!(again, day, "what comes later changes no earlier day");
        works.worker.run_due_once().await.unwrap();
        works.worker.run_due_once().await.unwrap();
        let mails = works.place.mails("shop@example.com").await;
        let mails: Vec<_> = mails.iter().filter(|(kind, _)| kind == STATEMENT).map(|(_, values)| values).collect();
        assert_eq!(mails.len(), 2, "{mails:?}");
        let values = json!({
            "seller": "Corner Shop", "date": "06 Jan 2026", "opening": "₹1,000.00", "credit_in": "₹500.00", "credit_out": "",
            "sold": "₹250.50", "reversed": "₹200.00", "closing": "₹1,449.50", "sales": 2,
        });
        assert!(mails.contains(&&values), "{mails:?}");
        let languages = db.read(|tx| {
            let sql = "SELECT DISTINCT language FROM outbox_notice WHERE kind = ?1 AND recipient = 'shop@example.com'";
            tx.query(sql, &purser_store::params![STATEMENT], |row| row.get::<String>(0))
        });
        assert_eq!(languages.await.unwrap(), ["hi"], "in the seller's language");
        assert_eq!(works.place.mails("quiet@example.com").await, [], "a day on which nothing moved");
        works.books_agree().await;
    }

    async fn a_statement_is_for_its_seller_and_for_staff(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let (mine, other) = (works.seller(json!({ "name": "Mine" })).await, works.seller(json!({ "name": "Other" })).await);
        let shop = works.shop(&mine).await;
        assert_eq!(shop.get(&format!("/api/sellers/{mine}/statement/")).await.0, 200);
        assert_eq!(shop.get(&format!("/api/sellers/{other}/statement/")).await.0, 404);
        for date in ["2026-13-01", "yesterday", "2026-1-1", "20260101"] {
            let (status, answer) = shop.get(&format!("/api/sellers/{mine}/statement/?date={date}")).await;
            assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_query")), "{date} {answer}");
        }
        works.place.person("asha", "staff", "charge.view").await;
        works.place.person("ravi", "staff", "members.view").await;
        works.give(&mine, "25").await;
        let (asha, ravi) = (works.place.signed_in("asha").await, works.place.signed_in("ravi").await);
        let path = format!("/admin/charge/sellers/{mine}/statement/");
        assert_eq!(ravi.get(&path).await.status, 403);
        assert!(asha.page(&format!("/admin/charge/sellers/{mine}/")).await.contains(&path), "its page has the button");
        let page = asha.page(&format!("{path}?date=2026-01-05")).await;
        assert!(page.contains("₹25.00") && page.contains("05 Jan 2026"), "{page}");
        assert!(asha.page(&format!("{path}?date=2026-01-04")).await.contains("Nothing moved the credit"));
        assert_eq!(asha.get(&format!("{path}?date=nonsense")).await.status, 400);
        let csv = asha.page(&format!("{path}file.csv?date=2026-01-05")).await;
        assert!(csv.starts_with("When,What,Number,Client ref,Change,Credit after\r\n") && csv.contains(",25.00,25.00"), "{csv}");
        assert_eq!(asha.get("/admin/charge/sellers/0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f/statement/").await.status, 404);
    }
}
