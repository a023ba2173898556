//! What the tests need from the machine: installed where that may be done, else named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

struct Need {
    what: &'static str,
    found: fn() -> bool,
    /// The Debian packages that bring it.
    apt: &'static [&'static str],
    /// How to get it elsewhere: system and command.
    by_hand: &'static [(&'static str, &'static str)],
}

const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler (SQLite and ring are built from source)",
        found: c_compiler,
        apt: &["gcc", "libc6-dev"],
        by_hand: &[
            ("Debian, Ubuntu", "apt-get install gcc libc6-dev"),
            ("Fedora", "dnf install gcc"),
            ("macOS", "xcode-select --install"),
        ],
    },
    Need {
        what: "PostgreSQL 13 or newer: initdb, pg_basebackup, pg_ctl, postgres and psql",
        found: postgres_server,
        apt: &["postgresql"],
        by_hand: &[
            ("Debian, Ubuntu", "apt-get install postgresql"),
            ("Fedora", "dnf install postgresql-server postgresql"),
            ("macOS", "brew install postgresql@17, then put its bin folder into PATH"),
        ],
    },
    Need {
        what: "ps, by which the tests find a server's processes",
        found: processes,
        apt: &["procps"],
        by_hand: &[("Debian, Ubuntu", "apt-get install procps"), ("Fedora", "dnf install procps-ng")],
    },
    Need {
        what: "a browser for the tests of pages: Chromium or Chrome, and the chromedriver of its version",
        found: browser,
        apt: &["chromium", "chromium-driver"],
        by_hand: &[
            ("Debian", "apt-get install chromium chromium-driver"),
            ("Ubuntu, whose packages are snaps", "both from https://googlechromelabs.github.io/chrome-for-testing/"),
            ("Fedora", "dnf install chromium chromedriver"),
            ("macOS", "brew install --cask chromium chromedriver"),
        ],
    },
];

/// Installs what is missing, or fails with a list of it and how to get it.
pub(crate) fn provide() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        for need in NEEDS {
            println!("found: {}", need.what);
        }
        return Ok(());
    }
    let Some(installer) = Installer::find() else {
        return Err(instructions(&missing));
    };
    installer.install(&missing).map_err(|sentence| format!("{sentence}\n  {}", instructions(&missing)))?;
    let still = self::missing();
    if still.is_empty() { Ok(()) } else { Err(instructions(&still)) }
}

fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !(need.found)()).collect()
}

fn instructions(missing: &[&Need]) -> String {
    let mut text = String::from("the tests need more than this machine has:");
    for need in missing {
        text.push_str(&format!("\n  - {}", need.what));
        for (system, command) in need.by_hand {
            text.push_str(&format!("\n      {system}: {command}"));
        }
    }
    text
}

fn c_compiler() -> bool {
    let named = process::environment("CC").and_then(|name| name.into_string().ok());
    named.as_deref().into_iter().chain(["cc", "gcc", "clang"]).any(|name| process::succeeds(name, &["--version"]))
}

/// As crates/testkit looks for them: all in one folder, to which a link in PATH may lead.
fn postgres_server() -> bool {
    let debian = versions_in(Path::new("/usr/lib/postgresql"));
    let folders = process::search_path().into_iter().chain(debian);
    let mut real = folders.filter_map(|folder| folder.join("pg_ctl").canonicalize().ok());
    real.any(|pg_ctl| {
        let has = |program| pg_ctl.with_file_name(program).is_file();
        ["initdb", "pg_basebackup", "postgres", "psql"].into_iter().all(has)
    })
}

fn processes() -> bool {
    process::search_path().iter().any(|folder| folder.join("ps").is_file())
}

/// Debian keeps each major version apart and out of PATH: `/usr/lib/postgresql/15/bin`.
fn versions_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path().join("bin")).collect()
}

/// As crates/purser/tests/it/chromium looks for them: both in PATH.
fn browser() -> bool {
    const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let has = |program: &str| process::search_path().iter().any(|folder| folder.join(program).is_file());
    has("chromedriver") && BROWSERS.into_iter().any(has)
}

/// apt-get, as root or through a sudo that asks no password.
struct Installer {
    sudo: bool,
}

impl Installer {
    fn find() -> Option<Installer> {
        if !process::succeeds("apt-get", &["--version"]) {
            return None;
        }
        if process::output(Command::new("id").arg("-u")).is_ok_and(|id| id == b"0\n") {
            return Some(Installer { sudo: false });
        }
        process::succeeds("sudo", &["-n", "true"]).then_some(Installer { sudo: true })
    }

    fn install(&self, missing: &[&Need]) -> Result<(), String> {
        let packages = missing.iter().flat_map(|need| need.apt);
        process::run(self.apt_get().arg("update"))?;
        process::run(self.apt_get().args(["install", "-y", "--no-install-recommends"]).args(packages))
    }

    /// `env` passes the setting through sudo; the time-out waits for another apt to finish.
    fn apt_get(&self) -> Command {
        let mut command = Command::new(if self.sudo { "sudo" } else { "env" });
        if self.sudo {
            command.args(["-n", "env"]);
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]);
        command.args(["-o", "DPkg::Lock::Timeout=120"]);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_name_each_missing_thing_and_a_command_for_each_system() {
        let text = instructions(&NEEDS.iter().collect::<Vec<_>>());
        for word in ["C compiler", "initdb", "Debian", "dnf install postgresql-server", "brew", "chromium-driver"] {
            assert!(text.contains(word), "{word} is missing in {text}");
        }
    }

    #[test]
    fn a_folder_that_does_not_exist_holds_no_versions() {
        assert!(versions_in(Path::new("/no/such/folder")).is_empty());
    }
}
