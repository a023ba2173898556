//! An archive being written, and read back.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::manifest::{ABOUT, About, Manifest, Part, rows_folder};
use super::seal::{self, MAGIC, OpenReader, SealWriter};
use super::tar::{TarReader, TarWriter};
use super::{Error, Passphrase, Progress, Randomness, hex};

const MANIFEST: &str = "manifest.json";

/// The manifest's own hash, as `sha256sum` writes it.
const MANIFEST_SUM: &str = "manifest.sha256";

/// Rows in one part, in bytes before they are compressed: bounds the memory that writing and reading take.
const ROWS: usize = 8 << 20;

/// A manifest larger than this is none.
const LARGEST_MANIFEST: u64 = 256 << 20;

/// How hard to compress: twice as quick as usual, for a tenth more bytes.
const COMPRESSION: u32 = 3;

/// Where the bytes go.
enum Sink<W> {
    Plain(W),
    Sealed(Box<SealWriter<W>>),
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Plain(out) => out.write(bytes),
            Sink::Sealed(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Plain(out) => out.flush(),
            Sink::Sealed(out) => out.flush(),
        }
    }
}

/// Writes parts, and keeps the list of them.
pub(super) struct ArchiveWriter<W> {
    tar: TarWriter<Sink<W>>,
    parts: Vec<Part>,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive; with a passphrase, a sealed one. Its files are of the time `seconds`.
    pub(super) fn new(
        out: W,
        about: &About,
        seconds: u64,
        passphrase: Option<&Passphrase>,
        randomness: &Randomness,
    ) -> Result<Self, Error> {
        let sink = match passphrase {
            None => Sink::Plain(out),
            Some(passphrase) => Sink::Sealed(Box::new(SealWriter::new(out, about.clone(), passphrase, randomness)?)),
        };
        let mut writer = ArchiveWriter { tar: TarWriter::new(sink, seconds), parts: Vec::new() };
        writer.bytes(ABOUT, &json(about)?)?;
        Ok(writer)
    }

    /// Adds a part of `size` bytes, read from `content`.
    pub(super) fn part(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<(), Error> {
        let mut hashing = Hashing { inner: content, hash: Sha256::new() };
        self.tar.file(name, size, &mut hashing).map_err(Error::Write)?;
        self.parts.push(Part { name: name.to_owned(), bytes: size, sha256: hex(&hashing.hash.finalize()) });
        Ok(())
    }

    /// Adds a part that is at hand.
    pub(super) fn bytes(&mut self, name: &str, mut content: &[u8]) -> Result<(), Error> {
        self.part(name, content.len() as u64, &mut content)
    }

    /// Ends the archive with its manifest; `describe` is given the list of parts.
    pub(super) fn finish(mut self, describe: impl FnOnce(Vec<Part>) -> Manifest) -> Result<(W, Manifest), Error> {
        let manifest = describe(std::mem::take(&mut self.parts));
        let text = json(&manifest)?;
        self.bytes(MANIFEST, &text)?;
        let sum = format!("{}  {MANIFEST}\n", hex(&Sha256::digest(&text)));
        self.bytes(MANIFEST_SUM, sum.as_bytes())?;
        let out = match self.tar.finish().map_err(Error::Write)? {
            Sink::Plain(out) => out,
            Sink::Sealed(out) => out.finish().map_err(Error::Write)?,
        };
        Ok((out, manifest))
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    let text = serde_json::to_vec_pretty(value);
    text.map(|mut text| {
        text.push(b'\n');
        text
    })
    .map_err(|error| Error::Write(io::Error::other(error)))
}

/// A table's rows on their way into an archive, some megabytes a part.
pub(super) struct RowsWriter<'a, W> {
    archive: &'a mut ArchiveWriter<W>,
    folder: String,
    number: u32,
    plain: usize,
    packed: GzEncoder<Vec<u8>>,
}

impl<'a, W: Write> RowsWriter<'a, W> {
    pub(super) fn new(archive: &'a mut ArchiveWriter<W>, table: &str) -> Self {
        RowsWriter { archive, folder: rows_folder(table), number: 0, plain: 0, packed: packer() }
    }

