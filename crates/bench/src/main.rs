//! Measures a release build of Purser: a load generator for its HTTP API, and the ledger through its library.
//!
//! `cargo xtask bench` builds and runs it; docs/performance.md says what is measured, and why so.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to the person who called it")]

mod aims;
mod attacks;
mod clock;
mod counter;
mod histogram;
mod load;
mod machine;
mod options;
mod people;
mod place;
mod prefill;
mod process;
mod report;
mod server;
mod split_mix;
mod startup;
mod transfers;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use crate::counter::{Stock, Workload};
use crate::machine::Machine;
use crate::options::{BenchOptions, BenchPart};
use crate::place::BenchFolder;
use crate::report::BenchReport;
use crate::server::Program;

/// Clients at once in the rows that look at one thing only.
const USUAL_CONNECTIONS: usize = 64;

/// Staff who look at the console at once.
const STAFF: usize = 4;

fn main() -> ExitCode {
    match run(&BenchOptions::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &BenchOptions) -> Result<(), String> {
    let own = clock::own_path()?;
    // Beside the folder of the release build: target/bench.
    let target = own.parent().and_then(Path::parent).ok_or("this program stands in no target folder")?;
    let folder = target.join("bench");
    let ground = BenchFolder::clear(&folder)?;
    let report = BenchReport {
        machine: Machine::inspect(ground.folder())?,
        seconds: options.timing().measured.as_secs(),
        requests: Vec::new(),
        transfers: Vec::new(),
        library_sales: Vec::new(),
        imports: Vec::new(),
        beside: Vec::new(),
        attacks: Vec::new(),
        program: None,
    };
    let mut bench = Bench { options, ground, report };
    bench.ledger()?;
    let of_program =
        [BenchPart::Start, BenchPart::Noop, BenchPart::Sale, BenchPart::Console, BenchPart::People, BenchPart::Attacks];
    if of_program.into_iter().any(|part| options.wants(part)) {
        let program = Program::find(&own, folder.join("data"))?;
        bench.start(&program)?;
        bench.counter(&program)?;
        bench.attacks(&program)?;
    }
    println!("{}", bench.report.markdown());
    let path = folder.join("bench.json");
    std::fs::write(&path, bench.report.json()?).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// A run: what is wanted, where it happens, and what came of it so far.
struct Bench<'o> {
    options: &'o BenchOptions,
    ground: BenchFolder,
    report: BenchReport,
}

impl Bench<'_> {
    fn ledger(&mut self) -> Result<(), String> {
        if !self.options.wants(BenchPart::Ledger) {
            return Ok(());
        }
        for engine in self.options.engines() {
            for case in transfers::CASES {
                eprintln!("ledger on {}: {case:?}", engine.name());
                let row = transfers::measure(&mut self.ground, engine, *case, self.options.timing())?;
                self.report.transfers.push(row);
            }
        }
        Ok(())
    }

    fn start(&mut self, program: &Program) -> Result<(), String> {
        if self.options.wants(BenchPart::Start) {
            eprintln!("starting the program");
            self.report.program = Some(startup::measure(&mut self.ground, program)?);
        }
        Ok(())
    }

    fn attacks(&mut self, program: &Program) -> Result<(), String> {
        if self.options.wants(BenchPart::Attacks) {
            self.report.attacks = attacks::measure(&mut self.ground, program, self.options.timing())?;
        }
        Ok(())
    }

    fn counter(&mut self, program: &Program) -> Result<(), String> {
        let mut noop = self.options.wants(BenchPart::Noop);
        for engine in self.options.engines() {
            let database = [BenchPart::Sale, BenchPart::Console, BenchPart::People];
            if !noop && !database.into_iter().any(|part| self.options.wants(part)) {
                return Ok(());
            }
            eprintln!("filling {}: sellers, credit and numbers", engine.name());
            let stock = Stock::make(&mut self.ground, program, engine)?;
            // It touches no database, so once is enough.
            if std::mem::take(&mut noop) {
                self.at_all_connections(program, &stock, Workload::Noop)?;
            }
            if self.options.wants(BenchPart::People) {
                eprintln!("a pool of members on {}", stock.engine().name());
                let (import, beside) = people::measure(&mut self.ground, program, &stock, self.options.timing())?;
                self.report.imports.push(import);
                self.report.beside.extend(beside);
            }
            self.sales(program, stock)?;
        }
        Ok(())
    }

    fn sales(&mut self, program: &Program, mut stock: Stock) -> Result<(), String> {
        let (sale, console) = (self.options.wants(BenchPart::Sale), self.options.wants(BenchPart::Console));
        if sale {
            self.at_all_connections(program, &stock, Workload::Sale)?;
            for what in [Workload::SaleWithKey, Workload::SaleOfOneSeller] {
                self.request(program, &stock, what, USUAL_CONNECTIONS)?;
            }
        }
        if !sale && !console {
            return Ok(());
        }
        eprintln!("filling {}: {} sales", stock.engine().name(), self.options.sales());
        self.report.library_sales.push(stock.sell(self.options.sales())?);
        if console {
            self.request(program, &stock, Workload::SalesListed, STAFF)?;
        }
        if sale { self.at_all_connections(program, &stock, Workload::Sale) } else { Ok(()) }
    }

    fn at_all_connections(&mut self, program: &Program, stock: &Stock, what: Workload) -> Result<(), String> {
        for connections in &self.options.connections {
            self.request(program, stock, what, *connections)?;
        }
        Ok(())
    }

    fn request(&mut self, program: &Program, stock: &Stock, what: Workload, connections: usize) -> Result<(), String> {
        eprintln!("{what:?} on {} at {connections} clients", stock.engine().name());
        let row = stock.measure(&mut self.ground, program, what, connections, self.options.timing())?;
        self.report.requests.push(row);
        Ok(())
    }
}
