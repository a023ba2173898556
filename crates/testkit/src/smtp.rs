//! A mail server that plays the outside world: it keeps what it accepts, and refuses or hangs up where the test says.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How long [`FakeSmtp::mail`] waits before it fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail server on a port of this machine's loopback, alive until dropped.
pub struct FakeSmtp {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// Where in the conversation something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpStep {
    /// Before the greeting.
    Connect,
    /// At `EHLO`.
    Hello,
    /// At `AUTH`.
    Auth,
    /// At `MAIL FROM`.
    Mail,
    /// At `RCPT TO`.
    Rcpt,
    /// At `DATA`.
    Data,
    /// When the whole message has come. Hung up here, it was accepted, and the sender does not know.
    Message,
}

/// What happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpFault {
    /// It is refused with this code and text: from 400 for now, from 500 for good.
    Refuse(u16, &'static str),
    /// The connection breaks without a word.
    HangUp,
}

/// When a mail server begins to speak TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the first byte.
    AtOnce,
    /// At `STARTTLS`; mail in the clear is refused.
    WhenAsked,
}

struct Shared {
    tls: Option<(SmtpTls, TlsAcceptor)>,
    script: Mutex<Script>,
    arrived: watch::Sender<usize>,
}

#[derive(Default)]
struct Script {
    /// The user and password that it insists on.
    login: Option<(String, String)>,
    next: VecDeque<(SmtpStep, SmtpFault)>,
    always: Option<(SmtpStep, SmtpFault)>,
    conversations: usize,
    mails: Vec<ReceivedMail>,
}

/// A mail as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMail {
    /// Who sends it, as the envelope says.
    pub from: String,
    /// Who gets it, as the envelope says.
    pub to: Vec<String>,
    /// Head and body as they came, dots unstuffed.
    pub raw: String,
}

impl FakeSmtp {
    /// Starts a server that accepts everything, in the clear.
    pub async fn start() -> FakeSmtp {
        FakeSmtp::open(None).await
    }

    /// Starts a server with a certificate: its chain and key, as PEM.
    pub async fn start_secure(tls: SmtpTls, chain: &str, key: &str) -> FakeSmtp {
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a private key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the usual versions")
            .with_no_client_auth()
            .with_single_cert(chain.expect("a chain"), key)
            .expect("a chain that fits its key");
        FakeSmtp::open(Some((tls, TlsAcceptor::from(Arc::new(config))))).await
    }

    async fn open(tls: Option<(SmtpTls, TlsAcceptor)>) -> FakeSmtp {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("the port just bound");
        let shared = Arc::new(Shared { tls, script: Mutex::default(), arrived: watch::Sender::new(0) });
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        FakeSmtp { address, shared, serving }
    }

    /// The port it listens on, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on mail is taken only after a sign-in as `user`.
    pub fn insist_on(&self, user: &str, password: &str) {
        self.shared.script().login = Some((user.to_owned(), password.to_owned()));
    }

    /// Adds trouble to the script: each comes once, in this order, when its step is reached.
    pub fn trouble(&self, at: SmtpStep, trouble: SmtpFault) {
        self.shared.script().next.push_back((at, trouble));
    }

    /// Trouble whenever the step is reached and the script has run out; `None` for an end of it.
    pub fn trouble_always(&self, trouble: Option<(SmtpStep, SmtpFault)>) {
        self.shared.script().always = trouble;
    }

    /// All mails accepted so far, oldest first; also those whose sender never learned of it.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.shared.script().mails.clone()
    }

    /// How many connections there were.
    #[must_use]
    pub fn conversations(&self) -> usize {
        self.shared.script().conversations
    }

    /// The mail that came at `position`, from 0; waits until it has come.
    pub async fn mail(&self, position: usize) -> ReceivedMail {
        let mut arrived = self.shared.arrived.subscribe();
        let came = tokio::time::timeout(PATIENCE, arrived.wait_for(|count| *count > position)).await;
        assert!(came.is_ok(), "mail {position} never came");
        drop(came);
        self.shared.script().mails[position].clone()
    }
}

