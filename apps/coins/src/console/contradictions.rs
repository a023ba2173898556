//! Where the bank says otherwise than we do, in the console and in its inbox.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{
    Cell, Choice, Column, ColumnKind, Detail, DetailTable, Filter, Listing, Resource, Search, Tone,
};
use purser_money::Currency;
use purser_store::ReadTx;
use uuid::Uuid;

use super::status;
use crate::Coins;
use crate::contradiction::command::contradiction_commands;
use crate::contradiction::{
    BankClaim, ContradictionKind, ContradictionRemedy, ContradictionState, WithdrawalContradiction,
};
use crate::domain::Withdrawal;
use crate::service::{user_get, withdrawal_get};
use crate::store::contradiction::{CONTRADICTIONS_FROM, contradiction_find, contradictions_of};
use crate::utr::Utr;

const KINDS: &[Choice] = &[
    Choice { value: "status", title: "paid or not", tone: Tone::Bad },
    Choice { value: "amount", title: "another amount", tone: Tone::Bad },
    Choice { value: "payee", title: "another payee", tone: Tone::Bad },
    Choice { value: "currency", title: "another currency", tone: Tone::Bad },
    Choice { value: "second_utr", title: "a second UTR", tone: Tone::Bad },
    Choice { value: "utr_used", title: "UTR of another", tone: Tone::Bad },
    Choice { value: "utr_clash", title: "one UTR for two", tone: Tone::Bad },
];

pub(super) const STATES: &[Choice] = &[
    Choice { value: "open", title: "open", tone: Tone::Waiting },
    Choice { value: "settled", title: "settled", tone: Tone::Good },
    Choice { value: "dismissed", title: "dismissed", tone: Tone::Quiet },
];

/// Contradictions that a withdrawal's page shows.
const SHOWN: u32 = 20;

pub(super) fn resource(coins: &Arc<Coins>) -> Resource {
    Resource {
        name: "contradictions",
        title: "Contradictions of the bank",
        one: "contradiction",
        about: "Where a file of the bank says otherwise than a withdrawal. Nothing is changed until somebody decides, and \
                the UTR pays nothing else meanwhile.",
        view: "coins.view",
        listing: listing(),
        inbox: Some(("state", "open")),
        detail: Box::new(detail),
        commands: contradiction_commands(coins),
        actions: Vec::new(),
    }
}

fn listing() -> Listing {
    Listing {
        from: CONTRADICTIONS_FROM,
        id: "c.id",
        columns: vec![
            Column::new("user", "User", "u.user_id", ColumnKind::UserText),
            Column::new("due", "Due", "c.due", ColumnKind::Money(Currency::INR)),
            Column::new("paid", "Paid by the bank", "c.paid", ColumnKind::Money(Currency::INR)),
            Column::new("kind", "Point", "c.kind", ColumnKind::Choice(KINDS)),
            Column::new("told", "Both sides", "c.told", ColumnKind::Text),
            Column::new("utr", "UTR of the bank", "c.utr", ColumnKind::Text),
            Column::new("state", "State", "c.state", ColumnKind::Choice(STATES)),
            Column::new("found_at", "Found", "c.found_at", ColumnKind::Time),
        ],
        search: &[
            Search::Begins("u.user_id"),
            Search::BeginsReference("c.utr_key"),
            Search::Id("c.id"),
            Search::Id("c.withdrawal"),
        ],
        filters: &[Filter {
            name: "state",
            title: "State",
            choices: &[
                ("open", "open", "c.state = 'open'"),
                ("settled", "settled", "c.state = 'settled'"),
                ("dismissed", "dismissed", "c.state = 'dismissed'"),
            ],
        }],
    }
}

pub(super) fn state(state: ContradictionState) -> Cell {
    let tone = STATES.iter().find(|choice| choice.value == state.name()).map_or(Tone::Quiet, |choice| choice.tone);
    Cell::Badge(tone, state.name().to_owned())
}

