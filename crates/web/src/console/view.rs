//! Values as a page shows them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, SpanRound, Timestamp, Unit};
use purser_kit::console::Cell;

/// Past this, "3 months ago" says less than the date beside it.
const NEAR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A cell, ready for a template.
pub(crate) enum CellView {
    Nothing,
    Text(String),
    Number(String),
    Time(TimeView),
    Badge(&'static str, String),
    Link(String, String),
}

impl CellView {
    /// Whether it stands to the right.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, CellView::Number(_))
    }
}

/// A moment, told three ways.
pub(crate) struct TimeView {
    pub(crate) machine: String,
    /// To the minute, as it stands in a table.
    pub(crate) short: String,
    pub(crate) exact: String,
    pub(crate) relative: String,
    /// Whether it is near enough for people to reckon with "3 days ago".
    pub(crate) near: bool,
}

/// How times are told.
pub(crate) struct TimeFormat<'a> {
    pub(crate) now: Timestamp,
    pub(crate) zone: &'a TimeZone,
}

impl TimeFormat<'_> {
    pub(crate) fn cell(&self, cell: &Cell) -> CellView {
        match cell {
            Cell::Nothing => CellView::Nothing,
            Cell::Text(text) | Cell::UserText(text) => CellView::Text(text.clone()),
            Cell::Number(number) => CellView::Number(grouped(&number.to_string())),
            Cell::Money(money) => CellView::Number(money.for_people()),
            Cell::Time(time) => CellView::Time(self.moment(*time)),
            Cell::Badge(tone, text) => CellView::Badge(tone.class(), text.clone()),
            Cell::Link(text, href) => CellView::Link(href.clone(), text.clone()),
        }
    }

    /// The same in words alone.
    pub(crate) fn words(&self, cell: &Cell) -> String {
        match self.cell(cell) {
            CellView::Nothing => String::new(),
            CellView::Text(text) | CellView::Number(text) | CellView::Badge(_, text) | CellView::Link(_, text) => text,
            CellView::Time(moment) => moment.short,
        }
    }

    pub(crate) fn moment(&self, time: Timestamp) -> TimeView {
        let zoned = time.to_zoned(self.zone.clone());
        TimeView {
            machine: time.to_string(),
            short: zoned.strftime("%-d %b %Y, %H:%M").to_string(),
            exact: zoned.strftime("%d %b %Y %H:%M:%S %Z").to_string(),
            relative: self.relative(time),
            near: self.now.duration_since(time).abs() < NEAR,
        }
    }

    /// "5 minutes ago", "in 3 days": the largest unit alone.
    fn relative(&self, time: Timestamp) -> String {
        let round = SpanRound::new().largest(Unit::Day).days_are_24_hours();
        let Ok(span) = (self.now - time).round(round) else { return String::new() };
        let ahead = time > self.now;
        let units = [
            (i64::from(span.get_days()) / 365, "year"),
            (i64::from(span.get_days()) / 30, "month"),
            (i64::from(span.get_days()), "day"),
            (i64::from(span.get_hours()), "hour"),
            (span.get_minutes(), "minute"),
        ];
        let Some((count, unit)) = units.into_iter().map(|(n, unit)| (n.abs(), unit)).find(|(count, _)| *count > 0)
        else {
            return if ahead { "in a moment".to_owned() } else { "just now".to_owned() };
        };
        let plural = if count == 1 { "" } else { "s" };
        if ahead { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") }
    }
}

/// 1234567 as 1,234,567.
pub(super) fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_the_largest_unit_that_fits() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let time_format = TimeFormat { now, zone: &TimeZone::UTC };
        for (time, told) in [
            ("2026-11-21T11:59:31Z", "just now"),
            ("2026-11-21T11:58:59Z", "1 minute ago"),
            ("2026-11-21T09:00:00Z", "3 hours ago"),
            ("2026-11-19T11:00:00Z", "2 days ago"),
            ("2025-11-01T00:00:00Z", "1 year ago"),
            ("2026-11-22T13:00:00Z", "in 1 day"),
        ] {
            assert_eq!(time_format.relative(time.parse().unwrap()), told, "{time}");
        }
    }

    #[test]
    fn long_numbers_are_grouped() {
        for (plain, shown) in [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567", "-1,234,567")] {
            assert_eq!(grouped(plain), shown);
        }
    }
}
