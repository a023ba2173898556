//! What a row of the bank's file comes to: every state of a withdrawal against everything that the bank may say of it.

use purser_coins::service::{CloseReason, RowDecision, result_check, result_commit, unmatched_dismiss, utr_correct};
use purser_coins::{
    ContradictionKind, ContradictionRemedy, ContradictionState, Error, Utr, Withdrawal, WithdrawalContradiction,
    WithdrawalStatus,
};
use purser_kit::console::Progress;
use purser_testkit::{TestDb, both};
use uuid::Uuid;

use super::{Bank, STAFF};

const OTHER: &str = "428811900099";

/// Uploads one row: what it comes to, what it is told, and how many rows wait.
async fn row(bank: &Bank, id: impl ToString, rest: &str) -> (RowDecision, String, usize) {
    let file = format!("withdrawal_id,status,utr,reason,amount\n{},{rest}\n", id.to_string()).into_bytes();
    let judged = bank.run(STAFF, move |tx, _, cx| result_check(tx, cx, &file)).await.unwrap().1;
    (judged.verdicts[0], judged.file.rows[0].errors.join(" "), judged.contradictions())
}

async fn commit(bank: &Bank, id: impl ToString, rest: &str) {
    let file = format!("withdrawal_id,status,utr,reason,amount\n{},{rest}\n", id.to_string()).into_bytes();
    let committed = bank.run(STAFF, move |tx, settings, cx| {
        let (id, _) = result_check(tx, cx, &file)?;
        result_commit(tx, settings, cx, id, &Progress::default())
    });
    committed.await.unwrap();
}

async fn kinds(bank: &Bank, one: &Withdrawal) -> Vec<ContradictionKind> {
    let of = |kept: WithdrawalContradiction| (kept.withdrawal == one.id).then_some(kept.kind);
    bank.contradictions().await.into_iter().filter_map(of).collect()
}

async fn unmatched(bank: &Bank) -> Vec<(Uuid, String, String)> {
    let all = bank.db.read(|tx| {
        tx.query("SELECT id, named, state FROM coins_unmatched ORDER BY id", &[], |row| {
            Ok::<_, purser_store::Error>((row.get(0)?, row.get(1)?, row.get(2)?))
        })
    });
    all.await.unwrap()
}

