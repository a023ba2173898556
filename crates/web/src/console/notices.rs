//! The outbox: what people and programs were told, and what they would be told if there were a way.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::console::{
    Action, Cell, Choice, Column, ColumnKind, Field, Filter, Input, Listing, Outcome, Preview, RequestContext,
    Resource, Search, Target, Tone, Widget, WidgetValue,
};
use purser_kit::{Commands, Fields, Problem, Rule, code};
use purser_notify::{NoticeCatalog, TEST};
use purser_outbox::{
    Channel, Error as OutboxError, Language, NewNotice, Notice, NoticeState, SentText, TemplateEdit, TemplateKey,
    notice_enqueue, notice_get, notice_resend, notices_count, notices_stored, template_get,
};
use purser_store::{ReadTx, WriteTx, params};
use uuid::Uuid;

use super::commands;
use super::view::{CellView, TimeFormat};
use super::{ConsoleState, ErrorPage, StaffUser, frame};
use crate::pages::{self, Shell};

/// The scope that opens the outbox.
pub(super) const SCOPE: &str = "house.notices";

/// The scope that sends again.
const SEND: &str = "house.send";

/// Where it is.
pub(super) const BASE: &str = "/admin/house/notices/";

/// Kept notices that are sent in one go, at most: bounds how long others wait behind it.
const MOST: u32 = 1_000;

const STATES: &[Choice] = &[
    Choice { value: "waiting", title: "waiting", tone: Tone::Waiting },
    Choice { value: "sent", title: "sent", tone: Tone::Good },
    Choice { value: "kept", title: "kept", tone: Tone::Waiting },
    Choice { value: "failed", title: "failed", tone: Tone::Bad },
];

const CHANNELS: &[Choice] = &[
    Choice { value: "email", title: "mail", tone: Tone::Quiet },
    Choice { value: "telegram", title: "Telegram", tone: Tone::Quiet },
    Choice { value: "webhook", title: "webhook", tone: Tone::Quiet },
    Choice { value: "sheet", title: "sheet", tone: Tone::Quiet },
];

pub(super) fn resource(texts: &Arc<NoticeCatalog>, channels: &[Channel]) -> Resource {
    Resource {
        name: "notices",
        title: "Outbox",
        one: "notice",
        about: "What people and programs are told. What cannot be sent for want of a way is kept here.",
        view: SCOPE,
        listing: Listing {
            from: "outbox_notice n",
            id: "n.id",
            columns: vec![
                Column::new("kind", "What", "n.kind", ColumnKind::Text),
                Column::new("recipient", "To", "n.recipient", ColumnKind::Text),
                Column::new("channel", "By", "n.channel", ColumnKind::Choice(CHANNELS)),
                Column::new("state", "State", "n.state", ColumnKind::Choice(STATES)),
                Column::new("created_at", "Since", "n.created_at", ColumnKind::Time),
                Column::new("sent_at", "Sent", "n.sent_at", ColumnKind::Time),
            ],
            search: &[Search::Begins("n.recipient"), Search::BeginsLower("n.kind")],
            filters: &[
                Filter {
                    name: "state",
                    title: "State",
                    choices: &[
                        ("waiting", "waiting", "n.state = 'waiting'"),
                        ("sent", "sent", "n.state = 'sent'"),
                        ("kept", "kept", "n.state = 'kept'"),
                        ("failed", "failed", "n.state = 'failed'"),
                    ],
                },
                Filter {
                    name: "channel",
                    title: "By",
                    choices: &[
                        ("email", "mail", "n.channel = 'email'"),
                        ("telegram", "Telegram", "n.channel = 'telegram'"),
                        ("webhook", "webhook", "n.channel = 'webhook'"),
                        ("sheet", "sheet", "n.channel = 'sheet'"),
                    ],
                },
            ],
        },
        inbox: None,
        // The page of one is its own: it must know who looks.
        detail: Box::new(|_, _| Ok(None)),
        commands: Commands::default(),
        actions: vec![again(texts), send_stored(texts, channels), test(channels)],
    }
}

