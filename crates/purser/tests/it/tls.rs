//! The program behind its own certificate.

mod authority;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use purser_testkit::{TestDb, both};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair};
use reqwest::{Client, Url};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::authority::FakeAuthority;
use crate::program::Installation;

pub(crate) const DOMAIN: &str = "purser.example";

/// Somebody who signs certificates.
pub(crate) struct Signer {
    certificate: Certificate,
    key: KeyPair,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Signer { certificate: params.self_signed(&key).unwrap(), key }
    }

    /// Their own certificate, as PEM.
    pub(crate) fn root(&self) -> String {
        self.certificate.pem()
    }

    /// A chain and its key, as PEM.
    pub(crate) fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.certificate, &self.key).unwrap().pem(), key.serialize_pem())
    }

    /// A client that believes this signer, and finds [`DOMAIN`] at `address`.
    pub(crate) fn client(&self, address: SocketAddr) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = reqwest::Certificate::from_der(self.certificate.der()).unwrap();
        Client::builder().no_proxy().tls_certs_only([root]).resolve(DOMAIN, address).build().unwrap()
    }
}

impl Signer {
    /// A private connection, byte by byte.
    async fn connect(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(DOMAIN.try_into().unwrap(), stream).await.unwrap()
    }
}

/// Puts `text` into a file of its own.
pub(crate) fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn address(base: &str) -> SocketAddr {
    let url = Url::parse(base).unwrap();
    assert_eq!(url.scheme(), "https");
    SocketAddr::new(url.host_str().unwrap().parse().unwrap(), url.port().unwrap())
}

both! {
    async fn a_certificate_in_files_makes_every_answer_private(db: TestDb) {
        let (folder, signer) = (TempDir::new().unwrap(), Signer::new());
        let (chain, key) = signer.sign(DOMAIN);
        let installation = Installation::new(&db)
            .with("PURSER_TLS_CERTIFICATE", &file(&folder, "chain.pem", &chain))
            .with("PURSER_TLS_KEY", &file(&folder, "key.pem", &key));
        let serving = installation.serve("");
        let address = address(&serving.url(""));
        assert!(serving.setup_link().unwrap().starts_with("https://"));
        let client = signer.client(address);
        let home = client.get(format!("https://{DOMAIN}:{}/", address.port())).send().await.unwrap();
        assert_eq!(home.status(), 200);
        assert_eq!(home.headers()["strict-transport-security"], "max-age=31536000; includeSubDomains");
        let stranger = Signer::new().client(address);
        stranger.get(format!("https://{DOMAIN}:{}/", address.port())).send().await.unwrap_err();
        let clear = client.get(format!("http://{address}/")).send().await;
        clear.expect_err("nothing is said in the clear");
        let home = client.get(format!("https://{DOMAIN}:{}/", address.port())).send().await.unwrap();
        assert_eq!(home.status(), 200, "and nobody else is harmed by who does not shake hands");
    }

    async fn a_certificate_that_does_not_serve_is_refused_by_name_at_the_start(db: TestDb) {
        let (folder, signer) = (TempDir::new().unwrap(), Signer::new());
        let (chain, key) = signer.sign(DOMAIN);
        let (_, other_key) = signer.sign(DOMAIN);
        let chain = file(&folder, "chain.pem", &chain);
        let cases = [
            (file(&folder, "empty.pem", ""), file(&folder, "key.pem", &key), "empty.pem"),
            (chain.clone(), folder.path().join("missing.pem").display().to_string(), "missing.pem"),
            (chain.clone(), file(&folder, "other.pem", &other_key), "the certificate does not serve"),
            (chain, String::new(), "go together"),
        ];
        for (chain, key, said) in cases {
            let installation = Installation::new(&db)
                .with("PURSER_TLS_CERTIFICATE", &chain)
                .with("PURSER_TLS_KEY", &key);
            let refused = installation.run(&["serve", "--listen", "127.0.0.1:0"]);
            let text = String::from_utf8_lossy(&refused.stderr);
            assert!(!refused.status.success() && text.contains(said), "{said}: {text}");
        }
    }

    async fn a_client_that_shuts_its_side_of_a_private_connection_is_answered(db: TestDb) {
        let (folder, signer) = (TempDir::new().unwrap(), Signer::new());
        let (chain, key) = signer.sign(DOMAIN);
        let installation = Installation::new(&db)
            .with("PURSER_TLS_CERTIFICATE", &file(&folder, "chain.pem", &chain))
            .with("PURSER_TLS_KEY", &file(&folder, "key.pem", &key));
        let serving = installation.serve("");
        let mut private = signer.connect(address(&serving.url(""))).await;
        private.write_all(b"GET /api/v1/health/ HTTP/1.1\r\nHost: purser.example\r\n\r\n").await.unwrap();
        private.shutdown().await.unwrap();
        let mut answer = String::new();
        let _ = private.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    async fn an_authority_signs_for_whoever_proves_the_name(db: TestDb) {
        let folder = TempDir::new().unwrap();
        let authority = FakeAuthority::start(Signer::new()).await;
        let installation = Installation::new(&db)
            .with("PURSER_TLS_ACME_DOMAINS", DOMAIN)
            .with("PURSER_TLS_ACME_CONTACT", "ops@purser.example")
            .with("PURSER_TLS_ACME_DIRECTORY", &authority.directory())
            .with("PURSER_TLS_ACME_ROOTS", &file(&folder, "roots.pem", &authority.root_pem()));
        let serving = installation.serve("");
        let address = address(&serving.url(""));
        authority.find_servers_at(address);
        authority.has_signed().await;
        let client = authority.client(address);
        let url = format!("https://{DOMAIN}:{}/healthz/live", address.port());
        // What is signed is put in place a moment after it was fetched; until then handshakes fail.
        let mut answers = Vec::new();
        while answers.len() < 1_000 && !answers.iter().any(Result::is_ok) {
            answers.push(client.get(&url).send().await);
        }
        assert_eq!(answers.pop().unwrap().unwrap().text().await.unwrap(), "ok\n");
        assert_eq!(authority.contact(), "mailto:ops@purser.example");
        let kept = installation.data().join("acme");
        assert!(std::fs::read_dir(&kept).unwrap().count() >= 1, "the account outlives the program");
        private(&kept);
    }
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
}
