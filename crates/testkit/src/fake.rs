//! An HTTP server that plays an outside service: it keeps what it is asked and answers what the test scripted.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// How long [`FakeServer::request`] waits before it fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request's body is kept up to this size; a longer one fails the request.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// A server on a port of this machine's loopback, alive until dropped.
pub struct FakeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    script: Mutex<Script>,
    arrived: watch::Sender<usize>,
}

struct Script {
    next: VecDeque<FakeResponse>,
    otherwise: Box<dyn Fn(&RecordedRequest) -> FakeResponse + Send>,
    requests: Vec<RecordedRequest>,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

/// What the server says to one request.
#[derive(Debug)]
pub struct FakeResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    lost: bool,
    held: Option<oneshot::Receiver<()>>,
}

/// Lets a held answer go, by [`ResponseRelease::release`] or by being dropped.
#[derive(Debug)]
pub struct ResponseRelease(oneshot::Sender<()>);

impl FakeServer {
    /// Starts a server that answers 404 until it is told otherwise.
    pub async fn start() -> FakeServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("the port just bound");
        let script =
            Script { next: VecDeque::new(), otherwise: Box::new(|_| FakeResponse::status(404)), requests: Vec::new() };
        let shared = Arc::new(Shared { script: Mutex::new(script), arrived: watch::Sender::new(0) });
        let app = axum::Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            // Serving ends when the test drops us.
            let _ = axum::serve(listener, app).await;
        });
        FakeServer { address, shared, serving }
    }

    /// Where it listens, with `path` (which begins with a slash) behind.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Adds one answer to the script; they are given in this order, one a request.
    pub fn answer(&self, answer: FakeResponse) {
        self.shared.script().next.push_back(answer);
    }

    /// How to answer whenever the script has run out.
    pub fn answer_otherwise(&self, answer: impl Fn(&RecordedRequest) -> FakeResponse + Send + 'static) {
        self.shared.script().otherwise = Box::new(answer);
    }

    /// All requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.script().requests.clone()
    }

    /// The request that came at `position`, from 0; waits until it has come.
    pub async fn request(&self, position: usize) -> RecordedRequest {
        let mut arrived = self.shared.arrived.subscribe();
        let came = tokio::time::timeout(PATIENCE, arrived.wait_for(|count| *count > position)).await;
        assert!(came.is_ok(), "request {position} never came");
        drop(came);
        self.shared.script().requests[position].clone()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, request: RecordedRequest) -> FakeResponse {
        let mut script = self.script();
        let answer = script.next.pop_front().unwrap_or_else(|| (script.otherwise)(&request));
        script.requests.push(request);
        self.arrived.send_replace(script.requests.len());
        answer
    }
}

impl RecordedRequest {
    /// The first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    async fn read(request: Request) -> RecordedRequest {
        let (head, body) = request.into_parts();
        let headers = head.headers.iter();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        RecordedRequest {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers: headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            body: to_bytes(body, BODY_LIMIT).await.expect("a whole body").to_vec(),
        }
    }
}

impl FakeResponse {
    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> FakeResponse {
        FakeResponse { status, headers: Vec::new(), body: Vec::new(), lost: false, held: None }
    }

    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> FakeResponse {
        let answer = FakeResponse::status(status).header("content-type", "application/json");
        FakeResponse { body: body.to_string().into_bytes(), ..answer }
    }

    /// An answer in plain text.
    #[must_use]
    pub fn text(status: u16, body: &str) -> FakeResponse {
        let answer = FakeResponse::status(status).header("content-type", "text/plain; charset=utf-8");
        FakeResponse { body: body.as_bytes().to_vec(), ..answer }
    }

    /// No answer: the request is taken, and the connection breaks.
    #[must_use]
    pub fn lost() -> FakeResponse {
        FakeResponse { lost: true, ..FakeResponse::status(500) }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> FakeResponse {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer, kept back until it is released.
    #[must_use]
    pub fn held(self) -> (FakeResponse, ResponseRelease) {
        let (release, held) = oneshot::channel();
        (FakeResponse { held: Some(held), ..self }, ResponseRelease(release))
    }

    fn into_response(self) -> Response {
        if self.lost {
            // Unwinds the connection's task, which closes the socket, without the report of a panic.
            std::panic::resume_unwind(Box::new("the answer is lost"));
        }
        let response = Response::builder().status(self.status);
        let headers = self.headers.into_iter();
        let response = headers.fold(response, |response, (name, value)| response.header(name, value));
        response.body(Body::from(self.body)).expect("a scripted answer that HTTP can carry")
    }
}

impl ResponseRelease {
    /// Lets the answer go.
    pub fn release(self) {
        // The asker may have given up waiting.
        let _ = self.0.send(());
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let request = RecordedRequest::read(request).await;
    let mut answer = shared.record(request);
    if let Some(held) = answer.held.take() {
        // Released or dropped: both let it go.
        let _ = held.await;
    }
    answer.into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    async fn ask(server: &FakeServer, body: &str) -> String {
        let mut stream = TcpStream::connect(server.address).await.expect("connecting");
        let request = format!("POST /charge HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.expect("asking");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("reading");
        answer
    }

    #[tokio::test]
    async fn the_script_is_followed_and_every_request_kept() {
        let server = FakeServer::start().await;
        server.answer(FakeResponse::json(201, &json!({"id": 7})));
        server.answer(FakeResponse::lost());
        let answer = ask(&server, r#"{"amount": 5}"#).await;
        assert!(answer.starts_with("HTTP/1.0 201 Created"), "{answer}");
        assert!(answer.ends_with(r#"{"id":7}"#), "{answer}");
        assert_eq!(ask(&server, "").await, "");
        assert!(ask(&server, "").await.starts_with("HTTP/1.0 404"));
        server.answer_otherwise(|request| FakeResponse::text(200, &request.target));
        assert!(ask(&server, "").await.ends_with("/charge"));

        let requests = server.requests();
        assert_eq!(requests.len(), 4);
        assert_eq!((requests[0].method.as_str(), requests[0].json()), ("POST", json!({"amount": 5})));
        assert_eq!(requests[0].header("content-length"), Some("13"));
    }

    #[tokio::test]
    async fn a_held_answer_waits_for_its_release() {
        let server = FakeServer::start().await;
        let (answer, release) = FakeResponse::status(204).held();
        server.answer(answer);
        let asking = ask(&server, "");
        tokio::pin!(asking);
        tokio::select! {
            biased;
            answer = &mut asking => panic!("answered before its release: {answer}"),
            request = server.request(0) => assert_eq!(request.target, "/charge"),
        }
        release.release();
        assert!(asking.await.starts_with("HTTP/1.0 204"));
    }
}
