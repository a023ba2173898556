//! What sellers are told by themselves: that their credit is low, and what yesterday came to.

use std::sync::Arc;

use jiff::Timestamp;
use purser_kit::Day;
use purser_outbox::{
    Channel, Job, JobError, JobHandler, MissedRunPolicy, NewNotice, Schedule, ScheduleRun, job_enqueue, notice_enqueue,
    notices_enqueue,
};
use purser_store::WriteTx;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::Charge;
use crate::domain::{LifecycleStatus, Seller};
use crate::error::Error;
use crate::notices::{DAILY_STATEMENT, LOW_CREDIT};
use crate::service::{DayTotals, day_totals};
use crate::store::{self, RecordFilter};

/// Sellers written to in one transaction.
const AT_ONCE: usize = 100;

/// Tell sellers whose credit has fallen below their alert.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct CreditAlertJob {}

impl Job for CreditAlertJob {
    const KIND: &'static str = "charge.watch-credit";
    const MAX_ATTEMPTS: u32 = 3;

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

/// Tell sellers what the day before this moment came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct DayNoticeJob {
    /// In microseconds since 1970.
    due_at: i64,
}

impl Job for DayNoticeJob {
    const KIND: &'static str = "charge.tell-day";
}

pub(super) fn handlers(charge: &Arc<Charge>) -> [JobHandler; 2] {
    let (watching, telling) = (Arc::clone(charge), Arc::clone(charge));
    [
        JobHandler::new(move |_: CreditAlertJob, _| watch_credit(Arc::clone(&watching))),
        JobHandler::new(move |job: DayNoticeJob, _| day_notify(Arc::clone(&telling), job.due_at)),
    ]
}

pub(super) fn schedules() -> [Schedule; 2] {
    let watch =
        |tx: &mut WriteTx<'_>, run: &ScheduleRun| job_enqueue(tx, run.now, run.job, &CreditAlertJob {}).map(drop);
    let tell = |tx: &mut WriteTx<'_>, run: &ScheduleRun| {
        job_enqueue(tx, run.now, run.job, &DayNoticeJob { due_at: run.due_at.as_microsecond() }).map(drop)
    };
    [
        Schedule { name: "charge.watch-credit", cron: "*/5 * * * *", missed: MissedRunPolicy::Once, make: watch },
        Schedule { name: "charge.tell-day", cron: "20 0 * * *", missed: MissedRunPolicy::Each, make: tell },
    ]
}

/// Looks at all credit with one query, outside of the transactions that write, so that no sale waits for it.
async fn watch_credit(charge: Arc<Charge>) -> Result<(), JobError> {
    let (now, currency) = (charge.context.now(), charge.settings.currency);
    let watched = charge.context.store.read(move |tx| store::watch::credit_alerts(tx, currency)).await?;
    let (again, low): (Vec<_>, Vec<_>) = watched.into_iter().partition(|one| one.is_notified);
    for sellers in again.chunks(AT_ONCE) {
        let ids: Vec<Uuid> = sellers.iter().map(|one| one.seller.id).collect();
        let write = move |tx: &mut WriteTx<'_>| {
            ids.iter().try_for_each(|id| store::watch::credit_alert_mark(tx, *id, None).map(drop))
        };
        charge.context.store.write(write).await?;
    }
    for sellers in low.chunks(AT_ONCE) {
        let sellers: Vec<(Uuid, Seller)> =
            sellers.iter().map(|one| (charge.context.ids.next(now), one.seller.clone())).collect();
        charge.context.store.write(move |tx| low_credit_notify(tx, now, &sellers)).await?;
    }
    charge.context.outbox.wake();
    Ok(())
}

fn low_credit_notify(tx: &mut WriteTx<'_>, now: Timestamp, sellers: &[(Uuid, Seller)]) -> Result<(), Error> {
    for (id, seller) in sellers {
        let (Some(email), Some(alert)) = (&seller.email, seller.low_credit_alert) else { continue };
        if !store::watch::credit_alert_mark(tx, seller.id, Some(now))? {
            continue;
        }
        let values = json!({
            "seller": seller.name,
            "available": seller.available().for_people(),
            "alert": alert.for_people(),
        });
        let notice =
            NewNotice { kind: &LOW_CREDIT, channel: Channel::Email, to: email, language: seller.language, values };
        notice_enqueue(tx, now, *id, &notice)?;
    }
    Ok(())
}

async fn day_notify(charge: Arc<Charge>, due_at: i64) -> Result<(), JobError> {
    let zone = &charge.context.zone;
    let day = Timestamp::from_microsecond(due_at).ok().and_then(|at| Day::at(at, zone));
    let day = day.and_then(|day| day.shifted(-1, zone));
    let day = day.ok_or_else(|| JobError::Dead(format!("no day before {due_at}")))?;
    let mut before = None;
    loop {
        let (settings, span) = (Arc::clone(&charge.settings), day.span.clone());
        let filter = RecordFilter { before, limit: u32::try_from(AT_ONCE).unwrap_or(100), ..RecordFilter::default() };
        let read = charge.context.store.read(move |tx| {
            let sellers = store::sellers_list(tx, &filter, settings.currency)?;
            let last = sellers.last().map(|seller| seller.id);
            let mut told = Vec::new();
            for seller in sellers {
                if seller.status == LifecycleStatus::Inactive || seller.email.is_none() {
                    continue;
                }
                let totals = day_totals(tx, &settings, &seller, &span)?;
                if totals.lines > 0 {
                    told.push((seller, totals));
                }
            }
            Ok::<_, Error>((last, told))
        });
        let (last, told) = read.await?;
        let Some(last) = last else { break };
        before = Some(last);
        let (now, day) = (charge.context.now(), day.clone());
        charge.context.store.write(move |tx| day_totals_notify(tx, now, &day, &told)).await?;
    }
    charge.context.outbox.wake();
    Ok(())
}

fn day_totals_notify(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    day: &Day,
    told: &[(Seller, DayTotals)],
) -> Result<(), Error> {
    let date = day.date.strftime("%d %b %Y").to_string();
    let notice = |(seller, totals): &'_ (Seller, DayTotals)| {
        let values = json!({
            "seller": seller.name,
            "date": date,
            "opening": totals.opening.for_people(),
            "credit_in": totals.credit_in.for_people(),
            "credit_out": if totals.credit_out.is_zero() { String::new() } else { totals.credit_out.for_people() },
            "sold": totals.sold.for_people(),
            "reversed": totals.reversed.for_people(),
            "closing": totals.closing.for_people(),
            "sales": totals.sales,
        });
        (notice_id(seller.id, day), values)
    };
    let filled: Vec<_> = told.iter().map(notice).collect();
    let notices: Vec<_> = std::iter::zip(told, filled)
        .filter_map(|((seller, _), (id, values))| {
            let (to, language) = (seller.email.as_deref()?, seller.language);
            Some((id, NewNotice { kind: &DAILY_STATEMENT, channel: Channel::Email, to, language, values }))
        })
        .collect();
    Ok(notices_enqueue(tx, now, &notices)?)
}

/// The same whenever it is made: a day's job that is run again tells nobody twice.
fn notice_id(seller: Uuid, day: &Day) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"charge.daily-statement");
    hash.update(seller.as_bytes());
    hash.update(day.date.to_string().as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut random = [0; 10];
    random.copy_from_slice(&digest[..10]);
    let millis = u64::try_from(day.span.end.as_millisecond()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
