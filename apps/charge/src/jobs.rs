//! What the app does by itself: deliveries, and asking again about those whose fate is unknown.

mod notify;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use purser_outbox::{
    Job, JobContext, JobError, JobHandler, Lease, MissedRunPolicy, Schedule, ScheduleRun, job_done, job_enqueue,
};
use purser_store::WriteTx;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Charge;
use crate::connector::{OperatorReport, OperatorRequest};
use crate::contradiction::WordSource;
use crate::domain::{Sale, SaleStatus};
use crate::error::Error;
use crate::service::{SaleOutcome, phones_check, sale_get, sale_hear};
use crate::store;

/// How long an operator that has never heard of a sale is believed to be merely slow. After that the sale has failed:
/// that is the operator's own word, not a guess of ours.
const NOT_FOUND_GRACE: SignedDuration = SignedDuration::from_mins(10);

/// How long to leave an unknown sale alone before its operator is asked again.
const ASK_EVERY: SignedDuration = SignedDuration::from_secs(55);

/// Unknown sales asked about in one run.
const ASK_AT_ONCE: u32 = 200;

/// Numbers of before the plans of countries were known that are looked at in one run.
const CHECK_AT_ONCE: u32 = 500;

/// Ask the operator to charge a number. Enqueued with the sale, already leased to the request that made it, which runs
/// it at once; a worker takes over where that request's process died.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SubmitSale {
    pub(crate) sale: Uuid,
}

impl Job for SubmitSale {
    const KIND: &'static str = "charge.deliver";
}

/// Ask the operators about all sales whose fate is unknown, and look at numbers that were never checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct QueryOperators {}

impl Job for QueryOperators {
    const KIND: &'static str = "charge.ask";
    const MAX_ATTEMPTS: u32 = 3;

    fn dedupe_key(&self) -> Option<String> {
        Some("all".to_owned())
    }
}

pub(crate) fn handlers(charge: &Arc<Charge>) -> Vec<JobHandler> {
    let (deliver, query) = (Arc::clone(charge), Arc::clone(charge));
    let mut handlers = vec![
        JobHandler::new(move |job: SubmitSale, context| taken_over(Arc::clone(&deliver), job.sale, context)),
        JobHandler::new(move |_: QueryOperators, _| query_all(Arc::clone(&query))),
    ];
    handlers.extend(notify::handlers(charge));
    handlers
}

pub(crate) fn schedules() -> Vec<Schedule> {
    let make =
        |tx: &mut WriteTx<'_>, run: &ScheduleRun| job_enqueue(tx, run.now, run.job, &QueryOperators {}).map(drop);
    let mut schedules = vec![Schedule { name: "charge.ask", cron: "* * * * *", missed: MissedRunPolicy::Once, make }];
    schedules.extend(notify::schedules());
    schedules
}

/// Delivers a sale for the first time, on behalf of the request that made it.
///
/// # Errors
/// The store's. The lease then ends by itself, and a worker takes over.
pub(crate) async fn sale_submit(charge: &Charge, sale: &Sale, lease: Lease) -> Result<Sale, Error> {
    let outcome = match charge.connector_of(sale) {
        Some(connector) => connector.submit(charge.context.now(), &operator_request(sale)).await,
        None => no_connector(sale),
    };
    settle(charge, sale.id, outcome, WordSource::Answer, Some(lease)).await
}

fn no_connector(sale: &Sale) -> SaleOutcome {
    SaleOutcome::Unknown { reason: format!("No {} connector is configured any more to ask.", sale.connector) }
}

async fn query(charge: &Charge, sale: &Sale) -> OperatorReport {
    match charge.connector_of(sale) {
        Some(connector) => connector.query(charge.context.now(), &operator_request(sale)).await,
        None => OperatorReport::Known(no_connector(sale)),
    }
}

/// Somebody began this delivery and did not finish it: the operator may have been asked. So it is asked what it knows,
/// before it is asked to charge.
async fn taken_over(charge: Arc<Charge>, id: Uuid, context: JobContext) -> Result<(), JobError> {
    let sale = find(&charge, id).await?;
    if sale.status.is_open() {
        match query(&charge, &sale).await {
            OperatorReport::Known(outcome) => {
                settle(&charge, id, outcome, WordSource::Query, Some(context.lease)).await?
            }
            OperatorReport::NotFound => sale_submit(&charge, &sale, context.lease).await?,
        };
    }
    Ok(())
}

async fn query_all(charge: Arc<Charge>) -> Result<(), JobError> {
    let settings = charge.settings.clone();
    charge.context.store.write(move |tx| phones_check(tx, &settings, CHECK_AT_ONCE)).await?;
    let before = charge.context.now().saturating_sub(ASK_EVERY)?;
    let ids =
        charge.context.store.read(move |tx| Ok::<_, Error>(store::sales_to_query(tx, before, ASK_AT_ONCE)?)).await?;
    for id in ids {
        query_one(&charge, id).await?;
    }
    Ok(())
}

async fn query_one(charge: &Charge, id: Uuid) -> Result<(), Error> {
    let sale = find(charge, id).await?;
    if sale.status != SaleStatus::Unknown {
        return Ok(());
    }
    let now = charge.context.now();
    let outcome = match query(charge, &sale).await {
        OperatorReport::Known(outcome) => outcome,
        OperatorReport::NotFound if now < grace_ends(&sale) => {
            SaleOutcome::Unknown { reason: "The operator has not heard of it yet.".to_owned() }
        }
        OperatorReport::NotFound => SaleOutcome::Failed { reason: "The operator never received it.".to_owned() },
    };
    // A callback or a person may have been quicker; what contradicts them is kept.
    settle(charge, id, outcome, WordSource::Query, None).await.map(drop)
}

fn grace_ends(sale: &Sale) -> Timestamp {
    sale.created_at.saturating_add(NOT_FOUND_GRACE).unwrap_or(Timestamp::MAX)
}

fn operator_request(sale: &Sale) -> OperatorRequest {
    OperatorRequest {
        reference: sale.id,
        number: sale.number.clone(),
        amount: sale.amount,
        created_at: sale.created_at,
    }
}

async fn find(charge: &Charge, id: Uuid) -> Result<Sale, Error> {
    let settings = charge.settings.clone();
    charge.context.store.read(move |tx| sale_get(tx, &settings, id)).await
}

/// Writes the outcome down, and acknowledges the job in the same transaction. Where a callback or a person was quicker and
/// said otherwise, that stands, and the contradiction is kept for staff.
async fn settle(
    charge: &Charge,
    id: Uuid,
    outcome: SaleOutcome,
    source: WordSource,
    lease: Option<Lease>,
) -> Result<Sale, Error> {
    let settings = charge.settings.clone();
    let (now, fresh) = charge.context.stamp();
    charge
        .context
        .store
        .write(move |tx| {
            let claim = sale_hear(tx, now, &settings, id, &outcome, source, fresh)?;
            if let Some(lease) = &lease {
                job_done(tx, lease)?;
            }
            Ok(claim.sale)
        })
        .await
}
