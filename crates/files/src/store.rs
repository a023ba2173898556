//! Where files lie: a folder of this machine. Another place, such as S3, will be another [`Backend`].

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use uuid::Uuid;

use crate::orphan::{self, OrphanFile};
use crate::{CheckedFile, Error, FileKind, StoredFile, UploadPolicy, check};

/// Uploads checked at the same time: each takes a core, and the sales need the other.
const CHECKS: usize = 1;

/// Uploads that wait for their turn, at most: each is in memory meanwhile.
const WAITING: usize = 4;

/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FileStore {
    backend: Backend,
    checks: Arc<Semaphore>,
    /// A place for each that is checked or waits.
    places: Arc<Semaphore>,
}

#[derive(Debug, Clone)]
enum Backend {
    Folder(Arc<Path>),
}

impl FileStore {
    /// Keeps them in a folder, which is made when the first comes.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        FileStore {
            backend: Backend::Folder(path.into().into()),
            checks: Arc::new(Semaphore::new(CHECKS)),
            places: Arc::new(Semaphore::new(CHECKS + WAITING)),
        }
    }

    /// [`check`] on a thread for such work, one at a time; whoever comes meanwhile waits.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Busy`] where enough wait already, or it takes too long.
    pub async fn check(&self, bytes: Vec<u8>, accept: UploadPolicy) -> Result<CheckedFile, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Error::Busy)?;
        let waiting = timeout(PATIENCE, Arc::clone(&self.checks).acquire_owned());
        let turn = waiting.await.map_err(|_| Error::Busy)?.map_err(|_| Error::Stopped)?;
        let checked = blocking(move || {
            // The turn belongs to the work: whoever hangs up meanwhile lets nobody else in before it is done.
            let _turn = (turn, place);
            Ok(check(&bytes, &accept)?)
        });
        checked.await
    }

    /// Keeps a file under this id, which is fresh: whole and on the disk when this returns. Saving the same again
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub async fn save(&self, id: Uuid, checked: &CheckedFile) -> Result<(), Error> {
        let (Backend::Folder(folder), place) = (self.backend.clone(), StoredPath::of(id, checked.kind));
        let bytes = checked.bytes.clone();
        blocking(move || place.write(&folder, &bytes).map_err(|cause| place.error(cause))).await
    }

    /// Reads a file, and holds it against what the database knows of it.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Changed`], [`Error::Disk`].
    pub async fn read(&self, file: &StoredFile) -> Result<Vec<u8>, Error> {
        let (Backend::Folder(folder), place) = (self.backend.clone(), StoredPath::of(file.id, file.kind));
        let expected = file.sha256;
        let read = blocking(move || {
            let bytes = fs::read(place.path(&folder)).map_err(|cause| place.error(cause))?;
            if <[u8; 32]>::from(Sha256::digest(&bytes)) == expected {
                Ok(bytes)
            } else {
                Err(Error::Changed(place.name))
            }
        });
        read.await
    }

    /// Removes a file, after the commit that removed its row. One that is not there is removed already.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub async fn remove(&self, id: Uuid, kind: FileKind) -> Result<(), Error> {
        let (Backend::Folder(folder), place) = (self.backend.clone(), StoredPath::of(id, kind));
        let removed = blocking(move || match fs::remove_file(place.path(&folder)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(place.error(cause)),
            _ => Ok(()),
        });
        removed.await
    }
}

impl FileStore {
    /// What lies there from before `before`, by the time in its id; in no particular order. What is not named as files
    /// are is left out: it is not ours.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub async fn older(&self, before: Timestamp) -> Result<Vec<OrphanFile>, Error> {
        let Backend::Folder(folder) = self.backend.clone();
        let failed = |cause| Error::Disk { name: "the folder of files".to_owned(), cause };
        blocking(move || orphan::older(&folder, before).map_err(failed)).await
    }

    /// Removes a file that nothing names. One that is not there is removed already.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub async fn orphan_remove(&self, orphan: &OrphanFile) -> Result<(), Error> {
        let (Backend::Folder(folder), orphan) = (self.backend.clone(), orphan.clone());
        let removed = blocking(move || match fs::remove_file(folder.join(orphan.name())) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(Error::Disk { name: orphan.name().to_owned(), cause })
            }
            _ => Ok(()),
        });
        removed.await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(|_| Error::Stopped)?
}

/// `ab/cd/<id>.png`: the folders are the id's last digits, which are random. Nothing that a person wrote is part of it.
struct StoredPath {
    folders: [String; 2],
    name: String,
}

