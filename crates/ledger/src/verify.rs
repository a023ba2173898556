//! The audit: every figure that is kept, recomputed from the transfers.

use purser_store::{ReadTx, params};

use crate::Error;

/// What the audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// Sums and counts by currency.
    pub totals: Vec<CurrencyTotals>,
    /// How many journal entries there are.
    pub entries: i64,
    /// How many transfers.
    pub transfers: i64,
    /// What is wrong, a sentence each; at most 20 of each sort. Empty: the ledger is clean.
    pub problems: Vec<String>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One currency's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyTotals {
    /// Its code.
    pub currency: String,
    /// How many decimals an amount of it has.
    pub scale: u8,
    /// How many accounts keep it.
    pub accounts: i64,
    /// Debit balances less credit balances, in minor units: zero, or something is very wrong.
    pub sum: i64,
    /// What holds have set aside, in minor units.
    pub held: i64,
}

/// What the books come to: counts and sums, without looking whether they are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSums {
    /// How many journal entries there are.
    pub entries: i64,
    /// How many transfers.
    pub transfers: i64,
    /// By currency.
    pub totals: Vec<CurrencyTotals>,
}

/// Problems of one sort that are named, at most.
const PROBLEM_LIMIT: i64 = 20;

/// Each checks one rule (64 is `book::MARK_EVERY`): the query finds account (or entry) and two figures that should agree, the sentence says what
/// they are.
const CHECKS: &[(&str, &str)] = &[
    (
        "account {} has the balance {}, but its transfers come to {}",
        "SELECT b.account, b.balance, COALESCE(t.total, 0) FROM ledger_balance b LEFT JOIN (
             SELECT account, CAST(SUM(change) AS BIGINT) AS total FROM (
                 SELECT debit AS account, amount AS change FROM ledger_transfer
                 UNION ALL SELECT credit, -amount FROM ledger_transfer
             ) AS moved GROUP BY account
         ) AS t ON t.account = b.account
         WHERE b.balance <> b.side * COALESCE(t.total, 0) ORDER BY b.account LIMIT ?1",
    ),
    (
        "account {} says that {} postings were made, but {} are there",
        "SELECT b.account, b.postings, COALESCE(t.count, 0) FROM ledger_balance b LEFT JOIN (
             SELECT account, COUNT(*) AS count FROM (
                 SELECT debit AS account FROM ledger_transfer UNION ALL SELECT credit FROM ledger_transfer
             ) AS moved GROUP BY account
         ) AS t ON t.account = b.account
         WHERE b.postings <> COALESCE(t.count, 0) ORDER BY b.account LIMIT ?1",
    ),
    (
        "account {} names transfer {} as its newest, but that is {}",
        "SELECT b.account, b.head, COALESCE(t.newest, 0) FROM ledger_balance b LEFT JOIN (
             SELECT account, MAX(id) AS newest FROM (
                 SELECT debit AS account, id FROM ledger_transfer
                 UNION ALL SELECT credit, id FROM ledger_transfer
             ) AS moved GROUP BY account
         ) AS t ON t.account = b.account
         WHERE b.head <> COALESCE(t.newest, 0) ORDER BY b.account LIMIT ?1",
    ),
    (
        "account {} was last posted to at {}, but its newest transfer is of {}",
        "SELECT b.account, b.last_at, COALESCE(e.at, 0) FROM ledger_balance b
         LEFT JOIN ledger_transfer t ON t.id = b.head LEFT JOIN ledger_entry e ON e.id = t.entry
         WHERE b.last_at <> COALESCE(e.at, 0) ORDER BY b.account LIMIT ?1",
    ),
    (
        "account {} grows in the direction {}, but by its kind that is {}",
        "SELECT b.account, b.side, CASE WHEN a.kind IN ('asset', 'expense') THEN 1 ELSE -1 END
         FROM ledger_balance b JOIN ledger_account a ON a.id = b.account
         WHERE b.side <> CASE WHEN a.kind IN ('asset', 'expense') THEN 1 ELSE -1 END ORDER BY b.account LIMIT ?1",
    ),
    (
        "account {} has {} set aside, but its open holds come to {}",
        "SELECT b.account, b.held, COALESCE(h.total, 0) FROM ledger_balance b LEFT JOIN (
             SELECT account, CAST(SUM(amount) AS BIGINT) AS total FROM ledger_hold WHERE status = 'held' GROUP BY account
         ) AS h ON h.account = b.account
         WHERE b.held <> COALESCE(h.total, 0) ORDER BY b.account LIMIT ?1",
    ),
    (
        "account {} has {} available, which passes its floor of {}",
        "SELECT account, balance - held, floor FROM ledger_balance
         WHERE floor IS NOT NULL AND balance - held < floor ORDER BY account LIMIT ?1",
    ),
    (
        "the chain of account {} is broken at transfer {}: the balance after it should be {}",
        "SELECT account, id, expected FROM (
             SELECT p.account, p.id, p.after, p.before,
                 b.side * CAST(SUM(p.change) OVER (PARTITION BY p.account ORDER BY p.id) AS BIGINT) AS expected,
                 COALESCE(LAG(p.id) OVER (PARTITION BY p.account ORDER BY p.id), 0) AS previous
             FROM (
                 SELECT debit AS account, id, amount AS change, debit_balance AS after, debit_before AS before
                 FROM ledger_transfer
                 UNION ALL SELECT credit, id, -amount, credit_balance, credit_before FROM ledger_transfer
             ) AS p JOIN ledger_balance b ON b.account = p.account
         ) AS chain WHERE after <> expected OR before <> previous ORDER BY account, id LIMIT ?1",
    ),
    (
        "account {} has a mark at transfer {}, which is its posting number {} and needs none, or is of another time",
        "SELECT m.account, m.transfer, COALESCE(p.number, 0) FROM ledger_mark m LEFT JOIN (
             SELECT account, id, at, ROW_NUMBER() OVER (PARTITION BY account ORDER BY id) AS number FROM (
                 SELECT t.debit AS account, t.id, e.at FROM ledger_transfer t JOIN ledger_entry e ON e.id = t.entry
                 UNION ALL SELECT t.credit, t.id, e.at FROM ledger_transfer t JOIN ledger_entry e ON e.id = t.entry
             ) AS moved
         ) AS p ON p.account = m.account AND p.id = m.transfer
         WHERE COALESCE(p.number, 1) % 64 <> 0 OR p.at <> m.at ORDER BY m.account, m.transfer LIMIT ?1",
    ),
    (
        "account {} should have {} marks, and has {}",
        "SELECT b.account, b.postings / 64, COALESCE(m.count, 0) FROM ledger_balance b LEFT JOIN (
             SELECT account, COUNT(*) AS count FROM ledger_mark GROUP BY account
         ) AS m ON m.account = b.account
         WHERE b.postings / 64 <> COALESCE(m.count, 0) ORDER BY b.account LIMIT ?1",
    ),
    (
        "transfer {} moves between accounts {} and {}, which keep different currencies",
        "SELECT t.id, t.debit, t.credit FROM ledger_transfer t
         JOIN ledger_balance d ON d.account = t.debit JOIN ledger_balance c ON c.account = t.credit
         WHERE d.currency <> c.currency OR d.scale <> c.scale ORDER BY t.id LIMIT ?1",
    ),
    (
        "journal entry {} names transfers {} and {} as its first and last, and they are not",
        "SELECT e.id, e.first_transfer, e.last_transfer FROM ledger_entry e LEFT JOIN (
             SELECT entry, MIN(id) AS first, MAX(id) AS last FROM ledger_transfer GROUP BY entry
         ) AS t ON t.entry = e.id
         WHERE t.entry IS NULL OR t.first <> e.first_transfer OR t.last <> e.last_transfer ORDER BY e.id LIMIT ?1",
    ),
];

