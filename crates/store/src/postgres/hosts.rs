//! Which of the servers in the address is the one to work with, and how it is reached.
//!
//! Every wait here is bounded: the kernel of a server whose processes are stopped still accepts connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};

use super::connection::{describe, unavailable};
use super::tls;
use crate::Error;

/// How long one host may take until a session on it has answered.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the kernel waits until what was sent is acknowledged.
const ACKNOWLEDGED: Duration = Duration::from_secs(8);

/// How long a connection may be silent before the kernel asks whether the other side is still there. It asks three times.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);

/// How long the kernel waits between those questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// What the driver has where the address says nothing.
const KEEPALIVE_UNSET: Duration = Duration::from_secs(2 * 60 * 60);

/// What a session is set to. Durable before the answer leaves, whatever the server's default is; and a copy of this
/// program that hangs in a transaction does not hold its locks forever.
const SETTINGS: &str = "SET synchronous_commit = on; SET idle_in_transaction_session_timeout = '5min'";

/// The server's own bound on one statement. An address that sets one keeps it.
const STATEMENT_TIMEOUT: &str = "SET statement_timeout = '30min'";

/// The timeline that the server writes. A promotion begins a new one, so that of a former primary is lower.
const TIMELINE: &str = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";

/// The hosts of one address, and what all connections to them have found out.
pub(crate) struct Hosts {
    each: Vec<Config>,
    known: Mutex<HostHistory>,
}

#[derive(Debug, Clone, Copy, Default)]
struct HostHistory {
    /// How often a host was left because it did not answer. A connection made before is not used again.
    left: u64,
    /// The highest timeline that a primary had; 0 where none was asked for.
    timeline: u64,
}

/// A session on a host.
pub(super) struct HostSession {
    pub(super) client: Client,
    /// Moves the bytes. It runs while the connection's runtime runs, and ends with the socket.
    pub(super) carrier: JoinHandle<()>,
    pub(super) host: usize,
    pub(super) made: u64,
    timeline: u64,
}

impl Hosts {
    /// # Errors
    /// [`Error::Unavailable`] where the address is malformed.
    pub(crate) fn parse(url: &str) -> Result<Arc<Self>, Error> {
        let malformed =
            |error: &dyn std::fmt::Display| Error::Unavailable(format!("the PostgreSQL address is malformed: {error}"));
        let config: Config = url.parse().map_err(|error: tokio_postgres::Error| malformed(&error))?;
        let count = config.get_hosts().len().max(config.get_hostaddrs().len());
        if count == 0 {
            return Err(malformed(&"it names no host"));
        }
        if config.get_ports().len() > 1 && config.get_ports().len() != count {
            return Err(malformed(&"it must name one port, or as many as hosts"));
        }
        let addresses = config.get_hostaddrs().len();
        if addresses > 0 && !config.get_hosts().is_empty() && addresses != config.get_hosts().len() {
            return Err(malformed(&"it must name as many hostaddr as hosts"));
        }
        let each = (0..count).map(|index| one_host(&config, index, count)).collect();
        Ok(Arc::new(Hosts { each, known: Mutex::default() }))
    }

    /// A session on the host that takes writes. Of several hosts all are asked at once.
    pub(super) async fn session(&self) -> Result<HostSession, Error> {
        let known = *self.lock();
        let (mut asked, several) = (JoinSet::new(), self.each.len() > 1);
        for (host, config) in self.each.iter().cloned().enumerate() {
            asked.spawn(async move { (host, session_open(&config, host, known.left, several).await) });
        }
        let (mut best, mut refusals) = (None::<HostSession>, Vec::new());
        while let Some(answer) = asked.join_next().await {
            let Ok((host, answer)) = answer else { continue };
            match answer {
                Ok(session) if session.timeline < known.timeline => refusals.push((host, former(&session, known))),
                Ok(session) => {
                    let is_better = best.as_ref().is_none_or(|best| session.timeline > best.timeline);
                    if is_better {
                        best = Some(session);
                    }
                    // The first look waits for all: a former primary may be the quicker one.
                    if known.timeline > 0 || !several {
                        break;
                    }
                }
                Err(error) => refusals.push((host, error)),
            }
        }
        let session = best.ok_or_else(|| self.none_of(refusals))?;
        let mut known = self.lock();
        known.timeline = known.timeline.max(session.timeline);
        Ok(session)
    }

