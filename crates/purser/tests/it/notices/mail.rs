//! Mail, against a server that refuses and hangs up.

use jiff::SignedDuration;
use purser_notify::MailSettings;
use purser_outbox::{
    Channel, Job as _, Language, NewNotice, NoticeState, SendNotice, Template, TemplateKey, template_set,
};
use purser_testkit::{FakeSmtp, SmtpFault, SmtpStep, SmtpTls, TestDb, both};
use serde_json::json;

use super::office::{Office, settings};
use super::{ASHA, RESET, low, reset};
use crate::tls::Signer;

const STEPS: [SmtpStep; 6] =
    [SmtpStep::Connect, SmtpStep::Hello, SmtpStep::Mail, SmtpStep::Rcpt, SmtpStep::Data, SmtpStep::Message];

const HOUR: SignedDuration = SignedDuration::from_hours(1);

both! {
    async fn a_mail_says_who_it_is_from_where_answers_go_and_what_it_is(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let id = office.tell(reset("Asha")).await;
        office.work().await;
        let mail = office.smtp.mail(0).await;
        assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("no-reply@example.com", [ASHA.to_owned()].as_slice()));
        for (name, value) in [
            ("from", "Purser <no-reply@example.com>"),
            ("reply-to", "help@purser.example"),
            ("to", ASHA),
            ("subject", "A new password for Asha"),
            ("message-id", &format!("<{id}.0@example.com>")),
            ("date", "Mon, 05 Jan 2026 03:30:00 +0000"),
            ("auto-submitted", "auto-generated"),
        ] {
            assert_eq!(mail.header(name).as_deref(), Some(value), "{name}: {}", mail.raw);
        }
        assert!(mail.header("content-type").unwrap().starts_with("multipart/alternative"), "{}", mail.raw);
        let (text, html) = (mail.part("text/plain").unwrap(), mail.part("text/html").unwrap());
        assert!(text.contains("choose a new password here:\r\nhttps://purser.example/reset/s3cret"), "{text}");
        assert!(html.contains("<a href=\"https://purser.example/reset/s3cret\">"), "{html}");
        assert!(html.contains("<html lang=\"en\">"), "{html}");
    }

    async fn hindi_arrives_as_hindi(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        office.tell(NewNotice { language: Language::Hindi, ..reset("आशा") }).await;
        office.work().await;
        let mail = office.smtp.mail(0).await;
        assert_eq!(mail.header("subject").as_deref(), Some("आशा के लिए नया पासवर्ड"), "{}", mail.raw);
        assert!(mail.part("text/plain").unwrap().contains("नमस्ते आशा,"), "{}", mail.raw);
        let html = mail.part("text/html").unwrap();
        assert!(html.contains("<p>नमस्ते <b>आशा</b></p>") && html.contains("lang=\"hi\""), "{html}");
        assert!(mail.raw.is_ascii(), "every server on the way carries it");
    }

    async fn a_hostile_name_is_only_a_name_in_a_mail(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let names = [
            "x\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "{{ link }}{% for a in range(9) %}",
            "\u{2028}\u{0}\u{7f}.\r\n.\r\nQUIT\r\n",
            &"long".repeat(2_000),
        ];
        for name in names {
            for language in Language::ALL {
                office.tell(NewNotice { language, ..reset(name) }).await;
            }
        }
        assert_eq!(office.work().await, 10);
        let mails = office.smtp.mails();
        assert_eq!(mails.len(), 10);
        for mail in mails {
            assert_eq!(mail.to, [ASHA.to_owned()]);
            assert_eq!((mail.count("bcc"), mail.count("subject"), mail.count("to")), (0, 1, 1), "{}", mail.raw);
            let html = mail.part("text/html").unwrap();
            assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
            assert_eq!(html.matches("<a ").count(), 1, "{html}");
            let subject = mail.header("subject").unwrap();
            assert!(!subject.contains("s3cret") && subject.chars().count() <= 200, "a name is no template: {subject}");
        }
    }

    async fn an_address_that_is_none_is_a_dead_letter_and_reaches_nobody(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        for to in ["nobody", "a@b.c, d@e.f", "Asha <a@b.c>", "a@b.c> RCPT TO:<d@e.f"] {
            let id = office.tell(NewNotice { to, ..reset("Asha") }).await;
            office.work().await;
            assert_eq!(office.notice(id).await.state, NoticeState::Failed, "{to}");
        }
        assert_eq!((office.waiting().await, office.smtp.conversations()), ((0, 4), 0));
    }

    async fn a_mail_refused_for_now_is_tried_again_and_arrives_once(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let id = office.tell(reset("Asha")).await;
        for step in STEPS {
            office.smtp.trouble(step, SmtpFault::Refuse(451, "try later"));
            office.work().await;
            let notice = office.notice(id).await;
            assert_eq!((notice.state, office.waiting().await), (NoticeState::Waiting, (1, 0)), "{step:?}");
            assert!(notice.error.unwrap().contains("451"), "{step:?}");
            assert_eq!(office.work().await, 0, "not at once");
            office.wait(HOUR);
        }
        office.work().await;
        assert_eq!((office.smtp.mails().len(), office.notice(id).await.state), (1, NoticeState::Sent));
        office.wait(HOUR);
        assert_eq!(office.work().await, 0);
    }

    async fn a_mail_refused_for_good_is_a_dead_letter_at_once(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        for step in [SmtpStep::Mail, SmtpStep::Rcpt, SmtpStep::Data, SmtpStep::Message] {
            office.smtp.trouble(step, SmtpFault::Refuse(550, "never"));
            let id = office.tell(reset("Asha")).await;
            assert_eq!(office.work().await, 1);
            let notice = office.notice(id).await;
            assert_eq!((notice.state, office.waiting().await.0), (NoticeState::Failed, 0), "{step:?}");
            assert!(notice.error.unwrap().contains("never"), "{step:?}");
        }
        assert_eq!((office.waiting().await, office.smtp.mails().len()), ((0, 4), 0));
    }

    async fn a_mail_refused_too_often_is_a_dead_letter_in_the_end(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        office.smtp.trouble_always(Some((SmtpStep::Rcpt, SmtpFault::Refuse(450, "mailbox busy"))));
        let id = office.tell(reset("Asha")).await;
        for _ in 1..SendNotice::MAX_ATTEMPTS {
            assert_eq!(office.work().await, 1);
            assert_eq!(office.notice(id).await.state, NoticeState::Waiting);
            office.wait(HOUR);
        }
        assert_eq!(office.work().await, 1);
        assert_eq!((office.notice(id).await.state, office.waiting().await), (NoticeState::Failed, (0, 1)));
    }

    async fn a_connection_that_breaks_is_no_answer_and_costs_no_mail(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let id = office.tell(reset("Asha")).await;
        for step in STEPS.into_iter().filter(|step| *step != SmtpStep::Message) {
            office.smtp.trouble(step, SmtpFault::HangUp);
            office.work().await;
            assert_eq!((office.notice(id).await.state, office.waiting().await.0), (NoticeState::Waiting, 1), "{step:?}");
            office.wait(HOUR);
        }
        office.work().await;
        assert_eq!((office.smtp.mails().len(), office.notice(id).await.state), (1, NoticeState::Sent));
    }

    async fn a_mail_whose_receipt_was_lost_comes_again_under_the_same_name(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        office.smtp.trouble(SmtpStep::Message, SmtpFault::HangUp);
        let id = office.tell(reset("Asha")).await;
        office.work().await;
        assert_eq!((office.smtp.mails().len(), office.notice(id).await.state), (1, NoticeState::Waiting));
        office.wait(HOUR);
        office.work().await;
        let mails = office.smtp.mails();
        assert_eq!(mails.len(), 2, "nobody could know");
        assert_eq!(mails[0].header("message-id"), mails[1].header("message-id"));
        office.wait(HOUR);
        assert_eq!((office.work().await, office.notice(id).await.state), (0, NoticeState::Sent));
    }

    async fn a_server_that_is_away_is_waited_for(db: TestDb) {
        let mut away = Office::with_settings(&db, |_| MailSettings { port: 1, ..settings_of_nobody() }).await;
        let id = away.tell(reset("Asha")).await;
        away.work().await;
        assert_eq!((away.notice(id).await.state, away.waiting().await), (NoticeState::Waiting, (1, 0)));
        away.wait(HOUR);
        let mut back = Office::with_mail(&db).await;
        back.work().await;
        assert_eq!(back.smtp.mails().len(), 1);
    }

    async fn a_wrong_password_loses_no_mail(db: TestDb) {
        let login = |password: &str| {
            let password = password.to_owned();
            move |smtp: &purser_testkit::FakeSmtp| {
                smtp.insist_on("purser", "open sesame");
                MailSettings { user: "purser".to_owned(), password, ..settings(smtp) }
            }
        };
        let mut office = Office::with_settings(&db, login("guess")).await;
        let id = office.tell(reset("Asha")).await;
        office.work().await;
        let notice = office.notice(id).await;
        assert_eq!((notice.state, office.waiting().await), (NoticeState::Waiting, (1, 0)), "the operator mends it");
        assert!(!notice.error.unwrap().contains("guess"));
        office.wait(HOUR);
        let mut mended = Office::with_settings(&db, login("open sesame")).await;
        mended.work().await;
        assert_eq!(mended.smtp.mails().len(), 1);
    }

    async fn the_operators_words_are_sent_and_ours_where_they_fail(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let set = async |subject: &str, text: &str| {
            let key = TemplateKey { kind: RESET.name.to_owned(), channel: Channel::Email, language: Language::English };
            let own = Template { subject: subject.to_owned(), text: text.to_owned(), html: String::new() };
            let now = db.clock().now();
            db.write(move |tx| template_set(tx, now, &key, &own, "user:test")).await.unwrap();
        };
        set("Dear {{ name }}", "{{ link }} {{ site }} {{ support }}").await;
        office.tell(reset("Asha")).await;
        office.tell(NewNotice { language: Language::Hindi, ..reset("Asha") }).await;
        office.work().await;
        let subjects = |office: &Office| -> Vec<_> {
            let mut subjects: Vec<_> =
                office.smtp.mails().iter().map(|mail| mail.header("subject").unwrap()).collect();
            subjects.sort();
            subjects
        };
        assert_eq!(subjects(&office), ["Asha के लिए नया पासवर्ड", "Dear Asha"]);
        set("{{ nothing }}", "{{").await;
        office.tell(reset("Ravi")).await;
        office.work().await;
        assert!(subjects(&office).contains(&"A new password for Ravi".to_owned()), "{:?}", subjects(&office));
    }

    async fn mail_goes_under_tls_to_the_server_that_it_is_meant_for_alone(db: TestDb) {
        let (signer, stranger) = (Signer::new(), Signer::new());
        let (chain, key) = signer.sign("localhost");
        for (tls, security) in [(SmtpTls::WhenAsked, "starttls"), (SmtpTls::AtOnce, "tls")] {
            for roots in [&stranger, &signer] {
                let smtp = FakeSmtp::start_secure(tls, &chain, &key).await;
                smtp.insist_on("purser", "open sesame");
                let settings = MailSettings {
                    host: "localhost".to_owned(),
                    user: "purser".to_owned(),
                    password: "open sesame".to_owned(),
                    security: security.to_owned(),
                    roots: roots.root().into_bytes(),
                    ..settings(&smtp)
                };
                let mut office = Office::with_server(&db, smtp, settings).await;
                let id = office.tell(reset("Asha")).await;
                office.work().await;
                let is_theirs = std::ptr::eq(roots, &signer);
                let state = if is_theirs { NoticeState::Sent } else { NoticeState::Waiting };
                assert_eq!(office.notice(id).await.state, state, "{security}: {:?}", office.notice(id).await.error);
                // The other one waits for its retry, and must not go to the next server.
                db.write(|tx| tx.execute("DELETE FROM outbox_job", &[])).await.unwrap();
            }
        }
        let clear = FakeSmtp::start().await;
        let settings = MailSettings { security: "starttls".to_owned(), ..settings(&clear) };
        let mut office = Office::with_server(&db, clear, settings).await;
        let id = office.tell(reset("Asha")).await;
        office.work().await;
        assert_eq!((office.notice(id).await.state, office.smtp.mails().len()), (NoticeState::Waiting, 0));
    }

    async fn a_number_in_a_notice_is_a_number(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        office.tell(NewNotice { values: json!({ "credit": 12 }), ..low(Channel::Email, ASHA) }).await;
        office.work().await;
        assert!(office.smtp.mail(0).await.part("text/plain").unwrap().contains("12 is left."));
    }
}

fn settings_of_nobody() -> MailSettings {
    MailSettings {
        host: "127.0.0.1".to_owned(),
        security: "none".to_owned(),
        from: "a@example.com".to_owned(),
        timeout: std::time::Duration::from_secs(5),
        ..MailSettings::default()
    }
}
