//! The program itself: how big it is, how soon it answers, what it takes at rest.

use std::process::Command;
use std::time::Duration;

use purser_store::Engine;
use serde::Serialize;

use crate::place::BenchFolder;
use crate::process;
use crate::server::{Program, Server};

/// How often the program is started; the middle one counts.
const STARTS: usize = 5;

/// How long a started program is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(2);

/// Figures of the embedded engine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EngineFigures {
    /// Bytes of the release build, as cargo leaves it; and without its line tables, where there is a `strip`.
    pub(crate) size: u64,
    pub(crate) size_stripped: Option<u64>,
    /// Microseconds from exec to the first answer, in the middle of five: with a database that it has made before.
    pub(crate) ready: u64,
    /// The same in an empty folder, where it makes its key and its tables first.
    pub(crate) ready_first: u64,
    /// Resident KiB, 2 seconds after it was ready.
    pub(crate) memory_at_rest: u64,
}

/// Starts the program again and again.
pub(crate) fn measure(ground: &mut BenchFolder, program: &Program) -> Result<EngineFigures, String> {
    let mut first = Vec::with_capacity(STARTS);
    let mut later = Vec::with_capacity(STARTS);
    let mut memory = Vec::with_capacity(STARTS);
    for number in 0..STARTS {
        let program = program.with_data(ground.folder().join(format!("start-{number}")))?;
        let place = ground.database_new(Engine::Sqlite)?;
        let (took, server) = program.time_to_answer(&place)?;
        first.push(took);
        server.stop()?;
        let (took, server) = program.time_to_answer(&place)?;
        later.push(took);
        memory.push(at_rest(&server)?);
        server.stop()?;
        ground.remove(&place)?;
    }
    let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    Ok(EngineFigures {
        size: program.size()?,
        size_stripped: size_stripped(ground, program),
        ready: micros(median(later)),
        ready_first: micros(median(first)),
        memory_at_rest: median(memory),
    })
}

fn at_rest(server: &Server) -> Result<u64, String> {
    std::thread::sleep(REST);
    process::memory(server.process()).map(|(now, _)| now)
}

fn median<T: Ord + Copy + Default>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn size_stripped(ground: &BenchFolder, program: &Program) -> Option<u64> {
    let stripped = ground.folder().join("stripped");
    let done = Command::new("strip").arg("-o").arg(&stripped).arg(&program.path).status();
    done.ok().filter(|status| status.success())?;
    Program { path: stripped, data: program.data.clone() }.size().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![9, 1, 5]), 5);
        assert_eq!(median(Vec::<u64>::new()), 0);
    }
}
