//! Notices as they are kept: what was to be told, and what became of it.

use jiff::Timestamp;
use purser_store::{ReadTx, Row, WriteTx, params};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Channel, Language, notice_job};
use crate::{Error, dead_letter_discard};

/// Characters kept of what went wrong.
const LONGEST_ERROR: usize = 1_000;

/// A notice.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Stands for the event and its recipient.
    pub id: Uuid,
    /// The name of its [`NoticeKind`](super::NoticeKind).
    pub kind: String,
    /// By which way it goes.
    pub channel: Channel,
    /// To whom.
    pub to: String,
    /// In which language.
    pub language: Language,
    /// What its texts are filled with. Secrets are struck out once it is sent.
    pub values: Map<String, Value>,
    /// What became of it.
    pub state: NoticeState,
    /// Those of the same key are sent one after another.
    pub order_key: Option<String>,
    /// The job that sends it, or sent it last.
    pub job: Uuid,
    /// How often people had it sent again.
    pub round: u32,
    /// When its cause committed.
    pub created_at: Timestamp,
    /// When it was sent last.
    pub sent_at: Option<Timestamp>,
    /// What went wrong last, where something did.
    pub error: Option<String>,
    /// What was sent, secrets struck out.
    pub sent: Option<SentText>,
    /// How much of it has arrived, where it goes in several parts.
    pub parts: DeliveredParts,
}

/// How many parts of a text have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveredParts {
    /// So many, the first ones.
    pub sent: u32,
    /// Of the text with this digest.
    pub of: i64,
}

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeState {
    /// Its job is in the queue.
    Waiting,
    /// Whoever carries it has taken it.
    Sent,
    /// There is no way to send it: the channel is not configured.
    Stored,
    /// It was refused for good, or tried too often.
    Failed,
}

impl NoticeState {
    const ALL: [NoticeState; 4] = [NoticeState::Waiting, NoticeState::Sent, NoticeState::Stored, NoticeState::Failed];

    /// Its word in the database.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            NoticeState::Waiting => "waiting",
            NoticeState::Sent => "sent",
            NoticeState::Stored => "kept",
            NoticeState::Failed => "failed",
        }
    }
}

/// A notice's texts as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentText {
    /// The subject, one line; empty where the channel has none.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The HTML; empty where the channel has none.
    pub html: String,
}

/// One notice.
///
/// # Errors
/// [`Error::NoNotice`], [`Error::BadNotice`].
pub fn notice_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Notice, Error> {
    let found = tx.query_opt(
        "SELECT id, kind, channel, recipient, language, data, state, job, round, created_at, sent_at, error,
                subject, body_text, body_html, order_key, parts_sent, parts_of
         FROM outbox_notice WHERE id = ?1",
        &params![id],
        |row| Ok(read(row)),
    )?;
    found.ok_or(Error::NoNotice { id })?
}

fn read(row: &Row<'_>) -> Result<Notice, Error> {
    let bad = |what: &str, word: &str| Error::BadNotice(format!("{what} '{word}'"));
    let (channel, language, state): (String, String, String) = (row.get(2)?, row.get(4)?, row.get(6)?);
    let texts = (row.get::<Option<String>>(12)?, row.get::<Option<String>>(13)?, row.get::<Option<String>>(14)?);
    let values = row.get::<String>(5)?;
    Ok(Notice {
        id: row.get(0)?,
        kind: row.get(1)?,
        channel: Channel::parse(&channel).ok_or_else(|| bad("the channel", &channel))?,
        to: row.get(3)?,
        language: Language::parse(&language).ok_or_else(|| bad("the language", &language))?,
        values: serde_json::from_str(&values).map_err(|error| Error::BadNotice(error.to_string()))?,
        state: NoticeState::ALL
            .into_iter()
            .find(|known| known.word() == state)
            .ok_or_else(|| bad("the state", &state))?,
        order_key: row.get(15)?,
        job: row.get(7)?,
        round: row.get(8)?,
        created_at: row.get(9)?,
        sent_at: row.get(10)?,
        error: row.get(11)?,
        sent: match texts {
            (Some(subject), Some(text), Some(html)) => Some(SentText { subject, text, html }),
            _ => None,
        },
        parts: DeliveredParts { sent: row.get(16)?, of: row.get(17)? },
    })
}

