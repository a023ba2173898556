//! What may be done to a seller.

use std::sync::Arc;

use purser_kit::console::{Input, Outcome, Preview, count_noun};
use purser_kit::{
    AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, RequestContext, parse_reference,
};
use purser_money::Money;
use purser_outbox::Language;
use purser_store::ReadTx;
use uuid::Uuid;

use super::person::{PERSON_ADD, PERSON_REMOVE};
use crate::api::SellerJson;
use crate::domain::{self, CreditRequest, CreditTransaction, LifecycleStatus, PhoneNumber, Seller};
use crate::error::{DUPLICATE_REFERENCE, Error};
use crate::product::command::PRICE_SET;
use crate::service::{
    CreditCorrection, CreditDecreaseRequest, CreditGrant, CreditGrantRequest, NewRequest, NewSeller, Removal,
    SellerChange, correction_apply, decrease_plan, grant_apply, increase_plan, request_create, seller_active,
    seller_change, seller_create, seller_get, seller_remove,
};
use crate::store::sellers_of;
use crate::{Charge, SELLER_BINDING};

/// Sellers.
pub(crate) static SELLERS: Noun<Charge> = Noun {
    app: "charge",
    name: "sellers",
    one: "seller",
    binding: Some(SELLER_BINDING),
    records: |charge, tx, ids| {
        let record = |seller: Seller| Ok((seller.id, AuditSnapshot::of(&SellerJson::from(seller))?));
        sellers_of(tx, ids, charge.settings.currency)?.into_iter().map(record).collect()
    },
};

/// What may be done to sellers, in the order of the buttons.
pub(crate) fn seller_commands(charge: &Arc<Charge>) -> Commands {
    Commands::of(charge)
        .with(&SELLER_CREATE)
        .with(&SELLER_EDIT)
        .with(&CREDIT_INCREASE)
        .with(&CREDIT_DECREASE)
        .with(&CREDIT_REQUEST)
        .with(&SELLER_ACTIVATE)
        .with(&SELLER_FREEZE)
        .with(&PRICE_SET)
        .with(&PERSON_ADD)
        .with(&PERSON_REMOVE)
        .with(&SELLER_REMOVE)
        .all()
}

/// What a seller is registered or edited with: what is left empty is emptied.
#[derive(Debug, Clone)]
pub(crate) struct SellerForm {
    name: String,
    email: Option<String>,
    phone: Option<PhoneNumber>,
    low_credit_alert: Option<Money>,
    language: Language,
}

fn seller_form(charge: &Charge) -> Form<SellerForm> {
    let (country, currency) = (charge.settings.country, charge.settings.currency);
    let languages = Language::ALL.map(|language| (language.code().to_owned(), language.title().to_owned())).to_vec();
    let fields = (
        FormField::line("name", "Name", "1 to 100 characters.", 1, 100),
        FormField::parsed(
            "email",
            "Email",
            "Where low credit and daily statements are written to.",
            domain::parse_email,
        )
        .input(Input::Email)
        .optional(),
        FormField::digits("phone", "Phone", "10 to 15 digits, such as 9876543210.", move |text| {
            PhoneNumber::parse(text, country)
        })
        .optional(),
        FormField::amount_from_zero(
            "low_credit_alert",
            "Alert below",
            "The credit below which the seller is told, such as 500.00.",
            currency,
        )
        .optional(),
        FormField::parsed("language", "Language", "Which the seller is written to in.", domain::parse_language)
            .input(Input::Choice(languages))
            .or(Language::default()),
    );
    Form::of(fields).map(|(name, email, phone, low_credit_alert, language)| SellerForm {
        name,
        email,
        phone,
        low_credit_alert,
        language,
    })
}

