//! What an operator says of a sale against what is settled: kept with both sides, and put right by a person.

pub(crate) mod command;

use jiff::Timestamp;
use purser_money::Money;
use uuid::Uuid;

use crate::domain::{PhoneNumber, SaleStatus};

/// How a contradiction stands. open → charged | given_back | dismissed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContradictionStatus {
    /// It waits for staff.
    Open,
    /// The seller was charged after all.
    Charged,
    /// The seller got the credit back.
    GivenBack,
    /// What was settled stands.
    Dismissed,
}

impl ContradictionStatus {
    const ALL: [ContradictionStatus; 4] = [
        ContradictionStatus::Open,
        ContradictionStatus::Charged,
        ContradictionStatus::GivenBack,
        ContradictionStatus::Dismissed,
    ];

    /// Its name in the API and the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ContradictionStatus::Open => "open",
            ContradictionStatus::Charged => "charged",
            ContradictionStatus::GivenBack => "given_back",
            ContradictionStatus::Dismissed => "dismissed",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        if self == ContradictionStatus::GivenBack { "given back" } else { self.name() }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        ContradictionStatus::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Where a contradicting word came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordSource {
    /// The operator told us by itself.
    Callback,
    /// It answered the delivery.
    Answer,
    /// It was asked again.
    Query,
}

impl WordSource {
    const ALL: [WordSource; 3] = [WordSource::Callback, WordSource::Answer, WordSource::Query];

    /// Its name in the API and the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WordSource::Callback => "callback",
            WordSource::Answer => "answer",
            WordSource::Query => "query",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        WordSource::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// An operator's word against a settled sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleContradiction {
    /// Its id.
    pub id: Uuid,
    /// The sale.
    pub sale: Uuid,
    /// Whose sale.
    pub seller: Uuid,
    /// What the seller is called.
    pub seller_name: String,
    /// The number.
    pub number: PhoneNumber,
    /// How much was to be charged.
    pub amount: Money,
    /// What the seller pays for it.
    pub price: Money,
    /// How the sale was settled when it came.
    pub settled: SaleStatus,
    /// What the operator said.
    pub said: SaleStatus,
    /// How.
    pub source: WordSource,
    /// The operator's name for the charge.
    pub operator_ref: Option<String>,
    /// The operator's words.
    pub words: Option<String>,
    /// When it was said first.
    pub created_at: Timestamp,
    /// When the operator said the opposite again, which agrees with the sale.
    pub withdrawn_at: Option<Timestamp>,
    /// How it stands.
    pub status: ContradictionStatus,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
}

impl SaleContradiction {
    /// What the operator said last, as far as this is the newest contradiction of its sale.
    pub(crate) fn last_word(&self) -> SaleStatus {
        match (self.said, self.withdrawn_at) {
            (said, None) => said,
            (SaleStatus::Completed, Some(_)) => SaleStatus::Failed,
            (_, Some(_)) => SaleStatus::Completed,
        }
    }

    /// Whether this word holds against the sale, and was not followed: it waits for staff, or they dismissed it.
    fn stands(&self) -> bool {
        matches!(self.status, ContradictionStatus::Open | ContradictionStatus::Dismissed)
    }

    /// Whether this word, said once more, is the one that was kept.
    pub(crate) fn is_same(&self, said: SaleStatus) -> bool {
        let is_said = self.said == said && self.stands();
        is_said && (self.withdrawn_at.is_none() || self.status == ContradictionStatus::Open)
    }

    /// Whether this word, which says the opposite, takes the kept one back.
    pub(crate) fn is_taken_back_by(&self, said: SaleStatus) -> bool {
        self.stands() && self.withdrawn_at.is_none() && self.said != said
    }
}

/// Whether an operator's word is against a settled sale; `newest` is the sale's newest contradiction. A reversed sale was
/// completed once. So "completed" is against it only where the operator said "failed" in between, or where this same
/// word was kept before: the credit may have been given back because of what the operator now takes back.
pub(crate) fn contradicts(settled: SaleStatus, said: SaleStatus, newest: Option<&SaleContradiction>) -> bool {
    match (settled, said) {
        (SaleStatus::Completed, SaleStatus::Failed) | (SaleStatus::Failed, SaleStatus::Completed) => true,
        (SaleStatus::Reversed, SaleStatus::Completed) => {
            newest.is_some_and(|newest| newest.last_word() == SaleStatus::Failed || newest.is_same(said))
        }
        _ => false,
    }
}

/// What staff decide on a contradiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContradictionDecision {
    /// The operator is right that it charged the number: the seller pays.
    Charge,
    /// The operator is right that it did not: the seller gets the credit back.
    GiveBack,
    /// What was settled stands.
    Dismiss,
}

impl ContradictionDecision {
    /// The words of the API.
    pub(crate) const NAMES: [(&'static str, ContradictionDecision); 3] = [
        ("charge", ContradictionDecision::Charge),
        ("give_back", ContradictionDecision::GiveBack),
        ("dismiss", ContradictionDecision::Dismiss),
    ];

    /// What comes of it.
    pub(crate) fn status(self) -> ContradictionStatus {
        match self {
            ContradictionDecision::Charge => ContradictionStatus::Charged,
            ContradictionDecision::GiveBack => ContradictionStatus::GivenBack,
            ContradictionDecision::Dismiss => ContradictionStatus::Dismissed,
        }
    }

    /// Whether it can answer an operator who said this.
    pub(crate) fn fits(self, said: SaleStatus) -> bool {
        match self {
            ContradictionDecision::Charge => said == SaleStatus::Completed,
            ContradictionDecision::GiveBack => said == SaleStatus::Failed,
            ContradictionDecision::Dismiss => true,
        }
    }
}
