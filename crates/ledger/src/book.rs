//! Where balances change: accounts loaded, entries decided in order, and all of it written at once.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;
use purser_money::{Currency, Money};
use purser_store::{BulkStatement, Error as StoreError, ReadTx, Row, WriteTx, params};

use crate::account::read_currency;
use crate::sequence::{Sequence, ids};
use crate::{AccountId, AccountStatus, Error, history};

/// A journal entry's number; later entries have larger ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub(crate) i64);

impl EntryId {
    /// The number as a column keeps it.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The number that a column kept.
    #[must_use]
    pub fn from_column(id: i64) -> Self {
        EntryId(id)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Who, why and what for. The time is given when it is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// What kind of event it is, `charge.sale`: 1 to 60 characters.
    pub kind: &'static str,
    /// Who did it, `key:<id>`: 1 to 200 characters.
    pub actor: String,
    /// Why, for people: at most 1,000 characters.
    pub memo: String,
    /// What it belongs to, such as the sale's id: 1 to 200 characters, or none.
    pub reference: Option<String>,
}

/// One debit and one credit of the same amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The account that is debited.
    pub debit: AccountId,
    /// The account that is credited.
    pub credit: AccountId,
    /// How much, more than zero.
    pub amount: Money,
}

/// An entry that a [`Book`] has accepted. [`Entries::of`] gives its id once the book is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedEntry(usize);

/// The ids of the entries that a [`Book`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries(Vec<EntryId>);

impl Entries {
    /// The id of an entry that the book accepted.
    ///
    /// # Errors
    /// [`Error::Bug`] where another book accepted it and wrote more entries than this one.
    pub fn of(&self, posted: PostedEntry) -> Result<EntryId, Error> {
        self.0.get(posted.0).copied().ok_or(Error::Bug("an entry is asked of a book that did not write it"))
    }

    /// All ids, in the order of posting.
    #[must_use]
    pub fn into_ids(self) -> Vec<EntryId> {
        self.0
    }
}

/// What a command touches, and what it has decided so far.
///
/// Open it with every account that may be touched, post any number of entries (each whole or refused without a trace),
/// then write. Nothing is in the database before [`Book::write`], and nothing else may change those accounts meanwhile:
/// the write checks it, row by row.
#[derive(Debug)]
pub struct Book {
    accounts: HashMap<AccountId, BalanceState>,
    entries: Vec<PendingEntry>,
    transfers: Vec<PendingTransfer>,
}

/// A row of ledger_balance, as it was and as it will be.
#[derive(Debug, Clone, Copy)]
struct BalanceState {
    currency: Currency,
    side: i64,
    status: AccountStatus,
    floor: Option<i64>,
    held: i64,
    stored_head: i64,
    balance: i64,
    postings: i64,
    head: Head,
    last_at: Timestamp,
}

/// An account's newest posting: one in the database, or the nth pending transfer, whose id is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    Stored(i64),
    Pending(usize),
}

#[derive(Debug)]
struct PendingEntry {
    at: Timestamp,
    entry: NewEntry,
    reverses: Option<EntryId>,
    /// The first and the last of its pending transfers.
    span: (usize, usize),
}

#[derive(Debug)]
struct PendingTransfer {
    entry: usize,
    transfer: Transfer,
    debit: PendingPosting,
    credit: PendingPosting,
}

#[derive(Debug, Clone, Copy)]
struct PendingPosting {
    balance: i64,
    before: Head,
    /// Its place in the account's chain, from 1.
    number: i64,
}

/// What an entry is posted for. A frozen account takes nothing new, but lets what was under way finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    New,
    Capture,
    Reversal(EntryId),
}

impl Purpose {
    fn reverses(self) -> Option<EntryId> {
        match self {
            Purpose::Reversal(entry) => Some(entry),
            Purpose::New | Purpose::Capture => None,
        }
    }
}

/// An account's every nth posting gets a mark.
pub(crate) const MARK_EVERY: i64 = 64;

const BALANCE_SELECT: BulkStatement = BulkStatement {
    sqlite: "SELECT account, currency, scale, side, status, floor, balance, held, postings, head, last_at
        FROM ledger_balance WHERE account = ?1",
    postgres: "SELECT account, currency, scale, side, status, floor, balance, held, postings, head, last_at
        FROM ledger_balance WHERE account = ANY(?1::bigint[])",
};

