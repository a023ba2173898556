//! Pages to read, to print, and to take into a spreadsheet.

use purser_store::ReadTx;
use uuid::Uuid;

use super::{Cell, DetailTable};
use crate::day::Day;
use crate::problem::Problem;

/// Facts and tables: what a report or a portal's page shows. Its CSV is its first table.
#[derive(Debug, Clone, Default)]
pub struct ReportContent {
    /// Its head.
    pub title: String,
    /// What is known.
    pub facts: Vec<(&'static str, Cell)>,
    /// What belongs to it.
    pub tables: Vec<DetailTable>,
}

/// Something that is told of one object and one day: a page that prints well, and the same as CSV.
pub struct Report {
    /// Its name in addresses, `statement`.
    pub name: &'static str,
    /// The resource whose objects it is about; their pages have its button.
    pub resource: &'static str,
    /// What its button says: "Daily statement".
    pub title: &'static str,
    /// The scope that it takes.
    pub scope: &'static str,
    /// Reads it.
    pub render: ReportContentFn,
}

/// Reads a report on an object and a day; `None` where there is no such object.
pub type ReportContentFn =
    Box<dyn Fn(&mut ReadTx<'_>, Uuid, &Day) -> Result<Option<ReportContent>, Problem> + Send + Sync>;

/// A file of one object, such as the payments that a bank is to make: its page has a button, and each download is on
/// record.
pub struct Download {
    /// Its name in addresses and in the audit log, `bank-file`.
    pub name: &'static str,
    /// The resource whose objects it is of.
    pub resource: &'static str,
    /// What its button says: "Payout file".
    pub title: &'static str,
    /// The scope that it takes.
    pub scope: &'static str,
    /// Writes it.
    pub write: DownloadFn,
}

/// Writes the file of an object: what it is called, and its text as CSV; `None` where there is no such object.
pub type DownloadFn = Box<dyn Fn(&mut ReadTx<'_>, Uuid) -> Result<Option<(String, String)>, Problem> + Send + Sync>;
