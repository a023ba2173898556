//! The answer to a request is kept with its effect, so that a repeat has the answer and no second effect.

use purser_ledger::{
    Error, IdempotencyRecord, idempotency_find, idempotency_find_many, idempotency_purge, idempotency_store,
    idempotency_store_many, post,
};
use purser_store::{Error as StoreError, WriteTx};
use purser_testkit::{TestDb, both};

use super::{NOW, balance, entry, later, shop, transfer};
use crate::dump::dump;

fn recorded(owner: &str, key: &str, answer: &str) -> IdempotencyRecord {
    IdempotencyRecord { owner: owner.to_owned(), key: key.to_owned(), fingerprint: [7; 32], answer: answer.to_owned() }
}

both! {
    async fn a_key_that_came_before_has_its_answer_and_another_request_is_told_so(db: TestDb) {
        let first = recorded("key:1", "abc", r#"{"ok":true}"#);
        let kept = first.clone();
        assert_eq!(db.read(|tx| idempotency_find(tx, "key:1", "abc", &[7; 32])).await, Ok(None));
        assert_eq!(db.write(move |tx| idempotency_store(tx, NOW, &kept)).await, Ok(()));
        assert_eq!(db.read(|tx| idempotency_find(tx, "key:1", "abc", &[7; 32])).await, Ok(Some(first)));
        let reused = db.read(|tx| idempotency_find(tx, "key:1", "abc", &[8; 32])).await;
        assert_eq!(reused, Err(Error::KeyReused("abc".to_owned())));
        // Another owner's key, or another key, is another matter.
        assert_eq!(db.read(|tx| idempotency_find(tx, "key:2", "abc", &[8; 32])).await, Ok(None));
        assert_eq!(db.read(|tx| idempotency_find(tx, "key:1", "ABC", &[8; 32])).await, Ok(None));
    }

    async fn a_key_is_kept_once(db: TestDb) {
        let keep = |tx: &mut WriteTx<'_>| idempotency_store(tx, NOW, &recorded("key:1", "abc", "{}"));
        assert_eq!(db.write(keep).await, Ok(()));
        let before = dump(&db).await;
        let twice = db.write(keep).await;
        assert!(matches!(twice, Err(Error::Store(StoreError::Unique { .. }))), "{twice:?}");
        assert_eq!(dump(&db).await, before);
    }

    async fn many_keys_are_kept_and_found_at_once(db: TestDb) {
        let owner = |n: u32| format!("key:{}", n % 3);
        let all: Vec<IdempotencyRecord> = (0..500).map(|n| recorded(&owner(n), &n.to_string(), &format!("{n}"))).collect();
        let kept = all.clone();
        assert_eq!(db.write(move |tx| idempotency_store_many(tx, NOW, &kept)).await, Ok(()));
        let asked = all.clone();
        let found = db.read(move |tx| {
            let mut keys: Vec<_> = asked.iter().map(|one| (one.owner.as_str(), one.key.as_str())).collect();
            keys.push(("key:0", "1"));
            idempotency_find_many(tx, &keys)
        });
        let mut found = found.await.expect("finding");
        found.sort_by_key(|one| one.answer.parse::<u32>().expect("a number"));
        assert_eq!(found, all);
        assert_eq!(db.read(|tx| idempotency_find_many(tx, &[])).await, Ok(vec![]));
    }

    async fn records_are_forgotten_after_their_time_a_few_at_a_time(db: TestDb) {
        let keep = |tx: &mut WriteTx<'_>| {
            (0..10).try_for_each(|n| idempotency_store(tx, later(n), &recorded("key:1", &n.to_string(), "{}")))
        };
        assert_eq!(db.write(keep).await, Ok(()));
        assert_eq!(db.write(|tx| idempotency_purge(tx, later(5), 3)).await, Ok(3));
        assert_eq!(db.write(|tx| idempotency_purge(tx, later(5), 3)).await, Ok(2));
        assert_eq!(db.write(|tx| idempotency_purge(tx, later(5), 3)).await, Ok(0));
        let is_left = |key: &'static str| db.read(move |tx| idempotency_find(tx, "key:1", key, &[7; 32]));
        assert_eq!(is_left("4").await, Ok(None));
        assert_eq!(is_left("5").await, Ok(Some(recorded("key:1", "5", "{}"))));
    }

    async fn a_refused_command_keeps_no_answer(db: TestDb) {
        let shop = shop(&db, 10, 0).await;
        let before = dump(&db).await;
        let refused = db.write(move |tx| {
            idempotency_store(tx, NOW, &recorded("key:1", "abc", "{}"))?;
            post(tx, NOW, entry(""), &[transfer(shop.ada, shop.bob, 11)])
        });
        assert!(matches!(refused.await, Err(Error::Insufficient { .. })));
        assert_eq!(dump(&db).await, before);
    }

    async fn the_same_key_from_32_callers_at_once_has_one_effect_and_one_answer(db: TestDb) {
        let shop = shop(&db, 1_000, 0).await;
        let callers: Vec<_> = (0..32)
            .map(|caller| {
                let db = db.clone();
                let once = move |tx: &mut WriteTx<'_>| {
                    if let Some(before) = idempotency_find(tx, "key:1", "abc", &[7; 32])? {
                        return Ok::<_, Error>(before.answer);
                    }
                    post(tx, NOW, entry(""), &[transfer(shop.ada, shop.bob, 10)])?;
                    let answer = format!("caller {caller} was first");
                    idempotency_store(tx, NOW, &recorded("key:1", "abc", &answer))?;
                    Ok(answer)
                };
                tokio::spawn(async move { db.write(once).await })
            })
            .collect();
        let mut answers = Vec::new();
        for caller in callers {
            answers.push(caller.await.expect("a caller").expect("an answer"));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(balance(&db, shop.bob).await, 10);
    }
}
