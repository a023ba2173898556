//! What staff decide on an operator's word against a settled sale.

use std::sync::Arc;

use purser_kit::console::{Input, Outcome, Preview};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, RequestContext, Rule};
use purser_store::ReadTx;
use uuid::Uuid;

use super::{ContradictionDecision, SaleContradiction};
use crate::Charge;
use crate::api::ContradictionJson;
use crate::error::Error;
use crate::seller::command::REASON;
use crate::service::{ContradictionSettlement, settlement_apply, settlement_plan};
use crate::store::contradiction::contradiction_find;

/// Contradictions.
pub(crate) static CONTRADICTIONS: Noun<Charge> = Noun {
    app: "charge",
    name: "contradictions",
    one: "contradiction",
    binding: None,
    records: |charge, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(contradiction) = contradiction_find(tx, *id, charge.settings.currency)? {
                records.push((*id, AuditSnapshot::of(&ContradictionJson::from(contradiction))?));
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
    plan: fn(&Charge, &mut ReadTx<'_>, &RequestContext, Uuid, &I) -> Result<ContradictionSettlement, Error>,
) -> Command<Charge, I, ContradictionSettlement, SaleContradiction> {
    Command {
        spec,
        noun: &CONTRADICTIONS,
        form,
        plan,
        apply: |charge, tx, cx, settlement| settlement_apply(tx, cx.now, &charge.settings, settlement, &cx.actor),
        will: |plans| Preview::of_one(plans, said),
        outcome: |settled| Outcome::of(settled, |one| format!("The contradiction is {} now.", one.status.title())),
        hooks: Hooks::NONE,
    }
}

fn said(ContradictionSettlement { contradiction, decision, .. }: &ContradictionSettlement) -> String {
    let (price, seller) = (contradiction.price.for_people(), &contradiction.seller_name);
    match decision {
        ContradictionDecision::Charge => format!("{seller} pays {price} for a charge that its operator says was made."),
        ContradictionDecision::GiveBack => {
            format!("{seller} gets {price} back for a charge that its operator says failed.")
        }
        ContradictionDecision::Dismiss => {
            format!("The sale stays {}. Nothing is posted; the operator was wrong.", contradiction.settled.name())
        }
    }
}

fn reason(_: &Charge) -> Form<String> {
    Form::of(FormField::line("reason", "Reason", REASON, 1, 300)).previewed_with(String::new())
}

/// The seller pays after all.
static CHARGE: Command<Charge, String, ContradictionSettlement, SaleContradiction> = decision(
    CommandSpec::money("charge.contradictions.charge", "charge.settle").titled("Charge the seller", "").harms(),
    reason,
    |charge, tx, _, id, reason| settlement_plan(tx, &charge.settings, id, ContradictionDecision::Charge, reason),
);

/// The seller gets the credit back.
static GIVE_BACK: Command<Charge, String, ContradictionSettlement, SaleContradiction> = decision(
    CommandSpec::money("charge.contradictions.give-back", "charge.settle").titled("Give the credit back", ""),
    reason,
    |charge, tx, _, id, reason| settlement_plan(tx, &charge.settings, id, ContradictionDecision::GiveBack, reason),
);

/// What was settled stands.
static DISMISS: Command<Charge, String, ContradictionSettlement, SaleContradiction> = decision(
    CommandSpec::money("charge.contradictions.dismiss", "charge.settle").titled("Dismiss", ""),
    reason,
    |charge, tx, _, id, reason| settlement_plan(tx, &charge.settings, id, ContradictionDecision::Dismiss, reason),
);

/// One of the three, by its name: what the documented route takes.
pub(crate) static CONTRADICTION_SETTLE: Command<
    Charge,
    (ContradictionDecision, String),
    ContradictionSettlement,
    SaleContradiction,
> = decision(
    CommandSpec::money("charge.contradictions.settle", "charge.settle").titled("Settle", ""),
    |_| {
        let names = ContradictionDecision::NAMES.map(|(name, _)| (name.to_owned(), name.to_owned())).to_vec();
        let help =
            "charge: the seller pays after all. give_back: it gets the credit back. dismiss: what was settled stands.";
        let decision = |text: &str| {
            let found =
                ContradictionDecision::NAMES.into_iter().find(|(name, _)| *name == text).map(|(_, decision)| decision);
            found.ok_or_else(|| Rule::new("unknown_value", "be charge, give_back or dismiss"))
        };
        Form::of((
            FormField::parsed("decision", "Decision", help, decision).input(Input::Choice(names)),
            FormField::line("reason", "Reason", REASON, 1, 300),
        ))
    },
    |charge, tx, _, id, (decision, reason)| settlement_plan(tx, &charge.settings, id, *decision, reason),
);
