//! Files that are uploaded in the console.

use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use super::{Outcome, Progress, RequestContext};
use crate::command::CommandSpec;
use crate::problem::Problem;

/// A file that can be uploaded: checked whole, shown, and then committed: whole or not at all, or where an app says so
/// its good rows alone.
pub struct Import {
    /// Its name in addresses.
    pub name: &'static str,
    /// The resource whose page has its button.
    pub resource: &'static str,
    /// What its button says: "Bulk upload".
    pub title: &'static str,
    /// What the file must look like.
    pub about: &'static str,
    /// What it does: the scope that it takes, and whether whoever commits it must have reauthenticated.
    pub command: &'static CommandSpec,
    /// The most bytes of a file.
    pub limit: usize,
    /// A file to begin with.
    pub template: &'static str,
    /// Reads and checks the file, and keeps what it found under the id that it answers.
    pub check: ImportCheckFn,
    /// What was found.
    pub show: ImportShowFn,
    /// Notes, before the commit and in its transaction, that this person means it all the same: what
    /// [`ImportCheck::second_yes`] asks for. `None` where nothing is ever asked.
    pub confirm: Option<ImportConfirmFn>,
    /// Does what the file says (whole, or what is good of it), and tells how far it is. May run more than once.
    pub commit: ImportCommitFn,
    /// The rows as they were given, with what is wrong with each, as CSV.
    pub report: ImportReportFn,
}

/// Reads and checks a file.
pub type ImportCheckFn =
    Box<dyn Fn(&mut WriteTx<'_>, &mut RequestContext, &[u8]) -> Result<Uuid, Problem> + Send + Sync>;
/// What was found in a file, and what this person can do with it now.
pub type ImportShowFn =
    Box<dyn Fn(&mut ReadTx<'_>, &RequestContext, Uuid) -> Result<Option<ImportCheck>, Problem> + Send + Sync>;
/// Notes that a person means a file all the same.
pub type ImportConfirmFn =
    Box<dyn Fn(&mut WriteTx<'_>, &mut RequestContext, Uuid) -> Result<(), Problem> + Send + Sync>;
/// Does what a file says.
pub type ImportCommitFn =
    Box<dyn Fn(&mut WriteTx<'_>, &mut RequestContext, Uuid, &Progress) -> Result<Outcome, Problem> + Send + Sync>;
/// A file's rows with what is wrong with each, for this person.
pub type ImportReportFn =
    Box<dyn Fn(&mut ReadTx<'_>, &RequestContext, Uuid) -> Result<Option<String>, Problem> + Send + Sync>;

/// An uploaded file, checked.
#[derive(Debug, Clone)]
pub struct ImportCheck {
    /// How it stands.
    pub state: ImportCheckState,
    /// Rows that are good.
    pub good: u64,
    /// Rows that are not.
    pub bad: u64,
    /// What a commit will do, in a sentence; or what is wrong with the file as a whole.
    pub sentence: String,
    /// Why a commit needs a second yes, where it does: a tick beside the button.
    pub second_yes: Option<String>,
    /// The columns' heads.
    pub columns: Vec<&'static str>,
    /// The first rows, wrong ones before good ones: their numbers in the file, their cells, and what is wrong.
    pub rows: Vec<(u64, Vec<String>, Vec<String>)>,
}

/// How an uploaded file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportCheckState {
    /// It can be committed: every row is good, or the app takes the good ones and leaves the others.
    Ready,
    /// Something is wrong: nothing of it can be committed.
    Invalid,
    /// It has been committed.
    Committed,
}
