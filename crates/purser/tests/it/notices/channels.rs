//! Telegram messages and webhooks, against servers that refuse, redirect and ask for patience.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD, Engine as _};
use jiff::SignedDuration;
use purser_notify::{EVENT_ID, SIGNATURE, TIMESTAMP, Webhook};
use purser_outbox::{Channel, Language, NewNotice, NoticeState};
use purser_testkit::{FakeResponse, RecordedRequest, TestDb, both};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;

use super::low;
use super::office::{ACCOUNT_KEY, Office, SECRET};

fn taken() -> FakeResponse {
    FakeResponse::json(200, &json!({ "ok": true, "result": { "message_id": 1 } }))
}

fn refused(status: u16, description: &str) -> FakeResponse {
    FakeResponse::json(status, &json!({ "ok": false, "error_code": status, "description": description }))
}

/// What an assertion says, if the account's key signed it.
fn claims(assertion: &str) -> serde_json::Value {
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let der = PrivatePkcs8KeyDer::from_pem_slice(ACCOUNT_KEY.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public());
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).expect("our signature");
    let claims = signed.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

fn signature_of(request: &RecordedRequest) -> String {
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
        office.web.answer(FakeResponse::json(429, &busy));
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

    async fn a_message_that_is_too_long_arrives_in_parts_and_an_attempt_goes_on_where_the_last_one_ended(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        for answer in [taken(), taken(), FakeResponse::text(502, "<html>"), taken()] {
            office.web.answer(answer);
        }
        let text = format!("{} {}", "😀".repeat(3_000), "क्षि".repeat(600));
        let id = office.tell(NewNotice { values: json!({ "credit": text }), ..low(Channel::Telegram, "7") }).await;
        office.work().await;
        assert_eq!(office.notice(id).await.state, NoticeState::Waiting);
        office.wait(SignedDuration::from_hours(1));
        office.work().await;
        assert_eq!(office.notice(id).await.state, NoticeState::Sent);
        let requests = office.web.requests();
        let texts = requests.iter().map(|request| request.json()["text"].as_str().unwrap().to_owned());
        let mut texts: Vec<String> = texts.collect();
        assert!(texts.iter().all(|text| text.encode_utf16().count() <= 4_096));
        assert_eq!(texts.len(), 4);
        assert_eq!(texts[2], texts[3], "the one that failed is sent again, and those before it are not");
        texts.remove(2);
        let whole = format!("{text} is left.");
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(squeezed(&texts.concat()), squeezed(&whole));
    }

    async fn a_chat_that_is_closed_to_us_is_a_dead_letter_and_a_lost_answer_is_not(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        office.web.answer(refused(403, "Forbidden: bot was blocked by the user"));
        let blocked = office.tell(low(Channel::Telegram, "7")).await;
        office.work().await;
        let notice = office.notice(blocked).await;
        assert_eq!((notice.state, office.waiting().await), (NoticeState::Failed, (0, 1)));
        assert!(notice.error.unwrap().contains("blocked by the user"));
        for answer in [FakeResponse::lost(), FakeResponse::text(502, "<html>"), refused(401, "Unauthorized")] {
            office.web.answer(answer);
            let id = office.tell(low(Channel::Telegram, "7")).await;
            office.work().await;
            assert_eq!(office.notice(id).await.state, NoticeState::Waiting);
        }
        assert!(!office.dump().await.contains("7:token"), "a token is never told: {}", office.dump().await);
    }

    async fn a_program_is_called_with_a_signature_that_it_can_check(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        office.web.answer(FakeResponse::status(204));
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
        for answer in [FakeResponse::lost(), FakeResponse::status(500), FakeResponse::status(429).header("retry-after", "60"), FakeResponse::status(200)] {
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

    async fn a_row_is_plain_text_under_a_token_that_is_kept_for_its_hour(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        office.web.answer_otherwise(|request| match request.target.as_str() {
            "/token" => FakeResponse::json(200, &json!({ "access_token": "t-1", "expires_in": 3_599 })),
            _ => FakeResponse::json(200, &json!({})),
        });
        let row = || NewNotice { values: json!({ "credit": "=1+1" }), ..low(Channel::Sheet, "1aBc/Low credit!A:C") };
        let id = office.tell(row()).await;
        office.work().await;
        let requests = office.web.requests();
        assert_eq!((requests[0].target.as_str(), requests.len()), ("/token", 2));
        let form = String::from_utf8(requests[0].body.clone()).unwrap();
        let assertion = form.split("assertion=").nth(1).unwrap();
        assert_eq!(claims(assertion)["iss"], "purser@project.example");
        assert_eq!(
            requests[1].target,
            "/sheets/v4/spreadsheets/1aBc/values/Low%20credit!A:C:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS"
        );
        assert_eq!(requests[1].header("authorization"), Some("Bearer t-1"));
        assert_eq!(requests[1].json(), json!({ "values": [[id, "2026-01-05T03:30:00Z", "=1+1"]] }));
        assert_eq!(office.notice(id).await.state, NoticeState::Sent);
        office.tell(row()).await;
        office.work().await;
        office.wait(SignedDuration::from_hours(1));
        office.tell(row()).await;
        office.work().await;
        let tokens = office.web.requests().iter().filter(|request| request.target == "/token").count();
        assert_eq!((office.web.requests().len(), tokens), (5, 2));
    }

    async fn a_sheet_that_is_not_shared_is_waited_for_and_one_that_is_none_is_not(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let refused = |status: u16| FakeResponse::json(status, &json!({ "error": { "message": "The caller does not have permission" } }));
        for (to, status, state) in [
            ("1aBc/A:C", 403, NoticeState::Waiting),
            ("1aBc/A:C", 503, NoticeState::Waiting),
            ("1aBc/A:C", 404, NoticeState::Failed),
            ("nothing", 200, NoticeState::Failed),
        ] {
            office.web.answer_otherwise(move |request| match request.target.as_str() {
                "/token" => FakeResponse::json(200, &json!({ "access_token": "t-1" })),
                _ => refused(status),
            });
            let id = office.tell(low(Channel::Sheet, to)).await;
            office.work().await;
            assert_eq!(office.notice(id).await.state, state, "{to} {status}");
        }
        assert!(!office.dump().await.contains("t-1"));
    }

    async fn a_program_that_refuses_or_sends_elsewhere_is_not_called_again(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let url = office.web.url("/hook");
        let elsewhere = office.web.url("/elsewhere");
        for answer in [FakeResponse::status(410), FakeResponse::status(400), FakeResponse::status(307).header("location", &elsewhere)] {
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
