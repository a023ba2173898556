//! Deliveries that were interrupted, answered late, or told twice.

use purser_testkit::{FakeResponse, ResponseRelease, TestDb, both};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::counter_site::Counter;

/// A process that hangs holds its delivery for less than this.
const LEASE_SECONDS: i64 = 91;

fn completed() -> FakeResponse {
    FakeResponse::json(200, &json!({ "status": "completed", "operator_ref": "op-1" }))
}

fn failed() -> FakeResponse {
    FakeResponse::json(200, &json!({ "status": "failed", "reason": "no such number" }))
}

fn text(parts: [&str; 3]) -> [String; 3] {
    parts.map(str::to_owned)
}

/// A sale whose process hangs while it waits for the operator, for longer than its lease. The operator was asked, or at
/// least on the way to be. What the process hears in the end, it hears when the second value is released.
async fn hung_selling(counter: &Counter) -> (String, ResponseRelease, JoinHandle<(u16, Value)>) {
    let (never, release) = FakeResponse::status(500).held();
    counter.operator.answer(never);
    let selling = tokio::spawn(counter.sell());
    counter.operator.request(0).await;
    let (sale, status) = counter.sale().await;
    assert_eq!((status.as_str(), counter.credit().await), ("submitted", text(["10.0", "4.0", "6.0"])));
    (sale, release, selling)
}

both! {
    async fn a_delivery_whose_process_hangs_before_the_operator_heard_of_it_is_made_by_another(db: TestDb) {
        let mut counter = Counter::open(&db).await;
        let (sale, release, selling) = hung_selling(&counter).await;
        let asked = counter.asked().len();
        assert_eq!(counter.work().await, 0, "the delivery still belongs to whoever began it");
        counter.operator.answer(FakeResponse::status(404));
        counter.operator.answer(completed());
        counter.wait(LEASE_SECONDS);
        counter.work().await;
        let path = format!("/charges/{sale}");
        let expected = [("GET".to_owned(), path), ("POST".to_owned(), "/charges".to_owned())];
        assert_eq!(counter.asked()[asked..], expected, "first what it knows, then to charge");
        assert_eq!(counter.operator.requests()[asked + 1].json()["reference"], sale.as_str(), "under the same name");
        assert_eq!((counter.sale().await.1.as_str(), counter.credit().await), ("completed", text(["6.0", "0.0", "6.0"])));
        counter.wait(600);
        counter.work().await;
        assert_eq!(counter.asked().len(), asked + 2, "and nobody asks again");
        release.release();
        selling.await.unwrap();
        assert_eq!(counter.credit().await, text(["6.0", "0.0", "6.0"]), "whoever wakes up late changes nothing");
    }

    async fn a_delivery_whose_process_hangs_after_the_operator_charged_is_not_made_twice(db: TestDb) {
        let mut counter = Counter::open(&db).await;
        let (_, release, selling) = hung_selling(&counter).await;
        counter.operator.answer(completed());
        counter.wait(LEASE_SECONDS);
        counter.work().await;
        let posts = counter.asked().iter().filter(|(method, _)| method == "POST").count();
        assert_eq!(posts, 1, "the operator was asked to charge once");
        release.release();
        selling.await.unwrap();
        assert_eq!((counter.sale().await.1.as_str(), counter.credit().await), ("completed", text(["6.0", "0.0", "6.0"])));
    }

    async fn what_an_operator_never_heard_of_is_refunded_after_ten_minutes_and_not_before(db: TestDb) {
        let mut counter = Counter::open(&db).await;
        counter.operator.answer(FakeResponse::status(502));
        assert_eq!(counter.sell().await.0, 202);
        for _ in 0..9 {
            counter.wait(60);
            counter.work().await;
        }
        counter.wait(59);
        counter.work().await;
        assert_eq!((counter.sale().await.1.as_str(), counter.credit().await), ("unknown", text(["10.0", "4.0", "6.0"])));
        assert!(counter.asked().len() > 8, "it was asked each minute: {:?}", counter.asked());
        counter.wait(61);
        counter.work().await;
        assert_eq!((counter.sale().await.1.as_str(), counter.credit().await), ("failed", text(["10.0", "0.0", "10.0"])));
    }

    async fn an_answer_that_comes_after_its_callback_changes_nothing(db: TestDb) {
        for (word, late, status, credit) in [
            ("completed", completed(), "completed", ["6.0", "0.0", "6.0"]),
            ("completed", failed(), "completed", ["6.0", "0.0", "6.0"]),
            ("failed", completed(), "failed", ["10.0", "0.0", "10.0"]),
        ] {
            let mut counter = Counter::open(&db).await;
            let (answer, release) = late.held();
            counter.operator.answer(answer);
            let selling = tokio::spawn(counter.sell());
            counter.operator.request(0).await;
            let (sale, _) = counter.sale().await;
            assert_eq!(counter.callback(&sale, word).await.0, 200);
            release.release();
            selling.await.unwrap();
            assert_eq!((counter.sale().await.1.as_str(), counter.credit().await), (status, text(credit)));
            counter.wait(LEASE_SECONDS);
            counter.work().await;
            assert_eq!((counter.sale().await.1.as_str(), counter.credit().await), (status, text(credit)));
        }
    }

    async fn a_callback_that_comes_twice_counts_once_and_one_that_contradicts_is_refused(db: TestDb) {
        let counter = Counter::open(&db).await;
        counter.operator.answer(FakeResponse::status(502));
        assert_eq!(counter.sell().await.0, 202);
        let (sale, _) = counter.sale().await;
        for _ in 0..2 {
            let (status, answer) = counter.callback(&sale, "completed").await;
            assert_eq!((status, answer["sale_status"].as_str()), (200, Some("completed")));
            assert_eq!(counter.credit().await, text(["6.0", "0.0", "6.0"]));
        }
        let (status, answer) = counter.callback(&sale, "failed").await;
        assert_eq!((status, answer["code"].as_str()), (409, Some("already_settled")));
        assert_eq!(counter.credit().await, text(["6.0", "0.0", "6.0"]));
    }
}
