//! Operators, their products, and what sellers pay for them.

use std::collections::HashMap;

use jiff::Timestamp;
use purser_ledger::AccountId;
use purser_store::{Error, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::catalog::{Catalog, Product};
use crate::domain::{NamedProduct, OperatorRow};

pub(crate) const OPERATORS_FROM: &str = "charge_operator o";

pub(crate) const PRODUCTS_FROM: &str = "charge_product p JOIN charge_operator o ON o.id = p.operator";

/// All that a sale must know, in one statement: a row an operator, a prefix and an active product, and where margins go.
pub(crate) fn catalog_load(tx: &mut ReadTx<'_>) -> Result<Catalog, Error> {
    let mut catalog = Catalog::default();
    let rows = tx.query(
        "SELECT CAST(1 AS BIGINT) AS kind, id, CAST(NULL AS UUID) AS owner, name, CASE WHEN status = 'active' THEN 1 ELSE 0 END AS low,
             CAST(0 AS BIGINT) AS high, CAST(0 AS BIGINT) AS cost FROM charge_operator
         UNION ALL SELECT 2, operator, NULL, prefix, 0, 0, 0 FROM charge_prefix
         UNION ALL SELECT 3, id, operator, name, low, high, cost FROM charge_product WHERE status = 'active'
         UNION ALL SELECT 4, NULL, NULL, path, id, 0, 0 FROM ledger_account WHERE path = 'charge:margin'
         ORDER BY 1",
        &[],
        read_rule,
    )?;
    for (kind, id, of, text, numbers) in rows {
        match (kind, id) {
            (1, Some(id)) => catalog.operator(id, text, numbers[0] == 1),
            (2, Some(operator)) => catalog.prefix(text, operator),
            (3, Some(id)) => {
                let [low, high, cost] = numbers;
                catalog.product(of.unwrap_or_default(), Product { id, low, high, cost });
            }
            _ => catalog.margin = Some(AccountId::from_column(numbers[0])),
        }
    }
    Ok(catalog)
}

type PriceRow = (i64, Option<Uuid>, Option<Uuid>, String, [i64; 3]);

fn read_rule(row: &Row<'_>) -> Result<PriceRow, Error> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, [row.get(4)?, row.get(5)?, row.get(6)?]))
}

/// What a seller pays for products, in 1/10,000 of the amount.
pub(crate) fn prices_of(tx: &mut ReadTx<'_>, seller: Uuid) -> Result<Vec<(Uuid, i64)>, Error> {
    tx.query("SELECT product, price FROM charge_price WHERE seller = ?1", &params![seller], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

pub(crate) fn operator_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<OperatorRow>, Error> {
    let found = tx.query_opt("SELECT name, status FROM charge_operator WHERE id = ?1", &params![id], |row| {
        Ok((row.get::<String>(0)?, row.get::<String>(1)?))
    })?;
    let Some((name, status)) = found else { return Ok(None) };
    let prefixes =
        tx.query("SELECT prefix FROM charge_prefix WHERE operator = ?1 ORDER BY prefix", &params![id], |row| {
            row.get(0)
        })?;
    Ok(Some(OperatorRow { id, name, is_active: status == "active", prefixes }))
}

/// The newest operators, with their prefixes: at most `limit`, older than `before`.
pub(crate) fn operators_list(tx: &mut ReadTx<'_>, before: Option<Uuid>, limit: u32) -> Result<Vec<OperatorRow>, Error> {
    let sql = "SELECT id, name, status FROM charge_operator WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    let mut operators = tx.query(sql, &params![before.unwrap_or(Uuid::max()), limit], |row| {
        let is_active = row.get::<String>(2)? == "active";
        Ok(OperatorRow { id: row.get(0)?, name: row.get(1)?, is_active, prefixes: Vec::new() })
    })?;
    let sql = "SELECT operator, prefix FROM charge_prefix ORDER BY prefix";
    let mut prefixes: HashMap<Uuid, Vec<String>> = HashMap::new();
    for (operator, prefix) in tx.query(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))? {
        prefixes.entry(operator).or_default().push(prefix);
    }
    for operator in &mut operators {
        operator.prefixes = prefixes.remove(&operator.id).unwrap_or_default();
    }
    Ok(operators)
}

/// All operators, by name.
pub(crate) fn operators_named(tx: &mut ReadTx<'_>) -> Result<Vec<(Uuid, String)>, Error> {
    tx.query("SELECT id, name FROM charge_operator ORDER BY name", &[], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The operator with this name, but for `other`.
pub(crate) fn operator_named(tx: &mut ReadTx<'_>, name: &str, other: Uuid) -> Result<Option<Uuid>, Error> {
    let sql = "SELECT id FROM charge_operator WHERE name = ?1 AND id <> ?2";
    tx.query_opt(sql, &params![name, other], |row| row.get(0))
}

/// Writes an operator, new or changed, with its prefixes.
pub(crate) fn operator_put(tx: &mut WriteTx<'_>, operator: &OperatorRow, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO charge_operator (id, name, status, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, status = excluded.status, updated_at = excluded.updated_at",
        &params![operator.id, &operator.name, status(operator.is_active), now],
    )?;
    tx.execute("DELETE FROM charge_prefix WHERE operator = ?1", &params![operator.id])?;
    for prefix in &operator.prefixes {
        tx.execute("INSERT INTO charge_prefix (prefix, operator) VALUES (?1, ?2)", &params![prefix, operator.id])?;
    }
    Ok(())
}

fn status(is_active: bool) -> &'static str {
    if is_active { "active" } else { "stopped" }
}

