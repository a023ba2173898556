//! A batcher decides what waits in batches, in order, and still gives each input its own answer.

use std::sync::{Arc, Mutex};

use purser_store::{Batcher, Error, Store, WriteTx};
use purser_testkit::{TestDb, both};

use super::{
    HeldCommand, NONE, Refusal, counter_add, counter_get, counter_set, note_insert, notes, one_writer, queued,
    tables_make,
};

/// What a caller of these tests hands in: a note to write, and how it goes.
#[derive(Debug, Clone, Copy)]
enum Input {
    Note(i64),
    Refused,
    Panics,
}

/// How many inputs each batch had, in order.
type BatchSizes = Arc<Mutex<Vec<usize>>>;

/// A batcher that writes the notes it is given, and answers each with its id.
fn note_lane(store: &Store, batch: usize) -> (Batcher<Input, i64, Refusal>, BatchSizes) {
    let turns = BatchSizes::default();
    let seen = Arc::clone(&turns);
    let lane = store.batcher(batch, move |tx: &mut WriteTx<'_>, inputs: &[Input]| {
        seen.lock().unwrap().push(inputs.len());
        inputs.iter().map(|input| decide(tx, *input)).collect()
    });
    (lane, turns)
}

/// Outside: what fails the whole batch. Inside: the answer to this input.
fn decide(tx: &mut WriteTx<'_>, input: Input) -> Result<Result<i64, Refusal>, Refusal> {
    match input {
        Input::Note(id) => {
            note_insert(tx, id, "")?;
            Ok(Ok(id))
        }
        Input::Refused => Ok(Err(Refusal::Rule("no"))),
        Input::Panics => panic!("a panic"),
    }
}