/// Recomputes everything on one snapshot. Reads every transfer: seconds for each few millions.
///
/// # Errors
/// The store's. What is wrong with the books is no error but the verdict.
pub fn verify(tx: &mut ReadTx<'_>) -> Result<VerifyReport, Error> {
    let LedgerSums { entries, transfers, totals } = sums(tx)?;
    let unbalanced = totals.iter().filter(|totals| totals.sum != 0);
    let mut problems: Vec<String> = unbalanced
        .map(|totals| format!("{} does not balance: debits less credits are {}", totals.currency, totals.sum))
        .collect();
    for (sentence, sql) in CHECKS {
        problems.extend(tx.query(sql, &params![PROBLEM_LIMIT], |row| {
            let figures: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
            Ok(filled(sentence, figures))
        })?);
    }
    Ok(VerifyReport { totals, entries, transfers, problems })
}

/// What the books come to, on one snapshot. Reads every balance, and counts the rest.
///
/// # Errors
/// The store's.
pub fn sums(tx: &mut ReadTx<'_>) -> Result<LedgerSums, Error> {
    let totals = tx.query(
        "SELECT currency, scale, COUNT(*), CAST(SUM(balance * side) AS BIGINT), CAST(SUM(held) AS BIGINT)
         FROM ledger_balance GROUP BY currency, scale ORDER BY currency, scale",
        &[],
        |row| {
            let scale = u8::try_from(row.get::<u32>(1)?).unwrap_or(u8::MAX);
            Ok(CurrencyTotals {
                currency: row.get(0)?,
                scale,
                accounts: row.get(2)?,
                sum: row.get(3)?,
                held: row.get(4)?,
            })
        },
    )?;
    let entries = tx.query_one("SELECT COUNT(*) FROM ledger_entry", &[], |row| row.get(0))?;
    let transfers = tx.query_one("SELECT COUNT(*) FROM ledger_transfer", &[], |row| row.get(0))?;
    Ok(LedgerSums { entries, transfers, totals })
}

/// The sentence with each `{}` replaced, in order.
fn filled(sentence: &str, figures: [i64; 3]) -> String {
    figures.iter().fold(sentence.to_owned(), |text, figure| text.replacen("{}", &figure.to_string(), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_figures() {
        assert_eq!(filled("account {} has {}, not {}", [1, 2, 3]), "account 1 has 2, not 3");
    }
}
