//! What the house does by itself, whatever apps it has: holds that ran out, records that have had their time.

use jiff::{SignedDuration, Timestamp};
use purser_identity::rates_forget;
use purser_kit::AppContext;
use purser_ledger::{holds_expire, idempotency_forget};
use purser_outbox::{Job, JobError, JobHandler, Missed, Schedule, ScheduleRun, job_enqueue};
use purser_store::Tx;
use serde::{Deserialize, Serialize};

/// Holds let go in one transaction, at most: bounds how long others wait behind it.
const HOLDS: u32 = 500;

/// Records forgotten in one transaction, at most.
const RECORDS: u32 = 2_000;

/// How long the answer to a request with an idempotency key is kept.
const ANSWERS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The longest window of a rate limit is shorter.
const RATES_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Let go of holds whose time ran out.
#[derive(Debug, Serialize, Deserialize)]
struct ExpireHolds {}

impl Job for ExpireHolds {
    const KIND: &'static str = "house.expire-holds";
    const MAX_ATTEMPTS: u32 = 3;

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// Forget records that have had their time.
#[derive(Debug, Serialize, Deserialize)]
struct Forget {}

impl Job for Forget {
    const KIND: &'static str = "house.forget";
    const MAX_ATTEMPTS: u32 = 3;

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

pub(crate) fn handlers(context: &AppContext) -> Vec<JobHandler> {
    let (holds, records) = (context.clone(), context.clone());
    vec![
        JobHandler::new(move |_: ExpireHolds, _| expire_holds(holds.clone())),
        JobHandler::new(move |_: Forget, _| forget(records.clone())),
    ]
}

pub(crate) fn schedules() -> Vec<Schedule> {
    let holds = |tx: &mut Tx<'_>, run: &ScheduleRun| job_enqueue(tx, run.now, run.job, &ExpireHolds {}).map(drop);
    let records = |tx: &mut Tx<'_>, run: &ScheduleRun| job_enqueue(tx, run.now, run.job, &Forget {}).map(drop);
    vec![
        Schedule { name: "house.expire-holds", cron: "* * * * *", missed: Missed::Once, make: holds },
        Schedule { name: "house.forget", cron: "17 * * * *", missed: Missed::Once, make: records },
    ]
}

async fn expire_holds(context: AppContext) -> Result<(), JobError> {
    loop {
        let now = context.now();
        let expired = context.store.write(move |tx| holds_expire(tx, now, HOLDS)).await?;
        if expired.len() < HOLDS as usize {
            return Ok(());
        }
    }
}

async fn forget(context: AppContext) -> Result<(), JobError> {
    let now = context.now();
    let (answers, rates) = (ago(now, ANSWERS_KEPT), ago(now, RATES_KEPT));
    while context.store.write(move |tx| idempotency_forget(tx, answers, RECORDS)).await? == u64::from(RECORDS) {}
    context.store.write(move |tx| rates_forget(tx, rates)).await?;
    Ok(())
}

fn ago(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.checked_sub(time).unwrap_or(Timestamp::UNIX_EPOCH)
}