both! {
    async fn inputs_that_wait_together_are_one_turn_in_order_with_an_answer_each(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 1_000);
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&order);
        let lane = store.batcher(64, move |_: &mut WriteTx<'_>, inputs: &[u32]| {
            seen.lock().unwrap().push(inputs.to_vec());
            Ok::<_, Error>(inputs.iter().map(|input| Ok(input * 10)).collect())
        });
        let held = HeldCommand::writer(&store).await;
        let mut waiting = Vec::new();
        for input in 0..200 {
            waiting.push(queued(lane.submit(input)).await);
        }
        held.release().await;
        for (answer, input) in waiting.into_iter().zip(0..) {
            assert_eq!(answer.await, Ok(input * 10));
        }
        let turns = order.lock().unwrap().clone();
        assert_eq!(turns.iter().map(Vec::len).collect::<Vec<_>>(), [64, 64, 64, 8]);
        assert_eq!(turns.concat(), (0..200).collect::<Vec<_>>());
    }

    async fn a_refused_input_touches_nobody_else(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 1_000);
        let (lane, turns) = note_lane(&store, 64);
        let held = HeldCommand::writer(&store).await;
        let inputs = [Input::Note(1), Input::Refused, Input::Note(3), Input::Refused, Input::Note(5)];
        let answers = [Ok(1), Err(Refusal::Rule("no")), Ok(3), Err(Refusal::Rule("no")), Ok(5)];
        let mut waiting = Vec::new();
        for input in inputs {
            waiting.push(queued(lane.submit(input)).await);
        }
        held.release().await;
        for (answer, expected) in waiting.into_iter().zip(answers) {
            assert_eq!(answer.await, expected);
        }
        assert_eq!(*turns.lock().unwrap(), [5]);
        assert_eq!(notes(&store).await, [1, 3, 5]);
    }

    async fn an_input_that_panics_fails_alone_and_the_others_keep_their_order(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 1_000);
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&order);
        let lane = store.batcher(100, move |_: &mut WriteTx<'_>, inputs: &[u32]| {
            assert!(!inputs.contains(&37), "a panic");
            seen.lock().unwrap().extend_from_slice(inputs);
            Ok::<_, Error>(inputs.iter().map(|input| Ok(*input)).collect())
        });
        let held = HeldCommand::writer(&store).await;
        let mut waiting = Vec::new();
        for input in 0..150 {
            waiting.push(queued(lane.submit(input)).await);
        }
        held.release().await;
        for (answer, input) in waiting.into_iter().zip(0..) {
            let expected = if input == 37 { Err(Error::Panicked) } else { Ok(input) };
            assert_eq!(answer.await, expected, "{input}");
        }
        assert_eq!(*order.lock().unwrap(), (0..150).filter(|input| *input != 37).collect::<Vec<_>>());
    }

    async fn an_input_that_breaks_a_constraint_fails_alone(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 1_000);
        let (lane, _) = note_lane(&store, 64);
        let held = HeldCommand::writer(&store).await;
        let mut waiting = Vec::new();
        for input in [Input::Note(1), Input::Note(2), Input::Note(1), Input::Panics, Input::Note(4)] {
            waiting.push(queued(lane.submit(input)).await);
        }
        held.release().await;
        let mut answers = Vec::new();
        for answer in waiting {
            answers.push(answer.await);
        }
        assert_eq!([&answers[0], &answers[1], &answers[4]], [&Ok(1), &Ok(2), &Ok(4)]);
        assert!(matches!(answers[2], Err(Refusal::Store(Error::Unique { .. }))), "{:?}", answers[2]);
        assert_eq!(answers[3], Err(Refusal::Store(Error::Panicked)));
        assert_eq!(notes(&store).await, [1, 2, 4]);
    }

    async fn guilty_inputs_do_not_push_innocent_ones_out_of_a_small_queue(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 10);
        let (lane, _) = note_lane(&store, 64);
        let held = HeldCommand::writer(&store).await;
        let mut waiting = Vec::new();
        for id in 1..10 {
            waiting.push(queued(lane.submit(Input::Note(id))).await);
        }
        waiting.push(queued(lane.submit(Input::Panics)).await);
        // The batcher's batch has one place in the store's queue; these take the rest.
        let mut others = Vec::new();
        for id in 101..110 {
            others.push(queued(store.write(move |tx| note_insert(tx, id, ""))).await);
        }
        held.release().await;
        let guilty = waiting.pop().expect("the guilty one");
        for (answer, id) in waiting.into_iter().zip(1..) {
            assert_eq!(answer.await, Ok(id));
        }
        assert_eq!(guilty.await, Err(Refusal::Store(Error::Panicked)));
        for other in others {
            assert_eq!(other.await, Ok::<_, Error>(()));
        }
    }

    async fn a_turn_with_too_few_answers_fails_and_writes_nothing(db: TestDb) {
        tables_make(&db).await;
        let lane = db.store().batcher(64, |tx: &mut WriteTx<'_>, inputs: &[i64]| {
            note_insert(tx, inputs[0], "")?;
            Ok::<Vec<Result<(), Error>>, Error>(Vec::new())
        });
        assert_eq!(lane.submit(1).await, Err(Error::Panicked));
        assert_eq!(notes(&db.store()).await, NONE);
    }

    async fn too_many_inputs_are_told_to_come_back_and_service_resumes(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 4);
        let (lane, _) = note_lane(&store, 64);
        let held = HeldCommand::writer(&store).await;
        let mut waiting = Vec::new();
        for id in 1..=4 {
            waiting.push(queued(lane.submit(Input::Note(id))).await);
        }
        assert_eq!(lane.submit(Input::Note(5)).await, Err(Refusal::Store(Error::Busy)));
        held.release().await;
        for (answer, id) in waiting.into_iter().zip(1..) {
            assert_eq!(answer.await, Ok(id));
        }
        assert_eq!(lane.submit(Input::Note(6)).await, Ok(6));
        assert_eq!(notes(&store).await, [1, 2, 3, 4, 6]);
    }

    async fn a_lane_whose_turn_finds_the_queue_full_says_busy_and_service_resumes(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 2);
        let (lane, _) = note_lane(&store, 64);
        let held = HeldCommand::writer(&store).await;
        let one = queued(store.write(|tx| note_insert(tx, 1, ""))).await;
        let two = queued(store.write(|tx| note_insert(tx, 2, ""))).await;
        assert_eq!(lane.submit(Input::Note(3)).await, Err(Refusal::Store(Error::Busy)));
        held.release().await;
        assert_eq!((one.await, two.await), (Ok::<_, Error>(()), Ok::<_, Error>(())));
        assert_eq!(lane.submit(Input::Note(4)).await, Ok(4));
    }

    async fn sixty_four_callers_of_a_lane_are_each_served_in_their_own_order(db: TestDb) {
        const ROUNDS: usize = 20;
        tables_make(&db).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&order);
        let lane = db.store().batcher(32, move |_: &mut WriteTx<'_>, inputs: &[(usize, usize)]| {
            seen.lock().unwrap().extend_from_slice(inputs);
            Ok::<_, Error>(inputs.iter().map(|input| Ok(*input)).collect())
        });
        let callers: Vec<_> = (0..64)
            .map(|caller| {
                let lane = lane.clone();
                tokio::spawn(async move {
                    for round in 0..ROUNDS {
                        assert_eq!(lane.submit((caller, round)).await, Ok((caller, round)));
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("a caller");
        }
        let order = order.lock().unwrap();
        for caller in 0..64 {
            let rounds: Vec<_> = order.iter().filter(|(who, _)| *who == caller).map(|(_, round)| *round).collect();
            assert_eq!(rounds, (0..ROUNDS).collect::<Vec<_>>(), "caller {caller}");
        }
    }

    async fn two_lanes_at_once_lose_nothing(db: TestDb) {
        tables_make(&db).await;
        for id in 1..=2 {
            counter_set(&db.store(), id, 0).await;
        }
        // Each writes both counters, so on PostgreSQL their batches meet.
        let adding = |step: i64| {
            db.store().batcher(16, move |tx: &mut WriteTx<'_>, inputs: &[()]| {
                let many = i64::try_from(inputs.len()).unwrap();
                counter_add(tx, 1, many * step)?;
                counter_add(tx, 2, many)?;
                Ok::<_, Error>(inputs.iter().map(|()| Ok(())).collect())
            })
        };
        let lanes: [Batcher<(), (), Error>; 2] = [adding(1), adding(100)];
        let callers: Vec<_> = (0..32)
            .map(|caller| {
                let lane = lanes[caller % 2].clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        assert_eq!(lane.submit(()).await, Ok(()));
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("a caller");
        }
        let counters = db.read(|tx| Ok::<_, Error>((counter_get(tx, 1)?, counter_get(tx, 2)?)));
        assert_eq!(counters.await, Ok((160 + 160 * 100, 320)));
    }

    async fn a_caller_that_leaves_a_lane_harms_nobody_and_its_input_is_decided(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 100);
        let (lane, _) = note_lane(&store, 64);
        let held = HeldCommand::writer(&store).await;
        let first = queued(lane.submit(Input::Note(1))).await;
        drop(queued(lane.submit(Input::Note(2))).await);
        let last = queued(lane.submit(Input::Note(3))).await;
        held.release().await;
        assert_eq!((first.await, last.await), (Ok(1), Ok(3)));
        assert_eq!(notes(&store).await, [1, 2, 3]);
    }

    async fn a_lane_of_a_closing_store_answers_everybody(db: TestDb) {
        tables_make(&db).await;
        let store = one_writer(&db, 100);
        let (lane, _) = note_lane(&store, 4);
        let held = HeldCommand::writer(&store).await;
        let mut waiting = Vec::new();
        for id in 1..=10 {
            waiting.push(queued(lane.submit(Input::Note(id))).await);
        }
        let closing = {
            let store = store.clone();
            tokio::task::spawn_blocking(move || store.close())
        };
        while store.read(|_| Ok::<_, Error>(())).await.is_ok() {}
        held.release().await;
        closing.await.expect("closing");
        let mut done = Vec::new();
        for (answer, id) in waiting.into_iter().zip(1..) {
            match answer.await {
                Ok(answer) => done.push(answer),
                Err(error) => assert_eq!(error, Refusal::Store(Error::Closed), "{id}"),
            }
        }
        // The batch that was queued is finished; for the next one there is no store any more.
        assert_eq!(done, [1, 2, 3, 4]);
        assert_eq!(notes(&db.store()).await, done);
        assert_eq!(lane.submit(Input::Note(11)).await, Err(Refusal::Store(Error::Closed)));
        drop(store);
        assert_eq!(lane.submit(Input::Note(12)).await, Err(Refusal::Store(Error::Closed)));
    }
}
