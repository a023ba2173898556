//! Files on the disk, to be held against the rows that should name them.

use std::fs;
use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// A file on the disk that may have no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanFile {
    id: Uuid,
    /// Its path in the folder.
    name: String,
    half: bool,
}

impl OrphanFile {
    /// The id that it was saved under.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Its path in the folder of files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was never written to its end.
    #[must_use]
    pub fn is_half(&self) -> bool {
        self.half
    }

    /// The file of this name in these folders, if it is named as files are: `ab/cd/<id>.png`, with a dot before the id
    /// while it is written.
    fn read(first: &str, second: &str, name: &str) -> Option<Self> {
        let half = name.starts_with('.');
        let (digits, extension) = name.strip_prefix('.').unwrap_or(name).split_once('.')?;
        let id = Uuid::try_parse(digits).ok()?;
        let in_place = digits.len() == 32 && digits.get(28..30) == Some(first) && digits.get(30..) == Some(second);
        let known = ["png", "jpg", "pdf"].contains(&extension);
        (in_place && known).then(|| OrphanFile { id, name: format!("{first}/{second}/{name}"), half })
    }

    /// When its id was made, as ids say.
    fn modified_at(&self) -> Option<Timestamp> {
        let (seconds, nanos) = self.id.get_timestamp()?.to_unix();
        let seconds = i64::try_from(seconds).ok()?;
        Timestamp::new(seconds, 0).ok()?.checked_add(SignedDuration::from_nanos(nanos.into())).ok()
    }
}

/// Those that were made before `before`.
pub(crate) fn older(folder: &Path, before: Timestamp) -> io::Result<Vec<OrphanFile>> {
    let mut found = Vec::new();
    for first in names(folder)? {
        for second in names(&folder.join(&first))? {
            for name in names(&folder.join(&first).join(&second))? {
                let orphan = OrphanFile::read(&first, &second, &name);
                found.extend(orphan.filter(|orphan| orphan.modified_at().is_some_and(|made| made < before)));
            }
        }
    }
    Ok(found)
}

/// What is in a folder; nothing where there is none.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "0192000000007000800000000000abcd";

    #[test]
    fn only_what_is_named_as_files_are_is_one() {
        let name = format!("{DIGITS}.png");
        let file = OrphanFile::read("ab", "cd", &name).unwrap();
        assert_eq!((file.name(), file.is_half()), (format!("ab/cd/{name}").as_str(), false));
        assert!(OrphanFile::read("ab", "cd", &format!(".{name}")).unwrap().is_half());
        assert_eq!(file.modified_at().unwrap().as_millisecond(), 0x0192_0000_0000);
        for other in ["notes.txt", "x.png", &format!("{DIGITS}.html"), DIGITS, "..", ".", ""] {
            assert_eq!(OrphanFile::read("ab", "cd", other), None, "{other}");
        }
        assert_eq!(OrphanFile::read("ab", "ce", &name), None, "not where it belongs");
    }
}
