//! Files for the bank and from it, written and read without a database.
//!
//! The payout file has a line for each payment that is still to be made: [`payout`]. What the bank answers comes back
//! as [`ResultSheet`]: a line for each payment, and whether it was made.

use std::hash::Hash;

use csv::{ReaderBuilder, StringRecord, Trim};
use purser_kit::spreadsheet::{cell_read, harmless, plain, record_line, repeated, written};
use purser_kit::{Rule, parse_line};
use uuid::Uuid;

use crate::domain::{Utr, Withdrawal};

/// The most bytes of a result file: 4 MiB.
pub const MOST_BYTES: usize = 4 * 1_024 * 1_024;

/// The most rows of one, its header and blank ones not counted: as many as one payout has.
pub const MOST_ROWS: usize = 1_000;

/// A file to begin with.
pub const TEMPLATE: &str = "withdrawal_id,status,utr,reason\r\n\
    0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f,paid,428811902377,\r\n\
    0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e60,failed,,The UPI id is closed\r\n";

/// The columns that are read, each with other names that banks give it.
const COLUMNS: [(&str, &[&str]); 4] = [
    ("withdrawal_id", &["reference", "reference_id", "reference_no"]),
    ("status", &["payment_status", "result"]),
    ("utr", &["utr_no", "utr_number", "transaction_id"]),
    ("reason", &["failure_reason", "error"]),
];

/// How many of them, from the first, a file must have.
const NEEDED: usize = 2;

/// The column that a report adds. A mended report may be uploaded with it.
const ERRORS: &str = "errors";

const PAID: &[&str] = &["paid", "success", "successful", "completed", "complete", "processed"];
const FAILED: &[&str] = &["failed", "failure", "rejected", "declined"];
const OPEN: &[&str] = &["pending", "processing", "in progress", "in_progress", "initiated", "queued"];

/// Why a file is no answer of a bank.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is nothing in it.
    #[error("The file is empty. Its first line must name the columns: withdrawal_id, status, utr, reason.")]
    Empty,
    /// It has a header and nothing else.
    #[error("The file has no rows under its header.")]
    NoRows,
    /// It is larger than may be.
    #[error("The file has {bytes} bytes, and may have at most {most}.")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// It has more rows than may be.
    #[error("The file has more than {0} rows. Upload it in parts.")]
    TooManyRows(usize),
    /// It is text in another encoding, or no text.
    #[error("The file is not text in UTF-8: line {line} is not. Save it as \"CSV UTF-8\".")]
    NotUtf8 {
        /// The line.
        line: usize,
    },
    /// It lacks a column.
    #[error("The file lacks the column {0}. Its first line must name the columns: withdrawal_id, status, utr, reason.")]
    MissingColumn(&'static str),
    /// It has a column twice.
    #[error("The file has the column {0} twice.")]
    RepeatedColumn(&'static str),
    /// It breaks the rules of CSV.
    #[error("The file is not CSV: {0}.")]
    Malformed(String),
}

/// The payments that a bank is to make, as CSV with a header: `withdrawal_id`, `upi_id`, `amount` in rupees with two
/// decimals, `currency`, and a `remark` that the payee's statement may show.
#[must_use]
pub fn payout(withdrawals: &[Withdrawal]) -> String {
    let header = ["withdrawal_id", "upi_id", "amount", "currency", "remark"].map(str::to_owned);
    let rows = withdrawals.iter().map(|one| {
        let (id, amount) = (one.id.to_string(), one.rupees.to_string());
        // The last digits are the random ones: they tell payments apart.
        let remark = format!("Coins {}", id.rsplit('-').next().unwrap_or_default());
        let upi_id = one.upi_id.as_str().to_owned();
        [id, upi_id, amount, one.rupees.currency().code().to_owned(), remark].map(|cell| harmless(&cell))
    });
    written(std::iter::once(header.to_vec()).chain(rows.map(|row| row.to_vec())))
}

/// What a bank says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It was made, under this UTR.
    Paid(Utr),
    /// It was not made, for this reason.
    Failed(String),
    /// The bank does not know yet.
    Open,
}

/// A row of a result file.
#[derive(Debug, Clone)]
pub struct ResultRow {
    /// Its line in the file, from 1; the header is one.
    pub line: u64,
    /// Id, status, UTR and reason as they were given.
    pub given: [String; 4],
    /// Which withdrawal it speaks of, where that can be read.
    pub withdrawal: Option<Uuid>,
    /// What it says, where that can be read.
    pub said: Option<Said>,
    /// What is wrong with it.
    pub errors: Vec<String>,
}

