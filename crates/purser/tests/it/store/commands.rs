//! One command or query by itself, and many that want the same rows.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, mpsc};

use purser_store::{Engine, Error, ReadTx, Store, WriteTx, params};
use purser_testkit::{TestDb, both};

use super::{NONE, Refusal, counter_add, counter_get, counter_set, note_insert, notes, tables_make};
use crate::dump::dump;

both! {
    async fn a_refused_command_leaves_the_database_byte_for_byte_as_it_was(db: TestDb) {
        tables_make(&db).await;
        counter_set(&db.store(), 1, 5).await;
        let before = dump(&db).await;
        let refused = db.write(|tx| {
            note_insert(tx, 1, "gone")?;
            counter_add(tx, 1, 10)?;
            tx.execute("DELETE FROM test_counter", &[])?;
            Err::<(), _>(Refusal::Rule("no"))
        });
        assert_eq!(refused.await, Err(Refusal::Rule("no")));
        assert_eq!(dump(&db).await, before);
    }

    async fn a_panic_undoes_its_command_and_the_store_goes_on(db: TestDb) {
        tables_make(&db).await;
        let before = dump(&db).await;
        let panicked = db.write(|tx| {
            note_insert(tx, 1, "gone")?;
            crate::mistake();
            Ok::<_, Error>(())
        });
        assert_eq!(panicked.await, Err(Error::Panicked));
        let reading = db.read(|tx| {
            tx.query("SELECT 1", &[], |_| Ok(()))?;
            crate::mistake();
            Ok::<_, Error>(())
        });
        assert_eq!(reading.await, Err(Error::Panicked));
        assert_eq!(dump(&db).await, before);
        assert_eq!(db.write(|tx| note_insert(tx, 2, "here")).await, Ok::<_, Error>(()));
        assert_eq!(notes(&db.store()).await, [2]);
    }

    async fn a_failed_statement_dooms_its_command_even_if_the_error_is_swallowed(db: TestDb) {
        tables_make(&db).await;
        let doomed = db.write(|tx| {
            note_insert(tx, 1, "once")?;
            let twice = note_insert(tx, 1, "twice");
            assert!(matches!(twice, Err(Error::Unique { .. })), "{twice:?}");
            assert_eq!(note_insert(tx, 2, "after"), Err(Error::Aborted));
            Ok::<_, Error>("done")
        });
        assert!(matches!(doomed.await, Err(Error::Unique { .. })));
        assert_eq!(notes(&db.store()).await, NONE);
    }

    async fn a_command_may_answer_a_broken_constraint_in_its_own_words(db: TestDb) {
        tables_make(&db).await;
        let taken = |error| match error {
            Error::Unique { .. } => Refusal::Rule("taken"),
            other => Refusal::Store(other),
        };
        let command = move |tx: &mut WriteTx<'_>| note_insert(tx, 1, "mine").map_err(taken);
        assert_eq!(db.write(command).await, Ok(()));
        assert_eq!(db.write(command).await, Err(Refusal::Rule("taken")));
    }

    async fn each_broken_rule_has_its_name_on_both_engines(db: TestDb) {
        tables_make(&db).await;
        let run = |sql: &'static str| {
            let store = db.store();
            async move { store.write(move |tx| tx.execute(sql, &[])).await }
        };
        assert_eq!(run("INSERT INTO test_note (id, text) VALUES (1, '')").await, Ok(1));
        let unique = run("INSERT INTO test_note (id, text) VALUES (1, '')").await;
        assert!(matches!(unique, Err(Error::Unique { .. })), "{unique:?}");
        let check = run("INSERT INTO test_counter (id, value) VALUES (1, -1)").await;
        assert!(matches!(check, Err(Error::Check { .. })), "{check:?}");
        let null = run("INSERT INTO test_note (id, text) VALUES (2, NULL)").await;
        assert!(matches!(null, Err(Error::Check { .. })), "{null:?}");
        assert_eq!(run("INSERT INTO test_note (id, text, parent) VALUES (3, '', 99)").await, Err(Error::ForeignKey));
        let syntax = run("INSERT INTO nowhere VALUES (1)").await;
        assert!(matches!(syntax, Err(Error::Engine(_))), "{syntax:?}");
    }

    async fn a_query_for_one_row_says_when_there_are_none_or_more(db: TestDb) {
        tables_make(&db).await;
        for id in 1..=3 {
            counter_set(&db.store(), id, id).await;
        }
        let one = |sql: &'static str| {
            let store = db.store();
            async move { store.read(move |tx| tx.query_one(sql, &[], |row| row.get::<i64>(0))).await }
        };
        assert_eq!(one("SELECT value FROM test_counter WHERE id = 2").await, Ok(2));
        assert_eq!(one("SELECT value FROM test_counter WHERE id = 9").await, Err(Error::NotOne { found: 0 }));
        assert_eq!(one("SELECT value FROM test_counter").await, Err(Error::NotOne { found: 2 }));
        let first = db.read(|tx| {
            tx.query_opt("SELECT value FROM test_counter ORDER BY id DESC", &[], |row| row.get::<i64>(0))
        });
        assert_eq!(first.await, Ok::<_, Error>(Some(3)));
    }

    async fn a_caller_that_hangs_up_harms_nobody_and_its_command_happens_whole(db: TestDb) {
        tables_make(&db).await;
        let store = super::one_writer(&db, 100);
        let held = super::HeldCommand::writer(&store).await;
        for id in 1..=20 {
            let pair = store.write(move |tx| {
                note_insert(tx, id, "first")?;
                note_insert(tx, id + 100, "second")
            });
            drop(super::queued(async { pair.await as Result<(), Error> }).await);
        }
        held.release().await;
        // One writer takes them in order, so when this has been, so have they.
        assert_eq!(store.write(|tx| note_insert(tx, 1_000, "last")).await, Ok::<_, Error>(()));
        let expected: Vec<i64> = (1..=20).chain(101..=120).chain([1_000]).collect();
        assert_eq!(notes(&store).await, expected);
    }

    async fn callers_that_hang_up_at_any_moment_leave_whole_commands_or_none(db: TestDb) {
        tables_make(&db).await;
        let callers: Vec<_> = (1..=200)
            .map(|id| {
                let store = db.store();
                tokio::spawn(async move {
                    let pair = store.write(move |tx| {
                        note_insert(tx, id, "first")?;
                        note_insert(tx, id + 1_000, "second")
                    });
                    pair.await as Result<(), Error>
                })
            })
            .collect();
        for (turn, caller) in callers.into_iter().enumerate() {
            if turn % 3 == 0 {
                assert_eq!(caller.await.expect("the caller"), Ok(()));
            } else {
                caller.abort();
            }
        }
        let all = db.write(|tx| tx.query("SELECT id FROM test_note ORDER BY id", &[], |row| row.get::<i64>(0)));
        let (first, second): (Vec<i64>, Vec<i64>) =
            (all.await as Result<Vec<i64>, Error>).expect("reading").into_iter().partition(|id| *id < 1_000);
        assert_eq!(first, second.iter().map(|id| id - 1_000).collect::<Vec<_>>());
        assert!((1..=200).step_by(3).all(|id| first.contains(&id)), "an acknowledged command is missing");
    }

    async fn a_query_sees_one_snapshot_while_writes_go_on(db: TestDb) {
        tables_make(&db).await;
        counter_set(&db.store(), 1, 70).await;
        counter_set(&db.store(), 2, 30).await;
        let (resume, resumed) = mpsc::channel::<()>();
        let (enter, mut entered) = tokio::sync::mpsc::unbounded_channel();
        let store = db.store();
        let reading = tokio::spawn(async move {
            let both = move |tx: &mut ReadTx<'_>| {
                let first = counter_get(tx, 1)?;
                let _ = enter.send(());
                let _ = resumed.recv();
                Ok::<_, Error>((first, counter_get(tx, 2)?))
            };
            store.read(both).await
        });
        entered.recv().await.expect("the query has begun");
        let moved = db.write(|tx| {
            counter_add(tx, 1, -50)?;
            counter_add(tx, 2, 50)
        });
        assert_eq!(moved.await, Ok::<_, Error>(80));
        drop(resume);
        assert_eq!(reading.await.expect("the query"), Ok((70, 30)));
        let after = db.read(|tx| Ok::<_, Error>((counter_get(tx, 1)?, counter_get(tx, 2)?)));
        assert_eq!(after.await, Ok((20, 80)));
    }

    async fn a_query_cannot_write(db: TestDb) {
        tables_make(&db).await;
        let before = dump(&db).await;
        // A query has no method that writes. This one asks for rows, in small letters, so that the engine has to refuse.
        let insert = |tx: &mut ReadTx<'_>| {
            tx.query_opt("insert into test_note (id, text) values (1, 'gone') returning id", &[], |row| row.get::<i64>(0))
        };
        let written = db.read(insert).await;
        assert!(matches!(written, Err(Error::Engine(_))), "{written:?}");
        let swallowed = db.read(move |tx| Ok::<_, Error>(insert(tx).is_ok())).await;
        assert!(matches!(swallowed, Err(Error::Engine(_))), "{swallowed:?}");
        assert_eq!(dump(&db).await, before);
        assert_eq!(db.write(|tx| note_insert(tx, 1, "here")).await, Ok::<_, Error>(()));
    }

    async fn two_commands_that_each_rely_on_what_the_other_changes_do_not_both_succeed(db: TestDb) {
        tables_make(&db).await;
        // Two on call; each may leave as long as another stays.
        counter_set(&db.store(), 1, 1).await;
        counter_set(&db.store(), 2, 1).await;
        let both_have_read = Arc::new(Barrier::new(2));
        let (one, two) =
            tokio::join!(leave(db.store(), 1, Arc::clone(&both_have_read)), leave(db.store(), 2, both_have_read));
        let left = [&one, &two].into_iter().filter(|left| left.is_ok()).count();
        assert_eq!(left, 1, "{one:?} {two:?}");
        assert!([one, two].contains(&Err(Refusal::Rule("nobody would be left"))));
    }

    async fn a_counter_that_32_callers_increment_is_exact(db: TestDb) {
        const ROUNDS: i64 = 25;
        tables_make(&db).await;
        counter_set(&db.store(), 1, 0).await;
        let runs = Arc::new(AtomicU32::new(0));
        let callers: Vec<_> = (0..32)
            .map(|_| {
                let (store, runs) = (db.store(), Arc::clone(&runs));
                tokio::spawn(async move {
                    for _ in 0..ROUNDS {
                        let runs = Arc::clone(&runs);
                        let added = store.write(move |tx| {
                            runs.fetch_add(1, Ordering::SeqCst);
                            counter_add(tx, 1, 1)
                        });
                        (added.await as Result<i64, Error>).expect("an increment");
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("a caller");
        }
        assert_eq!(db.read(|tx| counter_get(tx, 1)).await, Ok::<_, Error>(32 * ROUNDS));
        assert!(i64::from(runs.load(Ordering::SeqCst)) >= 32 * ROUNDS);
    }
}

/// Sets counter `id` to zero where the two together are more than one. On PostgreSQL, where two commands run at once,
/// the first attempts of both have read before either writes.
async fn leave(store: Store, id: i64, both_have_read: Arc<Barrier>) -> Result<(), Refusal> {
    let met = AtomicBool::new(false);
    let command = move |tx: &mut WriteTx<'_>| {
        let on_call: i64 =
            tx.query_one("SELECT CAST(SUM(value) AS BIGINT) FROM test_counter", &[], |row| row.get(0))?;
        if tx.engine() == Engine::Postgres && !met.swap(true, Ordering::SeqCst) {
            both_have_read.wait();
        }
        if on_call < 2 {
            return Err(Refusal::Rule("nobody would be left"));
        }
        tx.execute("UPDATE test_counter SET value = 0 WHERE id = ?1", &params![id])?;
        Ok(())
    };
    store.write(command).await
}
