//! What an operator looks at each morning.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use purser_kit::console::{Widget, WidgetValue};
use purser_kit::{Ids, Problem};
use purser_ledger::{AccountPath, account_by_path, balance_at};
use purser_money::Currency;
use purser_store::ReadTx;

use crate::domain::{Settings, counted};
use crate::error::Error;
use crate::store;

/// Days in a chart.
const DAYS: i32 = 30;

/// A quarter of an hour, in microseconds: every zone's days begin at one.
const QUARTER: i64 = 900_000_000;

pub(super) fn figures(settings: &Settings) -> Vec<Widget> {
    let currency = settings.currency();
    vec![
        Widget {
            title: "Pool balance",
            view: "members.view",
            render: Box::new(move |tx, now, zone| pool_a_day(tx, now, zone, currency)),
        },
        Widget { title: "Members alive", view: "members.view", render: Box::new(alive_a_day) },
        Widget {
            title: "Members",
            view: "members.view",
            render: Box::new(|tx, _, _| {
                let tally = store::tally(tx)?;
                let expired = counted(tally.members - tally.alive, "expired member");
                Ok(WidgetValue::Count(tally.alive, format!("alive, beside {expired}")))
            }),
        },
    ]
}

/// The last days, this one included: each by its name and its end.
fn days(now: Timestamp, zone: &TimeZone) -> Result<(Zoned, Vec<(String, Timestamp)>), Problem> {
    let today = now.to_zoned(zone.clone()).start_of_day().map_err(Problem::internal)?;
    let first = today.checked_sub((DAYS - 1).days()).map_err(Problem::internal)?;
    let mut days = Vec::new();
    let mut day = first.clone();
    while day <= today {
        let next = day.checked_add(1.day()).map_err(Problem::internal)?;
        days.push((day.strftime("%d %b").to_string(), next.timestamp()));
        day = next;
    }
    Ok((first, days))
}

/// What the pool held at the end of each day.
fn pool_a_day(
    tx: &mut ReadTx<'_>,
    now: Timestamp,
    zone: &TimeZone,
    currency: Currency,
) -> Result<WidgetValue, Problem> {
    let path = AccountPath::new("members:pool").map_err(Error::from)?;
    let Some(pool) = account_by_path(tx, &path)? else {
        return Ok(WidgetValue::Amount(purser_money::Money::zero(currency), "nobody has paid a levy yet".to_owned()));
    };
    let (_, days) = days(now, zone)?;
    let mut columns = Vec::with_capacity(days.len());
    for (name, end) in days {
        let last = Timestamp::from_microsecond(end.as_microsecond() - 1).map_err(Problem::internal)?;
        let balance = balance_at(tx, pool.id, last)?;
        columns.push((name, balance.minor(), balance.for_people()));
    }
    Ok(WidgetValue::Chart(columns))
}

/// How many lived at the end of each day, told backward from now.
fn alive_a_day(tx: &mut ReadTx<'_>, now: Timestamp, zone: &TimeZone) -> Result<WidgetValue, Problem> {
    let (first, days) = days(now, zone)?;
    let from = first.timestamp();
    let joined = store::joined_since(tx, from, Ids::floor(from))?;
    let left = store::left_since(tx, from)?;
    let changes = joined.into_iter().chain(left.into_iter().map(|(quarter, fewer)| (quarter, -fewer)));
    let mut changes: Vec<(i64, i64)> = changes.collect();
    changes.sort_unstable();
    let mut alive = store::tally(tx)?.alive;
    let mut columns = Vec::with_capacity(days.len());
    for (name, end) in days.into_iter().rev() {
        let end = (end.as_microsecond() - from.as_microsecond()) / QUARTER;
        while let Some((_, change)) = changes.pop_if(|(quarter, _)| *quarter >= end) {
            alive -= change;
        }
        columns.push((name, alive, counted(alive, "member")));
    }
    columns.reverse();
    Ok(WidgetValue::Chart(columns))
}
