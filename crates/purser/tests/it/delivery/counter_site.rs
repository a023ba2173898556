//! The charge app in this process, before an operator of the test's own and under a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_charge::connector::http::{OperatorEndpoint, SharedSecret};
use purser_charge::{Connector, Settings};
use purser_identity::{NewApiKey, Scopes, api_key_create};
use purser_outbox::{Worker, WorkerLimits, WorkerSetup};
use purser_testkit::{FakeServer, TestDb};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::SECRET;

pub(super) struct Counter {
    pub(super) operator: FakeServer,
    db: TestDb,
    router: Router,
    worker: Worker,
    key: String,
    pub(super) seller: String,
}

impl Counter {
    /// A seller with a credit of 10.00, and an operator that knows nothing.
    pub(super) async fn open(db: &TestDb) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let operator = FakeServer::start().await;
        let secret = SharedSecret::new(SECRET).unwrap();
        let connector = OperatorEndpoint::new(&operator.url(""), secret, Duration::from_secs(20)).unwrap();
        let context = crate::context(db);
        let app = purser_charge::app(&context, Settings::standard(), Connector::Http(connector));
        let setup = WorkerSetup {
            store: db.store(),
            clock: Arc::new(db.clock().clone()),
            owner: db.ids().next(),
            outbox: context.outbox.clone(),
            handlers: app.jobs,
            schedules: app.schedules,
            zone: TimeZone::UTC,
            limits: WorkerLimits::default(),
        };
        let (router, _) = app.api.into_parts();
        let (router, worker) = (router.split_for_parts().0, Worker::new(setup).unwrap());
        let key = key(db).await;
        let mut counter = Counter { operator, db: db.clone(), router, worker, key, seller: String::new() };
        let (_, seller) = counter.post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        seller["id"].as_str().unwrap().clone_into(&mut counter.seller);
        let path = format!("/api/sellers/{}/increase_credit/", counter.seller);
        assert_eq!(counter.post(&path, json!({ "amount": 10 })).await.0, 200);
        // The schedule begins to count from its first look.
        counter.work().await;
        counter
    }

    fn now(&self) -> Timestamp {
        self.db.clock().now()
    }

    pub(super) fn wait(&self, seconds: i64) {
        self.db.clock().advance(SignedDuration::from_secs(seconds));
    }

    /// Lets the worker do all that is due.
    pub(super) async fn work(&mut self) -> usize {
        self.worker.run_due_once().await.unwrap()
    }

    /// A sale of 4.00 as a future of its own, so that a test can let it die.
    pub(super) fn sell(&self) -> impl Future<Output = (u16, Value)> + Send + use<> {
        let path = format!("/api/sellers/{}/sell_charge/", self.seller);
        self.send(&path, &json!({ "phone_number": "9876543210", "amount": "4.00" }), &[])
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(path, &body, &[]).await
    }

    /// What the operator says by itself.
    pub(super) async fn callback(&self, sale: &str, status: &str) -> (u16, Value) {
        let body = json!({ "reference": sale, "status": status, "operator_ref": "op-1" });
        let (timestamp, signature) = SharedSecret::new(SECRET).unwrap().sign(self.now(), body.to_string().as_bytes());
        let signed = [("X-Purser-Timestamp", timestamp), ("X-Purser-Signature", signature)];
        self.send("/api/charge-callbacks/http/", &body, &signed).await
    }

    fn send(
        &self,
        path: &str,
        body: &Value,
        more: &[(&'static str, String)],
    ) -> impl Future<Output = (u16, Value)> + Send + use<> {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json");
        let request = more.iter().fold(request, |request, (name, value)| request.header(*name, value));
        answered(self.router.clone(), request.body(Body::from(body.to_string())).unwrap())
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        let (status, answer) = answered(self.router.clone(), request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The newest sale's id and status.
    pub(super) async fn sale(&self) -> (String, String) {
        let sales = self.get(&format!("/api/sellers/{}/get_charge_sales/", self.seller)).await;
        let text = |name: &str| sales[0][name].as_str().unwrap().to_owned();
        (text("id"), text("status"))
    }

    /// The seller's credit, what of it is held, and what is available.
    pub(super) async fn credit(&self) -> [String; 3] {
        let credit = self.get(&format!("/api/sellers/{}/get_credit/", self.seller)).await;
        ["credit", "held", "available"].map(|name| credit[name].to_string())
    }

    /// Method and path of what the operator was asked, from the beginning.
    pub(super) fn asked(&self) -> Vec<(String, String)> {
        self.operator.requests().into_iter().map(|request| (request.method, request.target)).collect()
    }
}

async fn answered(router: Router, request: Request<Body>) -> (u16, Value) {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn key(db: &TestDb) -> String {
    let mut random = [7; 32];
    random[..16].copy_from_slice(db.ids().next().as_bytes());
    let secret = purser_identity::Secret::api_key(&random);
    let (hash, now) = (secret.hash(), db.clock().now());
    let scopes = Scopes::everything();
    let (id, created_by) = (db.ids().next(), "system:test".to_owned());
    let new = NewApiKey { id, label: "test".to_owned(), scopes, binding: None, expires_at: None, created_by };
    db.write(move |tx| api_key_create(tx, now, &new, hash)).await.unwrap();
    secret.expose().to_owned()
}
