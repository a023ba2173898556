//! What an app shows in the console.
//!
//! An app declares [`Resource`]s: what is listed and how, what the page of one shows, what can be done. The console
//! makes of each a list with search, filters, sort, paging and export, a page for each object, and a page for each
//! action that says what will happen before it does. The functions here are the app's own, run inside one transaction.

mod cell;
mod import;
mod keys;
mod listing;
mod outcome;
mod progress;
mod report;
mod request_context;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_ledger::AccountId;
use purser_money::Money;
use purser_store::{Error as StoreError, ReadTx, WriteTx};
use uuid::Uuid;

pub use cell::{Cell, Tone};
pub use import::{
    Import, ImportCheck, ImportCheckFn, ImportCheckState, ImportCommitFn, ImportConfirmFn, ImportReportFn, ImportShowFn,
};
pub use keys::keys_table;
pub use listing::{
    Choice, Column, ColumnKind, Direction, Filter, ListPage, ListQuery, ListTotals, Listing, Search, TimeRange,
};
pub(crate) use outcome::refused_too;
pub use outcome::{Outcome, Preview};
pub use progress::{Progress, ProgressSnapshot};
pub use report::{Download, DownloadFn, Report, ReportContent, ReportContentFn};
pub(crate) use request_context::fields;
pub use request_context::{EntryPoint, RequestContext, changed};

use crate::code::Code;
use crate::command::{AnyCommand, CommandSpec, Commands};
use crate::fields::Fields;
use crate::portal::Portal;
use crate::problem::Problem;

/// All that one app shows in the console.
#[derive(Default)]
pub struct Console {
    /// Its lists.
    pub resources: Vec<Resource>,
    /// What an operator wants to see each morning.
    pub widgets: Vec<Widget>,
    /// What can be uploaded.
    pub imports: Vec<Import>,
    /// What is printed, or taken into a spreadsheet, of one object and one day.
    pub reports: Vec<Report>,
    /// Files of one object, to keep.
    pub downloads: Vec<Download>,
    /// What it offers to people who act for one of its objects.
    pub portal: Option<Portal>,
}

/// A kind of object that the console lists, shows and acts on.
pub struct Resource {
    /// Its name in addresses, `sellers`.
    pub name: &'static str,
    /// Its name for people, in the plural: "Sellers".
    pub title: &'static str,
    /// One of them: "seller".
    pub one: &'static str,
    /// What they are, in a sentence.
    pub about: &'static str,
    /// The scope that opens its pages.
    pub view: &'static str,
    /// How they are listed.
    pub listing: Listing,
    /// The filter and its value that wait for a decision: what the approvals inbox shows of them.
    pub inbox: Option<(&'static str, &'static str)>,
    /// The page of one.
    pub detail: DetailFn,
    /// What can be done.
    pub actions: Vec<Action>,
    /// The commands that act on them; their buttons come first.
    pub commands: Commands,
}

