//! What the charts of the first page show: every column, its words and its height.

use purser_testkit::{TestDb, both};
use serde_json::json;

use crate::browser::{Browser, person};
use crate::program::Installation;

/// A column as a reader of the page gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    label: String,
    told: String,
    height: i64,
}

/// The chart under this title: its columns, and what its axis says.
fn chart(page: &str, title: &str) -> (Vec<Column>, String) {
    let card = page.split(&format!("<h3>{title}</h3>")).nth(1).unwrap_or_else(|| panic!("no {title}: {page}"));
    let card = card.split("</li>").next().unwrap();
    let attribute = |rect: &str, name: &str| {
        rect.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let column = |rect: &str| {
        let title = rect.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        let (label, told) = title.split_once(": ").unwrap();
        Column { label: label.to_owned(), told: told.to_owned(), height: attribute(rect, "height").parse().unwrap() }
    };
    let columns = card.split("<rect").skip(1).map(column).collect();
    let axis = card.split("<p class=\"axis\">").nth(1).unwrap().split("</p>").next().unwrap();
    (columns, axis.replace("<span>", "").replace("</span>", "|"))
}

/// A column's height beside that of the highest, in percent.
fn share(columns: &[Column], column: &Column) -> i64 {
    column.height * 100 / columns.iter().map(|one| one.height).max().unwrap()
}

both! {
    async fn the_charts_of_coins_and_sales_show_what_was_paid_and_sold_on_each_day(db: TestDb) {
        let installation = Installation::new(&db)
            .with("PURSER_IDENTITY_SECOND_FACTOR", "false")
            .with("PURSER_CHARGE_CONNECTOR", "simulator");
        person(&installation, "boss", &["--superuser"]);
        let serving = installation.serve(&installation.key("*"));
        let (caller, staff) = (serving.caller(), serving.caller().with_key(&installation.key("coins.*")));
        let boss = Browser::signed_in(&serving, "boss").await;
        let (columns, _) = chart(&boss.page("/admin/").await, "Paid a day");
        assert_eq!(columns.len(), 14);
        assert!(columns.iter().all(|column| column.height == 0 && column.told == "₹0.00 in 0 withdrawals"), "{columns:?}");

        for (number, (user, amount)) in [("asha", 250), ("bina", 300), ("chetan", 450)].into_iter().enumerate() {
            let award = json!({ "user_id": user, "amount": 1_000, "reason": "A quiz", "reference": user });
            assert_eq!(caller.post("/api/coins/award/", award).await.0, 200);
            let ask = json!({ "user_id": user, "amount": amount, "upi_id": format!("{user}@ybl") });
            let (_, asked) = caller.post("/api/coins/withdrawals/", ask).await;
            let path = format!("/api/coins/withdrawals/{}/", asked["data"]["withdrawal_id"].as_str().unwrap());
            assert_eq!(staff.post(&format!("{path}process/"), json!({})).await.0, 200);
            let utr = json!({ "utr": format!("42881190000{number}") });
            assert_eq!(staff.post(&format!("{path}complete/"), utr).await.0, 200);
        }
        // Two of them were paid some days ago, one of these before the chart begins.
        let day = 86_400_000_000_i64;
        for (utr, days) in [("428811900000", 3), ("428811900002", 14)] {
            let sql = "UPDATE coins_withdrawal SET completed_at = completed_at - ?2 WHERE utr = ?1";
            let moved = db.write(move |tx| tx.execute(sql, &purser_store::params![utr, days * day])).await;
            assert_eq!(moved, Ok(1));
        }
        let (columns, axis) = chart(&boss.page("/admin/").await, "Paid a day");
        let told: Vec<&str> = columns.iter().rev().map(|column| column.told.as_str()).collect();
        assert_eq!((told[0], told[3]), ("₹30.00 in 1 withdrawal", "₹25.00 in 1 withdrawal"), "{columns:?}");
        assert!(told.iter().enumerate().all(|(back, told)| back == 0 || back == 3 || *told == "₹0.00 in 0 withdrawals"), "{told:?}");
        assert_eq!((share(&columns, &columns[13]), share(&columns, &columns[10]), share(&columns, &columns[9])), (100, 83, 0));
        assert_eq!(axis, format!("{}|highest ₹30.00 in 1 withdrawal|{}|", columns[0].label, columns[13].label));
        let mut labels: Vec<&str> = columns.iter().map(|column| column.label.as_str()).collect();
        labels.dedup();
        assert_eq!(labels.len(), 14, "{labels:?}");

        let (_, seller) = caller.post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        let seller = seller["id"].as_str().unwrap();
        caller.post(&format!("/api/sellers/{seller}/increase_credit/"), json!({ "amount": 100, "reference": "UTR 7" })).await;
        for (number, amount) in [("9876543210", 40), ("9876543211", 7)] {
            let sale = json!({ "phone_number": number, "amount": amount });
            let (status, sold) = caller.post(&format!("/api/sellers/{seller}/sell_charge/"), sale).await;
            assert!(status < 300, "{sold}");
        }
        let (columns, axis) = chart(&boss.page("/admin/").await, "Sales a day");
        let last = columns.last().unwrap();
        assert_eq!((last.told.as_str(), share(&columns, last)), ("₹47.00 in 2 sales", 100), "{columns:?}");
        assert!(columns.iter().rev().skip(1).all(|column| column.height == 0), "{columns:?}");
        assert!(axis.contains("highest ₹47.00 in 2 sales"), "{axis}");
    }
}
