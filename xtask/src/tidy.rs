//! Fast checks of the text of the repository: what the compiler and clippy cannot see.
//!
//! Each rule is a function from the files to its findings, without any input or output, so that its
//! tests show it one bad sample and one good one.

mod arrows;
mod code;
mod links;
mod names;
mod pages;
mod places;
mod rust;
mod sql;
mod text;
mod tree;

use crate::{Chore, metadata, process};
use tree::{Finding, Tree};

pub(crate) const CHORE: Chore = Chore {
    name: "tidy",
    about: "check the text of the repository: arrows, SQL, pages, links, length",
    help: "
Usage: cargo xtask tidy

Reads every file of the repository and says, in sentences, what is against the house rules:

  arrows    a room uses only what ARCHITECTURE.md lets it use; database drivers only in crates/store
  sql       only crates/ledger writes ledger_ tables; migrations are numbered, named and included
  code      nothing unfinished; no sleep in a test (`// sleep-ok: reason` excuses one); no float near money
  pages     no inline script, style or handler; no asset from another site
  places    a crate says what it is; an app has a README; vendored files match their manifest
  names     one type name means one thing, and is no participle or function word (GLOSSARY.md)
  links     relative links in Markdown lead somewhere
  text      at most 600 lines (or `Long because: reason` at the top); clean line ends; no tabs in Rust
",
    run,
};

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    sql::ledger_writes,
    sql::migrations,
    code::unfinished,
    code::sleeps,
    code::floats,
    pages::inline_or_foreign,
    places::crate_headers,
    places::app_readmes,
    places::vendored,
    links::broken,
    names::one_meaning,
    names::banned,
    text::line_ends,
    text::length,
];

fn run(args: &[String]) -> Result<(), String> {
    if let Some(extra) = args.first() {
        return Err(format!("`tidy` takes no arguments; what is `{extra}`?"));
    }
    check()
}

/// Fails with one line for each finding, in the order of the files.
pub(crate) fn check() -> Result<(), String> {
    let tree = Tree::read(process::root())?;
    let mut findings = arrows::findings(&metadata::manifests()?);
    findings.extend(RULES.iter().flat_map(|rule| rule(&tree)));
    findings.sort();
    if findings.is_empty() {
        println!("{} files, all tidy", tree.files.len());
        return Ok(());
    }
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    Err(format!("against the house rules:\n  {}", lines.join("\n  ")))
}
