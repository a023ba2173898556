//! What goes in comes out the same, on both engines, one at a time and by the thousand.

use jiff::Timestamp;
use purser_store::{BulkStatement, Engine, Error, Migration, Param, ReadTx, WriteTx, params};
use purser_testkit::{TestDb, both};
use uuid::Uuid;

const VALUES: Migration = Migration {
    room: "values",
    number: 1,
    name: "values",
    sql: "CREATE TABLE values_row (
              id BIGINT PRIMARY KEY, number BIGINT, text TEXT, bytes BYTEA, uuid UUID
          ) /*sqlite STRICT */;",
};

const INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO values_row (id, number, text, bytes, uuid) VALUES (?1, ?2, ?3, ?4, ?5)",
    postgres: "INSERT INTO values_row (id, number, text, bytes, uuid)
        SELECT * FROM UNNEST(?1::bigint[], ?2::bigint[], ?3::text[], ?4::bytea[], ?5::uuid[])",
};

const FIND: BulkStatement = BulkStatement {
    sqlite: "SELECT id, number, text, bytes, uuid FROM values_row WHERE id = ?1",
    postgres: "SELECT v.id, v.number, v.text, v.bytes, v.uuid
        FROM UNNEST(?1::bigint[]) WITH ORDINALITY AS asked (id, place) JOIN values_row v ON v.id = asked.id
        ORDER BY asked.place",
};

const UPDATE: BulkStatement = BulkStatement {
    sqlite: "UPDATE values_row SET number = ?2 WHERE id = ?1",
    postgres: "UPDATE values_row v SET number = new.number
        FROM UNNEST(?1::bigint[], ?2::bigint[]) AS new (id, number) WHERE v.id = new.id",
};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Values {
    id: i64,
    number: Option<i64>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    uuid: Option<Uuid>,
}

impl Values {
    fn empty(id: i64) -> Values {
        Values { id, number: None, text: None, bytes: None, uuid: None }
    }

    fn full(id: i64, uuid: Uuid) -> Values {
        let text = Some(format!("row {id}"));
        Values { id, number: Some(-id), text, bytes: Some(id.to_be_bytes().to_vec()), uuid: Some(uuid) }
    }

    fn params(&self) -> [Param<'_>; 5] {
        params![self.id, self.number, self.text.as_deref(), self.bytes.as_deref(), self.uuid]
    }
}

async fn values_make(db: &TestDb) {
    db.store().migrate(vec![VALUES], db.clock().now()).await.expect("making the table");
}

fn insert(tx: &mut WriteTx<'_>, rows: &[Values]) -> Result<u64, Error> {
    let rows: Vec<_> = rows.iter().map(Values::params).collect();
    tx.execute_bulk(&INSERT, &rows)
}

fn find(tx: &mut ReadTx<'_>, ids: &[i64]) -> Result<Vec<Values>, Error> {
    let ids: Vec<_> = ids.iter().map(|id| params![*id]).collect();
    tx.query_bulk(&FIND, &ids, |row| {
        let (id, number, text) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Values { id, number, text, bytes: row.get(3)?, uuid: row.get(4)? })
    })
}

/// Writes a row by a plain statement, and reads it back by each of its values.
async fn round_trip(db: &TestDb, row: Values) -> Result<Vec<Values>, Error> {
    db.write(move |tx| {
        tx.execute("DELETE FROM values_row", &[])?;
        let insert = "INSERT INTO values_row (id, number, text, bytes, uuid) VALUES (?1, ?2, ?3, ?4, ?5)";
        tx.execute(insert, &row.params())?;
        let found: i64 = tx.query_one(
            "SELECT id FROM values_row WHERE id = ?1 AND number = ?2 AND text = ?3 AND bytes = ?4 AND uuid = ?5",
            &row.params(),
            |row| row.get(0),
        )?;
        find(tx, &[found])
    })
    .await
}

