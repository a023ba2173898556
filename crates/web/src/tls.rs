//! Connections by TLS, with a certificate from files or from an ACME authority.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use rustls_acme::is_tls_alpn_challenge;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::server::Listener;

mod authority;
mod files;

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

/// Accepts connections, and makes them private.
pub struct TlsListener {
    tcp: TcpListener,
    faces: CertificateResolver,
}

impl TlsListener {
    /// Speaks TLS on `listener`.
    ///
    /// # Errors
    /// Where the files do not hold a certificate and its key. An authority that does not answer is no error: it is
    /// asked again, and until it has signed, clients are turned away.
    pub fn start(listener: TcpListener, certificate: &Certificate) -> Result<Self, TlsError> {
        let faces = match certificate {
            Certificate::Files { chain, key } => files::faces(chain, key)?,
            Certificate::Acme(authority) => authority::faces(authority)?,
        };
        Ok(TlsListener { tcp: listener, faces })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;

    fn tcp(&self) -> &TcpListener {
        &self.tcp
    }

    fn greet(&self, stream: TcpStream) -> impl Future<Output = std::io::Result<Option<Self::Io>>> + Send + 'static {
        shake_hands(stream, self.faces.clone())
    }
}

/// What clients are shown.
#[derive(Clone)]
struct CertificateResolver {
    /// The certificate.
    clients: Arc<ServerConfig>,
    /// The answer to the authority's challenge, where there is an authority.
    challenge: Option<Arc<ServerConfig>>,
}

/// A private connection; none where it was the authority asking.
async fn shake_hands(stream: TcpStream, faces: CertificateResolver) -> std::io::Result<Option<TlsStream<TcpStream>>> {
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
