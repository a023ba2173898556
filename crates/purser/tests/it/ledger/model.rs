//! The ledger as one would explain it: a list of accounts, a list of entries, a list of holds. It says what every
//! command must answer and every query find, and shares no code with what it checks.

use jiff::Timestamp;
use purser_ledger::{AccountId, AccountKind, AccountStatus, EntryId, Error, HoldStatus};
use purser_money::{Currency, Money};
use uuid::Uuid;

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) accounts: Vec<ModelAccount>,
    pub(crate) entries: Vec<ModelEntry>,
    pub(crate) holds: Vec<ModelHold>,
}

#[derive(Debug, Clone)]
pub(crate) struct ModelAccount {
    pub(crate) id: AccountId,
    pub(crate) path: String,
    pub(crate) kind: AccountKind,
    pub(crate) currency: Currency,
    pub(crate) floor: Option<i64>,
    pub(crate) status: AccountStatus,
    pub(crate) postings: Vec<ModelPosting>,
}

/// One side of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelPosting {
    /// The entry's place in the model.
    pub(crate) entry: usize,
    pub(crate) at: Timestamp,
    pub(crate) counterpart: String,
    pub(crate) change: i64,
    pub(crate) balance: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct ModelEntry {
    pub(crate) id: EntryId,
    pub(crate) at: Timestamp,
    /// Debit, credit, and minor units; accounts by their places in the model.
    pub(crate) moves: Vec<Move>,
    pub(crate) reverses: Option<EntryId>,
    pub(crate) reversed_by: Option<EntryId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) debit: usize,
    pub(crate) credit: usize,
    pub(crate) minor: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct ModelHold {
    pub(crate) id: Uuid,
    pub(crate) account: usize,
    pub(crate) minor: i64,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) status: HoldStatus,
}

/// Whether an entry starts something, or finishes what was under way, which a frozen account allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    New,
    UnderWay,
}

impl ModelAccount {
    pub(crate) fn balance(&self) -> i64 {
        self.postings.last().map_or(0, |posting| posting.balance)
    }

    /// The balance after the last posting that is not later than `at`.
    pub(crate) fn balance_at(&self, at: Timestamp) -> i64 {
        self.postings.iter().rev().find(|posting| posting.at <= at).map_or(0, |posting| posting.balance)
    }

    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }

    fn grows_by_debits(&self) -> bool {
        matches!(self.kind, AccountKind::Asset | AccountKind::Expense)
    }
}

/// A model changes only where its command is accepted: each works on a copy.
impl Model {
    pub(crate) fn held(&self, account: usize) -> i64 {
        let open = |hold: &&ModelHold| hold.account == account && hold.status == HoldStatus::Held;
        self.holds.iter().filter(open).map(|hold| hold.minor).sum()
    }

    pub(crate) fn available(&self, account: usize) -> i64 {
        self.accounts[account].balance() - self.held(account)
    }

    fn check_covered(&self, account: usize, minor: i64) -> Result<(), Error> {
        let ModelAccount { id, floor, .. } = self.accounts[account];
        let room = self.available(account) - floor.unwrap_or(0);
        if floor.is_none() || room >= minor {
            return Ok(());
        }
        let money = |minor| self.accounts[account].money(minor);
        Err(Error::Insufficient { account: id, available: money(room), needed: money(minor) })
    }

    /// Posts an entry, whose number is known once it has been posted.
    pub(crate) fn entry_post(&mut self, now: Timestamp, moves: &[Move], start: Start) -> Result<usize, Error> {
        let mut after = self.clone();
        let place = after.entries.len();
        if moves.is_empty() {
            return Err(Error::EmptyEntry);
        }
        let touched = moves.iter().flat_map(|one| [one.debit, one.credit]);
        let newest = touched.filter_map(|account| self.accounts[account].postings.last()).map(|posting| posting.at);
        let at = newest.fold(now, Timestamp::max);
        for one in moves {
            after.move_one(place, at, *one, start)?;
        }
        let id = EntryId::from_column(0);
        after.entries.push(ModelEntry { id, at, moves: moves.to_vec(), reverses: None, reversed_by: None });
        *self = after;
        Ok(place)
    }

    fn move_one(&mut self, entry: usize, at: Timestamp, one: Move, start: Start) -> Result<(), Error> {
        let currency = self.accounts[one.debit].currency;
        if one.minor <= 0 {
            return Err(Error::NotPositive(Money::new(one.minor, currency)));
        }
        if one.debit == one.credit {
            return Err(Error::SameAccount(self.accounts[one.debit].id));
        }
        let sides = [(one.debit, one.credit, true), (one.credit, one.debit, false)];
        for (account, _, debit) in sides {
            self.check_posting(account, currency, one.minor, debit, start)?;
        }
        for (account, other, debit) in sides {
            let counterpart = self.accounts[other].path.clone();
            let account = &mut self.accounts[account];
            let change = if debit == account.grows_by_debits() { one.minor } else { -one.minor };
            let balance = account.balance() + change;
            account.postings.push(ModelPosting { entry, at, counterpart, change, balance });
        }
        Ok(())
    }

