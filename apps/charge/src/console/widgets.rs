//! What an operator looks at each morning.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use purser_kit::console::{Tone, Widget, WidgetValue};
use purser_kit::{Ids, Problem};
use purser_money::{Currency, Money};
use purser_store::ReadTx;

use crate::store;

/// Days in the chart of sales.
const DAYS: i32 = 30;

/// A quarter of an hour, in microseconds: every zone's days begin at one.
const QUARTER: i64 = 900_000_000;

pub(super) fn figures(currency: Currency) -> Vec<Widget> {
    vec![
        Widget {
            title: "Sales a day",
            view: "charge.read",
            render: Box::new(move |tx, now, zone| sales_a_day(tx, now, zone, currency)),
        },
        Widget { title: "Failure rate by operator", view: "charge.read", render: Box::new(failures) },
        Widget {
            title: "Credit outstanding",
            view: "charge.read",
            render: Box::new(move |tx, _, _| {
                let check = store::credit_by_balances(tx)?;
                Ok(WidgetValue::Amount(Money::new(check.left, currency), "prepaid and not yet sold".to_owned()))
            }),
        },
        Widget {
            title: "Granted = left + sold",
            view: "charge.read",
            render: Box::new(|tx, _, _| {
                let check = store::credit_by_balances(tx)?;
                Ok(if check.holds() {
                    WidgetValue::Status(Tone::Good, "The books agree".to_owned())
                } else {
                    WidgetValue::Status(Tone::Bad, "The books do not agree: run purser ledger verify".to_owned())
                })
            }),
        },
    ]
}

/// How many sales of the last days failed, in 1/10,000: by operator, or where none is known by connector.
fn failures(tx: &mut ReadTx<'_>, now: Timestamp, zone: &TimeZone) -> Result<WidgetValue, Problem> {
    let today = now.to_zoned(zone.clone()).start_of_day().map_err(Problem::internal)?;
    let from = today.checked_sub((DAYS - 1).days()).map_err(Problem::internal)?.timestamp();
    let counted = store::operator::failures_since(tx, from, Ids::floor(from))?;
    let column = |(name, sales, failed): (String, i64, i64)| {
        let rate = failed.saturating_mul(10_000) / sales.max(1);
        (name, rate, format!("{}.{:02}%: {failed} of {sales} sales failed", rate / 100, rate % 100))
    };
    Ok(WidgetValue::Chart(counted.into_iter().map(column).collect()))
}

/// What was sold on each of the last days, this one included.
fn sales_a_day(
    tx: &mut ReadTx<'_>,
    now: Timestamp,
    zone: &TimeZone,
    currency: Currency,
) -> Result<WidgetValue, Problem> {
    let today = now.to_zoned(zone.clone()).start_of_day().map_err(Problem::internal)?;
    let first = today.checked_sub((DAYS - 1).days()).map_err(Problem::internal)?;
    let from = first.timestamp();
    let mut quarters = store::sold_since(tx, from, Ids::floor(from))?.into_iter().peekable();
    let mut columns = Vec::new();
    let mut day = first;
    while day <= today {
        let next = day.checked_add(1.day()).map_err(Problem::internal)?;
        let end = (next.timestamp().as_microsecond() - from.as_microsecond()) / QUARTER;
        let (mut sold, mut sales) = (Money::zero(currency), 0);
        while let Some((_, amount, count)) = quarters.next_if(|(quarter, ..)| *quarter < end) {
            let amount = Money::new(amount, currency);
            sold = sold.checked_add(amount).ok_or_else(|| Problem::internal("a day's sales past 64 bits"))?;
            sales += count;
        }
        let told = format!("{} in {sales} sales", sold.for_people());
        columns.push((day.strftime("%d %b").to_string(), sold.minor(), told));
        day = next;
    }
    Ok(WidgetValue::Chart(columns))
}
