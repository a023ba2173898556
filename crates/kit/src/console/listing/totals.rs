//! A list as a whole: how many fit, which those are, and what they come to. Each is bounded, however long the list is.

use jiff::Timestamp;
use purser_money::Money;
use purser_store::{Error as StoreError, Param, ReadTx};
use uuid::Uuid;

use super::{Bound, ColumnKind, ListQuery, Listing};
use crate::console::Cell;

/// Ids that one statement names, at most.
const NAMED: usize = 100;

/// What all that fits comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListTotals {
    /// How many there are, up to the bound that was asked for.
    pub count: u64,
    /// The first money column's sum, where there is such a column and a row.
    pub total: Option<Money>,
    /// The first time column's earliest moment, where there is such a column and a row.
    pub oldest: Option<Timestamp>,
}

impl Listing {
    /// How many rows fit, counted up to `most`. Where the page begins makes no difference.
    ///
    /// # Errors
    /// The store's.
    pub fn count(&self, tx: &mut ReadTx<'_>, query: &ListQuery, most: u32) -> Result<u64, StoreError> {
        let mut bound = Vec::new();
        let wanted = where_clause(&self.all_conditions(tx.engine(), query, &mut bound));
        // What is joined is joined for conditions' sake.
        let from = if wanted.is_empty() { self.table() } else { self.from };
        let sql =
            format!("SELECT COUNT(*) FROM (SELECT {id} FROM {from}{wanted} LIMIT {most}) AS fitting", id = self.id);
        let params: Vec<Param<'_>> = bound.iter().map(Bound::param).collect();
        let count = tx.query_one(&sql, &params, |row| row.get::<i64>(0))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// The first table of those that the list is read from, with its alias.
    pub(super) fn table(&self) -> &'static str {
        let joined = self.from.find(" LEFT JOIN ").into_iter().chain(self.from.find(" JOIN ")).min();
        joined.map_or(self.from, |end| &self.from[..end])
    }

    /// What the rows that fit come to, of up to `most` of them.
    ///
    /// # Errors
    /// The store's.
    pub fn whole(&self, tx: &mut ReadTx<'_>, query: &ListQuery, most: u32) -> Result<ListTotals, StoreError> {
        let money = self.columns.iter().find_map(|column| match column.kind {
            ColumnKind::Money(currency) => Some((column.sql, currency)),
            _ => None,
        });
        let time = self.columns.iter().find(|column| matches!(column.kind, ColumnKind::Time)).map(|column| column.sql);
        let mut bound = Vec::new();
        let wanted = where_clause(&self.all_conditions(tx.engine(), query, &mut bound));
        let nothing = "CAST(NULL AS BIGINT)";
        let sql = format!(
            "SELECT COUNT(*), CAST(SUM(fitting.amount) AS BIGINT), MIN(fitting.moment) \
             FROM (SELECT {amount} AS amount, {moment} AS moment FROM {from}{wanted} LIMIT {most}) AS fitting",
            amount = money.map_or(nothing, |(sql, _)| sql),
            moment = time.unwrap_or(nothing),
            from = self.from,
        );
        let params: Vec<Param<'_>> = bound.iter().map(Bound::param).collect();
        tx.query_one(&sql, &params, |row| {
            let minor = row.get::<Option<i64>>(1)?;
            Ok(ListTotals {
                count: u64::try_from(row.get::<i64>(0)?).unwrap_or_default(),
                total: minor.zip(money).map(|(minor, (_, currency))| Money::new(minor, currency)),
                oldest: row.get::<Option<Timestamp>>(2)?,
            })
        })
    }

    /// The ids of the rows that fit, in the list's order: `ask.limit` of them, at most.
    ///
    /// # Errors
    /// The store's.
    pub fn ids(&self, tx: &mut ReadTx<'_>, query: &ListQuery) -> Result<Vec<Uuid>, StoreError> {
        let (sql, bound) = self.statement(tx.engine(), query, self.sort(query));
        let params: Vec<Param<'_>> = bound.iter().map(Bound::param).collect();
        let mut ids = tx.query(&sql, &params, |row| row.get::<Uuid>(0))?;
        ids.truncate(query.limit as usize);
        Ok(ids)
    }

    /// The rows of these objects, as far as there are any, in no particular order.
    ///
    /// # Errors
    /// The store's.
    pub fn of(&self, tx: &mut ReadTx<'_>, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<Cell>)>, StoreError> {
        let columns: Vec<&str> = self.columns.iter().map(|column| column.sql).collect();
        let mut rows = Vec::with_capacity(ids.len());
        for some in ids.chunks(NAMED) {
            let places: Vec<String> = (1..=some.len()).map(|place| format!("?{place}")).collect();
            let sql = format!(
                "SELECT {id}, {columns} FROM {from} WHERE {id} IN ({places})",
                id = self.id,
                columns = columns.join(", "),
                from = self.from,
                places = places.join(", "),
            );
            let params: Vec<Param<'_>> = some.iter().map(|id| Param::Uuid(*id)).collect();
            rows.extend(tx.query(&sql, &params, |row| self.read(row, None).map(|(id, _, cells)| (id, cells)))?);
        }
        Ok(rows)
    }
}

/// The conditions as a statement has them.
pub(super) fn where_clause(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
}
