//! The store itself: one engine, its threads, and the two ways in.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;

use jiff::Timestamp;

use crate::job::{ClosureJob, TransactionJob};
use crate::migrate;
use crate::postgres::{Hosts, PoolMode, PostgresConnection, pool_run};
use crate::queue::{Queue, QueueError};
use crate::sqlite::files::{self, OpenDatabase};
use crate::sqlite::inspect::{inspect, log_damage, repair};
use crate::sqlite::{self, RestartPoint};
use crate::{Batcher, Error, LogDamage, LogRepair, Migration, MigrationStep, ReadTx, WriteTx};

/// Which database is underneath.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The embedded one: one file beside the program.
    Sqlite,
    /// A server, for more than one copy of the program.
    Postgres,
}

impl Engine {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        }
    }
}

/// Where the database is, and how much of the machine it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    place: StoreLocation,
    /// Threads that read, and on PostgreSQL connections for it. From 1.
    pub readers: u32,
    /// Connections that write on PostgreSQL (SQLite has exactly one writer). From 1.
    pub writers: u32,
    /// Commands that may wait at once; past it they are refused with [`Error::Busy`]. From 1.
    pub queue: usize,
}

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreLocation {
    File(PathBuf),
    Server(String),
}

impl StoreOptions {
    /// The embedded engine, in the file at `path`, made where it is missing.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::at(StoreLocation::File(path.into()))
    }

    /// A PostgreSQL server, by its `postgres://` address. Of several hosts in it the one that takes writes is used.
    pub fn postgres(url: impl Into<String>) -> Self {
        Self::at(StoreLocation::Server(url.into()))
    }

    fn at(location: StoreLocation) -> Self {
        StoreOptions { place: location, readers: 2, writers: 4, queue: 4_096 }
    }

    pub(crate) fn place(&self) -> &StoreLocation {
        &self.place
    }
}

/// What an operator may want to know of the store at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreHealth {
    /// The engine.
    pub engine: Engine,
    /// Commands that wait for a writer.
    pub writes_waiting: usize,
    /// Queries that wait for a reader.
    pub reads_waiting: usize,
    /// How many may wait.
    pub queue_limit: usize,
}

/// A handle on the database. Cheap to clone; the threads end when [`Store::close`] is called or the last handle goes.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// The first damage that a command met, until the store is opened again.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreDamage(Arc<OnceLock<Error>>);

impl StoreDamage {
    pub(crate) fn note(&self, error: &Error) {
        if matches!(error, Error::Damaged(_)) && self.0.set(error.clone()).is_ok() {
            tracing::error!(%error, "[DATABASE] damaged");
        }
    }
}

