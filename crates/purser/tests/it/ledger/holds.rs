//! Holds: money set aside without moving it, until it is captured, released, or its time is over.

use jiff::{SignedDuration, Timestamp};
use purser_ledger::{
    AccountId, AccountKind, Error, Hold, HoldStatus, NewAccount, NewHold, account_close, account_freeze, entry_get,
    hold_capture, hold_get, hold_place, hold_release, holds_expire,
};
use purser_money::{Currency, Money};
use purser_store::{Error as StoreError, WriteTx};
use purser_testkit::{TestDb, both};
use uuid::Uuid;

use super::{NOW, Shop, account, entry, inr, later, new_account, open, post_all, shop, transfer};
use crate::dump::dump;

fn new_hold(db: &TestDb, account: AccountId, minor: i64) -> NewHold {
    let (actor, reason) = ("test".to_owned(), "a try".to_owned());
    NewHold { id: db.ids().next(), account, amount: inr(minor), actor, reason, expires_at: None }
}

async fn place(db: &TestDb, new: NewHold) -> Result<Uuid, Error> {
    db.write(move |tx| hold_place(tx, NOW, &new).map(|()| new.id)).await
}

/// Sets aside some of Ada's money, until `expires_at` where given.
async fn held(db: &TestDb, shop: Shop, minor: i64, expires_at: Option<Timestamp>) -> Uuid {
    let new = NewHold { expires_at, ..new_hold(db, shop.ada, minor) };
    place(db, new).await.expect("placing a hold")
}

/// Balance, held and available of an account, in paise.
async fn figures(db: &TestDb, id: AccountId) -> [i64; 3] {
    let account = account(db, id).await;
    [account.balance, account.held, account.available()].map(Money::minor)
}

async fn status(db: &TestDb, id: Uuid) -> HoldStatus {
    db.read(move |tx| hold_get(tx, id)).await.expect("a hold").status
}

async fn expire(db: &TestDb, now: Timestamp, limit: u32) -> Vec<Uuid> {
    db.write(move |tx| holds_expire(tx, now, limit)).await.expect("expiring")
}