both! {
    async fn paid_is_done_before_only_while_the_withdrawal_is_completed_by_that_payment(db: TestDb) {
        use WithdrawalStatus::{Cancelled, Completed, Failed, Pending, Processing, Rejected, Reversed};
        let bank = Bank::open(&db);
        // The withdrawal, whether the row has its UTR and its amount, what the row comes to, and what is kept at once.
        let done = RowDecision::DoneBefore;
        let table = [
            (Completed, true, true, done, None),
            (Completed, true, false, RowDecision::Wrong, Some(ContradictionKind::Amount)),
            (Completed, false, true, RowDecision::Wrong, Some(ContradictionKind::SecondUtr)),
            (Completed, false, false, RowDecision::Wrong, Some(ContradictionKind::SecondUtr)),
            (Reversed, true, true, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Reversed, true, false, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Reversed, false, true, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Reversed, false, false, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Failed, false, true, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Failed, false, false, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Cancelled, false, true, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Cancelled, false, false, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Rejected, false, true, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Rejected, false, false, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Pending, false, true, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Pending, false, false, RowDecision::Wrong, Some(ContradictionKind::Status)),
            (Processing, false, true, RowDecision::Completes, None),
            (Processing, false, false, RowDecision::Wrong, None),
        ];
        for (number, (status, own_utr, own_amount, report, kept)) in table.into_iter().enumerate() {
            let case = format!("{status:?}, own UTR {own_utr}, own amount {own_amount}");
            let one = bank.standing(&format!("user{number}"), status).await;
            let utr = match &one.utr {
                Some(utr) if own_utr => utr.as_str().to_owned(),
                _ => format!("4288119000{number:02}"),
            };
            let amount = if own_amount { "30.00" } else { "29.41" };
            let (is, told, waits) = row(&bank, one.id, &format!("paid,{utr},,{amount}")).await;
            assert_eq!((is, waits), (report, usize::from(kept.is_some())), "{case}: {told}");
            assert_eq!(kinds(&bank, &one).await, kept.into_iter().collect::<Vec<_>>(), "{case}");
            assert_eq!(told.contains("waits for a decision in the inbox") && told.contains("This contradicts"), kept.is_some(), "{case}: {told}");
            let blocked = kept.is_some() && (status != Completed || !own_utr);
            if blocked {
                let next = bank.standing(&format!("next{number}"), Processing).await;
                assert!(bank.complete(next.id, &utr).await.is_err(), "{case}: the UTR pays nothing else");
            }
            assert_eq!(bank.read(one.id).await.status, status, "{case}: nothing is changed");
        }
        // The bank says that it failed.
        let rows = [(Completed, RowDecision::Wrong, 1), (Failed, done, 0), (Reversed, done, 0), (Processing, RowDecision::Fails, 0), (Pending, RowDecision::Wrong, 0)];
        for (number, (status, report, kept)) in rows.into_iter().enumerate() {
            let one = bank.standing(&format!("failed{number}"), status).await;
            let (is, told, waits) = row(&bank, one.id, "failed,,Closed,").await;
            assert_eq!((is, waits), (report, kept), "{status:?}: {told}");
        }
        bank.sound().await;
    }

    async fn coins_that_went_back_and_rupees_that_were_paid_are_kept_and_the_coins_are_taken_again(db: TestDb) {
        let bank = Bank::open(&db);
        let one = bank.standing("asha", WithdrawalStatus::Completed).await;
        let own = one.utr.clone().unwrap();
        row(&bank, one.id, "failed,,Closed,").await;
        bank.settle(bank.contradictions().await[0].id, ContradictionRemedy::Reverse).await.unwrap();
        assert_eq!((bank.balance("asha").await, bank.rupees().await), (1_000, [0, 0, 0]));
        let (report, told, _) = row(&bank, one.id, &format!("paid,{},,30.00", own.as_str())).await;
        assert!(report == RowDecision::Wrong && told.contains("The withdrawal is reversed with the UTR"), "{told}");
        let found = bank.contradictions().await.pop().unwrap();
        assert_eq!((found.kind, found.state, found.status), (ContradictionKind::Status, ContradictionState::Open, WithdrawalStatus::Reversed));
        bank.settle(found.id, ContradictionRemedy::Take).await.unwrap();
        assert_eq!((bank.balance("asha").await, bank.rupees().await), (700, [3_000, 0, 0]));
        let (_, told, waits) = row(&bank, one.id, &format!("paid,{},,30.00", own.as_str())).await;
        assert!(waits == 0 && told.contains("it was settled on"), "{told}");
        bank.sound().await;
    }

    async fn a_corrected_utr_is_done_before_while_completed_and_not_once_the_coins_went_back(db: TestDb) {
        let bank = Bank::open(&db);
        let one = bank.standing("asha", WithdrawalStatus::Processing).await;
        bank.complete(one.id, OTHER).await.unwrap();
        let (id, utr) = (one.id, Utr::parse("428811900098").unwrap());
        bank.run(STAFF, move |tx, _, cx| utr_correct(tx, cx, id, &utr, "A digit")).await.unwrap();
        assert_eq!(row(&bank, id, &format!("paid,{OTHER},,30.00")).await.0, RowDecision::DoneBefore);
        bank.close(id, CloseReason::Reverse).await.unwrap();
        let (report, told, waits) = row(&bank, id, &format!("paid,{OTHER},,30.00")).await;
        assert_eq!((report, waits), (RowDecision::Wrong, 1), "{told}");
        bank.sound().await;
    }

    async fn a_draft_that_is_mended_is_done_and_one_that_is_committed_so_waits(db: TestDb) {
        let bank = Bank::open(&db);
        let one = bank.standing("asha", WithdrawalStatus::Processing).await;
        let (report, told, waits) = row(&bank, one.id, &format!("paid,{OTHER},,29.41")).await;
        assert_eq!((report, waits, bank.contradictions().await.len()), (RowDecision::Wrong, 0, 0), "{told}");
        assert!(told.contains("₹29.41 (column 'amount'); ₹30.00 was due") && told.contains("Mend the row"), "{told}");
        commit(&bank, one.id, &format!("paid,{OTHER},,30.00")).await;
        assert_eq!(bank.read(one.id).await.status, WithdrawalStatus::Completed);

        let two = bank.standing("bina", WithdrawalStatus::Processing).await;
        commit(&bank, two.id, "paid,428811900098,,29.41").await;
        assert_eq!(kinds(&bank, &two).await, [ContradictionKind::Amount]);
        let (_, told, waits) = row(&bank, two.id, "paid,428811900098,,29.41").await;
        assert!(waits == 1 && told.contains("This contradicts"), "{told}");
        let refused = bank.complete(two.id, "428811900098").await.unwrap_err();
        assert!(matches!(refused, Error::UtrDisputed { .. }), "{refused}");
        bank.sound().await;
    }

    async fn a_payment_of_no_withdrawal_is_kept_and_its_utr_pays_nothing_until_somebody_dismisses_it(db: TestDb) {
        let bank = Bank::open(&db);
        let one = bank.standing("asha", WithdrawalStatus::Processing).await;
        let nobody = Uuid::from_u128(7);
        let (report, told, waits) = row(&bank, nobody, &format!("paid,{OTHER},,30.00")).await;
        assert!(report == RowDecision::Wrong && waits == 1 && told.contains("There is no such withdrawal."), "{told}");
        row(&bank, nobody, &format!("paid,0{OTHER},,30.00")).await;
        let kept = unmatched(&bank).await;
        assert_eq!(kept.len(), 1, "the same is kept once");
        let id = kept[0].0;
        let refused = bank.complete(one.id, OTHER).await.unwrap_err();
        assert!(matches!(refused, Error::UtrUnmatched { payment, .. } if payment == id), "{refused}");
        let (report, told, _) = row(&bank, one.id, &format!("paid,{OTHER},,30.00")).await;
        assert!(report == RowDecision::Wrong && told.contains("is no withdrawal here; decide on that first"), "{told}");
        let other = bank.standing("bina", WithdrawalStatus::Completed).await;
        let (corrected, utr) = (other.id, Utr::parse(OTHER).unwrap());
        let refused = bank.run(STAFF, move |tx, _, cx| utr_correct(tx, cx, corrected, &utr, "x")).await.unwrap_err();
        assert!(matches!(refused, Error::UtrUnmatched { .. }), "{refused}");

        let dismiss = || bank.run(STAFF, move |tx, _, cx| unmatched_dismiss(tx, cx, id, "The bank's test payment"));
        assert_eq!(dismiss().await.unwrap().state, ContradictionState::Dismissed);
        assert_eq!(dismiss().await.unwrap_err(), Error::Decided(ContradictionState::Dismissed));
        let (_, told, waits) = row(&bank, nobody, &format!("paid,{OTHER},,30.00")).await;
        assert!(waits == 0 && told.contains("it was dismissed on") && told.contains("by user:staff"), "{told}");
        bank.complete(one.id, OTHER).await.unwrap();
        // What is no id may be mistyped in a draft, and is kept once the file is done.
        assert_eq!(row(&bank, "W-17", "paid,428811900055,,30.00").await.2, 0);
        assert_eq!(unmatched(&bank).await.len(), 1);
        commit(&bank, "W-17", "paid,428811900055,,30.00").await;
        assert_eq!(unmatched(&bank).await[1].1, "W-17");
        bank.sound().await;
    }

    async fn what_was_dismissed_and_is_said_again_does_not_wait_until_the_withdrawal_stands_otherwise(db: TestDb) {
        let bank = Bank::open(&db);
        let one = bank.standing("asha", WithdrawalStatus::Pending).await;
        let said = format!("paid,{OTHER},,30.00");
        row(&bank, one.id, &said).await;
        bank.dismiss(bank.contradictions().await[0].id).await.unwrap();
        let (_, told, waits) = row(&bank, one.id, &said).await;
        assert!(waits == 0 && told.contains("it was dismissed on") && told.contains("by user:staff"), "{told}");
        assert!(!told.contains("waits"), "{told}");
        bank.cancel(one.id).await.unwrap();
        let (_, told, waits) = row(&bank, one.id, &said).await;
        assert_eq!((waits, bank.contradictions().await.len()), (1, 2), "the coins are back, and that is news: {told}");
        bank.sound().await;
    }

    async fn what_contradicts_a_settled_withdrawal_is_kept_though_the_row_has_another_mistake(db: TestDb) {
        let bank = Bank::open(&db);
        let one = bank.standing("asha", WithdrawalStatus::Reversed).await;
        let (report, told, waits) = row(&bank, one.id, &format!("paid,{OTHER},,perhaps 30")).await;
        assert!(report == RowDecision::Wrong && waits == 1 && told.contains("amount must be"), "{told}");
        assert_eq!(kinds(&bank, &one).await, [ContradictionKind::Status]);
        let two = bank.standing("bina", WithdrawalStatus::Completed).await;
        let own = two.utr.clone().unwrap();
        let (report, told, waits) = row(&bank, two.id, &format!("paid,{},,perhaps 30", own.as_str())).await;
        assert_eq!((report, waits), (RowDecision::Wrong, 0), "{told}");
        // Two rows of one file are put right there first; saved so, what they say is kept.
        let three = bank.standing("chetan", WithdrawalStatus::Failed).await;
        let said = format!("paid,428811900041,,30.00\n{},paid,428811900042,,30.00", three.id);
        assert_eq!(row(&bank, three.id, &said).await.2, 0);
        commit(&bank, three.id, &said).await;
        assert_eq!(kinds(&bank, &three).await, [ContradictionKind::Status, ContradictionKind::Status]);
        bank.sound().await;
    }

    async fn an_amount_in_any_column_is_compared_with_what_was_due(db: TestDb) {
        let bank = Bank::open(&db);
        for (number, name) in ["paid_amount", "Net Amount", "Value", "Debit", "rupees", "amount in coins"].into_iter().enumerate() {
            let one = bank.standing(&format!("user{number}"), WithdrawalStatus::Processing).await;
            let wrong = if name.contains("coins") { "299" } else { "29.41" };
            let file = format!("withdrawal_id,status,utr,{name}\n{},paid,4288119000{number:02},{wrong}\n", one.id).into_bytes();
            let judged = bank.run(STAFF, move |tx, _, cx| result_check(tx, cx, &file)).await.unwrap().1;
            let told = judged.file.rows[0].errors.join(" ");
            assert!(judged.good() == 0 && told.contains(&format!("(column '{name}')")), "{name}: {told}");
        }
        let one = bank.standing("both", WithdrawalStatus::Processing).await;
        let file = format!("withdrawal_id,status,utr,amount,paid amount\n{},paid,{OTHER},30.00,29.41\n", one.id);
        let (_, found) = bank.check(&file).await;
        assert_eq!((found, bank.read(one.id).await.status), (0, WithdrawalStatus::Processing));
        bank.file(&file).await;
        assert_eq!(bank.contradictions().await.pop().unwrap().paid.map(|paid| paid.minor()), Some(2_941));
        bank.sound().await;
    }
}
