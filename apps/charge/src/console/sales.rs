//! Sales in the console.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Choice, Column, ColumnKind, Detail, Filter, Listing, Resource, Search, Tone};
use purser_store::ReadTx;
use uuid::Uuid;

use super::badge;
use crate::Charge;
use crate::domain::{Sale, SaleStatus, Settings};
use crate::sale::command::sale_commands;
use crate::service;
use crate::store;

const SALE_STATES: &[Choice] = &[
    Choice { value: "completed", title: "completed", tone: Tone::Good },
    Choice { value: "submitted", title: "submitted", tone: Tone::Waiting },
    Choice { value: "unknown", title: "unknown", tone: Tone::Waiting },
    Choice { value: "failed", title: "failed", tone: Tone::Bad },
    Choice { value: "reversed", title: "reversed", tone: Tone::Quiet },
];

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let currency = charge.settings.currency;
    let reading = Arc::clone(charge);
    Resource {
        name: "sales",
        title: "Sales",
        one: "sale",
        about: "Charges sold, newest first.",
        view: "charge.read",
        listing: Listing {
            from: store::SALES_FROM,
            id: "c.id",
            columns: vec![
                Column::new("created_at", "When", "c.created_at", ColumnKind::Time),
                Column::new("seller", "Seller", "s.name", ColumnKind::Text),
                Column::new("number", "Number", "p.number", ColumnKind::Text),
                Column::new("amount", "Amount", "c.amount", ColumnKind::Money(currency)),
                Column::new("operator", "Operator", "o.name", ColumnKind::Text),
                Column::new("price", "Price", "COALESCE(c.price, c.amount)", ColumnKind::Money(currency)),
                Column::new("status", "Status", "c.status", ColumnKind::Choice(SALE_STATES)),
                Column::new("credit_after", "Credit after", "c.credit_after", ColumnKind::Money(currency)),
                Column::new("client_ref", "Client ref", "c.client_ref", ColumnKind::Text),
            ],
            search: &[Search::Begins("c.client_ref")],
            filters: &[Filter {
                name: "status",
                title: "Status",
                // The first half of the others leads SQLite to the index of the few sales that are not completed.
                choices: &[
                    ("completed", "completed", "c.status = 'completed'"),
                    ("submitted", "submitted", "c.status <> 'completed' AND c.status = 'submitted'"),
                    ("unknown", "unknown", "c.status <> 'completed' AND c.status = 'unknown'"),
                    ("failed", "failed", "c.status <> 'completed' AND c.status = 'failed'"),
                    ("reversed", "reversed", "c.status <> 'completed' AND c.status = 'reversed'"),
                ],
            }],
        },
        inbox: Some(("status", "unknown")),
        detail: Box::new(move |tx, id| sale_detail(tx, &reading.settings, id)),
        commands: sale_commands(charge),
        actions: Vec::new(),
    }
}

fn sale_detail(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(sale) = store::sale_find(tx, id, settings.currency)? else { return Ok(None) };
    let seller = service::seller_get(tx, settings, sale.seller)?;
    let product = match sale.priced.product {
        Some(id) => store::operator::product_find(tx, id)?,
        None => None,
    };
    let product = product.map(|known| {
        Cell::object(format!("{}: {}", known.operator_name, known.name), "charge", "products", known.product.id)
    });
    Ok(Some(Detail {
        title: format!("{} for {}", sale.amount.for_people(), sale.number),
        facts: vec![
            ("Status", status(sale.status)),
            ("Seller", Cell::object(seller.name, "charge", "sellers", sale.seller)),
            ("Number", Cell::Text(sale.number.to_string())),
            ("Amount", Cell::Money(sale.amount)),
            ("Product", product.unwrap_or(Cell::Nothing)),
            ("Price", Cell::Money(sale.priced.price)),
            ("Cost", Cell::Money(sale.priced.cost)),
            ("Credit after", Cell::Money(sale.credit_after)),
            ("When", Cell::Time(sale.created_at)),
            ("Settled", Cell::time(sale.settled_at)),
            ("Reason", Cell::text(sale.reason.clone())),
            ("Connector", Cell::Text(sale.connector.clone())),
            ("Operator's reference", Cell::text(sale.operator_ref.clone())),
            ("Client ref", Cell::text(sale.client_ref.clone())),
            ("Id", Cell::Text(sale.id.to_string())),
        ],
        fit: Some(fit(sale.status)),
        ..Detail::default()
    }))
}

/// The actions that fit a sale that stands so.
fn fit(status: SaleStatus) -> Vec<&'static str> {
    match status {
        SaleStatus::Submitted | SaleStatus::Unknown => vec!["resolve"],
        SaleStatus::Completed => vec!["reverse"],
        SaleStatus::Failed | SaleStatus::Reversed => Vec::new(),
    }
}

/// How a sale stands, as a page shows it.
pub(crate) fn status(status: SaleStatus) -> Cell {
    badge(SALE_STATES, status.name())
}

/// A sale in a small table.
pub(super) fn row(sale: &Sale) -> Vec<Cell> {
    vec![
        Cell::Time(sale.created_at),
        Cell::object(sale.number.to_string(), "charge", "sales", sale.id),
        Cell::Money(sale.amount),
        status(sale.status),
        Cell::Money(sale.credit_after),
    ]
}