async fn refused<F>(db: &TestDb, expected: Error, command: F)
where
    F: Fn(&mut WriteTx<'_>) -> Result<(), Error> + Send + 'static,
{
    let before = dump(db).await;
    assert_eq!(db.write(command).await, Err(expected));
    assert_eq!(dump(db).await, before);
}

both! {
    async fn a_hold_reduces_what_is_available_but_not_the_balance(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let new = NewHold { expires_at: Some(later(60)), ..new_hold(&db, shop.ada, 300) };
        let id = place(&db, new.clone()).await.expect("placing");
        assert_eq!(figures(&db, shop.ada).await, [1_000, 300, 700]);
        let NewHold { id: _, account, amount, actor, reason, expires_at } = new;
        let (status, entry) = (HoldStatus::Held, None);
        let expected = Hold { id, account, amount, actor, reason, created_at: NOW, expires_at, status, entry };
        assert_eq!(db.read(move |tx| hold_get(tx, id)).await, Ok(expected));
    }

    async fn money_that_is_held_is_not_spent_twice(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        held(&db, shop, 300, None).await;
        let insufficient = |needed| Error::Insufficient { account: shop.ada, available: inr(700), needed: inr(needed) };
        assert_eq!(post_all(&db, vec![transfer(shop.ada, shop.bob, 701)]).await, Err(insufficient(701)));
        let second = new_hold(&db, shop.ada, 701);
        refused(&db, insufficient(701), move |tx| hold_place(tx, NOW, &second)).await;
        held(&db, shop, 700, None).await;
        assert_eq!(figures(&db, shop.ada).await, [1_000, 1_000, 0]);
    }

    async fn a_hold_that_is_captured_pays_what_was_set_aside(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let id = held(&db, shop, 300, None).await;
        let capture = move |tx: &mut WriteTx<'_>| hold_capture(tx, later(9), id, inr(300), shop.bob, entry("paid"));
        let entry = db.write(capture).await.expect("capturing");
        assert_eq!(figures(&db, shop.ada).await, [700, 0, 700]);
        assert_eq!(figures(&db, shop.bob).await, [300, 0, 300]);
        let hold = db.read(move |tx| hold_get(tx, id)).await.expect("the hold");
        assert_eq!((hold.status, hold.entry), (HoldStatus::Captured, Some(entry)));
        let posted = db.read(move |tx| entry_get(tx, entry)).await.expect("the entry");
        assert_eq!((posted.at, posted.transfers), (later(9), vec![transfer(shop.ada, shop.bob, 300)]));
    }

    async fn of_a_hold_that_is_captured_in_part_the_rest_is_let_go(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let id = held(&db, shop, 1_000, None).await;
        db.write(move |tx| hold_capture(tx, NOW, id, inr(1), shop.bob, entry(""))).await.expect("capturing");
        assert_eq!(figures(&db, shop.ada).await, [999, 0, 999]);
        assert_eq!(status(&db, id).await, HoldStatus::Captured);
    }

    async fn a_hold_that_is_released_moves_nothing(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let id = held(&db, shop, 300, None).await;
        db.write(move |tx| hold_release(tx, NOW, id)).await.expect("releasing");
        assert_eq!(figures(&db, shop.ada).await, [1_000, 0, 1_000]);
        assert_eq!(status(&db, id).await, HoldStatus::Released);
    }

    async fn a_hold_expires_at_exactly_its_time(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let id = held(&db, shop, 300, Some(later(60))).await;
        let never = held(&db, shop, 100, None).await;
        assert!(expire(&db, later(60) - SignedDuration::from_micros(1), 100).await.is_empty());
        assert_eq!(figures(&db, shop.ada).await, [1_000, 400, 600]);
        assert_eq!(expire(&db, later(60), 100).await, [id]);
        assert_eq!(figures(&db, shop.ada).await, [1_000, 100, 900]);
        assert_eq!(status(&db, id).await, HoldStatus::Expired);
        assert!(expire(&db, Timestamp::MAX, 100).await.is_empty());
        assert_eq!(status(&db, never).await, HoldStatus::Held);
    }

    async fn holds_expire_a_few_at_a_time_the_oldest_first(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let mut ids = Vec::new();
        for second in [50, 10, 40, 20, 30] {
            ids.push((second, held(&db, shop, 100, Some(later(second))).await));
        }
        ids.sort_unstable();
        let ids: Vec<Uuid> = ids.into_iter().map(|(_, id)| id).collect();
        assert_eq!(expire(&db, later(45), 3).await, ids[..3]);
        assert_eq!(expire(&db, later(45), 3).await, ids[3..4]);
        assert_eq!(expire(&db, later(50), 3).await, ids[4..]);
        assert_eq!(figures(&db, shop.ada).await, [1_000, 0, 1_000]);
    }

    async fn until_it_is_let_go_a_hold_past_its_time_still_pays(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let id = held(&db, shop, 300, Some(later(60))).await;
        let late = db.write(move |tx| hold_capture(tx, later(99), id, inr(300), shop.bob, entry(""))).await;
        assert!(late.is_ok(), "{late:?}");
        assert!(expire(&db, later(99), 100).await.is_empty());
    }

    async fn a_hold_is_settled_once(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let (captured, released, expired) =
            (held(&db, shop, 1, None).await, held(&db, shop, 1, None).await, held(&db, shop, 1, Some(NOW)).await);
        db.write(move |tx| hold_capture(tx, NOW, captured, inr(1), shop.bob, entry(""))).await.expect("capturing");
        db.write(move |tx| hold_release(tx, NOW, released)).await.expect("releasing");
        assert_eq!(expire(&db, NOW, 100).await, [expired]);
        let ends =
            [(captured, HoldStatus::Captured), (released, HoldStatus::Released), (expired, HoldStatus::Expired)];
        for (hold, status) in ends {
            let settled = Error::HoldSettled { hold, status };
            refused(&db, settled.clone(), move |tx| hold_release(tx, NOW, hold)).await;
            let capture = move |tx: &mut WriteTx<'_>| hold_capture(tx, NOW, hold, inr(1), shop.bob, entry("")).map(drop);
            refused(&db, settled, capture).await;
        }
    }

    async fn a_hold_that_breaks_a_rule_is_refused_by_its_name_and_changes_nothing(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let good = new_hold(&db, shop.ada, 300);
        let nobody = AccountId::from_column(99);
        let wrong = (shop.ada, "INR".to_owned(), "COIN".to_owned());
        let cases = [
            (Error::NotPositive(inr(0)), NewHold { amount: inr(0), ..good.clone() }),
            (Error::NotPositive(inr(-1)), NewHold { amount: inr(-1), ..good.clone() }),
            (Error::NoAccount(nobody), NewHold { account: nobody, ..good.clone() }),
            (
                Error::WrongCurrency { account: wrong.0, expected: wrong.1, found: wrong.2 },
                NewHold { amount: Money::new(1, Currency::COIN), ..good.clone() },
            ),
            (Error::BadText { field: "actor", min: 1, max: 200 }, NewHold { actor: String::new(), ..good.clone() }),
            (Error::BadText { field: "actor", min: 1, max: 200 }, NewHold { actor: "a".repeat(201), ..good.clone() }),
            (Error::BadText { field: "reason", min: 0, max: 1_000 }, NewHold { reason: "a".repeat(1_001), ..good }),
        ];
        for (expected, new) in cases {
            refused(&db, expected, move |tx| hold_place(tx, NOW, &new)).await;
        }
    }

    async fn a_hold_needs_an_id_of_its_own(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let new = new_hold(&db, shop.ada, 300);
        assert!(place(&db, new.clone()).await.is_ok());
        let before = dump(&db).await;
        let twice = place(&db, new).await;
        assert!(matches!(twice, Err(Error::Store(StoreError::Unique { .. }))), "{twice:?}");
        assert_eq!(dump(&db).await, before);
    }

    async fn more_than_64_bits_cannot_be_set_aside(db: TestDb) {
        let shop = shop(&db, 0, 0).await;
        assert!(place(&db, new_hold(&db, shop.funding, i64::MAX)).await.is_ok());
        let more = new_hold(&db, shop.funding, 1);
        refused(&db, Error::TooLarge(shop.funding), move |tx| hold_place(tx, NOW, &more)).await;
        assert_eq!(figures(&db, shop.funding).await, [0, i64::MAX, -i64::MAX]);
    }

    async fn a_capture_that_breaks_a_rule_is_refused_by_its_name_and_changes_nothing(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let id = held(&db, shop, 300, None).await;
        let coins = NewAccount { currency: Currency::COIN, ..new_account("coins", AccountKind::Asset, None) };
        let coins = open(&db, coins).await;
        let closed = open(&db, new_account("closed", AccountKind::Liability, None)).await;
        db.write(move |tx| account_close(tx, closed)).await.expect("closing");
        let (nobody, nothing) = (AccountId::from_column(99), db.ids().next());
        let wrong = |account, expected: &str, found: &str| Error::WrongCurrency {
            account,
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        let cases = [
            (Error::NoHold(nothing), nothing, inr(1), shop.bob),
            (Error::HoldTooSmall { held: inr(300), asked: inr(301) }, id, inr(301), shop.bob),
            (Error::NotPositive(inr(0)), id, inr(0), shop.bob),
            (wrong(shop.ada, "INR", "COIN"), id, Money::new(1, Currency::COIN), coins),
            (wrong(coins, "COIN", "INR"), id, inr(1), coins),
            (Error::SameAccount(shop.ada), id, inr(1), shop.ada),
            (Error::NoAccount(nobody), id, inr(1), nobody),
            (Error::Closed(closed), id, inr(1), closed),
        ];
        for (expected, hold, amount, to) in cases {
            refused(&db, expected, move |tx| hold_capture(tx, NOW, hold, amount, to, entry("")).map(drop)).await;
        }
        refused(&db, Error::NoHold(nothing), move |tx| hold_release(tx, NOW, nothing)).await;
        assert_eq!(figures(&db, shop.ada).await, [1_000, 300, 700]);
    }

    async fn a_refused_capture_leaves_no_trace_even_where_its_caller_goes_on(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let id = held(&db, shop, 300, None).await;
        let before = dump(&db).await;
        let goes_on = move |tx: &mut WriteTx<'_>| {
            let refused = hold_capture(tx, NOW, id, inr(0), shop.bob, entry(""));
            assert_eq!(refused, Err(Error::NotPositive(inr(0))));
            Ok::<_, Error>(())
        };
        assert_eq!(db.write(goes_on).await, Ok(()));
        assert_eq!(dump(&db).await, before);
    }

    async fn a_frozen_account_pays_what_it_had_promised_and_promises_nothing_new(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let (first, second, third) =
            (held(&db, shop, 300, None).await, held(&db, shop, 200, None).await, held(&db, shop, 50, Some(NOW)).await);
        db.write(move |tx| account_freeze(tx, shop.ada)).await.expect("freezing");
        let new = new_hold(&db, shop.ada, 1);
        refused(&db, Error::Frozen(shop.ada), move |tx| hold_place(tx, NOW, &new)).await;
        assert_eq!(post_all(&db, vec![transfer(shop.ada, shop.bob, 1)]).await, Err(Error::Frozen(shop.ada)));
        db.write(move |tx| hold_capture(tx, NOW, first, inr(300), shop.bob, entry(""))).await.expect("capturing");
        db.write(move |tx| hold_release(tx, NOW, second)).await.expect("releasing");
        assert_eq!(expire(&db, NOW, 100).await, [third]);
        assert_eq!(figures(&db, shop.ada).await, [700, 0, 700]);
    }

    async fn a_hold_and_its_capture_may_be_one_command(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let new = new_hold(&db, shop.ada, 1_000);
        let at_once = move |tx: &mut WriteTx<'_>| {
            hold_place(tx, NOW, &new)?;
            hold_capture(tx, NOW, new.id, inr(400), shop.bob, entry(""))
        };
        assert!(db.write(at_once).await.is_ok());
        assert_eq!(figures(&db, shop.ada).await, [600, 0, 600]);
    }
}
