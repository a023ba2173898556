//! One inbox for all apps, and one rule: whoever asks for money does not decide on it.

use purser_testkit::{TestDb, both};
use reqwest::header::COOKIE;
use serde_json::{Value, json};

use super::{CoinsProgram, WITHDRAWALS, act, first_id, refused};
use crate::browser::Browser;
use crate::program::client;

const REQUESTS: &str = "/admin/charge/requests/";

/// Something that somebody asks for by the API, with a browser's session.
async fn ask(services: &CoinsProgram, browser: &Browser, path: &str, body: Value) -> Value {
    let request = client().post(services.serving.url(path)).header(COOKIE, browser.cookie().unwrap()).json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 201, "{path}");
    answer.json().await.unwrap()
}

both! {
    async fn coins_and_credit_wait_in_one_inbox_and_whoever_asked_decides_on_neither(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let mut ravi = services.staff("ravi", "charge.approve").await;
        let roles = ["user", "role", "ravi", "--kind", "superuser"];
        assert!(services.installation.run(&roles).status.success());
        ravi.sign_in("ravi").await;
        services.award("asha", 1_000).await;
        let body = json!({ "user_id": "asha", "amount": 250, "upi_id": "asha@okhdfcbank" });
        let asked = ask(&services, &ravi, "/api/coins/withdrawals/", body).await;
        let withdrawal = asked["data"]["withdrawal_id"].as_str().unwrap().to_owned();
        let seller = ask(&services, &ravi, "/api/sellers/", json!({ "name": "Corner Shop" })).await;
        let path = format!("/api/sellers/{}/credit-requests/", seller["id"].as_str().unwrap());
        let request = ask(&services, &ravi, &path, json!({ "amount": "250.00" })).await["id"].as_str().unwrap().to_owned();

        let inbox = ravi.page("/admin/inbox/").await;
        for told in ["Credit requests", "Corner Shop", "₹250.00", "Withdrawals", "asha@okhdfcbank", "₹25.00"] {
            assert!(inbox.contains(told), "{told}: {inbox}");
        }
        let (status, page) = refused(&mut ravi, WITHDRAWALS, "process", &[&withdrawal], &[]).await;
        assert!(status == 403 && page.contains("This withdrawal is your own"), "{status} {page}");
        let (status, page) = refused(&mut ravi, REQUESTS, "approve", &[&request], &[]).await;
        assert!((400..500).contains(&status) && page.contains("You asked for this credit yourself"), "{status} {page}");

        services.act("process", &[&withdrawal], &[]).await;
        let (status, _) = refused(&mut ravi, WITHDRAWALS, "complete", &[&withdrawal], &[("utr", "UTR123456789")]).await;
        assert_eq!(status, 403);
        let done = act(&mut services.boss, REQUESTS, "approve", &[&request], &[]).await;
        assert!(done.contains("1 request approved"), "{done}");
        services.act("complete", &[&withdrawal], &[("utr", "UTR123456789")]).await;
        assert!(ravi.page("/admin/inbox/").await.contains("Nothing waits."));
    }

    async fn the_longest_waiting_stands_first_and_comes_next(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        let mut ids = Vec::new();
        for user in ["asha", "bina", "chetan"] {
            ids.push(services.asked(user, 100).await);
        }
        let inbox = services.boss.page("/admin/inbox/").await;
        let place = |user: &str| inbox.find(&format!("{user}@okhdfcbank")).unwrap();
        assert!(place("asha") < place("bina") && place("bina") < place("chetan"), "{inbox}");
        let list = services.boss.page(&format!("{WITHDRAWALS}?status=pending&sort=oldest")).await;
        assert_eq!(first_id(&list, WITHDRAWALS), ids[0]);
        let done = services.act("process", &[&ids[0]], &[]).await;
        assert!(done.contains(&format!("{WITHDRAWALS}{}/", ids[1])), "{done}");
    }
}
