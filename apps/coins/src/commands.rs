//! What may be done, each once: the doors of the app name these, and none of them says otherwise.

use purser_kit::CommandSpec;

/// Gives a user coins.
pub(crate) static COINS_AWARD: CommandSpec = CommandSpec::money("coins.coins.award", "coins.award");

/// Takes the coins that a user spends.
pub(crate) static COINS_SPEND: CommandSpec = CommandSpec::money("coins.coins.spend", "coins.award");

/// Corrects a user's coins.
pub(crate) static COINS_ADJUST: CommandSpec = CommandSpec::money("coins.coins.adjust", "coins.pay");

/// Changes where a user is written to.
pub(crate) static USER_CONTACT: CommandSpec = CommandSpec::records("coins.user.contact", "coins.award");

/// Lets a person see and withdraw a user's coins.
pub(crate) static USER_LINK: CommandSpec = CommandSpec::power("coins.user.link", "coins.pay");

/// Lets a person see and withdraw a user's coins no more.
pub(crate) static USER_UNLINK: CommandSpec = CommandSpec::power("coins.user.unlink", "coins.pay");

/// Stops a user: nothing is awarded, spent or paid until they are let go on.
pub(crate) static USER_FREEZE: CommandSpec = CommandSpec::money("coins.user.freeze", "coins.pay");

/// Lets a user go on.
pub(crate) static USER_UNFREEZE: CommandSpec = CommandSpec::money("coins.user.unfreeze", "coins.pay");

/// Asks for coins to be paid: they leave the balance.
pub(crate) static WITHDRAWAL_CREATE: CommandSpec = CommandSpec::money("coins.withdrawal.create", "coins.withdraw");

/// Calls a withdrawal off: the coins are back.
pub(crate) static WITHDRAWAL_CANCEL: CommandSpec = CommandSpec::money("coins.withdrawal.cancel", "coins.withdraw");

/// Begins to pay withdrawals.
pub(crate) static WITHDRAWAL_BEGIN: CommandSpec = CommandSpec::money("coins.withdrawal.begin", "coins.pay");

/// Says that a withdrawal is paid.
pub(crate) static WITHDRAWAL_COMPLETE: CommandSpec = CommandSpec::money("coins.withdrawal.complete", "coins.pay");

/// Says that a payment failed: the coins are back.
pub(crate) static WITHDRAWAL_FAIL: CommandSpec = CommandSpec::money("coins.withdrawal.fail", "coins.pay");

/// Refuses a withdrawal: the coins are back.
pub(crate) static WITHDRAWAL_REJECT: CommandSpec = CommandSpec::money("coins.withdrawal.reject", "coins.pay");

/// Says that a payment came back: so do the coins.
pub(crate) static WITHDRAWAL_REVERSE: CommandSpec = CommandSpec::money("coins.withdrawal.reverse", "coins.pay");

/// Corrects the bank's name for a payment; both stay on record.
pub(crate) static UTR_CORRECT: CommandSpec = CommandSpec::money("coins.withdrawal.correct-utr", "coins.pay");

/// Puts right, by a posting, what the bank says against a withdrawal.
pub(crate) static CONTRADICTION_SETTLE: CommandSpec = CommandSpec::money("coins.contradiction.settle", "coins.pay");

/// Says that a contradiction comes to nothing.
pub(crate) static CONTRADICTION_DISMISS: CommandSpec = CommandSpec::money("coins.contradiction.dismiss", "coins.pay");

/// Says that a payment of no withdrawal comes to nothing.
pub(crate) static UNMATCHED_DISMISS: CommandSpec = CommandSpec::money("coins.unmatched.dismiss", "coins.pay");

/// Writes what a user and staff read of a withdrawal.
pub(crate) static WITHDRAWAL_NOTES: CommandSpec = CommandSpec::records("coins.withdrawal.notes", "coins.withdraw");

/// Takes over what a bank's file says of payments.
pub(crate) static RESULTS_IMPORT: CommandSpec = CommandSpec::money("coins.withdrawal.results", "coins.pay");

/// Allows a UPI handle.
pub(crate) static HANDLE_ADD: CommandSpec = CommandSpec::money("coins.handle.add", "coins.pay");

/// Changes a UPI handle.
pub(crate) static HANDLE_CHANGE: CommandSpec = CommandSpec::money("coins.handle.change", "coins.pay");

/// Allows a UPI handle no more.
pub(crate) static HANDLE_REMOVE: CommandSpec = CommandSpec::money("coins.handle.remove", "coins.pay");
