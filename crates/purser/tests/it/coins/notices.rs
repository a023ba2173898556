//! What users and the calling application hear: after the commit, in order, once for each change.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use purser_coins::service::{CloseReason, UserChange, coins_adjust, user_change};
use purser_coins::{MovementKind, Settings, UserId, WithdrawalStatus, coins};
use purser_identity::Email;
use purser_notify::EVENT_ID;
use purser_outbox::{Language, NoticeKind};
use purser_testkit::{FakeResponse, TestDb, both};

use super::{Bank, STAFF};
use crate::notices::office::Office;

fn kinds(bank: &Bank) -> Vec<&'static NoticeKind> {
    purser_coins::app(&bank.context, Settings::standard()).notices.to_vec()
}

/// Says where to write to somebody.
async fn written_to(bank: &Bank, user: &str, language: Language) {
    let user_id = UserId::parse(user).unwrap();
    let email = Email::parse(&format!("{user}@example.com")).unwrap();
    let change = UserChange { email: Some(Some(email)), language: Some(language) };
    bank.run(STAFF, move |tx, _, cx| user_change(tx, cx, &user_id, &change)).await.unwrap();
}

both! {
    async fn a_receiver_that_is_away_for_an_hour_hears_of_every_change_in_order_and_once(db: TestDb) {
        let quiet = Bank::open(&db);
        let mut office = Office::for_app(&db, &kinds(&quiet)).await;
        let bank = quiet.under(Settings { webhook: Some(office.web.url("/coins")), ..Settings::standard() });
        office.web.answer_otherwise(|_| FakeResponse::status(503));
        for (user, status) in [("asha", WithdrawalStatus::Reversed), ("bina", WithdrawalStatus::Cancelled), ("chetan", WithdrawalStatus::Failed)] {
            bank.standing(user, status).await;
            for _ in 0..20 {
                office.work().await;
                office.wait(SignedDuration::from_mins(1));
            }
        }
        let away = office.web.requests().len();
        office.web.answer_otherwise(|_| FakeResponse::status(200));
        for _ in 0..15 {
            office.work().await;
            office.wait(SignedDuration::from_mins(1));
        }
        assert_eq!(office.waiting().await, (0, 0));
        let mut heard: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
        let mut events = Vec::new();
        let mut awards = Vec::new();
        for request in &office.web.requests()[away..] {
            let said = request.json();
            let values = &said["values"];
            if said["event"] == "coins.transaction" {
                assert_eq!((&values["type"], &values["amount"], &values["balance_after"]), (&"award".into(), &1_000.into(), &1_000.into()));
                awards.push(values["user_id"].as_str().unwrap().to_owned());
                continue;
            }
            let change = (values["sequence"].as_u64().unwrap(), values["status"].as_str().unwrap().to_owned());
            heard.entry(values["user_id"].as_str().unwrap().to_owned()).or_default().push(change);
            events.push(request.header(EVENT_ID).unwrap().to_owned());
        }
        let told = |user: &str| heard[user].iter().map(|(place, status)| format!("{place} {status}")).collect::<Vec<_>>();
        assert_eq!(told("asha"), ["1 pending", "2 processing", "3 completed", "4 reversed"]);
        assert_eq!(told("bina"), ["1 pending", "2 cancelled"]);
        assert_eq!(told("chetan"), ["1 pending", "2 processing", "3 failed"]);
        events.sort();
        events.dedup();
        assert_eq!(events.len(), 9, "each event once");
        awards.sort();
        assert_eq!(awards, ["asha", "bina", "chetan"]);
    }

    async fn a_user_whose_address_is_known_is_written_to_at_every_change_in_their_language(db: TestDb) {
        let bank = Bank::open(&db);
        let mut office = Office::for_app(&db, &kinds(&bank)).await;
        written_to(&bank, "asha", Language::English).await;
        written_to(&bank, "bina", Language::Hindi).await;
        bank.standing("asha", WithdrawalStatus::Reversed).await;
        bank.standing("bina", WithdrawalStatus::Rejected).await;
        bank.standing("nobody", WithdrawalStatus::Rejected).await;
        office.work().await;
        let mut subjects: Vec<String> =
            office.smtp.mails().iter().filter(|mail| mail.to == ["asha@example.com"]).filter_map(|mail| mail.header("subject")).collect();
        subjects.sort();
        assert_eq!(subjects.len(), 4, "{subjects:?}");
        let all: Vec<String> = office.smtp.mails().iter().filter_map(|mail| mail.part("text/plain")).collect();
        assert_eq!(all.len(), 6);
        assert!(all.iter().any(|text| text.contains("We have paid ₹30.00") || text.contains("we have paid ₹30.00")), "{all:#?}");
        assert!(all.iter().any(|text| text.contains("सिक्के")), "{all:#?}");
    }

    async fn the_application_hears_of_awards_and_of_what_staff_adjust_and_not_of_what_it_did_itself(db: TestDb) {
        let quiet = Bank::open(&db);
        let mut office = Office::for_app(&db, &kinds(&quiet)).await;
        let bank = quiet.under(Settings { webhook: Some(office.web.url("/coins")), ..Settings::standard() });
        office.web.answer_otherwise(|_| FakeResponse::status(200));
        let owner = bank.user("asha", 500).await.id;
        bank.moved(MovementKind::Spend, "asha", 100, "shop 1").await.unwrap();
        bank.run(STAFF, move |tx, settings, cx| coins_adjust(tx, settings, cx, owner, coins(-50), "Counted twice")).await.unwrap();
        for _ in 0..4 {
            office.work().await;
        }
        let told: Vec<_> = office.web.requests().iter().map(|request| request.json()["values"].clone()).collect();
        let told: Vec<_> = told.iter().map(|one| (one["type"].as_str().unwrap(), one["amount"].as_i64().unwrap(), one["balance_after"].as_i64().unwrap(), one["reason"].as_str().unwrap())).collect();
        assert_eq!(told, [("award", 500, 500, "A quiz"), ("adjustment", -50, 350, "Counted twice")]);
    }

    async fn nothing_is_told_of_a_change_that_was_refused(db: TestDb) {
        let quiet = Bank::open(&db);
        let mut office = Office::for_app(&db, &kinds(&quiet)).await;
        let bank = quiet.under(Settings { webhook: Some(office.web.url("/coins")), ..Settings::standard() });
        office.web.answer_otherwise(|_| FakeResponse::status(200));
        bank.user("asha", 50).await;
        bank.ask("asha", 100, "asha@ybl").await.unwrap_err();
        let id = bank.standing("bina", WithdrawalStatus::Cancelled).await.id;
        bank.close(id, CloseReason::Reject).await.unwrap_err();
        bank.begin(id).await.unwrap_err();
        office.work().await;
        office.work().await;
        let told = office.web.requests().iter().map(|request| request.json()["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(told.iter().filter(|event| *event == "coins.withdrawal").count(), 2, "{told:?}");
        assert_eq!(told.len(), 4, "and the two awards: {told:?}");
    }
}
