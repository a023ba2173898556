//! What whoever runs the house is told of the house itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use purser_outbox::{
    Channel, DeadLetter, Error, Language, NewNotice, NoticeKind, NoticeText, NoticeTexts, NoticeValue,
    dead_letters_after, notice_enqueue, notice_get, notice_last, notice_of_job,
};
use purser_store::{ReadTx, WriteTx};
use serde_json::{Value, json};
use uuid::Uuid;

/// Everything that the operator is told.
pub const OPERATOR_NOTICES: &[&NoticeKind] = &[&DEAD_LETTERS, &BACKUP_FAILED];

/// Between two mails about dead letters. What comes in between is in the next one.
const APART: SignedDuration = SignedDuration::from_hours(1);

/// Dead letters that one mail counts, at most.
const COUNTED: u32 = 1_000;

/// Kinds that one mail names, at most.
const NAMED: usize = 10;

/// Characters of an error in a mail.
const LONGEST_ERROR: usize = 500;

const CONSOLE: &str = "https://purser.example/admin/house/dead-letters/";

/// Jobs were given up.
static DEAD_LETTERS: NoticeKind = NoticeKind {
    name: "house.dead-letters",
    title: "Jobs given up",
    about: "To the operator, at most once an hour: how many jobs became dead letters, and of what kinds.",
    values: &[
        NoticeValue::open("count", "How many since the last such mail.", "3"),
        NoticeValue::open("kinds", "Their kinds, each with how many.", "charge.deliver (2), outbox.notice (1)"),
        NoticeValue::open("latest", "What the latest failed on.", "charge.deliver: the operator does not answer"),
        NoticeValue::open("link", "Where they are looked at.", CONSOLE),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "Jobs given up: {{ count }}",
            text: "Purser has tried these jobs as often as it may, and waits for you: {{ kinds }}.\n\n\
                   The latest failed on this:\n{{ latest }}\n\n\
                   Look at them, mend what is wrong, and requeue or discard them:\n{{ link }}",
            html: "",
        },
        hi: NoticeText {
            subject: "छोड़े गए काम: {{ count }}",
            text: "Purser ने ये काम जितनी बार हो सकता था आज़माए, अब आपकी ज़रूरत है: {{ kinds }}।\n\n\
                   सबसे हाल का काम इस कारण विफल हुआ:\n{{ latest }}\n\n\
                   इन्हें देखें, जो गलत है उसे ठीक करें, फिर दोबारा चलाएँ या हटाएँ:\n{{ link }}",
            html: "",
        },
    },
};

/// The backup that nobody asked for was not taken.
static BACKUP_FAILED: NoticeKind = NoticeKind {
    name: "house.backup-failed",
    title: "Backup failed",
    about: "To the operator: a scheduled backup was tried as often as it may, and was not taken.",
    values: &[
        NoticeValue::open("error", "What it failed on.", "/var/backups: No space left on device"),
        NoticeValue::open("link", "Where the job is looked at.", CONSOLE),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "The backup failed",
            text: "No backup was taken, and Purser has given this one up:\n{{ error }}\n\n\
                   The next is taken when it is due. Run `purser doctor` to see what is wrong; to try this one again, \
                   requeue it:\n{{ link }}",
            html: "",
        },
        hi: NoticeText {
            subject: "बैकअप विफल हुआ",
            text: "बैकअप नहीं लिया जा सका, और Purser ने इसे छोड़ दिया है:\n{{ error }}\n\n\
                   अगला बैकअप अपने समय पर लिया जाएगा। क्या गलत है यह देखने के लिए `purser doctor` चलाएँ; इसी को फिर से \
                   आज़माने के लिए यहाँ जाएँ:\n{{ link }}",
            html: "",
        },
    },
};

/// Who the operator is, and where the operator looks.
#[derive(Debug, Clone)]
pub struct InstanceOperator {
    /// The mail address.
    pub email: String,
    /// The address of the site, without a slash at the end; empty where it has none.
    pub site: String,
}

impl InstanceOperator {
    /// Tells of the dead letters since the last time, all in one mail, unless that is less than an hour ago. Those of
    /// mails to the operator are left out, or each would cause the next. False where there was nothing to tell.
    ///
    /// # Errors
    /// As the store refuses it.
    pub fn dead_letters_notify(&self, tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid) -> Result<bool, Error> {
        let last = notice_last(tx, &self.email, DEAD_LETTERS.name)?;
        if last.is_some_and(|last| now.duration_since(last) < APART) {
            return Ok(false);
        }
        let mut letters = Vec::new();
        for letter in dead_letters_after(tx, last.unwrap_or(Timestamp::UNIX_EPOCH), COUNTED)? {
            if !is_own(tx, &letter)? {
                letters.push(letter);
            }
        }
        let Some(latest) = letters.last() else { return Ok(false) };
        let error = latest.failures.last().map_or("", |failure| failure.error.as_str());
        let values = json!({
            "count": letters.len(),
            "kinds": kinds(&letters),
            "latest": short(&format!("{}: {error}", latest.kind)),
            "link": self.link(),
        });
        self.notify(tx, now, id, &DEAD_LETTERS, values)?;
        Ok(true)
    }

    /// Tells that a backup was not taken.
    ///
    /// # Errors
    /// As the store refuses it.
    pub fn backup_failed_notify(
        &self,
        tx: &mut WriteTx<'_>,
        now: Timestamp,
        id: Uuid,
        error: &str,
    ) -> Result<(), Error> {
        self.notify(tx, now, id, &BACKUP_FAILED, json!({ "error": short(error), "link": self.link() }))
    }

    fn link(&self) -> String {
        format!("{}/admin/house/dead-letters/", self.site)
    }

    fn notify(
        &self,
        tx: &mut WriteTx<'_>,
        now: Timestamp,
        id: Uuid,
        kind: &'static NoticeKind,
        values: Value,
    ) -> Result<(), Error> {
        let (channel, language) = (Channel::Email, Language::English);
        notice_enqueue(tx, now, id, &NewNotice { kind, channel, to: &self.email, language, values })
    }
}

/// Whether it is of a mail to the operator.
fn is_own(tx: &mut ReadTx<'_>, letter: &DeadLetter) -> Result<bool, Error> {
    let Some(id) = notice_of_job(&letter.kind, &letter.payload) else { return Ok(false) };
    match notice_get(tx, id) {
        Ok(notice) => Ok(OPERATOR_NOTICES.iter().any(|kind| kind.name == notice.kind)),
        Err(Error::NoNotice { .. } | Error::BadNotice(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Each kind with how many, in the order of their names.
fn kinds(letters: &[DeadLetter]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for letter in letters {
        *counts.entry(&letter.kind).or_default() += 1;
    }
    let named: Vec<String> = counts.iter().take(NAMED).map(|(kind, count)| format!("{kind} ({count})")).collect();
    let more = if counts.len() > NAMED { ", and others" } else { "" };
    format!("{}{more}", named.join(", "))
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_ERROR).collect()
}
