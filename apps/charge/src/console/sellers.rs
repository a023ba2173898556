//! Sellers in the console.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Column, ColumnKind, Detail, DetailTable, Filter, Listing, Resource, Search, Tone};
use purser_store::ReadTx;
use uuid::Uuid;

use super::credit::kind as credit_kind;
use super::{ROWS, STANDINGS, people, products, sales, status_badge};
use crate::Charge;
use crate::domain::Settings;
use crate::seller::command::seller_commands;
use crate::service::{self, SellerCheck};
use crate::store;
use crate::store::credit::{CreditFilter, credits_list};

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let currency = charge.settings.currency;
    let reading = Arc::clone(charge);
    Resource {
        name: "sellers",
        title: "Sellers",
        one: "seller",
        about: "Resellers with prepaid credit.",
        view: "charge.read",
        listing: Listing {
            from: store::SELLERS_FROM,
            id: "s.id",
            columns: vec![
                Column::new("name", "Name", "s.name", ColumnKind::Text).sorted(),
                Column::new("status", "Status", "s.status", ColumnKind::Choice(STANDINGS)),
                Column::new("credit", "Credit", "b.balance", ColumnKind::Money(currency)).sorted(),
                Column::new("held", "Held", "b.held", ColumnKind::Money(currency)),
                Column::new("email", "Email", "s.email", ColumnKind::Text),
                Column::new("created_at", "Since", "s.created_at", ColumnKind::Time),
            ],
            search: &[Search::Within("s.name"), Search::Within("s.email"), Search::Begins("s.phone")],
            filters: &[
                Filter {
                    name: "status",
                    title: "Status",
                    choices: &[
                        ("active", "active", "s.status = 'active'"),
                        ("frozen", "frozen", "s.status = 'frozen'"),
                        ("inactive", "inactive", "s.status = 'inactive'"),
                    ],
                },
                Filter {
                    name: "credit",
                    title: "Credit",
                    choices: &[
                        ("low", "below its alert", "b.balance - b.held < s.low_credit_alert"),
                        ("none", "used up", "b.balance - b.held <= 0"),
                    ],
                },
            ],
        },
        inbox: None,
        detail: Box::new(move |tx, id| seller_detail(tx, &reading.settings, id)),
        commands: seller_commands(charge),
        actions: Vec::new(),
    }
}

fn seller_detail(tx: &mut ReadTx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(seller) = store::seller_find(tx, id, settings.currency)? else { return Ok(None) };
    let (sales, _) = service::sales_page(tx, settings, &service::SaleQuery::of_seller(id, ROWS))?;
    let filter = CreditFilter { seller: Some(id), limit: ROWS, ..CreditFilter::default() };
    let credits = credits_list(tx, &filter, settings.currency)?.into_iter().map(|one| {
        vec![
            Cell::Time(one.created_at),
            credit_kind(one.kind),
            Cell::object(one.amount.for_people(), "charge", "credit", one.id),
            Cell::Money(one.credit_after),
            Cell::text(one.reference),
            Cell::Text(one.actor),
        ]
    });
    let (decision, equation) = check(service::seller_check(tx, settings, id, MOST_CHECKED)?);
    Ok(Some(Detail {
        title: seller.name.clone(),
        facts: vec![
            ("Status", status_badge(seller.status)),
            ("Credit", Cell::Money(seller.credit)),
            ("Held", Cell::Money(seller.held)),
            ("Available", Cell::Money(seller.available())),
            ("Check", decision),
            ("Adds up as", equation),
            ("Alert below", seller.low_credit_alert.map_or(Cell::Nothing, Cell::Money)),
            ("Email", Cell::text(seller.email.clone())),
            ("Language", Cell::Text(seller.language.title().to_owned())),
            ("Phone", Cell::text(seller.phone.as_ref().map(ToString::to_string))),
            ("Since", Cell::Time(seller.created_at)),
            ("Id", Cell::Text(seller.id.to_string())),
        ],
        accounts: vec![("Credit account", seller.account)],
        tables: vec![
            DetailTable {
                title: "Newest sales",
                empty: "Nothing has been sold yet.",
                columns: vec!["When", "Number", "Amount", "Status", "Credit after"],
                rows: sales.iter().map(sales::row).collect(),
            },
            DetailTable {
                title: "Credit given and taken",
                empty: "No credit has been given yet.",
                columns: vec!["When", "What", "Amount", "Credit after", "Reference", "By"],
                rows: credits.collect(),
            },
            people::table(tx, id)?,
            people::keys(tx, id)?,
            products::prices(tx, id)?,
        ],
        ..Detail::default()
    }))
}

/// Entries that the check of a seller's page adds up, at most.
const MOST_CHECKED: usize = 10_000;

/// Whether the seller's equation holds, and the equation.
fn check(check: Option<SellerCheck>) -> (Cell, Cell) {
    let Some(check) = check else {
        let many = format!("More than {MOST_CHECKED} sales: `purser ledger verify` checks them.");
        return (Cell::Nothing, Cell::Text(many));
    };
    let SellerCheck { increases, decreases, taken_back, credit, sold, reversed } = check;
    let people = [increases, decreases, taken_back, credit, sold, reversed].map(|money| money.for_people());
    let [increases, decreases, taken_back, credit, sold, reversed] = people;
    let equation = format!(
        "{increases} given − {decreases} taken − {taken_back} taken back = {credit} left + {sold} sold − {reversed} reversed"
    );
    let (tone, word) = if check.holds() { (Tone::Good, "adds up") } else { (Tone::Bad, "does not add up") };
    (Cell::Badge(tone, word.to_owned()), Cell::Text(equation))
}
