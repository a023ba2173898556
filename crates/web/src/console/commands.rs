//! What may be done, each once: the pages of the console name these, and none of them says otherwise.

use purser_kit::CommandSpec;

/// Lets somebody in.
pub(crate) static PERSON_INVITE: CommandSpec = CommandSpec::power("house.person.invite", "house.people");

/// Changes what somebody may do.
pub(crate) static PERSON_ACCESS: CommandSpec = CommandSpec::power("house.person.access", "house.people");

/// Stops somebody signing in.
pub(crate) static PERSON_STOP: CommandSpec = CommandSpec::power("house.person.stop", "house.people");

/// Lets somebody sign in again.
pub(crate) static PERSON_LET_IN: CommandSpec = CommandSpec::power("house.person.let-in", "house.people");

/// Ends somebody's sessions.
pub(crate) static PERSON_SIGN_OUT: CommandSpec = CommandSpec::power("house.person.sign-out", "house.people");

/// Mails somebody a link to set a password.
pub(crate) static PERSON_PASSWORD_LINK: CommandSpec = CommandSpec::power("house.person.password-link", "house.people");

/// Turns somebody's second factor off.
pub(crate) static PERSON_SECOND_FACTOR_OFF: CommandSpec =
    CommandSpec::power("house.person.second-factor-off", "house.people");

/// Makes an API key.
pub(crate) static KEY_CREATE: CommandSpec = CommandSpec::power("house.key.create", "house.keys");

/// Revokes API keys.
pub(crate) static KEY_REVOKE: CommandSpec = CommandSpec::power("house.key.revoke", "house.keys");

/// Sends notices again.
pub(crate) static NOTICE_AGAIN: CommandSpec = CommandSpec::records("house.notice.again", "house.send");

/// Sends the notices that were kept.
pub(crate) static NOTICES_SEND_KEPT: CommandSpec = CommandSpec::records("house.notice.send-kept", "house.send");

/// Sends a test: a mail in the name of the instance, to any address.
pub(crate) static NOTICE_TEST: CommandSpec = CommandSpec::records("house.notice.test", "house.send");

/// Tries jobs again that were given up.
pub(crate) static LETTER_REQUEUE: CommandSpec = CommandSpec::records("house.job.requeue", "house.jobs");

/// Removes jobs that were given up.
pub(crate) static LETTER_DISCARD: CommandSpec = CommandSpec::records("house.job.discard", "house.jobs");

/// Runs a schedule now, or takes a backup.
pub(crate) static SCHEDULE_RUN: CommandSpec = CommandSpec::records("house.schedule.run", "house.jobs");

/// Changes what a notice says.
pub(crate) static TEXT_CHANGE: CommandSpec = CommandSpec::records("house.text.change", "house.texts");

/// Changes what a notice says that carries a secret: a link that opens an account.
pub(crate) static SECRET_TEXT_CHANGE: CommandSpec =
    CommandSpec::power("house.text.change-secret", "house.secret_texts");
