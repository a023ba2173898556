//! Payments that the bank names for a withdrawal that there is not.

pub(crate) mod command;

use jiff::Timestamp;
use purser_money::Money;
use uuid::Uuid;

use crate::contradiction::ContradictionState;
use crate::utr::Utr;

/// The most characters that are kept of what the bank calls the withdrawal.
pub(crate) const NAMED: usize = 100;

/// A payment of no withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedPayment {
    /// The id.
    pub id: Uuid,
    /// What the bank calls the withdrawal.
    pub named: String,
    /// The bank's word for the payment.
    pub utr: Utr,
    /// What it says was paid, where it says so.
    pub paid: Option<Money>,
    /// The same in a sentence.
    pub told: String,
    /// Who found it, by uploading the bank's file.
    pub found_by: String,
    /// When.
    pub found_at: Timestamp,
    /// [`ContradictionState::Open`] or [`ContradictionState::Dismissed`].
    pub state: ContradictionState,
    /// Who dismissed it, and when.
    pub decided: Option<(String, Timestamp)>,
    /// Why.
    pub reason: Option<String>,
}

impl UnmatchedPayment {
    /// What makes it one of a kind: the same is kept once, however often a file says it.
    pub(crate) fn once(named: &str, utr: &Utr, paid: Option<Money>) -> String {
        let paid = paid.map(|paid| paid.minor().to_string()).unwrap_or_default();
        format!("{} {paid} {}", utr.key(), named.to_lowercase().chars().take(NAMED).collect::<String>())
    }
}
