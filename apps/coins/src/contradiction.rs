//! Where the bank says otherwise than we do, and what may be made of it.

pub(crate) mod command;

use jiff::Timestamp;
use purser_ledger::EntryId;
use purser_money::Money;
use uuid::Uuid;

use crate::domain::Withdrawal;
use crate::status::WithdrawalStatus;
use crate::utr::Utr;

/// In which point the two sides differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContradictionKind {
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

impl ContradictionKind {
    const ALL: [ContradictionKind; 7] = [
        ContradictionKind::Status,
        ContradictionKind::Amount,
        ContradictionKind::Payee,
        ContradictionKind::Currency,
        ContradictionKind::SecondUtr,
        ContradictionKind::UtrUsed,
        ContradictionKind::UtrClash,
    ];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ContradictionKind::Status => "status",
            ContradictionKind::Amount => "amount",
            ContradictionKind::Payee => "payee",
            ContradictionKind::Currency => "currency",
            ContradictionKind::SecondUtr => "second_utr",
            ContradictionKind::UtrUsed => "utr_used",
            ContradictionKind::UtrClash => "utr_clash",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        ContradictionKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How a contradiction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContradictionState {
    /// Nobody has decided on it.
    Open,
    /// It was put right.
    Settled,
    /// The bank was wrong, or it was put right elsewhere.
    Dismissed,
}

impl ContradictionState {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ContradictionState::Open => "open",
            ContradictionState::Settled => "settled",
            ContradictionState::Dismissed => "dismissed",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [ContradictionState::Open, ContradictionState::Settled, ContradictionState::Dismissed]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// What puts a contradiction right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContradictionRemedy {
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

impl ContradictionRemedy {
    /// All of them.
    pub const ALL: [ContradictionRemedy; 6] = [
        ContradictionRemedy::Complete,
        ContradictionRemedy::Difference,
        ContradictionRemedy::Take,
        ContradictionRemedy::Lose,
        ContradictionRemedy::Correct,
        ContradictionRemedy::Reverse,
    ];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ContradictionRemedy::Complete => "complete",
            ContradictionRemedy::Difference => "difference",
            ContradictionRemedy::Take => "take",
            ContradictionRemedy::Lose => "lose",
            ContradictionRemedy::Correct => "correct",
            ContradictionRemedy::Reverse => "reverse",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            ContradictionRemedy::Complete => "Complete as the bank paid",
            ContradictionRemedy::Difference => "Book the difference",
            ContradictionRemedy::Take => "Take the coins again",
            ContradictionRemedy::Lose => "Book as a loss",
            ContradictionRemedy::Correct => "Take over the bank's UTR",
            ContradictionRemedy::Reverse => "Give the coins back",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        ContradictionRemedy::ALL.into_iter().find(|settlement| settlement.name() == name)
    }
}

/// What a bank says of a payment that contradicts us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankClaim {
    /// It was made, under this UTR.
    Paid(Utr),
    /// It was not made.
    Failed,
}

/// Where the bank says otherwise than we do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalContradiction {
    /// The id.
    pub id: Uuid,
    /// The withdrawal that it is about.
    pub withdrawal: Uuid,
    /// In which point the two differ.
    pub kind: ContradictionKind,
    /// What the bank says.
    pub claim: BankClaim,
    /// What it says was paid, where it says so.
    pub paid: Option<Money>,
    /// How the withdrawal stood here when it was found.
    pub status: WithdrawalStatus,
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
    pub state: ContradictionState,
    /// What put it right.
    pub settlement: Option<ContradictionRemedy>,
    /// Who decided on it, and when.
    pub decided: Option<(String, Timestamp)>,
    /// Why.
    pub reason: Option<String>,
    /// The posting that put it right, where one did.
    pub entry: Option<EntryId>,
}

impl WithdrawalContradiction {
    /// The bank's UTR, where it says paid.
    #[must_use]
    pub fn utr(&self) -> Option<&Utr> {
        match &self.claim {
            BankClaim::Paid(utr) => Some(utr),
            BankClaim::Failed => None,
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
    pub fn settlements(&self, withdrawal: &Withdrawal) -> Vec<ContradictionRemedy> {
        use ContradictionRemedy::{Complete, Correct, Difference, Lose, Reverse, Take};
        let Some(utr) = self.utr() else {
            return if withdrawal.status == WithdrawalStatus::Completed { vec![Reverse] } else { Vec::new() };
        };
        let is_own = withdrawal.utr.as_ref() == Some(utr);
        match (self.kind, withdrawal.status) {
            (ContradictionKind::UtrUsed | ContradictionKind::UtrClash | ContradictionKind::Currency, _)
            | (_, WithdrawalStatus::Pending) => Vec::new(),
            (ContradictionKind::Payee, WithdrawalStatus::Completed) if is_own => Vec::new(),
            (ContradictionKind::Payee, _) => vec![Lose],
            (_, WithdrawalStatus::Processing) => vec![Complete, Lose],
            (ContradictionKind::Amount, WithdrawalStatus::Completed) if is_own => vec![Difference],
            (_, WithdrawalStatus::Completed) if is_own => Vec::new(),
            (_, WithdrawalStatus::Completed) => vec![Correct, Take, Lose],
            _ => vec![Take, Lose],
        }
    }
}
