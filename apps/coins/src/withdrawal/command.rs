//! What staff decide on withdrawals, one or many at once.
//!
//! Of many, each is decided by itself: what cannot be done says why in its row, and the others go on.

use std::collections::BTreeSet;
use std::sync::Arc;

use purser_kit::console::{Outcome, Preview, count_noun};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, PlanFn};
use purser_money::Money;

use crate::Coins;
use crate::api::WithdrawalJson;
use crate::domain::Withdrawal;
use crate::service::{
    ClosePlan, CloseReason, CompletionPlan, DecidableWithdrawal, UtrCorrection, accounts_lock, begin_apply, begin_plan,
    close_apply, close_plan, completable, complete_apply, complete_plan, note_set, utr_apply, utr_correctable,
    utr_plan, withdrawal_get,
};
use crate::store::withdrawal::withdrawal_find;
use crate::utr::Utr;

/// Withdrawals.
pub(crate) static WITHDRAWALS: Noun<Coins> = Noun {
    app: "coins",
    name: "withdrawals",
    one: "withdrawal",
    binding: None,
    records: |_, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(withdrawal) = withdrawal_find(tx, *id)? {
                records.push((*id, AuditSnapshot::of(&WithdrawalJson::from(withdrawal))?));
            }
        }
        Ok(records)
    },
};

/// What staff may do to withdrawals, in the order of the buttons.
pub(crate) fn withdrawal_commands(coins: &Arc<Coins>) -> Commands {
    Commands::of(coins)
        .with(&WITHDRAWAL_PROCESS)
        .with(&WITHDRAWAL_COMPLETE)
        .with(&WITHDRAWAL_FAIL)
        .with(&WITHDRAWAL_REJECT)
        .with(&WITHDRAWAL_CANCEL)
        .with(&WITHDRAWAL_REVERSE)
        .with(&UTR_CORRECT)
        .with(&WITHDRAWAL_NOTES)
        .all()
}

/// A withdrawal that was decided on, as a report's row.
fn row(withdrawal: &Withdrawal) -> (String, String) {
    let (rupees, upi_id) = (withdrawal.rupees.for_people(), withdrawal.upi_id.as_str());
    (withdrawal.user_id.as_str().to_owned(), format!("{rupees} to {upi_id}: {}", withdrawal.status.name()))
}

/// A withdrawal that may be decided on, as a preview's row.
fn planned(withdrawal: &Withdrawal) -> (String, String) {
    let unknown = if withdrawal.handle_known { "" } else { "; the handle is not on the list" };
    let (rupees, upi_id) = (withdrawal.rupees.for_people(), withdrawal.upi_id.as_str());
    (withdrawal.user_id.as_str().to_owned(), format!("{rupees} to {upi_id}{unknown}"))
}

/// What amounts come to, for people.
fn total(amounts: impl Iterator<Item = Money>) -> String {
    let sum = amounts.reduce(|sum, amount| sum.checked_add(amount).unwrap_or(sum));
    sum.map_or_else(|| "Nothing".to_owned(), Money::for_people)
}

/// How many people these withdrawals are of.
fn people<'w>(withdrawals: impl Iterator<Item = &'w Withdrawal>) -> String {
    let owners: BTreeSet<_> = withdrawals.map(|withdrawal| withdrawal.owner).collect();
    if owners.len() == 1 { "1 person".to_owned() } else { format!("{} people", owners.len()) }
}

/// Begins to pay withdrawals: one payout of all that are begun together.
pub(crate) static WITHDRAWAL_PROCESS: Command<Coins, (), DecidableWithdrawal, Withdrawal> = Command {
    spec: CommandSpec::money("coins.withdrawals.process", "coins.pay").titled("Start processing", "").on_many(),
    noun: &WITHDRAWALS,
    form: |_| Form::empty(),
    plan: |_, tx, cx, id, ()| begin_plan(tx, cx, id),
    apply: |coins, tx, cx, plan| begin_apply(tx, &coins.settings, cx, plan),
    will: |plans| {
        let all = || plans.iter().map(|plan| &plan.withdrawal);
        let (rupees, payments) = (total(all().map(|one| one.rupees)), count_noun(plans.len(), "payment"));
        let sentence = format!("{rupees} will go to {} in {payments}. Nobody can cancel them any more.", people(all()));
        Preview::of(plans, sentence, |plan| planned(&plan.withdrawal))
    },
    outcome: |begun| {
        let (count, rupees) = (count_noun(begun.len(), "withdrawal"), total(begun.iter().map(|one| one.rupees)));
        let sentence = format!("{count} begun, {rupees} in all. Pay now: the newest payout has the file for the bank.");
        Outcome::rows(begun, sentence, row)
    },
    hooks: Hooks::NONE,
};

