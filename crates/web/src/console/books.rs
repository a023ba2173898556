//! The ledger: the chart of accounts as a tree, and each account's statement.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::Problem;
use purser_ledger::{AccountId, AccountPath, Branch, TransferId, account_by_path, account_get, branches, statement};
use serde::Deserialize;

use super::names::ActorNames;
use super::object::{StatementView, render};
use super::staff_user::escaped;
use super::view::{TimeFormat, grouped};
use super::{ConsoleState, ErrorPage, StaffUser, frame};
use crate::pages::{self, Shell};

/// The scope that opens the books.
pub(super) const SCOPE: &str = "ledger.read";

/// Branches on a page.
const BRANCHES: u32 = 200;

/// Lines on a page of a statement.
const LINES: u32 = 100;

#[derive(Deserialize)]
pub(super) struct TreeQuery {
    under: Option<String>,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "console/tree.html")]
struct TreePage {
    shell: Shell,
    /// The way down to here: name and address.
    crumbs: Vec<(String, String)>,
    here: Option<String>,
    rows: Vec<BranchView>,
    next: Option<String>,
}

struct BranchView {
    name: String,
    href: String,
    kind: &'static str,
    accounts: String,
    balance: String,
    held: String,
    is_leaf: bool,
}

pub(super) async fn tree(
    State(console): State<Arc<ConsoleState>>,
    Query(place): Query<TreeQuery>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    staff.require_scope(SCOPE)?;
    let under = place.under.filter(|under| !under.is_empty());
    let parent = under.map(AccountPath::new).transpose().map_err(|_| ErrorPage::nothing())?;
    let (read_under, after) = (parent.clone(), place.after);
    let found = console.site.context.store.read(move |tx| {
        let found = branches(tx, read_under.as_ref(), after.as_deref(), BRANCHES + 1)?;
        let mut leaves = Vec::with_capacity(found.len());
        for branch in &found {
            let leaf = if branch.is_account && branch.accounts == 1 {
                AccountPath::new(branch.path.clone()).ok().map(|path| account_by_path(tx, &path)).transpose()?.flatten()
            } else {
                None
            };
            leaves.push(leaf.map(|account| account.id));
        }
        Ok::<_, Problem>(found.into_iter().zip(leaves).collect::<Vec<_>>())
    });
    let mut found = found.await?;
    let more = found.len() > BRANCHES as usize;
    found.truncate(BRANCHES as usize);
    let here = parent.map(|path| path.to_string());
    let under = here.as_deref().map_or(String::new(), |here| format!("under={}&", escaped(here)));
    let next = found.last().filter(|_| more).map(|(last, _)| format!("?{under}after={}", escaped(&last.segment)));
    let page = TreePage {
        shell: frame::shell(&console, &staff, "Chart of accounts"),
        crumbs: crumbs(here.as_deref()),
        here,
        rows: found.into_iter().map(|(branch, leaf)| branch_view(branch, leaf)).collect(),
        next,
    };
    Ok(pages::page(StatusCode::OK, &page))
}

fn branch_view(branch: Branch, leaf: Option<AccountId>) -> BranchView {
    let href = match leaf {
        Some(id) => format!("/admin/ledger/accounts/{}/", id.get()),
        None => format!("/admin/ledger/accounts/?under={}", escaped(&branch.path)),
    };
    BranchView {
        href,
        name: branch.segment,
        kind: branch.kind.name(),
        accounts: grouped(&branch.accounts.to_string()),
        balance: branch.balance.for_people(),
        held: if branch.held.is_positive() { branch.held.for_people() } else { String::new() },
        is_leaf: leaf.is_some(),
    }
}

fn crumbs(here: Option<&str>) -> Vec<(String, String)> {
    let mut path = String::new();
    let parts = here.unwrap_or_default().split(':').filter(|part| !part.is_empty());
    let crumbs = parts.map(|part| {
        path.push_str(if path.is_empty() { "" } else { ":" });
        path.push_str(part);
        (part.to_owned(), format!("/admin/ledger/accounts/?under={}", escaped(&path)))
    });
    crumbs.collect()
}

#[derive(Deserialize)]
pub(super) struct HistoryQuery {
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "console/account.html")]
struct AccountPage {
    shell: Shell,
    crumbs: Vec<(String, String)>,
    path: String,
    kind: &'static str,
    status: &'static str,
    floor: Option<String>,
    statement: StatementView,
    next: Option<String>,
    first: Option<String>,
}

pub(super) async fn account(
    State(console): State<Arc<ConsoleState>>,
    Path(id): Path<String>,
    Query(HistoryQuery { before }): Query<HistoryQuery>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    staff.require_scope(SCOPE)?;
    let id = AccountId::from_column(id.parse().map_err(|_| ErrorPage::nothing())?);
    let read = console.site.context.store.read(move |tx| {
        let account = account_get(tx, id)?;
        let mut lines = statement(tx, id, before.map(TransferId::from_cursor), LINES + 1)?;
        ActorNames::default().lines(tx, &mut lines)?;
        Ok::<_, Problem>((account, lines))
    });
    let (account, mut lines) = match read.await {
        Ok(read) => read,
        Err(problem) if problem.code().status == 404 => return Err(ErrorPage::nothing()),
        Err(problem) => return Err(problem.into()),
    };
    let more = lines.len() > LINES as usize;
    lines.truncate(LINES as usize);
    let next = lines.last().filter(|_| more).map(|last| format!("?before={}", last.transfer.get()));
    let time_format = TimeFormat { now: staff.now, zone: &console.site.context.zone };
    let path = account.path.to_string();
    let parent = path.rsplit_once(':').map(|(parent, _)| parent);
    let page = AccountPage {
        shell: frame::shell(&console, &staff, path.clone()),
        crumbs: crumbs(parent),
        kind: account.kind.name(),
        status: account.status.name(),
        floor: account.floor.map(|floor| floor.for_people()),
        statement: render(&time_format, "Statement", &account, lines),
        next,
        first: before.map(|_| format!("/admin/ledger/accounts/{}/", account.id.get())),
        path,
    };
    Ok(pages::page(StatusCode::OK, &page))
}
