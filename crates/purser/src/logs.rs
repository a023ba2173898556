//! Logs: text on a terminal, JSON elsewhere, to standard error.
//!
//! A token stands in the path of the page that it opens, and other crates write paths down when they are told to tell
//! everything. So every line has its tokens struck out, whoever wrote it, and crates that write down what they carry (a
//! statement with its values, a mail, a header) say nothing below `info`.

use std::io::{self, IsTerminal as _, Write};

use purser_identity::secrets_struck_out;
use tracing_subscriber::EnvFilter;

/// What passes on the contents of requests, mails and statements.
const CARRIERS: &[&str] = &["h2", "hyper", "hyper_util", "lettre", "postgres", "reqwest", "tokio_postgres"];

/// Starts logging. `filter` is what RUST_LOG says, `info` where it says nothing.
pub(crate) fn start(environment: &[(String, String)]) {
    let wish = environment.iter().find(|(name, _)| name == "RUST_LOG").map_or("info", |(_, value)| value.as_str());
    let builder = tracing_subscriber::fmt().with_env_filter(filter(wish)).with_writer(|| RedactingWriter(io::stderr()));
    let builder = builder.log_internal_errors(false);
    // A second start, in tests, changes nothing.
    let _ = if std::io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}

fn filter(wish: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(wish).unwrap_or_else(|_| EnvFilter::new("info"));
    let told = wish.to_ascii_lowercase();
    if !told.contains("trace") && !told.contains("debug") {
        // Whoever wants to hear less hears less.
        return filter;
    }
    let quiet = CARRIERS.iter().filter_map(|carrier| format!("{carrier}=info").parse().ok());
    quiet.fold(filter, EnvFilter::add_directive)
}

/// Writes lines with the tokens in them struck out. A line comes in one piece.
struct RedactingWriter<W>(W);

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A log that cannot be written, for want of room or of a reader, ends no request and no job.
        let _ = self.0.write_all(secrets_struck_out(&String::from_utf8_lossy(line)).as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_whole_without_its_tokens() {
        let mut written = Vec::new();
        let line = format!("GET /setup/pu_{}/ took 3 ms\n", "0a".repeat(32));
        assert_eq!(RedactingWriter(&mut written).write(line.as_bytes()).unwrap(), line.len());
        assert_eq!(String::from_utf8(written).unwrap(), "GET /setup/pu_…/ took 3 ms\n");
    }

    #[test]
    fn a_line_that_cannot_be_written_ends_nothing() {
        struct NoSpaceWriter;
        impl Write for NoSpaceWriter {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
        let mut log = RedactingWriter(NoSpaceWriter);
        assert_eq!((log.write(b"[REQUEST] failed").unwrap(), log.flush().is_ok()), (16, true));
    }

    #[test]
    fn what_carries_contents_stays_quiet_however_much_is_asked_for() {
        for wish in ["trace", "hyper=trace", "debug,lettre=trace"] {
            let text = filter(wish).to_string();
            assert!(CARRIERS.iter().all(|carrier| text.contains(&format!("{carrier}=info"))), "{wish}: {text}");
            assert!(!text.contains("hyper=trace") && !text.contains("lettre=trace"), "{wish}: {text}");
        }
        assert_eq!(filter("warn").to_string(), "warn");
    }
}
