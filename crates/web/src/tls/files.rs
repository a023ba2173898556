//! A certificate from files that somebody else renews.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{CertificateResolver, PROTOCOLS, TlsError};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(60);

pub(super) fn faces(chain: &Path, key: &Path) -> Result<CertificateResolver, TlsError> {
    let config = ServerConfig::builder().with_no_client_auth();
    let provider = Arc::clone(config.crypto_provider());
    let pem = Pem::read(chain, key)?;
    let current = Arc::new(CurrentCertificate(RwLock::new(Arc::new(pem.certified(&provider)?))));
    tokio::spawn(keep_current(Arc::downgrade(&current), pem, provider));
    let mut config = config.with_cert_resolver(current);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(CertificateResolver { clients: Arc::new(config), challenge: None })
}

/// The certificate of the moment.
#[derive(Debug)]
struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Both files as they are.
#[derive(PartialEq)]
struct Pem {
    chain: (PathBuf, Vec<u8>),
    key: (PathBuf, Vec<u8>),
}

impl Pem {
    fn read(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| match std::fs::read(path) {
            Ok(bytes) => Ok((path.to_owned(), bytes)),
            Err(error) => Err(TlsError::file(path, &error)),
        };
        Ok(Pem { chain: read(chain)?, key: read(key)? })
    }

    fn certified(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let (path, bytes) = &self.chain;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
        let chain = chain.map_err(|error| TlsError::file(path, &error))?;
        if chain.is_empty() {
            return Err(TlsError::file(path, &"it holds no certificate"));
        }
        let (path, bytes) = &self.key;
        let key = PrivateKeyDer::from_pem_slice(bytes).map_err(|error| TlsError::file(path, &error))?;
        Ok(CertifiedKey::from_der(chain, key, provider)?)
    }
}

/// Whoever renews a certificate writes two files, one after the other: a pair that does not fit is not taken, and
/// looked at again.
async fn keep_current(current: Weak<CurrentCertificate>, mut pem: Pem, provider: Arc<CryptoProvider>) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let Some(current) = current.upgrade() else { return };
        match renewed(&pem, &provider) {
            Ok(None) => {}
            Ok(Some((fresh, certified))) => {
                *current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                pem = fresh;
                tracing::info!("[TLS] the certificate is renewed");
            }
            Err(error) => tracing::warn!(%error, "[TLS] the certificate's files have changed and cannot be used"),
        }
    }
}

fn renewed(pem: &Pem, provider: &CryptoProvider) -> Result<Option<(Pem, CertifiedKey)>, TlsError> {
    let fresh = Pem::read(&pem.chain.0, &pem.key.0)?;
    if fresh == *pem {
        return Ok(None);
    }
    let certified = fresh.certified(provider)?;
    Ok(Some((fresh, certified)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pair_is_taken_and_half_of_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        let (first, second) = (signed(), signed());
        std::fs::write(&chain, &first.0).unwrap();
        std::fs::write(&key, &first.1).unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let pem = Pem::read(&chain, &key).unwrap();
        assert!(renewed(&pem, &provider).unwrap().is_none(), "nothing has changed");
        std::fs::write(&chain, &second.0).unwrap();
        assert!(renewed(&pem, &provider).is_err(), "the key is still the old one");
        std::fs::write(&key, &second.1).unwrap();
        assert!(renewed(&pem, &provider).unwrap().is_some());
    }

    fn signed() -> (String, String) {
        let signed = rcgen::generate_simple_self_signed(["purser.example".to_owned()]).unwrap();
        (signed.cert.pem(), signed.key_pair.serialize_pem())
    }
}
