//! What goes on around the counter, under the test's clock: what sellers are told, uploads, the portal, operators.

mod catalog;
mod notices;
mod operators;
mod portal;
mod references;
mod upgrade;
mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use jiff::tz::TimeZone;
use purser_charge::Connector;
use purser_identity::{NewApiKey, ResourceBinding, Scopes, Secret, api_key_create};
use purser_outbox::{Outbox, Worker, WorkerLimits, WorkerSetup};
use purser_testkit::TestDb;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::program::ApiClient;
use crate::test_site::{TestSite, TestSiteOptions};

/// The site, a worker that does what is due when it is told to, and staff with a key.
pub(super) struct ResellerSite {
    pub(super) place: TestSite,
    pub(super) worker: Worker,
    pub(super) staff: ApiClient,
}

impl ResellerSite {
    pub(super) async fn open(db: &TestDb) -> Self {
        let place = TestSite::with(db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let worker = worker(db, &place, Connector::Instant);
        let key = key(&place, "charge.*", None).await;
        let staff = ApiClient::at(&place.base, &key);
        ResellerSite { place, worker, staff }
    }

    /// A seller with these fields; its id.
    pub(super) async fn seller(&self, fields: Value) -> String {
        let (status, seller) = self.staff.post("/api/sellers/", fields).await;
        assert_eq!(status, 201, "{seller}");
        seller["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn give(&self, seller: &str, amount: &str) {
        let path = format!("/api/sellers/{seller}/increase_credit/");
        let (status, answer) = self.staff.post(&path, json!({ "amount": amount })).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Sells; the sale's id.
    pub(super) async fn sell(&self, seller: &str, number: &str, amount: &str) -> String {
        let path = format!("/api/sellers/{seller}/sell_charge/");
        let (status, answer) = self.staff.post(&path, json!({ "phone_number": number, "amount": amount })).await;
        assert_eq!(status, 200, "{answer}");
        answer["sale_id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn credit(&self, seller: &str) -> String {
        let (_, credit) = self.staff.get(&format!("/api/sellers/{seller}/get_credit/")).await;
        credit["available"].to_string()
    }

    /// A caller with a key that is tied to one seller.
    pub(super) async fn shop(&self, seller: &str) -> ApiClient {
        let binding = ResourceBinding { kind: purser_charge::SELLER_BINDING.to_owned(), id: seller.parse().unwrap() };
        self.staff.with_key(&key(&self.place, "charge.read charge.sell", Some(binding)).await)
    }

    /// The app's own equation.
    pub(super) async fn books_agree(&self) {
        let check = self.place.db.read(purser_charge::credit_check).await.unwrap();
        assert!(check.holds(), "{check:?}");
    }
}

/// Does what is due, when it is told to.
pub(super) fn worker(db: &TestDb, place: &TestSite, connector: Connector) -> Worker {
    let settings = purser_charge::Settings::standard();
    let app = purser_charge::app(&place.context, settings, connector);
    let setup = WorkerSetup {
        store: db.store(),
        clock: Arc::new(db.clock().clone()),
        owner: db.ids().next(),
        outbox: Outbox::default(),
        handlers: app.jobs,
        schedules: app.schedules,
        zone: TimeZone::UTC,
        limits: WorkerLimits::default(),
    };
    Worker::new(setup).unwrap()
}

pub(super) async fn key(place: &TestSite, scopes: &str, binding: Option<ResourceBinding>) -> String {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let secret = Secret::api_key(&[COUNT.fetch_add(1, Ordering::SeqCst); 32]);
    let ((now, id), hash): ((_, Uuid), _) = (place.context.stamp(), secret.hash());
    let scopes = Scopes::parse(scopes).unwrap();
    let new =
        NewApiKey { id, label: "test".to_owned(), scopes, binding, expires_at: None, created_by: "test".to_owned() };
    place.db.write(move |tx| api_key_create(tx, now, &new, hash)).await.unwrap();
    secret.expose().to_owned()
}
