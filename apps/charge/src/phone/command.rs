//! What may be done to a phone number.

use std::sync::Arc;

use purser_kit::console::{Outcome, Preview, count_noun};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, RequestContext};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::Charge;
use crate::api::PhoneJson;
use crate::domain::{LifecycleStatus, Phone, PhoneNumber};
use crate::error::Error;
use crate::service::{NewPhone, PhoneChange, Removal, phone_apply, phone_change, phone_get, phone_plan, phone_remove};
use crate::store::phones_of;

/// Phone numbers.
pub(crate) static PHONES: Noun<Charge> = Noun {
    app: "charge",
    name: "phone-numbers",
    one: "phone number",
    binding: None,
    records: |_, tx, ids| {
        let record = |phone: Phone| Ok((phone.id, AuditSnapshot::of(&PhoneJson::from(phone))?));
        phones_of(tx, ids)?.into_iter().map(record).collect()
    },
};

/// What may be done to phone numbers, in the order of the buttons.
pub(crate) fn phone_commands(charge: &Arc<Charge>) -> Commands {
    Commands::of(charge).with(&PHONE_CREATE).with(&PHONE_ACTIVATE).with(&PHONE_FREEZE).with(&PHONE_REMOVE).all()
}

/// Registers a phone number.
pub(crate) static PHONE_CREATE: Command<Charge, (PhoneNumber, Option<String>), NewPhone, Phone> = Command {
    spec: CommandSpec::records("charge.phone-numbers.create", "charge.manage")
        .titled("New number", "A sale to an unknown number registers it too.")
        .makes(),
    noun: &PHONES,
    form: |charge| {
        let country = charge.settings.country;
        let number = move |text: &str| PhoneNumber::parse(text, country);
        Form::of((
            FormField::digits("number", "Number", "10 to 15 digits with an optional +; kept in E.164.", number),
            FormField::line("label", "Label", "What staff call it, 1 to 100 characters.", 1, 100).optional(),
        ))
    },
    plan: |_, tx, _, id, (number, label)| phone_plan(tx, NewPhone { id, number: number.clone(), label: label.clone() }),
    apply: |charge, tx, cx, new| phone_apply(tx, cx.now, &charge.settings, &new),
    will: |plans| Preview::of_one(plans, |new| format!("{} is registered.", new.number)),
    outcome: |made| Outcome::of(made, |phone| format!("{} is registered.", phone.number)),
    hooks: Hooks::NONE,
};

/// A phone number before and after it was edited.
pub(crate) struct PhoneEdit {
    pub(crate) before: Phone,
    pub(crate) after: Phone,
}

/// Changes a phone number's label, and whether it may be charged.
pub(crate) static PHONE_EDIT: Command<Charge, PhoneChange, (Phone, PhoneChange), PhoneEdit> = Command {
    spec: CommandSpec::money("charge.phone-numbers.edit", "charge.manage").titled("Edit", ""),
    noun: &PHONES,
    form: |_| {
        Form::of((
            FormField::line("label", "Label", "1 to 100 characters, or null for none.", 1, 100).optional(),
            FormField::parsed("status", "Status", "active, frozen or inactive.", LifecycleStatus::parse).optional(),
        ))
        .map(|(label, status)| PhoneChange { label: Some(label), status })
    },
    plan: |_, tx, _, id, change| Ok((phone_get(tx, id)?, change.clone())),
    apply: |_, tx, cx, (before, change)| {
        let after = phone_change(tx, cx.now, before.id, &change)?;
        Ok(PhoneEdit { before, after })
    },
    will: |plans| Preview::of_one(plans, |(phone, _)| format!("{} is changed.", phone.number)),
    outcome: |edited| Outcome::of(edited, |PhoneEdit { after, .. }| format!("{} is changed.", after.number)),
    hooks: Hooks::NONE,
};

/// A change of whether a number may be charged.
pub(crate) struct PhoneStatusChange {
    phone: Phone,
    to: LifecycleStatus,
}

fn restatus(tx: &mut ReadTx<'_>, id: Uuid, to: LifecycleStatus) -> Result<PhoneStatusChange, Error> {
    Ok(PhoneStatusChange { phone: phone_get(tx, id)?, to })
}

const fn status_set(
    spec: CommandSpec,
    plan: fn(&Charge, &mut ReadTx<'_>, &RequestContext, Uuid, &()) -> Result<PhoneStatusChange, Error>,
) -> Command<Charge, (), PhoneStatusChange, Phone> {
    Command {
        spec,
        noun: &PHONES,
        form: |_| Form::empty(),
        plan,
        apply: |_, tx, cx, PhoneStatusChange { phone, to }| {
            let change = PhoneChange { status: Some(to), ..PhoneChange::default() };
            phone_change(tx, cx.now, phone.id, &change)
        },
        will: |plans| {
            let what = |plan: &PhoneStatusChange| match plan.to {
                LifecycleStatus::Active => "can be charged again",
                LifecycleStatus::Frozen | LifecycleStatus::Inactive => "cannot be charged until made active again",
            };
            let each = plans.first().map(what).unwrap_or_default();
            let sentence = format!("{}: each {each}.", count_noun(plans.len(), "number"));
            Preview::of(plans, sentence, |plan| (plan.phone.number.to_string(), what(plan).to_owned()))
        },
        outcome: |changed| {
            let status = changed.first().map(|phone| phone.status.name()).unwrap_or_default();
            Outcome::sentence(format!("{} {status} now.", count_noun(changed.len(), "number")), None)
        },
        hooks: Hooks::NONE,
    }
}

/// Lets a number be charged again.
pub(crate) static PHONE_ACTIVATE: Command<Charge, (), PhoneStatusChange, Phone> = status_set(
    CommandSpec::money("charge.phone-numbers.activate", "charge.manage").titled("Make active", "").on_many(),
    |_, tx, _, id, ()| restatus(tx, id, LifecycleStatus::Active),
);

/// Stops a number being charged for now.
pub(crate) static PHONE_FREEZE: Command<Charge, (), PhoneStatusChange, Phone> = status_set(
    CommandSpec::money("charge.phone-numbers.freeze", "charge.manage").titled("Freeze", "").on_many().harms(),
    |_, tx, _, id, ()| restatus(tx, id, LifecycleStatus::Frozen),
);

/// Removes a number without history; deactivates any other.
pub(crate) static PHONE_REMOVE: Command<Charge, (), Phone, Removal<Phone>> = Command {
    spec: CommandSpec::records("charge.phone-numbers.remove", "charge.manage").titled("Remove", "").harms(),
    noun: &PHONES,
    form: |_| Form::empty(),
    plan: |_, tx, _, id, ()| phone_get(tx, id),
    apply: |_, tx, cx, phone| phone_remove(tx, cx.now, phone.id),
    will: |plans| {
        Preview::of_one(plans, |phone| {
            format!("{} is removed. One that was sold to is kept as inactive instead.", phone.number)
        })
    },
    outcome: |removed| Outcome::of(removed, |removed| removed.sentence("The number")),
    hooks: Hooks::NONE,
};