/// Registers a seller.
pub(crate) static SELLER_CREATE: Command<Charge, SellerForm, NewSeller, Seller> = Command {
    spec: CommandSpec::records("charge.sellers.create", "charge.manage")
        .titled("New seller", "The seller begins without credit.")
        .makes(),
    noun: &SELLERS,
    form: seller_form,
    plan: |_, _, _, id, form| {
        let SellerForm { name, email, phone, low_credit_alert, language } = form.clone();
        Ok(NewSeller { id, name, email, phone, low_credit_alert, language })
    },
    apply: |charge, tx, cx, new| seller_create(tx, cx.now, &charge.settings, &new),
    will: |_| Preview::sentence("The seller begins without credit."),
    outcome: |made| Outcome::of(made, |seller| format!("{} is registered. Increase its credit next.", seller.name)),
    hooks: Hooks::NONE,
};

/// A seller before and after it was edited.
pub(crate) struct SellerEdit {
    pub(crate) before: Seller,
    pub(crate) after: Seller,
}

/// Changes what a seller is called, where it is written to and when it is told.
pub(crate) static SELLER_EDIT: Command<Charge, SellerChange, (Seller, SellerChange), SellerEdit> = Command {
    spec: CommandSpec::money("charge.sellers.edit", "charge.manage").titled("Edit", ""),
    noun: &SELLERS,
    form: |charge| {
        seller_form(charge).map(|SellerForm { name, email, phone, low_credit_alert, language }| SellerChange {
            name: Some(name),
            email: Some(email),
            phone: Some(phone),
            low_credit_alert: Some(low_credit_alert),
            language: Some(language),
            status: None,
        })
    },
    plan: |charge, tx, _, id, change| Ok((seller_get(tx, &charge.settings, id)?, change.clone())),
    apply: |charge, tx, cx, (before, change)| {
        let after = seller_change(tx, cx.now, &charge.settings, before.id, &change)?;
        Ok(SellerEdit { before, after })
    },
    will: |plans| Preview::of_one(plans, |(seller, _)| format!("{} is changed.", seller.name)),
    outcome: |edited| Outcome::of(edited, |SellerEdit { after, .. }| format!("{} is changed.", after.name)),
    hooks: Hooks::NONE.fill(|charge, tx, ids| {
        let Some(id) = ids.first() else { return Ok(Vec::new()) };
        let seller = seller_get(tx, &charge.settings, *id)?;
        Ok(vec![
            ("name", seller.name),
            ("email", seller.email.unwrap_or_default()),
            ("phone", seller.phone.map(|phone| phone.to_string()).unwrap_or_default()),
            ("low_credit_alert", seller.low_credit_alert.map(|alert| alert.to_string()).unwrap_or_default()),
            ("language", seller.language.code().to_owned()),
        ])
    }),
};

/// A change of what a seller may do.
pub(crate) struct SellerStatusChange {
    seller: Seller,
    to: LifecycleStatus,
}

