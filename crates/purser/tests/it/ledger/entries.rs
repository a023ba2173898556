//! Journal entries: posted whole or not at all, never changed, reversed once.

use jiff::SignedDuration;
use purser_ledger::{
    AccountKind, Book, Entries, Entry, EntryId, Error, NewAccount, NewEntry, Transfer, account_close, account_freeze,
    account_open, entry_get, post, reverse,
};
use purser_money::{Currency, Money};
use purser_store::{Error as StoreError, WriteTx};
use purser_testkit::{TestDb, both};

use super::{NOW, Shop, account, balance, entry, inr, later, new_account, open, post_all, shop, transfer};
use crate::dump::dump;

/// Tries a command that must be refused so, and leave the database as it was.
async fn refused<F>(db: &TestDb, expected: Error, command: F)
where
    F: Fn(&mut WriteTx<'_>) -> Result<EntryId, Error> + Send + 'static,
{
    let before = dump(db).await;
    assert_eq!(db.write(command).await, Err(expected));
    assert_eq!(dump(db).await, before);
}

async fn post_refused(db: &TestDb, expected: Error, transfers: &[Transfer]) {
    let transfers = transfers.to_vec();
    refused(db, expected, move |tx| post(tx, NOW, entry(""), &transfers)).await;
}

async fn entry_refused(db: &TestDb, shop: Shop, (field, min, max): (&'static str, usize, usize), new: NewEntry) {
    let expected = Error::BadText { field, min, max };
    refused(db, expected, move |tx| post(tx, NOW, new.clone(), &[transfer(shop.ada, shop.bob, 1)])).await;
}

both! {
    async fn an_entry_is_kept_as_it_was_posted(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let new = NewEntry {
            kind: "shop.sale",
            actor: "key:42".to_owned(),
            memo: "Tee und हिन्दी".to_owned(),
            reference: Some("sale-7".to_owned()),
        };
        let transfers = [transfer(shop.ada, shop.bob, 300), transfer(shop.bob, shop.funding, 100)];
        let id = db.write(move |tx| post(tx, later(5), new.clone(), &transfers)).await.expect("posting");
        let expected = Entry {
            id,
            at: later(5),
            kind: "shop.sale".to_owned(),
            actor: "key:42".to_owned(),
            memo: "Tee und हिन्दी".to_owned(),
            reference: Some("sale-7".to_owned()),
            reverses: None,
            reversed_by: None,
            transfers: transfers.to_vec(),
        };
        assert_eq!(db.read(move |tx| entry_get(tx, id)).await, Ok(expected));
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (700, 200));
        // The funding is an asset: what was credited made it shrink.
        assert_eq!(balance(&db, shop.funding).await, 1_000 - 100);
    }

    async fn debits_and_credits_move_each_kind_its_own_way(db: TestDb) {
        let kinds = [(AccountKind::Asset, 1), (AccountKind::Expense, 1), (AccountKind::Liability, -1), (AccountKind::Income, -1), (AccountKind::Equity, -1)];
        let other = open(&db, new_account("other", AccountKind::Asset, None)).await;
        for (kind, by_debit) in kinds {
            let id = open(&db, new_account(kind.name(), kind, None)).await;
            post_all(&db, vec![transfer(id, other, 7)]).await.expect("debiting");
            assert_eq!(balance(&db, id).await, 7 * by_debit, "{kind:?}");
            post_all(&db, vec![transfer(other, id, 10)]).await.expect("crediting");
            assert_eq!(balance(&db, id).await, -3 * by_debit, "{kind:?}");
        }
    }

    async fn an_entry_that_breaks_a_rule_is_refused_by_its_name_and_changes_nothing(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let nobody = purser_ledger::AccountId::from_column(99);
        post_refused(&db, Error::EmptyEntry, &[]).await;
        for minor in [0, -1, i64::MIN] {
            post_refused(&db, Error::NotPositive(inr(minor)), &[transfer(shop.ada, shop.bob, minor)]).await;
        }
        post_refused(&db, Error::SameAccount(shop.ada), &[transfer(shop.ada, shop.ada, 1)]).await;
        post_refused(&db, Error::NoAccount(nobody), &[transfer(nobody, shop.ada, 1)]).await;
        post_refused(&db, Error::NoAccount(nobody), &[transfer(shop.ada, nobody, 1)]).await;

        let coins = NewAccount { currency: Currency::COIN, ..new_account("coins", AccountKind::Asset, None) };
        let coins = open(&db, coins).await;
        let wrong = |account, expected: &str, found: &str| Error::WrongCurrency {
            account,
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        post_refused(&db, wrong(coins, "COIN", "INR"), &[transfer(shop.ada, coins, 1)]).await;
        let coin = Transfer { debit: shop.ada, credit: coins, amount: Money::new(1, Currency::COIN) };
        post_refused(&db, wrong(shop.ada, "INR", "COIN"), &[coin]).await;

        let closed = open(&db, new_account("closed", AccountKind::Liability, None)).await;
        db.write(move |tx| account_close(tx, closed)).await.expect("closing");
        post_refused(&db, Error::Closed(closed), &[transfer(shop.ada, closed, 1)]).await;
        db.write(move |tx| account_freeze(tx, shop.bob)).await.expect("freezing");
        post_refused(&db, Error::Frozen(shop.bob), &[transfer(shop.ada, shop.bob, 1)]).await;
    }

    async fn a_text_out_of_bounds_is_refused_before_the_schema_has_to(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let long = |count| "ह".repeat(count);
        let bounds = [("actor", 1, 200), ("memo", 0, 1_000), ("reference", 1, 200)];
        entry_refused(&db, shop, ("kind", 1, 60), NewEntry { kind: "", ..entry("") }).await;
        for empty in [NewEntry { actor: String::new(), ..entry("") }, NewEntry { actor: long(201), ..entry("") }] {
            entry_refused(&db, shop, bounds[0], empty).await;
        }
        entry_refused(&db, shop, bounds[1], NewEntry { memo: long(1_001), ..entry("") }).await;
        for count in [0, 201] {
            entry_refused(&db, shop, bounds[2], NewEntry { reference: Some(long(count)), ..entry("") }).await;
        }
        let longest = NewEntry { kind: "k", actor: long(200), memo: long(1_000), reference: Some(long(200)) };
        let posted = db.write(move |tx| post(tx, NOW, longest.clone(), &[transfer(shop.ada, shop.bob, 1)])).await;
        assert!(posted.is_ok(), "{posted:?}");
    }

    async fn a_refusal_for_lack_of_money_names_what_is_available(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let insufficient = |available, needed| Error::Insufficient {
            account: shop.ada,
            available: inr(available),
            needed: inr(needed),
        };
        post_refused(&db, insufficient(1_000, 1_001), &[transfer(shop.ada, shop.bob, 1_001)]).await;
        assert!(post_all(&db, vec![transfer(shop.ada, shop.bob, 1_000)]).await.is_ok());
        post_refused(&db, insufficient(0, 1), &[transfer(shop.ada, shop.bob, 1)]).await;
        let told = insufficient(500, 1_000).to_string();
        assert!(told.contains("5.00 available") && told.contains("10.00"), "{told}");
    }

    async fn an_overdraft_ends_at_its_floor(db: TestDb) {
        let shop = shop(&db, 0, 0).await;
        let eve = open(&db, new_account("eve", AccountKind::Liability, Some(-300))).await;
        assert!(post_all(&db, vec![transfer(eve, shop.bob, 200)]).await.is_ok());
        let insufficient = Error::Insufficient { account: eve, available: inr(100), needed: inr(101) };
        post_refused(&db, insufficient, &[transfer(eve, shop.bob, 101)]).await;
        assert!(post_all(&db, vec![transfer(eve, shop.bob, 100)]).await.is_ok());
        assert_eq!(balance(&db, eve).await, -300);
    }

    async fn a_transfer_that_is_refused_undoes_those_before_it_in_its_entry(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let insufficient = Error::Insufficient { account: shop.bob, available: inr(400), needed: inr(401) };
        post_refused(&db, insufficient, &[transfer(shop.ada, shop.bob, 400), transfer(shop.bob, shop.funding, 401)]).await;
        let passed_on = vec![transfer(shop.ada, shop.bob, 400), transfer(shop.bob, shop.funding, 400)];
        assert!(post_all(&db, passed_on).await.is_ok(), "what an entry brings it may also take");
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (600, 0));
    }

    async fn a_balance_past_64_bits_is_refused(db: TestDb) {
        let shop = shop(&db, 0, 0).await;
        let big = open(&db, new_account("big", AccountKind::Liability, None)).await;
        assert!(post_all(&db, vec![transfer(shop.funding, big, i64::MAX)]).await.is_ok());
        post_refused(&db, Error::TooLarge(shop.funding), &[transfer(shop.funding, big, 1)]).await;
        assert!(post_all(&db, vec![transfer(big, shop.funding, i64::MAX)]).await.is_ok());
        assert_eq!(balance(&db, big).await, 0);
    }

    async fn a_book_writes_what_it_accepted_and_nothing_of_what_it_refused(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let batch = move |tx: &mut WriteTx<'_>| {
            let mut book = Book::open(tx, [shop.ada, shop.bob, shop.funding, shop.ada])?;
            let first = book.post(later(1), entry("first"), &[transfer(shop.ada, shop.bob, 600)])?;
            let half = [transfer(shop.ada, shop.bob, 300), transfer(shop.ada, shop.bob, 300)];
            let insufficient = Error::Insufficient { account: shop.ada, available: inr(100), needed: inr(300) };
            assert_eq!(book.post(later(2), entry("refused"), &half), Err(insufficient));
            assert_eq!((book.balance(shop.ada)?, book.available(shop.bob)?), (inr(400), inr(600)));
            let last = book.post(later(3), entry("last"), &[transfer(shop.ada, shop.bob, 400)])?;
            let entries = book.write(tx)?;
            Ok::<_, Error>((entries.of(first)?, entries.of(last)?))
        };
        let (first, last) = db.write(batch).await.expect("a batch");
        assert!(first < last);
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (0, 1_000));
        let last = db.read(move |tx| entry_get(tx, last)).await.expect("an entry");
        assert_eq!((last.memo.as_str(), last.at), ("last", later(3)));
    }

    async fn a_book_that_refused_everything_writes_nothing(db: TestDb) {
        let shop = shop(&db, 10, 0).await;
        let before = dump(&db).await;
        let batch = move |tx: &mut WriteTx<'_>| {
            let mut book = Book::open(tx, [shop.ada, shop.bob])?;
            assert!(book.post(NOW, entry(""), &[transfer(shop.ada, shop.bob, 11)]).is_err());
            assert_eq!(book.balance(shop.funding), Err(Error::NoAccount(shop.funding)));
            book.write(tx).map(Entries::into_ids)
        };
        assert_eq!(db.write(batch).await, Ok(vec![]));
        assert_eq!(dump(&db).await, before);
    }

    async fn a_book_knows_no_id_for_an_entry_that_it_did_not_write(db: TestDb) {
        let shop = shop(&db, 10, 0).await;
        let batch = move |tx: &mut WriteTx<'_>| {
            let mut book = Book::open(tx, [shop.ada, shop.bob])?;
            let posted = book.post(NOW, entry(""), &[transfer(shop.ada, shop.bob, 1)])?;
            Book::open(tx, [shop.ada])?.write(tx)?.of(posted)
        };
        let refused = db.write(batch).await;
        assert!(matches!(refused, Err(Error::Bug(_))), "{refused:?}");
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (10, 0));
    }

    async fn a_book_never_writes_over_what_it_did_not_see(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let before = dump(&db).await;
        let overtaken = move |tx: &mut WriteTx<'_>| {
            let mut book = Book::open(tx, [shop.ada, shop.bob])?;
            book.post(NOW, entry(""), &[transfer(shop.ada, shop.bob, 600)])?;
            post(tx, NOW, entry("meanwhile"), &[transfer(shop.ada, shop.funding, 600)])?;
            book.write(tx)
        };
        let refused = db.write(overtaken).await;
        assert!(matches!(refused, Err(Error::Bug(_))), "{refused:?}");
        assert_eq!(dump(&db).await, before);
    }

    async fn eight_thousand_transfers_on_one_account_in_one_batch_are_exact(db: TestDb) {
        let shop = shop(&db, 5_000, 0).await;
        let batch = move |tx: &mut WriteTx<'_>| {
            let mut book = Book::open(tx, [shop.ada, shop.bob])?;
            let mut post = |second| book.post(later(second), entry(""), &[transfer(shop.ada, shop.bob, 1)]).is_ok();
            let accepted = (0..8_000).filter(|second| post(*second)).count();
            Ok::<_, Error>((accepted, book.write(tx)?.into_ids().len()))
        };
        // The account covers 5,000 of them.
        assert_eq!(db.write(batch).await, Ok((5_000, 5_000)));
        let (ada, bob) = (account(&db, shop.ada).await, account(&db, shop.bob).await);
        assert_eq!((ada.balance, ada.postings), (inr(0), 5_001));
        assert_eq!((bob.balance, bob.postings), (inr(5_000), 5_000));
        let halfway = db.read(move |tx| purser_ledger::balance_at(tx, shop.bob, later(2_499))).await;
        assert_eq!(halfway, Ok(inr(2_500)));
    }

    async fn along_one_account_time_never_runs_backward(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let post_at = |at, from, to| db.write(move |tx| post(tx, at, entry(""), &[transfer(from, to, 1)]));
        post_at(later(60), shop.ada, shop.bob).await.expect("posting");
        let second = post_at(later(10), shop.bob, shop.funding).await.expect("posting");
        let second = db.read(move |tx| entry_get(tx, second)).await.expect("an entry");
        assert_eq!(second.at, later(60));
        // The funding has been told of the later time, too.
        let third = post_at(later(20), shop.funding, shop.ada).await.expect("posting");
        assert_eq!(db.read(move |tx| entry_get(tx, third)).await.expect("an entry").at, later(60));
        let moment = later(60) + SignedDuration::from_micros(1);
        let fourth = post_at(moment, shop.funding, shop.ada).await.expect("posting");
        assert_eq!(db.read(move |tx| entry_get(tx, fourth)).await.expect("an entry").at, moment);
    }

    async fn a_reversal_takes_everything_back_and_names_what_it_reverses(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let original = post_all(&db, vec![transfer(shop.ada, shop.bob, 300), transfer(shop.bob, shop.funding, 300)]);
        let original = original.await.expect("posting");
        let id = db.write(move |tx| reverse(tx, later(9), original, entry("a mistake"))).await.expect("reversing");
        let reversal = db.read(move |tx| entry_get(tx, id)).await.expect("the reversal");
        assert_eq!((reversal.reverses, reversal.at, reversal.memo.as_str()), (Some(original), later(9), "a mistake"));
        assert_eq!(reversal.transfers, [transfer(shop.funding, shop.bob, 300), transfer(shop.bob, shop.ada, 300)]);
        let original = db.read(move |tx| entry_get(tx, original)).await.expect("the original");
        assert_eq!(original.reversed_by, Some(id));
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (1_000, 0));
    }

    async fn an_entry_is_reversed_once_and_a_reversal_never(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let original = post_all(&db, vec![transfer(shop.ada, shop.bob, 300)]).await.expect("posting");
        let by = db.write(move |tx| reverse(tx, NOW, original, entry(""))).await.expect("reversing");
        let again = Error::AlreadyReversed { entry: original, by };
        refused(&db, again, move |tx| reverse(tx, NOW, original, entry(""))).await;
        refused(&db, Error::IsReversal(by), move |tx| reverse(tx, NOW, by, entry(""))).await;
        let nothing = EntryId::from_column(99);
        refused(&db, Error::NoEntry(nothing), move |tx| reverse(tx, NOW, nothing, entry(""))).await;
    }

    async fn a_reversal_keeps_floors_but_passes_a_freeze(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let sale = post_all(&db, vec![transfer(shop.ada, shop.bob, 300)]).await.expect("posting");
        let spent = post_all(&db, vec![transfer(shop.bob, shop.funding, 1)]).await.expect("posting");
        let insufficient = Error::Insufficient { account: shop.bob, available: inr(299), needed: inr(300) };
        refused(&db, insufficient, move |tx| reverse(tx, NOW, sale, entry(""))).await;
        db.write(move |tx| account_freeze(tx, shop.bob)).await.expect("freezing");
        db.write(move |tx| reverse(tx, NOW, spent, entry(""))).await.expect("reversing what was spent");
        db.write(move |tx| reverse(tx, NOW, sale, entry(""))).await.expect("reversing the sale");
        assert_eq!((balance(&db, shop.ada).await, balance(&db, shop.bob).await), (1_000, 0));
    }

    async fn nobody_changes_or_removes_what_was_posted(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let before = dump(&db).await;
        for table in ["ledger_entry", "ledger_transfer"] {
            for statement in ["UPDATE {} SET id = id", "DELETE FROM {}", "DELETE FROM {} WHERE id = 1"] {
                let sql = statement.replace("{}", table);
                let refused = db.write(move |tx| tx.execute(&sql, &[])).await;
                let expected = StoreError::Check { constraint: format!("{table} is append-only") };
                assert_eq!(refused, Err(expected), "{statement}");
            }
        }
        assert_eq!(dump(&db).await, before);
        assert!(post_all(&db, vec![transfer(shop.ada, shop.bob, 1)]).await.is_ok());
    }

    async fn not_even_plain_sql_passes_a_floor(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let before = dump(&db).await;
        for change in ["balance = balance - 1001", "held = held + 1001", "held = -1", "status = 2", "status = 3"] {
            let sql = format!("UPDATE ledger_balance SET {change} WHERE account = {}", shop.ada.get());
            let refused = db.write(move |tx| tx.execute(&sql, &[])).await;
            assert!(matches!(refused, Err(StoreError::Check { .. })), "{change}: {refused:?}");
        }
        let account = format!("DELETE FROM ledger_account WHERE id = {}", shop.ada.get());
        assert_eq!(db.write(move |tx| tx.execute(&account, &[])).await, Err(StoreError::ForeignKey));
        assert_eq!(dump(&db).await, before);
    }

    async fn two_apps_postings_in_one_command_stand_or_fall_together(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let before = dump(&db).await;
        let together = move |tx: &mut WriteTx<'_>| {
            let new = account_open(tx, NOW, &new_account("new", AccountKind::Liability, Some(0)))?;
            post(tx, NOW, entry(""), &[transfer(shop.ada, new, 1_000)])?;
            post(tx, NOW, entry(""), &[transfer(shop.ada, new, 1)])
        };
        assert!(matches!(db.write(together).await, Err(Error::Insufficient { .. })));
        assert_eq!(dump(&db).await, before);
    }
}
