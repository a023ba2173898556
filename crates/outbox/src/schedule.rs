//! Cron lines that enqueue jobs, once however many copies of the program run.
//!
//! Where a schedule stands is a row that moves on in the transaction that enqueues its job. Two
//! copies that find it due at the same time want the same row, and the second finds it moved on.

use std::fmt;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use purser_store::{ReadTx, WriteTx, params};
use uuid::{Builder, Uuid};

use crate::Error;

/// Missed runs made up for in one transaction; the rest follow in the next.
const MOST_AT_ONCE: usize = 100;

/// Something to be done again and again.
#[derive(Clone, Copy)]
pub struct Schedule {
    /// Names the schedule for good: `charge.requery`. 1 to 100 characters.
    pub name: &'static str,
    /// Minute, hour, day of month, month, day of week, in the zone of the worker: `*/5 * * * *`. An
    /// hour that the clocks skip is made up for right after; one that they repeat counts once.
    pub cron: &'static str,
    /// What to do about runs that fell into a time when no worker ran.
    pub missed: MissedRunPolicy,
    /// Enqueues the job, as [`ScheduleRun::job`].
    pub make: fn(&mut WriteTx<'_>, &ScheduleRun) -> Result<(), Error>,
}

impl fmt::Debug for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut schedule = formatter.debug_struct("Schedule");
        schedule.field("name", &self.name).field("cron", &self.cron).field("missed", &self.missed);
        schedule.finish_non_exhaustive()
    }
}

/// What to do about missed runs, however many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedRunPolicy {
    /// One run stands for them all, as if it were the latest: for work that looks at the present.
    Once,
    /// Each is made up for, in order: for work about the moment itself, a daily profit.
    Each,
}

/// One run of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleRun {
    /// The id for its job: the same whenever and wherever this run is made.
    pub job: Uuid,
    /// The moment that the cron line names.
    pub due_at: Timestamp,
    /// The present moment, later by what a worker needed to notice.
    pub now: Timestamp,
}

/// Where a schedule stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleStatus {
    /// The schedule's name.
    pub name: String,
    /// The moment that its latest run was due, if it has run.
    pub last_run_at: Option<Timestamp>,
    /// When it is due next.
    pub next_run_at: Timestamp,
}

/// Where every schedule stands that a worker has looked at.
///
/// # Errors
/// As the store refuses it.
pub fn schedules_status(tx: &mut ReadTx<'_>) -> Result<Vec<ScheduleStatus>, Error> {
    let sql = "SELECT name, last_run_at, next_run_at FROM outbox_schedule ORDER BY name";
    let read = |row: &purser_store::Row<'_>| {
        Ok(ScheduleStatus { name: row.get(0)?, last_run_at: row.get(1)?, next_run_at: row.get(2)? })
    };
    Ok(tx.query(sql, &[], read)?)
}

/// How long a schedule may be overdue until it is said to stand still. Workers look at it every minute.
const OVERDUE: SignedDuration = SignedDuration::from_mins(5);

/// Which of these schedules should have run by now, and have not, by their names.
///
/// # Errors
/// As the store refuses it.
pub fn schedules_overdue(
    tx: &mut ReadTx<'_>,
    now: Timestamp,
    schedules: &[Schedule],
) -> Result<Vec<ScheduleStatus>, Error> {
    let mut stands = schedules_status(tx)?;
    stands.retain(|stand| {
        let is_ours = schedules.iter().any(|schedule| schedule.name == stand.name);
        is_ours && now.duration_since(stand.next_run_at) > OVERDUE
    });
    Ok(stands)
}

impl Schedule {
    /// The latest moment, not after `now`, at which it was due `runs` times since. `None` where the cron line does not read.
    #[must_use]
    pub fn due_before(&self, now: Timestamp, zone: &TimeZone, runs: u32) -> Option<Timestamp> {
        let timetable = Timetable::new(*self, zone.clone()).ok()?;
        let mut due = timetable.latest_until(now).ok()?;
        for _ in 1..runs {
            let before = due.checked_sub(SignedDuration::from_secs(1)).ok()?;
            due = timetable.latest_until(before).ok()?;
        }
        Some(due)
    }
}

/// A schedule whose cron line has been read.
#[derive(Debug, Clone)]
pub(crate) struct Timetable {
    schedule: Schedule,
    cron: Cron,
    zone: TimeZone,
}

