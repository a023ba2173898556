//! What staff decide on a payment of no withdrawal.

use std::collections::BTreeMap;
use std::sync::Arc;

use purser_kit::console::{Outcome, Preview};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun};

use super::UnmatchedPayment;
use crate::Coins;
use crate::service::{unmatched_dismiss, unmatched_open};
use crate::store::unmatched::unmatched_find;

/// Payments of no withdrawal.
static UNMATCHED: Noun<Coins> = Noun {
    app: "coins",
    name: "unmatched",
    one: "payment",
    binding: None,
    records: |_, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(found) = unmatched_find(tx, *id)? {
                let reason = found.reason.clone().unwrap_or_default();
                let facts = [("state", found.state.name().to_owned()), ("reason", reason)];
                records.push((*id, AuditSnapshot::of(&BTreeMap::from(facts))?));
            }
        }
        Ok(records)
    },
};

/// What may be decided on such payments.
pub(crate) fn unmatched_commands(coins: &Arc<Coins>) -> Commands {
    Commands::of(coins).with(&DISMISS).all()
}

/// It comes to nothing.
static DISMISS: Command<Coins, String, (UnmatchedPayment, String), UnmatchedPayment> = Command {
    spec: CommandSpec::money("coins.unmatched.dismiss", "coins.pay").titled("Dismiss", ""),
    noun: &UNMATCHED,
    form: |_| {
        let help = "Why nothing more is to be done; it stays on record.";
        Form::of(FormField::line("reason", "Reason", help, 1, 500)).previewed_with(String::new())
    },
    plan: |_, tx, _, id, reason| Ok((unmatched_open(tx, id)?, reason.clone())),
    apply: |_, tx, cx, (found, reason)| unmatched_dismiss(tx, cx, found.id, &reason),
    will: |plans| {
        Preview::of_one(plans, |(found, _)| {
            format!("Nothing is changed. The UTR {} may pay a withdrawal again.", found.utr.as_str())
        })
    },
    outcome: |dismissed| Outcome::of(dismissed, |_| "Dismissed; what the bank says stays on record.".to_owned()),
    hooks: Hooks::NONE,
};
