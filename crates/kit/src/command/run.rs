//! How a declared command is planned, run and put on record.

use std::collections::BTreeMap;

use purser_identity::ResourceBinding;
use purser_store::{ReadTx, WriteTx};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::RequestContext;
use super::audit::{AuditSnapshot, changes};
use super::declaration::{AppState, BatchCommand, Command, Hooks, Noun};
use super::form::Form;
use super::spec::CommandSpec;
use crate::console::{FEW, Outcome, Preview, refused_too};
use crate::problem::Problem;

/// Objects that were done, and those that were refused with the reason.
pub struct ItemResults<T> {
    pub(super) done: Vec<(Uuid, T)>,
    pub(super) refused: Vec<(Uuid, String)>,
}

impl<T> ItemResults<T> {
    fn new() -> Self {
        ItemResults { done: Vec::new(), refused: Vec::new() }
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

/// What every declared command can do, whichever its form.
pub trait TypedCommand<S: AppState>: Send + Sync + 'static {
    /// What is entered.
    type Input: Send + Sync + 'static;
    /// What was done to one object.
    type Applied;

    /// Its head.
    fn spec(&'static self) -> &'static CommandSpec;

    /// What is entered.
    fn form(&self, app: &S) -> Form<Self::Input>;

    /// What few commands need.
    fn hooks(&self) -> Option<&Hooks<S>>;

    /// What it will do to these objects; before anything is entered, what the objects alone decide.
    ///
    /// # Errors
    /// A single object's refusal; the store's.
    fn preview(
        &self,
        app: &S,
        tx: &mut ReadTx<'_>,
        cx: &RequestContext,
        ids: &[Uuid],
        input: Option<&Self::Input>,
    ) -> Result<Preview, Problem>;

    /// Decides on these objects and does it, and puts each on record. Without ids it makes an object, whose id is the
    /// next of the context.
    ///
    /// # Errors
    /// A single object's refusal; the store's.
    fn run(
        &self,
        app: &S,
        tx: &mut WriteTx<'_>,
        cx: &mut RequestContext,
        ids: &[Uuid],
        input: &Self::Input,
        entered: &Map<String, Value>,
    ) -> Result<ItemResults<Self::Applied>, Problem>;

    /// What was done, in words.
    fn outcome(&self, applied: &[Self::Applied]) -> Outcome;
}

impl<S, I, P, A> TypedCommand<S> for Command<S, I, P, A>
where
    S: AppState,
    I: Send + Sync + 'static,
    P: 'static,
    A: 'static,
{
    type Input = I;
    type Applied = A;

    fn spec(&'static self) -> &'static CommandSpec {
        &self.spec
    }

    fn form(&self, app: &S) -> Form<I> {
        (self.form)(app)
    }

    fn hooks(&self) -> Option<&Hooks<S>> {
        Some(&self.hooks)
    }

    fn preview(
        &self,
        app: &S,
        tx: &mut ReadTx<'_>,
        cx: &RequestContext,
        ids: &[Uuid],
        input: Option<&I>,
    ) -> Result<Preview, Problem> {
        let made = [cx.next_id()];
        let ids = if ids.is_empty() { &made } else { ids };
        let Some(input) = input else {
            let (_, refused) = self.sorted(ids, |id| self.check(app, tx, cx, id))?.into_values();
            let sentence = match (self.hooks.about, ids) {
                (Some(about), [id]) => about(app, tx, *id).map_err(|error| S::refusal(error, cx))?,
                _ => self.spec.about.to_owned(),
            };
            return Ok(Preview { refused, ..Preview::sentence(sentence) });
        };
        let (plans, refused) = self.sorted(ids, |id| self.plan_one(app, tx, cx, id, input))?.into_values();
        let preview = (self.will)(&plans);
        let sentence = refused_too(preview.sentence, plans.len(), refused.len(), "Nothing can be done.");
        Ok(Preview { refused, sentence, ..preview })
    }

    fn run(
        &self,
        app: &S,
        tx: &mut WriteTx<'_>,
        cx: &mut RequestContext,
        ids: &[Uuid],
        input: &I,
        entered: &Map<String, Value>,
    ) -> Result<ItemResults<A>, Problem> {
        if ids.len() > FEW {
            tx.bulk()?;
            if let Some(lock) = self.hooks.lock {
                lock(app, tx, cx, ids).map_err(|error| S::refusal(error, cx))?;
            }
        }
        let before = records(self.noun, app, tx, cx, ids)?;
        let made = if ids.is_empty() { vec![cx.new_id()] } else { Vec::new() };
        let ids = if ids.is_empty() { &made } else { ids };
        let sorted = self.sorted(ids, |id| {
            let plan = self.plan_one(app, tx, cx, id, input).map_err(RefusedStep::Plan)?;
            (self.apply)(app, tx, cx, plan).map_err(|error| RefusedStep::Apply(S::refusal(error, cx)))
        })?;
        record(&self.spec, self.noun, app, tx, cx, (before, &sorted), entered)?;
        Ok(sorted)
    }

    fn outcome(&self, applied: &[A]) -> Outcome {
        (self.outcome)(applied)
    }
}

/// Where an object was refused. After its plan it may have been written to already, so that all is undone.
enum RefusedStep {
    Plan(Problem),
    Apply(Problem),
}

impl From<Problem> for RefusedStep {
    fn from(problem: Problem) -> Self {
        RefusedStep::Plan(problem)
    }
}

impl<S: AppState, I, P, A> Command<S, I, P, A> {
    fn sorted<T, E: Into<RefusedStep>>(
        &self,
        ids: &[Uuid],
        mut each: impl FnMut(Uuid) -> Result<T, E>,
    ) -> Result<ItemResults<T>, Problem> {
        let mut sorted = ItemResults::new();
        for id in ids {
            match each(*id).map_err(Into::into) {
                Ok(done) => sorted.done.push((*id, done)),
                Err(RefusedStep::Plan(problem)) => sorted.refuse(*id, problem, ids.len())?,
                Err(RefusedStep::Apply(problem)) => return Err(problem),
            }
        }
        Ok(sorted)
    }

    fn check(&self, app: &S, tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid) -> Result<(), Problem> {
        if !is_own(self.noun, cx, id) {
            return Err(Problem::not_found(self.noun.one));
        }
        let Some(check) = self.hooks.check else { return Ok(()) };
        check(app, tx, cx, id).map_err(|error| S::refusal(error, cx))
    }

    fn plan_one(&self, app: &S, tx: &mut ReadTx<'_>, cx: &RequestContext, id: Uuid, input: &I) -> Result<P, Problem> {
        self.check(app, tx, cx, id)?;
        (self.plan)(app, tx, cx, id, input).map_err(|error| S::refusal(error, cx))
    }
}

impl<S, I, P, A> TypedCommand<S> for BatchCommand<S, I, P, A>
where
    S: AppState,
    I: Send + Sync + 'static,
    P: 'static,
    A: 'static,
{
    type Input = I;
    type Applied = A;

    fn spec(&'static self) -> &'static CommandSpec {
        &self.spec
    }

    fn form(&self, app: &S) -> Form<I> {
        (self.form)(app)
    }

    fn hooks(&self) -> Option<&Hooks<S>> {
        None
    }

    fn preview(
        &self,
        app: &S,
        tx: &mut ReadTx<'_>,
        cx: &RequestContext,
        ids: &[Uuid],
        input: Option<&I>,
    ) -> Result<Preview, Problem> {
        let Some(input) = input else { return Ok(Preview::sentence(self.spec.about)) };
        let plan = (self.plan)(app, tx, cx, ids, input).map_err(|error| S::refusal(error, cx))?;
        let refusal = (self.refusal)(&plan).map(|error| S::refusal(error, cx).detail().to_owned());
        let preview = (self.will)(&plan);
        Ok(Preview { obstacle: preview.obstacle.or(refusal), ..preview })
    }

    fn run(
        &self,
        app: &S,
        tx: &mut WriteTx<'_>,
        cx: &mut RequestContext,
        ids: &[Uuid],
        input: &I,
        entered: &Map<String, Value>,
    ) -> Result<ItemResults<A>, Problem> {
        let run = |tx: &mut WriteTx<'_>, cx: &mut RequestContext| {
            (self.lock)(app, tx, cx, ids)?;
            let before = (self.noun.records)(app, tx, ids)?;
            let plan = (self.plan)(app, tx, cx, ids, input)?;
            if let Some(refusal) = (self.refusal)(&plan) {
                return Err(refusal);
            }
            Ok((before, (self.apply)(app, tx, cx, plan)?))
        };
        let (before, done) = run(tx, cx).map_err(|error| S::refusal(error, cx))?;
        let (before, sorted) = (before.into_iter().collect(), ItemResults { done, refused: Vec::new() });
        record(&self.spec, self.noun, app, tx, cx, (before, &sorted), entered)?;
        Ok(sorted)
    }

    fn outcome(&self, applied: &[A]) -> Outcome {
        (self.outcome)(applied)
    }
}

/// Whether a caller who acts for one object of this kind acts for this one.
fn is_own<S: AppState>(noun: &Noun<S>, cx: &RequestContext, id: Uuid) -> bool {
    match (noun.binding, &cx.binding) {
        (Some(kind), Some(ResourceBinding { kind: tied, id: own })) => tied == kind && *own == id,
        _ => true,
    }
}

fn records<S: AppState>(
    noun: &Noun<S>,
    app: &S,
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, AuditSnapshot>, Problem> {
    let records = (noun.records)(app, tx, ids).map_err(|error| S::refusal(error, cx))?;
    Ok(records.into_iter().collect())
}

/// Puts each object on record that something was done to.
fn record<S: AppState, A>(
    spec: &CommandSpec,
    noun: &Noun<S>,
    app: &S,
    tx: &mut WriteTx<'_>,
    cx: &mut RequestContext,
    (before, sorted): (BTreeMap<Uuid, AuditSnapshot>, &ItemResults<A>),
    entered: &Map<String, Value>,
) -> Result<(), Problem> {
    let touched: Vec<Uuid> = sorted.done.iter().map(|(id, _)| *id).collect();
    let after = records(noun, app, tx, cx, &touched)?;
    for id in touched {
        let detail = json!({ "entered": entered, "changed": changes(before.get(&id), after.get(&id)) });
        cx.record(tx, spec.name, &format!("{}:{}:{id}", noun.app, noun.name), &detail)?;
    }
    Ok(())
}
