//! The page of one object: what is known, its statements, its history.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_identity::{AuditRecord, audit_of};
use purser_kit::Problem;
use purser_kit::console::{Action, Cell, Detail, DetailTable, Target};
use purser_ledger::{Account, StatementLine, account_get, statement};
use uuid::Uuid;

use super::names::Names;
use super::origin::Origin;
use super::record::More;
use super::show::{Clockface, Moment, Shown};
use super::{Desk, Refusal, Visitor, frame, notices};
use crate::pages::{self, Shell};

/// Lines of each statement; the account's own page has them all.
const LINES: u32 = 20;

/// Lines of the history; the audit log has them all.
const HISTORY: u32 = 20;

#[derive(Template)]
#[template(path = "console/object.html")]
struct ObjectPage {
    shell: Shell,
    /// The list that somebody came from, and its name.
    back: (String, &'static str),
    title: String,
    /// Address, title, and whether it harms.
    actions: Vec<(String, &'static str, bool)>,
    facts: Vec<(&'static str, Shown)>,
    tables: Vec<TableShown>,
    statements: Vec<StatementShown>,
    history: Vec<Past>,
}

/// What staff did to the object.
struct Past {
    at: Moment,
    action: String,
    by: String,
    href: String,
    what: Vec<String>,
}

/// A small table, ready for a template.
pub(crate) struct TableShown {
    pub(crate) title: &'static str,
    pub(crate) empty: &'static str,
    /// Each head, and whether numbers stand under it.
    pub(crate) columns: Vec<(&'static str, bool)>,
    pub(crate) rows: Vec<Vec<Shown>>,
}

/// An account and its newest lines.
pub(super) struct StatementShown {
    pub(super) title: String,
    pub(super) href: String,
    pub(super) balance: String,
    pub(super) held: Option<String>,
    pub(super) lines: Vec<LineShown>,
}

pub(super) struct LineShown {
    pub(super) at: Moment,
    pub(super) kind: String,
    pub(super) memo: String,
    pub(super) counterpart: String,
    pub(super) actor: String,
    pub(super) change: String,
    pub(super) balance: String,
}

/// An object with the newest lines of its accounts.
type Read = (Detail, Vec<(&'static str, Account, Vec<StatementLine>)>, Vec<(AuditRecord, String)>);

pub(super) async fn page(
    State(desk): State<Arc<Desk>>,
    Path((app, name, id)): Path<(String, String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (shelf, resource) = desk.resource(&app, &name).map_err(|_| Refusal::nothing())?;
    visitor.needs(resource.view)?;
    let id = Uuid::try_parse(&id).map_err(|_| Refusal::nothing())?;
    if (shelf.name, resource.name) == ("house", "notices") {
        return notices::page(&desk, &visitor, id).await;
    }
    let found = read(&desk, app.clone(), name.clone(), id).await?;
    let (detail, accounts, history) = found.ok_or_else(Refusal::nothing)?;
    let face = Clockface { now: visitor.now, zone: &desk.house.context.zone };
    let base = format!("/admin/{}/{}/", shelf.name, resource.name);
    let actions = resource.actions.iter().filter(|action| action.target != Target::Nothing);
    let fits = |action: &&Action| detail.fit.as_ref().is_none_or(|fit| fit.contains(&action.name));
    let actions = actions.filter(|action| visitor.caller.has(action.command.scope)).filter(fits);
    let origin = Origin::read(&query);
    let way = origin.parameters();
    let actions =
        actions.map(|action| (format!("{base}do/?action={}&id={id}{way}", action.name), action.title, action.harms));
    let reports = shelf.console.reports.iter().filter(|report| report.resource == resource.name);
    let reports = reports.filter(|report| visitor.caller.has(report.scope));
    let reports = reports.map(|report| (format!("{base}{id}/{}/", report.name), report.title, false));
    let files = shelf.console.downloads.iter().filter(|download| download.resource == resource.name);
    let files = files.filter(|download| visitor.caller.has(download.scope));
    let files = files.map(|download| (format!("{base}{id}/download/{}/", download.name), download.title, false));
    let page = ObjectPage {
        shell: frame::shell(&desk, &visitor, detail.title.clone()),
        actions: reports.chain(files).chain(actions).collect(),
        title: detail.title,
        facts: detail.facts.iter().map(|(name, cell)| (*name, face.cell(cell))).collect(),
        tables: detail.tables.iter().map(|table| table_shown(&face, table)).collect(),
        statements: accounts.into_iter().map(|(title, account, lines)| shown(&face, title, &account, lines)).collect(),
        history: history.into_iter().map(|(record, by)| past(&face, record, by)).collect(),
        back: origin.back(&base, resource.title),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

async fn read(desk: &Arc<Desk>, app: String, name: String, id: Uuid) -> Result<Option<Read>, Problem> {
    let reading = Arc::clone(desk);
    desk.house
        .context
        .store
        .read(move |tx| {
            let (_, resource) = reading.resource(&app, &name)?;
            let Some(mut detail) = (resource.detail)(tx, id)? else { return Ok(None) };
            let mut names = Names::default();
            names.detail(tx, &mut detail)?;
            let mut accounts = Vec::with_capacity(detail.accounts.len());
            for (title, id) in &detail.accounts {
                let mut lines = statement(tx, *id, None, LINES)?;
                names.lines(tx, &mut lines)?;
                accounts.push((*title, account_get(tx, *id)?, lines));
            }
            let mut history = Vec::new();
            for record in audit_of(tx, &subject(&app, &name, id), HISTORY)? {
                let by = names.called(tx, &record.actor)?;
                history.push((record, by));
            }
            Ok::<_, Problem>(Some((detail, accounts, history)))
        })
        .await
}

/// What the audit log calls an object.
pub(super) fn subject(app: &str, resource: &str, id: Uuid) -> String {
    format!("{app}:{resource}:{id}")
}

fn past(face: &Clockface<'_>, record: AuditRecord, by: String) -> Past {
    let action = record.action.rsplit('.').next().unwrap_or_default().replace('-', " ");
    Past {
        at: face.moment(record.at),
        action,
        by,
        href: format!("/admin/house/audit/{}/", record.id),
        what: told(&record.detail),
    }
}

/// What was changed, from what to what; where nothing that shows was, what was entered.
fn told(detail: &str) -> Vec<String> {
    let shown = |text: &String| if text.is_empty() { "nothing".to_owned() } else { text.clone() };
    let More { changed, entered, .. } = More::read(detail);
    if !changed.is_empty() {
        let changed = changed.iter();
        return changed.map(|[name, before, after]| format!("{name}: {} → {}", shown(before), shown(after))).collect();
    }
    let entered = entered.iter().filter(|[_, value]| !value.is_empty());
    entered.map(|[name, value]| format!("{name}: {value}")).collect()
}

pub(crate) fn table_shown(face: &Clockface<'_>, table: &DetailTable) -> TableShown {
    let shown = |row: &Vec<Cell>| row.iter().map(|cell| face.cell(cell)).collect();
    let rows: Vec<Vec<Shown>> = table.rows.iter().map(shown).collect();
    let numbers = |index: usize| rows.iter().any(|row| row.get(index).is_some_and(Shown::is_number));
    let columns = table.columns.iter().enumerate().map(|(index, title)| (*title, numbers(index))).collect();
    TableShown { title: table.title, empty: table.empty, columns, rows }
}

pub(super) fn shown(face: &Clockface<'_>, title: &str, account: &Account, lines: Vec<StatementLine>) -> StatementShown {
    let lines = lines.into_iter().map(|line| LineShown {
        at: face.moment(line.at),
        kind: line.kind,
        memo: line.memo,
        counterpart: line.counterpart.to_string(),
        actor: line.actor,
        change: line.change.for_people(),
        balance: line.balance.for_people(),
    });
    StatementShown {
        title: title.to_owned(),
        href: format!("/admin/ledger/accounts/{}/", account.id.get()),
        balance: account.balance.for_people(),
        held: account.held.is_positive().then(|| account.held.for_people()),
        lines: lines.collect(),
    }
}
