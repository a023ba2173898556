//! Two who do something at once: one of them does it.

use purser_coins::service::CloseReason;
use purser_coins::{Error, MovementKind, Withdrawal, WithdrawalStatus};
use purser_testkit::{TestDb, both};
use tokio::task::JoinSet;

use super::{Bank, STAFF};

type Outcome = Result<Withdrawal, Error>;

/// Runs all of them at once; how many did it. The others were told why not.
async fn winners(mut tasks: JoinSet<Outcome>) -> usize {
    let mut won = 0;
    while let Some(outcome) = tasks.join_next().await {
        match outcome.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert!(error.is_refusal(), "{error:?}"),
        }
    }
    won
}

macro_rules! task {
    ($tasks:ident, $bank:ident, $call:expr) => {{
        let $bank = $bank.clone();
        $tasks.spawn(async move { $call.await });
    }};
}

both! {
    async fn fifty_ask_at_once_with_coins_for_ten_and_ten_are_served(db: TestDb) {
        let bank = Bank::open(&db);
        bank.user("asha", 1_000).await;
        let mut tasks = JoinSet::new();
        for _ in 0..50 {
            task!(tasks, bank, bank.ask("asha", 100, "asha@ybl"));
        }
        assert_eq!(winners(tasks).await, 10);
        assert_eq!(bank.balance("asha").await, 0);
    }

    async fn a_cancel_and_the_staff_s_begin_meet_and_one_wins(db: TestDb) {
        let bank = Bank::open(&db);
        for round in 0..8 {
            let user = format!("user-{round}");
            let id = bank.standing(&user, WithdrawalStatus::Pending).await.id;
            let mut tasks = JoinSet::new();
            task!(tasks, bank, bank.cancel(id));
            task!(tasks, bank, bank.begin(id));
            assert_eq!(winners(tasks).await, 1);
            let expected = if bank.read(id).await.status == WithdrawalStatus::Cancelled { 1_000 } else { 700 };
            assert_eq!(bank.balance(&user).await, expected);
        }
    }

    async fn of_two_who_fail_complete_or_reverse_the_same_one_does(db: TestDb) {
        let bank = Bank::open(&db);
        for round in 0..4 {
            let user = format!("user-{round}");
            let id = bank.standing(&user, WithdrawalStatus::Processing).await.id;
            let mut tasks = JoinSet::new();
            for copy in 0..2 {
                task!(tasks, bank, bank.close(id, CloseReason::Fail));
                task!(tasks, bank, bank.complete(id, &format!("UTR{round}{copy}0000000")));
            }
            assert_eq!(winners(tasks).await, 1);
            let paid = bank.read(id).await.status == WithdrawalStatus::Completed;
            assert_eq!(bank.balance(&user).await, if paid { 700 } else { 1_000 });
            let mut tasks = JoinSet::new();
            for _ in 0..3 {
                task!(tasks, bank, bank.close(id, CloseReason::Reverse));
            }
            assert_eq!(winners(tasks).await, usize::from(paid));
            assert_eq!(bank.balance(&user).await, 1_000);
        }
    }

    async fn one_utr_that_two_send_at_once_pays_one_withdrawal(db: TestDb) {
        let bank = Bank::open(&db);
        for round in 0..4 {
            let mut tasks = JoinSet::new();
            for copy in 0..2 {
                let id = bank.standing(&format!("user-{round}-{copy}"), WithdrawalStatus::Processing).await.id;
                let utr = format!("UTR00000000{round}");
                let bank = bank.clone();
                tasks.spawn(async move { bank.complete(id, &utr).await });
            }
            assert_eq!(winners(tasks).await, 1);
        }
    }

    async fn one_award_that_sixteen_send_at_once_is_given_once(db: TestDb) {
        let bank = Bank::open(&db);
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let bank = bank.clone();
            tasks.spawn(async move { bank.moved(MovementKind::Award, "asha", 500, "quiz 1").await });
        }
        let mut fresh = 0;
        while let Some(moved) = tasks.join_next().await {
            fresh += usize::from(!moved.unwrap().unwrap().repeated);
        }
        assert_eq!((fresh, bank.balance("asha").await), (1, 500));
    }

    async fn two_who_begin_the_same_many_share_them_out(db: TestDb) {
        let bank = Bank::open(&db);
        let mut ids = Vec::new();
        for number in 0..10 {
            ids.push(bank.standing(&format!("user-{number}"), WithdrawalStatus::Pending).await.id);
        }
        let (first, second) = tokio::join!(bank.begin_as(STAFF, &ids), bank.begin_as("user:other", &ids));
        let begun = |outcomes: &[Outcome]| outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(begun(&first) + begun(&second), 10);
    }
}