/// Says that a notice was sent: as what, and what is left of its values, as JSON. One that was sent already stays as
/// it is.
///
/// # Errors
/// As the store refuses it.
pub fn notice_sent(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, sent: &SentText, data: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE outbox_notice
         SET state = 'sent', sent_at = ?2, subject = ?3, body_text = ?4, body_html = ?5, data = ?6, error = NULL
         WHERE id = ?1 AND state <> 'sent'",
        &params![id, now, &sent.subject, &sent.text, &sent.html, data],
    )?;
    Ok(())
}

/// Says how many parts of a notice have arrived, for the next attempt to go on behind them.
///
/// # Errors
/// As the store refuses it.
pub fn notice_parts_sent(tx: &mut WriteTx<'_>, id: Uuid, parts: DeliveredParts) -> Result<(), Error> {
    let sql = "UPDATE outbox_notice SET parts_sent = ?2, parts_of = ?3 WHERE id = ?1 AND state <> 'sent'";
    tx.execute(sql, &params![id, parts.sent, parts.of])?;
    Ok(())
}

/// Says that a notice cannot be sent for want of a way, and so waits for a person.
///
/// # Errors
/// As the store refuses it.
pub fn notice_stored(tx: &mut WriteTx<'_>, id: Uuid, why: &str) -> Result<(), Error> {
    unsent(tx, id, NoticeState::Stored, why)
}

/// Says what went wrong, and whether that was the last try. One that was sent stays so.
///
/// # Errors
/// As the store refuses it.
pub fn notice_failed(tx: &mut WriteTx<'_>, id: Uuid, error: &str, for_good: bool) -> Result<(), Error> {
    unsent(tx, id, if for_good { NoticeState::Failed } else { NoticeState::Waiting }, error)
}

fn unsent(tx: &mut WriteTx<'_>, id: Uuid, state: NoticeState, why: &str) -> Result<(), Error> {
    let why: String = why.chars().filter(|character| *character != '\0').take(LONGEST_ERROR).collect();
    tx.execute(
        "UPDATE outbox_notice SET state = ?2, error = ?3 WHERE id = ?1 AND state <> 'sent'",
        &params![id, state.word(), &why],
    )?;
    Ok(())
}

/// Has a notice sent again by a fresh job, whatever became of it. One whose job waits is sent as soon as possible;
/// a dead letter of it goes. Where its kind is sent in order, it is sent after those of its key that wait already.
///
/// # Errors
/// [`Error::NoNotice`]; [`Error::NoticeStruck`] where its secrets or its texts are struck out.
pub fn notice_resend(tx: &mut WriteTx<'_>, now: Timestamp, id: Uuid, job: Uuid, secrets: &[&str]) -> Result<(), Error> {
    let notice = notice_get(tx, id)?;
    let was_sent = notice.state == NoticeState::Sent;
    let is_struck = notice.sent.is_none() || secrets.iter().any(|secret| notice.values.contains_key(*secret));
    if was_sent && is_struck {
        return Err(Error::NoticeStruck { id });
    }
    if notice.state == NoticeState::Waiting && hurried(tx, now, notice.job)? {
        return Ok(());
    }
    match dead_letter_discard(tx, notice.job) {
        Ok(()) | Err(Error::NoDeadLetter { .. }) => {}
        Err(error) => return Err(error),
    }
    tx.execute(
        "UPDATE outbox_notice SET state = 'waiting', job = ?2, round = round + ?3, sent_at = NULL, parts_sent = 0
         WHERE id = ?1",
        &params![id, job, was_sent],
    )?;
    notice_job(tx, now, (job, id), notice.channel, notice.order_key.as_deref())
}

