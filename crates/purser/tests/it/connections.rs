//! Connections that mean no good, or none: silent, slow, many, half-closed, and without a name for the host.

mod bounds;
mod host;
mod phases;
mod proxies;

use std::time::Duration;

use purser_testkit::TestDb;
use purser_web::ConnectionLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::test_site::{TestSite, TestSiteOptions};

/// How long a phase may last where the test waits for its end.
const SHORT: Duration = Duration::from_millis(100);

/// How long it may last where something else is to end first.
const LONG: Duration = Duration::from_secs(600);

/// Limits that end nothing by themselves.
fn patient(connections: usize) -> ConnectionLimits {
    let bound = ConnectionLimits::new(connections);
    ConnectionLimits { handshake: LONG, first: LONG, header: LONG, body: LONG, idle: LONG, send: LONG, ..bound }
}

async fn place(db: &TestDb, limits: ConnectionLimits) -> TestSite {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wish = TestSiteOptions { sign_up: true, second_factor: false };
    TestSite::behind(db, crate::context(db), wish, (listener, limits), |_, _| {}).await
}

/// A connection, byte by byte.
struct Line(TcpStream);

impl Line {
    async fn to(base: &str) -> Line {
        Line(TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap())
    }

    /// One that takes little at a time.
    async fn narrow(base: &str) -> Line {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        Line(socket.connect(base.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap())
    }

    async fn says(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// All that comes until the server ends the connection.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A connection that is cut ends too.
        let _ = self.0.read_to_end(&mut bytes).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the server has not hung up yet, as far as can be told without waiting.
    fn is_open(&mut self) -> bool {
        let read = self.0.try_read(&mut [0; 16]);
        read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Asks whether the program lives, and reads the answer.
    async fn is_served(&mut self) -> bool {
        let asked = self.0.write_all(b"GET /healthz/live HTTP/1.1\r\nHost: purser.example\r\n\r\n").await;
        let mut answer = Vec::new();
        while asked.is_ok() && !answer.ends_with(b"ok\n") {
            match self.0.read_buf(&mut answer).await {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
        asked.is_ok()
    }
}

/// Somebody new comes, and is answered.
async fn somebody_is_served(base: &str) {
    assert!(Line::to(base).await.is_served().await, "a normal client is served");
}