/// What all handles share.
pub(crate) struct Shared {
    engine: Engine,
    queue_limit: usize,
    damage: StoreDamage,
    writes: Arc<Queue<Box<dyn TransactionJob>>>,
    reads: Arc<Queue<Box<dyn TransactionJob>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Dropped to stop the checkpointer, after the writer has ended.
    checkpointer: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Store {
    /// Opens the database and starts its threads. Blocks while it connects; migrates nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the file cannot be opened or the server not be reached.
    pub fn open(options: &StoreOptions) -> Result<Self, Error> {
        let shared = match &options.place {
            StoreLocation::File(path) => open_sqlite(path, options)?,
            StoreLocation::Server(url) => open_postgres(url, options)?,
        };
        Ok(Store { shared: Arc::new(shared) })
    }

    /// Runs a command: all or nothing, serializable, and durable when this returns `Ok`. `Err` from the closure rolls
    /// it back. It may run more than once.
    ///
    /// # Errors
    /// The closure's own, or an [`Error`] turned into its type: `Busy` where too many wait, `Conflict` where retries
    /// did not help, `NoSpaceWriter`, `Unavailable`, `Unknown`, `Panicked`.
    pub async fn write<T, E, F>(&self, command: F) -> Result<T, E>
    where
        F: Fn(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = ClosureJob::new(command);
        self.shared.submit_write(Box::new(job))?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Runs a query on one consistent snapshot. It cannot change anything: [`ReadTx`] has no method for it, and the engine
    /// refuses a statement that tries. It may run more than once.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: Fn(&mut ReadTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = ClosureJob::new(move |tx: &mut WriteTx<'_>| query(tx));
        submit(&self.shared.reads, Box::new(job))?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Opens a batcher for one hot command; see [`Batcher`]. `batch` bounds the inputs in one batch.
    pub fn batcher<I, T, E>(
        &self,
        batch: usize,
        turn: impl Fn(&mut WriteTx<'_>, &[I]) -> Result<Vec<Result<T, E>>, E> + Send + Sync + 'static,
    ) -> Batcher<I, T, E>
    where
        I: Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        Batcher::new(self, batch, turn)
    }

    /// Applies the migrations that the database lacks, all in one transaction and under a lock, and says what it did.
    ///
    /// # Errors
    /// [`Error::Migration`] where one was edited after it ran, the database is newer than the program, or one fails.
    pub async fn migrate(&self, migrations: Vec<Migration>, now: Timestamp) -> Result<Vec<MigrationStep>, Error> {
        self.write(migrate::table_make).await?;
        self.write(move |tx| migrate::apply(tx, &migrations, now)).await
    }

    /// What [`Store::migrate`] would do.
    ///
    /// # Errors
    /// As [`Store::migrate`].
    pub async fn migrate_plan(&self, migrations: Vec<Migration>) -> Result<Vec<MigrationStep>, Error> {
        self.read(move |tx| migrate::plan(tx, &migrations)).await
    }

    /// The engine underneath.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.shared.engine
    }

    /// How long the queues are now.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        StoreHealth {
            engine: self.shared.engine,
            writes_waiting: self.shared.writes.len(),
            reads_waiting: self.shared.reads.len(),
            queue_limit: self.shared.queue_limit,
        }
    }

    /// The first damage of the database that a command met since the store was opened, where one did. A look that meets
    /// good pages does not see it.
    #[must_use]
    pub fn damage(&self) -> Option<Error> {
        self.shared.damage.0.get().cloned()
    }

    /// What of the embedded engine's log is damaged where acknowledged work stands. Changes nothing. `None` where the log
    /// is whole, somebody works with the database, or a server keeps it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the log cannot be read.
    pub fn log_damage(options: &StoreOptions) -> Result<Option<LogDamage>, Error> {
        match &options.place {
            StoreLocation::File(path) => log_damage(path),
            StoreLocation::Server(_) => Ok(None),
        }
    }

    /// Puts a database in place that holds what a damaged log still tells. The damaged files are kept under the name
    /// `aside`: small letters, digits and underscores. `None` where nothing is damaged.
    ///
    /// # Errors
    /// [`Error::LogAlone`]; [`Error::Unavailable`] where somebody works with the database; [`Error::Engine`] where what
    /// is left is no sound database: then nothing was changed.
    pub fn log_repair(options: &StoreOptions, aside: &str) -> Result<Option<LogRepair>, Error> {
        match &options.place {
            StoreLocation::File(path) => repair(path, aside),
            StoreLocation::Server(_) => Ok(None),
        }
    }

    /// Finishes what is queued, then ends the threads; what comes later is refused with [`Error::Closed`]. Blocks.
    pub fn close(&self) {
        self.shared.close();
    }

    pub(crate) fn downgrade(&self) -> Weak<Shared> {
        Arc::downgrade(&self.shared)
    }
}

impl Shared {
    pub(crate) fn submit_write(&self, job: Box<dyn TransactionJob>) -> Result<(), Error> {
        submit(&self.writes, job)
    }

    pub(crate) fn queue_limit(&self) -> usize {
        self.queue_limit
    }

