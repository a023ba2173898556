//! Operators in the console.

use std::sync::Arc;

use purser_kit::console::{
    Action, Cell, Choice, Column, Detail, DetailTable, Done, Field, Filter, Kind, Listing, Preview, Resource, Search,
    Target, Tone,
};
use purser_kit::{Commands, Fields, Problem};
use purser_store::Tx;
use uuid::Uuid;

use super::{badge, one, products};
use crate::Charge;
use crate::api::operator_form;
use crate::commands;
use crate::domain::{OperatorRow, Settings};
use crate::service::{operator_get, operator_put};
use crate::store::operator::{OPERATORS_FROM, operator_find, products_named};

pub(super) const STATES: &[Choice] = &[
    Choice { value: "active", title: "active", tone: Tone::Good },
    Choice { value: "stopped", title: "stopped", tone: Tone::Waiting },
];

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let reading = Arc::clone(charge);
    Resource {
        name: "operators",
        title: "Operators",
        one: "operator",
        about: "Whose numbers are charged. The longest prefix that fits a number says whose it is.",
        view: "charge.read",
        listing: Listing {
            from: OPERATORS_FROM,
            id: "o.id",
            columns: vec![
                Column::new("name", "Name", "o.name", Kind::Text).sorted(),
                Column::new("status", "Status", "o.status", Kind::Choice(STATES)),
                Column::new(
                    "prefixes",
                    "Prefixes",
                    "(SELECT COUNT(*) FROM charge_prefix f WHERE f.operator = o.id)",
                    Kind::Number,
                ),
                Column::new(
                    "products",
                    "Products",
                    "(SELECT COUNT(*) FROM charge_product p WHERE p.operator = o.id AND p.status = 'active')",
                    Kind::Number,
                ),
            ],
            search: &[Search::Within("o.name")],
            filters: &[Filter {
                name: "status",
                title: "Status",
                choices: &[("active", "active", "o.status = 'active'"), ("stopped", "stopped", "o.status = 'stopped'")],
            }],
        },
        inbox: None,
        detail: Box::new(move |tx, id| detail(tx, &reading.settings, id)),
        commands: Commands::default(),
        actions: vec![make(charge), edit(charge), standing("start", "Start", true), standing("stop", "Stop", false)],
    }
}

pub(super) fn state(is_active: bool) -> Cell {
    badge(STATES, if is_active { "active" } else { "stopped" })
}

fn detail(tx: &mut Tx<'_>, settings: &Settings, id: Uuid) -> Result<Option<Detail>, Problem> {
    let Some(operator) = operator_find(tx, id)? else { return Ok(None) };
    let own = products_named(tx)?.into_iter().filter(|product| product.operator == id);
    Ok(Some(Detail {
        title: operator.name,
        facts: vec![
            ("Status", state(operator.is_active)),
            ("Prefixes", Cell::Text(operator.prefixes.join(" "))),
            ("Id", Cell::Text(id.to_string())),
        ],
        tables: vec![DetailTable {
            title: "Products",
            empty: "No product yet: sales to its numbers are refused until one fits.",
            columns: vec!["Name", "Amounts", "Cost", "Status"],
            rows: own.map(|product| products::row(&product, settings)).collect(),
        }],
        ..Detail::default()
    }))
}

fn fields(operator: Option<&OperatorRow>) -> Vec<Field> {
    vec![
        Field::line("name", "Name", "1 to 100 characters.").with(operator.map_or("", |operator| &operator.name)),
        Field::line("prefixes", "Prefixes", "With what its numbers begin, with spaces between: 9810 9811 +919812.")
            .with(operator.map_or_else(String::new, |operator| operator.prefixes.join(" "))),
    ]
}

fn read(mut fields: Fields<'_>, settings: &Settings) -> Result<(String, Vec<String>), Problem> {
    let read = operator_form(&mut fields, settings);
    fields.finish(read)
}

fn make(charge: &Arc<Charge>) -> Action {
    let settings = Arc::clone(&charge.settings);
    Action {
        name: "create",
        title: "New operator",
        command: &commands::OPERATOR_CREATE,
        target: Target::Nothing,
        harms: false,
        fields: Box::new(|_, _| Ok(fields(None))),
        preview: Box::new(|_, _, _| {
            Ok(Preview::sentence("Sales to its numbers are refused until it has a product that fits the amount."))
        }),
        run: Box::new(move |tx, doer, _, fields| {
            let (name, prefixes) = read(fields, &settings)?;
            let operator = OperatorRow { id: doer.fresh_id(), name, is_active: true, prefixes };
            operator_put(tx, doer.now, &operator)?;
            Ok(Done::sentence(format!("{} is there. Add its products next.", operator.name), operator.id))
        }),
    }
}

fn edit(charge: &Arc<Charge>) -> Action {
    let settings = Arc::clone(&charge.settings);
    Action {
        name: "edit",
        title: "Edit",
        command: &commands::OPERATOR_EDIT,
        target: Target::One,
        harms: false,
        fields: Box::new(|tx, ids| Ok(fields(Some(&operator_get(tx, one(ids)?)?)))),
        preview: Box::new(|_, _, _| Ok(Preview::default())),
        run: Box::new(move |tx, doer, ids, fields| {
            let (name, prefixes) = read(fields, &settings)?;
            let operator = OperatorRow { name, prefixes, ..operator_get(tx, one(ids)?)? };
            operator_put(tx, doer.now, &operator)?;
            Ok(Done::sentence(format!("{} is changed.", operator.name), operator.id))
        }),
    }
}

fn standing(name: &'static str, title: &'static str, is_active: bool) -> Action {
    let consequence = if is_active { "can be sold to again" } else { "cannot be sold to until it is started again" };
    Action {
        name,
        title,
        command: &commands::OPERATOR_EDIT,
        target: Target::One,
        harms: !is_active,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(move |tx, _, ids| {
            let operator = operator_get(tx, one(ids)?)?;
            Ok(Preview::sentence(format!("Numbers of {} {consequence}.", operator.name)))
        }),
        run: Box::new(move |tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            let operator = OperatorRow { is_active, ..operator_get(tx, one(ids)?)? };
            operator_put(tx, doer.now, &operator)?;
            Ok(Done::sentence(format!("Numbers of {} {consequence}.", operator.name), operator.id))
        }),
    }
}
