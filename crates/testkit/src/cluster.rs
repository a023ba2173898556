//! A PostgreSQL server of our own, in a temporary folder, that nobody else can reach and that leaves nothing behind.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, OnceLock};

use tempfile::TempDir;

/// Whether a cluster survives what a machine may do to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Never waits for the disk: for tests that do not pull the plug.
    Fast,
    /// As PostgreSQL comes: what it has acknowledged is there after [`Cluster::kill`].
    Durable,
}

/// One running PostgreSQL server with its own data, reachable only through a socket in its own folder, or from this
/// machine where the test wants it.
///
/// Dropping it stops the server and removes the folder. So does the end of the test process, however it ends: a
/// watchdog process waits for the pipe between us to close.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    bin: PathBuf,
    user: Option<User>,
    /// Where it listens on the loopback, if it does.
    port: Option<u16>,
    watchdog: Child,
}

/// PostgreSQL refuses to run as root, so root runs it as somebody who has no rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct User {
    uid: u32,
    gid: u32,
}

const SUPERUSER: &str = "purser";

/// Waits for its standard input to close, which the end of the test process brings about, whatever ended it.
///
/// A server that stands still is woken first, or it would never end.
const WATCHDOG: &str = r#"read -r _; p=$(head -n 1 "$1/data/postmaster.pid")
kill -CONT $p $(ps -A -o pid= -o ppid= | awk -v p="$p" '$2 == p { print $1 }')
"$0/pg_ctl" stop -D "$1/data" -m immediate -w -t 10; rm -rf "$1""#;

