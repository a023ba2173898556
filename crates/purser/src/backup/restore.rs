//! Restoring a backup: everything is checked, built and audited beside what stands there, and only then put in its
//! place. What stood there is kept.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_ledger::VerifyReport;
use purser_store::backup::{RestoreTarget, RestoreTargetState, TableInfo, migration_checksum};
use purser_store::{Migration, ReadTx, StoreOptions};

use super::archive::{self, ArchiveReader};
use super::manifest::{ABOUT, FILES, KEY, LedgerTotals, Manifest, file_name};
use super::{BackupProgress, Error, Passphrase};

/// What the program writes by itself when it starts: nobody would miss it.
const UNMISSED: &[&str] =
    &["outbox_schedule", "outbox_job", "identity_setup", "identity_rate", "members_tally", "coins_handle"];

/// What to restore, and where to.
pub(crate) struct RestorePlan {
    pub(crate) file: PathBuf,
    pub(crate) passphrase: Option<Passphrase>,
    pub(crate) options: StoreOptions,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// All that this program knows.
    pub(crate) migrations: Vec<Migration>,
    /// Says whether the books are right.
    pub(crate) audit: fn(&mut ReadTx<'_>) -> Result<VerifyReport, purser_ledger::Error>,
    /// Only check the archive.
    pub(crate) check: bool,
    /// Replace a database that holds something.
    pub(crate) replace: bool,
    pub(crate) now: Timestamp,
}

/// What came of it.
pub(crate) struct RestoreReport {
    pub(crate) manifest: Manifest,
    /// What the books look like now; `None` where the archive was only checked.
    pub(crate) verdict: Option<VerifyReport>,
    /// Where what stood there before is kept.
    pub(crate) kept: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Checks a backup and, unless that is all, restores it. Blocks. Until its last steps an error leaves everything as it
/// was.
pub(crate) fn restore(plan: &RestorePlan, progress: &mut BackupProgress) -> Result<RestoreReport, Error> {
    let manifest = archive::verify(&plan.file, plan.passphrase.as_ref(), progress)?;
    let known = known_migrations(&plan.migrations, &manifest)?;
    if plan.check {
        return Ok(RestoreReport { manifest, verdict: None, kept: Vec::new(), warnings: Vec::new() });
    }
    refuse_filled(plan)?;
    folder_create(&plan.data)?;
    let aside = aside(plan.now);
    let mut restoring = RestoreTarget::begin(&plan.options, &known, &aside, plan.now)?;
    let mut reader = ArchiveReader::new(&plan.file, plan.passphrase.as_ref(), &manifest)?;
    if reader.peek() == Some(ABOUT) {
        reader.part(&mut std::io::sink())?;
    }
    refuse_other_tables(&mut restoring, &manifest)?;
    tables_fill(&mut restoring, &mut reader, &manifest, progress).map_err(unfit)?;
    let mut staged = StagedFiles::begin(&plan.data, &aside)?;
    staged.fill(&mut reader, progress)?;

    // The books must come to what they came to, before anything else is done to them.
    let found = LedgerTotals::from(restoring.read(purser_ledger::sums)?);
    if found != manifest.ledger {
        return Err(Error::Damaged("the restored books do not come to what the backup says".to_owned()));
    }
    restoring.migrate(&plan.migrations, plan.now)?;
    progress.phase("auditing the books", 0);
    let report = restoring.read(plan.audit)?;

    // From here on there is a moment at which the new database stands beside the old files and the old key.
    let mark = RestoreMark::set(plan)?;
    let mut kept = match restoring.finish() {
        Ok(kept) => kept,
        // It has put back what it had moved.
        Err(error) => {
            mark.remove()?;
            return Err(unfit(error.into()));
        }
    };
    let warnings = staged.take_place(&mut kept)?;
    mark.remove()?;
    progress.done();
    Ok(RestoreReport { manifest, verdict: Some(report), kept, warnings })
}

/// The ending of the names under which what is replaced is kept. To the microsecond: two may follow each other at once.
pub(crate) fn aside(now: Timestamp) -> String {
    now.to_zoned(TimeZone::UTC).strftime("before_%Y%m%dt%H%M%S_%6f").to_string()
}

/// A file in the data folder that says that a restore is putting things in their place. Where it was killed in the
/// middle, the file stays, and nothing begins to work with what stands there half.
struct RestoreMark(PathBuf);

const MARK: &str = "restore.unfinished";

/// The mark of a restore that was interrupted in this data folder, if there is one.
pub(crate) fn unfinished(data: &Path) -> Option<PathBuf> {
    let mark = data.join(MARK);
    mark.exists().then_some(mark)
}

impl RestoreMark {
    fn set(plan: &RestorePlan) -> Result<Self, Error> {
        let path = plan.data.join(MARK);
        let text = format!("{} was being restored at {}.\n", plan.file.display(), plan.now);
        if path.exists() {
            fs::remove_file(&path).map_err(Error::file(&path))?;
        }
        let mut file = new_file(&path)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::file(&path))?;
        folder_sync(&plan.data)?;
        Ok(RestoreMark(path))
    }

