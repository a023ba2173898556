//! Withdrawals in the console, and in its inbox.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{
    Cell, Choice, Column, ColumnKind, Detail, DetailTable, Filter, Listing, Resource, Search, Tone,
};
use purser_money::Currency;
use purser_store::ReadTx;
use uuid::Uuid;

use super::{ROWS, STATES, TRANSACTION_HEADS, contradictions, status, transaction_row};
use crate::Coins;
use crate::domain::Withdrawal;
use crate::service::{WithdrawalChecks, user_get, withdrawal_checks, withdrawals_of};
use crate::status::WithdrawalStatus;
use crate::store::transaction::transactions_of;
use crate::store::utr::utr_changes_of;
use crate::store::withdrawal::{WITHDRAWALS_FROM, totals_by_status, withdrawal_find};
use crate::upi::UpiId;
use crate::utr::Utr;
use crate::withdrawal::command::withdrawal_commands;

const HANDLES: &[Choice] = &[
    Choice { value: "known", title: "known", tone: Tone::Good },
    Choice { value: "unknown", title: "unknown", tone: Tone::Bad },
];

pub(super) fn resource(coins: &Arc<Coins>) -> Resource {
    Resource {
        name: "withdrawals",
        title: "Withdrawals",
        one: "withdrawal",
        about: "Coins that users ask to have paid by UPI. Whoever asks does not pay.",
        view: "coins.view",
        listing: listing(),
        inbox: Some(("status", "pending")),
        detail: Box::new(detail),
        commands: withdrawal_commands(coins),
        actions: Vec::new(),
    }
}

fn listing() -> Listing {
    Listing {
        from: WITHDRAWALS_FROM,
        id: "w.id",
        columns: vec![
            Column::new("user", "User", "u.user_id", ColumnKind::UserText),
            // The first of the two is what the inbox sums up.
            Column::new("rupees", "Rupees", "w.rupees", ColumnKind::Money(Currency::INR)),
            Column::new("coins", "Coins", "w.amount", ColumnKind::Money(Currency::COIN)),
            Column::new("upi_id", "UPI id", "w.upi_id", ColumnKind::Text),
            Column::new(
                "handle",
                "Handle",
                "CASE WHEN w.handle_known = 1 THEN 'known' ELSE 'unknown' END",
                ColumnKind::Choice(HANDLES),
            ),
            Column::new("status", "Status", "w.status", ColumnKind::Choice(STATES)),
            Column::new("created_at", "Asked", "w.created_at", ColumnKind::Time).sorted().dated(),
            Column::new("completed_at", "Paid", "w.completed_at", ColumnKind::Time).dated(),
            Column::new("utr", "UTR", "w.utr", ColumnKind::Text),
        ],
        search: &[
            Search::Begins("u.user_id"),
            Search::BeginsLower("w.upi_id"),
            Search::BeginsReference("w.utr_key"),
            Search::Id("w.id"),
        ],
        filters: &[
            Filter {
                name: "status",
                title: "Status",
                choices: &[
                    ("pending", "pending", "w.status = 'pending'"),
                    ("processing", "processing", "w.status = 'processing'"),
                    ("completed", "completed", "w.status = 'completed'"),
                    ("failed", "failed", "w.status = 'failed'"),
                    ("cancelled", "cancelled", "w.status = 'cancelled'"),
                    ("rejected", "rejected", "w.status = 'rejected'"),
                    ("reversed", "reversed", "w.status = 'reversed'"),
                ],
            },
            Filter {
                name: "handle",
                title: "Handle",
                choices: &[("known", "known", "w.handle_known = 1"), ("unknown", "unknown", "w.handle_known = 0")],
            },
        ],
    }
}

fn detail(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(withdrawal) = withdrawal_find(tx, id)? else { return Ok(None) };
    let user = user_get(tx, withdrawal.owner)?;
    let checks = withdrawal_checks(tx, &withdrawal)?;
    let mut facts = facts(&withdrawal);
    facts.extend(checked(&withdrawal, &checks));
    facts.push(("Coins of the user now", Cell::Money(user.balance)));
    facts.push(("Id", Cell::Text(id.to_string())));
    // What has not happened yet is no fact.
    facts.retain(|(_, cell)| *cell != Cell::Nothing);
    let fit = WAYS.iter().filter(|(_, next)| withdrawal.status.may_become(*next)).map(|(name, _)| *name);
    let corrects = withdrawal.utr.is_some().then_some("correct-utr");
    let own = [contradictions::table(tx, id)?, corrections(tx, id)?];
    let users = [totals(tx, user.id)?, last(tx, user.id)?, movements(tx, user.id)?];
    let tables = own.into_iter().flatten().chain(users).collect();
    Ok(Some(Detail {
        title: format!("{} for {}", withdrawal.rupees.for_people(), withdrawal.user_id.as_str()),
        facts,
        accounts: vec![("Coins of the user", user.account)],
        tables,
        fit: Some(fit.chain(corrects).chain(["notes"]).collect()),
    }))
}

