//! What goes on after its page was answered: files that are saved, backups that are taken, and what people see of it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use purser_kit::console::{Progress, RequestContext};
use purser_members::Settings;
use purser_outbox::{Job, JobError, JobHandler, MissedRunPolicy, Outbox, Schedule, ScheduleRun, Worker, WorkerLimits};
use purser_outbox::{WorkerSetup, job_enqueue};
use purser_testkit::{TestDb, both};
use purser_web::{AppSite, SiteOptions};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::browser::{Browser, hidden};
use crate::program::ApiClient;
use crate::test_site::TestSite;

const SALES: &str = "/admin/charge/import/sales/";

/// Whoever saves a file waits here until the test opens.
struct Gate {
    reached: tokio::sync::mpsc::UnboundedReceiver<()>,
    go: Sender<()>,
}

/// Charge's upload, which waits at the gate with 1,000 of its 5,000 sales told.
fn gated(faces: &mut [AppSite], options: &mut SiteOptions) -> Gate {
    let (reach, reached) = tokio::sync::mpsc::unbounded_channel();
    let (go, going): (_, Receiver<()>) = channel();
    let going = Mutex::new(going);
    let import = &mut faces[0].console.imports[0];
    let own = std::mem::replace(&mut import.commit, Box::new(|_, _, _, _| unreachable!()));
    import.commit = Box::new(move |tx, cx, id, progress| {
        progress.phase("Making the sales", 5_000);
        progress.at(1_000);
        let _ = reach.send(());
        // The test has opened, or it has failed.
        let _ = going.lock().unwrap().recv();
        own(tx, cx, id, progress)
    });
    options.patience = Duration::ZERO;
    Gate { reached, go }
}

/// A shop with ₹100.00, and somebody who may upload; with her file's page.
struct Shop {
    seller: String,
    staff: ApiClient,
    asha: Browser,
}

impl Shop {
    async fn open(place: &TestSite) -> Self {
        let staff = ApiClient::at(&place.base, &crate::resellers::key(place, "charge.*", None).await);
        let (_, seller) = staff.post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        let seller = seller["id"].as_str().unwrap().to_owned();
        staff.post(&format!("/api/sellers/{seller}/increase_credit/"), json!({ "amount": 100 })).await;
        place.person("asha", "staff", "charge.operate charge.view").await;
        let asha = place.signed_in("asha").await;
        Shop { seller, staff, asha }
    }

    async fn upload(&self, rows: &str) -> String {
        let file = format!("seller,phone_number,amount\n{rows}");
        let sent = self.asha.upload(&format!("{SALES}check/"), "file", "f.csv", file.as_bytes()).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        sent.sent_to
    }

    async fn credit(&self) -> String {
        self.staff.get(&format!("/api/sellers/{}/get_credit/", self.seller)).await.1["available"].to_string()
    }
}

/// The first answer of the page that does not say that it goes on.
async fn over(browser: &Browser, path: &str) -> crate::browser::Page {
    loop {
        let page = browser.get(path).await;
        if page.status != 200 || !page.text.contains("<progress") {
            return page;
        }
    }
}

/// As the schedule of backups enqueues it.
#[derive(Serialize, Deserialize)]
struct TakeBackup {}

impl Job for TakeBackup {
    const KIND: &'static str = "house.backup";
    const MAX_ATTEMPTS: u32 = 2;

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

fn backups() -> Vec<Schedule> {
    let make = |tx: &mut purser_store::WriteTx<'_>, run: &ScheduleRun| {
        job_enqueue(tx, run.now, run.job, &TakeBackup {}).map(drop)
    };
    vec![Schedule { name: "house.backup", cron: "0 3 * * *", missed: MissedRunPolicy::Once, make }]
}

