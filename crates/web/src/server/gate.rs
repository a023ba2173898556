//! Who may be connected: bounds by address and in all, and the watch that ends what has been silent for too long.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::phase::{ConnectionPhase, PhaseClock};
use crate::address::{self, Network};

/// How often a line in the log repeats what keeps happening.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// The time between two looks of the watch: a fraction of the shortest patience, within these.
const LOOKS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// What connections may do, and how many there may be.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address; trusted proxies may have as many as there are.
    pub per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a connection may be silent from its beginning.
    pub first: Duration,
    /// How long a request's header may take from its first byte.
    pub header: Duration,
    /// How long a request's body may pause.
    pub body: Duration,
    /// How long a connection is kept between two requests.
    pub idle: Duration,
    /// How long an answer may wait to be taken.
    pub send: Duration,
    /// Proxies, each of which speaks for many.
    pub trusted: Vec<Network>,
}

impl ConnectionLimits {
    /// The usual patience, for so many connections, a quarter of which one address may have.
    #[must_use]
    pub fn new(connections: usize) -> Self {
        ConnectionLimits {
            connections,
            per_address: connections.div_ceil(4),
            handshake: Duration::from_secs(10),
            first: Duration::from_secs(30),
            header: Duration::from_secs(15),
            body: Duration::from_secs(30),
            // Longer than the usual 60 seconds of load balancers: whoever reuses a connection should be the one to end it.
            idle: Duration::from_secs(75),
            send: Duration::from_secs(30),
            trusted: Vec::new(),
        }
    }
}

/// The limits, and the time that connections tell their phases by. Cheap to clone.
#[derive(Clone)]
pub(super) struct ConnectionClock(Arc<Times>);

struct Times {
    limits: ConnectionLimits,
    /// Milliseconds since the start, as of the watch's last look: reading it costs a request nothing.
    moment: AtomicU64,
    began: Instant,
}

impl ConnectionClock {
    pub(super) fn limits(&self) -> &ConnectionLimits {
        &self.0.limits
    }

    pub(super) fn moment(&self) -> u64 {
        self.0.moment.load(Ordering::Relaxed)
    }

    fn tick(&self) -> u64 {
        let moment = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX >> 8);
        self.0.moment.store(moment, Ordering::Relaxed);
        moment
    }
}

/// The gate. Cheap to clone.
#[derive(Clone)]
pub(super) struct ConnectionGate {
    pub(super) clock: ConnectionClock,
    seats: Arc<Mutex<ConnectionCounts>>,
    freed: Arc<Notify>,
}

#[derive(Default)]
struct ConnectionCounts {
    next: u64,
    all: ConnectionGroup,
    by_address: HashMap<IpAddr, ConnectionGroup>,
    crowded: ThrottledLog,
    full: ThrottledLog,
    short: ThrottledLog,
}

/// Connections that share a bound.
#[derive(Default)]
struct ConnectionGroup {
    seated: HashMap<u64, Arc<PhaseClock>>,
    /// Those that may be closed for want of room, the oldest first, as they were seen.
    oldest: VecDeque<(u64, u64)>,
}

impl ConnectionGroup {
    /// Ends the connection that has kept the server waiting longest, and says which.
    fn end_oldest(&mut self, now: u64) -> Option<u64> {
        for _ in 0..2 {
            while let Some((id, seen)) = self.oldest.pop_front() {
                if self.seated.get(&id).is_some_and(|progress| progress.close(seen)) {
                    return Some(id);
                }
            }
            self.oldest = self.line_up(now);
        }
        None
    }

    fn line_up(&self, now: u64) -> VecDeque<(u64, u64)> {
        let ranked = self.seated.iter().filter_map(|(id, progress)| {
            let (phase, since, seen) = progress.seen();
            Some((phase.rank(now.saturating_sub(since))?, since, *id, seen))
        });
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_unstable();
        // Those of a later rank stay as long as there is one of an earlier.
        let first = ranked.first().map(|(rank, ..)| *rank);
        ranked.into_iter().take_while(|(rank, ..)| Some(*rank) == first).map(|(.., id, seen)| (id, seen)).collect()
    }
}

/// Says what happens again and again, but not each time.
#[derive(Default)]
struct ThrottledLog {
    last: Option<Instant>,
    times: u64,
}

impl ThrottledLog {
    /// How often it happened since it was told last, if it is to be told now.
    fn due(&mut self) -> Option<u64> {
        self.times += 1;
        if self.last.is_some_and(|last| last.elapsed() < TELL_AGAIN) {
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.times))
    }
}

/// What the gate says to somebody new.
pub(super) enum Admission {
    /// Come in.
    Seat(ConnectionPermit),
    /// The address has all that it may, and all of it at work.
    Refused,
    /// There is no room until somebody leaves.
    Full,
}

/// A connection's place. It is free again when this is dropped.
pub(super) struct ConnectionPermit {
    pub(super) progress: Arc<PhaseClock>,
    id: u64,
    counted: Option<IpAddr>,
    gate: ConnectionGate,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.gate.lock().leave(self.id, self.counted);
        self.gate.freed.notify_waiters();
    }
}

