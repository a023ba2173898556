//! Members who expire, and mistakes taken back: many at once, and all of it or nothing.

use purser_kit::console::{Outcome, Preview};
use purser_kit::{BatchCommand, CommandSpec, Form};
use purser_money::Money;

use super::command::MEMBERS;
use crate::Members;
use crate::domain::{ExpiryPolicy, counted};
use crate::service::{
    ExpirePreview, ExpiryResult, RevertPreview, RevertResult, expire_apply, expire_preview, expiries_lock,
    revert_apply, revert_preview,
};

/// Rows of a preview.
const ROWS: usize = 20;

/// Expires members: the others pay the levy.
pub(crate) static MEMBER_EXPIRE: BatchCommand<Members, (), ExpirePreview, ExpiryResult> = BatchCommand {
    spec: CommandSpec::money("members.members.expire", "members.operate")
        .titled("Mark selected as expired", "")
        .on_many()
        .harms(),
    noun: &MEMBERS,
    form: |_| Form::empty(),
    lock: |_, tx, _, _| expiries_lock(tx),
    plan: |members, tx, _, ids, ()| expire_preview(tx, &members.settings, ids),
    refusal: ExpirePreview::refusal,
    apply: |members, tx, cx, plan| {
        let expired = expire_apply(tx, &members.settings, cx, plan)?;
        Ok(expired.into_iter().map(|one| (one.member.id, one)).collect())
    },
    will: expire_will,
    outcome: |done| {
        let row = |one: &ExpiryResult| {
            let owed = match one.expiry.debtors {
                0 => String::new(),
                debtors => format!("; {} owe it", counted(debtors, "member")),
            };
            let (paid, levy) = (counted(one.expiry.payers, "member"), one.expiry.levy.for_people());
            (one.member.name.clone(), format!("is expired; {paid} paid {levy}{owed}"))
        };
        let (count, sum) = (members(done.len()), total(done.iter().map(|one| one.taken)));
        let sentence = format!("{count} marked as expired. {sum} went into the pool, and every living member is told.");
        Outcome::rows(done, sentence, row)
    },
};

/// Takes expiries back: each member lives again, and whoever paid gets exactly that back.
pub(crate) static MEMBER_REVERT: BatchCommand<Members, (), RevertPreview, RevertResult> = BatchCommand {
    spec: CommandSpec::money("members.members.revert", "members.operate")
        .titled("Revert selected from expired", "")
        .on_many(),
    noun: &MEMBERS,
    form: |_| Form::empty(),
    lock: |_, tx, _, _| expiries_lock(tx),
    plan: |members, tx, _, ids, ()| revert_preview(tx, &members.settings, ids),
    refusal: RevertPreview::refusal,
    apply: |members, tx, cx, plan| {
        let reverted = revert_apply(tx, &members.settings, cx, plan)?;
        Ok(reverted.into_iter().map(|one| (one.member.id, one)).collect())
    },
    will: revert_will,
    outcome: |done| {
        let row = |one: &RevertResult| {
            (one.member.name.clone(), format!("lives again; {} given back", one.returned.for_people()))
        };
        let (count, sum) = (members(done.len()), total(done.iter().map(|one| one.returned)));
        let sentence =
            format!("{count} reverted. {sum} went back to those who had paid, and every living member is told.");
        Outcome::rows(done, sentence, row)
    },
};

fn members(count: usize) -> String {
    counted(i64::try_from(count).unwrap_or(i64::MAX), "member")
}

/// What amounts come to, for people.
fn total(amounts: impl Iterator<Item = Money>) -> String {
    let sum = amounts.reduce(|sum, amount| sum.checked_add(amount).unwrap_or(sum));
    sum.map_or_else(|| "Nothing".to_owned(), Money::for_people)
}

fn expire_will(plan: &ExpirePreview) -> Preview {
    let levy = plan.levy.for_people();
    let sentence = match plan.members.as_slice() {
        [(member, payers)] => format!("{levy} will be taken from {} for {}.", counted(*payers, "member"), member.name),
        all => {
            let (count, total) = (members(all.len()), plan.total.for_people());
            format!(
                "{count} will expire, one after the other. {levy} will be taken for each from every member who then \
                 lives: {total} in all."
            )
        }
    };
    let named = plan.members.iter().take(ROWS);
    let mut rows: Vec<(String, String)> = named
        .map(|(member, payers)| (member.name.clone(), format!("{levy} from {}", counted(*payers, "member"))))
        .collect();
    let verb = if plan.policy == ExpiryPolicy::Arrears { "will owe" } else { "cannot pay: lacks" };
    let lacking = plan.lacking.iter().take(ROWS);
    rows.extend(lacking.map(|one| (one.name.clone(), format!("{verb} {}", one.missing.for_people()))));
    Preview { rows, obstacle: plan.blocked(), ..Preview::sentence(sentence) }
}

fn revert_will(plan: &RevertPreview) -> Preview {
    let sentence = match plan.members.as_slice() {
        [one] => {
            let (payers, levy) = (counted(one.payments, "member"), one.expiry.levy.for_people());
            format!("{} will live again, and {payers} will get {levy} back.", one.member.name)
        }
        all => {
            let (count, total) = (members(all.len()), plan.total.for_people());
            format!("{count} will live again, and {total} will go back to those who had paid.")
        }
    };
    let rows = plan.members.iter().take(ROWS).map(|one| {
        let (levy, payers) = (one.expiry.levy.for_people(), counted(one.payments, "member"));
        (one.member.name.clone(), format!("{levy} back to {payers}"))
    });
    Preview { rows: rows.collect(), obstacle: plan.blocked(), ..Preview::sentence(sentence) }
}
