//! Everything that must hold before a change goes in, cheapest first.

use std::time::{Duration, Instant};

use crate::{Chore, deps, generate, needs, process, tidy};

pub(crate) const CHORE: Chore = Chore {
    name: "test",
    about: "run every check: what CI runs, in the same order",
    help: "
Usage: cargo xtask test [--quick] [FILTER]

Runs each step, says how long it took, and stops at the first that fails:

  needs       install what the tests need, or say what is missing
  format      cargo fmt --check
  tidy        cargo xtask tidy
  deps        cargo xtask deps
  clippy      cargo clippy, warnings are errors
  tests       cargo test: units, documentation, both database engines
  generated   cargo xtask generate --check

  --quick   only what needs no database: leaves out needs, the integration tests and generated
  FILTER    run only tests whose name contains it, and no other step but needs
",
    run,
};

struct Step {
    name: &'static str,
    run: fn() -> Result<(), String>,
}

const NEEDS: Step = Step { name: "needs", run: needs::provide };
const FORMAT: Step = Step { name: "format", run: format };
const TIDY: Step = Step { name: "tidy", run: tidy::check };
const DEPS: Step = Step { name: "deps", run: deps::check };
const CLIPPY: Step = Step { name: "clippy", run: clippy };
const TESTS: Step = Step { name: "tests", run: all_tests };
const UNIT_TESTS: Step = Step { name: "unit tests", run: unit_tests };
const GENERATED: Step = Step { name: "generated", run: generate::check };

const ALL: &[Step] = &[NEEDS, FORMAT, TIDY, DEPS, CLIPPY, TESTS, GENERATED];
const QUICK: &[Step] = &[FORMAT, TIDY, DEPS, CLIPPY, UNIT_TESTS];

#[derive(Debug, PartialEq)]
struct Options<'a> {
    quick: bool,
    filter: Option<&'a str>,
}

fn run(args: &[String]) -> Result<(), String> {
    let options = parse(args)?;
    match options.filter {
        Some(filter) => filtered(filter, options.quick),
        None if options.quick => walk(QUICK),
        None => walk(ALL),
    }
}

fn parse(args: &[String]) -> Result<Options<'_>, String> {
    let mut options = Options { quick: false, filter: None };
    for arg in args {
        match arg.as_str() {
            "--quick" => options.quick = true,
            flag if flag.starts_with('-') => {
                return Err(format!("`test` has no option {flag}; see `cargo xtask test --help`"));
            }
            filter if options.filter.is_none() => options.filter = Some(filter),
            extra => return Err(format!("`test` takes one FILTER; what is `{extra}`?")),
        }
    }
    Ok(options)
}

fn walk(steps: &[Step]) -> Result<(), String> {
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n==> [{}/{}] {}", index + 1, steps.len(), step.name);
        let start = Instant::now();
        (step.run)().map_err(|sentence| {
            let (number, count) = (index + 1, steps.len());
            format!("step {number} of {count}, {}, failed:\n  {sentence}", step.name)
        })?;
        times.push((step.name, start.elapsed()));
    }
    println!("\nEverything passed:");
    for (name, time) in times {
        println!("  {name:<10} {time:>8.1?}");
    }
    Ok(())
}

fn filtered(filter: &str, quick: bool) -> Result<(), String> {
    if quick {
        return process::run(process::cargo(&UNIT_TEST_ARGS).arg(filter));
    }
    needs::provide()?;
    process::run(process::cargo(&TEST_ARGS).arg(filter))
}

const TEST_ARGS: [&str; 2] = ["test", "--workspace"];
/// testkit's own tests start PostgreSQL.
const UNIT_TEST_ARGS: [&str; 6] = ["test", "--workspace", "--exclude", "purser-testkit", "--lib", "--bins"];

fn format() -> Result<(), String> {
    process::run(&mut process::cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), String> {
    let args = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    process::run(&mut process::cargo(&args))
}

fn all_tests() -> Result<(), String> {
    process::run(&mut process::cargo(&TEST_ARGS))
}

fn unit_tests() -> Result<(), String> {
    process::run(&mut process::cargo(&UNIT_TEST_ARGS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn options_are_read_in_any_order() {
        let both = Options { quick: true, filter: Some("sale") };
        assert_eq!(parse(&words("--quick sale")), Ok(both));
        assert_eq!(parse(&[]), Ok(Options { quick: false, filter: None }));
    }

    #[test]
    fn an_option_or_word_too_many_is_refused_by_name() {
        assert!(parse(&words("--fast")).unwrap_err().contains("--fast"));
        assert!(parse(&words("sale hold")).unwrap_err().contains("`hold`"));
    }

    #[test]
    fn the_walk_stops_at_the_first_step_that_fails_and_names_it() {
        const FAILS: Step = Step { name: "second", run: || Err(String::from("no water")) };
        const NEVER: Step = Step { name: "third", run: || panic!("must not be reached") };
        let steps = [Step { name: "first", run: || Ok(()) }, FAILS, NEVER];
        let error = walk(&steps).unwrap_err();
        assert_eq!(error, "step 2 of 3, second, failed:\n  no water");
    }
}