impl ConnectionCounts {
    fn leave(&mut self, id: u64, counted: Option<IpAddr>) {
        self.all.seated.remove(&id);
        let Some(address) = counted else { return };
        if let Some(row) = self.by_address.get_mut(&address) {
            row.seated.remove(&id);
            if row.seated.is_empty() {
                self.by_address.remove(&address);
            }
        }
    }
}

impl ConnectionGate {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        let times = Times { limits, moment: AtomicU64::new(0), began: Instant::now() };
        ConnectionGate { clock: ConnectionClock(Arc::new(times)), seats: Arc::default(), freed: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionCounts> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a place for somebody new. Where there is none, whoever has been idle longest gives theirs up: of the same
    /// address where that one has too many, of all where all are too many.
    pub(super) fn admit(&self, address: IpAddr) -> Admission {
        let limits = self.clock.limits();
        let counted = (!address::is_in(&limits.trusted, address)).then(|| address::counted(address));
        let now = self.clock.moment();
        let mut seats = self.lock();
        if let Some(address) = counted
            && !seats.has_room_for(address, limits.per_address, now)
        {
            return Admission::Refused;
        }
        if !seats.has_room(limits.connections, now) {
            return Admission::Full;
        }
        let progress = Arc::new(PhaseClock::new(now));
        let id = seats.next;
        seats.next += 1;
        seats.all.seated.insert(id, Arc::clone(&progress));
        if let Some(address) = counted {
            seats.by_address.entry(address).or_default().seated.insert(id, Arc::clone(&progress));
        }
        Admission::Seat(ConnectionPermit { progress, id, counted, gate: self.clone() })
    }

    /// The machine gives no more file handles: the oldest idle connection gives one back.
    pub(super) fn give_one_up(&self, error: &std::io::Error) {
        let mut seats = self.lock();
        let closed = seats.all.end_oldest(self.clock.moment());
        if let Some(times) = seats.short.due() {
            let (open, closed) = (seats.all.seated.len(), closed.is_some());
            tracing::error!(%error, times, open, closed, "[CONNECTIONS] none can be accepted: raise the limit of open files");
        }
    }

    /// Completes when somebody leaves.
    pub(super) async fn somebody_leaves(&self) {
        self.freed.notified().await;
    }

    /// Has every connection end after the request that it has, and waits until all have.
    pub(super) async fn empty(&self) {
        for progress in self.lock().all.seated.values() {
            progress.leave();
            let (phase, _, seen) = progress.seen();
            if matches!(phase, ConnectionPhase::Accepted | ConnectionPhase::New | ConnectionPhase::Idle) {
                progress.close(seen);
            }
        }
        loop {
            let left = self.freed.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            if self.lock().all.seated.is_empty() {
                return;
            }
            left.await;
        }
    }

    /// Ends what has been silent for too long, again and again.
    pub(super) async fn watch(self) {
        let ConnectionLimits { first, header, idle, .. } = *self.clock.limits();
        let pause = (first.min(header).min(idle) / 8).clamp(LOOKS.0, LOOKS.1);
        let patience = |phase| match phase {
            ConnectionPhase::Accepted | ConnectionPhase::New => Some(first),
            ConnectionPhase::Head => Some(header),
            ConnectionPhase::Idle => Some(idle),
            ConnectionPhase::Working
            | ConnectionPhase::Receiving
            | ConnectionPhase::Sending
            | ConnectionPhase::Closed => None,
        };
        loop {
            tokio::time::sleep(pause).await;
            let now = self.clock.tick();
            for progress in self.lock().all.seated.values() {
                let (phase, since, seen) = progress.seen();
                let Some(patience) = patience(phase) else { continue };
                // The moment that it is told by may be one look old.
                if u128::from(now.saturating_sub(since)) > (patience + pause).as_millis() {
                    progress.close(seen);
                }
            }
        }
    }
}

impl ConnectionCounts {
    fn has_room_for(&mut self, address: IpAddr, bound: usize, now: u64) -> bool {
        let Some(row) = self.by_address.get_mut(&address).filter(|row| row.seated.len() >= bound) else { return true };
        let ended = row.end_oldest(now);
        if let Some(id) = ended {
            self.leave(id, Some(address));
        }
        if let Some(times) = self.crowded.due() {
            let closed = ended.is_some();
            tracing::warn!(%address, bound, times, closed, "[CONNECTIONS] one address has all that it may");
        }
        ended.is_some()
    }

    fn has_room(&mut self, bound: usize, now: u64) -> bool {
        if self.all.seated.len() < bound {
            return true;
        }
        let ended = self.all.end_oldest(now);
        if let Some(id) = ended {
            self.all.seated.remove(&id);
        }
        if let Some(times) = self.full.due() {
            tracing::warn!(bound, times, closed = ended.is_some(), "[CONNECTIONS] there are all that there may be");
        }
        ended.is_some()
    }
}
