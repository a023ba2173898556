//! The pool over HTTP to the real program: its API, its console, and its command line.

use purser_testkit::{TestDb, both};
use reqwest::Method;
use serde_json::{Value, json};

use crate::browser::{Browser, hidden, person};
use crate::program::{ApiClient, Installation, Serving, client};

const MEMBERS: &str = "/api/members/";
const LIST: &str = "/admin/members/members/";

struct MembersProgram {
    installation: Installation,
    serving: Serving,
    caller: ApiClient,
}

impl MembersProgram {
    async fn open(db: &TestDb) -> Self {
        let installation = Installation::new(db).with("PURSER_IDENTITY_SECOND_FACTOR", "false");
        let serving = installation.serve(&installation.key("members.*"));
        let caller = serving.caller();
        MembersProgram { installation, serving, caller }
    }

    /// Somebody who joins; the id.
    async fn member(&self, name: &str, balance: &str) -> String {
        let body = json!({ "name": name, "email": format!("{name}@example.com"), "wallet_balance": balance });
        let (status, member) = self.caller.post(MEMBERS, body).await;
        assert_eq!(status, 201, "{member}");
        member["id"].as_str().unwrap().to_owned()
    }

    async fn balance(&self, id: &str) -> String {
        self.caller.get(&format!("{MEMBERS}{id}/")).await.1["wallet_balance"].to_string()
    }

    async fn csv(&self, query: &str, file: &str) -> (u16, Value) {
        self.caller.raw(&format!("{MEMBERS}import/{query}"), "text/csv", file.as_bytes().to_vec()).await
    }
}

