//! The embedded database's files: what a kill, a careless hand and a damaged disk make of them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{backup, house, ok, restore, said};
use crate::program::{Installation, Serving};

/// A house of its own in its data folder, with a backup of it, and with sales after that backup in the log of a server
/// that was killed.
struct KilledServer {
    installation: Installation,
    key: String,
    archive: PathBuf,
}

async fn sale(serving: &Serving, seller: &str, client_ref: &str) {
    let body = json!({ "phone_number": "9876543210", "amount": "1.00", "client_ref": client_ref });
    let (status, answer) = serving.caller().post(&format!("/api/sellers/{seller}/sell_charge/"), body).await;
    assert_eq!(status, 200, "{answer}");
}

async fn is_sold(serving: &Serving, client_ref: &str) -> bool {
    let (status, _) = serving.caller().get(&format!("/api/charge-transactions/by-ref/{client_ref}/")).await;
    assert!(matches!(status, 200 | 404), "{status}");
    status == 200
}

impl KilledServer {
    async fn new() -> KilledServer {
        let installation = Installation::at("");
        let key = house(&installation, 3).await;
        let archive = backup(&installation, &[]);
        let serving = installation.serve(&key);
        let seller = super::seller(&serving).await;
        for number in 0..12 {
            sale(&serving, &seller, &format!("after-{number}")).await;
        }
        serving.kill();
        let killed = KilledServer { installation, key, archive };
        assert!(killed.length("purser.db-wal") > 0, "the server has left no log");
        killed
    }

    fn file(&self, name: &str) -> PathBuf {
        self.installation.data().join(name)
    }

    fn length(&self, name: &str) -> u64 {
        std::fs::metadata(self.file(name)).map_or(0, |file| file.len())
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(self.installation.data()).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        files.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
    }

    /// Overwrites 512 bytes in the middle of the log.
    fn damage(&self) {
        let mut log = std::fs::read(self.file("purser.db-wal")).unwrap();
        let middle = log.len() / 2;
        log[middle..middle + 512].fill(0xA5);
        std::fs::write(self.file("purser.db-wal"), log).unwrap();
    }
}

