//! The ledger: the chart of accounts as a tree, and each account's statement.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use purser_kit::Problem;
use purser_ledger::{AccountId, AccountPath, Branch, TransferId, account_by_path, account_get, branches, statement};
use serde::Deserialize;

use super::names::Names;
use super::object::{StatementShown, shown};
use super::show::{Clockface, grouped};
use super::visitor::escaped;
use super::{Desk, Refusal, Visitor, frame};
use crate::pages::{self, Shell};

/// The scope that opens the books.
pub(super) const SCOPE: &str = "ledger.read";

/// Branches on a page.
const BRANCHES: u32 = 200;

/// Lines on a page of a statement.
const LINES: u32 = 100;

#[derive(Deserialize)]
pub(super) struct Place {
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
    rows: Vec<BranchShown>,
    next: Option<String>,
}

struct BranchShown {
    name: String,
    href: String,
    kind: &'static str,
    accounts: String,
    balance: String,
    held: String,
    is_leaf: bool,
}

pub(super) async fn tree(
    State(desk): State<Arc<Desk>>,
    Query(place): Query<Place>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    visitor.needs(SCOPE)?;
    let under = place.under.filter(|under| !under.is_empty());
    let parent = under.map(AccountPath::new).transpose().map_err(|_| Refusal::nothing())?;
    let (read_under, after) = (parent.clone(), place.after);
    let found = desk.house.context.store.read(move |tx| {
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
        shell: frame::shell(&desk, &visitor, "Chart of accounts"),
        crumbs: crumbs(here.as_deref()),
        here,
        rows: found.into_iter().map(|(branch, leaf)| branch_shown(branch, leaf)).collect(),
        next,
    };
    Ok(pages::page(StatusCode::OK, &page))
}

fn branch_shown(branch: Branch, leaf: Option<AccountId>) -> BranchShown {
    let href = match leaf {
        Some(id) => format!("/admin/ledger/accounts/{}/", id.get()),
        None => format!("/admin/ledger/accounts/?under={}", escaped(&branch.path)),
    };
    BranchShown {
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
pub(super) struct Before {
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
    statement: StatementShown,
    next: Option<String>,
    first: Option<String>,
}

pub(super) async fn account(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    Query(Before { before }): Query<Before>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    visitor.needs(SCOPE)?;
    let id = AccountId::from_column(id.parse().map_err(|_| Refusal::nothing())?);
    let read = desk.house.context.store.read(move |tx| {
        let account = account_get(tx, id)?;
        let mut lines = statement(tx, id, before.map(TransferId::from_cursor), LINES + 1)?;
        Names::default().lines(tx, &mut lines)?;
        Ok::<_, Problem>((account, lines))
    });
    let (account, mut lines) = match read.await {
        Ok(read) => read,
        Err(problem) if problem.code().status == 404 => return Err(Refusal::nothing()),
        Err(problem) => return Err(problem.into()),
    };
    let more = lines.len() > LINES as usize;
    lines.truncate(LINES as usize);
    let next = lines.last().filter(|_| more).map(|last| format!("?before={}", last.transfer.get()));
    let face = Clockface { now: visitor.now, zone: &desk.house.context.zone };
    let path = account.path.to_string();
    let parent = path.rsplit_once(':').map(|(parent, _)| parent);
    let page = AccountPage {
        shell: frame::shell(&desk, &visitor, path.clone()),
        crumbs: crumbs(parent),
        kind: account.kind.name(),
        status: account.status.name(),
        floor: account.floor.map(|floor| floor.for_people()),
        statement: shown(&face, "Statement", &account, lines),
        next,
        first: before.map(|_| format!("/admin/ledger/accounts/{}/", account.id.get())),
        path,
    };
    Ok(pages::page(StatusCode::OK, &page))
}
