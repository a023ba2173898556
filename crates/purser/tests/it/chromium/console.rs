//! An operator's day: what waits for a decision, and what went wrong.

use jiff::SignedDuration;
use purser_outbox::{Job, job_dead_letter, job_enqueue, jobs_claim};
use purser_testkit::{TestDb, both};
use reqwest::header::COOKIE;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::tab::Tab;
use super::walks::{code, phone, sign_in};
use crate::browser::{Browser, PASSWORD, person};
use crate::program::{Installation, client};
use crate::test_site::TestSite;

/// Something that could not be done.
#[derive(Serialize, Deserialize)]
struct FailureLetter {}

impl Job for FailureLetter {
    const KIND: &'static str = "test.letter";
}

both! {
    async fn a_sale_is_made_and_a_stuck_one_is_resolved_in_the_inbox(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_CHARGE_CONNECTOR", "simulator");
        person(&installation, "asha", &["--superuser"]);
        let serving = installation.serve(&installation.key("charge.*"));
        let tab = Tab::open(&serving.url("")).await;
        sign_in(&tab, "asha", PASSWORD).await;
        tab.follow("Console").await;
        tab.follow("Sellers").await;
        tab.sees("There is no seller yet.").await;
        tab.follow("New seller").await;
        tab.press("New seller").await;
        tab.sees_a_refusal().await;
        tab.is_without_fault().await;
        tab.fill("Name", "Corner Shop").await;
        tab.press("New seller").await;
        tab.follow("Open the seller").await;
        tab.follow("Increase credit").await;
        tab.sees("This needs a second factor").await;
        tab.is_without_fault().await;
        tab.follow("Set one up").await;
        let seed = phone(&tab).await;
        tab.fill("Code", &code(&tab, &seed, 0).await).await;
        tab.fill("Password", PASSWORD).await;
        tab.press("Turn it on").await;
        tab.follow("I have kept them").await;
        tab.fill("Amount", "10.005").await;
        tab.press("Increase credit").await;
        tab.sees("two decimals").await;
        tab.fill("Amount", "500").await;
        tab.press("Increase credit").await;
        tab.sees("The credit is ₹500.00 now.").await;
        tab.is_without_fault().await;
        tab.follow("Open the seller").await;

        let caller = serving.caller();
        let path = format!("/api/sellers/{}/sell_charge/", tab.path().await.split('/').nth(4).unwrap());
        let (status, _) = caller.post(&path, json!({ "phone_number": "9876543210", "amount": 100 })).await;
        assert_eq!(status, 200);
        // The simulator says nothing about a number that ends in 93.
        let (status, _) = caller.post(&path, json!({ "phone_number": "9876543293", "amount": 4 })).await;
        assert_eq!(status, 202);
        tab.follow("Approvals").await;
        tab.sees("₹4.00").await;
        tab.follow_first().await;
        tab.follow("Resolve").await;
        tab.sees("₹4.00 for +919876543293 is held.").await;
        tab.choose("What happened", "The number was not charged").await;
        tab.fill("Reason", "The operator's statement").await;
        tab.press("Resolve").await;
        tab.sees("The sale is failed now.").await;
        tab.follow("Approvals").await;
        tab.sees("Nothing waits.").await;
    }

    async fn a_credit_request_is_approved_by_somebody_other_than_who_asked(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_IDENTITY_SECOND_FACTOR", "false");
        for name in ["asha", "ravi"] {
            person(&installation, name, &["--superuser"]);
        }
        let serving = installation.serve(&installation.key("charge.*"));
        let (_, seller) = serving.caller().post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        let ravi = Browser::signed_in(&serving, "ravi").await;
        let path = format!("/api/sellers/{}/credit-requests/", seller["id"].as_str().unwrap());
        let asked = client().post(serving.url(&path)).header(COOKIE, ravi.cookie().unwrap());
        let asked = asked.json(&json!({ "amount": "250.00", "note": "NEFT 1" })).send().await.unwrap();
        assert_eq!(asked.status(), 201);
        for name in ["ravi", "asha"] {
            let tab = Tab::open(&serving.url("")).await;
            sign_in(&tab, name, PASSWORD).await;
            tab.go("/admin/charge/requests/?status=pending").await;
            tab.tick("Choose Corner Shop").await;
            tab.choose("What to do", "Approve").await;
            tab.press("Go on").await;
            if name == "ravi" {
                tab.sees("You asked for this credit yourself").await;
            } else {
                tab.sees("₹250.00 in 1 request will be given at once.").await;
                tab.press("Approve").await;
                tab.sees("1 request approved").await;
            }
            tab.is_without_fault().await;
        }
    }

    async fn a_dead_letter_is_requeued(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "superuser", "").await;
        let (now, id, owner) = (db.clock().now(), db.ids().next(), db.ids().next());
        let died: Result<(), purser_outbox::Error> = db.write(move |tx| {
            job_enqueue(tx, now, id, &FailureLetter {})?;
            let claimed = jobs_claim(tx, now, owner, &[FailureLetter::KIND], 1, SignedDuration::from_mins(1))?;
            job_dead_letter(tx, now, &claimed[0].lease, "the post office is closed")
        }).await;
        died.unwrap();
        let tab = Tab::open(&place.base).await;
        sign_in(&tab, "asha", PASSWORD).await;
        tab.follow("Console").await;
        tab.follow("Dead letters").await;
        tab.sees("test.letter").await;
        tab.is_without_fault().await;
        tab.follow_first().await;
        tab.sees("the post office is closed").await;
        tab.is_without_fault().await;
        tab.follow("Requeue").await;
        tab.sees("One job is tried again from the beginning.").await;
        tab.is_without_fault().await;
        tab.press("Requeue").await;
        tab.sees("1: tried again from the beginning").await;
        tab.follow("Dead letters").await;
        tab.sees("There is no dead letter yet.").await;
        tab.follow("Jobs").await;
        tab.sees("test.letter").await;
        tab.is_without_fault().await;
    }
}
