//! Telegram messages and webhooks, against servers that refuse, redirect and ask for patience.

use jiff::SignedDuration;
use purser_notify::{EVENT_ID, SIGNATURE, TIMESTAMP, Webhook};
use purser_outbox::{Channel, Language, NewNotice, NoticeState};
use purser_testkit::{Answer, Recorded, TestDb, both};
use serde_json::json;

use super::low;
use super::office::{Office, SECRET};

fn taken() -> Answer {
    Answer::json(200, &json!({ "ok": true, "result": { "message_id": 1 } }))
}

fn refused(status: u16, description: &str) -> Answer {
    Answer::json(status, &json!({ "ok": false, "error_code": status, "description": description }))
}

fn signature_of(request: &Recorded) -> String {
    let header = |name| request.header(name).unwrap().to_owned();
    Webhook::new(SECRET, true).unwrap().unwrap().sign(&header(EVENT_ID), &header(TIMESTAMP), &request.body)
}

both! {
    async fn a_message_is_plain_text_to_one_chat(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        office.web.answer(taken());
        let id = office.tell(NewNotice { values: json!({ "credit": "*<b>₹1</b>_" }), ..low(Channel::Telegram, "-1001") }).await;
        office.work().await;
        let request = office.web.request(0).await;
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/bot7:token/sendMessage"));
        let sent = request.json();
        assert_eq!((&sent["chat_id"], &sent["text"]), (&json!(-1001), &json!("*<b>₹1</b>_ is left.")));
        assert!(sent.get("parse_mode").is_none(), "no mark in a name means anything");
        let notice = office.notice(id).await;
        assert_eq!((notice.state, notice.sent.unwrap().html.as_str()), (NoticeState::Sent, ""));
    }

    async fn telegram_is_given_the_time_that_it_asks_for(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let busy = json!({ "ok": false, "description": "Too Many Requests", "parameters": { "retry_after": 1_700 } });
        office.web.answer(Answer::json(429, &busy));
        office.web.answer(taken());
        let id = office.tell(low(Channel::Telegram, "7")).await;
        office.work().await;
        assert_eq!(office.notice(id).await.state, NoticeState::Waiting);
        office.wait(SignedDuration::from_secs(1_699));
        assert_eq!(office.work().await, 0, "not a second earlier");
        office.wait(SignedDuration::from_secs(1));
        assert_eq!((office.work().await, office.notice(id).await.state), (1, NoticeState::Sent));
        assert_eq!(office.web.requests().len(), 2);
    }

    async fn a_chat_that_is_closed_to_us_is_a_dead_letter_and_a_lost_answer_is_not(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        office.web.answer(refused(403, "Forbidden: bot was blocked by the user"));
        let blocked = office.tell(low(Channel::Telegram, "7")).await;
        office.work().await;
        let notice = office.notice(blocked).await;
        assert_eq!((notice.state, office.waiting().await), (NoticeState::Failed, (0, 1)));
        assert!(notice.error.unwrap().contains("blocked by the user"));
        for answer in [Answer::lost(), Answer::text(502, "<html>"), refused(401, "Unauthorized")] {
            office.web.answer(answer);
            let id = office.tell(low(Channel::Telegram, "7")).await;
            office.work().await;
            assert_eq!(office.notice(id).await.state, NoticeState::Waiting);
        }
        assert!(!office.dump().await.contains("7:token"), "a token is never told: {}", office.dump().await);
    }

    async fn a_program_is_called_with_a_signature_that_it_can_check(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        office.web.answer(Answer::status(204));
        let url = office.web.url("/hook?x=1");
        let id = office.tell(NewNotice { language: Language::Hindi, ..low(Channel::Webhook, &url) }).await;
        office.work().await;
        let request = office.web.request(0).await;
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/hook?x=1"));
        assert_eq!(request.header(EVENT_ID), Some(id.to_string().as_str()));
        assert_eq!(request.header(TIMESTAMP), Some("1767583800"));
        assert_eq!(request.header(SIGNATURE), Some(signature_of(&request).as_str()));
        let mut forged = request.clone();
        forged.body.push(b' ');
        assert_ne!(request.header(SIGNATURE), Some(signature_of(&forged).as_str()));
        let expected = json!({
            "id": id,
            "event": "test.low-credit",
            "created_at": "2026-01-05T03:30:00Z",
            "language": "hi",
            "text": "₹7.50 बचा है।",
            "values": { "credit": "₹7.50" },
        });
        assert_eq!(request.json(), expected);
        assert_eq!(office.notice(id).await.state, NoticeState::Sent);
    }

    async fn a_program_that_is_away_is_called_again_as_the_same_event(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let url = office.web.url("/hook");
        let id = office.tell(low(Channel::Webhook, &url)).await;
        for answer in [Answer::lost(), Answer::status(500), Answer::status(429).header("retry-after", "60"), Answer::status(200)] {
            office.web.answer(answer);
            office.work().await;
            office.wait(SignedDuration::from_hours(1));
        }
        let requests = office.web.requests();
        assert_eq!((requests.len(), office.notice(id).await.state), (4, NoticeState::Sent));
        for request in &requests {
            assert_eq!(request.header(EVENT_ID), Some(id.to_string().as_str()));
            assert_eq!(request.header(SIGNATURE), Some(signature_of(request).as_str()), "each signed at its own moment");
        }
    }

    async fn a_program_that_refuses_or_sends_elsewhere_is_not_called_again(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let url = office.web.url("/hook");
        let elsewhere = office.web.url("/elsewhere");
        for answer in [Answer::status(410), Answer::status(400), Answer::status(307).header("location", &elsewhere)] {
            office.web.answer(answer);
            let id = office.tell(low(Channel::Webhook, &url)).await;
            office.work().await;
            assert_eq!(office.notice(id).await.state, NoticeState::Failed);
        }
        assert_eq!((office.web.requests().len(), office.waiting().await), (3, (0, 3)));
        let id = office.tell(low(Channel::Webhook, "file:///etc/passwd")).await;
        office.work().await;
        assert_eq!(office.notice(id).await.state, NoticeState::Failed);
    }
}
