//! Files that people make and read with a spreadsheet: what every app that takes one in or gives one out does alike.

use std::collections::HashMap;
use std::hash::Hash;

use csv::{StringRecord, Terminator, WriterBuilder};

use crate::fields::Rule;

/// What a spreadsheet would run as a formula begins with one of these.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Other rows with the same value that one is told of, at most.
const OTHERS: usize = 5;

/// A cell that no spreadsheet takes for a formula.
#[must_use]
pub fn harmless(cell: &str) -> String {
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell.to_owned() }
}

/// The cell before it was made [`harmless`], so that a mended report reads as the file it came from.
#[must_use]
pub fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell)
}

/// The line of `text` that a record of it begins on, from 1: the record's own position is where the reader was before it
/// passed over empty lines.
#[must_use]
pub fn record_line(text: &str, record: &StringRecord) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let before = text.as_bytes().get(start..).unwrap_or_default().iter();
    let skipped = before.take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    position.line() + skipped as u64
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