both! {
    async fn every_value_comes_out_as_it_went_in(db: TestDb) {
        values_make(&db).await;
        let numbers = [i64::MIN, -1, 0, 1, i64::MAX, i64::from(i32::MAX) + 1];
        let texts = ["", "a", "It's \"quoted\" ?1 $1", "हिन्दी ₹ 🧾", "e\u{301}", "\n\t\u{1}", &"x".repeat(100_000)];
        let bytes = [vec![], vec![0], vec![0, 255, 39, 0], (0..=255).collect(), vec![7; 100_000]];
        let uuids = [Uuid::nil(), Uuid::max(), db.ids().next()];
        for place in 0..7 {
            let row = Values {
                id: 1,
                number: Some(numbers[place % numbers.len()]),
                text: Some(texts[place % texts.len()].to_owned()),
                bytes: Some(bytes[place % bytes.len()].clone()),
                uuid: Some(uuids[place % uuids.len()]),
            };
            assert_eq!(round_trip(&db, row.clone()).await, Ok(vec![row]));
        }
    }

    async fn times_and_truths_come_out_as_they_went_in(db: TestDb) {
        values_make(&db).await;
        let microsecond = |at| Timestamp::from_microsecond(at).expect("a time");
        for at in [microsecond(0), microsecond(-1), microsecond(1_767_583_800_123_456), Timestamp::MIN] {
            let select = "SELECT CAST(?1 AS BIGINT)";
            let read = db.read(move |tx| tx.query_one(select, &params![at], |row| row.get::<Timestamp>(0)));
            assert_eq!(read.await, Ok::<_, Error>(at));
        }
        for truth in [true, false] {
            let select = "SELECT CAST(?1 AS BIGINT), CAST(?2 AS BIGINT)";
            let read = db.read(move |tx| {
                tx.query_one(select, &params![truth, None::<bool>], |row| {
                    Ok((row.get::<bool>(0)?, row.get::<Option<bool>>(1)?))
                })
            });
            assert_eq!(read.await, Ok::<_, Error>((truth, None)));
        }
    }

    async fn text_with_a_nul_is_refused_on_both_engines(db: TestDb) {
        values_make(&db).await;
        let plain = db.write(|tx| tx.execute("UPDATE values_row SET text = ?1", &params!["a\0b"])).await;
        assert_eq!(plain, Err(Error::Nul));
        let query = db.read(|tx| tx.query_opt("SELECT CAST(?1 AS TEXT)", &params!["\0"], |row| row.get::<String>(0)));
        assert_eq!(query.await, Err(Error::Nul));
        let many = db.write(|tx| insert(tx, &[Values { text: Some("\0".to_owned()), ..Values::empty(1) }])).await;
        assert_eq!(many, Err(Error::Nul));
    }

    async fn a_column_read_as_another_type_says_what_it_holds(db: TestDb) {
        values_make(&db).await;
        let id = db.ids().next();
        let filled = db.write(move |tx| insert(tx, &[Values { number: None, ..Values::full(1, id) }]));
        assert_eq!(filled.await, Ok(1));
        let number = db.read(|tx| tx.query_one("SELECT text FROM values_row", &[], |row| row.get::<i64>(0))).await;
        assert!(matches!(number, Err(Error::Column { index: 0, found: "text", .. })), "{number:?}");
        let null = db.read(|tx| tx.query_one("SELECT id, number FROM values_row", &[], |row| row.get::<i64>(1))).await;
        assert!(matches!(null, Err(Error::Column { index: 1, found: "NULL", .. })), "{null:?}");
        let uuid = db.read(|tx| tx.query_one("SELECT bytes FROM values_row", &[], |row| row.get::<Uuid>(0))).await;
        assert!(matches!(uuid, Err(Error::Column { index: 0, found: "bytes", .. })), "{uuid:?}");
        let truth = db.read(|tx| tx.query_one("SELECT CAST(2 AS BIGINT)", &[], |row| row.get::<bool>(0))).await;
        assert!(matches!(truth, Err(Error::Column { index: 0, .. })), "{truth:?}");
        let missing = db.read(|tx| tx.query_one("SELECT id FROM values_row", &[], |row| row.get::<i64>(1))).await;
        assert!(matches!(missing, Err(Error::Column { index: 1, .. })), "{missing:?}");
    }

    async fn a_statement_over_many_rows_writes_and_finds_the_same_on_both_engines(db: TestDb) {
        values_make(&db).await;
        let id = db.ids().next();
        let rows: Vec<Values> =
            (1..=3_000).map(|n| if n % 3 == 0 { Values::empty(n) } else { Values::full(n, id) }).collect();
        let expected = rows.clone();
        assert_eq!(db.write(move |tx| insert(tx, &rows)).await, Ok(3_000));
        let ids: Vec<i64> = (1..=3_000).rev().collect();
        let found = db.read(move |tx| find(tx, &ids)).await.expect("finding");
        assert!(found.iter().eq(expected.iter().rev()), "what was found is not what was written");
    }

    async fn columns_of_nothing_but_null_and_lists_without_rows_are_no_trouble(db: TestDb) {
        values_make(&db).await;
        let nulls = [Values::empty(1), Values::empty(2)];
        let expected = nulls.to_vec();
        assert_eq!(db.write(move |tx| insert(tx, &nulls)).await, Ok(2));
        assert_eq!(db.read(|tx| find(tx, &[1, 2])).await, Ok(expected));
        assert_eq!(db.write(|tx| insert(tx, &[])).await, Ok(0));
        assert_eq!(db.read(|tx| find(tx, &[])).await, Ok(vec![]));
    }

    async fn rows_asked_for_twice_or_in_vain_are_found_twice_or_not(db: TestDb) {
        values_make(&db).await;
        let id = db.ids().next();
        assert_eq!(db.write(move |tx| insert(tx, &[Values::full(1, id), Values::full(2, id)])).await, Ok(2));
        let found = db.read(|tx| find(tx, &[2, 9, 1, 2])).await.expect("finding");
        assert_eq!(found.into_iter().map(|row| row.id).collect::<Vec<_>>(), [2, 1, 2]);
    }

    async fn a_statement_over_many_rows_says_how_many_it_changed(db: TestDb) {
        values_make(&db).await;
        let id = db.ids().next();
        assert_eq!(db.write(move |tx| insert(tx, &[Values::full(1, id), Values::full(2, id)])).await, Ok(2));
        let update = db.write(|tx| tx.execute_bulk(&UPDATE, &[params![1, 10], params![2, None::<i64>], params![9, 90]]));
        assert_eq!(update.await, Ok::<_, Error>(2));
        let numbers = db.read(|tx| find(tx, &[1, 2])).await.expect("finding");
        assert_eq!(numbers.into_iter().map(|row| row.number).collect::<Vec<_>>(), [Some(10), None]);
    }

    async fn one_bad_row_of_many_undoes_them_all(db: TestDb) {
        values_make(&db).await;
        let twice = db.write(|tx| insert(tx, &[Values::empty(1), Values::empty(2), Values::empty(1)])).await;
        assert!(matches!(twice, Err(Error::Unique { .. })), "{twice:?}");
        assert_eq!(db.read(|tx| find(tx, &[1, 2])).await, Ok(vec![]));
    }

    async fn text_is_sorted_by_its_bytes_on_both_engines(db: TestDb) {
        values_make(&db).await;
        let insert = "INSERT INTO values_row (id, text) VALUES (?1, ?2)";
        let filled = db.write(move |tx| {
            for (id, text) in (1..).zip(["b", "a:", "B", "a", "ä", "a;", "a-b", "ab"]) {
                tx.execute(insert, &params![id, text])?;
            }
            Ok(())
        });
        assert_eq!(filled.await, Ok::<_, Error>(()));
        let sorted = db.read(|tx| {
            tx.query("SELECT text FROM values_row ORDER BY text", &[], |row| row.get::<String>(0))
        });
        let sorted: Result<Vec<String>, Error> = sorted.await;
        assert_eq!(sorted.unwrap(), ["B", "a", "a-b", "a:", "a;", "ab", "b", "ä"]);
    }

    async fn no_column_of_any_room_compares_text_by_a_language(db: TestDb) {
        values_make(&db).await;
        // SQLite knows nothing else than bytes.
        if db.engine() == Engine::Postgres {
            let by_language = db.read(|tx| {
                tx.query(
                    "SELECT CAST(attrelid::regclass AS TEXT) || '.' || attname FROM pg_attribute
                     JOIN pg_class t ON t.oid = attrelid AND t.relkind = 'r'
                     WHERE t.relnamespace = 'public'::regnamespace AND attcollation NOT IN (0, 'pg_catalog.\"C\"'::regcollation)",
                    &[],
                    |row| row.get::<String>(0),
                )
            });
            assert_eq!(by_language.await, Ok::<_, Error>(vec![]));
        }
    }

    async fn a_statement_with_the_wrong_number_of_parameters_is_refused(db: TestDb) {
        values_make(&db).await;
        for given in [vec![], params![1, 2].to_vec()] {
            let refused = db.read(move |tx| tx.query("SELECT id FROM values_row WHERE id = ?1", &given, |_| Ok(())));
            let refused = refused.await;
            assert!(matches!(refused, Err(Error::Engine(_))), "{refused:?}");
        }
    }
}
