//! Webhooks in order: of each withdrawal one after another, whatever the receiver does meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use purser_notify::EVENT_ID;
use purser_outbox::{
    Channel, Language, NewNotice, NoticeKind, NoticeState, NoticeText, NoticeTexts, NoticeValue, notice_resend,
    notices_enqueue,
};
use purser_testkit::{FakeResponse, FakeServer, RecordedRequest, TestDb, both};
use serde_json::json;
use uuid::Uuid;

use super::office::Office;
use super::{ASHA, low};

pub(super) static WITHDRAWAL: NoticeKind = NoticeKind {
    name: "test.withdrawal",
    title: "A withdrawal has changed",
    about: "Sent to the application for each change of a withdrawal.",
    values: &[
        NoticeValue::open("withdrawal", "Which.", "w-1"),
        NoticeValue::open("sequence", "Which change of it this is, from 1.", "1"),
    ],
    texts: NoticeTexts {
        en: NoticeText { subject: "{{ withdrawal }}", text: "{{ withdrawal }} has changed.", html: "" },
        hi: NoticeText {
            subject: "{{ withdrawal }}", text: "{{ withdrawal }} बदल गया है।", html: ""
        },
    },
};

/// An event's id, and the sequence that it says.
type Event = (String, u64);

/// What the receiver took, in order, by withdrawal.
#[derive(Clone, Default)]
struct ReceivedEvents(Arc<Mutex<BTreeMap<String, Vec<Event>>>>);

impl ReceivedEvents {
    fn take(&self, request: &RecordedRequest) {
        let event = request.header(EVENT_ID).unwrap().to_owned();
        let mut taken = self.0.lock().unwrap();
        taken.entry(withdrawal_of(request)).or_default().push((event, sequence_of(request)));
    }

    fn sequences(&self) -> Vec<Vec<u64>> {
        let taken = self.0.lock().unwrap();
        taken.values().map(|events| events.iter().map(|(_, sequence)| *sequence).collect()).collect()
    }

    fn events(&self) -> Vec<String> {
        self.0.lock().unwrap().values().flatten().map(|(event, _)| event.clone()).collect()
    }
}

fn withdrawal_of(request: &RecordedRequest) -> String {
    request.json()["values"]["withdrawal"].as_str().unwrap().to_owned()
}

fn sequence_of(request: &RecordedRequest) -> u64 {
    request.json()["values"]["sequence"].as_u64().unwrap()
}

/// Tells of one change of a withdrawal.
async fn change(office: &Office, url: &str, withdrawal: u32, sequence: u32) -> Uuid {
    let name = format!("w-{withdrawal}");
    let values = json!({ "withdrawal": name, "sequence": sequence });
    let notice =
        NewNotice { kind: &WITHDRAWAL, channel: Channel::Webhook, to: url, language: Language::English, values };
    office.tell_in_order(&format!("coins.withdrawal:{name}"), notice).await
}

/// Has everything that is taken from now on written down.
fn takes(web: &FakeServer) -> ReceivedEvents {
    let taken = ReceivedEvents::default();
    let inner = taken.clone();
    web.answer_otherwise(move |request| {
        inner.take(request);
        FakeResponse::status(200)
    });
    taken
}

/// An address where nobody listens.
fn closed() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/hook", listener.local_addr().unwrap())
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

