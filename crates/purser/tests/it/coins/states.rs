//! Every state and every change, allowed or not, and where the coins are after it.

use purser_coins::service::{CloseReason, note_set, user_link};
use purser_coins::{Error, MovementKind, WithdrawalStatus};
use purser_testkit::{TestDb, both};

use super::{APP, Bank, STAFF};
use crate::test_site::TestSite;

both! {
    async fn coins_leave_at_once_and_come_back_once_from_each_state_that_gives_them_back(db: TestDb) {
        let bank = Bank::open(&db);
        for status in WithdrawalStatus::ALL {
            let user = format!("user-{}", status.name());
            let withdrawal = bank.standing(&user, status).await;
            assert_eq!(bank.balance(&user).await, if status.gives_back() { 1_000 } else { 700 }, "{}", status.name());
            assert_eq!(withdrawal.rupees.to_string(), "30.00");
            assert_eq!(withdrawal.closed.is_some(), status.gives_back());
        }
    }

    async fn every_change_that_is_not_in_the_table_is_refused_and_changes_nothing(db: TestDb) {
        let bank = Bank::open(&db);
        for status in WithdrawalStatus::ALL {
            let user = format!("user-{}", status.name());
            let id = bank.standing(&user, status).await.id;
            for next in WithdrawalStatus::ALL {
                if next == WithdrawalStatus::Pending || status.may_become(next) {
                    continue;
                }
                let before = crate::dump::dump(&db).await;
                let refused = match next {
                    WithdrawalStatus::Processing => bank.begin(id).await,
                    WithdrawalStatus::Completed => bank.complete(id, "UTR999999999").await,
                    WithdrawalStatus::Cancelled => bank.cancel(id).await,
                    WithdrawalStatus::Failed => bank.close(id, CloseReason::Fail).await,
                    WithdrawalStatus::Rejected => bank.close(id, CloseReason::Reject).await,
                    _ => bank.close(id, CloseReason::Reverse).await,
                };
                assert_eq!(refused.unwrap_err(), Error::NotSo { is: status, next }, "{} to {}", status.name(), next.name());
                assert_eq!(crate::dump::dump(&db).await, before);
            }
        }
        let told = Error::NotSo { is: WithdrawalStatus::Completed, next: WithdrawalStatus::Cancelled }.to_string();
        assert_eq!(told, "Cannot cancel non-pending withdrawal");
    }

    async fn a_utr_pays_one_withdrawal_whatever_its_case_and_even_once_that_is_reversed(db: TestDb) {
        let bank = Bank::open(&db);
        let first = bank.standing("asha", WithdrawalStatus::Processing).await;
        let second = bank.standing("bina", WithdrawalStatus::Processing).await;
        bank.complete(first.id, "hdfc00012345").await.unwrap();
        for _ in 0..2 {
            let refused = bank.complete(second.id, "HDFC00012345").await.unwrap_err();
            assert!(matches!(refused, Error::UtrUsed { withdrawal, .. } if withdrawal == first.id), "{refused}");
            let _ = bank.close(first.id, CloseReason::Reverse).await;
        }
        bank.complete(second.id, "HDFC00012346").await.unwrap();
    }

    async fn whoever_asks_neither_begins_nor_completes(db: TestDb) {
        let bank = Bank::open(&db);
        let place = TestSite::open(&db).await;
        let person = place.person("ravi", "superuser", "").await;
        bank.user("asha", 1_000).await;
        let id = bank.ask("asha", 300, "asha@okhdfcbank").await.unwrap().id;
        assert_eq!(bank.begin_as(APP, &[id]).await, [Err(Error::OwnRequest)]);
        // The person whom it pays is a member of the staff.
        let owner = bank.read(id).await.owner;
        bank.run(STAFF, move |tx, _, cx| user_link(tx, cx, owner, Some(person))).await.unwrap();
        let as_owner = bank.run(STAFF, move |tx, settings, cx| {
            let mut cx = purser_kit::console::RequestContext::new(cx.now, format!("user:{person}"), person, cx.new_id());
            purser_coins::service::payouts_begin(tx, settings, &mut cx, &[id])
        });
        assert_eq!(as_owner.await.unwrap().1[0].1, Err(Error::OwnRequest));
        bank.begin(id).await.unwrap();
        let utr = purser_coins::Utr::parse("UTR123456789").unwrap();
        let refused = bank.run(APP, move |tx, settings, cx| {
            purser_coins::service::withdrawal_complete(tx, settings, cx, id, &utr)
        });
        assert_eq!(refused.await.unwrap_err(), Error::OwnRequest);
        bank.complete(id, "UTR123456789").await.unwrap();
    }

    async fn many_are_begun_in_one_payout_and_those_that_cannot_be_are_named(db: TestDb) {
        let bank = Bank::open(&db);
        let mut ids = Vec::new();
        for (user, status) in [("a", WithdrawalStatus::Pending), ("b", WithdrawalStatus::Cancelled), ("c", WithdrawalStatus::Pending)] {
            ids.push(bank.standing(user, status).await.id);
        }
        let outcomes = bank.begin_as(STAFF, &ids).await;
        assert_eq!(outcomes[1], Err(Error::NotSo { is: WithdrawalStatus::Cancelled, next: WithdrawalStatus::Processing }));
        let payouts = [&outcomes[0], &outcomes[2]].map(|outcome| outcome.as_ref().unwrap().payout);
        assert!(payouts[0].is_some() && payouts[0] == payouts[1]);
        // Where nothing can be begun there is no payout.
        assert!(bank.begin_as(STAFF, &ids).await.iter().all(Result::is_err));
    }

    async fn the_two_notes_are_two_and_change_no_state(db: TestDb) {
        let bank = Bank::open(&db);
        let id = bank.standing("asha", WithdrawalStatus::Processing).await.id;
        let (public, internal) = (Some("On its way".to_owned()), Some("Called her bank".to_owned()));
        let noted = bank.run(STAFF, move |tx, _, _| note_set(tx, id, public.clone(), internal.clone())).await.unwrap();
        assert_eq!(noted, bank.read(id).await);
        assert_eq!((noted.status, noted.public_note.as_deref()), (WithdrawalStatus::Processing, Some("On its way")));
        assert_eq!(noted.internal_note.as_deref(), Some("Called her bank"));
    }

    async fn an_award_and_a_spending_happen_once_for_each_reference(db: TestDb) {
        let bank = Bank::open(&db);
        assert!(!bank.moved(MovementKind::Award, "asha", 500, "quiz 1").await.unwrap().repeated);
        let again = bank.moved(MovementKind::Award, "asha", 500, "quiz 1").await.unwrap();
        assert!(again.repeated && again.user.balance.minor() == 500);
        for (movement, user, amount) in
            [(MovementKind::Award, "asha", 501), (MovementKind::Award, "bina", 500), (MovementKind::Spend, "asha", 500)]
        {
            let refused = bank.moved(movement, user, amount, "quiz 1").await.unwrap_err();
            assert_eq!(refused, Error::ReferenceReused("quiz 1".to_owned()));
        }
        assert_eq!(bank.moved(MovementKind::Spend, "asha", 500, "shop 1").await.unwrap().user.balance.minor(), 0);
        let refused = bank.moved(MovementKind::Spend, "asha", 1, "shop 2").await.unwrap_err();
        assert!(refused.to_string().contains("0 available, 1 needed"), "{refused}");
    }
}
