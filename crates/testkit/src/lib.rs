//! For tests only: both databases, a clock to move, ids in order, and fake outside services.
//!
//! A test is written once and runs on both engines:
//!
//! ```text
//! purser_testkit::both! {
//!     async fn a_hold_reduces_available_but_not_balance(db: TestDb) {
//!         let store = db.store();
//!         …
//!     }
//! }
//! ```
//!
//! The root of the test binary says what each database holds at the start, and what must be true at the end of every
//! test:
//!
//! ```text
//! fn migrations() -> Vec<Migration> { … }
//! async fn after(db: &TestDb) { … }
//! ```

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up fails, and failing is what panics are for"
)]

mod clock;
mod cluster;
mod db;
mod fake;
mod ids;
mod smtp;

use std::time::Duration;

use purser_store::{Engine, Migration};

pub use clock::TestClock;
pub use cluster::{Cluster, Durability};
pub use db::TestDb;
pub use fake::{FakeResponse, FakeServer, RecordedRequest, ResponseRelease};
pub use ids::TestIds;
pub use smtp::{FakeSmtp, ReceivedMail, SmtpFault, SmtpStep, SmtpTls};

/// A test that takes longer hangs, and is failed.
const LONGEST_TEST: Duration = Duration::from_secs(900);

/// Makes of each `async fn` a module of two tests, `on_sqlite` and `on_postgres`.
#[expect(clippy::crate_in_macro_def, reason = "the test binary's root supplies both hooks")]
#[macro_export]
macro_rules! both {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident: $type:ty) $body:block)*) => {$(
        async fn $name($db: $type) $body

        $(#[$attribute])*
        mod $name {
            #[test]
            fn on_sqlite() {
                let engine = $crate::Sqlite;
                $crate::run(engine, crate::migrations(), super::$name, crate::after);
            }

            #[test]
            fn on_postgres() {
                let engine = $crate::Postgres;
                $crate::run(engine, crate::migrations(), super::$name, crate::after);
            }
        }
    )*};
}

#[doc(hidden)]
pub use Engine::{Postgres, Sqlite};

/// Runs `body` on a fresh database of `engine`, and then, where it did not panic, `after`. For [`both!`].
pub fn run(
    engine: Engine,
    migrations: Vec<Migration>,
    body: impl AsyncFnOnce(TestDb),
    after: impl AsyncFnOnce(&TestDb),
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("starting the runtime");
    let db = runtime.block_on(TestDb::create(engine, migrations));
    runtime.block_on(async {
        let whole = async {
            body(db.clone()).await;
            after(&db).await;
        };
        tokio::time::timeout(LONGEST_TEST, whole).await.expect("the test hangs");
    });
    // Whatever the test left running goes before the database does.
    runtime.shutdown_timeout(Duration::from_secs(10));
}
