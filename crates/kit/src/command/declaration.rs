//! The declaration of a command: a plain table of functions.

use purser_ledger::Error as LedgerError;
use purser_store::{Error as StoreError, ReadTx, WriteTx};
use uuid::Uuid;

use super::RequestContext;
use super::audit::AuditSnapshot;
use super::form::Form;
use super::spec::CommandSpec;
use crate::console::{Outcome, Preview};
use crate::context::AppContext;
use crate::problem::Problem;

/// What the functions of an app's commands are given: its settings and its surroundings.
pub trait AppState: Send + Sync + 'static {
    /// Why the app refuses something.
    type Error: Into<Problem> + From<StoreError> + From<LedgerError> + Send + 'static;

    /// Where the app lives.
    fn context(&self) -> &AppContext;

    /// A refusal as this caller reads it.
    fn refusal(error: Self::Error, _: &RequestContext) -> Problem {
        error.into()
    }
}

/// A kind of object that commands act on.
pub struct Noun<S: AppState> {
    /// Its app, `charge`.
    pub app: &'static str,
    /// Its name in addresses and in the audit log, `sellers`.
    pub name: &'static str,
    /// One of them, in words: "seller".
    pub one: &'static str,
    /// What a key is bound to that acts for one of them, where that is possible: `charge:seller`.
    pub binding: Option<&'static str>,
    /// The objects of these ids as the audit log compares them; of those that are gone, nothing.
    pub records: RecordsFn<S>,
}

/// Objects as the audit log compares them.
pub type RecordsFn<S> = fn(&S, &mut ReadTx<'_>, &[Uuid]) -> Result<Vec<(Uuid, AuditSnapshot)>, <S as AppState>::Error>;

/// Something that may be done, declared once. `I` is what is entered, `P` what was decided on one object, `A` what was
/// done to it.
///
/// Its functions are run inside one transaction and may run more than once: time and ids come from the
/// [`RequestContext`].
pub struct Command<S: AppState, I, P, A> {
    /// Its name, who may run it, and what it asks of a session.
    pub spec: CommandSpec,
    /// What it acts on.
    pub noun: &'static Noun<S>,
    /// What is entered.
    pub form: fn(&S) -> Form<I>,
    /// Decides on one object: every rule, and no write. Of a command that makes an object, the id is the one that it
    /// will have.
    pub plan: PlanFn<S, I, P>,
    /// Does what was decided. What it refuses undoes the whole command, so it refuses only what no plan can know.
    pub apply: ApplyFn<S, P, A>,
    /// What will happen, in words.
    pub will: fn(&[P]) -> Preview,
    /// What has happened, in words.
    pub outcome: fn(&[A]) -> Outcome,
    /// What few commands need.
    pub hooks: Hooks<S>,
}

/// A command that decides on all its objects together, and does all of it or nothing: where one object's plan rests on
/// the others. The rest is as in [`Command`].
pub struct BatchCommand<S: AppState, I, P, A> {
    /// Its name, who may run it, and what it asks of a session.
    pub spec: CommandSpec,
    /// What it acts on.
    pub noun: &'static Noun<S>,
    /// What is entered.
    pub form: fn(&S) -> Form<I>,
    /// Takes hold of what the plan rests on, before it is read: from then on nobody else changes it.
    pub lock: LockFn<S>,
    /// Decides on all objects: every rule, and no write.
    pub plan: BatchPlanFn<S, I, P>,
    /// Why nothing of a plan is done, where nothing is.
    pub refusal: fn(&P) -> Option<S::Error>,
    /// Does what was decided; what was done to each object.
    pub apply: BatchApplyFn<S, P, A>,
    /// What will happen, in words.
    pub will: fn(&P) -> Preview,
    /// What has happened, in words.
    pub outcome: fn(&[A]) -> Outcome,
}

/// Decides on all objects.
pub type BatchPlanFn<S, I, P> =
    fn(&S, &mut ReadTx<'_>, &RequestContext, &[Uuid], &I) -> Result<P, <S as AppState>::Error>;
/// Does what was decided on all objects.
pub type BatchApplyFn<S, P, A> =
    fn(&S, &mut WriteTx<'_>, &mut RequestContext, P) -> Result<Vec<(Uuid, A)>, <S as AppState>::Error>;
/// Decides on one object.
pub type PlanFn<S, I, P> = fn(&S, &mut ReadTx<'_>, &RequestContext, Uuid, &I) -> Result<P, <S as AppState>::Error>;
/// Does what was decided on one object.
pub type ApplyFn<S, P, A> = fn(&S, &mut WriteTx<'_>, &mut RequestContext, P) -> Result<A, <S as AppState>::Error>;
/// The rules that rest on the object alone, and on nothing that is entered.
pub type CheckFn<S> = fn(&S, &mut ReadTx<'_>, &RequestContext, Uuid) -> Result<(), <S as AppState>::Error>;
/// What it comes to for one object, in a sentence, before anything is entered.
pub type DescribeFn<S> = fn(&S, &mut ReadTx<'_>, Uuid) -> Result<String, <S as AppState>::Error>;
/// What stands in the form's fields before anything is entered, by their names.
pub type DefaultsFn<S> =
    fn(&S, &mut ReadTx<'_>, &[Uuid]) -> Result<Vec<(&'static str, String)>, <S as AppState>::Error>;
/// What can be chosen in the form's fields, by their names: value and label.
pub type ChoicesFn<S> =
    fn(&S, &mut ReadTx<'_>, &[Uuid]) -> Result<Vec<(&'static str, Vec<(String, String)>)>, <S as AppState>::Error>;
/// Takes hold of what many decisions change, before the first of them.
pub type LockFn<S> = fn(&S, &mut WriteTx<'_>, &RequestContext, &[Uuid]) -> Result<(), <S as AppState>::Error>;

/// What few commands need.
pub struct Hooks<S: AppState> {
    pub(super) check: Option<CheckFn<S>>,
    pub(super) about: Option<DescribeFn<S>>,
    pub(super) fill: Option<DefaultsFn<S>>,
    pub(super) choices: Option<ChoicesFn<S>>,
    pub(super) lock: Option<LockFn<S>>,
}

impl<S: AppState> Hooks<S> {
    /// None of it.
    pub const NONE: Self = Hooks { check: None, about: None, fill: None, choices: None, lock: None };

    /// Decides by the object alone, before there is any input: what it refuses is said beside the empty form. It runs
    /// before every plan too.
    #[must_use]
    pub const fn check(self, check: CheckFn<S>) -> Self {
        Hooks { check: Some(check), ..self }
    }

    /// Says above the empty form what it comes to for this object; it stands in the place of the spec's own words.
    #[must_use]
    pub const fn about(self, about: DescribeFn<S>) -> Self {
        Hooks { about: Some(about), ..self }
    }

    /// Fills the form in with the object as it is.
    #[must_use]
    pub const fn fill(self, fill: DefaultsFn<S>) -> Self {
        Hooks { fill: Some(fill), ..self }
    }

    /// Lists what a page offers to choose.
    #[must_use]
    pub const fn choices(self, choices: ChoicesFn<S>) -> Self {
        Hooks { choices: Some(choices), ..self }
    }

    /// Runs before a command on more than a few objects, which works on a snapshot.
    #[must_use]
    pub const fn lock(self, lock: LockFn<S>) -> Self {
        Hooks { lock: Some(lock), ..self }
    }
}
