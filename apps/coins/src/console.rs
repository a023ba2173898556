//! The app in the console.

mod contradictions;
mod handles;
mod payouts;
mod transactions;
mod unmatched;
mod upload;
mod users;
mod widgets;
mod withdrawals;

use std::sync::Arc;

use purser_kit::console::{Cell, Choice, Console, Tone, count_noun};

use crate::Coins;
use crate::domain::Transaction;
use crate::status::WithdrawalStatus;

/// Rows of the small tables on an object's page.
const ROWS: u32 = 20;

pub(crate) fn console(coins: &Arc<Coins>) -> Console {
    Console {
        resources: vec![
            withdrawals::resource(coins),
            contradictions::resource(coins),
            unmatched::resource(coins),
            payouts::resource(coins),
            users::resource(coins),
            transactions::resource(),
            handles::resource(coins),
        ],
        widgets: widgets::figures(),
        imports: vec![upload::import(coins)],
        downloads: vec![upload::download(coins)],
        portal: Some(crate::portal::portal(coins)),
        ..Console::default()
    }
}

const STATES: &[Choice] = &[
    Choice { value: "pending", title: "pending", tone: Tone::Waiting },
    Choice { value: "processing", title: "processing", tone: Tone::Waiting },
    Choice { value: "completed", title: "completed", tone: Tone::Good },
    Choice { value: "failed", title: "failed", tone: Tone::Bad },
    Choice { value: "cancelled", title: "cancelled", tone: Tone::Quiet },
    Choice { value: "rejected", title: "rejected", tone: Tone::Bad },
    Choice { value: "reversed", title: "reversed", tone: Tone::Bad },
];

/// How a withdrawal stands, as a page shows it.
pub(crate) fn status(status: WithdrawalStatus) -> Cell {
    let tone = STATES.iter().find(|choice| choice.value == status.name()).map_or(Tone::Quiet, |choice| choice.tone);
    Cell::Badge(tone, status.name().to_owned())
}

/// People have a plural of their own.
/// A transaction in a small table, and its heads.
const TRANSACTION_HEADS: [&str; 5] = ["When", "What", "Coins", "Coins after", "Reason"];

fn transaction_row(one: &Transaction) -> Vec<Cell> {
    let what = Cell::object(one.movement.name(), "coins", "transactions", one.id);
    let reason = match one.withdrawal {
        Some(id) => Cell::object(one.reason.clone(), "coins", "withdrawals", id),
        None => Cell::Text(one.reason.clone()),
    };
    vec![Cell::Time(one.created_at), what, Cell::Money(one.amount), Cell::Money(one.balance_after), reason]
}
