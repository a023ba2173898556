//! Waiting for an answer, but not forever.
//!
//! The socket of a server whose processes are stopped stays open, and its kernel acknowledges what is sent: neither side
//! ever sees an error. A statement may also take long for a good reason. So whoever has waited for a while asks the
//! server for a sign of life, and goes on to wait where it gives one.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::hosts::{HostSession, Hosts};

/// How long an answer may take until the server is asked for a sign of life.
const QUIET: Duration = Duration::from_secs(2);

/// How long a server that gives signs of life may take for one answer: its own bound on a statement, and a little.
pub(super) const LONGEST: Duration = Duration::from_secs(31 * 60);

/// How long a step of a migration, a backup or a restore may take: an index over a large table is made in one.
pub(super) const UNHURRIED: Duration = Duration::from_secs(24 * 60 * 60);

/// Why there is no answer.
pub(super) enum WaitError {
    /// The server or the driver says why.
    Refused(tokio_postgres::Error),
    /// The server does not answer.
    Silent,
    /// It answers others, and took longer than this.
    Late(Duration),
}

/// Waits for the `answer` of a session, at most `longest`.
pub(super) async fn wait<T>(
    hosts: &Hosts,
    session: &HostSession,
    longest: Duration,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, WaitError> {
    let (mut answer, mut began) = (pin!(answer), None);
    loop {
        if let Ok(answered) = timeout(QUIET, &mut answer).await {
            return answered.map_err(WaitError::Refused);
        }
        let began = *began.get_or_insert_with(Instant::now);
        if began.elapsed() + QUIET > longest {
            return Err(WaitError::Late(longest));
        }
        // Another has waited longer, and given up.
        if hosts.is_left(session.made) {
            return Err(WaitError::Silent);
        }
        tokio::select! {
            biased;
            answered = &mut answer => return answered.map_err(WaitError::Refused),
            lives = hosts.answers(session.host) => if !lives {
                return Err(WaitError::Silent);
            },
        }
    }
}
