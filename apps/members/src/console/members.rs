//! Members in the console.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{
    Cell, Choice, Column, ColumnKind, Detail, DetailTable, Filter, Listing, Resource, Search, Tone,
};
use purser_ledger::{StatementLine, statement};
use purser_store::ReadTx;
use uuid::Uuid;

use super::{ROWS, alive};
use crate::Members;
use crate::domain::{DebtStatus, Expiry, Settings};
use crate::member::command::member_commands;
use crate::service;
use crate::store;

const LIVES: &[Choice] = &[
    Choice { value: "alive", title: "alive", tone: Tone::Good },
    Choice { value: "expired", title: "expired", tone: Tone::Quiet },
];

/// Statement lines looked through for levies.
const LINES: u32 = 200;

pub(super) fn resource(members: &Arc<Members>) -> Resource {
    let currency = members.settings.currency();
    let reading = Arc::clone(&members.settings);
    Resource {
        name: "members",
        title: "Members",
        one: "member",
        about: "Who belongs to the pool, and what is in each wallet.",
        view: "members.view",
        listing: Listing {
            from: store::MEMBERS_FROM,
            id: "m.id",
            columns: vec![
                Column::new("name", "Name", "m.name", ColumnKind::Text).sorted(),
                Column::new("email", "Email", "m.email", ColumnKind::Text),
                Column::new("wallet_balance", "Wallet", "b.balance", ColumnKind::Money(currency)),
                Column::new(
                    "state",
                    "State",
                    "CASE WHEN m.expired_at IS NULL THEN 'alive' ELSE 'expired' END",
                    ColumnKind::Choice(LIVES),
                ),
                Column::new("expired_date", "Expired", "m.expired_at", ColumnKind::Time),
                Column::new("created_at", "Since", "m.created_at", ColumnKind::Time),
            ],
            search: &[Search::Within("m.name"), Search::Within("m.email")],
            filters: &[Filter {
                name: "state",
                title: "State",
                choices: &[
                    ("alive", "alive", "m.expired_at IS NULL"),
                    ("expired", "expired", "m.expired_at IS NOT NULL"),
                ],
            }],
        },
        inbox: None,
        detail: Box::new(move |tx, id| detail(tx, &reading, id)),
        commands: member_commands(members),
        actions: Vec::new(),
    }
}

fn detail(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(member) = store::member_find(tx, id, settings.currency())? else { return Ok(None) };
    let expiries = store::expiry::expiries_of(tx, id, ROWS, settings.currency())?;
    let owed = service::debts_owed(tx, settings, id)?;
    let lines = statement(tx, member.account, None, LINES)?;
    let mut facts = vec![
        ("State", alive(member.is_expired())),
        ("Wallet", Cell::Money(member.balance)),
        ("Email", Cell::Text(member.email.clone())),
        ("Expired", Cell::time(member.expired_at)),
        ("Since", Cell::Time(member.created_at)),
        ("Changed", Cell::Time(member.updated_at)),
        ("Id", Cell::Text(member.id.to_string())),
    ];
    if let Some(first) = owed.first() {
        let count = i64::try_from(owed.len()).unwrap_or(i64::MAX);
        let sum = crate::domain::times(first.amount, count).unwrap_or(first.amount);
        facts.insert(2, ("Owes for expiries", Cell::Money(sum)));
    }
    let mut tables = vec![DetailTable {
        title: "Levies",
        empty: "This member has not paid for anybody yet.",
        columns: vec!["When", "What", "Amount", "Wallet after"],
        rows: lines.iter().filter(|line| is_levy(line)).take(ROWS as usize).map(levy_row).collect(),
    }];
    if !expiries.is_empty() {
        tables.insert(0, own_expiries(&expiries));
    }
    let life = if member.is_expired() { "revert" } else { "expire" };
    Ok(Some(Detail {
        title: member.name.clone(),
        facts,
        accounts: vec![("Wallet", member.account)],
        tables,
        fit: Some(vec![life, "edit", "top-up", "withdraw", "correct"]),
    }))
}

fn is_levy(line: &StatementLine) -> bool {
    matches!(line.kind.as_str(), "members.levy" | "members.levy-back" | "members.arrears")
}

fn levy_row(line: &StatementLine) -> Vec<Cell> {
    let about = line.reference.as_deref().and_then(|id| Uuid::try_parse(id).ok());
    let what = match (about, line.kind.as_str()) {
        (Some(member), "members.levy" | "members.levy-back") => {
            Cell::object(line.memo.clone(), "members", "members", member)
        }
        (Some(expiry), _) => Cell::object(line.memo.clone(), "members", "expiries", expiry),
        (None, _) => Cell::Text(line.memo.clone()),
    };
    vec![Cell::Time(line.at), what, Cell::Money(line.change), Cell::Money(line.balance)]
}

fn own_expiries(expiries: &[Expiry]) -> DetailTable {
    let row = |expiry: &Expiry| {
        let when = Cell::Time(expiry.created_at);
        let (back, by) =
            expiry.reverted.clone().map_or((Cell::Nothing, Cell::Nothing), |(at, by)| (Cell::Time(at), Cell::Text(by)));
        let taken = crate::domain::times(expiry.levy, expiry.payers).map_or(Cell::Nothing, Cell::Money);
        let payers = Cell::object(expiry.payers.to_string(), "members", "expiries", expiry.id);
        vec![when, Cell::Text(expiry.actor.clone()), payers, taken, back, by]
    };
    DetailTable {
        title: "Expiries of this member",
        empty: "None.",
        columns: vec!["When", "By", "Payers", "Into the pool", "Reverted", "By"],
        rows: expiries.iter().map(row).collect(),
    }
}

/// How a debt looks.
pub(super) fn debt(status: DebtStatus) -> Cell {
    let tone = match status {
        DebtStatus::Open => Tone::Waiting,
        DebtStatus::Paid => Tone::Good,
        DebtStatus::Cancelled | DebtStatus::Returned => Tone::Quiet,
    };
    Cell::Badge(tone, status.name().to_owned())
}
