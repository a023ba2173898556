//! Uploaded files: what the database knows of them, and that a backup brings both halves along.

use purser_files::{Error, FileKind, FileStore, NewFile, UploadPolicy, file_create, file_get, file_remove, files_of};
use purser_testkit::{TestDb, both};
use serde_json::Value;
use uuid::Uuid;

use crate::program::Installation;

const PDF: &[u8] = b"%PDF-1.7\ntrailer << >>\n%%EOF\n";

/// Checks and saves a receipt, and writes it down for its owner.
async fn receipt(db: &TestDb, store: &FileStore, owner: Uuid) -> Uuid {
    let id = db.ids().next();
    let checked = store.check(PDF.to_vec(), UploadPolicy::RECEIPT).await.unwrap();
    store.save(id, &checked).await.unwrap();
    let new = NewFile::new(id, &checked, ("test.payment", owner), "user:asha");
    let now = db.clock().now();
    db.write(move |tx| file_create(tx, now, &new)).await.unwrap();
    id
}

both! {
    async fn a_file_is_found_by_its_id_and_by_its_owner_until_it_is_removed(db: TestDb) {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::folder(folder.path());
        let (owner, other) = (db.ids().next(), db.ids().next());
        let (one, two) = (receipt(&db, &store, owner).await, receipt(&db, &store, owner).await);
        receipt(&db, &store, other).await;

        let file = db.read(move |tx| file_get(tx, one)).await.unwrap();
        assert_eq!((file.kind, file.owner_id, file.size), (FileKind::Pdf, owner, None));
        assert_eq!(store.read(&file).await.unwrap(), PDF);
        let all = db.read(move |tx| files_of(tx, "test.payment", owner)).await.unwrap();
        assert_eq!(all.iter().map(|file| file.id).collect::<Vec<_>>(), [one, two]);
        assert!(db.read(move |tx| files_of(tx, "test.other", owner)).await.unwrap().is_empty());

        let gone = db.write(move |tx| file_remove(tx, one)).await.unwrap();
        store.remove(gone.id, gone.kind).await.unwrap();
        assert!(matches!(store.read(&gone).await, Err(Error::Missing)));
        assert!(matches!(db.read(move |tx| file_get(tx, one)).await, Err(Error::Missing)));
    }

    async fn an_upload_that_is_refused_leaves_nothing_behind(db: TestDb) {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::folder(folder.path().join("files"));
        let html = b"<!doctype html><script>alert(1)</script>".to_vec();
        assert!(matches!(store.check(html, UploadPolicy::RECEIPT).await, Err(Error::Refused(_))));
        assert!(matches!(store.check(PDF.to_vec(), UploadPolicy::PICTURE).await, Err(Error::Refused(_))));
        assert!(!folder.path().join("files").exists());
        let owner = db.ids().next();
        assert!(db.read(move |tx| files_of(tx, "test.payment", owner)).await.unwrap().is_empty());
    }

    async fn a_backup_brings_the_file_and_its_row(db: TestDb) {
        let installation = Installation::new(&db);
        let store = FileStore::folder(installation.data().join("files"));
        let owner = db.ids().next();
        let id = receipt(&db, &store, owner).await;
        let taken = installation.run(&["backup", "--json"]);
        let taken: Value = serde_json::from_slice(&taken.stdout).unwrap();
        assert_eq!(taken["files"], 1, "{taken}");

        let there = TestDb::create(purser_testkit::Postgres, Vec::new()).await;
        let elsewhere = Installation::new(&there);
        let restored = elsewhere.run(&["restore", taken["file"].as_str().unwrap()]);
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
        let file = there.read(move |tx| file_get(tx, id)).await.unwrap();
        let store = FileStore::folder(elsewhere.data().join("files"));
        assert_eq!(store.read(&file).await.unwrap(), PDF);
    }
}
