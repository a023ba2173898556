//! What the columns of a bank's file are: known by their names, or by the words of their headings.

use std::collections::BTreeSet;

use purser_kit::spreadsheet::{CsvFile, column_key};

use crate::result_file::{ERRORS, ResultFileError};

pub(crate) const ID: usize = 0;
pub(crate) const STATUS: usize = 1;
pub(crate) const UTR: usize = 2;
pub(crate) const REASON: usize = 3;
pub(crate) const AMOUNT: usize = 4;
pub(crate) const CURRENCY: usize = 5;
pub(crate) const UPI_ID: usize = 6;
pub(crate) const BENEFICIARY: usize = 7;
pub(crate) const REMARK: usize = 8;
pub(crate) const COINS: usize = 9;

/// How many kinds of columns are read.
pub(crate) const WIDTH: usize = 10;

/// How many of them, from the first, a file must have.
const NEEDED: usize = 2;

/// How many of them, from the first, a report always has.
const REPORTED: usize = 4;

/// The most characters of a heading that are repeated.
const ECHO: usize = 40;

/// Where the columns of each kind stand; of some more than one says the same.
pub(crate) type ColumnPositions = [Vec<usize>; WIDTH];

/// The kinds, each with other names that banks give it.
const COLUMNS: [(&str, &[&str]); WIDTH] = [
    (
        "withdrawal_id",
        &["reference", "reference_id", "reference_no", "reference_number", "customer_reference", "payment_reference"],
    ),
    ("status", &["payment_status", "transaction_status", "txn_status", "result"]),
    (
        "utr",
        &[
            "utr_no",
            "utr_number",
            "bank_reference",
            "bank_reference_no",
            "bank_reference_number",
            "rrn",
            "transaction_id",
            "txn_id",
        ],
    ),
    ("reason", &["failure_reason", "error", "error_description", "rejection_reason", "status_description"]),
    ("amount", &[]),
    ("currency", &["currency_code", "ccy"]),
    ("upi_id", &["vpa", "upi", "payee_vpa", "beneficiary_vpa", "beneficiary_upi_id", "fund_account_vpa"]),
    ("beneficiary", &["beneficiary_account", "beneficiary_account_no", "beneficiary_id", "credit_account", "payee"]),
    ("remark", &["remarks", "narration", "description"]),
    ("coins", &[]),
];

const AMOUNTS: &[&str] = &["amount", "amounts", "amt", "rupees", "rupee", "inr", "rs", "₹", "debit", "credit", "value"];

/// Words of headings that have a word for an amount, and say something else: "Value date", "Debit account".
const NO_AMOUNTS: &[&str] = &[
    "a",
    "ac",
    "acc",
    "account",
    "acct",
    "advice",
    "at",
    "bal",
    "balance",
    "bank",
    "by",
    "card",
    "charge",
    "charges",
    "code",
    "commission",
    "count",
    "date",
    "day",
    "description",
    "dt",
    "fee",
    "fees",
    "flag",
    "from",
    "gst",
    "id",
    "ifsc",
    "indicator",
    "limit",
    "mode",
    "name",
    "narration",
    "no",
    "note",
    "number",
    "on",
    "reason",
    "ref",
    "reference",
    "remark",
    "remarks",
    "rrn",
    "status",
    "tax",
    "tds",
    "time",
    "to",
    "type",
    "utr",
    "words",
];

const UPI_IDS: &[&str] = &["upi", "vpa"];

/// Of the payment, or of whoever pays.
const NO_UPI_IDS: &[&str] = &[
    "app",
    "date",
    "debit",
    "mode",
    "payer",
    "ref",
    "reference",
    "remark",
    "remarks",
    "remitter",
    "rrn",
    "sender",
    "status",
    "transaction",
    "txn",
    "type",
    "utr",
];

const PAYEES: &[&str] = &["bene", "benef", "beneficiary", "payee", "receiver", "recipient"];

const NO_STATUSES: &[&str] = &["account", "code", "date", "desc", "description", "kyc", "message", "reason", "time"];

