//! The audit finds whatever was changed behind the ledger's back, and names where.

use purser_ledger::{Book, CurrencyTotals, Error, NewAccount, NewHold, VerifyReport, hold_place, verify};
use purser_money::Currency;
use purser_store::{Engine, Error as StoreError, WriteTx};
use purser_testkit::{TestDb, both};

use super::{NOW, Shop, entry, inr, later, new_account, open, shop, transfer};

/// What was found, on the way back through a command that leaves no trace.
#[derive(Debug)]
enum VerifyFinding {
    Verdict(VerifyReport),
    Failed(Error),
}

impl From<StoreError> for VerifyFinding {
    fn from(error: StoreError) -> Self {
        VerifyFinding::Failed(error.into())
    }
}

/// Changes the books by plain SQL, audits them, and takes it all back.
async fn problems_after(db: &TestDb, sql: String) -> Vec<String> {
    let tamper = move |tx: &mut WriteTx<'_>| {
        for sql in unguard(tx.engine()) {
            tx.execute(sql, &[])?;
        }
        assert_ne!(tx.execute(&sql, &[])?, 0, "{sql} changes nothing");
        Err::<(), _>(verify(tx).map_or_else(VerifyFinding::Failed, VerifyFinding::Verdict))
    };
    match db.write(tamper).await {
        Err(VerifyFinding::Verdict(report)) => report.problems,
        Err(VerifyFinding::Failed(error)) => panic!("the audit came to no verdict: {error}"),
        Ok(()) => panic!("the tampering was to be taken back"),
    }
}

fn unguard(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Sqlite => &[
            "DROP TRIGGER ledger_entry_update",
            "DROP TRIGGER ledger_transfer_update",
            "DROP TRIGGER ledger_transfer_delete",
        ],
        Engine::Postgres => &[
            "DROP TRIGGER ledger_entry_append_only ON ledger_entry",
            "DROP TRIGGER ledger_transfer_append_only ON ledger_transfer",
        ],
    }
}

/// A shop with 200 sales to Ada's account and a hold on it. Its transfers are numbered from 1; the first paid in.
async fn busy_shop(db: &TestDb) -> Shop {
    let shop = shop(db, 10_000, 0).await;
    let (id, actor, reason) = (db.ids().next(), "test".to_owned(), String::new());
    let hold = NewHold { id, account: shop.ada, amount: inr(70), actor, reason, expires_at: None };
    let fill = move |tx: &mut WriteTx<'_>| {
        let mut book = Book::open(tx, [shop.ada, shop.bob])?;
        for second in 1..200 {
            let both = [transfer(shop.ada, shop.bob, 3), transfer(shop.bob, shop.ada, 1)];
            book.post(later(second), entry(""), if second % 10 == 0 { &both } else { &both[..1] })?;
        }
        book.write(tx)?;
        hold_place(tx, NOW, &hold)
    };
    db.write(fill).await.expect("filling the books");
    shop
}

both! {
    async fn the_audit_of_honest_books_is_clean_and_says_what_they_hold(db: TestDb) {
        busy_shop(&db).await;
        let coins = NewAccount { currency: Currency::COIN, ..new_account("coins", purser_ledger::AccountKind::Asset, None) };
        open(&db, coins).await;
        let report = db.read(verify).await.expect("the audit");
        assert!(report.is_clean(), "{:?}", report.problems);
        assert_eq!((report.entries, report.transfers), (200, 219));
        let totals = |currency: &str, scale, accounts, held| {
            CurrencyTotals { currency: currency.to_owned(), scale, accounts, sum: 0, held }
        };
        assert_eq!(report.totals, [totals("COIN", 0, 1, 0), totals("INR", 2, 3, 70)]);
    }

    async fn empty_books_are_clean(db: TestDb) {
        let report = db.read(verify).await.expect("the audit");
        assert_eq!(report, VerifyReport { totals: vec![], entries: 0, transfers: 0, problems: vec![] });
    }

    async fn whatever_is_changed_behind_the_ledgers_back_is_found_and_named(db: TestDb) {
        let shop = busy_shop(&db).await;
        let (ada, bob) = (shop.ada.get(), shop.bob.get());
        let balance = |change: &str| format!("UPDATE ledger_balance SET {change} WHERE account = {ada}");
        let sale = |change: &str| format!("UPDATE ledger_transfer SET {change} WHERE id = 50");
        let cases = [
            (balance("balance = balance + 1"), format!("account {ada} has the balance")),
            (balance("balance = balance + 1"), "INR does not balance: debits less credits are -1".to_owned()),
            (balance("held = held - 1"), format!("account {ada} has 69 set aside, but its open holds come to 70")),
            (balance("postings = postings + 1"), format!("account {ada} says that 220 postings were made, but 219")),
            (balance("head = head - 1"), format!("account {ada} names transfer 218 as its newest, but that is 219")),
            (balance("last_at = last_at + 1"), format!("account {ada} was last posted to at")),
            (balance("side = 1"), format!("account {ada} grows in the direction 1, but by its kind that is -1")),
            (balance("currency = 'USD'"), format!("transfer 2 moves between accounts {ada} and {bob}")),
            (sale("debit_balance = debit_balance + 1"), format!("the chain of account {ada} is broken at transfer 50")),
            (sale("credit_before = credit_before - 1"), format!("the chain of account {bob} is broken at transfer 50")),
            (sale("amount = amount + 1"), format!("account {bob} has the balance")),
            (sale(&format!("credit = {}", shop.funding.get())), format!("account {bob} says that 218 postings were made")),
            ("DELETE FROM ledger_transfer WHERE id = 50".to_owned(), format!("account {ada} has the balance")),
            ("DELETE FROM ledger_transfer WHERE id = 50".to_owned(), "journal entry 46 names transfers 50".to_owned()),
            (
                "UPDATE ledger_entry SET last_transfer = last_transfer + 1 WHERE id = 46".to_owned(),
                "journal entry 46 names transfers 50 and 51".to_owned(),
            ),
            (
                format!("DELETE FROM ledger_mark WHERE account = {ada} AND transfer = 64"),
                format!("account {ada} should have 3 marks, and has 2"),
            ),
            (
                format!("UPDATE ledger_mark SET transfer = 63 WHERE account = {ada} AND transfer = 64"),
                format!("account {ada} has a mark at transfer 63, which is its posting number 63"),
            ),
            (
                format!("UPDATE ledger_mark SET at = at + 1 WHERE account = {ada} AND transfer = 64"),
                format!("account {ada} has a mark at transfer 64"),
            ),
            (
                "UPDATE ledger_hold SET status = 'released', settled_at = 1".to_owned(),
                format!("account {ada} has 70 set aside, but its open holds come to 0"),
            ),
        ];
        for (sql, expected) in cases {
            let problems = problems_after(&db, sql.clone()).await;
            assert!(problems.iter().any(|problem| problem.starts_with(&expected)), "{sql}: {problems:#?}");
        }
    }

    async fn the_audit_names_twenty_of_a_sort_and_no_more(db: TestDb) {
        let all = (0..50).map(|n| new_account(&format!("a:{n}"), purser_ledger::AccountKind::Asset, None)).collect::<Vec<_>>();
        db.write(move |tx| purser_ledger::accounts_open(tx, NOW, &all)).await.expect("opening");
        let problems = problems_after(&db, "UPDATE ledger_balance SET postings = 1".to_owned()).await;
        assert_eq!(problems.len(), 20);
    }
}