    fn remove(self) -> Result<(), Error> {
        fs::remove_file(&self.0).map_err(Error::file(&self.0))?;
        self.0.parent().map_or(Ok(()), folder_sync)
    }
}

fn folder_sync(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::file(folder))
}

/// Rows that the tables refuse are the backup's fault, and not that of the machine.
fn unfit(error: Error) -> Error {
    use purser_store::Error as StoreError;
    match error {
        Error::Store(
            error @ (StoreError::Engine(_)
            | StoreError::Unique { .. }
            | StoreError::ForeignKey
            | StoreError::Check { .. }
            | StoreError::Nul
            | StoreError::Aborted),
        ) => Error::Damaged(error.to_string()),
        other => other,
    }
}

/// A backup has the very tables that its migrations make.
fn refuse_other_tables(restoring: &mut RestoreTarget, manifest: &Manifest) -> Result<(), Error> {
    let own = restoring.tables()?;
    let known = |name: &String| own.iter().any(|table| table.name == *name);
    if let Some(strange) = manifest.tables.iter().find(|table| !known(&table.name)) {
        return Err(Error::Damaged(format!("it holds a table {}, which its migrations do not make", strange.name)));
    }
    let held = |table: &TableInfo| manifest.tables.iter().any(|other| other.name == table.name);
    match own.iter().find(|table| !held(table)) {
        None => Ok(()),
        Some(missing) => Err(Error::Damaged(format!("it lacks the table {}", missing.name))),
    }
}

/// Those of our migrations that the backup's database had been through. One that we do not know, or know otherwise,
/// means that the backup is of another program.
fn known_migrations(ours: &[Migration], manifest: &Manifest) -> Result<Vec<Migration>, Error> {
    let same = |migration: &Migration, step: &super::manifest::MigrationEntry| {
        migration.room == step.room && migration.number == step.number
    };
    for step in &manifest.schema {
        let name = format!("{}/{:04}", step.room, step.number);
        let program = &manifest.about.program;
        let Some(migration) = ours.iter().find(|migration| same(migration, step)) else {
            let says = format!("the backup is of Purser {program} and has the migration {name}, which this one lacks");
            return Err(Error::Refused(says));
        };
        if migration_checksum(migration) != step.checksum {
            let says = format!("the backup is of Purser {program}, whose migration {name} is not that of this one");
            return Err(Error::Refused(says));
        }
    }
    let had = ours.iter().filter(|migration| manifest.schema.iter().any(|step| same(migration, step)));
    Ok(had.copied().collect())
}

fn refuse_filled(plan: &RestorePlan) -> Result<(), Error> {
    if plan.replace || RestoreTarget::target_state(&plan.options, UNMISSED)? != RestoreTargetState::Filled {
        return Ok(());
    }
    let says = "the database holds something already, and nothing was changed; give --yes to replace it (it is kept \
                aside), or --data with another folder, or DATABASE_URL with an empty database";
    Err(Error::Refused(says.to_owned()))
}

