//! Files for the bank and from it, written and read without a database.
//!
//! The payout file has a line for each payment that is still to be made: [`payout`]. What the bank answers comes back
//! as [`ResultFile`]: a line for each payment, whether it was made, and what else the bank says of it.

mod reader;

use std::hash::Hash;

use purser_kit::Rule;
use purser_kit::spreadsheet::{CsvError, CsvFile, Decimals, harmless, repeated, written};
use purser_money::{Currency, Money};
use uuid::Uuid;

use self::reader::ResultReader;
use crate::columns;
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

/// The column that a report adds. A mended report may be uploaded with it.
pub(crate) const ERRORS: &str = "errors";

/// Why a file is no answer of a bank.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResultFileError {
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

impl From<CsvError> for ResultFileError {
    fn from(error: CsvError) -> Self {
        match error {
            CsvError::Empty => ResultFileError::Empty,
            CsvError::NoRows(_) => ResultFileError::NoRows,
            CsvError::TooLarge { bytes, most } => ResultFileError::TooLarge { bytes, most },
            CsvError::TooManyRows(most) => ResultFileError::TooManyRows(most),
            CsvError::NotText { line } => ResultFileError::NotUtf8 { line },
            CsvError::Malformed(error) => ResultFileError::Malformed(error),
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
pub enum BankStatus {
    /// It was made, under this UTR.
    Paid(Utr),
    /// It was not made, for this reason.
    Failed(String),
    /// The bank does not know yet.
    Open,
}

/// What a column says, and what the file calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedValue<T> {
    /// The column's heading.
    pub column: String,
    /// What it says.
    pub says: T,
}

/// What else a bank says of a payment: each of the columns that say something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// How much it paid, or was to pay.
    pub amounts: Vec<NamedValue<Money>>,
    /// For how many coins.
    pub coins: Vec<NamedValue<i64>>,
    /// In which currency.
    pub currencies: Vec<NamedValue<String>>,
    /// Whom.
    pub upi_ids: Vec<NamedValue<String>>,
}

impl Details {
    /// What the bank has paid: of several amounts the first that is not what was due.
    #[must_use]
    pub fn paid(&self, due: Money) -> Option<Money> {
        let mut amounts = self.amounts.iter().map(|amount| amount.says);
        amounts.clone().find(|amount| *amount != due).or_else(|| amounts.next())
    }

    /// The first amount.
    #[must_use]
    pub fn any_paid(&self) -> Option<Money> {
        self.amounts.first().map(|amount| amount.says)
    }
}

/// A row of a result file.
#[derive(Debug, Clone)]
pub struct ResultRow {
    /// Its line in the file, from 1; the header is one.
    pub line: u64,
    /// Its cells as they were given, in the order of [`ResultFile::columns`].
    pub given: Vec<String>,
    /// Those of [`ResultFile::others`].
    pub more: Vec<String>,
    /// Which withdrawal it speaks of, where that can be read.
    pub withdrawal: Option<Uuid>,
    /// What it says, where that can be read.
    pub said: Option<BankStatus>,
    /// What else it says.
    pub details: Details,
    /// What is wrong with it.
    pub errors: Vec<String>,
    /// Whether another row of the file names its withdrawal or its UTR.
    pub repeated: bool,
}

/// A result file, read.
#[derive(Debug, Clone)]
pub struct ResultFile {
    /// The columns that it has and that are read, and the first four in any case.
    pub columns: Vec<&'static str>,
    /// The further columns that say the same, as the file calls them.
    pub others: Vec<String>,
    /// The columns that are not read, or not compared in every row, as the file calls them.
    pub not_read: Vec<String>,
    /// The rows that are not blank.
    pub rows: Vec<ResultRow>,
}

impl ResultFile {
    /// Reads a file, and finds whatever can be wrong with it by itself. Columns come in any order and case, and
    /// are known by the words of their headings; the others are named in [`ResultFile::not_read`].
    ///
    /// # Errors
    /// [`ResultFileError`] where it is no answer of a bank. What is wrong with rows stands in the rows.
    pub fn read(file: &[u8]) -> Result<Self, ResultFileError> {
        let table = CsvFile::read(file, MOST_BYTES, MOST_ROWS)?;
        let places = columns::places(&table.header)?;
        let shown = columns::shown(&places);
        let others: Vec<usize> = places.iter().flat_map(|places| places.iter().skip(1).copied()).collect();
        let mut unread = columns::unknown(&table, &places);
        let (header, decimals) = (&table.header, table.decimals);
        let reader = ResultReader { header, decimals, places: &places, shown: &shown, others: &others };
        let mut rows: Vec<ResultRow> = table.rows.iter().map(|given| reader.row(given, &mut unread)).collect();
        refuse_repeated(&mut rows, "withdrawal_id", |row| row.withdrawal);
        refuse_repeated(&mut rows, "utr", |row| match &row.said {
            Some(BankStatus::Paid(utr)) => Some(utr.clone()),
            _ => None,
        });
        let called = |place: &usize| columns::called(header, *place);
        Ok(ResultFile {
            columns: shown.into_iter().map(columns::name).collect(),
            others: others.iter().map(called).collect(),
            not_read: unread.iter().map(called).collect(),
            rows,
        })
    }