/// The same, and nobody else changes them until this transaction ends. A wide command would otherwise find at its very end
/// that one of a hundred thousand accounts was changed meanwhile, and begin anew.
const BALANCE_LOCK: BulkStatement = BulkStatement {
    sqlite: BALANCE_SELECT.sqlite,
    postgres: "SELECT account, currency, scale, side, status, floor, balance, held, postings, head, last_at
        FROM ledger_balance WHERE account = ANY(?1::bigint[]) ORDER BY account FOR NO KEY UPDATE",
};

/// The head and what is held must be as they were read: a book never writes over what it did not see.
const BALANCE_UPDATE: BulkStatement = BulkStatement {
    sqlite: "UPDATE ledger_balance SET balance = ?2, postings = ?3, head = ?4, last_at = ?5
        WHERE account = ?1 AND head = ?6 AND held = ?7",
    postgres: "UPDATE ledger_balance b
        SET balance = new.balance, postings = new.postings, head = new.head, last_at = new.last_at
        FROM UNNEST(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[], ?6::bigint[], ?7::bigint[])
            AS new (account, balance, postings, head, last_at, old_head, held)
        WHERE b.account = new.account AND b.head = new.old_head AND b.held = new.held",
};

const ENTRY_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO ledger_entry (id, at, kind, actor, memo, reference, reverses, first_transfer, last_transfer)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    postgres: "INSERT INTO ledger_entry (id, at, kind, actor, memo, reference, reverses, first_transfer, last_transfer)
        SELECT * FROM UNNEST(?1::bigint[], ?2::bigint[], ?3::text[], ?4::text[], ?5::text[], ?6::text[], ?7::bigint[],
            ?8::bigint[], ?9::bigint[])",
};

const TRANSFER_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO ledger_transfer
        (id, entry, debit, credit, amount, debit_balance, credit_balance, debit_before, credit_before)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    postgres: "INSERT INTO ledger_transfer
        (id, entry, debit, credit, amount, debit_balance, credit_balance, debit_before, credit_before)
        SELECT * FROM UNNEST(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[], ?6::bigint[],
            ?7::bigint[], ?8::bigint[], ?9::bigint[])",
};

const MARK_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO ledger_mark (account, at, transfer) VALUES (?1, ?2, ?3)",
    postgres: "INSERT INTO ledger_mark (account, at, transfer)
        SELECT * FROM UNNEST(?1::bigint[], ?2::bigint[], ?3::bigint[])",
};

impl Book {
    /// Loads the accounts that the entries to come may touch. Naming one twice does no harm.
    ///
    /// # Errors
    /// The store's. An account that does not exist is refused when an entry names it.
    pub fn open(tx: &mut ReadTx<'_>, accounts: impl IntoIterator<Item = AccountId>) -> Result<Self, Error> {
        let mut book = Book { accounts: HashMap::new(), entries: Vec::new(), transfers: Vec::new() };
        book.load(tx, accounts)?;
        Ok(book)
    }

    /// Loads more accounts. Those that the book has already stay as they are in it.
    ///
    /// # Errors
    /// As [`Book::open`].
    pub fn load(&mut self, tx: &mut ReadTx<'_>, accounts: impl IntoIterator<Item = AccountId>) -> Result<(), Error> {
        let unknown = accounts.into_iter().filter(|id| !self.accounts.contains_key(id));
        let mut keys: Vec<i64> = unknown.map(|id| id.0).collect();
        keys.sort_unstable();
        keys.dedup();
        let keys: Vec<_> = keys.into_iter().map(|id| params![id]).collect();
        let select = if tx.is_bulk() { &BALANCE_LOCK } else { &BALANCE_SELECT };
        let states = tx.query_bulk(select, &keys, read_state)?;
        self.accounts.extend(states);
        Ok(())
    }

    /// The balance after what was posted so far.
    ///
    /// # Errors
    /// [`Error::NoAccount`] where the book was not opened with it.
    pub fn balance(&self, account: AccountId) -> Result<Money, Error> {
        let state = self.state(account)?;
        Ok(Money::new(state.balance, state.currency))
    }

