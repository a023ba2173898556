//! Accounts: what they are, how they are found, frozen and closed.

use std::fmt;

use jiff::Timestamp;
use purser_money::{Currency, Money};
use purser_store::{BulkStatement, Error as StoreError, ReadTx, Row, WriteTx, params};

use crate::Error;
use crate::sequence::{Sequence, ids};

/// An account's number. Only the ledger makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub(crate) i64);

impl AccountId {
    /// The number as a column keeps it.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The number that a column kept. Whether such an account exists is found out when it is used.
    #[must_use]
    pub fn from_column(id: i64) -> Self {
        AccountId(id)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A path that a person can read, `charge:seller:<id>:credit`: parts of lower-case letters, digits and `+ - _ .`,
/// joined by colons; 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountPath(String);

impl AccountPath {
    /// Checks and takes a path.
    ///
    /// # Errors
    /// [`Error::BadPath`] with the rule that it breaks.
    pub fn new(path: impl Into<String>) -> Result<Self, Error> {
        let path = path.into();
        let refuse = |rule| Err(Error::BadPath { path: path.chars().take(200).collect(), rule });
        if path.is_empty() || path.len() > 200 {
            return refuse("it must have 1 to 200 characters");
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-_.:".contains(c);
        if !path.chars().all(allowed) {
            return refuse("it may have lower-case letters, digits, and the characters + - _ . :");
        }
        if path.split(':').any(str::is_empty) {
            return refuse("no part between two colons may be empty");
        }
        Ok(AccountPath(path))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The five kinds of account, which decide whether a debit or a credit makes one grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// What the house has. Grows by debits.
    Asset,
    /// What the house owes, such as its customers' credit. Grows by credits.
    Liability,
    /// What the house has earned. Grows by credits.
    Income,
    /// What the house has spent. Grows by debits.
    Expense,
    /// What belongs to the owners. Grows by credits.
    Equity,
}

impl AccountKind {
    const ALL: [AccountKind; 5] =
        [AccountKind::Asset, AccountKind::Liability, AccountKind::Income, AccountKind::Expense, AccountKind::Equity];

    /// Its name in the schema and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AccountKind::Asset => "asset",
            AccountKind::Liability => "liability",
            AccountKind::Income => "income",
            AccountKind::Expense => "expense",
            AccountKind::Equity => "equity",
        }
    }

    /// 1 where debits make it grow, −1 where credits do.
    pub(crate) fn side(self) -> i64 {
        match self {
            AccountKind::Asset | AccountKind::Expense => 1,
            AccountKind::Liability | AccountKind::Income | AccountKind::Equity => -1,
        }
    }

    pub(crate) fn from_column(name: &str) -> Result<Self, StoreError> {
        let kind = AccountKind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or_else(|| StoreError::Engine(format!("ledger_account.kind is {name}")))
    }
}

/// What may happen on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountStatus {
    /// Everything.
    Open,
    /// Nothing new starts; what was under way may finish: holds are settled, entries reversed.
    Frozen,
    /// Nothing. It is empty and stays so.
    Closed,
}

impl AccountStatus {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AccountStatus::Open => "open",
            AccountStatus::Frozen => "frozen",
            AccountStatus::Closed => "closed",
        }
    }

    fn column(self) -> i64 {
        match self {
            AccountStatus::Open => 0,
            AccountStatus::Frozen => 1,
            AccountStatus::Closed => 2,
        }
    }

    pub(crate) fn from_column(value: i64) -> Result<Self, StoreError> {
        match value {
            0 => Ok(AccountStatus::Open),
            1 => Ok(AccountStatus::Frozen),
            2 => Ok(AccountStatus::Closed),
            _ => Err(StoreError::Engine(format!("ledger_balance.status is {value}"))),
        }
    }
}

/// An account as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its path.
    pub path: AccountPath,
    /// Its kind.
    pub kind: AccountKind,
    /// Its currency.
    pub currency: Currency,
    /// What its available balance never passes, if anything.
    pub floor: Option<Money>,
    /// What may happen on it.
    pub status: AccountStatus,
    /// What it holds, in the direction that its kind grows.
    pub balance: Money,
    /// How much of that holds have set aside.
    pub held: Money,
    /// How many postings it has.
    pub postings: i64,
    /// When it was opened.
    pub created_at: Timestamp,
}

