//! Credit requests in the console, and in its inbox.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Choice, Column, ColumnKind, Detail, Filter, Listing, Resource, Search, Tone};
use purser_store::ReadTx;
use uuid::Uuid;

use super::badge;
use crate::Charge;
use crate::domain::{RequestStatus, Settings};
use crate::request::command::request_commands;
use crate::service;
use crate::store::request::{REQUESTS_FROM, request_find};

const STATES: &[Choice] = &[
    Choice { value: "pending", title: "pending", tone: Tone::Waiting },
    Choice { value: "approved", title: "approved", tone: Tone::Good },
    Choice { value: "rejected", title: "rejected", tone: Tone::Bad },
    Choice { value: "withdrawn", title: "withdrawn", tone: Tone::Quiet },
];

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let currency = charge.settings.currency;
    let reading = Arc::clone(&charge.settings);
    Resource {
        name: "requests",
        title: "Credit requests",
        one: "credit request",
        about: "Credit that sellers ask for. Whoever asks does not approve.",
        view: "charge.read",
        listing: Listing {
            from: REQUESTS_FROM,
            id: "r.id",
            columns: vec![
                Column::new("seller", "Seller", "s.name", ColumnKind::Text),
                Column::new("amount", "Amount", "r.amount", ColumnKind::Money(currency)),
                Column::new("reference", "Reference", "r.reference", ColumnKind::Text),
                Column::new("note", "Note", "r.note", ColumnKind::Text),
                Column::new("status", "Status", "r.status", ColumnKind::Choice(STATES)),
                Column::new("asked_at", "Asked", "r.asked_at", ColumnKind::Time),
                Column::new("decided_at", "Decided", "r.decided_at", ColumnKind::Time),
            ],
            search: &[Search::Within("s.name"), Search::Within("r.note"), Search::Within("r.reference")],
            filters: &[Filter {
                name: "status",
                title: "Status",
                choices: &[
                    ("pending", "pending", "r.status = 'pending'"),
                    ("approved", "approved", "r.status = 'approved'"),
                    ("rejected", "rejected", "r.status = 'rejected'"),
                    ("withdrawn", "withdrawn", "r.status = 'withdrawn'"),
                ],
            }],
        },
        inbox: Some(("status", "pending")),
        detail: Box::new(move |tx, id| detail(tx, &reading, id)),
        commands: request_commands(charge),
        actions: Vec::new(),
    }
}

/// How a request stands, as a page shows it.
pub(crate) fn status(status: RequestStatus) -> Cell {
    badge(STATES, status.name())
}

fn detail(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(request) = request_find(tx, id, settings.currency)? else { return Ok(None) };
    let seller = service::seller_get(tx, settings, request.seller)?;
    let credit = request.credit.map(|id| Cell::object("the credit transaction", "charge", "credit", id));
    Ok(Some(Detail {
        title: format!("{} for {}", request.amount.for_people(), seller.name),
        facts: vec![
            ("Status", status(request.status)),
            ("Seller", Cell::object(seller.name, "charge", "sellers", seller.id)),
            ("Amount", Cell::Money(request.amount)),
            ("Credit now", Cell::Money(seller.credit)),
            ("Reference", Cell::text(request.reference)),
            ("Note", Cell::text(request.note)),
            ("Asked by", Cell::Text(request.asked_by)),
            ("Asked", Cell::Time(request.asked_at)),
            ("Decided by", Cell::text(request.decided_by)),
            ("Decided", Cell::time(request.decided_at)),
            ("Reason", Cell::text(request.reason)),
            ("Answered by", credit.unwrap_or(Cell::Nothing)),
        ],
        fit: (request.status != RequestStatus::Pending).then(Vec::new),
        ..Detail::default()
    }))
}
