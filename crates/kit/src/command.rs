//! What may be done: declared once, so that no door asks for less than another.
//!
//! An action of the console, a deed of the portal, an upload and a route of the API each name the [`Command`] that they
//! carry out. The command says which scope it takes, and whether a session must have reauthenticated lately. [`lacking`]
//! decides for all of them what is missing.

use jiff::{SignedDuration, Timestamp};
use purser_identity::{second_factor_is_on, session_decided};

use crate::caller::Caller;
use crate::code;
use crate::context::AppContext;
use crate::problem::Problem;

/// How long a reauthentication lasts, counted from the last decision that it allowed.
pub const REAUTH_LASTS: SignedDuration = SignedDuration::from_mins(15);

/// How long it lasts at most, however much is decided.
pub const REAUTH_AT_MOST: SignedDuration = SignedDuration::from_hours(8);

/// How exactly the last decision of a session is kept.
const DECISION_GRAIN: SignedDuration = SignedDuration::from_secs(60);

/// What a command touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Records that no money depends on.
    Records,
    /// Money: it moves, is promised or given back, or a setting changes that decides on it.
    Money,
    /// Power: who may sign in, act for whom, or do what.
    Power,
}

/// Something that may be done.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// Names it for good: `charge.sale.reverse`.
    pub name: &'static str,
    /// The scope that it takes. A person who acts for an object needs none for what is the object's own.
    pub scope: &'static str,
    /// What it touches.
    pub effect: Effect,
}

impl Command {
    /// One that changes records.
    #[must_use]
    pub const fn records(name: &'static str, scope: &'static str) -> Self {
        Command { name, scope, effect: Effect::Records }
    }

    /// One that touches money.
    #[must_use]
    pub const fn money(name: &'static str, scope: &'static str) -> Self {
        Command { name, scope, effect: Effect::Money }
    }

    /// One that hands on power, or takes it.
    #[must_use]
    pub const fn power(name: &'static str, scope: &'static str) -> Self {
        Command { name, scope, effect: Effect::Power }
    }

    /// Whether a session must have reauthenticated lately, and have a second factor where one is required.
    #[must_use]
    pub fn requires_reauth(&self) -> bool {
        self.effect != Effect::Records
    }
}

/// What a session lacks before it may run a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// A second factor, which staff must set up first.
    SecondFactor,
    /// A recent reauthentication: the password, and with `code` the second factor's code.
    Reauth {
        /// Whether a code is asked for too.
        code: bool,
    },
}

impl Lacking {
    /// The refusal of the API.
    #[must_use]
    pub fn problem(self) -> Problem {
        match self {
            Lacking::SecondFactor => Problem::new(
                &code::SECOND_FACTOR_NEEDED,
                "This moves money or hands on power. Staff need a second factor for it: set one up under /accounts/.",
            ),
            Lacking::Reauth { .. } => Problem::new(
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
pub async fn lacking(
    context: &AppContext,
    caller: &Caller,
    command: &Command,
    now: Timestamp,
) -> Result<Option<Lacking>, Problem> {
    if !command.requires_reauth() {
        return Ok(None);
    }
    lacking_reauth(context, caller, now).await
}

/// The same of something that always requires a reauthentication.
///
/// # Errors
/// The store's.
pub async fn lacking_reauth(context: &AppContext, caller: &Caller, now: Timestamp) -> Result<Option<Lacking>, Problem> {
    let Some(person) = caller.person_id() else { return Ok(None) };
    let must_have = context.second_factor && caller.is_staff();
    if !must_have && caller.is_reauthenticated(now) {
        return Ok(None);
    }
    let has = context.store.read(move |tx| second_factor_is_on(tx, person)).await?;
    Ok(match (must_have && !has, caller.is_reauthenticated(now)) {
        (true, _) => Some(Lacking::SecondFactor),
        (false, true) => None,
        (false, false) => Some(Lacking::Reauth { code: has }),
    })
}

/// Notes that a session has decided something, which puts off the end of its reauthentication.
///
/// # Errors
/// The store's.
pub async fn decided(context: &AppContext, caller: &Caller, now: Timestamp) -> Result<(), Problem> {
    let Some((hash, last)) = caller.last_decision() else { return Ok(()) };
    if last.saturating_add(DECISION_GRAIN).is_ok_and(|due| now < due) {
        return Ok(());
    }
    context.store.write(move |tx| session_decided(tx, now, hash)).await.map_err(Problem::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_touches_money_or_power_requires_a_reauthentication() {
        assert!(Command::money("a.b.c", "a.b").requires_reauth() && Command::power("a.b.c", "a.b").requires_reauth());
        assert!(!Command::records("a.b.c", "a.b").requires_reauth());
    }
}
