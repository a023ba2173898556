//! What may be done to a credit request: it is made, approved, rejected or withdrawn.

use std::sync::Arc;

use purser_kit::console::{Outcome, Preview, count_noun};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, parse_reference};
use purser_money::Money;
use purser_store::ReadTx;
use uuid::Uuid;

use crate::api::RequestJson;
use crate::credit::command::total;
use crate::domain::{CreditRequest, RequestStatus, Seller};
use crate::error::{DUPLICATE_REFERENCE, Error};
use crate::seller::command::{AGAIN, REASON};
use crate::service::{
    Approval, NewRequest, approval_apply, approval_plan, request_create, request_decide, request_get, request_pending,
    seller_active, seller_get,
};
use crate::store::request::request_find;
use crate::{Charge, SELLER_BINDING};

/// Credit requests.
pub(crate) static REQUESTS: Noun<Charge> = Noun {
    app: "charge",
    name: "requests",
    one: "credit request",
    binding: None,
    records: |charge, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(request) = request_find(tx, *id, charge.settings.currency)? {
                records.push((*id, AuditSnapshot::of(&RequestJson::from(request))?));
            }
        }
        Ok(records)
    },
};

/// What staff may do to credit requests, in the order of the buttons.
pub(crate) fn request_commands(charge: &Arc<Charge>) -> Commands {
    Commands::of(charge).with(&REQUEST_APPROVE).with(&REQUEST_REJECT).all()
}

/// Credit that is asked for, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct RequestForm {
    /// The seller; where none is named, the one that the caller acts for.
    pub(crate) seller: Option<Uuid>,
    pub(crate) amount: Money,
    pub(crate) reference: Option<String>,
    pub(crate) note: Option<String>,
}

/// Asks for credit. Nothing is promised by it.
pub(crate) static REQUEST_CREATE: Command<Charge, RequestForm, NewRequest, CreditRequest> = Command {
    spec: CommandSpec::records("charge.requests.create", "charge.sell")
        .titled("Ask for credit", "Staff decide.")
        .makes(),
    noun: &REQUESTS,
    form: |charge| {
        let help = "The payment's own, as your bank shows it: it is credited once.";
        let most = charge.settings.max_increase;
        Form::of((
            FormField::amount("amount", "Amount", "More than zero, with at most two decimals.", most),
            FormField::parsed("reference", "Reference", help, parse_reference).optional(),
            FormField::line("note", "Note", "Anything else that staff should know.", 1, 300).optional(),
        ))
        .map(|(amount, reference, note)| RequestForm { seller: None, amount, reference, note })
    },
    plan: |charge, tx, cx, id, form| {
        let RequestForm { seller, amount, reference, note } = form.clone();
        let own = cx.binding.as_ref().filter(|binding| binding.kind == SELLER_BINDING).map(|binding| binding.id);
        let seller = seller.or(own).ok_or(Error::NoSeller)?;
        seller_active(tx, &charge.settings, seller)?;
        Ok(NewRequest { id, seller, amount, note, reference, asked_by: cx.actor.clone() })
    },
    apply: |charge, tx, cx, new| request_create(tx, cx.now, &charge.settings, &new),
    will: |plans| Preview::of_one(plans, |new| format!("{} will be asked for. Staff decide.", new.amount.for_people())),
    outcome: |made| Outcome::of(made, |request| format!("{} is asked for. Staff decide.", request.amount.for_people())),
    hooks: Hooks::NONE,
};

