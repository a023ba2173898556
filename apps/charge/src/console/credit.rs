//! Credit transactions in the console.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Choice, Column, ColumnKind, Detail, Filter, Listing, Resource, Search, Tone};
use purser_store::ReadTx;
use uuid::Uuid;

use super::badge;
use crate::Charge;
use crate::credit::command::credit_commands;
use crate::domain::{CreditKind, Settings};
use crate::service;
use crate::store::credit::{CREDIT_FROM, credit_find};

const KINDS: &[Choice] = &[
    Choice { value: "increase", title: "increase", tone: Tone::Good },
    Choice { value: "decrease", title: "decrease", tone: Tone::Bad },
];

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let currency = charge.settings.currency;
    let reading = Arc::clone(charge);
    Resource {
        name: "credit",
        title: "Credit transactions",
        one: "credit transaction",
        about: "Credit that staff gave to sellers and took from them.",
        view: "charge.read",
        listing: Listing {
            from: CREDIT_FROM,
            id: "i.id",
            columns: vec![
                Column::new("created_at", "When", "i.created_at", ColumnKind::Time),
                Column::new("seller", "Seller", "s.name", ColumnKind::Text),
                Column::new("kind", "What", "i.kind", ColumnKind::Choice(KINDS)),
                Column::new("amount", "Amount", "i.amount", ColumnKind::Money(currency)),
                Column::new("credit_after", "Credit after", "i.credit_after", ColumnKind::Money(currency)),
                Column::new("reference", "Reference", "i.reference", ColumnKind::Text),
                Column::new("actor", "By", "i.actor", ColumnKind::Text),
            ],
            search: &[Search::Within("i.reference"), Search::Within("s.name")],
            filters: &[
                Filter {
                    name: "kind",
                    title: "What",
                    choices: &[
                        ("increase", "increases", "i.kind = 'increase'"),
                        ("decrease", "decreases", "i.kind = 'decrease'"),
                        ("taken_back", "taken back", "i.taken_back = 1"),
                    ],
                },
                Filter {
                    name: "reference",
                    title: "Reference",
                    choices: &[
                        ("clash", "used before, and nobody said why", "i.repeats IS NOT NULL AND i.repeat_meant = 0"),
                        ("again", "used again on purpose", "i.repeats IS NOT NULL AND i.repeat_meant = 1"),
                    ],
                },
            ],
        },
        inbox: None,
        detail: Box::new(move |tx, id| detail(tx, &reading.settings, id)),
        commands: credit_commands(charge),
        actions: Vec::new(),
    }
}

/// What a transaction does, as a page shows it.
pub(super) fn kind(kind: CreditKind) -> Cell {
    badge(KINDS, kind.name())
}

fn detail(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(credit) = credit_find(tx, id, settings.currency)? else { return Ok(None) };
    let seller = service::seller_get(tx, settings, credit.seller)?;
    let other = |id: Option<Uuid>, title: &str| match id {
        Some(id) => Cell::object(title, "charge", "credit", id),
        None => Cell::Nothing,
    };
    let first = if credit.repeat_meant { "this one; that is meant" } else { "this one; nobody said why" };
    let is_reversible = credit.kind == CreditKind::Increase && !credit.taken_back;
    Ok(Some(Detail {
        title: format!("{} for {}", credit.amount.for_people(), seller.name),
        facts: vec![
            ("What", kind(credit.kind)),
            ("Seller", Cell::object(seller.name, "charge", "sellers", credit.seller)),
            ("Amount", Cell::Money(credit.amount)),
            ("Credit after", Cell::Money(credit.credit_after)),
            ("Reference", Cell::text(credit.reference)),
            ("Reference used before", other(credit.repeats, first)),
            ("Reason", Cell::text(credit.reason)),
            ("Takes back", other(credit.takes_back, "this increase")),
            ("Taken back", Cell::text(credit.taken_back.then(|| "yes".to_owned()))),
            ("By", Cell::Text(credit.actor)),
            ("When", Cell::Time(credit.created_at)),
        ],
        fit: (!is_reversible).then(Vec::new),
        ..Detail::default()
    }))
}
