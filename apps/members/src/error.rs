//! Why the app refuses, and how that reads at the HTTP edge.

use std::fmt;

use jiff::Timestamp;
use purser_kit::{Code, Decimal, Problem, Refusals, Time, code};
use purser_ledger::Error as LedgerError;
use purser_money::Money;
use purser_outbox::Error as OutboxError;
use purser_store::Error as StoreError;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::{Shortfall, counted};
use crate::member_file::MemberFileError;

/// Members that a refusal names, at most; it counts them all.
pub(crate) const NAMED: u32 = 1_000;

/// Of those, how many its sentence names.
const TOLD: usize = 10;

/// The top-up that a reference was used for first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstPayment {
    /// Its id.
    pub id: Uuid,
    /// Whose wallet.
    pub member_id: Uuid,
    /// What the member is called.
    pub member: String,
    /// How much.
    pub amount: Money,
    /// Who did it, as journals name them.
    pub actor: String,
    /// The same, as people call them.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl fmt::Display for FirstPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FirstPayment { amount, member, by, at, .. } = self;
        write!(f, "{} for {member}, entered by {by} on {}", amount.for_people(), at.strftime("%d %b %Y %H:%M UTC"))
    }
}

/// A refusal. The command it came from changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such member.
    #[error("There is no such member.")]
    NoMember,
    /// No such expiry.
    #[error("There is no such expiry.")]
    NoExpiry,
    /// No such upload.
    #[error("There is no such upload; files are kept for 30 days.")]
    NoImport,
    /// There are as many members as there may be.
    #[error("There may be {max} members, expired ones included, and there are {members}.")]
    LimitReached {
        /// How many there may be.
        max: u32,
        /// How many there are.
        members: i64,
    },
    /// A member has this address.
    #[error("A member has the email address {0} already.")]
    EmailTaken(String),
    /// The member is expired.
    #[error("{0} is expired already.")]
    AlreadyExpired(String),
    /// The member is not expired.
    #[error("{0} is not expired.")]
    NotExpired(String),
    /// Living members who cannot pay the levy.
    #[error("{}", cannot_pay(.lacking, *.more))]
    CannotPay {
        /// Who, and what is missing.
        lacking: Vec<Shortfall>,
        /// Whether there are more than these.
        more: bool,
    },
    /// So many levies at once would hold everybody else up.
    #[error("{expiries} members at once would be {levies} levies, and at most {most} are taken at once. Choose fewer.")]
    TooManyAtOnce {
        /// How many were chosen.
        expiries: usize,
        /// How many levies that would be.
        levies: i64,
        /// How many there may be.
        most: i64,
    },
    /// The pool does not hold what a revert gives back.
    #[error("The pool has {} and would have to give back {}.", .available.for_people(), .needed.for_people())]
    PoolCannotPay {
        /// What it has.
        available: Money,
        /// What was asked of it.
        needed: Money,
    },
    /// The wallet does not cover what is to be taken from it.
    #[error("The wallet has {} available, which does not cover {}.", .available.for_people(), .needed.for_people())]
    InsufficientBalance {
        /// What it has.
        available: Money,
        /// What was asked of it.
        needed: Money,
    },
    /// The wallet would hold more than one may.
    #[error("The wallet would hold {}, and may hold at most {}.", .would.for_people(), .most.for_people())]
    TooMuch {
        /// What it would hold.
        would: Money,
        /// What it may.
        most: Money,
    },
    /// A top-up answers the payment with this reference already.
    #[error(
        "The reference '{reference}' was used before: {first}. Say that it is meant, or use the payment's own reference."
    )]
    DuplicateReference {
        /// The reference, as it was sent now.
        reference: String,
        /// The top-up that answers it.
        first: Box<FirstPayment>,
    },
    /// An uploaded file cannot be read as a list of members.
    #[error(transparent)]
    File(#[from] MemberFileError),
    /// Rows of an uploaded file are wrong.
    #[error("{} wrong; nothing was saved.", rows_are(*.bad))]
    ImportInvalid {
        /// How many.
        bad: u32,
    },
    /// What was good when the file was checked is not any more.
    #[error("Since the file was checked, members have changed: {} wrong now. Nothing was saved; upload it again.", rows_are(*.bad))]
    ImportStale {
        /// How many rows are wrong now.
        bad: u32,
    },
    /// The file's rows are members already.
    #[error("This upload was saved before.")]
    ImportCommitted,
    /// An invariant of this program does not hold. The command is rolled back; the log says which one.
    #[error("an invariant of the program does not hold: {0}")]
    Bug(&'static str),
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

fn rows_are(bad: u32) -> String {
    format!("{} {}", counted(bad.into(), "row"), if bad == 1 { "is" } else { "are" })
}

fn cannot_pay(lacking: &[Shortfall], more: bool) -> String {
    let named = lacking.iter().take(TOLD).map(|one| format!("{} lacks {}", one.name, one.missing.for_people()));
    let named = named.collect::<Vec<_>>().join(", ");
    let count = i64::try_from(lacking.len()).unwrap_or(i64::MAX);
    let others = if lacking.len() > TOLD || more { ", and others" } else { "" };
    let at_least = if more { "At least " } else { "" };
    format!("{at_least}{} cannot pay the levy: {named}{others}. Nothing was taken.", counted(count, "living member"))
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
    &MEMBER_LIMIT_REACHED,
    &EMAIL_TAKEN,
    &ALREADY_EXPIRED,
    &NOT_EXPIRED,
    &MEMBERS_CANNOT_PAY,
    &TOO_MANY_LEVIES,
    &POOL_CANNOT_PAY,
    &INSUFFICIENT_BALANCE,
    &BALANCE_TOO_LARGE,
    &DUPLICATE_REFERENCE,
    &INVALID_FILE,
    &INVALID_ROWS,
    &IMPORT_STALE,
    &IMPORT_COMMITTED,
];

/// What each operation refuses by rules of the app.
pub(crate) static REFUSALS: Refusals = &[
    ("member_create", &[&MEMBER_LIMIT_REACHED, &EMAIL_TAKEN, &BALANCE_TOO_LARGE, &code::CONFLICT]),
    ("member_update", &[&EMAIL_TAKEN, &code::CONFLICT]),
    ("member_expire", &[&ALREADY_EXPIRED, &MEMBERS_CANNOT_PAY, &TOO_MANY_LEVIES, &BALANCE_TOO_LARGE, &code::CONFLICT]),
    ("member_revert", &[&NOT_EXPIRED, &POOL_CANNOT_PAY, &BALANCE_TOO_LARGE, &code::CONFLICT]),
    ("member_top_up", &[&INSUFFICIENT_BALANCE, &BALANCE_TOO_LARGE, &DUPLICATE_REFERENCE, &code::CONFLICT]),
    (
        "import_file",
        &[&INVALID_FILE, &INVALID_ROWS, &MEMBER_LIMIT_REACHED, &EMAIL_TAKEN, &BALANCE_TOO_LARGE, &code::CONFLICT],
    ),
    (
        "import_commit",
        &[&INVALID_ROWS, &IMPORT_STALE, &IMPORT_COMMITTED, &MEMBER_LIMIT_REACHED, &EMAIL_TAKEN, &code::CONFLICT],
    ),
];

static MEMBER_LIMIT_REACHED: Code = Code {
    name: "member_limit_reached",
    status: 400,
    title: "There are as many members as there may be",
    help: "Expired members count. The operator can raise `members.max`; 0 means no limit.",
};

static EMAIL_TAKEN: Code = Code {
    name: "email_taken",
    status: 409,
    title: "Another member has this email address",
    help: "Upper and lower case make no difference. Find the member with GET /api/members/?email=.",
};

static ALREADY_EXPIRED: Code = Code {
    name: "already_expired",
    status: 409,
    title: "The member is expired already",
    help: "A member expires once. Revert the expiry first if it was a mistake.",
};

static NOT_EXPIRED: Code = Code {
    name: "not_expired",
    status: 409,
    title: "The member is not expired",
    help: "Only an expired member can be reverted.",
};

static MEMBERS_CANNOT_PAY: Code = Code {
    name: "members_cannot_pay",
    status: 400,
    title: "Living members cannot pay the levy",
    help: "`lacking` names each (up to 1,000) with what is missing. Top their wallets up, then expire the member again.",
};

static TOO_MANY_LEVIES: Code = Code {
    name: "too_many_levies",
    status: 400,
    title: "So many expiries at once are too many levies",
    help: "Expire fewer members at a time.",
};

static POOL_CANNOT_PAY: Code = Code {
    name: "pool_cannot_pay",
    status: 400,
    title: "The pool does not hold what the revert gives back",
    help: "`available` says what the pool has.",
};

static INSUFFICIENT_BALANCE: Code = Code {
    name: "insufficient_balance",
    status: 400,
    title: "The wallet does not cover this",
    help: "`available` says what it has.",
};

static BALANCE_TOO_LARGE: Code = Code {
    name: "balance_too_large",
    status: 400,
    title: "The wallet would hold more than one may",
    help: "A wallet holds at most 99,999,999.99.",
};

/// What a top-up answers whose reference was used before.
pub(crate) static DUPLICATE_REFERENCE: Code = Code {
    name: "duplicate_reference",
    status: 400,
    title: "A top-up with this reference was made already",
    help: "A reference names one payment, whatever its case, spaces and punctuation. `payment_id`, `member_id`, `amount`, \
           `actor` and `created_at` say what it was used for. Where it is another payment all the same, send \
           `\"again\": true`.",
};

static INVALID_FILE: Code = Code {
    name: "invalid_file",
    status: 400,
    title: "The file is not a list of members",
    help: "Send CSV in UTF-8 with the columns name, email and wallet_balance, within the limits of size and rows.",
};

static INVALID_ROWS: Code = Code {
    name: "invalid_rows",
    status: 400,
    title: "Rows of the file are wrong",
    help: "`rows` says what is wrong with each. Nothing was saved: mend the file and send it again.",
};

static IMPORT_STALE: Code = Code {
    name: "import_stale",
    status: 409,
    title: "The members have changed since the file was checked",
    help: "Nothing was saved. Send the file again to see what is wrong with it now.",
};

static IMPORT_COMMITTED: Code = Code {
    name: "import_committed",
    status: 409,
    title: "The upload was saved before",
    help: "An upload is saved once. Its rows are members already.",
};

/// A member who cannot pay, as the API says it.
#[derive(Serialize)]
struct LackingJson<'a> {
    id: Uuid,
    name: &'a str,
    available: Decimal,
    missing: Decimal,
}

impl<'a> From<&'a Shortfall> for LackingJson<'a> {
    fn from(one: &'a Shortfall) -> Self {
        LackingJson { id: one.id, name: &one.name, available: Decimal(one.available), missing: Decimal(one.missing) }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoMember | Error::NoExpiry | Error::NoImport => Problem::new(&code::NOT_FOUND, detail),
            Error::LimitReached { max, .. } => Problem::new(&MEMBER_LIMIT_REACHED, detail).with("max", &max),
            Error::EmailTaken(_) => Problem::new(&EMAIL_TAKEN, detail),
            Error::AlreadyExpired(_) => Problem::new(&ALREADY_EXPIRED, detail),
            Error::NotExpired(_) => Problem::new(&NOT_EXPIRED, detail),
            Error::CannotPay { lacking, more } => {
                let named: Vec<LackingJson<'_>> = lacking.iter().map(LackingJson::from).collect();
                Problem::new(&MEMBERS_CANNOT_PAY, detail).with("lacking", &named).with("more", &more)
            }
            Error::TooManyAtOnce { .. } => Problem::new(&TOO_MANY_LEVIES, detail),
            Error::PoolCannotPay { available, .. } => {
                Problem::new(&POOL_CANNOT_PAY, detail).with("available", &Decimal(available))
            }
            Error::InsufficientBalance { available, .. } => {
                Problem::new(&INSUFFICIENT_BALANCE, detail).with("available", &Decimal(available))
            }
            Error::TooMuch { .. } => Problem::new(&BALANCE_TOO_LARGE, detail),
            Error::DuplicateReference { first, .. } => Problem::new(&DUPLICATE_REFERENCE, detail)
                .with("payment_id", &first.id)
                .with("member_id", &first.member_id)
                .with("amount", &Decimal(first.amount))
                .with("actor", &first.actor)
                .with("created_at", &Time(first.at)),
            Error::File(_) => Problem::new(&INVALID_FILE, detail),
            Error::ImportInvalid { .. } => Problem::new(&INVALID_ROWS, detail),
            Error::ImportStale { .. } => Problem::new(&IMPORT_STALE, detail),
            Error::ImportCommitted => Problem::new(&IMPORT_COMMITTED, detail),
            Error::KeyReused(_) => Problem::new(&code::IDEMPOTENCY_KEY_REUSED, detail),
            Error::Answer(error) => Problem::internal(error),
            Error::Bug(_) => Problem::internal(error),
            Error::Ledger(error) => error.into(),
            Error::Outbox(OutboxError::Store(error)) | Error::Store(error) => error.into(),
            Error::Outbox(error) => Problem::internal(error),
        }
    }
}