impl Timetable {
    pub(crate) fn new(schedule: Schedule, zone: TimeZone) -> Result<Self, Error> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(schedule.cron).map_err(|error| refused(&schedule, &error))?;
        let timetable = Timetable { schedule, cron, zone };
        // The 30th of February reads well and never comes.
        timetable.next_after(Timestamp::UNIX_EPOCH)?;
        Ok(timetable)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.schedule.name
    }

    /// Makes the runs that are due, and says when to look again.
    pub(crate) fn run_due(&self, tx: &mut WriteTx<'_>, now: Timestamp) -> Result<Timestamp, Error> {
        let Some(next) = self.status(tx)? else { return self.begin(tx, now) };
        if next > now {
            return self.bounded(tx, next, now);
        }
        let due = self.due(next, now)?;
        let last = due.last().copied().unwrap_or(next);
        let next = self.next_after(last)?;
        // The row first: a copy that is second then waits here, before it makes anything.
        tx.execute(
            "UPDATE outbox_schedule SET last_run_at = ?2, next_run_at = ?3 WHERE name = ?1",
            &params![self.schedule.name, last, next],
        )?;
        for due_at in due {
            (self.schedule.make)(tx, &ScheduleRun { job: self.job_id(due_at), due_at, now })?;
        }
        Ok(next)
    }

    /// A next run that is further off than the cron line's own was worked out by a clock that was ahead. It is put right,
    /// or the schedule would stand still until then.
    fn bounded(&self, tx: &mut WriteTx<'_>, next: Timestamp, now: Timestamp) -> Result<Timestamp, Error> {
        let own = self.next_after(now)?;
        if next <= own {
            return Ok(next);
        }
        tx.execute("UPDATE outbox_schedule SET next_run_at = ?2 WHERE name = ?1", &params![self.schedule.name, own])?;
        let schedule = self.schedule.name;
        tracing::error!(schedule, stored = %next, %now, next = %own, "[CLOCK] a next run was too far off: put right");
        Ok(own)
    }

    /// When the next run is due; `None` for a schedule that is new, or whose cron line or zone is.
    fn status(&self, tx: &mut ReadTx<'_>) -> Result<Option<Timestamp>, Error> {
        let next = tx.query_opt(
            "SELECT next_run_at FROM outbox_schedule WHERE name = ?1 AND cron = ?2 AND zone = ?3",
            &params![self.schedule.name, self.schedule.cron, self.zone_name()],
            |row| row.get(0),
        )?;
        Ok(next)
    }

    /// Begins with the first run after `now`.
    fn begin(&self, tx: &mut WriteTx<'_>, now: Timestamp) -> Result<Timestamp, Error> {
        let next = self.next_after(now)?;
        tx.execute(
            "INSERT INTO outbox_schedule (name, cron, zone, next_run_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE
             SET cron = excluded.cron, zone = excluded.zone, next_run_at = excluded.next_run_at",
            &params![self.schedule.name, self.schedule.cron, self.zone_name(), next],
        )?;
        Ok(next)
    }

    /// The runs to make at `now`, where the first that has not been made is `next`: at least one.
    fn due(&self, next: Timestamp, now: Timestamp) -> Result<Vec<Timestamp>, Error> {
        if self.schedule.missed == MissedRunPolicy::Once {
            return Ok(vec![self.latest_until(now)?.max(next)]);
        }
        let mut due = vec![next];
        let mut following = self.next_after(next)?;
        while following <= now && due.len() < MOST_AT_ONCE {
            due.push(following);
            following = self.next_after(following)?;
        }
        Ok(due)
    }

    fn next_after(&self, moment: Timestamp) -> Result<Timestamp, Error> {
        self.found(self.cron.find_next_occurrence(&self.local(moment), false))
    }

    fn latest_until(&self, moment: Timestamp) -> Result<Timestamp, Error> {
        self.found(self.cron.find_previous_occurrence(&self.local(moment), true))
    }

    fn found(&self, occurrence: Result<Zoned, croner::errors::CronError>) -> Result<Timestamp, Error> {
        occurrence.map(|zoned| zoned.timestamp()).map_err(|error| refused(&self.schedule, &error))
    }

    /// `moment` on the clocks of the zone, in whole seconds as cron counts.
    fn local(&self, moment: Timestamp) -> Zoned {
        let second = Timestamp::from_second(moment.as_second()).unwrap_or(moment);
        second.to_zoned(self.zone.clone())
    }

    fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("fixed")
    }

    /// Made of the moment and of the name, whose hash (FNV-1a) fills what a UUID v7 has for chance.
    fn job_id(&self, due_at: Timestamp) -> Uuid {
        let hash =
            self.schedule.name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&hash.to_be_bytes());
        let milliseconds = u64::try_from(due_at.as_millisecond()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(milliseconds, &tail).into_uuid()
    }
}

