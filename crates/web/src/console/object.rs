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

use super::audit_detail::AuditDetail;
use super::names::ActorNames;
use super::origin::ListOrigin;
use super::view::{CellView, TimeFormat, TimeView};
use super::{ConsoleState, ErrorPage, StaffUser, frame, notices};
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
    facts: Vec<(&'static str, CellView)>,
    tables: Vec<TableView>,
    statements: Vec<StatementView>,
    history: Vec<HistoryLine>,
}

/// What staff did to the object.
struct HistoryLine {
    at: TimeView,
    action: String,
    by: String,
    href: String,
    what: Vec<String>,
}

/// A small table, ready for a template.
pub(crate) struct TableView {
    pub(crate) title: &'static str,
    pub(crate) empty: &'static str,
    /// Each head, and whether numbers stand under it.
    pub(crate) columns: Vec<(&'static str, bool)>,
    pub(crate) rows: Vec<Vec<CellView>>,
}

/// An account and its newest lines.
pub(super) struct StatementView {
    pub(super) title: String,
    pub(super) href: String,
    pub(super) balance: String,
    pub(super) held: Option<String>,
    pub(super) lines: Vec<LineView>,
}

pub(super) struct LineView {
    pub(super) at: TimeView,
    pub(super) kind: String,
    pub(super) memo: String,
    pub(super) counterpart: String,
    pub(super) actor: String,
    pub(super) change: String,
    pub(super) balance: String,
}

/// An object with the newest lines of its accounts.
type ObjectDetail = (Detail, Vec<(&'static str, Account, Vec<StatementLine>)>, Vec<(AuditRecord, String)>);

pub(super) async fn page(
    State(console): State<Arc<ConsoleState>>,
    Path((app, name, id)): Path<(String, String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let (section, resource) = console.resource(&app, &name).map_err(|_| ErrorPage::nothing())?;
    staff.require_scope(resource.view)?;
    let id = Uuid::try_parse(&id).map_err(|_| ErrorPage::nothing())?;
    if (section.name, resource.name) == ("house", "notices") {
        return notices::page(&console, &staff, id).await;
    }
    let found = read(&console, app.clone(), name.clone(), id).await?;
    let (detail, accounts, history) = found.ok_or_else(ErrorPage::nothing)?;
    let time_format = TimeFormat { now: staff.now, zone: &console.site.context.zone };
    let base = format!("/admin/{}/{}/", section.name, resource.name);
    let actions = resource.actions.iter().filter(|action| action.target != Target::Nothing);
    let fits = |action: &&Action| detail.fit.as_ref().is_none_or(|fit| fit.contains(&action.name));
    let actions = actions.filter(|action| staff.principal.has(action.command.scope)).filter(fits);
    let origin = ListOrigin::read(&query);
    let way = origin.parameters();
    let actions =
        actions.map(|action| (format!("{base}do/?action={}&id={id}{way}", action.name), action.title, action.harms));
    let reports = section.console.reports.iter().filter(|report| report.resource == resource.name);
    let reports = reports.filter(|report| staff.principal.has(report.scope));
    let reports = reports.map(|report| (format!("{base}{id}/{}/", report.name), report.title, false));
    let files = section.console.downloads.iter().filter(|download| download.resource == resource.name);
    let files = files.filter(|download| staff.principal.has(download.scope));
    let files = files.map(|download| (format!("{base}{id}/download/{}/", download.name), download.title, false));
    let page = ObjectPage {
        shell: frame::shell(&console, &staff, detail.title.clone()),
        actions: reports.chain(files).chain(actions).collect(),
        title: detail.title,
        facts: detail.facts.iter().map(|(name, cell)| (*name, time_format.cell(cell))).collect(),
        tables: detail.tables.iter().map(|table| table_view(&time_format, table)).collect(),
        statements: accounts
            .into_iter()
            .map(|(title, account, lines)| render(&time_format, title, &account, lines))
            .collect(),
        history: history.into_iter().map(|(record, by)| history_lines(&time_format, record, by)).collect(),
        back: origin.back(&base, resource.title),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

async fn read(
    console: &Arc<ConsoleState>,
    app: String,
    name: String,
    id: Uuid,
) -> Result<Option<ObjectDetail>, Problem> {
    let reading = Arc::clone(console);
    console
        .site
        .context
        .store
        .read(move |tx| {
            let (_, resource) = reading.resource(&app, &name)?;
            let Some(mut detail) = (resource.detail)(tx, id)? else { return Ok(None) };
            let mut names = ActorNames::default();
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

fn history_lines(time_format: &TimeFormat<'_>, record: AuditRecord, by: String) -> HistoryLine {
    let action = record.action.rsplit('.').next().unwrap_or_default().replace('-', " ");
    HistoryLine {
        at: time_format.moment(record.at),
        action,
        by,
        href: format!("/admin/house/audit/{}/", record.id),
        what: action_text(&record.detail),
    }
}

/// What was changed, from what to what; where nothing that shows was, what was entered.
fn action_text(detail: &str) -> Vec<String> {
    let shown = |text: &String| if text.is_empty() { "nothing".to_owned() } else { text.clone() };
    let AuditDetail { changed, entered, .. } = AuditDetail::read(detail);
    if !changed.is_empty() {
        let changed = changed.iter();
        return changed.map(|[name, before, after]| format!("{name}: {} → {}", shown(before), shown(after))).collect();
    }
    let entered = entered.iter().filter(|[_, value]| !value.is_empty());
    entered.map(|[name, value]| format!("{name}: {value}")).collect()
}

pub(crate) fn table_view(time_format: &TimeFormat<'_>, table: &DetailTable) -> TableView {
    let shown = |row: &Vec<Cell>| row.iter().map(|cell| time_format.cell(cell)).collect();
    let rows: Vec<Vec<CellView>> = table.rows.iter().map(shown).collect();
    let numbers = |index: usize| rows.iter().any(|row| row.get(index).is_some_and(CellView::is_number));
    let columns = table.columns.iter().enumerate().map(|(index, title)| (*title, numbers(index))).collect();
    TableView { title: table.title, empty: table.empty, columns, rows }
}

pub(super) fn render(
    time_format: &TimeFormat<'_>,
    title: &str,
    account: &Account,
    lines: Vec<StatementLine>,
) -> StatementView {
    let lines = lines.into_iter().map(|line| LineView {
        at: time_format.moment(line.at),
        kind: line.kind,
        memo: line.memo,
        counterpart: line.counterpart.to_string(),
        actor: line.actor,
        change: line.change.for_people(),
        balance: line.balance.for_people(),
    });
    StatementView {
        title: title.to_owned(),
        href: format!("/admin/ledger/accounts/{}/", account.id.get()),
        balance: account.balance.for_people(),
        held: account.held.is_positive().then(|| account.held.for_people()),
        lines: lines.collect(),
    }
}
