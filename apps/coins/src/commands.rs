//! What may be done, each once: the doors of the app name these, and none of them says otherwise.

use purser_kit::Command;

/// Gives a user coins.
pub(crate) static COINS_AWARD: Command = Command::money("coins.coins.award", "coins.award");

/// Takes the coins that a user spends.
pub(crate) static COINS_SPEND: Command = Command::money("coins.coins.spend", "coins.award");

/// Corrects a user's coins.
pub(crate) static COINS_ADJUST: Command = Command::money("coins.coins.adjust", "coins.pay");

/// Changes where a user is written to.
pub(crate) static USER_CONTACT: Command = Command::records("coins.user.contact", "coins.award");

/// Lets a person see and withdraw a user's coins.
pub(crate) static USER_LINK: Command = Command::power("coins.user.link", "coins.pay");

/// Lets a person see and withdraw a user's coins no more.
pub(crate) static USER_UNLINK: Command = Command::power("coins.user.unlink", "coins.pay");

/// Stops a user: nothing is awarded, spent or paid until they are let go on.
pub(crate) static USER_FREEZE: Command = Command::money("coins.user.freeze", "coins.pay");

/// Lets a user go on.
pub(crate) static USER_UNFREEZE: Command = Command::money("coins.user.unfreeze", "coins.pay");

/// Asks for coins to be paid: they leave the balance.
pub(crate) static WITHDRAWAL_CREATE: Command = Command::money("coins.withdrawal.create", "coins.withdraw");

/// Calls a withdrawal off: the coins are back.
pub(crate) static WITHDRAWAL_CANCEL: Command = Command::money("coins.withdrawal.cancel", "coins.withdraw");

/// Begins to pay withdrawals.
pub(crate) static WITHDRAWAL_BEGIN: Command = Command::money("coins.withdrawal.begin", "coins.pay");

/// Says that a withdrawal is paid.
pub(crate) static WITHDRAWAL_COMPLETE: Command = Command::money("coins.withdrawal.complete", "coins.pay");

/// Says that a payment failed: the coins are back.
pub(crate) static WITHDRAWAL_FAIL: Command = Command::money("coins.withdrawal.fail", "coins.pay");

/// Refuses a withdrawal: the coins are back.
pub(crate) static WITHDRAWAL_REJECT: Command = Command::money("coins.withdrawal.reject", "coins.pay");

/// Says that a payment came back: so do the coins.
pub(crate) static WITHDRAWAL_REVERSE: Command = Command::money("coins.withdrawal.reverse", "coins.pay");

/// Corrects the bank's name for a payment; both stay on record.
pub(crate) static UTR_CORRECT: Command = Command::money("coins.withdrawal.correct-utr", "coins.pay");

/// Puts right, by a posting, what the bank says against a withdrawal.
pub(crate) static CONTRADICTION_SETTLE: Command = Command::money("coins.contradiction.settle", "coins.pay");

/// Says that a contradiction comes to nothing.
pub(crate) static CONTRADICTION_DISMISS: Command = Command::money("coins.contradiction.dismiss", "coins.pay");

/// Says that a payment of no withdrawal comes to nothing.
pub(crate) static UNMATCHED_DISMISS: Command = Command::money("coins.unmatched.dismiss", "coins.pay");

/// Writes what a user and staff read of a withdrawal.
pub(crate) static WITHDRAWAL_NOTES: Command = Command::records("coins.withdrawal.notes", "coins.withdraw");

/// Takes over what a bank's file says of payments.
pub(crate) static RESULTS_IMPORT: Command = Command::money("coins.withdrawal.results", "coins.pay");

/// Allows a UPI handle.
pub(crate) static HANDLE_ADD: Command = Command::money("coins.handle.add", "coins.pay");

/// Changes a UPI handle.
pub(crate) static HANDLE_CHANGE: Command = Command::money("coins.handle.change", "coins.pay");

/// Allows a UPI handle no more.
pub(crate) static HANDLE_REMOVE: Command = Command::money("coins.handle.remove", "coins.pay");
