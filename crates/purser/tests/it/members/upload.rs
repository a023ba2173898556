//! Files of members: what is refused, what is saved, and what happens in between.

use std::sync::Arc;

use purser_members::member_file::{MemberFile, MemberFileError};
use purser_members::service::{import_check, import_commit, import_report, import_show};
use purser_members::{Error, ImportState, Settings};
use purser_testkit::{TestDb, both};
use uuid::Uuid;

use super::Pool;

const HEADER: &str = "name,email,wallet_balance\n";

async fn check(pool: &Pool, file: impl AsRef<[u8]>) -> Result<(Uuid, MemberFile), Error> {
    let file = file.as_ref().to_vec();
    pool.run(move |tx, settings, cx| import_check(tx, settings, cx, &file)).await
}

async fn commit(pool: &Pool, id: Uuid) -> Result<usize, Error> {
    pool.run(move |tx, settings, cx| Ok(import_commit(tx, settings, cx, id, &|_| {})?.members)).await
}

async fn shown(pool: &Pool, id: Uuid) -> (ImportState, MemberFile) {
    let settings = Arc::clone(&pool.settings);
    let (state, _, sheet) = pool.db.read(move |tx| import_show(tx, &settings, id)).await.unwrap();
    (state, sheet)
}

fn errors(sheet: &MemberFile) -> Vec<(u64, String)> {
    let wrong = sheet.rows.iter().filter(|row| !row.errors.is_empty());
    wrong.map(|row| (row.line, row.errors.join(" "))).collect()
}

