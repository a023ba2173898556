//! The app's own equations.

use purser_ledger::{AccountPath, Error, account_by_path};
use purser_money::Money;
use purser_store::ReadTx;

use crate::domain::coins;
use crate::status::WithdrawalStatus;
use crate::store::{transaction, withdrawal};

/// What is wrong with the app's own books, a sentence each.
///
/// # Errors
/// The store's and the ledger's.
pub fn problems(tx: &mut ReadTx<'_>) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    let misstated = transaction::misstated(tx)?;
    if misstated > 0 {
        problems.push(format!("coins: the transactions of {misstated} users do not add up to what they have"));
    }
    let standings = withdrawal::totals_by_status(tx, None, None)?;
    let sum = |wanted: &[WithdrawalStatus]| {
        let counted = standings.iter().filter(|totals| wanted.contains(&totals.status));
        counted.map(|totals| totals.coins.minor()).sum::<i64>()
    };
    for (path, wanted) in [
        ("coins:withdrawals:pending", [WithdrawalStatus::Pending, WithdrawalStatus::Processing].as_slice()),
        ("coins:withdrawals:paid", [WithdrawalStatus::Completed].as_slice()),
    ] {
        let account = account_by_path(tx, &AccountPath::new(path)?)?;
        let (holds, asked): (Money, Money) = (account.map_or(coins(0), |account| account.balance), coins(sum(wanted)));
        if holds != asked {
            let (holds, asked) = (holds.minor(), asked.minor());
            problems.push(format!("coins: {path} holds {holds} coins, and the withdrawals come to {asked}"));
        }
    }
    Ok(problems)
}