    /// Balance − held − floor after what was posted so far: what could be taken. Where there is no floor, balance − held,
    /// and more could be taken.
    ///
    /// # Errors
    /// [`Error::NoAccount`] where the book was not opened with it.
    pub fn available(&self, account: AccountId) -> Result<Money, Error> {
        let state = self.state(account)?;
        Ok(Money::new(state.available(), state.currency))
    }

    /// Posts one entry with its transfers, in their order: whole, or refused without a trace.
    ///
    /// The entry's time is `now`, or that of the newest posting on any account it touches where that is later: along
    /// one account time never runs backward, whatever clocks two machines have.
    ///
    /// # Errors
    /// The rule that refused it.
    pub fn post(&mut self, now: Timestamp, entry: NewEntry, transfers: &[Transfer]) -> Result<PostedEntry, Error> {
        self.post_as(now, entry, transfers, Purpose::New)
    }

    pub(crate) fn post_as(
        &mut self,
        now: Timestamp,
        entry: NewEntry,
        transfers: &[Transfer],
        purpose: Purpose,
    ) -> Result<PostedEntry, Error> {
        check_texts(&entry)?;
        if transfers.is_empty() {
            return Err(Error::EmptyEntry);
        }
        let at = self.time_of(now, transfers)?;
        let index = self.entries.len();
        let first = self.transfers.len();
        let mut before: Vec<(AccountId, BalanceState)> = Vec::with_capacity(2 * transfers.len());
        for transfer in transfers {
            let pair = (transfer.debit, *self.state(transfer.debit)?, transfer.credit, *self.state(transfer.credit)?);
            before.extend([(pair.0, pair.1), (pair.2, pair.3)]);
            if let Err(error) = self.move_one(index, *transfer, at, purpose) {
                self.undo(first, before);
                return Err(error);
            }
        }
        let span = (first, self.transfers.len() - 1);
        self.entries.push(PendingEntry { at, entry, reverses: purpose.reverses(), span });
        Ok(PostedEntry(index))
    }

    /// Counts what a hold has set aside as free again. The caller writes the hold's side of it.
    pub(crate) fn let_go(&mut self, account: AccountId, amount: Money) -> Result<(), Error> {
        let state = self.accounts.get_mut(&account).ok_or(Error::NoAccount(account))?;
        state.held -= amount.minor();
        Ok(())
    }

    fn time_of(&self, now: Timestamp, transfers: &[Transfer]) -> Result<Timestamp, Error> {
        transfers
            .iter()
            .flat_map(|transfer| [transfer.debit, transfer.credit])
            .try_fold(now, |at, account| Ok(at.max(self.state(account)?.last_at)))
    }

    /// Both sides are decided before either is kept.
    fn move_one(&mut self, entry: usize, transfer: Transfer, at: Timestamp, purpose: Purpose) -> Result<(), Error> {
        if !transfer.amount.is_positive() {
            return Err(Error::NotPositive(transfer.amount));
        }
        if transfer.debit == transfer.credit {
            return Err(Error::SameAccount(transfer.debit));
        }
        let (mut debit, mut credit) = (*self.state(transfer.debit)?, *self.state(transfer.credit)?);
        let next = Head::Pending(self.transfers.len());
        let debited = debit.step(transfer.debit, transfer.amount, 1, next, at, purpose)?;
        let credited = credit.step(transfer.credit, transfer.amount, -1, next, at, purpose)?;
        self.accounts.insert(transfer.debit, debit);
        self.accounts.insert(transfer.credit, credit);
        self.transfers.push(PendingTransfer { entry, transfer, debit: debited, credit: credited });
        Ok(())
    }

    fn undo(&mut self, first_transfer: usize, before: Vec<(AccountId, BalanceState)>) {
        self.transfers.truncate(first_transfer);
        // Latest first, so that an account touched twice ends as it was at the very beginning.
        self.accounts.extend(before.into_iter().rev());
    }

    fn state(&self, account: AccountId) -> Result<&BalanceState, Error> {
        self.accounts.get(&account).ok_or(Error::NoAccount(account))
    }

