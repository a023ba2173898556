//! A file of sales, read without a database: what its rows say, and what is wrong with each by itself.

use std::borrow::Cow;
use std::collections::HashMap;

use purser_kit::Rule;
use purser_kit::spreadsheet::{CsvError, CsvFile, CsvRow, Decimals, file_text, harmless, written};
use purser_money::Money;
use uuid::Uuid;

use crate::domain::{PhoneNumber, Settings, parse_client_ref};
use crate::error::Error;

/// The most bytes of a file: 2 MiB.
pub(crate) const MOST_BYTES: usize = 2 * 1_024 * 1_024;

/// The most rows of a file, its header and blank ones not counted: they are sold in one turn, behind which others wait.
const MOST_ROWS: usize = 5_000;

/// A file to begin with.
pub(crate) const TEMPLATE: &str = "seller_id,phone_number,amount,client_ref\r\n\
    0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f,9876543210,50.00,order-1\r\n";

/// The columns that a file may have, in the order of reports.
pub(crate) const COLUMNS: [&str; 5] = ["seller_id", "seller", "phone_number", "amount", "client_ref"];

/// The column that a report adds. A mended report may be uploaded with it.
const ERRORS: &str = "errors";

/// What a row says of its seller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum NamedSeller {
    /// Its id.
    Id(Uuid),
    /// Its name.
    Name(String),
    /// Nothing.
    Unsaid,
}

/// A row of a file.
#[derive(Debug, Clone)]
pub(crate) struct SaleFileRow {
    /// Its line in the file; the header is 1.
    pub(crate) line: u64,
    /// Its cells as they were given, in the order of [`COLUMNS`].
    pub(crate) cells: Vec<String>,
    pub(crate) seller: Option<NamedSeller>,
    pub(crate) number: Option<PhoneNumber>,
    pub(crate) amount: Option<Money>,
    pub(crate) client_ref: Option<String>,
    /// What is wrong with it.
    pub(crate) errors: Vec<String>,
}

/// The text of a file.
///
/// # Errors
/// [`Error::BadFile`] where it is too large, or no text.
pub(crate) fn text(file: &[u8]) -> Result<Cow<'_, str>, Error> {
    file_text(file, MOST_BYTES).map_err(no_table)
}

fn no_table(error: CsvError) -> Error {
    bad(match error {
        CsvError::Empty => "it is empty".to_owned(),
        CsvError::NoRows(_) => "it has no rows under its header".to_owned(),
        CsvError::TooLarge { bytes, most } => format!("it has {bytes} bytes, and may have at most {most}"),
        CsvError::TooManyRows(most) => format!("it has more than {most} rows; upload it in parts"),
        CsvError::NotText { line } => format!("it is not text in UTF-8: line {line} is not"),
        CsvError::Malformed(error) => format!("it is not CSV: {error}"),
    })
}

fn bad(why: String) -> Error {
    Error::BadFile(why)
}

/// Reads a file's rows.
///
/// # Errors
/// [`Error::BadFile`] where it is no list of sales. What is wrong with rows stands in the rows.
pub(crate) fn read(text: &str, settings: &Settings) -> Result<Vec<SaleFileRow>, Error> {
    let table = CsvFile::read(text.as_bytes(), MOST_BYTES, MOST_ROWS).map_err(no_table)?;
    let places = places(&table.header)?;
    let (decimals, width) = (table.decimals, table.header.len());
    let rows = table.rows.into_iter().map(|given| row(&given, &places, width, decimals, settings));
    Ok(refuse_repeated(rows.collect()))
}

/// Where each of [`COLUMNS`] stands.
fn places(header: &[String]) -> Result<[Option<usize>; 5], Error> {
    let names: Vec<String> = header.iter().map(|name| name.to_lowercase()).collect();
    for (index, name) in names.iter().enumerate() {
        let known = COLUMNS.contains(&name.as_str()) || name == ERRORS || name.is_empty();
        if !known {
            let short: String = name.chars().take(40).collect();
            return Err(bad(format!("it has the column '{short}'; the columns are {}", COLUMNS.join(", "))));
        }
        if !name.is_empty() && names[..index].contains(name) {
            return Err(bad(format!("it has the column {name} twice")));
        }
    }
    let places = COLUMNS.map(|column| names.iter().position(|name| name == column));
    for (column, place) in std::iter::zip(COLUMNS, places) {
        if place.is_none() && matches!(column, "phone_number" | "amount") {
            return Err(bad(format!("it lacks the column {column}; its first line must name the columns")));
        }
    }
    Ok(places)
}

