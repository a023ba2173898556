//! Notices: what people and programs are told after the commit.
//!
//! A [`NoticeKind`] is declared by whoever has something to tell: its name, the values it is filled with, and its texts
//! in every [`Language`]. [`notice_enqueue`] writes the notice and the job that sends it in the transaction that gives
//! cause for it, so nothing is told that did not happen, and nothing is left untold that did. How it is sent is the
//! affair of `crates/notify`.
//!
//! ```text
//! notice_enqueue ──▶ waiting ──▶ sent
//!                     │  ▲ ▲
//!                     │  │ └─ sent again by a person, or its dead letter requeued ─┐
//!                     │  └── kept: no way to send it is configured                 │
//!                     └────▶ failed: refused for good, or tried too often ─────────┘
//! ```

mod record;
mod template;

use std::collections::HashSet;
use std::iter::zip;

use jiff::{SignedDuration, Timestamp};
use purser_store::{BulkStatement, Param, WriteTx, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::job::job_enqueue_in_order;
use crate::{Backoff, Error, Job};

pub use record::{
    DeliveredParts, Notice, NoticeState, NoticesWaiting, SentText, notice_failed, notice_get, notice_last,
    notice_parts_sent, notice_resend, notice_sent, notice_stored, notice_texts_old, notice_texts_purge, notices_count,
    notices_stored, notices_waiting,
};
pub use template::{Template, TemplateEdit, TemplateKey, template_get, template_reset, template_set, templates_edited};

/// Characters that a recipient has, at most.
const LONGEST_RECIPIENT: usize = 500;

/// Bytes that a notice's values take as JSON, at most.
const LONGEST_DATA: usize = 32_768;

/// Something that is told, again and again: a static of the app or room that owns it.
///
/// ```
/// use purser_outbox::{NoticeKind, NoticeText, NoticeTexts, NoticeValue};
///
/// static RESET: NoticeKind = NoticeKind {
///     name: "house.password-reset",
///     title: "Password reset",
///     about: "The link that somebody asked for who forgot their password.",
///     values: &[
///         NoticeValue::open("name", "The person's name.", "Asha"),
///         NoticeValue::secret("link", "The link; it works once.", "https://purser.example/r/1"),
///     ],
///     texts: NoticeTexts {
///         en: NoticeText {
///             subject: "Reset your password",
///             text: "Hello {{ name }},\n\nset a new password here:\n{{ link }}",
///             html: "",
///         },
///         hi: NoticeText {
///             subject: "पासवर्ड बदलें",
///             text: "नमस्ते {{ name }},\n\nनया पासवर्ड यहाँ चुनें:\n{{ link }}",
///             html: "",
///         },
///     },
/// };
/// ```
#[derive(Debug)]
pub struct NoticeKind {
    /// Names the kind for good: `charge.low-credit`. 1 to 100 characters.
    pub name: &'static str,
    /// The same for people.
    pub title: &'static str,
    /// When it is sent and to whom, in a sentence.
    pub about: &'static str,
    /// What the texts are filled with. Beside these every text may say `site` (the address that people use) and
    /// `support` (the address of whoever helps), either of them perhaps empty.
    pub values: &'static [NoticeValue],
    /// What it says unless the operator has changed it.
    pub texts: NoticeTexts,
}

/// A value that texts are filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeValue {
    /// Its name in the templates: `{{ name }}`.
    pub name: &'static str,
    /// What it is, for whoever edits the texts.
    pub about: &'static str,
    /// What a preview shows.
    pub sample: &'static str,
    /// Whether it opens something, as a reset link does: it is struck out once the notice is sent, and shown only to
    /// superusers until then.
    pub secret: bool,
}

impl NoticeValue {
    /// A value that staff may see.
    #[must_use]
    pub const fn open(name: &'static str, about: &'static str, sample: &'static str) -> Self {
        NoticeValue { name, about, sample, secret: false }
    }

    /// A value that opens something.
    #[must_use]
    pub const fn secret(name: &'static str, about: &'static str, sample: &'static str) -> Self {
        NoticeValue { name, about, sample, secret: true }
    }
}

/// What a kind says, in every language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeTexts {
    /// In English.
    pub en: NoticeText,
    /// In Hindi.
    pub hi: NoticeText,
}

