//! An ACME authority (RFC 8555) that knows one name, and believes TLS-ALPN-01 (RFC 8737).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::routing::{get, head, post};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use purser_web::{Certificate, ConnectionLimits, Router, TlsListener};
use rcgen::CertificateSigningRequestParams;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{DOMAIN, Signer};

const TOKEN: &str = "a-token-of-the-authority";

pub(super) struct FakeAuthority {
    desk: Arc<AuthorityState>,
    base: String,
}

/// What the authority has on its desk.
struct AuthorityState {
    signer: Signer,
    servers: watch::Sender<Option<SocketAddr>>,
    signed: watch::Sender<bool>,
    order: Mutex<AcmeOrder>,
}

#[derive(Default)]
struct AcmeOrder {
    contact: String,
    thumbprint: String,
    proven: bool,
    chain: String,
}

impl FakeAuthority {
    pub(super) async fn start(signer: Signer) -> Self {
        let folder = TempDir::new().unwrap();
        let (chain, key) = signer.sign("localhost");
        let (chain, key) = (super::file(&folder, "chain.pem", &chain), super::file(&folder, "key.pem", &key));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificate = Certificate::Files { chain: chain.into(), key: key.into() };
        let listener = TlsListener::start(listener, &certificate).unwrap();
        let desk = Arc::new(AuthorityState {
            signer,
            servers: watch::Sender::new(None),
            signed: watch::Sender::new(false),
            order: Mutex::default(),
        });
        let router = routes(base.clone(), Arc::clone(&desk));
        tokio::spawn(purser_web::serve(listener, router, ConnectionLimits::new(100), std::future::pending()));
        FakeAuthority { desk, base }
    }

    pub(super) fn directory(&self) -> String {
        format!("{}/directory", self.base)
    }

    pub(super) fn root_pem(&self) -> String {
        self.desk.signer.certificate.pem()
    }

    pub(super) fn client(&self, address: SocketAddr) -> reqwest::Client {
        self.desk.signer.client(address)
    }

    /// Where the authority finds who claims the name.
    pub(super) fn find_servers_at(&self, address: SocketAddr) {
        self.desk.servers.send_replace(Some(address));
    }

    pub(super) async fn has_signed(&self) {
        self.desk.signed.subscribe().wait_for(|signed| *signed).await.unwrap();
    }

    pub(super) fn contact(&self) -> String {
        self.desk.order.lock().unwrap().contact.clone()
    }
}

fn routes(base: String, desk: Arc<AuthorityState>) -> Router {
    let url = |path: &str| format!("{base}/{path}");
    let directory = json!({ "newNonce": url("nonce"), "newAccount": url("account"), "newOrder": url("order") });
    let order =
        json!({ "authorizations": [url("authorization")], "finalize": url("finalize"), "certificate": url("chain") });
    let (placed, finished) = (order.clone(), order.clone());
    let challenge = json!({ "type": "tls-alpn-01", "url": url("challenge"), "token": TOKEN });
    let at = |path: &str| [(header::LOCATION, url(path))];
    let (account_at, order_at) = (at("account/1"), at("order/1"));
    Router::new()
        .route("/directory", get(async move || Json(directory)))
        .route("/nonce", head(async || [(HeaderName::from_static("replay-nonce"), "once")]))
        .route(
            "/account",
            post(async move |State(desk): State<Arc<AuthorityState>>, body: String| {
                account_open(&desk, &body);
                (account_at, Json(json!({})))
            }),
        )
        .route("/order", post(async move || (order_at, Json(with_status(&placed, "pending")))))
        .route(
            "/order/1",
            post(async move |State(desk): State<Arc<AuthorityState>>| {
                let status = if desk.order.lock().unwrap().proven { "ready" } else { "pending" };
                Json(with_status(&order, status))
            }),
        )
        .route(
            "/authorization",
            post(async move |State(desk): State<Arc<AuthorityState>>| {
                let status = if desk.order.lock().unwrap().proven { "valid" } else { "pending" };
                let identifier = json!({ "type": "dns", "value": DOMAIN });
                Json(json!({ "status": status, "identifier": identifier, "challenges": [challenge] }))
            }),
        )
        .route(
            "/challenge",
            post(async |State(desk): State<Arc<AuthorityState>>| {
                prove(&desk).await;
                Json(json!({}))
            }),
        )
        .route(
            "/finalize",
            post(async move |State(desk): State<Arc<AuthorityState>>, body: String| {
                sign(&desk, &body);
                Json(with_status(&finished, "valid"))
            }),
        )
        .route(
            "/chain",
            post(async |State(desk): State<Arc<AuthorityState>>, _: HeaderMap| {
                desk.signed.send_replace(true);
                desk.order.lock().unwrap().chain.clone()
            }),
        )
        .with_state(desk)
}

fn with_status(order: &Value, status: &str) -> Value {
    let mut order = order.clone();
    order["status"] = status.into();
    order
}

/// A part of a request's signed envelope. Whether it is signed well is for real authorities.
fn part(body: &str, name: &str) -> Value {
    let envelope: Value = serde_json::from_str(body).unwrap();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(envelope[name].as_str().unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn account_open(desk: &AuthorityState, body: &str) {
    let key = &part(body, "protected")["jwk"];
    // RFC 7638: the members in this order, without spaces.
    let canonical = format!(r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#, key["crv"], key["kty"], key["x"], key["y"]);
    let mut order = desk.order.lock().unwrap();
    order.thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
    part(body, "payload")["contact"][0].as_str().unwrap().clone_into(&mut order.contact);
}

/// Asks whoever claims the name for the proof that only the account's holder can give.
async fn prove(desk: &AuthorityState) {
    let address = desk.servers.subscribe().wait_for(Option::is_some).await.unwrap().unwrap();
    let verifier = Arc::new(AcceptAllVerifier);
    let mut config =
        ClientConfig::builder().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = connector.connect(ServerName::try_from(DOMAIN).unwrap(), stream).await.unwrap();
    let (_, session) = stream.get_ref();
    assert_eq!(session.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    let shown = session.peer_certificates().unwrap()[0].to_vec();
    let mut order = desk.order.lock().unwrap();
    let proof = Sha256::digest(format!("{TOKEN}.{}", order.thumbprint));
    order.proven = shown.windows(proof.len()).any(|window| window == proof.as_slice());
    assert!(order.proven, "the certificate of the challenge carries the proof");
}

fn sign(desk: &AuthorityState, body: &str) {
    let request = part(body, "payload")["csr"].as_str().map(|text| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap());
    let request = CertificateSigningRequestParams::from_der(&request.unwrap().into()).unwrap();
    let signed = request.signed_by(&desk.signer.certificate, &desk.signer.key).unwrap();
    desk.order.lock().unwrap().chain = signed.pem();
}

/// Believes everybody: the challenge's certificate is signed by itself.
#[derive(Debug)]
struct AcceptAllVerifier;

impl ServerCertVerifier for AcceptAllVerifier {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519]
    }
}
