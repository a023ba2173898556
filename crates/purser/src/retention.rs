//! What has had its time: texts of notices, uploads of long ago, files that nothing in the database names.
//!
//! A dry run counts with the same conditions that the real one removes by.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use purser_files::{OrphanFile, files_known};
use purser_kit::AppContext;
use purser_store::{Error, ReadTx, WriteTx};

use crate::cli_error::CliError;
use crate::config::Config;

/// Rows swept in one transaction, at most: bounds how long others wait behind it.
const STRIDE: u32 = 500;

/// Ids that are looked up at once.
const LOOKED_UP: usize = 1_000;

/// A file is on the disk before the row that names it; by then, the row is there or never will be.
const ORPHAN_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The longest that anything may be kept, in days: a hundred years.
const MOST_DAYS: u32 = 36_500;

/// One kind of rows that has its time.
struct RetentionRule {
    /// What is removed, before the day: "texts of notices sent".
    label: &'static str,
    days: u32,
    count: fn(&mut ReadTx<'_>, Timestamp) -> Result<u64, Error>,
    purge: fn(&mut WriteTx<'_>, Timestamp, u32) -> Result<u64, Error>,
}

fn retention_rules(config: &Config) -> Result<[RetentionRule; 4], CliError> {
    let cleanup = &config.cleanup;
    let all = [("notice_text_days", cleanup.notice_text_days), ("upload_days", cleanup.upload_days)];
    if let Some((name, days)) = all.into_iter().find(|(_, days)| !(1..=MOST_DAYS).contains(days)) {
        return Err(CliError::usage(format!("cleanup.{name} is {days}: it must be 1 to {MOST_DAYS}")));
    }
    Ok([
        RetentionRule {
            label: "texts of notices sent",
            days: cleanup.notice_text_days,
            count: purser_outbox::notice_texts_old,
            purge: purser_outbox::notice_texts_purge,
        },
        RetentionRule {
            label: "uploaded files of sales from",
            days: cleanup.upload_days,
            count: purser_charge::uploads_old,
            purge: purser_charge::uploads_purge,
        },
        RetentionRule {
            label: "uploaded files of members from",
            days: cleanup.upload_days,
            count: purser_members::uploads_old,
            purge: purser_members::uploads_purge,
        },
        RetentionRule {
            label: "bank's answers from",
            days: cleanup.upload_days,
            count: purser_coins::results_old,
            purge: purser_coins::results_purge,
        },
    ])
}

/// Looks whether the settings can be used.
pub(crate) fn check(config: &Config) -> Result<(), CliError> {
    retention_rules(config).map(drop)
}

/// Removes what has had its time, and says what; with `dry_run` it only says.
pub(crate) async fn cleanup(context: &AppContext, config: &Config, dry_run: bool) -> Result<Vec<String>, CliError> {
    let now = context.now();
    let mut removed = Vec::new();
    for rule in retention_rules(config)? {
        let before = ago(now, SignedDuration::from_hours(24 * i64::from(rule.days)));
        let rows = if dry_run {
            context.store.read(move |tx| (rule.count)(tx, before)).await?
        } else {
            rows_purge(context, &rule, before).await?
        };
        if rows > 0 {
            let day = before.to_zoned(context.zone.clone()).date();
            removed.push(format!("{rows} {} before {day}", rule.label));
        }
    }
    for orphan in orphans(context, ago(now, ORPHAN_AGE)).await? {
        if !dry_run {
            context.files.orphan_remove(&orphan).await?;
        }
        removed.push(format!("the file {}, which nothing names", orphan.name()));
    }
    Ok(removed)
}

async fn rows_purge(context: &AppContext, rule: &RetentionRule, before: Timestamp) -> Result<u64, CliError> {
    let (purge, mut all) = (rule.purge, 0);
    loop {
        let some = context.store.write(move |tx| purge(tx, before, STRIDE)).await?;
        all += some;
        if some < u64::from(STRIDE) {
            return Ok(all);
        }
    }
}

/// Files from before `before` without a row.
async fn orphans(context: &AppContext, before: Timestamp) -> Result<Vec<OrphanFile>, CliError> {
    let mut orphans = Vec::new();
    let candidates = context.files.older(before).await?;
    for some in candidates.chunks(LOOKED_UP) {
        let ids: Vec<_> = some.iter().map(OrphanFile::id).collect();
        let known: HashSet<_> = context.store.read(move |tx| files_known(tx, &ids)).await?.into_iter().collect();
        // Half a file is nobody's, even where a later try has made a whole one.
        orphans.extend(some.iter().filter(|file| file.is_half() || !known.contains(&file.id())).cloned());
    }
    Ok(orphans)
}

fn ago(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH)
}
