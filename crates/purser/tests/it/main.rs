//! The product's tests: each runs on both engines, and after each the ledger is audited.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may stop at once: its panic is the report")]

mod account;
mod backup;
mod batches;
mod browser;
mod charts;
mod chromium;
mod cleanup;
mod coins;
mod coins_console;
mod commands;
mod condition;
mod connections;
mod console;
mod contract;
mod copies;
mod counter;
mod crash;
mod declared;
mod delivery;
mod doors;
mod dump;
mod files;
mod hostile;
mod identity;
mod keys;
mod ledger;
mod members;
mod notices;
mod older;
mod outbox;
mod power;
mod program;
mod records;
mod requests;
mod resellers;
mod start;
mod store;
mod task_progress;
mod test_site;
mod tls;
mod web;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::tz::TimeZone;
use purser_files::FileStore;
use purser_identity::Sealer;
use purser_kit::{AppContext, CommandCounts, Ids, KeyCache, RefusedCalls, Rights, Scope, Services};
use purser_outbox::Outbox;
use purser_store::{Migration, Store};
use purser_testkit::TestDb;

/// What every database holds at the start.
fn migrations() -> Vec<Migration> {
    let rooms =
        [purser_identity::MIGRATIONS, purser_outbox::MIGRATIONS, purser_files::MIGRATIONS, purser_ledger::MIGRATIONS];
    let apps = [purser_charge::MIGRATIONS, purser_members::MIGRATIONS, purser_coins::MIGRATIONS];
    [rooms.concat(), apps.concat()].concat()
}

/// Every permission there is.
fn scopes() -> Vec<Scope> {
    [purser_web::SYSTEM_SCOPES, purser_charge::SCOPES, purser_members::SCOPES, purser_coins::SCOPES].concat()
}

/// The house in this process, under the clock of the test.
fn context(db: &TestDb) -> AppContext {
    context_on(db, db.store())
}

/// The same, served by https.
fn context_by_https(db: &TestDb) -> AppContext {
    AppContext::new(Services { https: true, ..house(db, db.store(), true) })
}

/// The same on a store of its own, as another copy of the program has it.
fn context_on(db: &TestDb, store: Store) -> AppContext {
    context_with(db, store, true)
}

/// The same, and whether staff need a second factor.
fn context_with(db: &TestDb, store: Store, second_factor: bool) -> AppContext {
    AppContext::new(house(db, store, second_factor))
}

/// A folder of its own for each: ids of tests that run at the same time may be the same.
fn files_folder() -> std::path::PathBuf {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("purser-files-{}-{number}", std::process::id()))
}

fn house(db: &TestDb, store: Store, second_factor: bool) -> Services {
    Services {
        store,
        clock: Arc::new(db.clock().clone()),
        zone: TimeZone::UTC,
        ids: Ids::new(|bytes| *bytes = [1; 8]),
        outbox: Outbox::default(),
        process: db.ids().next(),
        keys: KeyCache::default(),
        refused_calls: RefusedCalls::default(),
        commands: CommandCounts::default(),
        files: FileStore::folder(files_folder()),
        rights: Rights::new(scopes()),
        sealer: Sealer::new(&[7; 32]),
        second_factor,
        https: false,
    }
}

/// What must be true at the end of every test.
async fn after(db: &TestDb) {
    let report = db.read(purser_ledger::verify).await.expect("the ledger's audit");
    assert_eq!(report.problems, Vec::<String>::new());
    let problems = db.read(purser_members::problems).await;
    assert_eq!(problems, Ok(Vec::new()));
    let problems = db.read(purser_coins::problems).await;
    assert_eq!(problems, Ok(Vec::new()));
}

/// A mistake of ours, as it would happen inside a command.
fn mistake() {
    panic!("a mistake of ours");
}
