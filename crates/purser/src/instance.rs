//! The house is opened: data folder, instance key, database, context.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_files::FileStore;
use purser_identity::Sealer;
use purser_kit::{AppContext, CommandCounts, Ids, KeyCache, RefusedCalls, Rights, Services};
use purser_outbox::Outbox;
use purser_store::{Store, StoreOptions};

use crate::backup::{self, BackupRequest, Passphrase, Randomness, RetentionPolicy};
use crate::cli_error::CliError;
use crate::config::Config;
use crate::{apps, environment};

/// The embedded database's file in the data folder.
const DATABASE: &str = "purser.db";

/// The folder of uploaded files in the data folder.
const FILES: &str = "files";

/// The instance key's file: what seals secrets, and signs what leaves the house. 32 random bytes, in hex.
const INSTANCE_KEY: &str = "instance.key";

/// Opens the database, and makes the data folder with its instance key where they are missing.
pub(crate) fn store(config: &Config) -> Result<Store, CliError> {
    refuse_unfinished(config)?;
    folder_create(&config.data)?;
    let store = Store::open(&options(config)?)?;
    instance_key_create(config)?;
    for told in files_private(config) {
        tracing::warn!("{told}");
    }
    Ok(store)
}

/// A restore that was killed while it put things in their place leaves a database, files and a key that do not belong
/// together.
pub(crate) fn refuse_unfinished(config: &Config) -> Result<(), CliError> {
    let Some(mark) = backup::unfinished(&config.data) else { return Ok(()) };
    Err(CliError::Machine(format!(
        "a restore was interrupted here while it put things in their place ({} says which): run it again, with --yes. \
         Where you want back what stood here before, rename what is kept under names with before_, and remove that file",
        mark.display()
    )))
}

/// Takes the instance key, the backups, and what restores have kept aside, from everybody but their owner, and says
/// where that cannot be done. The store does so with the database.
#[cfg(unix)]
pub(crate) fn files_private(config: &Config) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let backups = backup_folder(config);
    let own = |name: &str| name.starts_with(INSTANCE_KEY) || name.starts_with(DATABASE);
    let taken = |name: &str| name.starts_with("backup-") && name.ends_with(".purser");
    let mut told = Vec::new();
    for path in files_named(&config.data, own).into_iter().chain(files_named(&backups, taken)) {
        let private = fs::metadata(&path).and_then(|metadata| {
            let mode = metadata.permissions().mode();
            let wide = metadata.is_file() && mode & 0o077 != 0;
            if wide { fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o700)) } else { Ok(()) }
        });
        match private {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                told.push(format!("others on this machine may read {}, run chmod 600: {error}", path.display()));
            }
            _ => {}
        }
    }
    told
}

#[cfg(not(unix))]
pub(crate) fn files_private(_config: &Config) -> Vec<String> {
    Vec::new()
}

#[cfg(unix)]
fn files_named(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| is_wanted(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).collect()
}

/// Bytes that a disk with room takes: what a small command writes.
const ROOM: usize = 64 << 10;

/// Whether the disk of the database has room for a small command. Where a server keeps the database, its disk is its own.
pub(crate) fn has_room(config: &Config) -> bool {
    let Ok(DatabaseLocation::File(path)) = database(config) else { return true };
    let probe = PathBuf::from(format!("{}.room", path.display()));
    let written = fs::write(&probe, vec![1; ROOM]).and_then(|()| fs::File::open(&probe)?.sync_all());
    let _ = fs::remove_file(&probe);
    !written
        .is_err_and(|error| matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded))
}

/// Where the database is, and how much of the machine it may take.
pub(crate) fn options(config: &Config) -> Result<StoreOptions, CliError> {
    let mut options = match database(config)? {
        DatabaseLocation::File(path) => StoreOptions::sqlite(path),
        DatabaseLocation::Server(url) => StoreOptions::postgres(url),
    };
    options.readers = config.database.readers.max(1);
    options.writers = config.database.writers.max(1);
    options.queue = usize::try_from(config.database.queue.max(1)).unwrap_or(usize::MAX);
    Ok(options)
}

/// Opens the database and brings its tables up to date.
pub(crate) async fn store_migrated(config: &Config) -> Result<Store, CliError> {
    let store = store(config)?;
    store.migrate(apps::migrations(), environment::clock().now()).await?;
    Ok(store)
}

/// The same for a command that only looks at what is there: a mistyped folder is not to become an empty house whose books
/// are clean. A log without its database file is told by the store.
pub(crate) async fn store_there(config: &Config) -> Result<Store, CliError> {
    refuse_unfinished(config)?;
    if let DatabaseLocation::File(path) = database(config)?
        && !path.exists()
        && !["-wal", "-journal"].iter().any(|side| PathBuf::from(format!("{}{side}", path.display())).exists())
    {
        let told = format!("there is no database at {}; `purser serve` makes one", path.display());
        return Err(CliError::Machine(told));
    }
    store_migrated(config).await
}

/// The instance key, as the data folder keeps it.
fn instance_key_read(config: &Config) -> Result<[u8; 32], CliError> {
    let path = instance_key(config);
    let failed = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("the instance key {} cannot be used: {error}", path.display()))
    };
    let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
    let hash = purser_identity::SecretHash::from_hex(text.trim());
    hash.map(|bytes| bytes.0).ok_or_else(|| failed(&"it must be 64 hexadecimal digits"))
}

