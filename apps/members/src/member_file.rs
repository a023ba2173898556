//! A file of members, read and checked without a database: what its rows say, and what is wrong with each.

use purser_kit::parse_email;
use purser_kit::spreadsheet::{CsvError, CsvFile, CsvRow, cell_read, harmless, plain, repeated, written};

use crate::domain::{Settings, folded, parse_name, parse_opening};
use crate::service::NewMember;

/// The most bytes of a file: 12 MiB.
pub const MOST_BYTES: usize = 12 * 1_024 * 1_024;

/// The most rows of a file, its header and blank ones not counted.
pub const MOST_ROWS: usize = 100_000;

/// A file to begin with.
pub const TEMPLATE: &str = "name,email,wallet_balance\r\nAsha Rao,asha.rao@example.com,100.00\r\n";

/// The columns that a file must have.
const COLUMNS: [&str; 3] = ["name", "email", "wallet_balance"];

/// The column that a report adds. A mended report may be uploaded with it.
const ERRORS: &str = "errors";

/// The column of an export that says whether a member lives.
const STATE: &str = "state";

/// What an export has beside the columns that are read: a file that was exported may be uploaded as it is.
const EXPORTED: [&str; 4] = ["id", STATE, "expired_date", "created_at"];

/// Why a file is no list of members.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberFileError {
    /// There is nothing in it.
    #[error("The file is empty. Its first line must name the columns: name, email, wallet_balance.")]
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
    /// It lacks columns.
    #[error("The file lacks the column{} {}. Its first line must name the columns: name, email, wallet_balance.",
        if .0.len() == 1 { "" } else { "s" }, .0.join(" and "))]
    MissingColumns(Vec<&'static str>),
    /// It has a column twice.
    #[error("The file has the column {0} twice.")]
    RepeatedColumn(String),
    /// It has a column that members do not have.
    #[error(
        "The file has the column '{0}', which members do not have. The columns are name, email and wallet_balance."
    )]
    UnknownColumn(String),
    /// It breaks the rules of CSV.
    #[error("The file is not CSV: {0}.")]
    Malformed(String),
}

impl From<CsvError> for MemberFileError {
    fn from(error: CsvError) -> Self {
        match error {
            CsvError::Empty => MemberFileError::Empty,
            // A list without its header looks the same; which columns are missing says more.
            CsvError::NoRows(header) => places(&lower(&header)).err().unwrap_or(MemberFileError::NoRows),
            CsvError::TooLarge { bytes, most } => MemberFileError::TooLarge { bytes, most },
            CsvError::TooManyRows(most) => MemberFileError::TooManyRows(most),
            CsvError::NotText { line } => MemberFileError::NotUtf8 { line },
            CsvError::Malformed(error) => MemberFileError::Malformed(error),
        }
    }
}

/// A file, read.
#[derive(Debug, Clone)]
pub struct MemberFile {
    header: Vec<String>,
    /// Where each of the columns stands.
    places: [usize; 3],
    /// Where an export says whether a member lives.
    state: Option<usize>,
    /// The rows that are not blank.
    pub rows: Vec<MemberFileRow>,
}

/// A row of a file.
#[derive(Debug, Clone)]
pub struct MemberFileRow {
    /// Its line in the file, from 1; the header is one.
    pub line: u64,
    /// Its cells as they were given.
    pub cells: Vec<String>,
    /// What it says, where it can be read.
    pub member: Option<NewMember>,
    /// What is wrong with it.
    pub errors: Vec<String>,
}

impl MemberFile {
    /// Reads a file, and finds whatever can be wrong with it by itself.
    ///
    /// # Errors
    /// [`MemberFileError`] where it is no list of members. What is wrong with rows stands in the rows.
    pub fn read(file: &[u8], settings: &Settings) -> Result<Self, MemberFileError> {
        let (header, rows) = table(file)?;
        let places = places(&header)?;
        let state = header.iter().position(|name| name == STATE);
        let mut sheet = MemberFile { header, places, state, rows: Vec::new() };
        sheet.rows = rows.into_iter().map(|row| sheet.row(row, settings)).collect();
        sheet.refuse_repeated();
        Ok(sheet)
    }

