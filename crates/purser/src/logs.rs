//! Logs: text on a terminal, JSON elsewhere, to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging. `filter` is what RUST_LOG says, `info` where it says nothing.
pub(crate) fn start(environment: &[(String, String)]) {
    let filter = environment.iter().find(|(name, _)| name == "RUST_LOG").map_or("info", |(_, value)| value.as_str());
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start, in tests, changes nothing.
    let _ = if std::io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}
