//! The app's only SQL.

pub(crate) mod contradiction;
pub(crate) mod credit;
pub(crate) mod file;
pub(crate) mod operator;
pub(crate) mod person;
pub(crate) mod phone;
pub(crate) mod request;
pub(crate) mod upload;
pub(crate) mod watch;

use std::collections::HashMap;

use jiff::Timestamp;
use purser_ledger::{AccountId, EntryId};
use purser_money::{Currency, Money};
use purser_outbox::Language;
use purser_store::{BulkStatement, Error, Param, ReadTx, Row, WriteTx, params};
use uuid::Uuid;

use crate::catalog::PricedItem;
use crate::domain::{LifecycleStatus, PhoneNumber, Sale, SaleStatus, Seller};

pub(crate) use phone::{
    phone_checked, phone_delete, phone_find, phone_has_history, phone_update, phones_by_number, phones_insert,
    phones_list, phones_of, phones_unchecked,
};

/// Which rows of a list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Of this seller only.
    pub seller: Option<Uuid>,
    /// With this number only.
    pub number: Option<PhoneNumber>,
    /// In this state only.
    pub status: Option<SaleStatus>,
    /// With this client_ref only.
    pub client_ref: Option<String>,
    /// Of this operator's numbers only.
    pub operator: Option<Uuid>,
    /// At this moment or later only.
    pub from: Option<Timestamp>,
    /// Before this moment only.
    pub until: Option<Timestamp>,
    /// Older than the row with this id.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: u32,
}

/// WHERE clauses and their parameters, put together in step.
struct Conditions<'a> {
    clauses: Vec<String>,
    params: Vec<Param<'a>>,
}

impl<'a> Conditions<'a> {
    fn new() -> Self {
        Conditions { clauses: Vec::new(), params: Vec::new() }
    }

    /// Adds `clause`, whose `?` is this value's, where there is a value.
    fn add(&mut self, clause: &str, value: Option<impl Into<Param<'a>>>) {
        if let Some(value) = value {
            self.params.push(value.into());
            self.clauses.push(clause.replace('?', &format!("?{}", self.params.len())));
        }
    }

    /// `select`, the clauses, then newest first and at most `limit`.
    fn page(mut self, select: &str, id: &str, limit: u32) -> (String, Vec<Param<'a>>) {
        self.params.push(Param::from(limit));
        let condition =
            if self.clauses.is_empty() { String::new() } else { format!("WHERE {}", self.clauses.join(" AND ")) };
        (format!("{select} {condition} ORDER BY {id} DESC LIMIT ?{}", self.params.len()), self.params)
    }
}

// Sellers.

macro_rules! seller_select {
    () => {
        "SELECT s.id, s.name, s.email, s.phone, s.low_credit_alert, s.status, s.account, b.balance, b.held,
             s.created_at, s.updated_at, s.language
         FROM charge_seller s JOIN ledger_balance b ON b.account = s.account"
    };
}

const SELLER_SELECT: &str = seller_select!();

static SELLERS_BY_ID: BulkStatement = BulkStatement {
    sqlite: concat!(seller_select!(), " WHERE s.id = ?1"),
    postgres: concat!(seller_select!(), " WHERE s.id = ANY(?1::uuid[])"),
};

fn read_seller(row: &Row<'_>, currency: Currency) -> Result<Seller, Error> {
    let money = |minor| Money::new(minor, currency);
    Ok(Seller {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        phone: row.get::<Option<String>>(3)?.map(PhoneNumber::from_column),
        low_credit_alert: row.get::<Option<i64>>(4)?.map(money),
        status: read_status(row, 5)?,
        account: AccountId::from_column(row.get(6)?),
        credit: money(row.get(7)?),
        held: money(row.get(8)?),
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
        language: Language::parse(&row.get::<String>(11)?).unwrap_or_default(),
    })
}

