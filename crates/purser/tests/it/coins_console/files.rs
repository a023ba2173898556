//! The bank's files: what goes out, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use purser_coins::service::{NewMovement, NewWithdrawal, Period, coins_move, withdrawal_create};
use purser_coins::{MovementKind, Settings, UpiId, UserId, coins};
use purser_kit::console::RequestContext;
use purser_testkit::{TestDb, both};
use reqwest::Client;
use uuid::Uuid;

use super::{CoinsProgram, PAYOUTS, WITHDRAWALS, act};
use crate::browser::Browser;

const IMPORT: &str = "/admin/coins/import/results/";

/// So many users who ask for 100 coins each; the ids of what they ask for.
pub(crate) async fn many(db: &TestDb, count: usize) -> Vec<String> {
    let context = crate::context(db);
    let (now, seed) = context.stamp();
    let (cx, settings) =
        (RequestContext::new(now, "system:test".to_owned(), Uuid::nil(), seed), Arc::new(Settings::standard()));
    let period = Period::at(now, &context.zone).unwrap();
    let made = db.write(move |tx| {
        let mut cx = cx.clone();
        let mut ids = Vec::new();
        for number in 0..count {
            let user_id = UserId::parse(&format!("user{number}")).unwrap();
            let reference = format!("award-{number}");
            let new = NewMovement {
                user_id: user_id.clone(),
                movement: MovementKind::Award,
                amount: coins(100),
                reason: "Won".to_owned(),
                reference,
            };
            coins_move(tx, &settings, &mut cx, &new)?;
            let upi_id = UpiId::parse(&format!("user{number}@ybl")).unwrap();
            let new = NewWithdrawal { user_id, amount: coins(100), upi_id };
            ids.push(withdrawal_create(tx, &settings, &mut cx, &new, &period)?.0.id.to_string());
        }
        Ok::<_, purser_coins::Error>(ids)
    });
    made.await.unwrap()
}

