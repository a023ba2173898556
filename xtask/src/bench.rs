//! Builds the program and the load generator in release, and hands over to the load generator.

use std::path::Path;
use std::process::Command;

use crate::{Chore, metadata, process};

pub(crate) const CHORE: Chore = Chore {
    name: "bench",
    about: "measure a release build under load",
    help: "
Usage: cargo xtask bench [ARGUMENTS of purser-bench]

Builds `purser` and `purser-bench` in release and runs the latter with the same arguments.
For what it measures and its options: cargo xtask bench -- --help
",
    run,
};

fn run(args: &[String]) -> Result<(), String> {
    let packages = ["--package", "purser", "--package", "purser-bench"];
    process::run(process::cargo(&["build", "--release"]).args(packages))?;
    let target = metadata::manifests()?.target_directory;
    let program = Path::new(&target).join("release").join("purser-bench");
    let args = args.strip_prefix(&[String::from("--")]).unwrap_or(args);
    process::run(Command::new(program).args(args).current_dir(process::root()))
}
