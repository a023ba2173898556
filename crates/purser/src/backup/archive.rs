//! An archive being written, and read back.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::manifest::{ABOUT, ArchiveHeader, ArchivePart, KEY, Manifest, rows_folder};
use super::seal::{self, MAGIC, OpenReader, SealWriter};
use super::tar::{TarReader, TarWriter};
use super::{BackupProgress, Error, Passphrase, Randomness, hex};

const MANIFEST: &str = "manifest.json";

/// The manifest's own hash, as `sha256sum` writes it.
const MANIFEST_SUM: &str = "manifest.sha256";

/// Rows in one part, in bytes before they are compressed: bounds the memory that writing and reading take.
const ROWS: usize = 8 << 20;

/// The longest row, in bytes: longer than any that the program writes.
const LONGEST_ROW: u64 = 64 << 20;

/// A part of rows has at most this many bytes, and packed not many more.
const LARGEST_ROWS: u64 = ROWS as u64 + LONGEST_ROW;
const LARGEST_PACKED: u64 = LARGEST_ROWS + (1 << 20);

/// How many times larger than the archive its rows may be, beside a fixed part. Rows have random ids and moments in
/// them, and come to some ten times; what comes to hundreds was made to fill a disk.
const MOST_EXPANSION: u64 = 200;
const FREE_EXPANSION: u64 = 64 << 20;

/// Parts of an archive: an uploaded file is one each.
const MOST_PARTS: usize = 4_000_000;

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
    parts: Vec<ArchivePart>,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive; with a passphrase, a sealed one. Its files are of the time `seconds`.
    pub(super) fn new(
        out: W,
        about: &ArchiveHeader,
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
        self.parts.push(ArchivePart { name: name.to_owned(), bytes: size, sha256: hex(&hashing.hash.finalize()) });
        Ok(())
    }

    /// Adds a part that is at hand.
    pub(super) fn bytes(&mut self, name: &str, mut content: &[u8]) -> Result<(), Error> {
        self.part(name, content.len() as u64, &mut content)
    }

    /// Ends the archive with its manifest; `describe` is given the list of parts.
    pub(super) fn finish(
        mut self,
        describe: impl FnOnce(Vec<ArchivePart>) -> Manifest,
    ) -> Result<(W, Manifest), Error> {
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
    left: Vec<ArchivePart>,
}

/// Opens an archive, sealed or not, and says which.
fn open(path: &Path, passphrase: Option<&Passphrase>) -> Result<(TarReader<Box<dyn Read>>, bool), Error> {
    let file = File::open(path).map_err(Error::file(path))?;
    if !file.metadata().map_err(Error::file(path))?.is_file() {
        return Err(foreign(path));
    }
    let mut input = BufReader::with_capacity(1 << 17, file);
    if !is_sealed(&mut input).map_err(Error::file(path))? {
        return Ok((TarReader::new(Box::new(input)), false));
    }
    let passphrase = passphrase.ok_or_else(|| {
        Error::Refused(format!("{} is sealed: give its passphrase with --passphrase-file", path.display()))
    })?;
    input.consume(MAGIC.len());
    Ok((TarReader::new(Box::new(OpenReader::new(input, passphrase)?)), true))
}

/// A file that does not begin as a backup does.
fn foreign(path: &Path) -> Error {
    let says =
        format!("{} is not a backup of Purser, or its beginning is damaged; nothing was changed", path.display());
    Error::Refused(says)
}

fn is_sealed(input: &mut BufReader<File>) -> io::Result<bool> {
    Ok(input.fill_buf()?.starts_with(MAGIC))
}

