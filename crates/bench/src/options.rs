//! What is to be measured, and for how long.

use std::time::Duration;

use clap::{Parser, ValueEnum};
use purser_store::Engine;

use crate::load::Timing;

/// Measures a release build of Purser under load; docs/performance.md says what the figures mean.
///
/// Prints Markdown tables on standard output, and writes the same figures to target/bench/bench.json.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask bench --", max_term_width = 100)]
pub(crate) struct BenchOptions {
    /// Measure these parts only, joined by commas
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<BenchPart>,
    /// Measure on this engine only
    #[arg(long)]
    engine: Option<EngineName>,
    /// Measure for 2 seconds instead of 8, and with 100,000 sales instead of 1,000,000
    #[arg(long)]
    quick: bool,
    /// Clients at once, joined by commas
    #[arg(long, value_delimiter = ',', value_name = "COUNTS", default_values_t = [16, 64, 256])]
    pub(crate) connections: Vec<usize>,
}

/// A part of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchPart {
    /// A request without a database: the ceiling
    Noop,
    /// Sales over HTTP
    Sale,
    /// Transfers through the library
    Ledger,
    /// A console page among a million rows
    Console,
    /// A hundred thousand members, an expiry and sign-ins beside sales
    People,
    /// A normal client beside connections that mean no good
    Attacks,
    /// Time to start, memory at rest, size
    Start,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineName {
    Sqlite,
    Postgres,
}

impl BenchOptions {
    pub(crate) fn wants(&self, part: BenchPart) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// The engines to measure, the embedded one first.
    pub(crate) fn engines(&self) -> Vec<Engine> {
        let all = [(EngineName::Sqlite, Engine::Sqlite), (EngineName::Postgres, Engine::Postgres)];
        let wanted = all.into_iter().filter(|(name, _)| self.engine.is_none_or(|engine| engine == *name));
        wanted.map(|(_, engine)| engine).collect()
    }

    pub(crate) fn timing(&self) -> Timing {
        let (warm_up, measured) = if self.quick { (1, 2) } else { (2, 8) };
        Timing { warm_up: Duration::from_secs(warm_up), measured: Duration::from_secs(measured) }
    }

    /// How many sales a database that is not empty holds.
    pub(crate) fn sales(&self) -> usize {
        if self.quick { 100_000 } else { 1_000_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> BenchOptions {
        BenchOptions::try_parse_from([&["bench"], args].concat()).unwrap()
    }

    #[test]
    fn without_arguments_everything_is_measured() {
        let options = parse(&[]);
        assert!(
            [
                BenchPart::Noop,
                BenchPart::Sale,
                BenchPart::Ledger,
                BenchPart::Start,
                BenchPart::Console,
                BenchPart::People
            ]
            .into_iter()
            .all(|part| options.wants(part))
        );
        assert_eq!(options.engines(), [Engine::Sqlite, Engine::Postgres]);
        assert_eq!(options.connections, [16, 64, 256]);
        assert_eq!((options.timing().measured, options.sales()), (Duration::from_secs(8), 1_000_000));
    }

    #[test]
    fn arguments_narrow_it_down() {
        let options = parse(&["--only", "noop,sale", "--engine", "postgres", "--quick", "--connections", "8"]);
        assert!(options.wants(BenchPart::Sale) && !options.wants(BenchPart::Ledger));
        assert_eq!((options.engines(), options.connections), (vec![Engine::Postgres], vec![8]));
    }
}