/// What an operator should know of it each morning.
pub(super) fn count_text() -> Widget {
    let draw = |tx: &mut ReadTx<'_>, _, _: &_| {
        let (kept, failed) = (notices_count(tx, NoticeState::Stored), notices_count(tx, NoticeState::Failed));
        let (kept, failed) = (kept.map_err(problem)?, failed.map_err(problem)?);
        Ok(match (kept, failed) {
            (0, 0) => WidgetValue::Status(Tone::Good, "everything was sent, or is on its way".to_owned()),
            (kept, 0) => WidgetValue::Status(Tone::Waiting, format!("{kept} kept for want of a way to send them")),
            (_, failed) => WidgetValue::Status(Tone::Bad, format!("{failed} failed, {kept} kept")),
        })
    };
    Widget { title: "Notices", view: SCOPE, render: Box::new(draw) }
}

fn again(texts: &Arc<NoticeCatalog>) -> Action {
    let texts = Arc::clone(texts);
    Action {
        name: "again",
        title: "Send again",
        command: &commands::NOTICE_AGAIN,
        target: Target::Many,
        harms: false,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(|tx, _, ids| {
            let (mut rows, mut sent) = (Vec::with_capacity(ids.len()), 0);
            for id in ids {
                let notice = notice_get(tx, *id).map_err(problem)?;
                sent += usize::from(notice.state == NoticeState::Sent);
                rows.push((notice.to, format!("{}, {}", notice.kind, notice.state.word())));
            }
            let notices =
                if ids.len() == 1 { "One notice is".to_owned() } else { format!("{} notices are", ids.len()) };
            let twice = if sent == 0 { String::new() } else { format!(" {sent} of them will arrive a second time.") };
            Ok(Preview { sentence: format!("{notices} sent now.{twice}"), rows, ..Preview::default() })
        }),
        run: Box::new(move |tx, cx, ids, fields| {
            fields.finish(Some(()))?;
            for id in ids {
                let kind = notice_get(tx, *id).map_err(problem)?.kind;
                notice_resend(tx, cx.now, *id, cx.new_id(), &texts.secrets(&kind)).map_err(problem)?;
            }
            let go = ids.first().copied().filter(|_| ids.len() == 1);
            Ok(Outcome::sentence(format!("{} on the way. The outbox shows what becomes of it.", ids.len()), go))
        }),
    }
}

fn send_stored(texts: &Arc<NoticeCatalog>, channels: &[Channel]) -> Action {
    let (texts, open) = (Arc::clone(texts), channels.to_vec());
    Action {
        name: "send-kept",
        title: "Send kept ones now",
        command: &commands::NOTICES_SEND_KEPT,
        target: Target::Nothing,
        harms: false,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(move |tx, _, _| {
            let kept = notices_count(tx, NoticeState::Stored).map_err(problem)?;
            let none = (kept == 0).then(|| "No notice is kept.".to_owned());
            let closed = open.is_empty().then(|| {
                "No channel is configured, so they would only be kept again. Set EMAIL_HOST or \
                 TELEGRAM_BOT_TOKEN, restart Purser, and come back."
                    .to_owned()
            });
            let rest = if kept > MOST { format!(" {MOST} go first; come back for the rest.") } else { String::new() };
            let ways: Vec<&str> = open.iter().map(|channel| channel.title()).collect();
            let ways = if ways.is_empty() { String::new() } else { format!(" Configured: {}.", ways.join(", ")) };
            let notices = if kept == 1 { "One notice is".to_owned() } else { format!("{kept} notices are") };
            let sentence = format!("{notices} kept, and will be sent.{rest}{ways}");
            Ok(Preview { sentence, obstacle: none.or(closed), ..Preview::default() })
        }),
        run: Box::new(move |tx, cx, _, fields| {
            fields.finish(Some(()))?;
            let kept = notices_stored(tx, MOST).map_err(problem)?;
            for id in &kept {
                let kind = notice_get(tx, *id).map_err(problem)?.kind;
                notice_resend(tx, cx.now, *id, cx.new_id(), &texts.secrets(&kind)).map_err(problem)?;
            }
            let detail = serde_json::json!({ "count": kept.len() });
            cx.record(tx, "house.notices.send-kept", "house:notices", &detail)?;
            Ok(Outcome::sentence(format!("{} on the way.", kept.len()), None))
        }),
    }
}

