//! What staff decide on withdrawals, one or many at once.
//!
//! Of many, each is decided by itself: what cannot be done says why in its row, and the others go on.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use purser_kit::Problem;
use purser_kit::console::{Action, Done, Field, Preview, Target};
use purser_money::{Currency, Money};
use purser_store::Tx;
use uuid::Uuid;

use super::{counted, one, only, people, reason, reason_only};
use crate::Coins;
use crate::domain::{Utr, Withdrawal};
use crate::error::Error;
use crate::service::{
    Closing, Outcomes, note_set, payouts_begin, user_get, withdrawal_close, withdrawal_complete, withdrawal_get,
};
use crate::status::Status;

/// Withdrawals that are decided on as one is.
const FEW: usize = 20;

/// What was chosen, as far as it may become so.
struct Chosen {
    rupees: Money,
    coins: i64,
    people: usize,
    /// Those that may, and all.
    fit: usize,
    all: usize,
    rows: Vec<(String, String)>,
    /// Why the first of those may not that may not.
    refusal: Option<Error>,
}

impl Chosen {
    fn of(tx: &mut Tx<'_>, ids: &[Uuid], next: Status, now: Timestamp) -> Result<Self, Problem> {
        let mut owners = BTreeSet::new();
        let zero = Money::zero(Currency::INR);
        let mut chosen =
            Chosen { rupees: zero, coins: 0, people: 0, fit: 0, all: ids.len(), rows: Vec::new(), refusal: None };
        for id in ids {
            let withdrawal = withdrawal_get(tx, *id)?;
            let told = match against(&withdrawal, next, now) {
                Some(error) => {
                    let told = format!("stays {}: {error}", withdrawal.status.name());
                    chosen.refusal.get_or_insert(error);
                    told
                }
                None => {
                    chosen.add(&withdrawal)?;
                    owners.insert(withdrawal.owner);
                    let unknown = if withdrawal.handle_known { "" } else { "; the handle is not on the list" };
                    format!("{} to {}{unknown}", withdrawal.rupees.for_people(), withdrawal.upi_id.as_str())
                }
            };
            chosen.rows.push((withdrawal.user_id.as_str().to_owned(), told));
        }
        chosen.people = owners.len();
        Ok(chosen)
    }

    fn add(&mut self, withdrawal: &Withdrawal) -> Result<(), Problem> {
        let total = self.rupees.checked_add(withdrawal.rupees);
        self.rupees = total.ok_or_else(|| Problem::internal("a total past 64 bits"))?;
        self.coins = self.coins.saturating_add(withdrawal.amount.minor());
        self.fit += 1;
        Ok(())
    }

    /// The page: a sentence for those that may, and why none may where none does.
    fn preview(self, sentence: impl FnOnce(&Chosen) -> String) -> Preview {
        let left = self.all - self.fit;
        if self.fit == 0 {
            let obstacle = self.refusal.as_ref().map(ToString::to_string);
            return Preview { sentence: String::new(), rows: self.rows, obstacle };
        }
        let mut sentence = sentence(&self);
        if left > 0 {
            sentence.push_str(&format!(
                " {} left as {}.",
                counted(left, "other"),
                if left == 1 { "it is" } else { "they are" }
            ));
        }
        Preview { sentence, rows: self.rows, obstacle: None }
    }
}

/// Why a withdrawal may not become so, as far as that does not depend on who does it.
fn against(withdrawal: &Withdrawal, next: Status, now: Timestamp) -> Option<Error> {
    if !withdrawal.status.may_become(next) {
        return Some(Error::NotSo { is: withdrawal.status, next });
    }
    let waits = withdrawal.payable_from.filter(|from| next == Status::Processing && now < *from);
    waits.map(Error::CoolingOff)
}

