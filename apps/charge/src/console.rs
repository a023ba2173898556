//! The app in the console.

mod contradictions;
mod credit;
mod operators;
mod people;
mod phones;
mod products;
mod requests;
mod sales;
mod sellers;
mod statement;
mod upload;
mod widgets;

use std::sync::Arc;

use purser_kit::console::{Cell, Choice, Console, Tone, count_noun};

pub(crate) use requests::status as request_badge;
pub(crate) use sales::status as sale_badge;
pub(crate) use statement::report_content as statement_sheet;

use crate::Charge;
use crate::domain::LifecycleStatus;

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
            contradictions::resource(charge),
            operators::resource(charge),
            products::resource(charge),
        ],
        widgets: widgets::figures(charge.settings.currency),
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

pub(crate) fn status_badge(status: LifecycleStatus) -> Cell {
    badge(STANDINGS, status.name())
}
