//! What may be done, each once: the doors of the app name these, and none of them says otherwise.

use purser_kit::CommandSpec;

/// Removes a seller, or ends it.
pub(crate) static SELLER_REMOVE: CommandSpec = CommandSpec::records("charge.seller.remove", "charge.manage");

/// Takes one increase back.
pub(crate) static CREDIT_REVERSE: CommandSpec = CommandSpec::money("charge.credit.reverse", "charge.credit");

/// Sells a charge.
pub(crate) static SALE_CREATE: CommandSpec = CommandSpec::money("charge.sale.create", "charge.sell");

/// Sells a file of charges.
pub(crate) static SALES_IMPORT: CommandSpec = CommandSpec::money("charge.sale.import", "charge.sell");

/// Gives a sale's credit back.
pub(crate) static SALE_REVERSE: CommandSpec = CommandSpec::money("charge.sale.reverse", "charge.settle");

/// Says how a sale turned out.
pub(crate) static SALE_RESOLVE: CommandSpec = CommandSpec::money("charge.sale.resolve", "charge.settle");

/// Decides what an operator's word that contradicts a sale comes to.
pub(crate) static CONTRADICTION_SETTLE: CommandSpec = CommandSpec::money("charge.contradiction.settle", "charge.settle");

/// Registers a phone number.
pub(crate) static PHONE_CREATE: CommandSpec = CommandSpec::records("charge.phone.create", "charge.manage");

/// Changes a phone number's label, and whether it may be charged.
pub(crate) static PHONE_EDIT: CommandSpec = CommandSpec::money("charge.phone.edit", "charge.manage");

/// Removes a phone number, or ends it.
pub(crate) static PHONE_REMOVE: CommandSpec = CommandSpec::records("charge.phone.remove", "charge.manage");

/// Registers an operator: it decides where money for its numbers goes.
pub(crate) static OPERATOR_CREATE: CommandSpec = CommandSpec::money("charge.operator.create", "charge.manage");

/// Changes an operator, or whether its numbers are sold to.
pub(crate) static OPERATOR_EDIT: CommandSpec = CommandSpec::money("charge.operator.edit", "charge.manage");

/// Registers a product with its cost.
pub(crate) static PRODUCT_CREATE: CommandSpec = CommandSpec::money("charge.product.create", "charge.manage");

/// Changes a product's amounts and cost, or whether it is sold.
pub(crate) static PRODUCT_EDIT: CommandSpec = CommandSpec::money("charge.product.edit", "charge.manage");

/// Sets what a seller pays for a product.
pub(crate) static PRICE_SET: CommandSpec = CommandSpec::money("charge.price.set", "charge.manage");

/// Asks for credit. Nothing is promised by it.
pub(crate) static REQUEST_CREATE: CommandSpec = CommandSpec::records("charge.request.create", "charge.sell");

/// Gives what was asked for.
pub(crate) static REQUEST_APPROVE: CommandSpec = CommandSpec::money("charge.request.approve", "charge.credit");

/// Turns a request down.
pub(crate) static REQUEST_REJECT: CommandSpec = CommandSpec::money("charge.request.reject", "charge.credit");

/// Takes a request back.
pub(crate) static REQUEST_WITHDRAW: CommandSpec = CommandSpec::records("charge.request.withdraw", "charge.sell");

/// Lets a person act for a seller.
pub(crate) static PERSON_ADD: CommandSpec = CommandSpec::power("charge.seller.person-add", "charge.manage");

/// Lets a person act for a seller no more.
pub(crate) static PERSON_REMOVE: CommandSpec = CommandSpec::power("charge.seller.person-remove", "charge.manage");

/// Makes an API key for a seller.
pub(crate) static KEY_CREATE: CommandSpec = CommandSpec::power("charge.key.create", "charge.sell");

/// Revokes an API key of a seller.
pub(crate) static KEY_REVOKE: CommandSpec = CommandSpec::power("charge.key.revoke", "charge.sell");
