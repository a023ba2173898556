//! Settings: defaults, then purser.toml, then the environment, then flags. An unknown key is an error at every level,
//! because a misspelled limit is no limit.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use purser_web::Network;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::address;
use crate::cli::LocationArgs;
use crate::cli_error::CliError;

mod http;
mod tls;

pub(crate) use http::HttpConfig;
pub(crate) use tls::TlsConfig;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder that holds everything.
    pub(crate) data: PathBuf,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where /metrics is, a loopback address; empty for nowhere.
    pub(crate) metrics_listen: String,
    /// `sqlite:PATH` or `postgres://…`; empty for `purser.db` in the data folder.
    pub(crate) database_url: String,
    /// The address that people use, `https://…`; empty while there is none.
    pub(crate) app_url: String,
    /// Listen outside this machine without https.
    pub(crate) insecure_http: bool,
    /// Proxies whose X-Forwarded-For is believed: addresses, or ranges such as 10.0.0.0/8.
    #[serde(deserialize_with = "http::networks", serialize_with = "http::networks_shown")]
    pub(crate) trusted_proxies: Vec<Network>,
    /// How many may be connected, and for how long without a request.
    pub(crate) http: HttpConfig,
    /// The certificate, where this program itself speaks https.
    pub(crate) tls: TlsConfig,
    /// The zone of schedules and days.
    pub(crate) time_zone: String,
    /// How much of the machine the database may take.
    pub(crate) database: DatabaseConfig,
    /// The mail server.
    pub(crate) mail: MailConfig,
    /// The Telegram bot.
    pub(crate) telegram: TelegramConfig,
    /// Notices to other programs.
    pub(crate) webhook: WebhookConfig,
    /// Who may come in, and how.
    pub(crate) identity: IdentityConfig,
    /// Backups.
    pub(crate) backup: BackupConfig,
    /// How long what has had its use is kept.
    pub(crate) cleanup: CleanupConfig,
    /// Rows in Google sheets.
    pub(crate) sheets: SheetsConfig,
    /// The charge app.
    pub(crate) charge: ChargeConfig,
    /// The members app.
    pub(crate) members: MembersConfig,
    /// The coins app.
    pub(crate) coins: CoinsConfig,
}

/// Who may come in, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityConfig {
    /// Whether anybody may sign up.
    pub(crate) sign_up: bool,
    /// Whether staff need a second factor before they let money leave.
    pub(crate) second_factor: bool,
}

/// When backups are taken, where they go, and how many are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupConfig {
    /// A cron line in the instance's zone; empty for none.
    pub(crate) schedule: String,
    /// Where they go; empty for `backups` in the data folder.
    pub(crate) folder: String,
    /// The newest of so many days …
    pub(crate) keep_daily: u32,
    /// … of so many weeks …
    pub(crate) keep_weekly: u32,
    /// … and of so many months are kept.
    pub(crate) keep_monthly: u32,
    /// The file with the passphrase that seals them.
    pub(crate) passphrase_file: String,
    /// The passphrase itself, where the environment gives it.
    pub(crate) passphrase: String,
}

/// How long what has had its use is kept, in days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CleanupConfig {
    /// What notices that were sent said.
    pub(crate) notice_text_days: u32,
    /// Uploaded lists, saved or left.
    pub(crate) upload_days: u32,
}

/// How much of the machine the database may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseConfig {
    /// Threads that read.
    pub(crate) readers: u32,
    /// Connections that write; PostgreSQL only.
    pub(crate) writers: u32,
    /// Commands that may wait before the server answers 503.
    pub(crate) queue: u32,
}

/// The mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailConfig {
    /// Its name or address; empty while there is none.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// Who signs in there; empty for nobody.
    pub(crate) user: String,
    /// With which password.
    pub(crate) password: String,
    /// auto, starttls, tls or none.
    pub(crate) security: String,
    /// The PEM file of the roots that sign for a private server.
    pub(crate) roots: String,
    /// Who mail comes from: `Purser <no-reply@example.com>`.
    pub(crate) from: String,
    /// Who answers go to.
    pub(crate) support: String,
    /// Who is told what concerns the house itself.
    pub(crate) admin: String,
    /// How long to wait for each of its answers, in seconds.
    pub(crate) timeout_seconds: u32,
}

/// The Telegram bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TelegramConfig {
    /// The bot's token; empty while there is none.
    pub(crate) bot_token: String,
    /// Where the Bot API is.
    pub(crate) api_url: String,
}