    fn row(&self, row: CsvRow, settings: &Settings) -> MemberFileRow {
        let mut errors = Vec::new();
        let cell = |column: usize| row.cell(self.places[column]);
        let name = cell_read(&mut errors, "name", cell(0), parse_name);
        let email = cell_read(&mut errors, "email", cell(1), parse_email);
        let opening = cell_read(&mut errors, "wallet_balance", cell(2), |text| parse_opening(text, settings));
        let state = self.state.map_or("", |place| row.cell(place)).to_lowercase();
        if !matches!(state.as_str(), "" | "alive") {
            errors.push(format!("state must be alive: members are taken in living; it is '{:.40}'.", state));
        }
        let surplus = row.cells.iter().skip(self.header.len()).any(|cell| !cell.trim().is_empty());
        let unnamed = std::iter::zip(&self.header, &row.cells);
        let unnamed = unnamed.into_iter().any(|(head, cell)| head.is_empty() && !cell.trim().is_empty());
        if surplus || unnamed {
            errors.push("The row has more cells than the header names.".to_owned());
        }
        let member = name.zip(email).zip(opening).map(|((name, email), opening)| NewMember { name, email, opening });
        MemberFileRow { line: row.line, cells: row.cells, member, errors }
    }

    /// Says of rows with the same address which others have it.
    fn refuse_repeated(&mut self) {
        let emails = (0..self.rows.len()).map(|index| (self.rows[index].line, self.email(index)));
        for (place, error) in repeated("email", emails) {
            self.rows[place].errors.push(error);
        }
    }

    /// The address of a row, in lower case, where it has one.
    fn email(&self, index: usize) -> Option<String> {
        let cell = self.rows[index].cells.get(self.places[1])?;
        parse_email(plain(cell.trim())).ok().map(|email| folded(&email))
    }

    /// The addresses of all rows that can be read, in lower case.
    #[must_use]
    pub fn emails(&self) -> Vec<String> {
        self.rows.iter().filter_map(|row| row.member.as_ref()).map(|member| folded(&member.email)).collect()
    }

    /// How many rows are wrong.
    #[must_use]
    pub fn bad(&self) -> u32 {
        let bad = self.rows.iter().filter(|row| !row.errors.is_empty()).count();
        u32::try_from(bad).unwrap_or(u32::MAX)
    }

    /// How many rows are not.
    #[must_use]
    pub fn good(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX).saturating_sub(self.bad())
    }

    /// The name, address and balance of a row as they were given.
    #[must_use]
    pub fn given<'r>(&self, row: &'r MemberFileRow) -> [&'r str; 3] {
        self.places.map(|place| row.cells.get(place).map_or("", String::as_str))
    }

    /// The rows as they were given and what is wrong with each, as CSV that no spreadsheet runs.
    #[must_use]
    pub fn report(&self) -> String {
        let kept: Vec<usize> = (0..self.header.len()).filter(|place| self.header[*place] != ERRORS).collect();
        let header = kept.iter().map(|place| harmless(&self.header[*place])).chain([ERRORS.to_owned()]).collect();
        let rows = self.rows.iter().map(|row| {
            let cells = kept.iter().map(|place| reported(row.cells.get(*place).map_or("", String::as_str)));
            cells.chain([harmless(&row.errors.join(" "))]).collect()
        });
        written(std::iter::once(header).chain(rows))
    }
}

/// The file's columns in lower case, and its rows.
fn table(file: &[u8]) -> Result<(Vec<String>, Vec<CsvRow>), MemberFileError> {
    match CsvFile::read(file, MOST_BYTES, MOST_ROWS) {
        Ok(CsvFile { header, rows, .. }) => Ok((lower(&header), rows)),
        Err(error) => Err(error.into()),
    }
}

fn lower(header: &[String]) -> Vec<String> {
    header.iter().map(|name| name.to_lowercase()).collect()
}

/// A cell as a report has it: it reads as the one that was given.
fn reported(cell: &str) -> String {
    harmless(plain(cell.trim()))
}

