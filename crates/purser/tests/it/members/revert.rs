//! Expiries taken back.

use purser_ledger::{AccountPath, NewEntry, Transfer, account_by_path, post};
use purser_members::Error;
use purser_members::service::MovementReason;
use purser_testkit::{TestDb, both};

use super::{Pool, inr};

both! {
    async fn whoever_paid_gets_exactly_that_back_and_nobody_else_anything(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan"], 500).await;
        pool.expire(&ids[..1]).await.unwrap();
        let devika = pool.member("devika", 500).await;
        let back = pool.revert(&ids[..1]).await.unwrap().remove(0);
        assert_eq!((back.returned, back.member.is_expired()), (inr(200), false));
        assert_eq!(pool.have(&ids).await, [500, 500, 500]);
        assert_eq!((pool.has(devika).await, pool.pool().await), (500, 0), "whoever joined later had not paid");
        let kinds: Vec<_> = pool.history(ids[1]).await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["members.opening", "members.levy", "members.levy-back"]);
    }

    async fn a_payer_who_expired_later_gets_it_back_too(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan"], 500).await;
        pool.expire(&ids[..1]).await.unwrap();
        pool.expire(&ids[1..2]).await.unwrap();
        // Asha was expired when Bina went, so she paid nothing then and gets nothing back.
        assert_eq!(pool.have(&ids).await, [500, 400, 300]);
        pool.revert(&ids[..1]).await.unwrap();
        assert_eq!(pool.have(&ids).await, [500, 500, 400]);
        pool.revert(&ids[1..2]).await.unwrap();
        assert_eq!((pool.have(&ids).await, pool.pool().await), (vec![500, 500, 500], 0));
    }

    async fn expire_revert_expire_revert(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina"], 500).await;
        for round in 0..3 {
            pool.expire(&ids[..1]).await.unwrap();
            assert_eq!((pool.have(&ids).await, pool.pool().await), (vec![500, 400], 100), "{round}");
            pool.revert(&ids[..1]).await.unwrap();
            assert_eq!((pool.have(&ids).await, pool.pool().await), (vec![500, 500], 0), "{round}");
        }
        assert_eq!(pool.history(ids[1]).await.len(), 7);
        pool.expire(&ids[..1]).await.unwrap();
        assert!(pool.get(ids[0]).await.is_expired());
    }

    async fn reverting_a_member_who_lives_is_an_error(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina"], 500).await;
        let before = pool.dump().await;
        assert_eq!(pool.revert(&ids[..1]).await, Err(Error::NotExpired("asha".to_owned())));
        assert_eq!(pool.dump().await, before);
        pool.expire(&ids[1..]).await.unwrap();
        let before = pool.dump().await;
        assert_eq!(pool.revert(&ids).await, Err(Error::NotExpired("asha".to_owned())), "all of them or none");
        assert_eq!(pool.dump().await, before);
        pool.revert(&ids[1..]).await.unwrap();
        assert_eq!(pool.revert(&ids[1..]).await, Err(Error::NotExpired("bina".to_owned())), "once");
    }

    async fn a_pool_that_cannot_pay_gives_nothing_back(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan"], 500).await;
        pool.expire(&ids[..1]).await.unwrap();
        // Somebody spent from the pool: 200 came in, 150 are left.
        let now = db.clock().now();
        db.write(move |tx| {
            let pool = account_by_path(tx, &AccountPath::new("members:pool")?)?.expect("the pool").id;
            let funding = account_by_path(tx, &AccountPath::new("members:funding")?)?.expect("the funding").id;
            let entry = NewEntry { kind: "test.spent", actor: "test".to_owned(), memo: String::new(), reference: None };
            post(tx, now, entry, &[Transfer { debit: pool, credit: funding, amount: inr(50) }])
        }).await.unwrap();
        let before = pool.dump().await;
        let refused = pool.revert(&ids[..1]).await.unwrap_err();
        // The second payment back is the one that is not there any more.
        assert_eq!(refused, Error::PoolCannotPay { available: inr(150), needed: inr(200) });
        assert_eq!(pool.dump().await, before);
    }

    async fn a_levy_is_given_back_as_it_was_taken_though_the_settings_changed(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina"], 500).await;
        pool.expire(&ids[..1]).await.unwrap();
        let dearer = Pool::with(&db, purser_members::Settings { levy: inr(200), ..purser_members::Settings::standard() });
        dearer.revert(&ids[..1]).await.unwrap();
        assert_eq!((pool.have(&ids).await, pool.pool().await), (vec![500, 500], 0));
    }

    async fn a_revert_and_a_top_up_at_once_both_count(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina"], 500).await;
        pool.expire(&ids[..1]).await.unwrap();
        let (one, two, asha, bina) = (pool.clone(), pool.clone(), ids[0], ids[1]);
        let revert = tokio::spawn(async move { one.revert(&[asha]).await });
        let top_up = tokio::spawn(async move { two.wallet(bina, MovementReason::TopUp, 70).await });
        revert.await.unwrap().unwrap();
        top_up.await.unwrap().unwrap();
        assert_eq!(pool.has(bina).await, 570);
    }
}
