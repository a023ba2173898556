//! Commands as the doors see them: whatever their types of input and plan.

use std::sync::Arc;

use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::RequestContext;
use super::declaration::AppState;
use super::run::TypedCommand;
use super::spec::CommandSpec;
use crate::console::{Field, Input, Outcome, Preview, refused_too};
use crate::fields::Fields;
use crate::problem::Problem;

/// A command with the state of its app, for a door that knows neither.
pub trait AnyCommand: Send + Sync {
    /// Its head.
    fn spec(&self) -> &'static CommandSpec;

    /// The fields of its form, empty.
    fn form_fields(&self) -> Vec<Field>;

    /// The fields of its form, filled in with the objects as they are.
    ///
    /// # Errors
    /// The app's.
    fn fields(&self, tx: &mut ReadTx<'_>, ids: &[Uuid]) -> Result<Vec<Field>, Problem>;

    /// What it will do: with what was entered, or, before anything is, what the objects alone decide.
    ///
    /// # Errors
    /// Mistakes of what was entered; a single object's refusal; the store's.
    fn preview(
        &self,
        tx: &mut ReadTx<'_>,
        cx: &RequestContext,
        ids: &[Uuid],
        entered: Option<Fields<'_>>,
    ) -> Result<Preview, Problem>;

    /// Does it, and puts it on record.
    ///
    /// # Errors
    /// Mistakes of what was entered; a single object's refusal; the store's.
    fn run(
        &self,
        tx: &mut WriteTx<'_>,
        cx: &mut RequestContext,
        ids: &[Uuid],
        entered: Fields<'_>,
    ) -> Result<Outcome, Problem>;
}

/// A command of an app with this state, for a door.
#[must_use]
pub fn command<S: AppState>(app: &Arc<S>, command: &'static impl TypedCommand<S>) -> Arc<dyn AnyCommand> {
    Arc::new(Bound { app: Arc::clone(app), command })
}

/// The commands of one noun, in the order of their buttons.
#[derive(Clone, Default)]
pub struct Commands(Vec<Arc<dyn AnyCommand>>);

impl Commands {
    /// No commands yet, of an app with this state.
    #[must_use]
    pub fn of<S: AppState>(app: &Arc<S>) -> CommandsOf<S> {
        CommandsOf { app: Arc::clone(app), commands: Vec::new() }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn AnyCommand>> {
        self.0.iter()
    }

    /// The command of this name among those of the noun.
    #[must_use]
    pub fn find(&self, verb: &str) -> Option<&Arc<dyn AnyCommand>> {
        self.0.iter().find(|command| command.spec().verb() == verb)
    }
}

/// Commands of one noun while they are gathered.
pub struct CommandsOf<S: AppState> {
    app: Arc<S>,
    commands: Vec<Arc<dyn AnyCommand>>,
}

impl<S: AppState> CommandsOf<S> {
    /// The same with one more.
    #[must_use]
    pub fn with(mut self, command: &'static impl TypedCommand<S>) -> Self {
        self.commands.push(self::command(&self.app, command));
        self
    }

    /// All of them.
    #[must_use]
    pub fn all(self) -> Commands {
        Commands(self.commands)
    }
}

struct Bound<S: AppState, C: 'static> {
    app: Arc<S>,
    command: &'static C,
}

impl<S: AppState, C: TypedCommand<S>> AnyCommand for Bound<S, C> {
    fn spec(&self) -> &'static CommandSpec {
        self.command.spec()
    }

    fn form_fields(&self) -> Vec<Field> {
        self.command.form(&self.app).form_fields().to_vec()
    }

    fn fields(&self, tx: &mut ReadTx<'_>, ids: &[Uuid]) -> Result<Vec<Field>, Problem> {
        let mut fields = self.form_fields();
        let hooks = self.command.hooks();
        if let Some(choices) = hooks.and_then(|hooks| hooks.choices) {
            for (name, choices) in choices(&self.app, tx, ids).map_err(Into::into)? {
                if let Some(field) = fields.iter_mut().find(|field| field.name == name) {
                    field.input = Input::Choice(choices);
                }
            }
        }
        if let Some(fill) = hooks.and_then(|hooks| hooks.fill) {
            for (name, value) in fill(&self.app, tx, ids).map_err(Into::into)? {
                if let Some(field) = fields.iter_mut().find(|field| field.name == name) {
                    field.value = value;
                }
            }
        }
        Ok(fields)
    }

    fn preview(
        &self,
        tx: &mut ReadTx<'_>,
        cx: &RequestContext,
        ids: &[Uuid],
        entered: Option<Fields<'_>>,
    ) -> Result<Preview, Problem> {
        let form = self.command.form(&self.app);
        let input = match entered {
            Some(entered) => Some(form.read(entered)?),
            None => form.blank(),
        };
        self.command.preview(&self.app, tx, cx, ids, input.as_ref())
    }

    fn run(
        &self,
        tx: &mut WriteTx<'_>,
        cx: &mut RequestContext,
        ids: &[Uuid],
        entered: Fields<'_>,
    ) -> Result<Outcome, Problem> {
        let record = entered.on_record();
        let input = self.command.form(&self.app).read(entered)?;
        let sorted = self.command.run(&self.app, tx, cx, ids, &input, &record)?;
        let only = if let [(id, _)] = sorted.done.as_slice() { Some(*id) } else { None };
        let only = only.filter(|_| ids.len() < 2);
        let (applied, refused) = sorted.into_values();
        let done = self.command.outcome(&applied);
        let sentence = refused_too(done.sentence, applied.len(), refused.len(), "Nothing was done.");
        Ok(Outcome { refused, sentence, go: done.go.or(only), ..done })
    }
}