both! {
    async fn a_receiver_that_was_away_for_an_hour_is_told_everything_in_order_and_once(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let url = office.web.url("/hook");
        let tries = Mutex::new(0);
        office.web.answer_otherwise(move |_| {
            let mut tries = tries.lock().unwrap();
            *tries += 1;
            match *tries % 5 {
                0 => FakeResponse::lost(),
                1 => FakeResponse::status(503),
                2 => FakeResponse::status(429).header("retry-after", "90"),
                3 => FakeResponse::status(408),
                _ => FakeResponse::status(500),
            }
        });
        let mut ids = Vec::new();
        for minute in 0..60 {
            if minute < 40 && minute % 10 == 0 {
                for withdrawal in 1..=5 {
                    ids.push(change(&office, &url, withdrawal, minute / 10 + 1).await.to_string());
                }
            }
            office.work().await;
            office.wait(MINUTE);
        }
        assert!(office.web.requests().iter().all(|request| sequence_of(request) == 1), "the first of each, and no other");
        assert_eq!(office.waiting().await, (20, 0));

        let taken = takes(&office.web);
        for _ in 0..10 {
            office.work().await;
            office.wait(MINUTE);
        }
        assert_eq!(taken.sequences(), vec![vec![1, 2, 3, 4]; 5]);
        let mut events = taken.events();
        events.sort();
        ids.sort();
        assert_eq!((events, office.waiting().await), (ids, (0, 0)), "each once, ten minutes later");
    }

    async fn a_receiver_that_is_away_for_a_day_loses_nothing(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let closed = closed();
        office.web.answer_otherwise(|_| FakeResponse::status(502));
        let url = office.web.url("/hook");
        let (one, two) = (change(&office, &url, 1, 1).await, change(&office, &url, 1, 2).await);
        let unheard = change(&office, &closed, 2, 1).await;
        for _ in 0..24 * 12 {
            office.wait(MINUTE * 5);
            office.work().await;
        }
        assert_eq!(office.waiting().await, (3, 0));
        for id in [one, two, unheard] {
            assert_eq!(office.notice(id).await.state, NoticeState::Waiting);
        }
        assert!(office.notice(unheard).await.error.is_some(), "a person sees why");
        let calls = office.web.requests().len();
        assert!((24 * 6..=24 * 12).contains(&calls), "every five to ten minutes: {calls} calls");
        let taken = takes(&office.web);
        office.wait(MINUTE * 10);
        office.work().await;
        assert_eq!(taken.sequences(), [[1, 2]]);
    }

    async fn an_event_whose_answer_was_lost_comes_again_as_it_was_and_before_the_next(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let url = office.web.url("/hook");
        let id = change(&office, &url, 1, 1).await;
        change(&office, &url, 1, 2).await;
        office.web.answer(FakeResponse::lost());
        office.work().await;
        takes(&office.web);
        office.wait(MINUTE);
        office.work().await;
        let requests = office.web.requests();
        assert_eq!(requests.len(), 3);
        for request in &requests[..2] {
            assert_eq!(request.header(EVENT_ID), Some(id.to_string().as_str()));
        }
        assert_eq!(requests[0].body, requests[1].body);
        assert_eq!(sequence_of(&requests[2]), 2);
    }

    async fn one_that_is_refused_for_good_lets_the_later_go_on_and_comes_last_when_it_is_sent_again(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let url = office.web.url("/hook");
        let refused = change(&office, &url, 1, 1).await;
        for sequence in [2, 3] {
            change(&office, &url, 1, sequence).await;
        }
        let taken = takes(&office.web);
        office.web.answer(FakeResponse::status(422));
        office.web.answer(FakeResponse::status(503));
        office.work().await;
        assert_eq!((office.notice(refused).await.state, office.waiting().await), (NoticeState::Failed, (2, 1)));
        let (now, job) = (db.clock().now(), db.ids().next());
        db.write(move |tx| notice_resend(tx, now, refused, job, &[])).await.unwrap();
        assert_eq!(office.work().await, 0, "those of its key go before it");
        office.wait(MINUTE);
        office.work().await;
        assert_eq!(taken.sequences(), [[2, 3, 1]], "a receiver sees by the sequence that it is old");
        assert_eq!(office.waiting().await, (0, 0));
    }

    async fn two_copies_never_tell_two_changes_of_a_withdrawal_at_once(db: TestDb) {
        let (mut one, mut two) = (Office::with_all(&db).await, Office::with_all(&db).await);
        let url = one.web.url("/hook");
        for count in 0..20 {
            change(&one, &url, count % 5, count / 5 + 1).await;
        }
        let (open, taken) = (Arc::new(Mutex::new(HashMap::new())), ReceivedEvents::default());
        let (asked, took) = (Arc::clone(&open), taken.clone());
        one.web.answer_otherwise(move |request| {
            took.take(request);
            let (answer, release) = FakeResponse::status(200).held();
            let at_once = asked.lock().unwrap().insert(withdrawal_of(request), release);
            // A second call beside the first is answered at once, and counted below.
            if at_once.is_some() { FakeResponse::status(418) } else { answer }
        });
        let web = Arc::clone(&one.web);
        let answering = async {
            for position in 0..20 {
                let request = web.request(position).await;
                open.lock().unwrap().remove(&withdrawal_of(&request)).expect("the call that waits").release();
            }
        };
        let (in_one, in_two, ()) = tokio::join!(one.work(), two.work(), answering);
        assert_eq!((in_one + in_two, taken.sequences(), one.waiting().await), (20, vec![vec![1, 2, 3, 4]; 5], (0, 0)));
    }

    async fn a_receiver_that_cannot_be_reached_is_not_tried_for_each_event_and_holds_no_other_up(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let (closed, open) = (closed(), office.web.url("/hook"));
        let taken = takes(&office.web);
        let first = change(&office, &closed, 1, 1).await;
        office.work().await;
        let second = change(&office, &closed, 2, 1).await;
        change(&office, &open, 3, 1).await;
        office.work().await;
        let error = async |id| office.notice(id).await.error.unwrap();
        assert!(!error(first).await.contains("a moment ago"), "{}", error(first).await);
        assert!(error(second).await.contains("a moment ago"), "{}", error(second).await);
        assert_eq!(taken.sequences(), [[1]]);
    }

    async fn a_receiver_that_takes_its_time_holds_no_mail_up(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let url = office.web.url("/hook");
        let (answer, release) = FakeResponse::status(200).held();
        office.web.answer(answer);
        let slow = change(&office, &url, 1, 1).await;
        office.tell(low(Channel::Email, ASHA)).await;
        assert_eq!(office.mail_while_calling(release).await, (1, 1));
        assert_eq!(office.notice(slow).await.state, NoticeState::Sent);
    }

    async fn many_programs_are_called_by_the_worker_for_that_and_what_they_say_at_length_is_not_read(db: TestDb) {
        let mut office = Office::with_all(&db).await;
        let url = office.web.url("/hook");
        let long = "x".repeat(8 * 1024 * 1024);
        office.web.answer_otherwise(move |_| FakeResponse::text(200, &long));
        let ids: Vec<_> = (0..3).map(|_| db.ids().next()).collect();
        let (now, many) = (db.clock().now(), ids.clone());
        let told = db.write(move |tx| {
            let notices: Vec<_> = many.iter().map(|id| (*id, low(Channel::Webhook, &url))).collect();
            notices_enqueue(tx, now, &notices)
        });
        told.await.unwrap();
        assert_eq!((office.work_bulk().await, office.work().await), (0, 3));
        assert_eq!(office.notice(ids[2]).await.state, NoticeState::Sent);
    }
}
