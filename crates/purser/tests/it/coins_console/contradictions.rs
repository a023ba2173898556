//! What the bank says otherwise than we do, as staff see it: in the inbox with both sides, and put right from there.

use purser_testkit::{TestDb, both};

use super::{CoinsProgram, WITHDRAWALS, act, first_id, refused};

const CONTRADICTIONS: &str = "/admin/coins/contradictions/";

both! {
    async fn what_was_paid_after_it_failed_waits_in_the_inbox_until_somebody_puts_it_right_once(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let (asha, bina) = (services.asked("asha", 250).await, services.asked("bina", 250).await);
        services.act("process", &[&asha, &bina], &[]).await;
        services.act("fail", &[&asha], &[("reason", "The UPI id is closed")]).await;
        let file = format!("reference;status;utr;amount\r\n{asha};paid;428811900007;25,00\r\n{asha};paid;428811900007;25.00\r\n");
        let twice = services.upload(file.as_bytes()).await;
        let page = services.boss.page(&format!("/admin/coins/import/results/{twice}/")).await;
        assert!(page.contains("withdrawal_id is also in row 3.") && !page.contains("amount must be"), "with semicolons a comma is a decimal one: {page}");
        let file = format!("reference;status;utr;amount\r\n{asha};paid;0428-8119-00007;25.00\r\n");
        let id = services.upload(file.as_bytes()).await;
        let page = services.boss.page(&format!("/admin/coins/import/results/{id}/")).await;
        for told in ["The withdrawal is failed, not processing.", "1 row contradicts what is on record, and waits in the inbox."] {
            assert!(page.contains(told), "{told}: {page}");
        }
        let inbox = services.boss.page("/admin/inbox/").await;
        assert!(inbox.contains("Contradictions") && inbox.contains("0428-8119-00007"), "{inbox}");
        let (status, page) = services.refused("complete", &[&bina], &[("utr", "428811900007")]).await;
        assert!(status == 409 && page.contains("decide on that first"), "{status} {page}");

        let found = first_id(&services.boss.page(CONTRADICTIONS).await, CONTRADICTIONS);
        let page = services.boss.page(&format!("{CONTRADICTIONS}{found}/")).await;
        for told in ["The bank", "Here, when it was found", "Here, now", "₹25.00", "0428-8119-00007", "Take the coins again", "Book as a loss", "Dismiss"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!page.contains("Complete as the bank paid"), "what does not fit is not offered");
        let (status, _) = refused(&mut services.boss, CONTRADICTIONS, "take", &[&found], &[("reason", "")]).await;
        assert_eq!(status, 400, "a reason is needed");
        let mut viewer = services.staff("viewer", "coins.operate").await;
        let (status, _) = refused(&mut viewer, CONTRADICTIONS, "take", &[&found], &[("reason", "x")]).await;
        assert_eq!(status, 403, "it takes approve");
        let done = act(&mut services.boss, CONTRADICTIONS, "take", &[&found], &[("reason", "On the statement of May")]).await;
        assert!(done.contains("Take the coins again: done."), "{done}");
        assert_eq!((services.balance("asha").await, services.status(&asha).await.as_str()), (750, "failed"));
        let (status, page) = refused(&mut services.boss, CONTRADICTIONS, "complete", &[&found], &[("reason", "x")]).await;
        assert!(status >= 400 && !page.contains("&#39;complete&#39;"), "{status} {page}");
        let (status, page) = refused(&mut services.boss, CONTRADICTIONS, "take", &[&found], &[("reason", "again")]).await;
        assert!(status == 409 && page.contains("This contradiction is settled already."), "{status} {page}");
        let page = services.boss.page(&format!("{CONTRADICTIONS}{found}/")).await;
        assert!(page.contains("settled") && page.contains("On the statement of May"), "{page}");
        assert!(!services.boss.page("/admin/inbox/").await.contains("0428-8119-00007"));
        let page = services.boss.page(&format!("{WITHDRAWALS}{asha}/")).await;
        assert!(page.contains("Contradictions of the bank") && page.contains("On the statement of May"), "{page}");
    }

    async fn a_payment_of_no_withdrawal_waits_in_the_inbox_and_is_dismissed_with_a_reason(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let asha = services.asked("asha", 250).await;
        services.act("process", &[&asha], &[]).await;
        let file = b"withdrawal_id,status,utr,Net Amount,Branch,Value date\n0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f,paid,428811900007,25.00,Pune,1 May\n";
        let id = services.upload(file).await;
        let page = services.boss.page(&format!("/admin/coins/import/results/{id}/")).await;
        for told in ["There is no such withdrawal.", "1 row contradicts what is on record, and waits in the inbox.", "Not read: Branch, Value date."] {
            assert!(page.contains(told), "{told}: {page}");
        }
        let inbox = services.boss.page("/admin/inbox/").await;
        assert!(inbox.contains("Payments of no withdrawal") && inbox.contains("428811900007"), "{inbox}");
        let (status, page) = services.refused("complete", &[&asha], &[("utr", "428811900007")]).await;
        assert!(status == 409 && page.contains("decide on that first"), "{status} {page}");
        let list = "/admin/coins/unmatched/";
        let found = first_id(&services.boss.page(list).await, list);
        let (status, _) = refused(&mut services.boss, list, "dismiss", &[&found], &[("reason", "")]).await;
        assert_eq!(status, 400, "a reason is needed");
        act(&mut services.boss, list, "dismiss", &[&found], &[("reason", "A test of the bank")]).await;
        let page = services.boss.page(&format!("{list}{found}/")).await;
        assert!(page.contains("dismissed") && page.contains("A test of the bank"), "{page}");
        assert!(!services.boss.page("/admin/inbox/").await.contains("428811900007"));
        let page = services.boss.page(&format!("/admin/coins/import/results/{}/", services.upload(file).await)).await;
        assert!(page.contains("1 row repeats what was dismissed.") && page.contains("it was dismissed on") && !page.contains("waits in the inbox"), "{page}");
        services.act("complete", &[&asha], &[("utr", "428811900007")]).await;
        assert_eq!(services.status(&asha).await, "completed");
    }

    async fn a_file_with_no_good_row_is_saved_so_that_its_differences_wait(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let asha = services.asked("asha", 250).await;
        services.act("process", &[&asha], &[]).await;
        let id = services.upload(format!("withdrawal_id,status,utr,Paid Amount\n{asha},paid,428811900007,24.41\n").as_bytes()).await;
        let page = services.boss.page(&format!("/admin/coins/import/results/{id}/")).await;
        for told in ["(column &#39;Paid Amount&#39;)", "1 row differs from what was due", "Save the file with its wrong rows"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!services.boss.page("/admin/inbox/").await.contains("428811900007"));
        services.commit(&id).await;
        assert!(services.boss.page("/admin/inbox/").await.contains("428811900007"));
        assert_eq!(services.status(&asha).await, "processing");
    }

    async fn a_utr_is_corrected_in_the_console_and_found_in_any_spelling(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let asha = services.asked("asha", 250).await;
        services.act("process", &[&asha], &[]).await;
        let (_, page) = services.refused("complete", &[&asha], &[("utr", "4.28812E+11")]).await;
        assert!(page.contains("a spreadsheet has turned it into a power of ten"), "{page}");
        services.act("complete", &[&asha], &[("utr", "hdfc-0042 8811")]).await;
        for search in ["hdfc-0042%208811", "HDFC0042", "00hdfc.0042", "hdfc%2000428811"] {
            let list = services.boss.page(&format!("{WITHDRAWALS}?search={search}")).await;
            assert!(list.contains(&asha), "{search}: {list}");
        }
        let done = services.act("correct-utr", &[&asha], &[("utr", "HDFC00428812"), ("reason", "A digit was wrong")]).await;
        assert!(done.contains("The UTR is HDFC00428812 now."), "{done}");
        let page = services.boss.page(&format!("{WITHDRAWALS}{asha}/")).await;
        for told in ["Corrected UTRs", "hdfc-0042 8811", "HDFC00428812", "A digit was wrong"] {
            assert!(page.contains(told), "{told}: {page}");
        }
    }
}
