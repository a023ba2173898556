//! What whoever runs the house is told: jobs that were given up, backups that were not taken.

use jiff::SignedDuration;
use purser_notify::InstanceOperator;
use purser_outbox::{Job, NoticeState, dead_letters, job_dead_letter, job_enqueue, job_enqueue_leased, notices_count};
use purser_store::{ReadTx, params};
use purser_testkit::{FakeSmtp, SmtpFault, SmtpStep, TestDb, both};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::console::with_mail;
use super::office::Office;
use super::reset;

const ADMIN: &str = "owner@example.com";

#[derive(Serialize, Deserialize)]
struct Deliver {}

impl Job for Deliver {
    const KIND: &'static str = "charge.deliver";
}

/// As the schedules enqueue them.
#[derive(Serialize, Deserialize)]
struct NotifyOperator {}

impl Job for NotifyOperator {
    const KIND: &'static str = "house.tell-operator";
}

#[derive(Serialize, Deserialize)]
struct TakeBackup {}

impl Job for TakeBackup {
    const KIND: &'static str = "house.backup";
}

#[derive(Serialize, Deserialize)]
struct Verify {}

impl Job for Verify {
    const KIND: &'static str = "house.verify";
}

fn operator() -> InstanceOperator {
    InstanceOperator { email: ADMIN.to_owned(), site: "https://purser.example".to_owned() }
}

/// A job that was given up, on this.
async fn given_up(db: &TestDb, error: &'static str) {
    let (now, id, owner) = (db.clock().now(), db.ids().next(), db.ids().next());
    let buried = db.write(move |tx| {
        let lease = job_enqueue_leased(tx, now, id, owner, SignedDuration::from_mins(1), &Deliver {})?;
        job_dead_letter(tx, now, &lease, error)
    });
    buried.await.unwrap();
}

async fn told(db: &TestDb) -> bool {
    let (now, id) = (db.clock().now(), db.ids().next());
    db.write(move |tx| operator().dead_letters_notify(tx, now, id)).await.unwrap()
}

