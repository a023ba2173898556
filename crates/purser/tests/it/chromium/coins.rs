//! A payout day: what is asked for by an application is paid by staff, and the user reads it.

use purser_testkit::{Sqlite, TestDb, both};
use serde_json::json;

use super::keyboard::{ENTER, FOCUSED, TABULATOR, reach};
use super::tab::Tab;
use super::walks::sign_in;
use crate::browser::{PASSWORD, person};
use crate::coins_console::files::many;
use crate::program::{ApiClient, Installation};

const LIST: &str = "/admin/coins/withdrawals/";

/// Somebody with 1,000 coins who asks for 250 of them.
async fn asks(caller: &ApiClient, user_id: &str) -> String {
    let award = json!({ "user_id": user_id, "amount": 1_000, "reason": "Won", "reference": user_id });
    assert!(caller.post("/api/coins/award/", award).await.0 < 300);
    let body = json!({ "user_id": user_id, "amount": 250, "upi_id": format!("{user_id}@okhdfcbank") });
    let (status, answer) = caller.post("/api/razorpay/withdraw/", body).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"]["withdrawal_id"].as_str().unwrap().to_owned()
}

/// Chooses withdrawals of the list and does something to them.
async fn act(tab: &Tab, users: &[&str], action: &str) {
    tab.go(&format!("{LIST}?status=processing")).await;
    for user in users {
        tab.tick(&format!("Choose {user}")).await;
    }
    tab.choose("What to do", action).await;
    tab.press("Go on").await;
}

both! {
    async fn a_withdrawal_is_begun_from_the_inbox_paid_and_read_by_its_user(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_IDENTITY_SECOND_FACTOR", "false");
        person(&installation, "ravi", &["--superuser"]);
        let serving = installation.serve(&installation.key("coins.*"));
        let caller = serving.caller();
        asks(&caller, "asha").await;
        let tab = Tab::open(&serving.url("")).await;
        sign_in(&tab, "ravi", PASSWORD).await;
        tab.follow("Console").await;
        tab.sees("Waiting to be paid").await;
        tab.is_without_fault().await;
        tab.follow("Approvals").await;
        tab.sees("asha@okhdfcbank").await;
        tab.is_without_fault().await;
        tab.follow_first().await;
        tab.sees("new for this user").await;
        tab.is_without_fault().await;
        tab.follow("Start processing").await;
        tab.sees("₹25.00 will go to 1 person in 1 payment.").await;
        tab.is_without_fault().await;
        tab.press("Start processing").await;
        tab.sees("1 withdrawal begun").await;
        tab.is_without_fault().await;
        tab.follow("Payouts").await;
        tab.sees("₹25.00").await;
        tab.is_without_fault().await;
        tab.follow_first().await;
        tab.sees("Payout file").await;
        tab.is_without_fault().await;
        assert!(tab.download("Payout file").await.contains(",asha@okhdfcbank,25.00,INR,Coins "));
        tab.follow("₹25.00").await;
        tab.follow("Complete").await;
        tab.fill("UTR", "12").await;
        tab.press("Complete").await;
        tab.sees_a_refusal().await;
        tab.is_without_fault().await;
        tab.fill("UTR", "428811902377").await;
        tab.press("Complete").await;
        tab.sees("₹25.00 to asha@okhdfcbank are paid, by 428811902377.").await;
        let (_, history) = caller.get("/api/razorpay/withdraw/history/?user_id=asha").await;
        let one = &history["data"][0];
        assert_eq!((one["status"].as_str(), one["utr"].as_str()), (Some("completed"), Some("428811902377")), "{history}");
    }

    async fn payments_that_failed_give_the_coins_back_by_hand_and_by_file(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_IDENTITY_SECOND_FACTOR", "false");
        person(&installation, "ravi", &["--superuser"]);
        let serving = installation.serve(&installation.key("coins.*"));
        let caller = serving.caller();
        let mut ids = Vec::new();
        for user in ["asha", "bina", "chetan", "devika"] {
            ids.push(asks(&caller, user).await);
        }
        let tab = Tab::open(&serving.url("")).await;
        sign_in(&tab, "ravi", PASSWORD).await;
        tab.go(&format!("{LIST}?status=pending&all=1")).await;
        tab.is_without_fault().await;
        tab.choose("What to do", "Start processing").await;
        tab.press("Go on").await;
        tab.sees("₹100.00 will go to 4 people in 4 payments.").await;
        tab.press("Start processing").await;
        tab.sees("4 withdrawals begun").await;
        act(&tab, &["asha", "bina"], "Fail").await;
        tab.sees("₹50.00 will not be paid: 500 coins go back to 2 people.").await;
        tab.is_without_fault().await;
        tab.fill("Reason", " ").await;
        tab.press("Fail").await;
        tab.sees_a_refusal().await;
        tab.fill("Reason", "The UPI id is closed").await;
        tab.press("Fail").await;
        tab.sees("2 withdrawals failed. The coins are back.").await;
        tab.is_without_fault().await;

        let path = installation.data().join("results.csv");
        let (chetan, devika) = (&ids[2], &ids[3]);
        std::fs::write(&path, format!("withdrawal_id,status,utr,reason\n{chetan},paid,428811902377,\n{devika},failed,,\n")).unwrap();
        tab.follow("Payouts").await;
        tab.follow("Upload the bank's results").await;
        tab.sees("CSV file").await;
        tab.is_without_fault().await;
        tab.attach("CSV file", &path).await;
        tab.press("Check the file").await;
        tab.sees("reason is empty.").await;
        tab.is_without_fault().await;
        let report = tab.download("Download the rows with their errors").await;
        assert!(report.contains(devika) && !report.contains(chetan), "{report}");
        tab.press("Save the 1 good row").await;
        tab.sees("1 withdrawal completed, and 0 failed.").await;
        tab.is_without_fault().await;
        std::fs::write(&path, report.replace("failed,,,", "failed,,Closed,")).unwrap();
        tab.follow("Payouts").await;
        tab.follow("Upload the bank's results").await;
        tab.attach("CSV file", &path).await;
        tab.press("Check the file").await;
        tab.press("Save all 1 row").await;
        tab.sees("0 withdrawals completed, and 1 failed.").await;
        for (user, coins) in [("asha", 1_000), ("bina", 1_000), ("chetan", 750), ("devika", 1_000)] {
            let (_, told) = caller.get(&format!("/api/coins/balance/?user_id={user}")).await;
            assert_eq!(told["data"]["balance"], coins, "{user}");
        }
        for page in ["/admin/coins/users/", "/admin/coins/transactions/", "/admin/coins/handles/", LIST] {
            tab.go(page).await;
            tab.follow_first().await;
            tab.sees("Id").await;
            tab.is_without_fault().await;
        }
    }
}

