//! Fills notices in and delivers them.
//!
//! [`Texts`] knows what the house has to tell and fills it in, from the program's own templates or the operator's.
//! [`Post`] delivers: [`Mail`] over SMTP, [`Telegram`] by the Bot API, [`Webhook`] as a signed POST, [`Sheets`] as a row.
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

mod away;
mod html;
mod mail;
mod operator;
mod parts;
mod post;
mod probe;
mod render;
mod sheet;
mod telegram;
mod texts;
mod veil;
mod webhook;

pub use mail::{Mail, MailSettings, Security};
pub use operator::{OPERATOR_NOTICES, Operator};
pub use post::{Post, PostSetup};
pub use probe::Probe;
pub use render::{Fault, Place};
pub use sheet::Sheets;
pub use telegram::Telegram;
pub use texts::{TEST, Texts};
pub use webhook::{EVENT_ID, SIGNATURE, TIMESTAMP, Webhook, webhook_address};

use jiff::SignedDuration;

/// Why something was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It may go well another time: after this long, where that was said.
    Later(String, Option<SignedDuration>),
    /// It never will.
    Never(String),
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