both! {
    async fn an_export_of_members_is_imported_elsewhere_with_every_name_as_it_was(db: TestDb) {
        let services = MembersProgram::open(&db).await;
        person(&services.installation, "boss", &["--superuser"]);
        let names = ["=1+1", "'=1+1", "''=x", "'plain", "+91 98", "-5", "@home", "Rao; \"Asha\", x", "आशा"];
        for (number, name) in names.iter().enumerate() {
            let body = json!({ "name": name, "email": format!("m{number}@example.com"), "wallet_balance": format!("{number}.50") });
            let (status, made) = services.caller.post(MEMBERS, body).await;
            assert_eq!(status, 201, "{made}");
        }
        let boss = Browser::signed_in(&services.serving, "boss").await;
        let export = boss.page(&format!("{LIST}export.csv")).await;
        assert!(!export.lines().skip(1).any(|line| line.contains(",=") || line.contains(",+") || line.contains(",@")), "{export}");
        let (_, there) = services.csv("?dry_run=true", &export).await;
        assert_eq!(there["invalid"], names.len(), "where they are members already each row says so: {there}");

        for between in [",", ";", "\t"] {
            let other = TestDb::create(db.engine(), crate::migrations()).await;
            let services = MembersProgram::open(&other).await;
            let table = purser_kit::spreadsheet::CsvFile::read(export.as_bytes(), 100_000, 100).unwrap();
            let line = |cells: &[String]| {
                let cells = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
                format!("{}\r\n", cells.collect::<Vec<_>>().join(between))
            };
            let rows: String = table.rows.iter().map(|row| line(&row.cells)).collect();
            let file = format!("\u{feff}sep={between}\r\n{}{rows}", line(&table.header));
            let (status, saved) = services.csv("", &file).await;
            assert!(status < 300, "{between}: {saved}");
            let (_, list) = services.caller.get(MEMBERS).await;
            let mut read: Vec<(String, String)> = list.as_array().unwrap().iter().map(|one| (one["name"].as_str().unwrap().to_owned(), one["wallet_balance"].to_string())).collect();
            read.sort();
            let mut expected: Vec<(String, String)> = names.iter().enumerate().map(|(number, name)| ((*name).to_owned(), format!("{number}.5"))).collect();
            expected.sort();
            assert_eq!(read, expected, "{between}");
        }
    }

    async fn a_member_is_registered_read_changed_and_listed(db: TestDb) {
        let services = MembersProgram::open(&db).await;
        let body = json!({ "name": " Asha Rao ", "email": "Asha@Example.com", "wallet_balance": 100.50 });
        let (status, asha) = services.caller.post(MEMBERS, body).await;
        assert_eq!(status, 201, "{asha}");
        assert_eq!((&asha["name"], &asha["email"]), (&json!("Asha Rao"), &json!("Asha@Example.com")));
        assert_eq!((&asha["wallet_balance"], &asha["is_expired"], &asha["expired_date"]), (&json!(100.50), &json!(false), &Value::Null));
        let path = format!("{MEMBERS}{}/", asha["id"].as_str().unwrap());
        assert_eq!(services.caller.get(&path).await, (200, asha.clone()));
        let change = services.caller.send(Method::PATCH, &path, Some(json!({ "name": "Asha R." }))).await.unwrap();
        assert_eq!(change.json::<Value>().await.unwrap()["name"], "Asha R.");
        let edited = services.caller.send(Method::PATCH, &path, Some(json!({ "wallet_balance": 1 }))).await.unwrap();
        assert_eq!(edited.status().as_u16(), 400);
        assert_eq!(edited.json::<Value>().await.unwrap()["errors"]["wallet_balance"][0]["code"], "read_only");
        let bina = services.member("bina", "0").await;
        let (_, list) = services.caller.get(MEMBERS).await;
        assert_eq!((list[0]["id"].as_str(), list.as_array().unwrap().len()), (Some(bina.as_str()), 2), "newest first");
        let (_, found) = services.caller.get(&format!("{MEMBERS}?email=ASHA@example.COM")).await;
        assert_eq!(found.as_array().unwrap().len(), 1);
        let (_, expired) = services.caller.get(&format!("{MEMBERS}?is_expired=true")).await;
        assert_eq!(expired, json!([]));
    }

    async fn every_wrong_member_is_refused_by_name(db: TestDb) {
        let services = MembersProgram::open(&db).await;
        services.member("taken", "0").await;
        let long = "x".repeat(101);
        for (field, value, code) in [
            ("name", json!(""), "too_short"), ("name", json!(long), "too_long"), ("name", Value::Null, "required"),
            ("email", json!("no mail"), "malformed"), ("email", json!(5), "wrong_type"),
            ("wallet_balance", json!("-0.01"), "negative"), ("wallet_balance", json!("NaN"), "malformed"),
            ("wallet_balance", json!("1e3"), "exponent"), ("wallet_balance", json!("₹100"), "malformed"),
            ("wallet_balance", json!("10.005"), "too_many_decimals"), ("wallet_balance", json!("100000000"), "over_maximum"),
            ("nonsense", json!(1), "unknown"),
        ] {
            let mut body = json!({ "name": "a", "email": "a@example.com", "wallet_balance": "1" });
            body[field] = value.clone();
            let (status, answer) = services.caller.post(MEMBERS, body).await;
            assert_eq!((status, &answer["errors"][field][0]["code"]), (400, &json!(code)), "{field} {value}: {answer}");
        }
        let body = json!({ "name": "a", "email": "TAKEN@example.com", "wallet_balance": "1" });
        let (status, answer) = services.caller.post(MEMBERS, body).await;
        assert_eq!((status, answer["code"].as_str()), (409, Some("email_taken")));
        for number in 0..9 {
            services.member(&format!("m{number}"), "0").await;
        }
        let body = json!({ "name": "late", "email": "late@example.com", "wallet_balance": "0" });
        let (status, answer) = services.caller.post(MEMBERS, body).await;
        assert_eq!((status, answer["code"].as_str(), &answer["max"]), (400, Some("member_limit_reached"), &json!(10)));
    }

    async fn an_expiry_that_is_sent_twice_happens_once_and_a_refused_one_names_who_lacks_what(db: TestDb) {
        let services = MembersProgram::open(&db).await;
        let (asha, bina, chetan) = (services.member("asha", "5").await, services.member("bina", "1.00").await, services.member("chetan", "0.99").await);
        let path = format!("{MEMBERS}{asha}/expire/");
        let (status, refused) = services.caller.post(&path, json!({})).await;
        assert_eq!((status, refused["code"].as_str()), (400, Some("members_cannot_pay")), "{refused}");
        let lacking = json!([{ "id": chetan, "name": "chetan", "available": 0.99, "missing": 0.01 }]);
        assert_eq!((&refused["lacking"], &refused["more"]), (&lacking, &json!(false)));
        let (status, topped) = services.caller.post(&format!("{MEMBERS}{chetan}/top-up/"), json!({ "amount": "0.01", "reason": "cash" })).await;
        assert_eq!((status, &topped["wallet_balance"]), (200, &json!(1.00)));
        let send = async || {
            let request = client().post(services.serving.url(&path)).header("authorization", services.caller.bearer());
            let answer = request.header("idempotency-key", "one").send().await.unwrap();
            let replayed = answer.headers().contains_key("idempotency-replayed");
            (answer.status().as_u16(), replayed, answer.text().await.unwrap())
        };
        let (first, second) = (send().await, send().await);
        assert_eq!((first.0, first.1, second.1), (200, false, true));
        assert_eq!(first.2, second.2);
        let told: Value = serde_json::from_str(&first.2).unwrap();
        assert_eq!((&told["payers"], &told["taken"], &told["member"]["is_expired"]), (&json!(2), &json!(2.00), &json!(true)));
        assert_eq!((services.balance(&bina).await, services.balance(&chetan).await), ("0.0".to_owned(), "0.0".to_owned()));
        let (status, again) = services.caller.post(&path, json!({})).await;
        assert_eq!((status, again["code"].as_str()), (409, Some("already_expired")));
        let (_, lines) = services.caller.get(&format!("{MEMBERS}{chetan}/statement/")).await;
        let kinds: Vec<_> = lines.as_array().unwrap().iter().map(|line| line["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["members.levy", "members.top-up", "members.opening"]);
        assert_eq!((&lines[0]["amount"], &lines[0]["reference"], &lines[1]["reason"]), (&json!(-1.00), &json!(asha), &json!("cash")));
        let revert = format!("{MEMBERS}{asha}/revert/");
        let (status, back) = services.caller.post(&revert, json!({})).await;
        assert_eq!((status, &back["returned"]), (200, &json!(2.00)));
        assert_eq!(services.caller.post(&revert, json!({})).await.1["code"], "not_expired");
        assert_eq!(services.caller.post(&format!("{MEMBERS}{}/expire/", db.ids().next()), json!({})).await.0, 404);
    }

    async fn whoever_may_only_look_changes_nothing(db: TestDb) {
        let services = MembersProgram::open(&db).await;
        let asha = services.member("asha", "5").await;
        let viewer = services.caller.with_key(&services.installation.key("members.view"));
        let stranger = services.caller.with_key(&services.installation.key("charge.*"));
        let nobody = services.caller.with_key("pk_nonsense");
        for path in [MEMBERS.to_owned(), format!("{MEMBERS}{asha}/"), format!("{MEMBERS}{asha}/statement/")] {
            assert_eq!(viewer.get(&path).await.0, 200, "{path}");
            assert_eq!((stranger.get(&path).await.0, nobody.get(&path).await.0), (403, 401), "{path}");
        }
        for action in ["expire/", "revert/", "top-up/"] {
            let path = format!("{MEMBERS}{asha}/{action}");
            for (caller, status) in [(&viewer, 403), (&stranger, 403), (&nobody, 401)] {
                assert_eq!(caller.post(&path, json!({ "amount": 1 })).await.0, status, "{path}");
            }
        }
        assert_eq!(viewer.post(&format!("{MEMBERS}import/?dry_run=true"), json!({})).await.0, 403);
        assert_eq!(services.balance(&asha).await, "5.0");
    }

    async fn a_file_is_judged_row_by_row_and_saved_by_its_commit(db: TestDb) {
        let services = MembersProgram::open(&db).await;
        services.member("asha", "0").await;
        let wrong = "email,name,wallet_balance\nASHA@example.com,Asha,1\nbina@example.com,=1+1,1e3\nc@example.com,Chetan,2\n";
        let (status, told) = services.csv("?dry_run=true", wrong).await;
        assert_eq!((status, &told["state"], &told["new"], &told["invalid"]), (200, &json!("invalid"), &json!(1), &json!(2)), "{told}");
        let verdicts: Vec<_> = told["rows"].as_array().unwrap().iter().map(|row| row["verdict"].as_str().unwrap()).collect();
        assert_eq!(verdicts, ["invalid", "invalid", "new"]);
        assert_eq!(told["rows"][0]["errors"][0], "email belongs to a member already.");
        let commit = format!("{MEMBERS}import/{}/commit/", told["id"].as_str().unwrap());
        assert_eq!(services.caller.post(&commit, json!({})).await.1["code"], "invalid_rows");
        let (status, told) = services.csv("", wrong).await;
        assert_eq!((status, told["code"].as_str(), told["rows"].as_array().unwrap().len()), (400, Some("invalid_rows"), 3));
        let good = "name,email,wallet_balance\nBina,bina@example.com,10\nChetan,c@example.com,2\n";
        let (_, told) = services.csv("?dry_run=true", good).await;
        assert_eq!((&told["state"], &told["new"]), (&json!("ready"), &json!(2)), "{told}");
        let commit = format!("{MEMBERS}import/{}/commit/", told["id"].as_str().unwrap());
        let (status, done) = services.caller.post(&commit, json!({})).await;
        assert_eq!((status, &done["imported"]), (200, &json!(2)), "{done}");
        assert_eq!(services.caller.post(&commit, json!({})).await.1["code"], "import_committed");
        let (status, done) = services.csv("", "name,email,wallet_balance\nDevika,d@example.com,2\n").await;
        assert_eq!((status, &done["imported"]), (201, &json!(1)), "{done}");
        assert_eq!(services.caller.get(MEMBERS).await.1.as_array().unwrap().len(), 4);
        let (_, stale) = services.csv("?dry_run=true", "name,email,wallet_balance\nEshan,e@example.com,2\n").await;
        services.csv("", "name,email,wallet_balance\nQuicker,E@example.com,2\n").await;
        let commit = format!("{MEMBERS}import/{}/commit/", stale["id"].as_str().unwrap());
        let (status, told) = services.caller.post(&commit, json!({})).await;
        assert_eq!((status, told["code"].as_str()), (409, Some("import_stale")));
    }

    async fn a_body_that_is_no_file_is_refused(db: TestDb) {
        let services = MembersProgram::open(&db).await;
        let path = format!("{MEMBERS}import/?dry_run=true");
        for (kind, body, status, code) in [
            ("application/json", b"{}".to_vec(), 415, "unsupported_media_type"),
            ("text/csv", Vec::new(), 400, "invalid_file"),
            ("text/csv", b"name,email,wallet_balance\n\xff,a@b.example,1\n".to_vec(), 400, "invalid_file"),
            ("text/csv", vec![b'x'; 13 * 1_024 * 1_024], 413, "body_too_large"),
            ("multipart/form-data; boundary=x", b"--x--\r\n".to_vec(), 400, "malformed_body"),
        ] {
            let (found, answer) = services.caller.raw(&path, kind, body).await;
            assert_eq!((found, answer["code"].as_str()), (status, Some(code)), "{kind}: {answer}");
        }
        let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"m.csv\"\r\nContent-Type: text/csv\r\n\r\n\
                    name,email,wallet_balance\nAsha,asha@example.com,1\n\r\n--x--\r\n";
        let (status, told) = services.caller.raw(&path, "multipart/form-data; boundary=x", form.as_bytes().to_vec()).await;
        assert_eq!((status, &told["new"]), (200, &json!(1)), "{told}");
        assert_eq!(services.csv("?dry_run=perhaps", "x").await.0, 400);
    }

    async fn staff_walk_through_the_pool_in_the_console(db: TestDb) {
        let services = MembersProgram::open(&db).await;
        person(&services.installation, "boss", &["--superuser"]);
        let mut boss = Browser::signed_in(&services.serving, "boss").await;
        assert!(boss.page(LIST).await.contains("Bulk upload"));
        let path = format!("{LIST}do/");
        for (name, balance) in [("Asha <b>", "10"), ("Bina", "5"), ("Chetan", "1.50"), ("Devika", "1")] {
            let page = boss.page(&format!("{path}?action=create")).await;
            let email = format!("{}@example.com", &name[..3]);
            let fields = [("action", "create"), ("once", &hidden(&page, "once")), ("name", name), ("email", &email), ("wallet_balance", balance)];
            assert!(boss.submit(&path, &fields).await.contains("is a member now"));
        }
        let (_, list) = services.caller.get(MEMBERS).await;
        let id = |name: &str| list.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()["id"].as_str().unwrap().to_owned();
        let (asha, bina, chetan, devika) = (id("Asha <b>"), id("Bina"), id("Chetan"), id("Devika"));
        // Two at once: Devika cannot pay for both.
        let page = boss.page(&format!("{path}?action=expire&id={bina}&id={asha}")).await;
        assert!(page.contains("₹5.00 in all") && page.contains("2 living members cannot pay"), "{page}");
        let refused = boss.post(&path, &[("action", "expire"), ("id", &asha), ("id", &bina)]).await;
        assert!(refused.status == 400 && refused.text.contains("Devika lacks ₹1.00"), "{}", refused.text);
        let page = boss.page(&format!("{path}?action=expire&id={asha}")).await;
        assert!(page.contains("₹1.00 will be taken from 3 members for Asha &#60;b&#62;."), "{page}");
        let done = boss.submit(&path, &[("action", "expire"), ("id", &asha)]).await;
        assert!(done.contains("₹3.00 went into the pool"), "{done}");
        let page = boss.page(&format!("{LIST}{bina}/")).await;
        assert!(page.contains("Levy for Asha &#60;b&#62;") && page.contains("₹4.00"), "{page}");
        assert!(boss.page(&format!("{LIST}?state=expired")).await.contains(&asha));
        assert!(!boss.page(&format!("{LIST}?state=alive")).await.contains(&asha));
        assert!(boss.page(&format!("{LIST}?q=CHET")).await.contains(&chetan));
        for (action, amount, wallet) in [("top-up", "2", "₹2.00"), ("withdraw", "0.50", "₹1.50"), ("correct", "-0.25", "₹1.25")] {
            let fields = [("action", action), ("id", &devika), ("amount", amount), ("reason", "said so")];
            assert!(boss.submit(&path, &fields).await.contains(wallet), "{action}");
        }
        let short = boss.post(&path, &[("action", "withdraw"), ("id", &devika), ("amount", "9"), ("reason", "x")]).await;
        assert!(short.status == 400 && short.text.contains("does not cover"), "{}", short.text);
        let page = boss.page(&format!("{path}?action=revert&id={asha}")).await;
        assert!(page.contains("will live again, and 3 members will get ₹1.00 back."), "{page}");
        assert!(boss.submit(&path, &[("action", "revert"), ("id", &asha)]).await.contains("₹3.00 went back"));
        let home = boss.page("/admin/").await;
        assert!(home.contains("Pool balance") && home.contains("Members alive"), "{home}");
        let expiries = boss.page("/admin/members/expiries/").await;
        assert!(expiries.contains("reverted") && expiries.contains("₹3.00"), "{expiries}");
    }

    async fn the_command_line_takes_a_file_in_whole_or_not_at_all(db: TestDb) {
        let installation = Installation::new(&db);
        let file = installation.data().join("members.csv");
        let import = |more: &[&str]| {
            let done = installation.run(&[&["import", "members", file.to_str().unwrap()], more].concat());
            (done.status.code().unwrap(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
        };
        assert_eq!(import(&[]).0, 2, "there is no such file");
        std::fs::write(&file, "name,email,wallet_balance\nAsha,asha@example.com,1\nBina,no mail,1\n").unwrap();
        let (code, told, _) = import(&[]);
        assert!(code == 4 && told.contains("row 3: email must be") && told.contains("1 of 2 rows are wrong."), "{told}");
        let told: Value = serde_json::from_str(&import(&["--json"]).1).unwrap();
        assert_eq!((&told["invalid"], &told["rows"][0]["row"]), (&json!(1), &json!(3)));
        std::fs::write(&file, "name,email,wallet_balance\nAsha,asha@example.com,1\nBina,bina@example.com,2.50\n").unwrap();
        assert!(import(&["--dry-run"]).1.contains("Every row is good: 2 new members. Nothing was saved."));
        let (code, told, _) = import(&["--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((code, &told["imported"]), (0, &json!(2)));
        let (code, told, _) = import(&[]);
        assert!(code == 4 && told.contains("email belongs to a member already."), "{told}");
        std::fs::write(&file, b"\xff\xfe").unwrap();
        let (code, _, told) = import(&[]);
        assert!(code == 4 && told.contains("not text in UTF-8"), "{told}");
    }

    async fn a_payment_tops_a_wallet_up_once_however_its_reference_is_written(db: TestDb) {
        let services = MembersProgram::open(&db).await;
        let (asha, bina) = (services.member("asha", "0").await, services.member("bina", "0").await);
        let top_up = |id: &str| format!("{MEMBERS}{id}/top-up/");
        let (status, answer) = services.caller.post(&top_up(&asha), json!({ "amount": 40, "reference": "UPI-0042" })).await;
        assert_eq!(status, 200, "{answer}");
        for (to, reference) in [(&asha, "UPI-0042"), (&bina, "upi 00 42")] {
            let (status, refused) = services.caller.post(&top_up(to), json!({ "amount": 40, "reference": reference })).await;
            assert_eq!((status, refused["code"].as_str()), (400, Some("duplicate_reference")), "{refused}");
            assert_eq!((&refused["member_id"], refused["amount"].to_string().as_str()), (&json!(asha), "40.0"), "{refused}");
            assert!(refused["detail"].as_str().unwrap().contains("₹40.00 for asha, entered by"), "{refused}");
        }
        let tries = (0..8).map(|_| {
            let (caller, path) = (services.caller.clone(), top_up(&bina));
            tokio::spawn(async move { caller.post(&path, json!({ "amount": 1, "reference": "UTR 1" })).await.0 })
        });
        let mut given = 0;
        for attempt in tries.collect::<Vec<_>>() {
            given += u32::from(attempt.await.unwrap() == 200);
        }
        assert_eq!((given, services.balance(&bina).await.as_str()), (1, "1.0"), "of many at once one counts");
        let meant = json!({ "amount": 2, "reference": "upi0042", "again": true });
        assert_eq!(services.caller.post(&top_up(&bina), meant).await.0, 200);
        assert_eq!((services.balance(&asha).await, services.balance(&bina).await), ("40.0".to_owned(), "3.0".to_owned()));
        let (_, lines) = services.caller.get(&format!("{MEMBERS}{asha}/statement/")).await;
        assert_eq!(lines[0]["reference"], "UPI-0042", "{lines}");
        person(&services.installation, "ravi", &["--superuser"]);
        let mut ravi = Browser::signed_in(&services.serving, "ravi").await;
        let fields = [("action", "top-up"), ("id", asha.as_str()), ("amount", "5"), ("reason", "bank"), ("reference", "UTR-1")];
        let refused = ravi.post(&format!("{LIST}do/"), &fields).await;
        assert!(refused.status == 400 && refused.text.contains("₹1.00 for bina") && refused.text.contains("again[]"), "{}", refused.text);
        let sure: Vec<(&str, &str)> = fields.into_iter().chain([("again[]", "yes")]).collect();
        assert!(ravi.submit(&format!("{LIST}do/"), &sure).await.contains("₹45.00"));
    }
}
