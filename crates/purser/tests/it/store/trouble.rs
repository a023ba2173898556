//! What a machine does to a database: the disk fills up, the server goes away, the log grows.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use purser_store::{Error, Migration, Store, StoreOptions, WriteTx, params};
use purser_testkit::{Cluster, Durability, TestClock};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::{TABLES, note_insert, notes};

/// Bounds every wait for something that is about to happen.
pub(super) const SOON: Duration = Duration::from_secs(60);

pub(super) async fn open(options: StoreOptions) -> Store {
    let store = Store::open(&options).expect("opening the store");
    store.migrate(vec![TABLES, EVENTS], TestClock::START).await.expect("making the tables");
    store
}

/// What happened, as often as it happened: no key refuses a second time.
const EVENTS: Migration = Migration {
    room: "test",
    number: 2,
    name: "events",
    sql: "CREATE TABLE test_event (caller BIGINT NOT NULL, number BIGINT NOT NULL) /*sqlite STRICT */;",
};

/// A file system of a few megabytes, unmounted when it goes.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None` where we may not mount one: only root may.
    pub(crate) fn mount(megabytes: u32) -> Option<SmallDisk> {
        let folder = TempDir::with_prefix("purser-disk-").expect("a temporary folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then_some(SmallDisk { folder })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).output();
    }
}

fn large_note(tx: &mut WriteTx<'_>, id: i64) -> Result<(), Error> {
    note_insert(tx, id, &"x".repeat(4_000))
}

/// Sixteen callers write large notes, numbered from `first`, until each is refused. Returns the ids that were
/// acknowledged, in order, and the refusals.
async fn fill(store: &Store, first: i64) -> (Vec<i64>, Vec<Error>) {
    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for id in first + caller * 10_000.. {
                    match store.write(move |tx| large_note(tx, id)).await {
                        Ok(()) => acknowledged.push(id),
                        Err(error) => return (acknowledged, error),
                    }
                }
                (acknowledged, Error::Closed)
            })
        })
        .collect();
    let (mut acknowledged, mut errors) = (Vec::new(), Vec::new());
    for caller in callers {
        let (ids, error) = caller.await.expect("a caller");
        acknowledged.extend(ids);
        errors.push(error);
    }
    (acknowledged, errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_by_name_loses_nothing_and_service_resumes_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(8) else {
        println!("skipped: only root may mount a small file system");
        return;
    };
    let store = open(StoreOptions::sqlite(disk.file("purser.db"))).await;
    let ballast = disk.file("ballast");
    fs::write(&ballast, vec![0; 4 << 20]).expect("writing the ballast");

    let (acknowledged, refusals) = fill(&store, 0).await;
    assert_eq!(refusals, vec![Error::Full; 16]);
    assert!(!acknowledged.is_empty());
    // Reading goes on.
    assert_eq!(notes(&store).await, acknowledged);

    fs::remove_file(&ballast).expect("removing the ballast");
    let (more, refusals) = fill(&store, 1_000_000).await;
    assert_eq!(refusals, vec![Error::Full; 16]);
    assert!(!more.is_empty(), "service did not resume");
    store.close();

    let store = open(StoreOptions::sqlite(disk.file("purser.db"))).await;
    assert_eq!(notes(&store).await, [acknowledged, more].concat());
    store.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_does_not_grow_without_bound_under_a_writer_that_never_rests() {
    const MEBIBYTE: u64 = 1 << 20;
    let folder = TempDir::with_prefix("purser-log-").expect("a temporary folder");
    let store = open(StoreOptions::sqlite(folder.path().join("purser.db"))).await;
    let log = folder.path().join("purser.db-wal");
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let (store, log) = (store.clone(), log.clone());
            tokio::spawn(async move {
                let mut longest = 0;
                for round in 0..300 {
                    // 64 notes of at least two pages each: half a mebibyte of log.
                    let command = move |tx: &mut WriteTx<'_>| {
                        let text = round.to_string().repeat(8_200 / round.to_string().len());
                        let sql = "INSERT INTO test_note (id, text) VALUES (?1, ?2)
                            ON CONFLICT (id) DO UPDATE SET text = excluded.text";
                        for id in 0..64 {
                            tx.execute(sql, &params![caller * 64 + id, &text])?;
                        }
                        Ok::<_, Error>(())
                    };
                    store.write(command).await.expect("writing");
                    longest = longest.max(fs::metadata(&log).expect("the log").len());
                }
                longest
            })
        })
        .collect();
    let mut longest = 0;
    for caller in callers {
        longest = longest.max(caller.await.expect("a caller"));
    }
    // 600 MiB went through it, and the database has a few: its log may have 64, and what comes between two looks.
    assert!(longest > 4 * MEBIBYTE, "the log was {longest} bytes at most: the test is too small");
    assert!(longest < 160 * MEBIBYTE, "the log was {longest} bytes");
    store.close();
    assert_eq!(fs::metadata(&log).map_or(0, |log| log.len()), 0, "a closed store leaves no log behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_reached_is_an_error_at_the_start() {
    let folder = TempDir::with_prefix("purser-none-").expect("a temporary folder");
    let file = Store::open(&StoreOptions::sqlite(folder.path().join("missing").join("purser.db"))).err();
    assert!(matches!(file, Some(Error::Unavailable(_))), "{file:?}");
    let not_a_database = folder.path().join("text");
    fs::write(&not_a_database, "a text of more than a hundred letters, ".repeat(100)).expect("writing a file");
    let text = Store::open(&StoreOptions::sqlite(not_a_database)).err();
    assert!(matches!(text, Some(Error::Unavailable(_))), "{text:?}");
    let socket = folder.path().to_str().expect("a readable path").replace('/', "%2F");
    let server = Store::open(&StoreOptions::postgres(format!("postgres://purser@{socket}/purser"))).err();
    assert!(matches!(server, Some(Error::Unavailable(_))), "{server:?}");
}

