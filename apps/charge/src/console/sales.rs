//! Sales in the console.

use std::sync::Arc;

use purser_kit::console::{
    Action, Cell, Choice, Column, Detail, Done, Field, Filter, Input, Kind, Listing, Preview, Resource, Search, Target,
    Tone, wide_where_many,
};
use purser_kit::{Commands, Problem, Rule};
use purser_money::Money;
use purser_store::Tx;
use uuid::Uuid;

use super::{badge, counted, one, reason};
use crate::Charge;
use crate::commands;
use crate::domain::{Sale, SaleStatus, Settings};
use crate::error::Error;
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
                Column::new("created_at", "When", "c.created_at", Kind::Time),
                Column::new("seller", "Seller", "s.name", Kind::Text),
                Column::new("number", "Number", "p.number", Kind::Text),
                Column::new("amount", "Amount", "c.amount", Kind::Money(currency)),
                Column::new("operator", "Operator", "o.name", Kind::Text),
                Column::new("price", "Price", "COALESCE(c.price, c.amount)", Kind::Money(currency)),
                Column::new("status", "Status", "c.status", Kind::Choice(SALE_STATES)),
                Column::new("credit_after", "Credit after", "c.credit_after", Kind::Money(currency)),
                Column::new("client_ref", "Client ref", "c.client_ref", Kind::Text),
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
        commands: Commands::default(),
        actions: vec![sale_reverse(charge), sale_resolve(charge)],
    }
}

fn sale_detail(tx: &mut Tx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
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

/// What a sale is called in a report.
fn called(sale: &Sale) -> String {
    format!("{} for {}", sale.amount.for_people(), sale.number)
}

fn sale_reverse(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "reverse",
        title: "Reverse",
        command: &commands::SALE_REVERSE,
        target: Target::Many,
        harms: true,
        fields: Box::new(|_, _| Ok(vec![reason()])),
        preview: Box::new(move |tx, _, ids| {
            let mut total = Money::zero(reading.currency);
            let preview = Preview::each(ids, |id| {
                let sale = service::sale_get(tx, &reading, id)?;
                if sale.status != SaleStatus::Completed {
                    return Err(Error::NotReversible(sale.status).into());
                }
                total =
                    total.checked_add(sale.priced.price).ok_or_else(|| Problem::internal("a total past 64 bits"))?;
                Ok((called(&sale), format!("{} goes back", sale.priced.price.for_people())))
            })?;
            Ok(preview.told(|count| {
                format!(
                    "{} goes back to the sellers' credit, from {}. This cannot be taken back.",
                    total.for_people(),
                    counted(count, "sale")
                )
            }))
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let reason = fields.line("reason", 1, 300);
            let reason = fields.required("reason", reason);
            let reason = fields.finish(reason)?;
            // A seller who is frozen at the same moment was frozen after it.
            wide_where_many(tx, ids)?;
            let done = Done::each(ids, |id| {
                let sale = service::sale_reverse(tx, doer.now, &settings, id, &doer.actor, &reason)?;
                Ok((called(&sale), "is reversed".to_owned()))
            })?;
            Ok(done.told(|count| format!("{} reversed; the credit is back.", counted(count, "sale"))))
        }),
    }
}

fn sale_resolve(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "resolve",
        title: "Resolve",
        command: &commands::SALE_RESOLVE,
        target: Target::One,
        harms: false,
        fields: Box::new(|_, _| {
            let outcomes = [("completed", "The number was charged"), ("failed", "The number was not charged")];
            let outcomes = outcomes.map(|(value, title)| (value.to_owned(), title.to_owned())).to_vec();
            let outcome = Field::line("outcome", "What happened", "As the operator's own statement says.");
            Ok(vec![outcome.input(Input::Choice(outcomes)), reason()])
        }),
        preview: Box::new(move |tx, _, ids| {
            let sale = service::sale_get(tx, &reading, one(ids)?)?;
            let obstacle = (sale.status != SaleStatus::Unknown).then(|| Error::Settled(sale.status).to_string());
            let sentence = format!(
                "{} for {} is held. If the number was charged it is taken, else the seller gets it back.",
                sale.amount.for_people(),
                sale.number
            );
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let outcome = fields.parsed("outcome", |text| match text {
                "completed" => Ok(true),
                "failed" => Ok(false),
                _ => Err(Rule::new("unknown_value", "be completed or failed")),
            });
            let outcome = fields.required("outcome", outcome);
            let reason = fields.line("reason", 1, 300);
            let reason = fields.required("reason", reason);
            let (completed, reason) = fields.finish(outcome.zip(reason))?;
            let sale = service::sale_resolve(tx, doer.now, &settings, one(ids)?, completed, &reason)?;
            Ok(Done::sentence(format!("The sale is {} now.", sale.status.name()), sale.id))
        }),
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
