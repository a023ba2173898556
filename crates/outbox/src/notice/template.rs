//! The operator's own texts.

use jiff::Timestamp;
use purser_store::{ReadTx, Row, WriteTx, params};

use super::{Channel, Language};
use crate::Error;

/// A text that the operator has put in the place of the one in the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The subject's template: at most 500 characters.
    pub subject: String,
    /// The text's: 1 to 32,768 characters.
    pub text: String,
    /// The HTML's: at most 65,536 characters, empty where the HTML is made from the text.
    pub html: String,
}

/// Where a template belongs: the kind's name, the channel and the language.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateKey {
    /// The name of the [`NoticeKind`](super::NoticeKind).
    pub kind: String,
    /// The channel.
    pub channel: Channel,
    /// The language.
    pub language: Language,
}

/// A template, with who wrote it and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateEdit {
    /// What it says.
    pub template: Template,
    /// When it was written.
    pub edited_at: Timestamp,
    /// By whom, as the audit log names them.
    pub edited_by: String,
}

/// The operator's text, where there is one.
///
/// # Errors
/// As the store refuses it.
pub fn template_get(tx: &mut ReadTx<'_>, key: &TemplateKey) -> Result<Option<TemplateEdit>, Error> {
    let found = tx.query_opt(
        "SELECT subject, body_text, body_html, edited_at, edited_by FROM outbox_template
         WHERE kind = ?1 AND channel = ?2 AND language = ?3",
        &params![&key.kind, key.channel.word(), key.language.code()],
        edit_read,
    )?;
    Ok(found)
}

fn edit_read(row: &Row<'_>) -> Result<TemplateEdit, purser_store::Error> {
    Ok(TemplateEdit {
        template: Template { subject: row.get(0)?, text: row.get(1)?, html: row.get(2)? },
        edited_at: row.get(3)?,
        edited_by: row.get(4)?,
    })
}

/// Where the operator's texts belong, and when each was written.
///
/// # Errors
/// As the store refuses it.
pub fn templates_edited(tx: &mut ReadTx<'_>) -> Result<Vec<(TemplateKey, Timestamp)>, Error> {
    let sql = "SELECT kind, channel, language, edited_at FROM outbox_template";
    let rows = tx.query(sql, &[], |row| {
        let (channel, language) = (row.get::<String>(1)?, row.get::<String>(2)?);
        let place = Channel::parse(&channel).zip(Language::parse(&language));
        let kind = row.get(0)?;
        let edited_at = row.get(3)?;
        Ok(place.map(|(channel, language)| (TemplateKey { kind, channel, language }, edited_at)))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

/// Puts a text in the place of the one in the program, or of the operator's last.
///
/// # Errors
/// As the store refuses it, texts that are too long among it.
pub fn template_set(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    key: &TemplateKey,
    template: &Template,
    by: &str,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO outbox_template (kind, channel, language, subject, body_text, body_html, edited_at, edited_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (kind, channel, language) DO UPDATE
         SET subject = excluded.subject, body_text = excluded.body_text, body_html = excluded.body_html,
             edited_at = excluded.edited_at, edited_by = excluded.edited_by",
        &params![
            &key.kind,
            key.channel.word(),
            key.language.code(),
            &template.subject,
            &template.text,
            &template.html,
            now,
            by,
        ],
    )?;
    Ok(())
}

/// Goes back to the text in the program; false where it was that already.
///
/// # Errors
/// As the store refuses it.
pub fn template_reset(tx: &mut WriteTx<'_>, key: &TemplateKey) -> Result<bool, Error> {
    let rows = tx.execute(
        "DELETE FROM outbox_template WHERE kind = ?1 AND channel = ?2 AND language = ?3",
        &params![&key.kind, key.channel.word(), key.language.code()],
    )?;
    Ok(rows == 1)
}