impl Drop for FakeSmtp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trouble that is due at this step.
    fn due(&self, at: SmtpStep) -> Option<SmtpFault> {
        let mut script = self.script();
        if script.next.front().is_some_and(|(step, _)| *step == at) {
            return script.next.pop_front().map(|(_, trouble)| trouble);
        }
        script.always.filter(|(step, _)| script.next.is_empty() && *step == at).map(|(_, trouble)| trouble)
    }

    fn accept(&self, mail: ReceivedMail) {
        let mut script = self.script();
        script.mails.push(mail);
        self.arrived.send_replace(script.mails.len());
    }

    fn lets_in(&self, line: &str) -> bool {
        let login = self.script().login.clone();
        let Some((user, password)) = login else { return true };
        let expected = STANDARD.encode(format!("\0{user}\0{password}"));
        line.strip_prefix("AUTH PLAIN ").is_some_and(|given| given == expected)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Conversations end with the server: they live in this task's set.
    let mut conversations = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.script().conversations += 1;
        let shared = Arc::clone(&shared);
        conversations.spawn(async move {
            // However a conversation ends, the test looks at what was accepted.
            let _ = converse(Box::new(stream), shared).await;
        });
    }
}

/// A connection, in the clear or not.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

async fn converse(wire: Box<dyn Wire>, shared: Arc<Shared>) -> io::Result<()> {
    let wire = match &shared.tls {
        Some((SmtpTls::AtOnce, acceptor)) => Box::new(acceptor.accept(wire).await?),
        _ => wire,
    };
    Conversation::new(wire, shared).hold().await
}

/// How a step came out.
enum StepResult {
    On,
    Refused,
    Over,
}

struct Conversation {
    /// None only for the moment in which it is wrapped into TLS.
    stream: Option<BufReader<Box<dyn Wire>>>,
    shared: Arc<Shared>,
    from: String,
    to: Vec<String>,
    signed_in: bool,
    /// Whether the sender still has to ask for TLS.
    in_the_clear: bool,
}

impl Conversation {
    fn new(wire: Box<dyn Wire>, shared: Arc<Shared>) -> Self {
        let signed_in = shared.script().login.is_none();
        let in_the_clear = matches!(shared.tls, Some((SmtpTls::WhenAsked, _)));
        let stream = Some(BufReader::new(wire));
        Conversation { stream, shared, from: String::new(), to: Vec::new(), signed_in, in_the_clear }
    }

