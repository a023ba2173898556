//! What people see who act for a seller: its credit, its sales, its requests, statements and keys.

mod actions;
mod keys;

use std::sync::Arc;

use purser_kit::console::{Cell, DetailTable, Field, Input, ReportContent};
use purser_kit::portal::{Portal, PortalCommand, PortalContent, PortalContext, PortalPage, PortalTarget};
use purser_kit::{Day, Problem, command};
use purser_store::ReadTx;
use uuid::Uuid;

use crate::console::{request_badge, sale_badge, statement_sheet, status_badge};
use crate::domain::{PhoneNumber, RequestStatus, Sale, SaleStatus};
use crate::error::Error;
use crate::request::command::{REQUEST_CREATE, REQUEST_WITHDRAW};
use crate::service::{SaleCursor, SaleQuery, day_statement, sale_by_ref, sale_get, sales_page, seller_get};
use crate::store;
use crate::store::request::{RequestFilter, requests_list};
use crate::{Charge, SELLER_BINDING};

/// Rows of a list.
const ROWS: u32 = 50;

/// Rows of the list on the first page.
const NEWEST: u32 = 10;

pub(crate) fn portal(charge: &Arc<Charge>) -> Portal {
    Portal {
        title: "Sell charges",
        mine: Box::new(|tx, person| Ok(store::person::sellers_of(tx, person)?)),
        pages: vec![
            page(charge, "", "Credit", true, home),
            page(charge, "sales", "Sales", true, sales),
            page(charge, "sale", "Sale", false, sale),
            page(charge, "requests", "Credit requests", true, requests),
            page(charge, "statement", "Statement", true, statement),
            page(charge, "keys", "API keys", true, keys::page),
        ],
        actions: vec![
            actions::sell(charge),
            PortalCommand {
                name: "ask",
                title: "Ask for credit",
                command: command(charge, &REQUEST_CREATE),
                binding: SELLER_BINDING,
                on: PortalTarget::New,
                then: "requests/",
            }
            .action(&charge.context),
            PortalCommand {
                name: "withdraw",
                title: "Withdraw",
                command: command(charge, &REQUEST_WITHDRAW),
                binding: SELLER_BINDING,
                on: PortalTarget::Chosen,
                then: "requests/",
            }
            .action(&charge.context),
            keys::make(charge),
            keys::revoke(charge),
        ],
    }
}

type DrawFn =
    fn(&mut ReadTx<'_>, &Charge, &PortalContext, &[(String, String)]) -> Result<Option<PortalContent>, Problem>;

fn page(charge: &Arc<Charge>, name: &'static str, title: &'static str, listed: bool, draw: DrawFn) -> PortalPage {
    let charge = Arc::clone(charge);
    PortalPage {
        name,
        title,
        listed,
        render: Box::new(move |tx, portal_cx, query| draw(tx, &charge, portal_cx, query)),
    }
}

/// What an address says of `name`, if anything.
fn value<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    let found = query.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
    found.filter(|value| !value.is_empty())
}

fn home(
    tx: &mut ReadTx<'_>,
    charge: &Charge,
    portal_cx: &PortalContext,
    _: &[(String, String)],
) -> Result<Option<PortalContent>, Problem> {
    let seller = seller_get(tx, &charge.settings, portal_cx.object)?;
    let (sales, _) = sales_page(tx, &charge.settings, &SaleQuery::of_seller(seller.id, NEWEST))?;
    let facts = vec![
        ("Can be sold", Cell::Money(seller.available())),
        ("Credit", Cell::Money(seller.credit)),
        ("Waits for operators", Cell::Money(seller.held)),
        ("Alert below", seller.low_credit_alert.map_or(Cell::Nothing, Cell::Money)),
        ("Status", status_badge(seller.status)),
    ];
    let content =
        ReportContent { title: seller.name, facts, tables: vec![sales_table("Newest sales", portal_cx, &sales)] };
    Ok(Some(PortalContent { content, actions: vec![("sell", None), ("ask", None)], ..PortalContent::default() }))
}

fn sales_table(title: &'static str, portal_cx: &PortalContext, sales: &[Sale]) -> DetailTable {
    let row = |sale: &Sale| {
        vec![
            Cell::Time(sale.created_at),
            Cell::Link(sale.number.to_string(), sale_address(portal_cx, sale.id)),
            Cell::Money(sale.amount),
            sale_badge(sale.status),
            Cell::Money(sale.credit_after),
            Cell::text(sale.client_ref.clone()),
        ]
    };
    DetailTable {
        title,
        empty: "No sale to be seen here.",
        columns: vec!["When", "Number", "Amount", "Status", "Credit after", "Reference"],
        rows: sales.iter().map(row).collect(),
    }
}

fn sale_address(portal_cx: &PortalContext, id: Uuid) -> String {
    format!("{}sale/?id={id}", portal_cx.base)
}

