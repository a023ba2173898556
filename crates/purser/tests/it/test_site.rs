//! The whole site in this process, under the test's clock: what happens after five minutes or three days happens now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use purser_charge::{CallingCode, Connector};
use purser_identity::{Email, Privileges};
use purser_identity::{HashCost, NewUser, Roles, SessionRules, Username, access_set, password_hash, user_create};
use purser_kit::console::Progress;
use purser_kit::{App, AppContext, RouteInfo};
use purser_money::{Currency, Money};
use purser_notify::NoticeCatalog;
use purser_outbox::{Worker, WorkerLimits, WorkerSetup};
use purser_store::params;
use purser_testkit::TestDb;
use purser_web::{AppSite, ClearListener, ConnectionLimits, FormRoute, SiteOptions};
use serde_json::Value;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::browser::{Browser, PASSWORD};

/// A site that is served until the test ends.
pub(crate) struct TestSite {
    pub(crate) db: TestDb,
    pub(crate) context: AppContext,
    pub(crate) base: String,
    /// How often a password was hashed.
    pub(crate) hashed: Arc<AtomicU64>,
    /// Every route of the API.
    pub(crate) table: Vec<RouteInfo>,
    /// Every form.
    pub(crate) doors: Vec<FormRoute>,
}

/// What a test may want otherwise.
pub(crate) struct TestSiteOptions {
    pub(crate) sign_up: bool,
    pub(crate) second_factor: bool,
}

/// Never twice the same, and the same in each run but for the order of requests.
fn random(bytes: &mut [u8]) {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut state = COUNT.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
    for byte in bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_be_bytes()[3];
    }
}

impl TestSite {
    /// As an operator has it who changed nothing.
    pub(crate) async fn open(db: &TestDb) -> Self {
        TestSite::with(db, TestSiteOptions { sign_up: true, second_factor: true }).await
    }

    /// Another copy of the program on the same database. Close its store before the test ends.
    pub(crate) async fn copy(db: &TestDb) -> Self {
        let context = crate::context_on(db, db.open_again());
        TestSite::on(db, context, TestSiteOptions { sign_up: true, second_factor: true }, |_, _| {}).await
    }

    pub(crate) async fn with(db: &TestDb, wish: TestSiteOptions) -> Self {
        let context = crate::context_with(db, db.store(), wish.second_factor);
        TestSite::on(db, context, wish, |_, _| {}).await
    }

    /// The same, with `shape` having its way with what apps show and how the site is run.
    pub(crate) async fn shaped(db: &TestDb, shape: impl FnOnce(&mut Vec<AppSite>, &mut SiteOptions)) -> Self {
        let context = crate::context_with(db, db.store(), false);
        TestSite::on(db, context, TestSiteOptions { sign_up: true, second_factor: false }, shape).await
    }

    /// All apps with their demo data, and staff who need a second factor. `shape` sees what the apps show.
    pub(crate) async fn furnished(db: &TestDb, shape: impl FnOnce(&mut Vec<AppSite>)) -> Self {
        let context = crate::context_with(db, db.store(), true);
        let members = || purser_members::app(&context, purser_members::Settings::standard());
        let charge = || purser_charge::app(&context, purser_charge::Settings::standard(), Connector::Instant);
        let coins = || purser_coins::app(&context, purser_coins::Settings::standard());
        for app in [charge(), members(), coins()] {
            (app.demo)().await.unwrap();
        }
        let members = face(members());
        let shape = |faces: &mut Vec<AppSite>, _: &mut SiteOptions| {
            faces.push(members);
            shape(faces);
        };
        TestSite::on(db, context.clone(), TestSiteOptions { sign_up: true, second_factor: true }, shape).await
    }

    async fn on(
        db: &TestDb,
        context: AppContext,
        wish: TestSiteOptions,
        shape: impl FnOnce(&mut Vec<AppSite>, &mut SiteOptions),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        TestSite::behind(db, context, wish, (listener, ConnectionLimits::new(1_000)), shape).await
    }

