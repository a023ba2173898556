//! Migrations: forward only, once, whoever else tries at the same moment.

use purser_store::MigrationState::{Applied, Pending, Present};
use purser_store::{Error, Migration, MigrationState, Store, params};
use purser_testkit::{TestClock, TestDb, both};

const FIRST: Migration = Migration {
    room: "farm",
    number: 1,
    name: "animals",
    sql: "CREATE TABLE farm_animal (id BIGINT PRIMARY KEY, name TEXT NOT NULL) /*sqlite STRICT */;",
};

const SECOND: Migration = Migration {
    room: "farm",
    number: 2,
    name: "legs",
    sql: "ALTER TABLE farm_animal ADD COLUMN legs BIGINT NOT NULL DEFAULT 4 CHECK (legs >= 0);
          UPDATE farm_animal SET legs = 2 WHERE name = 'hen';",
};

const BROKEN: Migration = Migration {
    room: "farm",
    number: 2,
    name: "broken",
    sql: "CREATE TABLE farm_field (id BIGINT PRIMARY KEY) /*sqlite STRICT */; INSERT INTO nowhere VALUES (1);",
};

async fn migrate(store: &Store, migrations: &[Migration]) -> Result<Vec<MigrationState>, Error> {
    let steps = store.migrate(migrations.to_vec(), TestClock::START).await?;
    Ok(steps.into_iter().map(|step| step.state).collect())
}

async fn plan(store: &Store, migrations: &[Migration]) -> Result<Vec<MigrationState>, Error> {
    let steps = store.migrate_plan(migrations.to_vec()).await?;
    Ok(steps.into_iter().map(|step| step.state).collect())
}

async fn animal_insert(store: &Store, id: i64, name: &'static str) {
    let insert = "INSERT INTO farm_animal (id, name) VALUES (?1, ?2)";
    let inserted = store.write(move |tx| tx.execute(insert, &params![id, name])).await;
    assert_eq!(inserted, Ok::<_, Error>(1));
}

fn told(error: &Error, words: &str) -> bool {
    matches!(error, Error::Migration(text) if text.contains(words))
}

both! {
    async fn a_migration_is_applied_once(db: TestDb) {
        let store = db.store();
        assert_eq!(plan(&store, &[FIRST, SECOND]).await, Ok(vec![Pending, Pending]));
        assert_eq!(migrate(&store, &[FIRST]).await, Ok(vec![Applied]));
        animal_insert(&store, 1, "cow").await;
        assert_eq!(migrate(&store, &[FIRST]).await, Ok(vec![Present]));
        db.reopen();
        assert_eq!(migrate(&db.store(), &[FIRST]).await, Ok(vec![Present]));
        assert_eq!(plan(&db.store(), &[FIRST, SECOND]).await, Ok(vec![Present, Pending]));
    }

    async fn an_empty_database_has_a_plan_too(db: TestDb) {
        let empty = TestDb::create(db.engine(), Vec::new()).await;
        assert_eq!(plan(&empty.store(), &[FIRST, SECOND]).await, Ok(vec![Pending, Pending]));
        assert_eq!(migrate(&empty.store(), &[FIRST, SECOND]).await, Ok(vec![Applied, Applied]));
    }

    async fn a_migration_runs_on_a_database_that_holds_data(db: TestDb) {
        let store = db.store();
        assert_eq!(migrate(&store, &[FIRST]).await, Ok(vec![Applied]));
        animal_insert(&store, 1, "cow").await;
        animal_insert(&store, 2, "hen").await;
        assert_eq!(migrate(&store, &[FIRST, SECOND]).await, Ok(vec![Present, Applied]));
        let legs = store.read(|tx| tx.query("SELECT legs FROM farm_animal ORDER BY id", &[], |row| row.get::<i64>(0)));
        assert_eq!(legs.await, Ok::<_, Error>(vec![4, 2]));
    }

    async fn a_migration_that_was_edited_after_it_ran_is_refused(db: TestDb) {
        let store = db.store();
        assert_eq!(migrate(&store, &[FIRST]).await, Ok(vec![Applied]));
        let edited = Migration { sql: "CREATE TABLE farm_animal (id BIGINT) /*sqlite STRICT */;", ..FIRST };
        let refused = migrate(&store, &[edited, SECOND]).await.unwrap_err();
        assert!(told(&refused, "farm/0001_animals was edited"), "{refused}");
        // The one after it did not run either.
        assert_eq!(plan(&store, &[FIRST, SECOND]).await, Ok(vec![Present, Pending]));
    }

    async fn a_database_that_a_newer_program_has_migrated_is_refused(db: TestDb) {
        let store = db.store();
        assert_eq!(migrate(&store, &[FIRST, SECOND]).await, Ok(vec![Applied, Applied]));
        let refused = migrate(&store, &[FIRST]).await.unwrap_err();
        assert!(told(&refused, "farm/0002"), "{refused}");
        assert!(plan(&store, &[FIRST]).await.is_err());
        // Another program's rooms are no business of this one.
        assert_eq!(migrate(&store, &[]).await, Ok(vec![]));
    }

    async fn a_migration_that_fails_leaves_nothing_of_its_run(db: TestDb) {
        let store = db.store();
        let failed = migrate(&store, &[FIRST, BROKEN]).await.unwrap_err();
        assert!(told(&failed, "farm/0002_broken"), "{failed}");
        assert_eq!(plan(&store, &[FIRST, SECOND]).await, Ok(vec![Pending, Pending]));
        assert_eq!(migrate(&store, &[FIRST, SECOND]).await, Ok(vec![Applied, Applied]));
    }

    async fn many_copies_that_migrate_at_once_apply_each_migration_once(db: TestDb) {
        let empty = TestDb::create(db.engine(), Vec::new()).await;
        let copies: Vec<_> = (0..8)
            .map(|_| {
                let store = empty.open_again();
                tokio::spawn(async move { migrate(&store, &[FIRST, SECOND]).await })
            })
            .collect();
        let mut applied = 0;
        for copy in copies {
            let states = copy.await.expect("a copy");
            match states.as_deref() {
                Ok([Applied, Applied]) => applied += 1,
                states => assert_eq!(states, Ok([Present, Present].as_slice())),
            }
        }
        assert_eq!(applied, 1);
    }
}