impl StoredPath {
    fn of(id: Uuid, kind: FileKind) -> Self {
        let digits = id.simple().to_string();
        let folders = [digits[28..30].to_owned(), digits[30..].to_owned()];
        StoredPath { folders, name: format!("{digits}.{}", kind.extension()) }
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(&self.folders[0]).join(&self.folders[1]).join(&self.name)
    }

    fn error(&self, cause: io::Error) -> Error {
        match cause.kind() {
            io::ErrorKind::NotFound => Error::Missing,
            _ => Error::Disk { name: self.name.clone(), cause },
        }
    }

    /// Under a hidden name first, so that nobody ever reads half a file.
    fn write(&self, folder: &Path, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(folder);
        let inner = folder.join(&self.folders[0]).join(&self.folders[1]);
        folder_create(&inner)?;
        let half = inner.join(format!(".{}", self.name));
        let written = write_synced(&half, bytes).and_then(|()| fs::rename(&half, &path));
        if written.is_err() {
            // The error that matters is the first.
            let _ = fs::remove_file(&half);
        }
        written?;
        for made in [inner.as_path(), &folder.join(&self.folders[0]), folder] {
            fs::File::open(made)?.sync_all()?;
        }
        Ok(())
    }
}

fn folder_create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(bytes: &[u8]) -> CheckedFile {
        let sha256 = Sha256::digest(bytes).into();
        CheckedFile { kind: FileKind::Pdf, bytes: bytes.to_vec(), size: None, sha256 }
    }

    fn file(id: Uuid, checked: &CheckedFile) -> StoredFile {
        StoredFile {
            id,
            owner_kind: "test".to_owned(),
            owner_id: id,
            kind: checked.kind,
            bytes: 1,
            size: None,
            sha256: checked.sha256,
            created_by: "test".to_owned(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    const ID: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_abcd);

    #[tokio::test(start_paused = true)]
    async fn one_upload_is_checked_at_a_time_a_few_wait_and_the_rest_are_sent_away() {
        let store = FileStore::folder("nowhere");
        let under_way = Arc::clone(&store.checks).acquire_owned().await.unwrap();
        assert!(store.checks.try_acquire().is_err(), "there is no second turn");
        let (check, pdf) =
            (|store: FileStore, bytes| async move { store.check(bytes, UploadPolicy::RECEIPT).await }, b"x".to_vec());
        let waiting: Vec<_> = (0..CHECKS + WAITING).map(|_| tokio::spawn(check(store.clone(), pdf.clone()))).collect();
        tokio::task::yield_now().await;
        assert!(matches!(check(store.clone(), pdf.clone()).await, Err(Error::Busy)), "at once, without a wait");
        // Nobody's turn comes: each is told so in time.
        for one in waiting {
            assert!(matches!(one.await.unwrap(), Err(Error::Busy)));
        }
        drop(under_way);
        assert!(matches!(check(store.clone(), pdf).await, Err(Error::Refused(_))), "and then it is looked at");
    }

    #[tokio::test]
    async fn a_file_lies_under_its_id_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::folder(folder.path().join("files"));
        let one = checked(b"%PDF-one");
        store.save(ID, &one).await.unwrap();
        store.save(ID, &one).await.unwrap();
        let path = folder.path().join("files/ab/cd/0192000000007000800000000000abcd.pdf");
        assert_eq!(fs::read(&path).unwrap(), b"%PDF-one");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(store.read(&file(ID, &one)).await.unwrap(), b"%PDF-one");
        store.remove(ID, FileKind::Pdf).await.unwrap();
        store.remove(ID, FileKind::Pdf).await.unwrap();
        assert!(matches!(store.read(&file(ID, &one)).await, Err(Error::Missing)));
    }

    #[tokio::test]
    async fn a_file_that_was_changed_is_not_handed_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::folder(folder.path());
        let one = checked(b"%PDF-one");
        store.save(ID, &one).await.unwrap();
        fs::write(StoredPath::of(ID, FileKind::Pdf).path(folder.path()), b"%PDF-two").unwrap();
        assert!(matches!(store.read(&file(ID, &one)).await, Err(Error::Changed(name)) if name.ends_with("abcd.pdf")));
    }

    #[tokio::test]
    async fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = StoredPath::of(ID, FileKind::Pdf).path(folder.path());
        // A folder where the file belongs.
        fs::create_dir_all(path.join("in the way")).unwrap();
        let store = FileStore::folder(folder.path());
        assert!(matches!(store.save(ID, &checked(b"x")).await, Err(Error::Disk { .. })));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
