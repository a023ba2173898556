//! What the bank says otherwise than we do: kept once, and put right once.

use purser_coins::service::{
    CloseReason, contradiction_dismiss, contradiction_get, contradiction_settle, result_check, result_commit,
    user_freeze, user_totals, user_unfreeze, utr_correct,
};
use purser_coins::{
    ContradictionKind, ContradictionRemedy, ContradictionState, Error, MovementKind, Utr, Withdrawal,
    WithdrawalContradiction, WithdrawalStatus,
};
use purser_kit::console::Progress;
use purser_ledger::{AccountPath, account_by_path};
use purser_testkit::{TestDb, both};
use uuid::Uuid;

use super::{APP, Bank, STAFF};

impl Bank {
    /// Uploads a file of the bank: its id, and how many rows contradict us.
    pub(super) async fn check(&self, file: &str) -> (Uuid, usize) {
        let file = file.as_bytes().to_vec();
        let checked = self.run(STAFF, move |tx, _, cx| result_check(tx, cx, &file));
        let (id, judged) = checked.await.expect("the file is an answer of a bank");
        (id, judged.contradictions())
    }

    /// Uploads a file of the bank and does what is good of it.
    pub(super) async fn file(&self, file: &str) {
        let (id, _) = self.check(file).await;
        let progress = Progress::default();
        self.run(STAFF, move |tx, settings, cx| result_commit(tx, settings, cx, id, &progress)).await.unwrap();
    }

    /// All contradictions, oldest first.
    pub(super) async fn contradictions(&self) -> Vec<WithdrawalContradiction> {
        let found = self.db.read(|tx| {
            let ids = tx.query("SELECT id FROM coins_contradiction ORDER BY id", &[], |row| row.get::<Uuid>(0))?;
            ids.into_iter().map(|id| contradiction_get(tx, id)).collect::<Result<Vec<_>, Error>>()
        });
        found.await.unwrap()
    }

    pub(super) async fn settle(
        &self,
        id: Uuid,
        settlement: ContradictionRemedy,
    ) -> Result<WithdrawalContradiction, Error> {
        self.run(STAFF, move |tx, settings, cx| {
            contradiction_settle(tx, settings, cx, id, settlement, "The bank's statement says so")
        })
        .await
    }

    pub(super) async fn dismiss(&self, id: Uuid) -> Result<WithdrawalContradiction, Error> {
        self.run(STAFF, move |tx, _, cx| contradiction_dismiss(tx, cx, id, "The bank took it back")).await
    }

    /// What an account holds, in minor units.
    async fn holds(&self, path: &str) -> i64 {
        let path = AccountPath::new(path).unwrap();
        let account = self.db.read(move |tx| account_by_path(tx, &path)).await.unwrap();
        account.map_or(0, |account| account.balance.minor())
    }

    /// What the bank has paid, what is lost and what is owed, in paise.
    pub(super) async fn rupees(&self) -> [i64; 3] {
        let bank = -self.holds("coins:bank").await;
        [bank, self.holds("coins:losses").await, self.holds("coins:payable").await]
    }

    pub(super) async fn sound(&self) {
        let problems = self.db.read(purser_coins::problems).await.unwrap();
        assert!(problems.is_empty(), "{problems:?}");
    }
}

const HEAD: &str = "withdrawal_id,status,utr,amount,upi_id,currency,reason\n";

fn paid(one: &Withdrawal, utr: &str, amount: &str) -> String {
    format!("{HEAD}{},paid,{utr},{amount},,,\n", one.id)
}