/// The UTRs that were entered wrongly.
fn corrections(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<DetailTable>, Problem> {
    let changes = utr_changes_of(tx, id)?;
    let rows = changes.into_iter().map(|change| {
        let (old, new) = (change.old.as_str().to_owned(), change.new.as_str().to_owned());
        vec![
            Cell::Time(change.at),
            Cell::Text(old),
            Cell::Text(new),
            Cell::Text(change.actor),
            Cell::Text(change.reason),
        ]
    });
    let rows: Vec<_> = rows.collect();
    Ok(Some(rows).filter(|rows| !rows.is_empty()).map(|rows| DetailTable {
        title: "Corrected UTRs",
        empty: "None.",
        columns: vec!["When", "It was", "It became", "By", "Reason"],
        rows,
    }))
}

/// What staff can make of a withdrawal, by the action's name.
const WAYS: [(&str, WithdrawalStatus); 6] = [
    ("process", WithdrawalStatus::Processing),
    ("complete", WithdrawalStatus::Completed),
    ("fail", WithdrawalStatus::Failed),
    ("reject", WithdrawalStatus::Rejected),
    ("cancel", WithdrawalStatus::Cancelled),
    ("reverse", WithdrawalStatus::Reversed),
];

fn facts(one: &Withdrawal) -> Vec<(&'static str, Cell)> {
    let by = |pair: &Option<(String, _)>| Cell::text(pair.as_ref().map(|(by, _)| by.clone()));
    let at = |pair: &Option<(String, _)>| Cell::time(pair.as_ref().map(|(_, at)| *at));
    let payout = one.payout.map(|id| Cell::object("the payout", "coins", "payouts", id));
    vec![
        ("Status", status(one.status)),
        ("User", Cell::object(one.user_id.as_str(), "coins", "users", one.owner)),
        ("Coins", Cell::Money(one.amount)),
        ("Rupees", Cell::Money(one.rupees)),
        ("UPI id", Cell::Text(one.upi_id.as_str().to_owned())),
        ("Asked", Cell::Time(one.created_at)),
        ("Asked by", Cell::Text(one.requested_by.clone())),
        ("May be paid from", Cell::time(one.payable_from)),
        ("Begun", at(&one.processing)),
        ("Begun by", by(&one.processing)),
        ("Begun in", payout.unwrap_or(Cell::Nothing)),
        ("UTR", Cell::text(one.utr.as_ref().map(Utr::as_str))),
        ("Paid", at(&one.completed)),
        ("Paid by", by(&one.completed)),
        ("Coins given back", at(&one.closed)),
        ("Given back by", by(&one.closed)),
        ("Reason", Cell::text(one.reason.clone())),
        ("Public note", Cell::text(one.public_note.clone())),
        ("Internal note", Cell::text(one.internal_note.clone())),
    ]
}

/// What speaks for the UPI id and what against it.
fn checked(one: &Withdrawal, checks: &WithdrawalChecks) -> Vec<(&'static str, Cell)> {
    let (good, waiting, bad) = (Tone::Good, Tone::Waiting, Tone::Bad);
    let badge = |tone: Tone, text: &str| Cell::Badge(tone, text.to_owned());
    let formed = match UpiId::parse(one.upi_id.as_str()) {
        Ok(_) => badge(good, "well formed"),
        Err(_) => badge(bad, "malformed"),
    };
    let handle = match &checks.handle {
        Some(handle) => Cell::Badge(good, format!("@{}: {}", handle.handle, handle.provider)),
        None => Cell::Badge(bad, format!("@{} is not on the list", one.upi_id.handle())),
    };
    let is_new = checks.first_named.is_none_or(|first| first >= one.created_at);
    let before = if is_new { badge(waiting, "new for this user") } else { badge(good, "named by this user before") };
    let others = match usize::try_from(checks.others).unwrap_or(usize::MAX) {
        0 => badge(good, "no other user has named it"),
        others => Cell::Badge(waiting, format!("{} named it too", super::count_noun(others, "other user"))),
    };
    vec![
        ("UPI check: form", formed),
        ("UPI check: handle", handle),
        ("UPI check: user", before),
        ("UPI check: others", others),
    ]
}

/// What the user's withdrawals come to, by how they stand.
pub(super) fn totals(tx: &mut ReadTx<'_>, owner: Uuid) -> Result<DetailTable, Problem> {
    let rows = totals_by_status(tx, Some(owner), None)?.into_iter().map(|totals| {
        let (coins, rupees) = (Cell::Money(totals.coins), Cell::Money(totals.rupees));
        vec![status(totals.status), Cell::Number(totals.count), coins, rupees]
    });
    Ok(DetailTable {
        title: "Withdrawals of this user in all",
        empty: "None.",
        columns: vec!["Status", "Withdrawals", "Coins", "Rupees"],
        rows: rows.collect(),
    })
}

/// The user's last withdrawals.
pub(super) fn last(tx: &mut ReadTx<'_>, owner: Uuid) -> Result<DetailTable, Problem> {
    let rows = withdrawals_of(tx, owner, None, None, ROWS)?;
    Ok(DetailTable {
        title: "Last withdrawals of this user",
        empty: "None.",
        columns: HEADS.to_vec(),
        rows: rows.iter().map(row).collect(),
    })
}

/// The user's last movements.
pub(super) fn movements(tx: &mut ReadTx<'_>, owner: Uuid) -> Result<DetailTable, Problem> {
    let rows = transactions_of(tx, owner, None, ROWS)?;
    Ok(DetailTable {
        title: "Last coin transactions of this user",
        empty: "None.",
        columns: TRANSACTION_HEADS.to_vec(),
        rows: rows.iter().map(transaction_row).collect(),
    })
}

/// A withdrawal in a small table, and its heads.
pub(super) const HEADS: [&str; 7] = ["Asked", "Withdrawal", "User", "UPI id", "Status", "UTR", "Reason"];

pub(super) fn row(one: &Withdrawal) -> Vec<Cell> {
    vec![
        Cell::Time(one.created_at),
        Cell::object(one.rupees.for_people(), "coins", "withdrawals", one.id),
        Cell::object(one.user_id.as_str(), "coins", "users", one.owner),
        Cell::Text(one.upi_id.as_str().to_owned()),
        status(one.status),
        Cell::text(one.utr.as_ref().map(Utr::as_str)),
        Cell::text(one.reason.clone()),
    ]
}
