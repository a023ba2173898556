//! What may be done, each once: the doors of the app name these, and none of them says otherwise.

use purser_kit::Command;

/// Registers a member with an opening balance.
pub(crate) static MEMBER_CREATE: Command = Command::money("members.member.create", "members.operate");

/// Changes what a member is called and where they are written to.
pub(crate) static MEMBER_EDIT: Command = Command::records("members.member.edit", "members.operate");

/// Expires members: the others pay the levy.
pub(crate) static MEMBER_EXPIRE: Command = Command::money("members.member.expire", "members.operate");

/// Takes an expiry back.
pub(crate) static MEMBER_REVERT: Command = Command::money("members.member.revert", "members.operate");

/// Tops a wallet up.
pub(crate) static WALLET_TOP_UP: Command = Command::money("members.wallet.top-up", "members.operate");

/// Pays out of a wallet.
pub(crate) static WALLET_WITHDRAW: Command = Command::money("members.wallet.withdraw", "members.operate");

/// Corrects a wallet.
pub(crate) static WALLET_CORRECT: Command = Command::money("members.wallet.correct", "members.correct");

/// Registers a file of members with their opening balances.
pub(crate) static MEMBERS_IMPORT: Command = Command::money("members.member.import", "members.operate");
