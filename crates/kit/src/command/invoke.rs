//! What happens around a command, whatever the door: once, in one transaction, and what must follow the commit.

use purser_store::WriteTx;

use super::RequestContext;
use super::spec::{CommandSpec, Effect};
use crate::context::AppContext;
use crate::idempotency::{IdempotentRequest, IdempotentResponse};
use crate::problem::Problem;

/// Runs `work` in one transaction, once for a request that may be repeated, and keeps its answer with it. `work` may run
/// more than once, each time with the same ids.
///
/// # Errors
/// What `work` answers; `IDEMPOTENCY_KEY_REUSED` where the key came with another request; the store's.
pub async fn invoke(
    context: &AppContext,
    spec: &'static CommandSpec,
    cx: RequestContext,
    request: Option<IdempotentRequest>,
    work: impl Fn(&mut WriteTx<'_>, &mut RequestContext) -> Result<String, Problem> + Send + 'static,
) -> Result<IdempotentResponse, Problem> {
    let answer = context.store.write(move |tx| {
        let mut cx = cx.clone();
        IdempotentResponse::run(tx, cx.now, request.as_ref(), |tx| work(tx, &mut cx))
    });
    let answer = context.commands.observe(spec, answer).await?;
    context.outbox.wake();
    if spec.effect == Effect::Power {
        // It may have ended keys, or what they may do: this copy believes none of them any longer.
        context.keys.clear();
    }
    Ok(answer)
}
