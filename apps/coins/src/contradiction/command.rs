//! What staff decide on what the bank says otherwise than a withdrawal.

use std::collections::BTreeMap;
use std::sync::Arc;

use purser_kit::console::{Outcome, Preview};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, PlanFn, RequestContext};
use purser_store::ReadTx;
use uuid::Uuid;

use super::{ContradictionRemedy, WithdrawalContradiction};
use crate::Coins;
use crate::domain::Withdrawal;
use crate::error::Error;
use crate::service::{contradiction_dismiss, contradiction_settle, settlement_plan};
use crate::store::contradiction::contradiction_find;
use crate::utr::Utr;

/// Contradictions of the bank.
static CONTRADICTIONS: Noun<Coins> = Noun {
    app: "coins",
    name: "contradictions",
    one: "contradiction",
    binding: None,
    records: |_, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(found) = contradiction_find(tx, *id)? {
                let settlement = found.settlement.map(ContradictionRemedy::name).unwrap_or_default().to_owned();
                let reason = found.reason.clone().unwrap_or_default();
                let facts = [("state", found.state.name().to_owned()), ("settlement", settlement), ("reason", reason)];
                records.push((*id, AuditSnapshot::of(&BTreeMap::from(facts))?));
            }
        }
        Ok(records)
    },
};

/// What may be decided on contradictions, in the order of the buttons.
pub(crate) fn contradiction_commands(coins: &Arc<Coins>) -> Commands {
    Commands::of(coins)
        .with(&COMPLETE)
        .with(&DIFFERENCE)
        .with(&TAKE)
        .with(&LOSE)
        .with(&CORRECT)
        .with(&REVERSE)
        .with(&DISMISS)
        .all()
}

/// A contradiction that may be decided on so, by this reason.
struct ContradictionPlan {
    found: WithdrawalContradiction,
    withdrawal: Withdrawal,
    settlement: Option<ContradictionRemedy>,
    reason: String,
}

fn decision(
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    id: Uuid,
    settlement: Option<ContradictionRemedy>,
    reason: &str,
) -> Result<ContradictionPlan, Error> {
    let (found, withdrawal) = settlement_plan(tx, cx, id, settlement)?;
    Ok(ContradictionPlan { found, withdrawal, settlement, reason: reason.to_owned() })
}

const fn settles(
    spec: CommandSpec,
    plan: PlanFn<Coins, String, ContradictionPlan>,
) -> Command<Coins, String, ContradictionPlan, WithdrawalContradiction> {
    Command {
        spec,
        noun: &CONTRADICTIONS,
        form: |_| {
            let help = "What this rests on; it stays on record.";
            Form::of(FormField::line("reason", "Reason", help, 1, 500)).previewed_with(String::new())
        },
        plan,
        apply: |coins, tx, cx, ContradictionPlan { found, settlement, reason, .. }| match settlement {
            Some(settlement) => contradiction_settle(tx, &coins.settings, cx, found.id, settlement, &reason),
            None => contradiction_dismiss(tx, cx, found.id, &reason),
        },
        will: |plans| Preview::of_one(plans, said),
        outcome: |decided| {
            Outcome::of(decided, |one| match one.settlement {
                Some(settlement) => format!("{}: done.", settlement.title()),
                None => "Dismissed; both sides stay on record.".to_owned(),
            })
        },
        hooks: Hooks::NONE,
    }
}

/// What it comes to.
fn said(ContradictionPlan { found, withdrawal, settlement, .. }: &ContradictionPlan) -> String {
    let utr = found.utr().map(Utr::as_str).unwrap_or_default();
    let (paid, due) = (found.amount().for_people(), found.due.for_people());
    let (coins, user) = (withdrawal.amount.minor(), withdrawal.user_id.as_str());
    let Some(settlement) = settlement else {
        let free = found.utr().map(|utr| format!(" The UTR {} may pay a withdrawal again.", utr.as_str()));
        return format!("Nothing is changed.{}", free.unwrap_or_default());
    };
    match settlement {
        ContradictionRemedy::Complete => {
            let upi_id = withdrawal.upi_id.as_str();
            format!("{due} to {upi_id} go on record as paid by {utr}, of which the bank paid {paid}; {user} is told.")
        }
        ContradictionRemedy::Difference => format!("The bank paid {paid} for {due}: the difference goes on record."),
        ContradictionRemedy::Take => {
            format!("{coins} coins of {user} are taken again, as the bank paid {paid} by {utr}.")
        }
        ContradictionRemedy::Lose => {
            format!("{paid}, paid by {utr}, go on record as a loss. The withdrawal stays as it is.")
        }
        ContradictionRemedy::Correct => {
            format!("The withdrawal of {user} has the UTR {utr} from now on; both stay on record.")
        }
        ContradictionRemedy::Reverse => format!("{due} did not leave the bank: {coins} coins go back to {user}."),
    }
}

/// The withdrawal is completed with the bank's UTR.
static COMPLETE: Command<Coins, String, ContradictionPlan, WithdrawalContradiction> = settles(
    CommandSpec::money("coins.contradictions.complete", "coins.pay").titled("Complete as the bank paid", ""),
    |_, tx, cx, id, reason| decision(tx, cx, id, Some(ContradictionRemedy::Complete), reason),
);

/// What was paid beside what was due goes on record.
static DIFFERENCE: Command<Coins, String, ContradictionPlan, WithdrawalContradiction> = settles(
    CommandSpec::money("coins.contradictions.difference", "coins.pay").titled("Book the difference", ""),
    |_, tx, cx, id, reason| decision(tx, cx, id, Some(ContradictionRemedy::Difference), reason),
);

/// The user's coins are taken again.
static TAKE: Command<Coins, String, ContradictionPlan, WithdrawalContradiction> = settles(
    CommandSpec::money("coins.contradictions.take", "coins.pay").titled("Take the coins again", "").harms(),
    |_, tx, cx, id, reason| decision(tx, cx, id, Some(ContradictionRemedy::Take), reason),
);

/// What the bank paid is the operator's loss.
static LOSE: Command<Coins, String, ContradictionPlan, WithdrawalContradiction> = settles(
    CommandSpec::money("coins.contradictions.lose", "coins.pay").titled("Book as a loss", "").harms(),
    |_, tx, cx, id, reason| decision(tx, cx, id, Some(ContradictionRemedy::Lose), reason),
);

/// The withdrawal gets the bank's UTR.
static CORRECT: Command<Coins, String, ContradictionPlan, WithdrawalContradiction> = settles(
    CommandSpec::money("coins.contradictions.correct", "coins.pay").titled("Take over the bank's UTR", ""),
    |_, tx, cx, id, reason| decision(tx, cx, id, Some(ContradictionRemedy::Correct), reason),
);

/// The coins go back.
static REVERSE: Command<Coins, String, ContradictionPlan, WithdrawalContradiction> = settles(
    CommandSpec::money("coins.contradictions.reverse", "coins.pay").titled("Give the coins back", "").harms(),
    |_, tx, cx, id, reason| decision(tx, cx, id, Some(ContradictionRemedy::Reverse), reason),
);

/// It comes to nothing.
static DISMISS: Command<Coins, String, ContradictionPlan, WithdrawalContradiction> = settles(
    CommandSpec::money("coins.contradictions.dismiss", "coins.pay").titled("Dismiss", ""),
    |_, tx, cx, id, reason| decision(tx, cx, id, None, reason),
);
