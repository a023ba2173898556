//! Operators in the console.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{
    Cell, Choice, Column, ColumnKind, Detail, DetailTable, Filter, Listing, Resource, Search, Tone,
};
use purser_store::ReadTx;
use uuid::Uuid;

use super::{badge, products};
use crate::Charge;
use crate::domain::Settings;
use crate::operator::command::operator_commands;
use crate::store::operator::{OPERATORS_FROM, operator_find, products_named};

pub(super) const STATES: &[Choice] = &[
    Choice { value: "active", title: "active", tone: Tone::Good },
    Choice { value: "stopped", title: "stopped", tone: Tone::Waiting },
];

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let reading = Arc::clone(charge);
    Resource {
        name: "operators",
        title: "Operators",
        one: "operator",
        about: "Whose numbers are charged. The longest prefix that fits a number says whose it is.",
        view: "charge.read",
        listing: Listing {
            from: OPERATORS_FROM,
            id: "o.id",
            columns: vec![
                Column::new("name", "Name", "o.name", ColumnKind::Text).sorted(),
                Column::new("status", "Status", "o.status", ColumnKind::Choice(STATES)),
                Column::new(
                    "prefixes",
                    "Prefixes",
                    "(SELECT COUNT(*) FROM charge_prefix f WHERE f.operator = o.id)",
                    ColumnKind::Number,
                ),
                Column::new(
                    "products",
                    "Products",
                    "(SELECT COUNT(*) FROM charge_product p WHERE p.operator = o.id AND p.status = 'active')",
                    ColumnKind::Number,
                ),
            ],
            search: &[Search::Within("o.name")],
            filters: &[Filter {
                name: "status",
                title: "Status",
                choices: &[("active", "active", "o.status = 'active'"), ("stopped", "stopped", "o.status = 'stopped'")],
            }],
        },
        inbox: None,
        detail: Box::new(move |tx, id| detail(tx, &reading.settings, id)),
        commands: operator_commands(charge),
        actions: Vec::new(),
    }
}

pub(super) fn state(is_active: bool) -> Cell {
    badge(STATES, if is_active { "active" } else { "stopped" })
}

fn detail(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(operator) = operator_find(tx, id)? else { return Ok(None) };
    let own = products_named(tx)?.into_iter().filter(|product| product.operator == id);
    Ok(Some(Detail {
        title: operator.name,
        facts: vec![
            ("Status", state(operator.is_active)),
            ("Prefixes", Cell::Text(operator.prefixes.join(" "))),
            ("Id", Cell::Text(id.to_string())),
        ],
        tables: vec![DetailTable {
            title: "Products",
            empty: "No product yet: sales to its numbers are refused until one fits.",
            columns: vec!["Name", "Amounts", "Cost", "Status"],
            rows: own.map(|product| products::row(&product, settings)).collect(),
        }],
        ..Detail::default()
    }))
}
