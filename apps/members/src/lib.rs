//! A mutual-aid pool: members hold wallets, and when one expires every other living member pays a levy into the pool.
//!
//! A mistake can be reverted: each who paid gets exactly that back. Members come one by one or by a file of many.

mod api;
mod commands;
mod console;
mod demo;
mod domain;
mod error;
mod jobs;
mod member;
pub mod member_file;
mod notices;
pub mod service;
mod store;

use std::sync::Arc;

use purser_identity::Right;
use purser_kit::{App, AppContext, AppState, FixedSetting, Scope};
use purser_money::Currency;
use purser_store::{Migration, ReadTx};

pub use domain::{Debt, DebtStatus, Expiry, ExpiryPolicy, Member, Settings, Shortfall};
pub use error::{CODES, Error};
pub use store::import::{ImportState, uploads_old, uploads_purge};

/// The app's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration { room: "members", number: 1, name: "members", sql: include_str!("../migrations/0001_members.sql") },
    Migration { room: "members", number: 2, name: "reference", sql: include_str!("../migrations/0002_reference.sql") },
];

/// The app's permissions.
pub const SCOPES: &[Scope] = &[
    Scope { name: "members.view", allows: "see members, their wallets and expiries", right: Right::View },
    Scope {
        name: "members.operate",
        allows: "register, change and upload members, move money in and out of wallets, expire and revert",
        right: Right::Operate,
    },
    Scope { name: "members.correct", allows: "correct wallets by hand", right: Right::Approve },
];

/// The app at work.
pub(crate) struct Members {
    pub(crate) context: AppContext,
    pub(crate) settings: Arc<Settings>,
}

impl AppState for Members {
    type Error = Error;

    fn context(&self) -> &AppContext {
        &self.context
    }
}

/// Opens the app in this house.
#[must_use]
pub fn app(context: &AppContext, settings: Settings) -> App {
    let members = Arc::new(Members { context: context.clone(), settings: Arc::new(settings) });
    App {
        name: "members",
        title: "Members",
        summary: "A mutual-aid pool: wallets, and a levy on every living member when one expires.",
        scopes: SCOPES,
        codes: CODES,
        api: api::routes(&members),
        console: console::console(&members),
        jobs: jobs::handlers(&members),
        schedules: Vec::new(),
        notices: notices::NOTICES,
        fixed: vec![FixedSetting::currency("the currency of members", Currency::INR, "members")],
        demo: Box::new(move || Box::pin(demo::fill(Arc::clone(&members)))),
    }
}

/// What is wrong with the app's own books, a sentence each: the tally against the members, and the members against
/// their expiries. Reads every member.
///
/// # Errors
/// The store's.
pub fn problems(tx: &mut ReadTx<'_>) -> Result<Vec<String>, purser_store::Error> {
    let (kept, counted, misstated) = (store::tally(tx)?, store::tally_counted(tx)?, store::misstated(tx)?);
    let mut problems = Vec::new();
    if kept != counted {
        let (members, alive) = (counted.members, counted.alive);
        problems.push(format!(
            "members: the tally says {} members and {} alive, but there are {members} and {alive}",
            kept.members, kept.alive
        ));
    }
    if misstated > 0 {
        problems.push(format!("members: {misstated} members are expired without an expiry, or alive with one"));
    }
    Ok(problems)
}
