//! What may be done, each once: the doors of the app name these, and none of them says otherwise.

use purser_kit::CommandSpec;

/// Registers a file of members with their opening balances.
pub(crate) static MEMBERS_IMPORT: CommandSpec = CommandSpec::money("members.members.import", "members.operate");