fn test(channels: &[Channel]) -> Action {
    let open = channels.to_vec();
    Action {
        name: "test",
        title: "Send a test",
        command: &commands::NOTICE_TEST,
        target: Target::Nothing,
        harms: false,
        fields: Box::new(|_, _| {
            let channels = Channel::ALL.map(|channel| (channel.word().to_owned(), channel.title().to_owned()));
            let languages = Language::ALL.map(|language| (language.code().to_owned(), language.title().to_owned()));
            Ok(vec![
                Field::line("channel", "By", "A channel that is not configured keeps it in the outbox.")
                    .input(Input::Choice(channels.to_vec())),
                Field::line(
                    "to",
                    "To",
                    "A mail address, a Telegram chat's number, or the https:// address of a webhook.",
                ),
                Field::line("language", "Language", "The text is the one of the notice “Test”.")
                    .input(Input::Choice(languages.to_vec())),
                Field::line("message", "Message", "1 to 200 characters.").with("It works."),
            ])
        }),
        preview: Box::new(move |_, _, _| {
            let ways: Vec<&str> = open.iter().map(|channel| channel.title()).collect();
            let ways = if ways.is_empty() { "no channel".to_owned() } else { ways.join(", ") };
            Ok(Preview::sentence(format!("One notice is sent now. Configured: {ways}.")))
        }),
        run: Box::new(test_run),
    }
}

fn test_run(
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    _: &[Uuid],
    mut fields: Fields<'_>,
) -> Result<Outcome, Problem> {
    let one_of = |words: &'static str| Rule::new("choice", words);
    let channel = fields
        .parsed("channel", |word| Channel::parse(word).ok_or_else(|| one_of("be email, telegram, webhook or sheet")));
    let language = fields.parsed("language", |code| Language::parse(code).ok_or_else(|| one_of("be en or hi")));
    let to = fields.line("to", 1, 500);
    let message = fields.line("message", 1, 200);
    let channel = fields.required("channel", channel);
    let language = fields.required("language", language);
    let (to, message) = (fields.required("to", to), fields.required("message", message));
    let all = channel.zip(language).zip(to.zip(message));
    let ((channel, language), (to, message)) = fields.finish(all)?;
    let id = cx.new_id();
    let values = serde_json::json!({ "message": message });
    let notice = NewNotice { kind: &TEST, channel, to: &to, language, values };
    notice_enqueue(tx, cx.now, id, &notice).map_err(problem)?;
    Ok(Outcome::sentence("On the way. Its page shows what becomes of it.", id))
}

/// What the outbox says, to people.
pub(super) fn problem(error: OutboxError) -> Problem {
    match error {
        OutboxError::Store(error) => error.into(),
        OutboxError::NoNotice { .. } => Problem::not_found("notice"),
        OutboxError::NoticeStruck { .. } => Problem::new(
            &code::CONFLICT,
            "It was sent, and what was in it struck out since, so it cannot be sent again. Have a new one made, \
             such as by asking for another link.",
        ),
        other => Problem::internal(other),
    }
}

