//! Why the app refuses, and how that reads at the HTTP edge.

use jiff::Timestamp;
use purser_identity::Error as IdentityError;
use purser_kit::{Code, Problem, Refusals, Time, code};
use purser_ledger::Error as LedgerError;
use purser_money::Money;
use purser_outbox::Error as OutboxError;
use purser_store::Error as StoreError;
use uuid::Uuid;

use crate::contradiction::{ContradictionRemedy, ContradictionState};
use crate::domain::UserId;
use crate::result_file::ResultFileError;
use crate::status::WithdrawalStatus;
use crate::utr::Utr;

/// A refusal. The command it came from changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such user, or not this caller's.
    #[error("There is no such user.")]
    NoUser,
    /// No such withdrawal, or not this caller's.
    #[error("There is no such withdrawal.")]
    NoWithdrawal,
    /// No such handle.
    #[error("There is no such handle.")]
    NoHandle,
    /// No such payout.
    #[error("There is no such payout.")]
    NoPayout,
    /// The user does not have so many coins.
    #[error("Insufficient coins: {} available, {} needed.", .available.minor(), .needed.minor())]
    Insufficient {
        /// How many there are.
        available: Money,
        /// How many were asked for.
        needed: Money,
    },
    /// The handle is on no list.
    #[error("The UPI handle @{0} is not known here.")]
    UnknownHandle(String),
    /// The user asks for more than a day or a month allows.
    #[error(
        "At most {} coins may be withdrawn in a {period}; {} are asked for already, and {} would be more.",
        .limit.minor(), .asked.minor(), .needed.minor()
    )]
    OverLimit {
        /// "day" or "month".
        period: &'static str,
        /// How many coins it allows.
        limit: Money,
        /// How many were asked for in it.
        asked: Money,
        /// How many would come to that.
        needed: Money,
    },
    /// The UPI id is new, and waits.
    #[error("The UPI id is new for this user; it may be paid from {0:.0} on.")]
    CoolingOff(Timestamp),
    /// The withdrawal is not what it must be for this.
    #[error("Cannot {} non-{} withdrawal", .next.verb(), .next.from().map_or("new", WithdrawalStatus::name))]
    NotSo {
        /// What it is.
        is: WithdrawalStatus,
        /// What it was to become.
        next: WithdrawalStatus,
    },
    /// Whoever asks for money does not pay it.
    #[error("This withdrawal is your own; somebody else must pay it.")]
    OwnRequest,
    /// Nobody decides on their own coins.
    #[error("These coins are your own; somebody else must do this.")]
    OwnAccount,
    /// The payment stands for another withdrawal already.
    #[error("The UTR {} pays the withdrawal {withdrawal} already.", .utr.as_str())]
    UtrUsed {
        /// The bank's word.
        utr: Utr,
        /// What it pays.
        withdrawal: Uuid,
    },
    /// The bank has named the UTR in a way that contradicts us.
    #[error("The bank has named the UTR {} in a way that contradicts the withdrawal {withdrawal}; decide on that first.",
        .utr.as_str())]
    UtrDisputed {
        /// The bank's word.
        utr: Utr,
        /// What the bank said it pays.
        withdrawal: Uuid,
        /// Where both sides stand.
        contradiction: Uuid,
    },
    /// The bank has named the UTR for a withdrawal that there is not.
    #[error("The bank has named the UTR {} for '{named}', which is no withdrawal here; decide on that first.",
        .utr.as_str())]
    UtrUnmatched {
        /// The bank's word.
        utr: Utr,
        /// What the bank calls the withdrawal.
        named: String,
        /// Where it is kept.
        payment: Uuid,
    },
    /// No such payment of no withdrawal.
    #[error("There is no such payment.")]
    NoUnmatched,
    /// The withdrawal was never paid, and so has no UTR.
    #[error("The withdrawal is {} and has no UTR to correct.", .is.name())]
    NoUtr {
        /// How it stands.
        is: WithdrawalStatus,
    },
    /// The withdrawal has this UTR.
    #[error("The withdrawal has the UTR {} already.", .0.as_str())]
    SameUtr(Utr),
    /// No such contradiction.
    #[error("There is no such contradiction.")]
    NoContradiction,
    /// Somebody has decided on the contradiction.
    #[error("This contradiction is {} already.", .0.name())]
    Decided(ContradictionState),
    /// As the withdrawal stands, this does not put the contradiction right.
    #[error("The withdrawal is {}; '{}' does not put this right.", .is.name(), .settlement.title())]
    NotSettledSo {
        /// What was to be done.
        settlement: ContradictionRemedy,
        /// How the withdrawal stands.
        is: WithdrawalStatus,
    },
    /// The user is frozen.
    #[error("The user '{}' is frozen: nothing is spent, asked for or begun to be paid.", .0.as_str())]
    UserFrozen(UserId),
    /// The user is not frozen.
    #[error("The user '{}' is not frozen.", .0.as_str())]
    NotFrozen(UserId),
    /// The reference came before with something else.
    #[error("The reference '{0}' was used before for another movement.")]
    ReferenceReused(String),
    /// The handle is on the list.
    #[error("The handle @{0} is on the list already.")]
    HandleListed(String),
    /// The person is another user.
    #[error("That person is the user '{}' already.", .0.as_str())]
    PersonTaken(UserId),
    /// Nobody of this name has an account here.
    #[error("login must be the username or email of somebody who has an account here; it is '{0}'.")]
    UnknownLogin(String),
    /// The user is nobody with an account here.
    #[error("Nobody with an account here is this user.")]
    NotLinked,
    /// Who people are could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A person who has no coins here and no role.
    #[error("Your account here is tied to no user of coins.")]
    Nobody,
    /// Money leaves only for whoever has confirmed their address.
    #[error("Confirm your email address first: money leaves only for people whom we can write to.")]
    Unconfirmed,
    /// No such file of the bank.
    #[error("There is no such upload.")]
    NoResult,
    /// The file is no answer of a bank.
    #[error(transparent)]
    File(#[from] ResultFileError),
    /// What is good of the file is done.
    #[error("This file was done before.")]
    ResultCommitted,
    /// Somebody took a UTR of the file meanwhile.
    #[error("A UTR of this file was used for another withdrawal meanwhile; nothing was done. Look at the file again.")]
    ResultStale,
    /// An answer could not be put into words.
    #[error("the answer cannot be written: {0}")]
    Answer(String),
    /// The idempotency key came before with another request.
    #[error("The Idempotency-Key '{0}' was used before for another request.")]
    KeyReused(String),
    /// The ledger refuses.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The outbox refuses.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// Whether a rule of the app speaks against it, and not something that failed: nothing was written then.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Error::Answer(_) | Error::Ledger(_) | Error::Outbox(_) | Error::Store(_))
    }
}