fn read_status(row: &Row<'_>, index: usize) -> Result<LifecycleStatus, Error> {
    let name: String = row.get(index)?;
    LifecycleStatus::from_name(&name).ok_or_else(|| Error::Engine(format!("a standing is {name}")))
}

pub(crate) fn seller_find(tx: &mut ReadTx<'_>, id: Uuid, currency: Currency) -> Result<Option<Seller>, Error> {
    tx.query_opt(&format!("{SELLER_SELECT} WHERE s.id = ?1"), &params![id], |row| read_seller(row, currency))
}

/// The sellers of these ids; of those that are gone, nothing.
pub(crate) fn sellers_of(tx: &mut ReadTx<'_>, ids: &[Uuid], currency: Currency) -> Result<Vec<Seller>, Error> {
    let rows: Vec<_> = ids.iter().map(|id| params![*id]).collect();
    tx.query_bulk(&SELLERS_BY_ID, &rows, |row| read_seller(row, currency))
}

pub(crate) fn sellers_list(
    tx: &mut ReadTx<'_>,
    filter: &RecordFilter,
    currency: Currency,
) -> Result<Vec<Seller>, Error> {
    let mut conditions = Conditions::new();
    conditions.add("s.id = ?", filter.seller);
    conditions.add("s.id < ?", filter.before);
    let (sql, params) = conditions.page(SELLER_SELECT, "s.id", filter.limit);
    tx.query(&sql, &params, |row| read_seller(row, currency))
}

pub(crate) fn seller_insert(tx: &mut WriteTx<'_>, seller: &Seller) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO charge_seller (id, name, email, phone, low_credit_alert, status, account, created_at, updated_at,
             language)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &params![
            seller.id,
            &seller.name,
            seller.email.as_deref(),
            seller.phone.as_ref().map(PhoneNumber::as_str),
            seller.low_credit_alert.map(Money::minor),
            seller.status.name(),
            seller.account.get(),
            seller.created_at,
            seller.updated_at,
            seller.language.code(),
        ],
    )?;
    Ok(())
}

pub(crate) fn seller_update(tx: &mut WriteTx<'_>, seller: &Seller) -> Result<(), Error> {
    tx.execute(
        "UPDATE charge_seller SET name = ?2, email = ?3, phone = ?4, low_credit_alert = ?5, status = ?6, updated_at = ?7,
             language = ?8
         WHERE id = ?1",
        &params![
            seller.id,
            &seller.name,
            seller.email.as_deref(),
            seller.phone.as_ref().map(PhoneNumber::as_str),
            seller.low_credit_alert.map(Money::minor),
            seller.status.name(),
            seller.updated_at,
            seller.language.code(),
        ],
    )?;
    Ok(())
}

pub(crate) fn seller_delete(tx: &mut WriteTx<'_>, id: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM charge_seller WHERE id = ?1", &params![id]).map(drop)
}

