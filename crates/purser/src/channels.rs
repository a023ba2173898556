//! The house's post office: what it has to tell, and by which ways.

use std::sync::Arc;
use std::time::Duration;

use purser_identity::Email;
use purser_kit::{App, AppContext};
use purser_notify::{
    BadSetting, GoogleSheets, InstanceOperator, MailSettings, Mailer, NoticeCatalog, NoticeDelivery,
    NoticeDeliverySetup, OPERATOR_NOTICES, Telegram, Webhook,
};
use purser_outbox::{Channel, NoticeKind};

use crate::cli_error::CliError;
use crate::config::Config;

/// The ways that are configured.
pub(crate) struct Channels {
    pub(crate) mail: Option<Mailer>,
    pub(crate) telegram: Option<Telegram>,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) sheets: Option<GoogleSheets>,
}

impl From<BadSetting> for CliError {
    fn from(error: BadSetting) -> Self {
        CliError::usage(error.to_string())
    }
}

/// Everything that the house and its apps tell.
pub(crate) fn kinds(apps: &[App]) -> Vec<&'static NoticeKind> {
    let own = purser_web::SYSTEM_NOTICES.iter().chain(OPERATOR_NOTICES).copied();
    own.chain(apps.iter().flat_map(|app| app.notices.iter().copied())).collect()
}

/// What the house has to tell.
pub(crate) fn texts(config: &Config, apps: &[App]) -> Arc<NoticeCatalog> {
    Arc::new(NoticeCatalog::new(kinds(apps), &config.app_url, &config.mail.support))
}

/// Whoever is told what concerns the house itself, where the settings name somebody.
pub(crate) fn operator(config: &Config) -> Result<Option<InstanceOperator>, CliError> {
    let admin = config.mail.admin.trim();
    if admin.is_empty() {
        return Ok(None);
    }
    let email = Email::parse(admin).map_err(|error| CliError::usage(format!("mail.admin is '{admin}': {error}")))?;
    let site = config.app_url.trim_end_matches('/').to_owned();
    Ok(Some(InstanceOperator { email: email.to_string(), site }))
}

impl Channels {
    /// Reads them from the settings. Connects to nobody.
    pub(crate) fn open(config: &Config) -> Result<Self, CliError> {
        let telegram = &config.telegram;
        Ok(Channels {
            mail: Mailer::new(&mail_settings(config)?)?,
            telegram: Telegram::new(&telegram.bot_token, &telegram.api_url)?,
            webhook: Webhook::new(&config.webhook.secret, config.webhook.allow_private)?,
            sheets: GoogleSheets::new(&config.sheets.credentials, &config.sheets.api_url)?,
        })
    }

    /// The channels that there is a way for.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        let ways = [
            (Channel::Email, self.mail.is_some()),
            (Channel::Telegram, self.telegram.is_some()),
            (Channel::Webhook, self.webhook.is_some()),
            (Channel::Sheet, self.sheets.is_some()),
        ];
        ways.into_iter().filter(|(_, open)| *open).map(|(channel, _)| channel).collect()
    }

    /// The post office that delivers by them.
    pub(crate) fn post(&self, context: &AppContext, texts: &Arc<NoticeCatalog>) -> NoticeDelivery {
        NoticeDelivery::new(NoticeDeliverySetup {
            store: context.store.clone(),
            clock: context.clock.clone(),
            texts: Arc::clone(texts),
            mail: self.mail.clone(),
            telegram: self.telegram.clone(),
            webhook: self.webhook.clone(),
            sheets: self.sheets.clone(),
        })
    }
}

fn mail_settings(config: &Config) -> Result<MailSettings, CliError> {
    let mail = &config.mail;
    if !(1..=120).contains(&mail.timeout_seconds) {
        return Err(CliError::usage(format!("mail.timeout_seconds is {}: it must be 1 to 120", mail.timeout_seconds)));
    }
    let unreadable = |error| CliError::usage(format!("mail.roots is '{}': {error}", mail.roots));
    let roots = if mail.roots.is_empty() { Vec::new() } else { std::fs::read(&mail.roots).map_err(unreadable)? };
    Ok(MailSettings {
        host: mail.host.clone(),
        port: mail.port,
        user: mail.user.clone(),
        password: mail.password.clone(),
        security: mail.security.clone(),
        roots,
        from: mail.from.clone(),
        support: mail.support.clone(),
        site: config.app_url.clone(),
        timeout: Duration::from_secs(mail.timeout_seconds.into()),
    })
}
