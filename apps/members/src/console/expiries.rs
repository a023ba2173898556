//! Expiries in the console: who, when, how many paid, and what was taken back.

use std::sync::Arc;

use purser_kit::console::{
    Cell, Choice, Column, ColumnKind, Detail, DetailTable, Filter, Listing, Resource, Search, Tone,
};
use purser_kit::{Commands, Problem};
use purser_store::ReadTx;
use uuid::Uuid;

use super::ROWS;
use super::members::debt;
use crate::Members;
use crate::domain::{Settings, times};
use crate::service;
use crate::store;

const STATES: &[Choice] = &[
    Choice { value: "stands", title: "stands", tone: Tone::Good },
    Choice { value: "reverted", title: "reverted", tone: Tone::Quiet },
];

pub(super) fn resource(members: &Arc<Members>) -> Resource {
    let currency = members.settings.currency();
    let reading = Arc::clone(&members.settings);
    Resource {
        name: "expiries",
        title: "Expiries",
        one: "expiry",
        about: "What was levied for members who expired, and what was taken back.",
        view: "members.view",
        listing: Listing {
            from: store::expiry::EXPIRIES_FROM,
            id: "e.id",
            columns: vec![
                Column::new("member", "Member", "m.name", ColumnKind::Text),
                Column::new("created_at", "When", "e.created_at", ColumnKind::Time),
                Column::new("levy", "Levy", "e.levy", ColumnKind::Money(currency)),
                Column::new("payers", "Payers", "e.payers", ColumnKind::Number),
                Column::new("debtors", "Owing then", "e.debtors", ColumnKind::Number),
                Column::new("taken", "Into the pool", "e.levy * e.payers", ColumnKind::Money(currency)),
                Column::new(
                    "state",
                    "State",
                    "CASE WHEN e.reverted_at IS NULL THEN 'stands' ELSE 'reverted' END",
                    ColumnKind::Choice(STATES),
                ),
            ],
            search: &[Search::Within("m.name")],
            filters: &[Filter {
                name: "state",
                title: "State",
                choices: &[
                    ("stands", "stands", "e.reverted_at IS NULL"),
                    ("reverted", "reverted", "e.reverted_at IS NOT NULL"),
                ],
            }],
        },
        inbox: None,
        detail: Box::new(move |tx, id| detail(tx, &reading, id)),
        commands: Commands::default(),
        actions: Vec::new(),
    }
}

fn detail(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(expiry) = store::expiry::expiry_find(tx, id, settings.currency())? else { return Ok(None) };
    let member = service::member_get(tx, settings, expiry.member)?;
    let mut debts = Vec::new();
    for owed in store::expiry::debts_of(tx, id, settings.currency())?.into_iter().take(ROWS as usize) {
        let debtor = service::member_get(tx, settings, owed.member)?;
        let debtor = Cell::object(debtor.name, "members", "members", debtor.id);
        debts.push(vec![debtor, Cell::Money(owed.amount), debt(owed.status)]);
    }
    let (reverted, by) =
        expiry.reverted.clone().map_or((Cell::Nothing, Cell::Nothing), |(at, by)| (Cell::Time(at), Cell::Text(by)));
    Ok(Some(Detail {
        title: format!("Expiry of {}", member.name),
        facts: vec![
            ("Member", Cell::object(member.name, "members", "members", member.id)),
            ("When", Cell::Time(expiry.created_at)),
            ("By", Cell::Text(expiry.actor)),
            ("Levy", Cell::Money(expiry.levy)),
            ("Payers", Cell::Number(expiry.payers)),
            ("Owing then", Cell::Number(expiry.debtors)),
            ("Into the pool", times(expiry.levy, expiry.payers).map_or(Cell::Nothing, Cell::Money)),
            ("Reverted", reverted),
            ("Reverted by", by),
            ("Journal entry", expiry.entry.map_or(Cell::Nothing, |entry| Cell::Text(entry.to_string()))),
        ],
        tables: vec![DetailTable {
            title: "Who could not pay then",
            empty: "Everybody paid.",
            columns: vec!["Member", "Levy", "State"],
            rows: debts,
        }],
        ..Detail::default()
    }))
}
