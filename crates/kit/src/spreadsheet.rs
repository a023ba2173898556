//! Files that people make and read with a spreadsheet: what every app that takes one in or gives one out does alike.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;

use csv::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};
use purser_money::{Currency, Money};

use crate::fields::Rule;

/// What a spreadsheet would run as a formula begins with one of these.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// What may stand between cells, the likeliest first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Other rows with the same value that one is told of, at most.
const OTHERS: usize = 5;

/// A cell that no spreadsheet takes for a formula: an apostrophe goes before it. It also goes before a text that would
/// read like such a cell, so that [`plain`] gives every text back as it was.
#[must_use]
pub fn harmless(cell: &str) -> String {
    if is_guarded(cell) { format!("'{cell}") } else { cell.to_owned() }
}

/// The cell before it was made [`harmless`].
#[must_use]
pub fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_guarded(rest)).unwrap_or(cell)
}

/// A formula, behind any number of apostrophes.
fn is_guarded(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(FORMULA)
}

/// Why a file is no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CsvError {
    /// There is nothing in it.
    Empty,
    /// It has a header, this one, and nothing else: whose columns may be wrong as well.
    NoRows(Vec<String>),
    /// It is larger than may be.
    TooLarge {
        /// How large it is, in bytes.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// It has more rows than may be.
    TooManyRows(usize),
    /// It is text in another encoding, or no text.
    NotText {
        /// The line.
        line: usize,
    },
    /// It breaks the rules of CSV.
    Malformed(String),
}

/// A file as a table: CSV with commas, semicolons or tabs, or with what a `sep=` line names; UTF-8, or UTF-16 with a
/// byte-order mark; any line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFile {
    /// How its amounts are written.
    pub decimals: Decimals,
    /// The names of the columns as they were given, without spaces around them.
    pub header: Vec<String>,
    /// The rows that are not blank.
    pub rows: Vec<CsvRow>,
}

/// What stands before the decimals of amounts in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimals {
    /// A point: where commas stand between the cells.
    Point,
    /// A point or a comma. A spreadsheet of a country with decimal commas puts semicolons or tabs between the cells.
    PointOrComma,
}

impl Decimals {
    /// A number with a decimal point, where the file may have a comma: `25,00` is `25.00`, and `1.234,50` is `1234.50`. A
    /// comma with more than two digits behind it may divide thousands, so that text stays as it is.
    #[must_use]
    pub fn pointed(self, text: &str) -> Cow<'_, str> {
        let text = text.trim();
        let Some((whole, decimals)) = text.split_once(',').filter(|_| self == Decimals::PointOrComma) else {
            return Cow::Borrowed(text);
        };
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
        let mut groups = unsigned.split('.');
        let first = groups.next().unwrap_or_default();
        let is_grouped =
            !unsigned.contains('.') || (first.len() <= 3 && groups.all(|group| group.len() == 3 && are_digits(group)));
        if are_digits(decimals) && decimals.len() <= 2 && are_digits(first) && is_grouped {
            Cow::Owned(format!("{}.{decimals}", whole.replace('.', "")))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// An amount as the file writes it.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn amount(self, text: &str, currency: Currency) -> Result<Money, Rule> {
        Money::parse(&self.pointed(text), currency).map_err(|error| Rule::new(error.code(), error.rule()))
    }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvRow {
    /// Its line in the file, from 1; the header is one.
    pub line: u64,
    /// Its cells as they were given.
    pub cells: Vec<String>,
}

impl CsvRow {
    /// What a cell says: without spaces around it, and [`plain`]. A cell that is not there is empty.
    #[must_use]
    pub fn cell(&self, place: usize) -> &str {
        self.cells.get(place).map_or("", |cell| plain(cell.trim()))
    }
}

impl CsvFile {
    /// Reads a file of at most so many bytes and rows, its header and blank rows not counted.
    ///
    /// # Errors
    /// [`CsvError`].
    pub fn read(file: &[u8], most_bytes: usize, most_rows: usize) -> Result<Self, CsvError> {
        let text = file_text(file, most_bytes)?;
        let (delimiter, text, lines_before) = delimited(&text);
        let mut reader =
            ReaderBuilder::new().flexible(true).has_headers(false).delimiter(delimiter).from_reader(text.as_bytes());
        let mut records = reader.records();
        let malformed = |error: csv::Error| CsvError::Malformed(error.to_string());
        let header = records.next().ok_or(CsvError::Empty)?.map_err(malformed)?;
        let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let decimals = if delimiter == b',' { Decimals::Point } else { Decimals::PointOrComma };
        let mut rows = Vec::new();
        for record in records {
            let record = record.map_err(malformed)?;
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if rows.len() == most_rows {
                return Err(CsvError::TooManyRows(most_rows));
            }
            let line = lines_before + record_line(text, &record);
            rows.push(CsvRow { line, cells: record.iter().map(str::to_owned).collect() });
        }
        if rows.is_empty() { Err(CsvError::NoRows(header)) } else { Ok(CsvFile { decimals, header, rows }) }
    }
}

/// The text of a file of at most so many bytes, without its byte-order mark: [`CsvFile::read`] reads it as well as the file.
///
/// # Errors
/// [`CsvError`], where it is too large, empty, or no text.
pub fn file_text(file: &[u8], most_bytes: usize) -> Result<Cow<'_, str>, CsvError> {
    if file.len() > most_bytes {
        return Err(CsvError::TooLarge { bytes: file.len(), most: most_bytes });
    }
    let text = decoded(file)?;
    if text.trim().is_empty() { Err(CsvError::Empty) } else { Ok(text) }
}