    /// Whether a host answers a new session in time. What it answers does not matter: a refusal is a sign of life.
    pub(super) async fn answers(&self, host: usize) -> bool {
        let Some(config) = self.each.get(host) else { return false };
        let asked = async {
            match open(config).await {
                Ok((client, carrier)) => {
                    let _ = client.simple_query("SELECT 1").await;
                    carrier.abort();
                }
                Err(error) => tracing::debug!(%error, "the PostgreSQL server was asked for a sign of life"),
            }
        };
        timeout(CONNECT_TIMEOUT, asked).await.is_ok()
    }

    /// Says that a host is left. Every connection that was made until now is left with it: should the host wake up, it
    /// may be a primary no longer.
    pub(super) fn leave(&self, host: usize, made: u64) {
        let mut known = self.lock();
        if known.left == made {
            known.left += 1;
            let host = self.name(host);
            tracing::error!(host, "the PostgreSQL server does not answer: it is left");
        }
    }

    /// Whether a connection was made before a host was left.
    pub(super) fn is_left(&self, made: u64) -> bool {
        self.lock().left != made
    }

    fn name(&self, host: usize) -> String {
        let Some(config) = self.each.get(host) else { return String::new() };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        match (config.get_hosts().first(), config.get_hostaddrs().first()) {
            (Some(Host::Tcp(name)), _) => format!("{name}:{port}"),
            (Some(Host::Unix(path)), _) => path.display().to_string(),
            (None, Some(address)) => format!("{address}:{port}"),
            (None, None) => String::new(),
        }
    }

    fn none_of(&self, mut refusals: Vec<(usize, Error)>) -> Error {
        if let [(_, only)] = refusals.as_slice()
            && self.each.len() == 1
        {
            return only.clone();
        }
        refusals.sort_by_key(|(host, _)| *host);
        let told = refusals.into_iter().map(|(host, error)| {
            let why = match error {
                Error::Unavailable(why) => why,
                other => other.to_string(),
            };
            format!("{}: {why}", self.name(host))
        });
        Error::Unavailable(told.collect::<Vec<_>>().join("; "))
    }

    // A panic while the lock is held cannot leave two numbers half changed.
    fn lock(&self) -> MutexGuard<'_, HostHistory> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn former(session: &HostSession, known: HostHistory) -> Error {
    let (theirs, known) = (session.timeline, known.timeline);
    Error::Unavailable(format!("it is a former primary: it writes timeline {theirs}, and another wrote {known}"))
}

/// The settings of `config` for one of its hosts, with a bound where the address has none.
fn one_host(config: &Config, index: usize, count: usize) -> Config {
    let mut one = Config::new();
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(name) = config.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    match config.get_hosts().get(index) {
        Some(Host::Tcp(name)) => {
            one.host(name);
        }
        Some(Host::Unix(path)) => {
            one.host_path(path);
        }
        None => {}
    }
    if let Some(address) = config.get_hostaddrs().get(index) {
        one.hostaddr(*address);
    }
    if let Some(port) = config.get_ports().get(index).or(config.get_ports().first()) {
        one.port(*port);
    }
    one.application_name(config.get_application_name().unwrap_or("purser"));
    one.ssl_mode(config.get_ssl_mode()).ssl_negotiation(config.get_ssl_negotiation());
    one.channel_binding(config.get_channel_binding());
    // Of several hosts only one takes writes, and it is the one to work with.
    let writes = if count > 1 { TargetSessionAttrs::ReadWrite } else { config.get_target_session_attrs() };
    one.target_session_attrs(writes);
    one.connect_timeout(config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT).min(CONNECT_TIMEOUT));
    one.tcp_user_timeout(config.get_tcp_user_timeout().copied().unwrap_or(ACKNOWLEDGED));
    one.keepalives(config.get_keepalives());
    let idle = config.get_keepalives_idle();
    one.keepalives_idle(if idle == KEEPALIVE_UNSET { KEEPALIVE_IDLE } else { idle });
    one.keepalives_interval(config.get_keepalives_interval().unwrap_or(KEEPALIVE_INTERVAL));
    one.keepalives_retries(config.get_keepalives_retries().unwrap_or(3));
    one
}

