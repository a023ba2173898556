//! Payouts in the console: what was begun together, and its file for the bank.

use std::sync::Arc;

use purser_identity::audit_of;
use purser_kit::console::{Cell, Column, ColumnKind, Detail, DetailTable, Filter, Listing, Resource, Tone};
use purser_kit::{Commands, Problem};
use purser_money::Currency;
use purser_store::ReadTx;
use uuid::Uuid;

use super::{status, withdrawals};
use crate::Coins;
use crate::store::payout::{PAYOUTS_FROM, payout_find};
use crate::store::withdrawal::{self, totals_by_status, withdrawals_list};

/// Records of one payout that are looked through for who took its file.
const LOOKED_AT: u32 = 100;

/// Withdrawals of a payout that its page shows: as many as one action begins.
const SHOWN: u32 = 1_000;

pub(super) fn resource(coins: &Arc<Coins>) -> Resource {
    let reading = Arc::clone(coins);
    Resource {
        name: "payouts",
        title: "Payouts",
        one: "payout",
        about: "Withdrawals that were begun together, each with its file for the bank.",
        view: "coins.view",
        listing: Listing {
            from: PAYOUTS_FROM,
            id: "p.id",
            columns: vec![
                Column::new("made_at", "Begun", "p.made_at", ColumnKind::Time),
                Column::new("made_by", "By", "p.made_by", ColumnKind::Text),
                Column::new(
                    "withdrawals",
                    "Withdrawals",
                    "(SELECT COUNT(*) FROM coins_withdrawal w WHERE w.payout = p.id)",
                    ColumnKind::Number,
                ),
                Column::new(
                    "rupees",
                    "Rupees",
                    "(SELECT CAST(SUM(w.rupees) AS BIGINT) FROM coins_withdrawal w WHERE w.payout = p.id)",
                    ColumnKind::Money(Currency::INR),
                ),
                Column::new(
                    "open",
                    "Open",
                    "(SELECT COUNT(*) FROM coins_withdrawal w WHERE w.payout = p.id AND w.status = 'processing')",
                    ColumnKind::Number,
                ),
                Column::new(
                    "completed",
                    "Completed",
                    "(SELECT COUNT(*) FROM coins_withdrawal w WHERE w.payout = p.id AND w.status = 'completed')",
                    ColumnKind::Number,
                ),
                Column::new(
                    "failed",
                    "Failed or reversed",
                    "(SELECT COUNT(*) FROM coins_withdrawal w WHERE w.payout = p.id AND w.status IN ('failed', 'reversed'))",
                    ColumnKind::Number,
                ),
            ],
            search: &[],
            filters: &[Filter {
                name: "open",
                title: "State",
                choices: &[
                    (
                        "open",
                        "open",
                        "EXISTS (SELECT 1 FROM coins_withdrawal w WHERE w.payout = p.id AND w.status = 'processing')",
                    ),
                    (
                        "done",
                        "done",
                        "NOT EXISTS (SELECT 1 FROM coins_withdrawal w WHERE w.payout = p.id AND w.status = 'processing')",
                    ),
                ],
            }],
        },
        inbox: None,
        detail: Box::new(move |tx, id| detail(tx, &reading, id)),
        commands: Commands::default(),
        actions: Vec::new(),
    }
}

fn detail(tx: &mut ReadTx<'_>, coins: &Coins, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(payout) = payout_find(tx, id)? else { return Ok(None) };
    let begun = payout.made_at.to_zoned(coins.context.zone.clone()).strftime("%d %b %Y %H:%M").to_string();
    let standings = totals_by_status(tx, None, Some(id))?;
    let all: i64 = standings.iter().map(|standing| standing.count).sum();
    let rows = standings
        .into_iter()
        .map(|standing| vec![status(standing.status), Cell::Number(standing.count), Cell::Money(standing.rupees)]);
    let totals = DetailTable {
        title: "In all",
        empty: "None.",
        columns: vec!["Status", "Withdrawals", "Rupees"],
        rows: rows.collect(),
    };
    let filter =
        withdrawal::WithdrawalFilter { payout: Some(id), limit: SHOWN, ..withdrawal::WithdrawalFilter::default() };
    let list = DetailTable {
        title: "Withdrawals",
        empty: "None.",
        columns: withdrawals::HEADS.to_vec(),
        rows: withdrawals_list(tx, &filter)?.iter().map(withdrawals::row).collect(),
    };
    Ok(Some(Detail {
        title: format!("Payout of {begun}"),
        facts: vec![
            ("Begun", Cell::Time(payout.made_at)),
            ("Begun by", Cell::Text(payout.made_by)),
            ("Withdrawals", Cell::Number(all)),
            ("File taken", taken(tx, coins, id)?),
            ("Id", Cell::Text(id.to_string())),
        ],
        tables: vec![totals, list],
        ..Detail::default()
    }))
}

/// How often the file for the bank was taken, and when last: whoever takes it again sees that somebody may have paid it.
fn taken(tx: &mut ReadTx<'_>, coins: &Coins, id: Uuid) -> Result<Cell, Problem> {
    let records = audit_of(tx, &format!("coins:payouts:{id}"), LOOKED_AT)?;
    let mut taken = records.iter().filter(|record| record.action == "coins.payouts.bank-file");
    let Some(last) = taken.next() else { return Ok(Cell::Badge(Tone::Quiet, "never".to_owned())) };
    let at = last.at.to_zoned(coins.context.zone.clone()).strftime("%d %b %Y %H:%M");
    let told = match taken.count() {
        0 => format!("{at}: ask before you pay it again"),
        more => format!("{} times, last {at}: ask before you pay it again", more + 1),
    };
    Ok(Cell::Badge(Tone::Waiting, told))
}
