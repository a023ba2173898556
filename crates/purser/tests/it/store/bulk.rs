//! Commands that touch rows by the thousands: on a snapshot where conflicts are noted, and still without losing an update.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use purser_store::{Engine, Error};
use purser_testkit::{TestDb, both};

use super::{Refusal, counter_add, counter_get, counter_set, note_insert, notes, tables_make};

both! {
    async fn a_wide_command_begins_anew_and_nothing_of_its_first_beginning_stays(db: TestDb) {
        tables_make(&db).await;
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let done = db.write(move |tx| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            note_insert(tx, i64::from(run) + 1, "")?;
            tx.bulk()?;
            // Saying it twice changes nothing.
            tx.bulk()?;
            note_insert(tx, 10, "")
        });
        assert_eq!(done.await, Ok::<_, Error>(()));
        let (expected, wrote) = match db.engine() {
            Engine::Sqlite => (1, [1, 10]),
            Engine::Postgres => (2, [2, 10]),
        };
        assert_eq!((runs.load(Ordering::SeqCst), notes(&db.store()).await), (expected, wrote.to_vec()));
    }

    async fn a_wide_command_refuses_and_leaves_no_trace(db: TestDb) {
        tables_make(&db).await;
        let refused = db.write(|tx| {
            // A command that takes the error for its own does not get away with it.
            tx.bulk().map_err(|_| Refusal::Rule("misread"))?;
            note_insert(tx, 1, "")?;
            Err::<(), _>(Refusal::Rule("no"))
        });
        assert_eq!(refused.await, Err(Refusal::Rule("no")));
        assert!(notes(&db.store()).await.is_empty());
    }

    async fn a_wide_command_that_missed_what_was_made_meanwhile_looks_again(db: TestDb) {
        tables_make(&db).await;
        let (looked, has_looked) = std::sync::mpsc::channel();
        let (made, is_made) = std::sync::mpsc::channel::<()>();
        let (looked, is_made) = (Mutex::new(looked), Mutex::new(is_made));
        let store = db.store();
        let wide = store.write(move |tx| {
            tx.bulk()?;
            let there = tx.query_opt("SELECT id FROM test_note WHERE id = 1", &[], |row| row.get::<i64>(0))?.is_some();
            if there {
                return Ok::<_, Error>("was there");
            }
            // SQLite has one writer, so nobody can be quicker.
            if tx.engine() == Engine::Postgres {
                let _ = looked.lock().unwrap().send(());
                let _ = is_made.lock().unwrap().recv();
            }
            note_insert(tx, 1, "")?;
            Ok("made")
        });
        let engine = db.engine();
        let quicker = async {
            if engine == Engine::Postgres {
                let has_looked = tokio::task::spawn_blocking(move || has_looked.recv()).await;
                has_looked.unwrap().unwrap();
                db.write(|tx| note_insert(tx, 1, "")).await.unwrap();
                drop(made);
            }
        };
        let (wide, ()) = tokio::join!(wide, quicker);
        assert_eq!(wide, Ok(if engine == Engine::Postgres { "was there" } else { "made" }));
    }

    async fn wide_commands_and_others_lose_no_update_to_each_other(db: TestDb) {
        tables_make(&db).await;
        counter_set(&db.store(), 1, 0).await;
        let tasks: Vec<_> = (0..40).map(|number| {
            let db = db.clone();
            tokio::spawn(async move {
                let add = move |tx: &mut purser_store::WriteTx<'_>| {
                    if number % 2 == 0 {
                        tx.bulk()?;
                    }
                    counter_add(tx, 1, 1)
                };
                // Who keeps meeting others is told so, and tries again.
                loop {
                    match db.write(add).await {
                        Err(Error::Conflict) => {}
                        done => return done,
                    }
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(db.read(|tx| counter_get(tx, 1)).await, Ok(40));
    }
}
