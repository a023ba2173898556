//! Backups: which there are, and how old the newest is.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use purser_kit::Problem;

use super::show::{Clockface, Moment};
use super::{Desk, Refusal, Visitor, frame};
use crate::pages::{self, Shell};

/// The scope that shows them.
pub(super) const SCOPE: &str = "house.read";

/// Where they are shown.
pub(super) const BASE: &str = "/admin/house/backups/";

/// The schedule that takes one, and the scope that runs it now.
const SCHEDULE: (&str, &str) = ("house.backup", "house.jobs");

/// A backup, as whoever keeps them tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its file's name.
    pub name: String,
    /// When it was taken.
    pub moment: Timestamp,
    /// How large it is.
    pub bytes: u64,
    /// What it is of, and whether it is sealed; or why it does not read.
    pub contents: Result<(String, bool), String>,
}

/// Looks for them: newest first. Reads a folder, so not to be called where something waits.
pub type BackupsFn = Arc<dyn Fn() -> Result<Vec<Backup>, String> + Send + Sync>;

#[derive(Template)]
#[template(path = "console/backups.html")]
struct BackupsPage {
    shell: Shell,
    rows: Vec<Row>,
    error: Option<String>,
    /// The schedule to run for one more, where this visitor may.
    take: Option<&'static str>,
}

struct Row {
    name: String,
    moment: Moment,
    size: String,
    what: String,
    sealed: bool,
    broken: Option<String>,
}

pub(super) async fn page(State(desk): State<Arc<Desk>>, visitor: Visitor) -> Result<Response, Refusal> {
    visitor.needs(SCOPE)?;
    let look = Arc::clone(&desk.house.options.backups);
    let looked = tokio::task::spawn_blocking(move || look()).await.map_err(Problem::internal)?;
    let (found, error) = match looked {
        Ok(found) => (found, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let face = Clockface { now: visitor.now, zone: &desk.house.context.zone };
    let rows = found.into_iter().map(|backup| {
        let (what, sealed, broken) = match backup.contents {
            Ok((what, sealed)) => (what, sealed, None),
            Err(error) => (String::new(), false, Some(error)),
        };
        Row { name: backup.name, moment: face.moment(backup.moment), size: sized(backup.bytes), what, sealed, broken }
    });
    let there = desk.house.options.schedules.iter().any(|schedule| schedule.name == SCHEDULE.0);
    let page = BackupsPage {
        shell: frame::shell(&desk, &visitor, "Backups"),
        rows: rows.collect(),
        error,
        take: (there && visitor.caller.has(SCHEDULE.1)).then_some(SCHEDULE.0),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// 1536 as 1.5 KiB.
fn sized(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut tenths = bytes.saturating_mul(10) / 1_024;
    for unit in units {
        if tenths < 10_240 || unit == "TiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1_024;
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_the_unit_that_fits() {
        for (bytes, told) in [(0, "0.0 KiB"), (1_536, "1.5 KiB"), (1_048_576, "1.0 MiB"), (5 << 40, "5.0 TiB")] {
            assert_eq!(sized(bytes), told);
        }
    }
}
