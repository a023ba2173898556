//! What the figures should be, and whether they are.

use serde::Serialize;

use crate::counter::{SaleRow, Workload};
use crate::report::{BenchReport, grouped, hundredths, mebibytes, millis};
use crate::transfers::{self, Case, Shape};

/// One aim, beside what was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AimResult {
    pub(crate) aim: &'static str,
    pub(crate) measured: String,
    pub(crate) met: bool,
}

impl AimResult {
    pub(crate) fn cells(&self) -> Vec<String> {
        vec![self.aim.to_owned(), self.measured.clone(), if self.met { "yes" } else { "no" }.to_owned()]
    }
}

const SQLITE: &str = "SQLite";
const POSTGRES: &str = "PostgreSQL";

/// The aims of which this run has the figures. They are for two cores that server and load generator share.
pub(crate) fn verdicts(report: &BenchReport) -> Vec<AimResult> {
    let mut verdicts = Vec::new();
    let mut add = |aim, measured: Option<(String, bool)>| {
        verdicts.extend(measured.map(|(measured, met)| AimResult { aim, measured, met }));
    };
    let sale = |engine, connections| empty_sale(report, engine, connections);
    let at_least = |row: Option<&SaleRow>, aim: u64| row.map(|row| (grouped(row.per_second), row.per_second >= aim));
    add("SQLite, sales a second at 64 clients: 25,000", at_least(sale(SQLITE, 64), 25_000));
    add("SQLite, sales a second at 256 clients: 35,000", at_least(sale(SQLITE, 256), 35_000));
    for (aim, connections) in [("0.40 of noop at 64 clients", 64), ("0.40 of noop at 256 clients", 256)] {
        let ratio = sale(SQLITE, connections).and_then(|row| report.of_noop(row));
        add(aim, ratio.map(|ratio| (hundredths(ratio), ratio >= 40)));
    }
    for (aim, connections) in [("p99 of 15 ms or less at 64 clients", 64), ("p99 of 15 ms or less at 256 clients", 256)]
    {
        add(aim, sale(SQLITE, connections).map(|row| (format!("{} ms", millis(row.p99)), row.p99 <= 15_000)));
    }
    let full = [("a million sales there: 0.80 of empty at 64 clients", 64), ("the same at 256 clients", 256)];
    for (aim, connections) in full {
        let ratio = full_to_empty(report, connections);
        add(aim, ratio.map(|ratio| (hundredths(ratio), ratio >= 80)));
    }
    add("PostgreSQL, sales a second at 64 clients: 6,000", at_least(sale(POSTGRES, 64), 6_000));
    let batch = |hot| transfers_of(report, hot);
    add(
        "SQLite, transfers a second in batches of 8,000: 120,000",
        batch(false).map(|rate| (grouped(rate), rate >= 120_000)),
    );
    let hot = batch(true).zip(batch(false)).and_then(|(hot, many)| (hot * 100).checked_div(many));
    add("one hot account no slower than many (ratio)", hot.map(|ratio| (hundredths(ratio), ratio >= 100)));
    let listed = report.request(|row| row.what == Workload::SalesListed && row.engine == SQLITE);
    let listed = listed.map(|row| (format!("{} ms", millis(row.p99)), row.p99 <= 30_000));
    add("SQLite, a console list page among a million rows: p99 of 30 ms or less", listed);
    let program = report.program.as_ref();
    let at_rest = program.map(|figures| figures.memory_at_rest);
    add("40 MiB or less at rest", at_rest.map(|memory| (format!("{} MiB", mebibytes(memory)), memory <= 40 * 1_024)));
    let ready = program.map(|figures| figures.ready);
    add("ready in 300 ms", ready.map(|ready| (format!("{} ms", millis(ready)), ready <= 300_000)));
    verdicts
}

fn empty_sale<'r>(report: &'r BenchReport, engine: &str, connections: usize) -> Option<&'r SaleRow> {
    report.request(|row| {
        row.what == Workload::Sale && row.sales_before == 0 && row.engine == engine && row.connections == connections
    })
}

/// The rate with sales there in hundredths of the rate without.
fn full_to_empty(report: &BenchReport, connections: usize) -> Option<u64> {
    let empty = empty_sale(report, SQLITE, connections)?;
    let full = report.request(|row| {
        row.what == Workload::Sale && row.sales_before > 0 && row.engine == SQLITE && row.connections == connections
    })?;
    (full.per_second * 100).checked_div(empty.per_second)
}

fn transfers_of(report: &BenchReport, hot: bool) -> Option<u64> {
    let wanted = Case { batch: 8_000, callers: 1, shape: Shape::EntryEach, hot };
    let row = report.transfers.iter().find(|row: &&transfers::TransferRow| row.engine == SQLITE && row.case == wanted);
    row.map(|row| row.per_second)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::machine::Machine;
    use crate::process::CpuUse;

    fn row(what: Workload, sales_before: usize, per_second: u64) -> SaleRow {
        SaleRow {
            what,
            engine: SQLITE,
            sales_before,
            connections: 64,
            per_second,
            p50: 1_000,
            p99: 15_001,
            max: 20_000,
            cpu: CpuUse { server: 100, generator: 50, others: 5 },
            memory: 50_000,
            refused: BTreeMap::new(),
        }
    }

    fn report(requests: Vec<SaleRow>) -> BenchReport {
        let machine = Machine {
            date: String::new(),
            cores: 2,
            processor: String::new(),
            memory: 1,
            kernel: String::new(),
            rustc: String::new(),
            sync_p50: 1,
            sync_p99: 1,
        };
        BenchReport {
            machine,
            seconds: 8,
            requests,
            transfers: vec![],
            library_sales: vec![],
            imports: vec![],
            beside: vec![],
            attacks: vec![],
            program: None,
        }
    }

    #[test]
    fn an_aim_is_judged_where_its_figures_are_there() {
        let report = report(vec![
            row(Workload::Noop, 0, 60_000),
            row(Workload::Sale, 0, 25_000),
            row(Workload::Sale, 1_000_000, 19_000),
        ]);
        let verdicts: Vec<_> = verdicts(&report).into_iter().map(|result| (result.measured, result.met)).collect();
        let expected = [("25,000", true), ("0.41", true), ("15.00 ms", false), ("0.76", false)];
        assert_eq!(verdicts, expected.map(|(measured, met)| (measured.to_owned(), met)));
    }

    #[test]
    fn without_figures_there_is_no_verdict() {
        assert_eq!(verdicts(&report(Vec::new())), []);
    }
}
