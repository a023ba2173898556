//! Every decision on withdrawals, and what is refused.

use purser_testkit::{TestDb, both};

use super::{CoinsProgram, WITHDRAWALS, act, refused};
use crate::browser::hidden;

both! {
    async fn a_withdrawal_goes_from_the_inbox_to_paid_and_its_user_reads_that(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let id = services.asked("asha", 250).await;
        let inbox = services.boss.page("/admin/inbox/").await;
        assert!(inbox.contains("asha@okhdfcbank") && inbox.contains("₹25.00"), "{inbox}");
        let page = services.boss.page(&format!("{WITHDRAWALS}do/?action=process&id={id}")).await;
        assert!(page.contains("₹25.00 will go to 1 person in 1 payment."), "{page}");
        let done = services.act("process", &[&id], &[]).await;
        assert!(done.contains("1 withdrawal begun, ₹25.00 in all.") && done.contains("file for the bank"), "{done}");
        assert_eq!(services.status(&id).await, "processing");
        let page = services.boss.page(&format!("{WITHDRAWALS}do/?action=complete&id={id}")).await;
        assert!(page.contains("₹25.00 to asha@okhdfcbank go on record as paid, and asha is told."), "{page}");
        for (utr, told) in [("", "utr is required"), ("12345", "6 to 50 characters"), ("no digits", "utr must"), ("4288&1190", "utr must")] {
            let (status, page) = services.refused("complete", &[&id], &[("utr", utr)]).await;
            assert!(status == 400 && page.contains(told), "{utr}: {page}");
        }
        let done = services.act("complete", &[&id], &[("utr", " hdfcn52026112100 ")]).await;
        assert!(done.contains("₹25.00 to asha@okhdfcbank are paid, by hdfcn52026112100."), "{done}");
        services.act("notes", &[&id], &[("public_note", "Paid with thanks"), ("internal_note", "Called first")]).await;
        let told = services.withdrawal(&id).await;
        assert_eq!((told["status"].as_str(), told["admin_notes"].as_str()), (Some("completed"), Some("Paid with thanks")));
        assert_eq!(told["utr"], "hdfcn52026112100", "as it was entered");
        assert!(!told.to_string().contains("Called first"), "{told}");
        let page = services.boss.page(&format!("{WITHDRAWALS}{id}/")).await;
        for fact in ["Called first", "Paid with thanks", "hdfcn52026112100", "Google Pay, HDFC Bank", "well formed", "new for this user", "no other user has named it", "750 COIN", "Withdrawal request created"] {
            assert!(page.contains(fact), "{fact}: {page}");
        }
        assert!(services.boss.page("/admin/inbox/").await.contains("Nothing waits."));
        services.act("notes", &[&id], &[("public_note", ""), ("internal_note", "")]).await;
        assert!(services.withdrawal(&id).await["admin_notes"].is_null());
        let done = services.act("reverse", &[&id], &[("reason", "The bank sent it back")]).await;
        assert!(done.contains("1 withdrawal reversed. The coins are back."), "{done}");
        assert_eq!(services.balance("asha").await, 1_000);
    }

    async fn of_many_each_is_decided_by_itself_and_what_is_refused_leaves_no_trace(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let mut ids = Vec::new();
        for user in ["asha", "bina", "chetan", "devika"] {
            ids.push(services.asked(user, 100).await);
        }
        let all: Vec<&str> = ids.iter().map(String::as_str).collect();
        let done = services.act("reject", &all[..1], &[("reason", "Under review")]).await;
        assert!(done.contains("1 withdrawal rejected. The coins are back."), "{done}");
        let query: String = all.iter().map(|id| format!("&id={id}")).collect();
        let page = services.boss.page(&format!("{WITHDRAWALS}do/?action=process{query}")).await;
        assert!(page.contains("₹30.00 will go to 3 people in 3 payments.") && page.contains("1 not, for the reason beside it."), "{page}");
        assert!(page.contains("Cannot process non-pending withdrawal: it is rejected."), "{page}");
        let done = services.act("process", &all, &[]).await;
        assert!(done.contains("3 withdrawals begun, ₹30.00 in all.") && done.contains("1 not, for the reason beside it."), "{done}");
        assert!(done.contains("Cannot process non-pending withdrawal: it is rejected."), "{done}");
        let fail = services.boss.page(&format!("{WITHDRAWALS}do/?action=fail{query}")).await;
        assert!(fail.contains("₹30.00 will not be paid: 300 coins go back to 3 people. This cannot be taken back."), "{fail}");
        let (status, page) = services.refused("fail", &all, &[("reason", "")]).await;
        assert!(status == 400 && page.contains("reason is required"), "{page}");
        let done = services.act("fail", &all, &[("reason", "The UPI id is closed")]).await;
        assert!(done.contains("3 withdrawals failed.") && done.contains("Cannot fail non-processing withdrawal"), "{done}");
        for (user, id) in ["asha", "bina", "chetan", "devika"].iter().zip(&ids) {
            assert_eq!(services.balance(user).await, 1_000, "{user}");
            let told = services.withdrawal(id).await;
            assert!(["The UPI id is closed", "Under review"].contains(&told["failure_reason"].as_str().unwrap()), "{told}");
        }
        let done = services.act("fail", &all, &[("reason", "Again")]).await;
        assert!(done.contains("Nothing was done. 4 not, each with its reason."), "{done}");
    }

    async fn what_the_states_forbid_is_refused_by_every_action(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let (pending, begun, paid) =
            (services.asked("asha", 100).await, services.asked("bina", 100).await, services.asked("chetan", 100).await);
        services.act("process", &[&begun, &paid], &[]).await;
        services.act("complete", &[&paid], &[("utr", "428811902377")]).await;
        let reason = [("reason", "x")];
        let utr = [("utr", "428811902378")];
        let allowed = [("process", &pending), ("cancel", &pending), ("reject", &pending), ("complete", &begun), ("fail", &begun), ("reverse", &paid)];
        for action in ["process", "complete", "fail", "reject", "cancel", "reverse"] {
            for id in [&pending, &begun, &paid] {
                if allowed.contains(&(action, id)) {
                    continue;
                }
                let page = services.boss.page(&format!("{WITHDRAWALS}do/?action={action}&id={id}")).await;
                assert!(page.contains("role=\"alert\"") && !page.contains("type=\"submit\" class=\"harm\""), "{action}: {page}");
                let fields: &[(&str, &str)] = match action {
                    "process" => &[],
                    "complete" => &utr,
                    _ => &reason,
                };
                let (status, page) = services.refused(action, &[id], fields).await;
                assert!(status == 400 && page.contains("Cannot "), "{action}: {status} {page}");
            }
        }
        let (status, page) = services.refused("complete", &[&begun], &[("utr", "428811902377")]).await;
        assert!(status == 409 && page.contains("pays the withdrawal"), "{page}");
        let (status, page) = services.refused("complete", &[&begun, &paid], &utr).await;
        assert!(status == 400 && page.contains("one withdrawal at a time"), "{page}");
        let (status, _) = services.refused("process", &["0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f"], &[]).await;
        assert_eq!(status, 404);
        let done = services.act("cancel", &[&pending], &[("reason", "On the phone")]).await;
        assert!(done.contains("1 withdrawal cancelled."), "{done}");
        assert_eq!((services.balance("asha").await, services.balance("bina").await), (1_000, 900));
    }

    async fn each_role_does_its_own_and_nobody_pays_what_they_asked_for(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let id = services.asked("asha", 100).await;
        let mut auditor = services.staff("auditor", "auditor").await;
        let mut viewer = services.staff("viewer", "coins.view").await;
        let mut operator = services.staff("operator", "coins.operate").await;
        let mut approver = services.staff("approver", "coins.approve").await;
        let page = viewer.page(&format!("{WITHDRAWALS}{id}/")).await;
        assert!(!page.contains("action=process") && !page.contains("action=cancel"), "{page}");
        let page = operator.page(&format!("{WITHDRAWALS}{id}/")).await;
        assert!(!page.contains("action=process") && page.contains("action=cancel") && page.contains("action=notes"), "{page}");
        assert!(approver.page(&format!("{WITHDRAWALS}{id}/")).await.contains("action=process"));
        let reason = [("reason", "x")];
        for browser in [&mut auditor, &mut viewer, &mut operator] {
            assert_eq!(refused(browser, WITHDRAWALS, "process", &[&id], &[]).await.0, 403);
            assert_eq!(refused(browser, WITHDRAWALS, "reject", &[&id], &reason).await.0, 403);
            assert_eq!(browser.get("/admin/coins/import/results/").await.status, 403);
        }
        assert_eq!(refused(&mut viewer, WITHDRAWALS, "cancel", &[&id], &reason).await.0, 403);
        assert!(act(&mut operator, WITHDRAWALS, "cancel", &[&id], &reason).await.contains("1 withdrawal cancelled."));
        // Whoever is the user does not pay themself.
        let own = services.asked("bina", 100).await;
        let user = services.boss.page("/admin/coins/users/?q=bina").await;
        let user = super::first_id(&user, super::USERS);
        act(&mut services.boss, super::USERS, "link", &[&user], &[("login", "approver")]).await;
        let (status, page) = refused(&mut approver, WITHDRAWALS, "process", &[&own], &[]).await;
        assert!(status == 403 && page.contains("somebody else must pay it"), "{status} {page}");
        assert!(services.act("process", &[&own], &[]).await.contains("1 withdrawal begun"));
        let (status, _) = refused(&mut approver, WITHDRAWALS, "complete", &[&own], &[("utr", "428811902377")]).await;
        assert_eq!(status, 403);
    }

    async fn of_two_staff_at_once_one_wins_and_the_other_is_told(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let id = services.asked("asha", 100).await;
        let mut ravi = services.staff("ravi", "coins.approve").await;
        let reason = [("reason", "x")];
        let only = [id.as_str()];
        let (one, two) = tokio::join!(
            refused(&mut services.boss, WITHDRAWALS, "process", &only, &[]),
            refused(&mut ravi, WITHDRAWALS, "reject", &only, &reason),
        );
        let mut told = [one, two];
        told.sort();
        assert_eq!((told[0].0, told[1].0), (303, 400), "{told:?}");
        assert!(told[1].1.contains("non-pending withdrawal"), "{}", told[1].1);
        // A page that is sent twice begins one payout.
        let second = services.asked("bina", 100).await;
        let page = services.boss.page(&format!("{WITHDRAWALS}do/?action=process&id={second}")).await;
        let once = hidden(&page, "once");
        for _ in 0..2 {
            assert!(services.act("process", &[&second], &[("once", &once)]).await.contains("1 withdrawal begun"));
        }
    }

    async fn an_id_that_cools_off_is_left_pending(db: TestDb) {
        let mut services = CoinsProgram::with(&db, &[("PURSER_COINS_COOL_OFF_HOURS", "24")]).await;
        let id = services.asked("asha", 100).await;
        let page = services.boss.page(&format!("{WITHDRAWALS}do/?action=process&id={id}")).await;
        assert!(page.contains("The UPI id is new for this user; it may be paid from"), "{page}");
        assert_eq!(services.refused("process", &[&id], &[]).await.0, 400);
        assert_eq!(services.status(&id).await, "pending");
        assert!(services.boss.page(&format!("{WITHDRAWALS}{id}/")).await.contains("May be paid from"));
    }
}
