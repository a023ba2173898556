//! The ledger through its library: how many transfers a second it posts, durably.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use purser_ledger::{AccountId, AccountKind, AccountPath, Book, Error, NewAccount, NewEntry, Transfer, accounts_open};
use purser_money::{Currency, Money};
use purser_store::{Engine, Store, WriteTx};
use serde::Serialize;

use crate::clock;
use crate::load::{Timing, per_second};
use crate::place::{BenchDatabase, BenchFolder};
use crate::split_mix::SplitMix;

/// How many accounts the transfers are between.
const ACCOUNTS: usize = 10_000;

/// What each account has to begin with, in minor units: no run empties one.
const FUNDS: i64 = 1_000_000_000_000;

/// One way to post transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Case {
    /// Transfers in one transaction.
    pub(crate) batch: usize,
    /// Who posts at the same time.
    pub(crate) callers: usize,
    /// Whether each transfer has a journal entry of its own, or all of a batch share one.
    pub(crate) shape: Shape,
    /// Whether all transfers credit the same account, instead of any.
    pub(crate) hot: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// Things that happened by themselves, such as sales.
    EntryEach,
    /// One thing that moves much, such as a levy on every member.
    OneEntry,
}

/// What one way came to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TransferRow {
    pub(crate) engine: &'static str,
    #[serde(flatten)]
    pub(crate) case: Case,
    /// Transfers a second.
    pub(crate) per_second: u64,
}

/// The cases that issue 2 and its aims ask for.
pub(crate) const CASES: &[Case] = &[
    Case { batch: 1, callers: 1, shape: Shape::EntryEach, hot: false },
    Case { batch: 1, callers: 64, shape: Shape::EntryEach, hot: false },
    Case { batch: 64, callers: 1, shape: Shape::EntryEach, hot: false },
    Case { batch: 64, callers: 1, shape: Shape::EntryEach, hot: true },
    Case { batch: 8_000, callers: 1, shape: Shape::EntryEach, hot: false },
    Case { batch: 8_000, callers: 1, shape: Shape::EntryEach, hot: true },
    Case { batch: 8_000, callers: 1, shape: Shape::OneEntry, hot: false },
    Case { batch: 8_000, callers: 1, shape: Shape::OneEntry, hot: true },
];

/// Measures one case on a database of its own.
pub(crate) fn measure(
    ground: &mut BenchFolder,
    engine: Engine,
    case: Case,
    timing: Timing,
) -> Result<TransferRow, String> {
    let place = ground.database_new(engine)?;
    let per_second = run(&place, case, timing)?;
    ground.remove(&place)?;
    Ok(TransferRow { engine: engine.name(), case, per_second })
}

fn run(place: &BenchDatabase, case: Case, timing: Timing) -> Result<u64, String> {
    let store = place.open()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let rate = runtime.block_on(async {
        store.migrate(purser_ledger::MIGRATIONS.to_vec(), clock::now()).await?;
        let accounts = funded(&store, clock::now()).await?;
        post_for(&store, &accounts, case, timing.warm_up).await?;
        let began = Instant::now();
        let posted = post_for(&store, &accounts, case, timing.measured).await?;
        Ok::<_, Error>(per_second(posted, began.elapsed()))
    });
    store.close();
    rate.map_err(|error| error.to_string())
}

/// Accounts with a floor of zero, and enough in each.
async fn funded(store: &Store, now: Timestamp) -> Result<Arc<[AccountId]>, Error> {
    let open = move |tx: &mut WriteTx<'_>| {
        let mut new = vec![account("bench:funding".to_owned(), AccountKind::Asset, None)?];
        for number in 0..ACCOUNTS {
            new.push(account(format!("bench:account:{number}"), AccountKind::Liability, Some(0))?);
        }
        let mut accounts = accounts_open(tx, now, &new)?;
        let funding = accounts.remove(0);
        let amount = Money::new(FUNDS, Currency::INR);
        let funds = accounts.iter().map(|credit| Transfer { debit: funding, credit: *credit, amount });
        post(tx, now, Shape::OneEntry, &funds.collect::<Vec<_>>())?;
        Ok::<_, Error>(accounts.into())
    };
    store.write(open).await
}

fn account(path: String, kind: AccountKind, floor: Option<i64>) -> Result<NewAccount, Error> {
    Ok(NewAccount { path: AccountPath::new(path)?, kind, currency: Currency::INR, floor })
}

/// Has all callers post one batch after another until `time` is over, and their last ones are durable. Says how many
/// transfers that was.
async fn post_for(store: &Store, accounts: &Arc<[AccountId]>, case: Case, time: Duration) -> Result<u64, Error> {
    let end = Instant::now() + time;
    let mut callers = tokio::task::JoinSet::new();
    for seed in 0..case.callers {
        callers.spawn(call_until(end, store.clone(), Arc::clone(accounts), case, SplitMix::new(seed as u64)));
    }
    let mut posted = 0;
    for one in callers.join_all().await {
        posted += one?;
    }
    Ok(posted)
}

async fn call_until(
    end: Instant,
    store: Store,
    accounts: Arc<[AccountId]>,
    case: Case,
    mut random: SplitMix,
) -> Result<u64, Error> {
    let mut posted = 0;
    while Instant::now() < end {
        let transfers: Vec<Transfer> = (0..case.batch).map(|_| transfer(&accounts, case.hot, &mut random)).collect();
        let now = clock::now();
        store.write(move |tx| post(tx, now, case.shape, &transfers)).await?;
        posted += case.batch as u64;
    }
    Ok(posted)
}

/// From any account but the first to the first, or to any other.
fn transfer(accounts: &[AccountId], hot: bool, random: &mut SplitMix) -> Transfer {
    let debit = 1 + random.below(accounts.len() - 1);
    let credit = if hot { 0 } else { (debit + 1 + random.below(accounts.len() - 1)) % accounts.len() };
    Transfer { debit: accounts[debit], credit: accounts[credit], amount: Money::new(100, Currency::INR) }
}

fn post(tx: &mut WriteTx<'_>, now: Timestamp, shape: Shape, transfers: &[Transfer]) -> Result<(), Error> {
    let touched = transfers.iter().flat_map(|transfer| [transfer.debit, transfer.credit]);
    let mut book = Book::open(tx, touched)?;
    let entry = || NewEntry { kind: "bench", actor: "bench".to_owned(), memo: String::new(), reference: None };
    let together = match shape {
        Shape::EntryEach => 1,
        Shape::OneEntry => transfers.len(),
    };
    for chunk in transfers.chunks(together) {
        book.post(now, entry(), chunk)?;
    }
    book.write(tx).map(drop)
}

#[cfg(test)]
mod tests {
    use purser_ledger::verify;

    use super::*;

    #[test]
    fn what_is_posted_balances() {
        let folder = tempfile::tempdir().unwrap();
        let timing = Timing { warm_up: Duration::ZERO, measured: Duration::from_millis(50) };
        for shape in [Shape::EntryEach, Shape::OneEntry] {
            let case = Case { batch: 10, callers: 2, shape, hot: shape == Shape::OneEntry };
            let place = BenchDatabase::File(folder.path().join(format!("{shape:?}.db")));
            assert!(run(&place, case, timing).unwrap() > 0);
            let store = place.open().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let result = runtime.block_on(store.read(verify)).unwrap();
            assert!(result.is_clean(), "{:?}", result.problems);
        }
    }
}
