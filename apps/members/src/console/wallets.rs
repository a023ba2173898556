//! Money in and out of one wallet, by hand.

use std::sync::Arc;

use purser_kit::console::{Action, Done, Field, Input, Preview, Target};
use purser_kit::{Fields, Rule, parse_reference};
use purser_money::Money;

use super::{one, reason};
use crate::Members;
use crate::commands;
use crate::domain::Settings;
use crate::error::DUPLICATE_REFERENCE;
use crate::service::{self, Movement, PaymentReference, Reason};
use purser_kit::CommandSpec;

pub(super) fn top_up(members: &Arc<Members>) -> Action {
    let says = Says {
        name: "top-up",
        title: "Top up",
        command: &commands::WALLET_TOP_UP,
        harms: false,
        help: "What the member has paid in.",
        rests: "The payment that this answers, such as a bank reference.",
        will: "The amount is there at once; what the member owes for expiries is paid from it first.",
    };
    action(members, says, Reason::TopUp, positive)
}

pub(super) fn withdraw(members: &Arc<Members>) -> Action {
    let says = Says {
        name: "withdraw",
        title: "Withdraw",
        command: &commands::WALLET_WITHDRAW,
        harms: true,
        help: "What the member is paid out.",
        rests: "Why, and how it is paid out.",
        will: "The amount leaves the wallet at once.",
    };
    let taken = |fields: &mut Fields<'_>, settings: &Settings| positive(fields, settings)?.checked_neg();
    action(members, says, Reason::Withdrawal, taken)
}

pub(super) fn correct(members: &Arc<Members>) -> Action {
    let says = Says {
        name: "correct",
        title: "Correct wallet",
        command: &commands::WALLET_CORRECT,
        harms: true,
        help: "What to add; with a minus before it, what to take: 5.00 or -5.00.",
        rests: "What was wrong, for whoever reads it in a year.",
        will: "A correction is a posting of its own: what was posted before stays as it is.",
    };
    action(members, says, Reason::Correction, |fields, settings| {
        let amount = fields.amount("amount", settings.currency());
        let amount = fields.required("amount", amount)?;
        let size = Money::new(amount.minor().saturating_abs(), settings.currency());
        match size.positive().and_then(|size| size.at_most(settings.most())) {
            Ok(_) => Some(amount),
            Err(error) => fields.refuse("amount", &amount.to_string(), Rule::new(error.code(), error.rule())),
        }
    })
}

/// An amount of more than zero that a wallet can hold.
fn positive(fields: &mut Fields<'_>, settings: &Settings) -> Option<Money> {
    let amount = fields.amount("amount", settings.currency());
    let amount = fields.required("amount", amount)?;
    match amount.positive().and_then(|amount| amount.at_most(settings.most())) {
        Ok(amount) => Some(amount),
        Err(error) => fields.refuse("amount", &amount.to_string(), Rule::new(error.code(), error.rule())),
    }
}

/// What one of these actions says of itself.
#[derive(Clone, Copy)]
struct Says {
    name: &'static str,
    title: &'static str,
    command: &'static CommandSpec,
    harms: bool,
    help: &'static str,
    rests: &'static str,
    will: &'static str,
}

fn action(
    members: &Arc<Members>,
    says: Says,
    why: Reason,
    read: impl Fn(&mut Fields<'_>, &Settings) -> Option<Money> + Send + Sync + 'static,
) -> Action {
    let (reading, settings) = (Arc::clone(&members.settings), Arc::clone(&members.settings));
    Action {
        name: says.name,
        title: says.title,
        command: says.command,
        target: Target::One,
        harms: says.harms,
        fields: Box::new(move |_, _| {
            let mut fields = vec![Field::line("amount", "Amount", says.help).input(Input::Amount), reason(says.rests)];
            if why == Reason::TopUp {
                let help = "The payment's own, as the bank shows it: it is credited once.";
                fields.push(Field::line("reference", "Reference", help).optional());
                let says = "It is another payment: top up all the same";
                fields.push(Field::second_yes("again", "The reference was used before", says, &DUPLICATE_REFERENCE));
            }
            Ok(fields)
        }),
        preview: Box::new(move |tx, _, ids| {
            let member = service::member_get(tx, &reading, one(ids)?)?;
            let wallet = member.available().for_people();
            Ok(Preview::sentence(format!("{} has {wallet} in the wallet. {}", member.name, says.will)))
        }),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let change = read(&mut fields, &settings);
            let memo = fields.line("reason", 1, 300);
            let memo = fields.required("reason", memo);
            let mut payment = None;
            if why == Reason::TopUp {
                let reference = fields.parsed("reference", parse_reference);
                let again = fields.flag("again") == Some(true);
                payment = reference.map(|reference| PaymentReference { reference, again });
            }
            let (change, memo) = fields.finish(change.zip(memo))?;
            let movement = Movement { member: one(ids)?, reason: why, change, memo };
            let member = service::wallet_move_for(tx, &settings, doer, &movement, payment.as_ref())?;
            let wallet = member.balance.for_people();
            Ok(Done::sentence(format!("{} has {wallet} in the wallet now.", member.name), member.id))
        }),
    }
}
