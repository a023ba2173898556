//! Connections by TLS, with a certificate from files or from an ACME authority.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use rustls_acme::is_tls_alpn_challenge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

mod authority;
mod files;

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Handshakes at once. They cost processor time, and strangers can ask for them.
const HANDSHAKES: usize = 256;

/// HTTP/1.1 is what the server speaks.
const PROTOCOLS: [&[u8]; 1] = [b"http/1.1"];

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// From PEM files, read again within a minute of a change.
    Files {
        /// The chain, the server's own certificate first.
        chain: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// From an ACME authority, by the TLS-ALPN-01 challenge on this same port, renewed in time.
    Acme(Authority),
}

/// An ACME authority, and what to ask of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The names that the certificate is for.
    pub domains: Vec<String>,
    /// The address that the authority writes to; empty for none.
    pub contact: String,
    /// The authority's directory, `https://…`.
    pub directory: String,
    /// The PEM file of the roots that sign for the authority itself, where the public ones do not.
    pub roots: Option<PathBuf>,
    /// The folder that keeps account and certificates.
    pub cache: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file does not read.
    #[error("{path} cannot be used: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The certificate and the key are strangers, or their kind is not supported.
    #[error("the certificate does not serve: {0}")]
    Certificate(#[from] rustls::Error),
}

impl TlsError {
    fn file(path: &Path, reason: &impl ToString) -> Self {
        TlsError::File { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// Accepts connections, and hands them over once they are private.
pub struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    /// Speaks TLS on `listener`.
    ///
    /// # Errors
    /// Where the files do not hold a certificate and its key. An authority that does not answer is no error: it is
    /// asked again, and until it has signed, clients are turned away.
    pub fn start(listener: TcpListener, certificate: &Certificate) -> Result<Self, TlsError> {
        let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        let faces = match certificate {
            Certificate::Files { chain, key } => files::faces(chain, key)?,
            Certificate::Acme(authority) => authority::faces(authority)?,
        };
        let (done, ready) = mpsc::channel(1);
        tokio::spawn(accept_all(listener, faces, done));
        Ok(TlsListener { address, ready })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The acceptor ends only with this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// What clients are shown.
#[derive(Clone)]
struct Faces {
    /// The certificate.
    clients: Arc<ServerConfig>,
    /// The answer to the authority's challenge, where there is an authority.
    challenge: Option<Arc<ServerConfig>>,
}

async fn accept_all(mut listener: TcpListener, faces: Faces, done: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let room = Arc::new(Semaphore::new(HANDSHAKES));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let accepted = tokio::select! {
            // The listener's own way waits out a shortage of file handles.
            accepted = Listener::accept(&mut listener) => accepted,
            () = done.closed() => return,
        };
        let (faces, done) = (faces.clone(), done.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let (stream, address) = accepted;
            match tokio::time::timeout(HANDSHAKE, shake_hands(stream, &faces)).await {
                Ok(Ok(Some(stream))) => {
                    let _ = done.send((stream, address)).await;
                }
                Ok(Ok(None)) => tracing::info!(%address, "[TLS] the authority's challenge is answered"),
                Ok(Err(error)) => tracing::debug!(%address, %error, "[TLS] no handshake"),
                Err(_) => tracing::debug!(%address, "[TLS] the handshake took too long"),
            }
        });
    }
}

/// A private connection; none where it was the authority asking.
async fn shake_hands(stream: TcpStream, faces: &Faces) -> std::io::Result<Option<TlsStream<TcpStream>>> {
    // An answer is one small write; waiting to join it with another would only delay it.
    stream.set_nodelay(true)?;
    let handshake = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    match &faces.challenge {
        Some(challenge) if is_tls_alpn_challenge(&handshake.client_hello()) => {
            let mut stream = handshake.into_stream(Arc::clone(challenge)).await?;
            tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
            Ok(None)
        }
        _ => handshake.into_stream(Arc::clone(&faces.clients)).await.map(Some),
    }
}
