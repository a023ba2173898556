//! chromedriver, one for all tests of this process, and the WebDriver protocol as far as these tests speak it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::client;

/// Finds a browser and says where, starts chromedriver, and waits for its standard input to close, which the end of
/// the test process brings about, whatever ended it. Then it ends all of its group: chromedriver and every browser.
const WATCHDOG: &str = r#"
trap : TERM
for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $name && break; done
chromedriver --port=0 &
read -r _
kill -TERM 0
wait
rm -rf "$0"
kill -KILL 0
"#;

/// Nothing that is not about this page: no first-run pages, no updates, no calls home.
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    // Letters without colored edges: pictures of them are half as large.
    "--disable-lcd-text",
];

/// Letters as people's machines have them, where this one has any: a server's own are seldom handsome.
const FONTS: &str = "<?xml version='1.0'?><fontconfig>\
    <alias binding='strong'><family>sans</family><prefer><family>Inter</family></prefer></alias>\
    <alias binding='strong'><family>sans-serif</family><prefer><family>Inter</family></prefer></alias></fontconfig>\n";

/// What a walk waits for at most, in milliseconds: a page to load, words to appear on it, a script to finish.
const PATIENCE: u32 = 60_000;

struct Driver {
    port: u16,
    browser: String,
    /// Holds what browsers write; the watchdog removes it.
    folder: PathBuf,
    _watchdog: Child,
}

impl Driver {
    fn shared() -> &'static Driver {
        static SHARED: OnceLock<Driver> = OnceLock::new();
        SHARED.get_or_init(Driver::start)
    }

    fn start() -> Driver {
        let folder = TempDir::with_prefix("purser-chromium-").expect("a folder for browsers").keep();
        let fonts = folder.join(".config/fontconfig");
        std::fs::create_dir_all(&fonts).expect("a folder for settings");
        std::fs::write(fonts.join("fonts.conf"), FONTS).expect("the settings of fonts");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WATCHDOG]).arg(&folder).env("HOME", &folder).env("TMPDIR", &folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own, so that Ctrl-C in the terminal reaches us and not the one who cleans up after us.
        let mut watchdog = command.process_group(0).spawn().expect("starting the watchdog");
        let mut lines = BufReader::new(watchdog.stdout.take().unwrap()).lines().map_while(Result::ok);
        let browser = lines.next().filter(|line| line.starts_with('/'));
        let browser = browser.expect("Chromium or Chrome in PATH (`cargo xtask test` installs it)");
        let port = lines.find_map(|line| line.split("successfully on port ").nth(1)?.trim_matches('.').parse().ok());
        let port = port.expect("chromedriver in PATH (`cargo xtask test` installs it)");
        Driver { port, browser, folder, _watchdog: watchdog }
    }
}

/// One browser window with a profile of its own.
pub(super) struct Session {
    client: Client,
    id: String,
}

/// What the driver calls an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Session {
    pub(super) async fn open() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let driver = Driver::shared();
        let profile = driver.folder.join(COUNT.fetch_add(1, Ordering::SeqCst).to_string());
        let mut flags = FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", profile.display()));
        let wanted = json!({
            "goog:chromeOptions": { "binary": driver.browser, "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "implicit": PATIENCE, "pageLoad": PATIENCE, "script": PATIENCE },
        });
        let client = client();
        let url = format!("http://127.0.0.1:{}/session", driver.port);
        let asked = json!({ "capabilities": { "alwaysMatch": wanted } });
        let opened = ask(&client, Method::POST, &url, &asked).await.unwrap_or_else(|error| panic!("{error}"));
        Session { client, id: opened["sessionId"].as_str().expect("a session").to_owned() }
    }

    /// A command of the protocol, or what speaks against it.
    pub(super) async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value, String> {
        let url = format!("http://127.0.0.1:{}/session/{}/{path}", Driver::shared().port, self.id);
        ask(&self.client, method, &url, &body).await
    }

    /// The first element that fits, waited for.
    pub(super) async fn find(&self, xpath: &str) -> Result<String, String> {
        let found = self.call(Method::POST, "element", json!({ "using": "xpath", "value": xpath })).await?;
        Ok(found[ELEMENT].as_str().expect("an element").to_owned())
    }

    /// A command of the browser's own protocol.
    pub(super) async fn browser(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.call(Method::POST, "goog/cdp/execute", body).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }
}

impl Drop for Session {
    /// Closes the browser; by a plain connection, because dropping cannot wait for a future.
    fn drop(&mut self) {
        let Ok(mut connection) = TcpStream::connect(("127.0.0.1", Driver::shared().port)) else { return };
        let request = format!("DELETE /session/{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", self.id);
        let _ = connection.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = connection.write_all(request.as_bytes());
        // The answer comes when the browser has gone; the driver keeps the connection.
        let _ = connection.read(&mut [0; 512]);
    }
}

async fn ask(client: &Client, method: Method, url: &str, body: &Value) -> Result<Value, String> {
    let request = client.request(method.clone(), url);
    // The protocol has no body where nothing is changed.
    let request = if method == Method::POST { request.json(body) } else { request };
    let response = request.send().await.map_err(|error| error.to_string())?;
    let (good, mut answer) = (response.status().is_success(), response.json::<Value>().await.unwrap_or_default());
    if good {
        return Ok(answer["value"].take());
    }
    let message = answer["value"]["message"].as_str().unwrap_or_default();
    Err(message.lines().next().unwrap_or_default().to_owned())
}
