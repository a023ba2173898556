//! A database of an older Purser that holds rows of every app, and what a newer one makes of it.

use jiff::{SignedDuration, Timestamp};
use purser_ledger::{AccountId, AccountKind, AccountPath, NewAccount, NewEntry, Transfer, account_open, post};
use purser_money::{Currency, Money};
use purser_store::{Engine, Error as StoreError, Migration, WriteTx, params};
use purser_testkit::{TestDb, both};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::program::Installation;

/// The ids of what is in it.
pub(crate) struct OlderDatabase {
    pub(crate) db: TestDb,
    seller: Uuid,
    member: Uuid,
    withdrawal: Uuid,
}

/// The schema with which each room began.
fn first() -> Vec<Migration> {
    crate::migrations().into_iter().filter(|migration| migration.number == 1).collect()
}

impl OlderDatabase {
    /// Rows as the first Purser wrote them: a seller who has sold, a member with a wallet, a user of coins who asks for
    /// some of them, and somebody who may sign in.
    pub(crate) async fn make(engine: Engine) -> OlderDatabase {
        let db = TestDb::create(engine, first()).await;
        let fresh = || db.ids().next();
        let (seller, member, withdrawal) = (fresh(), fresh(), fresh());
        let (person, phone, user) = (fresh(), fresh(), fresh());
        let rows = [fresh(), fresh(), fresh(), fresh()];
        let now = db.clock().now();
        let written = db.write(move |tx| {
            person_insert(tx, now, person)?;
            charge_insert(tx, now, (seller, phone), [rows[0], rows[1]])?;
            members_insert(tx, now, member)?;
            coins_insert(tx, now, (user, person, withdrawal), [rows[2], rows[3]])
        });
        written.await.unwrap();
        OlderDatabase { db, seller, member, withdrawal }
    }
}

fn account(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    path: &str,
    kind: AccountKind,
    currency: Currency,
) -> Result<AccountId, purser_ledger::Error> {
    let floor = (kind == AccountKind::Liability).then_some(0);
    account_open(tx, now, &NewAccount { path: AccountPath::new(path)?, kind, currency, floor })
}

fn moved(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    kind: &'static str,
    (debit, credit): (AccountId, AccountId),
    amount: Money,
) -> Result<i64, purser_ledger::Error> {
    let entry = NewEntry { kind, actor: "user:old".to_owned(), memo: String::new(), reference: None };
    post(tx, now, entry, &[Transfer { debit, credit, amount }]).map(|entry| entry.get())
}

fn person_insert(tx: &mut WriteTx<'_>, now: Timestamp, person: Uuid) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO identity_user (id, username, username_folded, email, email_folded, email_verified_at, first_name,
             last_name, is_staff, is_superuser, created_at)
         VALUES (?1, 'Asha', 'asha', 'asha@example.com', 'asha@example.com', ?2, 'Asha', '', 1, 1, ?2)",
        &params![person, now],
    )?;
    tx.execute(
        "INSERT INTO identity_session (hash, person, address, agent, created_at, last_seen_at, idle, ends_at)
         VALUES (?1, ?2, '127.0.0.1', 'old', ?3, ?3, 1000, ?4)",
        &params![&[7_u8; 32], person, now, now + SignedDuration::from_hours(1)],
    )?;
    Ok(())
}

/// 10.00 of credit, of which 4.00 were sold.
fn charge_insert(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    (seller, phone): (Uuid, Uuid),
    [credit, sale]: [Uuid; 2],
) -> Result<(), purser_ledger::Error> {
    let inr = |minor| Money::new(minor, Currency::INR);
    let funding = account(tx, now, "charge:funding", AccountKind::Asset, Currency::INR)?;
    let of_seller = account(tx, now, &format!("charge:seller:{seller}:credit"), AccountKind::Liability, Currency::INR)?;
    let of_phone = account(tx, now, "charge:phone:+919876543210", AccountKind::Liability, Currency::INR)?;
    tx.execute(
        "INSERT INTO charge_seller (id, name, email, phone, status, account, created_at, updated_at)
         VALUES (?1, 'Corner Shop', 'corner@example.com', '+919876500000', 'active', ?2, ?3, ?3)",
        &params![seller, of_seller.get(), now],
    )?;
    tx.execute(
        "INSERT INTO charge_phone (id, number, status, account, created_at, updated_at)
         VALUES (?1, '+919876543210', 'active', ?2, ?3, ?3)",
        &params![phone, of_phone.get(), now],
    )?;
    let entry = moved(tx, now, "charge.increase", (funding, of_seller), inr(1_000))?;
    tx.execute(
        "INSERT INTO charge_credit (id, seller, amount, credit_after, reference, actor, entry, created_at)
         VALUES (?1, ?2, 1000, 1000, 'NEFT 1', 'user:old', ?3, ?4)",
        &params![credit, seller, entry, now],
    )?;
    let entry = moved(tx, now, "charge.sale", (of_seller, of_phone), inr(400))?;
    tx.execute(
        "INSERT INTO charge_sale (id, seller, phone, amount, status, connector, client_ref, actor, credit_after, entry,
             created_at, settled_at)
         VALUES (?1, ?2, ?3, 400, 'completed', 'instant', 'old-1', 'user:old', 600, ?4, ?5, ?5)",
        &params![sale, seller, phone, entry, now],
    )?;
    Ok(())
}

