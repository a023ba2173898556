//! A batcher: one hot command, taken together by whoever waits.
//!
//! A command costs a savepoint on SQLite and several round trips on PostgreSQL. Where thousands a second wait for the
//! same command, it is cheaper to decide them all in one batch: read what they need with one statement each, decide them
//! in order in plain Rust, write what they did with one statement each. A batcher gathers the waiting inputs and runs such
//! a batch as one transaction; each input still gets its own answer, and a refusal touches nobody else.
//!
//! Should a whole batch fail (a panic, a constraint), its inputs are decided again in smaller batches, still in their
//! order, until only the guilty one fails.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::oneshot;

use crate::job::{Rollback, TransactionJob, guarded};
use crate::store::Shared;
use crate::{Error, Store, WriteTx};

/// The set-based command: as many answers as inputs, in their order. `Err` rolls back the whole batch.
type BatchFn<I, T, E> = dyn Fn(&mut WriteTx<'_>, &[I]) -> Result<Vec<Result<T, E>>, E> + Send + Sync;

/// A queue of inputs for one set-based command. Cheap to clone.
pub struct Batcher<I, T, E> {
    inner: Arc<Inner<I, T, E>>,
}

impl<I, T, E> Clone for Batcher<I, T, E> {
    fn clone(&self) -> Self {
        Batcher { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<I, T, E> {
    store: Weak<Shared>,
    apply: Box<BatchFn<I, T, E>>,
    /// Inputs in one batch, at most, where nothing goes wrong: bounds how long others wait behind it.
    batch: usize,
    queue: Mutex<BatchQueue<I, T, E>>,
}

struct BatchQueue<I, T, E> {
    inputs: VecDeque<BatchEntry<I, T, E>>,
    /// Whether a batch is queued or under way. One at a time: two would only contend for the same rows.
    running: bool,
    /// Inputs in the next batch, at most. Half as many as in a batch that failed, until the guilty one stands alone;
    /// twice as many after each batch that went well, up to the batch.
    size: usize,
}

struct BatchEntry<I, T, E> {
    input: I,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<I, T, E> Batcher<I, T, E>
where
    I: Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    pub(crate) fn new(
        store: &Store,
        batch: usize,
        turn: impl Fn(&mut WriteTx<'_>, &[I]) -> Result<Vec<Result<T, E>>, E> + Send + Sync + 'static,
    ) -> Self {
        let batch = batch.max(1);
        let waiting = Mutex::new(BatchQueue { inputs: VecDeque::new(), running: false, size: batch });
        Batcher { inner: Arc::new(Inner { store: store.downgrade(), apply: Box::new(turn), batch, queue: waiting }) }
    }

    /// Hands in one input and waits for its answer, which is durable when it comes.
    ///
    /// # Errors
    /// What the command answers; [`Error::Busy`] where too many wait already; else as [`Store::write`].
    pub async fn submit(&self, input: I) -> Result<T, E> {
        let (reply, answer) = oneshot::channel();
        self.inner.enter(BatchEntry { input, reply })?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }
}

impl<I, T, E> Inner<I, T, E>
where
    I: Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    fn enter(self: &Arc<Self>, entry: BatchEntry<I, T, E>) -> Result<(), Error> {
        let store = self.store.upgrade().ok_or(Error::Closed)?;
        let mut waiting = self.lock();
        if waiting.inputs.len() >= store.queue_limit() {
            return Err(Error::Busy);
        }
        waiting.inputs.push_back(entry);
        if waiting.running {
            return Ok(());
        }
        waiting.running = true;
        drop(waiting);
        self.start(&store)
    }

    /// Queues a batch. Where the store takes none, those who wait are told so.
    fn start(self: &Arc<Self>, store: &Shared) -> Result<(), Error> {
        let batch = Batch { batcher: Arc::clone(self), entries: Vec::new(), answers: Vec::new() };
        store.submit_write(Box::new(batch)).inspect_err(|error| {
            let mut waiting = self.lock();
            waiting.running = false;
            let refused = std::mem::take(&mut waiting.inputs);
            drop(waiting);
            for entry in refused {
                let _ = entry.reply.send(Err(error.clone().into()));
            }
        })
    }

    /// Those whose batch it is.
    fn take(&self) -> Vec<BatchEntry<I, T, E>> {
        let mut waiting = self.lock();
        let count = waiting.inputs.len().min(waiting.size);
        waiting.inputs.drain(..count).collect()
    }

    /// Puts the inputs of a batch that failed back in front, to be decided again by fewer at a time.
    fn put_back(&self, entries: Vec<BatchEntry<I, T, E>>) {
        let mut waiting = self.lock();
        waiting.size = (entries.len() / 2).max(1);
        for entry in entries.into_iter().rev() {
            waiting.inputs.push_front(entry);
        }
    }

    fn grow(&self) {
        let mut waiting = self.lock();
        waiting.size = waiting.size.saturating_mul(2).min(self.batch);
    }

    /// After a batch: the next one, if anybody waits.
    fn next(self: &Arc<Self>) {
        let mut waiting = self.lock();
        if waiting.inputs.is_empty() {
            waiting.running = false;
            return;
        }
        drop(waiting);
        if let Some(store) = self.store.upgrade() {
            let _ = self.start(&store);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BatchQueue<I, T, E>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One batch of a batcher: whoever waited when it began.
struct Batch<I, T, E> {
    batcher: Arc<Inner<I, T, E>>,
    entries: Vec<BatchEntry<I, T, E>>,
    answers: Vec<Result<T, E>>,
}

impl<I, T, E> TransactionJob for Batch<I, T, E>
where
    I: Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    fn run(&mut self, tx: &mut WriteTx<'_>) -> Result<(), Rollback> {
        // On a second attempt the entries are those of the first.
        if self.entries.is_empty() {
            self.entries = self.batcher.take();
        }
        let (inputs, replies): (Vec<I>, Vec<_>) =
            self.entries.drain(..).map(|entry| (entry.input, entry.reply)).unzip();
        let batch = &self.batcher.apply;
        let outcome = guarded(tx, |tx| batch(tx, &inputs));
        self.entries.extend(inputs.into_iter().zip(replies).map(|(input, reply)| BatchEntry { input, reply }));
        match outcome? {
            Ok(answers) if answers.len() == self.entries.len() => {
                self.answers = answers;
                Ok(())
            }
            Ok(_) => Err(Rollback::Failed(Error::Panicked)),
            Err(error) if self.entries.len() == 1 => {
                self.answers = vec![Err(error)];
                Err(Rollback::Refused)
            }
            Err(_) => Err(Rollback::Failed(Error::Aborted)),
        }
    }

    fn settle(mut self: Box<Self>, end: Result<(), Error>) {
        if self.entries.is_empty() {
            // The engine failed before the batch could begin: those whose batch it was are told.
            self.entries = self.batcher.take();
        }
        match end {
            Err(error) if self.entries.len() > 1 && blames_one(&error) => {
                self.batcher.put_back(self.entries);
                self.batcher.next();
            }
            end => {
                self.batcher.grow();
                self.batcher.next();
                answer(self.entries, self.answers, end);
            }
        }
    }
}

/// Whether the failure may be the fault of one input, so that the others deserve another batch. Conflicts are: fewer
/// inputs meet fewer others.
fn blames_one(error: &Error) -> bool {
    !error.is_trouble() || *error == Error::Conflict
}

fn answer<I, T, E: From<Error>>(entries: Vec<BatchEntry<I, T, E>>, answers: Vec<Result<T, E>>, end: Result<(), Error>) {
    let replies = entries.into_iter().map(|entry| entry.reply);
    match end {
        // Whoever asked may have gone away; what was decided stands all the same.
        Ok(()) => replies.zip(answers).for_each(|(reply, answer)| drop(reply.send(answer))),
        Err(error) => replies.for_each(|reply| drop(reply.send(Err(error.clone().into())))),
    }
}
