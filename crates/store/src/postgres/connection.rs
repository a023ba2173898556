//! One connection, its prepared statements, and its transactions.

use std::collections::HashMap;
use std::time::Duration;

use postgres::error::{DbError, Severity, SqlState};
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Statement};

use super::tls;
use crate::tx::Visit;
use crate::{Error, Param, Row, dialect};

/// How long to wait for a server that does not answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Distinct statements kept prepared; past it all are dropped, which only costs preparing them again.
const STATEMENT_CACHE: usize = 512;

/// A connection that remembers what it has prepared. It lives on a thread of its own: the client blocks, and panics
/// inside an async task.
pub(crate) struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Connection {
    pub(crate) fn connect(url: &str) -> Result<Self, Error> {
        let mut config: Config =
            url.parse().map_err(|error| Error::Unavailable(format!("the PostgreSQL address is malformed: {error}")))?;
        config.connect_timeout(CONNECT_TIMEOUT);
        config.application_name("purser");
        let local = config.get_hosts().iter().all(|host| !matches!(host, postgres::config::Host::Tcp(_)));
        let connected = if local { config.connect(NoTls) } else { config.connect(tls::connector()?) };
        let mut client = connected.map_err(|error| unavailable(&error))?;
        // Durable before the answer leaves, whatever the server's default is.
        client.batch_execute("SET synchronous_commit = on").map_err(|error| translate(&error))?;
        Ok(Connection { client, statements: HashMap::new() })
    }

    /// The driver's own client, for COPY.
    pub(crate) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(crate) fn script(&mut self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).map_err(|error| translate(&error))
    }

    /// Begins a transaction. A server that will not, such as a standby, is not one to work with.
    pub(crate) fn begin(&mut self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).map_err(|error| unavailable(&error))
    }

    /// COMMIT. Where the connection is lost meanwhile, be it with a last word from the server, the outcome is open.
    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        self.client.batch_execute("COMMIT").map_err(|error| match error.as_db_error() {
            Some(refusal) if refusal.parsed_severity() == Some(Severity::Error) => refused(refusal),
            _ => Error::Unknown(describe(&error)),
        })
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        self.client.execute(&statement, &by_reference(params)).map_err(|error| translate(&error))
    }

    pub(crate) fn execute_each<const N: usize>(&mut self, sql: &str, rows: &[[Param<'_>; N]]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        let columns = columns(rows);
        self.client.execute(&statement, &by_reference(&columns)).map_err(|error| translate(&error))
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Param<'_>], visit: &mut Visit<'_>) -> Result<(), Error> {
        self.query_with(sql, &by_reference(params), visit)
    }

    pub(crate) fn query_each<const N: usize>(
        &mut self,
        sql: &str,
        rows: &[[Param<'_>; N]],
        visit: &mut Visit<'_>,
    ) -> Result<(), Error> {
        let columns = columns(rows);
        self.query_with(sql, &by_reference(&columns), visit)
    }

    fn query_with(&mut self, sql: &str, params: &[&(dyn ToSql + Sync)], visit: &mut Visit<'_>) -> Result<(), Error> {
        let statement = self.prepare(sql)?;
        for row in self.client.query(&statement, params).map_err(|error| translate(&error))? {
            if !visit(&Row::postgres(&row))? {
                break;
            }
        }
        Ok(())
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&dialect::to_postgres(sql)).map_err(|error| translate(&error))?;
        if self.statements.len() >= STATEMENT_CACHE {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn by_reference<T: ToSql + Sync>(params: &[T]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

/// Rows turned on their side: one array a parameter.
fn columns<'a, const N: usize>(rows: &[[Param<'a>; N]]) -> Vec<Vec<Param<'a>>> {
    (0..N).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

fn unavailable(error: &postgres::Error) -> Error {
    Error::Unavailable(describe(error))
}

fn describe(error: &postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(refusal), _) => format!("{} ({})", refusal.message(), refusal.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// PostgreSQL's error as ours, by its SQLSTATE.
pub(crate) fn translate(error: &postgres::Error) -> Error {
    match error.as_db_error() {
        Some(refusal) => refused(refusal),
        None if error.is_closed() || is_io(error) => unavailable(error),
        None => Error::Engine(describe(error)),
    }
}

fn is_io(error: &postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}

fn refused(refusal: &DbError) -> Error {
    let code = refusal.code();
    let constraint = || refusal.constraint().or(refusal.column()).unwrap_or(refusal.message()).to_owned();
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Error::Conflict,
        SqlState::UNIQUE_VIOLATION => Error::Unique { constraint: constraint() },
        SqlState::FOREIGN_KEY_VIOLATION | SqlState::RESTRICT_VIOLATION => Error::ForeignKey,
        SqlState::CHECK_VIOLATION | SqlState::NOT_NULL_VIOLATION | SqlState::RAISE_EXCEPTION => {
            Error::Check { constraint: constraint() }
        }
        SqlState::DISK_FULL => Error::Full,
        // 08: connection, 53: resources, 57: operator intervention (shut down, starting up).
        _ if ["08", "53", "57"].contains(&&code.code()[..2]) => {
            Error::Unavailable(format!("{} ({})", refusal.message(), code.code()))
        }
        _ => Error::Engine(format!("{} ({})", refusal.message(), code.code())),
    }
}
