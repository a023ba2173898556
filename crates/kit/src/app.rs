//! What an app is.

use std::future::Future;
use std::pin::Pin;

use purser_identity::Right;
use purser_outbox::{JobHandler, NoticeKind, Schedule};

use crate::code::Code;
use crate::console::Console;
use crate::fixed_setting::FixedSetting;
use crate::problem::Problem;
use crate::routes::Routes;

/// A permission that a key or a role may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Its word, `charge.sell`.
    pub name: &'static str,
    /// What it allows, for people.
    pub allows: &'static str,
    /// The right that a person's role must give in the app.
    pub right: Right,
}

impl Scope {
    /// The app that it belongs to: what stands before its first dot.
    #[must_use]
    pub fn app(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }
}

/// What filling a database with demo data comes to: lines to print at the end.
pub type DemoFuture = Pin<Box<dyn Future<Output = Result<Vec<String>, Problem>> + Send>>;

/// One of the house's apps: a plain list of what it brings. A new app is one folder and one line in the binary's list.
pub struct App {
    /// Its name in paths, tables and scopes: `charge`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Its permissions.
    pub scopes: &'static [Scope],
    /// Its codes, beside the platform's.
    pub codes: &'static [&'static Code],
    /// Its JSON routes.
    pub api: Routes,
    /// What it shows in the console.
    pub console: Console,
    /// Who does its jobs.
    pub jobs: Vec<JobHandler>,
    /// What it does again and again.
    pub schedules: Vec<Schedule>,
    /// What it tells people and programs.
    pub notices: &'static [&'static NoticeKind],
    /// Its settings that are fixed once there is data.
    pub fixed: Vec<FixedSetting>,
    /// Fills an empty database with believable data.
    pub demo: Box<dyn Fn() -> DemoFuture + Send + Sync>,
}
