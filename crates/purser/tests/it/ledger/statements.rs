//! What happened on an account: line by line, page by page, and as of any moment.

use jiff::{SignedDuration, Timestamp};
use purser_ledger::{AccountId, Book, Error, NewEntry, StatementLine, TransferId, balance_at, post, statement};
use purser_store::WriteTx;
use purser_testkit::{TestDb, both};

use super::{NOW, entry, inr, later, path, shop, transfer};

async fn page(db: &TestDb, account: AccountId, before: Option<TransferId>, limit: u32) -> Vec<StatementLine> {
    db.read(move |tx| statement(tx, account, before, limit)).await.expect("a statement")
}

async fn minor_at(db: &TestDb, account: AccountId, at: Timestamp) -> i64 {
    db.read(move |tx| balance_at(tx, account, at)).await.expect("a balance").minor()
}

both! {
    async fn a_statement_tells_the_newest_first_with_the_balance_after_each(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let sale = NewEntry { kind: "sale", actor: "key:1".to_owned(), memo: "tea".to_owned(), reference: Some("s1".to_owned()) };
        let sell = move |tx: &mut WriteTx<'_>| post(tx, later(5), sale.clone(), &[transfer(shop.ada, shop.bob, 250)]);
        let id = db.write(sell).await.expect("selling");
        let lines = page(&db, shop.ada, None, 10).await;
        let expected = StatementLine {
            transfer: lines[0].transfer,
            entry: id,
            at: later(5),
            kind: "sale".to_owned(),
            actor: "key:1".to_owned(),
            memo: "tea".to_owned(),
            reference: Some("s1".to_owned()),
            counterpart: path("shop:customer:bob"),
            change: inr(-250),
            balance: inr(750),
        };
        assert_eq!(lines[0], expected);
        assert_eq!((lines[1].change, lines[1].balance), (inr(1_000), inr(1_000)));
        assert_eq!(lines.len(), 2);
        let funding = page(&db, shop.funding, None, 10).await;
        assert_eq!((funding[0].change, &funding[0].counterpart), (inr(1_000), &path("shop:customer:ada")));
    }

    async fn a_statement_has_pages(db: TestDb) {
        let shop = shop(&db, 0, 0).await;
        let fill = move |tx: &mut WriteTx<'_>| {
            let mut book = Book::open(tx, [shop.funding, shop.ada])?;
            for second in 0..1_100 {
                book.post(later(second), entry(""), &[transfer(shop.funding, shop.ada, 1)])?;
            }
            book.write(tx)
        };
        db.write(fill).await.expect("filling");
        let first = page(&db, shop.ada, None, 3).await;
        assert_eq!(first.iter().map(|line| line.balance.minor()).collect::<Vec<_>>(), [1_100, 1_099, 1_098]);
        let second = page(&db, shop.ada, Some(first[2].transfer), 2).await;
        assert_eq!(second.iter().map(|line| line.balance.minor()).collect::<Vec<_>>(), [1_097, 1_096]);
        // From 1 to 1,000 lines, whatever is asked for.
        assert_eq!(page(&db, shop.ada, None, 0).await.len(), 1);
        assert_eq!(page(&db, shop.ada, None, u32::MAX).await.len(), 1_000);
        let oldest = page(&db, shop.ada, Some(page(&db, shop.ada, None, 1_000).await[999].transfer), 1_000).await;
        assert_eq!(oldest.len(), 100);
        assert_eq!(page(&db, shop.ada, Some(oldest[99].transfer), 1_000).await, []);
        let cursor = TransferId::from_cursor(first[2].transfer.get());
        assert_eq!(page(&db, shop.ada, Some(cursor), 2).await, second);
    }

    async fn another_accounts_cursor_finds_nothing(db: TestDb) {
        let shop = shop(&db, 1_000, 1_000).await;
        let bobs = page(&db, shop.bob, None, 1).await[0].transfer;
        assert_eq!(page(&db, shop.ada, Some(bobs), 10).await, []);
        assert_eq!(page(&db, shop.ada, Some(TransferId::from_cursor(99_999)), 10).await, []);
        assert_eq!(page(&db, shop.ada, Some(TransferId::from_cursor(0)), 10).await, []);
    }

    async fn an_account_without_postings_has_an_empty_past(db: TestDb) {
        let shop = shop(&db, 0, 0).await;
        assert_eq!(page(&db, shop.ada, None, 10).await, []);
        assert_eq!(minor_at(&db, shop.ada, later(100)).await, 0);
        let nobody = AccountId::from_column(99);
        assert_eq!(db.read(move |tx| statement(tx, nobody, None, 10)).await, Err(Error::NoAccount(nobody)));
        assert_eq!(db.read(move |tx| balance_at(tx, nobody, NOW)).await, Err(Error::NoAccount(nobody)));
    }

    async fn the_balance_of_any_moment_is_found_in_a_long_past(db: TestDb) {
        let shop = shop(&db, 0, 0).await;
        // The balance after posting n, which is at second 2n, is n.
        let fill = move |tx: &mut WriteTx<'_>| {
            let mut book = Book::open(tx, [shop.funding, shop.ada])?;
            for posting in 1..=500 {
                book.post(later(2 * posting), entry(""), &[transfer(shop.funding, shop.ada, 1)])?;
            }
            book.write(tx)
        };
        db.write(fill).await.expect("filling");
        for second in 0..=1_010_i64 {
            assert_eq!(minor_at(&db, shop.ada, later(second)).await, (second / 2).min(500), "at second {second}");
        }
        assert_eq!(minor_at(&db, shop.ada, later(2) - SignedDuration::from_micros(1)).await, 0);
        assert_eq!(minor_at(&db, shop.ada, Timestamp::MIN).await, 0);
        assert_eq!(minor_at(&db, shop.ada, Timestamp::MAX).await, 500);
    }

    async fn a_moment_with_hundreds_of_postings_ends_with_the_last_of_them(db: TestDb) {
        let shop = shop(&db, 0, 0).await;
        let fill = move |tx: &mut WriteTx<'_>| {
            let mut book = Book::open(tx, [shop.funding, shop.ada])?;
            for (second, count) in [(1, 10), (2, 200), (3, 1), (4, 150), (5, 5)] {
                for _ in 0..count {
                    book.post(later(second), entry(""), &[transfer(shop.funding, shop.ada, 1)])?;
                }
            }
            book.write(tx)
        };
        db.write(fill).await.expect("filling");
        for (second, expected) in [(0, 0), (1, 10), (2, 210), (3, 211), (4, 361), (5, 366), (6, 366)] {
            assert_eq!(minor_at(&db, shop.ada, later(second)).await, expected, "at second {second}");
        }
    }
}
