//! What may be done, each once: the doors of the app name these, and none of them says otherwise.

use purser_kit::CommandSpec;

/// Gives a user coins.
pub(crate) static COINS_AWARD: CommandSpec = CommandSpec::money("coins.coins.award", "coins.award");

/// Takes the coins that a user spends.
pub(crate) static COINS_SPEND: CommandSpec = CommandSpec::money("coins.coins.spend", "coins.award");

/// Changes where a user is written to.
pub(crate) static USER_CONTACT: CommandSpec = CommandSpec::records("coins.users.contact", "coins.award");

/// Asks for coins to be paid: they leave the balance.
pub(crate) static WITHDRAWAL_CREATE: CommandSpec = CommandSpec::money("coins.withdrawal.create", "coins.withdraw");

/// Calls a withdrawal off: the coins are back.
pub(crate) static WITHDRAWAL_CANCEL: CommandSpec = CommandSpec::money("coins.withdrawal.cancel", "coins.withdraw");

/// Takes over what a bank's file says of payments.
pub(crate) static RESULTS_IMPORT: CommandSpec = CommandSpec::money("coins.withdrawal.results", "coins.pay");
