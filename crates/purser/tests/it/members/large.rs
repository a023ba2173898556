//! A hundred thousand members: uploaded, one of them expires, and it is taken back, while sales go on beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use purser_ledger::{AccountId, AccountKind, AccountPath, NewAccount, NewEntry, Transfer, accounts_open, post};
use purser_members::service::{MovementReason, import_save};
use purser_members::{Error, Settings};
use purser_money::Currency;
use purser_store::Engine;
use purser_testkit::{TestDb, both};

use super::{Pool, inr};

const MEMBERS: usize = 100_000;

/// Accounts that have nothing to do with the pool.
async fn strangers(pool: &Pool) -> Vec<AccountId> {
    let now = pool.db.clock().now();
    let open = move |tx: &mut purser_store::WriteTx<'_>| {
        let new = |number: usize| {
            let path = AccountPath::new(format!("test:stranger:{number}"))?;
            Ok::<_, purser_ledger::Error>(NewAccount {
                path,
                kind: AccountKind::Liability,
                currency: Currency::INR,
                floor: None,
            })
        };
        let new: Vec<NewAccount> = (0..40).map(new).collect::<Result<_, _>>()?;
        accounts_open(tx, now, &new)
    };
    pool.db.write(open).await.unwrap()
}

/// Moves money between strangers, one entry after the other, until it is told to stop: how many were posted.
struct BackgroundTransfers {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u64>,
}

impl BackgroundTransfers {
    fn begin(pool: &Pool, strangers: &[AccountId]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopping, pool, strangers) = (stop.clone(), pool.clone(), strangers.to_vec());
        let task = tokio::spawn(async move {
            let mut turn = 0;
            while !stopping.load(Ordering::SeqCst) {
                // Forty accounts in one entry: PostgreSQL notes no single rows any more, as with a busy counter.
                let pairs: Vec<Transfer> = (0..20)
                    .map(|pair| (strangers[(turn + pair) % 40], strangers[(turn + pair + 20) % 40]))
                    .map(|(debit, credit)| Transfer { debit, credit, amount: inr(1) })
                    .collect();
                let now = pool.db.clock().now();
                let entry =
                    NewEntry { kind: "test.sale", actor: "test".to_owned(), memo: String::new(), reference: None };
                pool.db.write(move |tx| post(tx, now, entry.clone(), &pairs)).await.unwrap();
                turn += 1;
            }
            turn as u64
        });
        BackgroundTransfers { stop, task }
    }

    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap()
    }
}

both! {
    async fn a_hundred_thousand_are_uploaded_and_pay_for_one_and_get_it_back_beside_everybody_else(db: TestDb) {
        let pool = Pool::with(&db, Settings { max: 0, ..Settings::standard() });
        let rows: String = (0..MEMBERS).map(|number| format!("Member {number},m{number:06}@example.com,1.50\n")).collect();
        let file = format!("name,email,wallet_balance\n{rows}");
        let told = Arc::new(AtomicU64::new(0));
        let count = told.clone();
        let saved = pool.run(move |tx, settings, cx| {
            let hear = |rows: usize| count.store(rows as u64, Ordering::SeqCst);
            import_save(tx, settings, cx, file.as_bytes(), &hear).map_err(|refused| refused.error)
        });
        assert_eq!(saved.await.unwrap().1.members, MEMBERS);
        assert_eq!(told.load(Ordering::SeqCst), MEMBERS as u64);

        let asha = pool.member("asha", 0).await;
        let strangers = strangers(&pool).await;
        let beside = BackgroundTransfers::begin(&pool, &strangers);
        let (first, paying) = (pool_first(&pool).await, pool.clone());
        let top_up = tokio::spawn(async move { paying.wallet(first, MovementReason::TopUp, 50).await });
        let done = pool.expire(&[asha]).await.unwrap().remove(0);
        top_up.await.unwrap().unwrap();
        assert_eq!(pool.has(first).await, 100, "what a payer pays in meanwhile counts too");
        let moved = beside.end().await;
        assert_eq!((done.expiry.payers, done.taken), (100_000, inr(10_000_000)));
        assert_eq!(pool.pool().await, 10_000_000);

        let beside = BackgroundTransfers::begin(&pool, &strangers);
        pool.revert(&[asha]).await.unwrap();
        let moved_back = beside.end().await;
        assert_eq!(pool.pool().await, 0);
        // SQLite has one writer, and what waits for it waits; PostgreSQL has several, and nobody waits for another's rows.
        let least = if db.engine() == Engine::Postgres { 10 } else { 1 };
        assert!(moved >= least && moved_back >= least, "{moved} {moved_back}");

        // A second levy is more than the wallets have: nobody pays.
        pool.expire(&[asha]).await.unwrap();
        let refused = pool.expire(&[first]).await.unwrap_err();
        let Error::CannotPay { lacking, more } = refused else { panic!("{refused}") };
        assert_eq!((lacking.len(), more, lacking[0].missing), (1_000, true, inr(50)));
    }
}

/// Somebody who lives.
async fn pool_first(pool: &Pool) -> uuid::Uuid {
    let sql = "SELECT id FROM members_member WHERE expired_at IS NULL ORDER BY id LIMIT 1";
    let first = pool.db.read(move |tx| tx.query_one(sql, &[], |row| row.get(0)));
    first.await.unwrap_or_else(|error: purser_store::Error| panic!("{error}"))
}