impl Error {
    /// The same for whoever decides on many: it says how the withdrawal stands, too.
    pub(crate) fn for_staff(self) -> Problem {
        match self {
            Error::NotSo { is, .. } => wrong_status(format!("{self}: it is {}.", is.name()), is),
            other => other.into(),
        }
    }
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => Error::Store(error),
            LedgerError::KeyReused(key) => Error::KeyReused(key),
            other => Error::Ledger(other),
        }
    }
}

/// The app's own codes.
pub static CODES: &[&Code] = &[
    &INSUFFICIENT_COINS,
    &UNKNOWN_HANDLE,
    &WITHDRAWAL_LIMIT,
    &COOLING_OFF,
    &WRONG_STATUS,
    &OWN_WITHDRAWAL,
    &UTR_USED,
    &UTR_DISPUTED,
    &NO_UTR,
    &SAME_UTR,
    &ALREADY_DECIDED,
    &WRONG_SETTLEMENT,
    &USER_FROZEN,
    &USER_NOT_FROZEN,
    &REFERENCE_REUSED,
    &HANDLE_LISTED,
    &PERSON_TAKEN,
    &UNCONFIRMED_EMAIL,
    &INVALID_RESULT,
    &RESULT_COMMITTED,
    &RESULT_STALE,
];