    /// The wrong rows as they were given, with what is wrong with each, as CSV that no spreadsheet runs.
    #[must_use]
    pub fn report(&self) -> String {
        let columns = self.columns.iter().map(|column| (*column).to_owned());
        let others = self.others.iter().map(|column| harmless(column));
        let header: Vec<String> = columns.chain(others).chain([ERRORS.to_owned()]).collect();
        let wrong = self.rows.iter().filter(|row| !row.errors.is_empty());
        let cells = wrong.map(|row| {
            let errors = row.errors.join(" ");
            row.given.iter().chain(&row.more).chain([&errors]).map(|cell| harmless(cell)).collect()
        });
        written(std::iter::once(header).chain(cells))
    }
}

/// An amount in rupees as banks write it: 25.00, ₹25.00, INR 1,00,000.00; 25,00 where the file may have decimal commas.
fn parse_amount(text: &str, decimals: Decimals) -> Result<Money, Rule> {
    let plain = text.to_uppercase();
    let plain = ["₹", "INR", "RS."].iter().fold(plain.trim(), |text, mark| {
        text.strip_prefix(mark).or_else(|| text.strip_suffix(mark)).unwrap_or(text).trim()
    });
    let plain = decimals.pointed(plain);
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
    let is_rupees = |currency: &str| matches!(currency.to_uppercase().as_str(), "INR" | "₹" | "RS" | "RS.");
    for NamedValue { column, says } in details.currencies.iter().filter(|currency| !is_rupees(&currency.says)) {
        let own = due.currency();
        let told = format!("The bank says {says:.10} (column '{column}'); {} was to be paid.", own.code());
        found.push((Difference::Currency, told));
    }
    for NamedValue { column, says } in details.amounts.iter().filter(|amount| amount.says != due) {
        let (paid, due) = (says.for_people(), due.for_people());
        found.push((Difference::Amount, format!("The bank says {paid} (column '{column}'); {due} was due.")));
    }
    let coins = withdrawal.amount.minor();
    for NamedValue { column, says } in details.coins.iter().filter(|said| said.says != coins) {
        let told = format!("The bank says {says} coins (column '{column}'); {coins} coins were asked for.");
        found.push((Difference::Amount, told));
    }
    let is_other = |payee: &str| UpiId::parse(payee).map_or(true, |payee| payee != withdrawal.upi_id);
    for NamedValue { column, says } in details.upi_ids.iter().filter(|payee| is_other(&payee.says)) {
        let own = withdrawal.upi_id.as_str();
        let told = format!("The bank says that it went to {says:.320} (column '{column}'); {own} was to be paid.");
        found.push((Difference::Payee, told));
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
        rows[place].repeated = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f";
    const B: &str = "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e60";

    fn rows(text: &str) -> Vec<ResultRow> {
        ResultFile::read(text.as_bytes()).unwrap().rows
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
        let paid = BankStatus::Paid(Utr::parse("428811902377").unwrap());
        assert_eq!(
            said,
            [(2, Some(paid)), (5, Some(BankStatus::Failed("Closed".to_owned()))), (6, Some(BankStatus::Open))]
        );
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
                assert_eq!(rows[0].said, Some(BankStatus::Paid(Utr::parse("428811902377").unwrap())));
                let details = &rows[0].details;
                assert_eq!(details.any_paid().map(Money::minor), Some(250_000));
                assert_eq!(details.currencies[0].says, "inr");
                assert_eq!(details.upi_ids[0].says, "asha@okhdfcbank");
            }
        }
        let other = errors(&format!("withdrawal_id,status,remark\n{A},pending,Coins 5a1b2c3d4e60\n"));
        assert!(other[0][0].contains("The remark is of another withdrawal"), "{other:?}");
        let two = errors(&format!("withdrawal_id,reference,status\n{A},{B},pending\n{A},17,pending\n"));
        assert!(two[0].iter().any(|error| error.contains("names two withdrawals")), "{two:?}");
    }

    #[test]
    fn an_amount_is_read_as_banks_write_it() {
        let minor = |text: &str| parse_amount(text, Decimals::Point).ok().map(Money::minor);
        for text in ["25", "25.00", "25.0", "₹25.00", "₹ 25", "INR 25.00", "25.00 INR", "Rs. 25", "rs.25.00"] {
            assert_eq!(minor(text), Some(2_500), "{text}");
        }
        assert_eq!(["1,00,000.00", "100,000.00", "100000"].map(minor), [Some(10_000_000); 3]);
        for text in ["", "25,00", "2,5", "25.000", "1,00,00", ",100", "2.5E+1", "0", "-25", "$25", "२५"] {
            assert_eq!(minor(text), None, "{text}");
        }
        let minor = |text: &str| parse_amount(text, Decimals::PointOrComma).ok().map(Money::minor);
        for text in ["25.00", "25,00", "₹ 25,00", "25,0", "INR 25"] {
            assert_eq!(minor(text), Some(2_500), "{text}");
        }
        assert_eq!(["1,00,000.00", "100.000,00"].map(minor), [Some(10_000_000); 2]);
    }

