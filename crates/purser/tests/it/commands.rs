//! The command line, as a script uses it.

use purser_outbox::{Job, job_dead_letter, job_enqueue, jobs_claim};
use purser_testkit::{TestDb, both};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::browser::{Browser, person};
use crate::program::Installation;

/// A job that no worker of the program knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct UnknownJob {}

impl Job for UnknownJob {
    const KIND: &'static str = "test.strange";
}

async fn buried(db: &TestDb) -> String {
    let (now, id, owner) = (db.clock().now(), db.ids().next(), db.ids().next());
    let length = jiff::SignedDuration::from_secs(60);
    db.write(move |tx| job_enqueue(tx, now, id, &UnknownJob {})).await.unwrap();
    let claimed = db.write(move |tx| jobs_claim(tx, now, owner, &["test.strange"], 1, length)).await.unwrap();
    let lease = claimed[0].lease;
    db.write(move |tx| job_dead_letter(tx, now, &lease, "it is strange")).await.unwrap();
    id.to_string()
}

both! {
    async fn dead_letters_are_listed_requeued_and_discarded(db: TestDb) {
        let installation = Installation::new(&db);
        let (one, two) = (buried(&db).await, buried(&db).await);
        let list = |args: &[&str]| String::from_utf8(installation.run(&[&["dead-letter", "list"], args].concat()).stdout).unwrap();
        let letters: Value = serde_json::from_str(&list(&["--json"])).unwrap();
        assert_eq!((letters.as_array().unwrap().len(), letters[0]["errors"][0].as_str()), (2, Some("it is strange")));
        assert!(list(&[]).contains(&one) && list(&[]).contains("it is strange"));
        assert!(installation.run(&["dead-letter", "requeue", &one]).status.success());
        let again = installation.run(&["dead-letter", "requeue", &one]);
        assert_eq!(again.status.code(), Some(4), "it is there once");
        assert_eq!(installation.run(&["dead-letter", "requeue"]).status.code(), Some(2), "one must be named");
        assert!(installation.run(&["dead-letter", "discard", &two]).status.success());
        assert!(list(&[]).contains("There are no dead letters"));
    }

    async fn a_scope_that_opens_nothing_is_named_and_the_key_is_made_all_the_same(db: TestDb) {
        let installation = Installation::new(&db);
        let make = |scopes: &str| installation.run(&["key", "create", "shop", "--scope", scopes, "--json"]);
        let made = make("charge.sel charge.read");
        assert!(made.status.success());
        let warned = String::from_utf8(made.stderr).unwrap();
        assert!(warned.contains("nothing here needs charge.sel.") && warned.contains(" charge.sell "), "{warned}");
        assert!(serde_json::from_slice::<Value>(&made.stdout).unwrap()["key"].is_string(), "a script reads on");
        assert_eq!(String::from_utf8_lossy(&make("charge.* coins.view").stderr), "");
        assert_eq!(make("Charge").status.code(), Some(2));
    }

    async fn roles_are_given_by_the_command_line(db: TestDb) {
        let installation = Installation::new(&db);
        person(&installation, "boss", &["--superuser"]);
        person(&installation, "ravi", &[]);
        let role = |args: &[&str]| installation.run(&[&["user", "role"], args].concat());
        let strange = role(&["ravi", "--kind", "staff", "--role", "nothing.view"]);
        assert_eq!(strange.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&strange.stderr).contains("charge.operate"), "the roles are named");
        assert_eq!(role(&["nobody", "--kind", "staff"]).status.code(), Some(4));
        assert_eq!(role(&["boss", "--kind", "person"]).status.code(), Some(4), "the last superuser stays");
        assert!(role(&["ravi", "--kind", "staff", "--role", "charge.view", "--role", "members.view"]).status.success());
        let serving = installation.serve("");
        let ravi = Browser::signed_in(&serving, "ravi").await;
        assert_eq!(ravi.get("/admin/charge/sellers/").await.status, 200);
        assert_eq!(ravi.get("/admin/house/people/").await.status, 403);
    }
}