#[derive(askama::Template)]
#[template(path = "console/notice.html")]
struct NoticePage {
    shell: Shell,
    title: String,
    facts: Vec<(&'static str, CellView)>,
    error: Option<String>,
    /// Whether that was the end of it.
    failed: bool,
    lang: &'static str,
    /// Where it is sent again, for whoever may.
    again: Option<String>,
    /// Whether it stands there as it was sent, or as it would be.
    was_sent: bool,
    /// Whether secrets are struck out for this visitor alone.
    struck: bool,
    text: Result<SentText, String>,
    edit: Option<String>,
}

/// What is read of a notice.
struct NoticeDetail {
    notice: Notice,
    edit: Option<TemplateEdit>,
    dead: bool,
}

pub(super) async fn page(console: &Arc<ConsoleState>, staff: &StaffUser, id: Uuid) -> Result<Response, ErrorPage> {
    let NoticeDetail { notice, edit, dead } = console.site.context.store.read(move |tx| read(tx, id)).await?;
    let texts = &console.site.options.texts;
    let time_format = TimeFormat { now: staff.now, zone: &console.site.context.zone };
    let kind = texts.kind(&notice.kind);
    let secrets = texts.secrets(&notice.kind);
    let may_read = staff.session.user.is_superuser;
    let shown = if may_read { notice.clone() } else { texts.struck(&notice) };
    let edits = kind.is_some_and(|kind| staff.principal.has(super::texts::command(kind).scope));
    let page = NoticePage {
        title: kind.map_or(notice.kind.clone(), |kind| kind.title.to_owned()),
        facts: facts(&notice, dead).into_iter().map(|(name, cell)| (name, time_format.cell(&cell))).collect(),
        error: notice.error.clone(),
        failed: notice.state == NoticeState::Failed,
        lang: notice.language.code(),
        again: staff.principal.has(SEND).then(|| format!("{BASE}do/?action=again&id={id}")),
        was_sent: notice.state == NoticeState::Sent,
        struck: !secrets.is_empty() && !may_read && notice.sent.is_none(),
        text: text(texts, shown, edit),
        edit: kind
            .filter(|_| edits && notice.channel != Channel::Sheet)
            .map(|kind| super::texts::address(kind.name, notice.channel, notice.language)),
        shell: frame::shell(console, staff, "Notice"),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

fn read(tx: &mut ReadTx<'_>, id: Uuid) -> Result<NoticeDetail, Problem> {
    let notice = notice_get(tx, id).map_err(problem)?;
    let key = TemplateKey { kind: notice.kind.clone(), channel: notice.channel, language: notice.language };
    let edit = template_get(tx, &key).map_err(problem)?;
    let dead = "SELECT 1 FROM outbox_dead_letter WHERE id = ?1";
    let dead = tx.query_opt(dead, &params![notice.job], |row| row.get::<i64>(0))?.is_some();
    Ok(NoticeDetail { notice, edit, dead })
}

fn facts(notice: &Notice, dead: bool) -> Vec<(&'static str, Cell)> {
    let word = |choices: &[Choice], word: &str| {
        let choice = choices.iter().find(|choice| choice.value == word);
        choice.map_or(Cell::Text(word.to_owned()), |choice| Cell::Badge(choice.tone, choice.title.to_owned()))
    };
    let mut facts = vec![
        ("State", word(STATES, notice.state.word())),
        ("To", Cell::Text(notice.to.clone())),
        ("By", word(CHANNELS, notice.channel.word())),
        ("Language", Cell::Text(notice.language.title().to_owned())),
        ("Kind", Cell::Text(notice.kind.clone())),
        ("Since", Cell::Time(notice.created_at)),
        ("Sent", Cell::time(notice.sent_at)),
        ("Id", Cell::Text(notice.id.to_string())),
    ];
    if dead {
        facts.push(("Given up", Cell::object("its dead letter", "house", "dead-letters", notice.job)));
    }
    facts
}

/// What was sent, or what would be.
fn text(texts: &NoticeCatalog, notice: Notice, edit: Option<TemplateEdit>) -> Result<SentText, String> {
    if let Some(sent) = notice.sent {
        return Ok(sent);
    }
    if notice.state == NoticeState::Sent {
        return Err("It was sent so long ago that its text was removed.".to_owned());
    }
    if let Some(filled) = edit.and_then(|edit| texts.fill(&notice, &edit.template).ok()) {
        return Ok(filled);
    }
    let Some(kind) = texts.kind(&notice.kind) else {
        return Err("This version of the program does not know this notice, and cannot say what it says.".to_owned());
    };
    let built_in = NoticeCatalog::built_in(kind, notice.channel, notice.language);
    texts
        .fill(&notice, &built_in)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}
