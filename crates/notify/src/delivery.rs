//! The post office: takes a notice's job and sees it through.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use purser_outbox::{
    Channel, DeliveredParts, Error, JobContext, JobError, JobHandler, Notice, NoticeKind, NoticeState, SendBulkNotice,
    SendNotice, SendWebhook, SentText, TemplateEdit, TemplateKey, notice_failed, notice_get, notice_parts_sent,
    notice_sent, notice_stored, template_get,
};
use purser_store::{Clock, ReadTx, Store};
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{DeliveryError, GoogleSheets, Mailer, NoticeCatalog, Telegram, Webhook};

/// What was sent is written down again where the database does not take it: otherwise it is sent again.
const MARK_AGAIN_AFTER: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];

/// All that a post office is made of.
pub struct NoticeDeliverySetup {
    /// Where the notices are.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What they say.
    pub texts: Arc<NoticeCatalog>,
    /// The way for mail, where there is one.
    pub mail: Option<Mailer>,
    /// The way for Telegram messages, where there is one.
    pub telegram: Option<Telegram>,
    /// The way for webhooks, where there is one.
    pub webhook: Option<Webhook>,
    /// The way for rows in sheets, where there is one.
    pub sheets: Option<GoogleSheets>,
}

/// Delivers notices. Cheap to clone.
#[derive(Clone)]
pub struct NoticeDelivery(Arc<NoticeDeliverySetup>);

/// How a delivery ended.
enum DeliveryResult {
    Sent(Box<(SentText, String)>),
    Stored(String),
    Trouble(DeliveryError),
}

impl NoticeDelivery {
    /// Opens it.
    #[must_use]
    pub fn new(setup: NoticeDeliverySetup) -> Self {
        NoticeDelivery(Arc::new(setup))
    }

    /// Does the jobs of notices that somebody waits for.
    #[must_use]
    pub fn handler(&self) -> JobHandler {
        let post = self.clone();
        JobHandler::new(move |job: SendNotice, context| post.clone().handle(job.id, context))
    }

    /// Does the jobs of notices that go to many: for a worker of its own.
    #[must_use]
    pub fn bulk_handler(&self) -> JobHandler {
        let post = self.clone();
        JobHandler::new(move |job: SendBulkNotice, context| post.clone().handle(job.id, context))
    }

    /// Calls other programs: for a worker of its own, which may have to wait for each of them.
    #[must_use]
    pub fn webhook_handler(&self) -> JobHandler {
        let post = self.clone();
        JobHandler::new(move |job: SendWebhook, context| post.clone().handle(job.id, context))
    }

