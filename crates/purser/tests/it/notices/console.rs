//! The outbox, the texts and the schedules, as staff see and change them.

use jiff::SignedDuration;
use purser_outbox::{Channel, Language, NewNotice, notice_enqueue, notice_enqueue_in_order, notice_failed};
use purser_testkit::{FakeResponse, FakeServer, FakeSmtp, SmtpFault, SmtpStep, TestDb, both};
use serde_json::json;

use crate::browser::{Browser, hidden, person};
use crate::program::Installation;
use crate::test_site::{TestSite, TestSiteOptions};

const OUTBOX: &str = "/admin/house/notices/";
/// How long to wait before looking again.
const SOON: std::time::Duration = std::time::Duration::from_millis(50);

const TEXT: &str = "/admin/house/texts/house.test/email/en/";

pub(super) fn with_mail(db: &TestDb, smtp: &FakeSmtp) -> Installation {
    Installation::new(db)
        .with("EMAIL_HOST", "127.0.0.1")
        .with("EMAIL_PORT", &smtp.port().to_string())
        .with("DEFAULT_FROM_EMAIL", "Purser <no-reply@example.com>")
        .with("SUPPORT_EMAIL", "help@example.com")
}

/// Sends a test to `to`: the address of its page.
async fn test(asha: &mut Browser, to: &str, message: &str) -> String {
    let page = asha.page(&format!("{OUTBOX}do/?action=test")).await;
    let once = hidden(&page, "once");
    let fields = [
        ("action", "test"),
        ("once", &once),
        ("channel", "email"),
        ("to", to),
        ("language", "en"),
        ("message", message),
    ];
    let done = asha.submit(&format!("{OUTBOX}do/"), &fields).await;
    let id =
        done.split(&format!("href=\"{OUTBOX}")).filter_map(|rest| rest.split('/').next()).find(|id| id.len() == 36);
    format!("{OUTBOX}{}/", id.expect("a link to the notice"))
}

/// The page, once it says this.
async fn until(asha: &Browser, path: &str, said: &str) -> String {
    for _ in 0..400 {
        let page = asha.page(path).await;
        if page.contains(said) {
            return page;
        }
        tokio::time::sleep(SOON).await; // sleep-ok: the worker is in another process, and tells nobody here
    }
    panic!("{path} never says {said}: {}", asha.page(path).await);
}

