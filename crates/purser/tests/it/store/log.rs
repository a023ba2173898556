//! The embedded engine's log: short while little happens, and never believed where it is damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use purser_store::{Error, ReadTx, Store, StoreOptions, WriteTx, params};
use purser_testkit::TestClock;
use tempfile::TempDir;

use super::trouble::SmallDisk;
use super::{TABLES, note_insert, notes};

const HEADER: usize = 32;
const FRAME: usize = 24 + 4_096;

/// Notes in a log that a test damages.
const NOTES: i64 = 40;

async fn open(path: &Path) -> Store {
    let store = Store::open(&StoreOptions::sqlite(path)).expect("opening the store");
    store.migrate(vec![TABLES], TestClock::START).await.expect("making the tables");
    store
}

/// A database with its log as a kill leaves it: each note, and then each change of a counter, is a commit of its own.
struct KilledDatabase {
    folder: TempDir,
}

impl KilledDatabase {
    /// With the log's index, as a kill leaves it, or without it, as a loss of power may.
    async fn with(index: bool) -> KilledDatabase {
        let from = TempDir::with_prefix("purser-log-").expect("a temporary folder");
        let path = from.path().join("purser.db");
        open(&path).await.close();
        let store = open(&path).await;
        // Whoever reads an old snapshot keeps the log from being moved, and from starting over.
        let (begun, has_begun) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let ends = std::sync::Mutex::new(ends);
        let reader = store.clone();
        let query = move |tx: &mut ReadTx<'_>| {
            tx.query_one("SELECT COUNT(*) FROM test_note", &[], |row| row.get::<i64>(0))?;
            begun.send(()).expect("the test");
            let _ = ends.lock().expect("one reader").recv();
            Ok::<_, Error>(())
        };
        let reading = tokio::spawn(async move { reader.read(query).await });
        tokio::task::block_in_place(|| has_begun.recv()).expect("the reader");
        for id in 0..NOTES {
            store.write(move |tx| note_insert(tx, id, &"x".repeat(3_000))).await.expect("writing");
        }
        let folder = TempDir::with_prefix("purser-log-").expect("a temporary folder");
        for side in ["", "-wal", "-shm"] {
            if index || side != "-shm" {
                let name = format!("purser.db{side}");
                fs::copy(from.path().join(&name), folder.path().join(&name)).expect("copying");
            }
        }
        drop(end);
        reading.await.expect("the reader").expect("reading");
        store.close();
        KilledDatabase { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("purser.db")
    }