/// Whether the seller has ever been given credit or tried to sell.
pub(crate) fn seller_has_history(tx: &mut ReadTx<'_>, id: Uuid) -> Result<bool, Error> {
    let found = tx.query_opt(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM charge_credit WHERE seller = ?1)
             OR EXISTS (SELECT 1 FROM charge_sale WHERE seller = ?1 AND entry IS NULL)
             OR EXISTS (SELECT 1 FROM charge_seller s JOIN ledger_balance b ON b.account = s.account
                        WHERE s.id = ?1 AND b.postings > 0)",
        &params![id],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// What a sale must know of its seller.
#[derive(Debug, Clone)]
pub(crate) struct SellerKey {
    pub(crate) account: AccountId,
    pub(crate) status: LifecycleStatus,
    /// What it pays for products, in 1/10,000 of the amount.
    pub(crate) prices: Vec<(Uuid, i64)>,
}

const SELLER_KEYS: BulkStatement = BulkStatement {
    sqlite: "SELECT s.id, s.account, s.status, p.product, p.price
        FROM charge_seller s LEFT JOIN charge_price p ON p.seller = s.id WHERE s.id = ?1",
    postgres: "SELECT s.id, s.account, s.status, p.product, p.price
        FROM charge_seller s LEFT JOIN charge_price p ON p.seller = s.id WHERE s.id = ANY(?1::uuid[])",
};

/// The sellers with these ids, and what they pay: a row a price, at least one.
pub(crate) fn seller_keys(tx: &mut ReadTx<'_>, ids: &[Uuid]) -> Result<HashMap<Uuid, SellerKey>, Error> {
    let rows: Vec<_> = ids.iter().map(|id| params![*id]).collect();
    let rows = tx.query_bulk(&SELLER_KEYS, &rows, |row| {
        let (account, status) = (AccountId::from_column(row.get(1)?), read_status(row, 2)?);
        let price: Option<(Uuid, i64)> = row.get::<Option<Uuid>>(3)?.zip(row.get(4)?);
        Ok((row.get::<Uuid>(0)?, SellerKey { account, status, prices: price.into_iter().collect() }))
    })?;
    let mut keys: HashMap<Uuid, SellerKey> = HashMap::with_capacity(rows.len());
    for (id, mut key) in rows {
        match keys.get_mut(&id) {
            Some(known) => known.prices.append(&mut key.prices),
            None => drop(keys.insert(id, key)),
        }
    }
    Ok(keys)
}

const SELLERS_BY_NAME: BulkStatement = BulkStatement {
    sqlite: "SELECT name, id FROM charge_seller WHERE name = ?1",
    postgres: "SELECT name, id FROM charge_seller WHERE name = ANY(?1::text[])",
};

/// The sellers with these names; several may have the same.
pub(crate) fn sellers_by_name(tx: &mut ReadTx<'_>, names: &[&str]) -> Result<Vec<(String, Uuid)>, Error> {
    let rows: Vec<_> = names.iter().map(|name| params![*name]).collect();
    tx.query_bulk(&SELLERS_BY_NAME, &rows, |row| Ok((row.get(0)?, row.get(1)?)))
}

// Sales.

const SALE_SELECT: &str = "SELECT s.id, s.seller, p.number, s.amount, s.status, s.connector, s.client_ref, \
     s.credit_after, s.operator_ref, s.reason, s.entry, s.created_at, s.settled_at, s.operator, s.product, s.cost, s.price \
     FROM charge_sale s JOIN charge_phone p ON p.id = s.phone";

fn read_sale(row: &Row<'_>, currency: Currency) -> Result<Sale, Error> {
    let status: String = row.get(4)?;
    let amount = Money::new(row.get(3)?, currency);
    let share = |minor: Option<i64>| minor.map_or(amount, |minor| Money::new(minor, currency));
    let (cost, price) = (share(row.get(15)?), share(row.get(16)?));
    Ok(Sale {
        id: row.get(0)?,
        seller: row.get(1)?,
        number: PhoneNumber::from_column(row.get(2)?),
        amount,
        priced: PricedItem { operator: row.get(13)?, product: row.get(14)?, cost, price },
        status: SaleStatus::from_name(&status)
            .ok_or_else(|| Error::Engine(format!("charge_sale.status is {status}")))?,
        connector: row.get(5)?,
        client_ref: row.get(6)?,
        credit_after: Money::new(row.get(7)?, currency),
        operator_ref: row.get(8)?,
        reason: row.get(9)?,
        entry: row.get::<Option<i64>>(10)?.map(EntryId::from_column),
        created_at: row.get(11)?,
        settled_at: row.get(12)?,
    })
}

pub(crate) fn sale_find(tx: &mut ReadTx<'_>, id: Uuid, currency: Currency) -> Result<Option<Sale>, Error> {
    tx.query_opt(&format!("{SALE_SELECT} WHERE s.id = ?1"), &params![id], |row| read_sale(row, currency))
}

/// Sales of everybody, newest first.
pub(crate) fn sales_list(tx: &mut ReadTx<'_>, filter: &RecordFilter, currency: Currency) -> Result<Vec<Sale>, Error> {
    let mut conditions = Conditions::new();
    if filter.status.is_some_and(|status| status != SaleStatus::Completed) {
        // Says to SQLite that the index of the unusual ones will do.
        conditions.clauses.push("s.status <> 'completed'".to_owned());
    }
    conditions.add("s.status = ?", filter.status.map(SaleStatus::name));
    conditions.add("s.client_ref = ?", filter.client_ref.as_deref());
    conditions.add("s.seller = ?", filter.seller);
    conditions.add("s.operator = ?", filter.operator);
    conditions.add("s.created_at >= ?", filter.from);
    conditions.add("s.created_at < ?", filter.until);
    conditions.add("s.id < ?", filter.before);
    let (sql, params) = conditions.page(SALE_SELECT, "s.id", filter.limit);
    tx.query(&sql, &params, |row| read_sale(row, currency))
}

/// Whose sales that moved no credit (yet) are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    Seller(Uuid),
    Phone(Uuid),
}

