//! What staff look at each morning.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_kit::console::{Tone, Widget, WidgetValue};
use purser_kit::{Day, Problem};
use purser_store::ReadTx;

use super::count_noun;
use crate::status::WithdrawalStatus;
use crate::store::withdrawal::{oldest_of, paid_in, times_to_pay, totals_of_status};

/// Days in the chart.
const DAYS: i32 = 14;

/// Days that the median looks back.
const LATELY: i64 = 30;

/// Payments that the median looks at, at most; the newest ones.
const PAYMENTS: u32 = 10_000;

/// Hours after which a pending withdrawal is late, and very late.
const LATE: [i64; 2] = [24, 72];

pub(super) fn figures() -> Vec<Widget> {
    let widget = |title, draw| Widget { title, view: "coins.view", render: draw };
    vec![
        widget("Paid a day", Box::new(paid_a_day)),
        widget(
            "Waiting to be paid",
            Box::new(|tx, _, _| {
                let (count, rupees) = totals_of_status(tx, WithdrawalStatus::Pending)?;
                Ok(WidgetValue::Amount(rupees, format!("in {}", withdrawals(count))))
            }),
        ),
        widget("Waiting for longest", Box::new(oldest)),
        widget(
            "Being paid",
            Box::new(|tx, _, _| {
                let (count, rupees) = totals_of_status(tx, WithdrawalStatus::Processing)?;
                Ok(WidgetValue::Amount(rupees, format!("in {}", withdrawals(count))))
            }),
        ),
        widget(
            "Paid today",
            Box::new(|tx, now, zone| {
                let (count, rupees) = paid_in(tx, &day(now, 0, zone)?.span)?;
                Ok(WidgetValue::Amount(rupees, format!("in {}", withdrawals(count))))
            }),
        ),
        widget("Median time to pay", Box::new(median)),
    ]
}

fn withdrawals(count: i64) -> String {
    count_noun(usize::try_from(count).unwrap_or(0), "withdrawal")
}

fn day(now: Timestamp, back: i32, zone: &TimeZone) -> Result<Day, Problem> {
    let day = Day::at(now, zone).and_then(|today| today.shifted(-back, zone));
    day.ok_or_else(|| Problem::internal("a day outside time"))
}

fn oldest(tx: &mut ReadTx<'_>, now: Timestamp, _: &TimeZone) -> Result<WidgetValue, Problem> {
    let Some(since) = oldest_of(tx, WithdrawalStatus::Pending)? else {
        return Ok(WidgetValue::Status(Tone::Good, "Nobody waits".to_owned()));
    };
    let age = now.duration_since(since);
    let tone = match age.as_hours() {
        hours if hours >= LATE[1] => Tone::Bad,
        hours if hours >= LATE[0] => Tone::Waiting,
        _ => Tone::Good,
    };
    Ok(WidgetValue::Status(tone, text(age)))
}

fn median(tx: &mut ReadTx<'_>, now: Timestamp, _: &TimeZone) -> Result<WidgetValue, Problem> {
    let since = now.checked_sub(SignedDuration::from_hours(24 * LATELY)).map_err(Problem::internal)?;
    let times = times_to_pay(tx, since, PAYMENTS)?;
    let Some(middle) = times.get(times.len() / 2) else {
        return Ok(WidgetValue::Status(Tone::Quiet, format!("Nothing paid in {LATELY} days")));
    };
    let paid = withdrawals(i64::try_from(times.len()).unwrap_or(i64::MAX));
    let time = text(SignedDuration::from_micros(*middle));
    Ok(WidgetValue::Text(time, format!("of {paid} in {LATELY} days")))
}

/// A length of time as people say it: "2 days 3 h", "5 h 10 min", "3 min".
fn text(length: SignedDuration) -> String {
    let minutes = length.as_mins().max(0);
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (1, hours, _) => format!("1 day {hours} h"),
        (days, hours, _) => format!("{days} days {hours} h"),
    }
}

/// What was paid on each of the last days, this one included.
fn paid_a_day(tx: &mut ReadTx<'_>, now: Timestamp, zone: &TimeZone) -> Result<WidgetValue, Problem> {
    let mut columns = Vec::new();
    for back in (0..DAYS).rev() {
        let day = day(now, back, zone)?;
        let (count, rupees) = paid_in(tx, &day.span)?;
        let told = format!("{} in {}", rupees.for_people(), withdrawals(count));
        columns.push((day.date.strftime("%d %b").to_string(), rupees.minor(), told));
    }
    Ok(WidgetValue::Chart(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_told_in_its_two_largest_units() {
        for (minutes, expected) in [
            (0, "0 min"),
            (59, "59 min"),
            (61, "1 h 1 min"),
            (1_440, "1 day 0 h"),
            (3_000, "2 days 2 h"),
            (-5, "0 min"),
        ] {
            assert_eq!(text(SignedDuration::from_mins(minutes)), expected);
        }
    }
}