both! {
    async fn a_long_file_shows_how_far_it_is_and_is_saved_once_however_often_it_is_sent(db: TestDb) {
        let mut gate = None;
        let place = TestSite::shaped(&db, |faces, options| gate = Some(gated(faces, options))).await;
        let (mut shop, mut gate) = (Shop::open(&place).await, gate.unwrap());
        let page = shop.upload("Corner Shop,9876543210,30\nCorner Shop,9876543211,12\n").await;
        let once = hidden(&shop.asha.page(&page).await, "once");
        let commit = format!("{page}commit/");
        let sent = shop.asha.post(&commit, &[("once", &once)]).await;
        let going = format!("{page}going/{once}/");
        assert_eq!((sent.status, &sent.sent_to), (303, &going), "{}", sent.text);
        gate.reached.recv().await.unwrap();
        let shown = shop.asha.get(&going).await;
        for told in ["Making the sales: 1,000 of 5,000.", "max=\"5000\" value=\"1000\"", "role=\"status\"", "aria-labelledby=\"how-far\""] {
            assert!(shown.text.contains(told), "{told}: {}", shown.text);
        }
        assert!(!shown.text.contains("http-equiv"), "it is loaded again by a header");
        let again = shop.asha.post(&commit, &[("once", &once)]).await;
        assert_eq!((again.status, again.sent_to), (303, going.clone()), "the same form joins it");
        gate.go.send(()).unwrap();
        drop(gate);
        let done = over(&shop.asha, &going).await;
        assert_eq!(done.sent_to, format!("{SALES}done/{once}/"), "{}", done.text);
        assert!(shop.asha.page(&done.sent_to).await.contains("₹42.00 sold in 2 sales."));
        for _ in 0..2 {
            shop.asha.post(&commit, &[("once", &once)]).await;
            assert_eq!(over(&shop.asha, &going).await.status, 303);
        }
        assert_eq!(shop.credit().await, "58.0");
        let sales = db.read(purser_charge::credit_check).await.unwrap();
        assert!(sales.holds(), "{sales:?}");
    }

    async fn a_refusal_that_comes_late_is_told_in_its_own_words(db: TestDb) {
        let mut gate = None;
        let place = TestSite::shaped(&db, |faces, options| gate = Some(gated(faces, options))).await;
        let (mut shop, gate) = (Shop::open(&place).await, gate.unwrap());
        drop(gate);
        let page = shop.upload("Corner Shop,9876543210,130\n").await;
        let once = hidden(&format!("name=\"once\" value=\"{}\"", db.ids().next()), "once");
        let sent = shop.asha.post(&format!("{page}commit/"), &[("once", &once)]).await;
        let refused = if sent.status == 303 { over(&shop.asha, &sent.sent_to).await } else { sent };
        assert_eq!(refused.status, 400);
        assert!(refused.text.contains("role=\"alert\"") && refused.text.contains("does not cover it"), "{}", refused.text);
        assert_eq!(shop.credit().await, "100.0");
    }

    async fn a_file_that_a_restart_broke_off_can_be_gone_on_with(db: TestDb) {
        let before = TestSite::shaped(&db, |_, _| {}).await;
        let shop = Shop::open(&before).await;
        let page = shop.upload("Corner Shop,9876543210,30\n").await;
        let once = hidden(&shop.asha.page(&page).await, "once");
        // The program was killed with the transaction open: nothing of it is anywhere.
        db.clock().advance(SignedDuration::from_secs(1));
        let after = TestSite::shaped(&db, |_, _| {}).await;
        after.person("ravi", "staff", "charge.operate charge.view").await;
        let mut asha = Browser::at(&after.base).with_cookie(shop.asha.cookie());
        let going = format!("{page}going/{once}/");
        let told = asha.page(&going).await;
        assert!(told.contains("started anew") && told.contains("nothing is half done"), "{told}");
        assert!(told.contains(&format!("href=\"{page}?once={once}\"")), "{told}");
        assert_eq!(hidden(&asha.page(&format!("{page}?once={once}")).await, "once"), once, "the same form");
        let done = asha.submit(&format!("{page}commit/"), &[("once", &once)]).await;
        assert!(done.contains("₹30.00 sold in 1 sale."), "{done}");
        let elsewhere = shop.asha.get(&going).await;
        assert_eq!(elsewhere.sent_to, format!("{SALES}done/{once}/"), "any copy of the program knows that it is done");
        assert_eq!(shop.credit().await, "70.0");
        let ravi = after.signed_in("ravi").await;
        assert!(ravi.page(&going).await.contains("started anew"), "it is nobody else's business how it went");
        for path in [format!("{page}going/x/"), format!("{SALES}x/going/{once}/")] {
            assert_eq!(asha.get(&path).await.status, 404, "{path}");
        }
    }

    async fn members_are_counted_while_they_are_registered(db: TestDb) {
        let context = crate::context(&db);
        let app = purser_members::app(&context, Settings::standard());
        let progress = Progress::default();
        let (telling, (now, seed)) = (progress.clone(), context.stamp());
        let done = db.write(move |tx| {
            let mut cx = RequestContext::new(now, "user:test".to_owned(), seed, seed);
            let import = &app.console.imports[0];
            let file = b"name,email,wallet_balance\nAsha,asha@example.com,1\nBina,bina@example.com,2\n";
            let id = (import.check)(tx, &mut cx, file)?;
            (import.commit)(tx, &mut cx, id, &telling)
        });
        assert!(done.await.unwrap().sentence.contains("2 members registered"));
        let seen = progress.snapshot();
        assert_eq!((seen.phase.as_str(), seen.done, seen.total), ("Registering the members", 2, 2));
    }

    async fn a_backup_is_asked_for_once_and_its_page_says_how_it_goes(db: TestDb) {
        let (progress, base) = (Progress::default(), "/admin/house/backups/");
        let telling = progress.clone();
        let place = TestSite::shaped(&db, |_, options| {
            options.schedules = backups();
            options.backup_progress = telling;
        }).await;
        place.person("asha", "superuser", "").await;
        place.person("ravi", "staff", "auditor").await;
        let (mut asha, mut ravi) = (place.signed_in("asha").await, place.signed_in("ravi").await);
        assert!(!ravi.page(base).await.contains("Back up now"));
        assert_eq!(ravi.post(base, &[]).await.status, 403);
        let once = hidden(&asha.page(base).await, "once");
        let going = asha.post(base, &[("once", &once)]).await.sent_to;
        assert_eq!(asha.post(base, &[("once", &once)]).await.sent_to, going, "a reload");
        assert_eq!(asha.post(base, &[]).await.sent_to, going, "one that waits stands for another");
        let page = asha.page(&going).await;
        assert!(page.contains("Waiting for a worker.") && page.contains("<progress"), "{page}");

        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let (end, ends) = tokio::sync::mpsc::unbounded_channel::<Result<(), JobError>>();
        let ends = Arc::new(tokio::sync::Mutex::new(ends));
        let handler = JobHandler::new(move |_: TakeBackup, _| {
            let (started, ends) = (started.clone(), Arc::clone(&ends));
            async move {
                started.send(()).unwrap();
                ends.lock().await.recv().await.unwrap()
            }
        });
        let setup = WorkerSetup {
            store: db.store(),
            clock: Arc::new(db.clock().clone()),
            owner: db.ids().next(),
            outbox: Outbox::default(),
            handlers: vec![handler],
            schedules: Vec::new(),
            zone: jiff::tz::TimeZone::UTC,
            limits: WorkerLimits::default(),
        };
        let mut worker = Worker::new(setup).unwrap();
        let looking = async {
            starts.recv().await.unwrap();
            assert!(asha.page(&going).await.contains("Taking the backup."));
            progress.phase("Copying the rows", 40_000);
            progress.at(10_000);
            let page = asha.page(&going).await;
            assert!(page.contains("Copying the rows: 10,000 of 40,000.") && page.contains("value=\"10000\""), "{page}");
            end.send(Err(JobError::Retry("the disk is full".to_owned()))).unwrap();
        };
        let (ran, ()) = tokio::join!(worker.run_due_once(), looking);
        ran.unwrap();
        let page = asha.page(&going).await;
        assert!(page.contains("Waiting for the next try.") && page.contains("the disk is full"), "{page}");
        db.clock().advance(SignedDuration::from_hours(2));
        let mut asha = place.signed_in("asha").await;
        end.send(Err(JobError::Retry("the disk is still full".to_owned()))).unwrap();
        worker.run_due_once().await.unwrap();
        let page = asha.page(&going).await;
        assert!(page.contains("The backup failed") && page.contains("the disk is still full"), "{page}");

        let going = asha.post(base, &[]).await.sent_to;
        end.send(Ok(())).unwrap();
        worker.run_due_once().await.unwrap();
        let done = asha.get(&going).await;
        assert_eq!((done.status, done.sent_to.as_str()), (303, "/admin/house/backups/?taken=1"));
        assert!(asha.page(&done.sent_to).await.contains("The backup is done."));
    }
}
