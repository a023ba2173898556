//! One connection, its prepared statements, and its transactions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::runtime::Runtime;
use tokio_postgres::error::{DbError, Severity, SqlState};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::hosts::{HostSession, Hosts};
use super::wait::{LONGEST, UNHURRIED, WaitError, wait};
use crate::tx::RowVisitor;
use crate::{Error, Param, Row, dialect};

/// Distinct statements kept prepared; past it all are dropped, which only costs preparing them again.
const STATEMENT_CACHE: usize = 512;

/// How long to take leave of a server.
const FAREWELL: Duration = Duration::from_millis(500);

/// Rows that are sent together, in bytes.
const COPY_CHUNK: usize = 1 << 16;

/// A connection that remembers what it has prepared. It lives on a thread of its own, whose runtime runs while an answer
/// is awaited; inside an async task it may not be used.
pub(crate) struct PostgresConnection {
    hosts: Arc<Hosts>,
    /// None once it is to be closed.
    line: Option<(Runtime, HostSession)>,
    statements: HashMap<String, Statement>,
    /// It was given up while it waited: nothing more is asked of it.
    given_up: bool,
}

impl PostgresConnection {
    /// To an address that no other connection knows of.
    pub(crate) fn connect(url: &str) -> Result<Self, Error> {
        Self::open(&Hosts::parse(url)?)
    }

