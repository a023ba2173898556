//! What may be done to a member.

use std::sync::Arc;

use purser_kit::console::{Input, Outcome, Preview};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, parse_email};
use uuid::Uuid;

use super::expiry::{MEMBER_EXPIRE, MEMBER_REVERT};
use super::wallet::{WALLET_CORRECT, WALLET_TOP_UP, WALLET_WITHDRAW};
use crate::Members;
use crate::api::MemberJson;
use crate::domain::{self, Member, parse_name};
use crate::service::{
    MemberChange, NewMember, member_apply, member_change_apply, member_change_plan, member_get, member_plan, room_left,
};
use crate::store;

/// Members.
pub(crate) static MEMBERS: Noun<Members> = Noun {
    app: "members",
    name: "members",
    one: "member",
    binding: None,
    records: |members, tx, ids| {
        let record = |member: Member| Ok((member.id, AuditSnapshot::of(&MemberJson::from(member))?));
        store::members_by_id(tx, ids, members.settings.currency())?.into_iter().map(record).collect()
    },
};

/// What may be done to members, in the order of the buttons.
pub(crate) fn member_commands(members: &Arc<Members>) -> Commands {
    Commands::of(members)
        .with(&MEMBER_CREATE)
        .with(&MEMBER_EDIT)
        .with(&WALLET_TOP_UP)
        .with(&WALLET_WITHDRAW)
        .with(&WALLET_CORRECT)
        .with(&MEMBER_EXPIRE)
        .with(&MEMBER_REVERT)
        .all()
}

fn name() -> FormField<String> {
    FormField::parsed("name", "Name", "1 to 100 characters.", parse_name)
}

fn email() -> FormField<purser_identity::Email> {
    let help = "Where the member is told of expiries. No two members share one.";
    FormField::parsed("email", "Email", help, parse_email).input(Input::Email)
}

/// Registers a member with an opening balance, which is posted to the wallet.
pub(crate) static MEMBER_CREATE: Command<Members, NewMember, (Uuid, NewMember), Member> = Command {
    spec: CommandSpec::money("members.members.create", "members.operate")
        .titled("Add member", "The opening balance is posted to the wallet.")
        .makes(),
    noun: &MEMBERS,
    form: |members| {
        let settings = Arc::clone(&members.settings);
        let currency = settings.currency();
        let help = "What the member pays in, such as 100.00; 0 for nothing.";
        let opening = FormField::amount_by("wallet_balance", "Opening balance", help, currency, move |amount| {
            domain::opening(amount, &settings)
        });
        Form::of((name(), email(), opening)).map(|(name, email, opening)| NewMember { name, email, opening })
    },
    plan: |_, tx, _, id, new| Ok((id, member_plan(tx, new.clone())?)),
    apply: |members, tx, cx, (id, new)| member_apply(tx, &members.settings, cx, id, &new),
    will: |plans| Preview::of_one(plans, |(_, new)| format!("{} begins with {}.", new.name, new.opening.for_people())),
    outcome: |made| {
        Outcome::of(made, |member| {
            format!("{} is a member now, with {} in the wallet.", member.name, member.balance.for_people())
        })
    },
    hooks: Hooks::NONE
        .check(|members: &Members, tx, _, _| room_left(tx, &members.settings))
        .fill(|_, _, _| Ok(vec![("wallet_balance", "0".to_owned())])),
};

/// A member before and after they were edited.
pub(crate) struct MemberEdit {
    pub(crate) before: Member,
    pub(crate) after: Member,
}

/// Changes what a member is called and where they are written to.
pub(crate) static MEMBER_EDIT: Command<Members, MemberChange, (Member, MemberChange), MemberEdit> = Command {
    spec: CommandSpec::records("members.members.edit", "members.operate").titled("Edit", ""),
    noun: &MEMBERS,
    form: |_| Form::of((name(), email())).map(|(name, email)| MemberChange { name: Some(name), email: Some(email) }),
    plan: |members, tx, _, id, change| Ok((member_change_plan(tx, &members.settings, id, change)?, change.clone())),
    apply: |_, tx, cx, (before, change)| {
        let after = member_change_apply(tx, cx.now, before.clone(), &change)?;
        Ok(MemberEdit { before, after })
    },
    will: |plans| Preview::of_one(plans, |(member, _)| format!("{} is changed.", member.name)),
    outcome: |edited| Outcome::of(edited, |MemberEdit { after, .. }| format!("{} is changed.", after.name)),
    hooks: Hooks::NONE.fill(|members, tx, ids| {
        let Some(id) = ids.first() else { return Ok(Vec::new()) };
        let member = member_get(tx, &members.settings, *id)?;
        Ok(vec![("name", member.name), ("email", member.email)])
    }),
};