/// The instance key in hex, for what is derived from it.
pub(crate) fn instance_key_hex(config: &Config) -> Result<String, CliError> {
    Ok(instance_key_read(config)?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Opens the house around a migrated database.
///
/// # Errors
/// Where the time zone is not one.
pub(crate) fn context(config: &Config, store: Store) -> Result<AppContext, CliError> {
    let clock = environment::clock();
    let ids = Ids::new(environment::random_8);
    let process = ids.next(clock.now());
    let https = config.tls.is_set() || config.app_url.starts_with("https://");
    let (zone, outbox, keys) = (zone(config)?, Outbox::default(), KeyCache::default());
    let (rights, sealer) = (Rights::new(apps::scopes()), Sealer::new(&instance_key_read(config)?));
    let files = FileStore::folder(config.data.join(FILES));
    let second_factor = config.identity.second_factor;
    Ok(AppContext::new(Services {
        store,
        clock,
        zone,
        ids,
        outbox,
        process,
        keys,
        refused_calls: RefusedCalls::default(),
        commands: CommandCounts::default(),
        files,
        rights,
        sealer,
        second_factor,
        https,
    }))
}

/// The zone of schedules and days.
pub(crate) fn zone(config: &Config) -> Result<TimeZone, CliError> {
    TimeZone::get(&config.time_zone).map_err(|_| {
        CliError::usage(format!("time_zone is '{}': it must be a name such as Asia/Kolkata", config.time_zone))
    })
}

/// Where the database is.
pub(crate) enum DatabaseLocation {
    File(PathBuf),
    Server(String),
}

pub(crate) fn database(config: &Config) -> Result<DatabaseLocation, CliError> {
    let url = config.database_url.as_str();
    if url.is_empty() {
        return Ok(DatabaseLocation::File(config.data.join(DATABASE)));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(DatabaseLocation::Server(url.to_owned()));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.trim_start_matches('/').is_empty() => {
            Ok(DatabaseLocation::File(PathBuf::from(path.strip_prefix("//").unwrap_or(path))))
        }
        _ => Err(CliError::usage("database_url must be sqlite:PATH or postgres://USER@HOST/NAME")),
    }
}

pub(crate) fn folder_create(folder: &Path) -> Result<(), CliError> {
    let failed = |error| CliError::machine(&format!("the data folder {} cannot be made", folder.display()), error);
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)
}

/// Where the instance key is.
pub(crate) fn instance_key(config: &Config) -> PathBuf {
    config.data.join(INSTANCE_KEY)
}

/// Makes the instance key where it is missing.
pub(crate) fn instance_key_create(config: &Config) -> Result<(), CliError> {
    let path = &instance_key(config);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(CliError::machine(&format!("{} cannot be made", path.display()), error)),
    };
    let key: String = environment::random_32().iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{key}")
        .and_then(|()| file.sync_all())
        .map_err(|error| CliError::machine(&format!("{} cannot be written", path.display()), error))
}

/// A backup of this house, as the settings want it.
pub(crate) fn backup_request(config: &Config, moment: Timestamp) -> Result<BackupRequest, CliError> {
    refuse_unfinished(config)?;
    Ok(BackupRequest {
        options: options(config)?,
        data: config.data.clone(),
        folder: backup_folder(config),
        passphrase: passphrase(config)?,
        randomness: Randomness::new(environment::random),
        moment,
    })
}

/// Where backups go.
pub(crate) fn backup_folder(config: &Config) -> PathBuf {
    match config.backup.folder.as_str() {
        "" => config.data.join("backups"),
        folder => PathBuf::from(folder),
    }
}

/// What seals backups, if anything does.
pub(crate) fn passphrase(config: &Config) -> Result<Option<Passphrase>, CliError> {
    match (config.backup.passphrase.as_str(), config.backup.passphrase_file.as_str()) {
        ("", "") => Ok(None),
        ("", file) => passphrase_read(Path::new(file)).map(Some),
        (text, _) => Ok(Some(Passphrase::new(text)?)),
    }
}

/// The passphrase in a file.
pub(crate) fn passphrase_read(file: &Path) -> Result<Passphrase, CliError> {
    let text = fs::read_to_string(file)
        .map_err(|error| CliError::usage(format!("the passphrase cannot be read from {}: {error}", file.display())))?;
    Ok(Passphrase::new(&text)?)
}

/// Removes the backups that have had their time, and says which. With `dry_run` it only says. One that cannot be read
/// is no reason to remove another, and is left for a person to look at.
pub(crate) fn backups_retire(config: &Config, dry_run: bool) -> Result<Vec<PathBuf>, CliError> {
    let found = backup::backups_list(&backup_folder(config))?;
    let good: Vec<_> = found.into_iter().filter(|backup| backup.contents.is_ok()).collect();
    let moments: Vec<Timestamp> = good.iter().map(|backup| backup.moment).collect();
    let settings = &config.backup;
    let keep =
        RetentionPolicy { daily: settings.keep_daily, weekly: settings.keep_weekly, monthly: settings.keep_monthly };
    let gone = backup::retire(&moments, keep, &zone(config)?);
    let paths: Vec<PathBuf> =
        good.into_iter().filter(|backup| gone.contains(&backup.moment)).map(|backup| backup.path).collect();
    for path in paths.iter().filter(|_| !dry_run) {
        fs::remove_file(path).map_err(|error| CliError::machine(&path.display().to_string(), error))?;
    }
    Ok(paths)
}

/// Runs something long on a thread of its own: a database driver may not be called inside an async task.
pub(crate) async fn blocking<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> Result<T, backup::Error> + Send + 'static,
) -> Result<T, CliError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name(name.to_owned());
    let started = thread.spawn(move || {
        // Whoever asked may have gone away; the work is done all the same.
        let _ = sender.send(run());
    });
    started.map_err(|error| CliError::machine("a thread cannot be started", error))?;
    let done = receiver.await.map_err(|_| CliError::machine(name, "it failed unexpectedly; the log says more"))?;
    Ok(done?)
}
