//! "Mark selected as expired" and "Revert selected from expired".

use std::sync::Arc;

use purser_kit::console::{Action, Done, Preview, Target};
use purser_money::Money;

use super::ROWS;
use crate::Members;
use crate::commands;
use crate::domain::{Policy, Settings, counted};
use crate::service::{self, ExpirePreview, RevertPreview, expire_preview, revert_preview};

pub(super) fn expire(members: &Arc<Members>) -> Action {
    let (reading, settings) = (Arc::clone(&members.settings), Arc::clone(&members.settings));
    Action {
        name: "expire",
        title: "Mark selected as expired",
        command: &commands::MEMBER_EXPIRE,
        target: Target::Many,
        harms: true,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(move |tx, _, ids| Ok(expire_told(&reading, expire_preview(tx, &reading, ids)?))),
        run: Box::new(move |tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            let done = service::members_expire(tx, &settings, doer, ids)?;
            let mut total = Money::zero(settings.currency());
            let mut rows = Vec::with_capacity(done.len());
            for one in &done {
                total = total.checked_add(one.taken).unwrap_or(total);
                let owed = if one.expiry.debtors == 0 {
                    String::new()
                } else {
                    format!("; {} owe it", counted(one.expiry.debtors, "member"))
                };
                let paid = counted(one.expiry.payers, "member");
                rows.push((
                    one.member.name.clone(),
                    format!("is expired; {paid} paid {}{owed}", one.expiry.levy.for_people()),
                ));
            }
            let count = counted(i64::try_from(done.len()).unwrap_or(i64::MAX), "member");
            let sentence = format!(
                "{count} marked as expired. {} went into the pool, and every living member is told.",
                total.for_people()
            );
            Ok(Done { rows, ..Done::sentence(sentence, only(ids)) })
        }),
    }
}

fn only(ids: &[uuid::Uuid]) -> Option<uuid::Uuid> {
    if let [only] = ids { Some(*only) } else { None }
}

fn expire_told(settings: &Settings, preview: ExpirePreview) -> Preview {
    let levy = settings.levy.for_people();
    let sentence = match preview.members.as_slice() {
        [(member, payers)] => {
            format!("{levy} will be taken from {} for {}.", counted(*payers, "member"), member.name)
        }
        members => {
            let count = counted(i64::try_from(members.len()).unwrap_or(i64::MAX), "member");
            let total = preview.total.for_people();
            format!(
                "{count} will expire, one after the other. {levy} will be taken for each from every member who then lives: {total} in all."
            )
        }
    };
    let named = preview.members.iter().take(ROWS as usize);
    let mut rows: Vec<(String, String)> = named
        .map(|(member, payers)| (member.name.clone(), format!("{levy} from {}", counted(*payers, "member"))))
        .collect();
    let lacking = preview.lacking.iter().take(ROWS as usize);
    let verb = if settings.policy == Policy::Arrears { "will owe" } else { "cannot pay: lacks" };
    rows.extend(lacking.map(|one| (one.name.clone(), format!("{verb} {}", one.missing.for_people()))));
    let obstacle = preview.expired.map(|member| format!("{} is expired already.", member.name));
    let obstacle = obstacle.or(preview.too_many.map(|error| error.to_string())).or_else(|| {
        let blocks = settings.policy == Policy::Block && !preview.lacking.is_empty();
        let count = counted(i64::try_from(preview.lacking.len()).unwrap_or(i64::MAX), "living member");
        let at_least = if preview.more { "At least " } else { "" };
        blocks.then(|| {
            format!(
                "{at_least}{count} cannot pay. Top their wallets up first; until then nothing is taken from anybody."
            )
        })
    });
    Preview { sentence, rows, obstacle, ..Preview::default() }
}

pub(super) fn revert(members: &Arc<Members>) -> Action {
    let (reading, settings) = (Arc::clone(&members.settings), Arc::clone(&members.settings));
    Action {
        name: "revert",
        title: "Revert selected from expired",
        command: &commands::MEMBER_REVERT,
        target: Target::Many,
        harms: false,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(move |tx, _, ids| Ok(revert_told(&revert_preview(tx, &reading, ids)?))),
        run: Box::new(move |tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            let done = service::members_revert(tx, &settings, doer, ids)?;
            let mut total = Money::zero(settings.currency());
            let mut rows = Vec::with_capacity(done.len());
            for one in &done {
                total = total.checked_add(one.returned).unwrap_or(total);
                rows.push((one.member.name.clone(), format!("lives again; {} given back", one.returned.for_people())));
            }
            let count = counted(i64::try_from(done.len()).unwrap_or(i64::MAX), "member");
            let sentence = format!(
                "{count} reverted. {} went back to those who had paid, and every living member is told.",
                total.for_people()
            );
            Ok(Done { rows, ..Done::sentence(sentence, only(ids)) })
        }),
    }
}

fn revert_told(preview: &RevertPreview) -> Preview {
    let sentence = match preview.members.as_slice() {
        [(member, payers, levy)] => {
            format!(
                "{} will live again, and {} will get {} back.",
                member.name,
                counted(*payers, "member"),
                levy.for_people()
            )
        }
        members => {
            let count = counted(i64::try_from(members.len()).unwrap_or(i64::MAX), "member");
            format!("{count} will live again, and {} will go back to those who had paid.", preview.total.for_people())
        }
    };
    let row = |(member, payers, levy): &(crate::domain::Member, i64, Money)| {
        (member.name.clone(), format!("{} back to {}", levy.for_people(), counted(*payers, "member")))
    };
    let rows = preview.members.iter().take(ROWS as usize).map(row).collect();
    let not_expired = preview.alive.as_ref().map(|member| format!("{} is not expired.", member.name));
    let short = (preview.pool < preview.total).then(|| {
        let (pool, total) = (preview.pool.for_people(), preview.total.for_people());
        format!("The pool has {pool}, and {total} would go back.")
    });
    Preview { sentence, rows, obstacle: not_expired.or(short), ..Preview::default() }
}