/// A result file, read.
#[derive(Debug, Clone)]
pub struct ResultSheet {
    /// The rows that are not blank.
    pub rows: Vec<ResultRow>,
}

impl ResultSheet {
    /// Reads a file, and finds whatever can be wrong with it by itself. Columns come in any order and case; those that
    /// are not known are passed over.
    ///
    /// # Errors
    /// [`FileError`] where it is no answer of a bank. What is wrong with rows stands in the rows.
    pub fn read(file: &[u8]) -> Result<Self, FileError> {
        let text = text(file)?;
        let mut reader =
            ReaderBuilder::new().flexible(true).has_headers(false).trim(Trim::All).from_reader(text.as_bytes());
        let mut records = reader.records();
        let malformed = |error: csv::Error| FileError::Malformed(error.to_string());
        let header = records.next().ok_or(FileError::Empty)?.map_err(malformed)?;
        let places = places(&header)?;
        let mut rows = Vec::new();
        for record in records {
            let record = record.map_err(malformed)?;
            if record.iter().all(str::is_empty) {
                continue;
            }
            if rows.len() == MOST_ROWS {
                return Err(FileError::TooManyRows(MOST_ROWS));
            }
            rows.push(row(&record, record_line(text, &record), places));
        }
        if rows.is_empty() {
            return Err(FileError::NoRows);
        }
        refuse_repeated(&mut rows, "withdrawal_id", |row| row.withdrawal);
        refuse_repeated(&mut rows, "utr", |row| match &row.said {
            Some(Said::Paid(utr)) => Some(utr.clone()),
            _ => None,
        });
        Ok(ResultSheet { rows })
    }

    /// The wrong rows as they were given, with what is wrong with each, as CSV that no spreadsheet runs.
    #[must_use]
    pub fn report(&self) -> String {
        let header: Vec<String> = COLUMNS.iter().map(|(name, _)| *name).chain([ERRORS]).map(str::to_owned).collect();
        let wrong = self.rows.iter().filter(|row| !row.errors.is_empty());
        let cells = wrong.map(|row| {
            let errors = row.errors.join(" ");
            row.given.iter().chain([&errors]).map(|cell| harmless(cell)).collect()
        });
        written(std::iter::once(header).chain(cells))
    }
}

fn row(record: &StringRecord, line: u64, places: [Option<usize>; 4]) -> ResultRow {
    let given = places.map(|place| plain(place.and_then(|place| record.get(place)).unwrap_or_default()).to_owned());
    let mut errors = Vec::new();
    let [id, status, utr, reason] = &given;
    let withdrawal = cell_read(&mut errors, "withdrawal_id", id, |text| {
        Uuid::try_parse(text)
            .map_err(|_| Rule::new("malformed", "be the id of a withdrawal, as the payout file has it"))
    });
    let word = status.to_lowercase();
    let is = |words: &[&str]| words.contains(&word.as_str());
    let said = if is(PAID) {
        cell_read(&mut errors, "utr", utr, Utr::parse).map(Said::Paid)
    } else if is(FAILED) {
        cell_read(&mut errors, "reason", reason, |text| parse_line(text, 1, 500)).map(Said::Failed)
    } else {
        let must = "be paid or failed, or pending where the bank does not know yet";
        let open = |_: &str| if is(OPEN) { Ok(Said::Open) } else { Err(Rule::new("unknown_value", must)) };
        cell_read(&mut errors, "status", status, open)
    };
    ResultRow { line, given, withdrawal, said, errors }
}

/// Says of rows that share a value which others have it.
fn refuse_repeated<T: Eq + Hash>(rows: &mut [ResultRow], column: &str, value: impl Fn(&ResultRow) -> Option<T>) {
    for (place, error) in repeated(column, rows.iter().map(|row| (row.line, value(row)))) {
        rows[place].errors.push(error);
    }
}

