//! Payments of no withdrawal, in the console and in its inbox.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Column, ColumnKind, Detail, Filter, Listing, Resource, Search};
use purser_money::Currency;
use purser_store::ReadTx;
use uuid::Uuid;

use super::contradictions::{STATES, state};
use crate::Coins;
use crate::contradiction::ContradictionState;
use crate::store::unmatched::{UNMATCHED_FROM, unmatched_find};
use crate::unmatched::command::unmatched_commands;

pub(super) fn resource(coins: &Arc<Coins>) -> Resource {
    Resource {
        name: "unmatched",
        title: "Payments of no withdrawal",
        one: "payment",
        about: "A file of the bank says paid for a withdrawal that there is not. The UTR pays nothing until somebody has \
                looked at it.",
        view: "coins.view",
        listing: Listing {
            from: UNMATCHED_FROM,
            id: "m.id",
            columns: vec![
                Column::new("named", "Named by the bank", "m.named", ColumnKind::UserText),
                Column::new("paid", "Paid by the bank", "m.paid", ColumnKind::Money(Currency::INR)),
                Column::new("utr", "UTR of the bank", "m.utr", ColumnKind::Text),
                Column::new("state", "State", "m.state", ColumnKind::Choice(STATES)),
                Column::new("found_at", "Found", "m.found_at", ColumnKind::Time),
            ],
            search: &[Search::BeginsReference("m.utr_key"), Search::Id("m.id")],
            filters: &[Filter {
                name: "state",
                title: "State",
                choices: &[("open", "open", "m.state = 'open'"), ("dismissed", "dismissed", "m.state = 'dismissed'")],
            }],
        },
        inbox: Some(("state", "open")),
        detail: Box::new(detail),
        commands: unmatched_commands(coins),
        actions: Vec::new(),
    }
}

fn detail(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(found) = unmatched_find(tx, id)? else { return Ok(None) };
    let mut facts = vec![
        ("State", state(found.state)),
        ("What the bank says", Cell::Text(found.told.clone())),
        ("Named by the bank", Cell::Text(found.named.clone())),
        ("UTR", Cell::Text(found.utr.as_str().to_owned())),
        ("Paid by the bank", found.paid.map_or(Cell::Nothing, Cell::Money)),
        ("Found", Cell::Time(found.found_at)),
        ("Found by", Cell::Text(found.found_by.clone())),
        ("Decided", Cell::time(found.decided.as_ref().map(|(_, at)| *at))),
        ("Decided by", Cell::text(found.decided.as_ref().map(|(by, _)| by.clone()))),
        ("Reason", Cell::text(found.reason.clone())),
        ("Id", Cell::Text(id.to_string())),
    ];
    facts.retain(|(_, cell)| *cell != Cell::Nothing);
    Ok(Some(Detail {
        title: format!("UTR {}", found.utr.as_str()),
        facts,
        accounts: Vec::new(),
        tables: Vec::new(),
        fit: Some(if found.state == ContradictionState::Open { vec!["dismiss"] } else { Vec::new() }),
    }))
}
