//! The figures of a run, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::aims::{self, AimResult};
use crate::attacks;
use crate::counter::{self, LibrarySales, Workload};
use crate::machine::Machine;
use crate::people::{BesideRow, ImportRow};
use crate::startup::EngineFigures;
use crate::transfers::{self, Shape};

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BenchReport {
    pub(crate) machine: Machine,
    /// How long each measurement took, in seconds.
    pub(crate) seconds: u64,
    pub(crate) requests: Vec<counter::SaleRow>,
    pub(crate) transfers: Vec<transfers::TransferRow>,
    pub(crate) library_sales: Vec<LibrarySales>,
    pub(crate) imports: Vec<ImportRow>,
    pub(crate) beside: Vec<BesideRow>,
    pub(crate) attacks: Vec<attacks::AttackRow>,
    pub(crate) program: Option<EngineFigures>,
}

impl BenchReport {
    pub(crate) fn json(&self) -> Result<String, String> {
        #[derive(Serialize)]
        struct ReportWithAims<'r> {
            #[serde(flatten)]
            report: &'r BenchReport,
            aims: Vec<AimResult>,
        }
        let report = ReportWithAims { report: self, aims: aims::verdicts(self) };
        serde_json::to_string_pretty(&report).map_err(|error| error.to_string())
    }

    /// Tables; only those that have rows.
    pub(crate) fn markdown(&self) -> String {
        let Machine { date, cores, processor, memory, kernel, rustc, sync_p50, sync_p99 } = &self.machine;
        let mut text = format!(
            "{date}: {cores} cores ({processor}), {} MiB, Linux {kernel}, {rustc}; a disk sync of 16 KiB takes \
             {} ms (p99 {} ms); {} s a row.\n",
            grouped(*memory),
            millis(*sync_p50),
            millis(*sync_p99),
            self.seconds,
        );
        let requests: Vec<_> = self.requests.iter().map(|row| self.request_cells(row)).collect();
        table(&mut text, REQUESTS, &requests);
        let transfers: Vec<_> = self.transfers.iter().map(transfer_cells).collect();
        table(&mut text, TRANSFERS, &transfers);
        let sales: Vec<_> = self.library_sales.iter().map(sales_cells).collect();
        table(&mut text, LIBRARY_SALES, &sales);
        let imports: Vec<_> = self.imports.iter().map(import_cells).collect();
        table(&mut text, IMPORTS, &imports);
        let beside: Vec<_> = self.beside.iter().map(beside_cells).collect();
        table(&mut text, BESIDE, &beside);
        let attacks: Vec<_> = self.attacks.iter().map(attack_cells).collect();
        table(&mut text, ATTACKS, &attacks);
        let program: Vec<_> = self.program.iter().map(program_cells).collect();
        table(&mut text, PROGRAM, &program);
        let verdicts: Vec<_> = aims::verdicts(self).iter().map(AimResult::cells).collect();
        table(&mut text, AIMS, &verdicts);
        text
    }

    /// The rate of a row in hundredths of the noop's at as many connections.
    pub(crate) fn of_noop(&self, row: &counter::SaleRow) -> Option<u64> {
        let noop = self.request(|other| other.what == Workload::Noop && other.connections == row.connections)?;
        (row.per_second * 100).checked_div(noop.per_second)
    }

    pub(crate) fn request(&self, wanted: impl Fn(&counter::SaleRow) -> bool) -> Option<&counter::SaleRow> {
        self.requests.iter().find(|row| wanted(row))
    }

    fn request_cells(&self, row: &counter::SaleRow) -> Vec<String> {
        let refused = row.refused.iter().map(|(status, count)| format!("{count} × {status}"));
        let what = match row.what {
            Workload::Noop => "noop",
            Workload::Sale => "sale",
            Workload::SaleWithKey => "sale with client_ref and Idempotency-Key",
            Workload::SaleOfOneSeller => "sale, one seller only",
            Workload::SalesListed => "the console's list of sales",
        };
        vec![
            what.to_owned(),
            if row.what == Workload::Noop { "none".to_owned() } else { row.engine.to_owned() },
            grouped(row.sales_before as u64),
            row.connections.to_string(),
            grouped(row.per_second),
            self.of_noop(row).map_or_else(String::new, hundredths),
            millis(row.p50),
            millis(row.p99),
            millis(row.max),
            format!("{} + {} + {}", row.cpu.server, row.cpu.generator, row.cpu.others),
            mebibytes(row.memory),
            refused.collect::<Vec<_>>().join(", "),
        ]
    }
}

