//! What waits in a queue for a database thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::{Error, WriteTx};

/// One unit of work: run inside a transaction, perhaps more than once, and settled once it is known how that ended.
pub(crate) trait TransactionJob: Send {
    /// Runs the work. `Err` asks for a rollback: the work refused, failed, or panicked. What it refused with stays in
    /// the job until [`TransactionJob::settle`]; the error here says whether another attempt makes sense.
    fn run(&mut self, tx: &mut WriteTx<'_>) -> Result<(), Rollback>;

    /// The last call: `Ok` when what [`TransactionJob::run`] did last is durable or, after a [`Rollback::Refused`], undone;
    /// `Err` when the engine failed around it.
    fn settle(self: Box<Self>, end: Result<(), Error>);
}

/// Why a transaction is rolled back.
#[derive(Debug)]
pub(crate) enum Rollback {
    /// The command itself says no: its answer is ready.
    Refused,
    /// A statement failed, or the command panicked: the error for its caller.
    Failed(Error),
}

/// A closure with somebody waiting for its answer.
pub(crate) struct ClosureJob<T, E, F> {
    run: F,
    answer: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> ClosureJob<T, E, F> {
    pub(crate) fn new(run: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, receiver) = oneshot::channel();
        (ClosureJob { run, answer: None, reply }, receiver)
    }
}

impl<T, E, F> TransactionJob for ClosureJob<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: Fn(&mut WriteTx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut WriteTx<'_>) -> Result<(), Rollback> {
        let run = &self.run;
        let answer = guarded(tx, run)?;
        let refused = answer.is_err();
        self.answer = Some(answer);
        if refused { Err(Rollback::Refused) } else { Ok(()) }
    }

    fn settle(self: Box<Self>, end: Result<(), Error>) {
        let answer = match end {
            Ok(()) => self.answer.unwrap_or_else(|| Err(Error::Aborted.into())),
            Err(error) => Err(error.into()),
        };
        // Whoever asked may have gone away; the command stands all the same.
        let _ = self.reply.send(answer);
    }
}

/// Runs `body`, and tells apart its own answer from a failure and from a panic.
///
/// A statement that broke a constraint may be answered in the body's own words, but not with `Ok`: the transaction is
/// lost. About trouble of the engine the body has no say: what the store does next depends on it.
pub(crate) fn guarded<T, E>(
    tx: &mut WriteTx<'_>,
    body: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>,
) -> Result<Result<T, E>, Rollback> {
    // The transaction is rolled back after a panic, so nothing half done can be seen.
    let outcome = catch_unwind(AssertUnwindSafe(|| body(tx)));
    match (outcome, tx.failure()) {
        (_, Some(error)) if error.is_trouble() => Err(Rollback::Failed(error.clone())),
        (Err(_), _) => Err(Rollback::Failed(Error::Panicked)),
        (Ok(Ok(_)), Some(error)) => Err(Rollback::Failed(error.clone())),
        (Ok(answer), _) => Ok(answer),
    }
}
