//! Mail, over SMTP.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error as SmtpError, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use purser_outbox::{Notice, SentText};
use tokio::sync::Semaphore;

use crate::{BadSetting, DeliveryError, bad};

/// Connections to the mail server at once, at most: more than that, and many servers turn us away.
const CONNECTIONS: usize = 4;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

/// How a mail server is reached, as it was configured.
#[derive(Debug, Clone, Default)]
pub struct MailSettings {
    /// Its name or address; empty for no mail.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who signs in; empty for nobody.
    pub user: String,
    /// With which password.
    pub password: String,
    /// `auto`, `starttls`, `tls` or `none`.
    pub security: String,
    /// Roots that sign for a private server, as PEM; empty for the public ones.
    pub roots: Vec<u8>,
    /// Who mail comes from: `Purser <no-reply@example.com>`.
    pub from: String,
    /// Who answers go to; empty for the sender.
    pub support: String,
    /// The address that people use, which names this house to the mail server; may be empty.
    pub site: String,
    /// How long to wait for each answer.
    pub timeout: Duration,
}

/// How a connection is kept from being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// In the clear at first, then TLS: port 587. A server that does not offer it gets nothing.
    StartTls,
    /// TLS from the first byte: port 465.
    Tls,
    /// In the clear: on this machine only.
    None,
}

impl MailSecurity {
    /// What the setting means for this server.
    ///
    /// # Errors
    /// A word that is none, or `none` for a server elsewhere.
    pub fn of(word: &str, host: &str, port: u16) -> Result<Self, BadSetting> {
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        match word {
            "auto" if port == 465 => Ok(MailSecurity::Tls),
            "auto" if here => Ok(MailSecurity::None),
            "auto" | "starttls" => Ok(MailSecurity::StartTls),
            "tls" => Ok(MailSecurity::Tls),
            "none" if here => Ok(MailSecurity::None),
            "none" => Err(bad("mail.security", word, "only a server on this machine may be spoken to in the clear")),
            _ => Err(bad("mail.security", word, "it must be auto, starttls, tls or none")),
        }
    }

    /// For people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            MailSecurity::StartTls => "STARTTLS",
            MailSecurity::Tls => "TLS",
            MailSecurity::None => "in the clear",
        }
    }
}

/// A way to send mail. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    /// The transport opens as many connections as it is given mails: this is what bounds them.
    gate: Arc<Semaphore>,
    described: String,
}

impl Mailer {
    /// The way that is configured; `None` where there is none.
    ///
    /// # Errors
    /// A setting that does not read.
    pub fn new(settings: &MailSettings) -> Result<Option<Self>, BadSetting> {
        let MailSettings { host, port, .. } = settings;
        if host.is_empty() {
            return Ok(None);
        }
        let security = MailSecurity::of(&settings.security, host, *port)?;
        let from = mailbox("mail.from", &settings.from)?;
        let support = Some(&settings.support).filter(|support| !support.is_empty());
        let reply_to = support.map(|support| mailbox("mail.support", support)).transpose()?;
        let tls = match security {
            MailSecurity::None => Tls::None,
            MailSecurity::StartTls => Tls::Required(tls(settings)?),
            MailSecurity::Tls => Tls::Wrapper(tls(settings)?),
        };
        let kept = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        let pool = PoolConfig::new().max_size(kept).idle_timeout(IDLE);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(*port)
            .tls(tls)
            .hello_name(hello(&settings.site))
            .timeout(Some(settings.timeout))
            .pool_config(pool);
        if !settings.user.is_empty() {
            builder = builder.credentials(Credentials::new(settings.user.clone(), settings.password.clone()));
        }
        let described = format!("{host}:{port}, {}", security.title());
        let gate = Arc::new(Semaphore::new(CONNECTIONS));
        Ok(Some(Mailer { transport: builder.build(), from, reply_to, gate, described }))
    }