/// The newest sales of one seller or to one number that moved no credit: open and failed ones.
pub(crate) fn sales_unmoved(
    tx: &mut ReadTx<'_>,
    owner: Owner,
    before: Option<Uuid>,
    limit: u32,
    currency: Currency,
) -> Result<Vec<Sale>, Error> {
    let mut conditions = Conditions::new();
    conditions.clauses.push("s.entry IS NULL".to_owned());
    match owner {
        Owner::Seller(id) => conditions.add("s.seller = ?", Some(id)),
        Owner::Phone(id) => conditions.add("s.phone = ?", Some(id)),
    }
    conditions.add("s.id < ?", before);
    let (sql, params) = conditions.page(SALE_SELECT, "s.id", limit);
    tx.query(&sql, &params, |row| read_sale(row, currency))
}

const SALES_BY_ID: BulkStatement = BulkStatement {
    sqlite: "SELECT s.id, s.seller, p.number, s.amount, s.status, s.connector, s.client_ref, s.credit_after,
        s.operator_ref, s.reason, s.entry, s.created_at, s.settled_at, s.operator, s.product, s.cost, s.price
        FROM charge_sale s JOIN charge_phone p ON p.id = s.phone WHERE s.id = ?1",
    postgres: "SELECT s.id, s.seller, p.number, s.amount, s.status, s.connector, s.client_ref, s.credit_after,
        s.operator_ref, s.reason, s.entry, s.created_at, s.settled_at, s.operator, s.product, s.cost, s.price
        FROM charge_sale s JOIN charge_phone p ON p.id = s.phone WHERE s.id = ANY(?1::uuid[])",
};

/// The sales with these ids, in any order.
pub(crate) fn sales_by_id(tx: &mut ReadTx<'_>, ids: &[Uuid], currency: Currency) -> Result<Vec<Sale>, Error> {
    let rows: Vec<_> = ids.iter().map(|id| params![*id]).collect();
    tx.query_bulk(&SALES_BY_ID, &rows, |row| read_sale(row, currency))
}

const SALES_BY_REF: BulkStatement = BulkStatement {
    sqlite: "SELECT seller, client_ref, id FROM charge_sale WHERE seller = ?1 AND client_ref = ?2",
    postgres: "SELECT s.seller, s.client_ref, s.id FROM UNNEST(?1::uuid[], ?2::text[]) AS asked (seller, client_ref)
        JOIN charge_sale s ON s.seller = asked.seller AND s.client_ref = asked.client_ref",
};

/// A seller's own name for a sale.
pub(crate) type SellerRef = (Uuid, String);

