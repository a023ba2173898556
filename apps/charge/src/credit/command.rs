//! What may be done to a credit transaction: an increase is taken back.

use std::sync::Arc;

use purser_kit::console::{Outcome, Preview};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun};
use purser_money::Money;

use crate::Charge;
use crate::api::CreditJson;
use crate::domain::CreditTransaction;
use crate::seller::command::REASON;
use crate::service::{CreditReversal, reversal_apply, reversal_plan};
use crate::store::credit::credit_find;

/// Credit transactions.
pub(crate) static CREDITS: Noun<Charge> = Noun {
    app: "charge",
    name: "credit",
    one: "credit transaction",
    binding: None,
    records: |charge, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(credit) = credit_find(tx, *id, charge.settings.currency)? {
                records.push((*id, AuditSnapshot::of(&CreditJson::from(credit))?));
            }
        }
        Ok(records)
    },
};

/// What may be done to credit transactions.
pub(crate) fn credit_commands(charge: &Arc<Charge>) -> Commands {
    Commands::of(charge).with(&CREDIT_REVERSE).all()
}

/// Takes a whole increase back, once, where its amount is available still.
pub(crate) static CREDIT_REVERSE: Command<Charge, String, CreditReversal, CreditTransaction> = Command {
    spec: CommandSpec::money("charge.credit.reverse", "charge.credit").titled("Take back", "").harms(),
    noun: &CREDITS,
    form: |_| Form::of(FormField::line("reason", "Reason", REASON, 1, 300)).previewed_with(String::new()),
    plan: |charge, tx, _, id, reason| reversal_plan(tx, &charge.settings, id, reason),
    apply: |charge, tx, cx, reversal| {
        let (id, actor) = (cx.new_id(), cx.actor.clone());
        reversal_apply(tx, cx.now, &charge.settings, reversal, id, &actor)
    },
    will: |plans| {
        Preview::of_one(plans, |CreditReversal { increase, seller, .. }| {
            let (amount, available) = (increase.amount.for_people(), seller.available().for_people());
            let name = &seller.name;
            format!(
                "{amount} is taken back from {name}, which has {available} available. Its reference can be used again."
            )
        })
    },
    outcome: |taken| {
        Outcome::of(taken, |one| {
            let (amount, credit) = (one.amount.for_people(), one.credit_after.for_people());
            format!("{amount} is taken back. The credit is {credit} now.")
        })
    },
    hooks: Hooks::NONE,
};

/// What amounts come to, for people.
pub(crate) fn total(amounts: impl Iterator<Item = Money>) -> String {
    let sum = amounts.reduce(|sum, amount| sum.checked_add(amount).unwrap_or(sum));
    sum.map_or_else(|| "Nothing".to_owned(), Money::for_people)
}