/// A session that is set up, in bounded time.
async fn session_open(config: &Config, host: usize, made: u64, several: bool) -> Result<HostSession, Error> {
    let opened = async {
        let (client, carrier) = open(config).await?;
        client.batch_execute(SETTINGS).await.map_err(|error| unavailable(&error))?;
        if !config.get_options().is_some_and(|options| options.contains("statement_timeout")) {
            client.batch_execute(STATEMENT_TIMEOUT).await.map_err(|error| unavailable(&error))?;
        }
        let timeline = if several { timeline(&client).await } else { 0 };
        Ok(HostSession { client, carrier, host, made, timeline })
    };
    timeout(CONNECT_TIMEOUT, opened)
        .await
        .unwrap_or_else(|_| Err(Error::Unavailable(format!("no answer in {} seconds", CONNECT_TIMEOUT.as_secs()))))
}

/// A server that does not say, as some hosted ones, is believed.
async fn timeline(client: &Client) -> u64 {
    let said = client.query_one(TIMELINE, &[]).await;
    let said = said.and_then(|row| row.try_get::<_, String>(0));
    said.ok().and_then(|digits| u64::from_str_radix(&digits, 16).ok()).unwrap_or(0)
}

async fn open(config: &Config) -> Result<(Client, JoinHandle<()>), Error> {
    let local =
        !config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_))) && config.get_hostaddrs().is_empty();
    if local || config.get_ssl_mode() == SslMode::Disable {
        let (client, connection) = config.connect(NoTls).await.map_err(|error| unavailable(&error))?;
        return Ok((client, tokio::spawn(carried(connection))));
    }
    let (client, connection) = config.connect(tls::connector()?).await.map_err(|error| unavailable(&error))?;
    Ok((client, tokio::spawn(carried(connection))))
}

async fn carried(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        // Whoever waits for an answer on it is told as well.
        tracing::debug!(error = describe(&error), "a PostgreSQL connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(url: &str) -> Vec<String> {
        let hosts = Hosts::parse(url).unwrap();
        (0..hosts.each.len()).map(|host| hosts.name(host)).collect()
    }

    #[test]
    fn an_address_names_one_host_or_several() {
        assert_eq!(names("postgres://u@h/d"), ["h:5432"]);
        assert_eq!(names("postgres://u:p@h1:5433,h2/d?target_session_attrs=read-write"), ["h1:5433", "h2:5432"]);
        assert_eq!(names("postgres://u@h1,h2:1/d"), ["h1:5432", "h2:1"]);
        assert_eq!(names("postgres://u@%2Ftmp%2Fpg/d"), ["/tmp/pg"]);
        for malformed in ["postgres://", "postgres://u@h/d?what=1", "postgres://h1,h2,h3/d?port=1,2"] {
            assert!(matches!(Hosts::parse(malformed), Err(Error::Unavailable(_))), "{malformed}");
        }
    }

    #[test]
    fn of_several_hosts_the_one_that_takes_writes_is_wanted_and_every_wait_is_bounded() {
        let hosts =
            Hosts::parse("postgres://u@h1,h2/d?keepalives_idle=60&options=-c%20statement_timeout%3D5s").unwrap();
        for host in &hosts.each {
            assert_eq!(host.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(host.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
            assert_eq!(host.get_tcp_user_timeout(), Some(&ACKNOWLEDGED));
            assert_eq!(host.get_keepalives_idle(), Duration::from_secs(60), "as the address says");
            assert_eq!(host.get_options(), Some("-c statement_timeout=5s"));
        }
    }
}
