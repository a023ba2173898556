//! A database whose withdrawals were paid before UTRs were compared by their digits and letters.

use purser_coins::service::{contradiction_dismiss, contradiction_get, withdrawal_get};
use purser_coins::{ContradictionKind, ContradictionState, Error};
use purser_ledger::{AccountKind, AccountPath, NewAccount, NewEntry, Transfer, account_open, post};
use purser_money::{Currency, Money};
use purser_store::{Engine, WriteTx, params};
use purser_testkit::TestDb;
use uuid::Uuid;

use super::{Bank, STAFF};

/// A withdrawal as the program of then wrote it.
fn old_withdrawal(tx: &mut WriteTx<'_>, number: u128, utr: Option<&str>) -> Result<Uuid, purser_ledger::Error> {
    let now = purser_testkit::TestClock::START;
    let account = |tx: &mut WriteTx<'_>, path: String, kind, floor| {
        let path = AccountPath::new(path)?;
        account_open(tx, now, &NewAccount { path, kind, currency: Currency::COIN, floor })
    };
    let (id, user, payout) = (Uuid::from_u128(number), Uuid::from_u128(number + 100), Uuid::from_u128(number + 200));
    let own = account(tx, format!("coins:user:u{number}"), AccountKind::Liability, Some(0))?;
    let issued = account(tx, "coins:issued".to_owned(), AccountKind::Expense, None)?;
    let pending = account(tx, "coins:withdrawals:pending".to_owned(), AccountKind::Liability, Some(0))?;
    let paid = account(tx, "coins:withdrawals:paid".to_owned(), AccountKind::Equity, Some(0))?;
    let moved = |tx: &mut WriteTx<'_>, debit, credit| {
        let entry = NewEntry { kind: "coins.old", actor: STAFF.to_owned(), memo: "old".to_owned(), reference: None };
        post(tx, now, entry, &[Transfer { debit, credit, amount: Money::new(100, Currency::COIN) }])
    };
    let award = moved(tx, issued, own)?;
    let request = moved(tx, own, pending)?;
    let settled = if utr.is_some() { Some(moved(tx, pending, paid)?) } else { None };
    tx.execute(
        "INSERT INTO coins_user (id, user_id, account, language, created_at) VALUES (?1, ?2, ?3, 'en', ?4)",
        &params![user, &format!("u{number}"), own.get(), now],
    )?;
    tx.execute("INSERT INTO coins_payout (id, made_by, made_at) VALUES (?1, ?2, ?3)", &params![payout, STAFF, now])?;
    let (status, done) = if utr.is_some() { ("completed", Some(now)) } else { ("processing", None) };
    tx.execute(
        "INSERT INTO coins_withdrawal (id, owner, amount, rupees, upi_id, handle_known, status, requested_by, created_at,
             payout, processed_by, processing_at, utr, completed_by, completed_at, changes, request_entry, paid_entry)
         VALUES (?1, ?2, 100, 1000, 'asha@ybl', 1, ?3, 'key:app', ?4, ?5, ?6, ?4, ?7, ?8, ?9, 3, ?10, ?11)",
        &params![
            id,
            user,
            status,
            now,
            payout,
            STAFF,
            utr,
            utr.map(|_| STAFF),
            done,
            request.get(),
            settled.map(purser_ledger::EntryId::get)
        ],
    )?;
    for (place, (kind, amount, after, entry)) in
        [("award", 100, 100, award), ("withdrawal", -100, 0, request)].into_iter().enumerate()
    {
        let withdrawal = (kind == "withdrawal").then_some(id);
        tx.execute(
            "INSERT INTO coins_transaction (id, owner, kind, amount, balance_after, reason, withdrawal, entry, made_by,
                 created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'old', ?6, ?7, 'key:app', ?8)",
            &params![
                Uuid::from_u128(number * 10 + place as u128 + 1_000),
                user,
                kind,
                amount,
                after,
                withdrawal,
                entry.get(),
                now
            ],
        )?;
    }
    Ok(id)
}

