//! A post office in this process, before a mail server and a web server of the test's own, under the test's clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use purser_notify::{
    GoogleSheets, MailSettings, Mailer, NoticeCatalog, NoticeDelivery, NoticeDeliverySetup, OPERATOR_NOTICES, Telegram,
    Webhook,
};
use purser_outbox::{
    JobHandler, NewNotice, Notice, NoticeKind, Outbox, Worker, WorkerLimits, WorkerSetup, backlog, notice_enqueue,
    notice_enqueue_in_order, notice_get,
};
use purser_testkit::{FakeServer, FakeSmtp, ResponseRelease, TestDb};
use serde_json::json;
use uuid::Uuid;

use super::order::WITHDRAWAL;
use super::{LOW, RESET};

pub(super) const SECRET: &str = "a secret that both know";

/// A key that opens nothing: made for these tests.
pub(super) const ACCOUNT_KEY: &str = include_str!("service-account.pem");

pub(crate) struct Office {
    pub(crate) smtp: FakeSmtp,
    pub(crate) web: Arc<FakeServer>,
    db: TestDb,
    worker: Worker,
    webhooks: Worker,
    bulk: Worker,
}

impl Office {
    /// With no way to anybody.
    pub(super) async fn without_channels(db: &TestDb) -> Self {
        Office::open(db, |_| MailSettings::default(), false).await
    }

    /// With a mail server.
    pub(super) async fn with_mail(db: &TestDb) -> Self {
        Office::open(db, settings, false).await
    }

    /// With a mail server, reached as `settings` says.
    pub(super) async fn with_settings(db: &TestDb, settings: impl FnOnce(&FakeSmtp) -> MailSettings) -> Self {
        Office::open(db, settings, false).await
    }

    /// With this mail server, reached as `settings` says.
    pub(super) async fn with_server(db: &TestDb, smtp: FakeSmtp, settings: MailSettings) -> Self {
        let mut office = Office::open(db, |_| settings, false).await;
        office.smtp = smtp;
        office
    }

    /// With a mail server, a Bot API and programs to be called.
    pub(super) async fn with_all(db: &TestDb) -> Self {
        Office::open(db, settings, true).await
    }

