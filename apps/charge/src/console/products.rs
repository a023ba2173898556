//! Products in the console, and what a seller pays for them.

use std::sync::Arc;

use purser_kit::{Commands, Problem};
use purser_kit::console::{
    Action, Cell, Column, Detail, DetailTable, Done, Field, Filter, Input, Kind, Listing, Preview, Resource, Search,
    Target,
};
use purser_money::Money;
use purser_store::Tx;
use uuid::Uuid;

use super::one;
use super::operators::{STATES, state};
use crate::Charge;
use crate::api::product_form;
use crate::catalog::{MOST_PRICE, Product, WHOLE, parse_percent, percent};
use crate::commands;
use crate::domain::{NamedProduct, Settings};
use crate::service::{price_set, product_get, product_put};
use crate::store::operator::{PRODUCTS_FROM, operators_named, prices_of, product_find, products_named};

pub(super) fn resource(charge: &Arc<Charge>) -> Resource {
    let (currency, reading) = (charge.settings.currency, Arc::clone(&charge.settings));
    Resource {
        name: "products",
        title: "Products",
        one: "product",
        about: "Amounts that operators sell, and what they take of them.",
        view: "charge.read",
        listing: Listing {
            from: PRODUCTS_FROM,
            id: "p.id",
            columns: vec![
                Column::new("name", "Name", "p.name", Kind::Text).sorted(),
                Column::new("operator", "Operator", "o.name", Kind::Text).sorted(),
                Column::new("low", "From", "p.low", Kind::Money(currency)),
                Column::new("high", "To", "p.high", Kind::Money(currency)),
                Column::new("status", "Status", "p.status", Kind::Choice(STATES)),
            ],
            search: &[Search::Within("p.name"), Search::Within("o.name")],
            filters: &[Filter {
                name: "status",
                title: "Status",
                choices: &[("active", "active", "p.status = 'active'"), ("stopped", "stopped", "p.status = 'stopped'")],
            }],
        },
        inbox: None,
        detail: Box::new(move |tx, id| {
            let Some(product) = product_find(tx, id)? else { return Ok(None) };
            Ok(Some(Detail {
                title: format!("{} of {}", product.name, product.operator_name),
                facts: vec![
                    ("Status", state(product.is_active)),
                    ("Operator", Cell::object(product.operator_name, "charge", "operators", product.operator)),
                    ("Amounts", Cell::Text(amounts(&product.product, &reading))),
                    ("Cost", Cell::Text(format!("{}%", percent(product.product.cost)))),
                    ("Id", Cell::Text(id.to_string())),
                ],
                ..Detail::default()
            }))
        }),
        commands: Commands::default(),
        actions: vec![
            make(charge),
            edit(charge),
            standing(charge, "start", "Start", true),
            standing(charge, "stop", "Stop", false),
        ],
    }
}

fn amounts(product: &Product, settings: &Settings) -> String {
    let told = |minor| Money::new(minor, settings.currency).for_people();
    if product.low == product.high {
        told(product.low)
    } else {
        format!("{} to {}", told(product.low), told(product.high))
    }
}

/// A product in a small table.
pub(super) fn row(product: &NamedProduct, settings: &Settings) -> Vec<Cell> {
    vec![
        Cell::object(product.name.clone(), "charge", "products", product.product.id),
        Cell::Text(amounts(&product.product, settings)),
        Cell::Text(format!("{}%", percent(product.product.cost))),
        state(product.is_active),
    ]
}

fn fields(product: Option<&NamedProduct>, settings: &Settings) -> Vec<Field> {
    let amount = |of: fn(&Product) -> i64| {
        product.map_or_else(String::new, |known| Money::new(of(&known.product), settings.currency).to_string())
    };
    vec![
        Field::line("name", "Name", "1 to 100 characters.").with(product.map_or("", |product| &product.name)),
        Field::line("low", "From", "The smallest amount, such as 10.00.")
            .input(Input::Amount)
            .with(amount(|of| of.low)),
        Field::line("high", "To", "The largest amount; the same for a fixed one.")
            .input(Input::Amount)
            .with(amount(|of| of.high)),
        Field::line("cost", "Cost in percent", "What the operator takes of the amount, such as 97.50.")
            .with(product.map_or_else(|| percent(WHOLE), |product| percent(product.product.cost))),
    ]
}

