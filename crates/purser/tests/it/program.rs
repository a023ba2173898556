//! The real program, started as an operator would and killed as the world does.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use purser_testkit::TestDb;
use reqwest::{Client, Method, Response};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_purser");

/// An installation: a database, a data folder, and settings.
pub(crate) struct Installation {
    database: String,
    data: TempDir,
    settings: Vec<(&'static str, String)>,
}

/// The program while it serves.
pub(crate) struct Serving {
    child: Child,
    base: String,
    said: Vec<String>,
    client: Client,
    key: String,
}

impl Installation {
    pub(crate) fn new(db: &TestDb) -> Self {
        Installation { database: db.url(), data: TempDir::new().unwrap(), settings: Vec::new() }
    }

    /// One with the database at this address, or in its own folder where that is empty.
    pub(crate) fn at(database: &str) -> Self {
        Installation { database: database.to_owned(), data: TempDir::new().unwrap(), settings: Vec::new() }
    }

    /// The same with a setting, by its name in the environment.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    /// The folder that holds everything.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(args)
            .env("PURSER_DATA", self.data.path())
            .env("DATABASE_URL", &self.database)
            .env("PURSER_METRICS_LISTEN", "127.0.0.1:0")
            .env("PURSER_CHARGE_MAX_INCREASE", "100000000.00")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(self.data.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command to its end, and says `input` to it.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Makes a key.
    pub(crate) fn key(&self, scope: &str) -> String {
        self.key_with(scope, &[])
    }

    /// Makes a key that is tied to one seller.
    pub(crate) fn key_for_seller(&self, scope: &str, seller: &str) -> String {
        self.key_with(scope, &["--seller", seller])
    }

    /// Makes a key that is tied to one user of coins.
    pub(crate) fn key_for_coins_user(&self, scope: &str, user_id: &str) -> String {
        self.key_with(scope, &["--coins-user", user_id])
    }

    fn key_with(&self, scope: &str, more: &[&str]) -> String {
        let made = self.run(&[&["key", "create", "test", "--scope", scope, "--json"], more].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        made["key"].as_str().unwrap().to_owned()
    }

    /// Starts the server, and waits until it says where it listens.
    pub(crate) fn serve(&self, key: &str) -> Serving {
        self.serve_with(key, &[])
    }

    /// The same with more flags.
    pub(crate) fn serve_with(&self, key: &str, flags: &[&str]) -> Serving {
        self.serve_by(key, self.command(&[&["serve", "--listen", "127.0.0.1:0"], flags].concat()))
    }

    /// The same where the machine lets a process have so many open files: the soft limit and the hard one.
    pub(crate) fn serve_with_files(&self, key: &str, (soft, hard): (u32, u32)) -> Serving {
        let plain = self.command(&[]);
        let limited = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec {PROGRAM} serve --listen 127.0.0.1:0");
        let mut command = Command::new("sh");
        let environment = plain.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.args(["-c", &limited]).envs(environment).current_dir(self.data.path()).stdin(Stdio::null());
        self.serve_by(key, command)
    }

    fn serve_by(&self, key: &str, mut command: Command) -> Serving {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let base = lines.find_map(|line| {
            said.push(line);
            said.last()?.strip_prefix("listening on ").map(str::to_owned)
        });
        let base = base.expect("the server says where it listens");
        Serving { child, base, said, client: client(), key: key.to_owned() }
    }
}

/// A client that keeps its connections.
pub(crate) fn client() -> Client {
    // A second choice is refused, and is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

impl Serving {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The one-time link, where the server printed one.
    pub(crate) fn setup_link(&self) -> Option<&str> {
        self.told("set up the first superuser at ")
    }

    /// The rest of the line that it began with these words when it started.
    pub(crate) fn told(&self, words: &str) -> Option<&str> {
        self.said.iter().find_map(|line| line.strip_prefix(words))
    }

    /// A caller of this server that a task can take along.
    pub(crate) fn caller(&self) -> ApiClient {
        ApiClient { base: self.base.clone(), client: self.client.clone(), key: self.key.clone() }
    }

    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone)]
pub(crate) struct ApiClient {
    base: String,
    client: Client,
    key: String,
}

impl ApiClient {
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Response, reqwest::Error> {
        let request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key);
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    /// A caller of the site at this address.
    pub(crate) fn at(base: &str, key: &str) -> ApiClient {
        ApiClient { base: base.to_owned(), client: client(), key: key.to_owned() }
    }

    /// Changes some fields.
    pub(crate) async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.send(Method::PUT, path, Some(body)).await.unwrap()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.send(Method::PATCH, path, Some(body)).await.unwrap()).await
    }

    /// The same caller with another key.
    pub(crate) fn with_key(&self, key: &str) -> ApiClient {
        ApiClient { key: key.to_owned(), ..self.clone() }
    }

    /// What the Authorization header says.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    /// Posts a body as it is.
    pub(crate) async fn raw(&self, path: &str, kind: &str, body: Vec<u8>) -> (u16, Value) {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.key);
        answer(request.header("content-type", kind).body(body).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.send(Method::POST, path, Some(body)).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.send(Method::GET, path, None).await.unwrap()).await
    }
}

async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}
