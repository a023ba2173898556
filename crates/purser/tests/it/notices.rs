//! What people and programs are told: once for what happened, never for what did not.

mod channels;
mod console;
mod mail;
pub(crate) mod office;
mod operator;
mod order;

use purser_outbox::{
    Channel, Job as _, Language, NewNotice, NoticeKind, NoticeState, NoticeText, NoticeTexts, NoticeValue, SendNotice,
    dead_letter_requeue, dead_letters, job_enqueue, jobs_claim, notice_enqueue, notice_resend, notices_enqueue,
};
use purser_store::WriteTx;
use purser_testkit::{TestDb, both};
use serde_json::json;

use office::Office;
pub(crate) use office::settings;

/// The address that most of it goes to.
const ASHA: &str = "asha@example.com";

static RESET: NoticeKind = NoticeKind {
    name: "test.reset",
    title: "Password reset",
    about: "Sent to whoever asks for it.",
    values: &[
        NoticeValue::open("name", "The person's name.", "Asha"),
        NoticeValue::secret("link", "Where to choose a password.", "https://purser.example/reset/1"),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "A new password for {{ name }}",
            text: "Hello {{ name }},\n\nchoose a new password here:\n{{ link }}",
            html: "",
        },
        hi: NoticeText {
            subject: "{{ name }} के लिए नया पासवर्ड",
            text: "नमस्ते {{ name }},\n\nनया पासवर्ड यहाँ चुनें:\n{{ link }}",
            html: "<p>नमस्ते <b>{{ name }}</b></p><p><a href=\"{{ link }}\">नया पासवर्ड</a></p>",
        },
    },
};

static LOW: NoticeKind = NoticeKind {
    name: "test.low-credit",
    title: "Low credit",
    about: "Sent to sellers whose credit runs out.",
    values: &[NoticeValue::open("credit", "What is left.", "₹12.00")],
    texts: NoticeTexts {
        en: NoticeText { subject: "Low credit", text: "{{ credit }} is left.", html: "" },
        hi: NoticeText {
            subject: "क्रेडिट कम है", text: "{{ credit }} बचा है।", html: ""
        },
    },
};

fn reset(name: &str) -> NewNotice<'static> {
    let values = json!({ "name": name, "link": "https://purser.example/reset/s3cret" });
    NewNotice { kind: &RESET, channel: Channel::Email, to: ASHA, language: Language::English, values }
}

fn low(channel: Channel, to: &str) -> NewNotice<'_> {
    NewNotice { kind: &LOW, channel, to, language: Language::English, values: json!({ "credit": "₹7.50" }) }
}

