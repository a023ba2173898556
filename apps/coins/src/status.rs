//! How a withdrawal stands, and what may become of it.

/// How a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
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
pub const TRANSITIONS: &[(Status, Status)] = &[
    (Status::Pending, Status::Processing),
    (Status::Pending, Status::Cancelled),
    (Status::Pending, Status::Rejected),
    (Status::Processing, Status::Completed),
    (Status::Processing, Status::Failed),
    (Status::Completed, Status::Reversed),
];

impl Status {
    /// All of them, in the order of a withdrawal's life.
    pub const ALL: [Status; 7] = [
        Status::Pending,
        Status::Processing,
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
        Status::Rejected,
        Status::Reversed,
    ];

    /// Its word in the database, in the API and for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Processing => "processing",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
            Status::Rejected => "rejected",
            Status::Reversed => "reversed",
        }
    }

    /// Reads its word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether it may become this.
    #[must_use]
    pub fn may_become(self, next: Status) -> bool {
        TRANSITIONS.contains(&(self, next))
    }

    /// Whether the coins are with their owner again.
    #[must_use]
    pub fn gives_back(self) -> bool {
        matches!(self, Status::Failed | Status::Cancelled | Status::Rejected | Status::Reversed)
    }

    /// What becoming so is called, `cancel`.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Status::Pending => "ask for",
            Status::Processing => "process",
            Status::Completed => "complete",
            Status::Failed => "fail",
            Status::Cancelled => "cancel",
            Status::Rejected => "reject",
            Status::Reversed => "reverse",
        }
    }

    /// The same as a noun, as the user's transactions say it: "Withdrawal cancellation".
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Status::Pending => "request created",
            Status::Processing => "processing",
            Status::Completed => "completion",
            Status::Failed => "failure",
            Status::Cancelled => "cancellation",
            Status::Rejected => "rejection",
            Status::Reversed => "reversal",
        }
    }

    /// What a withdrawal must be to become so.
    #[must_use]
    pub fn from(self) -> Option<Status> {
        TRANSITIONS.iter().find(|(_, next)| *next == self).map(|(from, _)| *from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawal_that_gave_its_coins_back_becomes_nothing_more() {
        for status in Status::ALL {
            let ends = Status::ALL.iter().all(|next| !status.may_become(*next));
            assert_eq!(ends, status.gives_back(), "{}", status.name());
            assert!(!status.may_become(status));
        }
    }

    #[test]
    fn each_state_is_reached_from_one_other() {
        for status in Status::ALL {
            let ways = TRANSITIONS.iter().filter(|(_, next)| *next == status).count();
            assert_eq!(ways, usize::from(status != Status::Pending), "{}", status.name());
            assert_eq!(Status::from_name(status.name()), Some(status));
        }
    }
}
