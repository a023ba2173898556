//! Commands that wait together: on SQLite they share one commit, and still none pays for another.

use purser_store::{Engine, Error, params};
use purser_testkit::{TestDb, both};

use super::{HeldCommand, NONE, Refusal, note_insert, notes, one_writer, queued, tables_make};

both! {
    async fn of_commands_that_wait_together_only_the_guilty_ones_fail(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 100);
        let held = HeldCommand::writer(&store).await;
        let first = queued(store.write(|tx| note_insert(tx, 1, "first").map_err(Refusal::from))).await;
        let panics = queued(store.write(|tx| {
            note_insert(tx, 2, "gone").map_err(Refusal::from)?;
            crate::mistake();
            Ok(())
        }))
        .await;
        let refuses = queued(store.write(|tx| {
            note_insert(tx, 3, "gone")?;
            Err::<(), _>(Refusal::Rule("no"))
        }))
        .await;
        let breaks = queued(store.write(|tx| {
            note_insert(tx, 4, "gone")?;
            note_insert(tx, 1, "taken").map_err(Refusal::from)
        }))
        .await;
        let last = queued(store.write(|tx| note_insert(tx, 5, "last").map_err(Refusal::from))).await;
        held.release().await;

        assert_eq!(first.await, Ok(()));
        assert_eq!(panics.await, Err(Refusal::Store(Error::Panicked)));
        assert_eq!(refuses.await, Err(Refusal::Rule("no")));
        let broken = breaks.await;
        assert!(matches!(broken, Err(Refusal::Store(Error::Unique { .. }))), "{broken:?}");
        assert_eq!(last.await, Ok(()));
        assert_eq!(notes(&store).await, [1, 5]);
    }

    async fn a_command_sees_what_those_before_it_in_the_queue_did(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 100);
        let held = HeldCommand::writer(&store).await;
        let mut waiting = Vec::new();
        for id in 1..=50 {
            let counted = store.write(move |tx| {
                note_insert(tx, id, "")?;
                tx.query_one("SELECT COUNT(*) FROM test_note", &[], |row| row.get::<i64>(0))
            });
            waiting.push(queued(counted).await);
        }
        held.release().await;
        for (counted, expected) in waiting.into_iter().zip(1..) {
            assert_eq!(counted.await, Ok::<_, Error>(expected));
        }
    }

    async fn a_commit_that_fails_undoes_every_command_in_it(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 100);
        let held = HeldCommand::writer(&store).await;
        let first = queued(store.write(|tx| note_insert(tx, 1, "first"))).await;
        let dangling = queued(store.write(|tx| {
            tx.execute("INSERT INTO test_note (id, text, parent) VALUES (2, 'dangling', 99)", &[])?;
            Ok(())
        }))
        .await;
        let last = queued(store.write(|tx| note_insert(tx, 3, "last"))).await;
        held.release().await;

        let ends: [Result<(), Error>; 3] = [first.await, dangling.await, last.await];
        match db.engine() {
            Engine::Sqlite => assert_eq!(ends, [const { Err(Error::ForeignKey) }; 3]),
            // There each command has a commit of its own.
            Engine::Postgres => assert_eq!(ends, [Ok(()), Err(Error::ForeignKey), Ok(())]),
        }
        let stand: Vec<i64> = [1, 2, 3].into_iter().zip(&ends).filter(|(_, end)| end.is_ok()).map(|(id, _)| id).collect();
        assert_eq!(notes(&store).await, stand);
        assert_eq!(store.write(|tx| note_insert(tx, 4, "after")).await, Ok::<_, Error>(()));
    }

    async fn a_full_queue_answers_busy_and_service_resumes(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 4);
        let held = HeldCommand::writer(&store).await;
        let mut waiting = Vec::new();
        for id in 1..=4 {
            waiting.push(queued(store.write(move |tx| note_insert(tx, id, "waits"))).await);
        }
        assert_eq!(store.health().writes_waiting, 4);
        assert_eq!(store.write(|tx| note_insert(tx, 5, "one too many")).await, Err(Error::Busy));
        held.release().await;
        for command in waiting {
            assert_eq!(command.await, Ok::<_, Error>(()));
        }
        assert_eq!(store.write(|tx| note_insert(tx, 6, "after")).await, Ok::<_, Error>(()));
        assert_eq!(notes(&store).await, [1, 2, 3, 4, 6]);
    }

    async fn a_store_that_closes_finishes_what_waits_and_refuses_what_comes(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 100);
        let held = HeldCommand::writer(&store).await;
        let mut waiting = Vec::new();
        for id in 1..=10 {
            waiting.push(queued(store.write(move |tx| note_insert(tx, id, "waits"))).await);
        }
        let closing = {
            let store = store.clone();
            tokio::task::spawn_blocking(move || store.close())
        };
        // Closing waits for the held command, so what comes now is refused as soon as the closing has begun.
        let refused = loop {
            match store.read(|tx| tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0))).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        };
        assert_eq!(refused, Error::Closed);
        assert_eq!(store.write(|tx| note_insert(tx, 11, "too late")).await, Err(Error::Closed));
        held.release().await;
        closing.await.expect("closing");
        for command in waiting {
            assert_eq!(command.await, Ok::<_, Error>(()));
        }
        assert_eq!(notes(&db.store()).await, (1..=10).collect::<Vec<_>>());
    }

    async fn a_command_of_many_rows_is_undone_whole(db: TestDb) {
        tables_make(&db).await;
        let store = db.store();
        let halfway = store.write(|tx| {
            for id in 1..=500 {
                tx.execute("INSERT INTO test_note (id, text) VALUES (?1, '')", &params![id])?;
            }
            Err::<(), _>(Refusal::Rule("halfway"))
        });
        assert_eq!(halfway.await, Err(Refusal::Rule("halfway")));
        assert_eq!(notes(&store).await, NONE);
    }
}
