//! How many may be connected: what the settings say, within what the machine allows.

use std::time::Duration;

use purser_web::ConnectionLimits;

use crate::cli_error::CliError;
use crate::config::Config;

/// Connections to the metrics server: a few programs that scrape it.
pub(super) const OF_METRICS: usize = 16;

/// Connections in all where nothing is set and files are plenty. Each takes some tens of kilobytes.
const USUAL: u64 = 4_096;

/// Fewer than this serve nobody.
const LEAST: u64 = 16;

/// Files that are open whatever happens: standard streams, the log, listeners, the runtime's own.
const BASE: u64 = 32;

/// Files that a thread of the database has open: the database, its log and index, a spare; or one connection.
const OF_DATABASE: u64 = 4;

/// Files for outgoing connections, uploads, backups and look-ups of names.
const AT_WORK: u64 = 64;

/// The limits of the server, where so many files may be open.
///
/// # Errors
/// Where the settings ask for more connections than files may be open for.
pub(super) fn limits(config: &Config, files: Option<u64>) -> Result<ConnectionLimits, CliError> {
    let reserved = reserved(config);
    let room = files.map_or(u64::MAX, |files| files.saturating_sub(reserved).max(LEAST));
    let asked = u64::from(config.http.connections);
    if asked > room {
        let files = files.unwrap_or_default();
        return Err(CliError::usage(format!(
            "http.connections is {asked}: {files} files may be open (ulimit -n), {reserved} of which are for the rest; \
             set at most {room}, or raise the limit"
        )));
    }
    let all = if asked == 0 { USUAL.min(room) } else { asked };
    let all = usize::try_from(all).unwrap_or(usize::MAX);
    let of_one = usize::try_from(config.http.connections_per_address).unwrap_or(usize::MAX);
    let usual = ConnectionLimits::new(all);
    Ok(ConnectionLimits {
        per_address: if of_one == 0 { usual.per_address } else { of_one },
        idle: Duration::from_secs(u64::from(config.http.keep_alive_seconds.max(1))),
        trusted: config.trusted_proxies.clone(),
        ..usual
    })
}

/// Files that are not for connections of clients.
fn reserved(config: &Config) -> u64 {
    let threads = u64::from(config.database.readers) + u64::from(config.database.writers) + 2;
    BASE + OF_DATABASE * threads + OF_METRICS as u64 + AT_WORK
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::LocationArgs;

    fn config(connections: &str) -> Config {
        let environment = [("PURSER_HTTP_CONNECTIONS".to_owned(), connections.to_owned())];
        Config::load(&LocationArgs { data: None, config: None }, &environment).unwrap()
    }

    #[test]
    fn connections_leave_room_for_the_database_and_the_rest() {
        let of = |asked, files| limits(&config(asked), files).map(|limits| (limits.connections, limits.per_address));
        assert_eq!(of("0", Some(1_024)).unwrap(), (880, 220));
        assert_eq!(of("0", Some(1 << 20)).unwrap(), (4_096, 1_024));
        assert_eq!(of("0", None).unwrap(), (4_096, 1_024));
        assert_eq!(of("0", Some(64)).unwrap(), (16, 4));
        assert_eq!(of("20000", Some(1 << 20)).unwrap(), (20_000, 5_000));
        let refused = of("1000", Some(1_024)).unwrap_err().to_string();
        assert!(refused.contains("http.connections is 1000") && refused.contains("at most 880"), "{refused}");
    }
}
