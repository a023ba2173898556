//! What health, the doctor and the console say where something is wrong, to whom, and what to do.

use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use purser_ledger::{AccountKind, AccountPath, NewAccount, NewEntry, Transfer, account_open, post};
use purser_money::{Currency, Money};
use purser_outbox::{Job, job_dead_letter, job_enqueue, jobs_claim, schedules_status};
use purser_store::{Engine, Error as StoreError, ReadTx};
use purser_testkit::{Cluster, Durability, TestDb, both};
use purser_web::HealthProblem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::copies::system_now;
use crate::program::{Installation, Serving, client};
use crate::store::trouble::SmallDisk;
use crate::test_site::TestSite;

const HEALTH: &str = "/api/v1/health/";

/// As the schedule enqueues it.
#[derive(Serialize, Deserialize)]
struct TakeBackup {}

impl Job for TakeBackup {
    const KIND: &'static str = "house.backup";
}

/// The status, what the Retry-After header says, and how each part is.
async fn health(serving: &Serving, key: &str) -> (u16, Option<String>, Value) {
    let request = client().get(serving.url(HEALTH));
    let request = if key.is_empty() { request } else { request.bearer_auth(key) };
    let response = request.send().await.unwrap();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), retry_after, response.json().await.unwrap())
}

fn part<'h>(health: &'h Value, name: &str) -> &'h Value {
    let parts = health["parts"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == name).unwrap_or_else(|| panic!("{name}: {health}"))
}

