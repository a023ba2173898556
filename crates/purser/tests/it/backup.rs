//! Backups: taken beside the sales, restored elsewhere, and refused where a byte is not as it was.

mod archive;
mod files;
mod forged;
mod refusals;
mod schedule;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};

use purser_store::Engine;
use purser_testkit::{TestDb, both};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::program::{ApiClient, Installation, Serving};

const CLIENTS: usize = 4;

/// An installation whose database nobody has open, to restore into.
struct RestoreInstallation {
    installation: Installation,
    /// Kept until the test is over: it removes the database of a server.
    db: Option<TestDb>,
}

async fn elsewhere(engine: Engine) -> RestoreInstallation {
    match engine {
        Engine::Sqlite => RestoreInstallation { installation: Installation::at(""), db: None },
        Engine::Postgres => {
            let db = TestDb::create(engine, Vec::new()).await;
            RestoreInstallation { installation: Installation::new(&db), db: Some(db) }
        }
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn ok(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// Takes a backup, and says where it is.
#[track_caller]
fn backup(installation: &Installation, more: &[&str]) -> PathBuf {
    let taken = ok(&installation.run(&[&["backup", "--json"], more].concat()));
    PathBuf::from(taken["file"].as_str().unwrap())
}

fn restore(installation: &Installation, file: &Path, more: &[&str]) -> Output {
    installation.run(&[&["restore", file.to_str().unwrap(), "--json"], more].concat())
}

fn passphrase_file(installation: &Installation, text: &str) -> String {
    let path = installation.data().join(format!("{}.txt", text.replace(' ', "-")));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A seller with so much credit that it never runs out.
async fn seller(serving: &Serving) -> String {
    let (status, seller) = serving.caller().post("/api/sellers/", json!({ "name": "नमस्ते \\N \"shop\"" })).await;
    assert_eq!(status, 201, "{seller}");
    let id = seller["id"].as_str().unwrap().to_owned();
    let credit = json!({ "amount": "1000000.00" });
    let (status, answer) = serving.caller().post(&format!("/api/sellers/{id}/increase_credit/"), credit).await;
    assert_eq!(status, 200, "{answer}");
    id
}

/// What has been acknowledged, and a permit for each.
#[derive(Clone)]
struct AcknowledgedSales {
    refs: Arc<Mutex<Vec<String>>>,
    count: Arc<Semaphore>,
}

/// Sells one sale after another until the server is gone.
async fn sell(caller: ApiClient, seller: String, name: String, sold: AcknowledgedSales) {
    for number in 0.. {
        let client_ref = format!("{name}-{number}");
        let body = json!({ "phone_number": "9876543210", "amount": "1.00", "client_ref": client_ref });
        let path = format!("/api/sellers/{seller}/sell_charge/");
        let Ok(response) = caller.send(Method::POST, &path, Some(body)).await else { return };
        if response.status() != 200 {
            return;
        }
        sold.refs.lock().unwrap().push(client_ref);
        sold.count.add_permits(1);
    }
}

/// A house with a person, a key, a seller and some sales, that nobody serves any more.
async fn house(installation: &Installation, sales: u32) -> String {
    let key = installation.key("charge.*");
    let serving = installation.serve(&key);
    let id = seller(&serving).await;
    for number in 0..sales {
        let body = json!({ "phone_number": "9876543210", "amount": "1.00", "client_ref": format!("r-{number}") });
        let (status, answer) = serving.caller().post(&format!("/api/sellers/{id}/sell_charge/"), body).await;
        assert_eq!(status, 200, "{answer}");
    }
    serving.kill();
    key
}

both! {
    async fn a_backup_beside_the_sales_holds_every_sale_that_was_acknowledged_before_it(db: TestDb) {
        let installation = Installation::new(&db);
        let key = installation.key("charge.*");
        let serving = installation.serve(&key);
        let seller = seller(&serving).await;
        let sold = AcknowledgedSales { refs: Arc::default(), count: Arc::new(Semaphore::new(0)) };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| tokio::spawn(sell(serving.caller(), seller.clone(), client.to_string(), sold.clone())))
            .collect();
        sold.count.acquire_many(200).await.unwrap().forget();

        let before = sold.refs.lock().unwrap().clone();
        let file = tokio::task::block_in_place(|| backup(&installation, &[]));
        let after = sold.refs.lock().unwrap().len();
        assert!(after > before.len(), "nobody sold anything while the backup was taken");
        serving.kill();
        for client in clients {
            client.await.unwrap();
        }

        let there = elsewhere(db.engine()).await;
        let restored = ok(&restore(&there.installation, &file, &[]));
        assert_eq!(restored["ledger"]["clean"], json!(true), "{restored}");
        let report = ok(&there.installation.run(&["ledger", "verify", "--json"]));
        assert_eq!((&report["clean"], &report["entries"]), (&json!(true), &restored["ledger"]["entries"]));

        // The key is in the database, too.
        let serving = there.installation.serve(&key);
        for client_ref in &before {
            let (status, sale) = serving.caller().get(&format!("/api/charge-transactions/by-ref/{client_ref}/")).await;
            assert_eq!((status, sale["status"].as_str()), (200, Some("completed")), "{client_ref}: {sale}");
        }
        // And it goes on where it was: ids that a sequence hands out do not meet those that were restored.
        let body = json!({ "phone_number": "9876543210", "amount": "1.00", "client_ref": "after" });
        let (status, answer) = serving.caller().post(&format!("/api/sellers/{seller}/sell_charge/"), body).await;
        assert_eq!(status, 200, "{answer}");
        serving.kill();
        assert_eq!(ok(&there.installation.run(&["ledger", "verify", "--json"]))["clean"], json!(true));
    }

    async fn a_sealed_backup_brings_files_and_key_along(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 3).await;
        let folder = installation.data().join("files/ab/cd");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("0192.png"), vec![7; 100_000]).unwrap();
        std::fs::write(folder.join(".half-written"), b"x").unwrap();
        let pass = passphrase_file(&installation, "correct horse battery");
        let file = backup(&installation, &["--passphrase-file", &pass]);
        let bytes = std::fs::read(&file).unwrap();
        let key = std::fs::read(installation.data().join("instance.key")).unwrap();
        let shows = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!shows(key.trim_ascii_end()) && !shows(b"charge_seller") && !shows(&[7; 64]));

        let there = elsewhere(db.engine()).await;
        let restored = ok(&restore(&there.installation, &file, &["--passphrase-file", &pass]));
        assert_eq!((&restored["files"], &restored["has_key"]), (&json!(1), &json!(true)));
        let data = there.installation.data();
        assert_eq!(std::fs::read(data.join("files/ab/cd/0192.png")).unwrap(), vec![7; 100_000]);
        assert!(!data.join("files/ab/cd/.half-written").exists());
        assert_eq!(std::fs::read(data.join("instance.key")).unwrap(), key);
    }

    async fn without_a_passphrase_the_key_stays_at_home_and_both_commands_say_so(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 1).await;
        let taken = ok(&installation.run(&["backup", "--json"]));
        assert!(taken["warnings"][0].as_str().unwrap().contains("instance key"), "{taken}");
        let there = elsewhere(db.engine()).await;
        let restored = ok(&restore(&there.installation, Path::new(taken["file"].as_str().unwrap()), &[]));
        assert!(restored["warnings"][0].as_str().unwrap().contains("instance key"), "{restored}");
        let key = std::fs::read(installation.data().join("instance.key")).unwrap();
        assert_ne!(std::fs::read(there.installation.data().join("instance.key")).unwrap(), key);
    }

    async fn the_environment_may_give_the_passphrase(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_BACKUP_PASSPHRASE", "correct horse battery");
        house(&installation, 1).await;
        let file = backup(&installation, &[]);
        assert!(std::fs::read(&file).unwrap().starts_with(b"purser-sealed-backup 1\n"));
        ok(&restore(&installation, &file, &["--check"]));
    }
}
