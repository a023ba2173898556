//! What belongs to the house and to no app: keys, people, jobs, the audit log. Declared as an app would.

use std::sync::Arc;

use purser_identity::{Right, api_key_revoke};
use purser_kit::console::{
    Action, Cell, Choice, Column, ColumnKind, Console, Detail, DetailTable, Filter, Listing, Outcome, Preview,
    Resource, Search, Target, Tone,
};
use purser_kit::{Commands, Problem, Scope};
use purser_outbox::{Error as OutboxError, dead_letter_discard, dead_letter_requeue, notice_of_job};
use purser_store::{ReadTx, WriteTx, params};
use uuid::Uuid;

use super::audit_detail::AuditDetail;
use super::commands;
use super::{AppSection, notices, people};
use crate::site::SiteState;
use purser_kit::CommandSpec;

/// The house's own permissions.
pub const SCOPES: &[Scope] = &[
    Scope { name: "house.audit", allows: "read the audit log", right: Right::View },
    Scope { name: "house.read", allows: "see people, API keys and jobs", right: Right::View },
    Scope { name: "house.notices", allows: "see what people are told", right: Right::View },
    Scope {
        name: "house.jobs",
        allows: "requeue or discard dead letters, and run schedules now",
        right: Right::Operate,
    },
    Scope { name: "house.send", allows: "send notices again", right: Right::Operate },
    Scope { name: "house.texts", allows: "change what notices say", right: Right::Operate },
    Scope {
        name: "house.secret_texts",
        allows: "change what notices say that carry a link which opens an account",
        right: Right::Approve,
    },
    Scope { name: "house.keys", allows: "make and revoke API keys", right: Right::Approve },
    Scope { name: "house.people", allows: "let people in, and say what they may do", right: Right::Approve },
    Scope { name: "ledger.read", allows: "see the chart of accounts and every statement", right: Right::View },
];

const KEY_STATES: &[Choice] = &[
    Choice { value: "live", title: "live", tone: Tone::Good },
    Choice { value: "revoked", title: "revoked", tone: Tone::Bad },
];

pub(crate) fn section(site: &Arc<SiteState>) -> AppSection {
    let outbox = notices::resource(&site.options.texts, &site.options.channels);
    let resources = vec![people::resource(site), keys(), outbox, dead_letters(), jobs(), audit_log()];
    let widgets = vec![notices::count_text()];
    AppSection { name: "house", title: "House", console: Console { resources, widgets, ..Console::default() } }
}

fn audit_log() -> Resource {
    Resource {
        name: "audit",
        title: "Audit log",
        one: "line",
        about: "Who did what, from where, newest first. Nobody can edit it.",
        view: "house.audit",
        listing: Listing {
            from: "identity_audit a",
            id: "a.id",
            columns: vec![
                Column::new("at", "When", "a.at", ColumnKind::Time),
                Column::new("action", "What", "a.action", ColumnKind::Text),
                Column::new("actor", "By", "a.actor", ColumnKind::Text),
                Column::new("subject", "To", "a.subject", ColumnKind::Text),
                Column::new("address", "From", "a.address", ColumnKind::Text),
            ],
            search: &[Search::BeginsLower("a.action"), Search::Begins("a.subject"), Search::Begins("a.actor")],
            filters: &[Filter {
                name: "kind",
                title: "Kind",
                choices: &[
                    (
                        "refused",
                        "refused sign-ins",
                        "a.action IN ('session.refused', 'session.code_refused', 'session.proof_refused')",
                    ),
                    ("sessions", "sign-ins", "a.action LIKE 'session.%'"),
                    ("people", "by people", "a.actor LIKE 'user:%'"),
                    ("exports", "exports", "a.action = 'console.export'"),
                ],
            }],
        },
        inbox: None,
        detail: Box::new(audit_detail),
        commands: Commands::default(),
        actions: Vec::new(),
    }
}

fn audit_detail(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let found = tx.query_opt(
        "SELECT at, actor, action, subject, address, detail FROM identity_audit WHERE id = ?1",
        &params![id],
        |row| {
            let mut facts = vec![
                ("When", Cell::Time(row.get(0)?)),
                ("By", Cell::Text(row.get(1)?)),
                ("To", Cell::Text(row.get(3)?)),
                ("From", Cell::text(row.get::<Option<String>>(4)?)),
            ];
            let (tables, rest) = detail_text(&row.get::<String>(5)?);
            facts.extend(rest.map(|rest| ("Detail", Cell::UserText(rest))));
            Ok(Detail { title: row.get(2)?, facts, tables, ..Detail::default() })
        },
    )?;
    Ok(found)
}

/// What a line of the audit log says more: what changed and what was entered, as tables, and the rest as it is.
fn detail_text(detail: &str) -> (Vec<DetailTable>, Option<String>) {
    let AuditDetail { changed, entered, rest } = AuditDetail::read(detail);
    let changed = table("What changed", &["Field", "Before", "After"], changed);
    let entered = table("What was entered", &["Field", "Value"], entered);
    (changed.into_iter().chain(entered).collect(), rest)
}

