//! Sealing: secrets that must be read again are kept under the instance key.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::Error;

/// Bytes of a nonce: long enough to be drawn by chance each time.
const NONCE: usize = 24;

/// Seals and opens with the instance key. What is sealed for one purpose and owner opens for no other.
#[derive(Clone)]
pub struct Sealer(XChaCha20Poly1305);

impl Sealer {
    /// With this instance key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Sealer(XChaCha20Poly1305::new(key.into()))
    }

    /// Seals `secret` for `what`, such as `totp:<id>`. `nonce` is fresh chance.
    ///
    /// # Errors
    /// [`Error::Seal`].
    pub fn seal(&self, nonce: [u8; NONCE], what: &str, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let payload = Payload { msg: secret, aad: what.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::Seal)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for `what`.
    ///
    /// # Errors
    /// [`Error::Seal`] where it was sealed with another instance key or for something else, or was changed.
    pub fn open(&self, what: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Error::Seal)?;
        let payload = Payload { msg: sealed, aad: what.as_bytes() };
        self.0.decrypt(&XNonce::from(*nonce), payload).map_err(|_| Error::Seal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_key_for_the_same_thing_alone() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal([1; 24], "totp:asha", b"a seed").unwrap();
        assert_eq!(sealer.open("totp:asha", &sealed), Ok(b"a seed".to_vec()));
        assert_eq!(sealer.open("totp:ravi", &sealed), Err(Error::Seal));
        assert_eq!(Sealer::new(&[8; 32]).open("totp:asha", &sealed), Err(Error::Seal));
        let mut changed = sealed.clone();
        changed[30] ^= 1;
        assert_eq!(sealer.open("totp:asha", &changed), Err(Error::Seal));
        assert_eq!(sealer.open("totp:asha", &sealed[..20]), Err(Error::Seal));
        assert!(!sealed.windows(6).any(|window| window == b"a seed"));
    }
}
