//! One transaction on SQLite or PostgreSQL: all or nothing, serializable, durable, and nobody pays for another.

mod batchers;
mod bulk;
mod commands;
pub(crate) mod failover;
mod group;
mod log;
mod migrations;
pub(crate) mod trouble;
mod values;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Poll;

use purser_store::{Engine, Error, Migration, ReadTx, Store, StoreOptions, WriteTx, params};
use purser_testkit::TestDb;

/// Tables to try things on. A note's parent is checked when the transaction commits, and no earlier.
const TABLES: Migration = Migration {
    room: "test",
    number: 1,
    name: "tables",
    sql: "CREATE TABLE test_note (
              id BIGINT PRIMARY KEY,
              text TEXT NOT NULL CHECK (length(text) <= 10000),
              parent BIGINT REFERENCES test_note (id) DEFERRABLE INITIALLY DEFERRED
          ) /*sqlite STRICT */;
          CREATE TABLE test_counter (id BIGINT PRIMARY KEY, value BIGINT NOT NULL CHECK (value >= 0)) /*sqlite STRICT */;",
};

/// What a command of these tests may answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    /// Its own rule.
    Rule(&'static str),
    /// The store's.
    Store(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Store(error)
    }
}

/// No notes.
const NONE: [i64; 0] = [];

async fn tables_make(db: &TestDb) {
    db.store().migrate(vec![TABLES], db.clock().now()).await.expect("making the tables");
}

fn note_insert(tx: &mut WriteTx<'_>, id: i64, text: &str) -> Result<(), Error> {
    tx.execute("INSERT INTO test_note (id, text) VALUES (?1, ?2)", &params![id, text]).map(drop)
}

/// The ids of all notes, in order.
async fn notes(store: &Store) -> Vec<i64> {
    store
        .read(|tx| tx.query("SELECT id FROM test_note ORDER BY id", &[], |row| row.get(0)))
        .await
        .unwrap_or_else(|error: Error| panic!("reading the notes: {error}"))
}

async fn counter_set(store: &Store, id: i64, value: i64) {
    let sql = "INSERT INTO test_counter (id, value) VALUES (?1, ?2)";
    let set = store.write(move |tx| tx.execute(sql, &params![id, value])).await;
    set.unwrap_or_else(|error: Error| panic!("setting a counter: {error}"));
}

fn counter_get(tx: &mut ReadTx<'_>, id: i64) -> Result<i64, Error> {
    tx.query_one("SELECT value FROM test_counter WHERE id = ?1", &params![id], |row| row.get(0))
}

/// A plain read and a plain write, so that only the isolation of transactions keeps two from losing an update.
fn counter_add(tx: &mut WriteTx<'_>, id: i64, step: i64) -> Result<i64, Error> {
    let value = counter_get(tx, id)? + step;
    tx.execute("UPDATE test_counter SET value = ?2 WHERE id = ?1", &params![id, value])?;
    Ok(value)
}

/// A store on the same database with one writer on either engine, so that holding one writer holds them all.
fn one_writer(db: &TestDb, queue: usize) -> Store {
    let url = db.url();
    let mut options = match db.engine() {
        Engine::Sqlite => StoreOptions::sqlite(url.trim_start_matches("sqlite:")),
        Engine::Postgres => StoreOptions::postgres(url),
    };
    options.writers = 1;
    options.queue = queue;
    Store::open(&options).expect("opening the store")
}

/// A command under way that ends when it is told to: what comes meanwhile waits behind it, in one queue.
struct HeldCommand {
    release: mpsc::Sender<()>,
    command: tokio::task::JoinHandle<Result<(), Error>>,
}

impl HeldCommand {
    /// Returns once the writer runs the command.
    async fn writer(store: &Store) -> HeldCommand {
        let (release, released) = mpsc::channel();
        let (enter, mut entered) = tokio::sync::mpsc::unbounded_channel();
        let store = store.clone();
        let command = tokio::spawn(async move {
            let hold = move |_: &mut WriteTx<'_>| {
                let _ = enter.send(());
                let _ = released.recv();
                Ok(())
            };
            store.write(hold).await
        });
        entered.recv().await.expect("the writer is held");
        HeldCommand { release, command }
    }

    async fn release(self) {
        drop(self.release);
        self.command.await.expect("the held command").expect("the held command");
    }
}

/// Polls once, so that a command is in the queue when this returns.
async fn queued<F: Future>(command: F) -> Pin<Box<F>> {
    let mut command = Box::pin(command);
    let answered = poll_fn(|context| Poll::Ready(command.as_mut().poll(context).is_ready())).await;
    assert!(!answered, "the command should wait");
    command
}