fn table<const N: usize>(
    title: &'static str,
    columns: &[&'static str; N],
    rows: Vec<[String; N]>,
) -> Option<DetailTable> {
    let cell = |text: String| if text.is_empty() { Cell::Nothing } else { Cell::UserText(text) };
    let rows: Vec<Vec<Cell>> = rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect();
    (!rows.is_empty()).then(|| DetailTable { title, empty: "", columns: columns.to_vec(), rows })
}

fn keys() -> Resource {
    Resource {
        name: "keys",
        title: "API keys",
        one: "key",
        about: "What programs sign in with. A key's secret is shown once, when it is made.",
        view: "house.read",
        listing: Listing {
            from: "identity_api_key k",
            id: "k.id",
            columns: vec![
                Column::new("label", "Label", "k.label", ColumnKind::Text),
                Column::new("scopes", "May", "k.scopes", ColumnKind::Text),
                Column::new("created_by", "Made by", "k.created_by", ColumnKind::Text),
                Column::new(
                    "state",
                    "State",
                    "CASE WHEN k.revoked_at IS NULL THEN 'live' ELSE 'revoked' END",
                    ColumnKind::Choice(KEY_STATES),
                ),
                Column::new("last_used_at", "Last used", "k.last_used_at", ColumnKind::Time),
                Column::new("expires_at", "Expires", "k.expires_at", ColumnKind::Time),
                Column::new("created_at", "Made", "k.created_at", ColumnKind::Time),
            ],
            search: &[Search::Within("k.label"), Search::Within("k.scopes"), Search::Begins("k.created_by")],
            filters: &[Filter {
                name: "state",
                title: "State",
                choices: &[
                    ("live", "live", "k.revoked_at IS NULL"),
                    ("revoked", "revoked", "k.revoked_at IS NOT NULL"),
                ],
            }],
        },
        inbox: None,
        detail: Box::new(key_detail),
        commands: Commands::default(),
        actions: vec![key_revoke()],
    }
}

fn key_detail(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let found = tx.query_opt(
        "SELECT label, scopes, tie_kind, tie_id, created_by, created_at, expires_at, last_used_at, revoked_at, revoked_by,
                maker
         FROM identity_api_key WHERE id = ?1",
        &params![id],
        |row| {
            let binding = row.get::<Option<String>>(2)?.zip(row.get::<Option<Uuid>>(3)?);
            let is_tied = binding.is_some();
            let facts = vec![
                ("May", Cell::Text(row.get(1)?)),
                ("Acts only for", Cell::text(binding.map(|(kind, id)| format!("{kind} {id}")))),
                ("Made by", Cell::Text(row.get(4)?)),
                ("Stands for", Cell::UserText(represents(row.get::<Option<Uuid>>(10)?.is_some(), is_tied).to_owned())),
                ("Made", Cell::Time(row.get(5)?)),
                ("Expires", Cell::time(row.get(6)?)),
                ("Last used", Cell::time(row.get(7)?)),
                ("Revoked", Cell::time(row.get(8)?)),
                ("Revoked by", Cell::text(row.get::<Option<String>>(9)?)),
            ];
            Ok(Detail { title: row.get(0)?, facts, ..Detail::default() })
        },
    )?;
    Ok(found)
}

fn represents(has_maker: bool, is_tied: bool) -> &'static str {
    match (has_maker, is_tied) {
        (false, _) => "itself: it was made on the command line",
        (true, true) => "its maker, for the one object above, until either is stopped",
        (true, false) => "its maker: it may do no more than they may, and ends when they are stopped",
    }
}

fn key_revoke() -> Action {
    Action {
        name: "revoke",
        title: "Revoke",
        command: &commands::KEY_REVOKE,
        target: Target::Many,
        harms: true,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(|_, _, ids| {
            let keys = if ids.len() == 1 { "This key opens" } else { "These keys open" };
            Ok(Preview::sentence(format!("{keys} nothing from now on, for good. Programs that use it stop working.")))
        }),
        run: Box::new(|tx, cx, ids, fields| {
            fields.finish(Some(()))?;
            for id in ids {
                api_key_revoke(tx, cx.now, *id, &cx.actor).map_err(key_problem)?;
            }
            Ok(Outcome::sentence(format!("{} revoked. Every server refuses it within two seconds.", ids.len()), None))
        }),
    }
}

fn key_problem(error: purser_identity::Error) -> Problem {
    match error {
        purser_identity::Error::NoKey => Problem::not_found("key"),
        purser_identity::Error::KeyRevoked => Problem::new(&purser_kit::code::CONFLICT, "The key is revoked already."),
        other => other.into(),
    }
}

