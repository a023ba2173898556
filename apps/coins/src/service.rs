//! What the app does: one function a command, all inside the caller's transaction.
//!
//! Each looks at everything that could speak against it before it writes anything, so one that is refused among many
//! leaves no trace, and the others go on.

mod check;
mod decide;
mod handle;
mod movement;
mod record;
mod result;
mod tell;
mod user;
mod withdrawal;

pub use check::problems;
pub use decide::{
    Closing, Outcomes, accounts_lock, is_own, note_set, payouts_begin, withdrawal_cancel, withdrawal_close,
    withdrawal_complete,
};
pub use handle::{handle_add, handle_change, handle_remove};
pub use movement::{Moved, NewMovement, coins_adjust, coins_move};
pub use record::{change_record, contact_record};
pub use result::{Judged, RowOutcome, Verdict, result_check, result_commit, result_show};
pub use user::{UserChange, user_change, user_get, user_known, user_link, user_of_person};
pub use withdrawal::{
    Checks, NewWithdrawal, Period, withdrawal_checks, withdrawal_create, withdrawal_get, withdrawals_list,
    withdrawals_of,
};

use jiff::Timestamp;
use purser_ledger::{AccountId, AccountPath, Kind, NewAccount, account_open};
use purser_money::Currency;
use purser_store::Tx;

use crate::error::Error;

/// The app's own accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum House {
    /// What was awarded: an expense, as each coin is a promise to pay.
    Issued,
    /// What users spent: the promise is kept without paying.
    Spent,
    /// What is asked for and neither paid nor given back.
    Pending,
    /// What was paid.
    Paid,
    /// What staff put right.
    Adjustments,
}

impl House {
    fn open(self, tx: &mut Tx<'_>, now: Timestamp) -> Result<AccountId, Error> {
        let (path, kind, floor) = match self {
            House::Issued => ("coins:issued", Kind::Expense, None),
            House::Spent => ("coins:spent", Kind::Income, None),
            House::Pending => ("coins:withdrawals:pending", Kind::Liability, Some(0)),
            House::Paid => ("coins:withdrawals:paid", Kind::Equity, Some(0)),
            House::Adjustments => ("coins:adjustments", Kind::Equity, None),
        };
        let path = AccountPath::new(path)?;
        Ok(account_open(tx, now, &NewAccount { path, kind, currency: Currency::COIN, floor })?)
    }
}
