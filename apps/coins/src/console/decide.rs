//! What staff decide on withdrawals, one or many at once.
//!
//! Of many, each is decided by itself: what cannot be done says why in its row, and the others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Action, Doer, Done, Field, Preview, Target, wide_where_many};
use purser_money::{Currency, Money};
use purser_store::Tx;
use uuid::Uuid;

use super::{counted, one, people, reason, reason_only};
use crate::Coins;
use purser_kit::CommandSpec;

use crate::commands;
use crate::domain::Withdrawal;
use crate::error::Error;
use crate::service::{
    Closing, accounts_lock, is_own, note_set, payouts_begin, user_get, utr_correct, withdrawal_close,
    withdrawal_complete, withdrawal_get,
};
use crate::status::Status;
use crate::utr::Utr;

/// What was chosen, as far as it may become so.
struct Chosen {
    rupees: Money,
    coins: i64,
    owners: BTreeSet<Uuid>,
}

impl Chosen {
    /// The page: each of those that may, why each of the others may not, and a sentence on what it comes to.
    fn preview(
        tx: &mut Tx<'_>,
        ids: &[Uuid],
        (next, doer): (Status, &Doer),
        sentence: impl FnOnce(&Chosen, usize) -> String,
    ) -> Result<Preview, Problem> {
        let mut chosen = Chosen { rupees: Money::zero(Currency::INR), coins: 0, owners: BTreeSet::new() };
        let preview = Preview::each(ids, |id| {
            let withdrawal = withdrawal_get(tx, id)?;
            if let Some(error) = against(tx, &withdrawal, next, doer)? {
                return Err(error.for_staff());
            }
            chosen.add(&withdrawal)?;
            let unknown = if withdrawal.handle_known { "" } else { "; the handle is not on the list" };
            let (rupees, upi_id) = (withdrawal.rupees.for_people(), withdrawal.upi_id.as_str());
            Ok((withdrawal.user_id.as_str().to_owned(), format!("{rupees} to {upi_id}{unknown}")))
        })?;
        Ok(preview.told(|count| sentence(&chosen, count)))
    }

    fn add(&mut self, withdrawal: &Withdrawal) -> Result<(), Problem> {
        let total = self.rupees.checked_add(withdrawal.rupees);
        self.rupees = total.ok_or_else(|| Problem::internal("a total past 64 bits"))?;
        self.coins = self.coins.saturating_add(withdrawal.amount.minor());
        self.owners.insert(withdrawal.owner);
        Ok(())
    }
}

/// Why this person may not make it so now.
fn against(tx: &mut Tx<'_>, withdrawal: &Withdrawal, next: Status, doer: &Doer) -> Result<Option<Error>, Error> {
    if !withdrawal.status.may_become(next) {
        return Ok(Some(Error::NotSo { is: withdrawal.status, next }));
    }
    if matches!(next, Status::Processing | Status::Completed) && is_own(tx, doer, withdrawal)? {
        return Ok(Some(Error::OwnRequest));
    }
    if next == Status::Processing && user_get(tx, withdrawal.owner)?.frozen.is_some() {
        return Ok(Some(Error::UserFrozen(withdrawal.user_id.clone())));
    }
    let waits = withdrawal.payable_from.filter(|from| next == Status::Processing && doer.now < *from);
    Ok(waits.map(Error::CoolingOff))
}

/// Many withdrawals at once would meet everybody who touches one of them; what is decided on rests on rows that it
/// changes. Whose coins come back are taken hold of first.
fn wide(tx: &mut Tx<'_>, doer: &Doer, ids: &[Uuid], gives_back: bool) -> Result<(), Error> {
    if wide_where_many(tx, ids)? && gives_back { accounts_lock(tx, doer.now, ids) } else { Ok(()) }
}

/// A withdrawal that was decided on, as a report's row.
fn row(withdrawal: &Withdrawal) -> (String, String) {
    let (rupees, upi_id) = (withdrawal.rupees.for_people(), withdrawal.upi_id.as_str());
    (withdrawal.user_id.as_str().to_owned(), format!("{rupees} to {upi_id}: {}", withdrawal.status.name()))
}

