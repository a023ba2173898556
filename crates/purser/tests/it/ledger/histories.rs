//! Random histories: the ledger and the model are given the same commands and must agree after each.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use purser_ledger::{
    Account, AccountId, AccountKind, AccountPath, AccountStatus, Book, EntryId, Error, HoldStatus, NewAccount, NewHold,
    Transfer, account_close, account_freeze, account_get, account_open, account_unfreeze, balance_at, entry_get,
    hold_capture, hold_get, hold_place, hold_release, holds_expire, post, reverse, statement, verify,
};
use purser_money::{Currency, Money};
use purser_store::{Engine, ReadTx, WriteTx};
use purser_testkit::TestDb;

use super::model::{Model, ModelAccount, ModelHold, Move, Start};
use super::{NOW, entry};

/// One command. Accounts, entries and holds are named by any number, taken modulo how many there are.
#[derive(Debug, Clone)]
enum Step {
    Open {
        kind: AccountKind,
        currency: Currency,
        floor: Option<i64>,
    },
    Post(Vec<Move>),
    /// Entries of one book, of which some may be refused.
    Batch(Vec<Vec<Move>>),
    /// So many entries of one paisa each in one book, a second apart.
    Storm {
        debit: usize,
        credit: usize,
        count: u8,
    },
    HoldPlace {
        account: usize,
        minor: i64,
        expires_in: Option<i64>,
    },
    /// Takes so many hundredths of the hold.
    HoldCapture {
        hold: usize,
        percent: i64,
        to: usize,
    },
    HoldRelease {
        hold: usize,
    },
    HoldsExpire,
    Reverse {
        entry: usize,
    },
    Freeze {
        account: usize,
    },
    Unfreeze {
        account: usize,
    },
    Close {
        account: usize,
    },
    /// The clock moves by so many seconds, back as well as forth.
    Wait(i64),
}

fn kinds() -> impl Strategy<Value = AccountKind> {
    prop::sample::select(vec![
        AccountKind::Asset,
        AccountKind::Liability,
        AccountKind::Income,
        AccountKind::Expense,
        AccountKind::Equity,
    ])
}

fn currencies() -> impl Strategy<Value = Currency> {
    prop_oneof![5 => Just(Currency::INR), 1 => Just(Currency::COIN)]
}

fn floors() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), Just(Some(0)), Just(Some(-500))]
}

fn amounts() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1..1_000_i64, 1 => -1..=1_i64]
}

fn moves() -> impl Strategy<Value = Move> {
    (0..8_usize, 0..8_usize, amounts()).prop_map(|(debit, credit, minor)| Move { debit, credit, minor })
}

fn entries() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec(moves(), 1..4)
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (kinds(), currencies(), floors()).prop_map(|(kind, currency, floor)| Step::Open { kind, currency, floor }),
        8 => entries().prop_map(Step::Post),
        3 => prop::collection::vec(entries(), 0..6).prop_map(Step::Batch),
        2 => (0..8_usize, 0..8_usize, 0..150_u8).prop_map(|(debit, credit, count)| Step::Storm { debit, credit, count }),
        5 => (0..8_usize, amounts(), prop::option::of(0..20_i64))
            .prop_map(|(account, minor, expires_in)| Step::HoldPlace { account, minor, expires_in }),
        4 => (0..8_usize, 0..120_i64, 0..8_usize)
            .prop_map(|(hold, percent, to)| Step::HoldCapture { hold, percent, to }),
        2 => (0..8_usize).prop_map(|hold| Step::HoldRelease { hold }),
        2 => Just(Step::HoldsExpire),
        4 => (0..16_usize).prop_map(|entry| Step::Reverse { entry }),
        2 => (0..8_usize).prop_map(|account| Step::Freeze { account }),
        2 => (0..8_usize).prop_map(|account| Step::Unfreeze { account }),
        1 => (0..8_usize).prop_map(|account| Step::Close { account }),
        4 => (-5..20_i64).prop_map(Step::Wait),
    ]
}

proptest! {
    // Each has a database of its own, and the audit after every step. PROPTEST_CASES asks for more.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_history_agrees_with_the_model_on_sqlite(steps in prop::collection::vec(steps(), 1..80)) {
        agrees(Engine::Sqlite, steps);
    }

    #[test]
    fn any_history_agrees_with_the_model_on_postgres(steps in prop::collection::vec(steps(), 1..80)) {
        agrees(Engine::Postgres, steps);
    }
}