both! {
    async fn what_could_not_be_sent_is_shown_and_sent_once_there_is_a_way(db: TestDb) {
        let closed = Installation::new(&db);
        person(&closed, "asha", &["--superuser"]);
        let serving = closed.serve("");
        let mut asha = Browser::signed_in(&serving, "asha").await;
        let notice = test(&mut asha, "ravi@example.com", "<b>It & works</b>").await;
        let page = until(&asha, &notice, "mail is not configured").await;
        assert!(page.contains("What would be sent") && page.contains("Test from Purser"), "{page}");
        assert!(page.contains("&#60;b&#62;It &#38; works&#60;/b&#62;") && !page.contains("<b>It"), "{page}");
        assert!(asha.page(&format!("{OUTBOX}?state=kept")).await.contains("ravi@example.com"));
        let send = format!("{OUTBOX}do/?action=send-kept");
        assert!(asha.page(&send).await.contains("No channel is configured"));
        serving.kill();

        let smtp = FakeSmtp::start().await;
        let open = with_mail(&db, &smtp);
        let serving = open.serve("");
        let mut asha = Browser::signed_in(&serving, "asha").await;
        let page = asha.page(&send).await;
        assert!(page.contains("One notice is kept, and will be sent.") && page.contains("Configured: Mail."), "{page}");
        let once = hidden(&page, "once");
        asha.submit(&format!("{OUTBOX}do/"), &[("action", "send-kept"), ("once", &once)]).await;
        let mail = smtp.mail(0).await;
        assert_eq!((mail.to.as_slice(), mail.header("reply-to").as_deref()), (["ravi@example.com".to_owned()].as_slice(), Some("help@example.com")));
        assert!(until(&asha, &notice, "What was sent").await.contains("sent"));
        assert!(asha.page(&send).await.contains("No notice is kept."));
        assert!(asha.page("/admin/house/audit/").await.contains("house.notices.send-kept"));
    }

    async fn a_dead_letter_of_a_notice_is_requeued_and_arrives(db: TestDb) {
        let smtp = FakeSmtp::start().await;
        let installation = with_mail(&db, &smtp);
        person(&installation, "asha", &["--superuser"]);
        let serving = installation.serve("");
        let mut asha = Browser::signed_in(&serving, "asha").await;
        smtp.trouble(SmtpStep::Rcpt, SmtpFault::Refuse(550, "no such user"));
        let notice = test(&mut asha, "ravi@example.com", "Hello").await;
        let page = until(&asha, &notice, "its dead letter").await;
        assert!(page.contains("no such user"), "{page}");
        let letters = page.split("/admin/house/dead-letters/").skip(1);
        let letter = letters.filter_map(|rest| rest.split('/').next()).find(|id| id.len() == 36).map(str::to_owned);
        let letter = letter.expect("a link to its dead letter");
        let told = asha.page(&format!("/admin/house/dead-letters/{letter}/")).await;
        assert!(told.contains(&format!("href=\"{notice}\"")), "{told}");
        let path = "/admin/house/dead-letters/do/";
        asha.submit(path, &[("action", "requeue"), ("id", &letter)]).await;
        smtp.mail(0).await;
        until(&asha, &notice, "What was sent").await;
        let again = asha.page(&format!("{OUTBOX}do/?action=again&id={}", &notice[OUTBOX.len()..][..36])).await;
        assert!(again.contains("1 of them will arrive a second time."), "{again}");
    }

    async fn an_operator_tries_a_text_before_it_is_kept_and_goes_back_to_ours(db: TestDb) {
        let smtp = FakeSmtp::start().await;
        let installation = with_mail(&db, &smtp);
        person(&installation, "asha", &["--superuser"]);
        let serving = installation.serve("");
        let mut asha = Browser::signed_in(&serving, "asha").await;
        assert!(asha.page("/admin/house/texts/").await.contains(TEXT));
        let page = asha.page(TEXT).await;
        assert!(page.contains("{{ message }}") && page.contains("It works."), "{page}");

        let form = |what: &'static str, subject: &'static str, text: &'static str, html: &'static str| {
            [("do", what), ("subject", subject), ("text", text), ("html", html)]
        };
        let tried = asha.post(TEXT, &form("preview", "Ours: {{ message }}", "At {{ support }}\r\n\r\n{{ message }}", "")).await;
        assert_eq!(tried.status, 200, "{}", tried.text);
        assert!(tried.text.contains("Ours: It works.") && tried.text.contains("At help@example.com"), "{}", tried.text);
        assert!(asha.page(TEXT).await.contains("Test from Purser"), "a preview keeps nothing");

        for (subject, text, html, told) in [
            ("{{ mesage }}", "x", "", "there is no value &#39;mesage&#39;"),
            ("s", "a\r\n{% if %}", "", "line 2"),
            ("s", "x", "{{ message|safe }}", "unknown filter"),
            ("s", "x", "{% autoescape false %}{{ message }}{% endautoescape %}", "autoescape"),
            ("", "x", "", "must not come out empty"),
            ("s", "", "", "must not come out empty"),
            ("s", "{% for a in range(9999) %}{% for b in range(9999) %}{% set x = b %}{% endfor %}{% endfor %}x", "", "too many steps"),
        ] {
            let refused = asha.post(TEXT, &form("save", subject, text, html)).await;
            assert_eq!(refused.status, 400, "{subject} {text} {html}");
            assert!(refused.text.contains(told) && refused.text.contains("-error\""), "{told}: {}", refused.text);
        }
        assert!(asha.page(TEXT).await.contains("Test from Purser"), "nothing was saved");

        let saved = form("save", "Own </title><script>x</script>", "Own: {{ message }}", "<h1>{{ message }}</h1>");
        let saved = asha.submit(TEXT, &saved).await;
        assert!(saved.contains("Notices say this from now on") && !saved.contains("<script>"), "{saved}");
        test(&mut asha, "ravi@example.com", "<i>Hi</i>").await;
        let mail = smtp.mail(0).await;
        assert!(mail.part("text/html").unwrap().contains("<h1>&lt;i&gt;Hi&lt;"), "{}", mail.raw);
        assert!(asha.page("/admin/house/texts/").await.contains("Your text"));

        let back = asha.submit(TEXT, &form("reset", "", "", "")).await;
        assert!(back.contains("Test from Purser") && back.contains("comes with the program"), "{back}");
        let audit = asha.page("/admin/house/audit/").await;
        assert!(audit.contains("house.texts.change") && audit.contains("house.texts.reset"), "{audit}");
        for path in ["/admin/house/texts/nothing/email/en/", "/admin/house/texts/house.test/pigeon/en/", "/admin/house/texts/house.test/email/fr/"] {
            assert_eq!(asha.get(path).await.status, 404, "{path}");
        }
    }

    async fn what_is_secret_in_a_notice_is_for_superusers_until_it_is_sent(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        let kind = purser_web::SYSTEM_NOTICES.iter().copied().find(|kind| kind.values.iter().any(|value| value.secret));
        let kind = kind.expect("a reset link is a secret");
        let values = kind.values.iter().map(|value| {
            (value.name.to_owned(), if value.secret { json!("https://x.example/s3cret") } else { json!("Asha") })
        });
        let values = serde_json::Value::Object(values.collect());
        let (now, id) = place.context.stamp();
        let told = db.write(move |tx| {
            let language = Language::English;
            let notice = NewNotice { kind, channel: Channel::Email, to: "a@b.c", language, values: values.clone() };
            notice_enqueue(tx, now, id, &notice)
        });
        told.await.unwrap();
        let path = format!("{OUTBOX}{id}/");
        for (name, who, roles, sees, may_send) in [
            ("boss", "superuser", "", true, true),
            ("auditor", "staff", "auditor", false, false),
            ("keeper", "staff", "house.operate", false, true),
        ] {
            place.person(name, who, roles).await;
            db.clock().advance(SignedDuration::from_mins(2));
            let browser = place.signed_in(name).await;
            let page = browser.page(&path).await;
            assert_eq!((page.contains("s3cret"), page.contains("********")), (sees, !sees), "{name}: {page}");
            assert_eq!(page.contains("Send again"), may_send, "{name}");
            assert!(!browser.page(&format!("{OUTBOX}export.csv")).await.contains("s3cret"), "{name}");
            let send = browser.get(&format!("{OUTBOX}do/?action=again&id={id}")).await.status;
            assert_eq!(send, if may_send { 200 } else { 403 }, "{name}");
        }
    }

    async fn a_schedule_is_shown_and_run_by_hand(db: TestDb) {
        let installation = Installation::new(&db);
        person(&installation, "asha", &["--superuser"]);
        person(&installation, "ravi", &[]);
        let serving = installation.serve("");
        let mut asha = Browser::signed_in(&serving, "asha").await;
        let path = "/admin/house/schedules/";
        let page = until(&asha, path, "<time").await;
        assert!(page.contains("house.expire-holds") && page.contains("charge.ask"), "{page}");
        let ran = asha.submit(path, &[("name", "house.forget")]).await;
        assert!(ran.contains("house.forget is on its way"), "{ran}");
        assert!(asha.page("/admin/house/audit/").await.contains("house.schedules.run"));
        assert_eq!(asha.post(path, &[("name", "house.nothing")]).await.status, 404);
        let mut ravi = Browser::signed_in(&serving, "ravi").await;
        for path in [path, OUTBOX, "/admin/house/texts/", TEXT] {
            assert_eq!(ravi.get(path).await.status, 403, "{path}");
        }
        assert_eq!(ravi.post(path, &[("name", "house.forget")]).await.status, 403);
        assert_eq!(ravi.post(TEXT, &[("do", "reset")]).await.status, 403);
    }

    async fn a_program_is_called_by_the_program_that_serves(db: TestDb) {
        let web = FakeServer::start().await;
        web.answer_otherwise(|_| FakeResponse::status(204));
        let (now, ids, to) = (db.clock().now(), [db.ids().next(), db.ids().next()], web.url("/hook"));
        let told = db.write(move |tx| {
            for (id, message) in ids.into_iter().zip(["first", "second"]) {
                let (kind, values) = (&purser_notify::TEST, json!({ "message": message }));
                let language = Language::English;
                let notice = NewNotice { kind, channel: Channel::Webhook, to: &to, language, values };
                notice_enqueue_in_order(tx, now, id, "test", &notice)?;
            }
            Ok::<_, purser_outbox::Error>(())
        });
        told.await.unwrap();
        let installation = Installation::new(&db)
            .with("PURSER_WEBHOOK_SECRET", "0123456789abcdef")
            .with("PURSER_WEBHOOK_ALLOW_PRIVATE", "true");
        let _serving = installation.serve("");
        for (position, message) in ["first", "second"].into_iter().enumerate() {
            assert_eq!(web.request(position).await.json()["values"]["message"], message);
        }
    }

    async fn the_doctor_says_which_receiver_of_webhooks_is_away_and_why(db: TestDb) {
        let installation = Installation::new(&db).with("PURSER_WEBHOOK_SECRET", "0123456789abcdef");
        let told = |installation: &Installation| String::from_utf8(installation.run(&["doctor"]).stdout).unwrap();
        assert!(told(&Installation::new(&db)).contains("ok     webhooks     not configured"));
        assert!(told(&installation).contains("ok     webhooks     signed, to the open net only; none waits"));
        let (now, id) = (db.clock().now(), db.ids().next());
        db.write(move |tx| {
            notice_enqueue(tx, now, id, &super::low(Channel::Webhook, "https://shop.example/hook?token=t0ken"))?;
            notice_failed(tx, id, "the receiver answered 502 Bad Gateway", false)
        })
        .await
        .unwrap();
        let said = told(&installation);
        assert!(said.contains("WRONG  webhooks     1 waiting, the oldest for "), "{said}");
        assert!(said.contains("min; https://shop.example/hook: the receiver answered 502"), "{said}");
        assert!(!said.contains("t0ken"), "{said}");
    }

    async fn the_doctor_and_the_health_page_say_how_mail_is(db: TestDb) {
        let smtp = FakeSmtp::start().await;
        smtp.insist_on("purser", "open sesame");
        let told = |installation: &Installation| {
            let checked = installation.run(&["doctor", "--json"]);
            String::from_utf8(checked.stdout).unwrap()
        };
        assert!(told(&Installation::new(&db)).contains("not configured"));
        let wrong = with_mail(&db, &smtp).with("EMAIL_HOST_USER", "purser").with("EMAIL_HOST_PASSWORD", "guess");
        let said = tokio::task::spawn_blocking(move || {
            let shown = String::from_utf8(wrong.run(&["config"]).stdout).unwrap();
            assert!(shown.contains("********") && !shown.contains("guess"), "{shown}");
            (told(&wrong), wrong)
        });
        let (said, wrong) = said.await.unwrap();
        assert!(said.contains("535") && said.contains("EMAIL_HOST"), "{said}");
        let serving = wrong.serve("");
        let health = serving.caller().get("/api/v1/health/").await;
        assert_eq!((health.0, health.1["status"].as_str()), (200, Some("ok")), "the house goes on: {}", health.1);
        let mail = health.1["parts"].as_array().unwrap().iter().find(|part| part["name"] == "mail").unwrap().clone();
        assert_eq!(mail["status"], "failing", "{mail}");
        let right = with_mail(&db, &smtp).with("EMAIL_HOST_USER", "purser").with("EMAIL_HOST_PASSWORD", "open sesame");
        let said = tokio::task::spawn_blocking(move || String::from_utf8(right.run(&["doctor"]).stdout).unwrap());
        let said = said.await.unwrap();
        assert!(said.contains("127.0.0.1") && said.contains("in the clear"), "{said}");
    }
}