/// A heading's words, of which capitals begin one too: "PaidAmount".
fn words(name: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(name.len());
    let mut before = ' ';
    for character in name.chars() {
        if (before.is_lowercase() && character.is_uppercase()) || character == '₹' || before == '₹' {
            spaced.push(' ');
        }
        spaced.push(character);
        before = character;
    }
    let is_between = |character: char| !character.is_alphanumeric() && character != '₹';
    spaced.split(is_between).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The kind of a column whose name is none of the known ones.
fn by_words(name: &str) -> Option<usize> {
    let words = words(name);
    let has = |some: &[&str]| words.iter().any(|word| some.contains(&word.as_str()));
    let ends_so = words.iter().any(|word| word.ends_with("amount") || word.ends_with("amt"));
    match () {
        () if has(&["currency", "ccy"]) => Some(CURRENCY),
        () if has(&["coin", "coins"]) && !has(NO_AMOUNTS) => Some(COINS),
        () if (has(AMOUNTS) || ends_so) && !has(NO_AMOUNTS) => Some(AMOUNT),
        () if has(&["utr", "rrn"]) && !has(&["date", "time"]) => Some(UTR),
        () if has(UPI_IDS) && !has(NO_UPI_IDS) => Some(UPI_ID),
        () if has(PAYEES) || (has(&["account"]) && has(&["name", "holder"])) => Some(BENEFICIARY),
        () if has(&["status"]) && !has(NO_STATUSES) => Some(STATUS),
        () => None,
    }
}

/// Whether a heading says that it is the UTR itself, and not another reference of the bank.
pub(crate) fn is_utr(name: &str) -> bool {
    words(name).iter().any(|word| word == "utr")
}

/// Whether a column has the amounts of one direction only.
pub(crate) fn is_direction(name: &str) -> bool {
    words(name).iter().any(|word| word == "debit" || word == "credit")
}

/// Where the columns of each kind stand. The kind's own name goes before the others.
pub(crate) fn places(header: &[String]) -> Result<ColumnPositions, ResultFileError> {
    let keys: Vec<String> = header.iter().map(|name| column_key(name)).collect();
    let mut places: ColumnPositions = std::array::from_fn(|_| Vec::new());
    for (kind, (own, others)) in COLUMNS.iter().enumerate() {
        if keys.iter().filter(|key| key.as_str() == *own).count() > 1 {
            return Err(ResultFileError::RepeatedColumn(own));
        }
        for name in std::iter::once(own).chain(*others) {
            places[kind].extend((0..keys.len()).filter(|place| keys[*place] == *name));
        }
    }
    for (place, name) in header.iter().enumerate() {
        if !places.iter().flatten().any(|known| *known == place)
            && let Some(kind) = by_words(name)
        {
            places[kind].push(place);
        }
    }
    match (0..NEEDED).find(|kind| places[*kind].is_empty()) {
        Some(missing) => Err(ResultFileError::MissingColumn(COLUMNS[missing].0)),
        None => Ok(places),
    }
}

/// The kinds that the file has, and the first four in any case.
pub(crate) fn shown(places: &ColumnPositions) -> Vec<usize> {
    (0..WIDTH).filter(|kind| *kind < REPORTED || !places[*kind].is_empty()).collect()
}

/// A kind's own name.
pub(crate) fn name(kind: usize) -> &'static str {
    COLUMNS.get(kind).map_or("", |(name, _)| *name)
}

/// The columns that are of no kind. A mended report brings the one that it added.
pub(crate) fn unknown(table: &CsvFile, places: &ColumnPositions) -> BTreeSet<usize> {
    let is_filled = |place: usize| table.rows.iter().any(|row| !row.cell(place).is_empty());
    let is_known = |place: usize| places.iter().flatten().any(|known| *known == place);
    let named = table.header.iter().enumerate().filter(|(place, name)| {
        !is_known(*place) && column_key(name) != ERRORS && (!name.is_empty() || is_filled(*place))
    });
    named.map(|(place, _)| place).collect()
}

/// What the file calls a column.
pub(crate) fn called(header: &[String], place: usize) -> String {
    match header.get(place).filter(|name| !name.is_empty()) {
        Some(name) => name.chars().take(ECHO).collect(),
        None => format!("column {}", place + 1),
    }
}
