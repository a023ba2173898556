//! The policy "arrears": whoever cannot pay owes it, and pays from what comes next.

use purser_members::DebtStatus;
use purser_members::service::{MovementReason, debts_owed};
use purser_testkit::{TestDb, both};
use uuid::Uuid;

use super::{Pool, inr};

async fn owes(pool: &Pool, member: Uuid) -> Vec<i64> {
    let settings = pool.settings.clone();
    let owed = pool.db.read(move |tx| debts_owed(tx, &settings, member)).await.unwrap();
    assert!(owed.iter().all(|debt| debt.status == DebtStatus::Open));
    owed.into_iter().map(|debt| debt.amount.minor()).collect()
}

both! {
    async fn whoever_cannot_pay_owes_the_levy_and_everybody_else_pays(db: TestDb) {
        let pool = Pool::arrears(&db);
        let (asha, bina) = (pool.member("asha", 0).await, pool.member("bina", 99).await);
        let chetan = pool.member("chetan", 100).await;
        let done = pool.expire(&[asha]).await.unwrap().remove(0);
        assert_eq!((done.expiry.payers, done.expiry.debtors, done.taken), (1, 1, inr(100)));
        assert_eq!((pool.have(&[asha, bina, chetan]).await, pool.pool().await), (vec![0, 99, 0], 100));
        assert_eq!(owes(&pool, bina).await, [100]);
        assert_eq!(owes(&pool, chetan).await, [0_i64; 0]);
    }

    async fn a_debt_is_paid_from_the_next_top_up_that_covers_it(db: TestDb) {
        let pool = Pool::arrears(&db);
        let (asha, bina) = (pool.member("asha", 0).await, pool.member("bina", 0).await);
        pool.expire(&[asha]).await.unwrap();
        assert_eq!(pool.wallet(bina, MovementReason::TopUp, 99).await.unwrap().balance, inr(99), "not covered yet");
        assert_eq!(owes(&pool, bina).await, [100]);
        assert_eq!(pool.wallet(bina, MovementReason::TopUp, 1).await.unwrap().balance, inr(0));
        assert_eq!((owes(&pool, bina).await, pool.pool().await), (vec![], 100));
        let history = pool.history(bina).await;
        let expected = [("members.top-up", 99), ("members.top-up", 1), ("members.arrears", -100)];
        assert_eq!(history, expected.map(|(kind, change)| (kind.to_owned(), change)));
    }

    async fn several_debts_are_paid_oldest_first_as_far_as_it_goes(db: TestDb) {
        let pool = Pool::arrears(&db);
        let ids = pool.members(&["asha", "bina", "chetan", "devika"], 0).await;
        pool.expire(&ids[..3]).await.unwrap();
        assert_eq!(owes(&pool, ids[3]).await, [100, 100, 100]);
        assert_eq!(pool.wallet(ids[3], MovementReason::TopUp, 250).await.unwrap().balance, inr(50));
        assert_eq!((owes(&pool, ids[3]).await, pool.pool().await), (vec![100], 200));
        // Bina was the second to go: she owes for Asha alone.
        assert_eq!(owes(&pool, ids[1]).await, [100]);
    }

    async fn a_revert_cancels_what_is_owed_and_gives_back_what_was_paid_late(db: TestDb) {
        let pool = Pool::arrears(&db);
        let ids = pool.members(&["asha", "bina", "chetan"], 0).await;
        let devika = pool.member("devika", 100).await;
        pool.expire(&ids[..1]).await.unwrap();
        pool.wallet(ids[1], MovementReason::TopUp, 130).await.unwrap();
        assert_eq!((pool.has(ids[1]).await, pool.has(devika).await, pool.pool().await), (30, 0, 200));
        let back = pool.revert(&ids[..1]).await.unwrap().remove(0);
        assert_eq!(back.returned, inr(200));
        assert_eq!((pool.has(ids[1]).await, pool.has(devika).await, pool.pool().await), (130, 100, 0));
        assert_eq!(owes(&pool, ids[2]).await, [0_i64; 0]);
        assert_eq!(pool.wallet(ids[2], MovementReason::TopUp, 500).await.unwrap().balance, inr(500), "nothing is owed any more");
        pool.expire(&ids[..1]).await.unwrap();
        assert_eq!((pool.have(&ids[1..]).await, pool.pool().await), (vec![30, 400], 300));
    }

    async fn an_expiry_nobody_could_pay_for_is_taken_back_all_the_same(db: TestDb) {
        let pool = Pool::arrears(&db);
        let ids = pool.members(&["asha", "bina"], 0).await;
        let done = pool.expire(&ids[..1]).await.unwrap().remove(0);
        assert_eq!((done.expiry.payers, done.expiry.debtors, done.expiry.entry), (0, 1, None));
        pool.wallet(ids[1], MovementReason::TopUp, 100).await.unwrap();
        assert_eq!(pool.pool().await, 100);
        assert_eq!(pool.revert(&ids[..1]).await.unwrap().remove(0).returned, inr(100));
        assert_eq!((pool.have(&ids).await, pool.pool().await), (vec![0, 100], 0));
    }

    async fn an_expiry_and_a_top_up_at_once_leave_no_debt_that_the_wallet_covers(db: TestDb) {
        let pool = Pool::arrears(&db);
        for round in 0..4 {
            let (asha, bina) = (pool.member(&format!("asha{round}"), 0).await, pool.member(&format!("bina{round}"), 0).await);
            let before = pool.pool().await;
            let (one, two) = (pool.clone(), pool.clone());
            let expiry = tokio::spawn(async move { one.expire(&[asha]).await });
            let top_up = tokio::spawn(async move { two.wallet(bina, MovementReason::TopUp, 100).await });
            expiry.await.unwrap().unwrap();
            top_up.await.unwrap().unwrap();
            assert_eq!((pool.has(bina).await, owes(&pool, bina).await, pool.pool().await - before), (0, vec![], 100));
            pool.expire(&[bina]).await.unwrap();
        }
    }
}
