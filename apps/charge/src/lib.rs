//! Resellers sell phone charges from prepaid credit.
//!
//! Sellers hold credit; staff increase it; each sale takes it and charges a phone number. Under any number of
//! simultaneous requests credit never goes below zero, no sale is lost, and none happens twice.

mod api;
mod catalog;
mod commands;
pub mod connector;
mod console;
mod contradiction;
mod credit;
mod demo;
mod domain;
mod error;
mod jobs;
mod notices;
mod numbering_plan;
mod operator;
mod phone;
mod portal;
mod product;
mod request;
mod sale;
mod sale_file;
mod seller;
pub mod service;
mod store;

use std::sync::Arc;

use purser_identity::Right;
use purser_kit::{App, AppContext, AppState, FixedSetting, Scope};
use purser_store::{Batcher, Migration, ReadTx};

pub use catalog::{PricedItem, Product};
pub use connector::Connector;
pub use contradiction::{ContradictionDecision, ContradictionStatus, SaleContradiction, WordSource};
pub use domain::{
    CallingCode, CreditKind, CreditRequest, CreditTransaction, LifecycleStatus, NamedProduct, OperatorRow, Phone,
    PhoneNumber, RequestStatus, Sale, SaleStatus, Seller, Settings,
};
pub use error::{CODES, Error};
pub use service::{SaleOrder, SaleResult};
pub use store::upload::{uploads_old, uploads_purge};
pub use store::{CreditCheck, RecordFilter};

/// The app's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration { room: "charge", number: 1, name: "charge", sql: include_str!("../migrations/0001_charge.sql") },
    Migration { room: "charge", number: 2, name: "request", sql: include_str!("../migrations/0002_request.sql") },
    Migration { room: "charge", number: 3, name: "notice", sql: include_str!("../migrations/0003_notice.sql") },
    Migration { room: "charge", number: 4, name: "upload", sql: include_str!("../migrations/0004_upload.sql") },
    Migration { room: "charge", number: 5, name: "person", sql: include_str!("../migrations/0005_person.sql") },
    Migration { room: "charge", number: 6, name: "operator", sql: include_str!("../migrations/0006_operator.sql") },
    Migration {
        room: "charge",
        number: 7,
        name: "credit_reference",
        sql: include_str!("../migrations/0007_credit_reference.sql"),
    },
    Migration {
        room: "charge",
        number: 8,
        name: "contradiction",
        sql: include_str!("../migrations/0008_contradiction.sql"),
    },
    Migration {
        room: "charge",
        number: 9,
        name: "file_memory",
        sql: include_str!("../migrations/0009_file_memory.sql"),
    },
    Migration {
        room: "charge",
        number: 10,
        name: "phone_spelling",
        sql: include_str!("../migrations/0010_phone_spelling.sql"),
    },
    Migration { room: "charge", number: 11, name: "key", sql: include_str!("../migrations/0011_key.sql") },
    Migration {
        room: "charge",
        number: 12,
        name: "contradiction_again",
        sql: include_str!("../migrations/0012_contradiction_again.sql"),
    },
    Migration {
        room: "charge",
        number: 13,
        name: "normal_forms",
        sql: include_str!("../migrations/0013_normal_forms.sql"),
    },
];

/// Orders decided in one batch, at most: bounds how long other commands wait behind it.
const BATCH_MAX: usize = 512;

/// What kind of object a key may be bound to.
pub const SELLER_BINDING: &str = "charge:seller";

/// The app's permissions.
pub const SCOPES: &[Scope] = &[
    Scope { name: "charge.read", allows: "see sellers, credit, sales and phone numbers", right: Right::View },
    Scope { name: "charge.sell", allows: "sell charges", right: Right::Operate },
    Scope { name: "charge.manage", allows: "register and change sellers and phone numbers", right: Right::Operate },
    Scope {
        name: "charge.credit",
        allows: "increase and decrease credit, and take increases back",
        right: Right::Approve,
    },
    Scope {
        name: "charge.settle",
        allows: "reverse sales, resolve those whose fate is unknown, and settle contradictions",
        right: Right::Approve,
    },
];

/// The app at work.
pub(crate) struct Charge {
    pub(crate) context: AppContext,
    pub(crate) settings: Arc<Settings>,
    pub(crate) connector: Connector,
    pub(crate) batcher: Batcher<SaleOrder, SaleResult, Error>,
}

impl Charge {
    /// The way to the operator that a sale was made with, as far as it is still there: the configuration may have
    /// changed since.
    pub(crate) fn connector_of(&self, sale: &Sale) -> Option<&Connector> {
        match sale.connector.as_str() {
            "simulator" => Some(&Connector::Simulator),
            name => Some(&self.connector).filter(|connector| connector.name().as_str() == name),
        }
    }
}

impl AppState for Charge {
    type Error = Error;

    fn context(&self) -> &AppContext {
        &self.context
    }
}

/// Opens the app in this house.
#[must_use]
pub fn app(context: &AppContext, settings: Settings, connector: Connector) -> App {
    let settings = Arc::new(settings);
    let rules = Arc::clone(&settings);
    let counter =
        context.store.batcher(BATCH_MAX, move |tx, orders: &[SaleOrder]| service::sales_create(tx, &rules, orders));
    let charge = Arc::new(Charge { context: context.clone(), settings, connector, batcher: counter });
    App {
        name: "charge",
        title: "Charge",
        summary: "Resellers sell phone charges from prepaid credit.",
        scopes: SCOPES,
        codes: CODES,
        api: api::routes(&charge),
        console: console::console(&charge),
        jobs: jobs::handlers(&charge),
        schedules: jobs::schedules(),
        notices: notices::NOTICES,
        fixed: vec![FixedSetting::currency("charge.currency", charge.settings.currency, "charge")],
        demo: Box::new(move || Box::pin(demo::fill(Arc::clone(&charge)))),
    }
}

/// The app's own equation: credit granted = credit left + charges sold (those reversed are left again).
///
/// # Errors
/// The store's.
pub fn credit_check(tx: &mut ReadTx<'_>) -> Result<CreditCheck, purser_store::Error> {
    store::credit_check(tx)
}