    fn close(&self) {
        self.writes.close();
        self.reads.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            end(thread);
        }
        if let Some((stop, thread)) = self.checkpointer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(stop);
            end(thread);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

fn submit(queue: &Queue<Box<dyn TransactionJob>>, job: Box<dyn TransactionJob>) -> Result<(), Error> {
    queue.push(job).map_err(|refused| match refused {
        QueueError::Full => Error::Busy,
        QueueError::Closed => Error::Closed,
    })
}

/// Waits for a thread to end. A batcher's batch may hold the last handle, so that a store closes on one of its own threads,
/// which cannot wait for itself.
fn end(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
        tracing::error!("a database thread had panicked");
    }
}

fn open_sqlite(path: &Path, options: &StoreOptions) -> Result<Shared, Error> {
    let writes = Arc::new(Queue::new(options.queue));
    let reads = Arc::new(Queue::new(options.queue));
    let restart = Arc::new(RestartPoint::default());
    let path = &files::resolved(path);
    let opening = files::OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    inspect(path)?;
    files::prepare(path)?;
    let open_here = OpenDatabase::note(path);
    let (location, writer) = sqlite::DatabaseFile::open(path)?;
    drop(opening);
    let checkpoint_connection = location.connect()?;
    let (mut threads, damage) = (Vec::new(), StoreDamage::default());
    for number in 0..options.readers.max(1) {
        let connection = location.connect()?;
        let (reads, damage) = (Arc::clone(&reads), damage.clone());
        threads.push(spawn(format!("reader-{number}"), move || sqlite::reader_run(&connection, &reads, &damage))?);
    }
    let (queue, point, noted) = (Arc::clone(&writes), Arc::clone(&restart), damage.clone());
    threads.push(spawn("writer".to_owned(), move || sqlite::writer_run(location, writer, &queue, &point, noted))?);
    let (stop, stopped) = channel();
    let path = path.clone();
    let checkpointer = spawn("checkpointer".to_owned(), move || {
        sqlite::checkpointer_run(&path, &checkpoint_connection, &stopped, &restart);
        drop(checkpoint_connection);
        drop(open_here);
    })?;
    Ok(Shared {
        engine: Engine::Sqlite,
        queue_limit: options.queue,
        damage,
        writes,
        reads,
        threads: Mutex::new(threads),
        checkpointer: Mutex::new(Some((stop, checkpointer))),
    })
}

fn open_postgres(url: &str, options: &StoreOptions) -> Result<Shared, Error> {
    // One connection now, so that a wrong address is an error at start and not at the first command.
    let hosts = Hosts::parse(url)?;
    let probe = Arc::clone(&hosts);
    spawn("connect".to_owned(), move || PostgresConnection::open(&probe).map(drop))?
        .join()
        .map_err(|_| Error::Unavailable("the PostgreSQL client panicked while it connected".to_owned()))??;
    let writes = Arc::new(Queue::new(options.queue));
    let reads = Arc::new(Queue::new(options.queue));
    let mut threads = Vec::new();
    for (access, count, queue) in
        [(PoolMode::Write, options.writers, &writes), (PoolMode::Read, options.readers, &reads)]
    {
        let contended = Arc::new(Mutex::new(()));
        for number in 0..count.max(1) {
            let (hosts, queue, contended) = (Arc::clone(&hosts), Arc::clone(queue), Arc::clone(&contended));
            let name = format!("{}-{number}", if access == PoolMode::Write { "writer" } else { "reader" });
            threads.push(spawn(name, move || pool_run(&hosts, access, &queue, &contended, number))?);
        }
    }
    Ok(Shared {
        engine: Engine::Postgres,
        queue_limit: options.queue,
        damage: StoreDamage::default(),
        writes,
        reads,
        threads: Mutex::new(threads),
        checkpointer: Mutex::new(None),
    })
}

fn spawn<T: Send + 'static>(name: String, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, Error> {
    std::thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(|error| Error::Unavailable(format!("a database thread cannot be started: {error}")))
}
