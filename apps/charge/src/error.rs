//! Why the app refuses, and how that reads at the HTTP edge.

use std::fmt;

use jiff::Timestamp;
use purser_identity::Error as IdentityError;
use purser_kit::{Code, Decimal, Problem, Refusals, Time, code};
use purser_ledger::Error as LedgerError;
use purser_money::Money;
use purser_outbox::Error as OutboxError;
use purser_store::Error as StoreError;
use uuid::Uuid;

use crate::catalog::percent;
use crate::contradiction::ContradictionStatus;
use crate::domain::{LifecycleStatus, PhoneNumber, RequestStatus, SaleStatus};

/// A refusal. The command it came from changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such seller, or not this caller's.
    #[error("There is no such seller.")]
    NoSeller,
    /// No such phone number.
    #[error("There is no such phone number.")]
    NoPhone,
    /// No such sale, or not this caller's.
    #[error("There is no such sale.")]
    NoSale,
    /// No such credit request, or not this caller's.
    #[error("There is no such credit request.")]
    NoRequest,
    /// No such credit transaction, or not this caller's.
    #[error("There is no such credit transaction.")]
    NoCredit,
    /// No such contradiction.
    #[error("There is no such contradiction.")]
    NoContradiction,
    /// The contradiction was decided on before.
    #[error("The contradiction is {} already.", .0.title())]
    ContradictionDecided(ContradictionStatus),
    /// An operator says once more what staff dismissed.
    #[error("The sale is {} already. That the operator says otherwise was decided on: it is dismissed.", .0.name())]
    Dismissed(SaleStatus),
    /// The decision does not fit what the operator said.
    #[error("The operator said that the sale is {0}, so this cannot be the answer.")]
    UnfitDecision(&'static str),
    /// An increase with this reference stands already.
    #[error(
        "The reference '{reference}' was used before: {first}. Say that it is meant, or use the payment's own reference."
    )]
    DuplicateReference {
        /// The reference, as it was sent now.
        reference: String,
        /// The increase that answers it.
        first: Box<FirstCredit>,
    },
    /// So much is not given by one person alone.
    #[error("More than {} is not given by one person alone; make a credit request, for somebody else to approve.", .most.for_people())]
    NotAlone {
        /// How much may be.
        most: Money,
    },
    /// Only an increase that stands is taken back.
    #[error("{}", if *.is_decrease { "A decrease is not taken back; give the credit again instead." } else { "The increase was taken back before." })]
    NotTakenBack {
        /// Whether it is no increase at all.
        is_decrease: bool,
    },
    /// Sales of the file were made before, or stand in it twice.
    #[error("{0}")]
    SoldBefore(String),
    /// The client_ref stands in an earlier row of the same file.
    #[error("client_ref '{0}' is in a row above.")]
    RefAbove(String),
    /// The credit request was decided on before.
    #[error("The credit request is {} already.", .0.name())]
    Decided(RequestStatus),
    /// Nobody of this name has an account here.
    #[error("login must be the username or email of somebody who has an account here; it is '{0}'.")]
    UnknownLogin(String),
    /// Nobody acts for the seller.
    #[error("Nobody sells for it in the portal.")]
    NobodySells,
    /// Who people are could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Whoever asks for money does not approve it.
    #[error("You asked for this credit yourself; somebody else must approve it.")]
    OwnRequest,
    /// No such operator.
    #[error("There is no such operator.")]
    NoOperator,
    /// No such product.
    #[error("There is no such product.")]
    NoProduct,
    /// The operator's numbers are not sold to at present.
    #[error("Sales to numbers of {0} are stopped.")]
    OperatorStopped(String),
    /// No active product of the number's operator fits the amount.
    #[error("{operator} sells no charge of {amount}.")]
    NoFittingProduct {
        /// Whose number it is.
        operator: String,
        /// What was asked for.
        amount: Money,
    },
    /// No operator's prefix fits the number, and only known ones are sold to.
    #[error("No operator is known for the phone number {0}.")]
    UnknownOperator(PhoneNumber),
    /// An operator's or a product's name is another's.
    #[error("The name '{0}' is another's already.")]
    NameTaken(String),
    /// A prefix is another operator's.
    #[error("The prefix {prefix} is that of {operator} already.")]
    PrefixTaken {
        /// Which.
        prefix: String,
        /// Whose.
        operator: String,
    },
    /// A seller would pay less than the operator takes.
    #[error("{seller} would pay {}% of what costs {}%.", percent(*.price), percent(*.cost))]
    PriceBelowCost {
        /// Who.
        seller: String,
        /// What it would pay, in 1/10,000 of the amount.
        price: i64,
        /// What the operator takes, in the same.
        cost: i64,
    },
    /// A file that is no list of sales.
    #[error("The file cannot be used: {0}.")]
    BadFile(String),
    /// A file with rows that cannot be sold.
    #[error("{0} of the file's rows cannot be sold, so nothing was.")]
    BadRows(usize),
    /// A file whose sales were made before.
    #[error("The sales of this file were made before.")]
    Uploaded,
    /// An invariant of this program does not hold. The command is rolled back; the log says which one.
    #[error("an invariant of the program does not hold: {0}")]
    Bug(&'static str),
    /// An answer could not be put into words.
    #[error("the answer cannot be written: {0}")]
    Answer(String),
    /// The seller is frozen or inactive.
    #[error("The seller is {}.", .0.name())]
    SellerNotActive(LifecycleStatus),
    /// The number is frozen or inactive.
    #[error("The phone number {number} is {}.", .status.name())]
    PhoneNotActive {
        /// Which.
        number: PhoneNumber,
        /// How it stands.
        status: LifecycleStatus,
    },
    /// The number is registered already.
    #[error("The phone number {0} is registered already.")]
    PhoneTaken(PhoneNumber),
    /// The seller's available credit does not cover the sale.
    #[error("The available credit of {available} does not cover {needed}.")]
    InsufficientCredit {
        /// What is available.
        available: Money,
        /// What was asked for.
        needed: Money,
    },
    /// The seller used this client_ref before.
    #[error("The client_ref '{client_ref}' was used before, for the sale {sale}.")]
    DuplicateRef {
        /// The reference.
        client_ref: String,
        /// The first sale.
        sale: Uuid,
    },
    /// Several sellers used this client_ref, and the caller may see them all.
    #[error("{0} sellers used this client_ref; say which with ?seller_id=.")]
    AmbiguousRef(usize),
    /// An operator's or a person's word against what is settled already.
    #[error("The sale is {} already.", .0.name())]
    Settled(SaleStatus),
    /// Only a completed sale is reversed.
    #[error("The sale is {}, and only a completed one can be reversed.", .0.name())]
    NotReversible(SaleStatus),
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

/// The increase that a reference was used for first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstCredit {
    /// Its id.
    pub id: Uuid,
    /// Whose credit.
    pub seller_id: Uuid,
    /// What the seller is called.
    pub seller: String,
    /// How much.
    pub amount: Money,
    /// Who gave it, as journals name them.
    pub actor: String,
    /// The same, as people call them.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl fmt::Display for FirstCredit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FirstCredit { amount, seller, by, at, .. } = self;
        write!(f, "{} for {seller}, given by {by} on {}", amount.for_people(), at.strftime("%d %b %Y %H:%M UTC"))
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
    &INSUFFICIENT_CREDIT,
    &DUPLICATE_TRANSACTION,
    &SELLER_NOT_ACTIVE,
    &PHONE_NOT_ACTIVE,
    &PHONE_TAKEN,
    &OPERATOR_REFUSED,
    &AMBIGUOUS_REFERENCE,
    &ALREADY_SETTLED,
    &NOT_REVERSIBLE,
    &INVALID_SIGNATURE,
    &ALREADY_DECIDED,
    &OWN_REQUEST,
    &INVALID_FILE,
    &INVALID_ROWS,
    &ALREADY_IMPORTED,
    &NO_PRODUCT,
    &OPERATOR_STOPPED,
    &UNKNOWN_OPERATOR,
    &NAME_TAKEN,
    &PRICE_BELOW_COST,
    &DUPLICATE_REFERENCE,
    &NOT_ALONE,
    &NOT_TAKEN_BACK,
    &SOLD_BEFORE,
    &UNFIT_DECISION,
];

