//! What an expiry takes, from whom, and when it takes nothing.

use purser_ledger::entry_get;
use purser_members::Error;
use purser_members::service::{MovementReason, expire_preview};
use purser_testkit::{TestDb, both};

use super::{Pool, inr, missing};

both! {
    async fn every_other_living_member_pays_the_levy_in_one_entry(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan", "devika"], 250).await;
        let done = pool.expire(&ids[1..2]).await.unwrap().remove(0);
        assert_eq!((done.expiry.payers, done.expiry.debtors, done.taken), (3, 0, inr(300)));
        assert_eq!(pool.have(&ids).await, [150, 250, 150, 150]);
        assert_eq!(pool.pool().await, 300);
        let member = pool.get(ids[1]).await;
        assert_eq!(member.expired_at, Some(db.clock().now()));
        let entry = db.read(move |tx| entry_get(tx, done.expiry.entry.unwrap())).await.unwrap();
        assert_eq!((entry.transfers.len(), entry.kind.as_str()), (3, "members.levy"));
        assert_eq!(pool.history(ids[0]).await, [("members.opening".to_owned(), 250), ("members.levy".to_owned(), -100)]);
    }

    async fn a_wallet_of_exactly_the_levy_pays_and_is_empty(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina"], 100).await;
        pool.expire(&ids[..1]).await.unwrap();
        assert_eq!((pool.have(&ids).await, pool.pool().await), (vec![100, 0], 100));
    }

    async fn one_paisa_short_and_nothing_happens_to_anybody(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan"], 500).await;
        pool.member("devika", 99).await;
        pool.member("eshan", 0).await;
        let before = pool.dump().await;
        let refused = pool.expire(&ids[..1]).await.unwrap_err();
        assert_eq!(missing(&refused), [("devika".to_owned(), 1), ("eshan".to_owned(), 100)]);
        assert!(refused.to_string().contains("devika lacks ₹0.01, eshan lacks ₹1.00"), "{refused}");
        assert_eq!(pool.dump().await, before);
    }

    async fn held_money_does_not_pay(db: TestDb) {
        let pool = Pool::open(&db);
        let (asha, bina) = (pool.member("asha", 100).await, pool.member("bina", 150).await);
        let account = pool.get(bina).await.account;
        let hold = purser_ledger::NewHold {
            id: db.ids().next(), account, amount: inr(60), actor: "test".to_owned(), reason: String::new(), expires_at: None,
        };
        let now = db.clock().now();
        db.write(move |tx| purser_ledger::hold_place(tx, now, &hold)).await.unwrap();
        assert_eq!(missing(&pool.expire(&[asha]).await.unwrap_err()), [("bina".to_owned(), 10)]);
    }

    async fn the_only_member_expires_without_a_payer(db: TestDb) {
        let pool = Pool::open(&db);
        let asha = pool.member("asha", 30).await;
        let done = pool.expire(&[asha]).await.unwrap().remove(0);
        assert_eq!((done.expiry.payers, done.expiry.entry, done.taken), (0, None, inr(0)));
        assert_eq!((pool.has(asha).await, pool.pool().await), (30, 0));
        let back = pool.revert(&[asha]).await.unwrap().remove(0);
        assert_eq!((back.returned, back.member.is_expired()), (inr(0), false));
    }

    async fn expiring_twice_is_an_error(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina"], 500).await;
        pool.expire(&ids[..1]).await.unwrap();
        let before = pool.dump().await;
        assert_eq!(pool.expire(&ids[..1]).await, Err(Error::AlreadyExpired("asha".to_owned())));
        assert_eq!(pool.expire(&ids).await, Err(Error::AlreadyExpired("asha".to_owned())), "not even in company");
        assert_eq!(pool.expire(&[db.ids().next()]).await, Err(Error::NoMember));
        assert_eq!(pool.dump().await, before);
    }

    async fn several_expire_in_the_order_in_which_they_joined(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan", "devika"], 1_000).await;
        // Named in another order, and once too often.
        let done = pool.expire(&[ids[2], ids[0], ids[2]]).await.unwrap();
        let told: Vec<_> = done.iter().map(|one| (one.member.name.as_str(), one.expiry.payers)).collect();
        assert_eq!(told, [("asha", 3), ("chetan", 2)]);
        // Chetan paid for Asha, and Asha, who was gone by then, not for Chetan.
        assert_eq!(pool.have(&ids).await, [1_000, 800, 900, 800]);
        assert_eq!(pool.pool().await, 500);
    }

    async fn several_expire_only_if_everybody_can_pay_for_all_of_them(db: TestDb) {
        let pool = Pool::open(&db);
        // Bina is the second to expire, so she pays once; Chetan pays twice.
        let (asha, bina) = (pool.member("asha", 0).await, pool.member("bina", 100).await);
        let chetan = pool.member("chetan", 150).await;
        let before = pool.dump().await;
        assert_eq!(missing(&pool.expire(&[asha, bina]).await.unwrap_err()), [("chetan".to_owned(), 50)]);
        assert_eq!(pool.dump().await, before);
        pool.wallet(chetan, MovementReason::TopUp, 50).await.unwrap();
        pool.expire(&[asha, bina]).await.unwrap();
        assert_eq!((pool.have(&[asha, bina, chetan]).await, pool.pool().await), (vec![0, 0, 0], 300));
    }

    async fn everybody_expires_at_once(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan"], 200).await;
        pool.expire(&ids).await.unwrap();
        assert_eq!((pool.have(&ids).await, pool.pool().await), (vec![200, 100, 0], 300));
        pool.revert(&ids).await.unwrap();
        assert_eq!((pool.have(&ids).await, pool.pool().await), (vec![200, 200, 200], 0));
    }

    async fn a_preview_says_who_pays_how_much_and_who_cannot(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan"], 150).await;
        let (settings, chosen) = (pool.settings.clone(), vec![ids[1], ids[0]]);
        let told = db.read(move |tx| expire_preview(tx, &settings, &chosen)).await.unwrap();
        let members: Vec<_> = told.members.iter().map(|(member, payers)| (member.name.as_str(), *payers)).collect();
        assert_eq!((members, told.total), (vec![("asha", 2), ("bina", 1)], inr(300)));
        let lacking: Vec<_> = told.lacking.iter().map(|one| (one.name.as_str(), one.missing)).collect();
        assert_eq!(lacking, [("chetan", inr(50))]);
    }

    async fn an_expiry_and_a_withdrawal_at_once_never_take_more_than_is_there(db: TestDb) {
        let pool = Pool::open(&db);
        for round in 0..5 {
            let (asha, bina) = (pool.member(&format!("asha{round}"), 0).await, pool.member(&format!("bina{round}"), 100).await);
            let before = pool.pool().await;
            let (one, two) = (pool.clone(), pool.clone());
            let expiry = tokio::spawn(async move { one.expire(&[asha]).await });
            let withdrawal = tokio::spawn(async move { two.wallet(bina, MovementReason::Withdrawal, -50).await });
            let (expiry, withdrawal) = (expiry.await.unwrap(), withdrawal.await.unwrap());
            let taken = pool.pool().await - before;
            match (&expiry, &withdrawal) {
                (Ok(_), Err(Error::InsufficientBalance { .. })) => assert_eq!((pool.has(bina).await, taken), (0, 100)),
                (Err(error), Ok(_)) => {
                    assert_eq!(missing(error), [(format!("bina{round}"), 50)]);
                    assert_eq!((pool.has(bina).await, taken), (50, 0));
                    pool.wallet(bina, MovementReason::TopUp, 50).await.unwrap();
                    pool.expire(&[asha]).await.unwrap();
                }
                other => panic!("{other:?}"),
            }
            // Whoever is left does not pay in the next round.
            pool.expire(&[bina]).await.unwrap();
        }
    }

    async fn two_expiries_at_once_are_one_after_the_other(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina", "chetan", "devika", "eshan"], 1_000).await;
        let tasks: Vec<_> = ids[..4].iter().map(|id| {
            let (pool, id) = (pool.clone(), *id);
            tokio::spawn(async move { pool.expire(&[id]).await })
        }).collect();
        let mut payers = Vec::new();
        for task in tasks {
            payers.push(task.await.unwrap().unwrap().remove(0).expiry.payers);
        }
        payers.sort_unstable();
        assert_eq!(payers, [1, 2, 3, 4], "each pays for those who went before");
        assert_eq!((pool.has(ids[4]).await, pool.pool().await), (600, 1_000));
    }

    async fn a_member_is_expired_once_however_many_ask(db: TestDb) {
        let pool = Pool::open(&db);
        let ids = pool.members(&["asha", "bina"], 1_000).await;
        let tasks: Vec<_> = (0..6).map(|_| {
            let (pool, id) = (pool.clone(), ids[0]);
            tokio::spawn(async move { pool.expire(&[id]).await })
        }).collect();
        let mut done = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => done += 1,
                Err(error) => assert_eq!(error, Error::AlreadyExpired("asha".to_owned())),
            }
        }
        assert_eq!((done, pool.has(ids[1]).await, pool.pool().await), (1, 900, 100));
    }
}