fn row(
    record: &CsvRow,
    places: &[Option<usize>; 5],
    width: usize,
    decimals: Decimals,
    settings: &Settings,
) -> SaleFileRow {
    let mut errors = Vec::new();
    let given = places.map(|place| place.map_or("", |place| record.cell(place)));
    let cells = given.map(str::to_owned);
    let [seller_id, seller_name, number, amount, client_ref] = given;
    if record.cells.iter().skip(width).any(|cell| !cell.trim().is_empty()) {
        errors.push("The row has more cells than the header names.".to_owned());
    }
    let seller = match (seller_id, seller_name) {
        ("", "") => Some(NamedSeller::Unsaid),
        ("", name) => Some(NamedSeller::Name(name.to_owned())),
        (id, "") => errors_text(&mut errors, "seller_id", id, |id| {
            Uuid::try_parse(id).map(NamedSeller::Id).map_err(|_| Rule::new("malformed", "be a seller's id"))
        }),
        _ => {
            errors.push("Name the seller by seller_id or by seller, not by both.".to_owned());
            None
        }
    };
    let number = errors_text(&mut errors, "phone_number", number, |text| PhoneNumber::parse(text, settings.country));
    let amount = errors_text(&mut errors, "amount", amount, |text| parse_amount(text, decimals, settings));
    let client_ref = match client_ref {
        "" => None,
        text => errors_text(&mut errors, "client_ref", text, parse_client_ref),
    };
    SaleFileRow { line: record.line, cells: cells.to_vec(), seller, number, amount, client_ref, errors }
}

fn errors_text<T>(
    errors: &mut Vec<String>,
    name: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, Rule>,
) -> Option<T> {
    if text.is_empty() {
        errors.push(format!("{name} is missing."));
        return None;
    }
    parse(text)
        .map_err(|rule| {
            let short: String = text.chars().take(40).collect();
            errors.push(format!("{name} must {}; it is '{short}'.", rule.must));
        })
        .ok()
}

fn parse_amount(text: &str, decimals: Decimals, settings: &Settings) -> Result<Money, Rule> {
    let refused = |error: purser_money::AmountError| Rule::new(error.code(), error.rule());
    let amount = decimals.amount(text, settings.currency)?;
    amount.positive().and_then(|amount| amount.at_most(settings.max_sale)).map_err(refused)
}

/// Says of rows with the same reference of the same seller which others have it.
fn refuse_repeated(mut rows: Vec<SaleFileRow>) -> Vec<SaleFileRow> {
    let mut seen: HashMap<(NamedSeller, String), Vec<usize>> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        if let (Some(seller), Some(client_ref)) = (&row.seller, &row.client_ref) {
            seen.entry((seller.clone(), client_ref.clone())).or_default().push(index);
        }
    }
    for places in seen.into_values().filter(|places| places.len() > 1) {
        for place in &places {
            let others = places.iter().filter(|other| *other != place).map(|other| rows[*other].line.to_string());
            let others: Vec<String> = others.take(5).collect();
            rows[*place].errors.push(format!("client_ref is also in row {}.", others.join(", ")));
        }
    }
    rows
}

