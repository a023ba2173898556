//! The declaration of a command, and how it runs.

use std::collections::BTreeMap;

use purser_identity::Tie;
use purser_ledger::Error as LedgerError;
use purser_store::{Error as StoreError, ReadTx, WriteTx};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::RequestContext;
use super::audit::{Record, changes};
use super::form::Form;
use super::spec::CommandSpec;
use crate::console::{Done, FEW, Preview};
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
    /// What a key is tied to that acts for one of them, where that is possible: `charge:seller`.
    pub tie: Option<&'static str>,
    /// The objects of these ids as the audit log compares them; of those that are gone, nothing.
    pub records: fn(&S, &mut ReadTx<'_>, &[Uuid]) -> Result<Vec<(Uuid, Record)>, S::Error>,
}

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
    pub did: fn(&[A]) -> Done,
    /// What few commands need.
    pub hooks: Hooks<S>,
}

/// Decides on one object.
pub type PlanFn<S, I, P> = fn(&S, &mut ReadTx<'_>, &RequestContext, Uuid, &I) -> Result<P, <S as AppState>::Error>;
/// Does what was decided on one object.
pub type ApplyFn<S, P, A> = fn(&S, &mut WriteTx<'_>, &mut RequestContext, P) -> Result<A, <S as AppState>::Error>;
/// The rules that rest on the object alone, and on nothing that is entered.
pub type CheckFn<S> = fn(&S, &mut ReadTx<'_>, &RequestContext, Uuid) -> Result<(), <S as AppState>::Error>;
/// What stands in the form's fields before anything is entered, by their names.
pub type FillFn<S> = fn(&S, &mut ReadTx<'_>, &[Uuid]) -> Result<Vec<(&'static str, String)>, <S as AppState>::Error>;
/// What can be chosen in the form's fields, by their names: value and label.
pub type ChoicesFn<S> =
    fn(&S, &mut ReadTx<'_>, &[Uuid]) -> Result<Vec<(&'static str, Vec<(String, String)>)>, <S as AppState>::Error>;
/// Takes hold of what many decisions change, before the first of them.
pub type LockFn<S> = fn(&S, &mut WriteTx<'_>, &RequestContext, &[Uuid]) -> Result<(), <S as AppState>::Error>;

/// What few commands need.
pub struct Hooks<S: AppState> {
    pub(super) check: Option<CheckFn<S>>,
    pub(super) fill: Option<FillFn<S>>,
    pub(super) choices: Option<ChoicesFn<S>>,
    pub(super) lock: Option<LockFn<S>>,
}

impl<S: AppState> Hooks<S> {
    /// None of it.
    pub const NONE: Self = Hooks { check: None, fill: None, choices: None, lock: None };

    /// Decides by the object alone, before there is any input: what it refuses is said beside the empty form. It runs
    /// before every plan too.
    #[must_use]
    pub const fn check(self, check: CheckFn<S>) -> Self {
        Hooks { check: Some(check), ..self }
    }

    /// Fills the form in with the object as it is.
    #[must_use]
    pub const fn fill(self, fill: FillFn<S>) -> Self {
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

/// Objects that were done, and those that were refused with the reason.
pub(super) struct Sorted<T> {
    pub(super) done: Vec<(Uuid, T)>,
    pub(super) refused: Vec<(Uuid, String)>,
}

impl<T> Sorted<T> {
    fn new() -> Self {
        Sorted { done: Vec::new(), refused: Vec::new() }
    }

    /// Keeps the refusal of one of many. A single object's refusal, and what is no refusal, ends the command.
    fn refuse(&mut self, id: Uuid, problem: Problem, of: usize) -> Result<(), Problem> {
        if of == 1 || !(400..500).contains(&problem.code().status) {
            return Err(problem);
        }
        self.refused.push((id, problem.detail().to_owned()));
        Ok(())
    }

    pub(super) fn into_values(self) -> (Vec<T>, Vec<(Uuid, String)>) {
        (self.done.into_iter().map(|(_, value)| value).collect(), self.refused)
    }
}

impl<S: AppState, I, P, A> Command<S, I, P, A> {
    /// Decides on each object by the rules that need no input.
    pub(super) fn checked(
        &self,
        app: &S,
        tx: &mut ReadTx<'_>,
        cx: &RequestContext,
        ids: &[Uuid],
    ) -> Result<Sorted<()>, Problem> {
        let mut sorted = Sorted::new();
        for id in ids {
            match self.check_one(app, tx, cx, *id) {
                Ok(()) => sorted.done.push((*id, ())),
                Err(problem) => sorted.refuse(*id, problem, ids.len())?,
            }
        }
        Ok(sorted)
    }

    /// Decides on each object.
    pub(super) fn planned(
        &self,
        app: &S,
        tx: &mut ReadTx<'_>,
        cx: &RequestContext,
        ids: &[Uuid],
        input: &I,
    ) -> Result<Sorted<P>, Problem> {
        let made = [cx.next_id()];
        let ids = if ids.is_empty() { &made } else { ids };
        let mut sorted = Sorted::new();
        for id in ids {
            match self.plan_one(app, tx, cx, *id, input) {
                Ok(plan) => sorted.done.push((*id, plan)),
                Err(problem) => sorted.refuse(*id, problem, ids.len())?,
            }
        }
        Ok(sorted)
    }

    /// Decides on each object and does it, and puts each on record. Without ids it makes an object, whose id is the
    /// next of the context.
    pub(super) fn run(
        &self,
        app: &S,
        tx: &mut WriteTx<'_>,
        cx: &mut RequestContext,
        ids: &[Uuid],
        input: &I,
        entered: &Map<String, Value>,
    ) -> Result<Sorted<A>, Problem> {
        let made = if ids.is_empty() { vec![cx.fresh_id()] } else { Vec::new() };
        if ids.len() > FEW {
            tx.wide()?;
            if let Some(lock) = self.hooks.lock {
                lock(app, tx, cx, ids).map_err(|error| S::refusal(error, cx))?;
            }
        }
        let before = self.records(app, tx, cx, ids)?;
        let ids = if ids.is_empty() { made.as_slice() } else { ids };
        let mut sorted = Sorted::new();
        for id in ids {
            match self.plan_one(app, tx, cx, *id, input) {
                Ok(plan) => {
                    let applied = (self.apply)(app, tx, cx, plan).map_err(|error| S::refusal(error, cx))?;
                    sorted.done.push((*id, applied));
                }
                Err(problem) => sorted.refuse(*id, problem, ids.len())?,
            }
        }
        let touched: Vec<Uuid> = sorted.done.iter().map(|(id, _)| *id).collect();
        let after = self.records(app, tx, cx, &touched)?;
        for id in touched {
            let detail = json!({ "entered": entered, "changed": changes(before.get(&id), after.get(&id)) });
            let subject = format!("{}:{}:{id}", self.noun.app, self.noun.name);
            cx.record(tx, self.spec.name, &subject, &detail)?;
        }
        Ok(sorted)
    }

    fn check_one(&self, app: &S, tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid) -> Result<(), Problem> {
        if !self.is_own(cx, id) {
            return Err(Problem::not_found(self.noun.one));
        }
        let Some(check) = self.hooks.check else { return Ok(()) };
        check(app, tx, cx, id).map_err(|error| S::refusal(error, cx))
    }

    fn plan_one(&self, app: &S, tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid, input: &I) -> Result<P, Problem> {
        self.check_one(app, tx, cx, id)?;
        (self.plan)(app, tx, cx, id, input).map_err(|error| S::refusal(error, cx))
    }

    /// Whether a caller who is tied to one object of this kind is tied to this one.
    fn is_own(&self, cx: &RequestContext, id: Uuid) -> bool {
        match (self.noun.tie, &cx.tie) {
            (Some(kind), Some(Tie { kind: tied, id: own })) => tied == kind && *own == id,
            _ => true,
        }
    }

    fn records(
        &self,
        app: &S,
        tx: &mut ReadTx<'_>,
        cx: &RequestContext,
        ids: &[Uuid],
    ) -> Result<BTreeMap<Uuid, Record>, Problem> {
        let records = (self.noun.records)(app, tx, ids).map_err(|error| S::refusal(error, cx))?;
        Ok(records.into_iter().collect())
    }
}
