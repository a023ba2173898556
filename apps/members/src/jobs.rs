//! What the app does by itself: telling members.

use std::sync::Arc;

use purser_outbox::{Job, JobContext, JobError, JobHandler, NewNotice, job_done, job_enqueue, notices_enqueue};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Members;
use crate::error::Error;
use crate::notices::{MemberEvent, notice};
use crate::service::member_get;
use crate::store;

/// Members told in one transaction.
const TOLD_AT_ONCE: u32 = 500;

/// Tell every living member of an expiry. A job tells some hundred, and enqueues the next with the last of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NotifyExpiry {
    expiry: Uuid,
    /// The last member told; none at the beginning.
    after: Option<Uuid>,
}

impl NotifyExpiry {
    pub(crate) fn of(expiry: Uuid) -> Self {
        NotifyExpiry { expiry, after: None }
    }
}

impl Job for NotifyExpiry {
    const KIND: &'static str = "members.notify_users_about_expiry";
}

/// Tell every living member of a revert.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NotifyRevert {
    expiry: Uuid,
    after: Option<Uuid>,
}

impl NotifyRevert {
    pub(crate) fn of(expiry: Uuid) -> Self {
        NotifyRevert { expiry, after: None }
    }
}

impl Job for NotifyRevert {
    const KIND: &'static str = "members.notify_users_about_revert";
}

pub(crate) fn handlers(members: &Arc<Members>) -> Vec<JobHandler> {
    let (expiry, revert) = (Arc::clone(members), Arc::clone(members));
    vec![
        JobHandler::new(move |job: NotifyExpiry, context| {
            let next = move |after| NotifyExpiry { after: Some(after), ..job };
            fan_out(Arc::clone(&expiry), job.expiry, job.after, MemberEvent::Expired, next, context)
        }),
        JobHandler::new(move |job: NotifyRevert, context| {
            let next = move |after| NotifyRevert { after: Some(after), ..job };
            fan_out(Arc::clone(&revert), job.expiry, job.after, MemberEvent::Reverted, next, context)
        }),
    ]
}

/// Tells the living members after `after`, a few hundred of them; where there are more, the next job is enqueued and
/// this one acknowledged in the same transaction, so that each is told once, whatever stops in between.
async fn fan_out<J: Job + Clone + Sync>(
    members: Arc<Members>,
    expiry: Uuid,
    after: Option<Uuid>,
    event: MemberEvent,
    next: impl Fn(Uuid) -> J + Send + Sync + 'static,
    context: JobContext,
) -> Result<(), JobError> {
    let (now, seed) = members.context.stamp();
    let (settings, lease) = (Arc::clone(&members.settings), context.lease);
    let told = members.context.store.write(move |tx| {
        let expiry = store::expiry::expiry_find(tx, expiry, settings.currency())?.ok_or(Error::NoExpiry)?;
        let about = member_get(tx, &settings, expiry.member)?;
        let mut fresh = (seed.as_u128()..).map(Uuid::from_u128);
        let page = store::alive_page(tx, after, TOLD_AT_ONCE)?;
        let notices = page.iter().map(|listener| notice(event, &expiry, &about, listener));
        let notices: Vec<(Uuid, NewNotice<'_>)> = fresh.by_ref().zip(notices).collect();
        notices_enqueue(tx, now, &notices)?;
        if let (Some(last), Some(id)) = (page.last(), fresh.next())
            && page.len() == TOLD_AT_ONCE as usize
        {
            job_enqueue(tx, now, id, &next(last.id))?;
        }
        job_done(tx, &lease)?;
        Ok::<_, Error>(page.len())
    });
    let told = told.await?;
    members.context.outbox.wake();
    tracing::info!(told, "[MEMBERS] living members told");
    Ok(())
}
