//! Files for the bank and from it, written and read without a database.
//!
//! The payout file has a line for each payment that is still to be made: [`payout`]. What the bank answers comes back
//! as [`ResultSheet`]: a line for each payment, whether it was made, and what else the bank says of it.

use std::hash::Hash;

use purser_kit::spreadsheet::{Table, TableError, TableRow, cell_read, column_key, harmless, repeated, written};
use purser_kit::{Rule, parse_line};
use purser_money::{Currency, Money};
use uuid::Uuid;

use crate::domain::Withdrawal;
use crate::upi::UpiId;
use crate::utr::Utr;

/// The most bytes of a result file: 4 MiB.
pub const MOST_BYTES: usize = 4 * 1_024 * 1_024;

/// The most rows of one, its header and blank ones not counted: as many as one payout has.
pub const MOST_ROWS: usize = 1_000;

/// A file to begin with.
pub const TEMPLATE: &str = "withdrawal_id,status,utr,reason\r\n\
    0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f,paid,428811902377,\r\n\
    0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e60,failed,,The UPI id is closed\r\n";

/// The columns that are read, each with other names that banks give it.
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
    (
        "amount",
        &[
            "amount_inr",
            "amount_rs",
            "amount_in_rs",
            "amount_in_inr",
            "payment_amount",
            "transaction_amount",
            "txn_amount",
            "amount_paid",
        ],
    ),
    ("currency", &["currency_code", "ccy"]),
    ("upi_id", &["vpa", "upi", "payee_vpa", "beneficiary_vpa", "beneficiary_upi_id", "fund_account_vpa", "payee"]),
    ("beneficiary", &["beneficiary_account", "beneficiary_account_no", "beneficiary_id", "credit_account"]),
    ("remark", &["remarks", "narration", "description"]),
];

/// How many columns are read.
const WIDTH: usize = 9;

/// How many of them, from the first, a file must have.
const NEEDED: usize = 2;

/// How many of them, from the first, a report always has.
const REPORTED: usize = 4;

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

impl From<TableError> for FileError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Empty => FileError::Empty,
            TableError::NoRows => FileError::NoRows,
            TableError::TooLarge { bytes, most } => FileError::TooLarge { bytes, most },
            TableError::TooManyRows(most) => FileError::TooManyRows(most),
            TableError::NotText { line } => FileError::NotUtf8 { line },
            TableError::Malformed(error) => FileError::Malformed(error),
        }
    }
}

/// What the payee's statement may show: the last digits of the id are the random ones, and tell payments apart.
fn remark(id: Uuid) -> String {
    format!("Coins {}", id.to_string().rsplit('-').next().unwrap_or_default())
}