/// The templates (minijinja) of one language. An undefined value is an error, not an empty place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeText {
    /// The mail's subject: one line.
    pub subject: &'static str,
    /// The mail's plain text, and all of a message by another channel. An empty line ends a paragraph.
    pub text: &'static str,
    /// The mail's HTML, without `<html>` and `<body>` around it; values in it are escaped. Empty to have it made from
    /// the text: a paragraph each, addresses as links.
    pub html: &'static str,
}

impl NoticeKind {
    /// What it says in `language` unless the operator has changed it.
    #[must_use]
    pub fn text(&self, language: Language) -> NoticeText {
        match language {
            Language::English => self.texts.en,
            Language::Hindi => self.texts.hi,
        }
    }

    /// `values`, if they are what the texts are filled with: all of them, and nothing else.
    fn checked(&self, values: &Value) -> Result<String, Error> {
        let refused = |reason| Error::Notice { kind: self.name, reason };
        let Value::Object(given) = values else { return Err(refused("its values are no object".to_owned())) };
        if let Some(missing) = self.values.iter().find(|value| !given.contains_key(value.name)) {
            return Err(refused(format!("the value {} is missing", missing.name)));
        }
        for (name, value) in given {
            if !self.values.iter().any(|declared| declared.name == name) {
                return Err(refused(format!("it has no value {name}")));
            }
            if value.is_array() || value.is_object() {
                return Err(refused(format!("the value {name} is neither text nor a number")));
            }
        }
        let data = values.to_string();
        if data.len() > LONGEST_DATA {
            return Err(refused(format!("its values take {} bytes, of {LONGEST_DATA} at most", data.len())));
        }
        Ok(data)
    }
}

/// A language that notices are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Hindi.
    Hindi,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 2] = [Language::English, Language::Hindi];

    /// Its code: `en`, `hi`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Hindi => "hi",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Hindi => "Hindi",
        }
    }

    /// The language of this code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Language::ALL.into_iter().find(|language| language.code() == code)
    }
}

/// A way to tell somebody something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// A mail; the recipient is an address.
    Email,
    /// A message by the Telegram bot; the recipient is the number of a chat.
    Telegram,
    /// A signed POST; the recipient is an `https://` address. See docs/webhooks.md.
    Webhook,
    /// A row in a Google sheet; the recipient is `SPREADSHEET/RANGE`.
    Sheet,
}

impl Channel {
    /// All of them.
    pub const ALL: [Channel; 4] = [Channel::Email, Channel::Telegram, Channel::Webhook, Channel::Sheet];

    /// Its word in the database and in addresses: `email`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Channel::Email => "email",
            Channel::Telegram => "telegram",
            Channel::Webhook => "webhook",
            Channel::Sheet => "sheet",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Channel::Email => "Mail",
            Channel::Telegram => "Telegram",
            Channel::Webhook => "Webhook",
            Channel::Sheet => "Google sheet",
        }
    }

    /// The channel of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Channel::ALL.into_iter().find(|channel| channel.word() == word)
    }
}

/// Something to tell somebody.
#[derive(Debug, Clone)]
pub struct NewNotice<'a> {
    /// What is told.
    pub kind: &'static NoticeKind,
    /// By which way.
    pub channel: Channel,
    /// To whom: see [`Channel`]. 1 to 500 characters, none of them a control character.
    pub to: &'a str,
    /// In which language.
    pub language: Language,
    /// An object with exactly the values that the kind declares, each text, a number, true or false. Amounts go in as
    /// text, as people read them.
    pub values: Value,
}

impl NewNotice<'_> {
    /// What goes into the row, if it may.
    fn checked(&self) -> Result<String, Error> {
        let refused = |reason| Error::Notice { kind: self.kind.name, reason };
        if self.to.is_empty() || self.to.chars().count() > LONGEST_RECIPIENT || self.to.chars().any(char::is_control) {
            return Err(refused(format!(
                "the recipient {:?} must have 1 to {LONGEST_RECIPIENT} characters, none of them a control character",
                self.to
            )));
        }
        self.kind.checked(&self.values)
    }
}

/// Sends one notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendNotice {
    /// Which.
    pub id: Uuid,
}

impl Job for SendNotice {
    const KIND: &'static str = "outbox.notice";
}

