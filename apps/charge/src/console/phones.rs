//! Phone numbers in the console.

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Column, ColumnKind, Detail, Filter, Listing, Resource, Search};
use purser_store::ReadTx;
use uuid::Uuid;

use super::{STANDINGS, status_badge};
use crate::Charge;
use crate::phone::command::phone_commands;
use crate::store;

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let currency = charge.settings.currency;
    Resource {
        name: "phone-numbers",
        title: "Phone numbers",
        one: "phone number",
        about: "Numbers that charges are sold to; an unknown one is registered by its first sale.",
        view: "charge.read",
        listing: Listing {
            from: store::PHONES_FROM,
            id: "p.id",
            columns: vec![
                Column::new("number", "Number", "p.number", ColumnKind::Text).sorted(),
                Column::new("label", "Label", "p.label", ColumnKind::Text),
                Column::new("status", "Status", "p.status", ColumnKind::Choice(STANDINGS)),
                Column::new("charged", "Charged", "b.balance", ColumnKind::Money(currency)),
                Column::new("created_at", "Since", "p.created_at", ColumnKind::Time),
            ],
            search: &[Search::Begins("p.number")],
            filters: &[
                Filter {
                    name: "status",
                    title: "Status",
                    choices: &[
                        ("active", "active", "p.status = 'active'"),
                        ("frozen", "frozen", "p.status = 'frozen'"),
                        ("inactive", "inactive", "p.status = 'inactive'"),
                    ],
                },
                Filter {
                    name: "spelling",
                    title: "Spelling",
                    choices: &[
                        ("other", "another number's", "p.same_as IS NOT NULL"),
                        ("unfit", "no number of its country", "p.is_unfit = 1"),
                    ],
                },
            ],
        },
        inbox: None,
        detail: Box::new(phone_detail),
        commands: phone_commands(charge),
        actions: Vec::new(),
    }
}

fn phone_detail(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(phone) = store::phone_find(tx, id)? else { return Ok(None) };
    Ok(Some(Detail {
        title: phone.number.to_string(),
        facts: vec![
            ("Status", status_badge(phone.status)),
            ("Label", Cell::text(phone.label.clone())),
            ("Since", Cell::Time(phone.created_at)),
            ("Id", Cell::Text(phone.id.to_string())),
        ],
        accounts: vec![("Charges", phone.account)],
        ..Detail::default()
    }))
}
