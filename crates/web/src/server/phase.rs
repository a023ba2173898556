//! How far a connection is: one word that the connection itself and the watch over all of them share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Bits of the word that hold the phase; the rest is the moment at which it began.
const PHASE_BITS: u32 = 3;

/// For so many milliseconds a connection may still be on its way to saying something.
const FRESH: u64 = 1_000;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionPhase {
    /// Nobody has looked yet whether it has sent anything.
    Accepted,
    /// It has sent nothing yet.
    New,
    /// A part of a request's header is there.
    Head,
    /// It is between two requests.
    Idle,
    /// Its request is being worked on.
    Working,
    /// It keeps the handler waiting for its request's body.
    Receiving,
    /// It does not take what is being sent.
    Sending,
    /// It is to end.
    Closed,
}

impl ConnectionPhase {
    const ALL: [ConnectionPhase; 8] = [
        ConnectionPhase::Accepted,
        ConnectionPhase::New,
        ConnectionPhase::Head,
        ConnectionPhase::Idle,
        ConnectionPhase::Working,
        ConnectionPhase::Receiving,
        ConnectionPhase::Sending,
        ConnectionPhase::Closed,
    ];

    fn of(word: u64) -> ConnectionPhase {
        let index = usize::try_from(word & ((1 << PHASE_BITS) - 1)).unwrap_or_default();
        ConnectionPhase::ALL.get(index).copied().unwrap_or(ConnectionPhase::Closed)
    }

    /// Who is closed first for want of room, after so many milliseconds: what nobody works for, then what keeps the server
    /// waiting, those that have just come last, and no others.
    pub(super) fn rank(self, age: u64) -> Option<u8> {
        let fresh = if age < FRESH { 2 } else { 0 };
        match self {
            ConnectionPhase::New | ConnectionPhase::Head | ConnectionPhase::Idle => Some(fresh),
            ConnectionPhase::Receiving | ConnectionPhase::Sending => Some(fresh + 1),
            ConnectionPhase::Accepted | ConnectionPhase::Working | ConnectionPhase::Closed => None,
        }
    }
}

/// A connection's phase, and the moment at which it began, in milliseconds of the server.
#[derive(Debug)]
pub(super) struct PhaseClock {
    word: AtomicU64,
    /// The answer's body is at its end, if not on its way yet.
    answered: AtomicBool,
    /// The server stops: no request comes after this one.
    leaving: AtomicBool,
    waker: AtomicWaker,
}

impl PhaseClock {
    pub(super) fn new(moment: u64) -> Self {
        PhaseClock {
            word: AtomicU64::new(word(ConnectionPhase::Accepted, moment)),
            answered: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    /// The word as it is: the phase and its moment, comparable.
    pub(super) fn seen(&self) -> (ConnectionPhase, u64, u64) {
        let word = self.word.load(Ordering::Acquire);
        (ConnectionPhase::of(word), word >> PHASE_BITS, word)
    }

    /// Goes on to `phase`; false where the connection was closed meanwhile.
    pub(super) fn advance(&self, phase: ConnectionPhase, moment: u64) -> bool {
        let next = word(phase, moment);
        let go = |old| if ConnectionPhase::of(old) == ConnectionPhase::Closed { None } else { Some(next) };
        self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, go).is_ok()
    }

    /// The same from one phase only; from another it stays as it is.
    pub(super) fn advance_from(&self, from: ConnectionPhase, phase: ConnectionPhase, moment: u64) {
        let go = |old| if ConnectionPhase::of(old) == from { Some(word(phase, moment)) } else { None };
        let _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, go);
    }

    /// Ends the connection, if it still is where it was seen.
    pub(super) fn close(&self, seen: u64) -> bool {
        let closed = word(ConnectionPhase::Closed, 0);
        let done = self.word.compare_exchange(seen, closed, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if done {
            self.waker.wake();
        }
        done
    }

    /// The answer's body is at its end.
    pub(super) fn answer_ended(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Whether an answer has ended since it was last asked.
    pub(super) fn take_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed) && self.answered.swap(false, Ordering::Relaxed)
    }

    /// Asks the connection to end after the request that it has.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Ready once the connection is closed.
    pub(super) fn poll_closed(&self, context: &Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if ConnectionPhase::of(self.word.load(Ordering::Acquire)) == ConnectionPhase::Closed {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

fn word(phase: ConnectionPhase, moment: u64) -> u64 {
    (moment << PHASE_BITS) | phase as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_just_come_is_closed_last() {
        let ranks = [
            (ConnectionPhase::Idle, 5_000),
            (ConnectionPhase::Receiving, 5_000),
            (ConnectionPhase::New, 10),
            (ConnectionPhase::Sending, 10),
        ];
        assert!(ranks.map(|(phase, age)| phase.rank(age)).is_sorted());
        assert_eq!((ConnectionPhase::Accepted.rank(5_000), ConnectionPhase::Working.rank(5_000)), (None, None));
    }

    #[test]
    fn a_connection_is_closed_only_where_it_was_seen() {
        let progress = PhaseClock::new(5);
        let (phase, moment, seen) = progress.seen();
        assert_eq!((phase, moment), (ConnectionPhase::Accepted, 5));
        assert!(progress.advance(ConnectionPhase::Working, 7), "a request came");
        assert!(!progress.close(seen), "so it is not idle any more");
        progress.advance_from(ConnectionPhase::Sending, ConnectionPhase::Idle, 8);
        assert_eq!(progress.seen().0, ConnectionPhase::Working);
        assert!(progress.close(progress.seen().2));
        assert!(!progress.advance(ConnectionPhase::Working, 9), "what is closed takes no request");
    }
}
