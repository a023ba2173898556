//! The tar format (POSIX ustar), as little of it as a backup needs, and read back strictly: every byte that is not a
//! file's own must be the very one that the writer would have put there. Any `tar` can list and unpack it.

use std::io::{self, Read, Write};

const BLOCK: usize = 512;

/// The longest name that fits.
const LONGEST_NAME: usize = 100;

/// A size has eleven octal digits: below 8 GiB.
const LARGEST: u64 = 1 << 33;

/// Writes one file after another.
pub(super) struct TarWriter<W> {
    out: W,
    /// The time of every file, in seconds.
    at: u64,
}

impl<W: Write> TarWriter<W> {
    pub(super) fn new(out: W, at: u64) -> Self {
        TarWriter { out, at }
    }

    /// Writes a file of `size` bytes, read from `content`, which must have exactly so many.
    pub(super) fn file(&mut self, name: &str, size: u64, content: &mut dyn Read) -> io::Result<()> {
        self.out.write_all(&header(name, size, self.at)?)?;
        let copied = io::copy(&mut content.take(size), &mut self.out)?;
        if copied != size {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{name} became shorter while it was read"),
            ));
        }
        self.out.write_all(&[0; BLOCK][..padding(size)])
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }
}

/// Reads one file after another. The content of the present one is read through [`Read`], to its end.
pub(super) struct TarReader<R> {
    input: R,
    left: u64,
    padding: usize,
}

impl<R: Read> TarReader<R> {
    pub(super) fn new(input: R) -> Self {
        TarReader { input, left: 0, padding: 0 }
    }

    /// Goes on to the next file, and says its name and size; `None` at the end of the archive.
    pub(super) fn next(&mut self) -> io::Result<Option<(String, u64)>> {
        if self.left > 0 {
            io::copy(&mut io::Read::by_ref(self), &mut io::sink())?;
        }
        self.zeros(self.padding)?;
        self.padding = 0;
        let mut block = [0; BLOCK];
        self.input.read_exact(&mut block)?;
        if block == [0; BLOCK] {
            self.zeros(BLOCK)?;
            let mut more = [0];
            return if self.input.read(&mut more)? == 0 { Ok(None) } else { Err(damaged("something follows its end")) };
        }
        let (name, size, at) = parsed(&block).ok_or_else(|| damaged("a header does not read"))?;
        if header(&name, size, at)? != block {
            return Err(damaged("a header is not as it was written"));
        }
        self.left = size;
        self.padding = padding(size);
        Ok(Some((name, size)))
    }

    fn zeros(&mut self, count: usize) -> io::Result<()> {
        let mut bytes = [0; BLOCK];
        self.input.read_exact(&mut bytes[..count])?;
        if bytes == [0; BLOCK] { Ok(()) } else { Err(damaged("there is something between two files")) }
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.input.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends too early"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

pub(super) fn damaged(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, how.to_owned())
}

fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    (BLOCK - over) % BLOCK
}

fn header(name: &str, size: u64, at: u64) -> io::Result<[u8; BLOCK]> {
    if name.is_empty() || name.len() > LONGEST_NAME || size >= LARGEST || at >= LARGEST {
        let says = format!("'{name}' of {size} bytes does not fit into a backup");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, says));
    }
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, format!("{at:011o}\0").as_bytes());
    put(148, b"        0");
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

/// Name, size and time; what is around them is checked by writing the header again.
fn parsed(block: &[u8; BLOCK]) -> Option<(String, u64, u64)> {
    let octal = |at: usize| u64::from_str_radix(std::str::from_utf8(&block[at..at + 11]).ok()?, 8).ok();
    let name = block[..LONGEST_NAME].split(|byte| *byte == 0).next()?;
    Some((String::from_utf8(name.to_vec()).ok()?, octal(124)?, octal(136)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = TarWriter::new(Vec::new(), 1_795_000_000);
        for (name, content) in files {
            writer.file(name, content.len() as u64, &mut &content[..]).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut reader = TarReader::new(bytes);
        let mut files = Vec::new();
        while let Some((name, size)) = reader.next()? {
            let mut content = Vec::new();
            reader.read_to_end(&mut content)?;
            assert_eq!(content.len() as u64, size);
            files.push((name, content));
        }
        Ok(files)
    }

    #[test]
    fn files_come_back_with_their_names_and_sizes() {
        let block = [7; BLOCK];
        let files = [("a", &b"one"[..]), ("b/c", b""), ("d", &block)];
        let own: Vec<_> = files.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect();
        assert_eq!(read(&written(&files)).unwrap(), own);
    }

    #[test]
    fn no_byte_outside_of_the_files_can_change_unnoticed() {
        let whole = written(&[("a", b"one")]);
        let content = BLOCK..BLOCK + 3;
        for at in (0..whole.len()).filter(|at| !content.contains(at)) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            let same = read(&flipped).is_ok_and(|files| files == [("a".to_owned(), b"one".to_vec())]);
            assert!(!same, "byte {at}");
        }
    }

    #[test]
    fn an_archive_that_ends_too_early_or_too_late_is_refused() {
        let whole = written(&[("a", b"one")]);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(read(&[&whole[..], b"x"].concat()).is_err());
    }

    #[test]
    fn any_tar_program_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        std::fs::write(&path, written(&[("a/b", b"one")])).unwrap();
        let said = std::process::Command::new("tar").arg("-xOf").arg(&path).arg("a/b").output().unwrap();
        assert_eq!((said.status.success(), said.stdout), (true, b"one".to_vec()));
    }

    #[test]
    fn a_file_that_shrank_or_has_too_long_a_name_is_refused() {
        let mut writer = TarWriter::new(Vec::new(), 0);
        assert!(writer.file("a", 4, &mut &b"one"[..]).is_err());
        assert!(TarWriter::new(Vec::new(), 0).file(&"a".repeat(101), 0, &mut io::empty()).is_err());
    }
}
