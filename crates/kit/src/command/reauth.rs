//! What a session lacks before it may run a command: decided here for the console, the portal and the API.

use jiff::{SignedDuration, Timestamp};
use purser_identity::{second_factor_is_on, session_decided};

use super::spec::CommandSpec;
use crate::code;
use crate::context::AppContext;
use crate::principal::Principal;
use crate::problem::Problem;

/// How long a reauthentication lasts, counted from the last decision that it allowed.
pub const REAUTH_LASTS: SignedDuration = SignedDuration::from_mins(15);

/// How long it lasts at most, however much is decided.
pub const REAUTH_AT_MOST: SignedDuration = SignedDuration::from_hours(8);

/// How exactly the last decision of a session is kept.
const DECISION_GRAIN: SignedDuration = SignedDuration::from_secs(60);

/// What a session lacks before it may run a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingAuth {
    /// A second factor, which staff must set up first.
    SecondFactor,
    /// A recent reauthentication: the password, and with `code` the second factor's code.
    Reauth {
        /// Whether a code is asked for too.
        code: bool,
    },
}

impl MissingAuth {
    /// The refusal of the API.
    #[must_use]
    pub fn problem(self) -> Problem {
        match self {
            MissingAuth::SecondFactor => Problem::new(
                &code::SECOND_FACTOR_NEEDED,
                "This moves money or hands on power. Staff need a second factor for it: set one up under /accounts/.",
            ),
            MissingAuth::Reauth { .. } => Problem::new(
                &code::PROOF_NEEDED,
                "This moves money or hands on power, and your last reauthentication is too old. Sign in again, or send \
                 a key.",
            ),
        }
    }
}

/// What this caller lacks for a command now. A key lacks nothing: its scopes were given to it by somebody who had them.
///
/// # Errors
/// The store's.
pub async fn missing_auth(
    context: &AppContext,
    principal: &Principal,
    command: &CommandSpec,
    now: Timestamp,
) -> Result<Option<MissingAuth>, Problem> {
    if !command.requires_reauth() {
        return Ok(None);
    }
    missing_reauth(context, principal, now).await
}

/// The same of something that always requires a reauthentication.
///
/// # Errors
/// The store's.
pub async fn missing_reauth(
    context: &AppContext,
    principal: &Principal,
    now: Timestamp,
) -> Result<Option<MissingAuth>, Problem> {
    let Some(person) = principal.person_id() else { return Ok(None) };
    let must_have = context.second_factor && principal.is_staff();
    if !must_have && principal.is_reauthenticated(now) {
        return Ok(None);
    }
    let has = context.store.read(move |tx| second_factor_is_on(tx, person)).await?;
    Ok(match (must_have && !has, principal.is_reauthenticated(now)) {
        (true, _) => Some(MissingAuth::SecondFactor),
        (false, true) => None,
        (false, false) => Some(MissingAuth::Reauth { code: has }),
    })
}

/// Notes that a session has decided something, which puts off the end of its reauthentication.
///
/// # Errors
/// The store's.
pub async fn reauth_extend(context: &AppContext, principal: &Principal, now: Timestamp) -> Result<(), Problem> {
    let Some((hash, last)) = principal.last_decision() else { return Ok(()) };
    if last.saturating_add(DECISION_GRAIN).is_ok_and(|due| now < due) {
        return Ok(());
    }
    context.store.write(move |tx| session_decided(tx, now, hash)).await.map_err(Problem::from)
}
