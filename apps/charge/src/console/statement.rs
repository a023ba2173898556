//! A seller's daily statement, as a page and as a file.

use std::sync::Arc;

use purser_kit::console::{Cell, DetailTable, Report, ReportContent};
use purser_kit::{Day, Problem};

use crate::Charge;
use crate::error::Error;
use crate::service::{DayLine, DayStatement, day_statement};

pub(super) fn report(charge: &Arc<Charge>) -> Report {
    let settings = Arc::clone(&charge.settings);
    Report {
        name: "statement",
        resource: "sellers",
        title: "Daily statement",
        scope: "charge.read",
        render: Box::new(move |tx, id, day| match day_statement(tx, &settings, id, &day.span) {
            Ok(statement) => Ok(Some(report_content(statement, day))),
            Err(Error::NoSeller) => Ok(None),
            Err(error) => Err(Problem::from(error)),
        }),
    }
}

/// A statement as a page shows it.
pub(crate) fn report_content(statement: DayStatement, day: &Day) -> ReportContent {
    let DayStatement { seller, totals, lines } = statement;
    let mut facts = vec![
        ("Opening credit", Cell::Money(totals.opening)),
        ("Credit given", Cell::Money(totals.credit_in)),
        ("Sold", Cell::Money(totals.sold)),
        ("Reversed", Cell::Money(totals.reversed)),
        ("Closing credit", Cell::Money(totals.closing)),
        ("Sales", Cell::Number(i64::try_from(totals.sales).unwrap_or(i64::MAX))),
    ];
    if !totals.credit_out.is_zero() {
        facts.insert(2, ("Credit taken", Cell::Money(totals.credit_out)));
    }
    if !totals.other.is_zero() {
        facts.insert(4, ("Otherwise", Cell::Money(totals.other)));
    }
    ReportContent {
        title: format!("{}, {}", seller.name, day.date.strftime("%d %b %Y")),
        facts,
        tables: vec![DetailTable {
            title: "What moved the credit",
            empty: "Nothing moved the credit on this day.",
            columns: vec!["When", "What", "Number", "Client ref", "Change", "Credit after"],
            rows: lines.into_iter().map(row).collect(),
        }],
    }
}

fn row(line: DayLine) -> Vec<Cell> {
    vec![
        Cell::Time(line.at),
        Cell::Text(line.memo),
        Cell::text(line.number.map(|number| number.to_string())),
        Cell::text(line.client_ref),
        Cell::Money(line.change),
        Cell::Money(line.balance),
    ]
}
