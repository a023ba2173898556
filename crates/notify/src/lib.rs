//! Fills notices in and delivers them.
//!
//! [`NoticeCatalog`] knows what the house has to tell and fills it in, from the program's own templates or the operator's.
//! [`NoticeDelivery`] delivers: [`Mailer`] over SMTP, [`Telegram`] by the Bot API, [`Webhook`] as a signed POST, [`GoogleSheets`] as a row.
//! Its job handlers take one notice each:
//!
//! - taken by whoever carries it: the notice is marked sent before the job is acknowledged, and one that is marked is
//!   never sent again by itself;
//! - refused for now, or no answer: tried again, later and later, and in the end a dead letter;
//! - refused for good: a dead letter at once;
//! - no way to send it configured: kept, for a person to send later.
//!
//! A server that takes a message and dies before it says so will get it twice, as nobody can know: both copies carry
//! the same Message-ID or event id.

mod circuit_breaker;
mod delivery;
mod google_sheets;
mod html;
mod mail;
mod operator;
mod parts;
mod probe;
mod render;
mod secret_mask;
mod telegram;
mod texts;
mod webhook;

pub use delivery::{NoticeDelivery, NoticeDeliverySetup};
pub use google_sheets::GoogleSheets;
pub use mail::{MailSecurity, MailSettings, Mailer};
pub use operator::{InstanceOperator, OPERATOR_NOTICES};
pub use probe::ChannelProbe;
pub use render::{TemplateFault, TemplatePart};
pub use telegram::Telegram;
pub use texts::{NoticeCatalog, TEST};
pub use webhook::{EVENT_ID, SIGNATURE, TIMESTAMP, Webhook, webhook_address};

use jiff::SignedDuration;

/// Why something was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeliveryError {
    /// It may go well another time: after this long, where that was said.
    Temporary(String, Option<SignedDuration>),
    /// It never will.
    Permanent(String),
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is '{value}': {rule}")]
pub struct BadSetting {
    /// Its key, `mail.from`.
    pub setting: &'static str,
    /// What it says. Secrets are left out.
    pub value: String,
    /// What it must be.
    pub rule: String,
}

pub(crate) fn bad(setting: &'static str, value: impl ToString, rule: impl ToString) -> BadSetting {
    BadSetting { setting, value: value.to_string(), rule: rule.to_string() }
}