/// The sales that sellers have made under these references.
pub(crate) fn sales_by_ref(tx: &mut ReadTx<'_>, refs: &[(Uuid, &str)]) -> Result<Vec<(SellerRef, Uuid)>, Error> {
    let rows: Vec<_> = refs.iter().map(|(seller, client_ref)| params![*seller, *client_ref]).collect();
    tx.query_bulk(&SALES_BY_REF, &rows, |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
}

/// A sale to be written down.
#[derive(Debug, Clone)]
pub(crate) struct NewSale<'a> {
    pub(crate) id: Uuid,
    pub(crate) seller: Uuid,
    pub(crate) phone: Uuid,
    pub(crate) amount: Money,
    pub(crate) priced: PricedItem,
    pub(crate) status: SaleStatus,
    pub(crate) connector: &'static str,
    pub(crate) client_ref: Option<&'a str>,
    pub(crate) actor: &'a str,
    pub(crate) credit_after: Money,
    pub(crate) entry: Option<EntryId>,
    pub(crate) created_at: Timestamp,
    pub(crate) settled_at: Option<Timestamp>,
}

const SALE_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO charge_sale (id, seller, phone, amount, status, connector, client_ref, actor, credit_after,
        entry, created_at, settled_at, operator, product, cost, price)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    postgres: "INSERT INTO charge_sale (id, seller, phone, amount, status, connector, client_ref, actor, credit_after,
        entry, created_at, settled_at, operator, product, cost, price)
        SELECT * FROM UNNEST(?1::uuid[], ?2::uuid[], ?3::uuid[], ?4::bigint[],
        ?5::text[], ?6::text[], ?7::text[], ?8::text[], ?9::bigint[], ?10::bigint[], ?11::bigint[], ?12::bigint[],
        ?13::uuid[], ?14::uuid[], ?15::bigint[], ?16::bigint[])",
};

pub(crate) fn sales_insert(tx: &mut WriteTx<'_>, sales: &[NewSale<'_>]) -> Result<(), Error> {
    let rows: Vec<_> = sales
        .iter()
        .map(|sale| {
            params![
                sale.id,
                sale.seller,
                sale.phone,
                sale.amount.minor(),
                sale.status.name(),
                sale.connector,
                sale.client_ref,
                sale.actor,
                sale.credit_after.minor(),
                sale.entry.map(EntryId::get),
                sale.created_at,
                sale.settled_at,
                sale.priced.operator,
                sale.priced.product,
                sale.priced.product.map(|_| sale.priced.cost.minor()),
                sale.priced.product.map(|_| sale.priced.price.minor()),
            ]
        })
        .collect();
    tx.execute_bulk(&SALE_INSERT, &rows).map(drop)
}

/// Writes what changed of a sale after it was submitted.
pub(crate) fn sale_update(tx: &mut WriteTx<'_>, sale: &Sale, reversal: Option<EntryId>) -> Result<(), Error> {
    tx.execute(
        "UPDATE charge_sale SET status = ?2, credit_after = ?3, operator_ref = ?4, reason = ?5, entry = ?6,
             reversal = ?7, settled_at = ?8 WHERE id = ?1",
        &params![
            sale.id,
            sale.status.name(),
            sale.credit_after.minor(),
            sale.operator_ref.as_deref(),
            sale.reason.as_deref(),
            sale.entry.map(EntryId::get),
            reversal.map(EntryId::get),
            sale.settled_at,
        ],
    )?;
    Ok(())
}

/// Notes that the operator was asked about a sale whose fate is unknown.
pub(crate) fn sale_queried(tx: &mut WriteTx<'_>, id: Uuid, now: Timestamp) -> Result<(), Error> {
    tx.execute("UPDATE charge_sale SET asked_at = ?2 WHERE id = ?1", &params![id, now]).map(drop)
}