/// What an archive says of itself without being opened, and whether it is sealed. Reads its beginning only.
pub(super) fn about(path: &Path) -> Result<(ArchiveHeader, bool), Error> {
    let mut input = BufReader::new(File::open(path).map_err(Error::file(path))?);
    if is_sealed(&mut input).map_err(Error::file(path))? {
        input.consume(MAGIC.len());
        return Ok((seal::about_read(&mut input)?, true));
    }
    let mut tar = TarReader::new(input);
    let first = tar.next().map_err(|error| damage(path, error))?;
    if !first.is_some_and(|(name, size)| name == ABOUT && size <= LARGEST_ABOUT) {
        return Err(foreign(path));
    }
    let mut text = Vec::new();
    tar.read_to_end(&mut text).map_err(|error| damage(path, error))?;
    let about = serde_json::from_slice(&text);
    about.map(|about| (about, false)).map_err(|error| Error::Damaged(error.to_string()))
}

/// Reads an archive from its first byte to its last, and holds every one against the checksums. Rows are unpacked to be
/// counted, a piece at a time, and kept nowhere.
pub(super) fn verify(
    path: &Path,
    passphrase: Option<&Passphrase>,
    progress: &mut BackupProgress,
) -> Result<Manifest, Error> {
    let size = std::fs::metadata(path).map_err(Error::file(path))?.len();
    progress.phase("checking the backup", size);
    let (tar, sealed) = open(path, passphrase)?;
    let mut check =
        Check { path, tar, sealed, size, plain: 0, about: Vec::new(), parts: Vec::new(), rows: HashMap::new() };
    let manifest = check.run(progress)?;
    progress.done();
    Ok(manifest)
}

/// An archive while it is checked.
struct Check<'a> {
    path: &'a Path,
    tar: TarReader<Box<dyn Read>>,
    sealed: bool,
    /// The archive's own size.
    size: u64,
    /// What the rows come to so far.
    plain: u64,
    about: Vec<u8>,
    parts: Vec<ArchivePart>,
    /// How many rows each folder of rows has.
    rows: HashMap<String, u64>,
}

impl Check<'_> {
    fn run(&mut self, progress: &mut BackupProgress) -> Result<Manifest, Error> {
        let (mut manifest, mut sum, mut done) = (Vec::new(), Vec::new(), 0);
        while let Some((name, bytes)) = self.next()? {
            match name.as_str() {
                _ if !sum.is_empty() => return Err(damaged("something follows its manifest")),
                MANIFEST if bytes <= LARGEST_MANIFEST => {
                    self.tar.read_to_end(&mut manifest).map_err(|error| damage(self.path, error))?;
                }
                MANIFEST_SUM if bytes <= 1_024 => {
                    self.tar.read_to_end(&mut sum).map_err(|error| damage(self.path, error))?;
                }
                _ if manifest.is_empty() => self.part(name, bytes)?,
                _ => return Err(damaged(format!("'{name}' stands where it does not belong"))),
            }
            done += bytes;
            progress.at(done.min(self.size));
        }
        if sum != format!("{}  {MANIFEST}\n", hex(&Sha256::digest(&manifest))).as_bytes() {
            return Err(damaged("its manifest is not as it was written"));
        }
        self.manifest(&manifest)
    }

    /// The next part's name and size. The first tells whether this is a backup at all.
    fn next(&mut self) -> Result<Option<(String, u64)>, Error> {
        if self.parts.len() >= MOST_PARTS {
            return Err(damaged("it has more parts than any backup"));
        }
        let next = self.tar.next();
        if !self.parts.is_empty() {
            return next.map_err(|error| damage(self.path, error));
        }
        let is_about = |(name, bytes): &(String, u64)| name == ABOUT && *bytes <= LARGEST_ABOUT;
        next.ok().flatten().filter(is_about).map(Some).ok_or_else(|| foreign(self.path))
    }

    fn part(&mut self, name: String, bytes: u64) -> Result<(), Error> {
        if name == KEY && !self.sealed {
            let says =
                "it holds an instance key and is not sealed: Purser writes no such backup, and nothing was changed";
            return Err(Error::Refused(says.to_owned()));
        }
        let mut hashing = Hashing { inner: &mut self.tar, hash: Sha256::new() };
        if name == ABOUT {
            hashing.read_to_end(&mut self.about).map_err(|error| damage(self.path, error))?;
        } else if let Some(folder) = rows_folder_of(&name) {
            if bytes > LARGEST_PACKED {
                return Err(bomb());
            }
            let (rows, plain) = rows_count(&mut hashing).map_err(|error| damage(self.path, error))?;
            *self.rows.entry(folder.to_owned()).or_default() += rows;
            self.plain = self.plain.saturating_add(plain);
        } else {
            io::copy(&mut hashing, &mut io::sink()).map_err(|error| damage(self.path, error))?;
        }
        let sha256 = hex(&hashing.hash.finalize());
        if self.plain > self.size.saturating_mul(MOST_EXPANSION).saturating_add(FREE_EXPANSION) {
            return Err(bomb());
        }
        self.parts.push(ArchivePart { name, bytes, sha256 });
        Ok(())
    }

    /// The manifest, where it says what was found.
    fn manifest(&self, text: &[u8]) -> Result<Manifest, Error> {
        let manifest: Manifest =
            serde_json::from_slice(text).map_err(|error| damaged(format!("its manifest does not read: {error}")))?;
        let mut pairs = manifest.parts.iter().zip(&self.parts);
        if let Some((wanted, _)) = pairs.find(|(wanted, found)| wanted != found) {
            return Err(damaged(format!("{} is not as it was written", wanted.name)));
        }
        if manifest.parts.len() != self.parts.len() {
            return Err(damaged("it has more or fewer parts than its manifest"));
        }
        if serde_json::from_slice::<ArchiveHeader>(&self.about).ok().as_ref() != Some(&manifest.about) {
            return Err(damaged("its beginning and its manifest are of two backups"));
        }
        manifest.check()?;
        for table in &manifest.tables {
            let found = self.rows.get(&rows_folder(&table.name)).copied().unwrap_or(0);
            if found != table.rows {
                let says = format!("{} has {found} rows where its manifest says {}", table.name, table.rows);
                return Err(damaged(says));
            }
        }
        Ok(manifest)
    }
}

