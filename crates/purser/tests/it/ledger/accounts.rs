//! Accounts: opened once, found by what they belong to, frozen, closed for good.

use purser_ledger::{
    Account, AccountId, AccountKind, AccountStatus, Error, NewAccount, NewHold, account_by_path, account_close,
    account_freeze, account_get, account_open, account_unfreeze, accounts_open, accounts_under, branches, hold_place,
    hold_release, post,
};
use purser_money::{Currency, Money};
use purser_store::{Error as StoreError, WriteTx};
use purser_testkit::{TestDb, both};

use super::{NOW, account, entry, inr, later, new_account, open, path, post_all, shop, transfer};
use crate::dump::dump;

async fn under(db: &TestDb, prefix: &'static str, after: Option<&'static str>, limit: u32) -> Vec<String> {
    let found = db.read(move |tx| {
        let after = after.map(path);
        accounts_under(tx, &path(prefix), after.as_ref(), limit)
    });
    let found: Result<Vec<Account>, Error> = found.await;
    found.expect("finding").into_iter().map(|account| account.path.to_string()).collect()
}

both! {
    async fn an_account_opens_empty_and_as_it_was_asked_for(db: TestDb) {
        let currency = Currency::new("BEAN", 3).expect("a currency");
        let new = NewAccount { path: path("a:b"), kind: AccountKind::Equity, currency, floor: Some(-1_500) };
        let id = open(&db, new).await;
        let money = |minor| Money::new(minor, currency);
        let expected = Account {
            id,
            path: path("a:b"),
            kind: AccountKind::Equity,
            currency,
            floor: Some(money(-1_500)),
            status: AccountStatus::Open,
            balance: money(0),
            held: money(0),
            postings: 0,
            created_at: NOW,
        };
        assert_eq!(account(&db, id).await, expected);
        assert_eq!(db.read(|tx| account_by_path(tx, &path("a:b"))).await, Ok(Some(expected)));
        assert_eq!(db.read(|tx| account_by_path(tx, &path("a:c"))).await, Ok(None));
    }

    async fn opening_an_account_again_finds_it_or_says_that_it_is_another(db: TestDb) {
        let new = new_account("a", AccountKind::Liability, Some(0));
        let id = open(&db, new.clone()).await;
        let before = dump(&db).await;
        assert_eq!(open(&db, new.clone()).await, id);
        let others = [
            NewAccount { kind: AccountKind::Asset, ..new.clone() },
            NewAccount { floor: None, ..new.clone() },
            NewAccount { floor: Some(-1), ..new.clone() },
            NewAccount { currency: Currency::USD, ..new.clone() },
            NewAccount { currency: Currency::new("INR", 3).expect("a currency"), ..new },
        ];
        for other in others {
            let opened = db.write(move |tx| account_open(tx, NOW, &other)).await;
            assert_eq!(opened, Err(Error::PathTaken("a".to_owned())));
        }
        assert_eq!(dump(&db).await, before);
    }

    async fn many_accounts_open_at_once_or_none(db: TestDb) {
        let many = |from: u32| {
            let new = move |n| new_account(&format!("many:{n:04}"), AccountKind::Liability, Some(0));
            (from..from + 2_000).map(new).collect::<Vec<_>>()
        };
        let ids = db.write(move |tx| accounts_open(tx, NOW, &many(0))).await.expect("opening");
        assert_eq!(ids.len(), 2_000);
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(account(&db, ids[1_234]).await.path, path("many:1234"));
        let before = dump(&db).await;
        let overlapping = db.write(move |tx| accounts_open(tx, NOW, &many(1_999))).await;
        assert!(matches!(overlapping, Err(Error::Store(StoreError::Unique { .. }))), "{overlapping:?}");
        assert_eq!(dump(&db).await, before);
    }

    async fn an_account_cannot_begin_below_its_floor(db: TestDb) {
        let refused = db.write(|tx| account_open(tx, NOW, &new_account("a", AccountKind::Asset, Some(1)))).await;
        assert!(matches!(refused, Err(Error::Store(StoreError::Check { .. }))), "{refused:?}");
    }

    async fn accounts_are_found_under_what_they_belong_to_page_by_page(db: TestDb) {
        for text in ["a:b:c", "a:b", "a:b-c", "a:b:d:e", "a:bc", "a", "a:b.c", "a:c", "a:b:a", "a:b_c", "a:b0"] {
            open(&db, new_account(text, AccountKind::Liability, None)).await;
        }
        assert_eq!(under(&db, "a:b", None, 100).await, ["a:b", "a:b:a", "a:b:c", "a:b:d:e"]);
        assert_eq!(under(&db, "a:b", None, 2).await, ["a:b", "a:b:a"]);
        assert_eq!(under(&db, "a:b", Some("a:b:a"), 2).await, ["a:b:c", "a:b:d:e"]);
        assert_eq!(under(&db, "a:b", Some("a:b:d:e"), 2).await, Vec::<String>::new());
        assert_eq!(under(&db, "a:b:d", None, 100).await, ["a:b:d:e"]);
        assert_eq!(under(&db, "b", None, 100).await, Vec::<String>::new());
        assert_eq!(under(&db, "a", None, 100).await.len(), 11);
    }

    async fn an_account_that_does_not_exist_is_told_by_its_number(db: TestDb) {
        let nobody = AccountId::from_column(99);
        let before = dump(&db).await;
        type Command = fn(&mut WriteTx<'_>, AccountId) -> Result<(), Error>;
        let get: Command = |tx, id| account_get(tx, id).map(drop);
        for command in [get, account_freeze, account_unfreeze, account_close] {
            assert_eq!(db.write(move |tx| command(tx, nobody)).await, Err(Error::NoAccount(nobody)));
        }
        assert_eq!(dump(&db).await, before);
    }

    async fn a_frozen_account_takes_nothing_new_until_it_is_unfrozen(db: TestDb) {
        let shop = shop(&db, 1_000, 1_000).await;
        for _ in 0..2 {
            assert_eq!(db.write(move |tx| account_freeze(tx, shop.ada)).await, Ok(()));
        }
        assert_eq!(account(&db, shop.ada).await.status, AccountStatus::Frozen);
        let before = dump(&db).await;
        let frozen = Err(Error::Frozen(shop.ada));
        assert_eq!(post_all(&db, vec![transfer(shop.ada, shop.bob, 1)]).await.map(drop), frozen);
        assert_eq!(post_all(&db, vec![transfer(shop.bob, shop.ada, 1)]).await.map(drop), frozen);
        let hold = new_hold(&db, shop.ada);
        assert_eq!(db.write(move |tx| hold_place(tx, NOW, &hold)).await, frozen);
        assert_eq!(dump(&db).await, before);

        for _ in 0..2 {
            assert_eq!(db.write(move |tx| account_unfreeze(tx, shop.ada)).await, Ok(()));
        }
        assert!(post_all(&db, vec![transfer(shop.ada, shop.bob, 1)]).await.is_ok());
    }

    async fn an_account_closes_only_when_it_is_empty(db: TestDb) {
        let shop = shop(&db, 10, 0).await;
        assert_eq!(db.write(move |tx| account_close(tx, shop.ada)).await, Err(Error::NotEmpty(shop.ada)));
        // An account without a floor may set aside what it does not have.
        let side = open(&db, new_account("side", AccountKind::Asset, None)).await;
        let hold = new_hold(&db, side);
        let id = hold.id;
        assert_eq!(db.write(move |tx| hold_place(tx, NOW, &hold)).await, Ok(()));
        assert_eq!(db.write(move |tx| account_close(tx, side)).await, Err(Error::NotEmpty(side)));
        assert_eq!(db.write(move |tx| hold_release(tx, NOW, id)).await, Ok(()));
        assert_eq!(db.write(move |tx| account_close(tx, side)).await, Ok(()));
        assert_eq!(account(&db, side).await.status, AccountStatus::Closed);
    }

    async fn a_closed_account_refuses_everything_and_stays_closed(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        assert_eq!(db.write(move |tx| account_close(tx, shop.bob)).await, Ok(()));
        let before = dump(&db).await;
        let closed = Err(Error::Closed(shop.bob));
        assert_eq!(post_all(&db, vec![transfer(shop.ada, shop.bob, 1)]).await.map(drop), closed);
        assert_eq!(post_all(&db, vec![transfer(shop.bob, shop.ada, 1)]).await.map(drop), closed);
        let hold = new_hold(&db, shop.bob);
        assert_eq!(db.write(move |tx| hold_place(tx, NOW, &hold)).await, closed);
        assert_eq!(db.write(move |tx| account_freeze(tx, shop.bob)).await, closed);
        assert_eq!(db.write(move |tx| account_unfreeze(tx, shop.bob)).await, closed);
        assert_eq!(db.write(move |tx| account_close(tx, shop.bob)).await, Ok(()));
        assert_eq!(dump(&db).await, before);
    }

    async fn what_an_account_did_stays_to_be_read_after_it_has_closed(db: TestDb) {
        let shop = shop(&db, 500, 0).await;
        post_all(&db, vec![transfer(shop.ada, shop.funding, 500)]).await.expect("paying out");
        assert_eq!(db.write(move |tx| account_close(tx, shop.ada)).await, Ok(()));
        let lines = db.read(move |tx| purser_ledger::statement(tx, shop.ada, None, 10)).await.expect("a statement");
        assert_eq!(lines.iter().map(|line| line.change).collect::<Vec<_>>(), [inr(-500), inr(500)]);
    }

    async fn a_currency_of_another_scale_is_another_currency(db: TestDb) {
        let shop = shop(&db, 500, 0).await;
        let thousandths = Currency::new("INR", 3).expect("a currency");
        let fine = purser_ledger::Transfer {
            debit: shop.ada,
            credit: shop.bob,
            amount: Money::new(1, thousandths),
        };
        let refused = db.write(move |tx| post(tx, later(1), entry(""), &[fine])).await;
        assert!(matches!(refused, Err(Error::WrongCurrency { account, .. }) if account == shop.ada), "{refused:?}");
    }

    async fn the_chart_of_accounts_rolls_up_branch_by_branch(db: TestDb) {
        for (at, kind) in [("shop", AccountKind::Equity), ("shop:till:a", AccountKind::Asset), ("shop:till:b", AccountKind::Asset), ("shopping", AccountKind::Asset)] {
            open(&db, NewAccount { path: path(at), kind, currency: Currency::INR, floor: None }).await;
        }
        for (debit, minor) in [("shop:till:a", 500), ("shop:till:b", 70), ("shopping", 3)] {
            let posted = db.write(move |tx| {
                let mut of = |at| account_by_path(tx, &path(at)).map(|found| found.expect("an account").id);
                let (debit, credit) = (of(debit)?, of("shop")?);
                post(tx, NOW, entry("tree"), &[transfer(debit, credit, minor)])
            });
            posted.await.expect("posting");
        }
        let look = |parent: Option<&'static str>, after: Option<&'static str>| {
            let found = db.read(move |tx| branches(tx, parent.map(path).as_ref(), after, 10));
            async move {
                let found: Result<_, Error> = found.await;
                let shown = |b: purser_ledger::Branch| (b.path, b.kind, b.accounts, b.balance.minor(), b.is_account);
                found.expect("branches").into_iter().map(shown).collect::<Vec<_>>()
            }
        };
        let top = vec![
            ("shop".to_owned(), AccountKind::Asset, 2, 570, false),
            ("shop".to_owned(), AccountKind::Equity, 1, 573, true),
            ("shopping".to_owned(), AccountKind::Asset, 1, 3, true),
        ];
        assert_eq!(look(None, None).await, top);
        assert_eq!(look(Some("shop"), None).await, [("shop:till".to_owned(), AccountKind::Asset, 2, 570, false)]);
        let last = vec![("shop:till:b".to_owned(), AccountKind::Asset, 1, 70, true)];
        assert_eq!(look(Some("shop:till"), Some("a")).await, last);
    }
}

fn new_hold(db: &TestDb, account: AccountId) -> NewHold {
    let (actor, reason) = ("test".to_owned(), String::new());
    NewHold { id: db.ids().next(), account, amount: inr(1), actor, reason, expires_at: None }
}
