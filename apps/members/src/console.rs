//! The app in the console.

mod expiries;
mod members;
mod upload;
mod widgets;

use std::sync::Arc;

use purser_kit::console::{Cell, Console, Tone};

use crate::Members;

/// Rows of the small tables on an object's page, and of a preview.
const ROWS: u32 = 20;

pub(crate) fn console(members: &Arc<Members>) -> Console {
    Console {
        resources: vec![members::resource(members), expiries::resource(members)],
        widgets: widgets::figures(&members.settings),
        imports: vec![upload::import(members)],
        ..Console::default()
    }
}

fn alive(expired: bool) -> Cell {
    if expired { Cell::Badge(Tone::Quiet, "expired".to_owned()) } else { Cell::Badge(Tone::Good, "alive".to_owned()) }
}
