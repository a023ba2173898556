//! Contradictions in the console, and in its inbox: what operators said against what was settled.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Choice, Column, ColumnKind, Detail, Filter, Listing, Resource, Search, Tone};
use purser_store::ReadTx;
use uuid::Uuid;

use super::{badge, sale_badge};
use crate::Charge;
use crate::contradiction::ContradictionStatus;
use crate::contradiction::command::contradiction_commands;
use crate::domain::{SaleStatus, Settings};
use crate::service;
use crate::store::contradiction::{CONTRADICTIONS_FROM, contradiction_find};

const STATES: &[Choice] = &[
    Choice { value: "open", title: "open", tone: Tone::Waiting },
    Choice { value: "charged", title: "charged", tone: Tone::Good },
    Choice { value: "given_back", title: "given back", tone: Tone::Good },
    Choice { value: "dismissed", title: "dismissed", tone: Tone::Quiet },
];

const SIDES: &[Choice] = &[
    Choice { value: "completed", title: "completed", tone: Tone::Good },
    Choice { value: "failed", title: "failed", tone: Tone::Bad },
    Choice { value: "reversed", title: "reversed", tone: Tone::Quiet },
];

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let currency = charge.settings.currency;
    let reading = Arc::clone(&charge.settings);
    Resource {
        name: "contradictions",
        title: "Contradictions of operators",
        one: "contradiction",
        about: "Operators' words against what was settled: either the number was charged for nothing, or the seller was.",
        view: "charge.read",
        listing: Listing {
            from: CONTRADICTIONS_FROM,
            id: "x.id",
            columns: vec![
                Column::new("created_at", "When", "x.created_at", ColumnKind::Time),
                Column::new("seller", "Seller", "s.name", ColumnKind::Text),
                Column::new("number", "Number", "p.number", ColumnKind::Text),
                Column::new("amount", "Amount", "c.amount", ColumnKind::Money(currency)),
                Column::new("settled", "Settled as", "x.settled", ColumnKind::Choice(SIDES)),
                Column::new("said", "Operator says", "x.said", ColumnKind::Choice(SIDES)),
                Column::new("status", "Status", "x.status", ColumnKind::Choice(STATES)),
            ],
            search: &[Search::Within("s.name"), Search::Begins("p.number")],
            filters: &[Filter {
                name: "status",
                title: "Status",
                choices: &[
                    ("open", "open", "x.status = 'open'"),
                    ("charged", "charged", "x.status = 'charged'"),
                    ("given_back", "given back", "x.status = 'given_back'"),
                    ("dismissed", "dismissed", "x.status = 'dismissed'"),
                ],
            }],
        },
        inbox: Some(("status", "open")),
        detail: Box::new(move |tx, id| detail(tx, &reading, id)),
        commands: contradiction_commands(charge),
        actions: Vec::new(),
    }
}

fn detail(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(one) = contradiction_find(tx, id, settings.currency)? else { return Ok(None) };
    let (sale, seller) = (service::sale_get(tx, settings, one.sale)?, service::seller_get(tx, settings, one.seller)?);
    let fit = match (one.status, one.said) {
        (ContradictionStatus::Open, SaleStatus::Completed) => vec!["charge", "dismiss"],
        (ContradictionStatus::Open, _) => vec!["give-back", "dismiss"],
        _ => Vec::new(),
    };
    Ok(Some(Detail {
        title: format!("{} for {}: {} or {}", one.amount.for_people(), one.number, one.settled.name(), one.said.name()),
        facts: vec![
            ("Status", badge(STATES, one.status.name())),
            (
                "Sale",
                Cell::object(format!("{} for {}", one.amount.for_people(), one.number), "charge", "sales", one.sale),
            ),
            ("Settled as", badge(SIDES, one.settled.name())),
            ("Settled", Cell::time(sale.settled_at)),
            ("The sale now", sale_badge(sale.status)),
            ("Operator says", badge(SIDES, one.said.name())),
            ("Said first", Cell::Time(one.created_at)),
            ("Taken back by the operator", Cell::time(one.withdrawn_at)),
            ("Said by", Cell::Text(one.source.name().to_owned())),
            ("Operator's reference", Cell::text(one.operator_ref)),
            ("Operator's words", Cell::text(one.words)),
            ("Price", Cell::Money(one.price)),
            ("Seller", Cell::object(one.seller_name, "charge", "sellers", one.seller)),
            ("Available", Cell::Money(seller.available())),
            ("Decided by", Cell::text(one.decided_by)),
            ("Decided", Cell::time(one.decided_at)),
            ("Reason", Cell::text(one.reason)),
        ],
        fit: Some(fit),
        ..Detail::default()
    }))
}