both! {
    async fn a_notice_is_sent_once_however_often_it_is_enqueued_or_its_job_runs(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let (now, id) = (db.clock().now(), db.ids().next());
        for _ in 0..2 {
            db.write(move |tx| notice_enqueue(tx, now, id, &reset("Asha"))).await.unwrap();
        }
        assert_eq!(office.work().await, 1);
        let again = db.ids().next();
        db.write(move |tx| job_enqueue(tx, now, again, &purser_outbox::SendNotice { id })).await.unwrap();
        assert_eq!((office.work().await, office.smtp.mails().len()), (1, 1));
        assert_eq!(office.notice(id).await.state, NoticeState::Sent);
    }

    async fn nobody_is_told_what_was_rolled_back(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let (now, id) = (db.clock().now(), db.ids().next());
        let failed = db.write(move |tx| {
            notice_enqueue(tx, now, id, &reset("Asha"))?;
            Err::<(), _>(purser_outbox::Error::NoNotice { id })
        });
        assert!(failed.await.is_err());
        assert_eq!((office.work().await, office.smtp.mails().len()), (0, 0));
        assert!(office.find(id).await.is_none());
    }

    async fn a_secret_is_struck_out_once_it_is_sent(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let id = office.tell(reset("Asha")).await;
        assert!(office.dump().await.contains("s3cret"), "until then it must be there");
        office.work().await;
        let mail = office.smtp.mail(0).await;
        assert!(mail.part("text/plain").unwrap().contains("https://purser.example/reset/s3cret"));
        assert!(!office.dump().await.contains("s3cret"), "{}", office.dump().await);
        let notice = office.notice(id).await;
        assert_eq!((notice.values["name"].as_str(), notice.values["link"].as_str()), (Some("Asha"), Some("********")));
        assert!(notice.sent.unwrap().text.contains("********"));
        let (now, job) = (db.clock().now(), db.ids().next());
        let again = db.write(move |tx| notice_resend(tx, now, id, job, &["link"])).await;
        assert_eq!(again, Err(purser_outbox::Error::NoticeStruck { id }), "a struck-out link opens nothing");
    }

    async fn what_cannot_be_sent_is_kept_until_it_can(db: TestDb) {
        let mut closed = Office::without_channels(&db).await;
        let id = closed.tell(reset("Asha")).await;
        let sheet = closed.tell(low(Channel::Sheet, "sheet/A1")).await;
        assert_eq!(closed.work().await, 2);
        for id in [id, sheet] {
            let notice = closed.notice(id).await;
            assert_eq!(notice.state, NoticeState::Stored);
            assert!(notice.error.unwrap().contains("not configured"));
        }
        assert_eq!(closed.waiting().await, (0, 0), "it is no failure");
        let mut office = Office::with_mail(&db).await;
        assert_eq!(office.work().await, 0, "a person decides");
        let (now, job) = (db.clock().now(), db.ids().next());
        db.write(move |tx| notice_resend(tx, now, id, job, &["link"])).await.unwrap();
        assert_eq!((office.work().await, office.smtp.mails().len()), (1, 1));
        assert!(office.smtp.mails()[0].raw.contains("s3cret"), "nothing was lost");
    }

    async fn a_requeued_dead_letter_is_sent(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        office.smtp.trouble(purser_testkit::SmtpStep::Rcpt, purser_testkit::SmtpFault::Refuse(550, "no such user"));
        let id = office.tell(reset("Asha")).await;
        office.work().await;
        assert_eq!((office.notice(id).await.state, office.waiting().await), (NoticeState::Failed, (0, 1)));
        let letter = db.read(|tx| dead_letters(tx, 1, None)).await.unwrap().remove(0);
        assert!(!letter.payload.contains("s3cret"), "a dead letter is for staff: {}", letter.payload);
        let now = db.clock().now();
        db.write(move |tx| dead_letter_requeue(tx, now, letter.id)).await.unwrap();
        office.work().await;
        assert_eq!((office.smtp.mails().len(), office.notice(id).await.state), (1, NoticeState::Sent));
        assert_eq!((office.waiting().await, office.notice(id).await.error), ((0, 0), None));
    }

    async fn a_notice_whose_job_kills_its_workers_has_failed(db: TestDb) {
        let office = Office::with_mail(&db).await;
        let id = office.tell(reset("Asha")).await;
        let (owner, length) = (db.ids().next(), jiff::SignedDuration::from_mins(1));
        for attempts_left in (0..SendNotice::MAX_ATTEMPTS).rev() {
            let now = db.clock().advance(length);
            let claim = move |tx: &mut WriteTx<'_>| jobs_claim(tx, now, owner, &[SendNotice::KIND], 9, length);
            assert_eq!(db.write(claim).await.unwrap().len(), 1, "{attempts_left}");
            assert_eq!(office.notice(id).await.state, NoticeState::Waiting);
        }
        let now = db.clock().advance(length);
        let claim = move |tx: &mut WriteTx<'_>| jobs_claim(tx, now, owner, &[SendNotice::KIND], 9, length);
        assert_eq!(db.write(claim).await, Ok(vec![]));
        let notice = office.notice(id).await;
        assert_eq!((notice.state, office.waiting().await), (NoticeState::Failed, (0, 1)));
        assert!(notice.error.unwrap().contains("died during the last attempt"));
    }

    async fn a_person_may_send_again_what_was_sent_failed_or_waits(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let id = office.tell(low(Channel::Email, ASHA)).await;
        let again = async |office: &Office| {
            let (now, job) = (db.clock().now(), db.ids().next());
            db.write(move |tx| notice_resend(tx, now, id, job, &[])).await.unwrap();
            office.notice(id).await.state
        };
        assert_eq!(again(&office).await, NoticeState::Waiting);
        assert_eq!((office.work().await, office.smtp.mails().len()), (1, 1), "its job was there already");
        assert_eq!(again(&office).await, NoticeState::Waiting);
        office.smtp.trouble(purser_testkit::SmtpStep::Mail, purser_testkit::SmtpFault::Refuse(550, "no"));
        office.work().await;
        assert_eq!(office.waiting().await, (0, 1));
        again(&office).await;
        assert_eq!(office.waiting().await, (1, 0), "its dead letter is gone");
        office.work().await;
        let names: Vec<_> = office.smtp.mails().iter().map(|mail| mail.header("message-id").unwrap()).collect();
        assert_eq!(names, [format!("<{id}.0@example.com>"), format!("<{id}.1@example.com>")], "meant to come twice");
    }

    async fn many_are_told_beside_the_one_that_somebody_waits_for(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        let ids: Vec<_> = (0..250).map(|_| db.ids().next()).collect();
        let (now, many) = (db.clock().now(), ids.clone());
        let tell = || {
            let many = many.clone();
            db.write(move |tx| {
                let notices: Vec<_> = many.iter().map(|id| (*id, low(Channel::Email, ASHA))).collect();
                notices_enqueue(tx, now, &notices)
            })
        };
        tell().await.unwrap();
        tell().await.unwrap();
        let one = office.tell(reset("Asha")).await;
        assert_eq!(office.work().await, 1, "the worker of the house leaves them alone");
        assert_eq!(office.notice(one).await.state, NoticeState::Sent);
        assert_eq!((office.work_bulk().await, office.smtp.mails().len()), (250, 251));
        assert_eq!(office.notice(ids[249]).await.state, NoticeState::Sent);
    }

    async fn a_notice_that_this_program_does_not_know_is_a_dead_letter(db: TestDb) {
        static STRANGE: NoticeKind = NoticeKind { name: "test.strange", ..LOW_COPY };
        const LOW_COPY: NoticeKind = NoticeKind {
            name: "",
            title: "",
            about: "",
            values: &[],
            texts: NoticeTexts {
                en: NoticeText { subject: "s", text: "t", html: "" },
                hi: NoticeText { subject: "s", text: "t", html: "" },
            },
        };
        let mut office = Office::with_mail(&db).await;
        let notice = NewNotice { kind: &STRANGE, values: json!({}), ..low(Channel::Email, ASHA) };
        let id = office.tell(notice).await;
        office.work().await;
        assert_eq!((office.notice(id).await.state, office.waiting().await), (NoticeState::Failed, (0, 1)));
    }
}
