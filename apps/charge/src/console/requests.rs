//! Credit requests in the console, and in its inbox.

use std::sync::Arc;

use purser_kit::{Commands, Problem};
use purser_kit::console::{
    Action, Cell, Choice, Column, Detail, Done, Filter, Kind, Listing, Preview, Resource, Search, Target, Tone,
    wide_where_many,
};
use purser_money::Money;
use purser_store::Tx;
use uuid::Uuid;

use super::{badge, counted, reason, second_yes};
use crate::Charge;
use crate::commands;
use crate::domain::{RequestStatus, Seller, Settings, Standing};
use crate::error::Error;
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
                Column::new("seller", "Seller", "s.name", Kind::Text),
                Column::new("amount", "Amount", "r.amount", Kind::Money(currency)),
                Column::new("reference", "Reference", "r.reference", Kind::Text),
                Column::new("note", "Note", "r.note", Kind::Text),
                Column::new("status", "Status", "r.status", Kind::Choice(STATES)),
                Column::new("asked_at", "Asked", "r.asked_at", Kind::Time),
                Column::new("decided_at", "Decided", "r.decided_at", Kind::Time),
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
        commands: Commands::default(),
        actions: vec![approve(charge), reject(charge)],
    }
}

/// How a request stands, as a page shows it.
pub(crate) fn status(status: RequestStatus) -> Cell {
    badge(STATES, status.name())
}

fn detail(tx: &mut Tx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
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

/// What the chosen requests come to, and which of them cannot be decided on.
fn chosen(
    tx: &mut Tx<'_>,
    settings: &Settings,
    ids: &[Uuid],
    what: &str,
    fits: fn(&Seller) -> Result<(), Error>,
) -> Result<Preview, Problem> {
    let mut total = Money::zero(settings.currency);
    let preview = Preview::each(ids, |id| {
        let request = service::request_get(tx, settings, id)?;
        if request.status != RequestStatus::Pending {
            return Err(Error::Decided(request.status).into());
        }
        let seller = service::seller_get(tx, settings, request.seller)?;
        fits(&seller)?;
        total = total.checked_add(request.amount).ok_or_else(|| Problem::internal("a total past 64 bits"))?;
        Ok((seller.name, format!("{} {what}", request.amount.for_people())))
    })?;
    Ok(preview.told(|count| format!("{} in {} {what}.", total.for_people(), counted(count, "request"))))
}

/// Only an active seller is given credit.
fn is_active(seller: &Seller) -> Result<(), Error> {
    if seller.standing == Standing::Active { Ok(()) } else { Err(Error::SellerNotActive(seller.standing)) }
}

fn approve(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "approve",
        title: "Approve",
        command: &commands::REQUEST_APPROVE,
        target: Target::Many,
        harms: false,
        // Of many, those whose reference was used before are left for a second look, one by one.
        fields: Box::new(|_, ids| Ok(if ids.len() == 1 { vec![second_yes()] } else { Vec::new() })),
        preview: Box::new(move |tx, _, ids| chosen(tx, &reading, ids, "will be given at once", is_active)),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let again = fields.flag("again") == Some(true) && ids.len() == 1;
            fields.finish(Some(()))?;
            // A seller who is frozen at the same moment was frozen after it.
            wide_where_many(tx, ids)?;
            let done = Done::each(ids, |id| {
                let credit = doer.fresh_id();
                let request = service::request_approve(tx, doer.now, &settings, id, credit, &doer.actor, again)?;
                let seller = service::seller_get(tx, &settings, request.seller)?;
                Ok((
                    seller.name,
                    format!("got {}, has {} now", request.amount.for_people(), seller.credit.for_people()),
                ))
            })?;
            Ok(done.told(|count| format!("{} approved; the credit is there.", counted(count, "request"))))
        }),
    }
}

fn reject(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "reject",
        title: "Reject",
        command: &commands::REQUEST_REJECT,
        target: Target::Many,
        harms: true,
        fields: Box::new(|_, _| Ok(vec![reason()])),
        preview: Box::new(move |tx, _, ids| chosen(tx, &reading, ids, "will not be given", |_| Ok(()))),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let reason = fields.line("reason", 1, 300);
            let reason = fields.required("reason", reason);
            let reason = fields.finish(reason)?;
            wide_where_many(tx, ids)?;
            let done = Done::each(ids, |id| {
                let request = service::request_reject(tx, doer.now, &settings, id, &doer.actor, &reason)?;
                let seller = service::seller_get(tx, &settings, request.seller)?;
                Ok((seller.name, format!("{} was not given", request.amount.for_people())))
            })?;
            Ok(done.told(|count| format!("{} rejected.", counted(count, "request"))))
        }),
    }
}
