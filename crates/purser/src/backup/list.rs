//! The folder of the backups: names, what lies in it, and what was left half done.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FlockOperation, flock};

use super::{Error, archive};

const PREFIX: &str = "backup-";
const ENDING: &str = ".purser";

/// What a name says of the moment, in UTC: `20261121T081500Z`.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// A backup in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupInfo {
    pub(crate) path: PathBuf,
    /// When it was taken, by its name.
    pub(crate) moment: Timestamp,
    pub(crate) bytes: u64,
    /// What it says of itself, or why that does not read. Its beginning only: `purser restore --check` reads the rest.
    pub(crate) contents: Result<BackupContents, String>,
}

impl BackupInfo {
    /// How long ago it was taken.
    pub(crate) fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.moment).max(SignedDuration::ZERO)
    }
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupContents {
    pub(crate) engine: String,
    pub(crate) program: String,
    pub(crate) sealed: bool,
}

/// The backups in a folder, newest first; none where there is no folder.
pub(crate) fn backups_list(folder: &Path) -> Result<Vec<BackupInfo>, Error> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        let Some(moment) = path.file_name().and_then(|name| moment(&name.to_string_lossy())) else { continue };
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let contents = archive::about(&path).map_err(|error| error.to_string());
        let contents =
            contents.map(|(about, sealed)| BackupContents { engine: about.engine, program: about.program, sealed });
        found.push(BackupInfo { path, moment, bytes: metadata.len(), contents });
    }
    found.sort_by(|one, other| other.moment.cmp(&one.moment).then_with(|| other.path.cmp(&one.path)));
    Ok(found)
}

/// The newest backup that can be read.
pub(crate) fn newest(folder: &Path) -> Result<Option<BackupInfo>, Error> {
    Ok(backups_list(folder)?.into_iter().find(|backup| backup.contents.is_ok()))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::File(folder.to_owned(), error)),
    }
}

fn name(moment: Timestamp, number: u32) -> String {
    let more = if number > 1 { format!("_{number}") } else { String::new() };
    format!("{PREFIX}{}{more}{ENDING}", moment.to_zoned(TimeZone::UTC).strftime(STAMP))
}

/// A name that nothing in the folder has.
pub(super) fn name_free(folder: &Path, moment: Timestamp) -> String {
    let names = (1..=u32::MAX).map(|number| name(moment, number));
    let mut free = names.skip_while(|name| folder.join(name).exists());
    free.next().unwrap_or_else(|| name(moment, 1))
}

fn moment(name: &str) -> Option<Timestamp> {
    let stamp = name.strip_prefix(PREFIX)?.strip_suffix(ENDING)?;
    let stamp = stamp.split_once('_').map_or(stamp, |(stamp, _)| stamp);
    let local = DateTime::strptime(STAMP, stamp).ok()?;
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// An archive while it is written: hidden, locked by who writes it, and gone if that comes to nothing.
pub(super) struct PartialArchive {
    path: PathBuf,
    lock: File,
    done: bool,
}

const PARTIAL: &str = ".partial";

/// Beside the archive, what the embedded engine copies its pages to.
const SCRATCH: &str = ".pages";

impl PartialArchive {
    pub(super) fn create(folder: &Path, name: &str) -> Result<Self, Error> {
        let path = folder.join(format!(".{name}{PARTIAL}"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(&path).map_err(Error::file(&path))?;
        let partial = PartialArchive { path, lock, done: false };
        flock(&partial.lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| Error::File(partial.path.clone(), error.into()))?;
        Ok(partial)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> Result<File, Error> {
        self.lock.try_clone().map_err(Error::file(&self.path))
    }

    pub(super) fn scratch(&self) -> PathBuf {
        scratch(&self.path)
    }

    /// Gives it its own name, for good.
    pub(super) fn complete(mut self, path: &Path) -> Result<PathBuf, Error> {
        fs::rename(&self.path, path).map_err(Error::file(path))?;
        self.done = true;
        if let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::file(folder))?;
        }
        Ok(path.to_owned())
    }
}

impl Drop for PartialArchive {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn scratch(partial: &Path) -> PathBuf {
    partial.with_extension(SCRATCH.trim_start_matches('.'))
}

/// Removes what backups that were killed have left, and says what that was. With `dry_run` it only says.
pub(crate) fn partials_remove(folder: &Path, dry_run: bool) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.starts_with(&format!(".{PREFIX}")) || !name.ends_with(PARTIAL) {
            continue;
        }
        // Whoever writes it holds its lock; the lock goes with the process.
        let Ok(file) = File::open(&path) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        if !dry_run {
            let pages = scratch(&path);
            if pages.is_dir() {
                fs::remove_dir_all(&pages).map_err(Error::file(&pages))?;
            }
            fs::remove_file(&path).map_err(Error::file(&path))?;
        }
        removed.push(path);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_reads_back() {
        let at: Timestamp = "2026-11-21T08:15:00Z".parse().unwrap();
        assert_eq!(name(at, 1), "backup-20261121T081500Z.purser");
        assert_eq!(moment(&name(at, 1)), Some(at));
        assert_eq!(moment(&name(at, 2)), Some(at));
        for other in
            ["backup-.purser", "backup-20261121T081500Z", "notes.txt", ".backup-20261121T081500Z.purser.partial"]
        {
            assert_eq!(moment(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_killed_backup_left_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".backup-20261121T081500Z.purser.partial");
        fs::write(&left, b"half").unwrap();
        fs::create_dir(scratch(&left)).unwrap();
        let writing = PartialArchive::create(folder.path(), "backup-20261121T081600Z.purser").unwrap();
        assert_eq!(partials_remove(folder.path(), true).unwrap(), std::slice::from_ref(&left));
        assert!(left.exists());
        assert_eq!(partials_remove(folder.path(), false).unwrap(), std::slice::from_ref(&left));
        assert!(!left.exists() && !scratch(&left).exists() && writing.path().exists());
        drop(writing);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_is_listed_newest_first_and_a_file_that_is_no_backup_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["backup-20261120T081500Z.purser", "backup-20261121T081500Z.purser", "notes.txt"] {
            fs::write(folder.path().join(name), b"nothing of the kind").unwrap();
        }
        let found = backups_list(folder.path()).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found[0].moment > found[1].moment && found[0].contents.is_err());
        assert_eq!(newest(folder.path()).unwrap(), None);
        assert_eq!(backups_list(&folder.path().join("missing")).unwrap(), []);
    }
}