/// What each operation refuses by rules of the app.
pub(crate) static REFUSALS: Refusals = &[
    ("seller_delete", &[&code::CONFLICT]),
    ("seller_replace", &[&PRICE_BELOW_COST]),
    ("seller_update", &[&PRICE_BELOW_COST]),
    ("credit_increase", &[&SELLER_NOT_ACTIVE, &DUPLICATE_REFERENCE, &NOT_ALONE, &code::CONFLICT]),
    ("credit_decrease", &[&SELLER_NOT_ACTIVE, &INSUFFICIENT_CREDIT, &DUPLICATE_REFERENCE, &NOT_ALONE, &code::CONFLICT]),
    ("credit_reverse", &[&NOT_TAKEN_BACK, &INSUFFICIENT_CREDIT, &SELLER_NOT_ACTIVE, &code::CONFLICT]),
    (
        "contradiction_settle",
        &[&ALREADY_DECIDED, &UNFIT_DECISION, &ALREADY_SETTLED, &NOT_REVERSIBLE, &INSUFFICIENT_CREDIT, &code::CONFLICT],
    ),
    (
        "charge_sell",
        &[
            &INSUFFICIENT_CREDIT,
            &DUPLICATE_TRANSACTION,
            &SELLER_NOT_ACTIVE,
            &PHONE_NOT_ACTIVE,
            &OPERATOR_REFUSED,
            &OPERATOR_STOPPED,
            &UNKNOWN_OPERATOR,
            &NO_PRODUCT,
            &code::CONFLICT,
        ],
    ),
    (
        "sales_import",
        &[
            &INVALID_FILE,
            &INVALID_ROWS,
            &ALREADY_IMPORTED,
            &SOLD_BEFORE,
            &INSUFFICIENT_CREDIT,
            &DUPLICATE_TRANSACTION,
            &SELLER_NOT_ACTIVE,
            &PHONE_NOT_ACTIVE,
            &OPERATOR_STOPPED,
            &UNKNOWN_OPERATOR,
            &NO_PRODUCT,
            &code::CONFLICT,
        ],
    ),
    ("phone_create", &[&PHONE_TAKEN]),
    ("phone_replace", &[&PHONE_TAKEN]),
    ("phone_update", &[&PHONE_TAKEN]),
    ("operator_create", &[&NAME_TAKEN, &PRICE_BELOW_COST]),
    ("operator_replace", &[&NAME_TAKEN, &PRICE_BELOW_COST]),
    ("product_create", &[&NAME_TAKEN, &PRICE_BELOW_COST, &code::NOT_FOUND]),
    ("product_replace", &[&NAME_TAKEN, &PRICE_BELOW_COST]),
    ("sale_by_ref", &[&AMBIGUOUS_REFERENCE]),
    ("sale_reverse", &[&NOT_REVERSIBLE, &ALREADY_SETTLED, &code::CONFLICT]),
    ("sale_resolve", &[&ALREADY_SETTLED, &NOT_REVERSIBLE, &code::CONFLICT]),
    ("request_create", &[&SELLER_NOT_ACTIVE, &DUPLICATE_REFERENCE]),
    (
        "request_approve",
        &[&ALREADY_DECIDED, &OWN_REQUEST, &SELLER_NOT_ACTIVE, &DUPLICATE_REFERENCE, &NOT_ALONE, &code::CONFLICT],
    ),
    ("request_reject", &[&ALREADY_DECIDED, &OWN_REQUEST]),
    ("request_withdraw", &[&ALREADY_DECIDED]),
    ("operator_callback", &[&INVALID_SIGNATURE, &ALREADY_SETTLED, &code::NOT_FOUND, &code::CONFLICT]),
];

