//! Operators and products: named, changed, stopped; and what a seller pays for a product.

use jiff::Timestamp;
use purser_ledger::{AccountPath, Kind, NewAccount, account_open};
use purser_store::Tx;
use uuid::Uuid;

use super::seller_get;
use crate::domain::{NamedProduct, OperatorRow, Settings};
use crate::error::Error;
use crate::store::operator as store;

/// The operator with this id.
///
/// # Errors
/// [`Error::NoOperator`].
pub fn operator_get(tx: &mut Tx<'_>, id: Uuid) -> Result<OperatorRow, Error> {
    store::operator_find(tx, id)?.ok_or(Error::NoOperator)
}

/// Writes an operator, new or changed. Each prefix is one operator's.
///
/// # Errors
/// [`Error::NameTaken`], [`Error::PrefixTaken`].
pub fn operator_put(tx: &mut Tx<'_>, now: Timestamp, operator: &OperatorRow) -> Result<(), Error> {
    if store::operator_named(tx, &operator.name, operator.id)?.is_some() {
        return Err(Error::NameTaken(operator.name.clone()));
    }
    for prefix in &operator.prefixes {
        if let Some(owner) = store::prefix_owner(tx, prefix, operator.id)? {
            return Err(Error::PrefixTaken { prefix: prefix.clone(), operator: owner });
        }
    }
    Ok(store::operator_put(tx, operator, now)?)
}

/// The product with this id.
///
/// # Errors
/// [`Error::NoProduct`].
pub fn product_get(tx: &mut Tx<'_>, id: Uuid) -> Result<NamedProduct, Error> {
    store::product_find(tx, id)?.ok_or(Error::NoProduct)
}

/// Writes a product, new or changed. No seller may be left paying less than it costs.
///
/// # Errors
/// [`Error::NoOperator`], [`Error::NameTaken`], [`Error::PriceBelowCost`].
pub fn product_put(tx: &mut Tx<'_>, now: Timestamp, settings: &Settings, product: &NamedProduct) -> Result<(), Error> {
    operator_get(tx, product.operator)?;
    if store::product_named(tx, product.operator, &product.name, product.product.id)? {
        return Err(Error::NameTaken(product.name.clone()));
    }
    if let Some((seller, price)) = store::price_below(tx, product.product.id, product.product.cost)? {
        return Err(Error::PriceBelowCost { seller, price, cost: product.product.cost });
    }
    margin(tx, now, settings)?;
    Ok(store::product_put(tx, product, now)?)
}

/// `charge:margin`: what sellers pay beyond what operators take. It is there before the first margin can be.
fn margin(tx: &mut Tx<'_>, now: Timestamp, settings: &Settings) -> Result<(), Error> {
    let path = AccountPath::new("charge:margin")?;
    let currency = settings.currency;
    account_open(tx, now, &NewAccount { path, kind: Kind::Income, currency, floor: None })?;
    Ok(())
}

/// Sets what a seller pays for a product; with `None`, all of the amount again.
///
/// # Errors
/// [`Error::NoSeller`], [`Error::NoProduct`], [`Error::PriceBelowCost`].
pub fn price_set(
    tx: &mut Tx<'_>,
    settings: &Settings,
    seller: Uuid,
    product: Uuid,
    price: Option<i64>,
) -> Result<(), Error> {
    let name = seller_get(tx, settings, seller)?.name;
    let cost = product_get(tx, product)?.product.cost;
    if let Some(price) = price.filter(|price| *price < cost) {
        return Err(Error::PriceBelowCost { seller: name, price, cost });
    }
    Ok(store::price_set(tx, seller, product, price)?)
}