/// What an archive says of itself is short.
const LARGEST_ABOUT: u64 = 4_096;

fn damaged(how: impl Into<String>) -> Error {
    Error::Damaged(how.into())
}

fn bomb() -> Error {
    damaged("its rows come to far more than any backup of its size holds")
}

/// The folder of a part of rows.
fn rows_folder_of(name: &str) -> Option<&str> {
    let (folder, file) = name.split_at(name.rfind('/')? + 1);
    (folder.starts_with("tables/") && file.ends_with(".rows.gz")).then_some(folder)
}

/// Unpacks a part of rows, and says how many rows and bytes it has.
fn rows_count(packed: &mut dyn Read) -> io::Result<(u64, u64)> {
    let mut packed = BufReader::with_capacity(1 << 16, packed);
    let mut plain = flate2::bufread::GzDecoder::new(&mut packed);
    let (mut buffer, mut rows, mut bytes) = (vec![0; 1 << 16], 0, 0);
    loop {
        let read = plain.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        rows += buffer[..read].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        bytes += read as u64;
        if bytes > LARGEST_ROWS {
            return Err(super::tar::damaged("a part of it comes to more than any that a backup holds"));
        }
    }
    if io::copy(&mut packed, &mut io::sink())? > 0 {
        return Err(super::tar::damaged("something follows the rows of a part"));
    }
    Ok((rows, bytes))
}

/// Trouble while reading: is it the archive, or the disk it lies on?
fn damage(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        // Unpacking says that its input is not valid.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Error::Damaged(error.to_string()),
        io::ErrorKind::UnexpectedEof => Error::Damaged("it ends too early".to_owned()),
        _ => Error::File(path.to_owned(), error),
    }
}

impl ArchiveReader {
    /// Opens an archive that [`verify`] has found good; what it reads is held against the manifest once more.
    pub(super) fn new(path: &Path, passphrase: Option<&Passphrase>, manifest: &Manifest) -> Result<Self, Error> {
        let left = manifest.parts.iter().rev().cloned().collect();
        Ok(ArchiveReader { path: path.to_owned(), tar: open(path, passphrase)?.0, left })
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
pub(super) type FileWriter = BufWriter<File>;
