//! The certificate.

use std::path::{Path, PathBuf};

use purser_web::{Authority, Certificate};
use serde::{Deserialize, Serialize};

use crate::cli_error::CliError;

/// The certificate: from two files, or from an ACME authority, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// The PEM file of the chain, the server's own certificate first.
    pub(crate) certificate: String,
    /// The PEM file of its private key.
    pub(crate) key: String,
    /// The names to get a certificate for.
    pub(crate) acme_domains: Vec<String>,
    /// The address that the authority writes to.
    pub(crate) acme_contact: String,
    /// The authority.
    pub(crate) acme_directory: String,
    /// The PEM file of the roots that sign for a private authority.
    pub(crate) acme_roots: String,
}

impl TlsConfig {
    /// Whether there is to be a certificate.
    pub(crate) fn is_set(&self) -> bool {
        !(self.certificate.is_empty() && self.key.is_empty() && self.acme_domains.is_empty())
    }

    /// What the server shows; none where it is not to speak TLS.
    pub(crate) fn certificate(&self, data: &Path) -> Result<Option<Certificate>, CliError> {
        let from_files = !self.certificate.is_empty() || !self.key.is_empty();
        match (from_files, self.acme_domains.is_empty()) {
            (false, true) => Ok(None),
            (true, false) => Err(CliError::usage("tls.certificate and tls.acme_domains exclude each other")),
            (true, true) if self.certificate.is_empty() || self.key.is_empty() => {
                Err(CliError::usage("tls.certificate and tls.key go together"))
            }
            (true, true) => {
                let (chain, key) = (self.certificate.clone().into(), self.key.clone().into());
                Ok(Some(Certificate::Files { chain, key }))
            }
            (false, false) => Ok(Some(Certificate::Acme(Authority {
                domains: self.acme_domains.clone(),
                contact: self.acme_contact.clone(),
                directory: self.acme_directory.clone(),
                roots: Some(&self.acme_roots).filter(|path| !path.is_empty()).map(PathBuf::from),
                cache: data.join("acme"),
            }))),
        }
    }
}
