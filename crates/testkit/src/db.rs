//! A fresh database for one test, on either engine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use purser_store::{Engine, Error, Migration, ReadTx, Store, StoreOptions, WriteTx};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{Cluster, TestClock, TestIds};

/// A migrated database that only this test knows, with a clock and ids of its own. It is removed when the last clone
/// goes.
#[derive(Clone)]
pub struct TestDb {
    inner: Arc<Inner>,
}

struct Inner {
    place: TestDbLocation,
    store: RwLock<Store>,
    clock: TestClock,
    ids: TestIds,
}

enum TestDbLocation {
    Folder(TempDir),
    /// A database of this name.
    Server(Arc<Cluster>, String),
}

impl TestDb {
    /// Makes a database of `engine` with all of `migrations`; with none, it is empty.
    pub async fn create(engine: Engine, migrations: Vec<Migration>) -> TestDb {
        match engine {
            Engine::Sqlite => {
                let folder = TempDir::with_prefix("purser-db-").expect("a temporary folder");
                TestDb::open(TestDbLocation::Folder(folder)).migrated(migrations).await
            }
            Engine::Postgres => {
                let name = copy_of_template(&migrations).await;
                TestDb::open(TestDbLocation::Server(Cluster::shared(), name))
            }
        }
    }

    /// Makes a database in a cluster that the test may stop and kill. No other test can have it.
    pub async fn create_on(cluster: &Arc<Cluster>, migrations: Vec<Migration>) -> TestDb {
        let name = fresh_name("test");
        cluster.database_create(&name).expect("creating a database");
        TestDb::open(TestDbLocation::Server(Arc::clone(cluster), name)).migrated(migrations).await
    }

    fn open(place: TestDbLocation) -> TestDb {
        let store = RwLock::new(place.open());
        TestDb { inner: Arc::new(Inner { place, store, clock: TestClock::default(), ids: TestIds::default() }) }
    }

    async fn migrated(self, migrations: Vec<Migration>) -> TestDb {
        self.store().migrate(migrations, self.clock().now()).await.expect("migrating");
        self
    }

    /// The store, open and migrated.
    #[must_use]
    pub fn store(&self) -> Store {
        self.inner.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// [`Store::write`] on the store.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write<T, E, F>(&self, command: F) -> Result<T, E>
    where
        F: Fn(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.store().write(command).await
    }

    /// [`Store::read`] on the store.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: Fn(&mut ReadTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.store().read(query).await
    }

    /// A second store on the same database, as another copy of the program would open it. Drop it before the test ends.
    #[must_use]
    pub fn open_again(&self) -> Store {
        self.inner.place.open()
    }

    /// Closes the store and opens the same database again, as a restart of the program does. Stores handed out before
    /// answer `Closed` from now on.
    pub fn reopen(&self) {
        let mut store = self.inner.store.write().unwrap_or_else(PoisonError::into_inner);
        store.close();
        *store = self.inner.place.open();
    }

    /// Which engine it is on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.inner.place {
            TestDbLocation::Folder(_) => Engine::Sqlite,
            TestDbLocation::Server(..) => Engine::Postgres,
        }
    }

    /// Where it is, as `DATABASE_URL` says it: for tests that start the program itself.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.inner.place {
            TestDbLocation::Folder(folder) => format!("sqlite:{}", sqlite_file(folder).display()),
            TestDbLocation::Server(cluster, name) => cluster.url(name),
        }
    }

    /// The clock of this test. Nothing else moves it.
    #[must_use]
    pub fn clock(&self) -> &TestClock {
        &self.inner.clock
    }

    /// The ids of this test.
    #[must_use]
    pub fn ids(&self) -> &TestIds {
        &self.inner.ids
    }
}

impl TestDbLocation {
    fn open(&self) -> Store {
        let options = match self {
            TestDbLocation::Folder(folder) => StoreOptions::sqlite(sqlite_file(folder)),
            TestDbLocation::Server(cluster, name) => StoreOptions::postgres(cluster.url(name)),
        };
        Store::open(&options).expect("opening the store")
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.store.get_mut().unwrap_or_else(PoisonError::into_inner).close();
        if let TestDbLocation::Server(cluster, name) = &self.place {
            // The test has its outcome by now; what is left goes with the cluster.
            let _ = cluster.database_drop(name);
        }
    }
}

fn sqlite_file(folder: &TempDir) -> PathBuf {
    folder.path().join("purser.db")
}

/// Migrating takes longer than copying, so each set of migrations is run once a process.
async fn copy_of_template(migrations: &[Migration]) -> String {
    static TEMPLATES: Mutex<Option<HashMap<Vec<&'static str>, String>>> = Mutex::const_new(None);
    let key: Vec<&'static str> = migrations.iter().map(|migration| migration.sql).collect();
    let cluster = Cluster::shared();
    let mut templates = TEMPLATES.lock().await;
    let templates = templates.get_or_insert_default();
    if !templates.contains_key(&key) {
        let name = fresh_name("template");
        cluster.database_create(&name).expect("creating a database");
        let store = Store::open(&StoreOptions::postgres(cluster.url(&name))).expect("opening the store");
        store.migrate(migrations.to_vec(), TestClock::START).await.expect("migrating");
        store.close();
        templates.insert(key.clone(), name);
    }
    let name = fresh_name("test");
    cluster.database_copy(&name, &templates[&key]).expect("copying a database");
    name
}

fn fresh_name(prefix: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("{prefix}_{}", COUNT.fetch_add(1, Ordering::SeqCst))
}

#[cfg(test)]
mod tests {
    use purser_store::params;

    use super::*;

    fn migrations() -> Vec<Migration> {
        let sql = "CREATE TABLE note (id UUID PRIMARY KEY, at BIGINT NOT NULL) /*sqlite STRICT */;";
        vec![Migration { room: "note", number: 1, name: "note", sql }]
    }

    async fn count(db: &TestDb) -> i64 {
        let store = db.store();
        let query = store.read(|tx| tx.query_one("SELECT COUNT(*) FROM note", &[], |row| row.get(0)));
        query.await.unwrap_or_else(|error: Error| panic!("counting: {error}"))
    }

    async fn insert(db: &TestDb) -> Result<u64, Error> {
        let (id, now) = (db.ids().next(), db.clock().now());
        let sql = "INSERT INTO note (id, at) VALUES (?1, ?2)";
        db.write(move |tx| tx.execute(sql, &params![id, now])).await
    }

    async fn check(one: TestDb) {
        let other = TestDb::create(one.engine(), migrations()).await;
        assert_eq!(insert(&one).await, Ok(1));
        one.reopen();
        assert_eq!((count(&one).await, count(&other).await), (1, 0));
    }

    #[test]
    fn a_test_has_a_database_to_itself_that_outlives_a_restart() {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let after = async |db: &TestDb| assert_eq!(count(db).await, 1);
            crate::run(engine, migrations(), check, after);
        }
    }
}