    /// The same for what an app tells.
    pub(crate) async fn for_app(db: &TestDb, kinds: &[&'static NoticeKind]) -> Self {
        Office::of(db, settings, true, kinds).await
    }

    async fn open(db: &TestDb, settings: impl FnOnce(&FakeSmtp) -> MailSettings, web_too: bool) -> Self {
        let kinds = [&[&RESET, &LOW, &WITHDRAWAL], OPERATOR_NOTICES].concat();
        Office::of(db, settings, web_too, &kinds).await
    }

    async fn of(
        db: &TestDb,
        settings: impl FnOnce(&FakeSmtp) -> MailSettings,
        web_too: bool,
        kinds: &[&'static NoticeKind],
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (smtp, web) = (FakeSmtp::start().await, Arc::new(FakeServer::start().await));
        let account = json!({
            "type": "service_account",
            "client_email": "purser@project.example",
            "private_key": ACCOUNT_KEY,
            "token_uri": web.url("/token"),
        });
        let account = account.to_string();
        let bot = if web_too { "7:token" } else { "" };
        let post = NoticeDelivery::new(NoticeDeliverySetup {
            store: db.store(),
            clock: Arc::new(db.clock().clone()),
            texts: Arc::new(NoticeCatalog::new(kinds.to_vec(), "https://purser.example", "help@purser.example")),
            mail: Mailer::new(&settings(&smtp)).unwrap(),
            telegram: Telegram::new(bot, &web.url("")).unwrap(),
            webhook: Webhook::new(if web_too { SECRET } else { "" }, true).unwrap(),
            sheets: GoogleSheets::new(if web_too { &account } else { "" }, &web.url("/sheets/")).unwrap(),
        });
        let (bulk, webhooks) = (worker(db, post.bulk_handler()), worker(db, post.webhook_handler()));
        Office { smtp, web, db: db.clone(), worker: worker(db, post.handler()), webhooks, bulk }
    }

    /// Lets the workers do all that is due: how many attempts that took.
    pub(crate) async fn work(&mut self) -> usize {
        self.worker.run_due_once().await.unwrap() + self.webhooks.run_due_once().await.unwrap()
    }

    /// Lets both work at once, where the answer to a call is released when all mail is sent: how many calls and mails
    /// that were.
    pub(super) async fn mail_while_calling(&mut self, release: ResponseRelease) -> (usize, usize) {
        let (worker, web) = (&mut self.worker, &self.web);
        let mailing = async {
            web.request(0).await;
            let mails = worker.run_due_once().await.unwrap();
            release.release();
            mails
        };
        let (calls, mails) = tokio::join!(self.webhooks.run_due_once(), mailing);
        (calls.unwrap(), mails)
    }

    /// The same for what goes to many.
    pub(super) async fn work_bulk(&mut self) -> usize {
        self.bulk.run_due_once().await.unwrap()
    }

    /// Moves the clock on.
    pub(crate) fn wait(&self, time: SignedDuration) {
        self.db.clock().advance(time);
    }

    /// Enqueues a notice.
    pub(super) async fn tell(&self, notice: NewNotice<'_>) -> Uuid {
        let (now, id, to) = (self.db.clock().now(), self.db.ids().next(), notice.to.to_owned());
        let NewNotice { kind, channel, language, values, .. } = notice;
        let told = self.db.write(move |tx| {
            notice_enqueue(tx, now, id, &NewNotice { kind, channel, to: &to, language, values: values.clone() })
        });
        told.await.unwrap();
        id
    }

    /// Enqueues one of several notices that are to arrive in order.
    pub(super) async fn tell_in_order(&self, order_key: &str, notice: NewNotice<'_>) -> Uuid {
        let (now, id, to) = (self.db.clock().now(), self.db.ids().next(), notice.to.to_owned());
        let (NewNotice { kind, channel, language, values, .. }, order_key) = (notice, order_key.to_owned());
        let told = self.db.write(move |tx| {
            let notice = NewNotice { kind, channel, to: &to, language, values: values.clone() };
            notice_enqueue_in_order(tx, now, id, &order_key, &notice)
        });
        told.await.unwrap();
        id
    }

    /// A notice that is there.
    pub(super) async fn notice(&self, id: Uuid) -> Notice {
        self.find(id).await.expect("the notice")
    }

    pub(super) async fn find(&self, id: Uuid) -> Option<Notice> {
        self.db.read(move |tx| notice_get(tx, id)).await.ok()
    }

    /// Jobs that wait, and dead letters.
    pub(crate) async fn waiting(&self) -> (u32, u32) {
        let backlog = self.db.read(backlog).await.unwrap();
        (backlog.jobs, backlog.dead_letters)
    }

    /// All texts that the outbox's tables hold.
    pub(super) async fn dump(&self) -> String {
        let sql = "SELECT data || ' ' || COALESCE(subject, '') || COALESCE(body_text, '') || COALESCE(body_html, '')
                          || COALESCE(error, '') FROM outbox_notice
                   UNION ALL SELECT payload || failures FROM outbox_job
                   UNION ALL SELECT payload || failures FROM outbox_dead_letter";
        let rows = self.db.read(move |tx| tx.query(sql, &[], |row| row.get::<String>(0))).await.unwrap();
        rows.join("\n")
    }
}

/// How the fake server is reached.
pub(crate) fn settings(smtp: &FakeSmtp) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".to_owned(),
        port: smtp.port(),
        security: "auto".to_owned(),
        from: "Purser <no-reply@example.com>".to_owned(),
        support: "help@purser.example".to_owned(),
        site: "https://purser.example".to_owned(),
        timeout: Duration::from_secs(10),
        ..MailSettings::default()
    }
}

fn worker(db: &TestDb, handler: JobHandler) -> Worker {
    let setup = WorkerSetup {
        store: db.store(),
        clock: Arc::new(db.clock().clone()),
        owner: db.ids().next(),
        outbox: Outbox::default(),
        handlers: vec![handler],
        schedules: Vec::new(),
        zone: TimeZone::UTC,
        limits: WorkerLimits::default(),
    };
    Worker::new(setup).unwrap()
}