/// Reads the page of one object; `None` where there is none.
pub type DetailFn = Box<dyn Fn(&mut ReadTx<'_>, Uuid) -> Result<Option<Detail>, Problem> + Send + Sync>;

/// The page of one object.
#[derive(Debug, Clone, Default)]
pub struct Detail {
    /// What it is called.
    pub title: String,
    /// What is known of it.
    pub facts: Vec<(&'static str, Cell)>,
    /// Its accounts, whose statements the page shows, each with its name for people.
    pub accounts: Vec<(&'static str, AccountId)>,
    /// What belongs to it.
    pub tables: Vec<DetailTable>,
    /// The actions that fit it as it stands now, by name; `None` for all. The others are not offered, and refused all
    /// the same.
    pub fit: Option<Vec<&'static str>>,
}

/// A small table on an object's page.
#[derive(Debug, Clone)]
pub struct DetailTable {
    /// What it lists.
    pub title: &'static str,
    /// What is said where it is empty.
    pub empty: &'static str,
    /// The columns' heads.
    pub columns: Vec<&'static str>,
    /// The rows, a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

/// The id that an action on one object is given.
///
/// # Errors
/// A mistake of ours: the console gives exactly one where the target is one.
pub fn single_id(ids: &[Uuid]) -> Result<Uuid, Problem> {
    ids.first().copied().ok_or_else(|| Problem::internal("an action on one object was given none"))
}

/// Objects that are decided on as one is.
pub(crate) const FEW: usize = 20;

/// Begins to decide on these objects: many at once as a wide command, which would else meet everybody who touches one of
/// them meanwhile. Says whether it is one. What is then decided may rest only on rows that it changes.
///
/// # Errors
/// The store's.
pub fn bulk_if_many(tx: &mut ReadTx<'_>, ids: &[Uuid]) -> Result<bool, StoreError> {
    let many = ids.len() > FEW;
    if many {
        tx.bulk()?;
    }
    Ok(many)
}

/// So many of them, in words: "1 sale", "2 sales".
#[must_use]
pub fn count_noun(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What an action acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Nothing yet: it makes something.
    Nothing,
    /// One object.
    One,
    /// Any number of chosen objects.
    Many,
}

/// Something that can be done: a form, a sentence that says what will happen, and the doing.
pub struct Action {
    /// Its name in addresses and in the audit log, `freeze`.
    pub name: &'static str,
    /// What its button says: "Freeze".
    pub title: &'static str,
    /// What it does: the scope that it takes, and whether it requires a reauthentication.
    pub command: &'static CommandSpec,
    /// What it acts on.
    pub target: Target,
    /// Whether it takes something away or cannot be taken back: its button warns.
    pub harms: bool,
    /// The fields it asks for, filled in as the objects are now.
    pub fields: FieldsFn,
    /// What it will do, said before it is done.
    pub preview: PreviewFn,
    /// Does it. May run more than once: time and ids come from the [`RequestContext`].
    pub run: RunFn,
}

impl Action {
    /// A command as an action.
    pub fn of(command: &Arc<dyn AnyCommand>) -> Self {
        let spec = command.spec();
        let (filling, deciding, running) = (Arc::clone(command), Arc::clone(command), Arc::clone(command));
        Action {
            name: spec.verb(),
            title: spec.title,
            command: spec,
            target: spec.target,
            harms: spec.harms,
            fields: Box::new(move |tx, ids| filling.fields(tx, ids)),
            preview: Box::new(move |tx, cx, ids| match deciding.preview(tx, cx, ids, None) {
                Err(refusal) if (400..500).contains(&refusal.code().status) && refusal.code().status != 404 => {
                    Ok(Preview { obstacle: Some(refusal.detail().to_owned()), ..Preview::default() })
                }
                preview => preview,
            }),
            run: Box::new(move |tx, cx, ids, fields| running.run(tx, cx, ids, fields)),
        }
    }
}

/// The fields of an action on these objects.
pub type FieldsFn = Box<dyn Fn(&mut ReadTx<'_>, &[Uuid]) -> Result<Vec<Field>, Problem> + Send + Sync>;
/// What an action on these objects will do, if this person does it now.
pub type PreviewFn = Box<dyn Fn(&mut ReadTx<'_>, &RequestContext, &[Uuid]) -> Result<Preview, Problem> + Send + Sync>;
/// Does an action on these objects, with what was entered.
pub type RunFn =
    Box<dyn Fn(&mut WriteTx<'_>, &mut RequestContext, &[Uuid], Fields<'_>) -> Result<Outcome, Problem> + Send + Sync>;

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its label.
    pub title: &'static str,
    /// What to enter.
    pub help: &'static str,
    /// What kind of input it is.
    pub input: Input,
    /// Whether it may stay empty.
    pub required: bool,
    /// What stands in it.
    pub value: String,
    /// Asked for only after a refusal with this code: a second yes.
    pub after: Option<&'static str>,
}

impl Field {
    /// A required, empty line.
    #[must_use]
    pub fn line(name: &'static str, title: &'static str, help: &'static str) -> Self {
        Field { name, title, help, input: Input::Line, required: true, value: String::new(), after: None }
    }

    /// The same with another input.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    /// The same, which may stay empty.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// A tick that is asked for only after a refusal with this code, and says that it is meant all the same.
    #[must_use]
    pub fn second_yes(name: &'static str, title: &'static str, says: &'static str, after: &Code) -> Self {
        let tick = Input::Checkboxes(vec![("yes".to_owned(), says.to_owned())]);
        Field { after: Some(after.name), ..Field::line(name, title, "").input(tick).optional() }
    }

    /// The same with something in it.
    #[must_use]
    pub fn with(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }
}

/// How a field is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One line.
    Line,
    /// A mail address.
    Email,
    /// An amount.
    Amount,
    /// A day.
    Date,
    /// A whole number.
    Number,
    /// Several lines.
    Area,
    /// One of a few: value and label.
    Choice(Vec<(String, String)>),
    /// Any number of these: value and label. They come in joined by spaces.
    Checkboxes(Vec<(String, String)>),
}

/// A number or a chart on the console's first page.
pub struct Widget {
    /// What it shows.
    pub title: &'static str,
    /// The scope that shows it.
    pub view: &'static str,
    /// Reads it.
    pub render: WidgetFn,
}

/// Reads a widget as of a moment; days are those of the zone.
pub type WidgetFn = Box<dyn Fn(&mut ReadTx<'_>, Timestamp, &TimeZone) -> Result<WidgetValue, Problem> + Send + Sync>;

/// What a widget comes to.
#[derive(Debug, Clone)]
pub enum WidgetValue {
    /// An amount, and a few words on it.
    Amount(Money, String),
    /// A number, and a few words on it.
    Count(i64, String),
    /// Something that is no number, such as a length of time, and a few words on it.
    Text(String, String),
    /// Good or bad news in words.
    Status(Tone, String),
    /// A column a label: what it is called, how high it is, and the same for people.
    Chart(Vec<(String, i64, String)>),
}
