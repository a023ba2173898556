//! The program that is measured: its release build, in a process of its own, with its defaults.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load;
use crate::place::BenchDatabase;

/// Who looks at the console.
pub(crate) const SUPERUSER: &str = "bench";

/// How they sign in, for as long as the measurement runs.
pub(crate) const PASSWORD: &str = "paper lantern violet harbor";

/// How long the program may take to start, and to stop when it is asked to.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often to look whether it answers or has ended.
const GLANCE: Duration = Duration::from_millis(1);

/// What the program says on standard output once it listens, before the address.
const LISTENING: &str = "listening on ";

/// The program, and the folder for its data and its log.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) data: PathBuf,
}

/// How the program is held short.
pub(crate) struct ProgramLimits {
    /// What `ulimit -n` says.
    pub(crate) open_files: u32,
    /// The PEM files of its certificate and key, where it speaks TLS.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
}

/// The program at work. It ends when this is dropped; [`Server::stop`] ends it in good order.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// The program beside this one, with its data in `data`.
    pub(crate) fn find(own: &Path, data: PathBuf) -> Result<Program, String> {
        let path = own.with_file_name("purser");
        if !path.exists() {
            return Err(format!("there is no {}: `cargo xtask bench` builds it", path.display()));
        }
        Program { path, data: PathBuf::new() }.with_data(data)
    }

    /// The same program with its data in another folder.
    pub(crate) fn with_data(&self, data: PathBuf) -> Result<Program, String> {
        fs::create_dir_all(&data).map_err(|error| format!("cannot make {}: {error}", data.display()))?;
        Ok(Program { path: self.path.clone(), data })
    }

    /// Its size, in bytes.
    pub(crate) fn size(&self) -> Result<u64, String> {
        let metadata = fs::metadata(&self.path);
        metadata.map(|metadata| metadata.len()).map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Starts the server on `place` and returns once it listens.
    pub(crate) fn serve(&self, place: &BenchDatabase, listen: &str) -> Result<Server, String> {
        self.started(self.spawn(place, listen)?)
    }

    fn started(&self, mut child: Child) -> Result<Server, String> {
        let mut stdout = child.stdout.take().map(BufReader::new).ok_or("the server has no output")?;
        match listening(&mut stdout) {
            Ok(address) => {
                // Nothing more is expected there, but a full pipe would stop it.
                std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
                Ok(Server { child, address })
            }
            Err(error) => {
                let _ = child.kill().and_then(|()| child.wait());
                Err(format!("the server did not start ({error}); its log is {}", self.log().display()))
            }
        }
    }

    /// Starts the server where it may have so many open files, with a certificate or without, and nobody trusted.
    pub(crate) fn serve_limited(&self, place: &BenchDatabase, limited: &ProgramLimits) -> Result<Server, String> {
        let plain = self.command(place)?;
        let mut command = Command::new("/bin/sh");
        let script = format!("ulimit -n {}; exec \"$0\" \"$@\" serve --listen 127.0.0.1:0", limited.open_files);
        command.args(["-c", &script]).arg(plain.get_program()).args(plain.get_args());
        command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PURSER_TRUSTED_PROXIES", "").current_dir(&self.data);
        if let Some((chain, key)) = &limited.certificate {
            command.env("PURSER_TLS_CERTIFICATE", chain).env("PURSER_TLS_KEY", key);
        }
        command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().map_err(|error| format!("cannot start {}: {error}", self.path.display()))?;
        self.started(child)
    }

    /// From the start of the process to its first answer, on `place`.
    pub(crate) fn time_to_answer(&self, place: &BenchDatabase) -> Result<(Duration, Server), String> {
        let address = free_port()?;
        let began = Instant::now();
        let mut server = Server { child: self.spawn(place, &address.to_string())?, address };
        let request = format!("GET /healthz/live HTTP/1.1\r\nHost: {address}\r\n\r\n");
        while began.elapsed() < PATIENCE {
            if let Ok((200, _)) = load::ask(address, request.as_bytes()) {
                let took = began.elapsed();
                if let Some(mut stdout) = server.child.stdout.take() {
                    std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
                }
                return Ok((took, server));
            }
            std::thread::sleep(GLANCE);
        }
        Err(format!("the server did not answer within {PATIENCE:?}; its log is {}", self.log().display()))
    }

    /// Makes an API key that may use the charge app, and returns its secret.
    pub(crate) fn key_create(&self, place: &BenchDatabase) -> Result<String, String> {
        let output = self
            .command(place)?
            .args(["key", "create", "bench", "--scope", "charge.*", "--scope", "members.*", "--json"])
            .output();
        let output = output.map_err(|error| format!("cannot start {}: {error}", self.path.display()))?;
        let created: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let key = created.get("key").and_then(serde_json::Value::as_str).map(str::to_owned);
        key.ok_or_else(|| format!("`purser key create` gave no key; its log is {}", self.log().display()))
    }

    /// Makes a superuser who signs in as [`SUPERUSER`] with [`PASSWORD`].
    pub(crate) fn superuser_create(&self, place: &BenchDatabase) -> Result<(), String> {
        let mut command = self.command(place)?;
        command.args(["user", "create", "--username", SUPERUSER, "--email", "bench@example.com", "--superuser"]);
        let mut child = command.arg("--password-stdin").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let failed = |error: std::io::Error| format!("`purser user create` failed: {error}");
        let child = child.as_mut().map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        if let Some(mut stdin) = child.stdin.take() {
            writeln!(stdin, "{PASSWORD}").map_err(failed)?;
        }
        let status = child.wait().map_err(failed)?;
        if status.success() { Ok(()) } else { Err(format!("`purser user create` ended with {status}")) }
    }

    fn spawn(&self, place: &BenchDatabase, listen: &str) -> Result<Child, String> {
        let mut command = self.command(place)?;
        command.args(["serve", "--with-noop", "--listen", listen]).stdout(Stdio::piped());
        command.spawn().map_err(|error| format!("cannot start {}: {error}", self.path.display()))
    }

    /// The program as it comes: nothing of the caller's environment or settings reaches it.
    fn command(&self, place: &BenchDatabase) -> Result<Command, String> {
        let log = OpenOptions::new().create(true).append(true).open(self.log());
        let log: File = log.map_err(|error| format!("cannot write {}: {error}", self.log().display()))?;
        let mut command = Command::new(&self.path);
        command.current_dir(&self.data).arg("--data").arg(&self.data);
        command.env_clear().env("DATABASE_URL", place.url()).env("PURSER_METRICS_LISTEN", "127.0.0.1:0");
        // A pool of any size, and people from addresses that the load makes up.
        command.env("PURSER_MEMBERS_MAX", "0").env("PURSER_TRUSTED_PROXIES", "127.0.0.1");
        command.stdin(Stdio::null()).stderr(log);
        Ok(command)
    }

    fn log(&self) -> PathBuf {
        self.data.join("server.log")
    }
}

impl Server {
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), String> {
        // The standard library can only kill, and a signal is one word of shell.
        let mut signal = Command::new("/bin/sh");
        signal.args(["-c", "kill -TERM \"$0\""]).arg(self.process().to_string());
        signal.status().map_err(|error| format!("cannot signal the server: {error}"))?;
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("the server ended with {status}")),
                Ok(None) => std::thread::sleep(GLANCE),
                Err(error) => return Err(format!("waiting for the server failed: {error}")),
            }
        }
        Err(format!("the server did not stop within {PATIENCE:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has stopped, unless something went wrong before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listening(stdout: &mut BufReader<ChildStdout>) -> Result<SocketAddr, String> {
    let mut line = String::new();
    loop {
        line.clear();
        match stdout.read_line(&mut line) {
            Ok(0) => return Err("it ended".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
        if let Some(url) = line.trim().strip_prefix(LISTENING) {
            let address = url.split_once("://").map_or(url, |(_, address)| address);
            return address.parse().map_err(|_| format!("it listens on '{address}'"));
        }
    }
}

/// A port that nobody listens on. Somebody could take it before the server does, and the measurement would fail.
fn free_port() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map_err(|error| format!("there is no free port: {error}"))
}
