//! What staff look at each morning.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_kit::console::{Drawing, Figure, Tone};
use purser_kit::{Day, Problem};
use purser_store::ReadTx;

use super::counted;
use crate::status::Status;
use crate::store::withdrawal::{oldest_of, paid_in, standing_of, times_to_pay};

/// Days in the chart.
const DAYS: i32 = 14;

/// Days that the median looks back.
const LATELY: i64 = 30;

/// Payments that the median looks at, at most; the newest ones.
const PAYMENTS: u32 = 10_000;

/// Hours after which a pending withdrawal is late, and very late.
const LATE: [i64; 2] = [24, 72];

pub(super) fn figures() -> Vec<Figure> {
    let figure = |title, draw| Figure { title, view: "coins.view", draw };
    vec![
        figure("Paid a day", Box::new(paid_a_day)),
        figure(
            "Waiting to be paid",
            Box::new(|tx, _, _| {
                let (count, rupees) = standing_of(tx, Status::Pending)?;
                Ok(Drawing::Amount(rupees, format!("in {}", withdrawals(count))))
            }),
        ),
        figure("Waiting for longest", Box::new(oldest)),
        figure(
            "Being paid",
            Box::new(|tx, _, _| {
                let (count, rupees) = standing_of(tx, Status::Processing)?;
                Ok(Drawing::Amount(rupees, format!("in {}", withdrawals(count))))
            }),
        ),
        figure(
            "Paid today",
            Box::new(|tx, now, zone| {
                let (count, rupees) = paid_in(tx, &day(now, 0, zone)?.span)?;
                Ok(Drawing::Amount(rupees, format!("in {}", withdrawals(count))))
            }),
        ),
        figure("Median time to pay", Box::new(median)),
    ]
}

fn withdrawals(count: i64) -> String {
    counted(usize::try_from(count).unwrap_or(0), "withdrawal")
}

fn day(now: Timestamp, back: i32, zone: &TimeZone) -> Result<Day, Problem> {
    let day = Day::at(now, zone).and_then(|today| today.shifted(-back, zone));
    day.ok_or_else(|| Problem::internal("a day outside time"))
}

fn oldest(tx: &mut ReadTx<'_>, now: Timestamp, _: &TimeZone) -> Result<Drawing, Problem> {
    let Some(since) = oldest_of(tx, Status::Pending)? else {
        return Ok(Drawing::Verdict(Tone::Good, "Nobody waits".to_owned()));
    };
    let age = now.duration_since(since);
    let tone = match age.as_hours() {
        hours if hours >= LATE[1] => Tone::Bad,
        hours if hours >= LATE[0] => Tone::Waiting,
        _ => Tone::Good,
    };
    Ok(Drawing::Verdict(tone, told(age)))
}

fn median(tx: &mut ReadTx<'_>, now: Timestamp, _: &TimeZone) -> Result<Drawing, Problem> {
    let since = now.checked_sub(SignedDuration::from_hours(24 * LATELY)).map_err(Problem::internal)?;
    let times = times_to_pay(tx, since, PAYMENTS)?;
    let Some(middle) = times.get(times.len() / 2) else {
        return Ok(Drawing::Verdict(Tone::Quiet, format!("Nothing paid in {LATELY} days")));
    };
    let paid = withdrawals(i64::try_from(times.len()).unwrap_or(i64::MAX));
    let time = told(SignedDuration::from_micros(*middle));
    Ok(Drawing::Words(time, format!("of {paid} in {LATELY} days")))
}

/// A length of time as people say it: "2 days 3 h", "5 h 10 min", "3 min".
fn told(length: SignedDuration) -> String {
    let minutes = length.as_mins().max(0);
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (1, hours, _) => format!("1 day {hours} h"),
        (days, hours, _) => format!("{days} days {hours} h"),
    }
}

/// What was paid on each of the last days, this one included.
fn paid_a_day(tx: &mut ReadTx<'_>, now: Timestamp, zone: &TimeZone) -> Result<Drawing, Problem> {
    let mut columns = Vec::new();
    for back in (0..DAYS).rev() {
        let day = day(now, back, zone)?;
        let (count, rupees) = paid_in(tx, &day.span)?;
        let told = format!("{} in {}", rupees.for_people(), withdrawals(count));
        columns.push((day.date.strftime("%d %b").to_string(), rupees.minor(), told));
    }
    Ok(Drawing::Columns(columns))
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
            assert_eq!(told(SignedDuration::from_mins(minutes)), expected);
        }
    }
}
