//! Files that the program writes about itself, kept in the repository so that a change shows in review.

use std::fs;

use crate::{Chore, process};

pub(crate) const CHORE: Chore = Chore {
    name: "generate",
    about: "rewrite the files that the program writes about itself",
    help: "
Usage: cargo xtask generate [--check]

Builds purser (dev profile) and rewrites what it prints about itself:

  docs/openapi.json   purser openapi
  docs/errors.md      purser docs errors

  --check   change nothing; fail if a file is not what would be written
",
    run,
};

struct Generated {
    /// From the root of the workspace.
    path: &'static str,
    /// The words after `purser` that print it.
    args: &'static [&'static str],
}

const FILES: &[Generated] = &[
    Generated { path: "docs/openapi.json", args: &["openapi"] },
    Generated { path: "docs/errors.md", args: &["docs", "errors"] },
];

/// The generated files, from the root of the workspace.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|file| file.path)
}

fn run(args: &[String]) -> Result<(), String> {
    match args {
        [] => write(),
        [flag] if flag == "--check" => check(),
        _ => Err(String::from("`generate` takes nothing but --check")),
    }
}

/// Fails, naming each of them, if any file is not what the program prints now.
pub(crate) fn check() -> Result<(), String> {
    let mut stale = Vec::new();
    for file in FILES {
        let printed = print(file)?;
        let kept = fs::read(process::root().join(file.path)).unwrap_or_default();
        match first_difference(&kept, &printed) {
            None => println!("{} is current", file.path),
            Some(line) => stale.push(format!(
                "{} is not what `purser {}` prints: they differ from line {line}",
                file.path,
                file.args.join(" "),
            )),
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    stale.push(String::from("run `cargo xtask generate` and commit what it changes"));
    Err(stale.join("\n  "))
}

fn write() -> Result<(), String> {
    for file in FILES {
        let printed = print(file)?;
        fs::write(process::root().join(file.path), printed)
            .map_err(|error| format!("{} cannot be written: {error}", file.path))?;
        println!("{} written", file.path);
    }
    Ok(())
}

fn print(file: &Generated) -> Result<Vec<u8>, String> {
    let mut args = vec!["run", "--quiet", "--package", "purser", "--"];
    args.extend(file.args);
    let printed = process::output(&mut process::cargo(&args))?;
    if printed.is_empty() {
        return Err(format!("`purser {}` printed nothing", file.args.join(" ")));
    }
    Ok(printed)
}

/// The number, from 1, of the first line that is not the same in both.
fn first_difference(kept: &[u8], printed: &[u8]) -> Option<usize> {
    if kept == printed {
        return None;
    }
    let same = kept.iter().zip(printed).take_while(|(a, b)| a == b);
    Some(1 + same.filter(|(byte, _)| **byte == b'\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_difference(b"a\nb\n", b"a\nb\n"), None);
        assert_eq!(first_difference(b"", b"a\n"), Some(1));
        assert_eq!(first_difference(b"a\nb\n", b"a\nc\n"), Some(2));
        assert_eq!(first_difference(b"a\nb\n", b"a\nb\nc\n"), Some(3));
    }
}
