//! The ledger: double entry that no command, caller or moment can bend.

mod accounts;
mod audit;
mod callers;
mod entries;
mod histories;
mod holds;
mod idempotency;
mod model;
mod statements;

use jiff::{SignedDuration, Timestamp};
use purser_ledger::{
    Account, AccountId, AccountKind, AccountPath, EntryId, Error, NewAccount, NewEntry, Transfer, account_get,
    account_open, post,
};
use purser_money::{Currency, Money};
use purser_store::WriteTx;
use purser_testkit::{TestClock, TestDb};

/// When these tests begin.
const NOW: Timestamp = TestClock::START;

fn later(seconds: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(seconds)
}

fn inr(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

fn path(text: &str) -> AccountPath {
    AccountPath::new(text).expect("a path")
}

fn new_account(text: &str, kind: AccountKind, floor: Option<i64>) -> NewAccount {
    NewAccount { path: path(text), kind, currency: Currency::INR, floor }
}

fn entry(memo: &str) -> NewEntry {
    NewEntry { kind: "test.entry", actor: "test".to_owned(), memo: memo.to_owned(), reference: None }
}

/// Moves `minor` paise out of `from` into `to`, both liabilities: a debit makes the one shrink, a credit the other grow.
fn transfer(from: AccountId, to: AccountId, minor: i64) -> Transfer {
    Transfer { debit: from, credit: to, amount: inr(minor) }
}

async fn open(db: &TestDb, new: NewAccount) -> AccountId {
    db.write(move |tx| account_open(tx, NOW, &new)).await.expect("opening an account")
}

async fn account(db: &TestDb, id: AccountId) -> Account {
    db.read(move |tx| account_get(tx, id)).await.expect("an account")
}

async fn balance(db: &TestDb, id: AccountId) -> i64 {
    account(db, id).await.balance.minor()
}

async fn post_all(db: &TestDb, transfers: Vec<Transfer>) -> Result<EntryId, Error> {
    db.write(move |tx| post(tx, NOW, entry(""), &transfers)).await
}

/// Where money comes from, and two customers with prepaid credit.
#[derive(Debug, Clone, Copy)]
struct Shop {
    /// An asset without a floor.
    funding: AccountId,
    /// A liability with floor 0, like the other.
    ada: AccountId,
    bob: AccountId,
}

/// A shop in which Ada and Bob have paid in so much.
async fn shop(db: &TestDb, ada: i64, bob: i64) -> Shop {
    let open_all = |tx: &mut WriteTx<'_>| {
        Ok::<_, Error>(Shop {
            funding: account_open(tx, NOW, &new_account("shop:funding", AccountKind::Asset, None))?,
            ada: account_open(tx, NOW, &new_account("shop:customer:ada", AccountKind::Liability, Some(0)))?,
            bob: account_open(tx, NOW, &new_account("shop:customer:bob", AccountKind::Liability, Some(0)))?,
        })
    };
    let shop = db.write(open_all).await.expect("opening the accounts");
    for (customer, minor) in [(shop.ada, ada), (shop.bob, bob)] {
        if minor > 0 {
            post_all(db, vec![transfer(shop.funding, customer, minor)]).await.expect("paying in");
        }
    }
    shop
}
