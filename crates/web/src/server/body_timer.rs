//! How slow the other side may be while it sends a body or takes an answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes a second that a client brings or takes on average, at least: a telephone at the edge of a 2G cell does.
const LEAST_RATE: u64 = 500;

/// Watches one body: silence is bounded, and so is dripping. It costs nothing while the other side keeps up.
#[derive(Debug)]
pub(super) struct BodyTimer {
    patience: Duration,
    began: Option<Instant>,
    moved: u64,
    /// Whether something moved since the deadline was set.
    progressed: bool,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl BodyTimer {
    pub(super) fn new(patience: Duration) -> Self {
        BodyTimer { patience, began: None, moved: 0, progressed: true, deadline: None }
    }

    /// Something moved.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(bytes as u64);
        self.progressed = true;
    }

    /// All that was to move has.
    pub(super) fn done(&mut self) {
        if self.began.is_some() {
            *self = BodyTimer::new(self.patience);
        }
    }

    /// Nothing can move now: ready where it has been so for too long.
    pub(super) fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.progressed) {
            let until = self.until(Instant::now());
            match &mut self.deadline {
                Some(deadline) => deadline.as_mut().reset(until),
                None => self.deadline = Some(Box::pin(sleep_until(until))),
            }
        }
        self.deadline.as_mut().map_or(Poll::Pending, |deadline| deadline.as_mut().poll(context))
    }

    /// How long nothing may move from now on: for as long as patience lasts, less where it was slow so far.
    fn until(&mut self, now: Instant) -> Instant {
        let began = *self.began.get_or_insert(now);
        let earned = Duration::from_secs(self.moved / LEAST_RATE);
        (began + self.patience + earned).min(now + self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn what_was_quick_has_not_earned_an_hour_of_silence() {
        let (mut pace, now) = (BodyTimer::new(PATIENCE), Instant::now());
        pace.moved(1_000_000);
        assert_eq!(pace.until(now), now + PATIENCE);
    }

    #[test]
    fn dripping_ends_and_a_slow_line_does_not() {
        for (rate, ends) in [(1, true), (100, true), (1_000, false)] {
            let (mut pace, began) = (BodyTimer::new(PATIENCE), Instant::now());
            let late = (0..600).map(Duration::from_secs).any(|second| {
                let until = pace.until(began + second);
                pace.moved(rate);
                until <= began + second
            });
            assert_eq!(late, ends, "{rate} bytes a second");
        }
    }
}
