//! A normal client beside connections that mean no good.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use purser_store::Engine;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde::Serialize;

use crate::histogram::Histogram;
use crate::load::Timing;
use crate::place::BenchFolder;
use crate::server::{Program, ProgramLimits};

/// Connections of the attack: more than the program may have open files.
const CONNECTIONS: usize = 1_100;

/// What `ulimit -n` says where the program starts.
const OPEN_FILES: u32 = 1_024;

/// How often the attack looks which of its connections were closed, and opens them again. Without a pause it would be a
/// flood of connections, which the processor bounds, and not the places.
const AGAIN: Duration = Duration::from_secs(1);

/// How long an answer may take before the client counts itself shut out.
const PATIENCE: Duration = Duration::from_secs(5);

/// The name in the certificate.
const NAME: &str = "localhost";

const ATTACKS: &[Attack] = &[
    Attack { name: "nothing", says: None, tls: false },
    Attack { name: "silent connections", says: Some(b""), tls: false },
    Attack { name: "headers that do not end", says: Some(b"GET / HTTP/1.1\r\nHost: a"), tls: false },
    Attack {
        name: "bodies that do not come",
        says: Some(b"POST /accounts/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\na="),
        tls: false,
    },
    Attack {
        name: "connections kept after a request",
        says: Some(b"GET /healthz/live HTTP/1.1\r\nHost: a\r\n\r\n"),
        tls: false,
    },
    Attack { name: "nothing, by TLS", says: None, tls: true },
    Attack { name: "handshakes that do not begin", says: Some(b""), tls: true },
];

struct Attack {
    name: &'static str,
    /// What each of its connections sends; none where there is no attack.
    says: Option<&'static [u8]>,
    tls: bool,
}

/// A client that connects anew for each request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AttackRow {
    pub(crate) attack: &'static str,
    /// Connections that the attack tries to keep open.
    pub(crate) connections: usize,
    /// How many of them were closed and opened again.
    pub(crate) reopened: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    /// Microseconds from the beginning of the connection to the answer.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

/// Measures a client beside each attack, on the embedded engine.
pub(crate) fn measure(ground: &mut BenchFolder, program: &Program, timing: Timing) -> Result<Vec<AttackRow>, String> {
    let certificate = TestCertificate::make(ground)?;
    let mut rows = Vec::new();
    for attack in ATTACKS {
        eprintln!("a client beside {}", attack.name);
        let place = ground.database_new(Engine::Sqlite)?;
        let files = attack.tls.then(|| (certificate.chain.clone(), certificate.key.clone()));
        let server = program.serve_limited(&place, &ProgramLimits { open_files: OPEN_FILES, certificate: files })?;
        rows.push(beside(attack, server.address, &certificate.config, timing)?);
        server.stop()?;
        ground.remove(&place)?;
    }
    Ok(rows)
}

fn beside(
    attack: &Attack,
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    timing: Timing,
) -> Result<AttackRow, String> {
    let over = AtomicBool::new(false);
    let reopened = AtomicU64::new(0);
    let mut latencies = Histogram::new();
    let mut failed = 0;
    thread::scope(|scope| {
        if let Some(says) = attack.says {
            scope.spawn(|| keep_open(says, address, &over, &reopened));
        }
        let began = Instant::now();
        while began.elapsed() < timing.warm_up + timing.measured {
            let asked = Instant::now();
            let done = if attack.tls { ask_privately(address, config) } else { ask(address) };
            if began.elapsed() < timing.warm_up {
                continue;
            }
            match done {
                Ok(()) => latencies.record(asked.elapsed()),
                Err(_) => failed += 1,
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    Ok(AttackRow {
        attack: attack.name,
        connections: if attack.says.is_some() { CONNECTIONS } else { 0 },
        reopened: reopened.into_inner(),
        answered: latencies.total(),
        failed,
        p50: latencies.percentile(50),
        p99: latencies.percentile(99),
        max: latencies.largest(),
    })
}

/// Opens the attack's connections, and opens anew what the server closes, until it is over.
fn keep_open(says: &[u8], address: SocketAddr, over: &AtomicBool, reopened: &AtomicU64) {
    let open = || -> Option<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream.write_all(says).ok()?;
        stream.set_nonblocking(true).ok()?;
        Some(stream)
    };
    let mut streams: Vec<Option<TcpStream>> = (0..CONNECTIONS).map(|_| open()).collect();
    while !over.load(Ordering::Relaxed) {
        for stream in &mut streams {
            if stream.as_mut().is_none_or(is_closed) {
                reopened.fetch_add(1, Ordering::Relaxed);
                *stream = open();
            }
        }
        thread::sleep(AGAIN);
    }
}

fn is_closed(stream: &mut TcpStream) -> bool {
    let mut some = [0; 512];
    loop {
        match stream.read(&mut some) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

fn ask(address: SocketAddr) -> std::io::Result<()> {
    answered(connected(address)?)
}

fn ask_privately(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<()> {
    let name = ServerName::try_from(NAME).map_err(std::io::Error::other)?;
    let session = ClientConnection::new(Arc::clone(config), name).map_err(std::io::Error::other)?;
    answered(StreamOwned::new(session, connected(address)?))
}

fn connected(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn answered(mut stream: impl std::io::Read + std::io::Write) -> std::io::Result<()> {
    stream.write_all(b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut some = [0; 1_024];
    while !answer.ends_with(b"ok\n") {
        match stream.read(&mut some)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => answer.extend_from_slice(&some[..read]),
        }
    }
    Ok(())
}

/// A certificate for this machine, and a client that believes it.
struct TestCertificate {
    chain: PathBuf,
    key: PathBuf,
    config: Arc<ClientConfig>,
}

impl TestCertificate {
    fn make(ground: &BenchFolder) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("no certificate can be made: {error}");
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(|error| failed(&error))?;
        let (chain, key) = (ground.folder().join("chain.pem"), ground.folder().join("key.pem"));
        for (path, text) in [(&chain, made.cert.pem()), (&key, made.key_pair.serialize_pem())] {
            std::fs::write(path, text).map_err(|error| failed(&error))?;
        }
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).map_err(|error| failed(&error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| failed(&error))?.with_root_certificates(roots).with_no_client_auth();
        Ok(TestCertificate { chain, key, config: Arc::new(config) })
    }
}