/// One member with 5.00.
fn members_insert(tx: &mut WriteTx<'_>, now: Timestamp, member: Uuid) -> Result<(), purser_ledger::Error> {
    let funding = account(tx, now, "members:funding", AccountKind::Asset, Currency::INR)?;
    let wallet = account(tx, now, &format!("members:wallet:{member}"), AccountKind::Liability, Currency::INR)?;
    tx.execute(
        "INSERT INTO members_member (id, name, email, email_folded, account, created_at, updated_at)
         VALUES (?1, 'Ravi', 'Ravi@example.com', 'ravi@example.com', ?2, ?3, ?3)",
        &params![member, wallet.get(), now],
    )?;
    tx.execute("UPDATE members_tally SET members = 1, alive = 1", &[])?;
    moved(tx, now, "members.top-up", (funding, wallet), Money::new(500, Currency::INR)).map(drop)
}

/// 500 coins, of which 250 are asked for.
fn coins_insert(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    (user, person, withdrawal): (Uuid, Uuid, Uuid),
    [award, asked]: [Uuid; 2],
) -> Result<(), purser_ledger::Error> {
    let coins = |count| Money::new(count, Currency::COIN);
    let issued = account(tx, now, "coins:issued", AccountKind::Expense, Currency::COIN)?;
    let pending = account(tx, now, "coins:withdrawals:pending", AccountKind::Liability, Currency::COIN)?;
    let of_user = account(tx, now, "coins:user:asha", AccountKind::Liability, Currency::COIN)?;
    tx.execute(
        "INSERT INTO coins_user (id, user_id, account, email, language, person, created_at)
         VALUES (?1, 'asha', ?2, 'asha@example.com', 'en', ?3, ?4)",
        &params![user, of_user.get(), person, now],
    )?;
    let awarded = moved(tx, now, "coins.award", (issued, of_user), coins(500))?;
    let taken = moved(tx, now, "coins.withdrawal", (of_user, pending), coins(250))?;
    tx.execute(
        "INSERT INTO coins_withdrawal (id, owner, amount, rupees, upi_id, handle_known, status, requested_by, created_at,
             changes, request_entry)
         VALUES (?1, ?2, 250, 2500, 'asha@okhdfcbank', 1, 'pending', 'key:old', ?3, 1, ?4)",
        &params![withdrawal, user, now, taken],
    )?;
    let insert =
        "INSERT INTO coins_transaction (id, owner, kind, amount, balance_after, reason, withdrawal, entry, made_by,
             created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'old', ?6, ?7, 'key:old', ?8)";
    tx.execute(insert, &params![award, user, "award", 500_i64, 500_i64, None::<Uuid>, awarded, now])?;
    tx.execute(insert, &params![asked, user, "withdrawal", -250_i64, 250_i64, Some(withdrawal), taken, now])?;
    Ok(())
}

/// Everything is there as it was, and goes on from where it was.
pub(crate) async fn goes_on(installation: &Installation, older: &OlderDatabase) {
    let report = installation.run(&["ledger", "verify", "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!((&report["clean"], &report["entries"]), (&json!(true), &json!(5)), "{report}");
    let serving = installation.serve(&installation.key("charge.* members.* coins.*"));
    let (caller, seller) = (serving.caller(), older.seller);
    let (_, sale) = caller.get("/api/charge-transactions/by-ref/old-1/").await;
    assert_eq!((&sale["status"], sale["amount"].to_string()), (&json!("completed"), "4.0".to_owned()), "{sale}");
    let body = json!({ "phone_number": "9876543210", "amount": "1.00", "client_ref": "new-1" });
    let (status, sold) = caller.post(&format!("/api/sellers/{seller}/sell_charge/"), body).await;
    assert_eq!(status, 200, "{sold}");
    let (_, credit) = caller.get(&format!("/api/sellers/{seller}/get_credit/")).await;
    assert_eq!(credit["credit"].to_string(), "5.0", "{credit}");
    let (status, member) = caller.get(&format!("/api/members/{}/", older.member)).await;
    assert_eq!((status, member["wallet_balance"].to_string()), (200, "5.0".to_owned()), "{member}");
    let (_, balance) = caller.get("/api/coins/balance/?user_id=asha").await;
    assert!(balance.to_string().contains("250"), "{balance}");
    let cancel = format!("/api/coins/withdrawals/{}/cancel/", older.withdrawal);
    let (status, cancelled) = caller.post(&cancel, json!({})).await;
    assert_eq!(status, 200, "{cancelled}");
    let (_, balance) = caller.get("/api/coins/balance/?user_id=asha").await;
    assert!(balance.to_string().contains("500"), "{balance}");
    serving.kill();
    let report = installation.run(&["ledger", "verify"]);
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stdout));
}

both! {
    async fn an_older_database_with_rows_of_every_app_is_migrated_and_goes_on(db: TestDb) {
        let older = OlderDatabase::make(db.engine()).await;
        let installation = Installation::new(&older.db);
        let plan = installation.run(&["migrate", "plan"]);
        assert!(String::from_utf8_lossy(&plan.stdout).contains("pending   charge/0002_request"));
        let applied = installation.run(&["migrate", "apply"]);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        goes_on(&installation, &older).await;
    }
}
