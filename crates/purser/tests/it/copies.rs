//! Two copies of the program on one PostgreSQL: each knows what the other did.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_charge::connector::http::{OperatorEndpoint, SharedSecret};
use purser_charge::{Connector, Settings};
use purser_outbox::{Worker, WorkerLimits, WorkerSetup};
use purser_store::Engine;
use purser_testkit::{FakeResponse, FakeServer, TestDb};
use serde_json::json;

use crate::browser::{Browser, PASSWORD};
use crate::program::Installation;
use crate::test_site::TestSite;

const SECRET: &str = "a secret of sixteen or more";

fn on_postgres(body: impl AsyncFnOnce(TestDb)) {
    purser_testkit::run(Engine::Postgres, crate::migrations(), body, crate::after);
}

#[test]
fn limits_and_sessions_hold_across_copies() {
    on_postgres(async |db| {
        let (one, two) = (TestSite::open(&db).await, TestSite::copy(&db).await);
        one.person("asha", "person", "").await;
        let (mut here, mut there) = (Browser::at(&one.base), Browser::at(&two.base));
        let wrong = [("login", "asha"), ("password", "wrong wrong wrong")];
        let mut tried = Vec::new();
        for _ in 0..2 {
            tried.push(here.post("/accounts/login/", &wrong).await.status);
            tried.push(there.post("/accounts/login/", &wrong).await.status);
        }
        assert_eq!(tried, [401, 401, 401, 429], "three in five minutes, wherever they were tried");
        db.clock().advance(SignedDuration::from_mins(6));
        here.sign_in("asha").await;
        let same = Browser::at(&two.base).with_cookie(here.cookie());
        assert_eq!(same.get("/accounts/").await.status, 200, "signed in to one is signed in to both");
        let change = [("current", PASSWORD), ("password", "granite willow echo"), ("again", "granite willow echo")];
        assert_eq!(here.post("/accounts/password/", &change).await.status, 303);
        assert_eq!(same.get("/accounts/").await.status, 303, "and out of one is out of both");
        two.context.store.close();
    });
}

#[test]
fn what_a_killed_copy_was_doing_is_finished_by_another_and_not_done_twice() {
    on_postgres(async |db| {
        let operator = FakeServer::start().await;
        let installation = Installation::new(&db)
            .with("PURSER_CHARGE_CONNECTOR", "http")
            .with("PURSER_CHARGE_HTTP_URL", &operator.url(""))
            .with("PURSER_CHARGE_HTTP_SECRET", SECRET);
        let serving = installation.serve(&installation.key("charge.*"));
        let caller = serving.caller();
        let (_, seller) = caller.post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        let seller = seller["id"].as_str().unwrap().to_owned();
        caller.post(&format!("/api/sellers/{seller}/increase_credit/"), json!({ "amount": 10 })).await;
        let (never, _release) = FakeResponse::status(500).held();
        operator.answer(never);
        let path = format!("/api/sellers/{seller}/sell_charge/");
        let body = json!({ "phone_number": "9876543210", "amount": "4.00" });
        let selling = tokio::spawn({
            let caller = caller.clone();
            async move { caller.send(reqwest::Method::POST, &path, Some(body)).await }
        });
        operator.request(0).await;
        serving.kill();
        assert!(selling.await.unwrap().is_err(), "nobody heard how it ended");

        // The other copy looks when the lease of the first is over.
        db.clock().set(system_now() + SignedDuration::from_mins(2));
        operator.answer(FakeResponse::json(200, &json!({ "status": "completed", "operator_ref": "op-1" })));
        let (context, url) = (crate::context(&db), operator.url(""));
        let connector =
            OperatorEndpoint::new(&url, SharedSecret::new(SECRET).unwrap(), Duration::from_secs(20)).unwrap();
        let app = purser_charge::app(&context, Settings::standard(), Connector::Http(connector));
        let setup = WorkerSetup {
            store: db.store(),
            clock: Arc::new(db.clock().clone()),
            owner: db.ids().next(),
            outbox: context.outbox.clone(),
            handlers: app.jobs,
            schedules: Vec::new(),
            zone: TimeZone::UTC,
            limits: WorkerLimits::default(),
        };
        let mut worker = Worker::new(setup).unwrap();
        assert_eq!(worker.run_due_once().await.unwrap(), 1);
        let asked: Vec<String> = operator.requests().into_iter().map(|request| request.method).collect();
        assert_eq!(asked, ["POST", "GET"], "it is asked what it knows, and charges once");
        let serving = installation.serve(&installation.key("charge.*"));
        let (_, credit) = serving.caller().get(&format!("/api/sellers/{seller}/get_credit/")).await;
        assert_eq!((credit["credit"].to_string(), credit["held"].to_string()), ("6.0".to_owned(), "0.0".to_owned()));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sales_go_on_with_the_promoted_standby_in_ten_seconds_and_none_is_lost_or_made_twice() {
    let (primary, standby) = crate::store::failover::pair().await;
    let installation = Installation::at(&primary.url_with(&standby, "purser"));
    let key = installation.key("charge.*");
    let serving = installation.serve(&key);
    let caller = serving.caller();
    let (_, seller) = caller.post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
    let seller = seller["id"].as_str().unwrap().to_owned();
    caller.post(&format!("/api/sellers/{seller}/increase_credit/"), json!({ "amount": 1000 })).await;
    let path = format!("/api/sellers/{seller}/sell_charge/");
    let sale =
        |number: u32| json!({ "phone_number": "9876543210", "amount": "1.00", "client_ref": format!("sale-{number}") });
    for number in 0..10 {
        assert_eq!(caller.post(&path, sale(number)).await.0, 200);
    }
    let hung = Instant::now();
    let (one, two) = (Arc::clone(&primary), Arc::clone(&standby));
    tokio::task::spawn_blocking(move || {
        one.freeze();
        two.promote();
    })
    .await
    .unwrap();
    for number in 10..20 {
        // Told that the outcome is not known, or that nothing was done, a client sends the same again.
        loop {
            let (status, answer) = caller.post(&path, sale(number)).await;
            if status == 200 {
                break;
            }
            assert_eq!(status, 503, "{answer}");
            assert!(hung.elapsed() < Duration::from_secs(10), "{answer}");
        }
    }
    assert!(hung.elapsed() < Duration::from_secs(10), "nobody sold for {:?}", hung.elapsed());
    let (_, credit) = caller.get(&format!("/api/sellers/{seller}/get_credit/")).await;
    assert_eq!(credit["credit"].to_string(), "980.0", "{credit}");
    primary.thaw();
    assert_eq!(caller.post(&path, sale(20)).await.0, 200);
    serving.kill();
    let report = Installation::at(&standby.url("purser")).run(&["ledger", "verify", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!((&report["clean"], &report["entries"]), (&json!(true), &json!(22)), "{report}");
    // The command line knows the address too, and shows no password of it.
    let doctor = String::from_utf8(installation.run(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("ok     commit       PostgreSQL commits durably"), "{doctor}");
}

/// The killed copy lived by the machine's clock.
#[allow(clippy::disallowed_methods, reason = "the test meets a program that has the real time")]
pub(crate) fn system_now() -> Timestamp {
    Timestamp::now()
}