/// A spreadsheet's "Unicode text" is UTF-16 and begins with a byte-order mark.
fn decoded(file: &[u8]) -> Result<Cow<'_, str>, CsvError> {
    let text = match file {
        // A mark and nothing else is no text.
        [0xff, 0xfe] | [0xfe, 0xff] => return Err(CsvError::NotText { line: 1 }),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(decoded_utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(decoded_utf16(rest, u16::from_be_bytes)?),
        _ => {
            let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
            Cow::Borrowed(std::str::from_utf8(text).map_err(|error| {
                let before = text.get(..error.valid_up_to()).unwrap_or_default();
                CsvError::NotText { line: before.iter().filter(|byte| **byte == b'\n').count() + 1 }
            })?)
        }
    };
    match text.split_once('\0') {
        Some((before, _)) => Err(CsvError::NotText { line: before.matches('\n').count() + 1 }),
        None => Ok(text),
    }
}

fn decoded_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, CsvError> {
    let mut text = String::with_capacity(bytes.len() / 2);
    let wrong = |text: &str| CsvError::NotText { line: text.matches('\n').count() + 1 };
    let (units, odd) = bytes.as_chunks::<2>();
    for character in char::decode_utf16(units.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(wrong(&text)),
        }
    }
    if odd.is_empty() { Ok(text) } else { Err(wrong(&text)) }
}

/// What stands between the cells, the text after a `sep=` line, and how many lines that line is.
fn delimited(text: &str) -> (u8, &str, u64) {
    let (first, rest) = text.split_once(['\n', '\r']).unwrap_or((text, ""));
    let named = first.trim_matches(['"', ' ']);
    if named.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("sep="))
        && let [delimiter] = named.as_bytes().get(4..).unwrap_or_default()
        && delimiter.is_ascii()
    {
        let feed = text.as_bytes().get(first.len()..first.len() + 2) == Some(b"\r\n");
        return (*delimiter, if feed { rest.get(1..).unwrap_or_default() } else { rest }, 1);
    }
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut is_quoted = false;
    let outside = header.bytes().filter(|byte| {
        is_quoted ^= *byte == b'"';
        !is_quoted
    });
    let outside: Vec<u8> = outside.collect();
    let count = |delimiter: u8| outside.iter().filter(|byte| **byte == delimiter).count();
    // The first of those that are met as often.
    let likeliest = DELIMITERS.into_iter().rev().max_by_key(|delimiter| count(*delimiter));
    (likeliest.unwrap_or(b','), text, 0)
}