impl Account {
    /// Balance − held: what a new transfer may take, down to the floor.
    #[must_use]
    pub fn available(&self) -> Money {
        // The schema keeps balance − held in range for accounts with a floor; one without may set aside more than it
        // has, though hardly so much more.
        Money::new(self.balance.minor().saturating_sub(self.held.minor()), self.currency)
    }
}

/// An account to be opened.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its path, not taken yet.
    pub path: AccountPath,
    /// Its kind.
    pub kind: AccountKind,
    /// Its currency.
    pub currency: Currency,
    /// Minor units that its available balance never passes: zero, or less for an overdraft; `None` for no limit.
    pub floor: Option<i64>,
}

/// Opens an account, or finds it where it exists with the same kind, currency and floor.
///
/// # Errors
/// [`Error::PathTaken`] where it exists otherwise.
pub fn account_open(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewAccount) -> Result<AccountId, Error> {
    if let Some(account) = account_by_path(tx, &new.path)? {
        let same = account.kind == new.kind
            && account.currency == new.currency
            && account.floor.map(Money::minor) == new.floor;
        return if same { Ok(account.id) } else { Err(Error::PathTaken(new.path.to_string())) };
    }
    let opened = accounts_open(tx, now, std::slice::from_ref(new))?;
    opened.into_iter().next().ok_or(Error::Bug("an account was opened and has no id"))
}

const ACCOUNT_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO ledger_account (id, path, kind, created_at) VALUES (?1, ?2, ?3, ?4)",
    postgres: "INSERT INTO ledger_account (id, path, kind, created_at)
        SELECT * FROM UNNEST(?1::bigint[], ?2::text[], ?3::text[], ?4::bigint[])",
};

const BALANCE_INSERT: BulkStatement = BulkStatement {
    sqlite: "INSERT INTO ledger_balance
        (account, currency, scale, side, floor, status, balance, held, postings, head, last_at)
        VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, 0, 0)",
    postgres: "INSERT INTO ledger_balance
        (account, currency, scale, side, floor, status, balance, held, postings, head, last_at)
        SELECT account, currency, scale, side, floor, 0, 0, 0, 0, 0, 0
        FROM UNNEST(?1::bigint[], ?2::text[], ?3::bigint[], ?4::bigint[], ?5::bigint[])
            AS new (account, currency, scale, side, floor)",
};

/// Opens many accounts at once, whose paths must all be new.
///
/// # Errors
/// The store's `Unique` where a path is taken.
pub fn accounts_open(tx: &mut WriteTx<'_>, now: Timestamp, new: &[NewAccount]) -> Result<Vec<AccountId>, Error> {
    let ids = ids(tx, Sequence::Account, new.len())?;
    let accounts: Vec<_> =
        std::iter::zip(&ids, new).map(|(id, new)| params![*id, new.path.as_str(), new.kind.name(), now]).collect();
    tx.execute_bulk(&ACCOUNT_INSERT, &accounts)?;
    let codes: Vec<_> = new.iter().map(|new| new.currency.code().to_owned()).collect();
    let balances: Vec<_> = std::iter::zip(&ids, new)
        .zip(&codes)
        .map(|((id, new), code)| params![*id, code, i64::from(new.currency.scale()), new.kind.side(), new.floor])
        .collect();
    tx.execute_bulk(&BALANCE_INSERT, &balances)?;
    Ok(ids.into_iter().map(AccountId).collect())
}

const ACCOUNT_SELECT: &str = "SELECT a.id, a.path, a.kind, b.currency, b.scale, b.floor, b.status, b.balance, b.held,
    b.postings, a.created_at FROM ledger_account a JOIN ledger_balance b ON b.account = a.id ";

fn read_account(row: &Row<'_>) -> Result<Account, StoreError> {
    let path: String = row.get(1)?;
    let kind: String = row.get(2)?;
    let currency = read_currency(row, 3)?;
    let money = |minor| Money::new(minor, currency);
    Ok(Account {
        id: AccountId(row.get(0)?),
        path: AccountPath(path),
        kind: AccountKind::from_column(&kind)?,
        currency,
        floor: row.get::<Option<i64>>(5)?.map(money),
        status: AccountStatus::from_column(row.get(6)?)?,
        balance: money(row.get(7)?),
        held: money(row.get(8)?),
        postings: row.get(9)?,
        created_at: row.get(10)?,
    })
}