/// Gives what was asked for. Of many, those whose reference was used before are left for a second look, one by one.
pub(crate) static REQUEST_APPROVE: Command<Charge, bool, Approval, (CreditRequest, Seller)> = Command {
    spec: CommandSpec::money("charge.requests.approve", "charge.credit")
        .titled("Approve", "The credit is given at once.")
        .on_many(),
    noun: &REQUESTS,
    form: |_| Form::of(FormField::second_yes("again", "The reference was used before", AGAIN, &DUPLICATE_REFERENCE)),
    plan: |charge, tx, cx, id, again| approval_plan(tx, &charge.settings, id, &cx.actor, *again),
    apply: |charge, tx, cx, approval| {
        let credit = cx.new_id();
        let request = approval_apply(tx, cx.now, approval, credit, &cx.actor)?;
        let seller = seller_get(tx, &charge.settings, request.seller)?;
        Ok((request, seller))
    },
    will: |plans| {
        let amounts = plans.iter().map(|plan| plan.request.amount);
        let sentence = format!("{} in {} will be given at once.", total(amounts), count_noun(plans.len(), "request"));
        Preview::of(plans, sentence, |plan| {
            (plan.grant.seller.name.clone(), format!("{} will be given at once", plan.request.amount.for_people()))
        })
    },
    outcome: |given| {
        let sentence = format!("{} approved; the credit is there.", count_noun(given.len(), "request"));
        Outcome::rows(given, sentence, |(request, seller)| {
            let (amount, credit) = (request.amount.for_people(), seller.credit.for_people());
            (seller.name.clone(), format!("got {amount}, has {credit} now"))
        })
    },
    hooks: Hooks::NONE,
};

/// A request that ends without credit, its seller, and the reason.
pub(crate) struct RequestClosure {
    request: CreditRequest,
    seller: Seller,
    reason: Option<String>,
}

fn ending(charge: &Charge, tx: &mut ReadTx<'_>, id: Uuid, reason: Option<String>) -> Result<RequestClosure, Error> {
    let request = request_pending(tx, &charge.settings, id)?;
    let seller = seller_get(tx, &charge.settings, request.seller)?;
    Ok(RequestClosure { request, seller, reason })
}

/// Turns a request down.
pub(crate) static REQUEST_REJECT: Command<Charge, String, RequestClosure, (CreditRequest, Seller)> = Command {
    spec: CommandSpec::money("charge.requests.reject", "charge.credit").titled("Reject", "").on_many().harms(),
    noun: &REQUESTS,
    form: |_| Form::of(FormField::line("reason", "Reason", REASON, 1, 300)).previewed_with(String::new()),
    plan: |charge, tx, _, id, reason| ending(charge, tx, id, Some(reason.clone())),
    apply: |_, tx, cx, RequestClosure { request, seller, reason }| {
        Ok((request_decide(tx, cx.now, request, RequestStatus::Rejected, &cx.actor, reason)?, seller))
    },
    will: |plans| {
        let amounts = plans.iter().map(|plan| plan.request.amount);
        let sentence = format!("{} in {} will not be given.", total(amounts), count_noun(plans.len(), "request"));
        Preview::of(plans, sentence, |plan| {
            (plan.seller.name.clone(), format!("{} will not be given", plan.request.amount.for_people()))
        })
    },
    outcome: |ended| {
        let sentence = format!("{} rejected.", count_noun(ended.len(), "request"));
        Outcome::rows(ended, sentence, |(request, seller)| {
            (seller.name.clone(), format!("{} was not given", request.amount.for_people()))
        })
    },
    hooks: Hooks::NONE,
};

/// Takes a request back, by whoever may ask for the seller.
pub(crate) static REQUEST_WITHDRAW: Command<Charge, (), RequestClosure, CreditRequest> = Command {
    spec: CommandSpec::records("charge.requests.withdraw", "charge.sell").titled("Withdraw", "").harms(),
    noun: &REQUESTS,
    form: |_| Form::empty(),
    plan: |charge, tx, _, id, ()| ending(charge, tx, id, None),
    apply: |_, tx, cx, RequestClosure { request, reason, .. }| {
        request_decide(tx, cx.now, request, RequestStatus::Withdrawn, &cx.actor, reason)
    },
    will: |plans| {
        Preview::of_one(plans, |plan| format!("The request for {} is taken back.", plan.request.amount.for_people()))
    },
    outcome: |ended| {
        Outcome::of(ended, |request| format!("The request for {} is taken back.", request.amount.for_people()))
    },
    hooks: Hooks::NONE.check(|charge, tx, cx, id| {
        let seller = request_get(tx, &charge.settings, id)?.seller;
        if cx.may_touch(SELLER_BINDING, seller) { Ok(()) } else { Err(Error::NoRequest) }
    }),
};
