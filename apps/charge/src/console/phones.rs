//! Phone numbers in the console.

use std::sync::Arc;

use purser_kit::{Commands, Problem};
use purser_kit::console::{
    Action, Cell, Column, Detail, Done, Filter, Kind, Listing, Preview, Resource, Search, Target,
};
use purser_store::Tx;
use uuid::Uuid;

use super::{STANDINGS, counted, standing};
use crate::Charge;
use crate::commands;
use crate::domain::Standing;
use crate::service;
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
                Column::new("number", "Number", "p.number", Kind::Text).sorted(),
                Column::new("label", "Label", "p.label", Kind::Text),
                Column::new("status", "Status", "p.status", Kind::Choice(STANDINGS)),
                Column::new("charged", "Charged", "b.balance", Kind::Money(currency)),
                Column::new("created_at", "Since", "p.created_at", Kind::Time),
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
        commands: Commands::default(),
        actions: vec![
            phone_standing("activate", "Make active", Standing::Active),
            phone_standing("freeze", "Freeze", Standing::Frozen),
        ],
    }
}

fn phone_detail(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(phone) = store::phone_find(tx, id)? else { return Ok(None) };
    Ok(Some(Detail {
        title: phone.number.to_string(),
        facts: vec![
            ("Status", standing(phone.standing)),
            ("Label", Cell::text(phone.label.clone())),
            ("Since", Cell::Time(phone.created_at)),
            ("Id", Cell::Text(phone.id.to_string())),
        ],
        accounts: vec![("Charges", phone.account)],
        ..Detail::default()
    }))
}

fn phone_standing(name: &'static str, title: &'static str, to: Standing) -> Action {
    Action {
        name,
        title,
        command: &commands::PHONE_EDIT,
        target: Target::Many,
        harms: to != Standing::Active,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(move |_, _, ids| {
            let what = if to == Standing::Active {
                "can be charged again"
            } else {
                "cannot be charged until made active again"
            };
            Ok(Preview::sentence(format!("{}: each {what}.", counted(ids.len(), "number"))))
        }),
        run: Box::new(move |tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            let change = service::PhoneChange { standing: Some(to), ..service::PhoneChange::default() };
            for id in ids {
                service::phone_change(tx, doer.now, *id, &change)?;
            }
            let go = if let [only] = ids { Some(*only) } else { None };
            Ok(Done::sentence(format!("{} {} now.", counted(ids.len(), "number"), to.name()), go))
        }),
    }
}