fn places(header: &[String]) -> Result<[usize; 3], MemberFileError> {
    for (index, name) in header.iter().enumerate() {
        if name.is_empty() || name == ERRORS {
            continue;
        }
        if header[..index].contains(name) {
            return Err(MemberFileError::RepeatedColumn(name.clone()));
        }
    }
    let found = COLUMNS.map(|column| header.iter().position(|name| name == column));
    let missing: Vec<&'static str> =
        std::iter::zip(COLUMNS, found).filter(|(_, place)| place.is_none()).map(|(column, _)| column).collect();
    if !missing.is_empty() {
        return Err(MemberFileError::MissingColumns(missing));
    }
    let known = |name: &str| name.is_empty() || name == ERRORS || COLUMNS.contains(&name) || EXPORTED.contains(&name);
    if let Some(unknown) = header.iter().find(|name| !known(name)) {
        return Err(MemberFileError::UnknownColumn(unknown.chars().take(40).collect()));
    }
    Ok(found.map(Option::unwrap_or_default))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member_file(text: &str) -> MemberFile {
        MemberFile::read(text.as_bytes(), &Settings::standard()).unwrap()
    }

    fn refusal(file: &[u8]) -> MemberFileError {
        MemberFile::read(file, &Settings::standard()).unwrap_err()
    }

    fn errors(text: &str) -> Vec<Vec<String>> {
        member_file(text).rows.into_iter().map(|row| row.errors).collect()
    }

    #[test]
    fn columns_come_in_any_order_and_case_after_a_byte_order_mark() {
        let file = member_file(
            "\u{feff}Wallet_Balance, EMAIL ,Name,errors\n\n100.50,Asha@Example.com,Asha Rao,was wrong\n , ,\n\"0\",b@c.example,\"Rao, Bina\"\n",
        );
        assert_eq!(file.bad(), 0, "{:?}", file.rows);
        let read: Vec<_> = file.rows.iter().map(|row| (row.line, row.member.clone().unwrap())).collect();
        assert_eq!((read[0].0, read[0].1.name.as_str(), read[0].1.opening.minor()), (3, "Asha Rao", 10_050));
        assert_eq!((read[1].0, read[1].1.name.as_str(), read[1].1.opening.minor()), (5, "Rao, Bina", 0));
        assert_eq!(file.emails(), ["asha@example.com", "b@c.example"]);
    }

    #[test]
    fn a_file_that_is_no_list_of_members_is_refused_whole() {
        assert_eq!(refusal(b""), MemberFileError::Empty);
        assert_eq!(refusal(b"\xef\xbb\xbf \n"), MemberFileError::Empty);
        assert_eq!(refusal(b"name,email,wallet_balance\n\n,,\n"), MemberFileError::NoRows);
        assert_eq!(refusal(b"name,email\na,b\n"), MemberFileError::MissingColumns(vec!["wallet_balance"]));
        assert_eq!(refusal(b"a,b@c.example,1\n"), MemberFileError::MissingColumns(COLUMNS.to_vec()));
        assert_eq!(refusal(b"name,email,wallet_balance,Name\n"), MemberFileError::RepeatedColumn("name".to_owned()));
        assert_eq!(refusal(b"name,email,wallet_balance,phone\n"), MemberFileError::UnknownColumn("phone".to_owned()));
        assert_eq!(
            refusal(b"name,email,wallet_balance\nJos\xe9,a@b.example,1\n"),
            MemberFileError::NotUtf8 { line: 2 }
        );
        let unicode = refusal(&[0xff, 0xfe, b'n', 0]);
        assert_eq!(unicode, MemberFileError::MissingColumns(COLUMNS.to_vec()), "a spreadsheet's Unicode text is read");
        let long = vec![b'x'; MOST_BYTES + 1];
        assert_eq!(refusal(&long), MemberFileError::TooLarge { bytes: MOST_BYTES + 1, most: MOST_BYTES });
    }

    #[test]
    fn an_export_is_read_as_it_is_and_its_expired_members_are_not_taken_in_living() {
        let header = "id,name,email,wallet_balance,state,expired_date,created_at\r\n";
        let row = |name: &str, email: &str, state: &str| {
            format!("0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f,{name},{email},7.00,{state},,2026-01-01T00:00:00Z\r\n")
        };
        let text = format!("{header}{}{}", row("''=1+1", "a@b.example", "alive"), row("B", "b@b.example", "expired"));
        let file = member_file(&text);
        assert_eq!(file.rows[0].member.as_ref().map(|member| member.name.as_str()), Some("'=1+1"));
        assert!(file.rows[0].errors.is_empty(), "{:?}", file.rows);
        assert_eq!(file.rows[1].errors, ["state must be alive: members are taken in living; it is 'expired'."]);
    }

    #[test]
    fn semicolons_and_tabs_are_as_good_as_commas() {
        for between in [";", "\t"] {
            let text = "name,email,wallet_balance\nAsha Rao,asha@example.com,1.50\n".replace(',', between);
            assert_eq!(member_file(&text).bad(), 0);
            assert_eq!(member_file(&format!("sep={between}\r\n{text}")).rows[0].line, 3);
        }
    }

    #[test]
    fn one_row_more_than_may_be_is_too_many() {
        let header = "name,email,wallet_balance\n";
        let rows = |count| (0..count).map(|n| format!("M,m{n}@x.example,1\n")).collect::<String>();
        assert_eq!(member_file(&format!("{header}{}", rows(MOST_ROWS))).good(), 100_000);
        assert_eq!(
            refusal(format!("{header}{}", rows(MOST_ROWS + 1)).as_bytes()),
            MemberFileError::TooManyRows(MOST_ROWS)
        );
    }

    #[test]
    fn each_row_says_all_that_is_wrong_with_it() {
        let found = errors(
            "name,email,wallet_balance\n,no mail,₹100\nB,b@c.example,NaN\nC,c@c.example,1e3\nD,d@c.example,10.005\n\
             E,e@c.example,-1\nF,f@c.example,100000000\nG,g@c.example\nH,h@c.example,1,2\nI,i@c.example,\"1,000\"\n",
        );
        assert_eq!(found[0].len(), 3, "{:?}", found[0]);
        assert_eq!(found[0][0], "name is empty.");
        assert!(found[0][1].starts_with("email must be an email address") && found[0][1].ends_with("it is 'no mail'."));
        assert_eq!(found[0][2], "wallet_balance must be a plain decimal number such as 100.00; it is '₹100'.");
        assert_eq!(found[1], ["wallet_balance must be a plain decimal number such as 100.00; it is 'NaN'."]);
        assert_eq!(found[2], ["wallet_balance must be written out, without an exponent; it is '1e3'."]);
        assert_eq!(found[3], ["wallet_balance must have at most 2 decimals; it is '10.005'."]);
        assert_eq!(found[4], ["wallet_balance must be zero or more; it is '-1'."]);
        assert_eq!(found[5], ["wallet_balance must be at most 99999999.99; it is '100000000'."]);
        assert_eq!(found[6], ["wallet_balance is empty."]);
        assert_eq!(found[7], ["The row has more cells than the header names."]);
        assert_eq!(found[8], ["wallet_balance must be a plain decimal number such as 100.00; it is '1,000'."]);
    }

    #[test]
    fn rows_with_one_address_name_each_other() {
        let found = errors("name,email,wallet_balance\nA,a@b.example,1\nB,b@b.example,1\nC,A@B.example,x\n");
        assert_eq!(found[0], ["email is also in row 4."]);
        assert!(found[1].is_empty());
        assert_eq!(found[2].last().map(String::as_str), Some("email is also in row 2."));
    }

    #[test]
    fn a_report_runs_in_no_spreadsheet_and_reads_back_as_it_was() {
        let first = member_file("email,name,wallet_balance\na@b.example,=1+1,-5\nb@b.example,\"say \"\"x\"\"\",1\n");
        let report = first.report();
        let expected = "email,name,wallet_balance,errors\r\na@b.example,'=1+1,'-5,\
                        wallet_balance must be zero or more; it is '-5'.\r\nb@b.example,\"say \"\"x\"\"\",1,\r\n";
        assert_eq!(report, expected);
        let again = member_file(&report.replace("'-5,", "5,"));
        assert_eq!(again.bad(), 0, "{:?}", again.rows);
        assert_eq!(again.rows[0].member.as_ref().map(|member| member.name.as_str()), Some("=1+1"));
    }
}