/// Notices to other programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookConfig {
    /// What we sign with; empty to send none.
    pub(crate) secret: String,
    /// Whether addresses inside this network, and http on this machine, are called too.
    pub(crate) allow_private: bool,
}

/// Rows in Google sheets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SheetsConfig {
    /// A service account's key, in JSON; empty while there is none.
    pub(crate) credentials: String,
    /// Where the Sheets API is.
    pub(crate) api_url: String,
}

/// The charge app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChargeConfig {
    /// What credit is counted in.
    pub(crate) currency: String,
    /// The most that one sale may be.
    pub(crate) max_sale: String,
    /// The most that one credit increase may be.
    pub(crate) max_increase: String,
    /// The most that one person alone may give; empty for no such limit.
    pub(crate) max_increase_alone: String,
    /// The calling code of numbers that have none.
    pub(crate) country_code: String,
    /// What becomes of sales to numbers that no operator's prefix fits: allow or refuse.
    pub(crate) unknown_prefix: String,
    /// instant, http or simulator.
    pub(crate) connector: String,
    /// The operator behind the http connector.
    pub(crate) http: ChargeHttpConfig,
}

/// The operator behind the http connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChargeHttpConfig {
    /// Where it is, without `/charges`.
    pub(crate) url: String,
    /// What both sides sign with.
    pub(crate) secret: String,
    /// How long to wait for its answer, in seconds.
    pub(crate) timeout_seconds: u32,
}

/// The members app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MembersConfig {
    /// How many members there may be, expired ones included; 0 for no limit.
    pub(crate) max: u32,
    /// What each living member pays when another expires.
    pub(crate) levy: String,
    /// What happens where one cannot: block or arrears.
    pub(crate) policy: String,
}

/// The coins app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoinsConfig {
    /// What one coin is worth, in rupees.
    pub(crate) coin_value: String,
    /// The fewest coins of a withdrawal.
    pub(crate) least: u32,
    /// The most coins of a withdrawal.
    pub(crate) most: u32,
    /// Coins that one user may ask for in a day; 0 for no limit.
    pub(crate) per_day: u32,
    /// The same in a calendar month.
    pub(crate) per_month: u32,
    /// Hours that a UPI id waits which is new for its user; 0 for none.
    pub(crate) cool_off_hours: u32,
    /// What becomes of UPI ids whose handle is not on the list: strict or warn.
    pub(crate) handles: String,
    /// Where the calling application hears of changes; empty for nowhere.
    pub(crate) webhook_url: String,
}

const DEFAULTS: &str = r#"
data = "./data"
listen = "127.0.0.1:8080"
metrics_listen = "127.0.0.1:9464"
database_url = ""
app_url = ""
insecure_http = false
trusted_proxies = []
time_zone = "Asia/Kolkata"

[http]
connections = 0
connections_per_address = 0
keep_alive_seconds = 75

[tls]
certificate = ""
key = ""
acme_domains = []
acme_contact = ""
acme_directory = "https://acme-v02.api.letsencrypt.org/directory"
acme_roots = ""

[database]
readers = 2
writers = 4
queue = 4096

[mail]
host = ""
port = 587
user = ""
password = ""
security = "auto"
roots = ""
from = ""
support = ""
admin = ""
timeout_seconds = 20

[telegram]
bot_token = ""
api_url = "https://api.telegram.org"

[webhook]
secret = ""
allow_private = false

[identity]
sign_up = true
second_factor = true

[backup]
schedule = "30 2 * * *"
folder = ""
keep_daily = 7
keep_weekly = 4
keep_monthly = 12
passphrase_file = ""
passphrase = ""

[cleanup]
notice_text_days = 90
upload_days = 30

[sheets]
credentials = ""
api_url = "https://sheets.googleapis.com"

[charge]
currency = "INR"
max_sale = "10000.00"
max_increase = "1000000.00"
max_increase_alone = ""
country_code = "91"
unknown_prefix = "allow"
connector = "instant"

[charge.http]
url = ""
secret = ""
timeout_seconds = 20

[members]
max = 10
levy = "1.00"
policy = "block"

[coins]
coin_value = "0.10"
least = 100
most = 100000
per_day = 0
per_month = 0
cool_off_hours = 0
handles = "strict"
webhook_url = ""
"#;

