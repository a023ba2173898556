//! How a withdrawal stands, and what may become of it.

/// How a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WithdrawalStatus {
    /// Asked for; the coins are set aside.
    Pending,
    /// Somebody pays it. While nobody knows whether it is paid it stays so.
    Processing,
    /// Paid.
    Completed,
    /// Could not be paid; the coins are back.
    Failed,
    /// Called off by the user or by staff; the coins are back.
    Cancelled,
    /// Refused by staff; the coins are back.
    Rejected,
    /// Paid, and sent back by the bank; the coins are back.
    Reversed,
}

/// Every change that there is. What is not in this table is refused.
pub const TRANSITIONS: &[(WithdrawalStatus, WithdrawalStatus)] = &[
    (WithdrawalStatus::Pending, WithdrawalStatus::Processing),
    (WithdrawalStatus::Pending, WithdrawalStatus::Cancelled),
    (WithdrawalStatus::Pending, WithdrawalStatus::Rejected),
    (WithdrawalStatus::Processing, WithdrawalStatus::Completed),
    (WithdrawalStatus::Processing, WithdrawalStatus::Failed),
    (WithdrawalStatus::Completed, WithdrawalStatus::Reversed),
];

impl WithdrawalStatus {
    /// All of them, in the order of a withdrawal's life.
    pub const ALL: [WithdrawalStatus; 7] = [
        WithdrawalStatus::Pending,
        WithdrawalStatus::Processing,
        WithdrawalStatus::Completed,
        WithdrawalStatus::Failed,
        WithdrawalStatus::Cancelled,
        WithdrawalStatus::Rejected,
        WithdrawalStatus::Reversed,
    ];

    /// Its word in the database, in the API and for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WithdrawalStatus::Pending => "pending",
            WithdrawalStatus::Processing => "processing",
            WithdrawalStatus::Completed => "completed",
            WithdrawalStatus::Failed => "failed",
            WithdrawalStatus::Cancelled => "cancelled",
            WithdrawalStatus::Rejected => "rejected",
            WithdrawalStatus::Reversed => "reversed",
        }
    }

    /// Reads its word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        WithdrawalStatus::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether it may become this.
    #[must_use]
    pub fn may_become(self, next: WithdrawalStatus) -> bool {
        TRANSITIONS.contains(&(self, next))
    }

    /// Whether the coins are with their owner again.
    #[must_use]
    pub fn gives_back(self) -> bool {
        matches!(
            self,
            WithdrawalStatus::Failed
                | WithdrawalStatus::Cancelled
                | WithdrawalStatus::Rejected
                | WithdrawalStatus::Reversed
        )
    }

    /// What becoming so is called, `cancel`.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            WithdrawalStatus::Pending => "ask for",
            WithdrawalStatus::Processing => "process",
            WithdrawalStatus::Completed => "complete",
            WithdrawalStatus::Failed => "fail",
            WithdrawalStatus::Cancelled => "cancel",
            WithdrawalStatus::Rejected => "reject",
            WithdrawalStatus::Reversed => "reverse",
        }
    }

    /// The same as a noun, as the user's transactions say it: "Withdrawal cancellation".
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            WithdrawalStatus::Pending => "request created",
            WithdrawalStatus::Processing => "processing",
            WithdrawalStatus::Completed => "completion",
            WithdrawalStatus::Failed => "failure",
            WithdrawalStatus::Cancelled => "cancellation",
            WithdrawalStatus::Rejected => "rejection",
            WithdrawalStatus::Reversed => "reversal",
        }
    }

    /// What a withdrawal must be to become so.
    #[must_use]
    pub fn from(self) -> Option<WithdrawalStatus> {
        TRANSITIONS.iter().find(|(_, next)| *next == self).map(|(from, _)| *from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawal_that_gave_its_coins_back_becomes_nothing_more() {
        for status in WithdrawalStatus::ALL {
            let ends = WithdrawalStatus::ALL.iter().all(|next| !status.may_become(*next));
            assert_eq!(ends, status.gives_back(), "{}", status.name());
            assert!(!status.may_become(status));
        }
    }

    #[test]
    fn each_state_is_reached_from_one_other() {
        for status in WithdrawalStatus::ALL {
            let ways = TRANSITIONS.iter().filter(|(_, next)| *next == status).count();
            assert_eq!(ways, usize::from(status != WithdrawalStatus::Pending), "{}", status.name());
            assert_eq!(WithdrawalStatus::from_name(status.name()), Some(status));
        }
    }
}
