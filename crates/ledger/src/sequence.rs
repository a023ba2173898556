//! Ids that only grow: the order in which rows were posted.

use purser_store::{Engine, Error, WriteTx, params};

/// A table whose ids are handed out here.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sequence {
    Account,
    Entry,
    Transfer,
}

impl Sequence {
    /// SQLite has one writer and these tables lose no rows, so the next id is one past the largest.
    fn largest(self) -> &'static str {
        match self {
            Sequence::Account => "SELECT COALESCE(MAX(id), 0) FROM ledger_account",
            Sequence::Entry => "SELECT COALESCE(MAX(id), 0) FROM ledger_entry",
            Sequence::Transfer => "SELECT COALESCE(MAX(id), 0) FROM ledger_transfer",
        }
    }

    fn next(self) -> &'static str {
        match self {
            Sequence::Account => "SELECT nextval('ledger_account_id') FROM generate_series(1, ?1)",
            Sequence::Entry => "SELECT nextval('ledger_entry_id') FROM generate_series(1, ?1)",
            Sequence::Transfer => "SELECT nextval('ledger_transfer_id') FROM generate_series(1, ?1)",
        }
    }
}

/// `count` fresh ids, ascending. Another transaction's may lie between them.
pub(crate) fn ids(tx: &mut WriteTx<'_>, sequence: Sequence, count: usize) -> Result<Vec<i64>, Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    match tx.engine() {
        Engine::Sqlite => {
            let largest: i64 = tx.query_one(sequence.largest(), &[], |row| row.get(0))?;
            Ok((largest + 1..).take(count).collect())
        }
        Engine::Postgres => {
            let count = i64::try_from(count).map_err(|_| Error::Engine("too many ids at once".to_owned()))?;
            tx.execute_returning(sequence.next(), &params![count], |row| row.get(0))
        }
    }
}
