//! What has had its time: texts of notices, uploads of long ago, files that nothing in the database names.
//!
//! A dry run counts with the same conditions that the real one removes by.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use purser_files::{Orphan, files_known};
use purser_kit::AppContext;
use purser_store::{Error, ReadTx, WriteTx};

use crate::config::Config;
use crate::failure::Failure;

/// Rows swept in one transaction, at most: bounds how long others wait behind it.
const STRIDE: u32 = 500;

/// Ids that are looked up at once.
const LOOKED_UP: usize = 1_000;

/// A file is on the disk before the row that names it; by then, the row is there or never will be.
const ORPHAN_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The longest that anything may be kept, in days: a hundred years.
const MOST_DAYS: u32 = 36_500;

/// One kind of rows that has its time.
struct Broom {
    /// What is removed, before the day: "texts of notices sent".
    what: &'static str,
    days: u32,
    count: fn(&mut ReadTx<'_>, Timestamp) -> Result<u64, Error>,
    sweep: fn(&mut WriteTx<'_>, Timestamp, u32) -> Result<u64, Error>,
}

fn brooms(config: &Config) -> Result<[Broom; 4], Failure> {
    let cleanup = &config.cleanup;
    let all = [("notice_text_days", cleanup.notice_text_days), ("upload_days", cleanup.upload_days)];
    if let Some((name, days)) = all.into_iter().find(|(_, days)| !(1..=MOST_DAYS).contains(days)) {
        return Err(Failure::usage(format!("cleanup.{name} is {days}: it must be 1 to {MOST_DAYS}")));
    }
    Ok([
        Broom {
            what: "texts of notices sent",
            days: cleanup.notice_text_days,
            count: purser_outbox::notice_texts_old,
            sweep: purser_outbox::notice_texts_forget,
        },
        Broom {
            what: "uploaded files of sales from",
            days: cleanup.upload_days,
            count: purser_charge::uploads_old,
            sweep: purser_charge::uploads_forget,
        },
        Broom {
            what: "uploaded files of members from",
            days: cleanup.upload_days,
            count: purser_members::uploads_old,
            sweep: purser_members::uploads_forget,
        },
        Broom {
            what: "bank's answers from",
            days: cleanup.upload_days,
            count: purser_coins::results_old,
            sweep: purser_coins::results_forget,
        },
    ])
}

/// Looks whether the settings can be used.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    brooms(config).map(drop)
}

/// Removes what has had its time, and says what; with `dry_run` it only says.
pub(crate) async fn sweep(context: &AppContext, config: &Config, dry_run: bool) -> Result<Vec<String>, Failure> {
    let now = context.now();
    let mut swept = Vec::new();
    for broom in brooms(config)? {
        let before = ago(now, SignedDuration::from_hours(24 * i64::from(broom.days)));
        let rows = if dry_run {
            context.store.read(move |tx| (broom.count)(tx, before)).await?
        } else {
            rows_sweep(context, &broom, before).await?
        };
        if rows > 0 {
            let day = before.to_zoned(context.zone.clone()).date();
            swept.push(format!("{rows} {} before {day}", broom.what));
        }
    }
    for orphan in orphans(context, ago(now, ORPHAN_AGE)).await? {
        if !dry_run {
            context.files.orphan_remove(&orphan).await?;
        }
        swept.push(format!("the file {}, which nothing names", orphan.name()));
    }
    Ok(swept)
}

async fn rows_sweep(context: &AppContext, broom: &Broom, before: Timestamp) -> Result<u64, Failure> {
    let (sweep, mut all) = (broom.sweep, 0);
    loop {
        let some = context.store.write(move |tx| sweep(tx, before, STRIDE)).await?;
        all += some;
        if some < u64::from(STRIDE) {
            return Ok(all);
        }
    }
}

/// Files from before `before` without a row.
async fn orphans(context: &AppContext, before: Timestamp) -> Result<Vec<Orphan>, Failure> {
    let mut orphans = Vec::new();
    let candidates = context.files.older(before).await?;
    for some in candidates.chunks(LOOKED_UP) {
        let ids: Vec<_> = some.iter().map(Orphan::id).collect();
        let known: HashSet<_> = context.store.read(move |tx| files_known(tx, &ids)).await?.into_iter().collect();
        // Half a file is nobody's, even where a later try has made a whole one.
        orphans.extend(some.iter().filter(|file| file.is_half() || !known.contains(&file.id())).cloned());
    }
    Ok(orphans)
}

fn ago(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH)
}
