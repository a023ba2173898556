//! Which backups have had their time.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How many to keep: the newest of so many days, weeks and months that have one. One may stand for all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetentionPolicy {
    pub(crate) daily: u32,
    pub(crate) weekly: u32,
    pub(crate) monthly: u32,
}

/// The moments among `taken` (of good backups only, in any order) whose backups may go. Days, weeks (from Monday) and
/// months are those of `zone`. The newest never goes.
pub(crate) fn retire(taken: &[Timestamp], keep: RetentionPolicy, zone: &TimeZone) -> Vec<Timestamp> {
    let mut newest_first = taken.to_vec();
    newest_first.sort_by(|one, other| other.cmp(one));
    newest_first.dedup();
    let mut kept: HashSet<Timestamp> = newest_first.first().copied().into_iter().collect();
    kept.extend(newest_of_each(&newest_first, keep.daily, |at| {
        let day = at.to_zoned(zone.clone()).date();
        (day.year(), i16::from(day.month()) * 100 + i16::from(day.day()))
    }));
    kept.extend(newest_of_each(&newest_first, keep.weekly, |at| {
        let week = at.to_zoned(zone.clone()).date().iso_week_date();
        (week.year(), i16::from(week.week()))
    }));
    kept.extend(newest_of_each(&newest_first, keep.monthly, |at| {
        let day = at.to_zoned(zone.clone()).date();
        (day.year(), i16::from(day.month()))
    }));
    newest_first.into_iter().filter(|at| !kept.contains(at)).collect()
}

/// The first of each of the first `count` spans.
fn newest_of_each(newest_first: &[Timestamp], count: u32, span: impl Fn(Timestamp) -> (i16, i16)) -> Vec<Timestamp> {
    let mut seen = HashSet::new();
    let firsts = newest_first.iter().copied().filter(|at| seen.insert(span(*at)));
    firsts.take(usize::try_from(count).unwrap_or(usize::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const USUAL: RetentionPolicy = RetentionPolicy { daily: 7, weekly: 4, monthly: 12 };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn days(count: i64) -> Vec<Timestamp> {
        let last = at("2026-11-21T02:30:00Z");
        (0..count).map(|day| last - SignedDuration::from_hours(24 * day)).collect()
    }

    fn retained(taken: &[Timestamp], keep: RetentionPolicy) -> Vec<String> {
        let gone = retire(taken, keep, &TimeZone::UTC);
        let kept = taken.iter().filter(|at| !gone.contains(at));
        kept.map(|at| at.to_string()[..10].to_owned()).collect()
    }

    #[test]
    fn two_years_of_days_come_to_seven_days_four_weeks_and_twelve_months() {
        let expected = [
            // Days.
            "2026-11-21",
            "2026-11-20",
            "2026-11-19",
            "2026-11-18",
            "2026-11-17",
            "2026-11-16",
            "2026-11-15",
            // Sundays; the week of the 16th is among the days, and so is that of the 15th.
            "2026-11-08",
            "2026-11-01",
            // Ends of months.
            "2026-10-31",
            "2026-09-30",
            "2026-08-31",
            "2026-07-31",
            "2026-06-30",
            "2026-05-31",
            "2026-04-30",
            "2026-03-31",
            "2026-02-28",
            "2026-01-31",
            "2025-12-31",
        ];
        assert_eq!(retained(&days(730), USUAL), expected);
    }

    #[test]
    fn keeping_it_up_every_day_never_loses_one_that_would_be_kept_later() {
        let mut there: Vec<Timestamp> = Vec::new();
        for day in days(730).into_iter().rev() {
            there.push(day);
            let gone = retire(&there, USUAL, &TimeZone::UTC);
            there.retain(|at| !gone.contains(at));
            assert!(there.contains(&day) && there.len() <= 23);
        }
        there.reverse();
        let all = retained(&days(730), USUAL);
        let there: Vec<String> = there.iter().map(|at| at.to_string()[..10].to_owned()).collect();
        assert_eq!(there, all);
    }

    #[test]
    fn the_newest_stays_even_where_none_are_to_be_kept() {
        let none = RetentionPolicy { daily: 0, weekly: 0, monthly: 0 };
        assert_eq!(retained(&days(30), none), ["2026-11-21"]);
        assert_eq!(retire(&[], none, &TimeZone::UTC), []);
    }

    #[test]
    fn of_one_day_the_newest_stays() {
        let taken = [at("2026-11-21T01:00:00Z"), at("2026-11-21T03:00:00Z"), at("2026-11-21T02:00:00Z")];
        let gone = retire(&taken, RetentionPolicy { daily: 7, weekly: 0, monthly: 0 }, &TimeZone::UTC);
        assert_eq!(gone, [taken[2], taken[0]]);
    }

    #[test]
    fn days_are_those_of_the_zone() {
        // Half past midnight in Kolkata is the evening before in UTC.
        let taken = [at("2026-11-20T19:00:00Z"), at("2026-11-20T18:00:00Z")];
        let keep = RetentionPolicy { daily: 7, weekly: 0, monthly: 0 };
        assert_eq!(retire(&taken, keep, &TimeZone::UTC).len(), 1);
        assert_eq!(retire(&taken, keep, &TimeZone::get("Asia/Kolkata").unwrap()).len(), 0);
    }

    #[test]
    fn weeks_over_the_new_year_belong_together() {
        // Thursday the 31st of December 2026 and Friday the 1st of January 2027 are in one week.
        let taken = [at("2027-01-01T02:00:00Z"), at("2026-12-31T02:00:00Z")];
        let keep = RetentionPolicy { daily: 0, weekly: 4, monthly: 0 };
        assert_eq!(retire(&taken, keep, &TimeZone::UTC), [taken[1]]);
    }
}
