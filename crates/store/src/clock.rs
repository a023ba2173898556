//! Where the time comes from.

use jiff::Timestamp;

/// The one source of the present moment. Rooms never read a clock: they are given `now`, or, where something runs by
/// itself (a worker, a batcher of sales), a `Clock` that the binary's edge made. Tests move theirs by hand.
pub trait Clock: Send + Sync {
    /// The present moment, never before one it gave earlier by more than the machine's own clock steps back.
    fn now(&self) -> Timestamp;
}