fn refused(schedule: &Schedule, error: &croner::errors::CronError) -> Error {
    Error::Cron { name: schedule.name, cron: schedule.cron, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timetable(cron: &'static str, missed: MissedRunPolicy, zone: &str) -> Timetable {
        let schedule = Schedule { name: "test", cron, missed, make: |_, _| Ok(()) };
        Timetable::new(schedule, TimeZone::get(zone).unwrap()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_cron_line_means_the_clocks_of_its_zone() {
        let nine = timetable("0 9 * * *", MissedRunPolicy::Once, "Asia/Kolkata");
        let next = nine.next_after(at("2026-01-05T03:29:59.999Z")).unwrap();
        assert_eq!(next, at("2026-01-05T03:30:00Z"));
        assert_eq!(nine.next_after(next).unwrap(), at("2026-01-06T03:30:00Z"));
    }

    #[test]
    fn a_skipped_hour_is_made_up_for_and_a_repeated_one_counts_once() {
        let half_past_two = timetable("30 2 * * *", MissedRunPolicy::Once, "Europe/Berlin");
        let spring = half_past_two.next_after(at("2026-03-28T12:00:00Z")).unwrap();
        assert_eq!(spring, at("2026-03-29T01:00:00Z"));
        let autumn = half_past_two.next_after(at("2026-10-24T12:00:00Z")).unwrap();
        assert_eq!(autumn, at("2026-10-25T00:30:00Z"));
        assert_eq!(half_past_two.next_after(autumn).unwrap(), at("2026-10-26T01:30:00Z"));
    }

    #[test]
    fn missed_runs_are_made_up_for_once_or_each() {
        let (from, now) = (at("2026-01-05T00:00:00Z"), at("2026-01-05T02:59:59.5Z"));
        let once = timetable("0 * * * *", MissedRunPolicy::Once, "UTC");
        assert_eq!(once.due(from, now).unwrap(), [at("2026-01-05T02:00:00Z")]);
        let each = timetable("0 * * * *", MissedRunPolicy::Each, "UTC");
        let hours = ["2026-01-05T00:00:00Z", "2026-01-05T01:00:00Z", "2026-01-05T02:00:00Z"];
        assert_eq!(each.due(from, now).unwrap(), hours.map(at));
        let year_later = at("2027-01-05T00:00:00Z");
        assert_eq!(each.due(from, year_later).unwrap().len(), MOST_AT_ONCE);
    }

    #[test]
    fn what_was_due_is_counted_backward() {
        let nightly = Schedule { name: "test", cron: "30 2 * * *", missed: MissedRunPolicy::Once, make: |_, _| Ok(()) };
        let now = at("2026-01-05T12:00:00Z");
        let due = |runs| nightly.due_before(now, &TimeZone::UTC, runs).unwrap();
        assert_eq!((due(1), due(2)), (at("2026-01-05T02:30:00Z"), at("2026-01-04T02:30:00Z")));
    }

    #[test]
    fn a_run_that_is_due_this_second_is_the_latest() {
        let once = timetable("* * * * *", MissedRunPolicy::Once, "UTC");
        let minute = at("2026-01-05T00:01:00Z");
        assert_eq!(once.due(minute, minute).unwrap(), [minute]);
    }

    #[test]
    fn a_run_has_one_id_and_another_run_another() {
        let one = timetable("* * * * *", MissedRunPolicy::Once, "UTC");
        let mut other = one.clone();
        other.schedule.name = "other";
        let minute = at("2026-01-05T00:01:00Z");
        assert_eq!(one.job_id(minute), one.job_id(minute));
        assert_ne!(one.job_id(minute), one.job_id(at("2026-01-05T00:02:00Z")));
        assert_ne!(one.job_id(minute), other.job_id(minute));
    }

    #[test]
    fn a_line_that_does_not_read_or_never_comes_is_refused() {
        for cron in ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "0 9 * * someday"] {
            let schedule = Schedule { name: "bad", cron, missed: MissedRunPolicy::Once, make: |_, _| Ok(()) };
            let error = Timetable::new(schedule, TimeZone::UTC).unwrap_err();
            assert!(matches!(error, Error::Cron { name: "bad", .. }), "{cron}: {error}");
        }
    }
}
