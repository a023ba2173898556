//! A declared command has every door: what the console does is done by a key and on the command line too, may be tried
//! without doing it, and is on record once, whichever door it came in by.

use std::collections::BTreeSet;

use purser_store::params;
use purser_testkit::{TestDb, both};
use serde_json::{Value, json};

use crate::program::{ApiClient, Installation};
use crate::records::is_of_a_command;

/// The actions of the audit log, in order.
async fn actions(db: &TestDb) -> Vec<String> {
    let sql = "SELECT action FROM identity_audit WHERE action LIKE '%.%.%' AND action NOT LIKE 'house.%' ORDER BY id";
    db.read(move |tx| tx.query(sql, &params![], |row| row.get::<String>(0))).await.unwrap()
}

fn id_of(answer: &Value) -> String {
    answer["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// Runs a command by its route, first without doing it.
async fn by_key(db: &TestDb, caller: &ApiClient, path: &str, body: Value) -> Value {
    let before = actions(db).await;
    let (status, planned) = caller.post(&format!("{path}?dry_run=true"), body.clone()).await;
    assert_eq!((status, planned["dry_run"].as_bool()), (200, Some(true)), "{path} {planned}");
    assert!(!planned["sentence"].as_str().unwrap().is_empty(), "{path} {planned}");
    assert_eq!(actions(db).await, before, "{path}: a trial leaves no trace");
    let (status, done) = caller.post(path, body).await;
    assert_eq!((status, done["dry_run"].as_bool()), (200, Some(false)), "{path} {done}");
    let after = actions(db).await;
    let objects = after.len() - before.len();
    assert!(
        objects >= 1 && after[before.len()..].contains(&done["command"].as_str().unwrap().to_owned()),
        "{path} {after:?}"
    );
    done
}

both! {
    async fn what_the_console_does_is_done_by_a_key_and_may_be_tried_first(db: TestDb) {
        let installation = Installation::new(&db);
        crate::browser::person(&installation, "meena", &[]);
        let serving = installation.serve(&installation.key("*"));
        let caller = serving.caller();
        let mut walked = BTreeSet::new();
        let mut run = async |path: String, body: Value| {
            let done = by_key(&db, &caller, &path, body).await;
            walked.insert(done["command"].as_str().unwrap().to_owned());
            done
        };
        let seller = id_of(&run("/api/charge/sellers/create/".into(), json!({ "name": "Corner Shop" })).await);
        let other = id_of(&run("/api/charge/sellers/create/".into(), json!({ "name": "Other Shop" })).await);
        for (verb, body) in [
            ("edit", json!({ "name": "Corner Shop", "email": "shop@example.com" })),
            ("increase-credit", json!({ "amount": "100.00", "reference": "NEFT 1" })),
            ("decrease-credit", json!({ "amount": 1, "reason": "a typo" })),
            ("request-credit", json!({ "amount": 5 })),
            ("let-sell", json!({ "login": "meena" })),
            ("freeze", json!({})),
            ("activate", json!({})),
        ] {
            run(format!("/api/charge/sellers/{seller}/{verb}/"), body).await;
        }
        let many = run("/api/charge/sellers/freeze/".into(), json!({ "ids": [seller, other] })).await;
        assert_eq!(many["objects"].as_array().unwrap().len(), 2, "{many}");
        run("/api/charge/sellers/activate/".into(), json!({ "ids": [seller] })).await;
        run(format!("/api/charge/sellers/{other}/remove/"), json!({})).await;
        let number = id_of(&run("/api/charge/phone-numbers/create/".into(), json!({ "number": "9876543219" })).await);
        for verb in ["freeze", "activate", "remove"] {
            run(format!("/api/charge/phone-numbers/{number}/{verb}/"), json!({})).await;
        }
        let north = json!({ "name": "North", "prefixes": "91987" });
        let operator = id_of(&run("/api/charge/operators/create/".into(), north.clone()).await);
        run(format!("/api/charge/operators/{operator}/edit/"), north).await;
        let any = json!({ "operator_id": operator, "name": "Any", "low": 1, "high": 100, "cost": "97.00" });
        let product = id_of(&run("/api/charge/products/create/".into(), any).await);
        let any = json!({ "name": "Any", "low": 1, "high": 200, "cost": "97.00" });
        run(format!("/api/charge/products/{product}/edit/"), any).await;
        run(format!("/api/charge/sellers/{seller}/set-price/"), json!({ "product": product, "price": "99" })).await;
        for verb in ["stop", "start"] {
            run(format!("/api/charge/operators/{operator}/{verb}/"), json!({})).await;
            run(format!("/api/charge/products/{product}/{verb}/"), json!({})).await;
        }
        let new = json!({ "name": "Asha Rao", "email": "asha@example.com", "wallet_balance": 50 });
        let member = id_of(&run("/api/members/members/create/".into(), new).await);
        for (verb, body) in [
            ("edit", json!({ "name": "Asha R. Rao", "email": "asha@example.com" })),
            ("top-up", json!({ "amount": 5, "reason": "cash" })),
            ("withdraw", json!({ "amount": 5, "reason": "cash" })),
            ("correct", json!({ "amount": -1, "reason": "a typo" })),
            ("expire", json!({})),
            ("revert", json!({})),
        ] {
            run(format!("/api/members/members/{member}/{verb}/"), body).await;
        }
        let award = json!({ "user_id": "asha", "amount": 500, "reason": "A quiz", "reference": "1" });
        let awarded = caller.post("/api/coins/award/", award).await;
        assert_eq!(awarded.0, 200, "{}", awarded.1);
        let user = caller.get("/api/coins/balance/?user_id=asha").await.1["data"]["id"].as_str().unwrap().to_owned();
        for (verb, body) in [
            ("adjust", json!({ "amount": -5, "reason": "Counted twice" })),
            ("contact", json!({ "language": "en" })),
            ("link", json!({ "login": "meena" })),
            ("unlink", json!({})),
            ("freeze", json!({ "reason": "Under review" })),
            ("unfreeze", json!({})),
        ] {
            run(format!("/api/coins/users/{user}/{verb}/"), body).await;
        }
        let new = json!({ "handle": "newbank", "provider": "New Bank" });
        let handle = id_of(&run("/api/coins/handles/add/".into(), new).await);
        run(format!("/api/coins/handles/{handle}/change/"), json!({ "provider": "Newer Bank" })).await;
        run("/api/coins/handles/remove/".into(), json!({ "ids": [handle] })).await;
        let described = caller.get("/api/openapi.json").await.1;
        let mut declared = BTreeSet::new();
        for (path, item) in described["paths"].as_object().unwrap() {
            if is_of_a_command(&item["post"]) {
                let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != "{id}").collect();
                declared.insert(parts[1..].join("."));
            }
        }
        // What has a documented route as well, or needs an operator, a bank or a request to act on, has tests of its own.
        let elsewhere = [
            "charge.contradictions.charge", "charge.contradictions.dismiss", "charge.contradictions.give-back",
            "charge.credit.reverse", "charge.requests.approve", "charge.requests.reject", "charge.sales.resolve",
            "charge.sales.reverse", "charge.sellers.stop-selling", "coins.contradictions.complete",
            "coins.contradictions.correct", "coins.contradictions.difference", "coins.contradictions.dismiss",
            "coins.contradictions.lose", "coins.contradictions.reverse", "coins.contradictions.take",
            "coins.unmatched.dismiss", "coins.withdrawals.cancel", "coins.withdrawals.fail",
            "coins.withdrawals.notes", "coins.withdrawals.process", "coins.withdrawals.reject",
        ];
        let missing: Vec<&String> =
            declared.iter().filter(|name| !walked.contains(*name) && !elsewhere.contains(&name.as_str())).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    async fn a_key_without_the_scope_or_tied_to_one_seller_runs_no_command_of_staff(db: TestDb) {
        let installation = Installation::new(&db);
        let serving = installation.serve(&installation.key("charge.read"));
        let staff = serving.caller().with_key(&installation.key("*"));
        let seller = id_of(&staff.post("/api/charge/sellers/create/", json!({ "name": "Corner Shop" })).await.1);
        let path = format!("/api/charge/sellers/{seller}/freeze/");
        for query in ["", "?dry_run=true"] {
            assert_eq!(serving.caller().post(&format!("{path}{query}"), json!({})).await.0, 403, "{query}");
        }
        let tied = installation.run(&["key", "create", "shop", "--scope", "charge.*", "--seller", &seller, "--json"]);
        let tied: Value = serde_json::from_slice(&tied.stdout).unwrap();
        let shop = serving.caller().with_key(tied["key"].as_str().unwrap());
        assert_eq!(shop.post(&path, json!({})).await.0, 403);
        assert_eq!(staff.post(&path, json!({ "reason": "x" })).await.0, 400, "a field that the form does not have");
        assert_eq!(staff.post("/api/charge/sellers/freeze/", json!({ "ids": [] })).await.0, 400);
        assert_eq!(staff.post("/api/charge/sellers/freeze/", json!({})).await.0, 400);
        assert_eq!(staff.post(&path, json!({})).await.0, 200);
    }

    async fn the_command_line_runs_what_the_console_runs(db: TestDb) {
        let installation = Installation::new(&db);
        let run = |words: &[&str]| {
            let output = installation.run(&[&["run"], words].concat());
            let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            (output.status.code(), text)
        };
        let (code, help) = run(&["charge", "sellers", "--help"]);
        assert!(code == Some(0) && help.contains("increase-credit") && help.contains("freeze"), "{help}");
        let (code, made) = run(&["charge", "sellers", "create", "--name", "Corner Shop", "--json"]);
        assert_eq!(code, Some(0), "{made}");
        let made: Value = serde_json::from_str(&made).unwrap();
        let seller = id_of(&made);
        let (code, planned) = run(&["charge", "seller", "increase-credit", &seller, "--amount", "5.00", "--dry-run"]);
        assert!(code == Some(0) && planned.contains("Corner Shop gets ₹5.00 at once"), "{planned}");
        assert_eq!(actions(&db).await, ["charge.sellers.create"]);
        let (code, given) = run(&["charge", "sellers", "increase-credit", &seller, "--amount", "5.00", "--reference", "NEFT 1"]);
        assert!(code == Some(0) && given.contains("The credit is ₹5.00 now."), "{given}");
        let (code, again) = run(&["charge", "sellers", "increase-credit", &seller, "--amount", "5.00", "--reference", "neft-1"]);
        assert!(code == Some(4) && again.contains("was used before"), "{again}");
        let (code, wrong) = run(&["charge", "sellers", "increase-credit", &seller, "--amount", "five"]);
        assert!(code == Some(4) && wrong.contains("amount must"), "{wrong}");
        assert_eq!(run(&["charge", "sellers", "melt", &seller]).0, Some(2));
        assert_eq!(run(&["charge", "sellers", "freeze"]).0, Some(2), "it must be said what is frozen");
        let (code, frozen) = run(&["charge", "sellers", "freeze", &seller, "--json"]);
        assert!(code == Some(0) && frozen.contains("is frozen"), "{frozen}");
        assert_eq!(actions(&db).await, ["charge.sellers.create", "charge.sellers.increase-credit", "charge.sellers.freeze"]);
    }
}
