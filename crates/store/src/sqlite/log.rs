//! The write-ahead log, read as SQLite's format has it, before SQLite opens it.
//!
//! SQLite believes the log up to the first frame whose checksum does not fit, and forgets the rest without a word. After
//! a crash that is right: the rest is a transaction that was never finished. It is wrong where the frame was damaged
//! later, because what stands behind it was acknowledged. So the rest is looked at.
//!
//! A frame's checksum goes on from that of the frame before it, which is stored. A frame behind a damaged one can
//! therefore be proved genuine. A genuine frame that goes on from a commit proves more: the writer begins the next
//! transaction only once that commit is synced. The log's index tells of the last commit, too; it survives a kill.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::files::{self, index_of, io_error, log_of};
use crate::Error;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The first four bytes; the last bit says in which order of bytes the checksums are made.
const MAGIC: u32 = 0x377f_0682;

/// The log's index begins with its header, twice, in the machine's order of bytes.
const INDEX_HEADER: usize = 48;
const INDEX_VERSION: u32 = 3_007_000;

/// Commits that were synced, and that SQLite would not find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogDamage {
    /// Frames (pages) up to the last commit that reads well, before the damage.
    pub good_frames: usize,
    /// Frames behind it that belong to commits.
    pub lost_frames: usize,
    /// Commits behind it, as far as they can be told.
    pub lost_commits: usize,
    /// Whether each damaged page is known from elsewhere, so that a repair loses nothing.
    pub recoverable: bool,
}

/// A log, as far as its frames are concerned.
pub(crate) struct WalFile {
    page_size: usize,
    order: ByteOrder,
    frames: Vec<Frame>,
    /// Frames up to the last commit that SQLite finds.
    committed: usize,
    /// The first frame that SQLite does not believe.
    broken: usize,
    /// Frames that were in synced commits, by the log's index.
    indexed: usize,
    /// Whether the log's own header reads. It is synced before the first frame is written.
    intact: bool,
}

/// A page as a transaction left it.
struct Frame {
    page: u32,
    /// The database's size in pages after the commit that ends with this frame; 0 for one that ends none.
    commit: u32,
    /// Whether it is of this log, and not of one that was overwritten.
    current: bool,
    /// Whether its checksum goes on from that of the frame before it.
    genuine: bool,
    /// Its checksum, and that of the frame before it, as they are stored.
    sum: Checksum,
    seed: Checksum,
}

type Checksum = [u32; 2];

#[derive(Clone, Copy)]
enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    fn sum(self, mut sum: Checksum, bytes: &[u8]) -> Checksum {
        for pair in bytes.chunks_exact(8) {
            let (one, two) = (self.word(&pair[..4]), self.word(&pair[4..]));
            sum[0] = sum[0].wrapping_add(one).wrapping_add(sum[1]);
            sum[1] = sum[1].wrapping_add(two).wrapping_add(sum[0]);
        }
        sum
    }

    fn word(self, bytes: &[u8]) -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[..4]);
        match self {
            ByteOrder::Little => u32::from_le_bytes(word),
            ByteOrder::Big => u32::from_be_bytes(word),
        }
    }
}

fn number(bytes: &[u8]) -> u32 {
    ByteOrder::Big.word(bytes)
}

fn stored(bytes: &[u8]) -> Checksum {
    [number(&bytes[..4]), number(&bytes[4..8])]
}