impl Cluster {
    /// The cluster that all tests of this process share, started by the first that asks.
    #[must_use]
    pub fn shared() -> Arc<Cluster> {
        static SHARED: OnceLock<Arc<Cluster>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Cluster::start(Durability::Fast))))
    }

    /// Makes and starts a cluster, ready for connections when it returns.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed or will not start: the test cannot go on.
    #[must_use]
    pub fn start(durability: Durability) -> Cluster {
        let cluster = Cluster::prepare(None);
        cluster.initialize(durability);
        cluster.restart();
        cluster
    }

    /// The same on a port of this machine, durable, and ready to be followed by [`Cluster::standby`].
    ///
    /// # Panics
    /// As [`Cluster::start`].
    #[must_use]
    pub fn start_listening() -> Cluster {
        let cluster = Cluster::prepare(Some(free_port()));
        cluster.initialize(Durability::Durable);
        cluster.restart();
        cluster
    }

    /// A standby of this cluster, on a port of its own. What this one acknowledges from now on, the standby has.
    ///
    /// # Panics
    /// As [`Cluster::start`].
    #[must_use]
    pub fn standby(&self) -> Cluster {
        let standby = Cluster::prepare(Some(free_port()));
        let mut copy = standby.command("pg_basebackup");
        copy.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-U", SUPERUSER, "-h"]).arg(&self.folder);
        copy.arg("-p").arg(self.port_number().to_string()).arg("-D").arg(standby.data());
        succeeded(&copy.output().expect("starting pg_basebackup")).expect("pg_basebackup");
        standby.append(&settings(&standby.folder, standby.port, Durability::Durable));
        standby.restart();
        self.psql("ALTER SYSTEM SET synchronous_standby_names = '*'").expect("naming the standby");
        self.psql("SELECT pg_reload_conf()").expect("reading the settings again");
        standby
    }

    fn prepare(port: Option<u16>) -> Cluster {
        let bin = bin();
        let folder = TempDir::with_prefix("purser-pg-").expect("a temporary folder for PostgreSQL");
        let user = unprivileged_user(folder.path());
        if let Some(User { uid, gid }) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("giving the folder to PostgreSQL's user");
        }
        // From here on the watchdog removes the folder, not `TempDir`: this process may not live to do it.
        let folder = folder.keep();
        let mut command = unprivileged(Command::new("/bin/sh"), &folder, user);
        command.args(["-c", WATCHDOG]).arg(&bin).arg(&folder).stdin(Stdio::piped());
        // A group of its own, so that Ctrl-C in the terminal reaches us and not the one who cleans up after us.
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let watchdog = command.spawn().expect("starting the watchdog");

        Cluster { folder, bin, user, port, watchdog }
    }

    fn initialize(&self, durability: Durability) {
        let mut initdb = self.command("initdb");
        initdb.arg("--pgdata").arg(self.data()).args(["--username", SUPERUSER, "--auth", "trust"]);
        initdb.args(["--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions"]);
        succeeded(&initdb.output().expect("starting initdb")).expect("initdb");

        self.append(&settings(&self.folder, self.port, durability));
    }

    fn append(&self, settings: &str) {
        let path = self.data().join("postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(path).expect("postgresql.conf");
        file.write_all(settings.as_bytes()).expect("writing postgresql.conf");
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        self.control(&["promote"]);
    }

    /// Stops every process of the server where it stands, as a hung machine does: nothing is answered, nothing closed.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a server go on that stands still.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// To the server first: it must not start others meanwhile.
    fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).expect("postmaster.pid");
        let pid = pid.lines().next().expect("a process id").to_owned();
        let kill = |pids: &[&str]| {
            // One that ended meanwhile is no failure.
            Command::new("kill").arg(signal).args(pids).output().expect("starting kill");
        };
        kill(&[&pid]);
        let listed = Command::new("ps").args(["-A", "-o", "pid=", "-o", "ppid="]).output().expect("starting ps");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let children: Vec<&str> = listed
            .lines()
            .filter_map(|line| line.trim().split_once(char::is_whitespace))
            .filter_map(|(child, parent)| (parent.trim() == pid).then_some(child))
            .collect();
        kill(&children);
    }

    /// Stops the server in good order: it finishes a checkpoint first.
    pub fn stop(&self) {
        self.control(&["stop", "-m", "fast"]);
    }

    /// Stops the server at once, as a crash would: no checkpoint, and recovery at the next start.
    pub fn kill(&self) {
        self.control(&["stop", "-m", "immediate"]);
    }

    /// Stops the server in good order if it runs, and starts it again.
    pub fn restart(&self) {
        if self.data().join("postmaster.pid").exists() {
            self.stop();
        }
        let log = self.folder.join("log");
        self.control(&["start", "-l", log.to_str().expect("a readable path")]);
    }

    /// Where `database` is: a connection URL for [`purser_store::StoreOptions::postgres`].
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@{}/{database}", self.host())
    }

    /// The same address for this cluster and another, whichever of them takes writes.
    #[must_use]
    pub fn url_with(&self, other: &Cluster, database: &str) -> String {
        let (one, other) = (self.host(), other.host());
        format!("postgres://{SUPERUSER}@{one},{other}/{database}?target_session_attrs=read-write")
    }

    fn host(&self) -> String {
        match self.port {
            Some(port) => format!("127.0.0.1:{port}"),
            None => self.folder.to_str().expect("a readable path").replace('/', "%2F"),
        }
    }

    fn port_number(&self) -> u16 {
        self.port.unwrap_or(5432)
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn database_create(&self, name: &str) -> Result<(), String> {
        self.psql(&format!("CREATE DATABASE \"{name}\""))
    }

    /// Makes a database that holds what `template` holds. Nobody may be connected to the template.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn database_copy(&self, name: &str, template: &str) -> Result<(), String> {
        self.psql(&format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\""))
    }

    /// Removes a database, whoever is connected to it.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn database_drop(&self, name: &str) -> Result<(), String> {
        self.psql(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"))
    }

    // Creating a database cannot be part of a transaction, and no other room than the store knows a driver.
    fn psql(&self, sql: &str) -> Result<(), String> {
        let mut psql = self.command("psql");
        psql.args(["-X", "-q", "-U", SUPERUSER, "-d", "postgres", "-c", sql]).arg("-h").arg(&self.folder);
        psql.arg("-p").arg(self.port_number().to_string());
        succeeded(&psql.output().expect("starting psql"))
    }

    fn control(&self, arguments: &[&str]) {
        let mut command = self.command("pg_ctl");
        command.args(arguments).args(["-w", "-t", "60", "-D"]).arg(self.data());
        let output = command.output().expect("starting pg_ctl");
        if !output.status.success() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            panic!("pg_ctl {} failed: {}\n{log}", arguments[0], String::from_utf8_lossy(&output.stderr));
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = unprivileged(Command::new(self.bin.join(program)), &self.folder, self.user);
        command.stdin(Stdio::null());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // The watchdog bounds its own work; when it is done, so is the server.
        let _ = self.watchdog.wait();
    }
}