    fn log(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("purser.db-wal")).expect("the log")
    }

    fn log_write(&self, bytes: &[u8]) {
        fs::write(self.folder.path().join("purser.db-wal"), bytes).expect("writing the log");
    }

    /// Overwrites 512 bytes of a frame's page.
    fn damage(&self, frame: usize) {
        let mut log = self.log();
        let at = HEADER + frame * FRAME + 1_000;
        log[at..at + 512].fill(0xA5);
        self.log_write(&log);
    }

    /// Each frame's page, and whether a commit ends with it.
    fn frames(&self) -> Vec<(u32, bool)> {
        let log = self.log();
        let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().expect("four bytes"));
        let places = (0..(log.len() - HEADER) / FRAME).map(|frame| HEADER + frame * FRAME);
        places.map(|at| (number(at), number(at + 4) > 0)).collect()
    }

    /// Frames around the middle, the first of which is not written again later, or is.
    fn middle(&self, again: bool) -> usize {
        let frames = self.frames();
        let later = |at: usize| frames[at + 1..].iter().any(|(page, _)| *page == frames[at].0);
        (frames.len() / 2..frames.len() - 8).find(|at| later(*at) == again).expect("such a frame")
    }

    fn bytes(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("a file").path())
            .map(|path| (path.display().to_string(), fs::read(&path).expect("a file")))
            .collect();
        files.sort();
        files
    }

    /// What a start says. It may change nothing.
    fn refused(&self) -> Option<(usize, usize)> {
        let before = self.bytes();
        match Store::open(&StoreOptions::sqlite(self.path())) {
            Err(Error::LogDamaged { damage, .. }) => {
                assert_eq!(self.bytes(), before, "a refused start has changed something");
                Some((damage.lost_frames, damage.lost_commits))
            }
            Err(other) => panic!("another error: {other}"),
            Ok(store) => {
                store.close();
                None
            }
        }
    }

    async fn notes(&self) -> Vec<i64> {
        let store = open(&self.path()).await;
        let found = notes(&store).await;
        let sound = store.read(|tx| tx.query_one("PRAGMA integrity_check", &[], |row| row.get::<String>(0))).await;
        assert_eq!(sound, Ok::<_, Error>("ok".to_owned()));
        store.close();
        found
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_a_kill_left_is_played_whole() {
    let killed = KilledDatabase::with(true).await;
    assert_eq!(killed.refused(), None);
    assert_eq!(killed.notes().await, (0..NOTES).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_ends_anywhere_in_a_transaction_opens_at_the_commit_before_it() {
    let whole = KilledDatabase::with(false).await;
    let log = whole.log();
    for cut in [HEADER + 10, HEADER + FRAME / 2, log.len() / 3, log.len() / 2, log.len() - FRAME, log.len() - 1] {
        let killed = KilledDatabase { folder: TempDir::with_prefix("purser-log-").expect("a temporary folder") };
        fs::copy(whole.path(), killed.path()).expect("copying");
        killed.log_write(&log[..cut]);
        assert_eq!(killed.refused(), None, "{cut} bytes");
        let found = killed.notes().await;
        let count = i64::try_from(found.len()).expect("a count");
        assert_eq!(found, (0..count).collect::<Vec<_>>(), "{cut} bytes");
        assert!(count < NOTES, "{cut} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_the_middle_of_the_log_is_told_and_nothing_is_touched() {
    // What stands behind the damage proves itself, also without the log's index.
    for index in [false, true] {
        let killed = KilledDatabase::with(index).await;
        let middle = killed.middle(false);
        killed.damage(middle);
        let (frames, commits) = killed.refused().expect("the start is refused");
        assert!(frames >= killed.frames().len() - middle, "{frames} frames of {middle}");
        assert!((2..NOTES).contains(&i64::try_from(commits).expect("a count")), "{commits} commits");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_beginning_of_the_log_is_told() {
    let killed = KilledDatabase::with(false).await;
    let mut log = killed.log();
    log[..HEADER].fill(0);
    killed.log_write(&log);
    assert!(killed.refused().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_the_last_commit_is_told_where_the_index_knows_that_it_was_synced() {
    let killed = KilledDatabase::with(true).await;
    let last = killed.frames().len() - 1;
    killed.damage(last);
    let (frames, commits) = killed.refused().expect("the start is refused");
    assert!(frames >= 1 && commits == 1, "{frames} frames, {commits} commits");
    // Without the index it is what a loss of power leaves.
    let killed = KilledDatabase::with(false).await;
    killed.damage(last);
    assert_eq!(killed.refused(), None);
    assert_eq!(killed.notes().await, (0..NOTES - 1).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_recovers_everything_where_the_damaged_page_was_written_again() {
    let killed = KilledDatabase::with(true).await;
    killed.damage(killed.middle(true));
    assert!(killed.refused().is_some());
    let options = StoreOptions::sqlite(killed.path());
    let repaired = Store::log_repair(&options, "before_test").expect("repairing").expect("something to repair");
    assert!(repaired.damage.recoverable, "{repaired:?}");
    assert_eq!(killed.notes().await, (0..NOTES).collect::<Vec<_>>());
    assert_eq!(Store::log_repair(&options, "before_again"), Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_keeps_what_stands_before_the_damage_and_the_damaged_files() {
    let killed = KilledDatabase::with(true).await;
    let middle = killed.middle(false);
    killed.damage(middle);
    let before = killed.log();
    let repaired = Store::log_repair(&StoreOptions::sqlite(killed.path()), "before_test").expect("repairing");
    let repaired = repaired.expect("something to repair");
    assert!(!repaired.damage.recoverable, "{repaired:?}");
    let found = killed.notes().await;
    let lost = i64::try_from(repaired.damage.lost_commits).expect("a count");
    assert_eq!(found, (0..NOTES - lost).collect::<Vec<_>>());
    let kept = killed.folder.path().join("purser.db.before_test-wal");
    assert_eq!(fs::read(kept).expect("the damaged log"), before);
    assert_eq!(repaired.copy.len(), 3, "{repaired:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_its_database_is_refused_by_name_and_stays() {
    for empty in [false, true] {
        let killed = KilledDatabase::with(true).await;
        fs::remove_file(killed.path()).expect("removing the database");
        if empty {
            fs::write(killed.path(), b"").expect("an empty file");
        }
        let before = killed.bytes();
        let refused = Store::open(&StoreOptions::sqlite(killed.path())).err();
        let how = if empty { "empty" } else { "missing" };
        assert!(matches!(&refused, Some(Error::LogAlone { how: said, .. }) if *said == how), "{refused:?}");
        assert_eq!(killed.bytes(), before);
    }
}

/// The log's salt changes when it starts over.
fn salt(log: &Path) -> Vec<u8> {
    fs::read(log).ok().and_then(|log| log.get(16..24).map(<[u8]>::to_vec)).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_little_is_written_the_log_starts_over_every_few_seconds() {
    let folder = TempDir::with_prefix("purser-log-").expect("a temporary folder");
    let store = open(&folder.path().join("purser.db")).await;
    let log = folder.path().join("purser.db-wal");
    store.write(|tx| note_insert(tx, 0, "first")).await.expect("writing");
    let first = salt(&log);
    let mut rounds = 0;
    while salt(&log) == first {
        rounds += 1;
        assert!(rounds < 300, "the log of light traffic has not been moved in half a minute");
        store.write(move |tx| note_insert(tx, rounds, "more")).await.expect("writing");
        tokio::time::sleep(Duration::from_millis(100)).await; // sleep-ok: light traffic is what the test is about
    }
    store.close();
}

/// Writes a row of two pages over and over: the database stays as it is, and only its log would grow.
async fn rewrite(store: &Store, count: u32) -> Result<(), Error> {
    for round in 0..count {
        let command = move |tx: &mut WriteTx<'_>| {
            let text = format!("{round:07}").repeat(1_000);
            let sql =
                "INSERT INTO test_note (id, text) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET text = excluded.text";
            tx.execute(sql, &params![&text]).map(drop)
        };
        store.write(command).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_disk_is_not_filled_by_the_log_of_a_small_database() {
    let Some(disk) = SmallDisk::mount(14) else {
        println!("skipped: only root may mount a small file system");
        return;
    };
    let store = open(&disk.file("purser.db")).await;
    // 50 MiB go through the log.
    assert_eq!(rewrite(&store, 4_000).await, Ok(()));
    store.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_full_disk_serves_reads_and_writes_again_once_there_is_room() {
    for killed in [false, true] {
        let Some(disk) = SmallDisk::mount(8) else {
            println!("skipped: only root may mount a small file system");
            return;
        };
        let path = disk.file("purser.db");
        if killed {
            let left = KilledDatabase::with(true).await;
            for (name, bytes) in left.bytes() {
                let name = name.rsplit('/').next().expect("a name").to_owned();
                fs::write(disk.file(&name), bytes).expect("copying");
            }
        } else {
            let store = open(&path).await;
            store.write(|tx| note_insert(tx, 0, "kept")).await.expect("writing");
            store.close();
        }
        let ballast = disk.file("ballast");
        assert!(fs::write(&ballast, vec![0; 8 << 20]).is_err(), "the disk is not full");

        let store = Store::open(&StoreOptions::sqlite(&path)).expect("a full disk is no obstacle to reading");
        let migrated = store.migrate(vec![TABLES], TestClock::START).await;
        assert!(migrated.is_ok(), "{migrated:?}");
        assert_eq!(notes(&store).await.len(), if killed { 40 } else { 1 });
        let large = |tx: &mut WriteTx<'_>| (100..140).try_for_each(|id| note_insert(tx, id, &"x".repeat(8_000)));
        assert_eq!(store.write(large).await, Err(Error::Full));
        assert_eq!(notes(&store).await.len(), if killed { 40 } else { 1 });

        fs::remove_file(&ballast).expect("removing the ballast");
        assert_eq!(store.write(large).await, Ok(()));
        store.close();
        let store = open(&path).await;
        assert_eq!(notes(&store).await.len(), if killed { 80 } else { 41 });
        store.close();
    }
}