    /// Writes all that was posted. The answer gives each entry's id by what was posted.
    ///
    /// # Errors
    /// The store's: among them `Check` should a floor be passed after all. [`Error::Bug`] where something else changed
    /// one of the accounts while the book was open.
    pub fn write(self, tx: &mut WriteTx<'_>) -> Result<Entries, Error> {
        let entry_ids = ids(tx, Sequence::Entry, self.entries.len())?;
        let transfer_ids = ids(tx, Sequence::Transfer, self.transfers.len())?;
        self.write_entries(tx, &entry_ids, &transfer_ids)?;
        self.write_transfers(tx, &entry_ids, &transfer_ids)?;
        self.write_balances(tx, &transfer_ids)?;
        self.write_marks(tx, &transfer_ids)?;
        Ok(Entries(entry_ids.into_iter().map(EntryId).collect()))
    }

    /// Writes a book in which one entry was posted.
    pub(crate) fn write_one(self, tx: &mut WriteTx<'_>) -> Result<EntryId, Error> {
        self.write(tx)?.of(PostedEntry(0))
    }

    fn write_entries(&self, tx: &mut WriteTx<'_>, ids: &[i64], transfer_ids: &[i64]) -> Result<(), StoreError> {
        let rows: Vec<_> = std::iter::zip(ids, &self.entries)
            .map(|(id, pending)| {
                let NewEntry { kind, actor, memo, reference } = &pending.entry;
                let reverses = pending.reverses.map(|entry| entry.0);
                let (first, last) = (transfer_ids[pending.span.0], transfer_ids[pending.span.1]);
                params![*id, pending.at, *kind, actor, memo, reference.as_deref(), reverses, first, last]
            })
            .collect();
        tx.execute_bulk(&ENTRY_INSERT, &rows).map(drop)
    }

    fn write_transfers(&self, tx: &mut WriteTx<'_>, entry_ids: &[i64], ids: &[i64]) -> Result<(), StoreError> {
        let rows: Vec<_> = std::iter::zip(ids, &self.transfers)
            .map(|(id, pending)| {
                let Transfer { debit, credit, amount } = pending.transfer;
                params![
                    *id,
                    entry_ids[pending.entry],
                    debit.0,
                    credit.0,
                    amount.minor(),
                    pending.debit.balance,
                    pending.credit.balance,
                    pending.debit.before.id(ids),
                    pending.credit.before.id(ids),
                ]
            })
            .collect();
        tx.execute_bulk(&TRANSFER_INSERT, &rows).map(drop)
    }

    fn write_balances(&self, tx: &mut WriteTx<'_>, transfer_ids: &[i64]) -> Result<(), Error> {
        let mut touched: Vec<_> =
            self.accounts.iter().filter(|(_, state)| state.head != Head::Stored(state.stored_head)).collect();
        // One order for everybody, so that two transactions on PostgreSQL do not lock crosswise.
        touched.sort_unstable_by_key(|(id, _)| **id);
        let rows: Vec<_> = touched
            .into_iter()
            .map(|(id, state)| {
                let head = state.head.id(transfer_ids);
                params![id.0, state.balance, state.postings, head, state.last_at, state.stored_head, state.held]
            })
            .collect();
        let changed = tx.execute_bulk(&BALANCE_UPDATE, &rows)?;
        if changed == rows.len() as u64 {
            return Ok(());
        }
        Err(Error::Bug("a balance changed while a book was open on it"))
    }

    fn write_marks(&self, tx: &mut WriteTx<'_>, ids: &[i64]) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for (id, pending) in std::iter::zip(ids, &self.transfers) {
            let sides = [(pending.transfer.debit, pending.debit), (pending.transfer.credit, pending.credit)];
            let marked = sides.into_iter().filter(|(_, posting)| posting.number % MARK_EVERY == 0);
            rows.extend(marked.map(|(account, _)| params![account.0, self.entries[pending.entry].at, *id]));
        }
        tx.execute_bulk(&MARK_INSERT, &rows).map(drop)
    }
}

fn read_state(row: &Row<'_>) -> Result<(AccountId, BalanceState), StoreError> {
    let head: i64 = row.get(9)?;
    let state = BalanceState {
        currency: read_currency(row, 1)?,
        side: row.get(3)?,
        status: AccountStatus::from_column(row.get(4)?)?,
        floor: row.get(5)?,
        held: row.get(7)?,
        stored_head: head,
        balance: row.get(6)?,
        postings: row.get(8)?,
        head: Head::Stored(head),
        last_at: row.get(10)?,
    };
    Ok((AccountId(row.get(0)?), state))
}

