//! What staff may do to a sale: reverse it, and say how it turned out.

use std::sync::Arc;

use purser_kit::console::{Input, Outcome, Preview, count_noun};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, Rule};

use crate::Charge;
use crate::api::SaleJson;
use crate::credit::command::total;
use crate::domain::Sale;
use crate::seller::command::REASON;
use crate::service::{
    Resolution, SaleReversal, resolution_apply, resolution_plan, sale_get, sale_reversal_apply, sale_reversal_plan,
    sale_unknown,
};
use crate::store::sales_by_id;

/// Sales.
pub(crate) static SALES: Noun<Charge> = Noun {
    app: "charge",
    name: "sales",
    one: "sale",
    binding: None,
    records: |charge, tx, ids| {
        let record = |sale: Sale| Ok((sale.id, AuditSnapshot::of(&SaleJson::from(sale))?));
        sales_by_id(tx, ids, charge.settings.currency)?.into_iter().map(record).collect()
    },
};

/// What staff may do to sales, in the order of the buttons.
pub(crate) fn sale_commands(charge: &Arc<Charge>) -> Commands {
    Commands::of(charge).with(&SALE_REVERSE).with(&SALE_RESOLVE).all()
}

/// What a sale is called in a report.
fn name(sale: &Sale) -> String {
    format!("{} for {}", sale.amount.for_people(), sale.number)
}

/// Gives a completed sale's credit back, once.
pub(crate) static SALE_REVERSE: Command<Charge, String, SaleReversal, Sale> = Command {
    spec: CommandSpec::money("charge.sales.reverse", "charge.settle").titled("Reverse", "").on_many().harms(),
    noun: &SALES,
    form: |_| Form::of(FormField::line("reason", "Reason", REASON, 1, 500)).previewed_with(String::new()),
    plan: |charge, tx, _, id, reason| sale_reversal_plan(tx, &charge.settings, id, reason),
    apply: |_, tx, cx, reversal| sale_reversal_apply(tx, cx.now, reversal, &cx.actor),
    will: |plans| {
        let (amount, count) = (total(plans.iter().map(|plan| plan.sale.priced.price)), count_noun(plans.len(), "sale"));
        let sentence = format!("{amount} goes back to the sellers' credit, from {count}. This cannot be taken back.");
        Preview::of(plans, sentence, |plan| {
            (name(&plan.sale), format!("{} goes back", plan.sale.priced.price.for_people()))
        })
    },
    outcome: |reversed| {
        let sentence = format!("{} reversed; the credit is back.", count_noun(reversed.len(), "sale"));
        Outcome::rows(reversed, sentence, |sale| (name(sale), "is reversed".to_owned()))
    },
    hooks: Hooks::NONE,
};

/// Says how a sale turned out that nobody knew of.
pub(crate) static SALE_RESOLVE: Command<Charge, (bool, String), Resolution, Sale> = Command {
    spec: CommandSpec::money("charge.sales.resolve", "charge.settle").titled(
        "Resolve",
        "If the number was charged, the amount that is held is taken; else the seller gets it back.",
    ),
    noun: &SALES,
    form: |_| {
        let outcomes = [("completed", "The number was charged"), ("failed", "The number was not charged")];
        let outcomes = outcomes.map(|(value, title)| (value.to_owned(), title.to_owned())).to_vec();
        let outcome = |text: &str| match text {
            "completed" => Ok(true),
            "failed" => Ok(false),
            _ => Err(Rule::new("unknown_value", "be completed or failed")),
        };
        Form::of((
            FormField::parsed("outcome", "What happened", "As the operator's own statement says.", outcome)
                .input(Input::Choice(outcomes)),
            FormField::line("reason", "Reason", REASON, 1, 400),
        ))
    },
    plan: |charge, tx, cx, id, (completed, reason)| {
        resolution_plan(tx, &charge.settings, id, *completed, format!("{reason} ({})", cx.actor))
    },
    apply: |charge, tx, cx, resolution| resolution_apply(tx, cx.now, &charge.settings, resolution),
    will: |plans| {
        Preview::of_one(plans, |plan| match plan.completed {
            true => format!("{} is taken: the number was charged.", name(&plan.sale)),
            false => format!("{} is given back: the number was not charged.", name(&plan.sale)),
        })
    },
    outcome: |resolved| Outcome::of(resolved, |sale| format!("The sale is {} now.", sale.status.name())),
    hooks: Hooks::NONE.check(|charge: &Charge, tx, _, id| sale_unknown(tx, &charge.settings, id).map(drop)).about(
        |charge: &Charge, tx, id| {
            let sale = name(&sale_get(tx, &charge.settings, id)?);
            Ok(format!("{sale} is held. If the number was charged it is taken, else the seller gets it back."))
        },
    ),
};
