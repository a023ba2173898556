//! What may be done, each once: the doors of the app name these, and none of them says otherwise.

use purser_kit::CommandSpec;

/// Sells a charge.
pub(crate) static SALE_CREATE: CommandSpec = CommandSpec::money("charge.sale.create", "charge.sell");

/// Sells a file of charges.
pub(crate) static SALES_IMPORT: CommandSpec = CommandSpec::money("charge.sale.import", "charge.sell");

/// Makes an API key for a seller.
pub(crate) static KEY_CREATE: CommandSpec = CommandSpec::power("charge.key.create", "charge.sell");

/// Revokes an API key of a seller.
pub(crate) static KEY_REVOKE: CommandSpec = CommandSpec::power("charge.key.revoke", "charge.sell");