impl Head {
    fn id(self, transfer_ids: &[i64]) -> i64 {
        match self {
            Head::Stored(id) => id,
            Head::Pending(index) => transfer_ids[index],
        }
    }
}

impl BalanceState {
    fn available(&self) -> i64 {
        self.balance.saturating_sub(self.held).saturating_sub(self.floor.unwrap_or(0))
    }

    /// One posting: `direction` is 1 for a debit and −1 for a credit.
    fn step(
        &mut self,
        account: AccountId,
        amount: Money,
        direction: i64,
        head: Head,
        at: Timestamp,
        purpose: Purpose,
    ) -> Result<PendingPosting, Error> {
        if amount.currency() != self.currency {
            let (expected, found) = (self.currency.code().to_owned(), amount.currency().code().to_owned());
            return Err(Error::WrongCurrency { account, expected, found });
        }
        match self.status {
            AccountStatus::Closed => return Err(Error::Closed(account)),
            AccountStatus::Frozen if purpose == Purpose::New => return Err(Error::Frozen(account)),
            AccountStatus::Frozen | AccountStatus::Open => {}
        }
        let change = amount.minor() * direction * self.side;
        if change < 0 && self.floor.is_some() && self.available() < amount.minor() {
            let available = Money::new(self.available(), self.currency);
            return Err(Error::Insufficient { account, available, needed: amount });
        }
        self.balance = self.balance.checked_add(change).ok_or(Error::TooLarge(account))?;
        self.postings += 1;
        let before = std::mem::replace(&mut self.head, head);
        self.last_at = at;
        Ok(PendingPosting { balance: self.balance, before, number: self.postings })
    }
}

fn check_texts(entry: &NewEntry) -> Result<(), Error> {
    check_text("kind", entry.kind, 1, 60)?;
    check_text("actor", &entry.actor, 1, 200)?;
    check_text("memo", &entry.memo, 0, 1_000)?;
    entry.reference.as_deref().map_or(Ok(()), |reference| check_text("reference", reference, 1, 200))
}

/// The schema's bounds, in characters, told before the schema has to.
pub(crate) fn check_text(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), Error> {
    if (min..=max).contains(&text.chars().count()) { Ok(()) } else { Err(Error::BadText { field, min, max }) }
}

/// Posts one entry: a book of its own.
///
/// # Errors
/// The rule that refused it.
pub fn post(tx: &mut WriteTx<'_>, now: Timestamp, entry: NewEntry, transfers: &[Transfer]) -> Result<EntryId, Error> {
    post_as(tx, now, entry, transfers, Purpose::New)
}

/// Posts the opposite of every transfer of `entry`, in reverse order, as an entry that names it. Once only; frozen
/// accounts allow it, floors are kept.
///
/// # Errors
/// [`Error::NoEntry`], [`Error::AlreadyReversed`], [`Error::IsReversal`], or what refuses the transfers.
pub fn reverse(tx: &mut WriteTx<'_>, now: Timestamp, entry: EntryId, reversal: NewEntry) -> Result<EntryId, Error> {
    let original = history::entry_get(tx, entry)?;
    if let Some(by) = original.reversed_by {
        return Err(Error::AlreadyReversed { entry, by });
    }
    if original.reverses.is_some() {
        return Err(Error::IsReversal(entry));
    }
    let back = |transfer: &Transfer| Transfer { debit: transfer.credit, credit: transfer.debit, ..*transfer };
    let transfers: Vec<_> = original.transfers.iter().rev().map(back).collect();
    post_as(tx, now, reversal, &transfers, Purpose::Reversal(entry))
}

fn post_as(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    entry: NewEntry,
    transfers: &[Transfer],
    purpose: Purpose,
) -> Result<EntryId, Error> {
    let touched = transfers.iter().flat_map(|transfer| [transfer.debit, transfer.credit]);
    let mut book = Book::open(tx, touched)?;
    book.post_as(now, entry, transfers, purpose)?;
    book.write_one(tx)
}
