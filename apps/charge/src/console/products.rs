//! Products in the console, and what a seller pays for them.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Column, ColumnKind, Detail, DetailTable, Filter, Listing, Resource, Search};
use purser_money::Money;
use purser_store::ReadTx;
use uuid::Uuid;

use super::operators::{STATES, state};
use crate::Charge;
use crate::catalog::{Product, percent};
use crate::domain::{NamedProduct, Settings};
use crate::product::command::product_commands;
use crate::store::operator::{PRODUCTS_FROM, prices_of, product_find, products_named};

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let (currency, reading) = (charge.settings.currency, Arc::clone(&charge.settings));
    Resource {
        name: "products",
        title: "Products",
        one: "product",
        about: "Amounts that operators sell, and what they take of them.",
        view: "charge.read",
        listing: Listing {
            from: PRODUCTS_FROM,
            id: "p.id",
            columns: vec![
                Column::new("name", "Name", "p.name", ColumnKind::Text).sorted(),
                Column::new("operator", "Operator", "o.name", ColumnKind::Text).sorted(),
                Column::new("low", "From", "p.low", ColumnKind::Money(currency)),
                Column::new("high", "To", "p.high", ColumnKind::Money(currency)),
                Column::new("status", "Status", "p.status", ColumnKind::Choice(STATES)),
            ],
            search: &[Search::Within("p.name"), Search::Within("o.name")],
            filters: &[Filter {
                name: "status",
                title: "Status",
                choices: &[("active", "active", "p.status = 'active'"), ("stopped", "stopped", "p.status = 'stopped'")],
            }],
        },
        inbox: None,
        detail: Box::new(move |tx, id| {
            let Some(product) = product_find(tx, id)? else { return Ok(None) };
            Ok(Some(Detail {
                title: format!("{} of {}", product.name, product.operator_name),
                facts: vec![
                    ("Status", state(product.is_active)),
                    ("Operator", Cell::object(product.operator_name, "charge", "operators", product.operator)),
                    ("Amounts", Cell::Text(amounts(&product.product, &reading))),
                    ("Cost", Cell::Text(format!("{}%", percent(product.product.cost)))),
                    ("Id", Cell::Text(id.to_string())),
                ],
                ..Detail::default()
            }))
        }),
        commands: product_commands(charge),
        actions: Vec::new(),
    }
}

fn amounts(product: &Product, settings: &Settings) -> String {
    let told = |minor| Money::new(minor, settings.currency).for_people();
    if product.low == product.high {
        told(product.low)
    } else {
        format!("{} to {}", told(product.low), told(product.high))
    }
}

/// A product in a small table.
pub(super) fn row(product: &NamedProduct, settings: &Settings) -> Vec<Cell> {
    vec![
        Cell::object(product.name.clone(), "charge", "products", product.product.id),
        Cell::Text(amounts(&product.product, settings)),
        Cell::Text(format!("{}%", percent(product.product.cost))),
        state(product.is_active),
    ]
}

/// What a seller pays for products.
pub(super) fn prices(tx: &mut ReadTx<'_>, seller: Uuid) -> Result<DetailTable, Problem> {
    let own = prices_of(tx, seller)?;
    let rows = products_named(tx)?.into_iter().filter_map(|product| {
        let (_, price) = own.iter().find(|(id, _)| *id == product.product.id)?;
        Some(vec![
            Cell::object(product.name, "charge", "products", product.product.id),
            Cell::Text(product.operator_name),
            Cell::Text(format!("{}%", percent(*price))),
            Cell::Text(format!("{}%", percent(price - product.product.cost))),
        ])
    });
    Ok(DetailTable {
        title: "Own prices",
        empty: "The seller pays the whole amount for every product.",
        columns: vec!["Product", "Operator", "Price", "Margin"],
        rows: rows.collect(),
    })
}