const fn status_set(
    spec: CommandSpec,
    plan: fn(&Charge, &mut ReadTx<'_>, &RequestContext, Uuid, &()) -> Result<SellerStatusChange, Error>,
) -> Command<Charge, (), SellerStatusChange, Seller> {
    Command {
        spec,
        noun: &SELLERS,
        form: |_| Form::empty(),
        plan,
        apply: |charge, tx, cx, SellerStatusChange { seller, to }| {
            let change = SellerChange { status: Some(to), ..SellerChange::default() };
            seller_change(tx, cx.now, &charge.settings, seller.id, &change)
        },
        will: |plans| {
            let consequence = |plan: &SellerStatusChange| match plan.to {
                to if to == plan.seller.status => "stays as it is",
                LifecycleStatus::Active => "can sell again",
                LifecycleStatus::Frozen | LifecycleStatus::Inactive => "cannot sell until made active again",
            };
            let sentence = match plans {
                [plan] => format!("{} {}.", plan.seller.name, consequence(plan)),
                plans => format!("{} are changed. Their credit stays theirs.", count_noun(plans.len(), "seller")),
            };
            Preview::of(plans, sentence, |plan| (plan.seller.name.clone(), consequence(plan).to_owned()))
        },
        outcome: |changed| {
            let sentence = format!("{} done.", count_noun(changed.len(), "seller"));
            Outcome::rows(changed, sentence, |seller| (seller.name.clone(), format!("is {}", seller.status.name())))
        },
        hooks: Hooks::NONE,
    }
}

fn restatus(charge: &Charge, tx: &mut ReadTx<'_>, id: Uuid, to: LifecycleStatus) -> Result<SellerStatusChange, Error> {
    Ok(SellerStatusChange { seller: seller_get(tx, &charge.settings, id)?, to })
}

/// Lets a seller sell again.
pub(crate) static SELLER_ACTIVATE: Command<Charge, (), SellerStatusChange, Seller> = status_set(
    CommandSpec::money("charge.sellers.activate", "charge.manage").titled("Make active", "").on_many(),
    |charge, tx, _, id, ()| restatus(charge, tx, id, LifecycleStatus::Active),
);

/// Stops a seller selling for now.
pub(crate) static SELLER_FREEZE: Command<Charge, (), SellerStatusChange, Seller> = status_set(
    CommandSpec::money("charge.sellers.freeze", "charge.manage").titled("Freeze", "").on_many().harms(),
    |charge, tx, _, id, ()| restatus(charge, tx, id, LifecycleStatus::Frozen),
);

/// Removes a seller that has neither history nor credit; deactivates any other.
pub(crate) static SELLER_REMOVE: Command<Charge, (), Seller, Removal<Seller>> = Command {
    spec: CommandSpec::records("charge.sellers.remove", "charge.manage").titled("Remove", "").harms(),
    noun: &SELLERS,
    form: |_| Form::empty(),
    plan: |charge, tx, _, id, ()| seller_get(tx, &charge.settings, id),
    apply: |charge, tx, cx, seller| seller_remove(tx, cx.now, &charge.settings, seller.id),
    will: |plans| {
        Preview::of_one(plans, |seller| {
            format!("{} is removed. One with a history or with credit is kept as inactive instead.", seller.name)
        })
    },
    outcome: |removed| Outcome::of(removed, |removed| removed.sentence("The seller")),
    hooks: Hooks::NONE,
};

/// What a seller has, above a form that changes it.
fn has(charge: &Charge, tx: &mut ReadTx<'_>, id: Uuid) -> Result<String, Error> {
    let seller = seller_get(tx, &charge.settings, id)?;
    let (credit, available) = (seller.credit.for_people(), seller.available().for_people());
    Ok(format!("{} has {credit}, of which {available} is available. What is entered changes it at once.", seller.name))
}

fn is_active(charge: &Charge, tx: &mut ReadTx<'_>, _: &RequestContext, id: Uuid) -> Result<(), Error> {
    seller_active(tx, &charge.settings, id).map(drop)
}

/// Gives a seller credit on one person's word.
pub(crate) static CREDIT_INCREASE: Command<Charge, (Money, Option<String>, bool), CreditGrant, CreditTransaction> =
    Command {
        spec: CommandSpec::money("charge.sellers.increase-credit", "charge.credit")
            .titled("Increase credit", "The seller gets the amount at once, and can sell from it."),
        noun: &SELLERS,
        form: |charge| {
            Form::of((
                FormField::amount(
                    "amount",
                    "Amount",
                    "More than zero, with at most two decimals.",
                    charge.settings.max_increase,
                ),
                payment_reference(),
                FormField::second_yes("again", "The reference was used before", AGAIN, &DUPLICATE_REFERENCE),
            ))
        },
        plan: |charge, tx, cx, seller, (amount, reference, again)| {
            let (reference, actor) = (reference.clone(), cx.actor.clone());
            let order =
                CreditGrantRequest { id: Uuid::nil(), seller, amount: *amount, reference, again: *again, actor };
            increase_plan(tx, &charge.settings, order)
        },
        apply: |_, tx, cx, mut grant| {
            grant.order.id = cx.new_id();
            grant_apply(tx, cx.now, grant)
        },
        will: |plans| {
            Preview::of_one(plans, |CreditGrant { seller, order, .. }| {
                format!(
                    "{} gets {} at once, and has {} now.",
                    seller.name,
                    order.amount.for_people(),
                    seller.credit.for_people()
                )
            })
        },
        outcome: |given| {
            Outcome::of(given, |one| {
                format!("{} is given. The credit is {} now.", one.amount.for_people(), one.credit_after.for_people())
            })
        },
        hooks: Hooks::NONE.check(is_active).about(has),
    };

/// What a reason is asked for with.
pub(crate) const REASON: &str = "What this rests on, for whoever reads it in a year.";

/// What a second yes says where a payment seems to count twice.
pub(crate) const AGAIN: &str = "It is another payment: give the credit all the same";

fn payment_reference() -> FormField<Option<String>> {
    let help = "The payment that this answers, such as a bank reference.";
    FormField::parsed("reference", "Reference", help, parse_reference).optional()
}

/// How much, why, and what it answers.
type DecreaseInput = (Money, String, Option<String>);

/// Takes credit away again, as a correction.
pub(crate) static CREDIT_DECREASE: Command<Charge, DecreaseInput, CreditCorrection, CreditTransaction> = Command {
    spec: CommandSpec::money("charge.sellers.decrease-credit", "charge.credit")
        .titled("Decrease credit", "The seller loses the amount at once, at most what is available.")
        .harms(),
    noun: &SELLERS,
    form: |charge| {
        let most = Money::new(i64::MAX, charge.settings.currency);
        Form::of((
            FormField::amount("amount", "Amount", "At most what is available.", most),
            FormField::line("reason", "Reason", REASON, 1, 300),
            FormField::parsed(
                "reference",
                "Reference",
                "What this answers, such as a bank reference.",
                parse_reference,
            )
            .optional(),
        ))
    },
    plan: |charge, tx, cx, seller, (amount, reason, reference)| {
        let (reason, reference, actor) = (reason.clone(), reference.clone(), cx.actor.clone());
        let order = CreditDecreaseRequest { id: Uuid::nil(), seller, amount: *amount, reason, reference, actor };
        decrease_plan(tx, &charge.settings, order)
    },
    apply: |_, tx, cx, mut correction| {
        correction.order.id = cx.new_id();
        correction_apply(tx, cx.now, correction)
    },
    will: |plans| {
        Preview::of_one(plans, |CreditCorrection { seller, order }| {
            let (taken, available) = (order.amount.for_people(), seller.available().for_people());
            format!("{} has {available} available, and loses {taken} at once.", seller.name)
        })
    },
    outcome: |taken| {
        Outcome::of(taken, |one| {
            format!("{} is taken. The credit is {} now.", one.amount.for_people(), one.credit_after.for_people())
        })
    },
    hooks: Hooks::NONE.check(is_active).about(has),
};

/// How much, the payment that it answers, and a note.
type CreditInput = (Money, Option<String>, Option<String>);

/// Asks for a seller's credit, as staff: somebody else approves it.
pub(crate) static CREDIT_REQUEST: Command<Charge, CreditInput, NewRequest, CreditRequest> = Command {
    spec: CommandSpec::money("charge.sellers.request-credit", "charge.credit")
        .titled("Request credit", "Somebody else approves it; then the seller gets the amount."),
    noun: &SELLERS,
    form: |charge| {
        Form::of((
            FormField::amount(
                "amount",
                "Amount",
                "More than zero, with at most two decimals.",
                charge.settings.max_increase,
            ),
            payment_reference(),
            FormField::line("note", "Note", "What whoever approves should know.", 1, 300).optional(),
        ))
    },
    plan: |charge, tx, cx, seller, (amount, reference, note)| {
        seller_active(tx, &charge.settings, seller)?;
        let (note, reference, asked_by) = (note.clone(), reference.clone(), cx.actor.clone());
        Ok(NewRequest { id: Uuid::nil(), seller, amount: *amount, note, reference, asked_by })
    },
    apply: |charge, tx, cx, mut new| {
        new.id = cx.new_id();
        request_create(tx, cx.now, &charge.settings, &new)
    },
    will: |plans| {
        Preview::of_one(plans, |new| {
            format!("{} is requested. Somebody else must approve it.", new.amount.for_people())
        })
    },
    outcome: |made| {
        Outcome::of(made, |new| format!("{} is requested. Somebody else must approve it.", new.amount.for_people()))
    },
    hooks: Hooks::NONE.check(is_active),
};