/// What each operation refuses by rules of the app.
pub(crate) static REFUSALS: Refusals = &[
    ("razorpay_withdraw", ASKING),
    ("razorpay_cancel", CANCELING),
    ("razorpay_history", READING),
    ("razorpay_status", READING),
    ("withdrawal_create", ASKING),
    ("withdrawal_cancel", CANCELING),
    ("withdrawal_list", READING),
    ("withdrawal_read", READING),
    ("coins_award", &[&REFERENCE_REUSED, &OWN_WITHDRAWAL, &code::NOT_FOUND, &code::CONFLICT]),
    ("coins_spend", &[&INSUFFICIENT_COINS, &USER_FROZEN, &REFERENCE_REUSED, &code::NOT_FOUND, &code::CONFLICT]),
    ("coins_balance", READING),
    ("coins_transactions", READING),
    ("coins_user_put", &[&PERSON_TAKEN, &code::CONFLICT]),
    ("coins_user_freeze", &[&OWN_WITHDRAWAL, &USER_FROZEN, &code::NOT_FOUND, &code::CONFLICT]),
    ("coins_user_unfreeze", &[&OWN_WITHDRAWAL, &USER_NOT_FROZEN, &code::NOT_FOUND, &code::CONFLICT]),
    ("withdrawal_process", &[&WRONG_STATUS, &OWN_WITHDRAWAL, &USER_FROZEN, &COOLING_OFF, &code::CONFLICT]),
    ("withdrawal_complete", &[&WRONG_STATUS, &OWN_WITHDRAWAL, &UTR_USED, &UTR_DISPUTED, &code::CONFLICT]),
    ("withdrawal_fail", CLOSING),
    ("withdrawal_reject", CLOSING),
    ("withdrawal_reverse", CLOSING),
    ("withdrawal_correct_utr", &[&NO_UTR, &SAME_UTR, &OWN_WITHDRAWAL, &UTR_USED, &UTR_DISPUTED, &code::CONFLICT]),
];

static CLOSING: &[&Code] = &[&WRONG_STATUS, &OWN_WITHDRAWAL, &code::CONFLICT];

static READING: &[&Code] = &[&code::NOT_FOUND];

static ASKING: &[&Code] = &[
    &INSUFFICIENT_COINS,
    &UNKNOWN_HANDLE,
    &WITHDRAWAL_LIMIT,
    &COOLING_OFF,
    &USER_FROZEN,
    &UNCONFIRMED_EMAIL,
    &code::PROOF_NEEDED,
    &code::NOT_FOUND,
    &code::CONFLICT,
];

static CANCELING: &[&Code] =
    &[&WRONG_STATUS, &UNCONFIRMED_EMAIL, &code::PROOF_NEEDED, &code::NOT_FOUND, &code::CONFLICT];

static INSUFFICIENT_COINS: Code = Code {
    name: "insufficient_coins",
    status: 400,
    title: "The user does not have so many coins",
    help: "`available_coins` (and `available`) says how many there are. Coins of a pending withdrawal are not among them.",
};

static UNKNOWN_HANDLE: Code = Code {
    name: "unknown_handle",
    status: 400,
    title: "The UPI id's handle is not on the list",
    help: "Check what stands after the @. The operator can put a handle on the list, or only warn: `coins.handles`.",
};

static WITHDRAWAL_LIMIT: Code = Code {
    name: "withdrawal_limit",
    status: 400,
    title: "The user has asked for as much as a day or a month allows",
    help: "`detail` says which limit, `limit_coins` how many it allows, and `requested_coins` how many were asked for in \
           it. Withdrawals whose coins came back do not count.",
};

