//! What staff decide on an operator's word against a settled sale.

use std::sync::Arc;

use purser_kit::console::{Done, Input, Preview};
use purser_kit::{Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, Record, RequestContext, Rule};
use purser_store::ReadTx;
use uuid::Uuid;

use super::{Contradiction, Decision};
use crate::Charge;
use crate::api::ContradictionJson;
use crate::error::Error;
use crate::seller::command::REASON;
use crate::service::{Settlement, settlement_apply, settlement_plan};
use crate::store::contradiction::contradiction_find;

/// Contradictions.
pub(crate) static CONTRADICTIONS: Noun<Charge> = Noun {
    app: "charge",
    name: "contradictions",
    one: "contradiction",
    tie: None,
    records: |charge, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(contradiction) = contradiction_find(tx, *id, charge.settings.currency)? {
                records.push((*id, Record::of(&ContradictionJson::from(contradiction))?));
            }
        }
        Ok(records)
    },
};

/// What may be decided on contradictions, in the order of the buttons.
pub(crate) fn contradiction_commands(charge: &Arc<Charge>) -> Commands {
    Commands::of(charge).with(&CHARGE).with(&GIVE_BACK).with(&DISMISS).all()
}

const fn decision<I>(
    spec: CommandSpec,
    form: fn(&Charge) -> Form<I>,
    plan: fn(&Charge, &mut ReadTx<'_>, &RequestContext, Uuid, &I) -> Result<Settlement, Error>,
) -> Command<Charge, I, Settlement, Contradiction> {
    Command {
        spec,
        noun: &CONTRADICTIONS,
        form,
        plan,
        apply: |charge, tx, cx, settlement| settlement_apply(tx, cx.now, &charge.settings, settlement, &cx.actor),
        will: |plans| Preview::said(plans, said),
        did: |settled| Done::of(settled, |one| format!("The contradiction is {} now.", one.status.title())),
        hooks: Hooks::NONE,
    }
}

fn said(Settlement { contradiction, decision, .. }: &Settlement) -> String {
    let (price, seller) = (contradiction.price.for_people(), &contradiction.seller_name);
    match decision {
        Decision::Charge => format!("{seller} pays {price} for a charge that its operator says was made."),
        Decision::GiveBack => format!("{seller} gets {price} back for a charge that its operator says failed."),
        Decision::Dismiss => {
            format!("The sale stays {}. Nothing is posted; the operator was wrong.", contradiction.settled.name())
        }
    }
}

fn reason(_: &Charge) -> Form<String> {
    Form::of(FormField::line("reason", "Reason", REASON, 1, 300)).previewed_with(String::new())
}

/// The seller pays after all.
static CHARGE: Command<Charge, String, Settlement, Contradiction> = decision(
    CommandSpec::money("charge.contradictions.charge", "charge.settle").titled("Charge the seller", "").harms(),
    reason,
    |charge, tx, _, id, reason| settlement_plan(tx, &charge.settings, id, Decision::Charge, reason),
);

/// The seller gets the credit back.
static GIVE_BACK: Command<Charge, String, Settlement, Contradiction> = decision(
    CommandSpec::money("charge.contradictions.give-back", "charge.settle").titled("Give the credit back", ""),
    reason,
    |charge, tx, _, id, reason| settlement_plan(tx, &charge.settings, id, Decision::GiveBack, reason),
);

/// What was settled stands.
static DISMISS: Command<Charge, String, Settlement, Contradiction> = decision(
    CommandSpec::money("charge.contradictions.dismiss", "charge.settle").titled("Dismiss", ""),
    reason,
    |charge, tx, _, id, reason| settlement_plan(tx, &charge.settings, id, Decision::Dismiss, reason),
);

/// One of the three, by its name: what the documented route takes.
pub(crate) static CONTRADICTION_SETTLE: Command<Charge, (Decision, String), Settlement, Contradiction> = decision(
    CommandSpec::money("charge.contradictions.settle", "charge.settle").titled("Settle", ""),
    |_| {
        let names = Decision::NAMES.map(|(name, _)| (name.to_owned(), name.to_owned())).to_vec();
        let help =
            "charge: the seller pays after all. give_back: it gets the credit back. dismiss: what was settled stands.";
        let decision = |text: &str| {
            let found = Decision::NAMES.into_iter().find(|(name, _)| *name == text).map(|(_, decision)| decision);
            found.ok_or_else(|| Rule::new("unknown_value", "be charge, give_back or dismiss"))
        };
        Form::of((
            FormField::parsed("decision", "Decision", help, decision).input(Input::Choice(names)),
            FormField::line("reason", "Reason", REASON, 1, 300),
        ))
    },
    |charge, tx, _, id, (decision, reason)| settlement_plan(tx, &charge.settings, id, *decision, reason),
);