impl WalFile {
    /// Reads the log of a database that nobody has open. `None` where it holds no frame.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let file = log_of(path);
        let length = files::size(&file)?.unwrap_or(0);
        let failed = |error: std::io::Error| io_error(&file, &error);
        if length < (HEADER + FRAME_HEADER) as u64 {
            return Ok(None);
        }
        let mut input = BufReader::with_capacity(1 << 20, File::open(&file).map_err(failed)?);
        let mut header = [0; HEADER];
        input.read_exact(&mut header).map_err(failed)?;
        let magic = number(&header);
        let order = if magic == MAGIC | 1 { ByteOrder::Big } else { ByteOrder::Little };
        let page_size = number(&header[8..]) as usize;
        let intact = magic & !1 == MAGIC
            && page_size.is_power_of_two()
            && (512..=65_536).contains(&page_size)
            && order.sum([0; 2], &header[..24]) == stored(&header[24..]);
        let page_size = if intact { page_size } else { page_size_of(path)? };
        let count = (length - HEADER as u64) / (FRAME_HEADER + page_size) as u64;
        let mut log = WalFile { page_size, order, frames: Vec::new(), committed: 0, broken: 0, indexed: 0, intact };
        let mut salt = if intact { Some([header[16..20].to_vec(), header[20..24].to_vec()].concat()) } else { None };
        let mut seed = stored(&header[24..]);
        let mut bytes = vec![0; FRAME_HEADER + page_size];
        for _ in 0..count {
            input.read_exact(&mut bytes).map_err(failed)?;
            // Where the log's own header is damaged, its first frame says which salt is meant.
            let salt = salt.get_or_insert_with(|| bytes[8..16].to_vec());
            let (frame, sum) = log.frame(&bytes, salt, seed);
            seed = sum;
            log.frames.push(frame);
        }
        log.believe();
        log.indexed = salt.map_or(0, |salt| indexed(&index_of(path), &salt).min(log.frames.len()));
        Ok(if log.frames.is_empty() { None } else { Some(log) })
    }

    fn frame(&self, bytes: &[u8], salt: &[u8], seed: Checksum) -> (Frame, Checksum) {
        let (head, page) = bytes.split_at(FRAME_HEADER);
        let sum = stored(&head[16..]);
        let number_of = number(head);
        let current = head[8..16] == *salt;
        let found = self.order.sum(self.order.sum(seed, &head[..8]), page);
        let genuine = current && number_of > 0 && found == sum;
        (Frame { page: number_of, commit: number(&head[4..]), current, genuine, sum, seed }, sum)
    }

    /// What SQLite will believe.
    fn believe(&mut self) {
        if !self.intact {
            return;
        }
        self.broken = self.frames.iter().position(|frame| !frame.genuine).unwrap_or(self.frames.len());
        let ends = |frame: &Frame| frame.commit > 0;
        self.committed = self.frames[..self.broken].iter().rposition(ends).map_or(0, |at| at + 1);
    }

    /// Frames up to the last commit that is known to have been synced, or that goes on from one without a gap.
    fn end(&self) -> usize {
        let follows = |at: &usize| self.frames.get(at + 1).is_some_and(|next| next.genuine);
        let proves = |at: &usize| self.frames[*at].is_commit() && (follows(at) || !self.intact);
        let proved = (self.broken..self.frames.len()).rfind(proves).map_or(0, |at| at + 1).max(self.indexed);
        if proved <= self.committed {
            return self.committed;
        }
        let more = self.frames[proved..].iter().take_while(|frame| frame.genuine);
        more.enumerate().filter(|(_, frame)| frame.is_commit()).last().map_or(proved, |(at, _)| proved + at + 1)
    }

    /// What was acknowledged and would be lost; `None` where the log is whole, or ends as a crash leaves it.
    ///
    /// # Errors
    /// Where the database file does not read.
    pub(crate) fn damage(&self, path: &Path) -> Result<Option<LogDamage>, Error> {
        let lost = &self.frames[self.committed..self.end()];
        if lost.is_empty() {
            return Ok(None);
        }
        let mut database = File::open(path).map_err(|error| io_error(path, &error))?;
        Ok(Some(LogDamage {
            good_frames: self.committed,
            lost_frames: lost.len(),
            lost_commits: lost.iter().filter(|frame| frame.is_commit()).count().max(1),
            recoverable: self.is_known(&mut database)?,
        }))
    }

    /// Whether a commit stands behind the last one that SQLite finds, and nothing tells if it was ever synced: a loss of
    /// power leaves such a log, and so may damage.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.end() == self.committed
            && self.frames[self.broken..].iter().any(|frame| frame.is_commit() && frame.genuine)
    }

    /// Writes the database file as the log leaves it to `into`: whole where each page that a damaged frame held is known
    /// from a later frame or from the database file, else as it was before the damage.
    pub(crate) fn apply(&self, path: &Path, into: &Path) -> Result<(), Error> {
        let failed = |error: std::io::Error| io_error(into, &error);
        let mut from = File::open(path).map_err(|error| io_error(path, &error))?;
        let mut to = files::owner_only_options().truncate(true).open(into).map_err(failed)?;
        std::io::copy(&mut from, &mut to).map_err(failed)?;
        let end = if self.is_known(&mut from)? { self.end() } else { self.committed };
        let newest: HashMap<u32, usize> =
            (0..end).filter(|at| self.frames[*at].genuine).map(|at| (self.frames[at].page, at)).collect();
        let mut log = File::open(log_of(path)).map_err(|error| io_error(&log_of(path), &error))?;
        let mut page = vec![0; self.page_size];
        for (number, at) in newest {
            log.seek(SeekFrom::Start(self.offset(at))).map_err(failed)?;
            log.read_exact(&mut page).map_err(failed)?;
            to.seek(SeekFrom::Start(self.place(number))).map_err(failed)?;
            to.write_all(&page).map_err(failed)?;
        }
        if let Some(last) = end.checked_sub(1) {
            to.set_len(u64::from(self.frames[last].commit) * self.page_size as u64).map_err(failed)?;
        }
        to.sync_all().map_err(failed)
    }

    /// Whether the content of every damaged frame up to the end is known from elsewhere.
    fn is_known(&self, database: &mut File) -> Result<bool, Error> {
        let end = self.end();
        if end == 0 || self.frames[end - 1].commit == 0 {
            return Ok(false);
        }
        let mut last: HashMap<u32, usize> = HashMap::new();
        for (at, frame) in self.frames[..end].iter().enumerate().filter(|(_, frame)| frame.genuine) {
            last.insert(frame.page, at);
        }
        for (at, frame) in self.frames[..end].iter().enumerate().filter(|(_, frame)| !frame.genuine) {
            let superseded = last.get(&frame.page).is_some_and(|newer| *newer > at);
            let readable = frame.current && frame.page > 0;
            if !(readable && (superseded || self.is_in(database, frame)?)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the database file has the very page that a damaged frame had: the frame's checksum tells.
    fn is_in(&self, database: &mut File, frame: &Frame) -> Result<bool, Error> {
        let mut page = vec![0; self.page_size];
        let read = database
            .seek(SeekFrom::Start(self.place(frame.page)))
            .and_then(|_| database.read_exact(&mut page))
            .map_err(|error| error.kind());
        if read == Err(std::io::ErrorKind::UnexpectedEof) {
            return Ok(false);
        }
        read.map_err(|kind| Error::Unavailable(format!("the database file cannot be read: {kind}")))?;
        let head = [frame.page.to_be_bytes(), frame.commit.to_be_bytes()].concat();
        Ok(self.order.sum(self.order.sum(frame.seed, &head), &page) == frame.sum)
    }

    /// Where a frame's page is in the log.
    fn offset(&self, at: usize) -> u64 {
        (HEADER + at * (FRAME_HEADER + self.page_size) + FRAME_HEADER) as u64
    }

    /// Where a page is in the database file.
    fn place(&self, page: u32) -> u64 {
        u64::from(page.saturating_sub(1)) * self.page_size as u64
    }
}

impl Frame {
    fn is_commit(&self) -> bool {
        self.current && self.commit > 0
    }
}

/// The page size, as the database file's header has it.
fn page_size_of(path: &Path) -> Result<usize, Error> {
    let mut header = [0; 18];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.map_err(|error| io_error(path, &error))?;
    Ok(match usize::from(header[16]) << 8 | usize::from(header[17]) {
        1 => 65_536,
        size if size.is_power_of_two() && size >= 512 => size,
        _ => 4_096,
    })
}

/// Frames that were in synced commits when the log's index was written last. 0 where it is of another log, or does not
/// read: the index is never synced, so only what it affirms counts.
fn indexed(index: &Path, salt: &[u8]) -> usize {
    let Ok(bytes) = fs::read(index) else { return 0 };
    let Some((one, two)) = bytes.get(..2 * INDEX_HEADER).map(|both| both.split_at(INDEX_HEADER)) else { return 0 };
    let native = if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };
    let sum = native.sum([0; 2], &one[..40]);
    let reads = one == two
        && native.word(one) == INDEX_VERSION
        && one[12] == 1
        && one[32..40] == *salt
        && sum == [native.word(&one[40..]), native.word(&one[44..])];
    if reads { native.word(&one[16..]) as usize } else { 0 }
}