/// The name of the operator that has a prefix, but for `other`.
pub(crate) fn prefix_owner(tx: &mut ReadTx<'_>, prefix: &str, other: Uuid) -> Result<Option<String>, Error> {
    tx.query_opt(
        "SELECT o.name FROM charge_prefix p JOIN charge_operator o ON o.id = p.operator
         WHERE p.prefix = ?1 AND o.id <> ?2",
        &params![prefix, other],
        |row| row.get(0),
    )
}

const PRODUCT_SELECT: &str = "SELECT p.id, p.operator, o.name, p.name, p.low, p.high, p.cost, p.status \
     FROM charge_product p JOIN charge_operator o ON o.id = p.operator";

fn read_product(row: &Row<'_>) -> Result<NamedProduct, Error> {
    Ok(NamedProduct {
        product: Product { id: row.get(0)?, low: row.get(4)?, high: row.get(5)?, cost: row.get(6)? },
        operator: row.get(1)?,
        operator_name: row.get(2)?,
        name: row.get(3)?,
        is_active: row.get::<String>(7)? == "active",
    })
}

pub(crate) fn product_find(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<NamedProduct>, Error> {
    tx.query_opt(&format!("{PRODUCT_SELECT} WHERE p.id = ?1"), &params![id], read_product)
}

/// The newest products, of one operator or of all: at most `limit`, older than `before`.
pub(crate) fn products_list(
    tx: &mut ReadTx<'_>,
    operator: Option<Uuid>,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<NamedProduct>, Error> {
    let before = before.unwrap_or(Uuid::max());
    match operator {
        None => {
            let sql = format!("{PRODUCT_SELECT} WHERE p.id < ?1 ORDER BY p.id DESC LIMIT ?2");
            tx.query(&sql, &params![before, limit], read_product)
        }
        Some(operator) => {
            let sql = format!("{PRODUCT_SELECT} WHERE p.operator = ?3 AND p.id < ?1 ORDER BY p.id DESC LIMIT ?2");
            tx.query(&sql, &params![before, limit, operator], read_product)
        }
    }
}

/// All products, by operator and by name.
pub(crate) fn products_named(tx: &mut ReadTx<'_>) -> Result<Vec<NamedProduct>, Error> {
    tx.query(&format!("{PRODUCT_SELECT} ORDER BY o.name, p.name"), &[], read_product)
}

/// Whether the operator has another product of this name.
pub(crate) fn product_named(tx: &mut ReadTx<'_>, operator: Uuid, name: &str, other: Uuid) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM charge_product WHERE operator = ?1 AND name = ?2 AND id <> ?3";
    Ok(tx.query_opt(sql, &params![operator, name, other], |_| Ok(()))?.is_some())
}

/// Writes a product, new or changed.
pub(crate) fn product_put(tx: &mut WriteTx<'_>, named: &NamedProduct, now: Timestamp) -> Result<(), Error> {
    let Product { id, low, high, cost } = named.product;
    tx.execute(
        "INSERT INTO charge_product (id, operator, name, low, high, cost, status, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, low = excluded.low, high = excluded.high,
             cost = excluded.cost, status = excluded.status, updated_at = excluded.updated_at",
        &params![id, named.operator, &named.name, low, high, cost, status(named.is_active), now],
    )
    .map(drop)
}

/// A seller that pays less for a product than `cost`, and what it pays.
pub(crate) fn price_below(tx: &mut ReadTx<'_>, product: Uuid, cost: i64) -> Result<Option<(String, i64)>, Error> {
    tx.query_opt(
        "SELECT s.name, p.price FROM charge_price p JOIN charge_seller s ON s.id = p.seller
         WHERE p.product = ?1 AND p.price < ?2 ORDER BY p.price LIMIT 1",
        &params![product, cost],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Sets what a seller pays for a product; with `None`, all of the amount again.
pub(crate) fn price_set(tx: &mut WriteTx<'_>, seller: Uuid, product: Uuid, price: Option<i64>) -> Result<(), Error> {
    match price {
        Some(price) => tx.execute(
            "INSERT INTO charge_price (seller, product, price) VALUES (?1, ?2, ?3)
             ON CONFLICT (seller, product) DO UPDATE SET price = excluded.price",
            &params![seller, product, price],
        ),
        None => tx.execute("DELETE FROM charge_price WHERE seller = ?1 AND product = ?2", &params![seller, product]),
    }
    .map(drop)
}

/// How many sales there were since, and how many of them failed: by operator, or where none is known by connector.
pub(crate) fn failures_since(
    tx: &mut ReadTx<'_>,
    from: Timestamp,
    floor: Uuid,
) -> Result<Vec<(String, i64, i64)>, Error> {
    tx.query(
        "SELECT COALESCE(o.name, s.connector), COUNT(*), CAST(SUM(CASE WHEN s.status = 'failed' THEN 1 ELSE 0 END) AS BIGINT)
         FROM charge_sale s LEFT JOIN charge_operator o ON o.id = s.operator
         WHERE s.id >= ?2 AND s.created_at >= ?1 GROUP BY 1 ORDER BY 1",
        &params![from, floor],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}