fn utr(help: &'static str) -> FormField<Utr> {
    FormField::parsed("utr", "UTR", help, Utr::parse)
}

/// Says that a withdrawal is paid.
pub(crate) static WITHDRAWAL_COMPLETE: Command<Coins, Utr, CompletionPlan, Withdrawal> = Command {
    spec: CommandSpec::money("coins.withdrawals.complete", "coins.pay")
        .titled("Complete", "The payment goes on record, and the user is told."),
    noun: &WITHDRAWALS,
    form: |_| Form::of(utr("The bank's UTR or transaction id of the payment. It pays this one alone.")),
    plan: |_, tx, cx, id, utr| complete_plan(tx, cx, id, utr),
    apply: |coins, tx, cx, plan| complete_apply(tx, &coins.settings, cx, plan),
    will: |plans| {
        Preview::of_one(plans, |CompletionPlan { one, utr }| {
            let (rupees, upi_id) = (one.withdrawal.rupees.for_people(), one.withdrawal.upi_id.as_str());
            let user = one.user.user_id.as_str();
            format!("{rupees} to {upi_id} go on record as paid, by {}, and {user} is told.", utr.as_str())
        })
    },
    outcome: |paid| {
        Outcome::of(paid, |one| {
            let utr = one.utr.as_ref().map(Utr::as_str).unwrap_or_default();
            format!("{} to {} are paid, by {utr}.", one.rupees.for_people(), one.upi_id.as_str())
        })
    },
    hooks: Hooks::NONE.check(|_, tx, cx, id| completable(tx, cx, id).map(drop)).about(|_, tx, id| {
        let one = withdrawal_get(tx, id)?;
        let (rupees, upi_id, user) = (one.rupees.for_people(), one.upi_id.as_str(), one.user_id.as_str());
        Ok(format!("{rupees} to {upi_id} go on record as paid, and {user} is told."))
    }),
};

const fn closing(
    spec: CommandSpec,
    form: fn(&Coins) -> Form<String>,
    plan: PlanFn<Coins, String, ClosePlan>,
) -> Command<Coins, String, ClosePlan, Withdrawal> {
    Command {
        spec,
        noun: &WITHDRAWALS,
        form,
        plan,
        apply: |coins, tx, cx, plan| close_apply(tx, &coins.settings, cx, plan),
        will: |plans| {
            let all = || plans.iter().map(|plan| &plan.one.withdrawal);
            let was_paid = all().any(|one| one.paid_entry.is_some());
            let paid = if was_paid { "came back from the bank" } else { "will not be paid" };
            let coins: i64 = all().map(|one| one.amount.minor()).fold(0, i64::saturating_add);
            let (rupees, people) = (total(all().map(|one| one.rupees)), people(all()));
            let sentence = format!("{rupees} {paid}: {coins} coins go back to {people}. This cannot be taken back.");
            Preview::of(plans, sentence, |plan| planned(&plan.one.withdrawal))
        },
        outcome: |closed| {
            let status = closed.first().map(|one| one.status.name()).unwrap_or_default();
            let sentence = format!("{} {status}. The coins are back.", count_noun(closed.len(), "withdrawal"));
            Outcome::rows(closed, sentence, row)
        },
        hooks: Hooks::NONE.lock(|_, tx, cx, ids| accounts_lock(tx, cx.now, ids)),
    }
}

fn reason(help: &'static str) -> FormField<String> {
    FormField::line("reason", "Reason", help, 1, 500)
}

/// Says that a payment failed: the coins are back.
pub(crate) static WITHDRAWAL_FAIL: Command<Coins, String, ClosePlan, Withdrawal> = closing(
    CommandSpec::money("coins.withdrawals.fail", "coins.pay").titled("Fail", "").on_many().harms(),
    |_| {
        let help = "Why the bank did not pay; the user reads it. Where nobody knows yet, leave it processing.";
        Form::of(reason(help)).previewed_with(String::new())
    },
    |_, tx, _, id, reason| close_plan(tx, id, CloseReason::Fail, reason),
);

/// Refuses a withdrawal: the coins are back.
pub(crate) static WITHDRAWAL_REJECT: Command<Coins, String, ClosePlan, Withdrawal> = closing(
    CommandSpec::money("coins.withdrawals.reject", "coins.pay").titled("Reject", "").on_many().harms(),
    |_| Form::of(reason("Why it is refused; the user reads it.")).previewed_with(String::new()),
    |_, tx, _, id, reason| close_plan(tx, id, CloseReason::Reject, reason),
);