/// Sales whose operator should be asked again: those never asked first, then those asked longest ago.
pub(crate) fn sales_to_query(tx: &mut ReadTx<'_>, before: Timestamp, limit: u32) -> Result<Vec<Uuid>, Error> {
    tx.query(
        "SELECT id FROM charge_sale
         WHERE status <> 'completed' AND status = 'unknown' AND (asked_at IS NULL OR asked_at < ?1)
         ORDER BY COALESCE(asked_at, 0), id LIMIT ?2",
        &params![before, limit],
        |row| row.get(0),
    )
}

/// The two sides of the app's own equation, in minor units: credit granted, and where it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditCheck {
    /// All that staff ever gave, less what they took.
    pub granted: i64,
    /// What sellers have left, holds included.
    pub left: i64,
    /// What sellers paid for charges that were not reversed.
    pub sold: i64,
}

impl CreditCheck {
    /// Whether nothing is missing and nothing too much.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.granted == self.left + self.sold
    }
}

pub(crate) fn credit_check(tx: &mut ReadTx<'_>) -> Result<CreditCheck, Error> {
    tx.query_one(
        "SELECT
             (SELECT CAST(COALESCE(SUM(CASE kind WHEN 'increase' THEN amount ELSE -amount END), 0) AS BIGINT) FROM charge_credit),
             (SELECT CAST(COALESCE(SUM(b.balance), 0) AS BIGINT)
              FROM charge_seller s JOIN ledger_balance b ON b.account = s.account),
             (SELECT CAST(COALESCE(SUM(COALESCE(price, amount)), 0) AS BIGINT) FROM charge_sale WHERE status = 'completed')",
        &[],
        |row| Ok(CreditCheck { granted: row.get(0)?, left: row.get(1)?, sold: row.get(2)? }),
    )
}

// What the console lists, and the figures of its first page.

pub(crate) const SELLERS_FROM: &str = "charge_seller s JOIN ledger_balance b ON b.account = s.account";

pub(crate) const PHONES_FROM: &str = "charge_phone p JOIN ledger_balance b ON b.account = p.account";

pub(crate) const SALES_FROM: &str = "charge_sale c JOIN charge_seller s ON s.id = c.seller JOIN charge_phone p ON p.id = c.phone \
     LEFT JOIN charge_operator o ON o.id = c.operator";

/// The app's equation by the balances alone, without reading every sale.
pub(crate) fn credit_by_balances(tx: &mut ReadTx<'_>) -> Result<CreditCheck, Error> {
    tx.query_one(
        "SELECT
             (SELECT CAST(COALESCE(SUM(CASE kind WHEN 'increase' THEN amount ELSE -amount END), 0) AS BIGINT) FROM charge_credit),
             (SELECT CAST(COALESCE(SUM(b.balance), 0) AS BIGINT) FROM charge_seller s JOIN ledger_balance b ON b.account = s.account),
             (SELECT CAST(COALESCE(SUM(b.balance), 0) AS BIGINT) FROM charge_phone p JOIN ledger_balance b ON b.account = p.account)
             + (SELECT CAST(COALESCE(SUM(b.balance), 0) AS BIGINT) FROM ledger_account a JOIN ledger_balance b ON b.account = a.id
                WHERE a.path = 'charge:margin')",
        &[],
        |row| Ok(CreditCheck { granted: row.get(0)?, left: row.get(1)?, sold: row.get(2)? }),
    )
}

/// What was sold and not reversed, quarter of an hour by quarter of an hour: how many quarters after `from` (microseconds),
/// how much in minor units, in how many sales. `floor` is the smallest id that a sale of that time can have.
pub(crate) fn sold_since(tx: &mut ReadTx<'_>, from: Timestamp, floor: Uuid) -> Result<Vec<(i64, i64, i64)>, Error> {
    tx.query(
        "SELECT (created_at - ?1) / 900000000, CAST(SUM(amount) AS BIGINT), COUNT(*) FROM charge_sale
         WHERE id >= ?2 AND created_at >= ?1 AND status = 'completed' GROUP BY 1 ORDER BY 1",
        &params![from, floor],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}
