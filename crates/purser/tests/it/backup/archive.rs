//! What is in an archive: the same rows on both engines, of this schema or an older one.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;
use purser_store::{Engine, Error, Migration, params};
use purser_testkit::{TestDb, both};
use serde_json::json;

use super::{backup, elsewhere, house, ok, restore, said};
use crate::older::{OlderDatabase, goes_on};
use crate::program::Installation;

/// Every row of an archive as text, sorted, by table.
fn rows(file: &Path) -> BTreeMap<String, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar").arg("-xf").arg(file).arg("-C").arg(folder.path()).status().unwrap();
    assert!(unpacked.success());
    let mut rows = BTreeMap::new();
    for table in std::fs::read_dir(folder.path().join("tables")).unwrap() {
        let table = table.unwrap();
        let mut lines = Vec::new();
        for part in std::fs::read_dir(table.path()).unwrap() {
            let mut text = String::new();
            let packed = std::fs::File::open(part.unwrap().path()).unwrap();
            GzDecoder::new(packed).read_to_string(&mut text).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
        lines.sort();
        rows.insert(table.file_name().to_string_lossy().into_owned(), lines);
    }
    rows
}

both! {
    async fn what_one_engine_held_the_other_takes_to_the_last_row(db: TestDb) {
        let installation = Installation::new(&db);
        house(&installation, 70).await;
        // Whatever a text may hold.
        let (id, hostile) = (db.ids().next(), "a\tb\nc\r\\N \\\\x00 \u{1}\u{7f}\u{2028} नमस्ते \\.");
        let insert = "INSERT INTO outbox_dead_letter
            (id, kind, payload, attempts, max_attempts, failures, created_at, died_at)
            VALUES (?1, ?2, ?2, 1, 1, '', ?3, ?4)";
        let write = db.write(move |tx| tx.execute(insert, &params![id, hostile, i64::MIN, i64::MAX]));
        assert_eq!(write.await, Ok::<_, Error>(1));
        let file = backup(&installation, &[]);
        let other = if db.engine() == Engine::Sqlite { Engine::Postgres } else { Engine::Sqlite };
        let there = elsewhere(other).await;
        let restored = ok(&restore(&there.installation, &file, &[]));
        assert_eq!(restored["ledger"]["clean"], json!(true), "{restored}");
        let again = backup(&there.installation, &[]);
        let (one, two) = (rows(&file), rows(&again));
        assert_eq!(one, two);
        assert!(one["charge_sale"].len() == 70 && one["ledger_mark"].len() > 1, "{one:?}");
    }

    async fn a_backup_of_an_older_schema_is_brought_up_to_date(db: TestDb) {
        let older = OlderDatabase::make(db.engine()).await;
        let installation = Installation::new(&older.db);
        let file = backup(&installation, &[]);
        let there = elsewhere(db.engine()).await;
        ok(&restore(&there.installation, &file, &[]));
        let plan = said(&there.installation.run(&["migrate", "plan"]));
        assert!(plan.contains("present   charge/0002_request") && !plan.contains("pending"), "{plan}");
        goes_on(&there.installation, &older).await;
    }

    async fn a_backup_of_a_newer_program_is_refused(db: TestDb) {
        let sql = "CREATE TABLE charge_future (id BIGINT PRIMARY KEY) /*sqlite STRICT */;";
        let future = Migration { room: "charge", number: 99, name: "future", sql };
        let known = crate::migrations();
        let last = known.iter().filter(|migration| migration.room == "charge").map(|migration| migration.number).max();
        let future = Migration { number: last.unwrap() + 1, ..future };
        let newer = TestDb::create(db.engine(), [known, vec![future]].concat()).await;
        let installation = Installation::new(&newer);
        let file = backup(&installation, &[]);
        let there = elsewhere(db.engine()).await;
        let refused = restore(&there.installation, &file, &[]);
        assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
        assert!(said(&refused).contains("which this one lacks"), "{}", said(&refused));
        assert!(!there.installation.data().join("purser.db").exists());
    }
}
