//! What the app does: one function a command, all inside the caller's transaction.
//!
//! Each looks at everything that could speak against it before it writes anything, so one that is refused among many
//! leaves no trace, and the others go on.

mod check;
mod contradiction;
mod decide;
mod handle;
mod movement;
mod notify;
mod record;
mod result;
mod unmatched;
mod user;
mod utr;
mod withdrawal;

pub use check::problems;
pub use contradiction::{
    ContradictionFinding, contradiction_dismiss, contradiction_get, contradiction_settle, contradiction_store,
    settlement_plan,
};
pub use decide::{
    ClosePlan, CloseReason, CompletionPlan, DecidableWithdrawal, WithdrawalOutcomes, accounts_lock, begin_apply,
    begin_plan, close_apply, close_plan, completable, complete_apply, complete_plan, is_own, note_set, payouts_begin,
    withdrawal_cancel, withdrawal_close, withdrawal_complete,
};
pub use handle::{handle_change, handle_new, handle_remove, handle_write};
pub use movement::{MovementResult, NewMovement, coins_adjust, coins_move};
pub use record::{change_record, contact_record, frozen_record};
pub use result::{ResultReview, RowDecision, RowOutcome, result_check, result_commit, result_show};
pub(crate) use unmatched::{NewUnmatchedPayment, unmatched_store};
pub use unmatched::{unmatched_dismiss, unmatched_open};
pub(crate) use user::others;
pub use user::{
    UserChange, freeze_plan, frozen_apply, is_ones_own, link_apply, link_plan, unfreeze_plan, user_change, user_freeze,
    user_get, user_known, user_link, user_of_person, user_totals, user_unfreeze,
};
pub use utr::{UtrCorrection, utr_apply, utr_correct, utr_correctable, utr_plan};
pub use withdrawal::{
    NewWithdrawal, Period, WithdrawalChecks, withdrawal_checks, withdrawal_create, withdrawal_get, withdrawals_list,
    withdrawals_of,
};

use jiff::Timestamp;
use purser_ledger::{AccountId, AccountKind, AccountPath, NewAccount, account_open};
use purser_money::Currency;
use purser_store::WriteTx;

use crate::error::Error;

/// The app's own accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SystemAccount {
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
    /// Coins that were taken again: they had been given back, and were paid after all.
    Recovered,
    /// What coins were redeemed for, in rupees: an expense.
    Redeemed,
    /// What is owed to users, in rupees, and not paid.
    Payable,
    /// What the bank has paid, in rupees.
    Bank,
    /// What was paid without coins for it, in rupees.
    Losses,
}

impl SystemAccount {
    fn open(self, tx: &mut WriteTx<'_>, now: Timestamp) -> Result<AccountId, Error> {
        let rupees = matches!(
            self,
            SystemAccount::Redeemed | SystemAccount::Payable | SystemAccount::Bank | SystemAccount::Losses
        );
        let currency = if rupees { Currency::INR } else { Currency::COIN };
        let (path, kind, floor) = match self {
            SystemAccount::Issued => ("coins:issued", AccountKind::Expense, None),
            SystemAccount::Spent => ("coins:spent", AccountKind::Income, None),
            SystemAccount::Pending => ("coins:withdrawals:pending", AccountKind::Liability, Some(0)),
            SystemAccount::Paid => ("coins:withdrawals:paid", AccountKind::Equity, Some(0)),
            SystemAccount::Adjustments => ("coins:adjustments", AccountKind::Equity, None),
            SystemAccount::Recovered => ("coins:withdrawals:recovered", AccountKind::Equity, Some(0)),
            SystemAccount::Redeemed => ("coins:redeemed", AccountKind::Expense, None),
            SystemAccount::Payable => ("coins:payable", AccountKind::Liability, None),
            SystemAccount::Bank => ("coins:bank", AccountKind::Asset, None),
            SystemAccount::Losses => ("coins:losses", AccountKind::Expense, None),
        };
        let path = AccountPath::new(path)?;
        Ok(account_open(tx, now, &NewAccount { path, kind, currency, floor })?)
    }
}