fn settings(folder: &Path, port: Option<u16>, durability: Durability) -> String {
    let (listen, port) = port.map_or(("", 5432), |port| ("127.0.0.1", port));
    let common = format!(
        "listen_addresses = '{listen}'\nport = {port}\nunix_socket_directories = '{}'\nmax_connections = 300\n",
        folder.display()
    );
    match durability {
        Durability::Durable => common,
        Durability::Fast => {
            common + "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\n"
        }
    }
}

/// One that nobody had a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// `command` run as `user`, in a folder that this user may enter.
fn unprivileged(mut command: Command, folder: &Path, user: Option<User>) -> Command {
    command.current_dir(folder);
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
    command
}

fn succeeded(output: &Output) -> Result<(), String> {
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Whom to run PostgreSQL as where we are root, which shows in who owns a folder that we made.
fn unprivileged_user(folder: &Path) -> Option<User> {
    if fs::metadata(folder).expect("our own folder").uid() != 0 {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let user = user_find(&passwd, "postgres").or_else(|| user_find(&passwd, "nobody"));
    Some(user.expect("a user named postgres or nobody, since PostgreSQL refuses to run as root"))
}

fn user_find(passwd: &str, name: &str) -> Option<User> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some(User { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
}

/// The folder that holds PostgreSQL's programs. Debian keeps all but the client's out of PATH.
#[expect(clippy::disallowed_methods, reason = "PATH says where programs are, and tests need some")]
fn bin() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    std::env::split_paths(&path)
        .chain(debian.into_iter().rev())
        // A link in PATH leads to where the other programs of the same version are.
        .filter_map(|folder| Some(folder.join("pg_ctl").canonicalize().ok()?.parent()?.to_owned()))
        .find(|folder| {
            ["initdb", "pg_basebackup", "postgres", "psql"].iter().all(|program| folder.join(program).exists())
        })
        .expect("PostgreSQL, in PATH or /usr/lib/postgresql (apt-get install postgresql)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_keeps_its_databases_over_a_kill_and_leaves_nothing_behind() {
        let cluster = Cluster::start(Durability::Durable);
        let folder = cluster.folder.clone();
        cluster.database_create("a").expect("creating");
        cluster.kill();
        cluster.restart();
        cluster.database_copy("b", "a").expect("copying");
        cluster.database_drop("a").expect("dropping");
        assert!(cluster.database_copy("c", "a").is_err());
        cluster.stop();
        cluster.restart();
        assert!(cluster.url("b").ends_with("/b"));
        drop(cluster);
        assert!(!folder.exists());
    }

    #[test]
    fn a_standby_has_what_its_primary_had_and_a_frozen_server_leaves_nothing_behind_either() {
        let primary = Cluster::start_listening();
        primary.database_create("a").expect("creating");
        let standby = primary.standby();
        assert!(standby.database_create("b").is_err(), "a standby takes no writes");
        let folder = primary.folder.clone();
        primary.freeze();
        standby.promote();
        standby.database_copy("b", "a").expect("the promoted one has what the primary had");
        assert!(primary.url_with(&standby, "a").contains(",127.0.0.1:"));
        drop(primary);
        assert!(!folder.exists());
    }

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "postgres2:x:1:1::/:/bin/sh\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(user_find(passwd, "postgres"), Some(User { uid: 101, gid: 104 }));
        assert_eq!(user_find(passwd, "nobody"), None);
    }
}
