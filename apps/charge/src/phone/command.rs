//! What may be done to a phone number.

use std::sync::Arc;

use purser_kit::console::{Done, Preview, counted};
use purser_kit::{Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, Record, RequestContext};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::Charge;
use crate::api::PhoneJson;
use crate::domain::{Phone, PhoneNumber, Standing};
use crate::error::Error;
use crate::service::{NewPhone, PhoneChange, Removed, phone_apply, phone_change, phone_get, phone_plan, phone_remove};
use crate::store::phones_of;

/// Phone numbers.
pub(crate) static PHONES: Noun<Charge> = Noun {
    app: "charge",
    name: "phone-numbers",
    one: "phone number",
    tie: None,
    records: |_, tx, ids| {
        let record = |phone: Phone| Ok((phone.id, Record::of(&PhoneJson::from(phone))?));
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
    will: |plans| Preview::said(plans, |new| format!("{} is registered.", new.number)),
    did: |made| Done::of(made, |phone| format!("{} is registered.", phone.number)),
    hooks: Hooks::NONE,
};

/// A phone number before and after it was edited.
pub(crate) struct EditedPhone {
    pub(crate) before: Phone,
    pub(crate) after: Phone,
}

/// Changes a phone number's label, and whether it may be charged.
pub(crate) static PHONE_EDIT: Command<Charge, PhoneChange, (Phone, PhoneChange), EditedPhone> = Command {
    spec: CommandSpec::money("charge.phone-numbers.edit", "charge.manage").titled("Edit", ""),
    noun: &PHONES,
    form: |_| {
        Form::of((
            FormField::line("label", "Label", "1 to 100 characters, or null for none.", 1, 100).optional(),
            FormField::parsed("status", "Status", "active, frozen or inactive.", Standing::parse).optional(),
        ))
        .map(|(label, standing)| PhoneChange { label: Some(label), standing })
    },
    plan: |_, tx, _, id, change| Ok((phone_get(tx, id)?, change.clone())),
    apply: |_, tx, cx, (before, change)| {
        let after = phone_change(tx, cx.now, before.id, &change)?;
        Ok(EditedPhone { before, after })
    },
    will: |plans| Preview::said(plans, |(phone, _)| format!("{} is changed.", phone.number)),
    did: |edited| Done::of(edited, |EditedPhone { after, .. }| format!("{} is changed.", after.number)),
    hooks: Hooks::NONE,
};

/// A change of whether a number may be charged.
pub(crate) struct Restatus {
    phone: Phone,
    to: Standing,
}

fn restatus(tx: &mut ReadTx<'_>, id: Uuid, to: Standing) -> Result<Restatus, Error> {
    Ok(Restatus { phone: phone_get(tx, id)?, to })
}

const fn status_set(
    spec: CommandSpec,
    plan: fn(&Charge, &mut ReadTx<'_>, &RequestContext, Uuid, &()) -> Result<Restatus, Error>,
) -> Command<Charge, (), Restatus, Phone> {
    Command {
        spec,
        noun: &PHONES,
        form: |_| Form::empty(),
        plan,
        apply: |_, tx, cx, Restatus { phone, to }| {
            let change = PhoneChange { standing: Some(to), ..PhoneChange::default() };
            phone_change(tx, cx.now, phone.id, &change)
        },
        will: |plans| {
            let what = |plan: &Restatus| match plan.to {
                Standing::Active => "can be charged again",
                Standing::Frozen | Standing::Inactive => "cannot be charged until made active again",
            };
            let each = plans.first().map(what).unwrap_or_default();
            let sentence = format!("{}: each {each}.", counted(plans.len(), "number"));
            Preview::of(plans, sentence, |plan| (plan.phone.number.to_string(), what(plan).to_owned()))
        },
        did: |changed| {
            let status = changed.first().map(|phone| phone.standing.name()).unwrap_or_default();
            Done::sentence(format!("{} {status} now.", counted(changed.len(), "number")), None)
        },
        hooks: Hooks::NONE,
    }
}

/// Lets a number be charged again.
pub(crate) static PHONE_ACTIVATE: Command<Charge, (), Restatus, Phone> = status_set(
    CommandSpec::money("charge.phone-numbers.activate", "charge.manage").titled("Make active", "").on_many(),
    |_, tx, _, id, ()| restatus(tx, id, Standing::Active),
);

/// Stops a number being charged for now.
pub(crate) static PHONE_FREEZE: Command<Charge, (), Restatus, Phone> = status_set(
    CommandSpec::money("charge.phone-numbers.freeze", "charge.manage").titled("Freeze", "").on_many().harms(),
    |_, tx, _, id, ()| restatus(tx, id, Standing::Frozen),
);

/// Removes a number without history; deactivates any other.
pub(crate) static PHONE_REMOVE: Command<Charge, (), Phone, Removed<Phone>> = Command {
    spec: CommandSpec::records("charge.phone-numbers.remove", "charge.manage").titled("Remove", "").harms(),
    noun: &PHONES,
    form: |_| Form::empty(),
    plan: |_, tx, _, id, ()| phone_get(tx, id),
    apply: |_, tx, cx, phone| phone_remove(tx, cx.now, phone.id),
    will: |plans| {
        Preview::said(plans, |phone| {
            format!("{} is removed. One that was sold to is kept as inactive instead.", phone.number)
        })
    },
    did: |removed| Done::of(removed, |removed| removed.said("The number")),
    hooks: Hooks::NONE,
};
