//! Credit transactions in the console.

use std::sync::Arc;

use purser_kit::console::{Cell, Column, Detail, Kind, Listing, Resource, Search};

use crate::Charge;
use crate::service;
use crate::store;

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let currency = charge.settings.currency;
    let reading = Arc::clone(charge);
    Resource {
        name: "credit",
        title: "Credit transactions",
        one: "credit transaction",
        about: "Credit that staff gave to sellers.",
        view: "charge.read",
        listing: Listing {
            from: store::INCREASES_FROM,
            id: "i.id",
            columns: vec![
                Column::new("created_at", "When", "i.created_at", Kind::Time),
                Column::new("seller", "Seller", "s.name", Kind::Text),
                Column::new("amount", "Amount", "i.amount", Kind::Money(currency)),
                Column::new("credit_after", "Credit after", "i.credit_after", Kind::Money(currency)),
                Column::new("reference", "Reference", "i.reference", Kind::Text),
                Column::new("actor", "By", "i.actor", Kind::Text),
            ],
            search: &[Search::Within("i.reference"), Search::Within("s.name")],
            filters: &[],
        },
        inbox: None,
        detail: Box::new(move |tx, id| {
            let filter = store::Filter { id: Some(id), limit: 1, ..store::Filter::default() };
            let found = store::increases_list(tx, &filter, reading.settings.currency)?.pop();
            let Some(one) = found else { return Ok(None) };
            let seller = service::seller_get(tx, &reading.settings, one.seller)?;
            Ok(Some(Detail {
                title: format!("{} for {}", one.amount.for_people(), seller.name),
                facts: vec![
                    ("Seller", Cell::object(seller.name, "charge", "sellers", one.seller)),
                    ("Amount", Cell::Money(one.amount)),
                    ("Credit after", Cell::Money(one.credit_after)),
                    ("Reference", Cell::text(one.reference)),
                    ("By", Cell::Text(one.actor)),
                    ("When", Cell::Time(one.created_at)),
                ],
                ..Detail::default()
            }))
        }),
        actions: Vec::new(),
    }
}