fn text(file: &[u8]) -> Result<&str, FileError> {
    if file.len() > MOST_BYTES {
        return Err(FileError::TooLarge { bytes: file.len(), most: MOST_BYTES });
    }
    let text = std::str::from_utf8(file).map_err(|error| {
        let before = file.get(..error.valid_up_to()).unwrap_or_default();
        FileError::NotUtf8 { line: before.iter().filter(|byte| **byte == b'\n').count() + 1 }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() { Err(FileError::Empty) } else { Ok(text) }
}

/// Where each of the columns stands. Its own name goes before the others.
fn places(header: &StringRecord) -> Result<[Option<usize>; 4], FileError> {
    let header: Vec<String> = header.iter().map(|name| name.to_lowercase().replace([' ', '-'], "_")).collect();
    let mut places = [None; 4];
    for (index, (name, others)) in COLUMNS.iter().enumerate() {
        let named = |wanted: &str| header.iter().position(|name| name == wanted);
        if header.iter().filter(|column| column == name).count() > 1 {
            return Err(FileError::RepeatedColumn(name));
        }
        places[index] = named(name).or_else(|| others.iter().find_map(|other| named(other)));
        if places[index].is_none() && index < NEEDED {
            return Err(FileError::MissingColumn(name));
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f";
    const B: &str = "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e60";

    fn rows(text: &str) -> Vec<ResultRow> {
        ResultSheet::read(text.as_bytes()).unwrap().rows
    }

    fn errors(text: &str) -> Vec<Vec<String>> {
        rows(text).into_iter().map(|row| row.errors).collect()
    }

    #[test]
    fn columns_come_in_any_order_and_case_among_others_after_a_byte_order_mark() {
        let text = format!(
            "\u{feff}UTR No,Bank,STATUS,Reference,Failure Reason\r\n428811902377,X,Paid,{A},\r\n\r\n,,,,\r\n,X,FAILED,{B},Closed\r\n,,pending,{B}\r\n"
        );
        let rows = rows(&text);
        let said: Vec<_> = rows.iter().map(|row| (row.line, row.said.clone())).collect();
        let paid = Said::Paid(Utr::parse("428811902377").unwrap());
        assert_eq!(said, [(2, Some(paid)), (5, Some(Said::Failed("Closed".to_owned()))), (6, Some(Said::Open))]);
        assert_eq!(rows[0].withdrawal, Uuid::try_parse(A).ok());
    }

    #[test]
    fn each_row_says_all_that_is_wrong_with_it() {
        let head = "withdrawal_id,status,utr,reason\n";
        let told = |row: &str| errors(&format!("{head}{row}\n")).remove(0).join(" ");
        assert_eq!(told(&format!("{A},paid,,")), "utr is empty.");
        assert_eq!(told(&format!("{A},failed,,")), "reason is empty.");
        assert_eq!(told(",,,x"), "withdrawal_id is empty. status is empty.");
        assert!(told("7,maybe,,").contains("withdrawal_id must be the id of a withdrawal"), "{}", told("7,maybe,,"));
        assert!(told("7,maybe,,").contains("status must be paid or failed"));
        assert!(told(&format!("{A},paid,4.28812E+11,")).contains("utr must be the bank's UTR"));
        let twice = errors(&format!("{head}{A},paid,428811902377,\n{B},paid,428811902377,\n{A},failed,,x\n"));
        assert_eq!(twice[0], ["withdrawal_id is also in row 4.", "utr is also in row 3."]);
        assert_eq!((twice[1].len(), twice[2].len()), (1, 1));
    }

    #[test]
    fn what_is_no_answer_of_a_bank_is_refused() {
        let refusal = |file: &[u8]| ResultSheet::read(file).unwrap_err();
        assert_eq!(refusal(b""), FileError::Empty);
        assert_eq!(refusal(b"withdrawal_id,status\n,\n"), FileError::NoRows);
        assert_eq!(refusal(b"status,utr\nx,y\n"), FileError::MissingColumn("withdrawal_id"));
        assert_eq!(refusal(b"reference,utr\nx,y\n"), FileError::MissingColumn("status"));
        assert_eq!(refusal(b"status,withdrawal_id,Status\nx,y,z\n"), FileError::RepeatedColumn("status"));
        assert_eq!(refusal(b"withdrawal_id,status\n\xff,y\n"), FileError::NotUtf8 { line: 2 });
        let large = vec![b'x'; MOST_BYTES + 1];
        assert_eq!(refusal(&large), FileError::TooLarge { bytes: MOST_BYTES + 1, most: MOST_BYTES });
        let many = format!("withdrawal_id,status\n{}", "x,y\n".repeat(MOST_ROWS + 1));
        assert_eq!(refusal(many.as_bytes()), FileError::TooManyRows(MOST_ROWS));
    }

    #[test]
    fn a_report_is_run_by_no_spreadsheet_and_can_be_uploaded_again() {
        let text = format!("withdrawal_id,status,utr,reason\n{A},failed,,=cmd()\n{B},=1+1,,\n");
        let report = ResultSheet::read(text.as_bytes()).unwrap().report();
        assert!(report.contains(&format!("{B},'=1+1,,,")) && !report.contains(A), "{report}");
        let again = rows(&report);
        assert_eq!((again.len(), again[0].given[1].as_str()), (1, "=1+1"));
    }
}