both! {
    async fn a_good_file_is_checked_shown_and_saved_whole(db: TestDb) {
        let pool = Pool::open(&db);
        let file = "\u{feff}Wallet_Balance,NAME,Email\r\n100.50,Asha Rao,ASHA@Example.com\r\n,,\r\n\r\n0,Bina Das,bina@example.com\r\n";
        let (id, sheet) = check(&pool, file).await.unwrap();
        assert_eq!((sheet.good(), sheet.bad(), errors(&sheet)), (2, 0, vec![]));
        assert_eq!(shown(&pool, id).await.0, ImportState::Ready);
        assert_eq!(commit(&pool, id).await, Ok(2));
        let settings = Arc::clone(&pool.settings);
        assert_eq!(pool.join("Asha", "asha@example.com", 0).await, Err(Error::EmailTaken("asha@example.com".to_owned())));
        let report = db.read(move |tx| import_report(tx, &settings, id)).await.unwrap();
        assert!(report.starts_with("wallet_balance,name,email,errors\r\n100.50,Asha Rao,ASHA@Example.com,\r\n"), "{report}");
        assert_eq!(shown(&pool, id).await.0, ImportState::Committed);
        assert_eq!(commit(&pool, id).await, Err(Error::ImportCommitted), "once");
    }

    async fn one_wrong_row_and_none_is_saved(db: TestDb) {
        let pool = Pool::open(&db);
        pool.join("Asha", "asha@example.com", 0).await.unwrap();
        let rows = "Bina,bina@example.com,1\nAsha,ASHA@example.com,1\nChetan,chetan@example.com,NaN\nDevika,bina@EXAMPLE.com,1\n";
        let (id, sheet) = check(&pool, format!("{HEADER}{rows}")).await.unwrap();
        let expected = [
            (2, "email is also in row 5."),
            (3, "email belongs to a member already."),
            (4, "wallet_balance must be a plain decimal number such as 100.00; it is 'NaN'."),
            (5, "email is also in row 2."),
        ];
        assert_eq!(errors(&sheet), expected.map(|(line, text)| (line, text.to_owned())));
        assert_eq!(shown(&pool, id).await.0, ImportState::Invalid);
        let before = pool.dump().await;
        assert_eq!(commit(&pool, id).await, Err(Error::ImportInvalid { bad: 4 }));
        assert_eq!(pool.dump().await, before);
    }

    async fn a_file_that_is_no_list_of_members_is_not_even_kept(db: TestDb) {
        let pool = Pool::open(&db);
        let before = pool.dump().await;
        for (file, expected) in [
            (&b""[..], MemberFileError::Empty),
            (b"name,email\na,b@c.example\n", MemberFileError::MissingColumns(vec!["wallet_balance"])),
            (b"name,email,wallet_balance\nJos\xe9,a@b.example,1\n", MemberFileError::NotUtf8 { line: 2 }),
            (b"name,email,wallet_balance\n", MemberFileError::NoRows),
        ] {
            assert_eq!(check(&pool, file).await.err(), Some(Error::File(expected)));
        }
        assert_eq!(pool.dump().await, before);
    }

    async fn the_limit_is_told_row_by_row(db: TestDb) {
        let pool = Pool::open(&db);
        let rows: String = (0..12).map(|number| format!("M,m{number}@example.com,1\n")).collect();
        let (_, sheet) = check(&pool, format!("{HEADER}{rows}")).await.unwrap();
        assert_eq!((sheet.good(), sheet.bad()), (10, 2));
        assert!(errors(&sheet)[0].1.contains("room for 10 more members"), "{:?}", errors(&sheet));
    }

    async fn what_changed_between_the_check_and_the_commit_stops_it(db: TestDb) {
        let pool = Pool::open(&db);
        let (id, _) = check(&pool, format!("{HEADER}Asha,asha@example.com,1\nBina,bina@example.com,1\n")).await.unwrap();
        pool.join("Quicker", "Asha@Example.com", 0).await.unwrap();
        let before = pool.dump().await;
        assert_eq!(commit(&pool, id).await, Err(Error::ImportStale { bad: 1 }));
        assert_eq!(pool.dump().await, before);
        assert_eq!(errors(&shown(&pool, id).await.1), [(2, "email belongs to a member already.".to_owned())]);
        // A limit that has filled up meanwhile is a change too.
        let rows: String = (0..9).map(|number| format!("M,m{number}@example.com,1\n")).collect();
        let (id, sheet) = check(&pool, format!("{HEADER}{rows}")).await.unwrap();
        assert_eq!(sheet.bad(), 0);
        pool.join("Last", "last@example.com", 0).await.unwrap();
        assert_eq!(commit(&pool, id).await, Err(Error::ImportStale { bad: 1 }));
        assert_eq!(commit(&pool, db.ids().next()).await, Err(Error::NoImport));
    }

    async fn two_commits_of_one_file_save_it_once(db: TestDb) {
        let pool = Pool::open(&db);
        let (id, _) = check(&pool, format!("{HEADER}Asha,asha@example.com,5\nBina,bina@example.com,5\n")).await.unwrap();
        let tasks: Vec<_> = (0..5).map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { commit(&pool, id).await })
        }).collect();
        let mut saved = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(count) => saved += count,
                Err(error) => assert_eq!(error, Error::ImportCommitted),
            }
        }
        assert_eq!(saved, 2);
    }

    async fn two_files_at_once_share_the_places_that_are_left(db: TestDb) {
        let pool = Pool::open(&db);
        let mut tasks = Vec::new();
        for file in 0..3 {
            let rows: String = (0..6).map(|number| format!("M,f{file}m{number}@example.com,1\n")).collect();
            let (id, sheet) = check(&pool, format!("{HEADER}{rows}")).await.unwrap();
            assert_eq!(sheet.bad(), 0);
            let pool = pool.clone();
            tasks.push(async move { commit(&pool, id).await });
        }
        let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.unwrap());
        }
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(6)).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Err(Error::ImportStale { bad: 2 })).count(), 2);
    }

    async fn uploads_of_long_ago_are_forgotten(db: TestDb) {
        let pool = Pool::with(&db, Settings { max: 0, ..Settings::standard() });
        let (id, _) = check(&pool, format!("{HEADER}Asha,asha@example.com,5\n")).await.unwrap();
        db.clock().advance(jiff::SignedDuration::from_hours(24 * 31));
        let (fresh, _) = check(&pool, format!("{HEADER}Asha,asha@example.com,5\n")).await.unwrap();
        let before = db.clock().now() - jiff::SignedDuration::from_hours(24 * 30);
        assert_eq!(db.read(move |tx| purser_members::uploads_old(tx, before)).await, Ok(1));
        assert_eq!(db.write(move |tx| purser_members::uploads_purge(tx, before, 10)).await, Ok(1));
        assert_eq!(commit(&pool, fresh).await, Ok(1));
        assert_eq!(commit(&pool, id).await, Err(Error::NoImport));
    }
}
