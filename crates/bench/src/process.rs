//! What processes use, as the kernel counts it under /proc.

use std::fs;
use std::time::Duration;

/// Milliseconds of the unit in which the kernel tells processor time, on every Linux.
const TICK: u64 = 10;

/// Processor time used since some moment long past.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    server: Duration,
    generator: Duration,
    machine: Duration,
}

/// Processor time used, in percent of one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct CpuUse {
    pub(crate) server: u64,
    pub(crate) generator: u64,
    /// Everything else that ran: PostgreSQL, the kernel's own threads, whatever else the machine was doing.
    pub(crate) others: u64,
}

impl Cpu {
    /// As used up to now by the server with this process id, by us, and by all.
    pub(crate) fn read(server: u32) -> Result<Cpu, String> {
        let of = |id: &str| read(&format!("/proc/{id}/stat")).and_then(|text| process_time(&text));
        let machine = read("/proc/stat").and_then(|text| machine_time(&text))?;
        Ok(Cpu { server: of(&server.to_string())?, generator: of("self")?, machine })
    }

    pub(crate) fn since(self, before: Cpu, window: Duration) -> CpuUse {
        let percent = |used: Duration| u64::try_from(used.as_nanos() * 100 / window.as_nanos().max(1)).unwrap_or(0);
        let server = self.server.saturating_sub(before.server);
        let generator = self.generator.saturating_sub(before.generator);
        let others = self.machine.saturating_sub(before.machine).saturating_sub(server + generator);
        CpuUse { server: percent(server), generator: percent(generator), others: percent(others) }
    }
}

/// Resident memory of a process, in KiB: now, and at its most so far.
pub(crate) fn memory(process: u32) -> Result<(u64, u64), String> {
    let path = format!("/proc/{process}/status");
    let text = read(&path)?;
    let field = |name| kibibytes(&text, name).ok_or_else(|| format!("{path} has no {name}"));
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// The value of a line `ConnectorName:   123 kB`.
pub(crate) fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

pub(crate) fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
}

/// User and system time of all threads: the 12th and 13th field after the name, which stands in parentheses.
fn process_time(stat: &str) -> Result<Duration, String> {
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    ticks(fields.split_whitespace().skip(11).take(2)).ok_or_else(|| format!("odd process statistics: {stat}"))
}

/// All but idle and waiting for the disk: of the first line, what is used by user, nice, system, and interrupts.
fn machine_time(stat: &str) -> Result<Duration, String> {
    let first = stat.lines().next().unwrap_or_default();
    let fields = first.split_whitespace().skip(1).enumerate();
    let busy = fields.filter(|(index, _)| matches!(index, 0..=2 | 5 | 6)).map(|(_, field)| field);
    ticks(busy).ok_or_else(|| format!("odd machine statistics: {first}"))
}

fn ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Duration> {
    let mut sum = None;
    for field in fields {
        sum = Some(sum.unwrap_or(0) + field.parse::<u64>().ok()?);
    }
    sum.map(|ticks| Duration::from_millis(ticks * TICK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_the_right_fields() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 7 8";
        assert_eq!(process_time(stat), Ok(Duration::from_secs(3)));
        let machine = "cpu  100 50 50 9999 999 20 30 0 0 0\ncpu0 1 1 1\n";
        assert_eq!(machine_time(machine), Ok(Duration::from_millis(2_500)));
        assert!(process_time("").is_err() && machine_time("cpu").is_err());
    }

    #[test]
    fn this_process_has_memory_and_time() {
        let own = std::process::id();
        let (now, most) = memory(own).unwrap();
        assert!(now > 0 && most >= now);
        let cpu = Cpu::read(own).unwrap();
        assert_eq!(cpu.since(cpu, Duration::from_secs(1)), CpuUse { server: 0, generator: 0, others: 0 });
    }

    #[test]
    fn a_share_is_percent_of_one_core() {
        let at = |server, generator, machine| Cpu {
            server: Duration::from_millis(server),
            generator: Duration::from_millis(generator),
            machine: Duration::from_millis(machine),
        };
        let used = at(1_100, 900, 4_000).since(at(100, 400, 2_000), Duration::from_secs(1));
        assert_eq!(used, CpuUse { server: 100, generator: 50, others: 50 });
    }
}