both! {
    async fn jobs_that_were_given_up_are_summed_up_in_one_mail_an_hour(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        assert!(!told(&db).await, "nothing to tell");
        given_up(&db, "the line is dead").await;
        given_up(&db, "the operator <b>does not</b> answer\r\nBcc: thief@example.com").await;
        assert!(told(&db).await);
        office.work().await;
        let mail = office.smtp.mail(0).await;
        assert_eq!(mail.to, [ADMIN]);
        assert_eq!(mail.header("subject").as_deref(), Some("Jobs given up: 2"));
        let (text, html) = (mail.part("text/plain").unwrap(), mail.part("text/html").unwrap());
        assert!(text.contains("charge.deliver (2)") && text.contains("does not</b> answer"), "{text}");
        assert!(text.contains("https://purser.example/admin/house/dead-letters/"), "{text}");
        assert!(!html.contains("<b>does") && mail.header("bcc").is_none(), "{html}");

        office.wait(SignedDuration::from_mins(59));
        given_up(&db, "again").await;
        assert!(!told(&db).await, "one an hour");
        office.wait(SignedDuration::from_mins(1));
        assert!(told(&db).await);
        office.work().await;
        assert_eq!(office.smtp.mail(1).await.header("subject").as_deref(), Some("Jobs given up: 1"));
        office.wait(SignedDuration::from_hours(5));
        assert!(!told(&db).await, "each is told once");
    }

    async fn a_mail_to_the_operator_that_fails_causes_no_other(db: TestDb) {
        let mut office = Office::with_mail(&db).await;
        given_up(&db, "the line is dead").await;
        assert!(told(&db).await);
        office.smtp.trouble_always(Some((SmtpStep::Rcpt, SmtpFault::Refuse(550, "no such mailbox"))));
        office.work().await;
        assert_eq!(db.read(|tx| notices_count(tx, NoticeState::Failed)).await.unwrap(), 1);
        office.wait(SignedDuration::from_hours(2));
        assert!(!told(&db).await, "its own dead letter is none to tell");
        office.tell(reset("Asha")).await;
        office.work().await;
        assert!(told(&db).await, "one of somebody else's mail is");
    }

    async fn the_program_mails_its_operator_of_dead_letters_and_of_a_backup_that_failed(db: TestDb) {
        let smtp = FakeSmtp::start().await;
        let installation = with_mail(&db, &smtp).with("ADMIN_EMAIL", ADMIN);
        let installation = installation.with("PURSER_BACKUP_PASSPHRASE_FILE", "/nowhere/passphrase");
        let (now, [first, second]) = (db.clock().now(), [db.ids().next(), db.ids().next()]);
        let serving = installation.serve("");
        db.write(move |tx| job_enqueue(tx, now, first, &TakeBackup {})).await.unwrap();
        let mail = smtp.mail(0).await;
        assert_eq!((mail.to.as_slice(), mail.header("subject").as_deref()), ([ADMIN.to_owned()].as_slice(), Some("The backup failed")));
        assert!(mail.part("text/plain").unwrap().contains("/nowhere/passphrase"), "{}", mail.raw);
        while db.read(|tx| dead_letters(tx, 1, None)).await.unwrap().is_empty() {}
        db.write(move |tx| job_enqueue(tx, now, second, &NotifyOperator {})).await.unwrap();
        let mail = smtp.mail(1).await;
        assert_eq!(mail.header("subject").as_deref(), Some("Jobs given up: 1"));
        assert!(mail.part("text/plain").unwrap().contains("house.backup (1)"), "{}", mail.raw);
        drop(serving);
        let wrong = with_mail(&db, &smtp).with("ADMIN_EMAIL", "nobody");
        let said = wrong.run(&["worker"]);
        assert!(String::from_utf8_lossy(&said.stderr).contains("mail.admin is 'nobody'"), "{said:?}");
    }

    async fn books_that_are_wrong_are_found_at_night_and_the_operator_is_told(db: TestDb) {
        let smtp = FakeSmtp::start().await;
        let installation = with_mail(&db, &smtp).with("ADMIN_EMAIL", ADMIN);
        let serving = installation.serve(&installation.key("charge.*"));
        let (_, seller) = serving.caller().post("/api/sellers/", json!({ "name": "Corner Shop" })).await;
        let path = format!("/api/sellers/{}/increase_credit/", seller["id"].as_str().unwrap());
        assert_eq!(serving.caller().post(&path, json!({ "amount": 5 })).await.0, 200);
        let now = db.clock().now();
        let verify = async |id| db.write(move |tx| job_enqueue(tx, now, id, &Verify {})).await.unwrap();
        let shift = async |by: i64| {
            let sql = "UPDATE ledger_balance SET balance = balance + ?1 WHERE balance > 0";
            db.write(move |tx| tx.execute(sql, &params![by])).await.unwrap();
        };

        let clean = db.ids().next();
        assert!(verify(clean).await);
        let there = move |tx: &mut ReadTx<'_>| tx.query("SELECT id FROM outbox_job WHERE id = ?1", &params![clean], |_| Ok(()));
        while !db.read(there).await.unwrap().is_empty() {}
        assert_eq!(db.read(|tx| dead_letters(tx, 1, None)).await.unwrap(), []);

        shift(1).await;
        assert!(verify(db.ids().next()).await);
        while db.read(|tx| dead_letters(tx, 1, None)).await.unwrap().is_empty() {}
        shift(-1).await;
        let letter = db.read(|tx| dead_letters(tx, 1, None)).await.unwrap().remove(0);
        assert_eq!((letter.kind.as_str(), letter.attempts), ("house.verify", 1));
        let tell = db.ids().next();
        db.write(move |tx| job_enqueue(tx, now, tell, &NotifyOperator {})).await.unwrap();
        let mail = smtp.mail(0).await;
        assert_eq!(mail.header("subject").as_deref(), Some("Jobs given up: 1"));
        let text = mail.part("text/plain").unwrap();
        assert!(text.contains("house.verify (1)") && text.contains("wrong in the books"), "{text}");
    }
}
