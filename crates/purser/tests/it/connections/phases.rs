//! Each phase of a connection ends, whoever drags it out.

use axum::routing::get;
use purser_testkit::{TestDb, both};
use purser_web::{Certificate, ClearListener, ConnectionLimits, Router, TlsListener};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{Line, SHORT, patient, place, somebody_is_served};
use crate::tls::Signer;

/// A request whose body of 1,000 bytes has only begun.
fn begun(key: &str) -> String {
    format!(
        "POST /api/sellers/ HTTP/1.1\r\nHost: purser.example\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"name\": "
    )
}

both! {
    async fn who_connects_and_says_nothing_is_hung_up_on(db: TestDb) {
        let place = place(&db, ConnectionLimits { first: SHORT, ..patient(100) }).await;
        let mut silent = Line::to(&place.base).await;
        somebody_is_served(&place.base).await;
        assert_eq!(silent.rest().await, "");
    }

    async fn a_header_that_does_not_end_ends(db: TestDb) {
        let place = place(&db, ConnectionLimits { header: SHORT, ..patient(100) }).await;
        let mut slow = Line::to(&place.base).await;
        slow.says("GET / HTTP/1.1\r\nHost: purs").await;
        somebody_is_served(&place.base).await;
        assert_eq!(slow.rest().await, "");
    }

    async fn a_connection_that_is_not_used_again_is_closed(db: TestDb) {
        let place = place(&db, ConnectionLimits { idle: SHORT, ..patient(100) }).await;
        let mut used = Line::to(&place.base).await;
        assert!(used.is_served().await);
        somebody_is_served(&place.base).await;
        assert_eq!(used.rest().await, "");
    }

    async fn a_body_that_does_not_come_is_answered_and_ends(db: TestDb) {
        let place = place(&db, ConnectionLimits { body: SHORT, ..patient(100) }).await;
        let key = crate::resellers::key(&place, "charge.*", None).await;
        let mut slow = Line::to(&place.base).await;
        slow.says(&begun(&key)).await;
        somebody_is_served(&place.base).await;
        let answer = slow.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"code\":\"request_timeout\""), "{answer}");
        let mut stranger = Line::to(&place.base).await;
        stranger.says(&begun("pk_none")).await;
        let answer = stranger.rest().await;
        assert!(answer.starts_with("HTTP/1.1 401"), "who may not send it waits no longer for the rest: {answer}");
    }

    async fn an_answer_that_is_not_taken_is_given_up(db: TestDb) {
        let place = place(&db, ConnectionLimits { send: SHORT, ..patient(100) }).await;
        let mut slow = Line::narrow(&place.base).await;
        let ask = b"GET /api/openapi.json HTTP/1.1\r\nHost: purser.example\r\n\r\n";
        // It asks and asks and takes nothing: once nobody listens any more, asking fails.
        while slow.0.write_all(ask).await.is_ok() {}
        somebody_is_served(&place.base).await;
    }

    async fn a_handshake_that_does_not_begin_ends(_db: TestDb) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (folder, signer) = (TempDir::new().unwrap(), Signer::new());
        let (chain, key) = signer.sign(crate::tls::DOMAIN);
        let certificate = Certificate::Files {
            chain: crate::tls::file(&folder, "chain.pem", &chain).into(),
            key: crate::tls::file(&folder, "key.pem", &key).into(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TlsListener::start(listener, &certificate).unwrap();
        let limits = ConnectionLimits { handshake: SHORT, ..patient(1_000) };
        tokio::spawn(purser_web::serve(listener, Router::new(), limits, std::future::pending()));
        let mut silent = Vec::new();
        for _ in 0..600 {
            silent.push(Line::to(&format!("http://{address}")).await);
        }
        let client = signer.client(address);
        let answer = client.get(format!("https://{}:{}/", crate::tls::DOMAIN, address.port())).send().await.unwrap();
        assert_eq!(answer.status(), 404, "a normal client shakes hands beside them");
        for line in &mut silent {
            assert_eq!(line.rest().await, "");
        }
    }

    async fn a_stop_waits_for_requests_and_for_nobody_idle(_db: TestDb) {
        let (entered, mut entries) = tokio::sync::mpsc::channel(1);
        let (go_on, going_on) = tokio::sync::watch::channel(false);
        let slow = move || async move {
            entered.send(()).await.unwrap();
            let mut going_on = going_on;
            going_on.wait_for(|go| *go).await.unwrap();
            "done"
        };
        let router = Router::new().route("/slow", get(slow));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let stop_told = async move { stopped.await.unwrap() };
        let serving = tokio::spawn(purser_web::serve(ClearListener(listener), router, patient(100), stop_told));
        let (mut idle, mut busy) = (Line::to(&base).await, Line::to(&base).await);
        busy.says("GET /slow HTTP/1.1\r\nHost: purser.example\r\n\r\n").await;
        entries.recv().await.unwrap();
        stop.send(()).unwrap();
        assert_eq!(idle.rest().await, "");
        go_on.send(true).unwrap();
        assert!(busy.rest().await.ends_with("done"));
        serving.await.unwrap().unwrap();
    }
}
