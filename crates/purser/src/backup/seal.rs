//! A sealed archive: a key from the passphrase by argon2id, and the archive in frames under XChaCha20-Poly1305.
//!
//! ```text
//! purser-sealed-backup 1\n      what it is
//! length of the header, 4 bytes, big-endian
//! header, JSON                  what anybody may know, and how the key is made
//! frame, frame, …, last frame   64 KiB each and a tag of 16 bytes; the last may be shorter
//! ```
//!
//! A frame's nonce is 19 random bytes, its number, and whether it is the last: none can be changed, left out, moved or
//! added. The header is authenticated with each. The salt is fresh for every archive, and so is the key.

use std::io::{self, BufRead, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::manifest::ArchiveHeader;
use super::tar::damaged;
use super::{Error, Passphrase, hex};

/// What a sealed archive begins with.
pub(super) const MAGIC: &[u8] = b"purser-sealed-backup 1\n";

/// Plain bytes in a frame.
const FRAME: usize = 65_536;

const TAG: usize = 16;

/// A header is far shorter.
const LONGEST_HEADER: usize = 16_384;

/// The most memory, in KiB, and passes that a header may ask for: a hostile file must not take the machine down.
const MOST_MEMORY: u32 = 262_144;
const MOST_PASSES: u32 = 16;

/// Random bytes for one archive: its salt, and its part of every nonce.
pub(crate) struct Randomness {
    pub(crate) salt: [u8; 16],
    pub(crate) nonce: [u8; 19],
}

impl Randomness {
    pub(crate) fn new(fill: impl Fn(&mut [u8])) -> Self {
        let mut randomness = Randomness { salt: [0; 16], nonce: [0; 19] };
        fill(&mut randomness.salt);
        fill(&mut randomness.nonce);
        randomness
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    about: ArchiveHeader,
    key: KeyRecipe,
    nonce: String,
}

/// How the key is made of the passphrase.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRecipe {
    function: String,
    /// In KiB.
    memory: u32,
    passes: u32,
    salt: String,
}

impl KeyRecipe {
    /// 64 MiB and three passes: what guessing costs, too.
    fn standard(salt: [u8; 16]) -> Self {
        KeyRecipe { function: "argon2id".to_owned(), memory: 65_536, passes: 3, salt: hex(&salt) }
    }

    fn cipher(&self, passphrase: &Passphrase) -> Result<XChaCha20Poly1305, Error> {
        let wrong = || Error::Damaged("its header asks for a key that cannot be made".to_owned());
        if self.function != "argon2id" || self.memory > MOST_MEMORY || self.passes > MOST_PASSES {
            return Err(wrong());
        }
        let salt: [u8; 16] = unhex(&self.salt).ok_or_else(wrong)?;
        let params = Params::new(self.memory, self.passes, 1, Some(32)).map_err(|_| wrong())?;
        let mut key = Key::default();
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_into(passphrase.bytes(), &salt, &mut key).map_err(|_| wrong())?;
        Ok(XChaCha20Poly1305::new(&key))
    }
}

/// What seals and opens frames, one after another.
struct Frames {
    cipher: XChaCha20Poly1305,
    nonce: [u8; 19],
    /// The hash of all that stands before the first frame.
    header: [u8; 32],
    number: u32,
}

impl Frames {
    fn nonce(&mut self, last: bool) -> io::Result<XNonce> {
        let mut nonce = XNonce::default();
        nonce[..19].copy_from_slice(&self.nonce);
        nonce[19..23].copy_from_slice(&self.number.to_be_bytes());
        nonce[23] = u8::from(last);
        self.number = self.number.checked_add(1).ok_or_else(|| damaged("it is too large"))?;
        Ok(nonce)
    }

    fn sealed(&mut self, plain: &[u8], last: bool) -> io::Result<Vec<u8>> {
        let nonce = self.nonce(last)?;
        let payload = Payload { msg: plain, aad: &self.header };
        self.cipher.encrypt(&nonce, payload).map_err(|_| damaged("a frame cannot be sealed"))
    }

    fn opened(&mut self, sealed: &[u8], last: bool) -> Option<Vec<u8>> {
        let nonce = self.nonce(last).ok()?;
        self.cipher.decrypt(&nonce, Payload { msg: sealed, aad: &self.header }).ok()
    }
}

/// Seals what is written to it.
pub(super) struct SealWriter<W> {
    out: W,
    frames: Frames,
    buffer: Vec<u8>,
}

impl<W: Write> SealWriter<W> {
    pub(super) fn new(
        mut out: W,
        about: ArchiveHeader,
        passphrase: &Passphrase,
        randomness: &Randomness,
    ) -> Result<Self, Error> {
        let key = KeyRecipe::standard(randomness.salt);
        let cipher = key.cipher(passphrase)?;
        let header = Header { about, key, nonce: hex(&randomness.nonce) };
        let json = serde_json::to_vec(&header).map_err(|error| Error::Damaged(error.to_string()))?;
        let length = u32::try_from(json.len()).unwrap_or(u32::MAX).to_be_bytes();
        let header = [MAGIC, &length, &json].concat();
        out.write_all(&header).map_err(Error::Write)?;
        let frames = Frames { cipher, nonce: randomness.nonce, header: Sha256::digest(&header).into(), number: 0 };
        Ok(SealWriter { out, frames, buffer: Vec::with_capacity(FRAME) })
    }

    /// Seals the last frame.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let sealed = self.frames.sealed(&self.buffer, true)?;
        self.out.write_all(&sealed)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full frame waits until there is more: it may be the last.
        if self.buffer.len() == FRAME {
            let sealed = self.frames.sealed(&self.buffer, false)?;
            self.out.write_all(&sealed)?;
            self.buffer.clear();
        }
        let taken = bytes.len().min(FRAME - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what is read from it.
pub(super) struct OpenReader<R> {
    input: R,
    frames: Frames,
    plain: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: BufRead> OpenReader<R> {
    /// Reads from behind the [`MAGIC`]. The first frame is opened at once: it tells whether the passphrase fits.
    pub(super) fn new(mut input: R, passphrase: &Passphrase) -> Result<Self, Error> {
        let (header, bytes) = header_read(&mut input)?;
        let cipher = header.key.cipher(passphrase)?;
        let nonce = unhex(&header.nonce).ok_or_else(|| Error::Damaged("its header does not read".to_owned()))?;
        let frames = Frames { cipher, nonce, header: Sha256::digest(&bytes).into(), number: 0 };
        let mut reader = OpenReader { input, frames, plain: Vec::new(), at: 0, ended: false };
        reader.frame_read().map_err(|_| Error::Passphrase)?;
        Ok(reader)
    }

    fn frame_read(&mut self) -> io::Result<()> {
        let mut sealed = Vec::with_capacity(FRAME + TAG);
        (&mut self.input).take((FRAME + TAG) as u64).read_to_end(&mut sealed)?;
        let last = sealed.len() < FRAME + TAG || self.input.fill_buf()?.is_empty();
        self.plain = self.frames.opened(&sealed, last).ok_or_else(|| damaged("a frame is not as it was sealed"))?;
        self.at = 0;
        self.ended = last;
        Ok(())
    }
}

impl<R: BufRead> Read for OpenReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.plain.len() && !self.ended {
            self.frame_read()?;
        }
        let taken = buffer.len().min(self.plain.len() - self.at);
        buffer[..taken].copy_from_slice(&self.plain[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// What anybody may know of a sealed archive, read from behind the [`MAGIC`].
pub(super) fn about_read(input: &mut impl Read) -> Result<ArchiveHeader, Error> {
    header_read(input).map(|(header, _)| header.about)
}

fn header_read(input: &mut impl Read) -> Result<(Header, Vec<u8>), Error> {
    let wrong = |_: io::Error| Error::Damaged("it ends within its header".to_owned());
    let mut length = [0; 4];
    input.read_exact(&mut length).map_err(wrong)?;
    let wanted = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if wanted > LONGEST_HEADER {
        return Err(Error::Damaged("its header is too long".to_owned()));
    }
    let mut json = vec![0; wanted];
    input.read_exact(&mut json).map_err(wrong)?;
    let header = serde_json::from_slice(&json).map_err(|_| Error::Damaged("its header does not read".to_owned()))?;
    Ok((header, [MAGIC, &length, &json].concat()))
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text).unwrap()
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let randomness = Randomness { salt: [1; 16], nonce: [2; 19] };
        let about = ArchiveHeader { format: 1, program: "0".to_owned(), moment: String::new(), engine: "x".to_owned() };
        let mut writer = SealWriter::new(Vec::new(), about, &passphrase("correct horse"), &randomness).unwrap();
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    fn opened(sealed: &[u8], with: &str) -> Result<Vec<u8>, String> {
        let mut reader = OpenReader::new(&sealed[MAGIC.len()..], &passphrase(with)).map_err(|e| e.to_string())?;
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain).map_err(|error| error.to_string())?;
        Ok(plain)
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 2 * FRAME + 5] {
            let plain = vec![7; length];
            assert!(opened(&sealed(&plain), "correct horse").unwrap() == plain, "{length}");
        }
    }

    #[test]
    fn another_passphrase_opens_nothing() {
        assert!(opened(&sealed(b"plain"), "wrong horse").unwrap_err().contains("passphrase"));
    }

    #[test]
    fn nothing_can_be_changed_cut_moved_or_added() {
        let whole = sealed(&vec![7; 3 * FRAME]);
        let frames = whole.len() - 3 * (FRAME + TAG);
        for at in [MAGIC.len() + 30, frames, frames + FRAME + 100, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(opened(&flipped, "correct horse").is_err(), "byte {at}");
        }
        assert!(opened(&whole[..whole.len() - (FRAME + TAG)], "correct horse").is_err());
        assert!(opened(&whole[..whole.len() - 1], "correct horse").is_err());
        assert!(opened(&[&whole[..], b"x"].concat(), "correct horse").is_err());
        let (first, rest) = whole[frames..].split_at(FRAME + TAG);
        let (second, third) = rest.split_at(FRAME + TAG);
        let swapped = [&whole[..frames], second, first, third].concat();
        assert!(opened(&swapped, "correct horse").is_err());
    }

    #[test]
    fn a_header_that_asks_for_a_whole_machine_is_refused() {
        let recipe = KeyRecipe { memory: u32::MAX, ..KeyRecipe::standard([0; 16]) };
        assert!(recipe.cipher(&passphrase("correct horse")).is_err());
    }
}
