//! Where the databases of a run are: files and a PostgreSQL server of our own, all gone when it ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use purser_store::{Engine, Store, StoreOptions};
use purser_testkit::{Cluster, Durability};
use tempfile::TempDir;

/// The folder of one run, and its PostgreSQL server once somebody needs one.
pub(crate) struct BenchFolder {
    folder: TempDir,
    cluster: Option<Cluster>,
    count: u32,
}

/// One database.
#[derive(Debug, Clone)]
pub(crate) enum BenchDatabase {
    File(PathBuf),
    Server { name: String, url: String },
}

impl BenchFolder {
    /// Clears a folder under `parent`, which must be on a real disk: where a sync costs nothing, all figures are wrong.
    pub(crate) fn clear(parent: &Path) -> Result<BenchFolder, String> {
        let parent = &absolute(parent)?;
        refuse_memory(parent)?;
        let folder = TempDir::with_prefix_in("run-", parent);
        let folder = folder.map_err(|error| format!("cannot make a folder in {}: {error}", parent.display()))?;
        Ok(BenchFolder { folder, cluster: None, count: 0 })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A place for a new database of `engine`, empty. On PostgreSQL it exists, on SQLite it comes by being opened.
    pub(crate) fn database_new(&mut self, engine: Engine) -> Result<BenchDatabase, String> {
        self.count += 1;
        match engine {
            Engine::Sqlite => Ok(BenchDatabase::File(self.folder().join(format!("{}.db", self.count)))),
            Engine::Postgres => {
                let name = format!("bench_{}", self.count);
                let cluster = self.cluster()?;
                cluster.database_create(&name)?;
                Ok(BenchDatabase::Server { url: cluster.url(&name), name })
            }
        }
    }

    /// A copy of a database that nobody has open, all of it on the disk, so that the measurement that follows does not
    /// wait for what the copying left to be written.
    pub(crate) fn copy(&mut self, original: &BenchDatabase) -> Result<BenchDatabase, String> {
        self.count += 1;
        match original {
            BenchDatabase::File(path) => {
                let copy = self.folder().join(format!("{}.db", self.count));
                let copied = fs::copy(path, &copy).and_then(|_| File::open(&copy)?.sync_all());
                copied.map_err(|error| format!("cannot copy {}: {error}", path.display()))?;
                Ok(BenchDatabase::File(copy))
            }
            BenchDatabase::Server { name: template, .. } => {
                let name = format!("bench_{}", self.count);
                let cluster = self.cluster()?;
                cluster.database_copy(&name, template)?;
                // Stopping in good order ends with a checkpoint.
                cluster.restart();
                Ok(BenchDatabase::Server { url: cluster.url(&name), name })
            }
        }
    }

    /// Removes a database that nobody needs any more.
    pub(crate) fn remove(&mut self, place: &BenchDatabase) -> Result<(), String> {
        match place {
            BenchDatabase::File(path) => {
                for suffix in ["", "-wal", "-shm"] {
                    let mut path = path.clone().into_os_string();
                    path.push(suffix);
                    // What is not there need not be removed, and the folder goes at the end anyway.
                    let _ = fs::remove_file(path);
                }
                Ok(())
            }
            BenchDatabase::Server { name, .. } => self.cluster()?.database_drop(name),
        }
    }

    fn cluster(&mut self) -> Result<&Cluster, String> {
        if self.cluster.is_none() {
            // PostgreSQL runs as a user who may not enter our folder, so it has one of its own.
            refuse_memory(&std::env::temp_dir())?;
            self.cluster = Some(Cluster::start(Durability::Durable));
        }
        self.cluster.as_ref().ok_or_else(|| "there is no PostgreSQL server".to_owned())
    }
}

impl BenchDatabase {
    pub(crate) fn engine(&self) -> Engine {
        match self {
            BenchDatabase::File(_) => Engine::Sqlite,
            BenchDatabase::Server { .. } => Engine::Postgres,
        }
    }

    /// As `DATABASE_URL` says it.
    pub(crate) fn url(&self) -> String {
        match self {
            BenchDatabase::File(path) => format!("sqlite:{}", path.display()),
            BenchDatabase::Server { url, .. } => url.clone(),
        }
    }

    pub(crate) fn open(&self) -> Result<Store, String> {
        let options = match self {
            BenchDatabase::File(path) => StoreOptions::sqlite(path),
            BenchDatabase::Server { url, .. } => StoreOptions::postgres(url),
        };
        Store::open(&options).map_err(|error| error.to_string())
    }
}

fn absolute(folder: &Path) -> Result<PathBuf, String> {
    let made = fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
    made.map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

fn refuse_memory(folder: &Path) -> Result<(), String> {
    let mounts = crate::process::read("/proc/mounts")?;
    match file_system(&mounts, folder) {
        Some(kind @ ("tmpfs" | "ramfs")) => Err(format!(
            "{} is a {kind}, where a sync costs nothing and the figures mean nothing: set TMPDIR to a folder on a disk",
            folder.display()
        )),
        _ => Ok(()),
    }
}

/// The kind of the file system that `folder` is on: the last of the longest mount points above it.
fn file_system<'m>(mounts: &'m str, folder: &Path) -> Option<&'m str> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((Path::new(fields.next()?), fields.next()?))
    });
    let above = mounts.filter(|(point, _)| folder.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/disk ext4 rw 0 0\n";

    #[test]
    fn a_folder_is_on_the_nearest_mount_above_it() {
        for (folder, kind) in [("/tmp/x", "tmpfs"), ("/tmp", "tmpfs"), ("/tmpx", "ext4"), ("/tmp/disk/x", "ext4")] {
            assert_eq!(file_system(MOUNTS, Path::new(folder)), Some(kind), "{folder}");
        }
        assert_eq!(file_system("", Path::new("/tmp")), None);
    }
}