/// The line of `text` that a record of it begins on, from 1: the record's own position is where the reader was before it
/// passed over empty lines.
fn record_line(text: &str, record: &StringRecord) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let before = text.as_bytes().get(start..).unwrap_or_default().iter();
    let skipped = before.take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    position.line() + skipped as u64
}

/// A column's name as it is compared: lower case, everything but letters and digits one underscore.
#[must_use]
pub fn column_key(name: &str) -> String {
    let words = name.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

/// What a cell says, where it can be read; otherwise what is wrong with it is added to `errors`.
pub fn cell_read<T>(
    errors: &mut Vec<String>,
    column: &str,
    cell: &str,
    parse: impl FnOnce(&str) -> Result<T, Rule>,
) -> Option<T> {
    if cell.is_empty() {
        errors.push(format!("{column} is empty."));
        return None;
    }
    match parse(cell) {
        Ok(value) => Some(value),
        Err(rule) => {
            let shown: String = cell.chars().take(40).collect();
            errors.push(format!("{column} must {}; it is '{shown}'.", rule.must));
            None
        }
    }
}

/// What to tell rows that share a value of a column: each row's place, and which other rows have it. `rows` are the line
/// and the value of each.
pub fn repeated<T: Eq + Hash>(column: &str, rows: impl Iterator<Item = (u64, Option<T>)>) -> Vec<(usize, String)> {
    let mut seen: HashMap<T, Vec<(usize, u64)>> = HashMap::new();
    for (place, (line, value)) in rows.enumerate() {
        if let Some(value) = value {
            seen.entry(value).or_default().push((place, line));
        }
    }
    let mut told = Vec::new();
    for alike in seen.into_values().filter(|alike| alike.len() > 1) {
        for (place, _) in &alike {
            let others = alike.iter().filter(|(other, _)| other != place).map(|(_, line)| line.to_string());
            let others: Vec<String> = others.take(OTHERS).collect();
            let word = if others.len() == 1 { "row" } else { "rows" };
            let more = if alike.len() > OTHERS + 1 { " …" } else { "" };
            told.push((*place, format!("{column} is also in {word} {}{more}.", others.join(", "))));
        }
    }
    told
}

/// Rows as CSV (RFC 4180).
pub fn written(rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let mut fine = true;
    for row in rows {
        fine &= writer.write_record(row).is_ok();
    }
    // Writing into memory does not fail.
    let bytes = writer.into_inner().unwrap_or_default();
    if fine { String::from_utf8(bytes).unwrap_or_default() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: impl AsRef<[u8]>) -> Result<CsvFile, CsvError> {
        CsvFile::read(file.as_ref(), 10_000, 100)
    }

    fn cells(file: impl AsRef<[u8]>) -> Vec<Vec<String>> {
        read(file).unwrap().rows.into_iter().map(|row| row.cells).collect()
    }

    #[test]
    fn a_file_is_read_whatever_stands_between_its_cells_and_at_its_line_ends() {
        let expected = vec![vec!["1;2".to_owned(), "b,c".to_owned()], vec!["3".to_owned(), "d\te".to_owned()]];
        for end in ["\n", "\r\n", "\r"] {
            for (before, between) in
                [("", ","), ("", ";"), ("", "\t"), ("sep=;", ";"), ("SEP=|", "|"), ("\"sep=,\"", ",")]
            {
                let mut text = if before.is_empty() { String::new() } else { format!("{before}{end}") };
                for row in [["no", "what"], ["\"1;2\"", "\"b,c\""], ["", ""], ["3", "\"d\te\""]] {
                    text.push_str(&format!("{}{end}", row.join(between)));
                }
                for mark in ["", "\u{feff}"] {
                    let table = read(format!("{mark}{text}")).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
                    assert_eq!(table.header, ["no", "what"], "{text:?}");
                    assert_eq!(
                        table.rows.iter().map(|row| row.cells.clone()).collect::<Vec<_>>(),
                        expected,
                        "{text:?}"
                    );
                    if end != "\r" {
                        let first = if before.is_empty() { 2 } else { 3 };
                        assert_eq!(table.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [first, first + 2]);
                    }
                }
            }
        }
    }

    #[test]
    fn amounts_have_decimal_commas_where_no_comma_stands_between_the_cells() {
        for (between, is_read) in [(";", true), ("\t", true), (",", false)] {
            let table = read(format!("no{between}amount\n1{between}2\n")).unwrap();
            for (text, minor) in [("25,00", 2_500), (" 25,5 ", 2_550), ("1.234,50", 123_450), ("-1,00", -100)] {
                let amount = table.decimals.amount(text, Currency::INR).ok();
                assert_eq!(amount.map(Money::minor), is_read.then_some(minor), "{text} between {between:?}");
            }
            assert_eq!(table.decimals.amount("25.00", Currency::INR).map(Money::minor), Ok(2_500));
            for text in ["1,234", "1,234.50", "1.23,50", "12.34.567,00", "1,2,3", ",50", "25,", "a,50"] {
                assert!(table.decimals.amount(text, Currency::INR).is_err(), "{text} between {between:?}");
            }
        }
    }

    #[test]
    fn a_spreadsheet_s_unicode_text_is_read() {
        let text = "\u{feff}name\tcoins\r\nआशा 🙂\t7\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for file in [&little, &big] {
            assert_eq!(cells(file), [["आशा 🙂", "7"]]);
        }
        assert_eq!(read(&little[..little.len() - 1]), Err(CsvError::NotText { line: 2 }));
        assert_eq!(read([0xff, 0xfe, 0x00, 0xd8, b'a', 0]), Err(CsvError::NotText { line: 1 }));
    }

    #[test]
    fn what_is_no_table_is_refused_by_name() {
        assert_eq!(read(""), Err(CsvError::Empty));
        assert_eq!(read("\u{feff} \n"), Err(CsvError::Empty));
        assert_eq!(read("a,b\n,\n"), Err(CsvError::NoRows(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(read(b"a\n\xff\n"), Err(CsvError::NotText { line: 2 }));
        assert_eq!(read(b"a\n\0\n"), Err(CsvError::NotText { line: 2 }));
        assert_eq!(read("x".repeat(10_001)), Err(CsvError::TooLarge { bytes: 10_001, most: 10_000 }));
        assert_eq!(read(format!("a\n{}", "1\n".repeat(101))), Err(CsvError::TooManyRows(100)));
    }

    #[test]
    fn every_text_is_written_harmless_and_read_back_as_it_was() {
        // All texts of up to four of these, which are all that writing and reading look at.
        let alphabet = ['=', '+', '-', '@', '\'', '"', ',', ';', '\t', '\r', '\n', ' ', 'a', 'आ'];
        let mut texts = vec![String::new()];
        let mut longest = texts.clone();
        for _ in 0..4 {
            longest = longest.iter().flat_map(|text| alphabet.map(|next| format!("{text}{next}"))).collect();
            texts.extend(longest.iter().cloned());
        }
        for text in &texts {
            let cell = harmless(text);
            assert!(!cell.starts_with(FORMULA), "{text:?} is written {cell:?}");
            assert_eq!(plain(&cell), text, "by way of {cell:?}");
        }
        for some in texts.chunks(5_000) {
            let header = vec!["id".to_owned(), "text".to_owned()];
            let rows = some.iter().map(|text| vec!["1".to_owned(), harmless(text)]);
            let table =
                CsvFile::read(written(std::iter::once(header).chain(rows)).as_bytes(), 1_000_000, 5_000).unwrap();
            let again: Vec<&str> = table.rows.iter().map(|row| plain(&row.cells[1])).collect();
            assert_eq!(again, some);
        }
    }

    #[test]
    fn columns_are_named_alike_whatever_stands_between_their_words() {
        for name in ["UTR No", "utr_no", " UTR-No. ", "Utr (No)"] {
            assert_eq!(column_key(name), "utr_no");
        }
    }
}