both! {
    async fn a_utr_that_differs_in_zeros_hyphens_or_case_alone_pays_no_second_withdrawal(db: TestDb) {
        let bank = Bank::open(&db);
        let first = bank.standing("asha", WithdrawalStatus::Processing).await;
        let second = bank.standing("bina", WithdrawalStatus::Processing).await;
        let shown = bank.complete(first.id, "hdfc-0042 8811").await.unwrap().utr.unwrap();
        assert_eq!(shown.as_str(), "hdfc-0042 8811", "it is shown as it was entered");
        assert_eq!(bank.read(first.id).await.utr.unwrap().as_str(), "hdfc-0042 8811");
        for utr in ["HDFC00428811", "00HDFC00428811", "HDFC-0042-8811", "hdfc.0042/8811"] {
            let before = crate::dump::dump(&db).await;
            let refused = bank.complete(second.id, utr).await.unwrap_err();
            assert!(matches!(refused, Error::UtrUsed { withdrawal, .. } if withdrawal == first.id), "{utr}: {refused}");
            assert_eq!(crate::dump::dump(&db).await, before);
        }
        bank.complete(second.id, "HDFC0042881").await.unwrap();
        assert_eq!(Utr::parse("4.28812E+11").unwrap_err().code, "spreadsheet_number");
        assert_eq!(bank.rupees().await, [6_000, 0, 0]);
        bank.sound().await;
    }

    async fn a_wrong_utr_is_corrected_with_a_reason_both_stay_on_record_and_the_wrong_one_is_free(db: TestDb) {
        let bank = Bank::open(&db);
        let first = bank.standing("asha", WithdrawalStatus::Processing).await;
        let second = bank.standing("bina", WithdrawalStatus::Processing).await;
        let pending = bank.standing("chetan", WithdrawalStatus::Pending).await;
        bank.complete(first.id, "428811900001").await.unwrap();
        let correct = |actor: &'static str, id: Uuid, utr: &str| {
            let utr = Utr::parse(utr).unwrap();
            bank.run(actor, move |tx, _, cx| utr_correct(tx, cx, id, &utr, "Two digits were swapped"))
        };
        assert_eq!(correct(STAFF, first.id, "428811900001").await.unwrap_err(), Error::SameUtr(Utr::parse("428811900001").unwrap()));
        assert_eq!(correct(APP, first.id, "428811900010").await.unwrap_err(), Error::OwnRequest);
        assert_eq!(correct(STAFF, pending.id, "428811900010").await.unwrap_err(), Error::NoUtr { is: WithdrawalStatus::Pending });
        correct(STAFF, first.id, "428811900010").await.unwrap();
        let one = bank.read(first.id).await;
        assert_eq!((one.status, one.utr.unwrap().as_str()), (WithdrawalStatus::Completed, "428811900010"));
        let kept: Result<Vec<(String, String, String)>, purser_store::Error> = db.read(|tx| tx.query("SELECT old_utr, new_utr, reason FROM coins_utr_change", &[], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))).await;
        assert_eq!(kept.unwrap(), [("428811900001".to_owned(), "428811900010".to_owned(), "Two digits were swapped".to_owned())]);
        // A file that is older than the correction is not news.
        assert_eq!(bank.check(&paid(&first, "428811900001", "30.00")).await.1, 0);
        bank.complete(second.id, "428811900001").await.unwrap();
        assert!(matches!(correct(STAFF, first.id, "0428811900001").await.unwrap_err(), Error::UtrUsed { withdrawal, .. } if withdrawal == second.id));
        bank.sound().await;
    }

    async fn an_amount_other_than_what_was_due_completes_nothing_and_waits_with_both_sides(db: TestDb) {
        let bank = Bank::open(&db);
        for (user, amount, utr) in [("asha", "29.41", "428811900001"), ("bina", "3000", "428811900002"), ("chetan", "\"3,000.00\"", "428811900003")] {
            let one = bank.standing(user, WithdrawalStatus::Processing).await;
            bank.file(&paid(&one, utr, amount)).await;
            assert_eq!(bank.read(one.id).await.status, WithdrawalStatus::Processing, "{amount}");
            let found = bank.contradictions().await.pop().unwrap();
            assert_eq!((found.withdrawal, found.kind, found.state), (one.id, ContradictionKind::Amount, ContradictionState::Open));
            assert_eq!(found.due.minor(), 3_000);
            assert!(found.told.contains("₹30.00 was due"), "{}", found.told);
            let refused = bank.complete(one.id, utr).await.unwrap_err();
            assert!(matches!(refused, Error::UtrDisputed { contradiction, .. } if contradiction == found.id), "{refused}");
        }
        let due = bank.standing("devika", WithdrawalStatus::Processing).await;
        bank.file(&paid(&due, "428811990000", "INR 30.00")).await;
        assert_eq!(bank.read(due.id).await.status, WithdrawalStatus::Completed);
        assert_eq!(bank.contradictions().await.len(), 3);
        bank.sound().await;
    }

    async fn what_the_bank_paid_too_much_or_too_little_is_completed_and_the_difference_is_posted(db: TestDb) {
        let bank = Bank::open(&db);
        let (little, much) = (bank.standing("asha", WithdrawalStatus::Processing).await, bank.standing("bina", WithdrawalStatus::Processing).await);
        bank.file(&paid(&little, "428811900001", "29.41")).await;
        bank.file(&paid(&much, "428811900002", "3000")).await;
        let found = bank.contradictions().await;
        for one in &found {
            bank.settle(one.id, ContradictionRemedy::Complete).await.unwrap();
            assert_eq!(bank.settle(one.id, ContradictionRemedy::Complete).await.unwrap_err(), Error::Decided(ContradictionState::Settled));
        }
        assert_eq!((bank.read(little.id).await.status, bank.read(much.id).await.status), (WithdrawalStatus::Completed, WithdrawalStatus::Completed));
        assert_eq!(bank.rupees().await, [2_941 + 300_000, 297_000, 59], "paid, lost, and still owed");
        // The bank sends it back: everything that the one entry did is undone.
        bank.close(much.id, CloseReason::Reverse).await.unwrap();
        assert_eq!(bank.rupees().await, [2_941, 0, 59]);
        bank.sound().await;
    }

    async fn what_is_paid_after_it_failed_is_kept_once_blocks_its_utr_and_takes_the_coins_again(db: TestDb) {
        let bank = Bank::open(&db);
        let failed = bank.standing("asha", WithdrawalStatus::Failed).await;
        let file = paid(&failed, "428811900007", "30.00");
        let before = bank.balance("asha").await;
        let (_, found) = bank.check(&file).await;
        bank.file(&file).await;
        bank.file(&paid(&failed, "0428-8119-00007", "30.00")).await;
        assert_eq!((found, bank.contradictions().await.len()), (1, 1), "the same is kept once");
        assert_eq!((bank.read(failed.id).await.status, bank.balance("asha").await), (WithdrawalStatus::Failed, before), "nothing is changed");
        let one = bank.contradictions().await.remove(0);
        assert!(one.told.contains("The withdrawal is failed") && one.told.contains("428811900007"), "{}", one.told);

        let other = bank.standing("bina", WithdrawalStatus::Processing).await;
        for utr in ["428811900007", "00428811900007"] {
            let refused = bank.complete(other.id, utr).await.unwrap_err();
            assert!(matches!(refused, Error::UtrDisputed { withdrawal, .. } if withdrawal == failed.id), "{refused}");
        }
        bank.file(&paid(&other, "428811900007", "30.00")).await;
        assert_eq!(bank.read(other.id).await.status, WithdrawalStatus::Processing, "nor does a file pay another with it");

        bank.settle(one.id, ContradictionRemedy::Take).await.unwrap();
        assert_eq!(bank.settle(one.id, ContradictionRemedy::Lose).await.unwrap_err(), Error::Decided(ContradictionState::Settled));
        assert_eq!((bank.balance("asha").await, bank.holds("coins:withdrawals:recovered").await), (before - 300, 300));
        assert_eq!(bank.rupees().await, [3_000, 0, 0]);
        let refused = bank.complete(other.id, "428811900007").await.unwrap_err();
        assert!(matches!(refused, Error::UtrDisputed { .. }), "the bank has paid the other with it: {refused}");
        bank.complete(other.id, "428811900008").await.unwrap();
        bank.sound().await;
    }

    async fn coins_that_are_spent_meanwhile_cannot_be_taken_again_and_the_payment_is_a_loss(db: TestDb) {
        let bank = Bank::open(&db);
        let failed = bank.standing("asha", WithdrawalStatus::Failed).await;
        bank.moved(MovementKind::Spend, "asha", 900, "shop").await.unwrap();
        bank.check(&paid(&failed, "428811900007", "30.00")).await;
        let one = bank.contradictions().await.remove(0);
        let before = crate::dump::dump(&db).await;
        assert!(matches!(bank.settle(one.id, ContradictionRemedy::Take).await.unwrap_err(), Error::Insufficient { available, .. } if available.minor() == 100));
        assert_eq!(bank.settle(one.id, ContradictionRemedy::Complete).await.unwrap_err(), Error::NotSettledSo { settlement: ContradictionRemedy::Complete, is: WithdrawalStatus::Failed });
        assert_eq!(crate::dump::dump(&db).await, before);
        let settled = bank.settle(one.id, ContradictionRemedy::Lose).await.unwrap();
        assert!(settled.entry.is_some() && settled.reason.as_deref() == Some("The bank's statement says so"));
        assert_eq!((bank.balance("asha").await, bank.rupees().await), (100, [3_000, 3_000, 0]));
        bank.sound().await;
    }

    async fn a_second_utr_of_a_completed_one_becomes_its_utr_or_is_a_second_payment(db: TestDb) {
        let bank = Bank::open(&db);
        let (wrong, twice) = (bank.standing("asha", WithdrawalStatus::Completed).await, bank.standing("bina", WithdrawalStatus::Completed).await);
        bank.file(&paid(&wrong, "428811900001", "30.00")).await;
        bank.file(&paid(&twice, "428811900002", "30.00")).await;
        let found = bank.contradictions().await;
        assert_eq!(found.iter().map(|one| one.kind).collect::<Vec<_>>(), [ContradictionKind::SecondUtr; 2]);
        assert_eq!(bank.read(wrong.id).await.utr, wrong.utr, "nothing is changed");
        bank.settle(found[0].id, ContradictionRemedy::Correct).await.unwrap();
        assert_eq!(bank.read(wrong.id).await.utr, Some(Utr::parse("428811900001").unwrap()));
        bank.settle(found[1].id, ContradictionRemedy::Take).await.unwrap();
        assert_eq!((bank.balance("bina").await, bank.rupees().await), (400, [9_000, 0, 0]));
        bank.sound().await;
    }

    async fn what_the_bank_says_failed_and_is_completed_here_is_reversed_once_somebody_decides(db: TestDb) {
        let bank = Bank::open(&db);
        let one = bank.standing("asha", WithdrawalStatus::Completed).await;
        let file = format!("{HEAD}{},failed,,,,,Returned\n", one.id);
        bank.file(&file).await;
        bank.file(&file).await;
        assert_eq!((bank.balance("asha").await, bank.contradictions().await.len()), (700, 1));
        let found = bank.contradictions().await.remove(0);
        bank.settle(found.id, ContradictionRemedy::Reverse).await.unwrap();
        assert_eq!((bank.read(one.id).await.status, bank.balance("asha").await), (WithdrawalStatus::Reversed, 1_000));
        assert_eq!(bank.rupees().await, [0, 0, 0]);
        bank.sound().await;
    }

    async fn another_payee_currency_or_utr_is_kept_and_one_that_is_dismissed_frees_its_utr(db: TestDb) {
        let bank = Bank::open(&db);
        let first = bank.standing("asha", WithdrawalStatus::Completed).await;
        let own = first.utr.clone().unwrap();
        let one = bank.standing("bina", WithdrawalStatus::Processing).await;
        let row = |utr: &str, rest: &str| format!("{HEAD}{},paid,{utr},30.00,{rest},\n", one.id);
        bank.file(&row("428811900001", "mallory@ybl,INR")).await;
        bank.file(&row("428811900002", ",USD")).await;
        bank.file(&row(own.as_str(), ",")).await;
        let found = bank.contradictions().await;
        assert_eq!(found.iter().map(|one| one.kind).collect::<Vec<_>>(), [ContradictionKind::Payee, ContradictionKind::Currency, ContradictionKind::UtrUsed]);
        assert!(found[0].told.contains("mallory@ybl") && found[0].told.contains("asha@okhdfcbank"), "{}", found[0].told);
        assert_eq!(bank.read(one.id).await.status, WithdrawalStatus::Processing);
        for one in &found {
            bank.dismiss(one.id).await.unwrap();
            assert_eq!(bank.dismiss(one.id).await.unwrap_err(), Error::Decided(ContradictionState::Dismissed));
        }
        bank.complete(one.id, "428811900001").await.unwrap();
        bank.sound().await;
    }

    async fn whoever_asked_does_not_settle_it_and_of_two_at_once_one_does(db: TestDb) {
        let bank = Bank::open(&db);
        let failed = bank.standing("asha", WithdrawalStatus::Failed).await;
        bank.check(&paid(&failed, "428811900007", "30.00")).await;
        let id = bank.contradictions().await.remove(0).id;
        let own = bank.run(APP, move |tx, settings, cx| contradiction_settle(tx, settings, cx, id, ContradictionRemedy::Lose, "x"));
        assert_eq!(own.await.unwrap_err(), Error::OwnRequest);
        let (one, two) = tokio::join!(bank.settle(id, ContradictionRemedy::Take), bank.settle(id, ContradictionRemedy::Lose));
        assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|done| **done).count(), 1, "{one:?} {two:?}");
        let [paid, ..] = bank.rupees().await;
        assert_eq!(paid, 3_000);
        bank.sound().await;
    }

    async fn a_frozen_user_neither_spends_nor_withdraws_and_nothing_of_theirs_is_begun(db: TestDb) {
        let bank = Bank::open(&db);
        let waiting = bank.standing("asha", WithdrawalStatus::Pending).await;
        let owner = waiting.owner;
        bank.run(STAFF, move |tx, _, cx| user_freeze(tx, cx, owner, "Under review")).await.unwrap();
        let is_frozen = |error: Error| matches!(error, Error::UserFrozen(_));
        let before = crate::dump::dump(&db).await;
        assert!(is_frozen(bank.ask("asha", 100, "asha@ybl").await.unwrap_err()));
        assert!(is_frozen(bank.moved(MovementKind::Spend, "asha", 100, "shop").await.unwrap_err()));
        assert!(is_frozen(bank.begin(waiting.id).await.unwrap_err()));
        assert!(is_frozen(bank.run(STAFF, move |tx, _, cx| user_freeze(tx, cx, owner, "Again")).await.unwrap_err()));
        assert_eq!(crate::dump::dump(&db).await, before);
        bank.moved(MovementKind::Award, "asha", 50, "quiz 2").await.unwrap();
        bank.run(STAFF, move |tx, _, cx| user_unfreeze(tx, cx, owner)).await.unwrap();
        bank.begin(waiting.id).await.unwrap();
        bank.complete(waiting.id, "428811900001").await.unwrap();
        let user = bank.moved(MovementKind::Spend, "asha", 100, "shop").await.unwrap().user;
        let totals = db.read(move |tx| user_totals(tx, &user)).await.unwrap();
        assert_eq!((totals.lifetime, totals.spent, totals.withdrawn), (1_050, 100, 300));
    }
}