fn agrees(engine: Engine, steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starting the runtime");
    runtime.block_on(async {
        let db = TestDb::create(engine, purser_ledger::MIGRATIONS.to_vec()).await;
        let mut history = History { db, model: Model::default(), now: NOW };
        for (kind, floor) in
            [(AccountKind::Asset, None), (AccountKind::Liability, Some(0)), (AccountKind::Income, None)]
        {
            history.open(kind, Currency::INR, floor).await;
        }
        history.post(&[Move { debit: 0, credit: 1, minor: 2_000 }]).await;
        for step in steps {
            history.step(step).await;
            history.compare_figures().await;
        }
        history.compare_the_past().await;
    });
}

struct History {
    db: TestDb,
    model: Model,
    now: Timestamp,
}

impl History {
    async fn step(&mut self, step: Step) {
        match step {
            Step::Open { kind, currency, floor } => self.open(kind, currency, floor).await,
            Step::Post(moves) => self.post(&moves).await,
            Step::Batch(entries) => self.batch(entries.into_iter().map(|moves| (self.now, moves)).collect()).await,
            Step::Storm { debit, credit, count } => self.storm(debit, credit, count).await,
            Step::HoldPlace { account, minor, expires_in } => self.hold_place(account, minor, expires_in).await,
            Step::HoldCapture { hold, percent, to } => self.hold_capture(hold, percent, to).await,
            Step::HoldRelease { hold } => self.hold_release(hold).await,
            Step::HoldsExpire => self.holds_expire().await,
            Step::Reverse { entry } => self.reverse(entry).await,
            Step::Freeze { account } => self.status_set(account, AccountStatus::Frozen).await,
            Step::Unfreeze { account } => self.status_set(account, AccountStatus::Open).await,
            Step::Close { account } => self.status_set(account, AccountStatus::Closed).await,
            Step::Wait(seconds) => self.now += SignedDuration::from_secs(seconds),
        }
    }

    fn place(&self, account: usize) -> usize {
        account % self.model.accounts.len()
    }

    fn id(&self, account: usize) -> AccountId {
        self.model.accounts[account].id
    }

    /// The moves with their accounts' places, and as the ledger takes them. The amount is in the debited account's
    /// currency.
    fn resolve(&self, moves: &[Move]) -> (Vec<Move>, Vec<Transfer>) {
        let place = |one: &Move| Move { debit: self.place(one.debit), credit: self.place(one.credit), ..*one };
        let moves: Vec<Move> = moves.iter().map(place).collect();
        let transfer = |one: &Move| Transfer {
            debit: self.id(one.debit),
            credit: self.id(one.credit),
            amount: Money::new(one.minor, self.model.accounts[one.debit].currency),
        };
        let transfers = moves.iter().map(transfer).collect();
        (moves, transfers)
    }

    async fn open(&mut self, kind: AccountKind, currency: Currency, floor: Option<i64>) {
        let path = format!("model:{}", self.model.accounts.len());
        let new = NewAccount { path: AccountPath::new(path.clone()).unwrap(), kind, currency, floor };
        let now = self.now;
        let id = self.db.write(move |tx| account_open(tx, now, &new)).await.expect("opening");
        let (status, postings) = (AccountStatus::Open, Vec::new());
        self.model.accounts.push(ModelAccount { id, path, kind, currency, floor, status, postings });
    }

    async fn post(&mut self, moves: &[Move]) {
        let ((moves, transfers), now) = (self.resolve(moves), self.now);
        let posted = self.db.write(move |tx| post(tx, now, entry(""), &transfers)).await;
        let expected = self.model.entry_post(now, &moves, Start::New);
        self.same_entry(posted, expected);
    }

    fn same_entry(&mut self, posted: Result<EntryId, Error>, expected: Result<usize, Error>) {
        match (posted, expected) {
            (Ok(id), Ok(place)) => self.model.entry_number(place, id),
            (posted, expected) => assert_eq!(posted.map(|_| ()), expected.map(|_| ())),
        }
    }

    async fn storm(&mut self, debit: usize, credit: usize, count: u8) {
        let entry = |second| (self.now + SignedDuration::from_secs(second), vec![Move { debit, credit, minor: 1 }]);
        self.batch((0..i64::from(count)).map(entry).collect()).await;
    }

