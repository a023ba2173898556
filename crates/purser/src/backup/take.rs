//! Taking a backup.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use purser_store::StoreOptions;
use purser_store::backup::{Snapshot, TableInfo};

use super::archive::{self, ArchiveWriter, FileWriter, RowsWriter};
use super::manifest::{
    ArchiveHeader, FILES, FORMAT, KEY, LedgerTotals, Manifest, MigrationEntry, TableRows, file_name,
};
use super::{BackupProgress, Error, Passphrase, Randomness, list};

/// What to back up, and where to.
pub(crate) struct BackupRequest {
    /// The database.
    pub(crate) options: StoreOptions,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// The folder of the backups, made where it is missing.
    pub(crate) folder: PathBuf,
    /// Seals the archive, and lets the instance key into it.
    pub(crate) passphrase: Option<Passphrase>,
    pub(crate) randomness: Randomness,
    /// What has been acknowledged by now will be in it.
    pub(crate) moment: Timestamp,
}

/// A backup that was taken, and read back.
pub(crate) struct BackupResult {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) manifest: Manifest,
    /// What whoever asked for it should know.
    pub(crate) warnings: Vec<String>,
}

/// Rows between two words on how far it is.
const WORD: u64 = 4_096;

/// Takes a backup: written under another name, synced, read back, and only then given its own. Blocks.
pub(crate) fn take(request: &BackupRequest, progress: &mut BackupProgress) -> Result<BackupResult, Error> {
    folder_create(&request.folder)?;
    list::partials_remove(&request.folder, false)?;
    let name = list::name_free(&request.folder, request.moment);
    let partial = list::PartialArchive::create(&request.folder, &name)?;
    let mut writer = Writer { request, progress, warnings: Vec::new() };
    let (out, manifest) = writer.write(&partial)?;
    let warnings = writer.warnings;
    let file = out.into_inner().map_err(|error| Error::Write(error.into_error()))?;
    file.sync_all().map_err(Error::Write)?;
    drop(file);
    let read_back = archive::verify(partial.path(), request.passphrase.as_ref(), progress)?;
    if read_back != manifest {
        return Err(Error::Damaged("it does not read back as it was written".to_owned()));
    }
    let path = partial.complete(&request.folder.join(name))?;
    let bytes = fs::metadata(&path).map_err(Error::file(&path))?.len();
    Ok(BackupResult { path, bytes, manifest, warnings })
}

struct Writer<'a> {
    request: &'a BackupRequest,
    progress: &'a mut BackupProgress,
    warnings: Vec<String>,
}

impl Writer<'_> {
    fn write(&mut self, partial: &list::PartialArchive) -> Result<(FileWriter, Manifest), Error> {
        let request = self.request;
        self.progress.phase("copying the database", 0);
        let mut told = false;
        let progress = &mut *self.progress;
        let mut snapshot = Snapshot::take(&request.options, &partial.scratch(), &mut |done, all| {
            if !told {
                told = true;
                progress.phase("copying the database's pages", all);
            }
            progress.at(done);
        })?;
        let about = ArchiveHeader {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            moment: request.moment.to_string(),
            engine: snapshot.engine().name().to_owned(),
        };
        let seconds = u64::try_from(request.moment.as_second()).unwrap_or(0);
        let out = BufWriter::with_capacity(1 << 17, partial.file()?);
        let mut archive = ArchiveWriter::new(out, &about, seconds, request.passphrase.as_ref(), &request.randomness)?;
        let schema = snapshot.schema()?;
        let schema = schema.into_iter().map(|step| {
            let purser_store::backup::SchemaVersion { room, number, checksum } = step;
            MigrationEntry { room, number, checksum }
        });
        let schema: Vec<MigrationEntry> = schema.collect();
        let ledger = LedgerTotals::from(snapshot.read(purser_ledger::sums)?);
        let tables = self.tables(&mut snapshot, &mut archive)?;
        // Files come after the rows that name them: a row is written only once its file is.
        drop(snapshot);
        self.files(&mut archive)?;
        self.key(&mut archive)?;
        archive.finish(|parts| Manifest { about, schema, ledger, tables, parts })
    }

    fn tables<W: Write>(
        &mut self,
        snapshot: &mut Snapshot,
        archive: &mut ArchiveWriter<W>,
    ) -> Result<Vec<TableRows>, Error> {
        let mut written = Vec::new();
        for table in snapshot.tables()? {
            let expected = snapshot.count(&table)?;
            if expected > 0 {
                self.progress.phase(&format!("{expected} rows of {}", table.name), expected);
            }
            let rows = self.table(snapshot, &table, archive)?;
            let TableInfo { name, columns } = table;
            written.push(TableRows { name, columns, rows });
        }
        Ok(written)
    }

    fn table<W: Write>(
        &mut self,
        snapshot: &mut Snapshot,
        table: &TableInfo,
        archive: &mut ArchiveWriter<W>,
    ) -> Result<u64, Error> {
        let mut writer = RowsWriter::new(archive, &table.name);
        let mut count = 0;
        let rows = snapshot.rows(table, |line| {
            count += 1;
            if count % WORD == 0 {
                self.progress.at(count);
            }
            writer.row(line)
        })?;
        writer.finish()?;
        Ok(rows)
    }

    fn files<W: Write>(&mut self, archive: &mut ArchiveWriter<W>) -> Result<(), Error> {
        let mut names = Vec::new();
        files_list(&self.request.data, FILES, &mut names)?;
        names.sort();
        self.progress.phase(&format!("{} uploaded files", names.len()), names.len() as u64);
        for (done, name) in names.iter().enumerate() {
            self.progress.at(done as u64);
            if file_name(name).is_none() {
                self.warnings.push(format!("{name} is not a file of Purser's and was left out"));
                continue;
            }
            let path = self.request.data.join(name);
            let mut file = match File::open(&path) {
                Ok(file) => file,
                // Removed since the folder was listed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::File(path, error)),
            };
            let size = file.metadata().map_err(Error::file(&path))?.len();
            archive.part(name, size, &mut file)?;
        }
        Ok(())
    }

    fn key<W: Write>(&mut self, archive: &mut ArchiveWriter<W>) -> Result<(), Error> {
        let path = self.request.data.join(KEY);
        if self.request.passphrase.is_none() {
            let says = "the instance key is not in this backup, because no passphrase seals it; keep a copy of \
                        instance.key elsewhere, or give a passphrase";
            self.warnings.push(says.to_owned());
            return Ok(());
        }
        let mut key = Vec::new();
        match File::open(&path).and_then(|mut file| file.read_to_end(&mut key)) {
            Ok(_) => archive.bytes(KEY, &key),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.warnings.push(format!("there is no instance key at {}", path.display()));
                Ok(())
            }
            Err(error) => Err(Error::File(path, error)),
        }
    }
}

/// All files below `name`, by their path from `data`. What is half written begins with a dot, and is passed over.
fn files_list(data: &Path, name: &str, names: &mut Vec<String>) -> Result<(), Error> {
    let folder = data.join(name);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::File(folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(Error::file(&folder))?;
        let own = entry.file_name();
        let own = own.to_string_lossy();
        if own.starts_with('.') {
            continue;
        }
        let kind = entry.file_type().map_err(Error::file(&folder))?;
        let path = format!("{name}/{own}");
        if kind.is_dir() {
            files_list(data, &path, names)?;
        } else if kind.is_file() {
            names.push(path);
        }
    }
    Ok(())
}

/// For its owner's eyes only.
fn folder_create(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(Error::file(folder))
}
