//! Backups that nobody asks for, and those that have had their time.

use std::path::Path;

use purser_outbox::{Job, job_enqueue};
use purser_testkit::{TestDb, both};
use serde::{Deserialize, Serialize};

use super::{backup, house, ok, said};
use crate::program::{Installation, Serving};

/// As the schedule enqueues it.
#[derive(Serialize, Deserialize)]
struct TakeBackup {}

impl Job for TakeBackup {
    const KIND: &'static str = "house.backup";
}

fn names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A backup under the names of earlier ones.
fn as_if_of(installation: &Installation, days: &[&str]) -> std::path::PathBuf {
    let file = backup(installation, &[]);
    let folder = file.parent().unwrap().to_owned();
    for day in days {
        std::fs::copy(&file, folder.join(format!("backup-{day}T210000Z.purser"))).unwrap();
    }
    std::fs::remove_file(file).unwrap();
    folder
}

async fn backup_health(serving: &Serving, staff: &str) -> String {
    let (_, health) = serving.caller().with_key(staff).get("/api/v1/health/").await;
    let parts = health["parts"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == "backup").unwrap()["detail"].as_str().unwrap().to_owned()
}

both! {
    async fn the_job_takes_a_backup_and_removes_those_that_have_had_their_time(db: TestDb) {
        let installation = Installation::new(&db)
            .with("PURSER_BACKUP_KEEP_DAILY", "2")
            .with("PURSER_BACKUP_KEEP_WEEKLY", "0")
            .with("PURSER_BACKUP_KEEP_MONTHLY", "0");
        let key = house(&installation, 1).await;
        let folder = as_if_of(&installation, &["20200101", "20200102", "20200103"]);
        std::fs::write(folder.join("backup-20190101T210000Z.purser"), b"not a backup").unwrap();
        let (now, id) = (db.clock().now(), db.ids().next());
        db.write(move |tx| job_enqueue(tx, now, id, &TakeBackup {})).await.unwrap();
        let staff = installation.key("house.read");
        let serving = installation.serve(&key);
        while names(&folder).iter().any(|name| name.contains("20200102")) {
            let health = backup_health(&serving, &staff).await;
            assert!(health.contains(" h old"), "{health}");
        }
        let left = names(&folder);
        // The unreadable one is a person's business; of the others the newest of two days stay.
        assert_eq!(left.len(), 3, "{left:?}");
        assert_eq!(left[..2], ["backup-20190101T210000Z.purser", "backup-20200103T210000Z.purser"]);
        let newest = folder.join(&left[2]);
        serving.kill();
        ok(&installation.run(&["restore", "--check", newest.to_str().unwrap()]));
    }

    async fn cleanup_says_what_it_would_remove_and_then_does(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 1).await;
        let days = ["20201101", "20201102", "20201103", "20201104", "20201105", "20201106", "20201107", "20201108"];
        let folder = as_if_of(&installation, &days);
        std::fs::write(folder.join(".backup-20201101T210000Z.purser.partial"), b"half").unwrap();
        let before = names(&folder);
        let said_first = said(&installation.run(&["cleanup", "--dry-run"]));
        assert_eq!(names(&folder), before);
        // In Kolkata it is the morning after: a Monday to the next. Seven days stay, and with them both weeks.
        assert!(said_first.contains("would remove") && said_first.contains(".partial"), "{said_first}");
        assert!(said_first.contains("backup-20201101T210000Z.purser\n"), "{said_first}");
        assert_eq!(said_first.lines().count(), 2, "{said_first}");
        ok(&installation.run(&["cleanup"]));
        assert_eq!(names(&folder).len(), 7);
        assert!(said(&installation.run(&["cleanup"])).contains("nothing to remove"));
        assert!(said(&installation.run(&["doctor"])).contains("WRONG  backup"));
    }

    async fn doctor_tells_how_old_the_newest_backup_is(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 1).await;
        assert!(said(&installation.run(&["doctor"])).contains("ok     backup       none yet"));
        backup(&installation, &[]);
        let doctor = said(&installation.run(&["doctor"]));
        assert!(doctor.contains("ok     backup       the newest is 0 h old"), "{doctor}");
    }
}
