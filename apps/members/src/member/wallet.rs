//! Money in and out of one wallet, by hand.

use purser_kit::console::{Outcome, Preview};
use purser_kit::{Command, CommandSpec, Form, FormField, Hooks, Rule, parse_reference};
use purser_money::Money;

use super::command::MEMBERS;
use crate::Members;
use crate::domain::{Member, Settings};
use crate::error::DUPLICATE_REFERENCE;
use crate::service::{
    MovementReason, PaymentReference, WalletMovement, WalletPlan, member_get, wallet_apply, wallet_plan,
};

/// What is entered of a movement: the amount, why, and of a payment its reference.
type WalletInput = (Money, String, Option<PaymentReference>);

const fn movement(
    spec: CommandSpec,
    form: fn(&Members) -> Form<WalletInput>,
    plan: purser_kit::PlanFn<Members, WalletInput, WalletPlan>,
) -> Command<Members, WalletInput, WalletPlan, Member> {
    Command {
        spec,
        noun: &MEMBERS,
        form,
        plan,
        apply: |members, tx, cx, plan| wallet_apply(tx, &members.settings, cx, plan),
        will: |plans| {
            Preview::of_one(plans, |WalletPlan { member, movement, .. }| {
                let (wallet, change) = (member.available().for_people(), movement.change.for_people());
                format!("{} has {wallet} in the wallet; it changes by {change}.", member.name)
            })
        },
        outcome: |moved| {
            Outcome::of(moved, |member| {
                format!("{} has {} in the wallet now.", member.name, member.balance.for_people())
            })
        },
        hooks: Hooks::NONE.check(|members: &Members, tx, _, id| member_get(tx, &members.settings, id).map(drop)).about(
            |members: &Members, tx, id| {
                let member = member_get(tx, &members.settings, id)?;
                Ok(format!("{} has {} in the wallet.", member.name, member.available().for_people()))
            },
        ),
    }
}

/// An amount of more than zero that a wallet can hold.
fn amount(members: &Members, help: &'static str) -> FormField<Money> {
    let most = members.settings.most();
    FormField::amount_by("amount", "Amount", help, members.settings.currency(), move |amount| {
        let fits = amount.positive().and_then(|amount| amount.at_most(most));
        fits.map_err(|error| Rule::new(error.code(), error.rule()))
    })
}

/// The member has paid in.
pub(crate) static WALLET_TOP_UP: Command<Members, WalletInput, WalletPlan, Member> = movement(
    CommandSpec::money("members.members.top-up", "members.operate")
        .titled("Top up", "The amount is there at once; what the member owes for expiries is paid from it first."),
    |members| {
        let rests = "The payment that this answers, such as a bank reference. \"Top-up\" where nothing is said.";
        let own = "The payment's own, as the bank shows it: it is credited once.";
        let says = "It is another payment: top up all the same";
        Form::of((
            amount(members, "What the member has paid in."),
            FormField::line("reason", "Reason", rests, 1, 300).or("Top-up".to_owned()),
            FormField::parsed("reference", "Reference", own, parse_reference).optional(),
            FormField::second_yes("again", "The reference was used before", says, &DUPLICATE_REFERENCE),
        ))
        .map(|(amount, reason, reference, again)| {
            (amount, reason, reference.map(|reference| PaymentReference { reference, again }))
        })
    },
    |members, tx, _, member, (change, memo, payment)| {
        let movement = WalletMovement { member, reason: MovementReason::TopUp, change: *change, memo: memo.clone() };
        wallet_plan(tx, &members.settings, movement, payment.clone())
    },
);

/// The member is paid out.
pub(crate) static WALLET_WITHDRAW: Command<Members, WalletInput, WalletPlan, Member> = movement(
    CommandSpec::money("members.members.withdraw", "members.operate")
        .titled("Withdraw", "The amount leaves the wallet at once.")
        .harms(),
    |members| {
        let reason = FormField::line("reason", "Reason", "Why, and how it is paid out.", 1, 300);
        Form::of((amount(members, "What the member is paid out."), reason))
            .map(|(amount, reason)| (amount, reason, None))
    },
    |members, tx, _, member, (amount, memo, _)| {
        let change = Money::new(amount.minor().saturating_neg(), amount.currency());
        let movement = WalletMovement { member, reason: MovementReason::Withdrawal, change, memo: memo.clone() };
        wallet_plan(tx, &members.settings, movement, None)
    },
);

/// Something was wrong.
pub(crate) static WALLET_CORRECT: Command<Members, WalletInput, WalletPlan, Member> = movement(
    CommandSpec::money("members.members.correct", "members.correct")
        .titled("Correct wallet", "A correction is a posting of its own: what was posted before stays as it is.")
        .harms(),
    |members| {
        let help = "What to add; with a minus before it, what to take: 5.00 or -5.00.";
        let rests = "What was wrong, for whoever reads it in a year.";
        Form::of((signed(&members.settings, help), FormField::line("reason", "Reason", rests, 1, 300)))
            .map(|(amount, reason)| (amount, reason, None))
    },
    |members, tx, _, member, (change, memo, _)| {
        let movement =
            WalletMovement { member, reason: MovementReason::Correction, change: *change, memo: memo.clone() };
        wallet_plan(tx, &members.settings, movement, None)
    },
);

/// An amount with a sign, whose size a wallet can hold.
fn signed(settings: &Settings, help: &'static str) -> FormField<Money> {
    let most = settings.most();
    FormField::amount_by("amount", "Amount", help, settings.currency(), move |amount| {
        let size = Money::new(amount.minor().saturating_abs(), amount.currency());
        match size.positive().and_then(|size| size.at_most(most)) {
            Ok(_) => Ok(amount),
            Err(error) => Err(Rule::new(error.code(), error.rule())),
        }
    })
}
