//! A database of before references, spellings and contradictions were known: nothing stops, and clashes are listed.

use purser_charge::service::{
    CreditGrantRequest, NewPhone, NewSeller, SaleOrder, SaleOutcome, contradiction_get, credit_increase, phone_create,
    phones_check, sale_hear, sales_create, seller_create,
};
use purser_charge::{CallingCode, Connector, Error, PhoneNumber, Settings, WordSource};
use purser_money::{Currency, Money};
use purser_outbox::Language;
use purser_store::params;
use purser_testkit::{TestClock, TestDb, both};
use serde_json::json;
use uuid::Uuid;

use super::{ResellerSite, worker};

/// Takes the columns of the newer migrations out of a row: what a database of before holds.
async fn aged(db: &TestDb, statements: &'static [&'static str]) {
    let aged = db.write(move |tx| statements.iter().try_for_each(|sql| tx.execute(sql, &params![]).map(drop)));
    aged.await.unwrap();
}

both! {
    async fn references_of_before_are_read_and_their_clashes_listed(db: TestDb) {
        let newer = |migration: &purser_store::Migration| migration.room == "charge" && migration.number >= 7;
        let old: Vec<_> = crate::migrations().into_iter().filter(|migration| !newer(migration)).collect();
        let before = TestDb::create(db.engine(), old).await;
        let ids: Vec<Uuid> = (0..6).map(|_| before.ids().next()).collect();
        let references = ["NEFT-1", "neft 1", "राम 7", "UTR 2", "--"];
        let made = ids.clone();
        let filled = before.write(move |tx| {
            let path = purser_ledger::AccountPath::new("charge:seller:x:credit").unwrap();
            let currency = Currency::INR;
            let open = |path, kind| purser_ledger::NewAccount { path, kind, currency, floor: None };
            let credit = purser_ledger::account_open(tx, TestClock::START, &open(path, purser_ledger::AccountKind::Liability)).unwrap();
            let path = purser_ledger::AccountPath::new("charge:funding").unwrap();
            let funding = purser_ledger::account_open(tx, TestClock::START, &open(path, purser_ledger::AccountKind::Asset)).unwrap();
            let at = TestClock::START;
            tx.execute(
                "INSERT INTO charge_seller (id, name, status, account, created_at, updated_at) VALUES (?1, 'Corner Shop', 'active', ?2, ?3, ?3)",
                &params![made[5], credit.get(), at],
            )?;
            for (id, reference) in std::iter::zip(&made, references) {
                let entry = purser_ledger::NewEntry {
                    kind: "charge.credit", actor: "user:1".to_owned(), memo: String::new(), reference: Some(id.to_string()),
                };
                let transfer = purser_ledger::Transfer { debit: funding, credit, amount: Money::new(100, currency) };
                let entry = purser_ledger::post(tx, at, entry, &[transfer]).unwrap();
                tx.execute(
                    "INSERT INTO charge_credit (id, seller, amount, credit_after, reference, actor, entry, created_at)
                     VALUES (?1, ?2, 100, 100, ?3, 'user:1', ?4, ?5)",
                    &params![*id, made[5], reference, entry.get(), at],
                )?;
            }
            Ok::<_, purser_store::Error>(())
        });
        filled.await.unwrap();
        before.store().migrate(crate::migrations(), TestClock::START).await.unwrap();
        let listed = before.read(|tx| {
            tx.query("SELECT reference, reference_form, repeats FROM charge_credit ORDER BY id", &params![], |row| {
                Ok((row.get::<String>(0)?, row.get::<Option<String>>(1)?, row.get::<Option<Uuid>>(2)?))
            })
        });
        let listed = listed.await.unwrap();
        let row = |reference: &str, form: Option<&str>, repeats| (reference.to_owned(), form.map(str::to_owned), repeats);
        let expected = [
            row("NEFT-1", Some("NEFT1"), None),
            row("neft 1", Some("NEFT1"), Some(ids[0])),
            row("राम 7", None, None),
            row("UTR 2", None, None),
            row("--", Some(""), None),
        ];
        assert_eq!(listed, expected, "the second is a clash of before, and stopped nothing");
        let (seller, fresh) = (ids[5], before.ids().next());
        for (reference, first) in [("n.e.f.t.1", ids[0]), ("राम-7", ids[2]), ("utr2", ids[3]), ("2", ids[3]), ("Ref. no. ٢", ids[3])] {
            let given = before.write(move |tx| {
                let amount = Money::new(100, Currency::INR);
                let reference = Some(reference.to_owned());
                let order = CreditGrantRequest { id: fresh, seller, amount, reference, again: false, actor: "user:2".to_owned() };
                credit_increase(tx, TestClock::START, &Settings::standard(), &order)
            });
            match given.await.unwrap_err() {
                Error::DuplicateReference { first: found, .. } => assert_eq!(found.id, first, "{reference}"),
                other => panic!("{reference}: {other}"),
            }
        }
    }

    async fn numbers_in_another_spelling_are_put_right_or_listed_and_keep_their_history(db: TestDb) {
        let works = ResellerSite::open(&db).await;
        let (settings, now) = (Settings::standard(), works.place.context.now());
        let ids: Vec<Uuid> = (0..12).map(|_| works.place.context.stamp().1).collect();
        let number = |text: &str| PhoneNumber::parse(text, CallingCode::INDIA).unwrap();
        // What they will be called is put into the rows afterwards: the program makes no such numbers any more.
        let numbers = [number("9876543201"), number("9876543202"), number("9876543203"), number("9876543210")];
        let made = ids.clone();
        let sold = db.write(move |tx| {
            let new = NewSeller { id: made[0], name: "Corner Shop".to_owned(), email: None, phone: None, low_credit_alert: None, language: Language::English };
            seller_create(tx, now, &settings, &new)?;
            let amount = Money::new(10_000, Currency::INR);
            let order = CreditGrantRequest { id: made[1], seller: made[0], amount, reference: None, again: false, actor: "user:1".to_owned() };
            credit_increase(tx, now, &settings, &order)?;
            for (place, number) in numbers.iter().enumerate() {
                phone_create(tx, now, &settings, &NewPhone { id: made[2 + place], number: number.clone(), label: None })?;
                let order = SaleOrder {
                    id: made[6 + place], phone_id: made[10], now, seller: made[0], number: number.clone(),
                    amount: Money::new(100, Currency::INR), client_ref: None, idempotency: None, actor: "user:1".to_owned(),
                };
                sales_create(tx, &settings, &[order])?.remove(0)?;
            }
            Ok::<_, Error>(())
        });
        sold.await.unwrap();
        aged(&db, &[
            "UPDATE charge_phone SET number = '+9109876543299', is_checked = 0 WHERE number = '+919876543201'",
            "UPDATE charge_phone SET number = '+91919876543210', is_checked = 0 WHERE number = '+919876543202'",
            "UPDATE charge_phone SET number = '+9109876543210', is_checked = 0 WHERE number = '+919876543203'",
            "UPDATE charge_phone SET is_checked = 0 WHERE number = '+919876543210'",
        ]).await;
        let mut worker = worker(&db, &works.place, Connector::Instant);
        worker.run_due_once().await.unwrap();
        db.clock().advance(jiff::SignedDuration::from_mins(1));
        worker.run_due_once().await.unwrap();
        let listed = db.read(|tx| {
            tx.query("SELECT id, number, same_as, is_unfit FROM charge_phone ORDER BY id", &params![], |row| {
                Ok((row.get::<Uuid>(0)?, row.get::<String>(1)?, row.get::<Option<Uuid>>(2)?, row.get::<i64>(3)?))
            })
        });
        assert_eq!(listed.await.unwrap(), [
            (ids[2], "+919876543299".to_owned(), None, 0),
            (ids[3], "+91919876543210".to_owned(), None, 1),
            (ids[4], "+9109876543210".to_owned(), Some(ids[5]), 0),
            (ids[5], "+919876543210".to_owned(), None, 0),
        ]);
        let (status, answer) = works.staff.post(&format!("/api/sellers/{}/sell_charge/", ids[0]), json!({ "phone_number": "09876543299", "amount": 1 })).await;
        assert_eq!(status, 200, "{answer}");
        let (_, phones) = works.staff.get("/api/phone-numbers/").await;
        assert_eq!(phones.as_array().unwrap().len(), 4, "one customer has one number: {phones}");
        let (_, sales) = works.staff.get("/api/charge-transactions/?phone_number=9876543299").await;
        assert_eq!(sales.as_array().unwrap().len(), 2, "its history is its own: {sales}");
        works.place.person("asha", "superuser", "").await;
        let asha = works.place.signed_in("asha").await;
        assert!(asha.page("/admin/charge/phone-numbers/?spelling=other").await.contains("+9109876543210"));
        assert!(asha.page("/admin/charge/phone-numbers/?spelling=unfit").await.contains("+91919876543210"));
        works.books_agree().await;
    }

    async fn contradictions_of_before_keep_their_decisions(db: TestDb) {
        let newer = |migration: &purser_store::Migration| migration.room == "charge" && migration.number >= 12;
        let old: Vec<_> = crate::migrations().into_iter().filter(|migration| !newer(migration)).collect();
        let before = TestDb::create(db.engine(), old).await;
        let ids: Vec<Uuid> = (0..5).map(|_| before.ids().next()).collect();
        let made = ids.clone();
        let filled = before.write(move |tx| {
            let (at, currency) = (TestClock::START, Currency::INR);
            let path = purser_ledger::AccountPath::new("charge:seller:x:credit").unwrap();
            let account = purser_ledger::NewAccount { path, kind: purser_ledger::AccountKind::Liability, currency, floor: None };
            let account = purser_ledger::account_open(tx, at, &account).unwrap();
            tx.execute(
                "INSERT INTO charge_seller (id, name, status, account, created_at, updated_at) VALUES (?1, 'Corner Shop', 'active', ?2, ?3, ?3)",
                &params![made[0], account.get(), at],
            )?;
            tx.execute(
                "INSERT INTO charge_phone (id, number, status, account, created_at, updated_at) VALUES (?1, '+919876543210', 'active', ?2, ?3, ?3)",
                &params![made[1], account.get(), at],
            )?;
            tx.execute(
                "INSERT INTO charge_sale (id, seller, phone, amount, status, connector, actor, credit_after, created_at, settled_at)
                 VALUES (?1, ?2, ?3, 400, 'failed', 'http', 'user:1', 0, ?4, ?4)",
                &params![made[2], made[0], made[1], at],
            )?;
            tx.execute(
                "INSERT INTO charge_contradiction (id, sale, settled, said, source, created_at, status, decided_by, decided_at, reason)
                 VALUES (?1, ?2, 'failed', 'completed', 'callback', ?3, 'dismissed', 'user:1', ?3, 'the operator was wrong')",
                &params![made[3], made[2], at],
            )
        });
        filled.await.unwrap();
        before.store().migrate(crate::migrations(), TestClock::START).await.unwrap();
        let (sale, kept, fresh) = (ids[2], ids[3], ids[4]);
        let heard = before.write(move |tx| {
            let outcome = SaleOutcome::Completed { operator_ref: None };
            let heard = sale_hear(tx, TestClock::START, &Settings::standard(), sale, &outcome, WordSource::Callback, fresh)?;
            let one = contradiction_get(tx, &Settings::standard(), kept)?;
            Ok::<_, Error>((heard.contradicts, heard.dismissed, one.reason))
        });
        assert_eq!(heard.await.unwrap(), (true, true, Some("the operator was wrong".to_owned())));
    }

    async fn numbers_with_a_trunk_prefix_or_without_argentinas_nine_are_put_right_or_listed(db: TestDb) {
        let newer = |migration: &purser_store::Migration| migration.room == "charge" && migration.number >= 13;
        let old: Vec<_> = crate::migrations().into_iter().filter(|migration| !newer(migration)).collect();
        let before = TestDb::create(db.engine(), old).await;
        let numbers = [
            "+4901719661487", "+491719661487", "+4901719661488", "+541123456789", "+541123456780", "+5491123456780",
            "+2250708123456", "+919876543210", "+3580401234567",
        ];
        let ids: Vec<Uuid> = numbers.iter().map(|_| before.ids().next()).collect();
        let made = ids.clone();
        let filled = before.write(move |tx| {
            for (id, number) in std::iter::zip(&made, numbers) {
                let path = purser_ledger::AccountPath::new(format!("charge:phone:{number}")).unwrap();
                let open = purser_ledger::NewAccount { path, kind: purser_ledger::AccountKind::Liability, currency: Currency::INR, floor: Some(0) };
                let account = purser_ledger::account_open(tx, TestClock::START, &open).unwrap();
                tx.execute(
                    "INSERT INTO charge_phone (id, number, status, account, created_at, updated_at) VALUES (?1, ?2, 'frozen', ?3, ?4, ?4)",
                    &params![*id, number, account.get(), TestClock::START],
                )?;
            }
            Ok::<_, purser_store::Error>(())
        });
        filled.await.unwrap();
        before.store().migrate(crate::migrations(), TestClock::START).await.unwrap();
        let checked = before.write(|tx| phones_check(tx, &Settings::standard(), 100)).await.unwrap();
        assert!(checked < numbers.len(), "numbers without doubt are left alone");
        let listed = before.read(|tx| {
            tx.query("SELECT number, same_as, is_unfit FROM charge_phone ORDER BY id", &params![], |row| {
                Ok((row.get::<String>(0)?, row.get::<Option<Uuid>>(1)?, row.get::<i64>(2)?))
            })
        });
        let row = |number: &str, same_as| (number.to_owned(), same_as, 0);
        assert_eq!(listed.await.unwrap(), [
            row("+4901719661487", Some(ids[1])), row("+491719661487", None), row("+491719661488", None),
            row("+5491123456789", None), row("+541123456780", Some(ids[5])), row("+5491123456780", None),
            row("+2250708123456", None), row("+919876543210", None), row("+358401234567", None),
        ]);
    }
}
