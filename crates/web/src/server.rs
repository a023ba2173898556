//! Connections: accepted, bounded, served, and ended.
//!
//! Strangers can open connections for nothing, so each is bounded in each of its phases, and all are bounded together.
//! A bound never shuts the door: whoever has been idle longest makes room for whoever comes.

mod body_timer;
mod gate;
mod phase;
mod stream;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tower::Service as _;

use crate::address;

pub use gate::ConnectionLimits;

use gate::{Admission, ConnectionClock, ConnectionGate, ConnectionPermit};
use phase::{ConnectionPhase, PhaseClock};
use stream::{RequestBody, ResponseBody, WatchedStream};

/// How long a stop waits for requests that are under way.
const GRACE: Duration = Duration::from_secs(10);

/// How long the door stays shut while the machine has no file handle for another connection.
const SHORTAGE: Duration = Duration::from_millis(50);

/// How long somebody waits for a place before another look is taken for one.
const CROWDED: Duration = Duration::from_millis(20);

/// How often others have their turn before somebody is refused for want of a place.
const TURNS: u32 = 8;

/// Connections that wait to be accepted, at most. The system's own figure of some hundreds is full after a moment of a crowd,
/// and whoever comes then tries again a second later.
const BACKLOG: u32 = 4_096;

/// Listens there.
///
/// # Errors
/// As the system refuses it: the address is taken, or not ours.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    // A restart takes the address over from connections that are still being closed.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub(crate) SocketAddr);

/// Where connections come in, and what they are made into.
pub trait Listener: Send + Sync + 'static {
    /// What runs through them.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Where they come in.
    fn tcp(&self) -> &TcpListener;

    /// Begins with one; none where it was no client.
    fn greet(&self, stream: TcpStream) -> impl Future<Output = io::Result<Option<Self::Io>>> + Send + 'static;
}

/// Accepts connections in the clear.
pub struct ClearListener(pub TcpListener);

impl Listener for ClearListener {
    type Io = TcpStream;

    fn tcp(&self) -> &TcpListener {
        &self.0
    }

    fn greet(&self, stream: TcpStream) -> impl Future<Output = io::Result<Option<TcpStream>>> + Send + 'static {
        std::future::ready(Ok(Some(stream)))
    }
}

/// Serves until `stop` completes, then finishes what is under way, for at most [`GRACE`].
///
/// # Errors
/// None at present: the door is opened again whatever happens to it.
pub async fn serve<L: Listener>(
    listener: L,
    router: Router,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let gate = ConnectionGate::new(limits);
    let router = router.with_state(());
    let watch = tokio::spawn(gate.clone().watch());
    tokio::select! {
        () = accept_all(listener, &router, &gate) => {}
        () = stop => {}
    }
    let _ = tokio::time::timeout(GRACE, gate.empty()).await;
    watch.abort();
    Ok(())
}

async fn accept_all<L: Listener>(listener: L, router: &Router, gate: &ConnectionGate) {
    loop {
        match listener.tcp().accept().await {
            Ok((stream, peer)) => {
                let peer = address::canonical(peer);
                let Some(seat) = seat(gate, peer).await else { continue };
                // An answer is one small write; waiting to join it with another would only delay it.
                let _ = stream.set_nodelay(true);
                tokio::spawn(attend(listener.greet(stream), seat, peer, router.clone(), gate.clock.clone()));
            }
            Err(error) if is_of_one(&error) => {}
            Err(error) => {
                gate.give_one_up(&error);
                tokio::time::sleep(SHORTAGE).await;
            }
        }
    }
}

/// Whether it is only this connection that failed, and the next one may not.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A place for somebody, as soon as there is one; none where their address may have no more.
async fn seat(gate: &ConnectionGate, peer: SocketAddr) -> Option<ConnectionPermit> {
    let mut turns = 0;
    loop {
        match gate.admit(peer.ip()) {
            Admission::Seat(seat) => return Some(seat),
            // Those that came just before have their turn first: what they have to say may be there already.
            Admission::Refused if turns < TURNS => {
                turns += 1;
                tokio::task::yield_now().await;
            }
            Admission::Refused => return None,
            Admission::Full => {
                let _ = tokio::time::timeout(CROWDED, gate.somebody_leaves()).await;
            }
        }
    }
}

/// One connection from its first byte to its last.
async fn attend<Io>(
    greeting: impl Future<Output = io::Result<Option<Io>>> + Send,
    seat: ConnectionPermit,
    peer: SocketAddr,
    router: Router,
    clock: ConnectionClock,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let progress = &seat.progress;
    let mut greeting = pin!(greeting);
    let greeting = poll_fn(|context| {
        let greeted = greeting.as_mut().poll(context);
        if greeted.is_pending() {
            progress.advance_from(ConnectionPhase::Accepted, ConnectionPhase::New, clock.moment());
        }
        greeted
    });
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(clock.limits().handshake, greeting) => greeted,
        () = poll_fn(|context| progress.poll_closed(context)) => return,
    };
    match greeted {
        Ok(Ok(Some(stream))) => converse(stream, progress, peer, router, clock).await,
        Ok(Ok(None)) => tracing::info!(%peer, "[TLS] the authority's challenge is answered"),
        Ok(Err(error)) => tracing::debug!(%peer, %error, "[TLS] no handshake"),
        Err(_) => tracing::debug!(%peer, "[TLS] the handshake took too long"),
    }
}

/// Requests and answers.
async fn converse<Io>(stream: Io, progress: &Arc<PhaseClock>, peer: SocketAddr, router: Router, clock: ConnectionClock)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = WatchedStream::new(TokioIo::new(stream), progress, &clock);
    let service = service_fn(|request| answer(request, progress, peer, &router, &clock));
    // A client that shuts its own side after the request still waits for the answer.
    let connection = http1::Builder::new().half_close(true).header_read_timeout(None).serve_connection(stream, service);
    let mut connection = pin!(connection);
    let mut is_told = false;
    let ended = poll_fn(|context| {
        if progress.poll_closed(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !is_told && progress.is_leaving() {
            is_told = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%peer, %error, "[CONNECTIONS] one ended in the middle");
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    progress: &Arc<PhaseClock>,
    peer: SocketAddr,
    router: &Router,
    clock: &ConnectionClock,
) -> io::Result<hyper::Response<ResponseBody>> {
    if !progress.advance(ConnectionPhase::Working, clock.moment()) {
        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was idle for too long"));
    }
    let mut request: Request = request.map(|body| Body::new(RequestBody::new(body, progress, clock)));
    request.extensions_mut().insert(ConnectInfo(Peer(peer)));
    let response = match router.clone().call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    Ok(response.map(|body| ResponseBody::new(body, progress)))
}
