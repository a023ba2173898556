//! Selling: the one place that knows which sales complete at once and which wait for an operator.

use std::sync::Arc;

use purser_kit::{IdempotentResponse, Problem};
use purser_outbox::{Lease, job_enqueue, job_enqueue_leased};
use purser_store::WriteTx;
use uuid::Uuid;

use super::batch::{SaleOrder, sales_create};
use super::result::SaleResult;
use crate::connector::ConnectorName;
use crate::domain::{Sale, Settings};
use crate::error::Error;
use crate::service::sale_reserve;
use crate::{Charge, commands, jobs};

/// How long a request has to deliver its sale before a worker takes it over.
const DELIVERY_LEASE: jiff::SignedDuration = jiff::SignedDuration::from_secs(90);

/// Orders of one file that are sold with one statement a table.
const BATCH: usize = 1_000;

/// Sells one order. Without an operator behind it the sale is completed with the others that wait; with one it is held,
/// delivered, and answered by what the operator says.
///
/// # Errors
/// The first rule that refuses it; the ledger's and the store's.
pub(crate) async fn sell(charge: &Arc<Charge>, order: SaleOrder) -> Result<SaleResult, Problem> {
    let sold = match charge.connector.name() {
        ConnectorName::Instant => charge.batcher.submit(order).await.map_err(Problem::from),
        ConnectorName::Simulator | ConnectorName::Http => {
            let charge = Arc::clone(charge);
            // In a task of its own: a caller that hangs up must not stop a delivery half way.
            let delivered = tokio::spawn(async move { sell_held(&charge, order).await });
            delivered.await.map_err(Problem::internal).flatten()
        }
    };
    charge.context.commands.count(&commands::SALE_CREATE, sold.as_ref().map(|sold| sold.replayed));
    sold
}

/// A sale with an operator behind it: held and enqueued in one transaction, delivered right after it.
async fn sell_held(charge: &Charge, order: SaleOrder) -> Result<SaleResult, Problem> {
    let (settings, connector) = (Arc::clone(&charge.settings), charge.connector.name());
    let (process, job) = (charge.context.process, charge.context.ids.next(order.now));
    let held = charge.context.store.write(move |tx| {
        let mut delivery: Option<(Sale, Lease)> = None;
        // The answer is not known yet, so the record names the sale.
        let once = IdempotentResponse::run(tx, order.now, order.idempotency.as_ref(), |tx| {
            let sale = sale_reserve(tx, &settings, &order, connector)?;
            let deliver = jobs::SubmitSale { sale: sale.id };
            let lease = job_enqueue_leased(tx, order.now, job, process, DELIVERY_LEASE, &deliver)?;
            let id = sale.id.to_string();
            delivery = Some((sale, lease));
            Ok::<_, Error>(id)
        })?;
        let sold = SaleResult::recorded(tx, &settings, &once.answer)?;
        Ok::<_, Error>((if once.replayed { sold.again() } else { sold }, delivery))
    });
    match held.await? {
        (_, Some((sale, lease))) => Ok(SaleResult::of(&jobs::sale_submit(charge, &sale, lease).await?)),
        (sold, None) => Ok(sold),
    }
}

/// Sells all orders in the caller's transaction, or none. Where there is an operator behind them, the workers deliver
/// them. `next_id` gives fresh ids; `progress` hears how many are sold.
///
/// # Errors
/// The first rule that refuses one of them; the ledger's and the store's.
pub(crate) fn sell_all(
    tx: &mut WriteTx<'_>,
    settings: &Settings,
    connector: ConnectorName,
    orders: &[SaleOrder],
    mut next_id: impl FnMut() -> Uuid,
    progress: impl Fn(u64),
) -> Result<(), Error> {
    let mut count = 0;
    match connector {
        ConnectorName::Instant => {
            for batch in orders.chunks(BATCH) {
                sales_create(tx, settings, batch)?.into_iter().try_for_each(|sold| sold.map(drop))?;
                count += batch.len() as u64;
                progress(count);
            }
        }
        ConnectorName::Simulator | ConnectorName::Http => {
            for order in orders {
                let sale = sale_reserve(tx, settings, order, connector)?;
                job_enqueue(tx, order.now, next_id(), &jobs::SubmitSale { sale: sale.id })?;
                count += 1;
                progress(count);
            }
        }
    }
    Ok(())
}