fn tables_fill(
    restoring: &mut RestoreTarget,
    reader: &mut ArchiveReader,
    manifest: &Manifest,
    progress: &mut BackupProgress,
) -> Result<(), Error> {
    for table in &manifest.tables {
        if table.rows > 0 {
            progress.phase(&format!("{} rows of {}", table.rows, table.name), table.rows);
        }
        let mut rows = reader.rows(&table.name);
        let mut count = 0;
        let own = TableInfo { name: table.name.clone(), columns: table.columns.clone() };
        let filled = restoring.table_fill(&own, |line| {
            count += 1;
            if count % 4_096 == 0 {
                progress.at(count);
            }
            rows.next(line)
        })?;
        if filled != table.rows {
            let says = format!("{} has {filled} rows where its manifest says {}", table.name, table.rows);
            return Err(Error::Damaged(says));
        }
    }
    Ok(())
}

/// Files and key, beside those that they will replace. Dropped before [`StagedFiles::take_place`], they go.
struct StagedFiles {
    data: PathBuf,
    aside: String,
    folder: PathBuf,
    key: Option<Vec<u8>>,
}

impl Drop for StagedFiles {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl StagedFiles {
    fn begin(data: &Path, aside: &str) -> Result<Self, Error> {
        let folder = data.join(format!("{FILES}.restoring"));
        // What a restore that was killed has left.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Error::file(&folder))?;
        }
        folder_create(&folder)?;
        Ok(StagedFiles { data: data.to_owned(), aside: aside.to_owned(), folder, key: None })
    }

    fn fill(&mut self, reader: &mut ArchiveReader, progress: &mut BackupProgress) -> Result<(), Error> {
        progress.phase("uploaded files", 0);
        while let Some(name) = reader.peek().map(str::to_owned) {
            if name == KEY {
                let mut key = Vec::new();
                reader.part(&mut key)?;
                self.key = Some(key);
                continue;
            }
            let path = file_name(&name).map(|path| self.folder.join(path));
            let path = path.ok_or_else(|| Error::Damaged(format!("'{name}' stands where it does not belong")))?;
            if let Some(folder) = path.parent() {
                folder_create(folder)?;
            }
            let mut file = new_file(&path)?;
            reader.part(&mut file)?;
            file.sync_all().map_err(Error::file(&path))?;
        }
        Ok(())
    }

    /// The files, then the key. Each old one is kept; where is added to `kept`.
    fn take_place(&mut self, kept: &mut Vec<String>) -> Result<Vec<String>, Error> {
        let files = self.data.join(FILES);
        if files.exists() {
            kept.extend(self.commit(&files)?);
        }
        fs::rename(&self.folder, &files).map_err(Error::file(&files))?;
        let path = self.data.join(KEY);
        let mut warnings = Vec::new();
        match self.key.take() {
            Some(key) if fs::read(&path).is_ok_and(|old| old == key) => {}
            Some(key) => {
                if path.exists() {
                    kept.extend(self.commit(&path)?);
                }
                let written = new_file(&path)?.write_all(&key);
                written.and_then(|()| File::open(&path)?.sync_all()).map_err(Error::file(&path))?;
            }
            None => warnings.push(format!(
                "the backup has no instance key: put the one that belongs to it at {}, or what it sealed stays sealed",
                path.display()
            )),
        }
        folder_sync(&self.data)?;
        Ok(warnings)
    }

    /// An empty folder is not worth keeping.
    fn commit(&self, path: &Path) -> Result<Option<String>, Error> {
        if fs::remove_dir(path).is_ok() {
            return Ok(None);
        }
        let kept = PathBuf::from(format!("{}.{}", path.display(), self.aside));
        fs::rename(path, &kept).map_err(Error::file(path))?;
        Ok(Some(kept.display().to_string()))
    }
}

fn folder_create(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(Error::file(folder))
}

fn new_file(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(Error::file(path))
}