async fn migrated(engine: Engine) {
    let all = crate::migrations();
    let old = all.iter().filter(|one| one.room != "coins" || one.number < 3).cloned().collect();
    let db = TestDb::create(engine, old).await;
    let made = db.write(|tx| {
        let utrs = [Some("HDFC-0042"), Some("HDFC0042"), Some("000-428811"), Some("428811"), Some("0000001"), None];
        (1..).zip(utrs).map(|(number, utr)| old_withdrawal(tx, number, utr)).collect::<Result<Vec<_>, _>>()
    });
    let ids = made.await.expect("a database of then");
    db.store().migrate(all, db.clock().now()).await.expect("the migration stops nothing");

    // Of two that are one by the rule of now, the first holds the UTR, and staff are told of the other.
    let found = db.read(|tx| {
        let ids = tx.query("SELECT id FROM coins_contradiction ORDER BY id", &[], |row| row.get::<Uuid>(0))?;
        ids.into_iter().map(|id| contradiction_get(tx, id)).collect::<Result<Vec<_>, Error>>()
    });
    let found = found.await.unwrap();
    let told: Vec<_> = found.iter().map(|one| (one.withdrawal, one.kind, one.state)).collect();
    assert_eq!(
        told,
        [
            (ids[1], ContradictionKind::UtrClash, ContradictionState::Open),
            (ids[3], ContradictionKind::UtrClash, ContradictionState::Open)
        ]
    );
    assert!(found[0].told.contains("HDFC0042") && found[0].told.contains("HDFC-0042"), "{}", found[0].told);
    let third = ids[2];
    let shown = db.read(move |tx| withdrawal_get(tx, third)).await.unwrap();
    assert_eq!(shown.utr.unwrap().as_str(), "000-428811", "what is there is shown as it was entered");

    let bank = Bank::open(&db);
    let refused = bank.complete(ids[5], "0428-811").await.unwrap_err();
    assert!(matches!(refused, Error::UtrUsed { withdrawal, .. } if withdrawal == ids[2]), "{refused}");
    let clash = found[0].id;
    bank.run(STAFF, move |tx, _, cx| contradiction_dismiss(tx, cx, clash, "Two payments, one misread")).await.unwrap();
    bank.complete(ids[5], "HDFC0043").await.unwrap();
    let problems = db.read(purser_coins::problems).await.unwrap();
    assert!(problems.is_empty(), "{problems:?}");
}

#[tokio::test]
async fn a_database_of_then_keeps_its_utrs_and_lists_the_clashes_on_sqlite() {
    migrated(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_database_of_then_keeps_its_utrs_and_lists_the_clashes_on_postgres() {
    migrated(Engine::Postgres).await;
}

/// A contradiction that was dismissed before the same words were news once the withdrawal stands otherwise.
async fn dismissed_before(engine: Engine) {
    let all = crate::migrations();
    let old = all.iter().filter(|one| one.room != "coins" || one.number < 4).cloned().collect();
    let db = TestDb::create(engine, old).await;
    let made = db.write(|tx| {
        let id = old_withdrawal(tx, 1, None)?;
        let once = format!("{id} amount 428811 900");
        tx.execute(
            "INSERT INTO coins_contradiction (id, withdrawal, kind, said, utr, utr_key, paid, status, due, told, once,
                 found_by, found_at, state, decided_by, decided_at, reason)
             VALUES (?1, ?1, 'amount', 'paid', '428811', '428811', 900, 'processing', 1000, 'both sides', ?2,
                 'user:staff', 7, 'dismissed', 'user:staff', 8, 'A slip')",
            &params![id, &once],
        )?;
        Ok::<_, purser_ledger::Error>(id)
    });
    let id = made.await.expect("a database of then");
    db.store().migrate(all, db.clock().now()).await.expect("the migration stops nothing");
    let once = db.read(|tx| tx.query_one("SELECT once FROM coins_contradiction", &[], |row| row.get::<String>(0)));
    assert_eq!(once.await, Ok::<_, purser_store::Error>(format!("{id} amount 428811 900 processing")));
    let bank = Bank::open(&db);
    let said = format!("withdrawal_id,status,utr,amount\n{id},paid,428811,9.00\n");
    bank.file(&said).await;
    assert_eq!(bank.contradictions().await.len(), 1, "it was dismissed, and the withdrawal stands as it did");
    bank.complete(id, "428811").await.unwrap();
    bank.file(&said).await;
    assert_eq!(bank.contradictions().await.len(), 2, "it is completed now, and that is news");
    bank.sound().await;
}

#[tokio::test]
async fn what_was_dismissed_before_the_upgrade_stays_so_on_sqlite() {
    dismissed_before(Engine::Sqlite).await;
}

#[tokio::test]
async fn what_was_dismissed_before_the_upgrade_stays_so_on_postgres() {
    dismissed_before(Engine::Postgres).await;
}
