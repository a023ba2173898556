//! Where the bank says otherwise than we do, and what may be made of it.

pub(crate) mod command;

use jiff::Timestamp;
use purser_ledger::EntryId;
use purser_money::Money;
use uuid::Uuid;

use crate::domain::Withdrawal;
use crate::status::Status;
use crate::utr::Utr;

/// In which point the two sides differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Paid or failed there, and not so here.
    Status,
    /// Another amount than was due.
    Amount,
    /// Another UPI id than was to be paid.
    Payee,
    /// Another currency.
    Currency,
    /// Paid under another UTR than it was paid with here.
    SecondUtr,
    /// Paid under a UTR that pays another withdrawal here.
    UtrUsed,
    /// Two old withdrawals have one UTR by the rule of today.
    UtrClash,
}

impl Kind {
    const ALL: [Kind; 7] =
        [Kind::Status, Kind::Amount, Kind::Payee, Kind::Currency, Kind::SecondUtr, Kind::UtrUsed, Kind::UtrClash];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Status => "status",
            Kind::Amount => "amount",
            Kind::Payee => "payee",
            Kind::Currency => "currency",
            Kind::SecondUtr => "second_utr",
            Kind::UtrUsed => "utr_used",
            Kind::UtrClash => "utr_clash",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How a contradiction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody has decided on it.
    Open,
    /// It was put right.
    Settled,
    /// The bank was wrong, or it was put right elsewhere.
    Dismissed,
}

impl State {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Settled => "settled",
            State::Dismissed => "dismissed",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [State::Open, State::Settled, State::Dismissed].into_iter().find(|state| state.name() == name)
    }
}

/// What puts a contradiction right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The withdrawal is completed with the bank's UTR; what was paid beside what was due goes on record too.
    Complete,
    /// The withdrawal was completed before: what was paid beside what was due goes on record.
    Difference,
    /// The user's coins are taken again: they were paid, and given back.
    Take,
    /// What the bank paid is the operator's loss.
    Lose,
    /// The withdrawal's UTR was wrong: it gets the bank's.
    Correct,
    /// The bank did not pay what is completed here: the coins go back.
    Reverse,
}

impl Settlement {
    /// All of them.
    pub const ALL: [Settlement; 6] = [
        Settlement::Complete,
        Settlement::Difference,
        Settlement::Take,
        Settlement::Lose,
        Settlement::Correct,
        Settlement::Reverse,
    ];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Settlement::Complete => "complete",
            Settlement::Difference => "difference",
            Settlement::Take => "take",
            Settlement::Lose => "lose",
            Settlement::Correct => "correct",
            Settlement::Reverse => "reverse",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Settlement::Complete => "Complete as the bank paid",
            Settlement::Difference => "Book the difference",
            Settlement::Take => "Take the coins again",
            Settlement::Lose => "Book as a loss",
            Settlement::Correct => "Take over the bank's UTR",
            Settlement::Reverse => "Give the coins back",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Settlement::ALL.into_iter().find(|settlement| settlement.name() == name)
    }
}

/// What a bank says of a payment that contradicts us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It was made, under this UTR.
    Paid(Utr),
    /// It was not made.
    Failed,
}

/// Where the bank says otherwise than we do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The id.
    pub id: Uuid,
    /// The withdrawal that it is about.
    pub withdrawal: Uuid,
    /// In which point the two differ.
    pub kind: Kind,
    /// What the bank says.
    pub claim: Claim,
    /// What it says was paid, where it says so.
    pub paid: Option<Money>,
    /// How the withdrawal stood here when it was found.
    pub status: Status,
    /// The UTR that it had here.
    pub own_utr: Option<Utr>,
    /// What was due.
    pub due: Money,
    /// Both sides in a sentence.
    pub told: String,
    /// Who found it, by uploading the bank's file.
    pub found_by: String,
    /// When.
    pub found_at: Timestamp,
    /// How it stands.
    pub state: State,
    /// What put it right.
    pub settlement: Option<Settlement>,
    /// Who decided on it, and when.
    pub decided: Option<(String, Timestamp)>,
    /// Why.
    pub reason: Option<String>,
    /// The posting that put it right, where one did.
    pub entry: Option<EntryId>,
}

impl Contradiction {
    /// The bank's UTR, where it says paid.
    #[must_use]
    pub fn utr(&self) -> Option<&Utr> {
        match &self.claim {
            Claim::Paid(utr) => Some(utr),
            Claim::Failed => None,
        }
    }

    /// What the bank has paid, as far as it says so: else what was due.
    #[must_use]
    pub fn amount(&self) -> Money {
        self.paid.unwrap_or(self.due)
    }

    /// What makes it one of a kind: the same is kept once, however often a file says it, as long as the withdrawal
    /// stands so.
    pub(crate) fn once(&self) -> String {
        let utr = self.utr().map(Utr::key).unwrap_or_default();
        let paid = self.paid.map(|paid| paid.minor().to_string()).unwrap_or_default();
        format!("{} {} {utr} {paid} {}", self.withdrawal, self.kind.name(), self.status.name())
    }

    /// What may put it right, as its withdrawal stands now.
    #[must_use]
    pub fn settlements(&self, withdrawal: &Withdrawal) -> Vec<Settlement> {
        use Settlement::{Complete, Correct, Difference, Lose, Reverse, Take};
        let Some(utr) = self.utr() else {
            return if withdrawal.status == Status::Completed { vec![Reverse] } else { Vec::new() };
        };
        let is_own = withdrawal.utr.as_ref() == Some(utr);
        match (self.kind, withdrawal.status) {
            (Kind::UtrUsed | Kind::UtrClash | Kind::Currency, _) | (_, Status::Pending) => Vec::new(),
            (Kind::Payee, Status::Completed) if is_own => Vec::new(),
            (Kind::Payee, _) => vec![Lose],
            (_, Status::Processing) => vec![Complete, Lose],
            (Kind::Amount, Status::Completed) if is_own => vec![Difference],
            (_, Status::Completed) if is_own => Vec::new(),
            (_, Status::Completed) => vec![Correct, Take, Lose],
            _ => vec![Take, Lose],
        }
    }
}