#[test]
fn a_payout_day_of_500_is_run_without_leaving_the_keyboard() {
    purser_testkit::run(Sqlite, crate::migrations(), a_payout_day, crate::after);
}

async fn a_payout_day(db: TestDb) {
    many(&db, 500).await;
    let installation = Installation::new(&db).with("PURSER_IDENTITY_SECOND_FACTOR", "false");
    person(&installation, "ravi", &["--superuser"]);
    let serving = installation.serve("");
    let tab = Tab::open(&serving.url("")).await;
    sign_in(&tab, "ravi", PASSWORD).await;
    tab.go("/admin/").await;
    tab.sees("Waiting for a decision").await;
    tab.keys("gi").await;
    tab.sees("Everything in this section (500)").await;
    tab.keys(&format!("Ad{TABULATOR}{ENTER}")).await;
    tab.sees("₹5,000.00 will go to 500 people in 500 payments.").await;
    tab.keys("d").await;
    assert_eq!(tab.run(FOCUSED, json!([])).await, json!(["Start processing: all 500", true]));
    tab.keys(ENTER).await;
    tab.sees("500 withdrawals begun, ₹5,000.00 in all.").await;

    tab.go("/admin/coins/payouts/").await;
    tab.keys(&format!("j{ENTER}")).await;
    tab.sees("Payout of").await;
    let payments = tab.download("Payout file").await;
    let rows = payments.lines().skip(1).enumerate().map(|(number, line)| {
        let id = line.split(',').next().unwrap();
        format!("{id},paid,{}\n", 428_811_900_000_u64 + number as u64)
    });
    let answer = format!("withdrawal_id,status,utr\n{}", rows.collect::<String>());
    let path = installation.data().join("bank.csv");
    std::fs::write(&path, answer).unwrap();

    tab.go("/admin/coins/import/results/").await;
    reach(&tab, "CSV file").await;
    tab.attach("CSV file", &path).await;
    reach(&tab, "Check the file").await;
    tab.keys(ENTER).await;
    tab.sees("500 withdrawals will be completed").await;
    reach(&tab, "Save all 500 rows").await;
    tab.keys(ENTER).await;
    tab.sees("500 withdrawals completed, and 0 failed.").await;
    tab.go("/admin/inbox/").await;
    tab.sees("Nothing waits.").await;
}
