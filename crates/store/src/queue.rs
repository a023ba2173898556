//! A bounded queue between the async edge and the database threads.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Many push, one or more threads pop. Pushing never waits: a full queue says so, and the caller is told to come back.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
    limit: usize,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

/// Why an item was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueError {
    Full,
    Closed,
}

impl<T> Queue<T> {
    pub(crate) fn new(limit: usize) -> Self {
        let state = State { items: VecDeque::new(), closed: false };
        Queue { state: Mutex::new(state), ready: Condvar::new(), limit }
    }

    pub(crate) fn push(&self, item: T) -> Result<(), QueueError> {
        let mut state = self.lock();
        if state.closed {
            return Err(QueueError::Closed);
        }
        if state.items.len() >= self.limit {
            return Err(QueueError::Full);
        }
        state.items.push_back(item);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// Waits for at least one item, then moves at most `max` into `into`. False once closed and empty.
    pub(crate) fn drain(&self, into: &mut Vec<T>, max: usize) -> bool {
        let mut state = self.lock();
        while state.items.is_empty() {
            if state.closed {
                return false;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.items.len().min(max);
        into.extend(state.items.drain(..count));
        true
    }

    /// Waits for one item; `None` once closed and empty.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Refuses what comes from now on; what is queued is still handed out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }

    // A panic while the lock is held cannot leave the queue half changed, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_and_keeps_what_it_has() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(queue.push(2), Ok(()));
        assert_eq!(queue.push(3), Err(QueueError::Full));
        assert_eq!(queue.pop(), Some(1));
        assert_eq!(queue.push(3), Ok(()));
    }

    #[test]
    fn a_closed_queue_hands_out_what_is_left_and_then_ends() {
        let queue = Queue::new(10);
        for item in 0..3 {
            assert_eq!(queue.push(item), Ok(()));
        }
        queue.close();
        assert_eq!(queue.push(9), Err(QueueError::Closed));
        let mut items = Vec::new();
        assert!(queue.drain(&mut items, 2));
        assert_eq!(items, [0, 1]);
        assert_eq!(queue.pop(), Some(2));
        assert!(!queue.drain(&mut items, 2));
        assert_eq!(queue.pop(), None);
    }
}