both! {
    async fn the_payout_file_says_what_is_still_to_be_paid_and_each_download_is_on_record(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let (asha, bina) = (services.asked("asha", 250).await, services.asked("bina", 1_000).await);
        services.act("process", &[&asha, &bina], &[]).await;
        let payout = services.payout().await;
        let page = services.boss.page(&format!("{PAYOUTS}{payout}/")).await;
        assert!(page.contains("Payout file") && page.contains("₹125.00") && page.contains("bina@okhdfcbank"), "{page}");
        let path = format!("{PAYOUTS}{payout}/download/bank-file/");
        let file = services.boss.page(&path).await;
        let tail = |id: &str| id.rsplit('-').next().unwrap().to_owned();
        let expected = format!(
            "withdrawal_id,upi_id,amount,currency,remark\r\n\
             {asha},asha@okhdfcbank,25.00,INR,Coins {}\r\n{bina},bina@okhdfcbank,100.00,INR,Coins {}\r\n",
            tail(&asha), tail(&bina)
        );
        assert_eq!(file, expected);
        services.act("complete", &[&asha], &[("utr", "428811902377")]).await;
        let file = services.boss.page(&path).await;
        assert!(!file.contains(&asha) && file.contains(&bina), "what is paid is not paid again: {file}");
        let page = services.boss.page(&format!("{PAYOUTS}{payout}/")).await;
        assert!(page.matches("bank file</a>").count() == 2, "the page says who took it: {page}");
        let list = services.boss.page(&format!("{PAYOUTS}?open=open")).await;
        assert!(list.contains(&payout), "{list}");
        assert!(!services.boss.page(&format!("{PAYOUTS}?open=done")).await.contains(&payout));

        let viewer = services.staff("viewer", "coins.view").await;
        assert!(!viewer.page(&format!("{PAYOUTS}{payout}/")).await.contains("Payout file"));
        assert_eq!(viewer.get(&path).await.status, 403);
        for path in [format!("{PAYOUTS}{payout}/download/nothing/"), format!("{PAYOUTS}{asha}/download/bank-file/"), format!("{PAYOUTS}x/download/bank-file/"), format!("{WITHDRAWALS}{asha}/download/bank-file/")] {
            assert_eq!(services.boss.get(&path).await.status, 404, "{path}");
        }
    }

    async fn a_result_file_is_judged_row_by_row_and_its_good_rows_are_done(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let mut ids = Vec::new();
        for user in ["asha", "bina", "chetan", "devika", "esha", "farid"] {
            ids.push(services.asked(user, 100).await);
        }
        let [asha, bina, chetan, devika, esha, farid] = <[String; 6]>::try_from(ids).unwrap();
        services.act("process", &[&asha, &bina, &chetan, &devika, &esha], &[]).await;
        services.act("complete", &[&esha], &[("utr", "428811900001")]).await;
        let file = format!(
            "\u{feff}Status,UTR,Withdrawal_ID,Bank,Reason\r\nPAID,428811900002,{asha},X,\r\n\r\nfailed,,{bina},X,The UPI id is closed\r\n\
             failed,,{chetan},X,\r\npaid,428811900001,{devika},X,\r\nsuccess,428811900001x,{esha},X,\r\n\
             paid,428811900009,{farid},X,\r\npaid,428811900010,0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f,X,\r\nperhaps,,7,X,\r\n"
        );
        let id = services.upload(file.as_bytes()).await;
        let page = services.boss.page(&format!("{IMPORT}{id}/")).await;
        for told in [
            "1 withdrawal will be completed, and 1 withdrawal failed, with the coins given back. 6 rows wrong, and left as they are.",
            "reason is empty.", "The UTR 428811900001 pays the withdrawal", "The withdrawal is completed with the UTR 428811900001.",
            "The withdrawal is pending, not processing.", "There is no such withdrawal.", "withdrawal_id must be the id of a withdrawal",
            "status must be paid or failed", "Save the 2 good rows", "Download the rows with their errors",
        ] {
            assert!(page.contains(told), "{told}: {page}");
        }
        let report = services.boss.page(&format!("{IMPORT}{id}/report.csv")).await;
        assert!(report.starts_with("withdrawal_id,status,utr,reason,errors\r\n") && report.contains(&chetan) && !report.contains(&asha), "{report}");
        let done = services.commit(&id).await;
        assert!(done.contains("1 withdrawal completed, and 1 failed.") && done.contains("refused: reason is empty."), "{done}");
        let mut states = Vec::new();
        for id in [&asha, &bina, &chetan, &devika, &esha, &farid] {
            states.push(services.status(id).await);
        }
        assert_eq!(states, ["completed", "failed", "processing", "processing", "completed", "pending"]);
        assert_eq!((services.balance("asha").await, services.balance("bina").await), (900, 1_000));
        assert_eq!(services.withdrawal(&bina).await["failure_reason"], "The UPI id is closed");

        // The same page again, and the same file again: nothing happens twice.
        let again = services.boss.post(&format!("{IMPORT}{id}/commit/"), &[]).await;
        assert!(again.status == 409 && again.text.contains("This file was done before."), "{}", again.text);
        let page = services.boss.page(&format!("{IMPORT}{id}/")).await;
        assert!(page.contains("What was good of this file is done.") && !page.contains("Save"), "{page}");
        let second = services.upload(file.as_bytes()).await;
        let page = services.boss.page(&format!("{IMPORT}{second}/")).await;
        assert!(page.contains("0 withdrawals will be completed") && page.contains("2 rows done before."), "{page}");
        let done = services.commit(&second).await;
        assert!(done.contains("0 withdrawals completed, and 0 failed."), "{done}");
        assert_eq!((services.balance("asha").await, services.balance("bina").await), (900, 1_000));
    }

    async fn what_changes_between_the_check_and_the_commit_is_judged_again(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let (asha, bina, chetan) = (services.asked("asha", 100).await, services.asked("bina", 100).await, services.asked("chetan", 100).await);
        services.act("process", &[&asha, &bina, &chetan], &[]).await;
        let file = format!("reference,status,utr\n{asha},paid,428811900001\n{bina},paid,428811900002\n{chetan},pending,\n");
        let id = services.upload(file.as_bytes()).await;
        assert!(services.boss.page(&format!("{IMPORT}{id}/")).await.contains("1 row not known to the bank yet."));
        services.act("fail", &[&asha], &[("reason", "On the phone")]).await;
        let done = services.commit(&id).await;
        assert!(done.contains("1 withdrawal completed, and 0 failed.") && done.contains("The withdrawal is failed, not processing."), "{done}");
        assert_eq!((services.status(&asha).await, services.status(&bina).await), ("failed".to_owned(), "completed".to_owned()));
        assert_eq!(services.status(&chetan).await, "processing", "nothing is given back on a guess");
        assert_eq!(services.boss.get(&format!("{IMPORT}{bina}/")).await.status, 404);
    }

    async fn what_is_no_answer_of_a_bank_is_not_even_kept(db: TestDb) {
        let services = CoinsProgram::open(&db).await;
        for (file, told) in [
            (&b""[..], "Choose a file first"),
            (b"withdrawal_id,status\n", "no rows under its header"),
            (b"name,email\nx,y\n", "lacks the column withdrawal_id"),
            (b"withdrawal_id,status\n\xff,x\n", "not text in UTF-8: line 2"),
        ] {
            let sent = services.boss.upload(&format!("{IMPORT}check/"), "file", "results.csv", file).await;
            assert!(sent.status == 400 && (sent.text.contains(told) || told.starts_with("Choose")), "{told}: {}", sent.text);
        }
        let large = vec![b'x'; 5 * 1_024 * 1_024];
        let sent = services.boss.upload(&format!("{IMPORT}check/"), "file", "results.csv", &large).await;
        assert_eq!(sent.status, 400, "{}", sent.text);
        let kept: Result<i64, purser_store::Error> =
            db.read(|tx| tx.query_one("SELECT COUNT(*) FROM coins_result", &[], |row| row.get(0))).await;
        assert_eq!(kept, Ok(0));
    }

    async fn a_file_whose_commit_is_killed_is_done_whole_or_not_at_all_and_the_next_try_ends_it(db: TestDb) {
        let ids = many(&db, 60).await;
        let mut services = CoinsProgram::open(&db).await;
        let all: Vec<&str> = ids.iter().map(String::as_str).collect();
        services.act("process", &all, &[]).await;
        let rows: String = ids.iter().enumerate().map(|(number, id)| format!("{id},paid,{}\n", 428_811_900_000_u64 + number as u64)).collect();
        let id = services.upload(format!("withdrawal_id,status,utr\n{rows}").as_bytes()).await;
        let cookie = services.boss.cookie();
        for kill in 0..6 {
            let path = format!("{IMPORT}{id}/commit/");
            let mut boss = Browser::new(&services.serving).with_cookie(cookie.clone());
            let commit = Client::builder().no_proxy().build().unwrap().post(services.serving.url(&path));
            let commit = commit.header("cookie", boss.cookie().unwrap()).header("content-type", "application/x-www-form-urlencoded");
            // sleep-ok: the kill is to fall into the commit, and each one a little later than the last.
            let _ = tokio::time::timeout(Duration::from_millis(20 * kill), commit.send()).await;
            let serving = std::mem::replace(&mut services.serving, services.installation.serve(""));
            serving.kill();
            boss = Browser::new(&services.serving).with_cookie(cookie.clone());
            let done = boss.page(&format!("{WITHDRAWALS}export.csv?status=completed")).await.lines().count() - 1;
            assert!(done == 0 || done == ids.len(), "{done} of {}", ids.len());
        }
        services.boss = Browser::new(&services.serving).with_cookie(cookie);
        let again = services.boss.post(&format!("{IMPORT}{id}/commit/"), &[]).await;
        assert!(again.status == 303 || again.text.contains("done before"), "{}", again.text);
        let done = services.boss.page(&format!("{WITHDRAWALS}export.csv?status=completed")).await.lines().count() - 1;
        assert_eq!(done, ids.len());
    }

    async fn two_staff_who_begin_and_finish_the_same_ones_at_once_do_each_once(db: TestDb) {
        let ids = many(&db, 40).await;
        let mut services = CoinsProgram::open(&db).await;
        let mut ravi = services.staff("ravi", "coins.approve").await;
        let all: Vec<&str> = ids.iter().map(String::as_str).collect();
        let (one, two) = tokio::join!(
            act(&mut services.boss, WITHDRAWALS, "process", &all, &[]),
            act(&mut ravi, WITHDRAWALS, "process", &all, &[]),
        );
        let told = [&one, &two].map(|done| (done.contains("40 withdrawals begun"), done.contains("40 not, each with its reason")));
        assert!(told == [(true, false), (false, true)] || told == [(false, true), (true, false)], "{told:?}");
        let page = services.boss.page(&format!("{PAYOUTS}?open=open")).await;
        assert!(page.contains(">40<") && page.matches("₹400.00").count() == 1, "one payout has them all: {page}");
        let rows = ids.iter().enumerate().map(|(number, id)| match number % 2 {
            0 => format!("{id},paid,{},\n", 428_811_900_000_u64 + number as u64),
            _ => format!("{id},failed,,Closed\n"),
        });
        let file = format!("withdrawal_id,status,utr,reason\n{}", rows.collect::<String>());
        let (first, second) = (services.upload(file.as_bytes()).await, services.upload(file.as_bytes()).await);
        let [first, second] = [first, second].map(|id| format!("{IMPORT}{id}/commit/"));
        let (one, two) = tokio::join!(services.boss.post(&first, &[]), ravi.post(&second, &[]));
        assert_eq!((one.status, two.status), (303, 303), "{} {}", one.text, two.text);
        let done = [services.boss.end_of(&one.sent_to).await, ravi.end_of(&two.sent_to).await].concat();
        assert_eq!(done.matches("20 withdrawals completed, and 20 failed.").count(), 1, "{done}");
        assert_eq!(done.matches(">0 withdrawals completed, and 0 failed.").count(), 1, "{done}");
        assert_eq!(done.matches("done before").count(), 40, "{done}");
    }

    async fn a_payout_day_of_500_is_begun_and_completed_by_file(db: TestDb) {
        let ids = many(&db, 500).await;
        let mut services = CoinsProgram::open(&db).await;
        let all: Vec<&str> = ids.iter().map(String::as_str).collect();
        let done = services.act("process", &all, &[]).await;
        assert!(done.contains("500 withdrawals begun, ₹5,000.00 in all."), "{}", &done[..done.len().min(3_000)]);
        let payout = services.payout().await;
        let file = services.boss.page(&format!("{PAYOUTS}{payout}/download/bank-file/")).await;
        assert_eq!(file.lines().count(), 501);
        let rows = file.lines().skip(1).enumerate().map(|(number, line)| {
            let id = line.split(',').next().unwrap();
            if number % 50 == 49 { format!("{id},failed,,The UPI id is closed\n") } else { format!("{id},paid,{},\n", 428_811_900_000_u64 + number as u64) }
        });
        let results = format!("withdrawal_id,status,utr,reason\n{}", rows.collect::<String>());
        let id = services.upload(results.as_bytes()).await;
        assert!(services.boss.page(&format!("{IMPORT}{id}/")).await.contains("Save all 500 rows"));
        let done = services.commit(&id).await;
        assert!(done.contains("490 withdrawals completed, and 10 failed."), "{}", &done[..done.len().min(3_000)]);
        let list = services.boss.page(&format!("{PAYOUTS}?open=done")).await;
        assert!(list.contains(&payout) && list.contains(">490<") && list.contains(">10<"), "{list}");
        let home = services.boss.page("/admin/").await;
        assert!(home.contains("Paid today") && home.contains("₹4,900.00"), "{home}");
    }
}