    async fn hold(mut self) -> io::Result<()> {
        if !matches!(self.step(SmtpStep::Connect, "220 fake ESMTP").await?, StepResult::On) {
            return Ok(());
        }
        while let Some(line) = self.line().await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let turn = match verb.as_str() {
                "EHLO" | "HELO" => {
                    let offer = if self.in_the_clear { "STARTTLS" } else { "AUTH PLAIN" };
                    self.step(SmtpStep::Hello, &format!("250-fake\r\n250-8BITMIME\r\n250 {offer}")).await?
                }
                "STARTTLS" => self.wrap().await?,
                "AUTH" | "MAIL" if self.in_the_clear => self.say("530 5.7.0 STARTTLS first").await?,
                "AUTH" => self.sign_in(&line).await?,
                "MAIL" if !self.signed_in => self.say("530 5.7.0 sign in first").await?,
                "MAIL" => {
                    self.from = path(&line);
                    self.to.clear();
                    self.step(SmtpStep::Mail, "250 ok").await?
                }
                "RCPT" => self.recipient(&line).await?,
                "DATA" => self.data().await?,
                "RSET" | "NOOP" => self.say("250 ok").await?,
                "QUIT" => {
                    self.say("221 bye").await?;
                    return Ok(());
                }
                _ => self.say("502 5.5.2 what?").await?,
            };
            if matches!(turn, StepResult::Over) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn wrap(&mut self) -> io::Result<StepResult> {
        let shared = Arc::clone(&self.shared);
        let Some((SmtpTls::WhenAsked, acceptor)) = &shared.tls else { return self.say("502 5.5.1 no TLS here").await };
        self.say("220 go on").await?;
        let clear = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        let wire: Box<dyn Wire> = Box::new(acceptor.accept(clear.into_inner()).await?);
        self.stream = Some(BufReader::new(wire));
        self.in_the_clear = false;
        Ok(StepResult::On)
    }

    fn stream(&mut self) -> io::Result<&mut BufReader<Box<dyn Wire>>> {
        Ok(self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?)
    }

    async fn sign_in(&mut self, line: &str) -> io::Result<StepResult> {
        if !self.shared.lets_in(line) {
            return self.say("535 5.7.8 user or password is wrong").await;
        }
        self.signed_in = true;
        self.step(SmtpStep::Auth, "235 welcome").await
    }

    async fn recipient(&mut self, line: &str) -> io::Result<StepResult> {
        let turn = self.step(SmtpStep::Rcpt, "250 ok").await?;
        if matches!(turn, StepResult::On) {
            self.to.push(path(line));
        }
        Ok(turn)
    }

    async fn data(&mut self) -> io::Result<StepResult> {
        let turn = self.step(SmtpStep::Data, "354 go on").await?;
        if !matches!(turn, StepResult::On) {
            return Ok(turn);
        }
        let mut raw = String::new();
        while let Some(line) = self.line().await? {
            if line == "." {
                let mail = ReceivedMail { from: self.from.clone(), to: std::mem::take(&mut self.to), raw };
                return self.finish(mail).await;
            }
            raw.push_str(line.strip_prefix('.').unwrap_or(&line));
            raw.push_str("\r\n");
        }
        Ok(StepResult::Over)
    }

    async fn finish(&mut self, mail: ReceivedMail) -> io::Result<StepResult> {
        match self.shared.due(SmtpStep::Message) {
            Some(SmtpFault::Refuse(code, text)) => self.say(&format!("{code} {text}")).await,
            Some(SmtpFault::HangUp) => {
                self.shared.accept(mail);
                Ok(StepResult::Over)
            }
            None => {
                // Said first: whoever waits for the mail may look at once at what its sender believes.
                let turn = self.say("250 accepted").await?;
                self.shared.accept(mail);
                Ok(turn)
            }
        }
    }

    /// A step: `reply`, unless trouble is due.
    async fn step(&mut self, at: SmtpStep, reply: &str) -> io::Result<StepResult> {
        match self.shared.due(at) {
            None => self.say(reply).await,
            Some(SmtpFault::HangUp) => Ok(StepResult::Over),
            Some(SmtpFault::Refuse(code, text)) => {
                self.say(&format!("{code} {text}")).await?;
                Ok(StepResult::Refused)
            }
        }
    }

    async fn say(&mut self, reply: &str) -> io::Result<StepResult> {
        let stream = self.stream()?;
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        stream.flush().await?;
        Ok(StepResult::On)
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.stream()?.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// The address in `MAIL FROM:<a@b.c> …`.
fn path(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

impl ReceivedMail {
    /// A header of the mail, unfolded and decoded, by its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        header(self.raw.split("\r\n\r\n").next()?, name).map(|value| words(&value))
    }

    /// How often a header stands in the mail's head.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        let head = self.raw.split("\r\n\r\n").next().unwrap_or_default();
        head.lines().filter(|line| named(line, name).is_some()).count()
    }

    /// The part of this kind (`text/plain`), decoded.
    #[must_use]
    pub fn part(&self, kind: &str) -> Option<String> {
        let boundary = self.header("content-type")?.split("boundary=\"").nth(1)?.split('"').next()?.to_owned();
        self.raw.split(&format!("--{boundary}")).skip(1).find_map(|part| {
            let (head, body) = part.trim_start_matches("\r\n").split_once("\r\n\r\n")?;
            let encoding = header(head, "content-transfer-encoding").unwrap_or_default();
            header(head, "content-type")?.starts_with(kind).then(|| decoded(&encoding, body))
        })
    }
}

fn named<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (known, value) = line.split_once(':')?;
    known.eq_ignore_ascii_case(name).then_some(value.trim())
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().skip_while(|line| named(line, name).is_none());
    let mut value = named(lines.next()?, name)?.to_owned();
    for line in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        value.push(' ');
        value.push_str(line.trim());
    }
    Some(value)
}

