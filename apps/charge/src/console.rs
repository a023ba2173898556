//! The app in the console.

mod credit;
mod figures;
mod operators;
mod people;
mod phones;
mod products;
mod requests;
mod sales;
mod sellers;
mod statement;
mod upload;

use std::sync::Arc;

use purser_kit::Problem;
use purser_kit::console::{Cell, Choice, Console, Field, Tone, only as one};
use purser_store::Tx;
use uuid::Uuid;

pub(crate) use requests::status as request_badge;
pub(crate) use sales::status as sale_badge;
pub(crate) use statement::sheet as statement_sheet;

use crate::Charge;
use crate::domain::Standing;

/// Rows of the small tables on an object's page.
const ROWS: u32 = 20;

const STANDINGS: &[Choice] = &[
    Choice { value: "active", title: "active", tone: Tone::Good },
    Choice { value: "frozen", title: "frozen", tone: Tone::Waiting },
    Choice { value: "inactive", title: "inactive", tone: Tone::Quiet },
];

pub(crate) fn console(charge: &Arc<Charge>) -> Console {
    Console {
        resources: vec![
            sellers::resource(charge),
            sales::resource(charge),
            phones::resource(charge),
            credit::resource(charge),
            requests::resource(charge),
            operators::resource(charge),
            products::resource(charge),
        ],
        figures: figures::figures(charge.settings.currency),
        imports: vec![upload::import(charge)],
        reports: vec![statement::report(charge)],
        downloads: Vec::new(),
        portal: Some(crate::portal::portal(charge)),
    }
}

fn badge(choices: &[Choice], value: &str) -> Cell {
    let tone = choices.iter().find(|choice| choice.value == value).map_or(Tone::Quiet, |choice| choice.tone);
    Cell::Badge(tone, value.to_owned())
}

pub(crate) fn standing(standing: Standing) -> Cell {
    badge(STANDINGS, standing.name())
}

fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Objects that are decided on as one is.
const FEW: usize = 20;

/// Begins to decide on these. Many at once would meet everybody who sells meanwhile; what is decided rests on rows that it
/// changes, and a seller who is frozen at the same moment was frozen after it.
fn deciding(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<(), Problem> {
    if ids.len() > FEW { Ok(tx.wide()?) } else { Ok(()) }
}

fn reason() -> Field {
    Field::line("reason", "Reason", "What this rests on, for whoever reads it in a year.")
}