fn point(kind: ContradictionKind) -> &'static str {
    KINDS.iter().find(|choice| choice.value == kind.name()).map_or("", |choice| choice.title)
}

fn detail(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(found) = contradiction_find(tx, id)? else { return Ok(None) };
    let withdrawal = withdrawal_get(tx, found.withdrawal)?;
    let user = user_get(tx, withdrawal.owner)?;
    let fit = if found.state == ContradictionState::Open {
        let settlements = found.settlements(&withdrawal).into_iter().map(ContradictionRemedy::name);
        settlements.chain(["dismiss"]).collect()
    } else {
        Vec::new()
    };
    let mut facts = vec![
        ("State", state(found.state)),
        ("Both sides", Cell::Text(found.told.clone())),
        ("Point", Cell::Text(point(found.kind).to_owned())),
        ("Withdrawal", Cell::object(called(&withdrawal), "coins", "withdrawals", withdrawal.id)),
        ("User", Cell::object(withdrawal.user_id.as_str(), "coins", "users", withdrawal.owner)),
        ("Coins of the user now", Cell::Money(user.balance)),
        ("Found", Cell::Time(found.found_at)),
        ("Found by", Cell::Text(found.found_by.clone())),
        ("Put right by", Cell::text(found.settlement.map(ContradictionRemedy::title))),
        ("Decided", Cell::time(found.decided.as_ref().map(|(_, at)| *at))),
        ("Decided by", Cell::text(found.decided.as_ref().map(|(by, _)| by.clone()))),
        ("Reason", Cell::text(found.reason.clone())),
        ("Id", Cell::Text(id.to_string())),
    ];
    facts.retain(|(_, cell)| *cell != Cell::Nothing);
    Ok(Some(Detail {
        title: format!("{}: {}", withdrawal.user_id.as_str(), point(found.kind)),
        facts,
        accounts: vec![("Coins of the user", user.account)],
        tables: vec![sides(&found, &withdrawal)],
        fit: Some(fit),
    }))
}

fn sides(found: &WithdrawalContradiction, now: &Withdrawal) -> DetailTable {
    let bank = match &found.claim {
        BankClaim::Paid(_) => Cell::Badge(Tone::Good, "paid".to_owned()),
        BankClaim::Failed => Cell::Badge(Tone::Bad, "failed".to_owned()),
    };
    let utr = |utr: Option<&Utr>| Cell::text(utr.map(Utr::as_str));
    DetailTable {
        title: "Both sides",
        empty: "",
        columns: vec!["What", "The bank", "Here, when it was found", "Here, now"],
        rows: vec![
            vec![Cell::Text("Status".to_owned()), bank, status(found.status), status(now.status)],
            vec![
                Cell::Text("Rupees".to_owned()),
                found.paid.map_or(Cell::Nothing, Cell::Money),
                Cell::Money(found.due),
                Cell::Money(now.due()),
            ],
            vec![Cell::Text("UTR".to_owned()), utr(found.utr()), utr(found.own_utr.as_ref()), utr(now.utr.as_ref())],
        ],
    }
}

/// The contradictions of a withdrawal, as its page shows them.
pub(super) fn table(tx: &mut ReadTx<'_>, withdrawal: Uuid) -> Result<Option<DetailTable>, Problem> {
    let found = contradictions_of(tx, withdrawal, SHOWN)?;
    let row = |one: &WithdrawalContradiction| {
        let what = Cell::object(one.told.clone(), "coins", "contradictions", one.id);
        vec![Cell::Time(one.found_at), what, state(one.state), Cell::text(one.reason.clone())]
    };
    Ok(Some(found).filter(|found| !found.is_empty()).map(|found| DetailTable {
        title: "Contradictions of the bank",
        empty: "None.",
        columns: vec!["Found", "Both sides", "State", "Reason"],
        rows: found.iter().map(row).collect(),
    }))
}

fn called(withdrawal: &Withdrawal) -> String {
    format!("{} for {}", withdrawal.rupees.for_people(), withdrawal.user_id.as_str())
}