    async fn batch(&mut self, entries: Vec<(Timestamp, Vec<Move>)>) {
        let resolved: Vec<_> = entries.iter().map(|(at, moves)| (*at, self.resolve(moves))).collect();
        let book: Vec<_> = resolved.iter().map(|(at, (_, transfers))| (*at, transfers.clone())).collect();
        let (refusals, ids) = self.db.write(move |tx| batch_post(tx, &book)).await.expect("a batch");
        let mut ids = ids.into_iter();
        for ((at, (moves, _)), refusal) in resolved.into_iter().zip(refusals) {
            let expected = self.model.entry_post(at, &moves, Start::New);
            let posted = refusal.map_or_else(|| Ok(ids.next().expect("an id for each entry")), Err);
            self.same_entry(posted, expected);
        }
        assert_eq!(ids.next(), None);
    }

    async fn hold_place(&mut self, account: usize, minor: i64, expires_in: Option<i64>) {
        let account = self.place(account);
        let amount = Money::new(minor, self.model.accounts[account].currency);
        let expires_at = expires_in.map(|seconds| self.now + SignedDuration::from_secs(seconds));
        let (id, actor, reason) = (self.db.ids().next(), "test".to_owned(), String::new());
        let (new, now) = (NewHold { id, account: self.id(account), amount, actor, reason, expires_at }, self.now);
        let placed = self.db.write(move |tx| hold_place(tx, now, &new)).await;
        let hold = ModelHold { id, account, minor, expires_at, status: HoldStatus::Held };
        assert_eq!(placed, self.model.hold_place(hold));
    }

    async fn hold_capture(&mut self, hold: usize, percent: i64, to: usize) {
        let Some(hold) = hold.checked_rem(self.model.holds.len()) else { return };
        let ModelHold { id, account, minor, .. } = self.model.holds[hold];
        let (minor, to, now) = (minor * percent / 100, self.place(to), self.now);
        let (amount, to_id) = (Money::new(minor, self.model.accounts[account].currency), self.id(to));
        let captured = self.db.write(move |tx| hold_capture(tx, now, id, amount, to_id, entry(""))).await;
        let expected = self.model.hold_capture(now, hold, minor, to);
        self.same_entry(captured, expected);
    }

    async fn hold_release(&mut self, hold: usize) {
        let Some(hold) = hold.checked_rem(self.model.holds.len()) else { return };
        let (id, now) = (self.model.holds[hold].id, self.now);
        let released = self.db.write(move |tx| hold_release(tx, now, id)).await;
        assert_eq!(released, self.model.hold_release(hold));
    }

    async fn holds_expire(&mut self) {
        let now = self.now;
        let mut expired = self.db.write(move |tx| holds_expire(tx, now, 1_000)).await.expect("expiring");
        expired.sort_unstable();
        assert_eq!(expired, self.model.holds_expire(now));
    }

    async fn reverse(&mut self, entry: usize) {
        let Some(place) = entry.checked_rem(self.model.entries.len()) else { return };
        let (id, now) = (self.model.entries[place].id, self.now);
        let reversed = self.db.write(move |tx| reverse(tx, now, id, super::entry("reversed"))).await;
        let expected = self.model.entry_reverse(now, place);
        self.same_entry(reversed, expected);
    }

    async fn status_set(&mut self, account: usize, status: AccountStatus) {
        let account = self.place(account);
        let id = self.id(account);
        let set = self.db.write(move |tx| match status {
            AccountStatus::Open => account_unfreeze(tx, id),
            AccountStatus::Frozen => account_freeze(tx, id),
            AccountStatus::Closed => account_close(tx, id),
        });
        assert_eq!(set.await, self.model.account_set(account, status));
    }