/// The payments that a bank is to make, as CSV with a header: `withdrawal_id`, `upi_id`, `amount` in rupees with two
/// decimals, `currency`, and a `remark` that the payee's statement may show.
#[must_use]
pub fn payout(withdrawals: &[Withdrawal]) -> String {
    let header = ["withdrawal_id", "upi_id", "amount", "currency", "remark"].map(str::to_owned);
    let rows = withdrawals.iter().map(|one| {
        let (id, due) = (one.id.to_string(), one.due());
        let upi_id = one.upi_id.as_str().to_owned();
        [id, upi_id, due.to_string(), due.currency().code().to_owned(), remark(one.id)].map(|cell| harmless(&cell))
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

/// What else a bank says of a payment, as far as it says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// How much it paid, or was to pay.
    pub amount: Option<Money>,
    /// In which currency.
    pub currency: Option<String>,
    /// Whom.
    pub upi_id: Option<String>,
}

/// A row of a result file.
#[derive(Debug, Clone)]
pub struct ResultRow {
    /// Its line in the file, from 1; the header is one.
    pub line: u64,
    /// Its cells as they were given, in the order of [`ResultSheet::columns`].
    pub given: Vec<String>,
    /// Which withdrawal it speaks of, where that can be read.
    pub withdrawal: Option<Uuid>,
    /// What it says, where that can be read.
    pub said: Option<Said>,
    /// What else it says.
    pub details: Details,
    /// What is wrong with it.
    pub errors: Vec<String>,
}

/// A result file, read.
#[derive(Debug, Clone)]
pub struct ResultSheet {
    /// The columns that it has and that are read, and the first four in any case.
    pub columns: Vec<&'static str>,
    /// The rows that are not blank.
    pub rows: Vec<ResultRow>,
}

/// Where each of the columns stands; of some more than one says the same.
type Places = [Vec<usize>; WIDTH];

impl ResultSheet {
    /// Reads a file, and finds whatever can be wrong with it by itself. Columns come in any order and case; those that
    /// are not known are passed over.
    ///
    /// # Errors
    /// [`FileError`] where it is no answer of a bank. What is wrong with rows stands in the rows.
    pub fn read(file: &[u8]) -> Result<Self, FileError> {
        let table = Table::read(file, MOST_BYTES, MOST_ROWS)?;
        let places = places(&table.header)?;
        let is_shown = |index: usize| index < REPORTED || !places[index].is_empty();
        let shown: Vec<usize> = (0..WIDTH).filter(|index| is_shown(*index)).collect();
        let mut rows: Vec<ResultRow> = table.rows.iter().map(|given| row(given, &places, &shown)).collect();
        refuse_repeated(&mut rows, "withdrawal_id", |row| row.withdrawal);
        refuse_repeated(&mut rows, "utr", |row| match &row.said {
            Some(Said::Paid(utr)) => Some(utr.clone()),
            _ => None,
        });
        Ok(ResultSheet { columns: shown.into_iter().map(|index| COLUMNS[index].0).collect(), rows })
    }

    /// The wrong rows as they were given, with what is wrong with each, as CSV that no spreadsheet runs.
    #[must_use]
    pub fn report(&self) -> String {
        let header: Vec<String> = self.columns.iter().copied().chain([ERRORS]).map(str::to_owned).collect();
        let wrong = self.rows.iter().filter(|row| !row.errors.is_empty());
        let cells = wrong.map(|row| {
            let errors = row.errors.join(" ");
            row.given.iter().chain([&errors]).map(|cell| harmless(cell)).collect()
        });
        written(std::iter::once(header).chain(cells))
    }
}

fn row(record: &TableRow, places: &Places, shown: &[usize]) -> ResultRow {
    // The first column that says something: a file that has both may leave one empty.
    let cells = places
        .each_ref()
        .map(|places| places.iter().map(|place| record.cell(*place)).find(|cell| !cell.is_empty()).unwrap_or_default());
    let [id, status, utr, reason, amount, currency, upi_id, beneficiary, remark] = cells;
    let mut errors = Vec::new();
    let withdrawal = cell_read(&mut errors, "withdrawal_id", id, |text| {
        Uuid::try_parse(text)
            .map_err(|_| Rule::new("malformed", "be the id of a withdrawal, as the payout file has it"))
    });
    if let Some(withdrawal) = withdrawal {
        errors.extend(other_withdrawals(withdrawal, record, &places[0], remark));
    }
    let said = said(&mut errors, [status, utr, reason]);
    let amount = if amount.is_empty() { None } else { cell_read(&mut errors, "amount", amount, parse_amount) };
    let said_upi_ids = [upi_id, beneficiary].into_iter().filter(|text| text.contains('@'));
    let details = Details {
        amount,
        currency: Some(currency.to_owned()).filter(|currency| !currency.is_empty()),
        upi_id: said_upi_ids.map(|text| text.trim().to_lowercase()).next(),
    };
    let given = shown.iter().map(|index| cells[*index].to_owned()).collect();
    ResultRow { line: record.line, given, withdrawal, said, details, errors }
}

/// What the row says of another withdrawal than its own.
fn other_withdrawals(withdrawal: Uuid, record: &TableRow, places: &[usize], said: &str) -> Vec<String> {
    let ids = places.iter().filter_map(|place| Uuid::try_parse(record.cell(*place)).ok());
    let others = ids.filter(|id| *id != withdrawal);
    let mut errors: Vec<String> =
        others.map(|other| format!("The row names two withdrawals: {withdrawal} and {other}.")).collect();
    let own = remark(withdrawal).to_lowercase();
    let said = said.to_lowercase();
    let tail = said.split("coins ").nth(1).and_then(|rest| rest.get(..12));
    let is_other = tail.is_some_and(|tail| tail.bytes().all(|byte| byte.is_ascii_hexdigit()) && !own.ends_with(tail));
    if is_other {
        errors.push(format!("The remark is of another withdrawal: it says '{said:.60}', and this one's is '{own}'."));
    }
    errors
}

fn said(errors: &mut Vec<String>, [status, utr, reason]: [&str; 3]) -> Option<Said> {
    let word = status.to_lowercase();
    let is = |words: &[&str]| words.contains(&word.as_str());
    if is(PAID) {
        return cell_read(errors, "utr", utr, Utr::parse).map(Said::Paid);
    }
    if is(FAILED) {
        return cell_read(errors, "reason", reason, |text| parse_line(text, 1, 500)).map(Said::Failed);
    }
    let must = "be paid or failed, or pending where the bank does not know yet";
    let open = |_: &str| if is(OPEN) { Ok(Said::Open) } else { Err(Rule::new("unknown_value", must)) };
    cell_read(errors, "status", status, open)
}

/// An amount in rupees as banks write it: 25.00, ₹25.00, INR 1,00,000.00.
fn parse_amount(text: &str) -> Result<Money, Rule> {
    let plain = text.to_uppercase();
    let plain = ["₹", "INR", "RS."].iter().fold(plain.trim(), |text, mark| {
        text.strip_prefix(mark).or_else(|| text.strip_suffix(mark)).unwrap_or(text).trim()
    });
    let whole = plain.split('.').next().unwrap_or_default();
    let mut groups = whole.trim_start_matches('-').split(',');
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let is_grouped = rest.split_last().is_none_or(|(last, inner)| {
        // By thousands, or as in India by hundreds above a thousand.
        let alike = |length: usize| inner.iter().all(|group| group.len() == length);
        last.len() == 3 && (1..=3).contains(&first.len()) && (alike(3) || alike(2))
    });
    if !is_grouped {
        return Err(Rule::new("malformed", "be an amount in rupees such as 25.00"));
    }
    let amount = Money::parse(&plain.replace(',', ""), Currency::INR);
    let refused = |error: purser_money::AmountError| Rule::new(error.code(), error.rule());
    amount.and_then(Money::positive).map_err(refused)
}

/// What contradicts a withdrawal in the details that a bank gives of its payment: in which point, and both sides.
#[must_use]
pub fn differences(withdrawal: &Withdrawal, details: &Details) -> Vec<(Difference, String)> {
    let mut found = Vec::new();
    let due = withdrawal.due();
    if let Some(currency) = &details.currency
        && !matches!(currency.to_uppercase().as_str(), "INR" | "₹" | "RS" | "RS.")
    {
        let own = due.currency();
        found.push((Difference::Currency, format!("The bank says {currency:.10}; {} was to be paid.", own.code())));
    }
    if let Some(paid) = details.amount.filter(|paid| *paid != due) {
        let (paid, due) = (paid.for_people(), due.for_people());
        found.push((Difference::Amount, format!("The bank says {paid}; {due} was due.")));
    }
    if let Some(payee) = &details.upi_id
        && UpiId::parse(payee).map_or(true, |payee| payee != withdrawal.upi_id)
    {
        let own = withdrawal.upi_id.as_str();
        found.push((Difference::Payee, format!("The bank says that it went to {payee:.320}; {own} was to be paid.")));
    }
    found
}

/// In which point a bank's details differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The amount.
    Amount,
    /// The currency.
    Currency,
    /// The UPI id.
    Payee,
}

/// Says of rows that share a value which others have it.
fn refuse_repeated<T: Eq + Hash>(rows: &mut [ResultRow], column: &str, value: impl Fn(&ResultRow) -> Option<T>) {
    for (place, error) in repeated(column, rows.iter().map(|row| (row.line, value(row)))) {
        rows[place].errors.push(error);
    }
}

/// Where each of the columns stands. Its own name goes before the others.
fn places(header: &[String]) -> Result<Places, FileError> {
    let header: Vec<String> = header.iter().map(|name| column_key(name)).collect();
    let mut places: Places = std::array::from_fn(|_| Vec::new());
    for (index, (name, others)) in COLUMNS.iter().enumerate() {
        if header.iter().filter(|column| column == name).count() > 1 {
            return Err(FileError::RepeatedColumn(name));
        }
        let names = std::iter::once(name).chain(*others);
        places[index] = names.filter_map(|name| header.iter().position(|column| column == name)).collect();
        if places[index].is_empty() && index < NEEDED {
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
    fn whatever_stands_between_the_cells_every_column_that_says_something_is_read() {
        let names = ["Reference ID", "Payment Status", "RRN", "Amount (INR)", "CCY", "Beneficiary VPA", "Narration"];
        let cells = [A, "Success", "4288 1190 2377", "₹2,500.00", "inr", " Asha@OkHdfcBank ", "UPI/Coins 5a1b2c3d4e5f"];
        for between in [";", "\t"] {
            for named in ["", "sep=;\r\n"].iter().filter(|named| named.is_empty() || between == ";") {
                let rows = rows(&format!("{named}{}\r\n{}\r\n", names.join(between), cells.join(between)));
                assert!(rows[0].errors.is_empty(), "{:?}", rows[0].errors);
                assert_eq!(rows[0].said, Some(Said::Paid(Utr::parse("428811902377").unwrap())));
                let details = &rows[0].details;
                assert_eq!(details.amount.map(Money::minor), Some(250_000));
                assert_eq!(
                    (details.currency.as_deref(), details.upi_id.as_deref()),
                    (Some("inr"), Some("asha@okhdfcbank"))
                );
            }
        }
        let other = errors(&format!("withdrawal_id,status,remark\n{A},pending,Coins 5a1b2c3d4e60\n"));
        assert!(other[0][0].contains("The remark is of another withdrawal"), "{other:?}");
        let two = errors(&format!("withdrawal_id,reference,status\n{A},{B},pending\n{A},17,pending\n"));
        assert!(two[0].iter().any(|error| error.contains("names two withdrawals")), "{two:?}");
    }

    #[test]
    fn an_amount_is_read_as_banks_write_it() {
        let minor = |text: &str| parse_amount(text).ok().map(Money::minor);
        for text in ["25", "25.00", "25.0", "₹25.00", "₹ 25", "INR 25.00", "25.00 INR", "Rs. 25", "rs.25.00"] {
            assert_eq!(minor(text), Some(2_500), "{text}");
        }
        assert_eq!(["1,00,000.00", "100,000.00", "100000"].map(minor), [Some(10_000_000); 3]);
        for text in ["", "25,00", "2,5", "25.000", "1,00,00", ",100", "2.5E+1", "0", "-25", "$25", "२५"] {
            assert_eq!(minor(text), None, "{text}");
        }
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
        assert!(told(&format!("{A},paid,4.28812E+11,")).contains("a spreadsheet has turned it into a power of ten"));
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
