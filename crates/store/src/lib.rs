//! One transaction on SQLite or PostgreSQL.
//!
//! ```text
//! store.write(|tx| ...).await     a command: all or nothing, durable when it returns
//! store.read(|tx| ...).await      a query: one consistent snapshot
//! batcher.submit(input).await        a hot command: taken together with all others that wait
//! ```
//!
//! Both engines give the same promises: serializable, and durable before the answer leaves. A closure is ordinary
//! synchronous code over [`ReadTx`] or [`WriteTx`]. It may run more than once, so the time, ids and random values come in from outside,
//! and it does nothing but database work.
//!
//! This is the only room that knows a database driver.

pub mod backup;
mod batcher;
mod clock;
mod dialect;
mod error;
mod integrity;
mod job;
mod migrate;
mod param;
mod postgres;
mod queue;
mod row;
mod sqlite;
mod store;
mod tx;

pub use batcher::Batcher;
pub use clock::Clock;
pub use error::Error;
pub use integrity::Integrity;
pub use migrate::{Migration, MigrationState, MigrationStep};
pub use param::Param;
pub use row::{FromColumn, Row};
pub use sqlite::inspect::LogRepair;
pub use sqlite::log::LogDamage;
pub use store::{Engine, Store, StoreHealth, StoreOptions};
pub use tx::{BulkStatement, ReadTx, WriteTx};