    fn check_posting(&self, place: usize, money: Currency, minor: i64, debit: bool, start: Start) -> Result<(), Error> {
        let account = &self.accounts[place];
        if account.currency != money {
            let (expected, found) = (account.currency.code().to_owned(), money.code().to_owned());
            return Err(Error::WrongCurrency { account: account.id, expected, found });
        }
        match account.status {
            AccountStatus::Closed => return Err(Error::Closed(account.id)),
            AccountStatus::Frozen if start == Start::New => return Err(Error::Frozen(account.id)),
            AccountStatus::Frozen | AccountStatus::Open => {}
        }
        if debit == account.grows_by_debits() {
            return Ok(());
        }
        self.check_covered(place, minor)
    }

    pub(crate) fn entry_reverse(&mut self, now: Timestamp, place: usize) -> Result<usize, Error> {
        let ModelEntry { id, reverses, reversed_by, ref moves, .. } = self.entries[place];
        if let Some(by) = reversed_by {
            return Err(Error::AlreadyReversed { entry: id, by });
        }
        if reverses.is_some() {
            return Err(Error::IsReversal(id));
        }
        let back = |one: &Move| Move { debit: one.credit, credit: one.debit, minor: one.minor };
        let moves: Vec<Move> = moves.iter().rev().map(back).collect();
        let reversal = self.entry_post(now, &moves, Start::UnderWay)?;
        self.entries[reversal].reverses = Some(id);
        Ok(reversal)
    }

    /// Says which number the database gave to an entry.
    pub(crate) fn entry_number(&mut self, place: usize, id: EntryId) {
        self.entries[place].id = id;
        if let Some(reversed) = self.entries[place].reverses
            && let Some(original) = self.entries.iter_mut().find(|entry| entry.id == reversed)
        {
            original.reversed_by = Some(id);
        }
    }

    pub(crate) fn hold_place(&mut self, hold: ModelHold) -> Result<(), Error> {
        let account = &self.accounts[hold.account];
        if hold.minor <= 0 {
            return Err(Error::NotPositive(account.money(hold.minor)));
        }
        match account.status {
            AccountStatus::Closed => return Err(Error::Closed(account.id)),
            AccountStatus::Frozen => return Err(Error::Frozen(account.id)),
            AccountStatus::Open => {}
        }
        self.check_covered(hold.account, hold.minor)?;
        self.holds.push(hold);
        Ok(())
    }

    fn hold_open(&self, hold: usize) -> Result<(), Error> {
        match self.holds[hold] {
            ModelHold { status: HoldStatus::Held, .. } => Ok(()),
            ModelHold { id, status, .. } => Err(Error::HoldSettled { hold: id, status }),
        }
    }

    pub(crate) fn hold_capture(&mut self, now: Timestamp, hold: usize, minor: i64, to: usize) -> Result<usize, Error> {
        self.hold_open(hold)?;
        let ModelHold { account, minor: held, .. } = self.holds[hold];
        let money = |minor| self.accounts[account].money(minor);
        if minor > held {
            return Err(Error::HoldTooSmall { held: money(held), asked: money(minor) });
        }
        let mut after = self.clone();
        after.holds[hold].status = HoldStatus::Captured;
        let entry = after.entry_post(now, &[Move { debit: account, credit: to, minor }], Start::UnderWay)?;
        *self = after;
        Ok(entry)
    }

    pub(crate) fn hold_release(&mut self, hold: usize) -> Result<(), Error> {
        self.hold_open(hold)?;
        self.holds[hold].status = HoldStatus::Released;
        Ok(())
    }

    pub(crate) fn holds_expire(&mut self, now: Timestamp) -> Vec<Uuid> {
        let due = |hold: &&mut ModelHold| {
            hold.status == HoldStatus::Held && hold.expires_at.is_some_and(|expires_at| expires_at <= now)
        };
        self.holds
            .iter_mut()
            .filter(due)
            .map(|hold| {
                hold.status = HoldStatus::Expired;
                hold.id
            })
            .collect()
    }

    pub(crate) fn account_set(&mut self, place: usize, status: AccountStatus) -> Result<(), Error> {
        let account = &self.accounts[place];
        match (account.status, status) {
            (AccountStatus::Closed, AccountStatus::Closed) => return Ok(()),
            (AccountStatus::Closed, _) => return Err(Error::Closed(account.id)),
            (_, AccountStatus::Closed) if account.balance() != 0 || self.held(place) != 0 => {
                return Err(Error::NotEmpty(account.id));
            }
            _ => {}
        }
        self.accounts[place].status = status;
        Ok(())
    }
}
