//! The chart of accounts as a tree: each part of a path is a branch, with what stands on all the accounts under it.

use purser_money::Money;
use purser_store::{Engine, Error as StoreError, ReadTx, Row, params};

use crate::account::{AccountKind, AccountPath, read_currency};
use crate::error::Error;

/// The accounts of one kind and currency under one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The branch's path: `charge`, `charge:seller`, or an account's own.
    pub path: String,
    /// The last part of it.
    pub segment: String,
    /// The accounts' kind.
    pub kind: AccountKind,
    /// How many accounts there are, the branch's own included.
    pub accounts: i64,
    /// What stands on them together.
    pub balance: Money,
    /// How much of that is held.
    pub held: Money,
    /// Whether the branch is an account itself.
    pub is_account: bool,
}

/// The branches right under `parent` (the first parts of all paths where that is `None`), in order of their names, at
/// most `limit`, those after the segment `after`. A branch with accounts of several kinds or currencies is there once
/// for each.
///
/// Reads every account under `parent`.
///
/// # Errors
/// The store's.
pub fn branches(
    tx: &mut ReadTx<'_>,
    parent: Option<&AccountPath>,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Branch>, Error> {
    // ';' is the character after ':', so this is the range of everything under the parent.
    let (prefix, end) = match parent {
        Some(parent) => (format!("{}:", parent.as_str()), format!("{};", parent.as_str())),
        None => (String::new(), "\u{7f}".to_owned()),
    };
    let start = u32::try_from(prefix.chars().count() + 1).unwrap_or(u32::MAX);
    let segment = match tx.engine() {
        Engine::Sqlite => "CASE instr(rest, ':') WHEN 0 THEN rest ELSE substr(rest, 1, instr(rest, ':') - 1) END",
        Engine::Postgres => "split_part(rest, ':', 1)",
    };
    let sql = format!(
        "SELECT segment, kind, currency, scale, COUNT(*), CAST(SUM(balance) AS BIGINT), CAST(SUM(held) AS BIGINT),
             MAX(CASE WHEN rest = segment THEN 1 ELSE 0 END)
         FROM (SELECT rest, {segment} AS segment, kind, currency, scale, balance, held
               FROM (SELECT substr(a.path, CAST(CAST(?1 AS BIGINT) AS INTEGER)) AS rest, a.kind AS kind, b.currency AS currency,
                         b.scale AS scale, b.balance AS balance, b.held AS held
                     FROM ledger_account a JOIN ledger_balance b ON b.account = a.id
                     WHERE a.path >= ?2 AND a.path < ?3) AS inside) AS parts
         WHERE segment > ?4
         GROUP BY segment, kind, currency, scale
         ORDER BY segment, kind, currency
         LIMIT ?5"
    );
    let read = |row: &Row<'_>| -> Result<Branch, StoreError> {
        let (segment, currency): (String, _) = (row.get(0)?, read_currency(row, 2)?);
        Ok(Branch {
            path: format!("{prefix}{segment}"),
            kind: AccountKind::from_column(&row.get::<String>(1)?)?,
            accounts: row.get(4)?,
            balance: Money::new(row.get(5)?, currency),
            held: Money::new(row.get(6)?, currency),
            is_account: row.get::<i64>(7)? == 1,
            segment,
        })
    };
    Ok(tx.query(&sql, &params![start, &prefix, &end, after.unwrap_or_default(), limit], read)?)
}