/// Sends one notice of many: a kind of its own, so that a thousand letters do not stand before the one that somebody
/// waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendBulkNotice {
    /// Which.
    pub id: Uuid,
}

impl Job for SendBulkNotice {
    const KIND: &'static str = "outbox.bulk-notice";
}

/// Calls one program: a kind of its own, so that a receiver that is slow holds no mail up, and tried for long. A receiver
/// that is away is called every five to ten minutes, for two days at the least and three as a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendWebhook {
    /// Which notice.
    pub id: Uuid,
}

impl Job for SendWebhook {
    const KIND: &'static str = "outbox.webhook";
    const MAX_ATTEMPTS: u32 = 600;
    const BACKOFF: Backoff = Backoff { first: SignedDuration::from_secs(5), most: SignedDuration::from_mins(10) };
    const TIMEOUT: SignedDuration = SignedDuration::from_mins(1);
}

/// The notice that a job of this kind with this payload sends, where it is such a job.
#[must_use]
pub fn notice_of_job(kind: &str, payload: &str) -> Option<Uuid> {
    let sends = [SendNotice::KIND, SendBulkNotice::KIND, SendWebhook::KIND].contains(&kind);
    // They are the same but for their names.
    sends.then(|| serde_json::from_str(payload).ok()).flatten().map(|SendNotice { id }| id)
}

const INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO outbox_notice
                 (id, job, kind, channel, recipient, language, data, state, round, created_at, order_key)
             VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, 'waiting', 0, ?7, ?8) ON CONFLICT (id) DO NOTHING RETURNING id",
    postgres: "INSERT INTO outbox_notice
                   (id, job, kind, channel, recipient, language, data, state, round, created_at, order_key)
               SELECT id, id, kind, channel, recipient, language, data, 'waiting', 0, created_at, order_key
               FROM UNNEST(?1::uuid[], ?2::text[], ?3::text[], ?4::text[], ?5::text[], ?6::text[], ?7::bigint[],
                           ?8::text[])
                   AS new (id, kind, channel, recipient, language, data, created_at, order_key)
               ON CONFLICT (id) DO NOTHING RETURNING id",
};

const INSERT_JOB: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO outbox_job (id, kind, payload, due_at, attempts, max_attempts, failures, created_at)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, '[]', ?4)",
    postgres: "INSERT INTO outbox_job (id, kind, payload, due_at, attempts, max_attempts, failures, created_at)
               SELECT id, kind, payload, due_at, 0, max_attempts, '[]', due_at
               FROM UNNEST(?1::uuid[], ?2::text[], ?3::text[], ?4::bigint[], ?5::bigint[])
                   AS new (id, kind, payload, due_at, max_attempts)",
};

/// Writes a notice down and enqueues the job that sends it, as part of the transaction that gives cause for it. The id
/// stands for the event and its recipient: a second notice of the same id is the first, and changes nothing.
///
/// # Errors
/// [`Error::Notice`] for a mistake in the call; otherwise as the store refuses it.
pub fn notice_enqueue(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, notice: &NewNotice<'_>) -> Result<(), Error> {
    notice_write(tx, now, id, notice, None)
}

/// The same for one of several notices that are to arrive in order: those of the same `order_key` (1 to 200 characters,
/// such as `coins.withdrawal:0197…`) are sent one after another, as they were enqueued, each after the one before it was
/// taken. See [`Job::order_key`] for what happens where one is refused for good.
///
/// # Errors
/// As [`notice_enqueue`].
pub fn notice_enqueue_in_order(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    order_key: &str,
    notice: &NewNotice<'_>,
) -> Result<(), Error> {
    notice_write(tx, now, id, notice, Some(order_key))
}

fn notice_write(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    notice: &NewNotice<'_>,
    order_key: Option<&str>,
) -> Result<(), Error> {
    let data = notice.checked()?;
    for id in tx.execute_bulk_returning(&INSERT, &[row(id, notice, &data, now, order_key)], |row| row.get(0))? {
        notice_job(tx, now, (id, id), notice.channel, order_key)?;
    }
    Ok(())
}

/// Enqueues the job of this id that sends the notice of that id.
fn notice_job(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    (job, id): (Uuid, Uuid),
    channel: Channel,
    order_key: Option<&str>,
) -> Result<(), Error> {
    match channel {
        Channel::Webhook => job_enqueue_in_order(tx, now, job, now, &SendWebhook { id }, order_key)?,
        _ => job_enqueue_in_order(tx, now, job, now, &SendNotice { id }, order_key)?,
    };
    Ok(())
}