/// Text in which `=?utf-8?b?…?=` stands for words.
fn words(value: &str) -> String {
    let mut text = String::new();
    // Between two encoded words space means nothing.
    let joined = value.replace("?= =?", "?==?");
    let mut rest = joined.as_str();
    while let Some((plain, word)) = rest.split_once("=?") {
        text.push_str(plain);
        let mut fields = word.splitn(4, '?');
        let (_, encoding, content) = (fields.next(), fields.next().unwrap_or_default(), fields.next());
        let content = content.unwrap_or_default();
        text.push_str(&match encoding.to_ascii_lowercase().as_str() {
            "b" => base64_text(content),
            _ => quoted(&content.replace('_', " ")),
        });
        rest = fields.next().and_then(|rest| rest.strip_prefix('=')).unwrap_or_default();
    }
    text + rest
}

fn decoded(encoding: &str, body: &str) -> String {
    match encoding.to_ascii_lowercase().as_str() {
        "base64" => base64_text(&body.split_whitespace().collect::<String>()),
        "quoted-printable" => quoted(&body.replace("=\r\n", "")),
        _ => body.to_owned(),
    }
}

fn base64_text(text: &str) -> String {
    String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned()
}

fn quoted(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let escape = (*first == b'=').then(|| more.get(..2)).flatten();
        let byte =
            escape.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> String {
        stream.write_all(format!("{line}\r\n").as_bytes()).await.expect("speaking");
        let mut answer = String::new();
        stream.read_line(&mut answer).await.expect("listening");
        answer.trim_end().to_owned()
    }

    async fn call(server: &FakeSmtp) -> BufReader<TcpStream> {
        let mut stream = BufReader::new(TcpStream::connect(server.address).await.expect("connecting"));
        let mut greeting = String::new();
        stream.read_line(&mut greeting).await.expect("the greeting");
        stream
    }

    #[tokio::test]
    async fn it_refuses_once_and_then_keeps_the_mail() {
        let server = FakeSmtp::start().await;
        server.trouble(SmtpStep::Rcpt, SmtpFault::Refuse(451, "later"));
        let mut stream = call(&server).await;
        for (said, answered) in [
            ("MAIL FROM:<a@b.c>", "250 ok"),
            ("RCPT TO:<d@e.f>", "451 later"),
            ("RCPT TO:<d@e.f>", "250 ok"),
            ("DATA", "354 go on"),
            ("Subject: =?utf-8?b?4KSo?=\r\n\r\n..dot\r\n.", "250 accepted"),
        ] {
            assert_eq!(say(&mut stream, said).await, answered, "{said}");
        }
        let mail = server.mail(0).await;
        assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("a@b.c", ["d@e.f".to_owned()].as_slice()));
        assert_eq!(mail.header("subject").as_deref(), Some("न"));
        assert!(mail.raw.ends_with("\r\n.dot\r\n"), "{}", mail.raw);
    }

    #[tokio::test]
    async fn hung_up_after_the_message_it_has_it_all_the_same() {
        let server = FakeSmtp::start().await;
        server.trouble(SmtpStep::Message, SmtpFault::HangUp);
        let mut stream = call(&server).await;
        say(&mut stream, "MAIL FROM:<a@b.c>").await;
        say(&mut stream, "RCPT TO:<d@e.f>").await;
        say(&mut stream, "DATA").await;
        assert_eq!(say(&mut stream, "Subject: x\r\n\r\ny\r\n.").await, "");
        assert_eq!(server.mails().len(), 1);
    }

    #[tokio::test]
    async fn it_lets_in_whoever_knows_the_password() {
        let server = FakeSmtp::start().await;
        server.insist_on("u", "p");
        let mut stream = call(&server).await;
        assert!(say(&mut stream, "MAIL FROM:<a@b.c>").await.starts_with("530"));
        assert!(say(&mut stream, "AUTH PLAIN AHUAeA==").await.starts_with("535"));
        assert!(say(&mut stream, "AUTH PLAIN AHUAcA==").await.starts_with("235"));
        assert!(say(&mut stream, "MAIL FROM:<a@b.c>").await.starts_with("250"));
    }

    #[test]
    fn encoded_words_and_parts_are_decoded() {
        assert_eq!(words("a =?utf-8?q?b=C3=A9_c?= =?utf-8?b?ZA==?= e"), "a bé cd e");
        assert_eq!(decoded("quoted-printable", "a=3D=\r\nb"), "a=b");
    }
}
