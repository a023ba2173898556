//! The app in the console.

mod expiries;
mod figures;
mod lives;
mod members;
mod upload;
mod wallets;

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Console, Field, Tone};
use uuid::Uuid;

use crate::Members;

/// Rows of the small tables on an object's page, and of a preview.
const ROWS: u32 = 20;

pub(crate) fn console(members: &Arc<Members>) -> Console {
    Console {
        resources: vec![members::resource(members), expiries::resource(members)],
        figures: figures::figures(&members.settings),
        imports: vec![upload::import(members)],
    }
}

/// The only id: the console gives exactly one where the target is one.
fn one(ids: &[Uuid]) -> Result<Uuid, Problem> {
    ids.first().copied().ok_or_else(|| Problem::internal("an action on one object was given none"))
}

fn alive(expired: bool) -> Cell {
    if expired { Cell::Badge(Tone::Quiet, "expired".to_owned()) } else { Cell::Badge(Tone::Good, "alive".to_owned()) }
}

fn reason(help: &'static str) -> Field {
    Field::line("reason", "Reason", help)
}
