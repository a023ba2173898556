//! What staff see of the coins, and what they do: the inbox, payouts, the bank's files.

mod contradictions;
mod decisions;
mod demo;
pub(crate) mod files;
mod inbox;
mod lists;
mod portal;
mod users;

use purser_testkit::TestDb;
use serde_json::{Value, json};

use crate::browser::{Browser, hidden, person};
use crate::program::{ApiClient, Installation, Serving};

const WITHDRAWALS: &str = "/admin/coins/withdrawals/";
const PAYOUTS: &str = "/admin/coins/payouts/";
const USERS: &str = "/admin/coins/users/";
const HANDLES: &str = "/admin/coins/handles/";

/// The real program, an application that calls it, and somebody who may do everything.
struct CoinsProgram {
    installation: Installation,
    serving: Serving,
    caller: ApiClient,
    boss: Browser,
}

impl CoinsProgram {
    async fn open(db: &TestDb) -> Self {
        CoinsProgram::with(db, &[]).await
    }

    async fn with(db: &TestDb, settings: &[(&'static str, &str)]) -> Self {
        let installation = Installation::new(db).with("PURSER_IDENTITY_SECOND_FACTOR", "false");
        let installation = settings.iter().fold(installation, |services, (name, value)| services.with(name, value));
        person(&installation, "boss", &["--superuser"]);
        let serving = installation.serve(&installation.key("coins.*"));
        let boss = Browser::signed_in(&serving, "boss").await;
        let caller = serving.caller();
        CoinsProgram { installation, serving, caller, boss }
    }

    /// Somebody of the staff with this role.
    async fn staff(&self, name: &str, role: &str) -> Browser {
        person(&self.installation, name, &[]);
        let given = self.installation.run(&["user", "role", name, "--kind", "staff", "--role", role]);
        assert!(given.status.success(), "{}", String::from_utf8_lossy(&given.stderr));
        Browser::signed_in(&self.serving, name).await
    }

    async fn award(&self, user_id: &str, amount: i64) {
        let reference = format!("award-{user_id}-{amount}");
        let body = json!({ "user_id": user_id, "amount": amount, "reason": "Won", "reference": reference });
        let (status, answer) = self.caller.post("/api/coins/award/", body).await;
        assert!(status < 300, "{answer}");
    }

    /// A withdrawal that is asked for; its id.
    async fn ask(&self, user_id: &str, amount: i64, upi_id: &str) -> String {
        let body = json!({ "user_id": user_id, "amount": amount, "upi_id": upi_id });
        let (status, answer) = self.caller.post("/api/coins/withdrawals/", body).await;
        assert_eq!(status, 201, "{answer}");
        answer["data"]["withdrawal_id"].as_str().unwrap().to_owned()
    }

    /// Somebody with coins who asks for some of them: 1,000, and so many.
    async fn asked(&self, user_id: &str, amount: i64) -> String {
        self.award(user_id, 1_000).await;
        self.ask(user_id, amount, &format!("{user_id}@okhdfcbank")).await
    }

    async fn withdrawal(&self, id: &str) -> Value {
        self.caller.get(&format!("/api/coins/withdrawals/{id}/")).await.1["data"].clone()
    }

    async fn status(&self, id: &str) -> String {
        self.withdrawal(id).await["status"].as_str().unwrap().to_owned()
    }

    async fn balance(&self, user_id: &str) -> i64 {
        let (_, answer) = self.caller.get(&format!("/api/coins/balance/?user_id={user_id}")).await;
        answer["data"]["balance"].as_i64().unwrap()
    }

    /// What an action on withdrawals comes to, done by the boss.
    async fn act(&mut self, action: &str, ids: &[&str], fields: &[(&str, &str)]) -> String {
        act(&mut self.boss, WITHDRAWALS, action, ids, fields).await
    }

    /// The same where it is refused: the status, and the page.
    async fn refused(&mut self, action: &str, ids: &[&str], fields: &[(&str, &str)]) -> (u16, String) {
        refused(&mut self.boss, WITHDRAWALS, action, ids, fields).await
    }

    /// The newest payout's id.
    async fn payout(&self) -> String {
        first_id(&self.boss.page(PAYOUTS).await, PAYOUTS)
    }

    /// Uploads a file of the bank; the id of what was found.
    async fn upload(&self, file: &[u8]) -> String {
        let sent = self.boss.upload("/admin/coins/import/results/check/", "file", "results.csv", file).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        sent.sent_to.split('/').nth(5).unwrap().to_owned()
    }

    /// Does what is good of a file of the bank.
    async fn commit(&mut self, id: &str) -> String {
        let path = format!("/admin/coins/import/results/{id}/");
        let once = hidden(&self.boss.page(&path).await, "once");
        self.boss.submit(&format!("{path}commit/"), &[("once", &once)]).await
    }
}

/// The form of an action on these.
fn form<'a>(action: &'a str, ids: &[&'a str], fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let ids = ids.iter().map(|id| ("id", *id));
    std::iter::once(("action", action)).chain(ids).chain(fields.iter().copied()).collect()
}

async fn act(browser: &mut Browser, list: &str, action: &str, ids: &[&str], fields: &[(&str, &str)]) -> String {
    browser.submit(&format!("{list}do/"), &form(action, ids, fields)).await
}

async fn refused(
    browser: &mut Browser,
    list: &str,
    action: &str,
    ids: &[&str],
    fields: &[(&str, &str)],
) -> (u16, String) {
    let page = browser.post(&format!("{list}do/"), &form(action, ids, fields)).await;
    (page.status, page.text)
}

/// The id of the first object that a list shows.
fn first_id(page: &str, list: &str) -> String {
    let link = format!("href=\"{list}");
    let ids = page.split(&link).filter_map(|rest| rest.split('/').next());
    ids.skip(1).find(|id| id.len() == 36).expect("an object in the list").to_owned()
}
