//! What has had its time: said by a dry run, and then removed, and nothing else.

use jiff::Timestamp;
use purser_files::{FileKind, FileStore, NewFile, UploadPolicy, file_create};
use purser_kit::console::RequestContext;
use purser_outbox::{Channel, Language, NewNotice, SentText, notice_enqueue, notice_get, notice_sent};
use purser_testkit::{TestDb, both};
use serde_json::json;
use uuid::Uuid;

use crate::browser::{Browser, person};
use crate::program::Installation;

const PDF: &[u8] = b"%PDF-1.7\ntrailer << >>\n%%EOF\n";

/// Long after whenever this test runs.
fn in_future() -> Timestamp {
    "2190-01-01T00:00:00Z".parse().unwrap()
}

/// A notice that was sent then; its id.
async fn sent(db: &TestDb, at: Timestamp) -> Uuid {
    let id = db.ids().next();
    let kind = purser_web::SYSTEM_NOTICES.iter().find(|kind| kind.name == "house.already-known").unwrap();
    let done = db.write(move |tx| {
        let values = json!({ "username": "asha", "link": "https://purser.example/" });
        let notice =
            NewNotice { kind, channel: Channel::Email, to: "asha@example.com", language: Language::English, values };
        notice_enqueue(tx, at, id, &notice)?;
        let said = SentText { subject: "Hello".to_owned(), text: "Hello Asha".to_owned(), html: String::new() };
        notice_sent(tx, at, id, &said, "{\"username\":\"asha\"}")?;
        tx.execute("DELETE FROM outbox_job", &[]).map_err(purser_outbox::Error::Store)
    });
    done.await.unwrap();
    id
}

/// A file of sales and one of members that were uploaded then.
async fn uploaded(db: &TestDb, at: Timestamp) {
    let context = crate::context(db);
    let charge = purser_charge::app(&context, purser_charge::Settings::standard(), purser_charge::Connector::Instant);
    let members = purser_members::app(&context, purser_members::Settings::standard());
    let coins = purser_coins::app(&context, purser_coins::Settings::standard());
    let seed = db.ids().next();
    let kept = db.write(move |tx| {
        let mut cx = RequestContext::new(at, "user:test".to_owned(), seed, seed);
        let sales = b"seller,phone_number,amount\nNobody,9876543210,1\n";
        (charge.console.imports[0].check)(tx, &mut cx, sales)?;
        let list = b"name,email,wallet_balance\nAsha,asha@example.com,1\n";
        (members.console.imports[0].check)(tx, &mut cx, list)?;
        (coins.console.imports[0].check)(tx, &mut cx, b"withdrawal_id,status,utr,reason\n17,paid,1,\n")
    });
    kept.await.unwrap();
}

/// A file on the disk, with a row or without.
async fn file(db: &TestDb, store: &FileStore, id: Uuid, with_row: bool) {
    let checked = store.check(PDF.to_vec(), UploadPolicy::RECEIPT).await.unwrap();
    store.save(id, &checked).await.unwrap();
    if with_row {
        let (now, new) = (db.clock().now(), NewFile::new(id, &checked, ("test.payment", id), "user:asha"));
        db.write(move |tx| file_create(tx, now, &new)).await.unwrap();
    }
}

fn lines(installation: &Installation, args: &[&str]) -> Vec<String> {
    let ran = installation.run(args);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect()
}

async fn count(db: &TestDb, table: &'static str) -> i64 {
    let counted =
        db.read(move |tx| tx.query_one(&format!("SELECT COUNT(*) FROM {table}"), &[], |row| row.get::<i64>(0)));
    let counted: Result<i64, purser_store::Error> = counted.await;
    counted.unwrap()
}

both! {
    async fn a_dry_run_says_what_the_real_one_then_removes(db: TestDb) {
        let installation = Installation::new(&db);
        person(&installation, "asha", &["--superuser"]);
        let (past, future) = (db.clock().now(), in_future());
        let (old, fresh) = (sent(&db, past).await, sent(&db, future).await);
        uploaded(&db, past).await;
        uploaded(&db, future).await;
        let store = FileStore::folder(installation.data().join("files"));
        let (named, orphan) = (db.ids().next(), db.ids().next());
        let young = Uuid::new_v7(uuid::Timestamp::from_unix_time(6_900_000_000, 0, 0, 0));
        file(&db, &store, named, true).await;
        file(&db, &store, orphan, false).await;
        file(&db, &store, young, false).await;
        std::fs::write(installation.data().join("files/notes.txt"), "not ours").unwrap();

        let would = lines(&installation, &["cleanup", "--dry-run"]);
        assert_eq!(would.len(), 5, "{would:?}");
        for what in ["1 texts of notices sent", "1 uploaded files of sales", "1 uploaded files of members", "1 bank's answers", &orphan.simple().to_string()] {
            assert!(would.iter().any(|line| line.starts_with("would remove ") && line.contains(what)), "{what}: {would:?}");
        }
        assert_eq!(lines(&installation, &["cleanup", "--dry-run"]), would, "it changed nothing");
        let removed = lines(&installation, &["cleanup"]);
        assert_eq!(removed, would.iter().map(|line| line.replace("would remove", "removed")).collect::<Vec<_>>());
        assert_eq!(lines(&installation, &["cleanup"]), ["nothing to remove"]);

        let [gone, kept] = [old, fresh].map(|id| db.read(move |tx| notice_get(tx, id)));
        let (gone, kept) = (gone.await.unwrap(), kept.await.unwrap());
        assert_eq!((gone.sent, gone.values.len(), gone.to.as_str()), (None, 0, "asha@example.com"));
        assert_eq!(kept.sent.unwrap().text, "Hello Asha");
        for table in ["charge_upload", "members_import", "coins_result"] {
            assert_eq!(count(&db, table).await, 1, "{table}");
        }
        let there = |id: Uuid| {
            let digits = id.simple().to_string();
            let folder = installation.data().join("files").join(&digits[28..30]).join(&digits[30..]);
            folder.join(format!("{digits}.{}", FileKind::Pdf.extension())).exists()
        };
        assert_eq!((there(named), there(orphan), there(young)), (true, false, true));
        assert!(installation.data().join("files/notes.txt").exists());

        let serving = installation.serve("");
        let mut asha = Browser::signed_in(&serving, "asha").await;
        let page = asha.page(&format!("/admin/house/notices/{old}/")).await;
        assert!(page.contains("its text was removed") && page.contains("asha@example.com"), "{page}");
        let again = asha.post("/admin/house/notices/do/", &[("action", "again"), ("id", &old.to_string())]).await;
        assert!(again.status == 409 && again.text.contains("cannot be sent again"), "{}", again.text);
    }

    async fn how_long_things_are_kept_is_a_setting(db: TestDb) {
        let years = Installation::new(&db).with("PURSER_CLEANUP_NOTICE_TEXT_DAYS", "36500");
        sent(&db, db.clock().now()).await;
        assert_eq!(lines(&years, &["cleanup", "--dry-run"]), ["nothing to remove"]);
        let never = Installation::new(&db).with("PURSER_CLEANUP_UPLOAD_DAYS", "0");
        let refused = never.run(&["cleanup"]);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("cleanup.upload_days is 0"), "{refused:?}");
    }
}