/// Calls a withdrawal off: the coins are back.
static WITHDRAWAL_CANCEL: Command<Coins, String, ClosePlan, Withdrawal> = closing(
    CommandSpec::money("coins.withdrawals.cancel", "coins.withdraw").titled("Cancel", "").on_many().harms(),
    |_| {
        let help = "Why it is called off, such as the user's own word; the user reads it.";
        Form::of(reason(help)).previewed_with(String::new())
    },
    |_, tx, _, id, reason| close_plan(tx, id, CloseReason::Cancel, reason),
);

/// Says that a payment came back: so do the coins.
pub(crate) static WITHDRAWAL_REVERSE: Command<Coins, String, ClosePlan, Withdrawal> = closing(
    CommandSpec::money("coins.withdrawals.reverse", "coins.pay").titled("Reverse", "").harms(),
    |_| Form::of(reason("Why the bank sent the money back; the user reads it.")).previewed_with(String::new()),
    |_, tx, _, id, reason| close_plan(tx, id, CloseReason::Reverse, reason),
);

/// Corrects the bank's name for a payment; both stay on record.
pub(crate) static UTR_CORRECT: Command<Coins, (Utr, String), UtrCorrection, Withdrawal> = Command {
    spec: CommandSpec::money("coins.withdrawals.correct-utr", "coins.pay")
        .titled("Correct the UTR", "The payment has another UTR from now on. Both stay on record."),
    noun: &WITHDRAWALS,
    form: |_| {
        Form::of((
            utr("The bank's UTR or transaction id, as it should have been entered."),
            reason("How it came to be wrong; it stays on record."),
        ))
    },
    plan: |_, tx, cx, id, (utr, reason)| utr_plan(tx, cx, id, utr, reason),
    apply: |_, tx, cx, plan| utr_apply(tx, cx, plan),
    will: |plans| {
        Preview::of_one(plans, |UtrCorrection { withdrawal, .. }| {
            let (rupees, user) = (withdrawal.rupees.for_people(), withdrawal.user_id.as_str());
            format!("{rupees} for {user} have another UTR from now on. Both stay on record.")
        })
    },
    outcome: |corrected| {
        Outcome::of(corrected, |one| {
            format!("The UTR is {} now.", one.utr.as_ref().map(Utr::as_str).unwrap_or_default())
        })
    },
    hooks: Hooks::NONE.check(|_, tx, cx, id| utr_correctable(tx, cx, id).map(drop)).fill(|_, tx, ids| {
        let Some(id) = ids.first() else { return Ok(Vec::new()) };
        let known = withdrawal_get(tx, *id)?.utr.map(|utr| utr.as_str().to_owned());
        Ok(vec![("utr", known.unwrap_or_default())])
    }),
};

/// What the user reads of a withdrawal, and what staff read.
type Notes = (Option<String>, Option<String>);

/// Writes what a user and staff read of a withdrawal.
static WITHDRAWAL_NOTES: Command<Coins, Notes, (Withdrawal, Notes), Withdrawal> = Command {
    spec: CommandSpec::records("coins.withdrawals.notes", "coins.withdraw")
        .titled("Notes", "The user is not told, and sees the public note in the history."),
    noun: &WITHDRAWALS,
    form: |_| {
        Form::of((
            FormField::line("public_note", "Public note", "The user reads it, as admin_notes.", 1, 1_000).optional(),
            FormField::line("internal_note", "Internal note", "Staff alone read it.", 1, 1_000).optional(),
        ))
    },
    plan: |_, tx, _, id, notes| Ok((withdrawal_get(tx, id)?, notes.clone())),
    apply: |_, tx, _, (withdrawal, (public, internal))| note_set(tx, withdrawal.id, public, internal),
    will: |plans| {
        Preview::of_one(plans, |(withdrawal, _)| {
            let user = withdrawal.user_id.as_str();
            format!("{user} is not told, and sees the public note in the history.")
        })
    },
    outcome: |noted| Outcome::of(noted, |_| "The notes are kept.".to_owned()),
    hooks: Hooks::NONE.fill(|_, tx, ids| {
        let Some(id) = ids.first() else { return Ok(Vec::new()) };
        let one = withdrawal_get(tx, *id)?;
        let (public, internal) = (one.public_note.unwrap_or_default(), one.internal_note.unwrap_or_default());
        Ok(vec![("public_note", public), ("internal_note", internal)])
    }),
};
