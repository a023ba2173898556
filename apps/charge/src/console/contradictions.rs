//! Contradictions in the console, and in its inbox: what operators said against what was settled.

use std::sync::Arc;

use purser_kit::{Commands, Problem};
use purser_kit::console::{
    Action, Cell, Choice, Column, Detail, Done, Filter, Kind, Listing, Preview, Resource, Search, Target, Tone,
};
use purser_store::Tx;
use uuid::Uuid;

use super::{badge, one, reason, sale_badge};
use crate::Charge;
use crate::commands;
use crate::contradiction::{Contradiction, ContradictionStatus, Decision};
use crate::domain::{SaleStatus, Settings};
use crate::error::Error;
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
                Column::new("created_at", "When", "x.created_at", Kind::Time),
                Column::new("seller", "Seller", "s.name", Kind::Text),
                Column::new("number", "Number", "p.number", Kind::Text),
                Column::new("amount", "Amount", "c.amount", Kind::Money(currency)),
                Column::new("settled", "Settled as", "x.settled", Kind::Choice(SIDES)),
                Column::new("said", "Operator says", "x.said", Kind::Choice(SIDES)),
                Column::new("status", "Status", "x.status", Kind::Choice(STATES)),
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
        commands: Commands::default(),
        actions: vec![
            settle(charge, "charge", "Charge the seller", Decision::Charge),
            settle(charge, "give-back", "Give the credit back", Decision::GiveBack),
            settle(charge, "dismiss", "Dismiss", Decision::Dismiss),
        ],
    }
}

fn detail(tx: &mut Tx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
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

/// Why a decision cannot be made now, where it cannot.
fn obstacle(
    tx: &mut Tx<'_>,
    settings: &Settings,
    one: &Contradiction,
    decision: Decision,
) -> Result<Option<Error>, Error> {
    if let Err(error) = service::contradiction_fits(one, decision) {
        return Ok(Some(error));
    }
    let available = service::seller_get(tx, settings, one.seller)?.available();
    let is_short = decision == Decision::Charge && available < one.price;
    Ok(is_short.then_some(Error::InsufficientCredit { available, needed: one.price }))
}

fn settle(charge: &Arc<Charge>, name: &'static str, title: &'static str, decision: Decision) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name,
        title,
        command: &commands::CONTRADICTION_SETTLE,
        target: Target::One,
        harms: decision == Decision::Charge,
        fields: Box::new(|_, _| Ok(vec![reason()])),
        preview: Box::new(move |tx, _, ids| {
            let one = service::contradiction_get(tx, &reading, one(ids)?)?;
            let obstacle = obstacle(tx, &reading, &one, decision)?.map(|error| error.to_string());
            let (price, seller) = (one.price.for_people(), &one.seller_name);
            let sentence = match decision {
                Decision::Charge => format!("{seller} pays {price} for a charge that its operator says was made."),
                Decision::GiveBack => format!("{seller} gets {price} back for a charge that its operator says failed."),
                Decision::Dismiss => {
                    format!("The sale stays {}. Nothing is posted; the operator was wrong.", one.settled.name())
                }
            };
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let reason = fields.line("reason", 1, 300);
            let reason = fields.required("reason", reason);
            let reason = fields.finish(reason)?;
            let id = one(ids)?;
            let settled = service::contradiction_settle(tx, doer.now, &settings, id, decision, &doer.actor, &reason)?;
            Ok(Done::sentence(format!("The contradiction is {} now.", settled.status.title()), id))
        }),
    }
}
