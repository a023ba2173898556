//! A request names its host once, and a client that has said all still hears.

use purser_testkit::{TestDb, both};
use serde_json::Value;

use super::{Line, patient, place};

/// The status and the code of the answer to a request that ends the connection.
async fn answer(base: &str, head: &str) -> (String, String) {
    let mut line = Line::to(base).await;
    line.says(&format!("{head}Connection: close\r\n\r\n")).await;
    let answer = line.rest().await;
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap_or_default()).unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

both! {
    async fn a_request_without_a_host_or_with_two_is_refused(db: TestDb) {
        let place = place(&db, patient(100)).await;
        let refused = ("400".to_owned(), "invalid_host".to_owned());
        for head in [
            "GET /healthz/live HTTP/1.1\r\n",
            "GET /healthz/live HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n",
            "GET /healthz/live HTTP/1.1\r\nHost:\r\n",
            "GET /healthz/live HTTP/1.1\r\nHost: a example\r\n",
            "GET /healthz/live HTTP/1.1\r\nHost: a.example:port\r\n",
            "GET /healthz/live HTTP/1.1\r\nHost: user@a.example\r\n",
            "GET /healthz/live HTTP/1.0\r\nHost: a.example\r\nHost: b.example\r\n",
            "GET http://b.example/healthz/live HTTP/1.1\r\nHost: a.example\r\n",
        ] {
            assert_eq!(answer(&place.base, head).await, refused, "{head}");
        }
        for head in [
            "GET /healthz/live HTTP/1.0\r\n",
            "GET /healthz/live HTTP/1.1\r\nHost: a.example:8080\r\n",
            "GET /healthz/live HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n",
            "GET http://a.example/healthz/live HTTP/1.1\r\nHost: A.example\r\n",
        ] {
            assert_eq!(answer(&place.base, head).await.0, "200", "{head}");
        }
    }

    async fn a_client_that_shuts_its_side_after_the_request_is_answered(db: TestDb) {
        use tokio::io::AsyncWriteExt as _;
        let place = place(&db, patient(100)).await;
        let key = crate::resellers::key(&place, "charge.*", None).await;
        let body = r#"{"name": "Corner Shop"}"#;
        let head = format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
        let mut line = Line::to(&place.base).await;
        line.says(&format!("POST /api/sellers/ HTTP/1.1\r\nHost: purser.example\r\n{head}\r\n\r\n{body}")).await;
        line.0.shutdown().await.unwrap();
        let answer = line.rest().await;
        assert!(answer.starts_with("HTTP/1.1 201") && answer.contains("Corner Shop"), "{answer}");
    }
}
