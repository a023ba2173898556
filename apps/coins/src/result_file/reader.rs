//! How a row of a bank's file is read: each of its columns that says something.

use std::collections::BTreeSet;

use purser_kit::spreadsheet::{CsvRow, Decimals, cell_read};
use purser_kit::{Rule, parse_line};
use uuid::Uuid;

use super::{BankStatus, Details, NamedValue, ResultRow, parse_amount, remark};
use crate::columns::{self, ColumnPositions};
use crate::utr::Utr;

const PAID: &[&str] = &["paid", "success", "successful", "completed", "complete", "processed"];
const FAILED: &[&str] = &["failed", "failure", "rejected", "declined"];
const OPEN: &[&str] = &["pending", "processing", "in progress", "in_progress", "initiated", "queued"];

/// How the rows of a file are read.
pub(super) struct ResultReader<'a> {
    pub(super) header: &'a [String],
    pub(super) decimals: Decimals,
    pub(super) places: &'a ColumnPositions,
    pub(super) shown: &'a [usize],
    pub(super) others: &'a [usize],
}

/// A cell that says something.
#[derive(Clone, Copy)]
struct FilledCell<'a> {
    place: usize,
    text: &'a str,
}

impl ResultReader<'_> {
    /// What the columns of a kind say, where they say something.
    fn filled<'r>(&self, record: &'r CsvRow, kind: usize) -> Vec<FilledCell<'r>> {
        let cells = self.places[kind].iter().map(|place| FilledCell { place: *place, text: record.cell(*place) });
        cells.filter(|cell| !cell.text.is_empty()).collect()
    }

    /// What the first of them says: a file that has several may leave one empty.
    fn first<'r>(&self, record: &'r CsvRow, kind: usize) -> &'r str {
        self.filled(record, kind).first().map_or("", |cell| cell.text)
    }

    fn called(&self, cell: FilledCell<'_>) -> String {
        columns::called(self.header, cell.place)
    }

    fn named<T>(&self, cell: FilledCell<'_>, says: T) -> NamedValue<T> {
        NamedValue { column: self.called(cell), says }
    }

    /// Reads a row, and adds the columns that it does not compare to `unread`.
    pub(super) fn row(&self, record: &CsvRow, unread: &mut BTreeSet<usize>) -> ResultRow {
        let mut errors = Vec::new();
        let id = self.first(record, columns::ID);
        let withdrawal = cell_read(&mut errors, "withdrawal_id", id, |text| {
            Uuid::try_parse(text)
                .map_err(|_| Rule::new("malformed", "be the id of a withdrawal, as the payout file has it"))
        });
        if let Some(withdrawal) = withdrawal {
            errors.extend(self.other_withdrawals(withdrawal, record, unread));
        }
        let words = [columns::STATUS, columns::UTR, columns::REASON].map(|kind| self.first(record, kind));
        let said = said(&mut errors, words);
        self.other_words(&mut errors, record, unread);
        let details = self.details(&mut errors, record, unread);
        if record.cells.iter().skip(self.header.len()).any(|cell| !cell.trim().is_empty()) {
            errors.push("The row has more cells than the first line names columns.".to_owned());
        }
        ResultRow {
            line: record.line,
            given: self.shown.iter().map(|kind| self.first(record, *kind).to_owned()).collect(),
            more: self.others.iter().map(|place| record.cell(*place).to_owned()).collect(),
            withdrawal,
            said,
            details,
            errors,
            repeated: false,
        }
    }

    /// What the row says of another withdrawal than its own.
    fn other_withdrawals(&self, withdrawal: Uuid, record: &CsvRow, unread: &mut BTreeSet<usize>) -> Vec<String> {
        let mut errors = Vec::new();
        for cell in self.filled(record, columns::ID) {
            match Uuid::try_parse(cell.text) {
                Ok(other) if other == withdrawal => {}
                Ok(other) => errors.push(format!("The row names two withdrawals: {withdrawal} and {other}.")),
                Err(_) => drop(unread.insert(cell.place)),
            }
        }
        let own = remark(withdrawal).to_lowercase();
        for cell in self.filled(record, columns::REMARK) {
            let said = cell.text.to_lowercase();
            let tail = said.split("coins ").nth(1).and_then(|rest| rest.get(..12));
            match tail.filter(|tail| tail.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                Some(tail) if own.ends_with(tail) => {}
                Some(_) => errors.push(format!(
                    "The remark is of another withdrawal: it says '{said:.60}', and this one's is '{own}'."
                )),
                None => drop(unread.insert(cell.place)),
            }
        }
        errors
    }

    /// What further columns say of the status, the UTR and the reason.
    fn other_words(&self, errors: &mut Vec<String>, record: &CsvRow, unread: &mut BTreeSet<usize>) {
        for kind in [columns::STATUS, columns::UTR, columns::REASON] {
            let cells = self.filled(record, kind);
            let Some((first, others)) = cells.split_first() else { continue };
            for other in others {
                let (one, two) = (self.called(*first), self.called(*other));
                // Banks give a payment several references, of which one is the UTR.
                let is_rival = kind == columns::STATUS || (columns::is_utr(&one) && columns::is_utr(&two));
                match says_same(kind, first.text, other.text) {
                    Some(true) => {}
                    Some(false) if is_rival => {
                        let (first, other) = (first.text, other.text);
                        errors.push(format!("{one} says '{first:.40}', and {two} says '{other:.40}'."));
                    }
                    _ => drop(unread.insert(other.place)),
                }
            }
        }
    }

    fn details(&self, errors: &mut Vec<String>, record: &CsvRow, unread: &mut BTreeSet<usize>) -> Details {
        let mut details = Details::default();
        for cell in self.filled(record, columns::AMOUNT) {
            let column = self.called(cell);
            // A statement has a column for each direction, and fills one.
            if columns::is_direction(&column) && cell.text.bytes().all(|byte| b"0.,- ".contains(&byte)) {
                continue;
            }
            let amount = cell_read(errors, &column, cell.text, |text| parse_amount(text, self.decimals));
            details.amounts.extend(amount.map(|amount| self.named(cell, amount)));
        }
        for cell in self.filled(record, columns::COINS) {
            let coins = cell_read(errors, &self.called(cell), cell.text, parse_coins);
            details.coins.extend(coins.map(|coins| self.named(cell, coins)));
        }
        for cell in self.filled(record, columns::CURRENCY) {
            details.currencies.push(self.named(cell, cell.text.to_owned()));
        }
        for cell in self.filled(record, columns::UPI_ID) {
            details.upi_ids.push(self.named(cell, cell.text.to_lowercase()));
        }
        for cell in self.filled(record, columns::BENEFICIARY) {
            // The UPI id is all that we know of whom we pay.
            if cell.text.contains('@') {
                details.upi_ids.push(self.named(cell, cell.text.to_lowercase()));
            } else {
                unread.insert(cell.place);
            }
        }
        details
    }
}