    pub(super) fn row(&mut self, line: &[u8]) -> Result<(), Error> {
        self.packed.write_all(line).map_err(Error::Write)?;
        self.plain += line.len();
        if self.plain >= ROWS { self.part() } else { Ok(()) }
    }

    /// Writes what has gathered.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        if self.plain > 0 { self.part() } else { Ok(()) }
    }

    fn part(&mut self) -> Result<(), Error> {
        let packed = std::mem::replace(&mut self.packed, packer()).finish().map_err(Error::Write)?;
        self.number += 1;
        self.plain = 0;
        self.archive.bytes(&format!("{}{:05}.rows.gz", self.folder, self.number), &packed)
    }
}

fn packer() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::new(COMPRESSION))
}

/// Hashes what is read through it.
struct Hashing<'a> {
    inner: &'a mut dyn Read,
    hash: Sha256,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

/// An archive's parts, in order.
pub(super) struct ArchiveReader {
    path: PathBuf,
    tar: TarReader<Box<dyn Read>>,
    /// What is still to come, last first.
    left: Vec<Part>,
}

/// Opens an archive, sealed or not.
fn open(path: &Path, passphrase: Option<&Passphrase>) -> Result<TarReader<Box<dyn Read>>, Error> {
    let mut input = BufReader::with_capacity(1 << 17, File::open(path).map_err(Error::file(path))?);
    if !is_sealed(&mut input).map_err(Error::file(path))? {
        return Ok(TarReader::new(Box::new(input)));
    }
    let passphrase = passphrase.ok_or_else(|| {
        Error::Refused(format!("{} is sealed: give its passphrase with --passphrase-file", path.display()))
    })?;
    input.consume(MAGIC.len());
    Ok(TarReader::new(Box::new(OpenReader::new(input, passphrase)?)))
}

fn is_sealed(input: &mut BufReader<File>) -> io::Result<bool> {
    Ok(input.fill_buf()?.starts_with(MAGIC))
}

/// What an archive says of itself without being opened, and whether it is sealed. Reads its beginning only.
pub(super) fn about(path: &Path) -> Result<(About, bool), Error> {
    let mut input = BufReader::new(File::open(path).map_err(Error::file(path))?);
    if is_sealed(&mut input).map_err(Error::file(path))? {
        input.consume(MAGIC.len());
        return Ok((seal::about_read(&mut input)?, true));
    }
    let mut tar = TarReader::new(input);
    let first = tar.next().map_err(|error| damage(path, error))?;
    if !first.is_some_and(|(name, size)| name == ABOUT && size < 4_096) {
        return Err(Error::Damaged(format!("{} is not a backup", path.display())));
    }
    let mut text = Vec::new();
    tar.read_to_end(&mut text).map_err(|error| damage(path, error))?;
    let about = serde_json::from_slice(&text);
    about.map(|about| (about, false)).map_err(|error| Error::Damaged(error.to_string()))
}

/// Reads an archive from its first byte to its last, and holds every one against the checksums.
pub(super) fn verify(path: &Path, passphrase: Option<&Passphrase>, progress: &mut Progress) -> Result<Manifest, Error> {
    let size = std::fs::metadata(path).map_err(Error::file(path))?.len();
    progress.phase("checking the backup", size);
    let failed = |error| damage(path, error);
    let mut tar = open(path, passphrase)?;
    let mut parts = Vec::new();
    let mut done = 0;
    let mut manifest = Vec::new();
    let mut sum = Vec::new();
    while let Some((name, bytes)) = tar.next().map_err(failed)? {
        match name.as_str() {
            _ if !sum.is_empty() => return Err(Error::Damaged("something follows its manifest".to_owned())),
            MANIFEST if bytes <= LARGEST_MANIFEST => {
                tar.read_to_end(&mut manifest).map_err(failed)?;
            }
            MANIFEST_SUM if bytes <= 1_024 => {
                tar.read_to_end(&mut sum).map_err(failed)?;
            }
            _ if manifest.is_empty() => {
                let mut hashing = Hashing { inner: &mut tar, hash: Sha256::new() };
                io::copy(&mut hashing, &mut io::sink()).map_err(failed)?;
                let sha256 = hex(&hashing.hash.finalize());
                parts.push(Part { name, bytes, sha256 });
            }
            _ => return Err(Error::Damaged(format!("'{name}' stands where it does not belong"))),
        }
        done += bytes;
        progress.at(done.min(size));
    }
    if sum != format!("{}  {MANIFEST}\n", hex(&Sha256::digest(&manifest))).as_bytes() {
        return Err(Error::Damaged("its manifest is not as it was written".to_owned()));
    }
    let manifest = manifest_read(&manifest, &parts)?;
    progress.done();
    Ok(manifest)
}

