//! A certificate from an ACME authority.

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_acme::AcmeConfig;
use rustls_acme::caches::DirCache;

use super::{Authority, CertificateResolver, PROTOCOLS, TlsError};

pub(super) fn faces(authority: &Authority) -> Result<CertificateResolver, TlsError> {
    let contact = Some(&authority.contact).filter(|contact| !contact.is_empty());
    let mut acme = AcmeConfig::new(&authority.domains)
        .contact(contact.map(|contact| format!("mailto:{contact}")))
        .directory(&authority.directory)
        .cache(DirCache::new(authority.cache.clone()));
    private_folder(&authority.cache)?;
    if let Some(roots) = &authority.roots {
        acme = acme.client_tls_config(trusting(roots)?);
    }
    let mut state = acme.state();
    let mut clients = (*state.default_rustls_config()).clone();
    clients.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    let challenge = state.challenge_rustls_config();
    tokio::spawn(async move {
        // The state asks again, later and later, by itself: here is only told how it goes.
        while let Some(event) = state.next().await {
            match event {
                Ok(event) => tracing::info!(?event, "[TLS] the authority"),
                Err(error) => tracing::warn!(%error, "[TLS] the authority gave no certificate yet"),
            }
        }
    });
    Ok(CertificateResolver { clients: Arc::new(clients), challenge: Some(challenge) })
}

/// The folder holds private keys, and is for nobody else on this machine.
fn private_folder(path: &Path) -> Result<(), TlsError> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path).map_err(|error| TlsError::file(path, &error))
}

/// A client that believes whoever the roots in `path` sign for.
fn trusting(path: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut roots = RootCertStore::empty();
    for certificate in certificates.map_err(|error| TlsError::file(path, &error))? {
        roots.add(certificate)?;
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