static COOLING_OFF: Code = Code {
    name: "cooling_off",
    status: 400,
    title: "The UPI id is new and is not paid yet",
    help: "`payable_from` says from when on staff may begin to pay it.",
};

static WRONG_STATUS: Code = Code {
    name: "wrong_status",
    status: 400,
    title: "The withdrawal is not in a state that allows this",
    help: "`current_status` (and `withdrawal_status`) says how it stands: somebody was first, or it is over.",
};

static OWN_WITHDRAWAL: Code = Code {
    name: "own_withdrawal",
    status: 403,
    title: "Nobody decides on their own coins",
    help: "Somebody else must do this: whoever asks for money does not pay it.",
};

static UTR_USED: Code = Code {
    name: "utr_used",
    status: 409,
    title: "The payment stands for another withdrawal",
    help: "`withdrawal_id` says which. One payment pays one withdrawal.",
};

static UTR_DISPUTED: Code = Code {
    name: "utr_disputed",
    status: 409,
    title: "The bank has named the UTR in a way that contradicts the books",
    help: "`withdrawal_id` and `contradiction_id` say where, and `unmatched_payment_id` where the bank has named no \
           withdrawal of ours. Staff decide on it in the inbox; until then the UTR pays nothing.",
};

static NO_UTR: Code = Code {
    name: "no_utr",
    status: 400,
    title: "The withdrawal has no UTR to correct",
    help: "Only a withdrawal that was completed has one. `current_status` says how it stands.",
};

static SAME_UTR: Code = Code {
    name: "same_utr",
    status: 400,
    title: "The withdrawal has this UTR already",
    help: "Nothing is to be corrected.",
};

static ALREADY_DECIDED: Code = Code {
    name: "contradiction_decided",
    status: 409,
    title: "Somebody has decided on the contradiction",
    help: "Read it again: it says who, when and why.",
};

static WRONG_SETTLEMENT: Code = Code {
    name: "wrong_settlement",
    status: 409,
    title: "The withdrawal does not stand so that this puts the contradiction right",
    help: "`current_status` says how it stands. The contradiction's page offers what fits.",
};

static USER_FROZEN: Code = Code {
    name: "user_frozen",
    status: 403,
    title: "The user is frozen",
    help: "Staff have stopped this user. Coins may come in; none are spent or withdrawn until staff lift it.",
};

static USER_NOT_FROZEN: Code =
    Code { name: "user_not_frozen", status: 409, title: "The user is not frozen", help: "Nothing is to be lifted." };

static REFERENCE_REUSED: Code = Code {
    name: "reference_reused",
    status: 409,
    title: "The reference was used for another movement",
    help: "A reference names one award or spending. The same request may be sent again; another needs its own.",
};

static HANDLE_LISTED: Code = Code {
    name: "handle_listed",
    status: 409,
    title: "The handle is on the list already",
    help: "Change the one that is there.",
};

static PERSON_TAKEN: Code = Code {
    name: "person_taken",
    status: 409,
    title: "The person is another user already",
    help: "One account here is at most one user of coins.",
};

static UNCONFIRMED_EMAIL: Code = Code {
    name: "unconfirmed_email",
    status: 403,
    title: "The email address is not confirmed",
    help: "Follow the link in the mail that came at sign-up, or ask for another under /accounts/.",
};

static INVALID_RESULT: Code = Code {
    name: "invalid_result",
    status: 400,
    title: "The file is not an answer of a bank",
    help: "Upload CSV in UTF-8 with the columns withdrawal_id, status, utr and reason, within the limits of size and rows.",
};

static RESULT_COMMITTED: Code = Code {
    name: "result_committed",
    status: 409,
    title: "The file was done before",
    help: "Nothing is left to do. Rows that were wrong can be mended and uploaded as a file of their own.",
};

static RESULT_STALE: Code = Code {
    name: "result_stale",
    status: 409,
    title: "Withdrawals have changed since the file was checked",
    help: "Nothing was done. Look at the file again: its rows are judged anew.",
};

