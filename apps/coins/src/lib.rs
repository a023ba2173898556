//! Reward coins, withdrawn to UPI.
//!
//! Users of other applications earn coins and ask to have them paid. The coins leave their balance at once; staff pay
//! by UPI and record it; whatever is not paid comes back, once. Every change is on record and told.

mod api;
mod columns;
mod commands;
mod console;
mod contradiction;
mod demo;
mod domain;
mod error;
mod handle;
mod notices;
mod portal;
pub mod result_file;
pub mod service;
mod status;
mod store;
mod unmatched;
mod upi;
mod user;
mod utr;
mod withdrawal;

use std::sync::Arc;

use purser_identity::Right;
use purser_kit::console::EntryPoint;
use purser_kit::{App, AppContext, AppState, FixedSetting, Problem, RequestContext, Scope};
use purser_money::Currency;
use purser_store::{Migration, ReadTx};

pub use contradiction::{ContradictionKind, ContradictionRemedy, ContradictionState, WithdrawalContradiction};
pub use domain::{
    CoinUser, Freeze, HandlePolicy, MovementKind, Settings, Transaction, UserId, UserTotals, Withdrawal, coins,
};
pub use error::{CODES, Error};
pub use status::{TRANSITIONS, WithdrawalStatus};
pub use store::handle::Handle;
pub use store::payout::Payout;
pub use store::result::ResultState;
pub use store::result::{results_old, results_purge};
pub use upi::UpiId;
pub use utr::Utr;

/// The most coins that are given, spent or adjusted at once.
pub const MOST_MOVED: i64 = 1_000_000_000;

/// The app's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration { room: "coins", number: 1, name: "coins", sql: include_str!("../migrations/0001_coins.sql") },
    Migration { room: "coins", number: 2, name: "order", sql: include_str!("../migrations/0002_order.sql") },
    Migration {
        room: "coins",
        number: 3,
        name: "contradictions",
        sql: include_str!("../migrations/0003_contradictions.sql"),
    },
    Migration { room: "coins", number: 4, name: "unmatched", sql: include_str!("../migrations/0004_unmatched.sql") },
];

/// What kind of object a key may be bound to.
pub const USER_TIE: &str = "coins:user";

/// The app's permissions.
pub const SCOPES: &[Scope] = &[
    Scope { name: "coins.view", allows: "see users, their coins and withdrawals", right: Right::View },
    Scope {
        name: "coins.award",
        allows: "award and spend coins, and say where to write to users",
        right: Right::Operate,
    },
    Scope { name: "coins.withdraw", allows: "ask for withdrawals and cancel them", right: Right::Operate },
    Scope {
        name: "coins.pay",
        allows: "begin, complete, fail, reject and reverse withdrawals, correct UTRs, settle what the bank \
                 contradicts, adjust coins, freeze users, say which person a user is, and change the list of handles",
        right: Right::Approve,
    },
];

/// The app at work.
pub(crate) struct Coins {
    pub(crate) context: AppContext,
    pub(crate) settings: Arc<Settings>,
}

impl AppState for Coins {
    type Error = Error;

    fn context(&self) -> &AppContext {
        &self.context
    }

    fn refusal(error: Error, cx: &RequestContext) -> Problem {
        // Whoever decides on many wants to know how each stands.
        if cx.entry_point == EntryPoint::Console { error.for_staff() } else { error.into() }
    }
}

/// Opens the app in this house.
#[must_use]
pub fn app(context: &AppContext, settings: Settings) -> App {
    let coins = Arc::new(Coins { context: context.clone(), settings: Arc::new(settings) });
    App {
        name: "coins",
        title: "Coins",
        summary: "Reward coins that users withdraw to UPI.",
        scopes: SCOPES,
        codes: CODES,
        api: api::routes(&coins),
        console: console::console(&coins),
        jobs: Vec::new(),
        schedules: Vec::new(),
        notices: notices::NOTICES,
        fixed: vec![FixedSetting::currency("the currency of coins", Currency::COIN, "coins:user")],
        demo: Box::new(move || Box::pin(demo::fill(Arc::clone(&coins)))),
    }
}

/// What is wrong with the app's own books, a sentence each: the transactions against the ledger, and the withdrawals
/// against what is set aside and paid. Reads every user.
///
/// # Errors
/// The store's and the ledger's.
pub fn problems(tx: &mut ReadTx<'_>) -> Result<Vec<String>, purser_ledger::Error> {
    service::problems(tx)
}
