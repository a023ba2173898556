//! Operators who say two things: the second is kept, waits for staff, and is put right once by a posting.

use purser_charge::service::{
    CreditDecreaseRequest, CreditGrantRequest, NewSeller, SaleOrder, SaleOutcome, credit_decrease, credit_increase,
    sale_hear, sale_reserve, sale_settle, seller_create,
};
use purser_charge::{CallingCode, Error, PhoneNumber, Settings, WordSource, credit_check};
use purser_money::{Currency, Money};
use purser_outbox::Language;
use purser_testkit::{FakeResponse, TestDb, both};
use serde_json::json;
use uuid::Uuid;

use super::counter_site::Counter;
use crate::test_site::{TestSite, TestSiteOptions};

fn money(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

fn text(parts: [&str; 3]) -> [String; 3] {
    parts.map(str::to_owned)
}

/// A sale of 4.00 that was settled as `settled`, and then contradicted by a callback: its id, and the contradiction's.
async fn contradicted(counter: &Counter, settled: &str, said: &str) -> (String, String) {
    counter.operator.answer(FakeResponse::status(502));
    assert_eq!(counter.sell().await.0, 202);
    let (sale, _) = counter.sale().await;
    assert_eq!(counter.callback(&sale, settled).await.0, 200);
    for _ in 0..3 {
        let (status, answer) = counter.callback(&sale, said).await;
        assert_eq!((status, answer["code"].as_str()), (409, Some("already_settled")), "{answer}");
    }
    let kept = counter.get("/api/charge-contradictions/?status=open").await;
    assert_eq!(kept.as_array().unwrap().len(), 1, "the same word is kept once: {kept}");
    assert_eq!((kept[0]["sale_id"].as_str(), kept[0]["settled"].as_str()), (Some(sale.as_str()), Some(settled)));
    assert_eq!((kept[0]["said"].as_str(), kept[0]["source"].as_str()), (Some(said), Some("callback")));
    let id = kept[0]["id"].as_str().unwrap().to_owned();
    (sale, id)
}

fn settle(id: &str) -> String {
    format!("/api/charge-contradictions/{id}/settle/")
}

both! {
    async fn a_charge_that_was_made_after_all_is_paid_by_a_posting_once(db: TestDb) {
        let counter = Counter::open(&db).await;
        let (sale, id) = contradicted(&counter, "failed", "completed").await;
        assert_eq!(counter.credit().await, text(["10.0", "0.0", "10.0"]), "nothing moves before somebody decides");
        let (status, answer) = counter.post(&settle(&id), json!({ "decision": "charge" })).await;
        assert_eq!((status, answer["errors"]["reason"][0]["code"].as_str()), (400, Some("required")), "{answer}");
        let (status, answer) = counter.post(&settle(&id), json!({ "decision": "give_back", "reason": "x" })).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some("unfit_decision")), "{answer}");
        let body = json!({ "decision": "charge", "reason": "the operator's statement of May" });
        let (status, settled) = counter.post(&settle(&id), body.clone()).await;
        assert_eq!((status, settled["status"].as_str()), (200, Some("charged")), "{settled}");
        assert_eq!((counter.sale().await, counter.credit().await), ((sale.clone(), "completed".to_owned()), text(["6.0", "0.0", "6.0"])));
        let (status, answer) = counter.post(&settle(&id), body).await;
        assert_eq!((status, answer["code"].as_str()), (409, Some("already_decided")), "{answer}");
        assert_eq!(counter.callback(&sale, "completed").await.0, 200, "it agrees now");
        assert_eq!(counter.credit().await, text(["6.0", "0.0", "6.0"]));
        let audit = db.read(|tx| {
            let sql = "SELECT detail FROM identity_audit WHERE action = 'charge.contradictions.settle'";
            tx.query(sql, &[], |row| row.get::<String>(0))
        });
        let audit = audit.await.unwrap();
        assert!(audit.len() == 1 && audit[0].contains("the operator's statement of May"), "{audit:?}");
        assert!(db.read(credit_check).await.unwrap().holds());
    }

    async fn credit_for_a_charge_that_failed_after_all_is_given_back_by_a_reversal_once(db: TestDb) {
        let counter = Counter::open(&db).await;
        let (sale, id) = contradicted(&counter, "completed", "failed").await;
        assert_eq!(counter.credit().await, text(["6.0", "0.0", "6.0"]));
        let (status, answer) = counter.post(&settle(&id), json!({ "decision": "charge", "reason": "x" })).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some("unfit_decision")), "{answer}");
        let (status, settled) = counter.post(&settle(&id), json!({ "decision": "give_back", "reason": "not on the statement" })).await;
        assert_eq!((status, settled["status"].as_str()), (200, Some("given_back")), "{settled}");
        assert_eq!((counter.sale().await.1.as_str(), counter.credit().await), ("reversed", text(["10.0", "0.0", "10.0"])));
        assert_eq!(counter.callback(&sale, "failed").await.0, 200, "the seller has the credit: that is no contradiction");
        let again = counter.post(&settle(&id), json!({ "decision": "dismiss", "reason": "x" })).await;
        assert_eq!(again.0, 409, "{}", again.1);
        assert!(db.read(credit_check).await.unwrap().holds());
    }

    async fn a_word_that_is_wrong_is_dismissed_and_stays_on_record(db: TestDb) {
        let counter = Counter::open(&db).await;
        let (sale, id) = contradicted(&counter, "completed", "failed").await;
        let (status, settled) = counter.post(&settle(&id), json!({ "decision": "dismiss", "reason": "the operator takes it back" })).await;
        assert_eq!((status, settled["status"].as_str()), (200, Some("dismissed")), "{settled}");
        assert_eq!(counter.callback(&sale, "failed").await.0, 409);
        let kept = counter.get("/api/charge-contradictions/").await;
        assert_eq!((kept.as_array().unwrap().len(), kept[0]["status"].as_str()), (1, Some("dismissed")), "said again, and decided: {kept}");
        assert_eq!((counter.sale().await.1.as_str(), counter.credit().await), ("completed", text(["6.0", "0.0", "6.0"])));
    }

    async fn an_answer_to_the_delivery_that_contradicts_its_callback_is_kept_too(db: TestDb) {
        let mut counter = Counter::open(&db).await;
        let (late, release) = FakeResponse::json(200, &json!({ "status": "completed", "operator_ref": "op-9" })).held();
        counter.operator.answer(late);
        let selling = tokio::spawn(counter.sell());
        counter.operator.request(0).await;
        let (sale, _) = counter.sale().await;
        assert_eq!(counter.callback(&sale, "failed").await.0, 200);
        release.release();
        selling.await.unwrap();
        let kept = counter.get("/api/charge-contradictions/").await;
        assert_eq!((kept[0]["said"].as_str(), kept[0]["source"].as_str(), kept[0]["operator_ref"].as_str()), (Some("completed"), Some("answer"), Some("op-9")), "{kept}");
        counter.wait(200);
        counter.work().await;
        assert_eq!(counter.get("/api/charge-contradictions/").await.as_array().unwrap().len(), 1);
        assert_eq!(counter.credit().await, text(["10.0", "0.0", "10.0"]));
    }

    async fn a_contradiction_waits_in_the_inbox_with_both_sides_and_says_where_credit_is_short(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let now = place.context.now();
        let ids: Vec<Uuid> = (0..7).map(|_| place.context.stamp().1).collect();
        let made = ids.clone();
        let settings = Settings::standard();
        let set_up = db.write(move |tx| {
            let new = NewSeller { id: made[0], name: "Corner Shop".to_owned(), email: None, phone: None, low_credit_alert: None, language: Language::English };
            seller_create(tx, now, &settings, &new)?;
            let actor = "user:1".to_owned();
            let increase = CreditGrantRequest { id: made[1], seller: made[0], amount: money(1_000), reference: None, again: false, actor: actor.clone() };
            credit_increase(tx, now, &settings, &increase)?;
            let number = PhoneNumber::parse("9876543210", CallingCode::INDIA).unwrap();
            let order = SaleOrder {
                id: made[2], phone_id: made[3], now, seller: made[0], number, amount: money(400), client_ref: None, idempotency: None, actor: actor.clone(),
            };
            sale_reserve(tx, &settings, &order, purser_charge::connector::ConnectorName::Simulator)?;
            sale_settle(tx, now, &settings, made[2], &SaleOutcome::Failed { reason: "no such number".to_owned() })?;
            let heard = sale_hear(tx, now, &settings, made[2], &SaleOutcome::Completed { operator_ref: None }, WordSource::Query, made[4])?;
            assert!(heard.contradicts);
            let taken = CreditDecreaseRequest { id: made[5], seller: made[0], amount: money(700), reason: "x".to_owned(), reference: None, actor };
            credit_decrease(tx, now, &settings, &taken)?;
            Ok::<_, Error>(())
        });
        set_up.await.unwrap();
        for (name, roles) in [("asha", "charge.view charge.operate charge.approve"), ("ravi", "charge.view charge.operate")] {
            place.person(name, "staff", roles).await;
        }
        let mut asha = place.signed_in("asha").await;
        let inbox = asha.page("/admin/inbox/").await;
        assert!(inbox.contains("Contradictions") && inbox.contains("Corner Shop") && inbox.contains("failed") && inbox.contains("completed"), "{inbox}");
        let path = "/admin/charge/contradictions/do/";
        let id = ids[4].to_string();
        let fields = [("action", "charge"), ("id", id.as_str()), ("reason", "the operator's statement")];
        let page = asha.page(&format!("{path}?action=charge&id={id}")).await;
        assert!(page.contains("The available credit of 3.00 does not cover 4.00."), "{page}");
        let short = asha.post(path, &fields).await;
        assert!(short.status == 400 && short.text.contains("does not cover"), "{} {}", short.status, short.text);
        let mut ravi = place.signed_in("ravi").await;
        assert_eq!(ravi.post(path, &fields).await.status, 403, "it takes the right to approve");
        let (rules, seller, credit) = (Settings::standard(), ids[0], ids[6]);
        let more = db.write(move |tx| {
            let order = CreditGrantRequest { id: credit, seller, amount: money(100), reference: None, again: false, actor: "user:1".to_owned() };
            credit_increase(tx, now, &rules, &order)
        });
        more.await.unwrap();
        assert!(asha.submit(path, &fields).await.contains("The contradiction is charged now."));
        assert!(asha.page("/admin/inbox/").await.contains("Nothing waits."));
        let page = asha.page(&format!("/admin/charge/contradictions/{id}/")).await;
        assert!(page.contains("charged") && page.contains("the operator&#39;s statement"), "{page}");
        assert!(db.read(credit_check).await.unwrap().holds());
    }

    async fn an_operator_that_changes_its_word_again_is_heard_each_time(db: TestDb) {
        let counter = Counter::open(&db).await;
        let (sale, first) = contradicted(&counter, "completed", "failed").await;
        let open = async || counter.get("/api/charge-contradictions/?status=open").await;
        assert_eq!(counter.post(&settle(&first), json!({ "decision": "give_back", "reason": "not charged" })).await.0, 200);
        for _ in 0..2 {
            let (status, answer) = counter.callback(&sale, "completed").await;
            assert_eq!((status, answer["code"].as_str()), (409, Some("already_settled")), "{answer}");
        }
        let kept = open().await;
        assert_eq!(kept.as_array().unwrap().len(), 1, "{kept}");
        assert_eq!((kept[0]["settled"].as_str(), kept[0]["said"].as_str()), (Some("reversed"), Some("completed")), "{kept}");
        let second = kept[0]["id"].as_str().unwrap().to_owned();
        let less = format!("/api/sellers/{}/decrease_credit/", counter.seller);
        assert_eq!(counter.post(&less, json!({ "amount": 7, "reason": "x" })).await.0, 200);
        let body = json!({ "decision": "charge", "reason": "the operator's statement" });
        let (status, answer) = counter.post(&settle(&second), body.clone()).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some("insufficient_credit")), "{answer}");
        let more = format!("/api/sellers/{}/increase_credit/", counter.seller);
        assert_eq!(counter.post(&more, json!({ "amount": 7 })).await.0, 200);
        assert_eq!(counter.post(&settle(&second), body).await.1["status"], "charged");
        assert_eq!((counter.sale().await.1.as_str(), counter.credit().await), ("completed", text(["6.0", "0.0", "6.0"])));
        assert_eq!(counter.callback(&sale, "failed").await.0, 409, "it says once more what it said first");
        let kept = open().await;
        assert_eq!((kept.as_array().unwrap().len(), kept[0]["said"].as_str()), (1, Some("failed")), "{kept}");
        let third = kept[0]["id"].as_str().unwrap();
        assert_eq!(counter.post(&settle(third), json!({ "decision": "give_back", "reason": "y" })).await.1["status"], "given_back");
        assert_eq!(counter.credit().await, text(["10.0", "0.0", "10.0"]));
        assert_eq!(counter.callback(&sale, "completed").await.0, 409);
        let fourth = open().await[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(counter.post(&settle(&fourth), json!({ "decision": "dismiss", "reason": "z" })).await.1["status"], "dismissed");
        let (status, answer) = counter.callback(&sale, "completed").await;
        assert!(status == 409 && answer["detail"].as_str().unwrap().contains("it is dismissed"), "{answer}");
        assert_eq!(open().await, json!([]), "a dismissed word that is repeated is kept once");
        assert!(db.read(credit_check).await.unwrap().holds());
    }

    async fn a_charge_that_failed_was_charged_and_failed_again_is_kept_each_time(db: TestDb) {
        let counter = Counter::open(&db).await;
        let (sale, first) = contradicted(&counter, "failed", "completed").await;
        assert_eq!(counter.post(&settle(&first), json!({ "decision": "charge", "reason": "x" })).await.0, 200);
        assert_eq!(counter.callback(&sale, "failed").await.0, 409);
        let kept = counter.get("/api/charge-contradictions/?status=open").await;
        assert_eq!((kept.as_array().unwrap().len(), kept[0]["said"].as_str()), (1, Some("failed")), "{kept}");
        assert_eq!(counter.callback(&sale, "completed").await.0, 200, "it agrees with the sale");
        let kept = counter.get("/api/charge-contradictions/?status=open").await;
        assert!(kept[0]["withdrawn_at"].is_string(), "staff see that it took its word back: {kept}");
        assert_eq!(counter.callback(&sale, "failed").await.0, 409);
        let kept = counter.get("/api/charge-contradictions/?status=open").await;
        assert!(kept.as_array().unwrap().len() == 1 && kept[0]["withdrawn_at"].is_null(), "{kept}");
        let second = kept[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(counter.post(&settle(&second), json!({ "decision": "give_back", "reason": "y" })).await.0, 200);
        assert_eq!(counter.callback(&sale, "completed").await.0, 409, "the same word as before, and a change all the same");
        assert_eq!(counter.get("/api/charge-contradictions/").await.as_array().unwrap().len(), 3);
        assert!(db.read(credit_check).await.unwrap().holds());
    }

    async fn a_sale_that_staff_reversed_of_their_own_accord_is_not_contradicted_by_the_same_word(db: TestDb) {
        let counter = Counter::open(&db).await;
        counter.operator.answer(FakeResponse::json(200, &json!({ "status": "completed" })));
        assert_eq!(counter.sell().await.0, 200);
        let (sale, _) = counter.sale().await;
        let path = format!("/api/charge-transactions/{sale}/reverse/");
        assert_eq!(counter.post(&path, json!({ "reason": "a favor" })).await.0, 200);
        assert_eq!(counter.callback(&sale, "completed").await.0, 200, "it says what it always said");
        assert_eq!(counter.get("/api/charge-contradictions/").await, json!([]));
        assert_eq!(counter.credit().await, text(["10.0", "0.0", "10.0"]));
        assert!(db.read(credit_check).await.unwrap().holds());
    }
}