pub(super) fn begin(coins: &Arc<Coins>) -> Action {
    let paying = Arc::clone(coins);
    Action {
        name: "begin",
        title: "Start processing",
        command: &commands::WITHDRAWAL_BEGIN,
        target: Target::Many,
        harms: false,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(|tx, doer, ids| {
            Chosen::preview(tx, ids, (Status::Processing, doer), |chosen, count| {
                let (rupees, people) = (chosen.rupees.for_people(), people(chosen.owners.len()));
                let payments = counted(count, "payment");
                format!("{rupees} will go to {people} in {payments}. Nobody can cancel them any more.")
            })
        }),
        run: Box::new(move |tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            wide(tx, doer, ids, false)?;
            let (_, outcomes) = payouts_begin(tx, &paying.settings, doer, ids)?;
            let mut outcomes: BTreeMap<Uuid, _> = outcomes.into_iter().collect();
            let mut total = Money::zero(Currency::INR);
            let done = Done::each(ids, |id| {
                let outcome = outcomes.remove(&id).unwrap_or(Err(Error::NoWithdrawal));
                let withdrawal = outcome.map_err(Error::for_staff)?;
                total = total.checked_add(withdrawal.rupees).unwrap_or(total);
                Ok(row(&withdrawal))
            })?;
            Ok(done.told(|count| {
                let (begun, total) = (counted(count, "withdrawal"), total.for_people());
                format!("{begun} begun, {total} in all. Pay now: the newest payout has the file for the bank.")
            }))
        }),
    }
}

pub(super) fn complete(coins: &Arc<Coins>) -> Action {
    let settings = Arc::clone(&coins.settings);
    Action {
        name: "complete",
        title: "Complete",
        command: &commands::WITHDRAWAL_COMPLETE,
        target: Target::One,
        harms: false,
        fields: Box::new(|_, _| {
            Ok(vec![Field::line(
                "utr",
                "UTR",
                "The bank's UTR or transaction id of the payment. It pays this one alone.",
            )])
        }),
        preview: Box::new(|tx, doer, ids| {
            let one = withdrawal_get(tx, one(ids)?)?;
            let obstacle = against(tx, &one, Status::Completed, doer)?.map(|error| error.to_string());
            let (rupees, upi_id, user) = (one.rupees.for_people(), one.upi_id.as_str(), one.user_id.as_str());
            let sentence = format!("{rupees} to {upi_id} go on record as paid, and {user} is told.");
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let utr = fields.parsed("utr", Utr::parse);
            let utr = fields.required("utr", utr);
            let utr = fields.finish(utr)?;
            let one = withdrawal_complete(tx, &settings, doer, one(ids)?, &utr)?;
            let rupees = one.rupees.for_people();
            Ok(Done::sentence(format!("{rupees} to {} are paid, by {}.", one.upi_id.as_str(), utr.as_str()), one.id))
        }),
    }
}

/// How a way to give coins back reads.
struct Way {
    closing: Closing,
    next: Status,
    name: &'static str,
    title: &'static str,
    command: &'static CommandSpec,
    target: Target,
    /// Money was out already.
    was_paid: bool,
    help: &'static str,
}

pub(super) fn fail(coins: &Arc<Coins>) -> Action {
    close(
        coins,
        Way {
            closing: Closing::Fail,
            next: Status::Failed,
            name: "fail",
            title: "Fail",
            command: &commands::WITHDRAWAL_FAIL,
            target: Target::Many,
            was_paid: false,
            help: "Why the bank did not pay; the user reads it. Where nobody knows yet, leave it processing.",
        },
    )
}

pub(super) fn reject(coins: &Arc<Coins>) -> Action {
    close(
        coins,
        Way {
            closing: Closing::Reject,
            next: Status::Rejected,
            name: "reject",
            title: "Reject",
            command: &commands::WITHDRAWAL_REJECT,
            target: Target::Many,
            was_paid: false,
            help: "Why it is refused; the user reads it.",
        },
    )
}

pub(super) fn cancel(coins: &Arc<Coins>) -> Action {
    close(
        coins,
        Way {
            closing: Closing::Cancel,
            next: Status::Cancelled,
            name: "cancel",
            title: "Cancel",
            command: &commands::WITHDRAWAL_CANCEL,
            target: Target::Many,
            was_paid: false,
            help: "Why it is called off, such as the user's own word; the user reads it.",
        },
    )
}

pub(super) fn reverse(coins: &Arc<Coins>) -> Action {
    close(
        coins,
        Way {
            closing: Closing::Reverse,
            next: Status::Reversed,
            name: "reverse",
            title: "Reverse",
            command: &commands::WITHDRAWAL_REVERSE,
            target: Target::One,
            was_paid: true,
            help: "Why the bank sent the money back; the user reads it.",
        },
    )
}

