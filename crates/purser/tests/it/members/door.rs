//! Who becomes a member, and what a wallet takes.

use std::sync::Arc;

use purser_members::service::{MemberChange, MovementReason, import_save, member_change};
use purser_members::{Error, Settings};
use purser_testkit::{TestDb, both};

use super::{Pool, inr};

both! {
    async fn no_two_members_share_an_address_in_any_case(db: TestDb) {
        let pool = Pool::open(&db);
        pool.join("Asha", "Asha.Rao@Example.com", 0).await.unwrap();
        let before = pool.dump().await;
        let taken = pool.join("Another", "asha.rao@EXAMPLE.COM", 0).await;
        assert_eq!(taken, Err(Error::EmailTaken("asha.rao@EXAMPLE.COM".to_owned())));
        assert_eq!(pool.dump().await, before, "not even an account is left behind");
        let bina = pool.join("Bina", "bina@example.com", 0).await.unwrap();
        let change = |email: &str| MemberChange { name: None, email: Some(purser_identity::Email::parse(email).unwrap()) };
        let (settings, now, wanted) = (Arc::clone(&pool.settings), db.clock().now(), change("ASHA.rao@example.com"));
        let taken = db.write(move |tx| member_change(tx, now, &settings, bina.id, &wanted)).await;
        assert_eq!(taken, Err(Error::EmailTaken("ASHA.rao@example.com".to_owned())));
        let (settings, own) = (Arc::clone(&pool.settings), change("BINA@example.com"));
        let changed = db.write(move |tx| member_change(tx, now, &settings, bina.id, &own)).await.unwrap();
        assert_eq!(changed.email, "BINA@example.com", "one's own address may change its case");
    }

    async fn of_many_who_ask_for_one_address_one_gets_it(db: TestDb) {
        let pool = Pool::open(&db);
        let tasks: Vec<_> = (0..8).map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.join("Asha", "asha@example.com", 100).await })
        }).collect();
        let mut joined = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => joined += 1,
                Err(error) => assert_eq!(error, Error::EmailTaken("asha@example.com".to_owned())),
            }
        }
        assert_eq!(joined, 1);
    }

    async fn the_eleventh_is_refused_at_every_door_and_expired_members_count(db: TestDb) {
        let pool = Pool::open(&db);
        let mut ids = Vec::new();
        for number in 0..10 {
            ids.push(pool.member(&format!("m{number}"), 100).await);
        }
        pool.expire(&ids[..1]).await.unwrap();
        let full = Error::LimitReached { max: 10, members: 10 };
        assert_eq!(pool.join("late", "late@example.com", 0).await, Err(full));
        let file = b"name,email,wallet_balance\nlate,late@example.com,0\n";
        let saved = pool.run(|tx, settings, cx| {
            import_save(tx, settings, cx, file, &|_| {}).map_err(|refused| refused.error)
        });
        assert_eq!(saved.await.map(|(_, imported)| imported), Err(Error::ImportInvalid { bad: 1 }));
        let open = Pool::with(&db, Settings { max: 0, ..Settings::standard() });
        open.join("late", "late@example.com", 0).await.unwrap();
        assert_eq!(pool.join("later", "later@example.com", 0).await, Err(Error::LimitReached { max: 10, members: 11 }));
    }

    async fn the_tenth_place_goes_to_one_of_many(db: TestDb) {
        let pool = Pool::open(&db);
        for number in 0..9 {
            pool.member(&format!("m{number}"), 0).await;
        }
        let tasks: Vec<_> = (0..6).map(|number| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.join("Last", &format!("last{number}@example.com"), 0).await })
        }).collect();
        let mut joined = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => joined += 1,
                Err(error) => assert_eq!(error, Error::LimitReached { max: 10, members: 10 }),
            }
        }
        assert_eq!(joined, 1);
    }

    async fn a_wallet_takes_postings_with_a_reason_and_never_falls_below_zero(db: TestDb) {
        let pool = Pool::open(&db);
        let asha = pool.member("asha", 100).await;
        pool.wallet(asha, MovementReason::TopUp, 50).await.unwrap();
        pool.wallet(asha, MovementReason::Withdrawal, -30).await.unwrap();
        pool.wallet(asha, MovementReason::Correction, -20).await.unwrap();
        pool.wallet(asha, MovementReason::Correction, 7).await.unwrap();
        assert_eq!(pool.has(asha).await, 107);
        let short = pool.wallet(asha, MovementReason::Withdrawal, -108).await;
        assert_eq!(short, Err(Error::InsufficientBalance { available: inr(107), needed: inr(108) }));
        let most = pool.settings.most();
        let over = pool.wallet(asha, MovementReason::TopUp, most.minor() - 106).await;
        assert_eq!(over, Err(Error::TooMuch { would: inr(most.minor() + 1), most }));
        pool.wallet(asha, MovementReason::TopUp, most.minor() - 107).await.unwrap();
        assert_eq!(pool.has(asha).await, 9_999_999_999);
        let account = pool.get(asha).await.account;
        let lines = db.read(move |tx| purser_ledger::statement(tx, account, None, 10)).await.unwrap();
        assert!(lines.iter().take(4).all(|line| line.memo == "as it was said" && line.actor == "user:test"));
    }
}