    async fn handle(self, id: Uuid, context: JobContext) -> Result<(), JobError> {
        let read = self.0.store.read(move |tx| read(tx, id)).await;
        let (notice, edit) = match read {
            Ok(read) => read,
            Err(error @ (Error::NoNotice { .. } | Error::BadNotice(_))) => {
                return Err(JobError::Dead(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        // Sent: by an attempt whose acknowledgement was lost. Kept: a person decides.
        if matches!(notice.state, NoticeState::Sent | NoticeState::Stored) {
            return Ok(());
        }
        match self.deliver(&notice, edit).await {
            DeliveryResult::Sent(sent) => self.mark_sent(&notice, *sent).await,
            DeliveryResult::Stored(why) => {
                tracing::debug!(notice = %id, kind = notice.kind, why, "[NOTICE] kept");
                self.0.store.write(move |tx| notice_stored(tx, id, &why)).await?;
                Ok(())
            }
            DeliveryResult::Trouble(trouble) => self.mark_trouble(id, &context, trouble).await,
        }
    }

    async fn deliver(&self, notice: &Notice, edit: Option<TemplateEdit>) -> DeliveryResult {
        let Some(kind) = self.0.texts.kind(&notice.kind) else {
            return DeliveryResult::Trouble(DeliveryError::Permanent(format!(
                "this program knows no notice '{}'",
                notice.kind
            )));
        };
        let sent = match self.filled(kind, notice, edit) {
            Ok(sent) => sent,
            Err(trouble) => return DeliveryResult::Trouble(trouble),
        };
        let setup = &*self.0;
        let now = setup.clock.now();
        let delivered = match notice.channel {
            Channel::Email => match &setup.mail {
                Some(mail) => mail.send(now, notice, &sent.0).await,
                None => return DeliveryResult::Stored("mail is not configured: set mail.host".to_owned()),
            },
            Channel::Telegram => match &setup.telegram {
                Some(telegram) => self.send_messages(telegram, notice, &sent.0.text).await,
                None => return DeliveryResult::Stored("Telegram is not configured: set telegram.bot_token".to_owned()),
            },
            Channel::Webhook => match &setup.webhook {
                Some(webhook) => webhook.send(now, notice, &sent.0).await,
                None => return DeliveryResult::Stored("webhooks are not configured: set webhook.secret".to_owned()),
            },
            Channel::Sheet => match &setup.sheets {
                Some(sheets) => sheets.send(now, notice, kind).await,
                None => {
                    return DeliveryResult::Stored(
                        "Google Sheets is not configured: set sheets.credentials".to_owned(),
                    );
                }
            },
        };
        match delivered {
            Ok(()) => DeliveryResult::Sent(Box::new((sent.1, sent.2))),
            Err(trouble) => DeliveryResult::Trouble(trouble),
        }
    }

    /// A text as the messages that it takes, in order. An attempt goes on behind the last message that is known to have
    /// arrived; one whose receipt was lost comes twice.
    async fn send_messages(&self, telegram: &Telegram, notice: &Notice, text: &str) -> Result<(), DeliveryError> {
        let (messages, of) = (Telegram::messages(text), digest(text));
        // Another text than that of the last attempt begins anew: its parts are others.
        let arrived = if notice.parts.of == of { notice.parts.sent } else { 0 };
        let behind = usize::try_from(arrived).unwrap_or(usize::MAX);
        for (message, sent) in messages.iter().zip(1_u32..).skip(behind) {
            telegram.send(notice, message).await?;
            if usize::try_from(sent).is_ok_and(|sent| sent < messages.len()) {
                let (id, parts) = (notice.id, DeliveredParts { sent, of });
                if let Err(error) = self.0.store.write(move |tx| notice_parts_sent(tx, id, parts)).await {
                    tracing::warn!(notice = %id, %error, "[NOTICE] a part's arrival could not be kept");
                }
            }
        }
        Ok(())
    }

    /// What goes out, and what is kept of it: the same without its secrets, and the values without them, as JSON.
    fn filled(
        &self,
        kind: &NoticeKind,
        notice: &Notice,
        edit: Option<TemplateEdit>,
    ) -> Result<(SentText, SentText, String), DeliveryError> {
        let texts = &self.0.texts;
        let struck = texts.struck(notice);
        let data = serde_json::Value::Object(struck.values.clone()).to_string();
        let both = |template: &purser_outbox::Template| {
            Ok::<_, Vec<crate::TemplateFault>>((texts.fill(notice, template)?, texts.fill(&struck, template)?))
        };
        if let Some(edit) = edit {
            match both(&edit.template) {
                Ok((out, kept)) => return Ok((out, kept, data)),
                // It was tried with samples when it was saved; what is wrong with it now, nobody waits for.
                Err(faults) => {
                    let fault = faults.first().map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(notice = %notice.id, kind = kind.name, fault, "[NOTICE] the operator's text fails");
                }
            }
        }
        let (out, kept) = both(&NoticeCatalog::built_in(kind, notice.channel, notice.language)).map_err(|faults| {
            let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
            DeliveryError::Permanent(format!("its text cannot be filled in: {}", told.join("; ")))
        })?;
        Ok((out, kept, data))
    }

    async fn mark_sent(&self, notice: &Notice, (sent, data): (SentText, String)) -> Result<(), JobError> {
        let (id, now) = (notice.id, self.0.clock.now());
        let (sent, data): (Arc<SentText>, Arc<str>) = (Arc::new(sent), data.into());
        let mark = || {
            let (sent, data) = (Arc::clone(&sent), Arc::clone(&data));
            self.0.store.write(move |tx| notice_sent(tx, now, id, &sent, &data))
        };
        let mut marked = mark().await;
        for pause in MARK_AGAIN_AFTER {
            if marked.is_ok() {
                break;
            }
            sleep(pause).await;
            marked = mark().await;
        }
        tracing::info!(notice = %id, kind = notice.kind, channel = notice.channel.word(), "[NOTICE] sent");
        Ok(marked?)
    }

    async fn mark_trouble(&self, id: Uuid, context: &JobContext, trouble: DeliveryError) -> Result<(), JobError> {
        let last = context.lease.attempt >= context.max_attempts;
        let (error, for_good) = match &trouble {
            DeliveryError::Temporary(error, _) => (error.clone(), last),
            DeliveryError::Permanent(error) => (error.clone(), true),
        };
        self.0.store.write(move |tx| notice_failed(tx, id, &error, for_good)).await?;
        Err(match trouble {
            DeliveryError::Permanent(error) => JobError::Dead(error),
            DeliveryError::Temporary(error, None) => JobError::Retry(error),
            DeliveryError::Temporary(error, Some(wait)) => JobError::Later(error, later(self.0.clock.now(), wait)),
        })
    }
}

/// A text in 64 bits: enough to tell it from the one of the last attempt.
fn digest(text: &str) -> i64 {
    let hash = Sha256::digest(text.as_bytes());
    let first: [u8; 8] = std::array::from_fn(|index| hash[index]);
    i64::from_be_bytes(first)
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn read(tx: &mut ReadTx<'_>, id: Uuid) -> Result<(Notice, Option<TemplateEdit>), Error> {
    let notice = notice_get(tx, id)?;
    let key = TemplateKey { kind: notice.kind.clone(), channel: notice.channel, language: notice.language };
    let edit = template_get(tx, &key)?;
    Ok((notice, edit))
}