/// Rows with what is wrong with each, as a file that no spreadsheet runs anything of and that can be mended and uploaded.
pub(crate) fn report<'r>(rows: impl Iterator<Item = (&'r [String], &'r [String])>) -> String {
    let header = COLUMNS.iter().chain([&ERRORS]).map(|&name| name.to_owned()).collect();
    let rows = rows
        .map(|(cells, errors)| cells.iter().map(|cell| harmless(cell)).chain([harmless(&errors.join(" "))]).collect());
    written(std::iter::once(header).chain(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<SaleFileRow>, Error> {
        read(&super::text(text.as_bytes())?, &Settings::standard())
    }

    #[test]
    fn a_file_is_read_whatever_its_case_its_order_and_its_blank_rows() {
        let rows = rows("\u{feff}Amount, PHONE_NUMBER ,client_ref,errors\r\n\r\n 50.00 ,9876543210,a,old\n,,,\n1,'+919876543211,,\n").unwrap();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5]);
        assert!(rows.iter().all(|row| row.errors.is_empty()), "{rows:?}");
        assert_eq!(rows[0].amount.map(Money::minor), Some(5_000));
        assert_eq!(rows[1].number.as_ref().map(PhoneNumber::as_str), Some("+919876543211"));
    }

    #[test]
    fn semicolons_tabs_and_what_a_first_line_names_stand_between_cells_too() {
        for between in [";", "\t", ","] {
            for named in [String::new(), format!("sep={between}\r\n")] {
                let row = ["'+919876543210", "2.50", "''=a"].join(between);
                let file = format!("{named}{}\r\n{row}\r\n", ["phone_number", "amount", "client_ref"].join(between));
                let rows = rows(&file).unwrap();
                assert!(rows[0].errors.is_empty(), "{file:?}: {rows:?}");
                assert_eq!(rows[0].number.as_ref().map(PhoneNumber::as_str), Some("+919876543210"));
                assert_eq!(rows[0].client_ref.as_deref(), Some("'=a"));
            }
        }
    }

    #[test]
    fn amounts_with_decimal_commas_are_read_from_files_that_have_none_between_cells() {
        for between in [";", "\t"] {
            let rows = rows(&format!("phone_number{between}amount\n9876543210{between}25,00\n")).unwrap();
            assert_eq!(rows[0].amount.map(Money::minor), Some(2_500), "{rows:?}");
        }
        let rows = rows("phone_number,amount\n9876543210,\"25,00\"\n").unwrap();
        assert!(rows[0].errors[0].starts_with("amount must"), "{rows:?}");
    }

    #[test]
    fn what_is_no_list_of_sales_is_refused_by_name() {
        for (text, told) in [
            ("", "empty"),
            ("phone_number,amount\n", "no rows"),
            ("phone_number\n1\n", "lacks the column amount"),
            ("phone_number,amount,amount\n1,2,3\n", "amount twice"),
            ("phone_number,amount,price\n1,2,3\n", "'price'"),
        ] {
            let error = rows(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text:?}: {error}");
        }
        assert!(text(b"a\n\xff").unwrap_err().to_string().contains("line 2"));
        let long = format!("phone_number,amount\n{}", "9876543210,1\n".repeat(MOST_ROWS + 1));
        assert!(rows(&long).unwrap_err().to_string().contains("more than"));
    }

    #[test]
    fn what_is_wrong_with_a_row_stands_in_it() {
        for amount in ["", "0", "-1", "1.005", "1e3", "NaN", "₹100", "10000.01", "=1+1", "१"] {
            let rows = rows(&format!("phone_number,amount\n9876543210,{amount}\n")).unwrap();
            let told = if amount.is_empty() { "amount is missing" } else { "amount must" };
            assert!(rows[0].errors[0].starts_with(told), "{amount}: {rows:?}");
        }
        let rows =
            rows("seller,seller_id,phone_number,amount,client_ref\nA,x,12,1,r\n,,9876543210,1,r\n,,9876543210,1,r\n")
                .unwrap();
        assert_eq!(rows[0].errors.len(), 2, "{rows:?}");
        assert_eq!(rows[1].errors, ["client_ref is also in row 4."]);
    }

    #[test]
    fn a_report_can_be_mended_and_runs_nothing() {
        let file = "phone_number,amount,client_ref\n9876543210,1,\"=HYPERLINK(\"\"x\"\")\"\n+919876543210,0,\"a,b\"\n";
        let read = rows(file).unwrap();
        let report = report(read.iter().map(|row| (row.cells.as_slice(), row.errors.as_slice())));
        assert!(report.contains("\"'=HYPERLINK") && report.contains(",'+919876543210,"), "{report}");
        let again = rows(&report).unwrap();
        assert_eq!(again[0].client_ref.as_deref(), Some("=HYPERLINK(\"x\")"));
        assert_eq!(again[1].number, read[1].number);
    }
}
