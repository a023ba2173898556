//! The project's own chores, run as `cargo xtask COMMAND`.
//!
//! Each command is one file with one row in [`COMMANDS`]. Everything that CI does, a person can do
//! at home with the same command, so the checks live here and not in a CI system's language.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who called it")]

mod bench;
mod deps;
mod generate;
mod metadata;
mod needs;
mod new_app;
mod process;
mod screenshots;
mod test;
mod tidy;

use std::process::ExitCode;

/// A chore: what it is called, what it says about itself, and what it does.
struct Chore {
    /// The word after `cargo xtask`.
    name: &'static str,
    /// One line for the list of commands.
    about: &'static str,
    /// What `--help` prints.
    help: &'static str,
    /// Does it, given the words after its name. An error is a sentence for the person who called.
    run: fn(&[String]) -> Result<(), String>,
}

const COMMANDS: &[Chore] =
    &[test::CHORE, tidy::CHORE, deps::CHORE, generate::CHORE, screenshots::CHORE, new_app::CHORE, bench::CHORE];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<(), String> {
    let Some((name, rest)) = args.split_first() else {
        return Err(format!("which chore?\n\n{}", overview()));
    };
    if asks_for_help(args) && name.starts_with('-') || name == "help" {
        println!("{}", overview());
        return Ok(());
    }
    let Some(chore) = COMMANDS.iter().find(|chore| chore.name == name) else {
        return Err(format!("there is no chore called `{name}`\n\n{}", overview()));
    };
    if asks_for_help(rest) {
        println!("{}", chore.help.trim());
        return Ok(());
    }
    (chore.run)(rest)
}

/// Words after `--` belong to the program that a chore starts.
fn asks_for_help(args: &[String]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--help" || arg == "-h")
}

fn overview() -> String {
    let mut text = String::from("Usage: cargo xtask COMMAND [--help]\n\nCommands:");
    for chore in COMMANDS {
        text.push_str(&format!("\n  {:<11} {}", chore.name, chore.about));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn every_chore_has_a_help_text_that_starts_with_its_usage() {
        for chore in COMMANDS {
            let usage = format!("Usage: cargo xtask {}", chore.name);
            assert!(chore.help.trim().starts_with(&usage), "{}", chore.name);
        }
    }

    #[test]
    fn an_unknown_chore_is_named_in_the_error() {
        let error = dispatch(&words("polish --quick")).unwrap_err();
        assert!(error.contains("`polish`") && error.contains("tidy"), "{error}");
    }

    #[test]
    fn help_after_two_dashes_belongs_to_the_program_started() {
        assert!(asks_for_help(&words("--quick --help")));
        assert!(!asks_for_help(&words("-- --help")));
    }
}