static INSUFFICIENT_CREDIT: Code = Code {
    name: "insufficient_credit",
    status: 400,
    title: "The seller's credit does not cover this",
    help: "`available` says what it has. Ask staff to increase the credit.",
};

static DUPLICATE_TRANSACTION: Code = Code {
    name: "duplicate_transaction",
    status: 400,
    title: "This client_ref was used before",
    help: "`sale_id` is the first sale with it. Use a fresh reference for a new sale.",
};

static SELLER_NOT_ACTIVE: Code = Code {
    name: "seller_not_active",
    status: 400,
    title: "The seller takes no part at present",
    help: "It is frozen or inactive. Staff can make it active again.",
};

static PHONE_NOT_ACTIVE: Code = Code {
    name: "phone_not_active",
    status: 400,
    title: "The phone number takes no part at present",
    help: "It is frozen or inactive. Staff can make it active again.",
};

static PHONE_TAKEN: Code = Code {
    name: "phone_taken",
    status: 409,
    title: "The phone number is registered already",
    help: "Find it with GET /api/phone-numbers/?number=.",
};

/// What a sale answers whose operator said no.
pub(crate) static OPERATOR_REFUSED: Code = Code {
    name: "operator_refused",
    status: 400,
    title: "The operator refused the charge",
    help: "The credit was let go. `detail` repeats the operator's reason.",
};