fn make(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "create",
        title: "New product",
        command: &commands::PRODUCT_CREATE,
        target: Target::Nothing,
        harms: false,
        fields: Box::new(move |tx, _| {
            let operators = operators_named(tx)?.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
            let mut all =
                vec![Field::line("operator", "Operator", "Make the operator first.").input(Input::Choice(operators))];
            all.extend(fields(None, &reading));
            Ok(all)
        }),
        preview: Box::new(|_, _, _| {
            Ok(Preview::sentence("Sellers pay the whole amount for it until they get a price of their own."))
        }),
        run: Box::new(move |tx, doer, _, mut fields| {
            let operator = fields.id("operator");
            let operator = fields.required("operator", operator);
            let product = product_form(&mut fields, &settings);
            let (operator, (name, product)) = fields.finish(operator.zip(product))?;
            let product = Product { id: doer.fresh_id(), ..product };
            let named = NamedProduct { product, operator, operator_name: String::new(), name, is_active: true };
            product_put(tx, doer.now, &settings, &named)?;
            Ok(Done::sentence(format!("{} can be sold.", named.name), product.id))
        }),
    }
}

fn edit(charge: &Arc<Charge>) -> Action {
    let (reading, settings) = (Arc::clone(&charge.settings), Arc::clone(&charge.settings));
    Action {
        name: "edit",
        title: "Edit",
        command: &commands::PRODUCT_EDIT,
        target: Target::One,
        harms: false,
        fields: Box::new(move |tx, ids| Ok(fields(Some(&product_get(tx, one(ids)?)?), &reading))),
        preview: Box::new(|_, _, _| Ok(Preview::sentence("Sales that were made keep their cost and price."))),
        run: Box::new(move |tx, doer, ids, mut fields| {
            let product = product_form(&mut fields, &settings);
            let (name, product) = fields.finish(product)?;
            let known = product_get(tx, one(ids)?)?;
            let named = NamedProduct { product: Product { id: known.product.id, ..product }, name, ..known };
            product_put(tx, doer.now, &settings, &named)?;
            Ok(Done::sentence(format!("{} is changed.", named.name), named.product.id))
        }),
    }
}

fn standing(charge: &Arc<Charge>, name: &'static str, title: &'static str, is_active: bool) -> Action {
    let settings = Arc::clone(&charge.settings);
    let consequence = if is_active { "can be sold again" } else { "cannot be sold until it is started again" };
    Action {
        name,
        title,
        command: &commands::PRODUCT_EDIT,
        target: Target::One,
        harms: !is_active,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(move |tx, _, ids| {
            Ok(Preview::sentence(format!("{} {consequence}.", product_get(tx, one(ids)?)?.name)))
        }),
        run: Box::new(move |tx, doer, ids, fields| {
            fields.finish(Some(()))?;
            let product = NamedProduct { is_active, ..product_get(tx, one(ids)?)? };
            product_put(tx, doer.now, &settings, &product)?;
            Ok(Done::sentence(format!("{} {consequence}.", product.name), product.product.id))
        }),
    }
}

/// What a seller pays for products.
pub(super) fn prices(tx: &mut Tx<'_>, seller: Uuid) -> Result<DetailTable, Problem> {
    let own = prices_of(tx, seller)?;
    let rows = products_named(tx)?.into_iter().filter_map(|product| {
        let (_, price) = own.iter().find(|(id, _)| *id == product.product.id)?;
        Some(vec![
            Cell::object(product.name, "charge", "products", product.product.id),
            Cell::Text(product.operator_name),
            Cell::Text(format!("{}%", percent(*price))),
            Cell::Text(format!("{}%", percent(price - product.product.cost))),
        ])
    });
    Ok(DetailTable {
        title: "Own prices",
        empty: "The seller pays the whole amount for every product.",
        columns: vec!["Product", "Operator", "Price", "Margin"],
        rows: rows.collect(),
    })
}

/// The action that sets them.
pub(super) fn set_price(charge: &Arc<Charge>) -> Action {
    let settings = Arc::clone(&charge.settings);
    Action {
        name: "set-price",
        title: "Set a price",
        command: &commands::PRICE_SET,
        target: Target::One,
        harms: false,
        fields: Box::new(|tx, _| {
            let told = |product: NamedProduct| {
                let (name, operator, cost) = (product.name, product.operator_name, percent(product.product.cost));
                (product.product.id.to_string(), format!("{operator}: {name} (costs {cost}%)"))
            };
            let products = products_named(tx)?.into_iter().map(told).collect();
            Ok(vec![
                Field::line("product", "Product", "What the price is for.").input(Input::Choice(products)),
                Field::line("price", "Price in percent", "What the seller pays of the amount; nothing for all of it.")
                    .optional(),
            ])
        }),
        preview: Box::new(|_, _, _| Ok(Preview::sentence("It holds for sales from now on."))),
        run: Box::new(move |tx, _, ids, mut fields| {
            let product = fields.id("product");
            let product = fields.required("product", product);
            let price = fields.parsed("price", |text| parse_percent(text, MOST_PRICE));
            let product = fields.finish(product)?;
            let seller = one(ids)?;
            price_set(tx, &settings, seller, product, price)?;
            let told = price.map_or_else(|| "the whole amount".to_owned(), |price| format!("{}%", percent(price)));
            Ok(Done::sentence(format!("The seller pays {told} from now on."), seller))
        }),
    }
}