    pub(crate) fn open(hosts: &Arc<Hosts>) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Unavailable(format!("no runtime to connect in: {error}")))?;
        let line = match runtime.block_on(hosts.session()) {
            Ok(session) => Some((runtime, session)),
            Err(error) => {
                // A name that is still looked up is not waited for.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        Ok(PostgresConnection { hosts: Arc::clone(hosts), line, statements: HashMap::new(), given_up: false })
    }

    /// Whether it is of no more use: closed, given up, or to a host that was left since.
    pub(crate) fn is_closed(&self) -> bool {
        self.given_up || self.is_left() || self.line.as_ref().is_none_or(|(_, session)| session.client.is_closed())
    }

    /// Runs several statements without parameters: settings, and steps of a migration.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), Error> {
        self.asked_for(UNHURRIED, async |client| client.batch_execute(sql).await)
    }

    /// Begins a transaction. A server that will not, such as a standby, is not one to work with.
    pub(crate) fn begin(&mut self, sql: &str) -> Result<(), Error> {
        let begun = self.ask(LONGEST, async |client| client.batch_execute(sql).await);
        begun.map_err(|failed| match failed {
            WaitError::Refused(error) => unavailable(&error),
            other => missing(&other),
        })
    }

    /// COMMIT. Where the connection is lost meanwhile, be it with a last word from the server, the outcome is open. So it
    /// is where the host was left meanwhile: what it says now may be the word of a former primary.
    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        if self.is_left() {
            return Err(Error::Unavailable("the server was left before the commit".to_owned()));
        }
        let committed = self.ask(LONGEST, async |client| client.batch_execute("COMMIT").await);
        match committed {
            Ok(()) if self.is_left() => Err(Error::Unknown("the server was left during the commit".to_owned())),
            Ok(()) => Ok(()),
            Err(WaitError::Refused(error)) => Err(match error.as_db_error() {
                Some(refusal) if refusal.parsed_severity() == Some(Severity::Error) => refused(refusal),
                _ => Error::Unknown(describe(&error)),
            }),
            Err(other) => Err(Error::Unknown(message(&other))),
        }
    }

    /// Rows as COPY writes them, a line each.
    pub(crate) fn copy_out<E: From<Error>>(
        &mut self,
        sql: &str,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let stream = self.asked_for(UNHURRIED, async |client| client.copy_out(sql).await)?;
        let (mut stream, mut rest, mut count) = (Box::pin(stream), Vec::new(), 0);
        while let Some(chunk) = self.asked_for(UNHURRIED, async |_| stream.next().await.transpose())? {
            rest.extend_from_slice(&chunk);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                each(&rest[..=end])?;
                rest.drain(..=end);
                count += 1;
            }
        }
        Ok(count)
    }

    /// Gives rows to COPY, as many lines as `next` writes, and says how many rows came of it.
    pub(crate) fn copy_in<E: From<Error>>(
        &mut self,
        sql: &str,
        mut next: impl FnMut(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<u64, E> {
        let sink = self.asked_for(UNHURRIED, async |client| client.copy_in::<_, Bytes>(sql).await)?;
        let (mut sink, mut chunk) = (Box::pin(sink), Vec::new());
        loop {
            let is_more = next(&mut chunk)?;
            if chunk.len() >= COPY_CHUNK || (!is_more && !chunk.is_empty()) {
                let full = Bytes::from(std::mem::take(&mut chunk));
                self.asked_for(UNHURRIED, async |_| sink.send(full).await)?;
            }
            if !is_more {
                return Ok(self.asked_for(UNHURRIED, async |_| sink.as_mut().finish().await)?);
            }
        }
    }

    /// Asks the server something, and waits for its answer as long as it gives signs of life.
    fn ask<T>(
        &mut self,
        longest: Duration,
        question: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, WaitError> {
        // A host that was left is not asked again, not even to end what was begun there.
        self.given_up |= self.is_left();
        let Some((runtime, session)) = self.line.as_ref().filter(|_| !self.given_up) else {
            return Err(WaitError::Silent);
        };
        let answer = runtime.block_on(wait(&self.hosts, session, longest, question(&session.client)));
        if let Err(WaitError::Silent | WaitError::Late(_)) = &answer {
            self.given_up = true;
        }
        if let Err(WaitError::Silent) = &answer {
            self.hosts.leave(session.host, session.made);
        }
        answer
    }

    fn asked_for<T>(
        &mut self,
        longest: Duration,
        question: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        self.ask(longest, question).map_err(|failed| match failed {
            WaitError::Refused(error) => translate(&error),
            other => missing(&other),
        })
    }

    fn is_left(&self) -> bool {
        self.line.as_ref().is_none_or(|(_, session)| self.hosts.is_left(session.made))
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        self.asked_for(LONGEST, async |client| client.execute(&statement, &by_reference(params)).await)
    }

    pub(crate) fn execute_bulk<const N: usize>(&mut self, sql: &str, rows: &[[Param<'_>; N]]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        let columns = columns(rows);
        self.asked_for(LONGEST, async |client| client.execute(&statement, &by_reference(&columns)).await)
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Param<'_>], visitor: &mut RowVisitor<'_>) -> Result<(), Error> {
        self.query_with(sql, &by_reference(params), visitor)
    }

    pub(crate) fn query_bulk<const N: usize>(
        &mut self,
        sql: &str,
        rows: &[[Param<'_>; N]],
        visitor: &mut RowVisitor<'_>,
    ) -> Result<(), Error> {
        let columns = columns(rows);
        self.query_with(sql, &by_reference(&columns), visitor)
    }

    fn query_with(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        visitor: &mut RowVisitor<'_>,
    ) -> Result<(), Error> {
        let statement = self.prepare(sql)?;
        for row in self.asked_for(LONGEST, async |client| client.query(&statement, params).await)? {
            if !visitor(&Row::postgres(&row))? {
                break;
            }
        }
        Ok(())
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let text = dialect::to_postgres(sql);
        let statement = self.asked_for(LONGEST, async |client| client.prepare(&text).await)?;
        if self.statements.len() >= STATEMENT_CACHE {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Drop for PostgresConnection {
    /// Says goodbye where somebody listens: the server then does not note a lost client.
    fn drop(&mut self) {
        let Some((runtime, HostSession { client, carrier, .. })) = self.line.take() else { return };
        // A statement that is kept prepared holds the client.
        self.statements.clear();
        drop(client);
        if !self.given_up {
            let _ = runtime.block_on(async { tokio::time::timeout(FAREWELL, carrier).await });
        }
        runtime.shutdown_background();
    }
}

fn by_reference<T: ToSql + Sync>(params: &[T]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

/// Rows turned on their side: one array a parameter.
fn columns<'a, const N: usize>(rows: &[[Param<'a>; N]]) -> Vec<Vec<Param<'a>>> {
    (0..N).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

pub(super) fn unavailable(error: &tokio_postgres::Error) -> Error {
    Error::Unavailable(describe(error))
}

pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(refusal), _) => format!("{} ({})", refusal.message(), refusal.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// PostgreSQL's error as ours, by its SQLSTATE.
fn translate(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(refusal) => refused(refusal),
        None if error.is_closed() || is_io(error) => unavailable(error),
        None => Error::Engine(describe(error)),
    }
}

/// No answer came, and nothing that was not committed happened.
fn missing(failed: &WaitError) -> Error {
    Error::Unavailable(message(failed))
}

fn message(failed: &WaitError) -> String {
    match failed {
        WaitError::Refused(error) => describe(error),
        WaitError::Silent => "the server does not answer".to_owned(),
        WaitError::Late(longest) => {
            format!("the server took longer than {} minutes for one answer", longest.as_secs() / 60)
        }
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
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
