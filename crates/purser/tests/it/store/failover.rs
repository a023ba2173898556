//! A PostgreSQL primary that hangs, and the standby that takes its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use purser_store::{Error, Store, StoreOptions, WriteTx};
use purser_testkit::Cluster;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::trouble::{caller, control, events, open, served};
use super::{note_insert, notes};

/// From the moment that the primary hangs until service goes on.
const BOUND: Duration = Duration::from_secs(10);

/// A primary with an empty database, and its standby.
pub(crate) async fn pair() -> (Arc<Cluster>, Arc<Cluster>) {
    let made = spawn_blocking(|| {
        let primary = Cluster::start_listening();
        primary.database_create("purser").expect("creating a database");
        let standby = primary.standby();
        (Arc::new(primary), Arc::new(standby))
    });
    made.await.expect("starting two servers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hangs_is_left_for_the_promoted_standby_and_nothing_is_lost_or_doubled() {
    let (primary, standby) = pair().await;
    let address = primary.url_with(&standby, "purser");
    let store = open(StoreOptions::postgres(&address)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (done, mut watched) = watch::channel(0);
    let callers: Vec<_> =
        (0..16).map(|number| caller(store.clone(), number, Arc::clone(&stop), done.clone())).collect();
    served(&mut watched, 200).await;

    let hung = Instant::now();
    control(&primary, Cluster::freeze).await;
    control(&standby, Cluster::promote).await;
    served(&mut watched, 16).await;
    let away = hung.elapsed();
    assert!(away < BOUND, "nobody was served for {away:?}");

    // The former primary wakes up, and still believes that it is one.
    control(&primary, Cluster::thaw).await;
    served(&mut watched, 200).await;
    let another = open(StoreOptions::postgres(&address)).await;
    assert_eq!(another.write(|tx: &mut WriteTx<'_>| note_insert(tx, 1, "")).await, Ok::<_, Error>(()));
    another.close();
    stop.store(true, Ordering::SeqCst);

    let promoted = Store::open(&StoreOptions::postgres(standby.url("purser"))).expect("the promoted standby");
    assert_eq!(notes(&promoted).await, [1], "a copy that starts now works with the promoted one too");
    for (number, caller) in (0..).zip(callers) {
        let ends = caller.await.expect("a caller");
        let found = events(&promoted, number, ends.len()).await;
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
    promoted.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_alone_is_told_of_and_served_again_when_it_goes_on() {
    let server = spawn_blocking(Cluster::start_listening).await.expect("starting PostgreSQL");
    server.database_create("purser").expect("creating a database");
    let server = Arc::new(server);
    let store = open(StoreOptions::postgres(server.url("purser"))).await;
    assert_eq!(store.write(|tx| note_insert(tx, 1, "")).await, Ok::<_, Error>(()));
    control(&server, Cluster::freeze).await;
    let write = tokio::time::timeout(3 * BOUND, store.write(|tx| note_insert(tx, 2, ""))).await;
    let write = write.expect("a write is answered");
    assert!(matches!(write, Err(Error::Unavailable(_) | Error::Unknown(_))), "{write:?}");
    control(&server, Cluster::thaw).await;
    assert_eq!(store.write(|tx| note_insert(tx, 3, "")).await, Ok::<_, Error>(()));
    assert_eq!(notes(&store).await, [1, 3]);
    store.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_long_is_waited_for_while_its_server_gives_signs_of_life() {
    let server = spawn_blocking(Cluster::start_listening).await.expect("starting PostgreSQL");
    server.database_create("purser").expect("creating a database");
    let store = open(StoreOptions::postgres(server.url("purser"))).await;
    let began = Instant::now();
    let slow = "SELECT CAST(1 AS BIGINT) FROM pg_sleep(9)";
    let answer = store.read(move |tx| tx.query_one(slow, &[], |row| row.get::<i64>(0))).await;
    assert_eq!(answer, Ok::<_, Error>(1));
    assert!(began.elapsed() > Duration::from_secs(8), "{:?}", began.elapsed());
    store.close();
}
