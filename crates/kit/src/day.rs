//! Days, as people in the house's zone have them.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::fields::Rule;

/// A day in a zone: its date, and where it begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Its date.
    pub date: Date,
    /// From its first moment up to, and without, the next day's first.
    pub span: Range<Timestamp>,
}

impl Day {
    /// The day with this date; `None` at the end of time.
    #[must_use]
    pub fn of(date: Date, zone: &TimeZone) -> Option<Day> {
        let begin = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp());
        Some(Day { date, span: begin(date)?..begin(date.tomorrow().ok()?)? })
    }

    /// The day that it is at a moment.
    #[must_use]
    pub fn at(moment: Timestamp, zone: &TimeZone) -> Option<Day> {
        Day::of(moment.to_zoned(zone.clone()).date(), zone)
    }

    /// The day so many days later, or earlier.
    #[must_use]
    pub fn shifted(&self, days: i32, zone: &TimeZone) -> Option<Day> {
        Day::of(self.date.checked_add(days.days()).ok()?, zone)
    }

    /// Reads a date as forms and addresses have it.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Day, Rule> {
        let shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date = text.parse::<Date>().ok().filter(|date| shaped && (1970..=9000).contains(&date.year()));
        let day = date.and_then(|date| Day::of(date, zone));
        day.ok_or_else(|| Rule::new("malformed", "be a date such as 2026-11-21"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_where_its_zone_says() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        let day = Day::parse("2026-11-21", &zone).unwrap();
        assert_eq!(day.span.start.to_string(), "2026-11-20T18:30:00Z");
        assert_eq!(day.span.end.to_string(), "2026-11-21T18:30:00Z");
        assert_eq!(Day::at(day.span.start, &zone), Some(day.clone()));
        assert_eq!(Day::at(day.span.end, &zone), day.shifted(1, &zone));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "2026-11-31", "21-11-2026", "2026-1-1", "20261121", "2026-11-21T00:00", "9999-12-31", "x"] {
            assert!(Day::parse(text, &TimeZone::UTC).is_err(), "{text}");
        }
    }
}
