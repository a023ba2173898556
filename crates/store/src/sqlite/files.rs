//! The files of one database: the database file, its log, the log's index. Who may read them, and who has them open.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::fs::{FlockOperation, fcntl_lock};

use crate::Error;

/// What SQLite keeps beside a database file, by the ending of its name: the log, the log's index, a rollback journal.
const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

pub(crate) fn log_of(path: &Path) -> PathBuf {
    with_ending(path, "-wal")
}

pub(crate) fn journal_of(path: &Path) -> PathBuf {
    with_ending(path, "-journal")
}

pub(crate) fn index_of(path: &Path) -> PathBuf {
    with_ending(path, "-shm")
}

/// Another file of ours beside the database.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    with_ending(path, &format!(".{ending}"))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The file's length; `None` where there is no file.
pub(crate) fn size(path: &Path) -> Result<Option<u64>, Error> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(path, &error)),
    }
}

/// Makes the database file where it is missing, and lets nobody but its owner read it or what stands beside it. SQLite
/// gives the log and its index the mode of the database file.
pub(crate) fn prepare(path: &Path) -> Result<(), Error> {
    match owner_only_options().create_new(true).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(cannot_open(path, &error)),
    }
    owner_only(path);
    SIDES.iter().for_each(|side| owner_only(&with_ending(path, side)));
    Ok(())
}

fn cannot_open(path: &Path, error: &std::io::Error) -> Error {
    Error::Unavailable(format!("cannot open the database file {}: {error}", path.display()))
}

/// How to write a file that only its owner may read.
pub(crate) fn owner_only_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes a file from everybody but its owner. The file is not opened: closing it again would end SQLite's locks.
fn owner_only(path: &Path) {
    #[cfg(unix)]
    if let Err(error) = owner_only_try(path) {
        tracing::warn!(%error, file = %path.display(), "others on this machine may read this file: run chmod 600");
    }
}

#[cfg(unix)]
fn owner_only_try(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700)) }
}

/// The databases that this process has open, and how often. Closing a file ends all locks that the process has on it,
/// SQLite's too, so a file in this list must not be opened by anybody but SQLite.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, usize>>> = LazyLock::new(Mutex::default);

/// A database that this process has open, for as long as this value lives.
pub(crate) struct OpenDatabase(PathBuf);

impl OpenDatabase {
    pub(crate) fn note(path: &Path) -> Self {
        let path = resolved(path);
        *OPEN.lock().unwrap_or_else(PoisonError::into_inner).entry(path.clone()).or_default() += 1;
        OpenDatabase(path)
    }
}

impl Drop for OpenDatabase {
    fn drop(&mut self) {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get_mut(&self.0).map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            open.remove(&self.0);
        }
    }
}

pub(crate) fn is_open_here(path: &Path) -> bool {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&resolved(path))
}

/// The file that a path leads to. SQLite keeps the log beside it, and not beside a link that leads to it.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let target = || fs::read_link(path).map(|target| folder_of(path).join(target));
    fs::canonicalize(path).or_else(|_| target()).unwrap_or_else(|_| path.to_owned())
}

/// Locks on the database file and the log's index that no connection of SQLite's gets along with: while this lives,
/// nobody else has the database open. What stands there is not changed by it.
pub(crate) struct ExclusiveLock {
    _locks: Vec<File>,
}

impl ExclusiveLock {
    /// # Errors
    /// [`Error::Unavailable`] where somebody works with the database.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let in_use =
            || Error::Unavailable(format!("{} is in use: stop every Purser that works with it first", path.display()));
        if is_open_here(path) {
            return Err(in_use());
        }
        let mut locks = Vec::new();
        for file in [path.to_owned(), index_of(path)] {
            let lock = match OpenOptions::new().read(true).write(true).open(&file) {
                Ok(lock) => lock,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(io_error(&file, &error)),
            };
            fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| in_use())?;
            locks.push(lock);
        }
        Ok(ExclusiveLock { _locks: locks })
    }
}

/// Held while a database is looked at and opened: closing a file that somebody else in this process has just opened would
/// end their locks.
pub(crate) static OPENING: Mutex<()> = Mutex::new(());

/// Moves the database file and all that stands beside it aside, each under the same new name, so that the old database
/// still opens whole. Says where they are. The database file goes first: a log without its database file is refused at
/// a start, and a database file without its log would be believed.
fn move_aside(path: &Path, aside: &str, moved: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), Error> {
    let kept = beside(path, aside);
    for side in [""].iter().chain(&SIDES) {
        let (from, to) = (with_ending(path, side), with_ending(&kept, side));
        if size(&from)?.is_none() {
            continue;
        }
        owner_only(&from);
        fs::rename(&from, &to).map_err(|error| io_error(&from, &error))?;
        moved.push((from, to));
        folder_sync(path)?;
    }
    Ok(())
}

/// Gives a finished file the name of the database, once all that stands there has been moved aside, and says where that
/// is. Where a step fails, what stood there is put back, its database file last.
pub(crate) fn replace(path: &Path, file: &Path, aside: &str) -> Result<Vec<String>, Error> {
    let _alone = ExclusiveLock::take(path)?;
    let mut moved = Vec::new();
    let done = move_aside(path, aside, &mut moved)
        .and_then(|()| fs::rename(file, path).map_err(|error| io_error(path, &error)));
    if let Err(error) = done {
        for (from, to) in moved.iter().rev() {
            if let Err(error) = fs::rename(to, from) {
                tracing::error!(%error, file = %to.display(), "it cannot be put back: rename it by hand");
            }
        }
        return Err(error);
    }
    folder_sync(path)?;
    Ok(moved.into_iter().map(|(_, to)| to.display().to_string()).collect())
}

/// Removes a file and what SQLite keeps beside it.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    for side in [""].iter().chain(&SIDES) {
        let file = with_ending(path, side);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io_error(&file, &error)),
            _ => {}
        }
    }
    Ok(())
}

/// A file under construction. It goes when it is dropped, unless it has taken its place.
pub(crate) struct UnfinishedFile(PathBuf);

impl UnfinishedFile {
    /// Makes the file, empty; what one that was killed has left goes.
    pub(crate) fn create(path: PathBuf) -> Result<Self, Error> {
        remove(&path)?;
        owner_only_options().create_new(true).open(&path).map_err(|error| io_error(&path, &error))?;
        Ok(UnfinishedFile(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(%error, "an unfinished file cannot be removed");
        }
    }
}

pub(crate) fn synced(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| io_error(path, &error))
}

fn folder_sync(path: &Path) -> Result<(), Error> {
    synced(folder_of(path))
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(crate) fn io_error(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full,
        _ => Error::Unavailable(format!("{}: {error}", path.display())),
    }
}

/// Bytes that are free on the disk that a file is on; `None` where the disk does not say.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder_of(path)).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