/// Asks until it is so.
async fn once(serving: &Serving, key: &str, so: impl Fn(u16, &Value) -> bool) -> Value {
    let asking = async {
        loop {
            let (status, _, health) = health(serving, key).await;
            if so(status, &health) {
                return health;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking).await.expect("health says so some time")
}

fn doctor(installation: &Installation) -> String {
    String::from_utf8(installation.run(&["doctor"]).stdout).unwrap()
}

/// The line with these words that a command logs while it runs.
async fn logged(installation: &Installation, args: &[&str], words: &'static str) -> String {
    let mut command = installation.command(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let found =
        tokio::task::spawn_blocking(move || log.lines().map_while(Result::ok).find(|line| line.contains(words)));
    let found = tokio::time::timeout(Duration::from_secs(60), found).await.expect("it is logged").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    found.expect("it is logged")
}

/// Gives up a backup's job now.
async fn backup_given_up(db: &TestDb, now: Timestamp) {
    let (id, owner) = (db.ids().next(), db.ids().next());
    db.write(move |tx| {
        job_enqueue(tx, now, id, &TakeBackup {})?;
        let claimed = jobs_claim(tx, now, owner, &[TakeBackup::KIND], 1, SignedDuration::from_secs(60))?;
        job_dead_letter(tx, now, &claimed[0].lease, "the folder is not to be written to")
    })
    .await
    .unwrap();
}

both! {
    async fn a_stranger_hears_which_part_fails_and_no_more_and_staff_what_to_do(db: TestDb) {
        let installation = Installation::new(&db).with("EMAIL_HOST", "127.0.0.1")
            .with("EMAIL_PORT", "1")
            .with("PURSER_MAIL_SECURITY", "none")
            .with("DEFAULT_FROM_EMAIL", "Purser <no-reply@example.com>");
        let (seller, staff) = (installation.key("charge.*"), installation.key("house.read"));
        let serving = installation.serve("");
        for key in ["", seller.as_str(), "pk_wrong"] {
            let (status, retry_after, health) = health(&serving, key).await;
            assert_eq!((status, retry_after, &health["status"]), (200, None, &json!("ok")), "mail can wait: {health}");
            assert_eq!(part(&health, "mail")["status"], "failing");
            for part in health["parts"].as_array().unwrap() {
                let known: Vec<&String> = part.as_object().unwrap().keys().collect();
                assert_eq!(known, ["latency_ms", "name", "status"], "{part}");
            }
        }
        let (_, _, told) = health(&serving, &staff).await;
        let mail = part(&told, "mail");
        assert!(mail["advice"].as_str().unwrap().contains("EMAIL_HOST"), "{mail}");
        assert_eq!(part(&told, "database")["detail"], db.engine().name());
        for name in ["writer_queue", "disk", "clock", "jobs", "schedules", "backup"] {
            assert_eq!(part(&told, name)["status"], "ok", "{told}");
        }
        let first = Browser::new(&serving).page("/").await;
        assert!(first.contains("failing") && !first.contains("127.0.0.1"), "{first}");
        assert!(!first.contains(db.engine().name()), "{first}");
    }

    async fn a_clock_behind_the_newest_entry_is_told_by_health_and_doctor(db: TestDb) {
        let installation = Installation::new(&db);
        let staff = installation.key("house.read");
        assert!(doctor(&installation).contains("ok     clock "));
        let ahead = system_now() + SignedDuration::from_hours(24);
        db.write(move |tx| {
            let open = |tx: &mut purser_store::WriteTx<'_>, path, kind| {
                let path = AccountPath::new(path)?;
                account_open(tx, ahead, &NewAccount { path, kind, currency: Currency::INR, floor: None })
            };
            let (debit, credit) = (open(tx, "test:one", AccountKind::Asset)?, open(tx, "test:two", AccountKind::Liability)?);
            let (actor, memo) = ("system:test".to_owned(), String::new());
            let entry = NewEntry { kind: "test.ahead", actor, memo, reference: None };
            post(tx, ahead, entry, &[Transfer { debit, credit, amount: Money::new(1, Currency::INR) }])
        }).await.unwrap();
        let said = doctor(&installation);
        assert!(said.contains("WRONG  clock ") && said.contains("the newest entry of the ledger is of"), "{said}");
        let serving = installation.serve("");
        let (status, _, health) = health(&serving, &staff).await;
        let clock = part(&health, "clock");
        assert_eq!((status, clock["status"].as_str()), (200, Some("failing")), "{health}");
        assert!(clock["advice"].as_str().unwrap().contains("NTP"), "{clock}");
        assert!(logged(&installation, &["worker"], "[CLOCK] the clock says").await.contains("NTP"));
        assert!(logged(&installation, &["serve", "--listen", "127.0.0.1:0"], "[CLOCK] the clock says").await.contains("NTP"));
    }

    async fn a_run_of_a_clock_that_was_ahead_is_told_by_health_and_doctor(db: TestDb) {
        let installation = Installation::new(&db);
        let staff = installation.key("house.read");
        let (ahead, insert) = (system_now() + SignedDuration::from_hours(24), "INSERT INTO outbox_schedule
            (name, cron, zone, last_run_at, next_run_at) VALUES ('house.gone', '* * * * *', 'UTC', ?1, ?1)");
        db.write(move |tx| tx.execute(insert, &purser_store::params![ahead])).await.unwrap_or_else(|error: StoreError| panic!("{error}"));
        let said = doctor(&installation);
        assert!(said.contains("WRONG  clock ") && said.contains("the latest run of a schedule is of"), "{said}");
        let serving = installation.serve("");
        let (_, _, health) = health(&serving, &staff).await;
        assert_eq!(part(&health, "clock")["status"], "failing", "{health}");
    }

    async fn without_a_worker_health_says_that_nothing_is_done_until_one_is_beside(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_BACKUP_SCHEDULE", "* * * * *");
        let staff = installation.key("house.read");
        // Due for months by the machine's clock.
        let (now, id) = (db.clock().now(), db.ids().next());
        let overdue = "INSERT INTO outbox_schedule (name, cron, zone, next_run_at) VALUES ('house.forget', '17 * * * *', 'Asia/Kolkata', ?1)";
        db.write(move |tx| {
            tx.execute(overdue, &purser_store::params![now])?;
            job_enqueue(tx, now, id, &TakeBackup {})
        }).await.unwrap();
        let serving = installation.serve_with("", &["--no-worker"]);
        let (status, _, alone) = health(&serving, &staff).await;
        assert_eq!(status, 200, "requests are answered all the same: {alone}");
        assert!(part(&alone, "jobs")["detail"].as_str().unwrap().contains("one has been due for"), "{alone}");
        assert!(part(&alone, "schedules")["detail"].as_str().unwrap().starts_with("house.forget has been due"), "{alone}");
        assert!(part(&alone, "schedules")["advice"].as_str().unwrap().contains("purser worker"), "{alone}");
        let said = doctor(&installation);
        assert!(said.contains("WRONG  jobs ") && said.contains("WRONG  schedules "), "{said}");
        let stands = db.read(schedules_status).await.unwrap();
        assert_eq!(stands.len(), 1, "who serves without a worker minds no schedules: {stands:?}");

        let mut worker = installation.command(&["worker"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let well = |_, health: &Value| ["jobs", "schedules"].iter().all(|name| part(health, name)["status"] == "ok");
        once(&serving, &staff, well).await;
        let taken = once(&serving, &staff, |_, health| part(health, "backup")["detail"].as_str().unwrap().contains(" h old")).await;
        assert_eq!(part(&taken, "backup")["status"], "ok", "{taken}");
        worker.kill().unwrap();
        worker.wait().unwrap();
    }

    async fn a_backup_that_failed_is_told_by_health_and_doctor(db: TestDb) {
        let installation = Installation::new(&db);
        let staff = installation.key("house.read");
        let serving = installation.serve_with("", &["--no-worker"]);
        assert_eq!(part(&health(&serving, &staff).await.2, "backup")["detail"], "none yet");
        backup_given_up(&db, system_now()).await;
        let failed = once(&serving, &staff, |_, health| part(health, "backup")["status"] == "failing").await;
        let detail = part(&failed, "backup")["detail"].as_str().unwrap();
        assert!(detail.contains("the last one failed: the folder is not to be written to"), "{detail}");
        assert!(doctor(&installation).contains("WRONG  backup "));
        // A good one that is newer takes it back.
        let taken = installation.run(&["backup", "--json"]);
        assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
        once(&serving, &staff, |_, health| part(health, "backup")["status"] == "ok").await;
    }

    async fn a_damaged_index_is_found_by_the_doctor_where_the_books_are_clean(db: TestDb) {
        let installation = Installation::new(&db);
        let (now, one, two) = (db.clock().now(), db.ids().next(), db.ids().next());
        for id in [one, two] {
            let later = now + SignedDuration::from_hours(24 * 365 * 20);
            db.write(move |tx| purser_outbox::job_enqueue_at(tx, now, id, later, &OrphanJob { id: id.to_string() })).await.unwrap();
        }
        let said = doctor(&installation);
        assert!(said.contains("ok     integrity    every"), "{said}");
        damage_index(&db, "outbox_job_due").await;
        let report = installation.run(&["ledger", "verify"]);
        assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stderr));
        let damaged = installation.run(&["doctor"]);
        let said = String::from_utf8(damaged.stdout).unwrap();
        assert_eq!(damaged.status.code(), Some(1));
        assert!(said.contains("WRONG  integrity    the database is damaged") && said.contains("outbox_job_due"), "{said}");
        assert!(said.contains("purser restore"), "{said}");
    }

    async fn the_consoles_first_page_shows_what_is_wrong_and_leads_to_what_to_do(db: TestDb) {
        let place = TestSite::shaped(&db, |_, options| {
            let full = || -> std::pin::Pin<Box<dyn Future<Output = purser_web::HealthFinding> + Send>> {
                let wrong = "3 MiB free in /srv/purser".to_owned();
                Box::pin(async { Err(HealthProblem { wrong, advice: "Make room: a full disk refuses every sale." }) })
            };
            options.parts.push(("disk", Arc::new(full)));
        }).await;
        place.person("boss", "superuser", "").await;
        place.person("ravi", "staff", "charge.view").await;
        let boss = place.signed_in("boss").await;
        let first = boss.page("/admin/").await;
        assert!(first.contains("Not well") && first.contains("3 MiB free in /srv/purser"), "{first}");
        assert!(first.contains("href=\"/admin/house/health/#disk\""), "{first}");
        let page = boss.page("/admin/house/health/").await;
        assert!(page.contains("id=\"disk\"") && page.contains("Make room: a full disk refuses every sale."), "{page}");
        let ravi = place.signed_in("ravi").await;
        assert!(!ravi.page("/admin/").await.contains("3 MiB"), "who may see no more of the house is not told");
        assert_eq!(ravi.get("/admin/house/health/").await.status, 403);
    }
}

/// A job that nobody does.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OrphanJob {
    id: String,
}

impl Job for OrphanJob {
    const KIND: &'static str = "test.strange";
}

/// As a disk does it: an index that no longer has what its table has.
async fn damage_index(db: &TestDb, index: &'static str) {
    if db.engine() == Engine::Postgres {
        let sql = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST(CAST(?1 AS TEXT) AS regclass)";
        let marked = db.write(move |tx| tx.execute(sql, &purser_store::params![index])).await;
        assert_eq!(marked, Ok::<_, StoreError>(1));
        return;
    }
    let read = db.read(move |tx| {
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        let root = tx.query_one(root, &purser_store::params![index], |row| row.get::<i64>(0))?;
        let size = tx.query_one("PRAGMA page_size", &[], |row| row.get::<i64>(0))?;
        Ok::<_, StoreError>((root, size))
    });
    let (root, size) = read.await.unwrap();
    // What is in the log goes into the file when the store closes.
    db.store().close();
    let url = db.url();
    let mut file = std::fs::OpenOptions::new().write(true).open(url.strip_prefix("sqlite:").unwrap()).unwrap();
    // The number of cells of a leaf stands in the fourth and fifth byte of its page.
    file.seek(SeekFrom::Start(u64::try_from((root - 1) * size + 3).unwrap())).unwrap();
    file.write_all(&[0, 0]).unwrap();
    drop(file);
    db.reopen();
}

#[test]
fn with_amcheck_the_doctor_compares_every_index_with_its_table() {
    purser_testkit::run(
        Engine::Postgres,
        crate::migrations(),
        async |db: TestDb| {
            let installation = Installation::new(&db);
            let there = "SELECT COUNT(*) FROM pg_available_extensions WHERE name = 'amcheck'";
            let there = db.read(move |tx| tx.query_one(there, &[], |row| row.get::<i64>(0))).await;
            if there != Ok::<_, StoreError>(1) {
                println!("skipped: this PostgreSQL comes without its extensions");
                return;
            }
            assert!(doctor(&installation).contains("CREATE EXTENSION amcheck"));
            let made = db.write(|tx| tx.execute("CREATE EXTENSION amcheck", &[])).await;
            assert_eq!(made, Ok::<_, StoreError>(0));
            let said = doctor(&installation);
            assert!(said.contains("ok     integrity    every row and every index was read and is whole"), "{said}");
        },
        crate::after,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_health_is_503_and_says_when_to_ask_again() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(Durability::Durable)).await.unwrap();
    cluster.database_create("purser").unwrap();
    let installation = Installation::at(&cluster.url("purser"));
    let staff = installation.key("house.read");
    let serving = installation.serve("");
    assert_eq!(health(&serving, &staff).await.0, 200);
    let cluster = tokio::task::spawn_blocking(move || {
        cluster.stop();
        cluster
    })
    .await
    .unwrap();
    let away = once(&serving, "", |status, _| status == 503).await;
    assert_eq!((&away["status"], &part(&away, "database")["status"]), (&json!("failing"), &json!("failing")));
    let (status, retry_after, told) = health(&serving, "").await;
    assert_eq!((status, retry_after.as_deref()), (503, Some("5")), "{told}");
    assert!(!told.to_string().contains("detail"), "{told}");
    let _running = tokio::task::spawn_blocking(move || {
        cluster.restart();
        cluster
    })
    .await
    .unwrap();
    once(&serving, &staff, |status, _| status == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_changes_with_503_and_retry_after_and_health_says_so() {
    let Some(disk) = SmallDisk::mount(24) else {
        println!("skipped: only root may mount a small file system");
        return;
    };
    let installation = Installation::at(&format!("sqlite:{}", disk.file("purser.db").display()));
    let (key, staff) = (installation.key("charge.*"), installation.key("house.read"));
    let serving = installation.serve_with(&key, &["--no-worker"]);
    let caller = serving.caller();
    assert_eq!(caller.post("/api/sellers/", json!({ "name": "Before" })).await.0, 201);
    assert_eq!(health(&serving, &staff).await.0, 200);
    let mut ballast = std::fs::File::create(disk.file("ballast")).unwrap();
    while ballast.write_all(&[0; 4096]).is_ok() {}

    let refused = async {
        loop {
            let body = Some(json!({ "name": "While" }));
            let response = caller.send(reqwest::Method::POST, "/api/sellers/", body).await.unwrap();
            if response.status() != 201 {
                return response;
            }
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(60), refused).await.expect("the disk is full");
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "30");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "storage_full");
    assert_eq!(caller.get("/api/sellers/").await.0, 200, "reading goes on");
    let full = once(&serving, &staff, |status, _| status == 503).await;
    let queue = part(&full, "writer_queue");
    assert!(queue["detail"].as_str().unwrap().contains("disk is full"), "{full}");
    assert!(queue["advice"].as_str().unwrap().contains("Make room"), "{full}");
    assert_eq!(part(&full, "disk")["status"], "failing", "{full}");

    drop(ballast);
    std::fs::remove_file(disk.file("ballast")).unwrap();
    once(&serving, &staff, |status, _| status == 200).await;
    assert_eq!(caller.post("/api/sellers/", json!({ "name": "After" })).await.0, 201);
    serving.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_damaged_refuses_what_needs_it_with_503_and_health_says_so() {
    let db = TestDb::create(Engine::Sqlite, crate::migrations()).await;
    let installation = Installation::new(&db);
    let (key, staff) = (installation.key("charge.*"), installation.key("house.read"));
    let place = |tx: &mut ReadTx<'_>| {
        let root = "SELECT rootpage FROM sqlite_master WHERE name = 'charge_seller'";
        let root: i64 = tx.query_one(root, &[], |row| row.get(0))?;
        let size: i64 = tx.query_one("PRAGMA page_size", &[], |row| row.get(0))?;
        Ok::<_, StoreError>((root, size))
    };
    let (root, size) = db.read(place).await.unwrap();
    db.store().close();
    let path = db.url().trim_start_matches("sqlite:").to_owned();
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(u64::try_from((root - 1) * size).unwrap())).unwrap();
    file.write_all(&vec![0xA5; usize::try_from(size).unwrap()]).unwrap();
    drop(file);

    let serving = installation.serve_with(&key, &["--no-worker"]);
    let (status, refused) = serving.caller().get("/api/sellers/").await;
    assert_eq!((status, refused["code"].as_str()), (503, Some("storage_damaged")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("purser doctor"), "{refused}");
    let told = once(&serving, &staff, |status, _| status == 503).await;
    let database = part(&told, "database");
    assert!(database["detail"].as_str().unwrap().contains("the database is damaged"), "{told}");
    assert!(database["advice"].as_str().unwrap().contains("restore the newest backup"), "{told}");
    serving.kill();
}