static AMBIGUOUS_REFERENCE: Code = Code {
    name: "ambiguous_reference",
    status: 409,
    title: "Several sellers used this client_ref",
    help: "Name the seller with `?seller_id=`.",
};

static ALREADY_SETTLED: Code = Code {
    name: "already_settled",
    status: 409,
    title: "The sale's outcome is known already",
    help: "Read the sale; what is settled is not settled otherwise later.",
};

static NOT_REVERSIBLE: Code = Code {
    name: "not_reversible",
    status: 409,
    title: "Only a completed sale can be reversed, once",
    help: "Read the sale's status.",
};

/// What a callback answers whose signature is wrong.
pub(crate) static INVALID_SIGNATURE: Code = Code {
    name: "invalid_signature",
    status: 401,
    title: "The callback's signature is not valid",
    help: "Sign `timestamp.body` with the shared secret (HMAC-SHA-256), within five minutes of sending it.",
};

static ALREADY_DECIDED: Code = Code {
    name: "already_decided",
    status: 409,
    title: "This was decided on before",
    help: "Read the status of the credit request or of the contradiction; each is decided on once.",
};

static OWN_REQUEST: Code = Code {
    name: "own_request",
    status: 403,
    title: "Whoever asks for money does not approve it",
    help: "Let another member of staff, or another key, approve the request.",
};

static INVALID_FILE: Code = Code {
    name: "invalid_file",
    status: 400,
    title: "The file is not a list of sales",
    help: "Send CSV in UTF-8 whose first line names the columns. `detail` says what is wrong.",
};

/// What a file answers that has rows which cannot be sold.
pub(crate) static INVALID_ROWS: Code = Code {
    name: "invalid_rows",
    status: 400,
    title: "Some rows of the file cannot be sold, so none was",
    help: "`rows` says what is wrong with each. Mend them and send the file again; `dry_run=true` checks it only.",
};

static ALREADY_IMPORTED: Code = Code {
    name: "already_imported",
    status: 409,
    title: "The file's sales were made before",
    help: "Look at the seller's sales. Upload another file for other sales.",
};

static NO_PRODUCT: Code = Code {
    name: "no_product",
    status: 400,
    title: "The number's operator does not sell this amount",
    help: "`detail` names the operator. Sell an amount that one of its products has.",
};

static OPERATOR_STOPPED: Code = Code {
    name: "operator_stopped",
    status: 400,
    title: "The number's operator takes no sales at present",
    help: "Staff can start it again.",
};

static UNKNOWN_OPERATOR: Code = Code {
    name: "unknown_operator",
    status: 400,
    title: "No operator is known for the number",
    help: "Staff can give an operator the number's prefix, or allow numbers of unknown operators.",
};

static NAME_TAKEN: Code = Code {
    name: "name_taken",
    status: 409,
    title: "The name or prefix is another's already",
    help: "`detail` says whose. Choose another, or change that one first.",
};

static PRICE_BELOW_COST: Code = Code {
    name: "price_below_cost",
    status: 400,
    title: "A seller would pay less than the operator takes",
    help: "`detail` says who, and both percentages.",
};

/// What an increase answers whose reference was used before.
pub(crate) static DUPLICATE_REFERENCE: Code = Code {
    name: "duplicate_reference",
    status: 400,
    title: "A credit increase with this reference stands already",
    help: "A reference names one payment, whatever its case, spaces and punctuation. `transaction_id`, `seller_id`, \
           `amount`, `actor` and `created_at` say what it was used for. Where it is another payment all the same, send \
           `\"again\": true`.",
};

static NOT_ALONE: Code = Code {
    name: "not_alone",
    status: 400,
    title: "One person alone does not give so much credit",
    help: "Make a credit request, and let somebody else approve it. `max_increase_alone` in the settings is the limit.",
};

static NOT_TAKEN_BACK: Code = Code {
    name: "not_taken_back",
    status: 409,
    title: "Only a credit increase that stands can be taken back, once",
    help: "Read the transaction. `decrease_credit` corrects anything else.",
};

