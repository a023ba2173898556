//! What may be done to a product, and to what a seller pays for it.

use std::sync::Arc;

use purser_kit::console::{Input, Outcome, Preview};
use purser_kit::{AuditSnapshot, Command, CommandSpec, Commands, Form, FormField, Hooks, Noun, RequestContext, Rule};
use purser_money::Money;
use purser_store::ReadTx;
use uuid::Uuid;

use crate::Charge;
use crate::api::ProductJson;
use crate::catalog::{MOST_PRICE, Product, WHOLE, parse_percent, percent};
use crate::domain::NamedProduct;
use crate::error::Error;
use crate::seller::command::SELLERS;
use crate::service::{SellerRate, price_apply, price_plan, product_apply, product_get, product_plan};
use crate::store::operator::{operators_named, product_find, products_named};

/// Products.
pub(crate) static PRODUCTS: Noun<Charge> = Noun {
    app: "charge",
    name: "products",
    one: "product",
    binding: None,
    records: |charge, tx, ids| {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(product) = product_find(tx, *id)? {
                records.push((*id, AuditSnapshot::of(&ProductJson::of(product, charge.settings.currency))?));
            }
        }
        Ok(records)
    },
};

/// What may be done to products, in the order of the buttons.
pub(crate) fn product_commands(charge: &Arc<Charge>) -> Commands {
    Commands::of(charge).with(&PRODUCT_CREATE).with(&PRODUCT_EDIT).with(&PRODUCT_START).with(&PRODUCT_STOP).all()
}

/// What a product is made or edited with. Without a status it stays as it is; a new one is active.
#[derive(Debug, Clone)]
pub(crate) struct ProductForm {
    /// Whose it is; needed for a new one.
    pub(crate) operator: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) product: Product,
    pub(crate) is_active: Option<bool>,
}

/// Name, amounts and cost, all required; the product is without an id.
fn product_fields(charge: &Charge) -> Form<(String, Product)> {
    let most = charge.settings.max_sale;
    Form::of((
        FormField::line("name", "Name", "1 to 100 characters; no two products of an operator share one.", 1, 100),
        FormField::amount("low", "From", "The smallest amount, such as 10.00.", most),
        FormField::amount("high", "To", "The largest amount; the same for a fixed one.", most),
        FormField::parsed("cost", "Cost in percent", "What the operator takes of the amount, such as 97.50.", |text| {
            parse_percent(text, WHOLE)
        }),
    ))
    .refined(|fields, (name, low, high, cost)| {
        if high < low {
            return fields.refuse("high", &high.to_string(), Rule::new("too_small", format!("be at least {low}")));
        }
        Some((name, Product { id: Uuid::nil(), low: low.minor(), high: high.minor(), cost }))
    })
}

/// Registers a product with its cost.
pub(crate) static PRODUCT_CREATE: Command<Charge, ProductForm, NamedProduct, NamedProduct> = Command {
    spec: CommandSpec::money("charge.products.create", "charge.manage")
        .titled("New product", "Sellers pay the whole amount for it until they get a price of their own.")
        .makes(),
    noun: &PRODUCTS,
    form: |charge| {
        let operator = FormField::id("operator_id", "Operator", "Make the operator first.");
        Form::of(operator).and(product_fields(charge)).map(|(operator, (name, product))| ProductForm {
            operator: Some(operator),
            name,
            product,
            is_active: None,
        })
    },
    plan: |_, tx, _, id, form| {
        let ProductForm { operator, name, product, is_active } = form.clone();
        let (operator, operator_name) = (operator.ok_or(Error::NoOperator)?, String::new());
        let (product, is_active) = (Product { id, ..product }, is_active.unwrap_or(true));
        product_plan(tx, NamedProduct { product, operator, operator_name, name, is_active })
    },
    apply: |charge, tx, cx, product| product_apply(tx, cx.now, &charge.settings, product),
    will: |plans| Preview::of_one(plans, |product| format!("{} can be sold.", product.name)),
    outcome: |made| Outcome::of(made, |product| format!("{} can be sold.", product.name)),
    hooks: Hooks::NONE.choices(|_, tx, _| {
        let operators = operators_named(tx)?.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
        Ok(vec![("operator_id", operators)])
    }),
};

/// A product before and after it was edited.
pub(crate) struct ProductEdit {
    pub(crate) before: NamedProduct,
    pub(crate) after: NamedProduct,
}