/// Names that people know from elsewhere, beside `PURSER_` and the key.
const FAMILIAR: &[(&str, &str)] = &[
    ("DATABASE_URL", "database_url"),
    ("APP_URL", "app_url"),
    ("EMAIL_HOST", "mail_host"),
    ("EMAIL_PORT", "mail_port"),
    ("EMAIL_HOST_USER", "mail_user"),
    ("EMAIL_HOST_PASSWORD", "mail_password"),
    ("DEFAULT_FROM_EMAIL", "mail_from"),
    ("SUPPORT_EMAIL", "mail_support"),
    ("ADMIN_EMAIL", "mail_admin"),
    ("TELEGRAM_BOT_TOKEN", "telegram_bot_token"),
    ("SHEETS_CREDENTIALS_JSON", "sheets_credentials"),
];

/// The file that is read where none is named.
const FILE: &str = "purser.toml";

impl Config {
    /// Reads all levels but the flags of a command, which it lays over this itself.
    pub(crate) fn load(place: &LocationArgs, environment: &[(String, String)]) -> Result<Self, CliError> {
        let mut table = defaults()?;
        lay(&mut table, file(place.config.as_deref())?);
        from_environment(&mut table, environment)?;
        if let Some(data) = &place.data {
            table.insert("data".to_owned(), Value::String(data.display().to_string()));
        }
        table
            .try_into()
            .map_err(|error: toml::de::Error| CliError::usage(format!("the settings are wrong: {}", error.message())))
    }

    /// Where to listen for /metrics; `None` where nobody asks.
    pub(crate) fn metrics_address(&self) -> Result<Option<SocketAddr>, CliError> {
        let text = self.metrics_listen.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let address = text.parse().map_err(|_| {
            CliError::usage(format!("metrics_listen is '{text}': it must be an address and a port, or empty for none"))
        })?;
        Ok(Some(address))
    }

    /// The settings as TOML, secrets masked.
    pub(crate) fn masked(&self) -> Result<String, CliError> {
        let table = self.masked_with(|_| MASK.to_owned())?;
        toml::to_string(&table).map_err(|error| CliError::machine("the settings cannot be shown", error))
    }

    /// The settings as a table, with `mask` in the place of each secret.
    pub(crate) fn masked_with(&self, mask: impl Fn(&str) -> String) -> Result<Table, CliError> {
        let mut config = self.clone();
        config.database_url = address::without_password(&config.database_url);
        let secrets = [
            &mut config.charge.http.secret,
            &mut config.mail.password,
            &mut config.telegram.bot_token,
            &mut config.webhook.secret,
            &mut config.backup.passphrase,
            &mut config.sheets.credentials,
        ];
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            *secret = mask(secret);
        }
        Table::try_from(&config).map_err(|error| CliError::machine("the settings cannot be shown", error))
    }
}

/// What is shown of a secret.
pub(crate) const MASK: &str = "********";

fn defaults() -> Result<Table, CliError> {
    DEFAULTS.parse().map_err(|error| CliError::machine("the built-in defaults do not read", error))
}

fn file(named: Option<&Path>) -> Result<Table, CliError> {
    let path = named.unwrap_or(Path::new(FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(Table::new()),
        Err(error) => return Err(CliError::usage(format!("{} cannot be read: {error}", path.display()))),
    };
    text.parse().map_err(|error| CliError::usage(format!("{} is not TOML: {error}", path.display())))
}

/// Lays `over` over `table`, key by key, so that half a section leaves the other half as it was.
fn lay(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => lay(inner, value),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn from_environment(table: &mut Table, environment: &[(String, String)]) -> Result<(), CliError> {
    for (name, value) in environment {
        let familiar = FAMILIAR.iter().find(|(known, _)| known == name).map(|(_, key)| (*key).to_owned());
        let own = || name.strip_prefix("PURSER_").map(str::to_lowercase);
        let Some(key) = familiar.or_else(own) else { continue };
        let place = find(table, &key)
            .ok_or_else(|| CliError::usage(format!("{name} names no setting; `purser config` lists them")))?;
        *place =
            typed(place, value).ok_or_else(|| CliError::usage(format!("{name} is '{value}': {}", expected(place))))?;
    }
    Ok(())
}

/// The setting that `charge_http_url` names: its path's parts are joined by underscores. A key that is there as it is
/// comes first: `database_url` is no part of the section `database`.
fn find<'t>(table: &'t mut Table, key: &str) -> Option<&'t mut Value> {
    if table.get(key).is_some_and(|value| !value.is_table()) {
        return table.get_mut(key);
    }
    let (section, rest) = table.iter().find_map(|(name, value)| {
        let rest = key.strip_prefix(name.as_str())?.strip_prefix('_')?;
        value.is_table().then(|| (name.clone(), rest.to_owned()))
    })?;
    find(table.get_mut(&section)?.as_table_mut()?, &rest)
}