/// What a file answers whose sales were made before, or that has equal rows.
pub(crate) static SOLD_BEFORE: Code = Code {
    name: "sold_before",
    status: 409,
    title: "Rows of the file were sold before, or are in it twice",
    help: "`rows` says which, when and by whom. Where they are to be sold all the same, send the file with `again=true`.",
};

static UNFIT_DECISION: Code = Code {
    name: "unfit_decision",
    status: 400,
    title: "The decision does not answer this contradiction",
    help: "Charge where the operator said completed, give back where it said failed, or dismiss it.",
};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoSeller
            | Error::NoPhone
            | Error::NoSale
            | Error::NoRequest
            | Error::NoCredit
            | Error::NoContradiction
            | Error::NoOperator
            | Error::NoProduct => Problem::new(&code::NOT_FOUND, detail),
            Error::NoFittingProduct { .. } => Problem::new(&NO_PRODUCT, detail),
            Error::OperatorStopped(_) => Problem::new(&OPERATOR_STOPPED, detail),
            Error::UnknownOperator(_) => Problem::new(&UNKNOWN_OPERATOR, detail),
            Error::NameTaken(_) | Error::PrefixTaken { .. } => Problem::new(&NAME_TAKEN, detail),
            Error::PriceBelowCost { .. } => Problem::new(&PRICE_BELOW_COST, detail),
            Error::SellerNotActive(_) => Problem::new(&SELLER_NOT_ACTIVE, detail),
            Error::PhoneNotActive { .. } => Problem::new(&PHONE_NOT_ACTIVE, detail),
            Error::PhoneTaken(_) => Problem::new(&PHONE_TAKEN, detail),
            Error::InsufficientCredit { available, .. } => {
                Problem::new(&INSUFFICIENT_CREDIT, detail).with("available", &Decimal(available))
            }
            Error::DuplicateRef { sale, .. } => Problem::new(&DUPLICATE_TRANSACTION, detail).with("sale_id", &sale),
            Error::DuplicateReference { first, .. } => Problem::new(&DUPLICATE_REFERENCE, detail)
                .with("transaction_id", &first.id)
                .with("seller_id", &first.seller_id)
                .with("amount", &Decimal(first.amount))
                .with("actor", &first.actor)
                .with("created_at", &Time(first.at)),
            Error::NotAlone { .. } => Problem::new(&NOT_ALONE, detail),
            Error::NotTakenBack { .. } => Problem::new(&NOT_TAKEN_BACK, detail),
            Error::SoldBefore(_) => Problem::new(&SOLD_BEFORE, detail),
            Error::RefAbove(_) => Problem::new(&DUPLICATE_TRANSACTION, detail),
            Error::ContradictionDecided(_) => Problem::new(&ALREADY_DECIDED, detail),
            Error::UnfitDecision(_) => Problem::new(&UNFIT_DECISION, detail),
            Error::AmbiguousRef(_) => Problem::new(&AMBIGUOUS_REFERENCE, detail),
            Error::Settled(_) | Error::Dismissed(_) => Problem::new(&ALREADY_SETTLED, detail),
            Error::NotReversible(_) => Problem::new(&NOT_REVERSIBLE, detail),
            Error::KeyReused(_) => Problem::new(&code::IDEMPOTENCY_KEY_REUSED, detail),
            Error::Decided(_) => Problem::new(&ALREADY_DECIDED, detail),
            Error::OwnRequest => Problem::new(&OWN_REQUEST, detail),
            Error::UnknownLogin(_) => Problem::field("login", "unknown_value", detail),
            Error::NobodySells => Problem::new(&code::CONFLICT, detail),
            Error::BadFile(_) => Problem::new(&INVALID_FILE, detail),
            Error::BadRows(_) => Problem::new(&INVALID_ROWS, detail),
            Error::Uploaded => Problem::new(&ALREADY_IMPORTED, detail),
            Error::Answer(error) => Problem::internal(error),
            Error::Bug(_) => Problem::internal(error),
            Error::Ledger(error) => error.into(),
            Error::Identity(error) => error.into(),
            Error::Outbox(OutboxError::Store(error)) | Error::Store(error) => error.into(),
            Error::Outbox(error) => Problem::internal(error),
        }
    }
}
