//! The pictures in docs/screenshots, taken again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Chore, needs, process};

pub(crate) const CHORE: Chore = Chore {
    name: "screenshots",
    about: "take the pictures in docs/screenshots again",
    help: "
Usage: cargo xtask screenshots

Runs the test that opens the demo in a browser and takes a picture of its main pages, and keeps the pictures.
Look at each before you commit it. Letters are those of Inter where the machine has it (Debian:
fonts-inter), and pngquant, where it is installed, makes the files small.
",
    run,
};

const TEST: [&str; 7] = ["test", "--package", "purser", "--test", "it", "--", "chromium::pictures"];
const FOLDER: &str = "docs/screenshots";

/// So that the repository and its pages stay light.
const MOST_BYTES: u64 = 150 * 1024;

fn run(args: &[String]) -> Result<(), String> {
    if let Some(extra) = args.first() {
        return Err(format!("`screenshots` takes no arguments; what is `{extra}`?"));
    }
    needs::provide()?;
    let folder = process::root().join(FOLDER);
    process::run(process::cargo(&TEST).env("SCREENSHOTS", &folder))?;
    let pictures = pictures(&folder)?;
    if process::succeeds("pngquant", &["--version"]) {
        let mut quantize = Command::new("pngquant");
        process::run(quantize.args(["--force", "--ext", ".png", "--speed", "1", "--strip", "--"]).args(&pictures))?;
    }
    let heavy: Vec<String> = pictures.iter().filter(|path| size(path) > MOST_BYTES).map(|path| shown(path)).collect();
    if heavy.is_empty() {
        println!("{} pictures in {FOLDER}", pictures.len());
        return Ok(());
    }
    Err(format!("more than {} KB, and pngquant (Debian: pngquant) halves it: {}", MOST_BYTES / 1024, heavy.join(", ")))
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{FOLDER} cannot be read: {error}"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == "png")).collect())
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(u64::MAX, |metadata| metadata.len())
}

fn shown(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