const REQUESTS: &[&str] = &[
    "request",
    "engine",
    "sales before",
    "clients",
    "a second",
    "of noop",
    "p50 ms",
    "p99 ms",
    "max ms",
    "CPU %: server + load + rest",
    "MiB",
    "refused",
];
const TRANSFERS: &[&str] = &["engine", "batch", "callers", "journal entries", "accounts", "transfers a second"];
const LIBRARY_SALES: &[&str] = &["engine", "sales through the library, 512 a turn", "a second"];
const IMPORTS: &[&str] = &["engine", "members in a file", "checked after ms", "saved after ms", "rows a second"];
const BESIDE: &[&str] =
    &["engine", "sales beside", "clients", "a second", "p50 ms", "p99 ms", "max ms", "and the other"];
const ATTACKS: &[&str] =
    &["a client beside", "connections", "opened again", "answered", "failed", "p50 ms", "p99 ms", "max ms"];
const PROGRAM: &[&str] = &["MiB of program", "stripped", "ms to first answer", "on an empty folder", "MiB at rest"];
const AIMS: &[&str] = &["aim", "measured", "met"];

fn transfer_cells(row: &transfers::TransferRow) -> Vec<String> {
    let case = row.case;
    let entries = match case.shape {
        Shape::EntryEach => "one each",
        Shape::OneEntry => "one for all",
    };
    let accounts = if case.hot { "one hot" } else { "10,000" };
    let batch = grouped(case.batch as u64);
    vec![
        row.engine.to_owned(),
        batch,
        case.callers.to_string(),
        entries.to_owned(),
        accounts.to_owned(),
        grouped(row.per_second),
    ]
}

fn sales_cells(row: &LibrarySales) -> Vec<String> {
    vec![row.engine.to_owned(), grouped(row.sales as u64), grouped(row.per_second)]
}

fn import_cells(row: &ImportRow) -> Vec<String> {
    let members = grouped(row.members as u64);
    vec![row.engine.to_owned(), members, millis(row.checked), millis(row.saved), grouped(row.per_second)]
}

fn beside_cells(row: &BesideRow) -> Vec<String> {
    vec![
        row.engine.to_owned(),
        row.beside.to_owned(),
        row.connections.to_string(),
        grouped(row.per_second),
        millis(row.p50),
        millis(row.p99),
        millis(row.max),
        row.outcome.clone(),
    ]
}

fn attack_cells(row: &attacks::AttackRow) -> Vec<String> {
    vec![
        row.attack.to_owned(),
        grouped(row.connections as u64),
        grouped(row.reopened),
        grouped(row.answered),
        grouped(row.failed),
        millis(row.p50),
        millis(row.p99),
        millis(row.max),
    ]
}

fn program_cells(figures: &EngineFigures) -> Vec<String> {
    vec![
        mebibytes(figures.size / 1_024),
        figures.size_stripped.map_or_else(|| "?".to_owned(), |size| mebibytes(size / 1_024)),
        millis(figures.ready),
        millis(figures.ready_first),
        mebibytes(figures.memory_at_rest),
    ]
}

/// A Markdown table after an empty line; nothing where there are no rows.
fn table(text: &mut String, columns: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    let rule = vec!["---"; columns.len()].join(" | ");
    // Writing to a string does not fail.
    let _ = write!(text, "\n| {} |\n| {rule} |\n", columns.join(" | "));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Microseconds as milliseconds, `1.23`.
pub(crate) fn millis(micros: u64) -> String {
    hundredths((micros + 5) / 10)
}

/// `52` as `0.52`.
pub(crate) fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

/// KiB as MiB, `12.5`.
pub(crate) fn mebibytes(kibibytes: u64) -> String {
    let tenths = (kibibytes * 10 + 512) / 1_024;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_easily() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 4, 5, 12_345].map(millis), ["0.00", "0.00", "0.01", "12.35"]);
        assert_eq!([7, 52, 100].map(hundredths), ["0.07", "0.52", "1.00"]);
        assert_eq!([0, 512, 1_024, 40_960].map(mebibytes), ["0.0", "0.5", "1.0", "40.0"]);
    }

    #[test]
    fn a_table_without_rows_is_left_out() {
        let mut text = String::new();
        table(&mut text, &["a", "b"], &[]);
        assert_eq!(text, "");
        table(&mut text, &["a", "b"], &[vec!["1".to_owned(), "2".to_owned()]]);
        assert_eq!(text, "\n| a | b |\n| --- | --- |\n| 1 | 2 |\n");
    }
}