/// Changes a product's amounts and cost, or whether it is sold.
pub(crate) static PRODUCT_EDIT: Command<Charge, ProductForm, ProductEdit, ProductEdit> = Command {
    spec: CommandSpec::money("charge.products.edit", "charge.manage")
        .titled("Edit", "Sales that were made keep their cost and price."),
    noun: &PRODUCTS,
    form: |charge| {
        product_fields(charge).map(|(name, product)| ProductForm { operator: None, name, product, is_active: None })
    },
    plan: |_, tx, _, id, form| {
        let ProductForm { name, product, is_active, .. } = form.clone();
        let before = product_get(tx, id)?;
        let (product, is_active) = (Product { id, ..product }, is_active.unwrap_or(before.is_active));
        let after = product_plan(tx, NamedProduct { product, name, is_active, ..before.clone() })?;
        Ok(ProductEdit { before, after })
    },
    apply: |charge, tx, cx, ProductEdit { before, after }| {
        let after = product_apply(tx, cx.now, &charge.settings, after)?;
        Ok(ProductEdit { before, after })
    },
    will: |plans| Preview::of_one(plans, |ProductEdit { after, .. }| format!("{} is changed.", after.name)),
    outcome: |edited| Outcome::of(edited, |ProductEdit { after, .. }| format!("{} is changed.", after.name)),
    hooks: Hooks::NONE.fill(|charge, tx, ids| {
        let Some(id) = ids.first() else { return Ok(Vec::new()) };
        let NamedProduct { name, product, .. } = product_get(tx, *id)?;
        let amount = |minor| Money::new(minor, charge.settings.currency).to_string();
        let (low, high) = (amount(product.low), amount(product.high));
        Ok(vec![("name", name), ("low", low), ("high", high), ("cost", percent(product.cost))])
    }),
};

fn active_plan(tx: &mut ReadTx<'_>, id: Uuid, is_active: bool) -> Result<NamedProduct, Error> {
    let product = product_get(tx, id)?;
    product_plan(tx, NamedProduct { is_active, ..product })
}

const fn active_set(
    spec: CommandSpec,
    plan: fn(&Charge, &mut ReadTx<'_>, &RequestContext, Uuid, &()) -> Result<NamedProduct, Error>,
) -> Command<Charge, (), NamedProduct, NamedProduct> {
    Command {
        spec,
        noun: &PRODUCTS,
        form: |_| Form::empty(),
        plan,
        apply: |charge, tx, cx, product| product_apply(tx, cx.now, &charge.settings, product),
        will: |plans| Preview::of_one(plans, consequence),
        outcome: |changed| Outcome::of(changed, consequence),
        hooks: Hooks::NONE,
    }
}

fn consequence(product: &NamedProduct) -> String {
    let what = if product.is_active { "can be sold again" } else { "cannot be sold until it is started again" };
    format!("{} {what}.", product.name)
}

/// Sells a product again.
pub(crate) static PRODUCT_START: Command<Charge, (), NamedProduct, NamedProduct> =
    active_set(CommandSpec::money("charge.products.start", "charge.manage").titled("Start", ""), |_, tx, _, id, ()| {
        active_plan(tx, id, true)
    });

/// Sells a product no more.
pub(crate) static PRODUCT_STOP: Command<Charge, (), NamedProduct, NamedProduct> = active_set(
    CommandSpec::money("charge.products.stop", "charge.manage").titled("Stop", "").harms(),
    |_, tx, _, id, ()| active_plan(tx, id, false),
);

/// Sets what a seller pays for a product.
pub(crate) static PRICE_SET: Command<Charge, (Uuid, Option<i64>), SellerRate, SellerRate> = Command {
    spec: CommandSpec::money("charge.sellers.set-price", "charge.manage")
        .titled("Set a price", "It holds for sales from now on."),
    noun: &SELLERS,
    form: |_| {
        Form::of((
            FormField::id("product", "Product", "What the price is for."),
            FormField::parsed(
                "price",
                "Price in percent",
                "What the seller pays of the amount; nothing for all of it.",
                |text| parse_percent(text, MOST_PRICE),
            )
            .input(Input::Line)
            .optional(),
        ))
    },
    plan: |charge, tx, _, seller, (product, price)| price_plan(tx, &charge.settings, seller, *product, *price),
    apply: |_, tx, _, price| price_apply(tx, price),
    will: |plans| Preview::of_one(plans, SellerRate::text),
    outcome: |set| Outcome::of(set, SellerRate::text),
    hooks: Hooks::NONE.choices(|_, tx, _| {
        let named = |product: NamedProduct| {
            let (name, operator, cost) = (product.name, product.operator_name, percent(product.product.cost));
            (product.product.id.to_string(), format!("{operator}: {name} (costs {cost}%)"))
        };
        Ok(vec![("product", products_named(tx)?.into_iter().map(named).collect())])
    }),
};
