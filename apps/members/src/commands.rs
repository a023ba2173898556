//! What may be done, each once: the doors of the app name these, and none of them says otherwise.

use purser_kit::CommandSpec;

/// Registers a member with an opening balance.
pub(crate) static MEMBER_CREATE: CommandSpec = CommandSpec::money("members.member.create", "members.operate");

/// Changes what a member is called and where they are written to.
pub(crate) static MEMBER_EDIT: CommandSpec = CommandSpec::records("members.member.edit", "members.operate");

/// Expires members: the others pay the levy.
pub(crate) static MEMBER_EXPIRE: CommandSpec = CommandSpec::money("members.member.expire", "members.operate");

/// Takes an expiry back.
pub(crate) static MEMBER_REVERT: CommandSpec = CommandSpec::money("members.member.revert", "members.operate");

/// Tops a wallet up.
pub(crate) static WALLET_TOP_UP: CommandSpec = CommandSpec::money("members.wallet.top-up", "members.operate");

/// Pays out of a wallet.
pub(crate) static WALLET_WITHDRAW: CommandSpec = CommandSpec::money("members.wallet.withdraw", "members.operate");

/// Corrects a wallet.
pub(crate) static WALLET_CORRECT: CommandSpec = CommandSpec::money("members.wallet.correct", "members.correct");

/// Registers a file of members with their opening balances.
pub(crate) static MEMBERS_IMPORT: CommandSpec = CommandSpec::money("members.member.import", "members.operate");