/// A server of this test's own, which it may stop.
async fn own_server() -> (Arc<Cluster>, Store) {
    let cluster = spawn_blocking(|| Cluster::start(Durability::Durable)).await.expect("starting PostgreSQL");
    cluster.database_create("purser").expect("creating a database");
    let store = open(StoreOptions::postgres(cluster.url("purser"))).await;
    (Arc::new(cluster), store)
}

pub(super) async fn control(cluster: &Arc<Cluster>, action: impl FnOnce(&Cluster) + Send + 'static) {
    let cluster = Arc::clone(cluster);
    spawn_blocking(move || action(&cluster)).await.expect("controlling PostgreSQL");
}

/// A caller's writes, by their numbers, and how each ended.
pub(super) type WriteResults = Vec<Result<(), Error>>;

/// Writes one event after another until it is told to stop. `done` counts what was acknowledged, for all callers.
pub(super) fn caller(
    store: Store,
    caller: i64,
    stop: Arc<AtomicBool>,
    done: watch::Sender<u64>,
) -> JoinHandle<WriteResults> {
    tokio::spawn(async move {
        let mut ends = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let number = i64::try_from(ends.len()).expect("a number");
            let sql = "INSERT INTO test_event (caller, number) VALUES (?1, ?2)";
            let end = store.write(move |tx| tx.execute(sql, &params![caller, number]).map(drop)).await;
            if end.is_ok() {
                done.send_modify(|done| *done += 1);
            }
            ends.push(end);
        }
        ends
    })
}

/// Waits until `more` writes have been acknowledged from now on.
pub(super) async fn served(done: &mut watch::Receiver<u64>, more: u64) {
    let goal = *done.borrow() + more;
    let reached = timeout(SOON, done.wait_for(|done| *done >= goal));
    reached.await.expect("service does not resume").expect("the callers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_and_crashes_under_load_loses_nothing_and_doubles_nothing() {
    let (cluster, store) = own_server().await;
    let stop = Arc::new(AtomicBool::new(false));
    let (done, mut watched) = watch::channel(0);
    let callers: Vec<_> =
        (0..16).map(|number| caller(store.clone(), number, Arc::clone(&stop), done.clone())).collect();
    for round in 0..6 {
        served(&mut watched, 200).await;
        control(&cluster, move |cluster| {
            if round % 2 == 0 {
                cluster.kill();
            }
            cluster.restart();
        })
        .await;
    }
    served(&mut watched, 200).await;
    stop.store(true, Ordering::SeqCst);

    for (number, caller) in (0..).zip(callers) {
        let ends = caller.await.expect("a caller");
        let found = events(&store, number, ends.len()).await;
        for (end, found) in std::iter::zip(ends, found) {
            match end {
                Ok(()) => assert_eq!(found, 1, "an acknowledged write is there {found} times"),
                Err(Error::Unavailable(_)) => assert_eq!(found, 0, "a refused write is there"),
                Err(Error::Unknown(_)) => assert!(found <= 1, "a write is there {found} times"),
                Err(other) => panic!("an error that does not fit: {other:?}"),
            }
        }
    }
    store.close();
}

/// How often each of a caller's first `count` events is there.
pub(super) async fn events(store: &Store, caller: i64, count: usize) -> Vec<usize> {
    let sql = "SELECT number FROM test_event WHERE caller = ?1";
    let numbers = store.read(move |tx| tx.query(sql, &params![caller], |row| row.get::<u32>(0)));
    let numbers: Result<Vec<u32>, Error> = numbers.await;
    let mut found = vec![0; count];
    for number in numbers.expect("reading the events") {
        found[number as usize] += 1;
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_everybody_is_told_so_and_service_resumes_by_itself() {
    let (cluster, store) = own_server().await;
    let lane = store.batcher(10, |tx: &mut WriteTx<'_>, ids: &[i64]| {
        for id in ids {
            note_insert(tx, *id, "")?;
        }
        Ok::<_, Error>(ids.iter().map(|_| Ok(())).collect())
    });
    assert_eq!(lane.submit(1).await, Ok(()));
    control(&cluster, Cluster::stop).await;
    let write = timeout(SOON, store.write(|tx| note_insert(tx, 2, ""))).await.expect("a write is answered");
    assert!(matches!(write, Err(Error::Unavailable(_))), "{write:?}");
    let read = store.read(|tx| tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0)));
    let read = timeout(SOON, read).await.expect("a read is answered");
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    let turn = timeout(SOON, lane.submit(3)).await.expect("a lane's input is answered");
    assert!(matches!(turn, Err(Error::Unavailable(_))), "{turn:?}");

    control(&cluster, Cluster::restart).await;
    assert_eq!(store.write(|tx| note_insert(tx, 4, "")).await, Ok::<_, Error>(()));
    assert_eq!(lane.submit(5).await, Ok(()));
    assert_eq!(notes(&store).await, [1, 4, 5]);
    store.close();
}
