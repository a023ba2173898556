//! The house an app lives in.

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_files::FileStore;
use purser_identity::Sealer;
use purser_outbox::Outbox;
use purser_store::{Clock, Store};
use uuid::Uuid;

use crate::command::CommandCounts;
use crate::ids::Ids;
use crate::principal::KeyCache;
use crate::refused_calls::RefusedCalls;
use crate::rights::Rights;

/// What every app is given. Cheap to clone; made once, at the binary's edge.
#[derive(Clone)]
pub struct AppContext(Arc<Services>);

/// What is in it.
pub struct Services {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The zone of schedules and days.
    pub zone: TimeZone,
    /// Fresh ids.
    pub ids: Ids,
    /// Wakes the worker after a commit that enqueued a job.
    pub outbox: Outbox,
    /// This process, told apart from all others: the owner of its leases.
    pub process: Uuid,
    /// API keys seen lately.
    pub keys: KeyCache,
    /// Refused calls of the last minute.
    pub refused_calls: RefusedCalls,
    /// Commands that ran, for the metrics.
    pub commands: CommandCounts,
    /// Uploaded files.
    pub files: FileStore,
    /// What roles allow.
    pub rights: Rights,
    /// Seals secrets that must be read again.
    pub sealer: Sealer,
    /// Whether staff need a second factor before they move money or hand on power.
    pub second_factor: bool,
    /// Whether cookies carry `Secure`, and answers tell browsers to stay with https.
    pub https: bool,
}

impl AppContext {
    /// Moves into the house.
    #[must_use]
    pub fn new(services: Services) -> Self {
        AppContext(Arc::new(services))
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The present moment, and a fresh id made of it.
    #[must_use]
    pub fn stamp(&self) -> (Timestamp, Uuid) {
        let now = self.now();
        (now, self.ids.next(now))
    }
}

impl Deref for AppContext {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}