/// Refused as the withdrawal stands, which is told under the documents' name and under ours.
fn wrong_status(detail: String, is: WithdrawalStatus) -> Problem {
    let problem = Problem::new(&WRONG_STATUS, detail).with("current_status", &is.name());
    problem.with("withdrawal_status", &is.name())
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoUser
            | Error::NoWithdrawal
            | Error::NoHandle
            | Error::NoPayout
            | Error::NoResult
            | Error::NoUnmatched
            | Error::NoContradiction => Problem::new(&code::NOT_FOUND, detail),
            Error::Insufficient { available, .. } => {
                let problem = Problem::new(&INSUFFICIENT_COINS, detail).with("available", &available.minor());
                problem.with("available_coins", &available.minor())
            }
            Error::UnknownHandle(_) => Problem::new(&UNKNOWN_HANDLE, detail),
            Error::OverLimit { limit, asked, .. } => {
                let problem = Problem::new(&WITHDRAWAL_LIMIT, detail).with("limit_coins", &limit.minor());
                problem.with("requested_coins", &asked.minor())
            }
            Error::CoolingOff(from) => Problem::new(&COOLING_OFF, detail).with("payable_from", &Time(from)),
            Error::NotSo { is, .. } => wrong_status(detail, is),
            Error::NoUtr { is } => Problem::new(&NO_UTR, detail).with("current_status", &is.name()),
            Error::SameUtr(_) => Problem::new(&SAME_UTR, detail),
            Error::UtrDisputed { withdrawal, contradiction, .. } => {
                let problem = Problem::new(&UTR_DISPUTED, detail).with("withdrawal_id", &withdrawal);
                problem.with("contradiction_id", &contradiction)
            }
            Error::UtrUnmatched { payment, .. } => {
                Problem::new(&UTR_DISPUTED, detail).with("unmatched_payment_id", &payment)
            }
            Error::Decided(_) => Problem::new(&ALREADY_DECIDED, detail),
            Error::NotSettledSo { is, .. } => {
                Problem::new(&WRONG_SETTLEMENT, detail).with("current_status", &is.name())
            }
            Error::UserFrozen(_) => Problem::new(&USER_FROZEN, detail),
            Error::NotFrozen(_) => Problem::new(&USER_NOT_FROZEN, detail),
            Error::OwnRequest | Error::OwnAccount => Problem::new(&OWN_WITHDRAWAL, detail),
            Error::UtrUsed { withdrawal, .. } => Problem::new(&UTR_USED, detail).with("withdrawal_id", &withdrawal),
            Error::ReferenceReused(_) => Problem::new(&REFERENCE_REUSED, detail),
            Error::HandleListed(_) => Problem::new(&HANDLE_LISTED, detail),
            Error::PersonTaken(_) => Problem::new(&PERSON_TAKEN, detail),
            Error::UnknownLogin(_) => Problem::field("login", "unknown_value", detail),
            Error::NotLinked => Problem::new(&code::CONFLICT, detail),
            Error::Identity(error) => error.into(),
            Error::File(_) => Problem::new(&INVALID_RESULT, detail),
            Error::ResultCommitted => Problem::new(&RESULT_COMMITTED, detail),
            Error::ResultStale => Problem::new(&RESULT_STALE, detail),
            Error::Nobody => Problem::new(&code::FORBIDDEN, detail),
            Error::Unconfirmed => Problem::new(&UNCONFIRMED_EMAIL, detail),
            Error::KeyReused(_) => Problem::new(&code::IDEMPOTENCY_KEY_REUSED, detail),
            Error::Answer(error) => Problem::internal(error),
            Error::Ledger(error) => error.into(),
            Error::Outbox(OutboxError::Store(error)) | Error::Store(error) => error.into(),
            Error::Outbox(error) => Problem::internal(error),
        }
    }
}