    /// The same behind a listener and limits of the test's own.
    pub(crate) async fn behind(
        db: &TestDb,
        context: AppContext,
        wish: TestSiteOptions,
        (listener, limits): (TcpListener, ConnectionLimits),
        shape: impl FnOnce(&mut Vec<AppSite>, &mut SiteOptions),
    ) -> Self {
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut options = SiteOptions {
            version: "0.0.0",
            app_url: None,
            base_url: "https://purser.example".to_owned(),
            sign_up: wish.sign_up,
            trusted_proxies: Vec::new(),
            hash_cost: HashCost::for_tests(),
            session_rules: SessionRules::default(),
            random,
            with_noop: false,
            parts: Vec::new(),
            channels: Vec::new(),
            texts: Arc::new(NoticeCatalog::new(purser_web::SYSTEM_NOTICES.to_vec(), "https://purser.example", "")),
            schedules: Vec::new(),
            backups: Arc::new(|| Ok(Vec::new())),
            backup_progress: Progress::default(),
            patience: Duration::from_secs(60),
        };
        let mut faces = faces(&context);
        shape(&mut faces, &mut options);
        let site = purser_web::site(&context, faces, options);
        let (hashed, table, doors) = (site.hashed, site.table, site.doors);
        tokio::spawn(purser_web::serve(ClearListener(listener), site.router, limits, std::future::pending()));
        TestSite { db: db.clone(), context, base, hashed, table, doors }
    }

    /// As an operator has it who serves by https. Cookies are what a browser behind the proxy would get.
    pub(crate) async fn by_https(db: &TestDb) -> Self {
        TestSite::on(db, crate::context_by_https(db), TestSiteOptions { sign_up: true, second_factor: true }, |_, _| {})
            .await
    }

    /// Does what the site's pages left to be done.
    pub(crate) async fn work(&self) {
        let setup = WorkerSetup {
            store: self.context.store.clone(),
            clock: self.context.clock.clone(),
            owner: self.context.process,
            outbox: self.context.outbox.clone(),
            handlers: purser_web::system_jobs(&self.context),
            schedules: Vec::new(),
            zone: self.context.zone.clone(),
            limits: WorkerLimits::default(),
        };
        Worker::new(setup).unwrap().run_due_once().await.unwrap();
    }

    /// Somebody whose password is [`PASSWORD`].
    pub(crate) async fn person(&self, name: &str, kind: &str, roles: &str) -> Uuid {
        let (now, id) = self.context.stamp();
        let new = NewUser {
            id,
            username: Username::parse(name).unwrap(),
            email: Email::parse(&format!("{name}@example.com")).unwrap(),
            first_name: String::new(),
            last_name: String::new(),
            is_staff: false,
            is_superuser: false,
            password: Some(password_hash(PASSWORD, [7; 16], HashCost::for_tests()).unwrap()),
            actor: "system:test".to_owned(),
        };
        let is_superuser = kind == "superuser";
        let is_staff = is_superuser || kind == "staff";
        let access = Privileges { is_staff, is_superuser, is_active: true, roles: Roles::parse(roles).unwrap() };
        let made = self.db.write(move |tx| {
            user_create(tx, now, &new)?;
            access_set(tx, now, id, &access)
        });
        made.await.unwrap();
        id
    }

    /// A browser in which somebody without a second factor is signed in.
    pub(crate) async fn signed_in(&self, name: &str) -> Browser {
        let mut browser = Browser::at(&self.base);
        browser.sign_in(name).await;
        browser
    }

    /// The kinds of the notices to somebody, and what each is filled with, oldest first.
    pub(crate) async fn mails(&self, to: &str) -> Vec<(String, Value)> {
        let to = to.to_owned();
        let sql = "SELECT kind, data FROM outbox_notice WHERE recipient = ?1 ORDER BY created_at, id";
        let read = self
            .db
            .read(move |tx| tx.query(sql, &params![&to], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?))));
        let rows: Result<_, purser_store::Error> = read.await;
        rows.unwrap().into_iter().map(|(kind, data)| (kind, serde_json::from_str(&data).unwrap())).collect()
    }

    /// The path of the link in the last mail of a kind to somebody.
    pub(crate) async fn link(&self, to: &str, kind: &str) -> String {
        let mails = self.mails(to).await;
        let (_, data) = mails.iter().rfind(|(known, _)| known == kind).unwrap_or_else(|| panic!("{kind}: {mails:?}"));
        let link = data["link"].as_str().unwrap();
        link.strip_prefix("https://purser.example").expect("links lead to the site's own address").to_owned()
    }
}

fn face(App { name, title, summary, scopes, codes, api, console, .. }: App) -> AppSite {
    AppSite { name, title, summary, scopes, codes, api, console }
}

pub(crate) fn faces(context: &AppContext) -> Vec<AppSite> {
    let limit = Money::parse("10000.00", Currency::INR).unwrap();
    let settings = purser_charge::Settings {
        currency: Currency::INR,
        max_sale: limit,
        max_increase: limit,
        max_increase_alone: None,
        country: CallingCode::parse("91").unwrap(),
        only_known: false,
    };
    vec![
        face(purser_charge::app(context, settings, Connector::Instant)),
        face(purser_coins::app(context, purser_coins::Settings::standard())),
    ]
}