fn close(coins: &Arc<Coins>, way: Way) -> Action {
    let settings = Arc::clone(&coins.settings);
    let Way { closing, next, name, title, command, target, was_paid, help } = way;
    Action {
        name,
        title,
        command,
        target,
        harms: true,
        fields: Box::new(move |_, _| Ok(vec![reason(help)])),
        preview: Box::new(move |tx, doer, ids| {
            Chosen::preview(tx, ids, (next, doer), |chosen, _| {
                let (rupees, people) = (chosen.rupees.for_people(), people(chosen.owners.len()));
                let paid = if was_paid { "came back from the bank" } else { "will not be paid" };
                let coins = chosen.coins;
                format!("{rupees} {paid}: {coins} coins go back to {people}. This cannot be taken back.")
            })
        }),
        run: Box::new(move |tx, doer, ids, fields| {
            let reason = reason_only(fields)?;
            wide(tx, doer, ids, true)?;
            let done = Done::each(ids, |id| {
                let closed = withdrawal_close(tx, &settings, doer, id, closing, &reason);
                Ok(row(&closed.map_err(Error::for_staff)?))
            })?;
            Ok(done.told(|count| format!("{} {}. The coins are back.", counted(count, "withdrawal"), next.name())))
        }),
    }
}

pub(super) fn correct_utr() -> Action {
    Action {
        name: "correct-utr",
        title: "Correct the UTR",
        command: &commands::UTR_CORRECT,
        target: Target::One,
        harms: false,
        fields: Box::new(|tx, ids| {
            let one = withdrawal_get(tx, one(ids)?)?;
            let utr = Field::line("utr", "UTR", "The bank's UTR or transaction id, as it should have been entered.");
            let known = one.utr.map(|utr| utr.as_str().to_owned()).unwrap_or_default();
            Ok(vec![utr.with(known), reason("How it came to be wrong; it stays on record.")])
        }),
        preview: Box::new(|tx, doer, ids| {
            let one = withdrawal_get(tx, one(ids)?)?;
            let obstacle = match &one.utr {
                None => Some(Error::NoUtr { is: one.status }),
                Some(_) if is_own(tx, doer, &one)? => Some(Error::OwnRequest),
                Some(_) => None,
            };
            let (rupees, user) = (one.rupees.for_people(), one.user_id.as_str());
            let sentence = format!("{rupees} for {user} have another UTR from now on. Both stay on record.");
            Ok(Preview { sentence, obstacle: obstacle.map(|error| error.to_string()), ..Preview::default() })
        }),
        run: Box::new(|tx, doer, ids, mut fields| {
            let utr = fields.parsed("utr", Utr::parse);
            let utr = fields.required("utr", utr);
            let reason = fields.line("reason", 1, 500);
            let reason = fields.required("reason", reason);
            let (utr, reason) = fields.finish(utr.zip(reason))?;
            let one = utr_correct(tx, doer, one(ids)?, &utr, &reason)?;
            Ok(Done::sentence(format!("The UTR is {} now.", utr.as_str()), one.id))
        }),
    }
}

pub(super) fn notes() -> Action {
    Action {
        name: "notes",
        title: "Notes",
        command: &commands::WITHDRAWAL_NOTES,
        target: Target::One,
        harms: false,
        fields: Box::new(|tx, ids| {
            let one = withdrawal_get(tx, one(ids)?)?;
            let public = Field::line("public_note", "Public note", "The user reads it, as admin_notes.");
            let internal = Field::line("internal_note", "Internal note", "Staff alone read it.");
            Ok(vec![
                public.optional().with(one.public_note.unwrap_or_default()),
                internal.optional().with(one.internal_note.unwrap_or_default()),
            ])
        }),
        preview: Box::new(|tx, _, ids| {
            let one = withdrawal_get(tx, one(ids)?)?;
            let user = user_get(tx, one.owner)?;
            Ok(Preview::sentence(format!(
                "{} is not told, and sees the public note in the history.",
                user.user_id.as_str()
            )))
        }),
        run: Box::new(|tx, _, ids, mut fields| {
            let public = fields.line("public_note", 1, 1_000);
            let internal = fields.line("internal_note", 1, 1_000);
            let (public, internal) = fields.finish(Some((public, internal)))?;
            let one = note_set(tx, one(ids)?, public, internal)?;
            Ok(Done::sentence("The notes are kept.", one.id))
        }),
    }
}