fn sales(
    tx: &mut ReadTx<'_>,
    charge: &Charge,
    portal_cx: &PortalContext,
    query: &[(String, String)],
) -> Result<Option<PortalContent>, Problem> {
    let (wanted, status) = (value(query, "q"), value(query, "status").and_then(SaleStatus::from_name));
    let number = wanted.and_then(|text| PhoneNumber::parse(text, charge.settings.country).ok());
    let (found, next) = match (wanted, &number) {
        // What is no number is the seller's own reference.
        (Some(text), None) => match sale_by_ref(tx, &charge.settings, text, Some(portal_cx.object)) {
            Ok(sale) => (vec![sale], None),
            Err(Error::NoSale) => (Vec::new(), None),
            Err(error) => return Err(error.into()),
        },
        _ => {
            let after: SaleCursor = value(query, "after").and_then(|after| after.parse().ok()).unwrap_or_default();
            let seller = Some(portal_cx.object);
            let asked = SaleQuery { seller, number, status, after, limit: ROWS, ..SaleQuery::default() };
            sales_page(tx, &charge.settings, &asked)?
        }
    };
    let words = [("q", wanted), ("status", status.map(SaleStatus::name))];
    let kept = words.iter().filter_map(|(name, value)| Some(format!("{name}={}&", plus(value.as_ref()?))));
    let kept: String = kept.collect();
    let states = SaleStatus::ALL.map(|status| (status.name().to_owned(), status.name().to_owned())).to_vec();
    let narrow = vec![
        Field::line("q", "Number or reference", "").optional().with(wanted.unwrap_or_default()),
        Field::line("status", "Status", "")
            .optional()
            .input(Input::Choice(states))
            .with(status.map_or("", SaleStatus::name)),
    ];
    let content = ReportContent {
        title: "Sales".to_owned(),
        facts: Vec::new(),
        tables: vec![sales_table("Sales", portal_cx, &found)],
    };
    let next = next.map(|next| format!("{kept}after={next}"));
    Ok(Some(PortalContent {
        content,
        narrow,
        next,
        actions: vec![("sell", None)],
        csv: true,
        ..PortalContent::default()
    }))
}

/// A value in an address: numbers and our own words need no more than their plus kept.
fn plus(value: &str) -> String {
    value
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '.'))
        .collect::<String>()
        .replace('+', "%2B")
}

fn sale(
    tx: &mut ReadTx<'_>,
    charge: &Charge,
    portal_cx: &PortalContext,
    query: &[(String, String)],
) -> Result<Option<PortalContent>, Problem> {
    let Some(id) = value(query, "id").and_then(|id| Uuid::try_parse(id).ok()) else { return Ok(None) };
    let sale = match sale_get(tx, &charge.settings, id) {
        Ok(sale) if sale.seller == portal_cx.object => sale,
        Ok(_) | Err(Error::NoSale) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let facts = vec![
        ("Status", sale_badge(sale.status)),
        ("Number", Cell::Text(sale.number.to_string())),
        ("Amount", Cell::Money(sale.amount)),
        ("Credit after", Cell::Money(sale.credit_after)),
        ("When", Cell::Time(sale.created_at)),
        ("Settled", Cell::time(sale.settled_at)),
        ("Reason", Cell::text(sale.reason)),
        ("Reference", Cell::text(sale.client_ref)),
        ("Id", Cell::Text(sale.id.to_string())),
    ];
    let title = format!("{} for {}", sale.amount.for_people(), sale.number);
    let content = ReportContent { title, facts, tables: Vec::new() };
    Ok(Some(PortalContent { content, actions: vec![("sell", None)], ..PortalContent::default() }))
}

fn requests(
    tx: &mut ReadTx<'_>,
    charge: &Charge,
    portal_cx: &PortalContext,
    query: &[(String, String)],
) -> Result<Option<PortalContent>, Problem> {
    let before = value(query, "after").and_then(|after| Uuid::try_parse(after).ok());
    let filter = RequestFilter { seller: Some(portal_cx.object), before, limit: ROWS + 1, ..RequestFilter::default() };
    let mut found = requests_list(tx, &filter, charge.settings.currency)?;
    let more = found.len() > ROWS as usize;
    found.truncate(ROWS as usize);
    let next = found.last().filter(|_| more).map(|last| format!("after={}", last.id));
    let rows = found.into_iter().map(|request| {
        let withdraw = Cell::Link("Withdraw".to_owned(), format!("{}do/withdraw/?id={}", portal_cx.base, request.id));
        vec![
            Cell::Time(request.asked_at),
            Cell::Money(request.amount),
            Cell::text(request.note),
            request_badge(request.status),
            Cell::text(request.reason),
            if request.status == RequestStatus::Pending { withdraw } else { Cell::Nothing },
        ]
    });
    let table = DetailTable {
        title: "Credit requests",
        empty: "No credit has been asked for yet.",
        columns: vec!["Asked", "Amount", "Note", "Status", "Reason", "Still open"],
        rows: rows.collect(),
    };
    let content = ReportContent { title: "Credit requests".to_owned(), facts: Vec::new(), tables: vec![table] };
    Ok(Some(PortalContent { content, next, actions: vec![("ask", None)], ..PortalContent::default() }))
}

fn statement(
    tx: &mut ReadTx<'_>,
    charge: &Charge,
    portal_cx: &PortalContext,
    query: &[(String, String)],
) -> Result<Option<PortalContent>, Problem> {
    let zone = &charge.context.zone;
    let today = || Day::at(portal_cx.now, zone).ok_or_else(|| Problem::internal("today has no end"));
    let (day, error) = match value(query, "date").map(|text| Day::parse(text, zone)) {
        None => (today()?, None),
        Some(Ok(day)) => (day, None),
        Some(Err(rule)) => (today()?, Some(format!("The date must {}.", rule.must))),
    };
    let statement = day_statement(tx, &charge.settings, portal_cx.object, &day.span)?;
    let narrow = vec![Field::line("date", "Day", "").input(Input::Date).with(day.date.to_string())];
    let content = statement_sheet(statement, &day);
    Ok(Some(PortalContent { content, error, narrow, csv: true, ..PortalContent::default() }))
}
