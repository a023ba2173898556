//! The pictures in docs/screenshots, taken again.

use crate::{Chore, needs, process};

pub(crate) const CHORE: Chore = Chore {
    name: "screenshots",
    about: "take the pictures in docs/screenshots again",
    help: "
Usage: cargo xtask screenshots

Runs the test that opens the demo in a browser and takes a picture of its main pages, and keeps the pictures.
Look at each before you commit it. Letters are those of Inter where the machine has it (Debian: fonts-inter).
",
    run,
};

const TEST: [&str; 7] = ["test", "--package", "purser", "--test", "it", "--", "chromium::pictures"];

fn run(args: &[String]) -> Result<(), String> {
    if let Some(extra) = args.first() {
        return Err(format!("`screenshots` takes no arguments; what is `{extra}`?"));
    }
    needs::provide()?;
    process::run(process::cargo(&TEST).env("SCREENSHOTS", process::root().join("docs/screenshots")))
}
