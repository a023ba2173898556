//! Who is told of expiries and reverts.

use purser_kit::App;
use purser_outbox::{Outbox, Worker, WorkerLimits, WorkerSetup};
use purser_store::{Error, ReadTx};
use purser_testkit::{TestDb, both};
use std::sync::Arc;

use super::Pool;

/// A worker that does the app's jobs, and no notices: those stay where the test can see them.
fn worker(pool: &Pool) -> Worker {
    let App { jobs, .. } = purser_members::app(&pool.context, (*pool.settings).clone());
    let setup = WorkerSetup {
        store: pool.db.store(),
        clock: Arc::new(pool.db.clock().clone()),
        owner: pool.db.ids().next(),
        outbox: Outbox::default(),
        handlers: jobs,
        schedules: Vec::new(),
        zone: jiff::tz::TimeZone::UTC,
        limits: WorkerLimits::default(),
    };
    Worker::new(setup).unwrap()
}

/// What is told to whom, in order of the addresses.
async fn told(pool: &Pool) -> Vec<(String, String)> {
    let read = |tx: &mut ReadTx<'_>| {
        let sql = "SELECT kind, recipient FROM outbox_notice ORDER BY kind, recipient";
        tx.query(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    pool.db.read(read).await.unwrap_or_else(|error: Error| panic!("{error}"))
}

fn all(kind: &str, names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| (kind.to_owned(), format!("{name}@example.com"))).collect()
}

both! {
    async fn every_living_member_is_told_once_of_an_expiry_and_of_its_revert(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan"], 500).await;
        pool.expire(&ids[..1]).await.unwrap();
        let mut worker = worker(&pool);
        assert_eq!(worker.run_due_once().await, Ok(1));
        assert_eq!(told(&pool).await, all("members.expiry", &["bina", "chetan"]));
        pool.revert(&ids[..1]).await.unwrap();
        assert_eq!(worker.run_due_once().await, Ok(1));
        let reverted = all("members.revert", &["asha", "bina", "chetan"]);
        assert_eq!(told(&pool).await, [all("members.expiry", &["bina", "chetan"]), reverted].concat());
        assert_eq!(worker.run_due_once().await, Ok(0));
    }

    async fn nobody_is_told_of_what_did_not_happen(db: TestDb) {
        let pool = Pool::open(&db);
        let asha = pool.member("asha", 0).await;
        pool.member("bina", 99).await;
        pool.expire(&[asha]).await.unwrap_err();
        pool.revert(&[asha]).await.unwrap_err();
        assert_eq!(worker(&pool).run_due_once().await, Ok(0));
        assert_eq!(told(&pool).await, []);
    }

    async fn more_than_one_batch_is_told_by_jobs_that_follow_each_other(db: TestDb) {
        let pool = Pool::with(&db, purser_members::Settings { max: 0, ..purser_members::Settings::standard() });
        let rows: String = (0..1_201).map(|number| format!("M,m{number:04}@example.com,1\n")).collect();
        let file = format!("name,email,wallet_balance\n{rows}");
        pool.run(move |tx, settings, cx| {
            purser_members::service::import_save(tx, settings, cx, file.as_bytes(), &|_| {}).map_err(|refused| refused.error)
        }).await.unwrap();
        let asha = pool.member("asha", 0).await;
        pool.expire(&[asha]).await.unwrap();
        assert_eq!(worker(&pool).run_due_once().await, Ok(3));
        let told = told(&pool).await;
        assert_eq!(told.len(), 1_201);
        assert!(told.windows(2).all(|pair| pair[0].1 < pair[1].1), "each once");
    }
}
