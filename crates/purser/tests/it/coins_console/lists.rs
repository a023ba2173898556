//! Finding a withdrawal among many, and what hostile words become on a page.

use jiff::ToSpan as _;
use jiff::civil::Date;
use purser_testkit::{TestDb, both};
use serde_json::json;

use super::{CoinsProgram, USERS, WITHDRAWALS};

both! {
    async fn withdrawals_are_found_by_user_upi_id_utr_id_status_and_day(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let (asha, bina) = (services.asked("asha", 100).await, services.asked("bina", 200).await);
        services.act("process", &[&bina], &[]).await;
        services.act("complete", &[&bina], &[("utr", "hdfc428811902377")]).await;
        let asked_at = services.withdrawal(&asha).await["created_at"].as_str().unwrap()[..10].to_owned();
        let today: Date = asked_at.parse().unwrap();
        let (before, after) = (today.saturating_sub(2.days()), today.saturating_add(2.days()));
        for (query, finds_asha, finds_bina) in [
            ("".to_owned(), true, true),
            ("q=ash".to_owned(), true, false),
            ("q=bina%40okhdfc".to_owned(), false, true),
            ("q=Bina%40OKHDFC".to_owned(), false, true),
            ("q=HDFC4288119".to_owned(), false, true),
            ("q=hdfc4288".to_owned(), false, true),
            (format!("q={asha}"), true, false),
            (format!("q={}", bina.to_uppercase()), false, true),
            ("q=nothing".to_owned(), false, false),
            ("status=pending".to_owned(), true, false),
            ("status=completed&handle=known".to_owned(), false, true),
            ("handle=unknown".to_owned(), false, false),
            (format!("created_at_from={before}&created_at_to={after}"), true, true),
            (format!("created_at_from={after}"), false, false),
            (format!("created_at_to={before}"), false, false),
            (format!("completed_at_from={before}"), false, true),
            ("created_at_from=nonsense&completed_at_to=2026-13-01".to_owned(), false, false),
            ("status=penidng".to_owned(), false, false),
            (format!("created_at_from={before}&status=pending&sort=created_at"), true, false),
        ] {
            let (page, export) = (services.boss.page(&format!("{WITHDRAWALS}?{query}")).await, services.boss.page(&format!("{WITHDRAWALS}export.csv?{query}")).await);
            for text in [&page, &export] {
                assert_eq!((text.contains(&asha), text.contains(&bina)), (finds_asha, finds_bina), "{query}: {text}");
            }
        }
        let page = services.boss.page(&format!("{WITHDRAWALS}?created_at_from={before}")).await;
        assert!(page.contains(&format!("name=\"created_at_from\" value=\"{before}\"")), "{page}");
        let oldest_first = services.boss.page(&format!("{WITHDRAWALS}?sort=created_at")).await;
        assert!(oldest_first.find(&asha) < oldest_first.find(&bina), "{oldest_first}");
        assert!(services.boss.page(WITHDRAWALS).await.find(&asha) > services.boss.page(WITHDRAWALS).await.find(&bina));
    }

    async fn hostile_words_are_only_words(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let user_id = "=1+1<script>alert(1)</script>\"'&";
        let body = json!({ "user_id": user_id, "amount": 1_000, "reason": "<img src=x onerror=alert(1)>", "reference": "=2+2" });
        assert!(services.caller.post("/api/coins/award/", body).await.0 < 300);
        let id = services.ask(user_id, 100, "mallory@ybl").await;
        let note = "</dd><script>alert(2)</script>";
        services.act("notes", &[&id], &[("public_note", note), ("internal_note", note)]).await;
        services.act("process", &[&id], &[]).await;
        services.act("fail", &[&id], &[("reason", "<b>closed</b>")]).await;
        let user = super::first_id(&services.boss.page(USERS).await, USERS);
        for path in [
            WITHDRAWALS.to_owned(), format!("{WITHDRAWALS}{id}/"), format!("{WITHDRAWALS}do/?action=notes&id={id}"),
            USERS.to_owned(), format!("{USERS}{user}/"), format!("{USERS}do/?action=adjust&id={user}"),
            "/admin/coins/transactions/".to_owned(), format!("{WITHDRAWALS}?q=%3Cscript%3E&created_at_from=%22%3E%3Cscript%3E"),
        ] {
            let page = services.boss.page(&path).await;
            for raw in ["<script>alert", "<img src=x", "<b>closed", "\"><script>"] {
                assert!(!page.contains(raw), "{path}: {raw}");
            }
        }
        assert!(services.boss.page(&format!("{WITHDRAWALS}{id}/")).await.contains("&#60;script&#62;alert(2)"));
        let export = services.boss.page(&format!("{USERS}export.csv")).await;
        assert!(export.contains("\"'=1+1<script>"), "no spreadsheet runs it: {export}");
    }
}
