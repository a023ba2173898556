//! Starting other programs from the root of the workspace. No shell is involved.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the workspace: the folder above this crate.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The cargo that runs this chore, with `args`, at the root of the workspace.
///
/// What `cargo run` put into the environment for xtask is taken out again. Build scripts watch
/// those variables (ring's does), so passing them on would rebuild half the tree each time a
/// person changes between `cargo test` and `cargo xtask test`.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(environment("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(args).current_dir(root());
    for name in environment_names() {
        if set_by_cargo_run(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn set_by_cargo_run(name: &str) -> bool {
    const EXACT: &[&str] = &["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    EXACT.contains(&name) || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// Runs `command` with its output going to the terminal; an exit code other than 0 is an error.
/// It gets no input: a chore must never wait for somebody to type.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let line = shown(command);
    println!("$ {line}");
    let status =
        command.stdin(Stdio::null()).status().map_err(|error| format!("`{line}` could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed ({status})")) }
}

/// Runs `command` and returns what it printed on stdout; stderr goes to the terminal.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let line = shown(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{line}` could not be started: {error}"))?;
    if output.status.success() { Ok(output.stdout) } else { Err(format!("`{line}` failed ({})", output.status)) }
}

/// Whether `program` can be started and says that all is well. Its output is thrown away.
pub(crate) fn succeeds(program: &str, args: &[&str]) -> bool {
    let status =
        Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The folders in PATH.
pub(crate) fn search_path() -> Vec<PathBuf> {
    environment("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// One variable of the environment.
#[expect(clippy::disallowed_methods, reason = "a chore is not the product: it may look around")]
pub(crate) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[expect(clippy::disallowed_methods, reason = "a chore is not the product: it may look around")]
fn environment_names() -> Vec<String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
}

/// The command as a person would type it: the program by its name, not by its path.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut words = vec![name.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        assert!(root().join("Cargo.lock").is_file());
    }

    #[test]
    fn variables_of_cargo_run_are_not_passed_on_and_others_are() {
        assert!(set_by_cargo_run("CARGO_PKG_NAME") && set_by_cargo_run("CARGO_MANIFEST_DIR"));
        assert!(!set_by_cargo_run("CARGO_HOME") && !set_by_cargo_run("CARGO_TARGET_DIR"));
    }

    #[test]
    fn a_failing_program_is_an_error_that_shows_its_command_line() {
        let error = run(cargo(&["no-such-subcommand"]).stderr(Stdio::null())).unwrap_err();
        assert!(error.starts_with("`cargo no-such-subcommand` failed"), "{error}");
    }
}
