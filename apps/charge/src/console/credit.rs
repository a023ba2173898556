//! Credit transactions in the console.

use std::sync::Arc;

use purser_kit::{Commands, Problem};
use purser_kit::console::{
    Action, Cell, Choice, Column, Detail, Done, Filter, Kind, Listing, Preview, Resource, Search, Target, Tone,
};
use purser_store::Tx;
use uuid::Uuid;

use super::{badge, one, reason};
use crate::Charge;
use crate::commands;
use crate::domain::{CreditKind, CreditTransaction, Settings};
use crate::error::Error;
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
                Column::new("created_at", "When", "i.created_at", Kind::Time),
                Column::new("seller", "Seller", "s.name", Kind::Text),
                Column::new("kind", "What", "i.kind", Kind::Choice(KINDS)),
                Column::new("amount", "Amount", "i.amount", Kind::Money(currency)),
                Column::new("credit_after", "Credit after", "i.credit_after", Kind::Money(currency)),
                Column::new("reference", "Reference", "i.reference", Kind::Text),
                Column::new("actor", "By", "i.actor", Kind::Text),
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
        commands: Commands::default(),
        actions: vec![reverse(charge)],
    }
}

/// What a transaction does, as a page shows it.
pub(super) fn kind(kind: CreditKind) -> Cell {
    badge(KINDS, kind.name())
}

fn detail(tx: &mut Tx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
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

/// Refuses what cannot be taken back.
fn reversible(credit: &CreditTransaction) -> Result<(), Error> {
    match (credit.kind, credit.taken_back) {
        (CreditKind::Increase, false) => Ok(()),
        (kind, _) => Err(Error::NotTakenBack { is_decrease: kind == CreditKind::Decrease }),
    }
}

fn reverse(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "reverse",
        title: "Take back",
        command: &commands::CREDIT_REVERSE,
        target: Target::One,
        harms: true,
        fields: Box::new(|_, _| Ok(vec![reason()])),
        preview: Box::new(move |tx, _, ids| {
            let credit = service::credit_get(tx, &reading, one(ids)?)?;
            let seller = service::seller_get(tx, &reading, credit.seller)?;
            let short = || {
                let (available, needed) = (seller.available(), credit.amount);
                (available < needed).then_some(Error::InsufficientCredit { available, needed })
            };
            let obstacle = reversible(&credit).err().or_else(short).map(|error| error.to_string());
            let sentence = format!(
                "{} is taken back from {}, which has {} available. Its reference can be used again.",
                credit.amount.for_people(),
                seller.name,
                seller.available().for_people()
            );
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let reason = fields.line("reason", 1, 300);
            let reason = fields.required("reason", reason);
            let reason = fields.finish(reason)?;
            let (id, actor) = (doer.fresh_id(), doer.actor.clone());
            let decrease = service::credit_reverse(tx, doer.now, &settings, one(ids)?, id, &actor, &reason)?;
            let (taken, now) = (decrease.amount.for_people(), decrease.credit_after.for_people());
            Ok(Done::sentence(format!("{taken} is taken back. The credit is {now} now."), one(ids)?))
        }),
    }
}