    #[test]
    fn every_column_that_says_an_amount_is_read_and_what_is_not_read_is_named() {
        let file = |name: &str, cell: &str| {
            let text = format!("withdrawal_id,status,utr,{name}\n{A},paid,428811902377,{cell}\n");
            ResultFile::read(text.as_bytes()).unwrap()
        };
        let names = "amount|paid_amount|Paid Amount|PaidAmount|amt|Net Amount|Value|Credited amount|Settled Amount|\
                     Processed Amount|Credit Amount|Debit|rupees|INR|Txn Amt (Rs.)|NETAMT|Amount (INR)";
        for name in names.split('|') {
            let file = file(name, "24.41");
            let amounts = &file.rows[0].details.amounts;
            assert_eq!(amounts.iter().map(|one| one.says.minor()).collect::<Vec<_>>(), [2_441], "{name}");
            assert_eq!((amounts[0].column.as_str(), file.not_read.len()), (name, 0));
        }
        let others = "Branch|Value date|Amount in words|Debit account|Available balance|Fee amount|Beneficiary Name";
        for name in others.split('|') {
            let file = file(name, "x");
            assert_eq!((file.not_read, file.rows[0].errors.len()), (vec![name.to_owned()], 0), "{name}");
        }
        let payee = file("beneficiary_name", "Mallory@YBL");
        assert_eq!((payee.rows[0].details.upi_ids[0].says.as_str(), payee.not_read.len()), ("mallory@ybl", 0));
        assert_eq!(file("UPI ID of payee", "mallory").rows[0].details.upi_ids[0].says, "mallory");
    }

    #[test]
    fn of_several_columns_that_say_the_same_each_is_read() {
        let both =
            format!("withdrawal_id,status,utr,amount,paid amount,coins\n{A},paid,428811902377,25.00,24.41,250\n");
        let details = rows(&both).remove(0).details;
        assert_eq!(details.amounts.iter().map(|one| one.says.minor()).collect::<Vec<_>>(), [2_500, 2_441]);
        assert_eq!(details.coins[0].says, 250);
        assert_eq!(details.paid(Money::new(2_500, Currency::INR)).map(Money::minor), Some(2_441));
        let two = errors(&format!("withdrawal_id,status,Final Status,utr\n{A},paid,Failed,428811902377\n"));
        assert!(two[0][0].contains("status says 'paid', and Final Status says 'Failed'"), "{two:?}");
        let shifted = errors(&format!("withdrawal_id,status,utr,amount\n{A},paid,428811902377,1,000.00\n"));
        assert!(shifted[0][0].contains("more cells"), "{shifted:?}");
        let statement = rows(&format!("withdrawal_id,status,utr,Debit,Credit\n{A},paid,428811902377,25.00,0.00\n"));
        assert!(statement[0].errors.is_empty() && statement[0].details.amounts.len() == 1, "{statement:?}");
        let text = format!("withdrawal_id,status,utr,amount,paid amount\n{A},paid,,25.00,24.41\n");
        let report = ResultFile::read(text.as_bytes()).unwrap().report();
        assert!(report.starts_with("withdrawal_id,status,utr,reason,amount,paid amount,errors\r\n"), "{report}");
        assert!(report.contains(",25.00,24.41,"), "{report}");
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
        let refusal = |file: &[u8]| ResultFile::read(file).unwrap_err();
        assert_eq!(refusal(b""), ResultFileError::Empty);
        assert_eq!(refusal(b"withdrawal_id,status\n,\n"), ResultFileError::NoRows);
        assert_eq!(refusal(b"status,utr\nx,y\n"), ResultFileError::MissingColumn("withdrawal_id"));
        assert_eq!(refusal(b"reference,utr\nx,y\n"), ResultFileError::MissingColumn("status"));
        assert_eq!(refusal(b"status,withdrawal_id,Status\nx,y,z\n"), ResultFileError::RepeatedColumn("status"));
        assert_eq!(refusal(b"withdrawal_id,status\n\xff,y\n"), ResultFileError::NotUtf8 { line: 2 });
        let large = vec![b'x'; MOST_BYTES + 1];
        assert_eq!(refusal(&large), ResultFileError::TooLarge { bytes: MOST_BYTES + 1, most: MOST_BYTES });
        let many = format!("withdrawal_id,status\n{}", "x,y\n".repeat(MOST_ROWS + 1));
        assert_eq!(refusal(many.as_bytes()), ResultFileError::TooManyRows(MOST_ROWS));
    }

    #[test]
    fn a_report_is_run_by_no_spreadsheet_and_can_be_uploaded_again() {
        let text = format!("withdrawal_id,status,utr,reason\n{A},failed,,=cmd()\n{B},=1+1,,\n");
        let report = ResultFile::read(text.as_bytes()).unwrap().report();
        assert!(report.contains(&format!("{B},'=1+1,,,")) && !report.contains(A), "{report}");
        let again = rows(&report);
        assert_eq!((again.len(), again[0].given[1].as_str()), (1, "=1+1"));
    }
}