    /// Connects, greets and signs in, and says where.
    ///
    /// # Errors
    /// What the server, or the way to it, says against that.
    pub async fn check(&self) -> Result<String, String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(self.described.clone()),
            Ok(false) => Err(format!("{}: the server hung up", self.described)),
            Err(error) => Err(format!("{}: {}", self.described, error_text(&error))),
        }
    }

    pub(crate) async fn send(&self, now: Timestamp, notice: &Notice, text: &SentText) -> Result<(), DeliveryError> {
        let message = self.message(now, notice, text).map_err(DeliveryError::Permanent)?;
        // Only a gate that is closed gives no permit, and nobody closes it.
        let _permit = self.gate.acquire().await.map_err(|error| DeliveryError::Temporary(error.to_string(), None))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if is_final(&error) => Err(DeliveryError::Permanent(error_text(&error))),
            Err(error) => Err(DeliveryError::Temporary(error_text(&error), None)),
        }
    }

    fn message(&self, now: Timestamp, notice: &Notice, text: &SentText) -> Result<Message, String> {
        // An address alone, without a name: nothing else can hide in it.
        let to: Address = notice.to.parse().map_err(|error| format!("'{}' is no mail address: {error}", notice.to))?;
        // The same for each attempt, so that whoever gets two can tell. Sent again on purpose it is another.
        let id = format!("<{}.{}@{}>", notice.id, notice.round, self.from.email.domain());
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&text.subject)
            .date(SystemTime::from(now))
            .message_id(Some(id))
            // No out-of-office answers, please.
            .raw_header(header("Auto-Submitted", "auto-generated"));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let parts = MultiPart::alternative_plain_html(text.text.clone(), text.html.clone());
        builder.multipart(parts).map_err(|error| format!("no mail can be made of it: {error}"))
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn mailbox(setting: &'static str, text: &str) -> Result<Mailbox, BadSetting> {
    let rule = "it must be a mail address, such as help@example.com or Purser <help@example.com>";
    text.parse().map_err(|_| bad(setting, text, rule))
}

fn tls(settings: &MailSettings) -> Result<TlsParameters, BadSetting> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if !settings.roots.is_empty() {
        let roots = Certificate::from_pem(&settings.roots).map_err(|error| bad("mail.roots", "…", error))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(roots);
    }
    builder.build().map_err(|error| bad("mail.host", &settings.host, error))
}

/// What this house calls itself: the name that people use for it, where there is one.
fn hello(site: &str) -> ClientId {
    let host = site.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next()).unwrap_or_default();
    if host.contains('.') { ClientId::Domain(host.to_owned()) } else { ClientId::default() }
}

/// A refusal for good is one of the message. One of us (sign in first, the password is wrong) ends when the operator
/// has mended it, and until then every mail would be lost to it.
fn is_final(error: &SmtpError) -> bool {
    let of_us = [530, 534, 535, 538];
    let code = error.status().map(u16::from);
    error.is_permanent() && code.is_none_or(|code| !of_us.contains(&code))
}

/// The error with its causes, as one line.
fn error_text(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> MailSettings {
        MailSettings {
            host: "mail.example.com".to_owned(),
            port: 587,
            security: "auto".to_owned(),
            from: "Purser <no-reply@example.com>".to_owned(),
            timeout: Duration::from_secs(5),
            ..MailSettings::default()
        }
    }

    #[test]
    fn mail_leaves_this_machine_only_under_tls() {
        let of = |word, host, port| MailSecurity::of(word, host, port).ok();
        assert_eq!(of("auto", "mail.example.com", 587), Some(MailSecurity::StartTls));
        assert_eq!(of("auto", "mail.example.com", 465), Some(MailSecurity::Tls));
        assert_eq!(of("auto", "127.0.0.1", 2525), Some(MailSecurity::None));
        assert_eq!(of("none", "localhost", 25), Some(MailSecurity::None));
        assert_eq!(of("none", "10.0.0.1", 25), None);
        assert_eq!(of("ssl", "localhost", 25), None);
    }

    #[tokio::test]
    async fn a_setting_that_does_not_read_is_named() {
        assert!(Mailer::new(&MailSettings::default()).unwrap().is_none());
        assert!(Mailer::new(&settings()).unwrap().is_some());
        let from = MailSettings { from: String::new(), ..settings() };
        assert!(Mailer::new(&from).map(drop).unwrap_err().to_string().starts_with("mail.from is ''"));
        let support = MailSettings { support: "a@b.c\r\nBcc: d@e.f".to_owned(), ..settings() };
        assert_eq!(Mailer::new(&support).map(drop).unwrap_err().setting, "mail.support");
    }

    #[test]
    fn the_house_names_itself_by_its_address() {
        assert_eq!(hello("https://purser.example.com:8443/x"), ClientId::Domain("purser.example.com".to_owned()));
        assert_eq!(hello(""), ClientId::default());
    }
}