/// `text` as the type that the setting has.
fn typed(setting: &Value, text: &str) -> Option<Value> {
    Some(match setting {
        Value::Boolean(_) => Value::Boolean(match text {
            "1" | "true" | "yes" | "on" => true,
            "0" | "false" | "no" | "off" | "" => false,
            _ => return None,
        }),
        Value::Integer(_) => Value::Integer(text.parse().ok()?),
        Value::Array(_) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    })
}

fn expected(setting: &Value) -> &'static str {
    match setting {
        Value::Boolean(_) => "it must be true or false",
        Value::Integer(_) => "it must be a whole number",
        _ => "it must be text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> LocationArgs {
        // No file of this name is there, and none is asked for by name.
        LocationArgs { data: None, config: None }
    }

    fn load(environment: &[(&str, &str)]) -> Result<Config, CliError> {
        let pairs: Vec<_> = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::load(&place(), &pairs)
    }

    #[test]
    fn the_environment_lays_over_the_defaults_by_known_names() {
        let config = load(&[
            ("DATABASE_URL", "postgres://u:p@h/d"),
            ("PURSER_LISTEN", "127.0.0.1:0"),
            ("PURSER_CHARGE_MAX_SALE", "5.00"),
            ("PURSER_CHARGE_HTTP_TIMEOUT_SECONDS", "3"),
            ("PURSER_INSECURE_HTTP", "true"),
            ("PURSER_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("PURSER_HTTP_KEEP_ALIVE_SECONDS", "5"),
            ("HOME", "/root"),
        ])
        .unwrap();
        assert_eq!(config.database_url, "postgres://u:p@h/d");
        assert_eq!(config.listen.port(), 0);
        assert_eq!(config.charge.max_sale, "5.00");
        assert_eq!(config.charge.max_increase, "1000000.00");
        assert_eq!(config.charge.http.timeout_seconds, 3);
        assert!(config.insecure_http);
        assert_eq!(config.http.keep_alive_seconds, 5);
        assert_eq!(config.trusted_proxies.len(), 2);
        assert!(config.masked().unwrap().contains(r#"trusted_proxies = ["10.0.0.0/8", "::1"]"#));
    }

    #[test]
    fn a_misspelled_setting_is_an_error_that_names_it() {
        let misspelled = load(&[("PURSER_LISTENN", "x")]).unwrap_err().to_string();
        assert!(misspelled.contains("PURSER_LISTENN"), "{misspelled}");
        let untyped = load(&[("PURSER_DATABASE_READERS", "many")]).unwrap_err().to_string();
        assert!(untyped.contains("PURSER_DATABASE_READERS") && untyped.contains("whole number"), "{untyped}");
        assert!(load(&[("PURSER_CHARGE", "x")]).is_err());
    }

    #[test]
    fn a_file_lays_half_a_section_over_the_defaults_and_knows_no_strangers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Config::load(&LocationArgs { data: None, config: Some(path.clone()) }, &[])
        };
        assert_eq!(of("[charge]\ncurrency = \"USD\"").unwrap().charge.country_code, "91");
        assert!(of("lissten = 1").unwrap_err().to_string().contains("lissten"));
        assert!(of("[charge.http]\nurll = 1").unwrap_err().to_string().contains("urll"));
        assert!(of("not toml").is_err());
    }

    #[test]
    fn metrics_are_somewhere_or_nowhere() {
        let listen = |value: &str| load(&[("PURSER_METRICS_LISTEN", value)]).unwrap().metrics_address();
        assert_eq!(listen("").unwrap(), None);
        assert_eq!(listen("127.0.0.1:9000").unwrap(), Some(([127, 0, 0, 1], 9000).into()));
        assert!(listen("9000").unwrap_err().to_string().contains("metrics_listen"));
    }

    #[test]
    fn secrets_are_masked() {
        let config = load(&[
            ("DATABASE_URL", "postgres://u:sesame@h/d"),
            ("PURSER_CHARGE_HTTP_SECRET", "sesame"),
            ("EMAIL_HOST_PASSWORD", "sesame"),
            ("TELEGRAM_BOT_TOKEN", "sesame"),
            ("PURSER_WEBHOOK_SECRET", "sesame"),
            ("PURSER_BACKUP_PASSPHRASE", "sesame street"),
            ("SHEETS_CREDENTIALS_JSON", "sesame"),
        ]);
        let shown = config.unwrap().masked().unwrap();
        assert!(!shown.contains("sesame") && shown.contains("postgres://u:********@h/d"), "{shown}");
    }
}