/// The currency whose code and scale stand at `index` and the column after.
pub(crate) fn read_currency(row: &Row<'_>, index: usize) -> Result<Currency, StoreError> {
    let code: String = row.get(index)?;
    let scale: u32 = row.get(index + 1)?;
    let scale = u8::try_from(scale).unwrap_or(u8::MAX);
    Currency::new(&code, scale).map_err(|error| StoreError::Engine(format!("ledger_balance.currency: {error}")))
}

/// The account with this number.
///
/// # Errors
/// [`Error::NoAccount`].
pub fn account_get(tx: &mut ReadTx<'_>, id: AccountId) -> Result<Account, Error> {
    tx.query_opt(&format!("{ACCOUNT_SELECT} WHERE a.id = ?1"), &params![id.0], read_account)?
        .ok_or(Error::NoAccount(id))
}

/// The account with this path, if there is one.
///
/// # Errors
/// The store's.
pub fn account_by_path(tx: &mut ReadTx<'_>, path: &AccountPath) -> Result<Option<Account>, Error> {
    Ok(tx.query_opt(&format!("{ACCOUNT_SELECT} WHERE a.path = ?1"), &params![path.as_str()], read_account)?)
}

/// Accounts whose path is `prefix` or lies under it, in path order: at most `limit`, after the path `after`.
///
/// # Errors
/// The store's.
pub fn accounts_under(
    tx: &mut ReadTx<'_>,
    prefix: &AccountPath,
    after: Option<&AccountPath>,
    limit: u32,
) -> Result<Vec<Account>, Error> {
    // ';' is the character after ':', so this is the range of everything under the prefix.
    let (from, to) = (format!("{prefix}:"), format!("{prefix};"));
    let sql = format!(
        "{ACCOUNT_SELECT} WHERE (a.path = ?1 OR (a.path >= ?2 AND a.path < ?3)) AND a.path > ?4
         ORDER BY a.path LIMIT ?5"
    );
    let after = after.map_or("", AccountPath::as_str);
    Ok(tx.query(&sql, &params![prefix.as_str(), &from, &to, after, limit], read_account)?)
}

/// Freezes an open account: nothing new starts on it. Freezing a frozen one changes nothing.
///
/// # Errors
/// [`Error::NoAccount`], [`Error::Closed`].
pub fn account_freeze(tx: &mut WriteTx<'_>, id: AccountId) -> Result<(), Error> {
    status_set(tx, id, AccountStatus::Frozen)
}

/// Opens a frozen account again. Doing so to an open one changes nothing.
///
/// # Errors
/// [`Error::NoAccount`], [`Error::Closed`].
pub fn account_unfreeze(tx: &mut WriteTx<'_>, id: AccountId) -> Result<(), Error> {
    status_set(tx, id, AccountStatus::Open)
}

/// Closes an empty account for good. Closing a closed one changes nothing.
///
/// # Errors
/// [`Error::NoAccount`]; [`Error::NotEmpty`] where it has a balance or a hold.
pub fn account_close(tx: &mut WriteTx<'_>, id: AccountId) -> Result<(), Error> {
    let account = account_get(tx, id)?;
    if account.status == AccountStatus::Closed {
        return Ok(());
    }
    if account.balance.minor() != 0 || account.held.minor() != 0 {
        return Err(Error::NotEmpty(id));
    }
    status_set(tx, id, AccountStatus::Closed)
}

fn status_set(tx: &mut WriteTx<'_>, id: AccountId, status: AccountStatus) -> Result<(), Error> {
    if account_get(tx, id)?.status == AccountStatus::Closed {
        return Err(Error::Closed(id));
    }
    tx.execute("UPDATE ledger_balance SET status = ?2 WHERE account = ?1", &params![id.0, status.column()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_parts_that_a_person_can_read() {
        for good in ["a", "charge:seller:0190-ab:credit", "charge:phone:+919876543210", "members:pool"] {
            assert!(AccountPath::new(good).is_ok(), "{good}");
        }
        let long = "x".repeat(201);
        for bad in ["", ":", "a:", ":a", "a::b", "A", "a b", "ä", "a/b", long.as_str()] {
            assert!(AccountPath::new(bad).is_err(), "{bad}");
        }
    }
}
