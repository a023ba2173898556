//! What may be done, each once: the doors of the app name these, and none of them says otherwise.

use purser_kit::Command;

/// Registers a seller.
pub(crate) static SELLER_CREATE: Command = Command::records("charge.seller.create", "charge.manage");

/// Changes what a seller is called, where it is written to, and whether it may sell: it lifts a freeze.
pub(crate) static SELLER_EDIT: Command = Command::money("charge.seller.edit", "charge.manage");

/// Removes a seller, or ends it.
pub(crate) static SELLER_REMOVE: Command = Command::records("charge.seller.remove", "charge.manage");

/// Gives a seller credit.
pub(crate) static CREDIT_INCREASE: Command = Command::money("charge.seller.increase-credit", "charge.credit");

/// Takes credit away again, as a correction.
pub(crate) static CREDIT_DECREASE: Command = Command::money("charge.seller.decrease-credit", "charge.credit");

/// Takes one increase back.
pub(crate) static CREDIT_REVERSE: Command = Command::money("charge.credit.reverse", "charge.credit");

/// Sells a charge.
pub(crate) static SALE_CREATE: Command = Command::money("charge.sale.create", "charge.sell");

/// Sells a file of charges.
pub(crate) static SALES_IMPORT: Command = Command::money("charge.sale.import", "charge.sell");

/// Gives a sale's credit back.
pub(crate) static SALE_REVERSE: Command = Command::money("charge.sale.reverse", "charge.settle");

/// Says how a sale turned out.
pub(crate) static SALE_RESOLVE: Command = Command::money("charge.sale.resolve", "charge.settle");

/// Decides what an operator's word that contradicts a sale comes to.
pub(crate) static CONTRADICTION_SETTLE: Command = Command::money("charge.contradiction.settle", "charge.settle");

/// Registers a phone number.
pub(crate) static PHONE_CREATE: Command = Command::records("charge.phone.create", "charge.manage");

/// Changes a phone number's label, and whether it may be charged.
pub(crate) static PHONE_EDIT: Command = Command::money("charge.phone.edit", "charge.manage");

/// Removes a phone number, or ends it.
pub(crate) static PHONE_REMOVE: Command = Command::records("charge.phone.remove", "charge.manage");

/// Registers an operator: it decides where money for its numbers goes.
pub(crate) static OPERATOR_CREATE: Command = Command::money("charge.operator.create", "charge.manage");

/// Changes an operator, or whether its numbers are sold to.
pub(crate) static OPERATOR_EDIT: Command = Command::money("charge.operator.edit", "charge.manage");

/// Registers a product with its cost.
pub(crate) static PRODUCT_CREATE: Command = Command::money("charge.product.create", "charge.manage");

/// Changes a product's amounts and cost, or whether it is sold.
pub(crate) static PRODUCT_EDIT: Command = Command::money("charge.product.edit", "charge.manage");

/// Sets what a seller pays for a product.
pub(crate) static PRICE_SET: Command = Command::money("charge.price.set", "charge.manage");

/// Asks for credit. Nothing is promised by it.
pub(crate) static REQUEST_CREATE: Command = Command::records("charge.request.create", "charge.sell");

/// Asks for a seller's credit, as staff: somebody else approves it.
pub(crate) static CREDIT_REQUEST: Command = Command::money("charge.seller.request-credit", "charge.credit");

/// Gives what was asked for.
pub(crate) static REQUEST_APPROVE: Command = Command::money("charge.request.approve", "charge.credit");

/// Turns a request down.
pub(crate) static REQUEST_REJECT: Command = Command::money("charge.request.reject", "charge.credit");

/// Takes a request back.
pub(crate) static REQUEST_WITHDRAW: Command = Command::records("charge.request.withdraw", "charge.sell");

/// Lets a person act for a seller.
pub(crate) static PERSON_ADD: Command = Command::power("charge.seller.person-add", "charge.manage");

/// Lets a person act for a seller no more.
pub(crate) static PERSON_REMOVE: Command = Command::power("charge.seller.person-remove", "charge.manage");

/// Makes an API key for a seller.
pub(crate) static KEY_CREATE: Command = Command::power("charge.key.create", "charge.sell");

/// Revokes an API key of a seller.
pub(crate) static KEY_REVOKE: Command = Command::power("charge.key.revoke", "charge.sell");