#[track_caller]
fn exits(output: &Output, code: i32, because: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    assert!(said(output).contains(because), "{}", said(output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_leaves_nothing_of_the_log_that_stood_there() {
    // What is gone before the restore; the rest of what the killed server left stands there.
    for gone in [&["purser.db"][..], &["purser.db", "purser.db-shm"], &["purser.db-shm"], &[]] {
        let killed = KilledServer::new().await;
        for name in gone {
            std::fs::remove_file(killed.file(name)).unwrap();
        }
        let log = std::fs::read(killed.file("purser.db-wal")).unwrap();
        let has_database = !gone.contains(&"purser.db");
        let yes = if has_database { &["--yes"][..] } else { &[] };
        let restored = ok(&restore(&killed.installation, &killed.archive, yes));
        assert_eq!(restored["ledger"]["clean"], json!(true), "{restored}");
        assert_eq!(killed.length("purser.db-wal"), 0, "{gone:?}");
        let kept: Vec<PathBuf> = serde_json::from_value(restored["kept"].clone()).unwrap();
        let kept_log = kept.iter().find(|path| path.to_string_lossy().ends_with("-wal")).expect("the log is kept");
        assert_eq!(std::fs::read(kept_log).unwrap(), log, "{gone:?}");

        let serving = killed.installation.serve(&killed.key);
        assert!(is_sold(&serving, "r-0").await && !is_sold(&serving, "after-0").await, "{gone:?}");
        let seller = super::seller(&serving).await;
        sale(&serving, &seller, "again").await;
        serving.kill();
        assert_eq!(ok(&killed.installation.run(&["ledger", "verify", "--json"]))["clean"], json!(true));
        if has_database {
            // What was replaced opens whole, with the sales that were only in its log.
            let old = kept.iter().find(|path| path.to_string_lossy().contains("purser.db.before_")).unwrap();
            let old = Installation::at(&format!("sqlite:{}", old.display()));
            let serving = old.serve(&killed.key);
            assert!(is_sold(&serving, "after-11").await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_read_is_replaced_when_told_and_kept() {
    let killed = KilledServer::new().await;
    std::fs::write(killed.file("purser.db"), b"no database at all, ".repeat(1_000)).unwrap();
    exits(&restore(&killed.installation, &killed.archive, &[]), 4, "holds something already");
    let restored = ok(&restore(&killed.installation, &killed.archive, &["--yes"]));
    assert_eq!(restored["ledger"]["clean"], json!(true), "{restored}");
    assert!(restored["kept"].as_array().unwrap().len() >= 2, "{restored}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_file_a_log_keeps_every_command_from_beginning_anew() {
    for empty in [false, true] {
        let killed = KilledServer::new().await;
        let aside = killed.file("moved-away");
        std::fs::rename(killed.file("purser.db"), &aside).unwrap();
        if empty {
            std::fs::write(killed.file("purser.db"), b"").unwrap();
        }
        let before = killed.files();
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["worker"],
            &["migrate", "apply"],
            &["key", "list"],
            &["ledger", "verify"],
            &["cleanup"],
            &["backup"],
            &["repair", "--yes"],
        ] {
            let how = if empty { "is empty, but" } else { "is missing, but" };
            exits(&killed.installation.run(command), 3, how);
            assert_eq!(killed.files(), before, "{command:?}");
        }
        let doctor = killed.installation.run(&["doctor"]);
        exits(&doctor, 1, "WRONG  database");
        assert!(said(&doctor).contains("Put the database file back"), "{}", said(&doctor));
        // What it says helps.
        std::fs::rename(&aside, killed.file("purser.db")).unwrap();
        let serving = killed.installation.serve(&killed.key);
        assert!(is_sold(&serving, "after-11").await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_log_is_told_by_every_start_and_repaired_on_request() {
    let killed = KilledServer::new().await;
    killed.damage();
    let before = killed.files();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["worker"], &["ledger", "verify"], &["backup"]] {
        exits(&killed.installation.run(command), 3, "is damaged");
        assert_eq!(killed.files(), before, "{command:?}");
    }
    let doctor = killed.installation.run(&["doctor"]);
    exits(&doctor, 1, "WRONG  database");
    assert!(said(&doctor).contains("acknowledged commits"), "{}", said(&doctor));
    exits(&killed.installation.run(&["repair"]), 1, "--yes does it");
    assert_eq!(killed.files(), before);

    let repaired = killed.installation.run(&["repair", "--yes", "--json"]);
    let repaired: Value = serde_json::from_slice(&repaired.stdout).unwrap_or_else(|_| panic!("{}", said(&repaired)));
    assert_eq!((&repaired["repaired"], &repaired["ledger"]["clean"]), (&json!(true), &json!(true)), "{repaired}");
    let kept: Vec<PathBuf> = serde_json::from_value(repaired["kept"].clone()).unwrap();
    assert!(kept.iter().all(|path| path.exists()) && kept.len() == 3, "{kept:?}");
    let serving = killed.installation.serve(&killed.key);
    assert!(is_sold(&serving, "r-2").await);
    assert_eq!(is_sold(&serving, "after-11").await, repaired["recoverable"] == json!(true), "{repaired}");
    serving.kill();
    exits(&killed.installation.run(&["repair"]), 0, "nothing to repair");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_ended_half_way_is_told_by_every_start_and_can_be_run_again() {
    let killed = KilledServer::new().await;
    let files = killed.file("files");
    std::fs::create_dir_all(&files).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&files).output().unwrap();
    if !mounted.status.success() {
        println!("skipped: only root may mount");
        return;
    }
    std::fs::write(files.join("x"), b"x").unwrap();
    // A folder that is mounted cannot be renamed: the database is in its place by then.
    let half = restore(&killed.installation, &killed.archive, &["--yes"]);
    let unmounted = Command::new("umount").arg(&files).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(half.status.code(), Some(3), "{}", said(&half));
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["key", "list"], &["ledger", "verify"], &["backup"]] {
        exits(&killed.installation.run(command), 3, "a restore was interrupted here");
    }
    ok(&restore(&killed.installation, &killed.archive, &["--yes"]));
    let serving = killed.installation.serve(&killed.key);
    assert!(is_sold(&serving, "r-0").await && !is_sold(&serving, "after-0").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_leaves_the_old_house_the_new_one_or_a_refusal() {
    // What the restore has made by the moment at which it is killed.
    for made in ["purser.db.restoring", "files.restoring", "restore.unfinished"] {
        let killed = KilledServer::new().await;
        let archive = killed.archive.to_str().unwrap();
        let mut child = killed.installation.command(&["restore", archive, "--yes", "--json"]).spawn().unwrap();
        while !killed.file(made).exists() && child.try_wait().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let keys = killed.installation.run(&["key", "list", "--json"]);
        if keys.status.success() {
            let serving = killed.installation.serve(&killed.key);
            let (old, new) = (is_sold(&serving, "after-11").await, is_sold(&serving, "r-0").await);
            assert!(new, "{made}: neither the old house nor the new one");
            serving.kill();
            let report = ok(&killed.installation.run(&["ledger", "verify", "--json"]));
            assert_eq!(report["clean"], json!(true), "{made}, old: {old}");
        } else {
            exits(&keys, 3, "a restore was interrupted here");
        }
        ok(&restore(&killed.installation, &killed.archive, &["--yes"]));
        let serving = killed.installation.serve(&killed.key);
        assert!(is_sold(&serving, "r-0").await && !is_sold(&serving, "after-0").await, "{made}");
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|_| panic!("{}", path.display())).permissions().mode() & 0o777
}

fn mode_set(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_log_key_and_backups_are_readable_by_their_owner_only() {
    // A folder that was there before, open to everybody.
    let installation = Installation::at("");
    mode_set(installation.data(), 0o755);
    let key = house(&installation, 1).await;
    let archive = backup(&installation, &[]);
    let restored = ok(&restore(&installation, &archive, &["--yes"]));
    let serving = installation.serve(&key);
    let seller = super::seller(&serving).await;
    sale(&serving, &seller, "one").await;
    let data = installation.data();
    let mut private: Vec<PathBuf> =
        ["purser.db", "purser.db-wal", "purser.db-shm", "instance.key"].iter().map(|name| data.join(name)).collect();
    private.push(archive.clone());
    private.extend(serde_json::from_value::<Vec<PathBuf>>(restored["kept"].clone()).unwrap());
    for file in &private {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    assert_eq!(mode(archive.parent().unwrap()), 0o700);
    serving.kill();

    // Of an older version, or of a careless copy.
    private.iter().for_each(|file| mode_set(file, 0o644));
    let serving = installation.serve(&key);
    for file in &private {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    drop(serving);

    let fresh = installation.data().join("new");
    let made = installation.run(&["migrate", "apply", "--data", fresh.to_str().unwrap()]);
    assert!(made.status.success(), "{}", said(&made));
    assert_eq!((mode(&fresh), mode(&fresh.join("instance.key"))), (0o700, 0o600));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_on_a_full_disk_serves_reads_and_says_so() {
    let installation = Installation::at("");
    let disk = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(disk.path()).output();
    if !mounted.unwrap().status.success() {
        println!("skipped: only root may mount");
        return;
    }
    let installation = installation.with("PURSER_DATA", disk.path().to_str().unwrap());
    for clean in [false, true] {
        let key = installation.key("charge.*");
        let serving = installation.serve(&key);
        let seller = super::seller(&serving).await;
        sale(&serving, &seller, &format!("before-{clean}")).await;
        serving.kill();
        if clean {
            // A command that ends well leaves no log.
            ok(&installation.run(&["ledger", "verify", "--json"]));
        }
        let ballast = disk.path().join("ballast");
        assert!(std::fs::write(&ballast, vec![0; 16 << 20]).is_err());
        let serving = installation.serve(&key);
        assert!(serving.told("the disk is full").is_some(), "it does not say so");
        assert!(is_sold(&serving, &format!("before-{clean}")).await);
        let mut status = 200;
        for number in 0..200 {
            let body =
                json!({ "phone_number": "9876543210", "amount": "1.00", "client_ref": format!("{clean}-{number}") });
            let path = format!("/api/sellers/{seller}/sell_charge/");
            status = serving.caller().post(&path, body).await.0;
            if status != 200 {
                break;
            }
        }
        assert_eq!(status, 503, "a full disk refuses sales");
        std::fs::remove_file(&ballast).unwrap();
        sale(&serving, &seller, &format!("room-{clean}")).await;
        serving.kill();
    }
    assert_eq!(ok(&installation.run(&["ledger", "verify", "--json"]))["clean"], json!(true));
    let unmounted = Command::new("umount").arg("--lazy").arg(disk.path()).status().unwrap();
    assert!(unmounted.success());
}