fn jobs() -> Resource {
    Resource {
        name: "jobs",
        title: "Jobs",
        one: "job",
        about: "What is still to be done: waiting, running, or to be tried again.",
        view: "house.read",
        listing: Listing {
            from: "outbox_job j",
            id: "j.id",
            columns: vec![
                Column::new("kind", "Kind", "j.kind", ColumnKind::Text),
                Column::new("due_at", "Due", "j.due_at", ColumnKind::Time),
                Column::new("attempts", "Attempts", "j.attempts", ColumnKind::Number),
                Column::new("created_at", "Since", "j.created_at", ColumnKind::Time),
            ],
            search: &[Search::BeginsLower("j.kind")],
            filters: &[Filter {
                name: "state",
                title: "State",
                choices: &[
                    ("running", "running", "j.lease_owner IS NOT NULL"),
                    ("failed", "failed before", "j.attempts > 0"),
                    ("behind", "behind another", "j.behind IS NOT NULL"),
                ],
            }],
        },
        inbox: None,
        detail: Box::new(|tx, id| job_detail(tx, id, "outbox_job")),
        commands: Commands::default(),
        actions: Vec::new(),
    }
}

fn dead_letters() -> Resource {
    Resource {
        name: "dead-letters",
        title: "Dead letters",
        one: "dead letter",
        about: "Jobs that were given up. Mend the cause, then requeue them.",
        view: "house.read",
        listing: Listing {
            from: "outbox_dead_letter d",
            id: "d.id",
            columns: vec![
                Column::new("kind", "Kind", "d.kind", ColumnKind::Text),
                Column::new("died_at", "Given up", "d.died_at", ColumnKind::Time),
                Column::new("attempts", "Attempts", "d.attempts", ColumnKind::Number),
                Column::new("created_at", "Since", "d.created_at", ColumnKind::Time),
            ],
            search: &[Search::BeginsLower("d.kind")],
            filters: &[],
        },
        inbox: None,
        detail: Box::new(|tx, id| job_detail(tx, id, "outbox_dead_letter")),
        commands: Commands::default(),
        actions: vec![
            letter_action(
                &commands::LETTER_REQUEUE,
                ("requeue", "Requeue"),
                false,
                "tried again from the beginning",
                dead_letter_requeue,
            ),
            letter_action(
                &commands::LETTER_DISCARD,
                ("discard", "Discard"),
                true,
                "removed for good and never done",
                |tx, _, id| dead_letter_discard(tx, id),
            ),
        ],
    }
}

fn job_detail(tx: &mut ReadTx<'_>, id: Uuid, table: &'static str) -> Result<Option<Detail>, Problem> {
    let sql = format!(
        "SELECT kind, payload, attempts, max_attempts, failures, created_at, order_key FROM {table} WHERE id = ?1"
    );
    let found = tx.query_opt(&sql, &params![id], |row| {
        let (made, most): (i64, i64) = (row.get(2)?, row.get(3)?);
        let (kind, payload): (String, String) = (row.get(0)?, row.get(1)?);
        let mut facts = vec![
            ("Since", Cell::Time(row.get(5)?)),
            ("Attempts", Cell::Text(format!("{made} of {most}"))),
            ("Job", Cell::Text(payload.clone())),
            ("Failures", Cell::Text(row.get(4)?)),
        ];
        if let Some(key) = row.get::<Option<String>>(6)? {
            facts.push(("In order with", Cell::Text(key)));
        }
        if let Some(notice) = notice_of_job(&kind, &payload) {
            facts.push(("Notice", Cell::object("what it says", "house", "notices", notice)));
        }
        Ok(Detail { title: kind, facts, ..Detail::default() })
    })?;
    Ok(found)
}

type DeadLetterFn = fn(&mut WriteTx<'_>, jiff::Timestamp, Uuid) -> Result<(), OutboxError>;

fn letter_action(
    command: &'static CommandSpec,
    (name, title): (&'static str, &'static str),
    harms: bool,
    what: &'static str,
    treat: DeadLetterFn,
) -> Action {
    Action {
        name,
        title,
        command,
        target: Target::Many,
        harms,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(move |_, _, ids| {
            let letters = if ids.len() == 1 { "One job is".to_owned() } else { format!("{} jobs are", ids.len()) };
            Ok(Preview::sentence(format!("{letters} {what}.")))
        }),
        run: Box::new(move |tx, cx, ids, fields| {
            fields.finish(Some(()))?;
            for id in ids {
                treat(tx, cx.now, *id).map_err(letter_problem)?;
            }
            Ok(Outcome::sentence(format!("{}: {what}.", ids.len()), None))
        }),
    }
}

fn letter_problem(error: OutboxError) -> Problem {
    match error {
        OutboxError::Store(error) => error.into(),
        OutboxError::NoDeadLetter { .. } => Problem::not_found("dead letter"),
        other => Problem::internal(other),
    }
}
