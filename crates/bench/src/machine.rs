//! What the figures were measured on: without it they mean nothing.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde::Serialize;

use crate::histogram::Histogram;
use crate::{clock, process};

/// How often the disk is made to sync, and how much it is given each time: about what a small commit writes.
const SYNCS: usize = 200;
const SYNC_BYTES: usize = 16 * 1024;

/// The machine and the moment.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// When the run began, UTC.
    pub(crate) date: String,
    pub(crate) cores: usize,
    pub(crate) processor: String,
    /// MiB.
    pub(crate) memory: u64,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    /// Microseconds that a sync takes, in the middle and at the slow end.
    pub(crate) sync_p50: u64,
    pub(crate) sync_p99: u64,
}

impl Machine {
    /// Looks at this machine, and at the disk under `folder`.
    pub(crate) fn inspect(folder: &Path) -> Result<Machine, String> {
        let cpu = process::read("/proc/cpuinfo")?;
        let memory = process::read("/proc/meminfo")?;
        let syncs = syncs(&folder.join("sync")).map_err(|error| format!("cannot sync a file: {error}"))?;
        Ok(Machine {
            date: clock::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field(&cpu, "model name").unwrap_or("unknown processor").to_owned(),
            memory: process::kibibytes(&memory, "MemTotal:").unwrap_or(0) / 1_024,
            kernel: process::read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            rustc: rustc(),
            sync_p50: syncs.percentile(50),
            sync_p99: syncs.percentile(99),
        })
    }
}

/// The value of the first line `name : value`.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, value) = text.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim())
}

fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output
        .map_or_else(|_| "rustc unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Writes over the same bytes of a file again and again, and waits each time until they are on the disk.
fn syncs(path: &Path) -> std::io::Result<Histogram> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    let bytes = [1; SYNC_BYTES];
    file.write_all(&bytes)?;
    file.sync_all()?;
    let mut histogram = Histogram::new();
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        histogram.record(began.elapsed());
    }
    drop(file);
    std::fs::remove_file(path)?;
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::inspect(folder.path()).unwrap();
        assert!(machine.cores > 0 && machine.memory > 0 && machine.sync_p99 >= machine.sync_p50, "{machine:?}");
        assert!(machine.rustc.starts_with("rustc"), "{machine:?}");
    }
}