/// Makes a job that is in the queue due now; false where there is none. One that is being run is left alone.
fn hurried(tx: &mut WriteTx<'_>, now: Timestamp, job: Uuid) -> Result<bool, Error> {
    let leased =
        tx.query_opt("SELECT lease_owner IS NOT NULL FROM outbox_job WHERE id = ?1", &params![job], |row| {
            row.get::<bool>(0)
        })?;
    if leased == Some(false) {
        tx.execute("UPDATE outbox_job SET due_at = ?2 WHERE id = ?1", &params![job, now])?;
    }
    Ok(leased.is_some())
}

/// The oldest notices that are kept, at most `limit`.
///
/// # Errors
/// As the store refuses it.
pub fn notices_stored(tx: &mut ReadTx<'_>, limit: u32) -> Result<Vec<Uuid>, Error> {
    let sql = "SELECT id FROM outbox_notice WHERE state = 'kept' ORDER BY id LIMIT ?1";
    Ok(tx.query(sql, &params![limit], |row| row.get(0))?)
}

/// Notices of one channel that wait to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticesWaiting {
    /// How many, counted up to 10,000.
    pub count: u32,
    /// Since when the oldest of them.
    pub since: Timestamp,
    /// What went wrong last with the oldest that was tried: to whom it goes, and the error.
    pub trouble: Option<(String, String)>,
}

/// What waits to be sent by one channel; `None` where nothing does.
///
/// # Errors
/// As the store refuses it.
pub fn notices_waiting(tx: &mut ReadTx<'_>, channel: Channel) -> Result<Option<NoticesWaiting>, Error> {
    let (count, since): (u32, Option<Timestamp>) = tx.query_one(
        "SELECT COUNT(*), MIN(created_at)
         FROM (SELECT created_at FROM outbox_notice WHERE state = 'waiting' AND channel = ?1
               ORDER BY id LIMIT 10000) AS counted",
        &params![channel.word()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let trouble = tx.query_opt(
        "SELECT recipient, error FROM outbox_notice
         WHERE state = 'waiting' AND channel = ?1 AND error IS NOT NULL ORDER BY id LIMIT 1",
        &params![channel.word()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(since.map(|since| NoticesWaiting { count, since, trouble }))
}

/// When the last notice of this kind to this recipient was written down.
///
/// # Errors
/// As the store refuses it.
pub fn notice_last(tx: &mut ReadTx<'_>, recipient: &str, kind: &str) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT MAX(created_at) FROM outbox_notice WHERE recipient = ?1 AND kind = ?2";
    Ok(tx.query_one(sql, &params![recipient, kind], |row| row.get(0))?)
}

/// How many notices that were sent before `before` still have their texts.
///
/// # Errors
/// As the store refuses it.
pub fn notice_texts_old(tx: &mut ReadTx<'_>, before: Timestamp) -> Result<u64, purser_store::Error> {
    let sql = "SELECT COUNT(*) FROM outbox_notice WHERE sent_at < ?1 AND body_text IS NOT NULL";
    tx.query_one(sql, &params![before], |row| row.get::<i64>(0).map(i64::unsigned_abs))
}

/// Forgets what notices that were sent before `before` said, and what they were filled with: at most `limit` of them.
/// What they were, to whom and when stays. Says how many.
///
/// # Errors
/// As the store refuses it.
pub fn notice_texts_purge(tx: &mut WriteTx<'_>, before: Timestamp, limit: u32) -> Result<u64, purser_store::Error> {
    tx.execute(
        "UPDATE outbox_notice SET body_text = NULL, body_html = NULL, subject = NULL, data = '{}'
         WHERE id IN (SELECT id FROM outbox_notice WHERE sent_at < ?1 AND body_text IS NOT NULL LIMIT ?2)",
        &params![before, limit],
    )
}

/// How many notices are in a state, counted up to 10,000.
///
/// # Errors
/// As the store refuses it.
pub fn notices_count(tx: &mut ReadTx<'_>, state: NoticeState) -> Result<u32, Error> {
    let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM outbox_notice WHERE state = ?1 LIMIT 10000) AS counted";
    Ok(tx.query_one(sql, &params![state.word()], |row| row.get(0))?)
}
