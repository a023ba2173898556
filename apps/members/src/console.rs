//! The app in the console.

mod expiries;
mod figures;
mod lives;
mod members;
mod upload;
mod wallets;

use std::sync::Arc;

use purser_kit::console::{Cell, Console, Field, Tone, only as one};

use crate::Members;

/// Rows of the small tables on an object's page, and of a preview.
const ROWS: u32 = 20;

pub(crate) fn console(members: &Arc<Members>) -> Console {
    Console {
        resources: vec![members::resource(members), expiries::resource(members)],
        figures: figures::figures(&members.settings),
        imports: vec![upload::import(members)],
        ..Console::default()
    }
}

fn alive(expired: bool) -> Cell {
    if expired { Cell::Badge(Tone::Quiet, "expired".to_owned()) } else { Cell::Badge(Tone::Good, "alive".to_owned()) }
}

fn reason(help: &'static str) -> Field {
    Field::line("reason", "Reason", help)
}