/// The same for many notices at once, in two statements. They are sent beside the others and never hold those up: for
/// what goes to many people and is not waited for. Webhooks have a worker of their own as it is.
///
/// # Errors
/// As [`notice_enqueue`].
pub fn notices_enqueue(tx: &mut WriteTx<'_>, now: Timestamp, notices: &[(Uuid, NewNotice<'_>)]) -> Result<(), Error> {
    let data: Vec<String> = notices.iter().map(|(_, notice)| notice.checked()).collect::<Result<_, Error>>()?;
    let rows: Vec<_> = zip(notices, &data).map(|((id, notice), data)| row(*id, notice, data, now, None)).collect();
    let written: HashSet<Uuid> = tx.execute_bulk_returning(&INSERT, &rows, |row| row.get(0))?.into_iter().collect();
    let jobs = notices.iter().filter(|(id, _)| written.contains(id)).map(|(id, notice)| {
        let (kind, most) = match notice.channel {
            Channel::Webhook => (SendWebhook::KIND, SendWebhook::MAX_ATTEMPTS),
            _ => (SendBulkNotice::KIND, SendBulkNotice::MAX_ATTEMPTS),
        };
        (*id, kind, most, serde_json::json!({ "id": id }).to_string())
    });
    let jobs: Vec<_> = jobs.collect();
    let jobs: Vec<_> = jobs.iter().map(|(id, kind, most, payload)| params![*id, *kind, payload, now, *most]).collect();
    tx.execute_bulk(&INSERT_JOB, &jobs)?;
    Ok(())
}

fn row<'p>(
    id: Uuid,
    notice: &'p NewNotice<'_>,
    data: &'p str,
    now: Timestamp,
    order_key: Option<&'p str>,
) -> [Param<'p>; 8] {
    let NewNotice { kind, channel, to, language, .. } = notice;
    params![id, kind.name, channel.word(), *to, language.code(), data, now, order_key]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOTHING: NoticeText = NoticeText { subject: "s", text: "t", html: "" };

    static KIND: NoticeKind = NoticeKind {
        name: "test.notice",
        title: "Test",
        about: "",
        values: &[NoticeValue::open("name", "", "Asha"), NoticeValue::open("count", "", "2")],
        texts: NoticeTexts { en: NOTHING, hi: NOTHING },
    };

    fn refusal(to: &str, values: Value) -> String {
        let notice = NewNotice { kind: &KIND, channel: Channel::Email, to, language: Language::English, values };
        notice.checked().unwrap_err().to_string()
    }

    #[test]
    fn a_notice_is_filled_with_what_its_kind_declares_and_nothing_else() {
        let values = json!({ "name": "Asha", "count": 2 });
        let notice =
            NewNotice { kind: &KIND, channel: Channel::Email, to: "a@b.c", language: Language::English, values };
        assert_eq!(notice.checked().unwrap(), r#"{"count":2,"name":"Asha"}"#);
        for (values, told) in [
            (json!([]), "no object"),
            (json!({ "name": "Asha" }), "the value count is missing"),
            (json!({ "name": "Asha", "count": 2, "link": "x" }), "it has no value link"),
            (json!({ "name": ["Asha"], "count": 2 }), "the value name is neither"),
            (json!({ "name": "a".repeat(40_000), "count": 2 }), "32768"),
        ] {
            assert!(refusal("a@b.c", values).contains(told), "{told}");
        }
    }

    #[test]
    fn a_recipient_is_one_line_of_bounded_length() {
        for to in ["", "a@b.c\r\nBcc: d@e.f", &"a".repeat(501)] {
            assert!(refusal(to, json!({ "name": "Asha", "count": 2 })).contains("the recipient"), "{to}");
        }
    }

    #[test]
    fn words_and_codes_are_read_back() {
        for channel in Channel::ALL {
            assert_eq!(Channel::parse(channel.word()), Some(channel));
        }
        for language in Language::ALL {
            assert_eq!(Language::parse(language.code()), Some(language));
        }
        assert_eq!((Channel::parse("pigeon"), Language::parse("fr")), (None, None));
    }
}
