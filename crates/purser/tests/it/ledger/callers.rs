//! Many callers at once: nothing is spent twice, lost, or left waiting for ever.

use purser_ledger::{EntryId, Error, NewHold, hold_capture, hold_place, hold_release, post, reverse};
use purser_store::{Store, WriteTx};
use purser_testkit::{TestDb, both};

use super::{NOW, account, balance, entry, inr, post_all, shop, transfer};

/// Runs the command from so many callers at once, each told its number, and returns their answers in that order.
async fn at_once<T, F>(db: &TestDb, callers: usize, command: F) -> Vec<Result<T, Error>>
where
    T: Send + 'static,
    F: Fn(&mut WriteTx<'_>, usize) -> Result<T, Error> + Clone + Send + 'static,
{
    let spawn = |caller| {
        let (store, command): (Store, F) = (db.store(), command.clone());
        tokio::spawn(async move { store.write(move |tx| command(tx, caller)).await })
    };
    let callers: Vec<_> = (0..callers).map(spawn).collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.expect("a caller"));
    }
    answers
}

both! {
    async fn of_64_callers_exactly_as_many_are_served_as_the_credit_covers(db: TestDb) {
        let shop = shop(&db, 230, 0).await;
        let answers = at_once(&db, 64, move |tx, _| post(tx, NOW, entry(""), &[transfer(shop.ada, shop.bob, 10)])).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 23);
        let insufficient = Error::Insufficient { account: shop.ada, available: inr(0), needed: inr(10) };
        for refused in answers.into_iter().filter_map(Result::err) {
            assert_eq!(refused, insufficient);
        }
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (0, 230));
    }

    async fn callers_who_pay_each_other_both_ways_all_come_through(db: TestDb) {
        let shop = shop(&db, 1_000, 1_000).await;
        let answers = at_once(&db, 128, move |tx, caller| {
            let minor = 1 + i64::try_from(caller).expect("a number") % 7;
            let one = if caller % 2 == 0 { transfer(shop.ada, shop.bob, minor) } else { transfer(shop.bob, shop.ada, minor) };
            post(tx, NOW, entry(""), &[one])
        });
        for answer in answers.await {
            assert!(answer.is_ok(), "{answer:?}");
        }
        let moved: i64 = (0..128).map(|caller| if caller % 2 == 0 { -(1 + caller % 7) } else { 1 + caller % 7 }).sum();
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (1_000 + moved, 1_000 - moved));
        assert_eq!(account(&db, shop.ada).await.postings, 129);
    }

    async fn of_many_who_reverse_an_entry_one_succeeds(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let sale = post_all(&db, vec![transfer(shop.ada, shop.bob, 100)]).await.expect("selling");
        let answers = at_once(&db, 16, move |tx, _| reverse(tx, NOW, sale, entry(""))).await;
        let done: Vec<EntryId> = answers.iter().filter_map(|answer| answer.as_ref().ok().copied()).collect();
        assert_eq!(done.len(), 1, "{answers:?}");
        for refused in answers.into_iter().filter_map(Result::err) {
            assert_eq!(refused, Error::AlreadyReversed { entry: sale, by: done[0] });
        }
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (1_000, 0));
    }

    async fn of_many_who_settle_a_hold_one_succeeds(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let (id, actor, reason) = (db.ids().next(), "test".to_owned(), String::new());
        let new = NewHold { id, account: shop.ada, amount: inr(400), actor, reason, expires_at: None };
        db.write(move |tx| hold_place(tx, NOW, &new)).await.expect("placing");
        let answers = at_once(&db, 16, move |tx, caller| match caller % 2 {
            0 => hold_capture(tx, NOW, id, inr(400), shop.bob, entry("")).map(drop),
            _ => hold_release(tx, NOW, id),
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        let settled = |error: &Error| matches!(error, Error::HoldSettled { hold, .. } if *hold == id);
        assert!(answers.iter().filter_map(|answer| answer.as_ref().err()).all(settled), "{answers:?}");
        let ada = account(&db, shop.ada).await;
        assert_eq!((ada.held, ada.available()), (inr(0), ada.balance));
    }

    async fn holds_and_transfers_at_once_never_promise_more_than_there_is(db: TestDb) {
        let shop = shop(&db, 200, 0).await;
        let ids: Vec<_> = (0..40).map(|_| db.ids().next()).collect();
        let answers = at_once(&db, 40, move |tx, caller| {
            if caller % 2 == 0 {
                return post(tx, NOW, entry(""), &[transfer(shop.ada, shop.bob, 10)]).map(drop);
            }
            let (actor, reason) = ("test".to_owned(), String::new());
            let (id, amount) = (ids[caller], inr(10));
            hold_place(tx, NOW, &NewHold { id, account: shop.ada, amount, actor, reason, expires_at: None })
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 20, "{answers:?}");
        assert_eq!(account(&db, shop.ada).await.available(), inr(0));
    }

    async fn two_copies_of_the_program_share_one_ledger(db: TestDb) {
        let shop = shop(&db, 100, 0).await;
        let copies = [db.store(), db.open_again()];
        let callers: Vec<_> = (0..40)
            .map(|caller| {
                let store = copies[caller % 2].clone();
                let sale = move |tx: &mut WriteTx<'_>| post(tx, NOW, entry(""), &[transfer(shop.ada, shop.bob, 5)]);
                tokio::spawn(async move { store.write(sale).await })
            })
            .collect();
        let mut served = 0;
        for caller in callers {
            match caller.await.expect("a caller") {
                Ok(_) => served += 1,
                Err(error) => assert!(matches!(error, Error::Insufficient { .. }), "{error:?}"),
            }
        }
        assert_eq!(served, 20);
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (0, 100));
    }
}