/// Many withdrawals at once would meet everybody who touches one of them; what is decided on rests on rows that it
/// changes.
fn wide(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<(), Error> {
    if ids.len() > FEW { Ok(tx.wide()?) } else { Ok(()) }
}

/// Decides on each by itself.
fn each(
    tx: &mut Tx<'_>,
    ids: &[Uuid],
    mut decide: impl FnMut(&mut Tx<'_>, Uuid) -> Result<Withdrawal, Error>,
) -> Result<Outcomes, Problem> {
    let mut outcomes = Vec::with_capacity(ids.len());
    for id in ids {
        let outcome = match decide(tx, *id) {
            Err(error) if !error.is_refusal() => return Err(error.into()),
            outcome => outcome,
        };
        outcomes.push((*id, outcome));
    }
    Ok(outcomes)
}

/// What became of each. Where one was chosen and it is refused, so is the action.
fn told(tx: &mut Tx<'_>, outcomes: Outcomes, sentence: impl FnOnce(usize, Money) -> String) -> Result<Done, Problem> {
    let ids: Vec<Uuid> = outcomes.iter().map(|(id, _)| *id).collect();
    let (mut fit, mut rupees, mut rows) = (0, Money::zero(Currency::INR), Vec::with_capacity(outcomes.len()));
    for (id, outcome) in outcomes {
        match outcome {
            Ok(withdrawal) => {
                fit += 1;
                rupees = rupees.checked_add(withdrawal.rupees).unwrap_or(rupees);
                let (amount, upi_id) = (withdrawal.rupees.for_people(), withdrawal.upi_id.as_str());
                let told = format!("{amount} to {upi_id}: {}", withdrawal.status.name());
                rows.push((withdrawal.user_id.as_str().to_owned(), told));
            }
            Err(error) if ids.len() == 1 => return Err(error.into()),
            Err(error) => {
                let name = match withdrawal_get(tx, id) {
                    Ok(withdrawal) => withdrawal.user_id.as_str().to_owned(),
                    Err(_) => id.to_string(),
                };
                rows.push((name, format!("refused: {error}")));
            }
        }
    }
    let refused = rows.len() - fit;
    let mut sentence = sentence(fit, rupees);
    if refused > 0 {
        sentence.push_str(&format!(" {refused} refused: the rows say why."));
    }
    Ok(Done { sentence, rows, go: only(&ids) })
}

pub(super) fn begin(coins: &Arc<Coins>) -> Action {
    let (reading, paying) = (Arc::clone(coins), Arc::clone(coins));
    Action {
        name: "begin",
        title: "Start processing",
        scope: "coins.pay",
        target: Target::Many,
        harms: false,
        moves_money: true,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(move |tx, ids| {
            let chosen = Chosen::of(tx, ids, Status::Processing, reading.context.now())?;
            Ok(chosen.preview(|chosen| {
                let (rupees, people) = (chosen.rupees.for_people(), people(chosen.people));
                let payments = counted(chosen.fit, "payment");
                format!("{rupees} will go to {people} in {payments}. Nobody can cancel them any more.")
            }))
        }),
        run: Box::new(move |tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            wide(tx, ids)?;
            let (payout, outcomes) = payouts_begin(tx, &paying.settings, doer, ids)?;
            let file = match payout {
                Some(_) => " Pay them now: the newest payout has their file for the bank.",
                None => "",
            };
            told(tx, outcomes, |fit, rupees| {
                format!("{} begun, {} in all.{file}", counted(fit, "withdrawal"), rupees.for_people())
            })
        }),
    }
}

pub(super) fn complete(coins: &Arc<Coins>) -> Action {
    let settings = Arc::clone(&coins.settings);
    Action {
        name: "complete",
        title: "Complete",
        scope: "coins.pay",
        target: Target::One,
        harms: false,
        moves_money: true,
        fields: Box::new(|_, _| {
            Ok(vec![Field::line(
                "utr",
                "UTR",
                "The bank's UTR or transaction id of the payment. It pays this one alone.",
            )])
        }),
        preview: Box::new(|tx, ids| {
            let one = withdrawal_get(tx, one(ids)?)?;
            let obstacle = against(&one, Status::Completed, one.created_at).map(|error| error.to_string());
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
    scope: &'static str,
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
            scope: "coins.pay",
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
            scope: "coins.pay",
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
            scope: "coins.withdraw",
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
            scope: "coins.pay",
            target: Target::One,
            was_paid: true,
            help: "Why the bank sent the money back; the user reads it.",
        },
    )
}

fn close(coins: &Arc<Coins>, way: Way) -> Action {
    let settings = Arc::clone(&coins.settings);
    let Way { closing, next, name, title, scope, target, was_paid, help } = way;
    Action {
        name,
        title,
        scope,
        target,
        harms: true,
        moves_money: was_paid,
        fields: Box::new(move |_, _| Ok(vec![reason(help)])),
        preview: Box::new(move |tx, ids| {
            let chosen = Chosen::of(tx, ids, next, Timestamp::UNIX_EPOCH)?;
            Ok(chosen.preview(|chosen| {
                let (rupees, people) = (chosen.rupees.for_people(), people(chosen.people));
                let paid = if was_paid { "came back from the bank" } else { "will not be paid" };
                let coins = chosen.coins;
                format!("{rupees} {paid}: {coins} coins go back to {people}. This cannot be taken back.")
            }))
        }),
        run: Box::new(move |tx, doer, ids, fields| {
            let reason = reason_only(fields)?;
            wide(tx, ids)?;
            let outcomes = each(tx, ids, |tx, id| withdrawal_close(tx, &settings, doer, id, closing, &reason))?;
            told(tx, outcomes, |fit, _| {
                let coins = if fit == 0 { "" } else { " The coins are back." };
                format!("{} {}.{coins}", counted(fit, "withdrawal"), next.name())
            })
        }),
    }
}

pub(super) fn notes() -> Action {
    Action {
        name: "notes",
        title: "Notes",
        scope: "coins.withdraw",
        target: Target::One,
        harms: false,
        moves_money: false,
        fields: Box::new(|tx, ids| {
            let one = withdrawal_get(tx, one(ids)?)?;
            let public = Field::line("public_note", "Public note", "The user reads it, as admin_notes.");
            let internal = Field::line("internal_note", "Internal note", "Staff alone read it.");
            Ok(vec![
                public.optional().with(one.public_note.unwrap_or_default()),
                internal.optional().with(one.internal_note.unwrap_or_default()),
            ])
        }),
        preview: Box::new(|tx, ids| {
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