fn manifest_read(text: &[u8], parts: &[Part]) -> Result<Manifest, Error> {
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|error| Error::Damaged(format!("its manifest does not read: {error}")))?;
    let mut pairs = manifest.parts.iter().zip(parts);
    if let Some((wanted, _)) = pairs.find(|(wanted, found)| wanted != found) {
        return Err(Error::Damaged(format!("{} is not as it was written", wanted.name)));
    }
    if manifest.parts.len() != parts.len() {
        return Err(Error::Damaged("it has more or fewer parts than its manifest".to_owned()));
    }
    manifest.check()?;
    Ok(manifest)
}

/// Trouble while reading: is it the archive, or the disk it lies on?
fn damage(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => Error::Damaged(error.to_string()),
        io::ErrorKind::UnexpectedEof => Error::Damaged("it ends too early".to_owned()),
        _ => Error::File(path.to_owned(), error),
    }
}

impl ArchiveReader {
    /// Opens an archive that [`verify`] has found good; what it reads is held against the manifest once more.
    pub(super) fn new(path: &Path, passphrase: Option<&Passphrase>, manifest: &Manifest) -> Result<Self, Error> {
        let left = manifest.parts.iter().rev().cloned().collect();
        Ok(ArchiveReader { path: path.to_owned(), tar: open(path, passphrase)?, left })
    }

    /// The name of the next part.
    pub(super) fn peek(&self) -> Option<&str> {
        self.left.last().map(|part| part.name.as_str())
    }

    /// Copies the next part to `out`, and says how many bytes it had.
    pub(super) fn part(&mut self, out: &mut dyn Write) -> Result<u64, Error> {
        let changed = || Error::Damaged("it changed while it was read".to_owned());
        let part = self.left.pop().ok_or_else(changed)?;
        let found = self.tar.next().map_err(|error| damage(&self.path, error))?;
        if found.is_none_or(|(name, bytes)| name != part.name || bytes != part.bytes) {
            return Err(changed());
        }
        let mut hashing = Hashing { inner: &mut self.tar, hash: Sha256::new() };
        let bytes = io::copy(&mut hashing, out).map_err(|error| damage(&self.path, error))?;
        if hex(&hashing.hash.finalize()) == part.sha256 { Ok(bytes) } else { Err(changed()) }
    }

    /// The rows of a table, whose parts are next.
    pub(super) fn rows(&mut self, table: &str) -> RowsReader<'_> {
        RowsReader { folder: rows_folder(table), archive: self, part: None }
    }
}

/// A table's rows, line by line.
pub(super) struct RowsReader<'a> {
    archive: &'a mut ArchiveReader,
    folder: String,
    part: Option<BufReader<GzDecoder<io::Cursor<Vec<u8>>>>>,
}

impl RowsReader<'_> {
    /// Puts the next line into `line`; false where there is none.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            if let Some(part) = &mut self.part {
                let read = part.read_until(b'\n', line);
                if read.map_err(|error| Error::Damaged(error.to_string()))? > 0 {
                    return Ok(true);
                }
            }
            if !self.archive.peek().is_some_and(|name| name.starts_with(&self.folder)) {
                return Ok(false);
            }
            let mut packed = Vec::new();
            self.archive.part(&mut packed)?;
            self.part = Some(BufReader::with_capacity(1 << 16, GzDecoder::new(io::Cursor::new(packed))));
        }
    }
}

/// A file that is written through a buffer.
pub(super) type Out = BufWriter<File>;