    /// What every account holds, what every hold is, and the audit.
    async fn compare_figures(&self) {
        let ids: Vec<AccountId> = self.model.accounts.iter().map(|account| account.id).collect();
        let holds: Vec<_> = self.model.holds.iter().map(|hold| hold.id).collect();
        let query = move |tx: &mut ReadTx<'_>| {
            let accounts: Vec<Account> = ids.iter().map(|id| account_get(tx, *id)).collect::<Result<_, Error>>()?;
            let holds = holds.iter().map(|id| Ok(hold_get(tx, *id)?.status)).collect::<Result<Vec<_>, Error>>()?;
            Ok::<_, Error>((accounts, holds, verify(tx)?))
        };
        let (accounts, holds, report) = self.db.read(query).await.expect("reading the figures");
        for (place, found) in accounts.iter().enumerate() {
            let expected = &self.model.accounts[place];
            let figures = [found.balance, found.held, found.available()].map(Money::minor);
            assert_eq!(figures, [expected.balance(), self.model.held(place), self.model.available(place)], "{found:?}");
            assert_eq!((found.status, found.postings as usize), (expected.status, expected.postings.len()));
            let below = expected.floor.is_some_and(|floor| self.model.available(place) < floor);
            assert!(!below, "{found:?} is below its floor");
        }
        assert_eq!(holds, self.model.holds.iter().map(|hold| hold.status).collect::<Vec<_>>());
        assert_eq!(report.problems, Vec::<String>::new());
        assert!(report.totals.iter().all(|totals| totals.sum == 0));
        assert_eq!(report.entries as usize, self.model.entries.len());
    }

    /// Every entry, every statement by pages of several sizes, and the balance at every moment that matters.
    async fn compare_the_past(&self) {
        for place in 0..self.model.entries.len() {
            self.compare_entry(place).await;
        }
        for account in &self.model.accounts {
            for limit in [1_000, 64, 7] {
                self.compare_statement(account, limit).await;
            }
            self.compare_balances_at(account).await;
        }
    }

    async fn compare_entry(&self, place: usize) {
        let expected = &self.model.entries[place];
        let id = expected.id;
        let found = self.db.read(move |tx| entry_get(tx, id)).await.expect("an entry");
        assert_eq!(
            (found.at, found.reverses, found.reversed_by),
            (expected.at, expected.reverses, expected.reversed_by)
        );
        assert_eq!(found.transfers, self.resolve(&expected.moves).1);
    }

    async fn compare_statement(&self, account: &ModelAccount, limit: u32) {
        let id = account.id;
        let read = move |tx: &mut ReadTx<'_>| {
            let mut lines = Vec::new();
            let mut before = None;
            loop {
                let page = statement(tx, id, before, limit)?;
                let Some(last) = page.last() else { return Ok::<_, Error>(lines) };
                assert!(page.len() <= limit as usize);
                before = Some(last.transfer);
                lines.extend(page);
            }
        };
        let lines = self.db.read(read).await.expect("a statement");
        assert_eq!(lines.len(), account.postings.len());
        for (line, expected) in lines.iter().zip(account.postings.iter().rev()) {
            let found = (line.entry, line.at, line.counterpart.as_str(), line.change, line.balance);
            let money = |minor| Money::new(minor, account.currency);
            let id = self.model.entries[expected.entry].id;
            let counterpart = expected.counterpart.as_str();
            assert_eq!(found, (id, expected.at, counterpart, money(expected.change), money(expected.balance)));
        }
        assert!(lines.is_sorted_by(|newer, older| newer.transfer > older.transfer));
    }

    async fn compare_balances_at(&self, account: &ModelAccount) {
        let id = account.id;
        // Each moment of a posting, the one before and the one after; of long histories, some forty in all.
        let every = account.postings.len() / 13 + 1;
        let microsecond = SignedDuration::from_micros(1);
        let around = |at: Timestamp| [at - microsecond, at, at + microsecond];
        let moments: Vec<Timestamp> = account
            .postings
            .iter()
            .step_by(every)
            .flat_map(|posting| around(posting.at))
            .chain([NOW, Timestamp::MAX])
            .collect();
        let expected: Vec<i64> = moments.iter().map(|at| account.balance_at(*at)).collect();
        let read = move |tx: &mut ReadTx<'_>| {
            moments.iter().map(|at| Ok(balance_at(tx, id, *at)?.minor())).collect::<Result<Vec<_>, Error>>()
        };
        assert_eq!(self.db.read(read).await, Ok(expected));
    }
}

/// Posts entries in one book: for each the refusal, if it was refused, and the ids of the others.
fn batch_post(
    tx: &mut WriteTx<'_>,
    entries: &[(Timestamp, Vec<Transfer>)],
) -> Result<(Vec<Option<Error>>, Vec<EntryId>), Error> {
    let touched = entries.iter().flat_map(|(_, transfers)| transfers).flat_map(|one| [one.debit, one.credit]);
    let mut book = Book::open(tx, touched)?;
    let refusals = entries.iter().map(|(at, transfers)| book.post(*at, entry(""), transfers).err()).collect();
    Ok((refusals, book.write(tx)?.into_ids()))
}