/// Whether two cells of a kind say the same; `None` where the second cannot be read as such.
fn says_same(kind: usize, one: &str, other: &str) -> Option<bool> {
    match kind {
        columns::STATUS => outcome(other).map(|other| Some(other) == outcome(one)),
        columns::UTR => Utr::parse(other).ok().map(|other| Utr::parse(one).is_ok_and(|one| one == other)),
        _ => (one == other).then_some(true),
    }
}

/// What a status says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StatusMeaning {
    Paid,
    Failed,
    Open,
}

fn outcome(status: &str) -> Option<StatusMeaning> {
    let word = status.to_lowercase();
    let words = [(PAID, StatusMeaning::Paid), (FAILED, StatusMeaning::Failed), (OPEN, StatusMeaning::Open)];
    words.into_iter().find(|(words, _)| words.contains(&word.as_str())).map(|(_, outcome)| outcome)
}

fn said(errors: &mut Vec<String>, [status, utr, reason]: [&str; 3]) -> Option<BankStatus> {
    match outcome(status) {
        Some(StatusMeaning::Paid) => cell_read(errors, "utr", utr, Utr::parse).map(BankStatus::Paid),
        Some(StatusMeaning::Failed) => {
            cell_read(errors, "reason", reason, |text| parse_line(text, 1, 500)).map(BankStatus::Failed)
        }
        Some(StatusMeaning::Open) => Some(BankStatus::Open),
        None => {
            let must = "be paid or failed, or pending where the bank does not know yet";
            cell_read(errors, "status", status, |_| Err(Rule::new("unknown_value", must)))
        }
    }
}

fn parse_coins(text: &str) -> Result<i64, Rule> {
    let refused = || Rule::new("malformed", "be a number of coins such as 250");
    let whole = text.strip_suffix(".00").unwrap_or(text).replace(',', "");
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    whole.parse().map_err(|_| refused())
}
