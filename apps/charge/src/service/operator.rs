//! Operators and products: named, changed, stopped; and what a seller pays for a product.

use jiff::Timestamp;
use purser_ledger::{AccountKind, AccountPath, NewAccount, account_open};
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::seller_get;
use crate::catalog::percent;
use crate::domain::{NamedProduct, OperatorRow, Settings};
use crate::error::Error;
use crate::store::operator as store;

/// The operator with this id.
///
/// # Errors
/// [`Error::NoOperator`].
pub fn operator_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<OperatorRow, Error> {
    store::operator_find(tx, id)?.ok_or(Error::NoOperator)
}

/// Writes an operator, new or changed: [`operator_plan`], then [`operator_apply`].
///
/// # Errors
/// Those of the plan.
pub fn operator_put(tx: &mut WriteTx<'_>, now: Timestamp, operator: &OperatorRow) -> Result<(), Error> {
    let operator = operator_plan(tx, operator.clone())?;
    operator_apply(tx, now, operator).map(drop)
}

/// Decides on an operator, new or changed. Each prefix is one operator's.
///
/// # Errors
/// [`Error::NameTaken`], [`Error::PrefixTaken`].
pub fn operator_plan(tx: &mut ReadTx<'_>, operator: OperatorRow) -> Result<OperatorRow, Error> {
    if store::operator_named(tx, &operator.name, operator.id)?.is_some() {
        return Err(Error::NameTaken(operator.name.clone()));
    }
    for prefix in &operator.prefixes {
        if let Some(owner) = store::prefix_owner(tx, prefix, operator.id)? {
            return Err(Error::PrefixTaken { prefix: prefix.clone(), operator: owner });
        }
    }
    Ok(operator)
}

/// Writes the operator.
///
/// # Errors
/// The store's.
pub fn operator_apply(tx: &mut WriteTx<'_>, now: Timestamp, operator: OperatorRow) -> Result<OperatorRow, Error> {
    store::operator_put(tx, &operator, now)?;
    Ok(operator)
}

/// The product with this id.
///
/// # Errors
/// [`Error::NoProduct`].
pub fn product_get(tx: &mut ReadTx<'_>, id: Uuid) -> Result<NamedProduct, Error> {
    store::product_find(tx, id)?.ok_or(Error::NoProduct)
}

/// Writes a product, new or changed: [`product_plan`], then [`product_apply`].
///
/// # Errors
/// Those of the plan.
pub fn product_put(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    product: &NamedProduct,
) -> Result<(), Error> {
    let product = product_plan(tx, product.clone())?;
    product_apply(tx, now, settings, product).map(drop)
}

/// Decides on a product, new or changed. No seller may be left paying less than it costs.
///
/// # Errors
/// [`Error::NoOperator`], [`Error::NameTaken`], [`Error::PriceBelowCost`].
pub fn product_plan(tx: &mut ReadTx<'_>, product: NamedProduct) -> Result<NamedProduct, Error> {
    operator_get(tx, product.operator)?;
    if store::product_named(tx, product.operator, &product.name, product.product.id)? {
        return Err(Error::NameTaken(product.name.clone()));
    }
    if let Some((seller, price)) = store::price_below(tx, product.product.id, product.product.cost)? {
        return Err(Error::PriceBelowCost { seller, price, cost: product.product.cost });
    }
    Ok(product)
}

/// Writes the product, and answers it with its operator's name.
///
/// # Errors
/// The ledger's and the store's.
pub fn product_apply(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    settings: &Settings,
    product: NamedProduct,
) -> Result<NamedProduct, Error> {
    margin(tx, now, settings)?;
    store::product_put(tx, &product, now)?;
    product_get(tx, product.product.id)
}

/// `charge:margin`: what sellers pay beyond what operators take. It is there before the first margin can be.
fn margin(tx: &mut WriteTx<'_>, now: Timestamp, settings: &Settings) -> Result<(), Error> {
    let path = AccountPath::new("charge:margin")?;
    let currency = settings.currency;
    account_open(tx, now, &NewAccount { path, kind: AccountKind::Income, currency, floor: None })?;
    Ok(())
}

/// What a seller pays for a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerRate {
    seller: Uuid,
    product: Uuid,
    rate: Option<i64>,
}

impl SellerRate {
    /// The price, in a sentence.
    #[must_use]
    pub fn text(&self) -> String {
        let rate = self.rate.map_or_else(|| "the whole amount".to_owned(), |rate| format!("{}%", percent(rate)));
        format!("The seller pays {rate} from now on.")
    }
}

/// Sets what a seller pays for a product: [`price_plan`], then [`price_apply`].
///
/// # Errors
/// Those of the plan.
pub fn price_set(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    seller: Uuid,
    product: Uuid,
    rate: Option<i64>,
) -> Result<(), Error> {
    let price = price_plan(tx, settings, seller, product, rate)?;
    price_apply(tx, price).map(drop)
}

/// Decides on what a seller pays for a product, in 1/10,000 of the amount; with `None`, all of it.
///
/// # Errors
/// [`Error::NoSeller`], [`Error::NoProduct`], [`Error::PriceBelowCost`].
pub fn price_plan(
    tx: &mut ReadTx<'_>,
    settings: &Settings,
    seller: Uuid,
    product: Uuid,
    rate: Option<i64>,
) -> Result<SellerRate, Error> {
    let name = seller_get(tx, settings, seller)?.name;
    let cost = product_get(tx, product)?.product.cost;
    if let Some(price) = rate.filter(|rate| *rate < cost) {
        return Err(Error::PriceBelowCost { seller: name, price, cost });
    }
    Ok(SellerRate { seller, product, rate })
}

/// Sets the price.
///
/// # Errors
/// The store's.
pub fn price_apply(tx: &mut WriteTx<'_>, price: SellerRate) -> Result<SellerRate, Error> {
    store::price_set(tx, price.seller, price.product, price.rate)?;
    Ok(price)
}
